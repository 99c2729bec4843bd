/* diff_batch.c - what a job says, and doing it. */
#include "metrics/diff_batch.h"
#include "cli/diag.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct run {
	const struct diff_batch *b;
	atomic_int no;
};

struct pair_job {
	const char *ref, *test, *null, *tolerance;
	double max_delay_s;
	const json_t *fail_if;
};

static int
job_pair(const json_t *job, struct pair_job *j, struct diff_pair *p)
{
	static const struct batch_key keys[] = {
		{ "ref", BATCH_TEXT, offsetof(struct pair_job, ref) }, { "test", BATCH_TEXT, offsetof(struct pair_job, test) },
		{ "null", BATCH_TEXT, offsetof(struct pair_job, null) },
		{ "tolerance", BATCH_TEXT, offsetof(struct pair_job, tolerance) },
		{ "max_delay_s", BATCH_NUMBER, offsetof(struct pair_job, max_delay_s) },
		{ "fail_if", BATCH_ANY, offsetof(struct pair_job, fail_if) }, { 0 }
	};
	const json_t *rule;
	size_t i;

	p->ref = p->test = "?";
	if (batch_keys(job, keys, j, &p->e))
		return -1;
	p->ref = j->ref ? j->ref : "?";
	p->test = j->test ? j->test : "?";
	if (!j->ref || !j->test || !strcmp(j->ref, "-") || !strcmp(j->test, "-"))
		return err_set(&p->e, ERR_INPUT, "a job names two files, \"ref\" and \"test\"");
	if (j->null && !strcmp(j->null, "-"))
		return err_set(&p->e, ERR_INPUT, "null: standard output carries the answers; name a file");
	if (!(j->max_delay_s >= 0 && j->max_delay_s <= 60))
		return err_set(&p->e, ERR_INPUT, "max_delay_s is 0 to 60 seconds");
	if (j->tolerance && strcmp(j->tolerance, "exact") != 0)
		return err_set(&p->e, ERR_INPUT, "tolerance is \"exact\"");
	p->exact |= j->tolerance != NULL;
	if (j->fail_if && !json_is_array(j->fail_if))
		return err_set(&p->e, ERR_INPUT, "fail_if is a list of rules");
	json_array_foreach(j->fail_if, i, rule) {
		if (p->rules == DIFF_MAX_RULES)
			return err_set(&p->e, ERR_INPUT, "more than %d rules", DIFF_MAX_RULES);
		if (!json_is_string(rule))
			return err_set(&p->e, ERR_INPUT, "fail_if is a list of rules");
		if (diff_rule_parse(&p->rule[p->rules++], json_string_value(rule), &p->e))
			return -1;
	}
	return 0;
}

static json_t *
run_job(void *ctx, size_t number, const json_t *job, struct err *e)
{
	struct run *r = ctx;
	struct pair_job j = { .max_delay_s = r->b->max_delay_s };
	struct diff_pair *p = calloc(1, sizeof *p);
	struct diff_files o = { .threads = 1 };
	json_t *report = NULL;
	size_t failed = 0;

	if (!p) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	p->exact = r->b->demands->exact;
	p->rules = r->b->demands->rules;
	memcpy(p->rule, r->b->demands->rule, sizeof p->rule);
	if (!job_pair(job, &j, p)) {
		o.max_delay_s = j.max_delay_s;
		o.null = j.null;
		if (!diff_pair(p, &o) && !(report = diff_json(p, &failed)))
			err_set(&p->e, ERR_NOMEM, "out of memory");
	}
	*e = p->e;
	diff_log_add(r->b->log, number, p);
	if (failed)
		atomic_store(&r->no, 1);
	free(p);
	return report;
}

int
diff_batch_main(const struct diff_batch *b)
{
	struct run run = { .b = b };
	struct batch jobs = { .schema = "diff-batch/1", .threads = b->threads, .run = run_job, .ctx = &run };
	int status = batch_main(&jobs);

	if (status != ST_OK || !atomic_load(&run.no))
		return status;
	diag_error("a pair does not meet its demands; its answer says which");
	return ST_NO;
}
