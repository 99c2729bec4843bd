/* diff_batch.h - many pairs of files as JSON lines (cli/batch.h).
 *
 * A job has "ref" and "test", and may have "id", "max_delay_s", "tolerance", "fail_if" (a list of rules, beside those
 * of the command line) and "null" (a file for the difference).  The answers are diff-batch/1 with an audio-diff/1 object each. */
#ifndef METRICS_DIFF_BATCH_H
#define METRICS_DIFF_BATCH_H
#include "cli/batch.h"
#include "metrics/diff_files.h"

struct diff_batch {
	double max_delay_s;             /* of jobs that do not say */
	int threads;                    /* 0: one for each CPU */
	const struct diff_pair *demands; /* exact and rules, of every job */
	struct diff_log *log;           /* gets every pair */
};

/* batch_main(), with ST_NO where all pairs could be compared and one does not meet its demands. */
int diff_batch_main(const struct diff_batch *b);
#endif
