/* nam-render - run audio through a Neural Amp Modeler or AIDA-X model. */
#include "base/par.h"
#include "base/sha256.h"
#include "cli/batch.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "nam/nam_check.h"
#include "nam/nam_json.h"
#include "render/nam_batch.h"
#include "render/nam_gpus.h"
#include "render/nam_render.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct nam_options job;
static const char *info_name, *check_name, *loudness_input, *report_file, *prov_file;
static const char *device = "cpu", *precision = "exact";
static struct nam_gpus gpus;
static int threads, batch;

static const struct opt opts[] = {
	{ 'm', "model", OPT_STR, &job.model, "FILE", "the model: .nam, or .json / .aidax" },
	{ 'o', "output", OPT_STR, &job.output, "FILE", "write FILE; - is standard output (default)" },
	{ 'c', "channel", OPT_INT, &job.channel, "N", "render channel N (from 1) only; 0: each on its own (default)" },
	{ 0, "input-gain-db", OPT_DOUBLE, &job.input_gain_db, "DB", "gain before the model (0)" },
	{ 0, "output-gain-db", OPT_DOUBLE, &job.output_gain_db, "DB", "gain after the model (0)" },
	{ 0, "input-dbu", OPT_DOUBLE, &job.input_dbu, "DBU", "level of 0 dBFS in: feed the model as its maker did" },
	{ 0, "level", OPT_STR, &job.level, "HOW", "raw (default), loudness (all models alike) or calibrated" },
	{ 0, "level-target-db", OPT_DOUBLE, &job.level_target_db, "DB", "of --level loudness (-18)" },
	{ 0, "output-dbu", OPT_DOUBLE, &job.output_dbu, "DBU", "level of 0 dBFS out, for --level calibrated" },
	{ 0, "dc-block-hz", OPT_DOUBLE, &job.dc_block_hz, "HZ", "take out DC, high pass at HZ; 0: off (default)" },
	{ 0, "resample", OPT_STR, &job.resample, "HOW", "to the model's rate and back: best (default), fast, off" },
	{ 0, "tail", OPT_STR, &job.tail, "HOW", "after the input: cut (default), full, or seconds" },
	{ 0, "slim", OPT_DOUBLE, &job.slim, "0..1", "size of a slimmable model, 1 is the full one (default)" },
	{ 'e', "encoding", OPT_STR, &job.encoding, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 'j', "threads", OPT_INT, &threads, "N", "threads; 0: one for each CPU (default); the bits stay" },
	{ 0, "device", OPT_STR, &device, "DEV", "cpu (default), auto, cuda, cuda:N,M or cuda:all; the bits stay" },
	{ 0, "precision", OPT_STR, &precision, "HOW", "exact (default), or fast: on a GPU, errors below -60 dB" },
	{ 0, "batch", OPT_FLAG, &batch, NULL, "jobs from standard input, one JSON object a line; answers likewise" },
	{ 0, "info", OPT_STR, &info_name, "MODEL", "print what MODEL is, as JSON, and do nothing else" },
	{ 0, "check", OPT_STR, &check_name, "MODEL", "is MODEL as loud as it says? exit 3 if not" },
	{ 0, "loudness-input", OPT_STR, &loudness_input, "FILE", "the trainer's recording, for --check" },
	REPORT_OPT(report_file),
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"-m MODEL [-qv] [-o OUT] [options] [IN]\n       nam-render --batch [options] <JOBS\n       nam-render --info MODEL [--slim 0..1]\n       nam-render --check MODEL --loudness-input FILE [--slim 0..1]",
	"Run a recording through an amp model; as many frames out as in, nothing delayed.",
	opts,
	"  nam-render -m amp.nam -o amp.wav di.wav\n"
	"  nam-render -m amp.nam di.wav | ir-convolve -i cab.wav -o tone.wav\n"
	"  echo '{\"model\": \"a.nam\", \"input\": \"di.wav\", \"output\": \"a.wav\"}' | nam-render --batch\n"
	"  nam-render --info amp.nam | jq .architecture\n",
};

static int
print(json_t *o)
{
	if (!jl_print(o, stdout))
		return ST_OK;
	diag_error("cannot write to standard output");
	return ST_FAIL;
}

