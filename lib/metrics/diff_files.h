/* diff_files.h - files compared, one pair or all pairs of many. */
#ifndef METRICS_DIFF_FILES_H
#define METRICS_DIFF_FILES_H
#include "metrics/diff_report.h"

struct diff_files {
	double max_delay_s;  /* looked for both ways */
	int threads;         /* 0: one for each CPU */
	const char *null;    /* gets the difference after the fit, as long as ref; NULL: not wanted */
	void (*step)(void *ctx, int64_t frames); /* frames of all passes so far; NULL: not wanted */
	void *ctx;
};

/* Compare p->ref with p->test, of which one may be "-", and fill the rest but the demands.  -1: p->e says why. */
int diff_pair(struct diff_pair *p, const struct diff_files *o);

/* Whether key is a number that says how near two files are: 1 the larger the nearer, -1 the smaller; 0 no such number. */
int diff_nearer(const char *key);

/* All pairs of n files by one number, as the object diff-matrix/1; o->threads pairs at a time.  The first of a pair is the
 * reference.  NULL and why when one cannot be compared. */
json_t *diff_matrix(const char *const *file, size_t n, const char *key, const struct diff_files *o, struct err *e);
#endif
