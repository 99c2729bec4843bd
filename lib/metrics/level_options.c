/* level_options.c - what is asked of audio-level, checked. */
#include "metrics/level_options.h"
#include "audio/audio.h"
#include "cli/jsonl.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_JSON = 1 << 20 };
static const double max_gain_db = 120, most_db = 100, default_ceiling_dbtp = -1;

#define AT(field) offsetof(struct level_options, field)
const struct level_way level_ways[LEVEL_WAYS] = {
	{ "lufs", AT(lufs), RELEVEL_INTEGRATED, -100, 100 },
	{ "momentary_lufs", AT(momentary_lufs), RELEVEL_MOMENTARY, -100, 100 },
	{ "short_term_lufs", AT(short_term_lufs), RELEVEL_SHORT_TERM, -100, 100 },
	{ "rms_dbfs", AT(rms_dbfs), RELEVEL_RMS, -100, 100 },
	{ "peak_dbfs", AT(peak_dbfs), RELEVEL_PEAK, -100, 100 },
	{ "true_peak_dbtp", AT(true_peak_dbtp), RELEVEL_TRUE_PEAK, -100, 100 },
	{ "normalize_rms", AT(normalize_rms), RELEVEL_RMS, -100, 0 },
};

const struct batch_key level_keys[] = {
	{ "input", BATCH_TEXT, AT(input) }, { "output", BATCH_TEXT, AT(output) },
	{ "lufs", BATCH_NUMBER, AT(lufs) }, { "momentary_lufs", BATCH_NUMBER, AT(momentary_lufs) },
	{ "short_term_lufs", BATCH_NUMBER, AT(short_term_lufs) }, { "rms_dbfs", BATCH_NUMBER, AT(rms_dbfs) },
	{ "peak_dbfs", BATCH_NUMBER, AT(peak_dbfs) }, { "true_peak_dbtp", BATCH_NUMBER, AT(true_peak_dbtp) },
	{ "normalize_rms", BATCH_NUMBER, AT(normalize_rms) }, { "gain_db", BATCH_NUMBER, AT(gain_db) },
	{ "target", BATCH_TEXT, AT(target) }, { "measure", BATCH_TRUTH, AT(measure) },
	{ "ceiling", BATCH_ANY, AT(ceiling_json) }, { "limit", BATCH_TRUTH, AT(limit) },
	{ "di", BATCH_TEXT, AT(di) }, { "gate_dbfs", BATCH_NUMBER, AT(gate_dbfs) }, { "dual_mono", BATCH_TRUTH, AT(dual_mono) },
	{ "start_frame", BATCH_INT64, AT(start_frame) }, { "length_frames", BATCH_INT64, AT(length_frames) },
	{ "no_metadata", BATCH_TRUTH, AT(no_metadata) }, { "encoding", BATCH_TEXT, AT(encoding) }, { "report", BATCH_TEXT, AT(report) },
	{ "provenance", BATCH_TEXT, AT(provenance) }, { NULL, BATCH_ANY, 0 }
};

int
level_way_given(const struct level_options *o, int *n, double *target)
{
	int way = LEVEL_WAYS;

	*n = 0;
	for (int i = LEVEL_WAYS; i-- > 0;) {
		double v = *(const double *)(const void *)((const char *)o + level_ways[i].at);

		if (isnan(v))
			continue;
		way = i;
		*target = v;
		++*n;
	}
	return way;
}

int
level_has_target(const struct level_options *o)
{
	double target;
	int n;

	level_way_given(o, &n, &target);
	return n > 0;
}

void
level_no_way(struct level_options *o)
{
	for (int i = 0; i < LEVEL_WAYS; i++)
		*(double *)(void *)((char *)o + level_ways[i].at) = NAN;
	o->gain_db = NAN;
	o->target = NULL;
	o->measure = 0;
}

/* NAN: not given. */
static int
ceiling_of(const struct level_options *o, double *dbtp, struct err *e)
{
	const char *text = json_is_string(o->ceiling_json) ? json_string_value(o->ceiling_json) : o->ceiling;
	char *end = NULL;

	*dbtp = NAN;
	if (json_is_number(o->ceiling_json))
		*dbtp = json_number_value(o->ceiling_json);
	else if (text && !strcmp(text, "none"))
		*dbtp = INFINITY;
	else if (text) {
		*dbtp = strtod(text, &end);
		if (end == text || *end || !isfinite(*dbtp))
			*dbtp = HUGE_VAL * -1;
	}
	if (!isnan(*dbtp) && *dbtp != INFINITY && !(fabs(*dbtp) <= most_db))
		return err_set(e, ERR_INPUT, "ceiling: it is a number in dBTP, or none%s%.40s%s", text ? ", not '" : "",
		    text ? text : "", text ? "'" : "");
	return 0;
}

static int
is_stdout(const char *name)
{
	return !name || !strcmp(name, "-");
}

