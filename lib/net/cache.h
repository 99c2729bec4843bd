/* cache.h - the store as a user sees it: what is there, whether it is whole, what may go, what comes and goes by hand. */
#ifndef NET_CACHE_H
#define NET_CACHE_H
#include "base/err.h"
#include "net/store.h"

struct cache_options {
	double max_age_days;     /* gc; negative: MODEL_CACHE_MAX_AGE_DAYS, else any age */
	long long max_bytes;     /* gc; negative: MODEL_CACHE_MAX_BYTES, else any size */
	int dry;                 /* gc: only count */
	const char *as;          /* add: TONE/MODEL of the one file; NULL: from the record beside each */
	/* A file: its record (borrowed) and where it is. */
	int (*file)(void *ctx, const json_t *record, const char *path, int cached, struct err *e);
	/* A "tone-store/1" or "tone-gc/1" object, borrowed. */
	int (*line)(void *ctx, json_t *line, struct err *e);
	void (*failed)(void *ctx, const char *what, const struct err *e);
	void *ctx;
};

/* Whether the words after "cache" are a command; else what is wrong with them is in *e.
 *   ls              each record
 *   stat            a "tone-store/1" object
 *   verify          hash and read each file; what is damaged goes to failed(), and is removed so that it is fetched again
 *   gc              remove by age and size (store.h), a "tone-gc/1" object
 *   add FILE...     validate and keep files; FILE.json beside is their record, unless `as` says which it is
 *   export DIR [TONE/MODEL...]  copy these files, or all, and their records */
int cache_check(int n, char *const arg[], const struct cache_options *o, struct err *e);
int cache_run(struct store *s, int n, char *const arg[], const struct cache_options *o, struct err *e);
#endif
