/* rate_avx512.c - the rate conversion, 8 lanes at a time. */
#ifndef __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#include "dsp/rate_impl.h"
#include <immintrin.h>
#define W 8
#define RATE_FN rate_avx512
typedef __m512d V;
#define v_zero() _mm512_setzero_pd()
#define v_set1(c) _mm512_set1_pd(c)
#define v_load(p) _mm512_load_pd(p)
#define v_store(p, v) _mm512_store_pd(p, v)
#define v_fma(a, b, c) _mm512_fmadd_pd(a, b, c)
#include "dsp/rate_kernel.h"
