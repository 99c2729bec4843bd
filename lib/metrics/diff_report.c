/* diff_report.c - one table of numbers; everything else reads it. */
#include "metrics/diff_report.h"
#include "base/file.h"
#include "base/str.h"
#include "base/utf8.h"
#include "cli/jsonl.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 1000 };
static const char silent[] = "one of them is silent", exact[] = "there is no difference";
static const char quiet[] = "one of them is silent, or all under the gate of -70 LUFS";

static const char *
reason_of(double v, const char *undefined)
{
	return isnan(v) ? undefined : exact;
}

/* The same errors twice, with the end of the key and why they may not be defined. */
static struct diff_number *
error_numbers(struct diff_number *n, const struct diff_error *v, int fitted)
{
	static const char *const key[][2] = {
		{ "esr_db", "esr_fitted_db" }, { "esr_preemphasis_db", "esr_preemphasis_fitted_db" },
		{ "si_sdr_db", "si_sdr_fitted_db" }, { "max_difference_fs", "max_difference_fitted_fs" },
		{ "rms_difference_dbfs", "rms_difference_fitted_dbfs" }, { "mr_stft", "mr_stft_fitted" },
		{ "mr_stft_convergence", "mr_stft_convergence_fitted" }, { "mr_stft_log_magnitude", "mr_stft_log_magnitude_fitted" },
		{ "log_spectral_distance_db", "log_spectral_distance_fitted_db" }, { "mel_distance_db", "mel_distance_fitted_db" },
	};
	const double value[] = { v->esr_db, v->esr_preemphasis_db, v->si_sdr_db, v->max_fs, v->rms_dbfs, v->spectral.mr_stft,
		v->spectral.convergence, v->spectral.log_magnitude, v->spectral.log_spectral_db, v->spectral.mel_db };

	for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
		const char *why = fitted || i == 2 ? silent : i == 3 || i == 4 || i > 6 ? "no samples" : "the reference is silent";

		*n++ = (struct diff_number){ key[i][fitted], value[i], reason_of(value[i], why), 0, i == 2 ? 1 : -1 };
	}
	return n;
}

size_t
diff_numbers(const struct diff_values *v, int rate_hz, struct diff_number n[DIFF_MAX_NUMBERS])
{
	const struct diff_number whole[] = {
		{ "ref_frames", (double)v->ref_frames, NULL, 1, 0 },
		{ "test_frames", (double)v->test_frames, NULL, 1, 0 },
		{ "length_difference_frames", (double)(v->test_frames - v->ref_frames), NULL, 1, 0 },
		{ "compared_frames", (double)v->compared_frames, NULL, 1, 0 },
		{ "fitted_frames", (double)v->fitted_frames, NULL, 1, 0 },
		{ "sample_exact", v->sample_exact, NULL, 2, 1 },
		{ "max_difference_frame", v->max_difference_frame < 0 ? NAN : (double)v->max_difference_frame, "no samples", 1, 0 },
		{ "polarity", v->polarity ? (double)v->polarity : NAN, silent, 1, 0 },
		{ "delay_frames", v->delay_frames, silent, 0, 0 },
		{ "delay_ms", v->delay_frames / rate_hz * 1000, silent, 0, 0 },
		{ "drift_ppm", v->drift_ppm, "under 3.2 s, or too different to tell", 0, 0 },
		{ "correlation", v->correlation, silent, 0, 1 },
		{ "gain_db", v->gain_db, silent, 0, 0 },
		{ "null_depth_db", v->null_depth_db, reason_of(v->null_depth_db, silent), 0, 1 },
	}, last[] = {
		{ "ref_loudness_lufs", v->ref_loudness_lufs, quiet, 0, 0 },
		{ "test_loudness_lufs", v->test_loudness_lufs, quiet, 0, 0 },
		{ "loudness_difference_lu", v->loudness_difference_lu, quiet, 0, 0 },
		{ "ltas_rms_difference_db", v->ltas_rms_difference_db, quiet, 0, -1 },
	};
	struct diff_number *to = n;

	memcpy(to, whole, sizeof whole);
	to = error_numbers(to + sizeof whole / sizeof *whole, &v->raw, 0);
	to = error_numbers(to, &v->fitted, 1);
	memcpy(to, last, sizeof last);
	to += sizeof last / sizeof *last;
	return (size_t)(to - n);
}

