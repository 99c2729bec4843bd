/* crew.h - threads that take pieces of a stream in order, work on them side by side, and give the results in order. */
#ifndef CAB_CREW_H
#define CAB_CREW_H
#include "base/err.h"

/* `thread` is 0..threads-1, for what a thread has of its own.  take() and give() are called by one thread at a time, take() in
 * one after the other and give() in the same order; work() whenever. */
struct crew {
	int threads;
	int (*take)(void *ctx, int thread, struct err *e);  /* 1: there is a piece, 0: no more, -1 */
	void (*work)(void *ctx, int thread);
	int (*give)(void *ctx, int thread, struct err *e);  /* 0, or -1 */
	void *ctx;
};

/* Until take() says that there is no more.  -1: take() or give() has failed, with its *e; what was taken before a take() that failed
 * has been given, after a give() that failed nothing is. */
int crew_run(const struct crew *c, struct err *e);
#endif
