/* truepeak.h - the peak of the signal between its samples (ITU-R BS.1770-4 Annex 2), exactly and fast.
 *
 * The signal is interpolated to 4 times its rate (2 times from 96 kHz, not at all from 192 kHz) with a windowed sinc
 * of 49 taps (Hann), in double precision without fused multiply-adds, and a result is rounded to float: the filter and the
 * arithmetic of libebur128, so that the two give the same bits on plain x86-64.
 *
 * A block of up to 64 frames is not interpolated when its largest sample times the largest gain of the filter
 * cannot beat the peak already known and cannot be an over; what is left out therefore never changes a result.
 * Of each tenth of a second the block with the largest sample is first.
 *
 * The peaks of each tenth of a second are kept apart, because the ratio of peak to short-term loudness needs them. */
#ifndef METRICS_TRUEPEAK_H
#define METRICS_TRUEPEAK_H
#include "base/err.h"
#include <stdint.h>

struct truepeak; /* one signal; one thread at a time */

/* rate_hz: 100 and more.  -1: out of memory. */
int truepeak_new(struct truepeak **t, int rate_hz, int channels, struct err *e);
/* x: frames x channels, interleaved, borrowed for the call.  Block sizes do not matter. */
void truepeak_add(struct truepeak *t, const float *x, int64_t frames);

/* Of what was added up to the last whole hop: ten times rate_hz / 100 frames. */
double truepeak_hop(const struct truepeak *t);  /* peak of the last hop, full scale 1.0 */
/* Ends the signal, with silence after it; once, last.  *overs: steps of rate_hz / 100 frames with a peak above 1.0
 * in which no sample is.  Returns the peak of all. */
double truepeak_end(struct truepeak *t, int64_t *overs);
void truepeak_free(struct truepeak *t); /* NULL is fine */
#endif
