/* par.h - threads: one loop over independent jobs, and the clock. */
#ifndef BASE_PAR_H
#define BASE_PAR_H
#include <stddef.h>

/* CPUs this process may run on (affinity respected); at least 1. */
int par_cpus(void);

/* Call fn(ctx, i, thread) for every i in 0..n-1, on up to `threads` threads (0: par_cpus()),
 * each i once, in no fixed order; thread is 0..threads-1, for scratch memory.  Returns when
 * all are done.  With 1 thread, or where none can be started, it runs in the caller. */
void par_for(int threads, size_t n, void (*fn)(void *ctx, size_t i, int thread), void *ctx);

/* Seconds of a monotonic clock. */
double par_clock_s(void);
#endif
