/* stft_avx512.c - 16 windows at a time. */
#ifndef __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#include "dsp/stft_impl.h"
#define W 16
#define STFT_FN stft_avx512
typedef float V __attribute__((vector_size(64), may_alias));
#include "dsp/stft_kernel.h"
