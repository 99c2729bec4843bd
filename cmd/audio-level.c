/* audio-level - bring audio to a level by one gain, and say which. */
#include "cli/batch.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "metrics/level_job.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static struct level_options want = LEVEL_OPTIONS_NONE;
static int match_mode, batch_mode, threads;

static const struct opt opts[] = {
	{ 'l', "lufs", OPT_DOUBLE, &want.lufs, "LUFS", "bring the integrated loudness to LUFS" },
	{ 0, "momentary-lufs", OPT_DOUBLE, &want.momentary_lufs, "LUFS", "bring the largest momentary loudness there" },
	{ 0, "short-term-lufs", OPT_DOUBLE, &want.short_term_lufs, "LUFS", "bring the largest short-term loudness there" },
	{ 0, "rms-dbfs", OPT_DOUBLE, &want.rms_dbfs, "DBFS", "bring the RMS there; a full sine is -3.01" },
	{ 0, "peak-dbfs", OPT_DOUBLE, &want.peak_dbfs, "DBFS", "bring the largest sample there" },
	{ 0, "true-peak-dbtp", OPT_DOUBLE, &want.true_peak_dbtp, "DBTP", "bring the true peak there" },
	{ 0, "normalize-rms", OPT_DOUBLE, &want.normalize_rms, "DBFS", "RMS, turned down to a peak of -0.1; for old results" },
	{ 'c', "ceiling", OPT_STR, &want.ceiling, "DBTP", "true peak that must not be passed, or none (-1)" },
	{ 0, "limit", OPT_FLAG, &want.limit, NULL, "limit peaks that would pass the ceiling, instead of refusing" },
	{ 'g', "gain-db", OPT_DOUBLE, &want.gain_db, "DB", "apply this gain; 0 copies bit for bit" },
	{ 't', "target", OPT_STR, &want.target, "FILE", "bring to the target that --match wrote" },
	{ 'm', "measure", OPT_FLAG, &want.measure, NULL, "measure only; the object goes to --report or stdout" },
	{ 0, "match", OPT_FLAG, &match_mode, NULL, "choose one target for several files" },
	{ 'o', "output", OPT_STR, &want.output, "FILE", "write FILE; - is standard output (default)" },
	{ 'e', "encoding", OPT_STR, &want.encoding, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 0, "dual-mono", OPT_FLAG, &want.dual_mono, NULL, "a mono input is played on two speakers (+3.01 LU)" },
	{ 0, "start-frame", OPT_INT64, &want.start_frame, "N", "measure from frame N on (0)" },
	{ 0, "length-frames", OPT_INT64, &want.length_frames, "N", "measure N frames (to the end)" },
	{ 0, "di", OPT_STR, &want.di, "FILE", "measure only where this DI plays" },
	{ 0, "gate-dbfs", OPT_DOUBLE, &want.gate_dbfs, "DBFS", "level from which on it does (-50)" },
	{ 0, "no-metadata", OPT_FLAG, &want.no_metadata, NULL, "carry no bext, iXML and texts of the input on" },
	{ 0, "batch", OPT_FLAG, &batch_mode, NULL, "jobs from standard input, one JSON object a line; answers likewise" },
	{ 'j', "threads", OPT_INT, &threads, "N", "jobs of a batch side by side; 0: one for each CPU (default)" },
	REPORT_OPT(want.report),
	PROV_OPT(want.provenance),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"--lufs N | --gain-db G | --target FILE | ... [-o OUT] [IN]\n"
	"       audio-level --measure [--report FILE] [IN]\n"
	"       audio-level --match [--lufs N] [-o OUT.json] FILE...\n"
	"       audio-level --batch [options] <JOBS",
	"Bring audio to a loudness (ITU-R BS.1770) or level by one gain, or choose a common one.",
	opts,
	"  audio-level --lufs -18 -o loud.wav di.wav\n"
	"  audio-level --match --lufs -16 -o level.json a.wav b.wav\n"
	"  audio-level --target level.json -o a.flac a.wav\n"
	"  echo '{\"input\": \"a.wav\", \"output\": \"b.wav\", \"lufs\": -20}' | audio-level --batch\n",
};

