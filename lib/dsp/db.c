/* db.c - decibels to factors. */
#include "dsp/db.h"
#include <math.h>

/* 10^(db/20) = 2^(db c) with c = log2(10) / 20 = c_hi + c_lo; the whole part of the exponent goes to
 * ldexp(), the rest, at most a half, through the Taylor series of e^(t ln 2). */
double
dsp_gain_of_db(double db)
{
	static const double c_hi = 0.16609640474436813, c_lo = -8.345257784509387e-18;
	static const double ln2 = 0.69314718055994531;
	double y = db * c_hi, low = fma(db, c_hi, -y) + db * c_lo, whole = rint(y);
	double t = ((y - whole) + low) * ln2, sum = 1;

	for (int i = 16; i > 0; i--)
		sum = fma(sum, t / i, 1);
	return ldexp(sum, (int)whole);
}
