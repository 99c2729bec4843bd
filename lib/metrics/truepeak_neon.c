/* truepeak_neon.c - the interpolation, 2 frames at a time. */
#ifndef __aarch64__
#error "this file is for AArch64; see the Makefile"
#endif
#include "metrics/truepeak_impl.h"
#include <arm_neon.h>
#define W 2
#define TRUEPEAK_FN truepeak_neon
#define TRUEPEAK_BLOCKS truepeak_blocks_neon
typedef float64x2_t V;
#define v_zero() vdupq_n_f64(0)
#define v_set1(c) vdupq_n_f64(c)
#define v_load(p) vcvt_f64_f32(vld1_f32(p))
#define v_max(a, b) vmaxq_f64(a, b)
#define v_abs(a) vabsq_f64(a)
#define v_mul(a, b) vmulq_f64(a, b)
#define v_add(a, b) vaddq_f64(a, b)
#define v_store(p, a) vst1q_f64(p, a)
#define N 4
typedef float32x4_t E;
#define e_zero() vdupq_n_f32(0)
#define e_set1(c) vdupq_n_f32(c)
#define e_load(p) vld1q_f32(p)
#define e_max(a, b) vmaxq_f32(a, b)
#define e_abs(a) vabsq_f32(a)
#define e_fma(a, b, c) vfmaq_f32(c, a, b)
#define e_store(p, a) vst1q_f32(p, a)
#define e_reach(a, c) lanes_reach(a, c)
static inline unsigned
lanes_reach(float32x4_t a, float c)
{
	static const uint32_t bit[4] = { 1, 2, 4, 8 };

	return vaddvq_u32(vandq_u32(vcgeq_f32(a, vdupq_n_f32(c)), vld1q_u32(bit)));
}
#include "metrics/truepeak_kernel.h"
