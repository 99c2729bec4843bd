/* fx_job.c - the options of audio-fx: checked, and one run with its files and report. */
#include "fx/fx_job.h"
#include "cli/jsonl.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CHAIN_BYTES = 8 << 20 };
static const double min_bpm = 20, max_bpm = 400;

#define AT(field) offsetof(struct fx_options, field)
static const struct batch_key keys[] = {
	{ "input", BATCH_TEXT, AT(input) }, { "output", BATCH_TEXT, AT(output) }, { "fx", BATCH_ANY, AT(fx_json) },
	{ "automate", BATCH_ANY, AT(automate_json) }, { "chain", BATCH_TEXT, AT(chain) },
	{ "tempo", BATCH_NUMBER, AT(tempo_bpm) }, { "tail", BATCH_ANY, AT(tail_json) },
	{ "stereo", BATCH_TRUTH, AT(stereo) }, { "encoding", BATCH_TEXT, AT(encoding) },
	{ "report", BATCH_TEXT, AT(report) }, { "provenance", BATCH_TEXT, AT(provenance) }, { NULL, BATCH_ANY, 0 }
};

static int
is_pipe(const char *name)
{
	return !name || !strcmp(name, "-");
}

/* ---- the chain ------------------------------------------------------------------------- */

static int
add_list(struct fx_spec *s, const json_t *list, struct err *e)
{
	const json_t *v;
	size_t i;

	if (list && !json_is_array(list))
		return err_set(e, ERR_INPUT, "it is not a list");
	json_array_foreach(list, i, v)
		if (fx_spec_add_json(s, v, e)) {
			err_prefix(e, "effect %zu: ", i + 1);
			return -1;
		}
	return 0;
}

/* {"schema": "fx-chain/1", "tempo_bpm": 120, "effects": [...]} */
static int
take_chain(struct fx_spec *s, const json_t *o, struct err *e)
{
	const char *schema = json_string_value(json_object_get(o, "schema")), *key;
	const json_t *bpm = json_object_get(o, "tempo_bpm"), *effects = json_object_get(o, "effects"), *v;

	if (!schema || strcmp(schema, "fx-chain/1") != 0)
		return err_set(e, ERR_INPUT, "it is no chain: its \"schema\" is not \"fx-chain/1\"");
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
		if (strcmp(key, "schema") && strcmp(key, "effects") && strcmp(key, "tempo_bpm"))
			return err_set(e, ERR_INPUT, "unknown key '%.60s'", key);
	if (bpm && !(json_number_value(bpm) >= min_bpm && json_number_value(bpm) <= max_bpm))
		return err_set(e, ERR_INPUT, "\"tempo_bpm\" is not a number within %g..%g", min_bpm, max_bpm);
	if (bpm)
		fx_spec_tempo(s, json_number_value(bpm));
	return effects ? add_list(s, effects, e) : err_set(e, ERR_INPUT, "it has no \"effects\"");
}

static int
read_chain(struct fx_spec *s, const char *name, struct err *e)
{
	json_t *o = jl_load(name, MAX_CHAIN_BYTES, e);
	int r = o ? take_chain(s, o, e) : -1;

	if (o && r)
		err_prefix(e, "'%s': ", name);
	json_decref(o);
	return r;
}

static int
add_effects(struct fx_spec *s, const struct fx_options *o, struct err *e)
{
	if (o->fx_json && add_list(s, o->fx_json, e)) {
		err_prefix(e, "fx: ");
		return -1;
	}
	for (size_t i = 0; !o->fx_json && o->fx && o->fx[i]; i++)
		if (fx_spec_add(s, o->fx[i], e)) {
			err_prefix(e, "fx: ");
			return -1;
		}
	return 0;
}

static int
add_moves(struct fx_spec *s, const struct fx_options *o, struct err *e)
{
	const json_t *v;
	size_t i;
	int r = 0;

	if (o->automate_json && !json_is_array(o->automate_json))
		return err_set(e, ERR_INPUT, "automate: it is not a list");
	json_array_foreach(o->automate_json, i, v)
		if (!r)
			r = json_is_string(v) ? fx_spec_automate(s, json_string_value(v), e) :
			    err_set(e, ERR_INPUT, "it is not a text");
	for (i = 0; !r && !o->automate_json && o->automate && o->automate[i]; i++)
		r = fx_spec_automate(s, o->automate[i], e);
	if (r)
		err_prefix(e, "automate: ");
	return r;
}

/* ---- the options ----------------------------------------------------------------------- */

