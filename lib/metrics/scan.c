/* scan.c - loops over a fixed number of parts, which compilers make into vectors at -O2. */
#include "metrics/scan.h"
#include <math.h>
#include <string.h>

enum { PEAKS = 16, SUMS = 8 };

float
scan_peak(const float *x, size_t n)
{
	float most[PEAKS] = { 0 }, peak = 0;
	size_t i = 0;

	for (; i + PEAKS <= n; i += PEAKS)
		for (size_t k = 0; k < PEAKS; k++) {
			float a = fabsf(x[i + k]);

			most[k] = a > most[k] ? a : most[k];
		}
	for (size_t k = 0; i + k < n; k++) {
		float a = fabsf(x[i + k]);

		most[k] = a > most[k] ? a : most[k];
	}
	for (size_t k = 0; k < PEAKS; k++)
		peak = most[k] > peak ? most[k] : peak;
	return peak;
}

static double
total(const double *part)
{
	double sum = 0;

	for (size_t k = 0; k < SUMS; k++)
		sum += part[k];
	return sum;
}

void
scan_sums(const float *x, size_t n, double *sum, double *square)
{
	double s[SUMS] = { 0 }, q[SUMS] = { 0 };
	size_t i = 0;

	for (; i + SUMS <= n; i += SUMS)
		for (size_t k = 0; k < SUMS; k++) {
			double v = (double)x[i + k];

			s[k] += v;
			q[k] += v * v;
		}
	for (size_t k = 0; i + k < n; k++) {
		double v = (double)x[i + k];

		s[k] += v;
		q[k] += v * v;
	}
	*sum += total(s);
	*square += total(q);
}

double
scan_product(const float *x, const float *y, size_t n)
{
	double s[SUMS] = { 0 };
	size_t i = 0;

	for (; i + SUMS <= n; i += SUMS)
		for (size_t k = 0; k < SUMS; k++)
			s[k] += (double)x[i + k] * (double)y[i + k];
	for (size_t k = 0; i + k < n; k++)
		s[k] += (double)x[i + k] * (double)y[i + k];
	return total(s);
}

void
scan_channel(const float *x, size_t frames, size_t channels, size_t c, float *y)
{
	if (channels == 1) {
		memcpy(y, x, frames * sizeof *y);
		return;
	}
	for (size_t i = 0; i < frames; i++)
		y[i] = x[i * channels + c];
}
