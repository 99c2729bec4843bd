/* audio-diff - say how far one audio file is from another, as it is and after alignment. */
#include "audio/audio.h"
#include "base/mem.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/prov.h"
#include "metrics/diff.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SAMPLES = 1 << 28, BLOCK_SAMPLES = 65536, MAX_NUMBERS = 32 };

static double max_delay_s = 1;
static const char *tolerance, *out_name, *prov_file;
static struct opt_list fail_if;

static const struct opt opts[] = {
	{ 'd', "max-delay", OPT_DOUBLE, &max_delay_s, "S", "look for a delay of up to S seconds, both ways (1)" },
	{ 't', "tolerance", OPT_STR, &tolerance, "exact", "exit 3 unless every sample is the same" },
	{ 'f', "fail-if", OPT_LIST, &fail_if, "RULE", "exit 3 if 'KEY OP NUMBER' holds; may be repeated" },
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write the object to FILE; - is standard output (default)" },
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[-qv] [--max-delay S] [--tolerance exact] [--fail-if RULE]... [-o FILE] REF TEST",
	"Compare TEST with REF: error, delay, polarity, gain, loudness and spectrum, as JSON.",
	opts,
	"  audio-diff amp.wav capture.wav | jq .esr_fitted_db\n"
	"  audio-diff --tolerance exact golden.wav new.wav >/dev/null || echo changed\n"
	"  audio-diff --fail-if 'esr_db > -60' --fail-if 'delay_frames != 0' golden.wav new.wav\n",
};

struct input {
	const char *name;
	float *x;
	int64_t frames;
	struct au_info info;
	char sha256[65];
};

/* All of one file; memory grows with what was really read, not with what its header says. */
static int
load(struct input *in, const char *name, struct err *e)
{
	struct au_in *au = NULL;
	int64_t cap = 0, n;
	int ret = -1;

	*in = (struct input){ .name = name };
	if (au_open(&au, name, e))
		return -1;
	in->info = *au_info(au);
	do {
		size_t ch = (size_t)in->info.channels;

		if (in->frames == cap) {
			int64_t more = cap ? cap * 2 : BLOCK_SAMPLES;
			float *x = more <= MAX_SAMPLES / in->info.channels ? realloc(in->x, (size_t)more * ch * sizeof *x) : NULL;

			if (!x) {
				err_set(e, ERR_NOMEM, "'%s' is too long to compare: more than %" PRId64
				        " frames; cut both files with audio-prep", name, cap);
				goto out;
			}
			in->x = x;
			cap = more;
		}
		n = au_read(au, in->x + (size_t)in->frames * ch, cap - in->frames, e);
		if (n < 0)
			goto out;
		in->frames += n;
	} while (n > 0);
	ret = au_in_sha256(au, in->sha256, e);
out:
	au_close(au);
	return ret;
}

/* The numbers of the object by name, in its order: what --fail-if can ask for. */
struct number {
	const char *key;
	double v;
	const char *reason; /* why it may be null */
};

static size_t
numbers_of(const struct diff_values *v, int rate_hz, struct number *n)
{
	const char *silent = "one of them is silent", *exact = "there is no difference";
	const char *quiet = "one of them is silent, or all under the gate of -70 LUFS";
	const struct number all[] = {
		{ "esr_db", v->esr_db, isnan(v->esr_db) ? "the reference is silent" : exact },
		{ "max_difference_fs", v->max_difference_fs, NULL },
		{ "rms_difference_dbfs", v->rms_difference_dbfs, isnan(v->rms_difference_dbfs) ? "no samples" : exact },
		{ "delay_frames", v->delay_frames, silent },
		{ "delay_ms", v->delay_frames / rate_hz * 1000, silent },
		{ "correlation", v->correlation, silent },
		{ "gain_db", v->gain_db, silent },
		{ "esr_fitted_db", v->esr_fitted_db, isnan(v->esr_fitted_db) ? silent : exact },
		{ "null_depth_db", v->null_depth_db, isnan(v->null_depth_db) ? silent : exact },
		{ "max_difference_fitted_fs", v->max_difference_fitted_fs, silent },
		{ "rms_difference_fitted_dbfs", v->rms_difference_fitted_dbfs, isnan(v->esr_fitted_db) ? silent : exact },
		{ "ref_loudness_lufs", v->ref_loudness_lufs, quiet },
		{ "test_loudness_lufs", v->test_loudness_lufs, quiet },
		{ "loudness_difference_lu", v->loudness_difference_lu, quiet },
		{ "ltas_rms_difference_db", v->ltas_rms_difference_db, quiet },
		/* the rest is written as integers */
		{ "polarity", v->polarity, NULL },
		{ "sample_exact", v->sample_exact, NULL },
		{ "compared_frames", (double)v->compared_frames, NULL },
		{ "fitted_frames", (double)v->fitted_frames, NULL },
		{ "max_difference_frame", (double)v->max_difference_frame, NULL },
	};

	_Static_assert(sizeof all / sizeof *all <= MAX_NUMBERS, "the callers' arrays hold them");
	memcpy(n, all, sizeof all);
	return sizeof all / sizeof *all;
}

