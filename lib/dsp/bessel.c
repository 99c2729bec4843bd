/* bessel.c - a series of squares, all of them positive. */
#include "dsp/bessel.h"

enum { TERMS = 60 };

double
dsp_bessel_i0(double x)
{
	double sum = 1, term = 1;

	for (int k = 1; k < TERMS; k++) {
		term *= (x / 2 / k) * (x / 2 / k);
		sum += term;
	}
	return sum;
}
