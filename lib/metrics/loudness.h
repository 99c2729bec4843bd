/* loudness.h - loudness and true peak: ITU-R BS.1770-4, EBU R 128, Tech 3341, Tech 3342.
 *
 * The weighting is metrics/kweight.h, the true peak metrics/truepeak.h; windows, gates and the range are sums of energies of 10 ms.
 * All of it agrees with libebur128, which the tests ask (and `shootout doctor` on this machine).
 * The largest momentary and short-term values are of windows every 10 ms: at 10 Hz the file cases of Tech
 * 3341 (test 13) are off by half a LU.  Gating blocks are every 100 ms, and so are the short-term values of the range.
 *
 * Channels are taken as mono; left, right; L R C; L R Ls Rs; L R C Ls Rs; L R C LFE Ls Rs, with the
 * weights of BS.1770 (surround 1.41, LFE not counted).  Seven and more have no order
 * that all agree on: each counts once.  A mono file counts once, as the standard has it, which reads
 * 3.01 LU less than the same signal on two speakers; LOUDNESS_DUAL_MONO counts it twice.
 *
 * Streaming; the memory is constant but for the gating blocks, about 0.6 MB per hour. */
#ifndef METRICS_LOUDNESS_H
#define METRICS_LOUDNESS_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum {
	LOUDNESS_INTEGRATED = 1, /* integrated, its gate, and the ungated value */
	LOUDNESS_MAX = 2,        /* largest momentary and short-term */
	LOUDNESS_RANGE = 4,      /* with LOUDNESS_INTEGRATED */
	LOUDNESS_TRUE_PEAK = 8,  /* with LOUDNESS_MAX also the ratio of peak to short-term loudness */
	LOUDNESS_ALL = 15,
	LOUDNESS_DUAL_MONO = 16, /* with one channel only: it is played on two speakers */
	LOUDNESS_SERIES = 32     /* with LOUDNESS_MAX: keep what loudness_series() gives */
};

/* What was not asked for, or is not defined for the signal, is NAN. */
struct loudness_values {
	double integrated_lufs;     /* gated; NAN under 400 ms, or when all is under the gate of -70 LUFS */
	double threshold_lufs;      /* the relative gate, 10 LU under the loudness of the louder blocks */
	double ungated_lufs;        /* the whole signal without gating, of any length; NAN for silence */
	double max_momentary_lufs;  /* 400 ms windows; NAN when shorter, or silent */
	double max_short_term_lufs; /* 3 s windows; NAN when shorter, or silent */
	double range_lu;            /* LRA; NAN under 4 s (it needs two windows of 3 s) or when all is under -70 LUFS */
	double true_peak_dbtp;      /* 4x oversampled (2x from 96 kHz, 1x from 192 kHz); NAN for silence */
	double psr_min_db, psr_median_db, psr_max_db; /* true peak of 3 s over their short-term loudness, every 100 ms where that is
	                             * over -70 LUFS (AES convention e-brief 373 of 2017); NAN when it nowhere is */
	int64_t inter_sample_overs; /* 10 ms steps with a true peak over 0 dBTP where no sample is over full scale */
	int64_t frames;
};

/* Every 100 ms.  NAN where the window is not full yet, or silent. */
struct loudness_point {
	float momentary_lufs, short_term_lufs; /* of the 400 ms and 3 s that end here */
	float true_peak_dbtp;                  /* of these 100 ms */
};

struct loudness; /* one signal; one thread at a time */

/* flags: LOUDNESS_*.  Returns 0, or -1 for an impossible rate or no memory. */
int loudness_new(struct loudness **l, int rate_hz, int channels, int flags, struct err *e);
/* x: frames x channels, interleaved, full scale 1.0, borrowed for the call.  Any block sizes
 * give the same values. */
int loudness_add(struct loudness *l, const float *x, int64_t frames, struct err *e);
/* The values of all that was added; the signal is taken as followed by silence.  Call
 * it once, last. */
int loudness_end(struct loudness *l, struct loudness_values *v, struct err *e);
/* After loudness_end(): point i is of the time (i + 1) * 10 * (rate_hz / 100) frames.  Owned by l. */
const struct loudness_point *loudness_series(const struct loudness *l, size_t *n);
void loudness_free(struct loudness *l); /* NULL is fine */

/* The loudness to bring a signal to a level by: the integrated value, and the ungated one where
 * that is not defined because the signal is too short.  NAN: silent, or all under the gate.
 * *kind (may be NULL) becomes "integrated" or "ungated". */
double loudness_for_level(const struct loudness_values *v, int rate_hz, const char **kind);
#endif