enum { INTEGERS = 5 }; /* at the end of the table above */

struct rule {
	char key[48], op[3];
	double limit;
};

/* 'KEY OP NUMBER'; a wrong one ends the program. */
static struct rule
parse_rule(const char *text)
{
	static const char *const ops[] = { "<=", ">=", "==", "!=", "<", ">", NULL };
	struct number known[MAX_NUMBERS];
	struct diff_values none = { 0 };
	struct rule r = { "", "", 0 };
	const char *s = text + strspn(text, " ");
	size_t len = 0, n = numbers_of(&none, 1, known), i;
	char *end;

	while (isalnum((unsigned char)s[len]) || s[len] == '_')
		len++;
	snprintf(r.key, sizeof r.key, "%.*s", (int)(len < sizeof r.key ? len : sizeof r.key - 1), s);
	s += len;
	s += strspn(s, " ");
	for (i = 0; ops[i] && strncmp(s, ops[i], strlen(ops[i])); i++)
		;
	if (!ops[i])
		diag_usage("--fail-if '%s' is not KEY OP NUMBER with OP one of < <= > >= == !=", text);
	snprintf(r.op, sizeof r.op, "%s", ops[i]);
	s += strlen(ops[i]);
	r.limit = strtod(s, &end);
	if (end == s || isnan(r.limit) || end[strspn(end, " ")])
		diag_usage("--fail-if '%s' does not end in a number", text);
	for (i = 0; i < n && strcmp(known[i].key, r.key); i++)
		;
	if (i == n)
		diag_usage("--fail-if '%s': there is no number '%s' in the object", text, r.key);
	return r;
}

/* Whether a rule holds; what is not defined fails every rule. */
static int
holds(const struct rule *r, const struct number *n, size_t count, double *v)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(n[i].key, r->key))
			*v = n[i].v;
	if (isnan(*v))
		return 1;
	if (!strcmp(r->op, "<"))
		return *v < r->limit;
	if (!strcmp(r->op, "<="))
		return *v <= r->limit;
	if (!strcmp(r->op, ">"))
		return *v > r->limit;
	if (!strcmp(r->op, ">="))
		return *v >= r->limit;
	return !strcmp(r->op, "==") ? *v == r->limit : *v != r->limit;
}

/* Which demands are not met, as a JSON list; each is told on stderr. */
static json_t *
failures(const char *test, const struct diff_values *v, const struct number *n, size_t count)
{
	json_t *list = json_array();

	if (tolerance && !v->sample_exact) {
		diag_error("'%s' is not exactly the reference", test);
		json_array_append_new(list, json_string("tolerance exact"));
	}
	for (int i = 0; i < fail_if.n; i++) {
		struct rule r = parse_rule(fail_if.v[i]);
		double is = NAN;

		if (!holds(&r, n, count, &is))
			continue;
		if (isnan(is))
			diag_error("'%s' fails '%s': %s is not defined", test, fail_if.v[i], r.key);
		else
			diag_error("'%s' fails '%s': %s is %g", test, fail_if.v[i], r.key, is);
		json_array_append_new(list, json_sprintf("%s %s %.10g", r.key, r.op, r.limit));
	}
	return list;
}

