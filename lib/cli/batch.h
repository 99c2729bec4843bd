/* batch.h - many jobs in one process: JSON lines in, answers out, in order.
 *
 * A job is one line, an object; empty lines are passed over.  Its key "id" is any JSON and comes back as it is; the others are
 * the program's.  The answer is one line: {"schema": ..., "tool", "version", "job": its number from 1, "id", "status": "done"
 * or "failed", "error": why, or null, "report": what the program says of a job that is done, or null}.  A job that cannot be done
 * gets its answer and the next one goes on.
 *
 * Jobs run side by side, one on each thread, and must not need each other's files.  A job begins as soon as its line is there
 * and a thread is free; its answer is written as soon as it and all before it are done, so that another program can
 * talk with this one line by line.  At most 8 jobs a thread are read and not answered. */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H
#include "base/err.h"
#include "cli/progress.h"
#include <jansson.h>
#include <stddef.h>

enum { BATCH_MAX_LINE = 65536, BATCH_MAX_THREADS = 1024 };

struct batch {
	const char *schema;       /* of the answers */
	int threads;              /* 0: one for each CPU */
	/* Do job `number` (from 1), on any thread; the report, which batch_run() then owns, or NULL and why. */
	json_t *(*run)(void *ctx, size_t number, const json_t *job, struct err *e);
	void *ctx;
	struct progress *progress; /* counts answers; NULL: none */
};

struct batch_result { size_t jobs, failed; };

/* Read jobs from descriptor in until its end, write answers to descriptor out.  -1: the batch itself failed, because in
 * cannot be read, out not be written, or memory is out; what has begun is ended first. */
int batch_run(const struct batch *b, int in, int out, struct batch_result *result, struct err *e);

/* For main(): the threads that --threads asks for, or where that is 0 SHOOTOUT_THREADS does, with which a make -j keeps its steps
 * from taking all CPUs each; 0: one for each CPU.  More than BATCH_MAX_THREADS is wrong use and exits. */
int batch_threads(int asked);

/* For main(): a batch between the standard streams with its progress (b's is not read), and what is to be said of
 * it; threads as batch_threads() has them.  Returns a status of diag.h. */
int batch_main(const struct batch *b);

/* The keys of a job and where their values go: to a struct that holds the defaults. */
enum batch_type {
	BATCH_TEXT,   /* const char *, borrowed from the job */
	BATCH_NUMBER, /* double */
	BATCH_WHOLE,  /* int */
	BATCH_INT64,  /* long long */
	BATCH_TRUTH,  /* int, from true and false */
	BATCH_ANY     /* const json_t *, borrowed from the job */
};
struct batch_key {
	const char *name;
	enum batch_type type;
	size_t at;            /* offsetof */
};

/* Set what the job says; null leaves the default.  keys ends with a NULL name.  An unknown key or another type is
 * ERR_INPUT, with the name. */
int batch_keys(const json_t *job, const struct batch_key *keys, void *to, struct err *e);
#endif
