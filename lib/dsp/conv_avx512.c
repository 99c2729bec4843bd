/* conv_avx512.c - the convolution, 8 lanes at a time. */
#ifndef __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#include "dsp/conv_impl.h"
#define W 8
#define CONV_FN conv_avx512
typedef double V __attribute__((vector_size(64), may_alias));
typedef double U __attribute__((vector_size(64), may_alias, aligned(8)));
#include "dsp/conv_kernel.h"
