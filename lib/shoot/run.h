/* run.h - carry out a plan with make, and check afterwards that files still are what was made. */
#ifndef SHOOT_RUN_H
#define SHOOT_RUN_H
#include "base/err.h"
#include <stddef.h>

/* Told of each step as it starts ("nam-render riff--plexi.wav"), 1-based, and of any other line that
 * a step prints (n 0). */
typedef void run_step_fn(void *ctx, int n, int total, const char *text);

/* Only one process may work in a run directory: takes a lock that ends with close(), or with this process and
 * all that it started.  Returns its descriptor; -1 with ERR_RETRY when another has it. */
int run_lock(const char *run, struct err *e);

/* Steps that make would do now; 0: all is up to date.  -1: error. */
int run_pending(const char *run, struct err *e);

/* make -C RUN -j jobs.  What is done stays done when it fails or is killed: call it again.
 * Returns make's exit status (0: all done), or -1 when make cannot be started. */
int run_make(const char *run, int jobs, run_step_fn *step, void *ctx, struct err *e);

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
