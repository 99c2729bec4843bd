/* prep_job.c - options checked, then one run: conform, write, report. */
#include "dsp/prep_job.h"
#include "audio/join.h"
#include "base/utf8.h"
#include "cli/jsonl.h"
#include "cli/prov.h"
#include "dsp/convert.h"
#include "dsp/parts.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CUTS = 10000, MAX_LABEL = 1000 };
static const double max_gain_db = 120, max_seconds = 1e6, max_frames = 1e12;
static const double warn_loss_db = 1; /* more than what channels lose that have nothing in common */

#define AT(field) offsetof(struct prep_options, field)
static const struct batch_key keys[] = {
	{ "input", BATCH_ANY, AT(input_json) }, { "output", BATCH_TEXT, AT(output) },
	{ "channels", BATCH_TEXT, AT(c.channels) }, { "start", BATCH_NUMBER, AT(c.start_s) },
	{ "length", BATCH_NUMBER, AT(c.length_s) }, { "start_frame", BATCH_INT64, AT(start_frame) },
	{ "length_frames", BATCH_INT64, AT(length_frames) }, { "trim_silence", BATCH_NUMBER, AT(c.trim_dbfs) },
	{ "remove_dc", BATCH_TRUTH, AT(c.remove_dc) }, { "gain_db", BATCH_NUMBER, AT(c.gain_db) },
	{ "invert", BATCH_TRUTH, AT(c.invert) }, { "delay", BATCH_NUMBER, AT(c.delay_ms) },
	{ "delay_frames", BATCH_NUMBER, AT(c.delay_frames) }, { "fade_in", BATCH_NUMBER, AT(c.fade_in_ms) },
	{ "fade_out", BATCH_NUMBER, AT(c.fade_out_ms) }, { "sample_rate", BATCH_WHOLE, AT(c.rate_hz) },
	{ "resampler", BATCH_TEXT, AT(c.resampler) }, { "pad_start", BATCH_NUMBER, AT(c.pad_start_s) },
	{ "pad_end", BATCH_NUMBER, AT(c.pad_end_s) }, { "encoding", BATCH_TEXT, AT(encoding) },
	{ "dither", BATCH_TRUTH, AT(dither) }, { "concat", BATCH_TRUTH, AT(concat) },
	{ "no_metadata", BATCH_TRUTH, AT(no_metadata) },
	{ "split_every", BATCH_NUMBER, AT(split_every_s) }, { "split_at", BATCH_TEXT, AT(split_at) },
	{ "report", BATCH_TEXT, AT(report) }, { "provenance", BATCH_TEXT, AT(provenance) }, { NULL, BATCH_ANY, 0 }
};

/* ---- the options ---- */

static int
in_range(const char *key, double v, double lo, double hi, struct err *e) /* NAN: not given */
{
	return v < lo || v > hi ? err_set(e, ERR_INPUT, "%s: %.10g is not within %g..%g", key, v, lo, hi) : 0;
}

/* The cuts in seconds; their number, or -1. */
static int
read_cuts(const char *list, double *s, struct err *e)
{
	int n = 0;

	for (char *end; list && *list; list = *end ? end + 1 : end) {
		double v = strtod(list, &end);

		if (end == list || (*end && *end != ',') || !(v > (n ? s[n - 1] : 0)) || v > max_seconds)
			return err_set(e, ERR_INPUT, "split_at: '%.40s' is not seconds above 0 that rise, with commas between", list);
		if (n == MAX_CUTS)
			return err_set(e, ERR_INPUT, "split_at: more than %d places", MAX_CUTS);
		s[n++] = v;
	}
	return n;
}

static int
check_output(const struct prep_options *o, struct err *e)
{
	double s[MAX_CUTS];
	int split = o->split_at || !isnan(o->split_every_s), enc = o->encoding ? au_encoding_of(o->encoding) : AU_DEFAULT;

	if (enc < 0)
		return err_set(e, ERR_INPUT, "encoding: '%.40s' is not f32, s16 or s24", o->encoding);
	if (o->dither && enc != AU_S16 && enc != AU_S24)
		return err_set(e, ERR_INPUT, "dither: it needs the encoding s16 or s24");
	if (o->split_at && !isnan(o->split_every_s))
		return err_set(e, ERR_INPUT, "split_at: give it or split_every, not both");
	if (in_range("split_every", o->split_every_s, 0.001, max_seconds, e) || read_cuts(o->split_at, s, e) < 0)
		return -1;
	if (split && (!o->output || !parts_is_pattern(o->output)))
		return err_set(e, ERR_INPUT, "output: a split needs a name with %%d or %%03d in it, for the number of a part");
	if ((!o->output || !strcmp(o->output, "-")) && o->report && !strcmp(o->report, "-"))
		return err_set(e, ERR_INPUT, "report: standard output cannot be both the audio and the report");
	return 0;
}

