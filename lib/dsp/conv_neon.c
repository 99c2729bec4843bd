/* conv_neon.c - the convolution, 2 lanes at a time. */
#ifndef __aarch64__
#error "this file is for AArch64; see the Makefile"
#endif
#include "dsp/conv_impl.h"
#include <arm_neon.h>
#define W 2
#define CONV_FN conv_neon
typedef float64x2_t V;
#define v_set1(c) vdupq_n_f64(c)
#define v_load(p) vld1q_f64(p)
#define v_store(p, v) vst1q_f64(p, v)
#define v_fma(a, b, c) vfmaq_f64(c, a, b)
#define v_fnma(a, b, c) vfmsq_f64(c, a, b)
#define v_reverse(v) vextq_f64(v, v, 1)
#define v_floats(p) vcvt_f64_f32(vld1_f32(p))
#define v_put_floats(p, v) vst1_f32(p, vadd_f32(vcvt_f32_f64(v), vdup_n_f32(0)))

static inline __attribute__((always_inline)) void
v_turn8(V x[8][4])
{
	for (int i = 0; i < 8; i += 2)
		for (int k = 0; k <= i / 2; k++) {
			V a = vtrn1q_f64(x[i][k], x[i + 1][k]), b = vtrn2q_f64(x[i][k], x[i + 1][k]);
			V c = vtrn1q_f64(x[2 * k][i / 2], x[2 * k + 1][i / 2]);
			V d = vtrn2q_f64(x[2 * k][i / 2], x[2 * k + 1][i / 2]);

			x[i][k] = c, x[i + 1][k] = d;
			x[2 * k][i / 2] = a, x[2 * k + 1][i / 2] = b;
		}
}
#include "dsp/conv_kernel.h"
