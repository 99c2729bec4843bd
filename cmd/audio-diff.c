/* audio-diff - say how far audio files are from others, as they are and after alignment. */
#include "base/file.h"
#include "base/str.h"
#include "cli/batch.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/prov.h"
#include "metrics/diff_batch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double max_delay_s = 1;
static const char *tolerance, *out_name, *prov_file, *null_name, *markdown_name, *junit_name, *by;
static struct opt_list fail_if;
static int batch, matrix, threads;

static const struct opt opts[] = {
	{ 'd', "max-delay", OPT_DOUBLE, &max_delay_s, "S", "look for a delay of up to S seconds, both ways (1)" },
	{ 't', "tolerance", OPT_STR, &tolerance, "exact", "exit 3 unless every sample is the same" },
	{ 'f', "fail-if", OPT_LIST, &fail_if, "RULE", "exit 3 if 'KEY OP NUMBER' holds; may be repeated" },
	{ 'n', "null", OPT_STR, &null_name, "FILE", "write what is left of REF after the fitted TEST is taken off" },
	{ 'b', "batch", OPT_FLAG, &batch, NULL, "pairs come as JSON lines on standard input" },
	{ 'm', "matrix", OPT_FLAG, &matrix, NULL, "compare all files with each other" },
	{ 0, "by", OPT_STR, &by, "KEY", "the number of the matrix (ltas_rms_difference_db)" },
	{ 0, "markdown", OPT_STR, &markdown_name, "FILE", "write a table for people to FILE" },
	{ 0, "junit", OPT_STR, &junit_name, "FILE", "write the pairs as test cases to FILE" },
	{ 'j', "threads", OPT_INT, &threads, "N", "use N threads (0: one for each CPU, default)" },
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write the objects to FILE; - is standard output (default)" },
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[options] REF TEST... | --matrix [--by KEY] FILE... | --batch",
	"Compare TEST with REF: error, delay, polarity, gain, loudness and spectrum, as JSON.",
	opts,
	"  audio-diff amp.wav capture.wav | jq .esr_fitted_db\n"
	"  audio-diff --tolerance exact golden.wav new.wav >/dev/null || echo changed\n"
	"  audio-diff --fail-if 'esr_db > -60' --junit diff.xml golden.wav new.wav\n"
	"  audio-diff --null null.wav amp.wav capture.wav\n"
	"  audio-diff --matrix --by mel_distance_db tones/*.wav\n",
};

static struct progress progress;
static struct diff_log *log_of_pairs;

static void
step(void *ctx, int64_t frames)
{
	progress_step(ctx, (double)frames);
}

/* What is demanded of a pair, from the command line. */
static void
demand(struct diff_pair *p)
{
	struct err e;

	p->exact = tolerance != NULL;
	for (int i = 0; i < fail_if.n; i++)
		if (diff_rule_parse(&p->rule[p->rules++], fail_if.v[i], &e))
			diag_usage("--fail-if %s", e.msg);
}

/* Tell what is not met on stderr; 0 when all is. */
static int
complain(const struct diff_pair *p)
{
	char text[160];
	size_t i;

	for (i = 0; diff_failure(p, i, text); i++)
		diag_error("'%s' fails '%.*s':%s", p->test, (int)strcspn(text, ":"), text, text + strcspn(text, ":") + 1);
	return i > 0;
}

static int
add_line(struct str *lines, json_t *o, struct err *e)
{
	char *text;

	if (!out_name)
		return jl_print(o, stdout) ? err_sys(e, "cannot write standard output") : 0;
	text = jl_text(o);
	json_decref(o);
	lines->failed |= !text;
	str_add(lines, text ? text : "");
	str_add(lines, "\n");
	free(text);
	return 0;
}

static int
compare(size_t number, const char *ref, const char *test, struct str *lines, struct prov *prov)
{
	struct diff_pair *p = calloc(1, sizeof *p);
	struct diff_files o = { max_delay_s, threads, null_name, step, &progress };
	struct err e;
	size_t failed;
	int status = ST_FAIL, bad;

	if (!p) {
		diag_error("out of memory");
		return ST_FAIL;
	}
	p->ref = ref;
	p->test = test;
	demand(p);
	progress_begin(&progress, test, 0);
	bad = diff_pair(p, &o);
	progress_end(&progress, 0);
	diff_log_add(log_of_pairs, number, p);
	if (bad) {
		status = diag_err(&p->e);
		goto out;
	}
	diag_info("'%s': ESR %.2f dB, fitted %.2f dB at a delay of %.3f frames and a gain of %.2f dB", test,
	          p->v.raw.esr_db, p->v.fitted.esr_db, p->v.delay_frames, p->v.gain_db);
	status = complain(p) ? ST_NO : ST_OK;
	if (add_line(lines, diff_json(p, &failed), &e) || (number == 1 && prov_input(prov, "ref", ref, p->ref_sha256, &e)) ||
	    prov_input(prov, "test", test, p->test_sha256, &e))
		status = diag_err(&e);
out:
	free(p);
	return status;
}

