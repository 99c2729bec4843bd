/* level_job.c - measure, choose a gain, write, verify, report. */
#include "metrics/level_job.h"
#include "audio/audio.h"
#include "audio/meta.h"
#include "base/file.h"
#include "cli/jsonl.h"
#include "cli/prov.h"
#include "dsp/db.h"
#include "metrics/limit_model.h"
#include "metrics/level_options.h"
#include "metrics/match.h"
#include "metrics/playing.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double verify_db = 0.1;  /* how far what is written may be from the target */
static const double max_gain_db = 120;
static const double close_db = 0.03;  /* with the limiter: near enough */
static const double spare_db = 0.001; /* the limiter's gain moves, and so its true peak can be over by less than this */
enum { MAX_TRIES = 16 };
static const double seed_peak_dbfs = -0.1; /* of the web system's normalize_rms() */

struct job {
	const struct level_options *o;
	struct level_want want;
	const char *input, *output;
	struct relevel_part part;
	struct playing playing;      /* n 0: no DI */
	struct relevel *r;
	struct relevel_values before, after;
	double gain_db, limit_dbtp;  /* limit_dbtp: of the limiter; INFINITY: none */
	struct limiter_facts limited;
	double told, model_off_db;   /* the level that the model tells, and by how much more it was */
	int tries;                   /* passes to find gain and limit */
	int hash;                    /* somebody wants to know */
	int blind;                   /* a gain, and nobody wants to know anything */
	char sha256[65];             /* of the input */
	int peak_limited, wrote;     /* peak_limited: normalize_rms had to stop at its peak */
	struct progress *progress;
};

/* ---- the report ---- */

static const struct { const char *before, *after; } keys[RELEVEL_KINDS] = {
	{ "measured_lufs", "loudness_lufs" }, { "measured_momentary_lufs", "momentary_lufs" },
	{ "measured_short_term_lufs", "short_term_lufs" }, { "measured_rms_dbfs", "rms_dbfs" },
	{ "measured_peak_dbfs", "peak_dbfs" }, { "measured_true_peak_dbtp", "true_peak_dbtp" },
};

const char *
level_key(enum relevel_by by)
{
	return keys[by].before;
}

static json_t *
region_json(const struct level_options *o)
{
	json_t *r;

	if (o->start_frame == LLONG_MIN && o->length_frames == LLONG_MIN)
		return NULL;
	r = json_object();
	jl_int(r, "start_frame", o->start_frame == LLONG_MIN ? 0 : o->start_frame);
	jl_set(r, "length_frames", o->length_frames == LLONG_MIN ? NULL : json_integer(o->length_frames));
	return r;
}

static json_t *
playing_json(const struct job *j)
{
	json_t *o, *list;

	if (!j->playing.n)
		return NULL;
	o = json_object();
	list = json_array();
	for (size_t i = 0; i < j->playing.n; i++) {
		json_t *p = json_object();

		jl_int(p, "start_frame", j->playing.part[i].start_frame);
		jl_int(p, "length_frames", j->playing.part[i].length_frames);
		json_array_append_new(list, p);
	}
	jl_str(o, "di", j->o->di);
	jl_str(o, "sha256", j->playing.sha256);
	jl_num(o, "gate_dbfs", isnan(j->o->gate_dbfs) ? LEVEL_GATE_DBFS : j->o->gate_dbfs);
	jl_set(o, "parts", list);
	return o;
}

static json_t *
limiter_json(const struct job *j)
{
	json_t *o;

	if (!j->o->limit)
		return NULL;
	o = json_object();
	jl_num(o, "limit_dbtp", j->limit_dbtp);
	jl_num(o, "ahead_ms", LIMITER_AHEAD_MS);
	jl_num(o, "release_ms", LIMITER_RELEASE_MS);
	jl_num(o, "max_reduction_db", j->limited.max_reduction_db);
	jl_int(o, "limited_frames", j->limited.limited_frames);
	jl_int(o, "tries", j->tries);
	return o;
}

