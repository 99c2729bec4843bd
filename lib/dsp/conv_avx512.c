/* conv_avx512.c - the convolution, 8 lanes at a time. */
#ifndef __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#include "dsp/conv_impl.h"
#include <immintrin.h>
#define W 8
#define CONV_FN conv_avx512
typedef __m512d V;
#define v_set1(c) _mm512_set1_pd(c)
#define v_load(p) _mm512_load_pd(p)
#define v_store(p, v) _mm512_store_pd(p, v)
#define v_fma(a, b, c) _mm512_fmadd_pd(a, b, c)
#define v_fnma(a, b, c) _mm512_fnmadd_pd(a, b, c)
#define v_reverse(v) _mm512_permutexvar_pd(_mm512_set_epi64(0, 1, 2, 3, 4, 5, 6, 7), v)
#define v_floats(p) _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define v_put_floats(p, v) _mm256_storeu_ps(p, _mm256_add_ps(_mm512_cvtpd_ps(v), _mm256_setzero_ps()))

static inline __attribute__((always_inline)) void
v_turn8(V x[8][1])
{
	V a0 = _mm512_unpacklo_pd(x[0][0], x[1][0]), a1 = _mm512_unpackhi_pd(x[0][0], x[1][0]);
	V a2 = _mm512_unpacklo_pd(x[2][0], x[3][0]), a3 = _mm512_unpackhi_pd(x[2][0], x[3][0]);
	V a4 = _mm512_unpacklo_pd(x[4][0], x[5][0]), a5 = _mm512_unpackhi_pd(x[4][0], x[5][0]);
	V a6 = _mm512_unpacklo_pd(x[6][0], x[7][0]), a7 = _mm512_unpackhi_pd(x[6][0], x[7][0]);
	V b0 = _mm512_shuffle_f64x2(a0, a2, 0x88), b2 = _mm512_shuffle_f64x2(a0, a2, 0xdd);
	V b1 = _mm512_shuffle_f64x2(a1, a3, 0x88), b3 = _mm512_shuffle_f64x2(a1, a3, 0xdd);
	V b4 = _mm512_shuffle_f64x2(a4, a6, 0x88), b6 = _mm512_shuffle_f64x2(a4, a6, 0xdd);
	V b5 = _mm512_shuffle_f64x2(a5, a7, 0x88), b7 = _mm512_shuffle_f64x2(a5, a7, 0xdd);

	x[0][0] = _mm512_shuffle_f64x2(b0, b4, 0x88), x[4][0] = _mm512_shuffle_f64x2(b0, b4, 0xdd);
	x[1][0] = _mm512_shuffle_f64x2(b1, b5, 0x88), x[5][0] = _mm512_shuffle_f64x2(b1, b5, 0xdd);
	x[2][0] = _mm512_shuffle_f64x2(b2, b6, 0x88), x[6][0] = _mm512_shuffle_f64x2(b2, b6, 0xdd);
	x[3][0] = _mm512_shuffle_f64x2(b3, b7, 0x88), x[7][0] = _mm512_shuffle_f64x2(b3, b7, 0xdd);
}
#include "dsp/conv_kernel.h"