static int
check(struct fx_job *job, const struct fx_options *o, struct err *e)
{
	int enc = o->encoding ? au_encoding_of(o->encoding) : AU_DEFAULT;
	const char *tail = json_is_string(o->tail_json) ? json_string_value(o->tail_json) : o->tail;

	job->input = o->input ? o->input : "-";
	job->output = o->output ? o->output : "-";
	job->stereo = o->stereo;
	job->encoding = (enum au_encoding)enc;
	if (json_is_number(o->tail_json))
		job->tail_s = json_number_value(o->tail_json);
	if (json_is_number(o->tail_json) && !(job->tail_s >= 0 && job->tail_s <= FX_MAX_TAIL_S))
		return err_set(e, ERR_INPUT, "tail: %g s are not within 0..%d", job->tail_s, FX_MAX_TAIL_S);
	if (o->tail_json && !json_is_number(o->tail_json) && !json_is_string(o->tail_json))
		return err_set(e, ERR_INPUT, "tail: it is full, cut or a number of seconds up to %d", FX_MAX_TAIL_S);
	if (!json_is_number(o->tail_json) && fx_tail_parse(tail ? tail : "full", &job->tail_s))
		return err_set(e, ERR_INPUT, "tail: '%.40s' is not full, cut or a number of seconds up to %d", tail, FX_MAX_TAIL_S);
	if (!isnan(o->tempo_bpm) && !(o->tempo_bpm >= min_bpm && o->tempo_bpm <= max_bpm))
		return err_set(e, ERR_INPUT, "tempo: %g is not within %g..%g", o->tempo_bpm, min_bpm, max_bpm);
	if (enc < 0)
		return err_set(e, ERR_INPUT, "encoding: '%.40s' is not f32, s16 or s24", o->encoding);
	if (o->chain && is_pipe(o->chain) && is_pipe(o->input))
		return err_set(e, ERR_INPUT, "chain: standard input cannot be both the signal and the chain");
	if (is_pipe(o->output) && o->report && is_pipe(o->report))
		return err_set(e, ERR_INPUT, "report: standard output cannot be both the audio and the report");
	return 0;
}

int
fx_plan(struct fx_plan *p, const struct fx_options *o, int *in_file, struct err *e)
{
	memset(p, 0, sizeof *p);
	*in_file = 0;
	if (check(&p->job, o, e) || fx_spec_new(&p->spec, e))
		return -1;
	p->job.spec = p->spec;
	*in_file = o->chain && read_chain(p->spec, o->chain, e);
	if (!*in_file && !isnan(o->tempo_bpm))
		fx_spec_tempo(p->spec, o->tempo_bpm);
	if (*in_file || add_effects(p->spec, o, e) || add_moves(p->spec, o, e)) {
		fx_plan_free(p);
		return -1;
	}
	return 0;
}

void
fx_plan_free(struct fx_plan *p)
{
	fx_spec_free(p->spec);
	memset(p, 0, sizeof *p);
}

/* ---- one run --------------------------------------------------------------------------- */

/* The report first: where the audio is, its report is. */
static int
finish(struct fx_file *f, const struct fx_options *o, struct prov *prov, json_t *report, struct err *e)
{
	char hex[65];

	if (o->report && jl_write(json_incref(report), o->report, e))
		return -1;
	if (fx_file_commit(f, prov_wanted(prov) ? hex : NULL, e)) {
		if (o->report && !is_pipe(o->report))
			unlink(o->report);
		return -1;
	}
	if (fx_file_prov(f, prov, hex, e) || (prov_wanted(prov) && o->report && !is_pipe(o->report) &&
	    prov_output(prov, "report", o->report, NULL, e)))
		return -1;
	return prov_write(prov, e);
}

int
fx_run(const struct fx_plan *p, const struct fx_options *o, struct progress *progress, json_t **report, struct err *e)
{
	struct prov *prov = prov_new(o->provenance);
	struct fx_file *f = NULL;
	json_t *made = NULL;
	int r = -1;

	if (report)
		*report = NULL;
	if (!prov) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (fx_file_open(&f, &p->job, e) || fx_file_run(f, progress, e))
		goto out;
	if ((report || o->report) && !(made = fx_file_report(f, e)))
		goto out;
	r = finish(f, o, prov, made, e);
	if (!r && report)
		*report = json_incref(made);
out:
	json_decref(made);
	fx_file_free(f);
	prov_free(prov);
	return r;
}

json_t *
fx_batch_job(void *ctx, size_t number, const json_t *job, struct err *e)
{
	struct fx_options o = *(const struct fx_options *)ctx;
	json_t *report = NULL;
	struct fx_plan p;
	int in_file;

	(void)number;
	if (batch_keys(job, keys, &o, e))
		return NULL;
	if (is_pipe(o.input) || is_pipe(o.output)) {
		err_set(e, ERR_INPUT, "%s: a job needs the name of a file", is_pipe(o.input) ? "input" : "output");
		return NULL;
	}
	if ((o.chain && is_pipe(o.chain)) || (o.report && is_pipe(o.report)) || (o.provenance && is_pipe(o.provenance))) {
		err_set(e, ERR_INPUT, "the standard streams carry the jobs and the answers; name a file");
		return NULL;
	}
	if (fx_plan(&p, &o, &in_file, e))
		return NULL;
	fx_run(&p, &o, NULL, &report, e);
	fx_plan_free(&p);
	return report;
}
