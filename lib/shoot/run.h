/* run.h - carry out a plan with make, and check afterwards that files still are what was made. */
#ifndef SHOOT_RUN_H
#define SHOOT_RUN_H
#include "base/err.h"
#include <jansson.h>
#include <stddef.h>

/* Told of each event ("event/1": event start, step, done or failed; unix_s, seconds, step, steps, text), or,
 * with event NULL, of any other line that a step prints.  Both are borrowed for the call. */
typedef void run_event_fn(void *ctx, const json_t *event, const char *line);

/* Only one process may work in a run directory: takes a lock that ends with close(), or with this process and
 * all that it started.  Returns its descriptor; -1 with ERR_RETRY when another has it. */
int run_lock(const char *run, struct err *e);

/* Steps that make would do now; 0: all is up to date.  -1: error. */
int run_pending(const char *run, struct err *e);

/* make -C RUN -j jobs, with SHOOTOUT_THREADS, unless it is set, at the CPUs that each of so many steps
 * may take.  Each event is also a line of RUN/events.jsonl.  What is done stays done when it
 * fails or is killed: call it again.  *steps counts those begun.  Returns make's exit status (0: all done), or
 * -1 when make cannot be started. */
int run_make(const char *run, int jobs, run_event_fn *on, void *ctx, int *steps, struct err *e);

/* Hash again every file that RUN/manifest.jsonl says was read or made.  Calls bad(ctx, file, why) for each
 * that is gone or differs.  Files made later in the same manifest win over earlier lines of the same
 * name; pipes ("-") are skipped.  *files counts those hashed.  Returns the number of bad ones, -1: no manifest. */
int run_verify(const char *run, void (*bad)(void *ctx, const char *file, const char *why), void *ctx,
               size_t *files, struct err *e);

/* Compare what two runs of the same description made: every output file of a's manifest must have the same
 * SHA-256 in b's.  Returns the number that differ, or -1. */
int run_compare(const char *a, const char *b, void (*bad)(void *ctx, const char *file, const char *why), void *ctx,
                size_t *files, struct err *e);
#endif