static json_t *
report_json(const struct job *j)
{
	const struct au_info *info = relevel_info(j->r);
	const struct level_want *w = &j->want;
	json_t *o = jl_new("audio-level/1");

	jl_str(o, "input", j->input);
	jl_str(o, "sha256", j->sha256);
	jl_str(o, "output", j->wrote ? j->output : NULL);
	jl_int(o, "rate_hz", info->rate_hz);
	jl_int(o, "channels", info->channels);
	jl_int(o, "frames", j->before.frames);
	jl_bool(o, "dual_mono", w->dual_mono && info->channels == 1);
	jl_set(o, "region", region_json(j->o));
	jl_set(o, "playing", playing_json(j));
	jl_int(o, "counted_frames", j->before.counted_frames);
	jl_str(o, "loudness_kind", j->before.kind);
	for (int i = 0; i < RELEVEL_KINDS; i++)
		jl_num(o, keys[i].before, j->before.level[i]);
	jl_num(o, "ceiling_dbtp", j->wrote ? w->ceiling_dbtp : NAN);
	jl_str(o, "measure", isnan(w->target) ? NULL : relevel_by_name(w->by));
	jl_num(o, "target", w->target);
	jl_num(o, "target_lufs", w->by <= RELEVEL_SHORT_TERM ? w->target : NAN);
	jl_bool(o, "peak_limited", j->peak_limited);
	jl_num(o, "gain_db", j->gain_db);
	jl_set(o, "limiter", limiter_json(j));
	for (int i = 0; i < RELEVEL_KINDS; i++)
		jl_num(o, keys[i].after, j->wrote ? j->after.level[i] : NAN);
	jl_set(o, "clipped_samples", j->wrote ? json_integer(0) : NULL); /* clipping is an error */
	return o;
}

/* ---- the gain ---- */

static int
too_much_gain(const struct job *j, struct err *e)
{
	return err_set(e, ERR_INPUT, "'%s' would need a gain of %+.1f dB; at most %g dB are applied", j->input, j->gain_db,
	    max_gain_db);
}

/* The gain for the target when a limiter follows, as the model has it and less what it was found to be off.  As level_run(). */
static int
limit(struct job *j, struct err *e)
{
	const struct level_want *w = &j->want;

	if (relevel_limited_gain(j->r, w->target - j->model_off_db, j->limit_dbtp, &j->gain_db, &j->told)) {
		if (isnan(j->told + j->model_off_db))
			err_set(e, ERR_INPUT, "'%s' at %g %s would have to be limited until it is all under the gate of -70 LUFS", j->input,
			    w->target, relevel_unit(w->by));
		else
			err_set(e, ERR_INPUT, "'%s' at %g %s would have to be limited by more than %g dB; with so much it reaches about %.1f %s",
			    j->input, w->target, relevel_unit(w->by), LIMIT_MODEL_MOST_DB, j->told + j->model_off_db, relevel_unit(w->by));
		return 1;
	}
	if (fabs(j->gain_db) > max_gain_db)
		return too_much_gain(j, e);
	return 0;
}

static int
fixed_gain(struct job *j, struct err *e)
{
	double peak = j->before.level[RELEVEL_TRUE_PEAK], ceiling = j->want.ceiling_dbtp, gain = j->o->gain_db;

	j->gain_db = gain;
	if (isnan(peak) || match_fits(peak + gain, ceiling))
		return 0;
	j->limit_dbtp = j->o->limit ? ceiling - spare_db : INFINITY;
	if (j->o->limit && peak + gain - ceiling <= LIMIT_MODEL_MOST_DB)
		return 0;
	if (j->o->limit) {
		err_set(e, ERR_INPUT, "'%s' with a gain of %g dB would have to be limited by more than %g dB", j->input, gain,
		    LIMIT_MODEL_MOST_DB);
		return 1;
	}
	err_set(e, ERR_INPUT, "'%s' would reach %+.2f dBTP with a gain of %g dB, above the ceiling of %g dBTP; "
	    "the highest gain that fits is %.1f dB", j->input, peak + gain, gain, ceiling, match_round_down(ceiling - peak));
	return 1;
}

/* As normalize_rms() of the web system that this toolchain comes from: silence stays, and a peak over -0.1 dBFS takes
 * the whole down. */
static void
seed_gain(struct job *j)
{
	double rms = j->before.level[RELEVEL_RMS], peak = j->before.level[RELEVEL_PEAK];

	j->gain_db = isnan(rms) ? 0 : j->want.target - rms;
	j->peak_limited = !isnan(peak) && peak + j->gain_db > seed_peak_dbfs;
	if (j->peak_limited)
		j->gain_db = seed_peak_dbfs - peak;
}

