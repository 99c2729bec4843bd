/* diff.h - how far one signal is from another: as it is, and after delay, polarity and gain are fitted.
 *
 * Delay, polarity and gain are one each for all channels.  The delay is where the cross-correlation has its
 * largest absolute value (by FFT, summed over channels), then refined between the samples on its
 * band-limited interpolation; the test signal is moved by it with a windowed sinc of 128 taps (Kaiser, beta 12),
 * good to -100 dB up to 0.93 of half the rate.  The gain is the least-squares one.
 *
 * ESR is the error-to-signal ratio sum (ref - test)^2 / sum ref^2 (Wright and Valimaki 2019), in dB. */
#ifndef METRICS_DIFF_H
#define METRICS_DIFF_H
#include "base/err.h"
#include "metrics/spectrum.h"
#include <stdint.h>

struct diff_signal {
	const float *x;  /* frames x channels, interleaved; borrowed */
	int64_t frames;
};

/* NAN: not defined for the signals.  -INFINITY dB: there is no difference. */
struct diff_values {
	int sample_exact;               /* as many frames, and every sample the same number */
	int64_t compared_frames;        /* of the raw values: the shorter length */
	double esr_db;                  /* raw: as the signals are */
	double max_difference_fs, rms_difference_dbfs;
	int64_t max_difference_frame;   /* the first with that difference; -1: nothing compared */

	double delay_frames;            /* how much later test is than ref */
	int polarity;                   /* 1, or -1: test is inverted; 0: unknown */
	double correlation;             /* at that delay, -1..1 */
	double gain_db;                 /* on test, to fit ref; without the polarity */
	int64_t fitted_frames;          /* that overlap after the delay */
	double esr_fitted_db, null_depth_db; /* the latter is the former without its sign: how deep the null is */
	double max_difference_fitted_fs, rms_difference_fitted_dbfs;

	double ref_loudness_lufs, test_loudness_lufs; /* loudness_for_level() */
	double loudness_difference_lu;  /* test - ref */
	/* test - ref per third octave, with the loudness difference taken off; bands 80 dB under the
	 * strongest of both are NAN. */
	double ltas_difference_db[SPECTRUM_BANDS];
	double ltas_rms_difference_db;  /* over the bands that are not */
};

/* Both signals have this rate and these channels.  max_delay_frames: looked for on both sides, at most
 * 2^20.  Memory: a copy of test, and 40 bytes per frame of max_delay.  Returns 0 or -1 (no memory, bad arguments). */
int diff_compare(struct diff_signal ref, struct diff_signal test, int rate_hz, int channels,
                 int64_t max_delay_frames, struct diff_values *v, struct err *e);
#endif
