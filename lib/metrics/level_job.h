/* level_job.h - one input brought to a level: the options of audio-level, and a run with its report.
 *
 * What the options are worth is in audio-level(1); a batch has them as keys, with _ for -.  A message about an option
 * begins with its key and a colon. */
#ifndef METRICS_LEVEL_JOB_H
#define METRICS_LEVEL_JOB_H
#include "base/err.h"
#include "cli/batch.h"
#include "cli/progress.h"
#include <jansson.h>
#include <limits.h>
#include <math.h>

#define LEVEL_GATE_DBFS (-50.0)
enum { LEVEL_WAYS = 7 }; /* the targets of relevel.h and that of normalize_rms */

/* Texts are borrowed. */
struct level_options {
	const char *input, *output;      /* NULL or "-": the standard streams */
	double lufs, momentary_lufs, short_term_lufs, rms_dbfs, peak_dbfs, true_peak_dbtp, normalize_rms; /* one of these; NAN: not given */
	double gain_db;                  /* or this */
	const char *target;              /* or a file that level_match() wrote */
	int measure;                     /* or this: write nothing */
	const char *ceiling;             /* dBTP or "none"; NULL: by the way above */
	const json_t *ceiling_json;      /* the same in a batch: a number too */
	int limit;                       /* where the ceiling would be passed, limit peaks instead of refusing */
	const char *di;                  /* measure only where this file plays */
	double gate_dbfs;                /* of di; NAN: LEVEL_GATE_DBFS */
	int dual_mono;
	long long start_frame, length_frames; /* LLONG_MIN: not given */
	int no_metadata;                 /* carry nothing on of what the input says of its recording */
	const char *encoding, *report, *provenance;
};
#define LEVEL_OPTIONS_NONE { .lufs = NAN, .momentary_lufs = NAN, .short_term_lufs = NAN, .rms_dbfs = NAN, .peak_dbfs = NAN, \
	.true_peak_dbtp = NAN, .normalize_rms = NAN, .gain_db = NAN, .gate_dbfs = NAN, .start_frame = LLONG_MIN, .length_frames = LLONG_MIN }
extern const struct batch_key level_keys[];

/* Whether the options go together and each is in its range.  Before level_run(); -1: no. */
int level_check(const struct level_options *o, struct err *e);

int level_has_target(const struct level_options *o); /* whether there is a level among the options */

/* Do it.  progress may be NULL; whoever began it ends it.  0: done, and *report (report may be NULL) is an audio-level/1 object, the caller's.
 * 1: it could be measured, and the answer is no (a ceiling); -1: failed.  Then *report is NULL, nothing was written, and *e
 * says why. */
int level_run(const struct level_options *o, struct progress *progress, json_t **report, struct err *e);

/* For batch_run(): ctx is a struct level_options with the defaults. */
json_t *level_batch_job(void *ctx, size_t number, const json_t *job, struct err *e);

/* Choose one target, at most that of o, or without one at most the integrated loudness of the quietest, for n files, each an audio file or what level_run() wrote of one (report).  Of o count the targets,
 * the ceiling, dual_mono, output (the target alone) and report (what it was chosen from).  As level_run(); the object is level-match/1. */
int level_match(const struct level_options *o, char *const *names, size_t n, json_t **report, struct err *e);
#endif
