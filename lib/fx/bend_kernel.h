/* bend_kernel.h - the kernel of bend.h; whoever includes it has defined W, floats side by side, and BEND. */
#include "fx/bend.h"
#include <string.h>

typedef float v __attribute__((vector_size(4 * W)));
typedef int vi __attribute__((vector_size(4 * W)));

static inline v
load(const float *p)
{
	v x;

	memcpy(&x, p, sizeof x);
	return x;
}

static inline void
store(float *p, v x)
{
	memcpy(p, &x, sizeof x);
}

static inline v
all(float x)
{
	return x - (v){ 0 };
}

/* Two vectors of even and odd places become two of neighbours, and the reverse. */
#if W == 4
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#elif W == 8
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#else
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#endif

/* h(p, i) for 4 W outputs from i on */
static inline void
half_band4(v s[4], const float *restrict p, const float *restrict tap, int j)
{
	v s0 = all(0), s1 = s0, s2 = s0, s3 = s0;
	const float *a = p, *b = p + 1;

	for (int k = 0; k <= j; k++, a--, b++) {
		v h = all(tap[k]);

		s0 += h * (load(a) + load(b));
		s1 += h * (load(a + W) + load(b + W));
		s2 += h * (load(a + 2 * W) + load(b + 2 * W));
		s3 += h * (load(a + 3 * W) + load(b + 3 * W));
	}
	s[0] = s0;
	s[1] = s1;
	s[2] = s2;
	s[3] = s3;
}

static inline v
half_band(const float *restrict p, const float *restrict tap, int j)
{
	v s = all(0);

	for (int k = 0; k <= j; k++)
		s += all(tap[k]) * (load(p - k) + load(p + 1 + k));
	return s;
}

static inline void
put_pair(float *y, v even, v odd)
{
	store(y, LOW(even, odd));
	store(y + W, HIGH(even, odd));
}

static void
up(float *restrict y, const float *restrict p, const float *restrict tap, int j, int n)
{
	int i = 0;

	for (; i + 4 * W <= n; i += 4 * W) {
		v s[4];

		half_band4(s, p + i, tap, j);
		for (int k = 0; k < 4; k++)
			put_pair(y + 2 * (i + k * W), load(p + i + k * W), s[k]);
	}
	for (; i < n; i += W)
		put_pair(y + 2 * i, load(p + i), half_band(p + i, tap, j));
}

static void
part(float *restrict even, float *restrict odd, const float *restrict x, int n)
{
	for (int i = 0; i < n; i += W) {
		v a = load(x + 2 * i), b = load(x + 2 * i + W);

		store(even + i, EVEN(a, b));
		store(odd + i, ODD(a, b));
	}
}

static void
down(float *restrict y, const float *restrict even, const float *restrict odd, const float *restrict tap, int j, int n)
{
	int i = 0;

	for (; i + 4 * W <= n; i += 4 * W) {
		v s[4];

		half_band4(s, odd + i, tap, j);
		for (int k = 0; k < 4; k++)
			store(y + i + k * W, all(0.5f) * (load(even + i + k * W) + s[k]));
	}
	for (; i < n; i += W)
		store(y + i, all(0.5f) * (load(even + i) + half_band(odd + i, tap, j)));
}

/* No vector types: compilers make the best of these loops themselves. */
static void
enter(float *restrict y, const double *restrict x, double gain, int n)
{
	for (int i = 0; i < n; i++) {
		double z = gain * x[i];

		y[i] = (float)(z < 1e-30 && z > -1e-30 ? 0 : z);
	}
}

static void
leave(double *restrict y, const float *restrict x, double gain, int n)
{
	for (int i = 0; i < n; i++)
		y[i] = gain * (double)x[i];
}

/* yes where mask, else no */
static inline v
either(vi mask, v yes, v no)
{
	return (v)((mask & (vi)yes) | (~mask & (vi)no));
}

static inline v
clamp(v x, float most)
{
	x = either(x > all(most), all(most), x);
	return either(x < all(-most), all(-most), x);
}

/* x (27 + x^2) / (27 + 9 x^2): tanh to 2.4 %, exactly 1 and level at 3. */
static inline v
soft(v x)
{
	v q;

	x = clamp(x, 3);
	q = x * x;
	return x * (all(27) + q) / (all(27) + all(9) * q);
}

static void
curve(enum bend_curve which, float *x, int n)
{
	/* tube: around this place, moved back to the origin and to a slope of 1 there */
	static const float off = 0.45f, off_slope = 1.1926204f;
	const v off_y = soft(all(off));

	for (int i = 0; i < n; i += W) {
		v y = load(x + i);

		if (which == BEND_HARD)
			y = clamp(y, 1);
		else if (which == BEND_SOFT)
			y = soft(y);
		else
			y = (soft(y + all(off)) - off_y) * all(off_slope);
		store(x + i, y);
	}
}

const struct bend_fns BEND = { enter, up, part, down, curve, leave };
