/* scan.c - vectors of 16 bytes, which every machine has; four at once, so that none waits for the one before. */
#include "base/scan.h"
#include <stdint.h>
#include <string.h>

enum { PEAKS = 16, SUMS = 8 };

typedef float F2 __attribute__((vector_size(8), may_alias, aligned(4)));
typedef double D2 __attribute__((vector_size(16)));
typedef int32_t I4 __attribute__((vector_size(16)));
typedef int32_t U4 __attribute__((vector_size(16), may_alias, aligned(4)));

/* Without their signs floats are in order as integers. */
static inline I4
larger(I4 most, const float *x)
{
	I4 a = *(const U4 *)(const void *)x & INT32_MAX, more = a > most;

	return (a & more) | (most & ~more);
}

float
scan_peak(const float *x, size_t n)
{
	I4 most[4] = { { 0 } };
	float rest[4] = { 0 }, peak;
	int32_t bits = 0;
	size_t i = 0;

	for (; i + PEAKS <= n; i += PEAKS) {
		most[0] = larger(most[0], x + i);
		most[1] = larger(most[1], x + i + 4);
		most[2] = larger(most[2], x + i + 8);
		most[3] = larger(most[3], x + i + 12);
	}
	for (; i + 4 <= n; i += 4)
		most[0] = larger(most[0], x + i);
	if (i < n)
		memcpy(rest, x + i, (n - i) * sizeof *x);
	most[0] = larger(most[0], rest);
	for (int k = 0; k < 4; k++)
		for (int l = 0; l < 4; l++)
			bits = most[k][l] > bits ? most[k][l] : bits;
	memcpy(&peak, &bits, sizeof peak);
	return peak;
}

static inline D2
pair(const float *x)
{
	return __builtin_convertvector(*(const F2 *)(const void *)x, D2);
}

static double
total(const D2 *part)
{
	double sum = 0;

	for (size_t k = 0; k < SUMS / 2; k++)
		sum = sum + part[k][0] + part[k][1];
	return sum;
}

static inline void
add_pair(D2 *s, D2 *q, const float *x)
{
	D2 v = pair(x);

	*s += v;
	*q += v * v;
}

void
scan_sums(const float *x, size_t n, double *sum, double *square)
{
	D2 s[SUMS / 2] = { { 0 } }, q[SUMS / 2] = { { 0 } };
	size_t i = 0;

	for (; i + SUMS <= n; i += SUMS) {
		add_pair(&s[0], &q[0], x + i);
		add_pair(&s[1], &q[1], x + i + 2);
		add_pair(&s[2], &q[2], x + i + 4);
		add_pair(&s[3], &q[3], x + i + 6);
	}
	for (size_t k = 0; i + k < n; k++) {
		double v = (double)x[i + k];

		s[k / 2][k % 2] += v;
		q[k / 2][k % 2] += v * v;
	}
	*sum += total(s);
	*square += total(q);
}

double
scan_product(const float *x, const float *y, size_t n)
{
	D2 s[SUMS / 2] = { { 0 } };
	size_t i = 0;

	for (; i + SUMS <= n; i += SUMS) {
		s[0] += pair(x + i) * pair(y + i);
		s[1] += pair(x + i + 2) * pair(y + i + 2);
		s[2] += pair(x + i + 4) * pair(y + i + 4);
		s[3] += pair(x + i + 6) * pair(y + i + 6);
	}
	for (size_t k = 0; i + k < n; k++)
		s[k / 2][k % 2] += (double)x[i + k] * (double)y[i + k];
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