static double
number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* 0, 1 or -1 of the library as a status. */
static int
status_of(int r, const struct err *e)
{
	if (r == 1)
		diag_error("%s", e->msg);
	return r == 1 ? ST_NO : r ? diag_err(e) : ST_OK;
}

static int
level(void)
{
	struct progress p;
	json_t *report = NULL;
	int wanted = diag_level > 0 || want.measure || want.normalize_rms <= 0;
	struct err e;
	int status;

	progress_begin(&p, want.input, 0);
	status = status_of(level_run(&want, &p, wanted ? &report : NULL, &e), &e);
	progress_end(&p, p.total);
	if (report && !want.measure) {
		diag_info("'%s': %.2f LUFS, %.2f dBTP, gain %+.2f dB", want.input, number(report, "measured_lufs"),
		    number(report, "measured_true_peak_dbtp"), number(report, "gain_db"));
		if (want.limit)
			diag_info("'%s': limited by up to %.2f dB", want.input,
			    number(json_object_get(report, "limiter"), "max_reduction_db"));
		if (want.normalize_rms <= 0 && json_is_null(json_object_get(report, "measured_rms_dbfs")))
			diag_warn("'%s' is silent and stays as it is", want.input);
	}
	if (report && want.measure && !want.report && jl_write(json_incref(report), "-", &e))
		status = diag_err(&e);
	json_decref(report);
	return status;
}

static int
match(char *const *names, size_t n)
{
	json_t *report;
	struct err e;
	int status = status_of(level_match(&want, names, n, &report, &e), &e);
	const char *by = json_string_value(json_object_get(report, "limited_by"));

	if (report)
		diag_info("target %g%s%s%s", number(report, "target"), by ? ", limited by '" : "", by ? by : "", by ? "'" : "");
	json_decref(report);
	return status;
}

static int
run_batch(void)
{
	struct batch b = { .schema = "audio-level-batch/1", .threads = threads, .run = level_batch_job, .ctx = &want };

	return batch_main(&b);
}

/* --match: a target, and nothing that would write audio. */
static void
check_match(int n)
{
	static const char *const with[] = { "match", "lufs", "momentary-lufs", "short-term-lufs", "rms-dbfs", "peak-dbfs",
		"true-peak-dbtp", "ceiling", "output", "dual-mono", "start-frame", "length-frames", "di", "gate-dbfs", "report", NULL };
	const char *other = opt_beside(with);
	struct level_options o = want;
	struct err e;

	if (other)
		diag_usage("--match takes a target, --ceiling, -o, --report and how to measure, not --%s", other);
	o.report = NULL;
	if (!level_has_target(&o))
		o.lufs = 0; /* it may be left out; all else is checked */
	if (level_check(&o, &e))
		diag_usage("%s", opt_as_option(&e)->msg);
	if (n < 1)
		diag_usage("--match of no file");
}

static void
check_options(int n)
{
	struct err e;

	if (threads && !batch_mode)
		diag_usage("--threads is for --batch only");
	if (match_mode) {
		check_match(n);
		return;
	}
	if (batch_mode) {
		if (n || want.output || want.report || want.provenance)
			diag_usage("--batch takes inputs, outputs and where reports go from its jobs");
		return;
	}
	if (level_check(&want, &e))
		diag_usage("%s", opt_as_option(&e)->msg);
	if (n > 1)
		diag_usage("one input at a time");
	if (!strcmp(want.input, "-") && isatty(STDIN_FILENO))
		diag_usage("no input: name a file, or pipe one in");
	if (!want.measure && (!want.output || !strcmp(want.output, "-")) && isatty(STDOUT_FILENO))
		diag_usage("standard output is a terminal: name a file with -o, or pipe it on");
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec);

	want.input = n ? argv[1] : "-";
	check_options(n);
	if (batch_mode) {
		want.input = NULL; /* every job says its own */
		return diag_close_stdout(run_batch());
	}
	return diag_close_stdout(match_mode ? match(argv + 1, (size_t)n) : level());
}
