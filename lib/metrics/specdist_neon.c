/* specdist_neon.c - spectral distances, 4 windows at a time. */
#include "metrics/specdist_impl.h"
#include <arm_neon.h>
#include <stdint.h>
#define W 4
#define SPECDIST_FN specdist_neon
typedef float V __attribute__((vector_size(16), may_alias));
typedef int32_t I __attribute__((vector_size(16), may_alias));
#define v_max(a, b) ((V)vbslq_f32(vcgtq_f32((float32x4_t)(a), (float32x4_t)(b)), (float32x4_t)(a), (float32x4_t)(b)))
#define v_min(a, b) ((V)vbslq_f32(vcltq_f32((float32x4_t)(a), (float32x4_t)(b)), (float32x4_t)(a), (float32x4_t)(b)))
#define v_sqrt(a) ((V)vsqrtq_f32((float32x4_t)(a)))
#define v_bits(a) ((I)(a))
#define v_from(i) ((V)(i))
#define v_of(i) __builtin_convertvector(i, V)
#define v_set(c) ((V){ 0 } + (float)(c))
#define i_set(c) ((I){ 0 } + (c))
#include "metrics/specdist_kernel.h"
