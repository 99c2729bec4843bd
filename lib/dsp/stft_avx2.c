/* stft_avx2.c - 8 windows at a time. */
#ifndef __AVX2__
#error "build this file with -mavx2; see the Makefile"
#endif
#include "dsp/stft_impl.h"
#include <immintrin.h>
#define W 8
#define FOURS(x) x(0), x(4)
#define STFT_FN stft_avx2
typedef float V __attribute__((vector_size(32), may_alias));

static inline V
spread(const float *h)
{
	return _mm256_broadcast_ps((const __m128 *)(const void *)h);
}

static inline V
join(const float *const *x, size_t i)
{
	return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x[0] + i)), _mm_loadu_ps(x[4] + i), 1);
}

#include "dsp/stft_kernel.h"
