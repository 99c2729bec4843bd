/* errsum.c - one loop over both signals. */
#include "metrics/errsum.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { PARTS = 8, X = 0, D, XX, DD, DX, PXX, PDD, SUMS };
static const double pre_emphasis = 0.85;

void
errsum_init(struct errsum *s, int channels)
{
	*s = (struct errsum){ .channels = channels, .same = 1, .max_at = -1 };
}

/* Sample i to part k.  x and y point to the sample, px and py to the same channel's one before. */
static inline void
add(double part[SUMS][PARTS], double most[PARTS], size_t k, double gain, float x, float y, float px, float py)
{
	double v = (double)x, d = v - gain * (double)y, p = (double)px;
	double ex = v - pre_emphasis * p, ed = d - pre_emphasis * (p - gain * (double)py), a = fabs(d);

	part[X][k] += v;
	part[D][k] += d;
	part[XX][k] += v * v;
	part[DD][k] += d * d;
	part[DX][k] += d * v;
	part[PXX][k] += ex * ex;
	part[PDD][k] += ed * ed;
	most[k] = a > most[k] ? a : most[k];
}

/* The first sample whose difference is as large. */
static int64_t
find(const float *x, const float *y, size_t n, double gain, double max)
{
	for (size_t i = 0; i < n; i++)
		if (fabs((double)x[i] - gain * (double)y[i]) == max)
			return (int64_t)i;
	return 0;
}

void
errsum_add(struct errsum *s, const float *x, const float *y, int64_t frames, double gain)
{
	double part[SUMS][PARTS] = { { 0 } }, most[PARTS] = { 0 }, sum[SUMS] = { 0 }, max = 0;
	size_t ch = (size_t)s->channels, n = (size_t)frames * ch, i;

	if (!n)
		return;
	s->same = s->same && !memcmp(x, y, n * sizeof *x);
	for (i = 0; i < ch; i++) { /* the first frame of the block: what is before it is of the last one */
		add(part, most, i % PARTS, gain, x[i], y[i], s->last_x[i], s->last_y[i]);
		if (s->n == 0) /* and the first of the signal has none */
			part[PXX][i % PARTS] = part[PDD][i % PARTS] = 0;
	}
	for (; i + PARTS <= n; i += PARTS)
		for (size_t k = 0; k < PARTS; k++)
			add(part, most, k, gain, x[i + k], y[i + k], x[i + k - ch], y[i + k - ch]);
	for (size_t k = 0; i + k < n; k++)
		add(part, most, k, gain, x[i + k], y[i + k], x[i + k - ch], y[i + k - ch]);
	for (size_t k = 0; k < PARTS; k++) {
		for (int m = 0; m < SUMS; m++)
			sum[m] += part[m][k];
		max = most[k] > max ? most[k] : max;
	}
	if (s->max_at < 0 || max > s->max) {
		s->max = max;
		s->max_at = (s->n + find(x, y, n, gain, max)) / s->channels;
	}
	s->x += sum[X], s->d += sum[D];
	s->xx += sum[XX], s->dd += sum[DD], s->dx += sum[DX];
	s->pxx += sum[PXX], s->pdd += sum[PDD];
	s->n += (int64_t)n;
	memcpy(s->last_x, x + n - ch, ch * sizeof *x);
	memcpy(s->last_y, y + n - ch, ch * sizeof *y);
}

/* With y = x - d and b = <d,x> / <x,x>, y - a x is -(d - b x) and a = 1 - b: no large numbers are subtracted when y
 * is nearly x. */
double
errsum_si_sdr_db(const struct errsum *s)
{
	double n = (double)s->n, xx = s->xx - s->x * (s->x / n), dd = s->dd - s->d * (s->d / n);
	double dx = s->dx - s->d * (s->x / n), b = dx / xx, left = dd - b * dx;

	if (!(xx > 0))
		return NAN;
	if (!(left > 1e-15 * dd)) /* the rounding of the sums */
		left = 0;
	return 10 * log10((1 - b) * (1 - b) * xx / left);
}
