/* turn.c - Taylor polynomials on the first octant, symmetry for the other seven. */
#include "dsp/turn.h"
#include <math.h>

/* 2 pi as the sum of two doubles. */
static const double tau_hi = 0x1.921fb54442d18p+2, tau_lo = 0x1.1a62633145c07p-52;

/* x: 0..1/8 of a turn, exact.  The angle is p + e with e below half an ulp of p, so
 * first order in e is enough.  pi/4 to the 19th over 19! is 8e-20: the first term left out. */
static void
octant(double x, double *c, double *s)
{
	static const double sc[] = { 1.0 / 355687428096000.0, -1.0 / 1307674368000.0,
		1.0 / 6227020800.0, -1.0 / 39916800.0, 1.0 / 362880.0, -1.0 / 5040.0,
		1.0 / 120.0, -1.0 / 6.0 };
	static const double cc[] = { -1.0 / 6402373705728000.0, 1.0 / 20922789888000.0,
		-1.0 / 87178291200.0, 1.0 / 479001600.0, -1.0 / 3628800.0, 1.0 / 40320.0,
		-1.0 / 720.0, 1.0 / 24.0 };
	double p = x * tau_hi, e = fma(x, tau_hi, -p) + x * tau_lo;
	double q = p * p, ql = fma(p, p, -q), a = sc[0], b = cc[0], h, hl;

	for (int i = 1; i < 8; i++) {
		a = fma(a, q, sc[i]);
		b = fma(b, q, cc[i]);
	}
	*s = p + fma(p * q, a, fma(-0.5 * q, e, e));
	/* 1 - q/2 needs its own rounding error back to stay below an ulp */
	h = 1.0 - 0.5 * q;
	hl = (1.0 - h) - 0.5 * q;
	*c = h + (fma(q * q, b, hl) - fma(p, e, 0.5 * ql));
}

void
dsp_turn(uint64_t k, unsigned bits, double *c, double *s)
{
	uint64_t eighth, r;
	unsigned part;
	double cs, sn, t;

	if (bits < 3) {
		k <<= 3 - bits;
		bits = 3;
	}
	eighth = (uint64_t)1 << (bits - 3);
	part = (unsigned)(k >> (bits - 3)) & 7;
	r = k & (eighth - 1);
	if (part & 1)
		r = eighth - r;
	octant(ldexp((double)r, -(int)bits), &cs, &sn);
	if ((part + 1) & 2) { /* 1, 2, 5, 6: nearer to the imaginary axis */
		t = cs;
		cs = sn;
		sn = t;
	}
	*c = part >= 2 && part <= 5 ? -cs : cs;
	*s = part >= 4 ? -sn : sn;
}