static int
check_rest(const struct level_options *o, struct err *e)
{
	int region = o->start_frame != LLONG_MIN || o->length_frames != LLONG_MIN;

	if (o->measure && (o->output || o->ceiling || o->ceiling_json || o->encoding || o->provenance || o->limit))
		return err_set(e, ERR_INPUT, "measure: it writes no audio; it takes a report, dual mono and a region only");
	if (o->di && (region || !strcmp(o->di, "-")))
		return err_set(e, ERR_INPUT, "di: %s", region ? "it says which parts are measured; give no region beside it" :
		    "it is a file, not a pipe");
	if (!isnan(o->gate_dbfs) && (!o->di || !(o->gate_dbfs >= -120 && o->gate_dbfs <= 0)))
		return err_set(e, ERR_INPUT, "gate_dbfs: a level of di, within -120..0");
	if (o->start_frame != LLONG_MIN && o->start_frame < 0)
		return err_set(e, ERR_INPUT, "start_frame: the first frame is 0");
	if (o->length_frames != LLONG_MIN && o->length_frames < 1)
		return err_set(e, ERR_INPUT, "length_frames: a region has at least 1 frame");
	if (o->encoding && au_encoding_of(o->encoding) < 0)
		return err_set(e, ERR_INPUT, "encoding: '%.40s' is not f32, s16 or s24", o->encoding);
	if (!o->measure && is_stdout(o->output) && o->report && is_stdout(o->report))
		return err_set(e, ERR_INPUT, "report: audio and report cannot both go to standard output");
	return 0;
}

int
level_check(const struct level_options *o, struct err *e)
{
	int n, way;
	double target = 0, ceiling;

	way = level_way_given(o, &n, &target);
	n += !isnan(o->gain_db) + (o->target != NULL) + (o->measure != 0);
	if (n != 1)
		return err_set(e, ERR_INPUT, "give one target (lufs, momentary_lufs, short_term_lufs, rms_dbfs, peak_dbfs, "
		    "true_peak_dbtp, normalize_rms), or one of gain_db, target and measure");
	if (way < LEVEL_WAYS && !(target >= level_ways[way].least && target <= level_ways[way].most))
		return err_set(e, ERR_INPUT, "%s: %g is not within %g..%g", level_ways[way].key, target, level_ways[way].least,
		    level_ways[way].most);
	if (fabs(o->gain_db) > max_gain_db)
		return err_set(e, ERR_INPUT, "gain_db: %g is not within +-%g", o->gain_db, max_gain_db);
	if (ceiling_of(o, &ceiling, e))
		return -1;
	if (o->limit && way < LEVEL_WAYS && (level_ways[way].by >= RELEVEL_PEAK || way == LEVEL_WAYS - 1))
		return err_set(e, ERR_INPUT, "limit: %s is no target for it", level_ways[way].key);
	if (way < LEVEL_WAYS && (o->start_frame != LLONG_MIN || o->length_frames != LLONG_MIN || o->di) && level_ways[way].by >= RELEVEL_PEAK)
		return err_set(e, ERR_INPUT, "%s: a peak is always of the whole; give no region and no DI", level_ways[way].key);
	return check_rest(o, e);
}

json_t *
level_load(const char *name, const char *schema, struct err *e)
{
	json_t *o = jl_load(name, MAX_JSON, e);
	const char *is = json_string_value(json_object_get(o, "schema"));

	if (o && (!is || strcmp(is, schema))) {
		err_set(e, ERR_INPUT, "'%s' is no %s object", name, schema);
		json_decref(o);
		return NULL;
	}
	return o;
}

int
level_number(const json_t *o, const char *key, double *v)
{
	const json_t *n = json_object_get(o, key);

	*v = json_number_value(n);
	return json_is_number(n) && fabs(*v) < 1000 ? 0 : -1;
}

/* What level_match() wrote; files without "measure" are of integrated loudness. */
static int
read_target(struct level_want *w, const char *name, struct err *e)
{
	json_t *o = level_load(name, "level-match/1", e);
	const json_t *by = json_object_get(o, "measure"), *ceiling = json_object_get(o, "ceiling_dbtp");
	int kind = json_is_string(by) ? relevel_by_of(json_string_value(by)) : by ? -1 : RELEVEL_INTEGRATED, ret = -1;

	if (!o)
		return -1;
	w->ceiling_dbtp = INFINITY;
	if (kind < 0 || level_number(o, by ? "target" : "target_lufs", &w->target) ||
	    (!json_is_null(ceiling) && level_number(o, "ceiling_dbtp", &w->ceiling_dbtp))) {
		err_set(e, ERR_INPUT, "'%s' has no target and ceiling_dbtp that make sense", name);
	} else {
		w->by = (enum relevel_by)kind;
		w->dual_mono |= json_is_true(json_object_get(o, "dual_mono"));
		ret = 0;
	}
	json_decref(o);
	return ret;
}

int
level_want(struct level_want *w, const struct level_options *o, struct err *e)
{
	double ceiling;
	int n, way;

	*w = (struct level_want){ .target = NAN, .dual_mono = o->dual_mono };
	if (ceiling_of(o, &ceiling, e))
		return -1;
	way = level_way_given(o, &n, &w->target);
	if (way < LEVEL_WAYS)
		w->by = level_ways[way].by;
	w->seed = way < LEVEL_WAYS && !strcmp(level_ways[way].key, "normalize_rms");
	/* a gain and a peak are taken as they are asked for, unless a ceiling is asked for too */
	w->ceiling_dbtp = way < LEVEL_WAYS && !w->seed && w->by < RELEVEL_PEAK ? default_ceiling_dbtp : INFINITY;
	if (o->target && read_target(w, o->target, e))
		return -1;
	if (!isnan(ceiling))
		w->ceiling_dbtp = ceiling;
	return o->limit && isinf(w->ceiling_dbtp) ? err_set(e, ERR_INPUT, "limit: there is no ceiling to limit to") : 0;
}