static int
info(void)
{
	struct nam_model *m;
	struct err e;
	int status;

	if (nam_open(&m, info_name, nam_options_slim(&job), &e))
		return diag_err(&e);
	status = print(nam_info_json(info_name, m));
	nam_close(m);
	return status;
}

static int
check(void)
{
	static const int64_t max_frames = 1 << 22;
	struct nam_model *m = NULL;
	struct au_buf b = { 0 };
	struct nam_check c;
	struct err e;
	char hex[65];
	int status;

	if (nam_open(&m, check_name, nam_options_slim(&job), &e) || au_load(&b, loudness_input, max_frames, &e) ||
	    sha256_file(loudness_input, hex, &e) ||
	    (b.channels != 1 && err_set(&e, ERR_INPUT, "'%s' is not mono", loudness_input)) ||
	    nam_check(&c, m, b.x, (size_t)b.frames, b.rate_hz, &e)) {
		status = diag_err(&e);
	} else {
		status = print(nam_check_json(&c, check_name, m, nam_options_slim(&job), loudness_input, hex));
		if (!nam_check_is_trainers(hex)) {
			diag_error("'%s' is not the trainer's recording (loudness_input.wav, SHA-256 " NAM_CHECK_INPUT_SHA256
			    "): the model is measured, but its claims are not checked", loudness_input);
			status = ST_FAIL;
		} else if (status == ST_OK && !nam_check_ok(&c)) {
			status = ST_NO;
		}
	}
	au_buf_free(&b);
	nam_close(m);
	return status;
}

/* The report first: where the audio is, its report is. */
static int
finish(struct nam_render *r, struct prov *prov, struct err *e)
{
	json_t *report = report_file ? nam_render_report(r, e) : NULL;
	char hex[65];

	if (report_file && (!report || jl_write(report, report_file, e)))
		return -1;
	if (nam_render_commit(r, prov_wanted(prov) ? hex : NULL, e)) {
		if (report_file && strcmp(report_file, "-"))
			unlink(report_file);
		return -1;
	}
	if (nam_render_prov(r, prov, hex, e) || (prov_wanted(prov) && report_file && strcmp(report_file, "-") &&
	    prov_output(prov, "report", report_file, NULL, e)))
		return -1;
	return prov_write(prov, e);
}

static int
render(void)
{
	struct prov *prov = prov_new(prov_file);
	struct nam_render *r = NULL;
	struct nam_model *model = NULL;
	const struct nam_info *i;
	struct progress p;
	double start_s = par_clock_s(), took_s;
	int status = ST_FAIL;
	struct err e;
	size_t k, said;
	json_t *w;

	progress_begin(&p, job.input, 0);
	if ((!prov && err_set(&e, ERR_NOMEM, "out of memory")) ||
	    nam_open(&model, job.model, nam_options_slim(&job), &e) || nam_render_open(&r, &job, model, NULL, &e)) {
		status = diag_err(opt_as_option(&e));
		goto out;
	}
	said = json_array_size(nam_render_warnings(r));
	json_array_foreach(nam_render_warnings(r), k, w)
		diag_warn("%s", json_string_value(w));
	i = nam_model_info(model);
	diag_info("%s: %s, %zu weights, %zu frames of pre-roll, %s", job.model, i->selected, i->weights,
	    i->receptive_field, nam_isa());
	progress_begin(&p, job.input, nam_render_frames_in(r) < 0 ? 0 : (double)nam_render_frames_in(r));
	if (nam_render_run(r, gpus.n ? &gpus : NULL, threads, &p, &e)) {
		status = diag_err(&e);
		goto out;
	}
	json_array_foreach(nam_render_warnings(r), k, w)
		if (k >= said)
			diag_warn("%s", json_string_value(w));
	took_s = par_clock_s() - start_s;
	diag_info("%" PRId64 " frames in %.3f s, %.1f times real time", nam_render_frames_out(r), took_s,
	    (double)nam_render_frames_out(r) / nam_render_rate_hz(r) / took_s);
	status = finish(r, prov, &e) ? diag_err(&e) : ST_OK;
out:
	progress_end(&p, r ? (double)nam_render_frames_out(r) : 0);
	nam_render_free(r);
	nam_close(model);
	prov_free(prov);
	return status;
}

