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

static void
half_band(float *restrict y, const float *restrict p, const float *restrict tap, int j, int n)
{
	int i = 0;

	for (; i + 4 * W <= n; i += 4 * W) {
		v s0 = all(0), s1 = s0, s2 = s0, s3 = s0;
		const float *a = p + i, *b = p + i + 1;

		for (int k = 0; k <= j; k++, a--, b++) {
			v h = all(tap[k]);

			s0 += h * (load(a) + load(b));
			s1 += h * (load(a + W) + load(b + W));
			s2 += h * (load(a + 2 * W) + load(b + 2 * W));
			s3 += h * (load(a + 3 * W) + load(b + 3 * W));
		}
		store(y + i, s0);
		store(y + i + W, s1);
		store(y + i + 2 * W, s2);
		store(y + i + 3 * W, s3);
	}
	for (; i < n; i += W) {
		v s = all(0);

		for (int k = 0; k <= j; k++)
			s += all(tap[k]) * (load(p + i - k) + load(p + i + 1 + k));
		store(y + i, s);
	}
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

const struct bend_fns BEND = { half_band, curve };
