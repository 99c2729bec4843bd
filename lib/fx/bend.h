/* bend.h - what saturate.c does at many times the rate: half-band filters and curves; private to lib/fx.
 *
 * One kernel, built for 4 and for 8 floats side by side; the lanes are outputs and each does the same operations, so
 * both give the same bits. */
#ifndef FX_BEND_H
#define FX_BEND_H

enum bend_curve { BEND_SOFT, BEND_TUBE, BEND_HARD };
enum { BEND_PAD = 8 };   /* so many floats more than said may be read and written */

struct bend_fns {
	/* y[i] = sum over k = 0..j of tap[k] * (p[i - k] + p[i + 1 + k]), for i below n */
	void (*half_band)(float *restrict y, const float *restrict p, const float *restrict tap, int j, int n);
	/* The curve over n floats, in place. */
	void (*curve)(enum bend_curve curve, float *x, int n);
};

extern const struct bend_fns bend_generic;
#if defined __x86_64__
extern const struct bend_fns bend_avx2;
#endif
#endif
