/* envelope.h - onsets, attack, decay and sustain of plucked notes, also through a distorting amp.
 *
 * A level threshold finds no onset in a compressed guitar, so onsets are taken from the spectrum: every 10 ms
 * the level of the bands of a sixth of an octave from 80 Hz to 16 kHz (Hann window of the power of two that is at least
 * 1/12 s; dB, nothing less than 60 dB under the loudest so far) is compared with that 40 ms before; the mean of the rises
 * is the novelty.  An onset is a novelty that is the largest within 30 ms, 1.25 dB or more above the median of
 * the 200 ms around it, and 50 ms after the last onset; one whose peak is 40 dB under the loudest sample is
 * dropped.  Of the windows, bands and limits tried on takes with known notes, before and behind amp models, these
 * found most notes with least else; steady noise gives one in three seconds or so.
 *
 * What was played is better known from the DI: onsets that were found there can be given, and then every tone of that DI is
 * measured at the same notes.
 *
 * The envelope is the largest absolute sample of the last 10 ms, every 1 ms: such a maximum only shifts a rise or a
 * decay in time and leaves its length and slope.  It is exact for notes above 50 Hz, in steps of half a
 * period of the lowest note.
 *
 * Streaming; constant memory but for 24 bytes per onset. */
#ifndef METRICS_ENVELOPE_H
#define METRICS_ENVELOPE_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct envelope_values {
	int64_t onsets;
	double transient_density_per_s; /* onsets over the duration; NAN for nothing */
	double attack_median_ms;        /* 10 to 90 % of the rise from the lowest point in the 60 ms before a note to the
	                                 * highest in the 80 ms after it, over the share of the peak that the rise is, because the
	                                 * note before hides its beginning; onsets that rise less than 3 dB do not count */
	double decay_rate_db_s;         /* median slope of the envelope in dB from 10 ms after the peak to 50 ms before
	                                 * the next note, or 40 dB down; only where that is 100 ms or more; negative: it decays */
	double sustain_median_db;       /* median of the envelope 250 ms after the peak, relative to it, where no other
	                                 * note has begun by then */
	int64_t attacks, decays, sustains; /* how many the three medians are of */
};

struct envelope_onset {
	int32_t hop;                 /* of 10 ms; where the novelty is largest, 20 to 60 ms after the note begins */
	float peak;                  /* amplitude */
	float attack_ms, decay_db_s, sustain_db; /* NAN: not measured */
};

struct envelope;

/* given, n: the onsets of another signal of the same times, by their hops, ascending, instead of looking for them; borrowed
 * until envelope_free().  NULL: look for them. */
int envelope_new(struct envelope **v, int rate_hz, int channels, const struct envelope_onset *given, size_t n, struct err *e);
/* x: frames x channels, interleaved, borrowed for the call.  Block sizes do not matter. */
int envelope_add(struct envelope *v, const float *x, int64_t frames, struct err *e);
int envelope_end(struct envelope *v, struct envelope_values *out, struct err *e); /* once, last */
/* After envelope_end(): all onsets that count, in order.  Owned by v. */
const struct envelope_onset *envelope_onsets(const struct envelope *v, size_t *n);
void envelope_free(struct envelope *v); /* NULL is fine */
#endif
