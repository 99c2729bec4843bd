/* shift.h - a signal moved in time by any number of frames, whole or not; streaming.
 *
 * Output frame t is the signal at input time t - frames: positive is later.  A whole number of frames moves the samples
 * and changes none.  The rest is interpolated with a sinc under a Kaiser window of 240 frames (beta 16.7), linear phase, in
 * double: up to 0.455 of the sample rate the level stays within 0.000001 dB and the place within 0.000001 frames; above
 * that, towards half the rate, the level falls.  Parts of a frame are rounded to 2^-40.  The same bits on every machine and
 * for any block sizes. */
#ifndef DSP_SHIFT_H
#define DSP_SHIFT_H
#include "base/err.h"
#include <stdint.h>

enum { SHIFT_TAPS = 240 };

struct shift; /* one stream; one thread at a time */

/* frames: within +-2^40.  -1: out of memory. */
int shift_new(struct shift **s, int channels, double frames, struct err *e);
/* Frames of silence that the caller puts before all that comes out of shift_process(). */
int64_t shift_lead(const struct shift *s);
/* Feed n frames of in[n * channels] (n may be 0); end with the last.  *out points to *got frames that the caller may
 * change and that are valid until the next call.  The lead and they are what went in, moved: with the end the rest comes,
 * up to the last frame that is more than silence. */
int shift_process(struct shift *s, const float *in, int64_t n, int end, float **out, int64_t *got, struct err *e);
void shift_free(struct shift *s); /* NULL is fine */
#endif