int
diff_rule_parse(struct diff_rule *r, const char *text, struct err *e)
{
	static const char *const ops[] = { "<=", ">=", "==", "!=", "<", ">", NULL };
	struct diff_number known[DIFF_MAX_NUMBERS];
	struct diff_values none = { 0 };
	const char *s = text + strspn(text, " ");
	size_t len = 0, n = diff_numbers(&none, 1, known), i;
	char *end;

	while (isalnum((unsigned char)s[len]) || s[len] == '_')
		len++;
	snprintf(r->key, sizeof r->key, "%.*s", (int)(len < sizeof r->key ? len : sizeof r->key - 1), s);
	s += len;
	s += strspn(s, " ");
	for (i = 0; ops[i] && strncmp(s, ops[i], strlen(ops[i])) != 0; i++)
		;
	if (!ops[i])
		return err_set(e, ERR_INPUT, "'%s' is not KEY OP NUMBER with OP one of < <= > >= == !=", text);
	snprintf(r->op, sizeof r->op, "%s", ops[i]);
	s += strlen(ops[i]);
	r->limit = strtod(s, &end);
	if (end == s || isnan(r->limit) || end[strspn(end, " ")])
		return err_set(e, ERR_INPUT, "'%s' does not end in a number", text);
	for (i = 0; i < n && strcmp(known[i].key, r->key) != 0; i++)
		;
	if (i == n)
		return err_set(e, ERR_INPUT, "'%s': there is no number '%s' in the object", text, r->key);
	return 0;
}

int
diff_rule_holds(const struct diff_rule *r, const struct diff_number *n, size_t count, double *is)
{
	double v = NAN;

	for (size_t i = 0; i < count; i++)
		if (!strcmp(n[i].key, r->key))
			v = n[i].v;
	*is = v;
	if (isnan(v))
		return 1;
	if (!strcmp(r->op, "<"))
		return v < r->limit;
	if (!strcmp(r->op, "<="))
		return v <= r->limit;
	if (!strcmp(r->op, ">"))
		return v > r->limit;
	if (!strcmp(r->op, ">="))
		return v >= r->limit;
	return !strcmp(r->op, "==") ? v == r->limit : v != r->limit;
}

/* How much shorter than the reference a test may be without a word, as long as no rule speaks of lengths: a percent. */
static int64_t
allowed_frames(const struct diff_pair *p)
{
	return p->v.ref_frames / 100;
}

/* A render that broke off is near its reference as far as it goes. */
static int
breaks_off(const struct diff_pair *p)
{
	static const char *const lengths[] = { "length_difference_frames", "test_frames", "compared_frames", "fitted_frames" };

	for (size_t r = 0; r < p->rules; r++)
		for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
			if (!strcmp(p->rule[r].key, lengths[k]))
				return 0;
	return p->v.ref_frames - p->v.test_frames > allowed_frames(p);
}

int
diff_failure(const struct diff_pair *p, size_t i, char text[160])
{
	struct diff_number n[DIFF_MAX_NUMBERS];
	size_t count = diff_numbers(&p->v, p->rate_hz, n), k = 0;

	if (p->exact && !p->v.sample_exact && k++ == i) {
		snprintf(text, 160, "tolerance exact: not every sample is the same");
		return 1;
	}
	if (p->rules && breaks_off(p) && k++ == i) {
		snprintf(text, 160, "length_difference_frames < -%" PRId64 ": length_difference_frames is %" PRId64, allowed_frames(p),
		         p->v.test_frames - p->v.ref_frames);
		return 1;
	}
	for (size_t r = 0; r < p->rules; r++) {
		const struct diff_rule *rule = &p->rule[r];
		double is;

		if (!diff_rule_holds(rule, n, count, &is) || k++ != i)
			continue;
		if (isnan(is))
			snprintf(text, 160, "%s %s %.10g: %s is not defined", rule->key, rule->op, rule->limit, rule->key);
		else
			snprintf(text, 160, "%s %s %.10g: %s is %.10g", rule->key, rule->op, rule->limit, rule->key, is);
		return 1;
	}
	return 0;
}

