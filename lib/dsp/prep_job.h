/* prep_job.h - audio conformed: the options of audio-prep, and a run with its files and report.
 *
 * What the options are worth is in audio-prep(1); a batch has them as keys, with _ for -.  A message about an option
 * begins with its key and a colon. */
#ifndef DSP_PREP_JOB_H
#define DSP_PREP_JOB_H
#include "cli/batch.h"
#include "cli/progress.h"
#include "dsp/conform.h"
#include <limits.h>

/* Texts are borrowed. */
struct prep_options {
	struct conform_opts c;           /* its start_frame, length_frames, dither_bits and step are not read: */
	long long start_frame, length_frames; /* LLONG_MIN: not given */
	int dither;
	const char *const *inputs;       /* n; "-" is standard input */
	size_t n_inputs;
	int no_metadata;                 /* carry nothing on of what the input says of its recording */
	int concat;                      /* more than one input is meant */
	const char *output;              /* NULL or "-": standard output; with a split, a pattern */
	const char *encoding;            /* NULL: by the output's name */
	double split_every_s;            /* NAN: not */
	const char *split_at;            /* seconds, with commas between; NULL: not */
	const char *report, *provenance; /* files, or NULL */
	const json_t *input_json;        /* a batch: one name or an array */
};
#define PREP_OPTIONS_NONE { .c = CONFORM_NOTHING, .start_frame = LLONG_MIN, .length_frames = LLONG_MIN, .split_every_s = NAN }

/* Whether the options go together and each is in its range.  Before prep_run(); -1: no. */
int prep_check(const struct prep_options *o, struct err *e);

/* Do it.  progress may be NULL; whoever began it ends it.  0: done, and *report (report may be NULL) is an audio-prep/1
 * object, the caller's.  -1: failed, nothing was written and *report is NULL.  *warning: "" or a sentence that the user should see, also when it failed. */
int prep_run(const struct prep_options *o, struct progress *progress, json_t **report, char warning[256],
             struct err *e);

/* For batch_run(): ctx is a struct prep_options with the defaults. */
json_t *prep_batch_job(void *ctx, size_t number, const json_t *job, struct err *e);
#endif
