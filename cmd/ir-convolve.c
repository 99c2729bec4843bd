/* ir-convolve - put audio through a cabinet's impulse response. */
#include "cab/cab.h"
#include "cli/batch.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#ifdef HAVE_CAIRO
#include "draw/plot_ir.h"
#include "draw/text.h"
#endif

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cab_options want = CAB_OPTIONS_DEFAULT;
static struct opt_list irs, gains;
static const char *info_name, *plot_name;
static int batch_mode, threads;

static const struct opt opts[] = {
	{ 'i', "ir", OPT_LIST, &irs, "FILE", "an impulse response, up to 60 s; several are blended" },
	{ 0, "ir-gain-db", OPT_LIST, &gains, "DB", "gain of the first -i, the second, ... (0)" },
	{ 'o', "output", OPT_STR, &want.output, "FILE", "write FILE; - is standard output (default)" },
	{ 0, "align", OPT_STR, &want.align, "WHEN", "of several: move each to where the first is: on (default), off" },
	{ 0, "fix-polarity", OPT_FLAG, &want.fix_polarity, NULL, "of several: turn those that are upside down to the first" },
	{ 0, "join", OPT_FLAG, &want.join, NULL, "of several: channels side by side, not added up" },
	{ 0, "routing", OPT_STR, &want.routing, "HOW", "channel by channel or all to all: auto (default), each, matrix" },
	{ 0, "min-phase", OPT_FLAG, &want.minimum_phase, NULL, "make the response minimum phase" },
	{ 0, "delay", OPT_STR, &want.delay, "HOW", "what the response begins with: keep (default), trim, compensate" },
	{ 0, "trim", OPT_DOUBLE, &want.trim_s, "SECONDS", "keep so much of the response" },
	{ 0, "fade", OPT_DOUBLE, &want.fade_s, "SECONDS", "fade its end out for so long" },
	{ 0, "low-cut-hz", OPT_DOUBLE, &want.low_cut_hz, "HZ", "cut below HZ, 12 dB/octave" },
	{ 0, "high-cut-hz", OPT_DOUBLE, &want.high_cut_hz, "HZ", "cut above HZ, 12 dB/octave" },
	{ 'n', "norm", OPT_STR, &want.norm, "NORM", "level: none (default), energy, peak, loudness, nam-plugin, juce" },
	{ 'g', "gain-db", OPT_DOUBLE, &want.gain_db, "DB", "gain of the wet signal, after --norm (0)" },
	{ 'm', "mix", OPT_DOUBLE, &want.mix, "0..1", "part of the wet signal in the output (1)" },
	{ 't', "tail", OPT_STR, &want.tail, "TAIL", "full, cut or SECONDS after the input's end (full)" },
	{ 'e', "encoding", OPT_STR, &want.encoding, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 0, "info", OPT_STR, &info_name, "IR", "print what there is to say of IR, as JSON" },
	{ 0, "plot", OPT_STR, &plot_name, "FILE", "with --info: draw its response to FILE, .svg or .png" },
	{ 0, "batch", OPT_FLAG, &batch_mode, NULL, "jobs from standard input, one JSON object a line; answers likewise" },
	{ 'j', "threads", OPT_INT, &threads, "N", "jobs, or parts of a signal, at once; 0: one for each CPU (default)" },
	REPORT_OPT(want.report),
	PROV_OPT(want.provenance),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"-i IR [-o OUT] [IN]\n       ir-convolve --batch [options] <JOBS\n       ir-convolve --info IR [--plot FILE]",
	"Put audio through a cabinet's impulse response, exactly and with its whole tail.",
	opts,
	"  ir-convolve -i cab.wav -o tone.wav amp.wav\n"
	"  nam-render -m amp.nam di.wav | ir-convolve -i cab.wav --norm energy >tone.wav\n"
	"  ir-convolve -i sm57.wav -i m160.wav --ir-gain-db 0 --ir-gain-db -3 -o tone.wav amp.wav\n"
	"  ir-convolve --info cab.wav\n",
};

static void
say(int level, const char *text)
{
	if (level)
		diag_info("%s", text);
	else
		diag_warn("%s", text);
}

static int
convolve(void)
{
	struct progress p;
	struct err e;

	want.threads = threads;
	return cab_run(&want, NULL, &p, say, NULL, &e) ? diag_err(&e) : ST_OK;
}

