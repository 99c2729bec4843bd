/* diff.h - how far one signal is from another: as it is, and after delay, polarity and gain are fitted.
 *
 * Delay, polarity and gain are one each for all channels: the delay as metrics/align.h finds it, by which the test signal is
 * moved (whole frames, or a windowed sinc where that leaves less), and the gain of least squares.  The drift is the slope of
 * the delays of 16 fifths of a second, by Theil and Sen; it is told, not taken out.
 *
 * Errors, of e = ref - test: ESR is sum e^2 / sum ref^2 (Wright and Valimaki 2019), in dB; pre-emphasised, both are first
 * x[n] - 0.85 x[n - 1], as the trainer of NAM models has it; SI-SDR is the scale-invariant signal-to-distortion ratio of Le
 * Roux et al. 2019 without means.  Spectral distances are those of metrics/specdist.h.
 *
 * Signals are read three or four times, in blocks; memory does not grow with them (but for the gating blocks of
 * loudness.h), but with the delay that is looked for: align.h.  Values have the same bits for any number of threads. */
#ifndef METRICS_DIFF_H
#define METRICS_DIFF_H
#include "base/err.h"
#include "metrics/specdist.h"
#include "metrics/spectrum.h"
#include <stdint.h>

/* A signal that can be read again and again. */
struct diff_input {
	/* Begin a pass, at the first frame; again: another one will follow.  0 or -1. */
	int (*begin)(void *ctx, int again, struct err *e);
	/* Up to `frames` frames into x[frames * channels]; fewer only at the end.  Their number, 0 at the end, or -1. */
	int64_t (*read)(void *ctx, float *x, int64_t frames, struct err *e);
	void *ctx;
};

struct diff_options {
	int64_t max_delay_frames; /* looked for on both sides, at most ALIGN_MAX_LAG */
	int threads;              /* 0: one for each CPU */
	/* Gets ref - test, fitted, for every frame of ref in order, in blocks; silence where test has none.  As it is where
	 * nothing can be fitted.  NULL: not wanted. */
	int (*null)(void *ctx, const float *x, int64_t frames, struct err *e);
	void (*step)(void *ctx, int64_t frames); /* frames of all passes so far; NULL: not wanted */
	void *ctx;                /* of these two */
};

struct diff_error { /* NAN: ref is silent or nothing was compared.  -INFINITY (SI-SDR: INFINITY): there is no difference */
	double esr_db, esr_preemphasis_db, si_sdr_db, rms_dbfs;
	double max_fs;
	struct specdist_values spectral;
};

/* NAN: not defined for the signals. */
struct diff_values {
	int64_t ref_frames, test_frames;
	int sample_exact;               /* as many frames, and every sample the same bits */
	int64_t compared_frames;        /* of the raw values: the shorter length */
	int64_t max_difference_frame;   /* the first with the largest difference; -1: nothing compared */
	struct diff_error raw, fitted;  /* as the signals are, and with delay, polarity and gain taken out */

	double delay_frames;            /* how much later test is than ref; with a drift in the middle of both */
	double drift_ppm;               /* test runs slower by that; NAN: under 3.2 s, or too different */
	int polarity;                   /* 1, or -1: test is inverted; 0: unknown */
	double correlation;             /* at that delay, -1..1 */
	double gain_db;                 /* on test, to fit ref; without the polarity */
	int64_t fitted_frames;          /* that overlap after the delay */
	double null_depth_db;           /* how deep the null is: the fitted ESR without its sign */

	double ref_loudness_lufs, test_loudness_lufs; /* loudness_for_level() */
	double loudness_difference_lu;  /* test - ref */
	/* test - ref per third octave, with the loudness difference taken off; bands 80 dB under the
	 * strongest of both are NAN. */
	double ltas_difference_db[SPECTRUM_BANDS];
	double ltas_rms_difference_db;  /* over the bands that are not */
};

/* Both signals have this rate and these channels.  Returns 0 or -1 (no memory, bad arguments, what the inputs and null say). */
int diff_compare(const struct diff_input *ref, const struct diff_input *test, int rate_hz, int channels,
                 const struct diff_options *options, struct diff_values *v, struct err *e);
#endif