static int
check_ranges(const struct prep_options *o, struct err *e)
{
	const struct conform_opts *c = &o->c;

	if (o->start_frame != LLONG_MIN && (o->start_frame < 0 || (double)o->start_frame > max_frames))
		return err_set(e, ERR_INPUT, "start_frame: the first frame is 0");
	if (o->length_frames != LLONG_MIN && (o->length_frames < 1 || (double)o->length_frames > max_frames))
		return err_set(e, ERR_INPUT, "length_frames: it is 1 or more");
	if (o->start_frame != LLONG_MIN && !isnan(c->start_s))
		return err_set(e, ERR_INPUT, "start_frame: give it or start, not both");
	if (o->length_frames != LLONG_MIN && !isnan(c->length_s))
		return err_set(e, ERR_INPUT, "length_frames: give it or length, not both");
	if (c->delay_ms != 0 && c->delay_frames != 0)
		return err_set(e, ERR_INPUT, "delay_frames: give it or delay, not both");
	return in_range("start", c->start_s, 0, max_seconds, e) || in_range("length", c->length_s, 0, max_seconds, e) ||
	    in_range("trim_silence", c->trim_dbfs, -200, 0, e) ||
	    in_range("gain_db", c->gain_db, -max_gain_db, max_gain_db, e) ||
	    in_range("delay", c->delay_ms, -1000 * max_seconds, 1000 * max_seconds, e) ||
	    in_range("delay_frames", c->delay_frames, -max_frames, max_frames, e) ||
	    in_range("fade_in", c->fade_in_ms, 0, 1000 * max_seconds, e) ||
	    in_range("fade_out", c->fade_out_ms, 0, 1000 * max_seconds, e) ||
	    in_range("pad_start", c->pad_start_s, 0, max_seconds, e) ||
	    in_range("pad_end", c->pad_end_s, 0, max_seconds, e) ||
	    (c->rate_hz != CONFORM_KEEP_RATE &&
	    in_range("sample_rate", c->rate_hz, AU_MIN_RATE_HZ, AU_MAX_RATE_HZ, e)) ? -1 : 0;
}

int
prep_check(const struct prep_options *o, struct err *e)
{
	size_t piped = 0;

	for (size_t i = 0; i < o->n_inputs; i++)
		piped += !strcmp(o->inputs[i], "-");
	if (o->n_inputs != 1 && !o->concat)
		return err_set(e, ERR_INPUT, "one input at a time, not %zu (concat joins several)", o->n_inputs);
	if (o->n_inputs < 1 || piped > 1)
		return err_set(e, ERR_INPUT, "concat: %s", piped ? "standard input can be joined once" : "it needs inputs");
	if (o->c.channels && !prep_is_choice(o->c.channels))
		return err_set(e, ERR_INPUT, "channels: '%.40s' is not mono, left, right, mid, sum or a number from 1 to %d",
		    o->c.channels, AU_MAX_CHANNELS);
	if (o->c.resampler && !convert_is_name(o->c.resampler))
		return err_set(e, ERR_INPUT, "resampler: '%.40s' is not best, medium, fast or exact", o->c.resampler);
	return check_ranges(o, e) || check_output(o, e) ? -1 : 0;
}

/* ---- one run ---- */

struct run {
	const struct prep_options *o;
	struct conform_opts opts;
	struct conform *c;
	struct conform_facts facts;
	struct parts parts;
	struct meta meta;            /* what goes along */
	int64_t cut[MAX_CUTS];
	int64_t *in_frames;          /* of each input */
	char (*sha256)[65];
	struct progress *progress;
	int hash;                    /* somebody wants to know */
};

static json_t *
files_json(const struct run *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->o->n_inputs; i++) {
		json_t *f = json_object();

		jl_str(f, "file", r->o->inputs[i]);
		jl_str(f, "sha256", r->sha256[i]);
		jl_int(f, "frames", r->in_frames[i]);
		json_array_append_new(list, f);
	}
	return list;
}

static json_t *
parts_json(const struct parts *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct part *part = &p->part[i];
		json_t *f = json_object();

		jl_str(f, "file", part->name);
		jl_int(f, "start_frame", part->start_frame);
		jl_int(f, "length_frames", p->out && i + 1 == p->n ? p->at - part->start_frame : part->length_frames);
		jl_int(f, "cues", (long long)part->cues);
		jl_int(f, "loops", (long long)part->loops);
		json_array_append_new(list, f);
	}
	return list;
}

