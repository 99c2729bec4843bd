/* limit_model.h - how a gain with the limiter of limiter.h after it would change a level, without doing it.
 *
 * One look at the signal keeps, for about each quarter of the limiter's way down, its true peak and its energy; from these a gain's
 * effect follows in half a nanosecond a frame, where limiting and measuring take twenty.  What is told is right to a
 * hundredth of a dB for real tones limited by a few dB; whoever needs more measures what came out and asks again with the difference.
 *
 * Streaming; memory: 6 kB for a second at 48 kHz, up to 12 MB, from where on the times are twice as long, and so on.  The results are
 * the same for all block sizes and instruction sets. */
#ifndef METRICS_LIMIT_MODEL_H
#define METRICS_LIMIT_MODEL_H
#include "metrics/loudness.h"

enum limit_model_of { LIMIT_MODEL_INTEGRATED, LIMIT_MODEL_MOMENTARY, LIMIT_MODEL_SHORT_TERM, LIMIT_MODEL_ENERGY };
#define LIMIT_MODEL_MOST_DB 20.0 /* of limiting: past that what was kept of the peaks is not enough */

struct limit_model; /* one signal; one thread at a time */

/* rate_hz 1000 and more.  of: what will be asked for.  -1: out of memory. */
int limit_model_new(struct limit_model **m, int rate_hz, int channels, enum limit_model_of of, struct err *e);
/* frames of x (interleaved, borrowed for the call); counted: whether they are of what the level is of. */
int limit_model_add(struct limit_model *m, const float *x, int64_t frames, int counted, struct err *e);
/* No more will come.  series: what loudness_series() gives of the frames that counted.  Returns 0 and in *peak the true peak of
 * all (truepeak.h), full scale 1.0; -1: out of memory. */
int limit_model_end(struct limit_model *m, const struct loudness_point *series, size_t n, double *peak, struct err *e);

/* By how many dB the level changes with this gain (a factor) and then a limiter at `limit`, full scale 1.0. */
double limit_model_change(struct limit_model *m, double gain, double limit);
/* The least gain in dB that with a limiter at limit_db (re full scale) changes the level by change_db, to a thousandth, and in
 * *change what it changes.  1: LIMIT_MODEL_MOST_DB of limiting are not enough; then the gain is that with so many. */
int limit_model_gain(struct limit_model *m, double change_db, double limit_db, double *gain_db, double *change);
void limit_model_free(struct limit_model *m); /* NULL is fine */
#endif