/* Why a level is not there. */
static int
no_level(const struct job *j, struct err *e)
{
	static const double needs_s[RELEVEL_KINDS] = { [RELEVEL_MOMENTARY] = 0.4, [RELEVEL_SHORT_TERM] = 3 };
	const struct level_want *w = &j->want;
	double s = (double)j->before.counted_frames / relevel_info(j->r)->rate_hz;

	if (isnan(j->before.level[RELEVEL_TRUE_PEAK]))
		return err_set(e, ERR_INPUT, "'%s' is silent: no gain can bring it to %g %s", j->input, w->target,
		    relevel_unit(w->by));
	if (s < needs_s[w->by])
		return err_set(e, ERR_INPUT, "'%s' has %.3g s to measure, and its %s loudness needs %g", j->input, s,
		    w->by == RELEVEL_MOMENTARY ? "momentary" : "short-term", needs_s[w->by]);
	return err_set(e, ERR_INPUT, "'%s' is silent %s: no gain can bring it to %g %s", j->input,
	    j->before.counted_frames < j->before.frames ? "in the measured region" :
	    "by the gate of ITU-R BS.1770 (all is under -70 LUFS)", w->target, relevel_unit(w->by));
}

/* A gain for the target.  As level_run(). */
static int
choose_gain(struct job *j, struct err *e)
{
	const struct level_want *w = &j->want;
	double level = j->before.level[w->by], peak = j->before.level[RELEVEL_TRUE_PEAK];

	if (isnan(w->target))
		return fixed_gain(j, e);
	if (w->seed) {
		seed_gain(j);
		return 0;
	}
	if (isnan(level))
		return no_level(j, e);
	j->gain_db = w->target - level;
	if (!match_fits(peak + j->gain_db, w->ceiling_dbtp) && j->o->limit) {
		j->limit_dbtp = w->ceiling_dbtp - spare_db;
		return limit(j, e);
	}
	if (!match_fits(peak + j->gain_db, w->ceiling_dbtp)) {
		err_set(e, ERR_INPUT, "'%s' at %g %s would reach %+.2f dBTP, above the ceiling of %g dBTP; the highest "
		    "target that fits is %.1f %s (--ceiling none lifts the ceiling, --limit limits peaks)", j->input, w->target,
		    relevel_unit(w->by), peak + j->gain_db, w->ceiling_dbtp,
		    match_round_down(match_highest_lufs(level, peak, w->ceiling_dbtp)), relevel_unit(w->by));
		return 1;
	}
	return fabs(j->gain_db) > max_gain_db ? too_much_gain(j, e) : 0;
}

/* ---- the work ---- */

/* Float32 rounds what was written, so a thousandth of a dB is nothing. */
static int
is_over(const struct job *j)
{
	return !j->blind && j->after.level[RELEVEL_TRUE_PEAK] > j->want.ceiling_dbtp + 0.001;
}

/* What was written is what was wanted, or nothing is written. */
static int
verify(const struct job *j, const struct au_out *out, struct err *e)
{
	const struct level_want *w = &j->want;
	double is = j->after.level[w->by];

	if (au_clipped(out))
		return err_set(e, ERR_INPUT, "%" PRId64 " samples of '%s' would clip; lower the target, or write float32 "
		    "(--encoding f32, or a name that ends in .wav)", au_clipped(out), j->output);
	if (!isnan(w->target) && isnan(is) && !w->seed)
		return err_set(e, ERR_INPUT, "'%s' at %g %s would be all under the gate of -70 LUFS", j->output, w->target,
		    relevel_unit(w->by));
	if (!isnan(w->target) && !w->seed && !(fabs(is - w->target) <= verify_db))
		return err_set(e, ERR_INPUT, "'%s' would be at %.2f %s instead of %g: it is too near the gate of -70 LUFS for "
		    "one gain", j->output, is, relevel_unit(w->by), w->target);
	if (is_over(j))
		return err_set(e, ERR_INPUT, "'%s' would reach %+.3f dBTP, above the ceiling of %g dBTP", j->output,
		    j->after.level[RELEVEL_TRUE_PEAK], w->ceiling_dbtp);
	return 0;
}

