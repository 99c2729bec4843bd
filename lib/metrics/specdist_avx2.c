/* specdist_avx2.c - spectral distances, 8 windows at a time. */
#if !defined __AVX2__ || !defined __FMA__
#error "build this file with -mavx2 -mfma; see the Makefile"
#endif
#include "metrics/specdist_impl.h"
#include <immintrin.h>
#include <stdint.h>
#define W 8
#define SPECDIST_FN specdist_avx2
typedef float V __attribute__((vector_size(32), may_alias));
typedef int32_t I __attribute__((vector_size(32), may_alias));
#define v_max(a, b) ((V)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define v_min(a, b) ((V)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define v_sqrt(a) ((V)_mm256_sqrt_ps((__m256)(a)))
#define v_bits(a) ((I)(a))
#define v_from(i) ((V)(i))
#define v_of(i) __builtin_convertvector(i, V)
#define v_set(c) ((V){ 0 } + (float)(c))
#define i_set(c) ((I){ 0 } + (c))
#include "metrics/specdist_kernel.h"
