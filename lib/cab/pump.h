/* pump.h - reading or writing in a thread of its own, so that it goes on while the rest of the work does.
 *
 * A ring of buffers of PUMP_SAMPLES floats lies between the thread and its owner, who is one thread too.  The order
 * is kept, so nothing but the time depends on there being a thread. */
#ifndef CAB_PUMP_H
#define CAB_PUMP_H
#include "base/err.h"
#include <stdint.h>

enum { PUMP_SAMPLES = 65536, PUMP_BUFFERS = 8 }; /* 2 MiB */

struct pump;

/* fill() is called in the thread until it returns 0 or less: the frames that it has put into x, 0 at the end, -1 with *e. */
int pump_source(struct pump **p, int64_t (*fill)(void *ctx, float *x, struct err *e), void *ctx, struct err *e);
/* The next buffer in *x, valid until the next call.  Returns what fill() did. */
int64_t pump_take(struct pump *p, const float **x, struct err *e);

/* drain() is called in the thread with what was sent; once it has returned -1 with *e it is not called again. */
int pump_sink(struct pump **p, int (*drain)(void *ctx, const float *x, int64_t n, struct err *e), void *ctx, struct err *e);
/* Where to put up to PUMP_SAMPLES floats for pump_send(); NULL once drain() has failed. */
float *pump_room(struct pump *p);
void pump_send(struct pump *p, int64_t n);

/* Ends the thread, a sink's after all that was sent, a source's as soon as fill() returns, and frees p.  -1: drain() has failed,
 * with its *e.  NULL is fine. */
int pump_close(struct pump *p, struct err *e);
#endif
