/* novelty.h - how much a spectrum rises, every 10 ms; what onsets are taken from (envelope.h).
 *
 * Streaming, constant memory. */
#ifndef METRICS_NOVELTY_H
#define METRICS_NOVELTY_H
#include "base/err.h"
#include <stdint.h>

struct novelty;

int novelty_new(struct novelty **n, int rate_hz, int channels, struct err *e); /* -1: out of memory */
void novelty_free(struct novelty *n); /* NULL is fine */

/* The next frames, at most up to the end of a hop of 10 ms: hop h (from 1) ends with frame h * rate / 100. */
void novelty_add(struct novelty *n, const float *x, int64_t frames);

/* A hop has ended.  The values come in batches: returns how many hops are new, with the mean rise in dB of each in
 * rise[NOVELTY_BATCH]. */
enum { NOVELTY_BATCH = 16 };
int novelty_hop(struct novelty *n, double *rise);
/* The hops that wait for their batch. */
int novelty_flush(struct novelty *n, double *rise);
#endif
