/* conv_neon.c - the convolution, 2 lanes at a time. */
#include "dsp/conv_impl.h"
#define W 2
#define CONV_FN conv_neon
typedef double V __attribute__((vector_size(16), may_alias));
typedef double U __attribute__((vector_size(16), may_alias, aligned(8)));
#include "dsp/conv_kernel.h"
