/* gts.h - twelve values as the web system guitar-tone-shootout computed them, for comparing with its numbers.
 *
 * They are kept as they were defined, with what is wrong in them: no value is null (silence has 0 or minus infinity), the channels
 * of a file are taken one behind the other, the centroid weighs one transform of the whole file without a window, the
 * attack is the time to the loudest sample, and "lufs" is RMS - 0.691 dB, which is what an installation without its optional
 * parts gave.  audio-metrics(1) has better ones. */
#ifndef METRICS_GTS_H
#define METRICS_GTS_H
#include "base/err.h"
#include <stddef.h>

enum { GTS_MAX_SAMPLES = 1 << 23 }; /* 96 bytes of memory for each */

struct gts_values {
	double duration_s;
	double rms_dbfs, peak_dbfs, crest_factor_db, dynamic_range_db;
	double spectral_centroid_hz, bass_energy_ratio, mid_energy_ratio, treble_energy_ratio;
	double transient_density, attack_time_ms, sustain_decay_rate_db_s, lufs_integrated;
};

/* x: n samples, 1..GTS_MAX_SAMPLES, all of channel 1, then of channel 2 and so on; borrowed.  -1: no memory, or too many. */
int gts_measure(const float *x, size_t n, int rate_hz, struct gts_values *v, struct err *e);
#endif
