/* nam_kernel_avx2.c - the kernels with 8 lanes. */
#ifndef __AVX2__
#error "build this file with -mavx2 -mfma; see the Makefile"
#endif
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#define ISA_NAME "avx2"
#define ISA_TABLE nam_kernel_avx2
#define VL 8
#define DL 4
/* 16 registers: sums for 6 outputs x 2 vectors leave room for 2 inputs and a weight. */
#define RU 2 /* units of a recurrent layer and vectors of streams at once, with a stream in each lane */
#define LV 2
#define OB_MAX 4
#define TV_MAX 6
#define TV_OF(ob) ((ob) == 4 ? 3 : (ob) == 3 ? 4 : 6)
typedef __m256 V;
typedef __m256d D;

static inline V v_set1(float a) { return _mm256_set1_ps(a); }
static inline V v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, V a) { _mm256_storeu_ps(p, a); }
static inline V v_add(V a, V b) { return _mm256_add_ps(a, b); }
static inline V v_sub(V a, V b) { return _mm256_sub_ps(a, b); }
static inline V v_mul(V a, V b) { return _mm256_mul_ps(a, b); }
static inline V v_div(V a, V b) { return _mm256_div_ps(a, b); }
static inline V v_fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
static inline V v_fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
static inline V v_min(V a, V b) { return _mm256_min_ps(a, b); }
static inline V v_max(V a, V b) { return _mm256_max_ps(a, b); }
static inline V
v_gt(V a, V b, V yes, V no)
{
	return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
static inline V v_abs(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline V
v_sign_of(V mag, V s)
{
	return _mm256_or_ps(mag, _mm256_and_ps(_mm256_set1_ps(-0.0f), s));
}
static inline V
v_shift23(V a)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 23));
}
static inline V
v_min_bits(V a, V b)
{
	return _mm256_castsi256_ps(_mm256_min_epu32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
static inline V
quads(const float *p, size_t stride)
{
	return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + 4 * stride), 1);
}
static inline void
v_columns(const float *p, size_t stride, V x[4])
{
	const V a = quads(p, stride), b = quads(p + stride, stride), c = quads(p + 2 * stride, stride),
	    d = quads(p + 3 * stride, stride);
	const D ab = _mm256_castps_pd(_mm256_unpacklo_ps(a, b)), ab2 = _mm256_castps_pd(_mm256_unpackhi_ps(a, b)),
	    cd = _mm256_castps_pd(_mm256_unpacklo_ps(c, d)), cd2 = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));

	x[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd));
	x[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd));
	x[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab2, cd2));
	x[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab2, cd2));
}
/* A permutation has 8 entries: the low ones, then the high ones as what differs (a blend takes
 * three times as long as these two operations). */
typedef struct { __m256i i, high; } VI;
typedef struct { uint32_t bits[16] __attribute__((aligned(32))); } V_TABLE_TYPE;
#define V_TABLE(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
	{ { a, b, c, d, e, f, g, h, a ^ i, b ^ j, c ^ k, d ^ l, e ^ m, f ^ n, g ^ o, h ^ p } }
static inline VI
v_index(V y)
{
	const __m256i bits = _mm256_castps_si256(y);

	return (VI){ _mm256_srli_epi32(bits, 21), _mm256_srai_epi32(_mm256_slli_epi32(bits, 7), 31) };
}
static inline V
v_table(const V_TABLE_TYPE *t, VI i)
{
	const __m256i *p = (const __m256i *)t->bits;

	return _mm256_castsi256_ps(_mm256_xor_si256(_mm256_permutevar8x32_epi32(p[0], i.i),
	    _mm256_and_si256(_mm256_permutevar8x32_epi32(p[1], i.i), i.high)));
}
static inline D d_set1(double a) { return _mm256_set1_pd(a); }
static inline D d_load(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
static inline void d_store(float *p, D a) { _mm_storeu_ps(p, _mm256_cvtpd_ps(a)); }
static inline D d_fma(D a, D b, D c) { return _mm256_fmadd_pd(a, b, c); }

#include "nam/nam_kernel_impl.h"
