/* nam_meta.c - what a file says of its model in words and levels. */
#include "nam/nam_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int
nam_parse_rate(const struct nam_reader *r, const struct nam_value *v, double *rate)
{
	*rate = -1;
	if (!v)
		return 0;
	if (!nam_is_number(v))
		return nam_bad(r, ERR_INPUT, "\"sample_rate\" is not a number");
	if (nam_number(v) > 768000)
		return nam_bad(r, ERR_INPUT, "\"sample_rate\" is %g Hz, more than 768000", nam_number(v));
	if (nam_number(v) > 0)
		*rate = nam_number(v);
	return 0;
}

/* strict: the players refuse what is there and no number. */
static int
meta_number(const struct nam_reader *r, const struct nam_value *m, const char *key, int strict, double *out)
{
	const struct nam_value *v = nam_get(m, key);

	*out = NAN;
	if (nam_is_number(v))
		*out = nam_number(v);
	else if (strict && v && !nam_is_null(v))
		return nam_bad(r, ERR_INPUT, "metadata \"%s\" is not a number", key);
	return 0;
}

struct word {
	const char *key;
	char **to;
};

static int
meta_words(const struct nam_reader *r, const struct nam_value *m, const struct word *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *s = nam_string(nam_get(m, words[i].key));

		if (s && !(*words[i].to = strdup(s)))
			return nam_no_memory(r);
	}
	return 0;
}

/* {"year": 2025, "month": 11, ...}; nothing when it is no date. */
static void
meta_date(const struct nam_value *date, char to[32])
{
	static const struct { const char *key; double lo, hi; } part[6] = {
		{ "year", 1, 9999 }, { "month", 1, 12 }, { "day", 1, 31 }, { "hour", 0, 23 }, { "minute", 0, 59 },
		{ "second", 0, 60 }
	};
	int v[6];

	for (int i = 0; i < 6; i++) {
		const struct nam_value *x = nam_get(date, part[i].key);

		if (!nam_is_number(x) || !(nam_number(x) >= part[i].lo && nam_number(x) <= part[i].hi))
			return;
		v[i] = (int)nam_number(x);
	}
	snprintf(to, 32, "%04d-%02d-%02dT%02d:%02d:%02d", v[0] % 10000, v[1] % 100, v[2] % 100, v[3] % 100,
	    v[4] % 100, v[5] % 100);
}

int
nam_parse_metadata(const struct nam_reader *r, const struct nam_value *m)
{
	struct nam_info none = { 0 }, *i = r->info ? r->info : &none;
	const struct word words[] = {
		{ "name", &i->name }, { "modeled_by", &i->modeled_by }, { "gear_type", &i->gear_type },
		{ "gear_make", &i->gear_make }, { "gear_model", &i->gear_model }, { "tone_type", &i->tone_type },
		{ "license", &i->license }, { "trainer", &i->trainer }
	};
	const struct nam_value *training = nam_get(m, "training"), *data = nam_get(training, "data");
	const struct nam_value *latency = nam_get(data, "latency");
	const struct nam_value *passed = nam_get(nam_get(data, "checks"), "passed");

	if (m && !nam_is_object(m) && !nam_is_null(m))
		return nam_bad(r, ERR_INPUT, "\"metadata\" is not an object");
	if (meta_number(r, m, "loudness", 1, &i->loudness_db) ||
	    meta_number(r, m, "input_level_dbu", 1, &i->input_level_dbu) ||
	    meta_number(r, m, "output_level_dbu", 1, &i->output_level_dbu) ||
	    meta_number(r, m, "gain", 0, &i->gain) ||
	    meta_number(r, training, "validation_esr", 0, &i->validation_esr) ||
	    meta_number(r, latency, "manual", 0, &i->latency_frames))
		return -1;
	if (isnan(i->latency_frames) &&
	    meta_number(r, nam_get(latency, "calibration"), "recommended", 0, &i->latency_frames))
		return -1;
	if (nam_is_bool(passed))
		i->checks_passed = nam_is_true(passed);
	meta_date(nam_get(m, "date"), i->date);
	return r->info ? meta_words(r, m, words, sizeof words / sizeof *words) : 0;
}

int
nam_parse_aida_metadata(const struct nam_reader *r, const struct nam_value *m)
{
	struct nam_info *i = r->info;
	const struct word words[] = {
		{ "name", &i->name }, { "author", &i->modeled_by }, { "license", &i->license },
		{ "source", &i->source }, { "style", &i->style }, { "based", &i->based_on },
		{ "dataset", &i->dataset }
	};

	return meta_number(r, m, "esr", 0, &i->validation_esr) ||
	    meta_words(r, m, words, sizeof words / sizeof *words) ? -1 : 0;
}

void
nam_info_clear(struct nam_info *i)
{
	char *words[] = { i->name, i->modeled_by, i->gear_type, i->gear_make, i->gear_model, i->tone_type,
		i->license, i->trainer, i->source, i->style, i->based_on, i->dataset };

	for (size_t k = 0; k < sizeof words / sizeof *words; k++)
		free(words[k]);
	free(i->slim);
	memset(i, 0, sizeof *i);
}
