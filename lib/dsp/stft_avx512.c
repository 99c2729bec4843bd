/* stft_avx512.c - 16 windows at a time. */
#ifndef __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#include "dsp/stft_impl.h"
#include <immintrin.h>
#define W 16
#define FOURS(x) x(0), x(4), x(8), x(12)
#define STFT_FN stft_avx512
typedef float V __attribute__((vector_size(64), may_alias));

static inline V
spread(const float *h)
{
	return _mm512_broadcast_f32x4(_mm_loadu_ps(h));
}

static inline V
join(const float *const *x, size_t i)
{
	__m512 v = _mm512_castps128_ps512(_mm_loadu_ps(x[0] + i));

	v = _mm512_insertf32x4(v, _mm_loadu_ps(x[4] + i), 1);
	v = _mm512_insertf32x4(v, _mm_loadu_ps(x[8] + i), 2);
	return _mm512_insertf32x4(v, _mm_loadu_ps(x[12] + i), 3);
}

#include "dsp/stft_kernel.h"