static json_t *
metadata_json(const struct meta *m)
{
	json_t *list = json_array();
	const char *name;

	for (int at = 0; (name = meta_next(m, &at));)
		json_array_append_new(list, json_string(name));
	return list;
}

static json_t *
cues_json(const struct marks *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->n; i++) {
		const struct mark *k = &m->mark[i];
		char *label = k->label ? utf8_clean_str(k->label, MAX_LABEL) : NULL;
		json_t *o = json_object();

		jl_int(o, "id", k->id);
		jl_int(o, "frame", k->at);
		jl_set(o, "length_frames", k->region ? json_integer(k->length) : NULL);
		jl_str(o, "label", label);
		json_array_append_new(list, o);
		free(label);
	}
	return list;
}

static json_t *
loops_json(const struct marks *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->loops; i++) {
		json_t *o = json_object();

		jl_int(o, "start_frame", m->loop[i].first);
		jl_int(o, "length_frames", m->loop[i].last - m->loop[i].first + 1);
		json_array_append_new(list, o);
	}
	return list;
}

/* What the whole output had a place for and no part has: what a cut went through. */
static size_t
loops_cut(const struct run *r)
{
	size_t n = r->meta.marks.loops;

	for (size_t i = 0; i < r->parts.n; i++)
		n -= r->parts.part[i].loops;
	return n;
}

/* Bits of an integer encoding; 0: f32.  AU_DEFAULT is what audio.h says. */
static int
out_bits(const struct prep_options *o)
{
	char ext[16];

	if (o->encoding)
		return !strcmp(o->encoding, "s16") ? 16 : !strcmp(o->encoding, "s24") ? 24 : 0;
	path_ext(o->output ? o->output : "-", ext);
	return !strcmp(ext, "flac") || !strcmp(ext, "aiff") || !strcmp(ext, "aif") || !strcmp(ext, "caf") ? 24 : 0;
}

/* Whether nothing was done to any sample, by the encodings neither. */
static int
is_copy(const struct run *r)
{
	const char *in = r->facts.in->encoding; /* of the first */
	int bits = out_bits(r->o);

	if (!bits)
		return r->facts.copy && strcmp(in, "s32") && strcmp(in, "f64"); /* they have more than f32 can hold */
	return r->facts.copy && r->o->n_inputs == 1 && (!strcmp(in, "s16") || (!strcmp(in, "s24") && bits == 24));
}

static json_t *
report_json(const struct run *r, const char *warning)
{
	const struct conform_facts *f = &r->facts;
	const struct prep_options *p = r->o;
	json_t *o = jl_new("audio-prep/1"), *dc = p->c.remove_dc ? json_array() : NULL;

	for (int c = 0; p->c.remove_dc && c < f->out_channels; c++)
		json_array_append_new(dc, json_real(f->map->dc[c]));
	jl_str(o, "input", p->inputs[0]);
	jl_str(o, "sha256", r->sha256[0]);
	jl_set(o, "joined", p->n_inputs > 1 ? files_json(r) : NULL);
	jl_str(o, "encoding", f->in->encoding);
	jl_int(o, "rate_hz", f->in->rate_hz);
	jl_int(o, "channels", f->in->channels);
	jl_int(o, "frames", f->in_frames);
	jl_str(o, "output", p->output ? p->output : "-");
	jl_set(o, "parts", r->parts.many ? parts_json(&r->parts) : NULL);
	jl_int(o, "out_rate_hz", f->out_rate_hz);
	jl_int(o, "out_channels", f->out_channels);
	jl_int(o, "out_frames", f->out_frames);
	jl_bool(o, "copy", is_copy(r) && !r->parts.many);
	jl_str(o, "channels_rule", f->map->why);
	jl_set(o, "channel", f->map->rule == PREP_PICK ? json_integer(f->map->pick + 1) : NULL);
	jl_num(o, "correlation", f->map->correlation);
	jl_num(o, "mix_loss_db", f->map->mix_loss_db);
	jl_int(o, "start_frame", f->start_frame);
	jl_int(o, "length_frames", f->length_frames);
	jl_int(o, "trimmed_start_frames", f->trimmed_start_frames);
	jl_int(o, "trimmed_end_frames", f->trimmed_end_frames);
	jl_set(o, "dc_offset", dc);
	jl_num(o, "gain_db", p->c.gain_db);
	jl_bool(o, "inverted", p->c.invert);
	jl_num(o, "delay_frames", f->delay_frames);
	jl_int(o, "fade_in_frames", f->fade_in_frames);
	jl_int(o, "fade_out_frames", f->fade_out_frames);
	jl_str(o, "resampler", f->out_rate_hz == f->in->rate_hz ? NULL : p->c.resampler ? p->c.resampler : "best");
	jl_int(o, "pad_start_frames", f->pad_start_frames);
	jl_int(o, "pad_end_frames", f->pad_end_frames);
	jl_bool(o, "dithered", p->dither);
	jl_num(o, "peak_dbfs", 20 * log10(f->peak));
	jl_int(o, "clipped_samples", 0); /* clipping is an error */
	jl_set(o, "metadata", metadata_json(&r->meta));
	jl_set(o, "cues", cues_json(&r->meta.marks));
	jl_int(o, "cues_dropped", (long long)r->meta.marks.lost);
	jl_set(o, "loops", loops_json(&r->meta.marks));
	jl_int(o, "loops_dropped", (long long)(r->meta.marks.lost_loops + loops_cut(r)));
	jl_str(o, "warning", *warning ? warning : NULL);
	return o;
}