static int
provenance(struct prov *prov, const struct job *j, const char *out_sha256, struct err *e)
{
	const char *report = j->o->report;

	if (prov_input(prov, "audio", j->input, j->sha256, e) ||
	    (j->o->di && prov_input(prov, "di", j->o->di, j->playing.sha256, e)) ||
	    (j->o->target && prov_input(prov, "target", j->o->target, NULL, e)) ||
	    prov_output(prov, "audio", j->output, out_sha256, e) ||
	    (report && strcmp(report, "-") && prov_output(prov, "report", report, NULL, e)))
		return -1;
	prov_set(prov, "gain_db", json_real(j->gain_db));
	return prov_write(prov, e);
}

static void
show(void *ctx, int64_t frames)
{
	progress_step(ctx, (double)frames);
}

/* With what the input says of its recording, but for a loudness that is not its any more. */
static int
create_out(struct job *j, struct au_out **out, struct err *e)
{
	enum au_encoding enc = j->o->encoding ? (enum au_encoding)au_encoding_of(j->o->encoding) : AU_DEFAULT;
	const struct au_info *info = relevel_info(j->r);
	struct meta_change change = { 0, 0, 1, 1, NULL };
	struct meta m = { 0 };
	char history[128];
	int bad;

	meta_history(history, info->rate_hz, info->channels, enc == AU_S16 ? 16 : enc == AU_S24 ? 24 : 32, "audio-level");
	if (j->gain_db != 0)
		change.history = history;
	bad = (!j->o->no_metadata && meta_copy(&m, relevel_meta(j->r), NULL, e)) || meta_change(&m, &change, e) ||
	    au_create_with(out, j->output, info->rate_hz, info->channels, enc, &m, e);
	meta_free(&m);
	return bad ? -1 : 0;
}

/* A pass with gain and limit: to a new output, or nowhere. */
static int
apply(struct job *j, struct au_out **out, int nowhere, struct err *e)
{
	struct relevel_set set = { dsp_gain_of_db(j->gain_db), isinf(j->limit_dbtp) ? INFINITY :
		dsp_gain_of_db(j->limit_dbtp) };

	return (!nowhere && create_out(j, out, e)) || relevel_apply(j->r, &set, *out, &j->after, &j->limited, e) ? -1 : 0;
}

/* What is written there cannot be taken back. */
static int
is_stream(const char *name)
{
	struct stat st;

	return !strcmp(name, "-") || (!stat(name, &st) && !S_ISREG(st.st_mode));
}

/* Passes with the limiter until its result is right, which the first mostly is; the last one wrote it.  As level_run(). */
static int
write_limited(struct job *j, struct au_out **out, struct err *e)
{
	const struct level_want *w = &j->want;
	const int stream = is_stream(j->output);

	for (j->tries = 1; j->tries <= MAX_TRIES; j->tries++) {
		double is, over;
		int no;

		if (apply(j, out, stream, e))
			return -1;
		is = j->after.level[w->by];
		over = j->after.level[RELEVEL_TRUE_PEAK] - w->ceiling_dbtp;
		if (match_fits(over, 0) && (isnan(w->target) || fabs(is - w->target) <= close_db))
			return stream ? apply(j, out, 0, e) : 0;
		au_abort(*out);
		*out = NULL;
		if (!match_fits(over, 0))
			j->limit_dbtp -= over + spare_db;
		j->model_off_db = is - j->told;
		if (!isnan(w->target) && (no = limit(j, e)) != 0)
			return no;
	}
	err_set(e, ERR_INPUT, "no gain brings '%s' to %g %s with its peaks limited: it is too near a gate", j->input, w->target,
	    relevel_unit(w->by));
	return 1;
}

/* The output, all but the commit.  As level_run(). */
static int
write_audio(struct job *j, struct au_out **out, struct err *e)
{
	int no = isinf(j->limit_dbtp) ? apply(j, out, 0, e) : write_limited(j, out, e);

	if (no || verify(j, *out, e))
		return no ? no : -1;
	j->wrote = 1;
	return 0;
}

/* Where the audio is, its report is; the report first. */
static int
commit(struct job *j, struct au_out **out, struct prov *prov, json_t *report, struct err *e)
{
	const char *name = j->o->report;
	struct au_out *o = *out;
	char hex[65];

	if (name && jl_write(json_incref(report), name, e))
		return -1;
	*out = NULL;
	if (o && au_commit(o, prov_wanted(prov) ? hex : NULL, e)) {
		if (name && strcmp(name, "-"))
			unlink(name);
		return -1;
	}
	return o ? provenance(prov, j, hex, e) : 0;
}

