/* svf.c - second-order filters that may be moved while they run. */
#include "fx/svf.h"
#include "fx/fx_math.h"

#include <math.h>

void
svf_set(struct svf *f, enum svf_type type, double hz, double gain_db, double q, double rate_hz)
{
	static const double log2_of_db = 0.083048202372184059;   /* log2(10) / 40 */
	/* A of the cookbook: the square root of the gain */
	double a = fx_exp2(gain_db * log2_of_db), g = fx_tanpi(hz / rate_hz), k = 1 / q;

	*f = (struct svf){ .m0 = 1 };
	switch (type) {
	case SVF_OFF:
		break;
	case SVF_BELL:
		k = 1 / (q * a);
		f->m1 = k * (a * a - 1);
		break;
	case SVF_LOW_SHELF:
		g /= sqrt(a);
		f->m1 = k * (a - 1);
		f->m2 = a * a - 1;
		break;
	case SVF_HIGH_SHELF:
		g *= sqrt(a);
		f->m0 = a * a;
		f->m1 = k * (1 - a) * a;
		f->m2 = 1 - a * a;
		break;
	case SVF_LOW_CUT:
		f->m1 = -k;
		f->m2 = -1;
		break;
	case SVF_HIGH_CUT:
		f->m0 = 0;
		f->m2 = 1;
		break;
	case SVF_NOTCH:
		f->m1 = -k;
		break;
	case SVF_BAND_PASS:
		f->m0 = 0;
		f->m1 = k;
		break;
	}
	f->a1 = 1 / (1 + g * (g + k));
	f->a2 = g * f->a1;
	f->a3 = g * f->a2;
}

void
svf_set_first(struct svf *f, enum svf_type type, double hz, double rate_hz)
{
	double g = fx_tanpi(hz / rate_hz);

	*f = (struct svf){ .first = 1, .a1 = 1 / (1 + g), .a2 = g / (1 + g) };
	f->m0 = type == SVF_LOW_CUT;
	f->m1 = type == SVF_LOW_CUT ? -1 : 1;
}

#define STEP_FIRST(s1, x) do { \
	double v1 = a1 * (s1) + a2 * (x); \
	(s1) = 2 * v1 - (s1); \
	(x) = m0 * (x) + m1 * v1; \
	} while (0)

static void
run_first(const struct svf *f, struct svf_state *s, double *x, int n)
{
	const double a1 = f->a1, a2 = f->a2, m0 = f->m0, m1 = f->m1;
	double s1 = s->s1;

	for (int i = 0; i < n; i++)
		STEP_FIRST(s1, x[i]);
	s->s1 = s1;
}

static void
run_first2(const struct svf *f, struct svf_state *s, struct svf_state *t, double *x, double *y, int n)
{
	const double a1 = f->a1, a2 = f->a2, m0 = f->m0, m1 = f->m1;
	double s1 = s->s1, t1 = t->s1;

	for (int i = 0; i < n; i++) {
		STEP_FIRST(s1, x[i]);
		STEP_FIRST(t1, y[i]);
	}
	s->s1 = s1;
	t->s1 = t1;
}

#define STEP(s1, s2, x) do { \
	double v0 = (x), v3 = v0 - (s2), v1 = a1 * (s1) + a2 * v3, v2 = (s2) + (a2 * (s1) + a3 * v3); \
	(s1) = 2 * v1 - (s1); \
	(s2) = 2 * v2 - (s2); \
	(x) = m0 * v0 + (m1 * v1 + m2 * v2); \
	} while (0)

void
svf_run(const struct svf *f, struct svf_state *s, double *x, int n)
{
	const double a1 = f->a1, a2 = f->a2, a3 = f->a3, m0 = f->m0, m1 = f->m1, m2 = f->m2;
	double s1 = s->s1, s2 = s->s2;

	if (f->first) {
		run_first(f, s, x, n);
		return;
	}
	for (int i = 0; i < n; i++)
		STEP(s1, s2, x[i]);
	s->s1 = s1;
	s->s2 = s2;
}

void
svf_run2(const struct svf *f, struct svf_state *s, struct svf_state *t, double *x, double *y, int n)
{
	const double a1 = f->a1, a2 = f->a2, a3 = f->a3, m0 = f->m0, m1 = f->m1, m2 = f->m2;
	double s1 = s->s1, s2 = s->s2, t1 = t->s1, t2 = t->s2;

	if (f->first) {
		run_first2(f, s, t, x, y, n);
		return;
	}
	for (int i = 0; i < n; i++) {
		STEP(s1, s2, x[i]);
		STEP(t1, t2, y[i]);
	}
	*s = (struct svf_state){ s1, s2 };
	*t = (struct svf_state){ t1, t2 };
}