static json_t *
object_of(const struct input *ref, const struct input *test, const struct diff_values *v,
          const struct number *n, size_t count)
{
	json_t *o = jl_new("audio-diff/1"), *reasons = json_object(), *hz = json_array(), *ltas = json_array();

	jl_str(o, "ref", ref->name);
	jl_str(o, "test", test->name);
	jl_str(o, "ref_sha256", ref->sha256);
	jl_str(o, "test_sha256", test->sha256);
	jl_int(o, "rate_hz", ref->info.rate_hz);
	jl_int(o, "channels", ref->info.channels);
	jl_int(o, "ref_frames", ref->frames);
	jl_int(o, "test_frames", test->frames);
	jl_int(o, "compared_frames", v->compared_frames);
	jl_int(o, "fitted_frames", v->fitted_frames);
	jl_bool(o, "sample_exact", v->sample_exact);
	jl_set(o, "max_difference_frame", v->max_difference_frame < 0 ? NULL : json_integer(v->max_difference_frame));
	jl_set(o, "polarity", v->polarity ? json_integer(v->polarity) : NULL);
	if (!v->polarity)
		jl_str(reasons, "polarity", "one of them is silent");
	if (v->max_difference_frame < 0)
		jl_str(reasons, "max_difference_frame", "no samples");
	for (size_t i = 0; i + INTEGERS < count; i++) {
		jl_num(o, n[i].key, n[i].v);
		if (!isfinite(n[i].v))
			jl_str(reasons, n[i].key, n[i].reason);
	}
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double d = v->ltas_difference_db[b];

		json_array_append_new(hz, json_real(spectrum_band_hz[b]));
		json_array_append_new(ltas, isfinite(d) ? json_real(d) : json_null());
		if (!isfinite(d))
			jl_str(reasons, "ltas_difference_db", "a band is 80 dB under the strongest, or loudness is not defined");
	}
	jl_set(o, "third_octave_hz", hz);
	jl_set(o, "ltas_difference_db", ltas);
	jl_set(o, "reasons", reasons);
	return o;
}

static int
compare(const char *ref_name, const char *test_name)
{
	struct input ref = { 0 }, test = { 0 };
	struct diff_values v;
	struct number n[MAX_NUMBERS];
	struct prov *prov = prov_new(prov_file);
	struct err e;
	json_t *o, *failed;
	size_t count, bad;
	int status = ST_FAIL;

	if (!prov) {
		diag_error("out of memory");
		return ST_FAIL;
	}
	if (load(&ref, ref_name, &e) || load(&test, test_name, &e)) {
		status = diag_err(&e);
		goto out;
	}
	if (ref.info.rate_hz != test.info.rate_hz || ref.info.channels != test.info.channels) {
		diag_error("'%s' has %d Hz and %d channels, '%s' has %d Hz and %d channels: bring both to one shape "
		           "with audio-prep", ref_name, ref.info.rate_hz, ref.info.channels, test_name,
		           test.info.rate_hz, test.info.channels);
		goto out;
	}
	if (diff_compare((struct diff_signal){ ref.x, ref.frames }, (struct diff_signal){ test.x, test.frames },
	                 ref.info.rate_hz, ref.info.channels, (int64_t)(max_delay_s * ref.info.rate_hz), &v, &e)) {
		status = diag_err(&e);
		goto out;
	}
	count = numbers_of(&v, ref.info.rate_hz, n);
	o = object_of(&ref, &test, &v, n, count);
	failed = failures(test_name, &v, n, count);
	bad = json_array_size(failed);
	jl_set(o, "failed", failed);
	diag_info("'%s': ESR %.2f dB, fitted %.2f dB at a delay of %.3f frames and a gain of %.2f dB", test_name,
	          v.esr_db, v.esr_fitted_db, v.delay_frames, v.gain_db);
	if (jl_write(o, out_name ? out_name : "-", &e) || prov_input(prov, "ref", ref_name, ref.sha256, &e) ||
	    prov_input(prov, "test", test_name, test.sha256, &e) ||
	    (out_name && prov_output(prov, "diff", out_name, NULL, &e)) || prov_write(prov, &e))
		status = diag_err(&e);
	else
		status = bad ? ST_NO : ST_OK;
out:
	free(ref.x);
	free(test.x);
	prov_free(prov);
	return status;
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec);

	if (n != 2)
		diag_usage("give a reference and a file to test");
	if (!strcmp(argv[1], "-") && !strcmp(argv[2], "-"))
		diag_usage("only one of the two can be standard input");
	if (tolerance && strcmp(tolerance, "exact"))
		diag_usage("--tolerance is exact, not '%s'; use --fail-if for limits", tolerance);
	if (!(max_delay_s >= 0 && max_delay_s <= 60))
		diag_usage("--max-delay is 0 to 60 seconds");
	out_name = out_name && !strcmp(out_name, "-") ? NULL : out_name;
	if (prov_file && !out_name)
		diag_usage("--provenance tells of a file: it needs -o");
	for (int i = 0; i < fail_if.n; i++)
		parse_rule(fail_if.v[i]); /* a wrong rule is told before the work */
	return diag_close_stdout(compare(argv[1], argv[2]));
}
