/* conv_avx2.c - the convolution, 4 lanes at a time. */
#if !defined __AVX2__ || !defined __FMA__
#error "build this file with -mavx2 -mfma; see the Makefile"
#endif
#include "dsp/conv_impl.h"
#include <immintrin.h>
#define W 4
#define CONV_FN conv_avx2
typedef __m256d V;
#define v_set1(c) _mm256_set1_pd(c)
#define v_load(p) _mm256_load_pd(p)
#define v_store(p, v) _mm256_store_pd(p, v)
#define v_fma(a, b, c) _mm256_fmadd_pd(a, b, c)
#define v_fnma(a, b, c) _mm256_fnmadd_pd(a, b, c)
#define v_reverse(v) _mm256_permute4x64_pd(v, 0x1b)
#define v_floats(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define v_put_floats(p, v) _mm_storeu_ps(p, _mm_add_ps(_mm256_cvtpd_ps(v), _mm_setzero_ps()))

/* A quarter of the matrix, from x, y, z, w to itself transposed at a, b, c, d. */
#define TURN4(x, y, z, w, a, b, c, d) do { \
	V p_ = _mm256_unpacklo_pd(x, y), q_ = _mm256_unpackhi_pd(x, y); \
	V r_ = _mm256_unpacklo_pd(z, w), s_ = _mm256_unpackhi_pd(z, w); \
	(a) = _mm256_permute2f128_pd(p_, r_, 0x20), (b) = _mm256_permute2f128_pd(q_, s_, 0x20); \
	(c) = _mm256_permute2f128_pd(p_, r_, 0x31), (d) = _mm256_permute2f128_pd(q_, s_, 0x31); \
} while (0)

static inline __attribute__((always_inline)) void
v_turn8(V x[8][2])
{
	V a, b, c, d;

	TURN4(x[0][0], x[1][0], x[2][0], x[3][0], x[0][0], x[1][0], x[2][0], x[3][0]);
	TURN4(x[4][1], x[5][1], x[6][1], x[7][1], x[4][1], x[5][1], x[6][1], x[7][1]);
	TURN4(x[0][1], x[1][1], x[2][1], x[3][1], a, b, c, d);
	TURN4(x[4][0], x[5][0], x[6][0], x[7][0], x[0][1], x[1][1], x[2][1], x[3][1]);
	x[4][0] = a, x[5][0] = b, x[6][0] = c, x[7][0] = d;
}
#include "dsp/conv_kernel.h"
