/* kweight_generic.c - 2 outputs at a time, which is what SSE2 and NEON have. */
#include "metrics/kweight_impl.h"
#define W 2
#define SW 2
#define KWEIGHT_FN kweight_generic
typedef double V __attribute__((vector_size(16), may_alias));
typedef V S;
#include "metrics/kweight_kernel.h"
