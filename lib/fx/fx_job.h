/* fx_job.h - the options of audio-fx: checked, and one run with its files and report.
 *
 * What they are worth is in audio-fx(1); a batch has them as keys, with _ for -.  A message about an option begins with its key
 * and a colon. */
#ifndef FX_FX_JOB_H
#define FX_FX_JOB_H
#include "cli/batch.h"
#include "fx/fx_file.h"

struct fx_options {              /* texts are borrowed */
	const char *input, *output;  /* NULL or "-": a standard stream */
	const char *tail;            /* NULL: "full" */
	const char *encoding;        /* NULL: by the output's name */
	const char *report, *provenance; /* files, or NULL */
	double tempo_bpm;            /* NAN: not told */
	int stereo;
	const char *chain;           /* a file of schema fx-chain/1, or NULL */
	const char *const *fx, *const *automate; /* texts; NULL at the end, or NULL */
	const json_t *fx_json, *automate_json, *tail_json; /* a batch: lists, in place of the texts; a number for tail */
};
#define FX_OPTIONS_NONE { .tempo_bpm = NAN }

struct fx_plan {                 /* what the options come to */
	struct fx_job job;
	struct fx_spec *spec;
};

/* Check the options and make the chain; release with fx_plan_free().  *in_file: what is wrong is in the chain's file. */
int fx_plan(struct fx_plan *p, const struct fx_options *o, int *in_file, struct err *e);
void fx_plan_free(struct fx_plan *p);

/* Do it.  progress may be NULL; whoever began it ends it.  0: done, and *report (report may be NULL) is an audio-fx/1
 * object, the caller's.  -1: failed, nothing was written and *report is NULL. */
int fx_run(const struct fx_plan *p, const struct fx_options *o, struct progress *progress, json_t **report,
           struct err *e);

/* For batch_run(): ctx is a struct fx_options with the defaults. */
json_t *fx_batch_job(void *ctx, size_t number, const json_t *job, struct err *e);
#endif
