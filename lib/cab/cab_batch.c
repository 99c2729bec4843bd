/* cab_batch.c - a run whose options come from a job's object. */
#include "cab/cab.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct batch_key keys[] = {
	{ "input", BATCH_TEXT, offsetof(struct cab_options, input) },
	{ "output", BATCH_TEXT, offsetof(struct cab_options, output) },
	{ "ir", BATCH_ANY, offsetof(struct cab_options, ir_json) },
	{ "ir_gain_db", BATCH_ANY, offsetof(struct cab_options, ir_gain_json) },
	{ "join", BATCH_TRUTH, offsetof(struct cab_options, join) },
	{ "routing", BATCH_TEXT, offsetof(struct cab_options, routing) },
	{ "align", BATCH_TEXT, offsetof(struct cab_options, align) },
	{ "fix_polarity", BATCH_TRUTH, offsetof(struct cab_options, fix_polarity) },
	{ "min_phase", BATCH_TRUTH, offsetof(struct cab_options, minimum_phase) },
	{ "delay", BATCH_TEXT, offsetof(struct cab_options, delay) },
	{ "trim", BATCH_NUMBER, offsetof(struct cab_options, trim_s) },
	{ "fade", BATCH_NUMBER, offsetof(struct cab_options, fade_s) },
	{ "low_cut_hz", BATCH_NUMBER, offsetof(struct cab_options, low_cut_hz) },
	{ "high_cut_hz", BATCH_NUMBER, offsetof(struct cab_options, high_cut_hz) },
	{ "norm", BATCH_TEXT, offsetof(struct cab_options, norm) },
	{ "gain_db", BATCH_NUMBER, offsetof(struct cab_options, gain_db) },
	{ "mix", BATCH_NUMBER, offsetof(struct cab_options, mix) },
	{ "tail", BATCH_ANY, offsetof(struct cab_options, tail_json) },
	{ "encoding", BATCH_TEXT, offsetof(struct cab_options, encoding) },
	{ "report", BATCH_TEXT, offsetof(struct cab_options, report) },
	{ "provenance", BATCH_TEXT, offsetof(struct cab_options, provenance) },
	{ 0 }
};

/* Element i of a value that is one thing or a list of them. */
static const json_t *
element(const json_t *v, size_t i)
{
	return json_is_array(v) ? json_array_get(v, i) : i ? NULL : v;
}

/* The lists of a job; names, gains and tail are room for them. */
static int
set_lists(struct cab_options *o, const char *names[CAB_MAX_IRS], double gains[CAB_MAX_IRS], char tail[32], struct err *e)
{
	const json_t *v;

	if (o->ir_json) {
		o->ir = names;
		for (o->n_irs = 0; (v = element(o->ir_json, (size_t)o->n_irs)) != NULL; o->n_irs++) {
			if (o->n_irs == CAB_MAX_IRS || !json_is_string(v))
				return err_set(e, ERR_INPUT, "ir: not a text or a list of at most %d", CAB_MAX_IRS);
			names[o->n_irs] = json_string_value(v);
		}
	}
	if (o->ir_gain_json) {
		o->ir_gain_db = gains;
		for (o->n_gains = 0; (v = element(o->ir_gain_json, (size_t)o->n_gains)) != NULL; o->n_gains++) {
			if (o->n_gains == CAB_MAX_IRS || !json_is_number(v))
				return err_set(e, ERR_INPUT, "ir_gain_db: not a number or a list of at most %d", CAB_MAX_IRS);
			gains[o->n_gains] = json_number_value(v);
		}
	}
	if (json_is_string(o->tail_json)) {
		o->tail = json_string_value(o->tail_json);
	} else if (json_is_number(o->tail_json)) {
		snprintf(tail, 32, "%.17g", json_number_value(o->tail_json));
		o->tail = tail;
	} else if (o->tail_json) {
		return err_set(e, ERR_INPUT, "tail: not a text or a number");
	}
	return 0;
}

json_t *
cab_batch_job(void *ctx, size_t number, const json_t *job, struct err *e)
{
	const struct cab_batch *b = ctx;
	struct cab_options o = b->defaults;
	const char *names[CAB_MAX_IRS];
	double gains[CAB_MAX_IRS];
	char tail[32];
	json_t *report;

	(void)number;
	o.threads = 1;                   /* there are other jobs for the other CPUs */
	if (batch_keys(job, keys, &o, e) || set_lists(&o, names, gains, tail, e))
		return NULL;
	if (!o.input || !o.output || !o.n_irs) {
		err_set(e, ERR_INPUT, "%s: missing", !o.input ? "input" : !o.output ? "output" : "ir");
		return NULL;
	}
	for (int i = 0; i < o.n_irs + 4; i++) {
		const char *const others[] = { o.input, o.output, o.report, o.provenance };
		const char *name = i < 4 ? others[i] : o.ir[i - 4];

		if (name && (!*name || !strcmp(name, "-"))) {
			err_set(e, ERR_INPUT, "the standard streams carry the jobs and the answers; name a file");
			return NULL;
		}
	}
	return cab_check(&o, e) || cab_run(&o, b->cache, NULL, NULL, &report, e) ? NULL : report;
}
