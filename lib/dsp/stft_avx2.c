/* stft_avx2.c - 8 windows at a time. */
#ifndef __AVX2__
#error "build this file with -mavx2 -mfma; see the Makefile"
#endif
#include "dsp/stft_impl.h"
#define W 8
#define STFT_FN stft_avx2
typedef float V __attribute__((vector_size(32), may_alias));
#include "dsp/stft_kernel.h"
