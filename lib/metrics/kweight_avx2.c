/* kweight_avx2.c - 4 outputs at a time. */
#ifndef __AVX2__
#error "build this file with -mavx2; see the Makefile"
#endif
#include "metrics/kweight_impl.h"
#define W 4
#define SW 4
#define KWEIGHT_FN kweight_avx2
typedef double V __attribute__((vector_size(32), may_alias));
typedef V S;
#include "metrics/kweight_kernel.h"
