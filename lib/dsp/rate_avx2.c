/* rate_avx2.c - the rate conversion, 4 lanes at a time. */
#if !defined __AVX2__ || !defined __FMA__
#error "build this file with -mavx2 -mfma; see the Makefile"
#endif
#include "dsp/rate_impl.h"
#include <immintrin.h>
#define W 4
#define RATE_FN rate_avx2
typedef __m256d V;
#define v_zero() _mm256_setzero_pd()
#define v_set1(c) _mm256_set1_pd(c)
#define v_load(p) _mm256_load_pd(p)
#define v_store(p, v) _mm256_store_pd(p, v)
#define v_fma(a, b, c) _mm256_fmadd_pd(a, b, c)
#include "dsp/rate_kernel.h"
