/* level.h - levels, dynamics, faults and stereo image: what one look at each sample tells.
 *
 * All levels are dB relative to full scale 1.0.  RMS is the plain root mean square, so that a sine of
 * full scale reads -3.01 dBFS (as sox and ffmpeg have it; AES17 calls that 0).  Where there are
 * several channels, RMS is over the samples of all, a peak is the largest of any.
 *
 * Streaming; the memory is constant but for one float per 50 ms, and two per 3 s and channel. */
#ifndef METRICS_LEVEL_H
#define METRICS_LEVEL_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* Samples at or over this are taken as clipped when LEVEL_CLIP_RUN of them follow each other in
 * a channel: the largest 16-bit value. */
#define LEVEL_CLIP_FS (32767.0f / 32768.0f)
enum { LEVEL_CLIP_RUN = 3 };
#define LEVEL_SILENCE_DBFS (-80.0)

/* NAN: not defined for the signal. */
struct level_values {
	double rms_dbfs, peak_dbfs;   /* NAN for silence */
	double crest_factor_db;       /* peak - rms */
	double dc_offset_fs;          /* mean of the samples, of the channel where it is largest */
	double dynamic_range_db;      /* 95th over 5th percentile of the RMS of 50 ms windows; windows of
	                               * digital silence and an incomplete last one do not count; NAN with fewer than 2 */
	double dr14_db;               /* "DR" of the Pleasurize Music Foundation: the second largest peak of blocks of 3 s over
	                               * the root of the mean square of the loudest fifth of their RMS (a sine of full scale has 0);
	                               * mean over channels, not rounded; NAN under 2 blocks or for a silent channel */
	double noise_floor_dbfs;      /* 5th percentile of the same windows; NAN with fewer than 20 */
	int64_t clipped_runs, clipped_samples, longest_clipped_run_frames;
	int64_t samples_over_full_scale; /* above 1.0 or below -1.0 */
	double leading_silence_s;     /* until the first sample over LEVEL_SILENCE_DBFS; all of it if there is none */
	double trailing_silence_s;    /* after the last; 0 if all is silent (it is counted as leading) */
	double silent_ratio;          /* 50 ms windows with an RMS under LEVEL_SILENCE_DBFS, 0..1 */
	double correlation;           /* of two channels, -1..1, uncentred; NAN for other counts and silence */
	double width_ratio;           /* of two channels: energy of the side (L - R) in that of mid and side, 0 mono, 1 out of
	                               * phase; NAN for other counts and silence */
	double balance_db;            /* RMS of the left over the right channel; NAN as for correlation */
	int64_t frames;
};

struct level; /* one signal; one thread at a time */

/* NULL: out of memory. */
struct level *level_new(int rate_hz, int channels);
/* x: frames x channels, interleaved, borrowed for the call.  Block sizes do not matter. */
int level_add(struct level *l, const float *x, int64_t frames, struct err *e);
int level_end(struct level *l, struct level_values *v, struct err *e); /* once, last; -1: out of memory */
/* After level_end(): RMS of each whole window of 50 ms, over all channels.  Owned by l. */
const float *level_windows(const struct level *l, size_t *n);
void level_free(struct level *l);                        /* NULL is fine */
#endif