static int
render_batch(void)
{
	struct nam_batch_result r;
	struct progress p;
	struct err e;
	int bad;

	job.input = job.output = NULL;   /* every job says its own */
	progress_begin(&p, "jobs", 0);
	bad = nam_batch_run(STDIN_FILENO, STDOUT_FILENO, &job, gpus.n ? &gpus : NULL, threads, prov_file, &p, &r, &e);
	progress_end(&p, (double)r.jobs);
	if (bad)
		return diag_err(&e);
	if (r.failed)
		diag_error("%zu of %zu jobs failed; their answers say why", r.failed, r.jobs);
	return r.failed ? ST_FAIL : ST_OK;
}

/* What --device asks for, or why it cannot be had. */
static int
choose_device(void)
{
	char why[256];
	struct err e;
	const int n = nam_gpus_find(&gpus, device, why, sizeof why, &e);

	if (n < 0 && e.code == ERR_INPUT)
		diag_usage("%s", opt_as_option(&e)->msg);
	if (n < 0)
		return diag_err(opt_as_option(&e));
	gpus.fast = !strcmp(precision, "fast");
	if (n == 0 && gpus.fast) {
		diag_error("--precision fast: there is no GPU%s%s; exact is what a CPU has", *why ? ": " : "", why);
		return ST_FAIL;
	}
	if (n == 0) {
		gpus.n = 0;
		diag_info("on the CPU, %s%s%s", nam_isa(), *why ? ": " : "", why);
	} else {
		diag_info("on %s", gpus.name);
	}
	return ST_OK;
}

/* --info and --check measure; what says how to render means nothing to them. */
static void
check_alone(int n)
{
	static const char *const with_info[] = { "info", "slim", NULL };
	static const char *const with_check[] = { "check", "loudness-input", "slim", NULL };
	const char *other = opt_beside(info_name ? with_info : with_check);

	if (other)
		diag_usage("--%s takes a model%s and --slim, not --%s", info_name ? "info" : "check",
		    info_name ? "" : ", --loudness-input", other);
	if (n)
		diag_usage("--%s takes one model and no input", info_name ? "info" : "check");
	if (check_name && !loudness_input)
		diag_usage("--check needs --loudness-input, the trainer's loudness_input.wav");
}

static void
check_options(int n)
{
	struct err e;

	if (info_name || check_name)
		check_alone(n);
	if (batch ? nam_options_check_values(&job, &e) : nam_options_check(&job, &e))
		diag_usage("%s", opt_as_option(&e)->msg);
	if (info_name || check_name)
		return;
	threads = batch_threads(threads);
	if (strcmp(precision, "exact") && strcmp(precision, "fast"))
		diag_usage("--precision: '%s' is not exact or fast", precision);
	if (!strcmp(precision, "fast") && !strcmp(device, "cpu"))
		diag_usage("--precision fast is for GPUs: give --device, or leave it out");
	if (loudness_input)
		diag_usage("--loudness-input is for --check only");
	if (batch && (n || report_file || strcmp(job.output, "-") != 0))
		diag_usage("--batch takes inputs and outputs from its jobs, and gives their reports with the answers");
	if (batch && prov_file && !strcmp(prov_file, "-"))
		diag_usage("--provenance: standard output is for the answers; name a file");
	if (batch)
		return;
	if (n > 1)
		diag_usage("one input at a time, not %d", n);
	if (!job.model)
		diag_usage("no model: give one with -m");
	if (!strcmp(job.model, "-") && !strcmp(job.input, "-"))
		diag_usage("standard input cannot be both the signal and the model");
	if (!strcmp(job.input, "-") && isatty(STDIN_FILENO))
		diag_usage("no input: name a file, or pipe one in");
	if (!strcmp(job.output, "-") && isatty(STDOUT_FILENO))
		diag_usage("standard output is a terminal: name a file with -o, or pipe it on");
	if (!strcmp(job.output, "-") && report_file && !strcmp(report_file, "-"))
		diag_usage("standard output cannot be both the audio and the report");
}

int
main(int argc, char *argv[])
{
	int n;

	nam_options_init(&job);
	job.output = "-";
	n = opt_parse(argc, argv, &spec);
	job.input = n ? argv[1] : "-";
	check_options(n);
	if (info_name || check_name)
		return diag_close_stdout(info_name ? info() : check());
	n = choose_device();
	return diag_close_stdout(n ? n : batch ? render_batch() : render());
}
