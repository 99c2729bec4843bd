/* bend.h - what saturate.c does at many times the rate: half-band filters and curves; private to lib/fx.
 *
 * One kernel, built for 4, 8 and 16 floats side by side; the lanes are outputs and each does the same operations, so that all
 * give the same bits. */
#ifndef FX_BEND_H
#define FX_BEND_H

enum bend_curve { BEND_SOFT, BEND_TUBE, BEND_HARD };
enum { BEND_PAD = 32 };  /* so many floats more than said may be read and written */

/* A half-band filter is h(p, i) = sum over k = 0..j of tap[k] * (p[i - k] + p[i + 1 + k]). */
struct bend_fns {
	/* y[i] = gain * x[i], i below n; what is below 1e-30 becomes 0 */
	void (*enter)(float *restrict y, const double *restrict x, double gain, int n);
	/* y[2 i] = p[i], y[2 i + 1] = h(p, i) */
	void (*up)(float *restrict y, const float *restrict p, const float *restrict tap, int j, int n);
	/* even[i] = x[2 i], odd[i] = x[2 i + 1] */
	void (*part)(float *restrict even, float *restrict odd, const float *restrict x, int n);
	/* y[i] = (even[i] + h(odd, i)) / 2 */
	void (*down)(float *restrict y, const float *restrict even, const float *restrict odd, const float *restrict tap, int j,
	             int n);
	/* The curve over n floats, in place. */
	void (*curve)(enum bend_curve curve, float *x, int n);
	/* y[i] = gain * x[i] */
	void (*leave)(double *restrict y, const float *restrict x, double gain, int n);
};

extern const struct bend_fns bend_generic;
#if defined __x86_64__
extern const struct bend_fns bend_avx2, bend_avx512;
#endif
#endif
