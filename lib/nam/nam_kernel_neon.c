/* nam_kernel_neon.c - the kernels with 4 lanes, for AArch64. */
#ifndef __aarch64__
#error "this file is for AArch64; see the Makefile"
#endif
#include <arm_neon.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define ISA_NAME "neon"
#define ISA_TABLE nam_kernel_neon
#define VL 4
#define DL 2
#define RU 4 /* units of a recurrent layer and vectors of streams at once, with a stream in each lane */
#define LV 2
#define OB_MAX 8
#define TV_MAX 4
#define TV_OF(ob) ((ob) <= 6 ? 4 : 2)
typedef float32x4_t V;
typedef float64x2_t D;

static inline V v_set1(float a) { return vdupq_n_f32(a); }
static inline V v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, V a) { vst1q_f32(p, a); }
static inline V v_add(V a, V b) { return vaddq_f32(a, b); }
static inline V v_sub(V a, V b) { return vsubq_f32(a, b); }
static inline V v_mul(V a, V b) { return vmulq_f32(a, b); }
static inline V v_div(V a, V b) { return vdivq_f32(a, b); }
static inline V v_fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
static inline V v_fnma(V a, V b, V c) { return vfmsq_f32(c, a, b); }
/* FMIN and FMAX treat NaN and signed zeros in another way than a < b ? a : b does. */
static inline V v_min(V a, V b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
static inline V v_max(V a, V b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
static inline V v_gt(V a, V b, V yes, V no) { return vbslq_f32(vcgtq_f32(a, b), yes, no); }
static inline V v_abs(V a) { return vabsq_f32(a); }
static inline V
v_sign_of(V mag, V s)
{
	return vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(mag),
	    vandq_u32(vreinterpretq_u32_f32(s), vdupq_n_u32(0x80000000u))));
}
static inline V
v_shift23(V a)
{
	return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a), 23));
}
static inline V
v_min_bits(V a, V b)
{
	return vreinterpretq_f32_u32(vminq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)));
}
static inline void
v_columns(const float *p, size_t stride, V x[4])
{
	const V a = vld1q_f32(p), b = vld1q_f32(p + stride), c = vld1q_f32(p + 2 * stride), d = vld1q_f32(p + 3 * stride);
	const float64x2_t ab = vreinterpretq_f64_f32(vzip1q_f32(a, b)), ab2 = vreinterpretq_f64_f32(vzip2q_f32(a, b)),
	    cd = vreinterpretq_f64_f32(vzip1q_f32(c, d)), cd2 = vreinterpretq_f64_f32(vzip2q_f32(c, d));

	x[0] = vreinterpretq_f32_f64(vzip1q_f64(ab, cd));
	x[1] = vreinterpretq_f32_f64(vzip2q_f64(ab, cd));
	x[2] = vreinterpretq_f32_f64(vzip1q_f64(ab2, cd2));
	x[3] = vreinterpretq_f32_f64(vzip2q_f64(ab2, cd2));
}
typedef uint8x16_t VI; /* the four bytes of each entry */
typedef struct { uint32_t bits[16]; } V_TABLE_TYPE;
#define V_TABLE(...) { { __VA_ARGS__ } }
static inline VI
v_index(V y)
{
	const uint32x4_t i = vandq_u32(vshrq_n_u32(vreinterpretq_u32_f32(y), 21), vdupq_n_u32(15));

	return vreinterpretq_u8_u32(vmlaq_n_u32(vdupq_n_u32(0x03020100u), i, 0x04040404u));
}
static inline V
v_table(const V_TABLE_TYPE *t, VI i)
{
	return vreinterpretq_f32_u8(vqtbl4q_u8(vld1q_u8_x4((const uint8_t *)t->bits), i));
}
static inline D d_set1(double a) { return vdupq_n_f64(a); }
static inline D d_load(const float *p) { return vcvt_f64_f32(vld1_f32(p)); }
static inline void d_store(float *p, D a) { vst1_f32(p, vcvt_f32_f64(a)); }
static inline D d_fma(D a, D b, D c) { return vfmaq_f64(c, a, b); }

#include "nam/nam_kernel_impl.h"
