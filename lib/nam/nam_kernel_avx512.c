/* nam_kernel_avx512.c - the kernels with 16 lanes. */
#ifndef __AVX512F__
#error "build this file with -mavx512f ...; see the Makefile"
#endif
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#define ISA_NAME "avx512"
#define ISA_TABLE nam_kernel_avx512
#define VL 16
#define DL 8
#define RU 4 /* units of a recurrent layer and vectors of streams at once, with a stream in each lane */
#define LV 2
#define OB_MAX 8
#define TV_MAX 6
#define TV_OF(ob) ((ob) >= 5 ? 3 : 6)
typedef __m512 V;
typedef __m512d D;

static inline V v_set1(float a) { return _mm512_set1_ps(a); }
static inline V v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, V a) { _mm512_storeu_ps(p, a); }
static inline V v_add(V a, V b) { return _mm512_add_ps(a, b); }
static inline V v_sub(V a, V b) { return _mm512_sub_ps(a, b); }
static inline V v_mul(V a, V b) { return _mm512_mul_ps(a, b); }
static inline V v_div(V a, V b) { return _mm512_div_ps(a, b); }
static inline V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
static inline V v_fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
static inline V v_min(V a, V b) { return _mm512_min_ps(a, b); }
static inline V v_max(V a, V b) { return _mm512_max_ps(a, b); }
static inline V
v_gt(V a, V b, V yes, V no)
{
	return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), no, yes);
}
static inline V v_abs(V a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
static inline V
v_sign_of(V mag, V s)
{
	return _mm512_or_ps(mag, _mm512_and_ps(_mm512_set1_ps(-0.0f), s));
}
static inline V
v_shift23(V a)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 23));
}
static inline V
v_min_bits(V a, V b)
{
	return _mm512_castsi512_ps(_mm512_min_epu32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
static inline V
v_high(V a)
{
	return _mm512_castpd_ps(_mm512_castpd256_pd512(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1)));
}
static inline V v_load_low(const float *p) { return _mm512_castps256_ps512(_mm256_loadu_ps(p)); }
static inline void v_store_low(float *p, V a) { _mm256_storeu_ps(p, _mm512_castps512_ps256(a)); }
static inline V
quads(const float *p, size_t stride)
{
	V a = _mm512_castps128_ps512(_mm_loadu_ps(p));

	a = _mm512_insertf32x4(a, _mm_loadu_ps(p + 4 * stride), 1);
	a = _mm512_insertf32x4(a, _mm_loadu_ps(p + 8 * stride), 2);
	return _mm512_insertf32x4(a, _mm_loadu_ps(p + 12 * stride), 3);
}
static inline void
v_columns(const float *p, size_t stride, V x[4])
{
	const V a = quads(p, stride), b = quads(p + stride, stride), c = quads(p + 2 * stride, stride),
	    d = quads(p + 3 * stride, stride);
	const __m512d ab = _mm512_castps_pd(_mm512_unpacklo_ps(a, b)), ab2 = _mm512_castps_pd(_mm512_unpackhi_ps(a, b)),
	    cd = _mm512_castps_pd(_mm512_unpacklo_ps(c, d)), cd2 = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));

	x[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
	x[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
	x[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab2, cd2));
	x[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab2, cd2));
}
typedef __m512i VI;
typedef struct { uint32_t bits[16] __attribute__((aligned(64))); } V_TABLE_TYPE;
#define V_TABLE(...) { { __VA_ARGS__ } }
static inline VI v_index(V y) { return _mm512_srli_epi32(_mm512_castps_si512(y), 21); }
static inline V
v_table(const V_TABLE_TYPE *t, VI i) /* the permutation takes the low 4 bits */
{
	return _mm512_permutexvar_ps(i, _mm512_load_ps(t->bits));
}
static inline D d_set1(double a) { return _mm512_set1_pd(a); }
static inline D d_load(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
static inline void d_store(float *p, D a) { _mm256_storeu_ps(p, _mm512_cvtpd_ps(a)); }
static inline D d_fma(D a, D b, D c) { return _mm512_fmadd_pd(a, b, c); }

#include "nam/nam_kernel_impl.h"
