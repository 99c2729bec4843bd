/* truepeak_avx2.c - the interpolation, 4 frames at a time. */
#if !defined __AVX2__ || !defined __FMA__
#error "build this file with -mavx2 -mfma; see the Makefile"
#endif
#include "metrics/truepeak_impl.h"
#include <immintrin.h>
#define W 4
#define TRUEPEAK_FN truepeak_avx2
#define TRUEPEAK_BLOCKS truepeak_blocks_avx2
typedef __m256d V;
#define v_zero() _mm256_setzero_pd()
#define v_set1(c) _mm256_set1_pd(c)
#define v_load(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define v_max(a, b) _mm256_max_pd(a, b)
#define v_abs(a) _mm256_andnot_pd(_mm256_set1_pd(-0.0), a)
#define v_mul(a, b) _mm256_mul_pd(a, b)
#define v_add(a, b) _mm256_add_pd(a, b)
#define v_store(p, a) _mm256_storeu_pd(p, a)
#define N 8
typedef __m256 E;
#define e_zero() _mm256_setzero_ps()
#define e_set1(c) _mm256_set1_ps(c)
#define e_load(p) _mm256_loadu_ps(p)
#define e_max(a, b) _mm256_max_ps(a, b)
#define e_abs(a) _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a)
#define e_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define e_store(p, a) _mm256_storeu_ps(p, a)
#define e_reach(a, c) (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, _mm256_set1_ps(c), _CMP_GE_OQ))
#include "metrics/truepeak_kernel.h"
