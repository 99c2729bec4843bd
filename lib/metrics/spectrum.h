/* spectrum.h - the long-term average spectrum and what it tells.
 *
 * Welch's method (P. D. Welch, 1967): periodic Hann windows of the smallest power of two that is at
 * least 1/6 s (8192 samples at 44.1 and 48 kHz), half overlapping, their power averaged over windows
 * and channels; the rest after the last whole window does not count.  A signal shorter than
 * one window is one Hann window of its own length.
 *
 * All values are over 20 Hz to 20 kHz (or half the rate), so that DC and rumble do not shift them.  A bin counts as
 * the band of one bin width around it, cut at the limits of a range.
 *
 * Streaming, constant memory. */
#ifndef METRICS_SPECTRUM_H
#define METRICS_SPECTRUM_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { SPECTRUM_BANDS = 30 };

/* Nominal centres of the third-octave bands of IEC 61260-1, 25 Hz to 20 kHz.  Their exact centres are
 * 1000 * 10^(k/10) Hz, k = -16..13, the edges 10^(1/20) below and above. */
extern const double spectrum_band_hz[SPECTRUM_BANDS];

struct spectrum_values { /* all NAN for silence */
	double centroid_hz;      /* sum f S / sum S, S the amplitude spectrum (Peeters 2004) */
	double spread_hz;        /* standard deviation of f around it with the same weights */
	double rolloff_85_hz, rolloff_95_hz; /* the frequency below which 85 (95) % of the power lies */
	double slope_db_octave;  /* of the straight line through the density (dB per Hz) of the third octaves that are at most 60 dB
	                          * under the strongest; 0 for white, -3.01 for pink noise; NAN with fewer than 3 */
	double flatness;         /* geometric over arithmetic mean of the power, 0..1 */
	double bass_ratio, mid_ratio, treble_ratio; /* power in 20-250, 250-2000, 2000-20000 Hz over the three */
	double third_octave_dbfs[SPECTRUM_BANDS];   /* mean square in a band; NAN: empty, or past half the rate */
};

struct spectrum; /* one signal; one thread at a time */

/* -1: out of memory. */
int spectrum_new(struct spectrum **s, int rate_hz, int channels, struct err *e);
/* x: frames x channels, interleaved, borrowed for the call.  Block sizes do not matter. */
void spectrum_add(struct spectrum *s, const float *x, int64_t frames);
int spectrum_end(struct spectrum *s, struct spectrum_values *v, struct err *e); /* once, last; -1: out of memory */
void spectrum_free(struct spectrum *s);                           /* NULL is fine */

/* After spectrum_end(): bins 0..*n-1 of the average power, scaled so that their sum is the mean
 * square of the signal; bin k is at k * *bin_hz.  Owned by s. */
const double *spectrum_power(const struct spectrum *s, size_t *n, double *bin_hz);
#endif