static json_t *
json_of(const struct diff_number *n)
{
	if (!isfinite(n->v))
		return NULL; /* jl_set() makes it null */
	if (n->whole)
		return n->whole == 2 ? json_boolean(n->v != 0) : json_integer((json_int_t)n->v);
	return json_real(n->v);
}

json_t *
diff_json(const struct diff_pair *p, size_t *failed)
{
	json_t *o = jl_new("audio-diff/1"), *reasons = json_object(), *hz = json_array(), *ltas = json_array();
	json_t *bad = json_array();
	struct diff_number n[DIFF_MAX_NUMBERS];
	size_t count = diff_numbers(&p->v, p->rate_hz, n);
	char text[160];

	jl_str(o, "ref", p->ref);
	jl_str(o, "test", p->test);
	jl_str(o, "ref_sha256", p->ref_sha256);
	jl_str(o, "test_sha256", p->test_sha256);
	jl_int(o, "rate_hz", p->rate_hz);
	jl_int(o, "channels", p->channels);
	for (size_t i = 0; i < count; i++) {
		jl_set(o, n[i].key, json_of(&n[i]));
		if (!isfinite(n[i].v))
			jl_str(reasons, n[i].key, n[i].reason);
	}
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double d = p->v.ltas_difference_db[b];

		json_array_append_new(hz, json_real(spectrum_band_hz[b]));
		json_array_append_new(ltas, isfinite(d) ? json_real(d) : json_null());
		if (!isfinite(d))
			jl_str(reasons, "ltas_difference_db", "a band is 80 dB under the strongest, or loudness is not defined");
	}
	jl_set(o, "third_octave_hz", hz);
	jl_set(o, "ltas_difference_db", ltas);
	jl_set(o, "reasons", reasons);
	for (*failed = 0; diff_failure(p, *failed, text); ++*failed)
		json_array_append_new(bad, json_stringn(text, strcspn(text, ":")));
	jl_set(o, "failed", bad);
	return o;
}

/* Names are anyone's: no table or tag of ours may end in them. */
static void
add_cell(struct str *s, const char *text)
{
	char *clean = utf8_clean_str(text, MAX_NAME);

	s->failed |= !clean;
	str_add(s, "| `");
	for (const char *c = clean; c && *c; c++)
		if (*c == '|')
			str_add(s, "\\|");
		else
			str_addn(s, *c == '`' ? "'" : c, 1);
	str_add(s, "` ");
	free(clean);
}

static void
add_number(struct str *s, int decimals, double v)
{
	str_add(s, "| ");
	if (isnan(v))
		str_add(s, "n/a");
	else if (isinf(v))
		str_add(s, v < 0 ? "-inf" : "inf");
	else
		str_addf(s, "%.*f", decimals, v);
	str_add(s, " ");
}

static const char markdown_head[] =
	"| ref | test | result | ESR dB | fitted ESR dB | delay ms | gain dB | loudness LU | LTAS dB | mel dB | MR-STFT |\n"
	"| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";

static void
markdown_row(struct str *s, const struct diff_pair *p)
{
	char text[160];

	add_cell(s, p->ref);
	add_cell(s, p->test);
	if (p->e.code != ERR_NONE) {
		add_cell(s, p->e.msg);
		str_add(s, "| | | | | | | | |\n");
		return;
	}
	if (!diff_failure(p, 0, text))
		str_add(s, p->v.sample_exact ? "| the same " : "| ok ");
	for (size_t i = 0; diff_failure(p, i, text); i++)
		str_addf(s, "%s%s ", i ? "<br>" : "| **failed** ", text);
	add_number(s, 2, p->v.raw.esr_db);
	add_number(s, 2, p->v.fitted.esr_db);
	add_number(s, 4, p->v.delay_frames / p->rate_hz * 1000);
	add_number(s, 2, p->v.gain_db);
	add_number(s, 2, p->v.loudness_difference_lu);
	add_number(s, 2, p->v.ltas_rms_difference_db);
	add_number(s, 2, p->v.fitted.spectral.mel_db);
	add_number(s, 4, p->v.fitted.spectral.mr_stft);
	str_add(s, "|\n");
}

