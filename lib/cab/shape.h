/* shape.h - what is done to impulse responses before a signal goes through them, in double precision.
 *
 * Every result has the same bits on every machine: transforms are those of dsp/fft.h, and logarithms, exponentials and
 * turns are made of IEEE operations in a fixed order.  Functions that return int give 0, or -1 with *e when
 * there is no memory or what they say. */
#ifndef CAB_SHAPE_H
#define CAB_SHAPE_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* A response: channel c is x[c * frames], full scale 1.0. */
struct shape {
	double *x;               /* mem_free() */
	int64_t frames;
	int channels, rate_hz;
};
int shape_new(struct shape *h, int64_t frames, int channels, int rate_hz, struct err *e); /* silence */
void shape_free(struct shape *h);

/* What there is to say of all channels together. */
struct shape_facts {
	double peak;             /* largest |h| */
	double energy;           /* sum of h^2, of the channel with most */
	int64_t start_frame;     /* first |h| that reaches a thousandth of the peak (-60 dB) */
	int64_t onset_frame;     /* first |h| that reaches a tenth of the peak (-20 dB) */
};
void shape_measure(const struct shape *h, struct shape_facts *f);

/* Keep frames from..from + frames; more than there are is silence. */
int shape_cut(struct shape *h, int64_t from, int64_t frames, struct err *e);
/* Fade the last n frames out: 3 u^2 - 2 u^3, the last frame becomes 0. */
void shape_fade(struct shape *h, int64_t n);

/* A second-order Butterworth low cut (high == 0) or high cut at hz, within 0..rate/2.  The response grows by the time in which
 * the filter rings down by 170 dB. */
int shape_filter(struct shape *h, int high, double hz, struct err *e);

/* Each channel becomes the one of minimum phase with the same magnitude: as early as can be.  By the real cepstrum of 16
 * times the length (65536 points at least), magnitudes floored 180 dB under the largest; the length stays.  *error_db: the largest
 * difference of magnitude where it is within 60 dB of the largest. */
int shape_minimum_phase(struct shape *h, double *error_db, struct err *e);

/* Where b lies against a: the lag of the largest |correlation| of their first two seconds, channels added up, within
 * half a second.  They have as
 * many channels, or one of them has one. */
struct shape_match {
	double lag;              /* frames that b is later, in steps of 1/256 */
	double correlation;      /* there, -1..1; below 0: of opposite polarity */
};
int shape_compare(const struct shape *a, const struct shape *b, struct shape_match *m, struct err *e);

/* Delay by `frames`, a multiple of 1/256 (negative: earlier, and what would come before frame 0 is lost): by a windowed sinc of
 * 64 taps where it is no whole number, flat within 0.01 dB up to 0.45 of the rate.  The response grows by the delay and the sinc. */
int shape_delay(struct shape *h, double frames, struct err *e);

enum shape_norm { SHAPE_NONE, SHAPE_ENERGY, SHAPE_PEAK, SHAPE_LOUDNESS, SHAPE_NAM_PLUGIN, SHAPE_JUCE };
/* "none", "energy", "peak", "loudness", "nam-plugin", "juce" -> enum; -1 when it is none of them. */
int shape_norm_of(const char *word);
/* The factor for all channels, as ir-convolve(1) defines it; file_rate_hz: of the response as it was.  0 and *e: silent, or no memory. */
double shape_norm_gain(const struct shape *h, enum shape_norm norm, int file_rate_hz, struct err *e);

/* The gain in dB at each of n frequencies, of one channel; NAN from half the rate on.  Of third octaves: the mean power within. */
int shape_response(const struct shape *h, int channel, const double *hz, double *db, int n, struct err *e);

/* The gain in dB of one channel at `bins` frequencies from 0 to half the rate, evenly; bins - 1 is a power of two and at least
 * frames / 2.  -infinity where there is none. */
int shape_spectrum(const struct shape *h, int channel, double *db, size_t bins, struct err *e);
#endif
