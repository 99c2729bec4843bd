/* nam_crew.h - signals through models on several threads: the same bits as on one.
 *
 * A flow is a signal of one or more channels on its way through a model: frames are asked from the
 * caller, each channel goes through a stream of its own, and the caller gets the result in order.  A crew
 * is a number of threads that bring flows to their end; each of them asks, computes or hands on, whatever
 * is due, so that none waits for another that only reads or writes.
 *
 * How one flow keeps several threads busy.  The output of a feed-forward model depends on its
 * receptive field R of input and on nothing else.  So a thread without work takes the later half of what another
 * still has to do: it resets a stream, runs the R - 1 frames before its half, drops what comes out, and goes on
 * as if it had been there from the start.  That costs R - 1 frames of work each time, seldom: threads take
 * halves of what was read ahead, which is 128 R frames for each thread, within 64 MiB for a flow.
 * Recurrent models remember everything: their channels run side by side, and one channel alone on
 * one thread.  Streams of one recurrent model, also of several flows, run in lockstep (nam_process_many()):
 * each thread takes an equal share of them, up to 32.
 *
 * What was asked for is at once computed and at once handed on: a pipe flows.  Reading ahead is for threads that
 * would be idle.
 *
 * Memory of a flow: input and output that are on their way, at most 64 MiB together, or 32768 frames of each
 * channel where that is more; the past of the input that a new stream runs, at most 64 MiB (a longer one
 * is not shared); and a stream (nam_stream_new()) for each channel and, at the most, one more for each thread.
 *
 * What limits it.  On a clock that only counts the model (A1 standard, R = 4093, a minute at 48 kHz) 2 threads are
 * 99 % busy with 0.4 % of extra work, 16 are 95 % with 2 %, 64 are 83 % with 9 %: 63 threads run R - 1 frames once,
 * of 45000 that each has to do.  A longer file or more channels make that smaller.  Reading and conversion to the model's rate
 * of a flow are one thread's work at a time, writing and conversion back another's, together about 1000 times real time;
 * beyond that many jobs at once are what keeps more threads busy. */
#ifndef NAM_CREW_H
#define NAM_CREW_H
#include "nam/nam.h"

enum {
	NAM_CREW_MAX_FRAMES = 16384  /* of one call of read or write */
};

/* The caller's; read and write are called by any thread of the crew, one call of each kind of a flow
 * at a time.  Both work on x[channel][frame]. */
struct nam_flow {
	const struct nam_model *model;
	int channels;
	int64_t frames;      /* that will be read, when known; only to save memory; else -1 */
	void *ctx;           /* for the three below */
	/* At least one and at most max frames: returns their number, 0 at the end, -1 on error. */
	int64_t (*read)(void *ctx, float *const *x, size_t max, struct err *e);
	/* As many frames as were read, in order; 0 or -1. */
	int (*write)(void *ctx, const float *const *x, size_t n, struct err *e);
	/* The last call: all is written (failed is NULL), or will not be, and why. */
	void (*end)(void *ctx, const struct err *failed);
	const char *device;  /* set by the crew: "cpu", or the GPUs' name */
	const char *precision; /* set by the crew: "exact", the same bits everywhere, or "fast" (nam_gpus.h) */
	char note[256];      /* set by the crew: what a user should know; empty: nothing */
	char source[65];     /* a name of what read gives: flows of the same name give the same, to the last bit, and a device has
	                      * it once for all of them; empty: unknown */
};

enum nam_crew_next { NAM_CREW_FLOW, NAM_CREW_NONE_YET, NAM_CREW_NO_MORE };

struct nam_crew;

struct nam_gpus;

/* next gives the flow that is to be begun after the last one; it is asked when a thread has nothing
 * better to do, by any thread, by several at once.  After NAM_CREW_NONE_YET it is asked again when a
 * flow has ended or after nam_crew_wake(); after NAM_CREW_NO_MORE never.  A flow has to live until its end().
 * threads: 0 is one for each CPU.  max_flows: begun and not ended, at least 1.
 * gpus: what computes (nam_gpus.h), must outlive the flows; NULL: the threads.  NULL and *e: out of memory. */
struct nam_crew *nam_crew_new(const struct nam_gpus *gpus, int threads, int max_flows,
                              enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow), void *ctx,
                              struct err *e);
/* Work until there are no more flows; the caller's thread is one of the crew. */
void nam_crew_run(struct nam_crew *crew);
void nam_crew_wake(struct nam_crew *crew); /* by any thread */
int nam_crew_threads(const struct nam_crew *crew);
void nam_crew_free(struct nam_crew *crew); /* after nam_crew_run(); NULL is fine */
#endif