static int
provenance(struct prov *prov, const struct run *r, struct err *e)
{
	const struct prep_options *o = r->o;

	for (size_t i = 0; i < o->n_inputs; i++)
		if (prov_input(prov, "audio", o->inputs[i], r->sha256[i], e))
			return -1;
	for (size_t i = 0; i < r->parts.n; i++)
		if (prov_output(prov, "audio", r->parts.part[i].name, r->parts.part[i].sha256, e))
			return -1;
	return (o->report && strcmp(o->report, "-") && prov_output(prov, "report", o->report, NULL, e)) ||
	    prov_write(prov, e) ? -1 : 0;
}

static void
show(void *ctx, int64_t frames)
{
	progress_step(ctx, (double)frames);
}

/* What goes along, brought to the new samples. */
static int
take_meta(struct run *r, struct err *e)
{
	const struct conform_facts *f = &r->facts;
	const int bits = out_bits(r->o);
	struct meta_change change = { f->start_frame, f->pad_start_frames, f->in->rate_hz, f->out_rate_hz, NULL };
	char history[128];

	meta_history(history, f->out_rate_hz, f->out_channels, bits ? bits : 32, "audio-prep");
	if (!is_copy(r))
		change.history = history;
	if (r->o->no_metadata)
		return 0;
	if (conform_meta(r->c, &r->meta, e) || meta_change(&r->meta, &change, e))
		return -1;
	meta_limit(&r->meta, r->o->output ? r->o->output : "-");
	return 0;
}

/* The outputs, once the rate and the channels are known. */
static int
open_parts(struct run *r, struct err *e)
{
	const struct prep_options *o = r->o;
	const struct conform_facts *f = &r->facts;
	int64_t total = f->length_frames < 0 ? -1 : f->pad_start_frames + f->pad_end_frames +
	    (int64_t)ceil((double)f->length_frames * f->out_rate_hz / f->in->rate_hz);
	double s[MAX_CUTS];
	int n = read_cuts(o->split_at, s, e);

	for (int i = 0; i < n; i++)
		r->cut[i] = llround(s[i] * r->facts.out_rate_hz);
	for (int i = 1; i < n; i++)
		if (r->cut[i] == r->cut[i - 1])
			return err_set(e, ERR_INPUT, "split_at: %g and %g s are the same frame", s[i - 1], s[i]);
	r->parts = (struct parts){ .output = o->output ? o->output : "-", .rate_hz = r->facts.out_rate_hz,
		.channels = r->facts.out_channels, .encoding = o->encoding ? (enum au_encoding)au_encoding_of(o->encoding) :
		AU_DEFAULT, .meta = &r->meta, .total = total, .hash = o->provenance != NULL, .cut = r->cut, .n_cuts = n > 0 ? (size_t)n : 0,
		.every = isnan(o->split_every_s) ? 0 : llround(o->split_every_s * r->facts.out_rate_hz) };
	return n < 0 ? -1 : parts_open(&r->parts, e);
}

static void
cancels(const struct run *r, char warning[256])
{
	const struct prep_map *m = r->facts.map;
	char of_two[40] = "";

	if (m->in_channels == 2)
		snprintf(of_two, sizeof of_two, "correlation %.3f, ", m->correlation);
	snprintf(warning, 256, "%s of '%.100s' cancel in part: %s%.1f dB are lost",
	    m->in_channels == 2 ? "left and right" : "the channels", r->o->inputs[0], of_two, m->mix_loss_db);
}

