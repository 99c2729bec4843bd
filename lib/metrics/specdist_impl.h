/* specdist_impl.h - one batch of windows of two signals; private to lib/metrics.
 *
 * A window lies in each lane of the vectors.  All sums over bins are float and in one order in each lane, those over
 * windows are double, so that every instruction set gives the same bits. */
#ifndef METRICS_SPECDIST_IMPL_H
#define METRICS_SPECDIST_IMPL_H
#include "dsp/stft.h"

enum { SPECDIST_LANES = STFT_LANES, SPECDIST_MELS = 80 };

struct specdist_band { size_t from, to; const float *weight; }; /* bins from..to - 1 */

struct specdist_job {
	size_t bins, count;       /* count: of SPECDIST_LANES windows are there */
	const float *power[2];    /* of ref and test, as stft_power() gives it */
	/* NULL: magnitudes.  Else decibels, of powers times scale. */
	const struct specdist_band *band;
	float scale;
	/* Added to.  Magnitudes: sum (|x| - |y|)^2, sum |x|^2, sum |ln |x| / |y||.  Decibels: sum over windows of the root
	 * mean square over bins, and of the mean over bands. */
	double sum[3];
};

typedef void specdist_fn(struct specdist_job *j);
specdist_fn specdist_generic, specdist_neon, specdist_avx2, specdist_avx512;
#endif
