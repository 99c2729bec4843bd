/* limiter.h - a true-peak limiter with look-ahead, for files; streaming, nothing delayed.
 *
 * One gain for all channels.  It is at most ceiling / peak wherever the signal, or the signal between its samples as
 * truepeak.h interpolates it, has a peak over the ceiling.  It falls over the LIMITER_AHEAD_MS before a peak along a raised
 * cosine and comes back with a time constant of LIMITER_RELEASE_MS.  It moves on a grid of 8 frames, straight between.
 * Because the gain moves, the true peak of the product can pass the ceiling by some hundredths of a dB: measure it, and
 * ask for a little less if that matters.  Where the gain is 1 samples are copied bit for bit.  The output does
 * not depend on block sizes. */
#ifndef METRICS_LIMITER_H
#define METRICS_LIMITER_H
#include "base/err.h"
#include <stdint.h>

#define LIMITER_AHEAD_MS 5.0
#define LIMITER_RELEASE_MS 100.0

struct limiter; /* one stream; one thread at a time */

/* ceiling: full scale 1.0, above 0.  rate_hz 1000 and more.  -1: out of memory. */
int limiter_new(struct limiter **l, int rate_hz, int channels, double ceiling, struct err *e);
/* Feed n frames of x[n * channels] (n may be 0); end with the last.  *out points to *got frames that are valid until the next
 * call.  In all, as many frames come out as went in. */
int limiter_process(struct limiter *l, const float *x, int64_t n, int end, const float **out, int64_t *got, struct err *e);

struct limiter_facts {
	double max_reduction_db;  /* 0: it never did anything */
	int64_t limited_frames;   /* with a gain under 1 */
};
void limiter_facts(const struct limiter *l, struct limiter_facts *f);
void limiter_free(struct limiter *l); /* NULL is fine */
#endif