static int
run_batch(void)
{
	struct cab_batch jobs = { .defaults = want };
	struct progress p;
	struct batch b = { .schema = "ir-convolve-batch/1", .threads = threads, .run = cab_batch_job, .ctx = &jobs,
		.progress = &p };
	struct batch_result r;
	struct err e;
	int bad;

	jobs.cache = cab_cache_new(&e);
	if (!jobs.cache)
		return diag_err(&e);
	progress_begin(&p, "jobs", 0);
	bad = batch_run(&b, STDIN_FILENO, STDOUT_FILENO, &r, &e);
	progress_end(&p, (double)r.jobs);
	cab_cache_free(jobs.cache);
	if (bad)
		return diag_err(&e);
	if (r.failed)
		diag_error("%zu of %zu jobs failed; their answers say why", r.failed, r.jobs);
	return r.failed ? ST_FAIL : ST_OK;
}

static int
plot(struct err *e)
{
#ifdef HAVE_CAIRO
	return text_init(e) ? -1 : plot_ir(plot_name, info_name, e);
#else
	return err_set(e, ERR_UNSUPPORTED, "--plot: this program was built without cairo");
#endif
}

static int
info(void)
{
	struct err e;
	json_t *o = cab_info(info_name, &e);

	if (!o)
		return diag_err(&e);
	if (plot_name && plot(&e)) {
		json_decref(o);
		return diag_err(&e);
	}
	if (jl_print(o, stdout)) {
		diag_error("cannot write standard output");
		return ST_FAIL;
	}
	return ST_OK;
}

/* --ir and --ir-gain-db into the options. */
static void
take_lists(void)
{
	static double db[CAB_MAX_IRS];
	char *end;

	want.ir = irs.v;
	want.n_irs = irs.n;
	want.ir_gain_db = db;
	want.n_gains = gains.n;
	if (gains.n > CAB_MAX_IRS)
		diag_usage("--ir-gain-db: at most %d", CAB_MAX_IRS);
	for (int i = 0; i < gains.n; i++) {
		db[i] = strtod(gains.v[i], &end);
		if (end == gains.v[i] || *end || !isfinite(db[i]))
			diag_usage("--ir-gain-db: '%s' is not a number", gains.v[i]);
	}
}

static void
check_info(int n)
{
	static const char *const with_info[] = { "info", "plot", NULL };

	if (n || opt_beside(with_info))
		diag_usage("--info takes one impulse response, --plot and nothing else");
	if (plot_name && !strcmp(info_name, "-"))
		diag_usage("--plot reads the response again: name a file");
}

static void
check_streams(void)
{
	int from_stdin = !strcmp(want.input, "-"), to_stdout = !want.output || !strcmp(want.output, "-");

	for (int i = 0; i < want.n_irs; i++)
		if (!strcmp(want.ir[i], "-") && from_stdin++)
			diag_usage("standard input cannot be both the signal and the impulse response");
	if (!strcmp(want.input, "-") && isatty(STDIN_FILENO))
		diag_usage("no input: name a file, or pipe one in");
	if (to_stdout && isatty(STDOUT_FILENO))
		diag_usage("standard output is a terminal: name a file with -o, or pipe it on");
	if (to_stdout && want.report && !strcmp(want.report, "-"))
		diag_usage("standard output cannot be both the audio and the report");
}

static void
check_options(int n)
{
	struct err e;

	if (info_name) {
		check_info(n);
		return;
	}
	if (plot_name)
		diag_usage("--plot goes with --info");
	threads = batch_threads(threads);
	if (cab_check(&want, &e))
		diag_usage("%s", opt_as_option(&e)->msg);
	if (batch_mode) {
		if (n || want.output || want.report || want.provenance)
			diag_usage("--batch takes inputs, outputs and where reports go from its jobs");
		return;
	}
	if (n > 1)
		diag_usage("one input at a time, not %d", n);
	if (!want.n_irs)
		diag_usage("no impulse response: give one with -i");
	check_streams();
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec);

	want.input = batch_mode ? NULL : n ? argv[1] : "-"; /* jobs say their own */
	take_lists();
	check_options(n);
	return diag_close_stdout(info_name ? info() : batch_mode ? run_batch() : convolve());
}
