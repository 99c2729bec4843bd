/* envelope.h - onsets, attack and decay of plucked notes, also through a distorting amp.
 *
 * A level threshold finds no onset in a compressed guitar, so onsets are taken from the spectrum: every 10 ms
 * the level of the bands of a sixth of an octave from 80 Hz to 16 kHz (Hann window of the power of two that is at least
 * 1/12 s; dB, nothing less than 60 dB under the loudest so far) is compared with that 40 ms before; the mean of the rises
 * is the novelty.  An onset is a novelty that is the largest within 30 ms, 1.25 dB or more above the median of
 * the 200 ms around it, and 50 ms after the last onset; one whose peak is 40 dB under the loudest sample is
 * dropped.  Of the windows, bands and limits tried on takes with known notes, before and behind amp models, these
 * found most notes with least else; steady noise gives one in three seconds or so.
 *
 * The envelope is the largest absolute sample of the last 10 ms, every 1 ms: such a maximum only shifts a rise or a
 * decay in time and leaves its length and slope.  It is exact for notes above 50 Hz, in steps of half a
 * period of the lowest note.
 *
 * Streaming; constant memory but for 12 bytes per onset. */
#ifndef METRICS_ENVELOPE_H
#define METRICS_ENVELOPE_H
#include "base/err.h"
#include <stdint.h>

struct envelope_values {
	int64_t onsets;
	double transient_density_per_s; /* onsets over the duration; NAN for nothing */
	double attack_median_ms;        /* 10 to 90 % of the rise from the lowest point in the 60 ms before a note to the
	                                 * highest in the 80 ms after it; onsets that rise less than 3 dB do not count */
	double decay_rate_db_s;         /* median slope of the envelope in dB from 10 ms after the peak to 50 ms before
	                                 * the next note, or 40 dB down; only where that is 100 ms or more; negative: it decays */
	int64_t attacks, decays;        /* onsets that these medians are of; none: NAN */
};

struct envelope; /* one signal; one thread at a time */

/* rate_hz: 1000 and more.  -1: out of memory. */
int envelope_new(struct envelope **v, int rate_hz, int channels, struct err *e);
/* x: frames x channels, interleaved, borrowed for the call.  Block sizes do not matter. */
int envelope_add(struct envelope *v, const float *x, int64_t frames, struct err *e);
int envelope_end(struct envelope *v, struct envelope_values *out, struct err *e); /* once, last */
void envelope_free(struct envelope *v);                                           /* NULL is fine */
#endif
