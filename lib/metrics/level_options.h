/* level_options.h - what level_job.c and level_match.c share; private to them. */
#ifndef METRICS_LEVEL_OPTIONS_H
#define METRICS_LEVEL_OPTIONS_H
#include "metrics/level_job.h"
#include "metrics/relevel.h"

/* What is asked for, from options and target file. */
struct level_want {
	enum relevel_by by;
	double target;       /* in the unit of by; NAN: a gain is given, or measure only */
	double ceiling_dbtp; /* INFINITY: none */
	int seed;            /* normalize_rms */
	int dual_mono;
};

/* The one way that is given: its index in level_ways, LEVEL_WAYS when none is; *n counts them. */
struct level_way { const char *key; size_t at; enum relevel_by by; double least, most; };
extern const struct level_way level_ways[LEVEL_WAYS];
int level_way_given(const struct level_options *o, int *n, double *target);

void level_no_way(struct level_options *o); /* take all ways out: targets, gain, file, measure */

int level_want(struct level_want *w, const struct level_options *o, struct err *e);

/* The key of a measured level in audio-level/1. */
const char *level_key(enum relevel_by by);

/* A JSON file that says it has this schema. */
json_t *level_load(const char *name, const char *schema, struct err *e);
int level_number(const json_t *o, const char *key, double *v); /* -1: it is none, or past +-1000 */
#endif