static void
add_xml(struct str *s, const char *text)
{
	char *clean = utf8_clean_str(text, MAX_NAME);

	s->failed |= !clean;
	for (const char *c = clean; c && *c; c++)
		if (strchr("&<>\"", *c))
			str_addf(s, "&#%d;", *c);
		else
			str_addn(s, c, 1);
	free(clean);
}

static void
junit_case(struct str *s, const struct diff_pair *p)
{
	char text[160];

	str_add(s, "<testcase classname=\"audio-diff\" name=\"");
	add_xml(s, p->test);
	str_add(s, " against ");
	add_xml(s, p->ref);
	str_add(s, "\">");
	if (p->e.code != ERR_NONE) {
		str_add(s, "<error message=\"");
		add_xml(s, p->e.msg);
		str_add(s, "\"/>");
	}
	for (size_t i = 0; p->e.code == ERR_NONE && diff_failure(p, i, text); i++) {
		str_add(s, "<failure message=\"");
		add_xml(s, text);
		str_add(s, "\"/>");
	}
	str_add(s, "</testcase>\n");
}

struct row {
	size_t number;
	struct str markdown, junit;
};

struct diff_log {
	pthread_mutex_t lock;
	struct row *row;
	size_t n, cap, failed, errors;
	int no_memory;
};

struct diff_log *
diff_log_new(void)
{
	struct diff_log *l = calloc(1, sizeof *l);

	if (l)
		pthread_mutex_init(&l->lock, NULL);
	return l;
}

void
diff_log_free(struct diff_log *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		str_free(&l->row[i].markdown);
		str_free(&l->row[i].junit);
	}
	free(l->row);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void
diff_log_add(struct diff_log *l, size_t number, const struct diff_pair *p)
{
	struct row r = { .number = number };
	char text[160];

	markdown_row(&r.markdown, p);
	junit_case(&r.junit, p);
	pthread_mutex_lock(&l->lock);
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct row *row = realloc(l->row, cap * sizeof *row);

		l->row = row ? row : l->row;
		l->cap = row ? cap : l->cap;
	}
	if (l->n < l->cap) {
		l->no_memory |= r.markdown.failed || r.junit.failed;
		l->row[l->n++] = r;
	} else {
		l->no_memory = 1;
		str_free(&r.markdown);
		str_free(&r.junit);
	}
	l->errors += p->e.code != ERR_NONE;
	l->failed += p->e.code == ERR_NONE && diff_failure(p, 0, text);
	pthread_mutex_unlock(&l->lock);
}

static int
by_number(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

int
diff_log_write(struct diff_log *l, const char *markdown, const char *junit, struct err *e)
{
	struct str m = { 0 }, j = { 0 };
	int ret = -1;

	if (l->n)
		qsort(l->row, l->n, sizeof *l->row, by_number);
	str_add(&m, markdown_head);
	str_addf(&j, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
	         "<testsuite name=\"audio-diff\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n", l->n, l->failed, l->errors);
	for (size_t i = 0; i < l->n; i++) {
		str_addn(&m, l->row[i].markdown.s, l->row[i].markdown.len);
		str_addn(&j, l->row[i].junit.s, l->row[i].junit.len);
	}
	str_add(&j, "</testsuite>\n</testsuites>\n");
	if (l->no_memory || m.failed || j.failed)
		err_set(e, ERR_NOMEM, "out of memory");
	else if ((!markdown || !file_write(markdown, m.s, m.len, e)) && (!junit || !file_write(junit, j.s, j.len, e)))
		ret = 0;
	str_free(&m);
	str_free(&j);
	return ret;
}