/* REF against every TEST; a bad one does not stop the others. */
static int
compare_all(char **file, int n)
{
	struct prov *prov = prov_new(prov_file);
	struct str lines = { 0 };
	struct err e;
	int status = prov ? ST_OK : ST_FAIL;

	for (int i = 1; prov && i < n; i++)
		status = diag_worst(status, compare((size_t)i, file[0], file[i], &lines, prov));
	if (lines.failed || !prov) {
		diag_error("out of memory");
		status = ST_FAIL;
	} else if ((out_name && status != ST_FAIL && file_write(out_name, lines.s, lines.len, &e)) ||
	           (status != ST_FAIL && ((out_name && prov_output(prov, "diff", out_name, NULL, &e)) ||
	            (null_name && prov_output(prov, "null", null_name, NULL, &e)) || prov_write(prov, &e)))) {
		status = diag_err(&e);
	}
	str_free(&lines);
	prov_free(prov);
	return status;
}

static int
compare_matrix(char **file, int n)
{
	struct diff_files o = { .max_delay_s = max_delay_s, .threads = threads };
	struct err e;
	json_t *m = diff_matrix((const char *const *)file, (size_t)n, by, &o, &e);

	return !m || jl_write(m, out_name ? out_name : "-", &e) ? diag_err(&e) : ST_OK;
}

static int
compare_batch(void)
{
	struct diff_pair demands = { 0 };
	struct diff_batch b = { .max_delay_s = max_delay_s, .threads = threads, .demands = &demands, .log = log_of_pairs };

	demand(&demands);
	return diff_batch_main(&b);
}

/* Options that contradict each other, before any work. */
static void
check_options(char **file, int n)
{
	int stdins = 0;
	struct diff_pair p = { 0 };

	for (int i = 0; i < n; i++)
		stdins += !strcmp(file[i], "-");
	if (batch ? n != 0 : n < 2)
		diag_usage("%s", batch ? "with --batch the pairs come on standard input" : matrix ? "give at least two files" :
		           "give a reference and a file to test");
	if (stdins && (matrix || n > 2 || stdins > 1))
		diag_usage("standard input can be one of two files only");
	if (tolerance && strcmp(tolerance, "exact") != 0)
		diag_usage("--tolerance is exact, not '%s'; use --fail-if for limits", tolerance);
	if (!(max_delay_s >= 0 && max_delay_s <= 60))
		diag_usage("--max-delay is 0 to 60 seconds");
	threads = batch_threads(threads);
	if (fail_if.n > DIFF_MAX_RULES)
		diag_usage("at most %d rules", DIFF_MAX_RULES);
	demand(&p); /* a wrong rule is told before the work */
	if (by && (!matrix || !diff_nearer(by)))
		diag_usage(matrix ? "--by %s: no number of the object says how near two files are by that name" :
		           "--by %s: only with --matrix", by);
	if ((matrix && batch) || (matrix && (tolerance || fail_if.n || null_name || markdown_name || junit_name || prov_file)))
		diag_usage("--matrix makes no demands and writes the matrix only");
	if (batch && (null_name || out_name || prov_file))
		diag_usage("with --batch the answers go to standard output; a job names its own \"null\"");
	if ((null_name && !strcmp(null_name, "-")) + (markdown_name && !strcmp(markdown_name, "-")) +
	    (junit_name && !strcmp(junit_name, "-")) + (batch || !out_name) > 1)
		diag_usage("standard output can carry one thing: give -o FILE, and one '-' at most");
	for (int i = 0; i < n; i++)
		if (file_same(file[i], out_name) || file_same(file[i], null_name) || file_same(file[i], markdown_name) ||
		    file_same(file[i], junit_name))
			diag_usage("'%s' would be overwritten", file[i]);
	if (null_name && n > 2)
		diag_usage("--null is of one TEST");
	if (prov_file && !out_name && !null_name)
		diag_usage("--provenance tells of a file: it needs -o or --null");
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec), status;
	struct err e;

	out_name = out_name && !strcmp(out_name, "-") ? NULL : out_name;
	check_options(argv + 1, n);
	by = by ? by : "ltas_rms_difference_db";
	log_of_pairs = diff_log_new();
	if (!log_of_pairs) {
		diag_error("out of memory");
		return ST_FAIL;
	}
	status = batch ? compare_batch() : matrix ? compare_matrix(argv + 1, n) : compare_all(argv + 1, n);
	if ((markdown_name || junit_name) && diff_log_write(log_of_pairs, markdown_name, junit_name, &e))
		status = diag_err(&e);
	diff_log_free(log_of_pairs);
	return diag_close_stdout(status);
}
