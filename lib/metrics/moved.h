/* moved.h - a signal from some frame on, also from between two frames. */
#ifndef METRICS_MOVED_H
#define METRICS_MOVED_H
#include "metrics/diff.h"

struct moved;

/* Begin a pass over in; frame t of it is frame t + at + fraction of in.  at: 0 and more, 0 <= fraction < 1 (align_taps()). */
int moved_open(struct moved **m, const struct diff_input *in, int channels, int64_t at, double fraction, int again, struct err *e);
/* Up to `frames` frames into x; fewer only at the end of in. */
int64_t moved_read(struct moved *m, float *x, int64_t frames, struct err *e);
/* Read in to its end. */
int moved_finish(struct moved *m, struct err *e);
void moved_close(struct moved *m); /* NULL is fine */
#endif
