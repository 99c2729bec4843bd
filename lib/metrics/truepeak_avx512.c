/* truepeak_avx512.c - the interpolation, 8 frames at a time. */
#ifndef __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#include "metrics/truepeak_impl.h"
#include <immintrin.h>
#define W 8
#define TRUEPEAK_FN truepeak_avx512
#define TRUEPEAK_BLOCKS truepeak_blocks_avx512
typedef __m512d V;
#define v_zero() _mm512_setzero_pd()
#define v_set1(c) _mm512_set1_pd(c)
#define v_load(p) _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define v_max(a, b) _mm512_max_pd(a, b)
#define v_abs(a) _mm512_abs_pd(a)
#define v_mul(a, b) _mm512_mul_pd(a, b)
#define v_add(a, b) _mm512_add_pd(a, b)
#define v_store(p, a) _mm512_storeu_pd(p, a)
#define N 16
typedef __m512 E;
#define e_zero() _mm512_setzero_ps()
#define e_set1(c) _mm512_set1_ps(c)
#define e_load(p) _mm512_loadu_ps(p)
#define e_max(a, b) _mm512_max_ps(a, b)
#define e_abs(a) _mm512_abs_ps(a)
#define e_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define e_store(p, a) _mm512_storeu_ps(p, a)
#define e_reach(a, c) _mm512_cmp_ps_mask(a, _mm512_set1_ps(c), _CMP_GE_OQ)
#include "metrics/truepeak_kernel.h"
