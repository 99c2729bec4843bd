/* align.h - where one signal lies in another: cross-correlation, refined between the samples.
 *
 * The correlation is r[l] = sum over frames and channels of ref[n] test[n + l], by FFT, for all lags of up to a limit on both
 * sides.  The delay is where |r|, interpolated with a Hann-windowed sinc over 64 lags, is largest.  A sharp peak halfway
 * between two lags loses up to 36 % at either, so that a note's next period may look better: the 32 largest peaks
 * are all refined.  Of equal ones (a steady tone) the one nearest to no delay is taken.
 *
 * A long correlation is blurred when one signal runs slower than the other, and its peak may be anywhere.  So each block of it (the
 * lags and 65536 frames and more) also tells its own delay, from which a drift can be seen.
 *
 * Streaming; memory: for a limit of m lags about 32 (2 m + 65536) bytes and 8 of these for each channel. */
#ifndef METRICS_ALIGN_H
#define METRICS_ALIGN_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { ALIGN_MAX_LAG = 1 << 20, ALIGN_TAPS = 128, ALIGN_PARTS = 64 };

struct align; /* one pair of signals; one thread at a time */

struct align_result {
	int64_t whole;     /* the lag, in frames, with the largest |r| near the peak; > 0: test is later than ref */
	double delay;      /* between the frames; |delay - whole| < 1 */
	double strength;   /* |r| there over sqrt(sum ref^2 sum test^2), 0..1; 0: one of them is silent, no delay is known */
	/* Of blocks in which the signals are alike (strength 0.4 and more): where their middle is in ref, and their delay.  Of many
	 * blocks these are some, evenly. */
	double part_at[ALIGN_PARTS], part_delay[ALIGN_PARTS];
	size_t parts;
};

/* max_lag: 0..ALIGN_MAX_LAG, also the most that is found.  -1: no memory, or a wrong argument. */
int align_new(struct align **a, int channels, int64_t max_lag, struct err *e);
void align_free(struct align *a); /* NULL is fine */
void align_reset(struct align *a); /* for another pair of signals */

/* The next frames of both, frames x channels, interleaved; one that ends before the other is followed by silence that the
 * caller gives.  Borrowed.  Does not allocate. */
void align_add(struct align *a, const float *ref, const float *test, int64_t frames);

/* Once, last; then only align_reset() or align_free(). */
void align_end(struct align *a, struct align_result *r);

/* Taps h[ALIGN_TAPS] of a filter that moves a signal forward by 0 <= fraction < 1 of a frame: out[n] = sum h[j] x[n - j] is
 * x at n - ALIGN_TAPS / 2 + fraction.  A sinc under a Kaiser window (beta 12): good to -100 dB up to 0.93 of half the rate. */
void align_taps(double fraction, double h[ALIGN_TAPS]);

/* The median of n numbers, which are put in order. */
double align_median(double *v, size_t n);

/* The slope through n points by Theil and Sen: the median of the slopes of all pairs, which up to 29 % of outliers cannot
 * spoil.  NAN for fewer than two different x.  n at most 64.  *spread becomes the median distance of the points from that line. */
double align_slope(const double *x, const double *y, size_t n, double *spread);
#endif