/* All but the commit; the facts are those of the end. */
static int
work(struct run *r, char warning[256], struct err *e)
{
	struct conform_sink sink = { parts_write, &r->parts };
	struct conform_facts *f = &r->facts;
	int bad;

	if (conform_open(&r->c, r->o->inputs, r->o->n_inputs, &r->opts, e))
		return -1;
	if (r->progress)
		progress_begin(r->progress, r->o->inputs[0], conform_total_frames(r->c));
	bad = conform_plan(r->c, e);
	conform_facts(r->c, f);
	/* also when something failed after it: it may be why */
	if (f->map->mix_loss_db > warn_loss_db + prep_unrelated_db(f->in->channels))
		cancels(r, warning);
	if (bad || take_meta(r, e) || open_parts(r, e) || conform_write(r->c, &sink, e))
		return -1;
	conform_facts(r->c, f);
	for (size_t i = 0; r->hash && i < f->inputs; i++)
		if (conform_input(r->c, i, &r->in_frames[i], r->sha256[i], e))
			return -1;
	return parts_end(&r->parts, e);
}

int
prep_run(const struct prep_options *o, struct progress *progress, json_t **report, char warning[256], struct err *e)
{
	struct run *r = calloc(1, sizeof *r);
	struct prov *prov = prov_new(o->provenance);
	json_t *made = NULL;
	int ret = -1;

	if (report)
		*report = NULL;
	warning[0] = '\0';
	if (!r || !prov || !(r->in_frames = calloc(o->n_inputs, sizeof *r->in_frames)) ||
	    !(r->sha256 = calloc(o->n_inputs, sizeof *r->sha256))) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	r->o = o;
	r->progress = progress;
	r->opts = o->c;
	r->opts.start_frame = o->start_frame;
	r->opts.length_frames = o->length_frames;
	r->opts.dither_bits = !o->dither ? 0 : !strcmp(o->encoding, "s16") ? 16 : 24;
	r->opts.step = progress ? show : NULL;
	r->opts.ctx = progress;
	r->hash = report || o->report || o->provenance;
	if (work(r, warning, e))
		goto out;
	made = report_json(r, warning);
	/* the report first: where the audio is, its report is */
	if (o->report && jl_write(json_incref(made), o->report, e))
		goto out;
	if (parts_commit(&r->parts, e)) {
		if (o->report && strcmp(o->report, "-"))
			unlink(o->report);
		goto out;
	}
	ret = provenance(prov, r, e);
	if (!ret && report)
		*report = json_incref(made);
out:
	if (r) {
		if (ret)
			parts_abort(&r->parts);
		parts_free(&r->parts);
		meta_free(&r->meta);
		conform_close(r->c);
		free(r->in_frames);
		free(r->sha256);
	}
	free(r);
	prov_free(prov);
	json_decref(made);
	return ret;
}

/* ---- a batch ---- */

/* The names of a job, borrowed from it; their number, or -1. */
static int
inputs_of(const json_t *v, const char **names, struct err *e)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1;

	for (size_t i = 0; i < n && i < JOIN_MAX; i++)
		names[i] = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
	for (size_t i = 0; i < n && i < JOIN_MAX; i++)
		if (!names[i] || !strcmp(names[i], "-"))
			return err_set(e, ERR_INPUT, "input: the name of a file, or an array of names");
	return n > JOIN_MAX ? err_set(e, ERR_INPUT, "input: at most %d can be joined", JOIN_MAX) : (int)n;
}

json_t *
prep_batch_job(void *ctx, size_t number, const json_t *job, struct err *e)
{
	struct prep_options o = *(const struct prep_options *)ctx;
	const char *names[JOIN_MAX];
	char warning[256];
	json_t *report;
	int n;

	(void)number;
	if (batch_keys(job, keys, &o, e) || (n = inputs_of(o.input_json, names, e)) < 0)
		return NULL;
	o.inputs = names;
	o.n_inputs = (size_t)n;
	o.concat |= n > 1;
	if (!o.output || !strcmp(o.output, "-") || (o.report && !strcmp(o.report, "-")) ||
	    (o.provenance && !strcmp(o.provenance, "-"))) {
		err_set(e, ERR_INPUT, "output: a job names its output; the standard streams are the batch's own");
		return NULL;
	}
	return prep_check(&o, e) || prep_run(&o, NULL, &report, warning, e) ? NULL : report;
}
