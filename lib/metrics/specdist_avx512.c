/* specdist_avx512.c - spectral distances, 16 windows at a time. */
#ifndef __AVX512F__
#error "build this file with -mavx512f; see the Makefile"
#endif
#include "metrics/specdist_impl.h"
#include <immintrin.h>
#include <stdint.h>
#define W 16
#define SPECDIST_FN specdist_avx512
typedef float V __attribute__((vector_size(64), may_alias));
typedef int32_t I __attribute__((vector_size(64), may_alias));
#define v_max(a, b) ((V)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define v_min(a, b) ((V)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define v_sqrt(a) ((V)_mm512_sqrt_ps((__m512)(a)))
#define v_bits(a) ((I)(a))
#define v_from(i) ((V)(i))
#define v_of(i) __builtin_convertvector(i, V)
#define v_set(c) ((V){ 0 } + (float)(c))
#define i_set(c) ((I){ 0 } + (c))
#include "metrics/specdist_kernel.h"