static int
open_input(struct job *j, struct err *e)
{
	const struct level_options *o = j->o;
	struct relevel_opts ro = { .measure_only = o->measure, .blind = j->blind, .dual_mono = j->want.dual_mono, .limit = o->limit && !isnan(j->want.target), .limit_by = j->want.by,
		.step = j->progress ? show : NULL, .ctx = j->progress };
	int64_t frames;

	if (o->start_frame != LLONG_MIN || o->length_frames != LLONG_MIN) {
		j->part = (struct relevel_part){ o->start_frame == LLONG_MIN ? 0 : o->start_frame,
			o->length_frames == LLONG_MIN ? -1 : o->length_frames };
		ro.parts = &j->part;
		ro.n_parts = 1;
	}
	if (o->di && playing_find(&j->playing, o->di, isnan(o->gate_dbfs) ? LEVEL_GATE_DBFS : o->gate_dbfs, j->hash, e))
		return -1;
	if (o->di) {
		ro.parts = j->playing.part;
		ro.n_parts = j->playing.n;
		ro.cut_parts = 1;
	}
	if (relevel_open(&j->r, j->input, &ro, e))
		return -1;
	if (o->di)
		playing_to_rate(&j->playing, relevel_info(j->r)->rate_hz);
	frames = relevel_info(j->r)->frames;
	if (j->progress)
		progress_begin(j->progress, j->input, frames < 0 || o->limit ? 0 : (o->measure || j->blind ? 1 : 2) * (double)frames);
	return 0;
}

int
level_run(const struct level_options *o, struct progress *progress, json_t **report, struct err *e)
{
	struct job j = { .o = o, .input = o->input ? o->input : "-", .output = o->output ? o->output : "-",
		.gain_db = NAN, .limit_dbtp = INFINITY, .progress = progress,
		.hash = report || o->report || o->provenance };
	struct prov *prov = prov_new(o->provenance);
	struct au_out *out = NULL;
	json_t *made = NULL;
	int ret = -1;

	if (report)
		*report = NULL;
	if (!prov) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto end;
	}
	if (level_want(&j.want, o, e))
		goto end;
	j.blind = !isnan(o->gain_db) && isinf(j.want.ceiling_dbtp) && !j.hash;
	j.before.level[RELEVEL_TRUE_PEAK] = NAN;
	if (open_input(&j, e) || (!j.blind && relevel_measure(j.r, &j.before, e)))
		goto end;
	if (!o->measure && ((ret = choose_gain(&j, e)) != 0 || (ret = write_audio(&j, &out, e)) != 0))
		goto end;
	ret = -1;
	if (j.hash && relevel_sha256(j.r, j.sha256, e))
		goto end;
	made = j.blind ? NULL : report_json(&j);
	ret = commit(&j, &out, prov, made, e);
	if (!ret && report)
		*report = json_incref(made);
end:
	json_decref(made);
	au_abort(out);
	relevel_close(j.r);
	playing_free(&j.playing);
	prov_free(prov);
	return ret;
}

json_t *
level_batch_job(void *ctx, size_t number, const json_t *job, struct err *e)
{
	struct level_options o = *(const struct level_options *)ctx, own = LEVEL_OPTIONS_NONE;
	json_t *report;
	double target;
	int n;

	(void)number;
	if (batch_keys(job, level_keys, &own, e))
		return NULL;
	level_way_given(&own, &n, &target);
	if (n || !isnan(own.gain_db) || own.target || own.measure)
		level_no_way(&o); /* what the job says is in place of the default */
	batch_keys(job, level_keys, &o, e);
	if (!o.input || !strcmp(o.input, "-") || (!o.measure && (!o.output || !strcmp(o.output, "-"))) ||
	    (o.report && !strcmp(o.report, "-")) || (o.provenance && !strcmp(o.provenance, "-"))) {
		err_set(e, ERR_INPUT, "a job names its input and its output; the standard streams are the batch's own");
		return NULL;
	}
	return level_check(&o, e) || level_run(&o, NULL, &report, e) ? NULL : report;
}
