/* conv_avx2.c - the convolution, 4 lanes at a time. */
#ifndef __AVX2__
#error "build this file with -mavx2; see the Makefile"
#endif
#include "dsp/conv_impl.h"
#define W 4
#define CONV_FN conv_avx2
typedef double V __attribute__((vector_size(32), may_alias));
typedef double U __attribute__((vector_size(32), may_alias, aligned(8)));
#include "dsp/conv_kernel.h"
