/* errsum.h - sums over two signals and their difference, from which errors are made.
 *
 * Sums are of double, in eight parts that are added up in one order for each block, so that they have the same bits on
 * every machine; the caller's blocks make the rounding. */
#ifndef METRICS_ERRSUM_H
#define METRICS_ERRSUM_H
#include <stdint.h>

enum { ERRSUM_CHANNELS = 64 };

struct errsum {
	int channels;
	int64_t n;            /* samples */
	double x, d;          /* sums of ref and of d = ref - gain test */
	double xx, dd, dx;    /* of their squares and product */
	double pxx, pdd;      /* of the squares of x[n] - 0.85 x[n - 1], from the second frame on */
	int same;             /* every sample of ref and test has the same bits */
	double max;           /* of |d| */
	int64_t max_at;       /* the first frame with it; -1: no samples */
	float last_x[ERRSUM_CHANNELS], last_y[ERRSUM_CHANNELS]; /* the frame before the next */
};

void errsum_init(struct errsum *s, int channels);

/* The next frames of ref x and test y, frames x channels, interleaved. */
void errsum_add(struct errsum *s, const float *x, const float *y, int64_t frames, double gain);

/* 10 log10 of |a x|^2 over |y - a x|^2, both without their means, a the best gain.  INFINITY: no difference but in gain;
 * NAN: x has no energy. */
double errsum_si_sdr_db(const struct errsum *s);
#endif
