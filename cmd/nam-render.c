/* nam-render - run audio through a Neural Amp Modeler or AIDA-X model. */
#include "audio/audio.h"
#include "base/par.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "dsp/db.h"
#include "nam/nam.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_FRAMES = 4096, UNKNOWN_RATE_HZ = 48000 };
static const double max_gain_db = 120;

static const char *model_name, *out_name = "-", *info_name, *encoding_arg, *report_file, *prov_file;
static double input_gain_db, output_gain_db, slim = NAN;
static int channel;
static enum au_encoding encoding = AU_DEFAULT;

static const struct opt opts[] = {
	{ 'm', "model", OPT_STR, &model_name, "FILE", "the model: .nam, or .json / .aidax" },
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write FILE; - is standard output (default)" },
	{ 0, "input-gain-db", OPT_DOUBLE, &input_gain_db, "DB", "gain before the model (0)" },
	{ 0, "output-gain-db", OPT_DOUBLE, &output_gain_db, "DB", "gain after the model (0)" },
	{ 0, "slim", OPT_DOUBLE, &slim, "0..1", "size of a slimmable model, 1 is the full one (default)" },
	{ 'c', "channel", OPT_INT, &channel, "N", "use channel N (from 1) of an input that has several" },
	{ 'e', "encoding", OPT_STR, &encoding_arg, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 0, "info", OPT_STR, &info_name, "MODEL", "print what MODEL is, as JSON, and do nothing else" },
	REPORT_OPT(report_file),
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"-m MODEL [-qv] [-o OUT] [options] [IN]\n       nam-render --info MODEL",
	"Run a mono recording through an amp model; as many frames out as in, nothing delayed.",
	opts,
	"  nam-render -m amp.nam -o amp.wav di.wav\n"
	"  nam-render -m amp.nam di.wav | ir-convolve -i cab.wav -o tone.wav\n"
	"  nam-render --info amp.nam | jq .architecture\n",
};

/* ---- --info ---- */

/* What both objects say of a model. */
static void
describe(json_t *o, const char *file, const struct nam_model *m)
{
	const struct nam_info *i = nam_model_info(m);

	jl_str(o, "file", file);
	jl_str(o, "sha256", nam_model_sha256(m));
	jl_str(o, "format", i->format);
	jl_str(o, "file_version", *i->file_version ? i->file_version : NULL);
	jl_str(o, "architecture", i->architecture);
	jl_str(o, "selected", i->selected);
	jl_num(o, "sample_rate_hz", i->rate_hz > 0 ? i->rate_hz : NAN);
	jl_int(o, "weights", (long long)i->weights);
	jl_int(o, "receptive_field_frames", (long long)i->receptive_field);
	jl_str(o, "name", i->name);
	jl_str(o, "modeled_by", i->modeled_by);
	jl_str(o, "gear_type", i->gear_type);
	jl_str(o, "gear_make", i->gear_make);
	jl_str(o, "gear_model", i->gear_model);
	jl_str(o, "tone_type", i->tone_type);
	jl_str(o, "license", i->license);
	jl_num(o, "loudness_db", i->loudness_db);
	jl_num(o, "gain", i->gain);
	jl_num(o, "input_level_dbu", i->input_level_dbu);
	jl_num(o, "output_level_dbu", i->output_level_dbu);
}

static int
info(const char *name)
{
	const struct nam_info *i;
	struct nam_model *m;
	struct err e;
	json_t *o, *list = json_array();

	if (nam_open(&m, name, isnan(slim) ? -1 : slim, &e)) {
		json_decref(list);
		return diag_err(&e);
	}
	i = nam_model_info(m);
	o = jl_new("nam-info/1");
	describe(o, name, m);
	jl_bool(o, "newer_version", i->newer_version);
	jl_bool(o, "recurrent", i->recurrent);
	jl_int(o, "macs_per_frame", (long long)i->macs);
	jl_int(o, "out_channels", i->out_channels);
	jl_bool(o, "slimmable", i->slimmable);
	for (int k = 0; k < i->n_slim; k++)
		json_array_append_new(list, json_real(i->slim[k]));
	jl_set(o, "slim_breakpoints", list);
	jl_num(o, "validation_esr", i->validation_esr);
	nam_close(m);
	if (jl_print(o, stdout)) {
		diag_error("cannot write to standard output");
		return ST_FAIL;
	}
	return ST_OK;
}

/* ---- the work ---- */

struct job {
	const char *name;
	struct nam_model *model;
	struct nam_stream *stream;
	struct au_in *in;
	struct au_out *out;
	int rate_hz, assumed;        /* the model's rate; 1: it does not say, 48000 is meant */
	int64_t frames, clipped;
	double peak;
	char sha256[65];
};

static int
prepare(struct job *j, struct err *e)
{
	const struct au_info *a;
	const struct nam_info *i;

	if (nam_open(&j->model, model_name, isnan(slim) ? -1 : slim, e) || au_open(&j->in, j->name, e))
		return -1;
	a = au_info(j->in);
	i = nam_model_info(j->model);
	if (a->channels > 1 && !channel)
		return err_set(e, ERR_INPUT, "'%s' has %d channels and models are mono: choose one with --channel, or "
		    "mix with audio-prep --channels mono", j->name, a->channels);
	if (channel > a->channels)
		return err_set(e, ERR_INPUT, "'%s' has no channel %d, only %d", j->name, channel, a->channels);
	j->assumed = i->rate_hz <= 0;
	j->rate_hz = j->assumed ? UNKNOWN_RATE_HZ : (int)lround(i->rate_hz);
	if (fabs((j->assumed ? UNKNOWN_RATE_HZ : i->rate_hz) - a->rate_hz) > 0.5)
		return err_set(e, ERR_INPUT, "'%s' is at %d Hz and the model '%s' %s %d Hz: convert with "
		    "audio-prep --sample-rate %d", j->name, a->rate_hz, model_name,
		    j->assumed ? "says no rate, which means" : "is for", j->rate_hz, j->rate_hz);
	if (i->newer_version)
		diag_warn("'%s' is of version %s, newer than 0.7.0: a feature may be missing", model_name,
		    i->file_version);
	if (i->out_channels > 1)
		diag_warn("'%s' has %d outputs; the first is rendered", model_name, i->out_channels);
	diag_info("%s: %s, %zu weights, %zu frames of pre-roll, %s", model_name, i->selected, i->weights,
	    i->receptive_field, nam_isa());
	if (nam_stream_new(&j->stream, j->model, e)) {
		err_prefix(e, "model '%s': ", model_name);
		return -1;
	}
	return au_create(&j->out, out_name, a->rate_hz, 1, encoding, e);
}

/* buf: BLOCK_FRAMES of the input, mono: of one channel. */
static int
stream(struct job *j, float *buf, float *mono, struct progress *p, struct err *e)
{
	const int channels = au_info(j->in)->channels, from = channel ? channel - 1 : 0;
	const float g_in = (float)dsp_gain_of_db(input_gain_db), g_out = (float)dsp_gain_of_db(output_gain_db);
	int64_t n;

	while ((n = au_read(j->in, buf, BLOCK_FRAMES, e)) > 0) {
		for (int64_t t = 0; t < n; t++)
			mono[t] = buf[t * channels + from] * g_in;
		nam_process(j->stream, mono, mono, (size_t)n);
		for (int64_t t = 0; t < n; t++) {
			mono[t] *= g_out;
			if (!isfinite(mono[t]))
				return err_set(e, ERR_INPUT, "the model '%s' gives no number at frame %" PRId64
				    " of '%s': it is broken, or --input-gain-db is too high", model_name,
				    j->frames + t, j->name);
			j->peak = fmax(j->peak, fabs((double)mono[t]));
		}
		if (au_write(j->out, mono, n, e))
			return -1;
		j->frames += n;
		progress_step(p, (double)j->frames);
	}
	return n < 0 ? -1 : 0;
}

static double
db(double x)
{
	return x > 0 ? 20 * log10(x) : NAN;
}

static int
report(const struct job *j, struct err *e)
{
	json_t *o = jl_new("nam-render/1"), *m = json_object();

	jl_str(o, "input", j->name);
	jl_str(o, "sha256", j->sha256);
	jl_str(o, "output", out_name);
	jl_int(o, "rate_hz", au_info(j->in)->rate_hz);
	jl_bool(o, "rate_assumed", j->assumed);
	jl_int(o, "channels", au_info(j->in)->channels);
	jl_int(o, "channel", channel ? channel : 1);
	jl_int(o, "frames", j->frames);
	describe(m, model_name, j->model);
	jl_set(o, "model", m);
	jl_num(o, "slim", slim);
	jl_num(o, "input_gain_db", input_gain_db);
	jl_num(o, "output_gain_db", output_gain_db);
	jl_num(o, "peak_dbfs", db(j->peak));
	jl_int(o, "clipped_samples", j->clipped);
	jl_str(o, "device", "cpu");
	jl_str(o, "isa", nam_isa());
	return jl_write(o, report_file, e);
}

static int
provenance(struct prov *prov, const struct job *j, const char *out_sha256, struct err *e)
{
	json_t *o;

	if (!prov_wanted(prov))
		return 0;
	if (prov_input(prov, "audio", j->name, j->sha256, e) ||
	    prov_input(prov, "model", model_name, nam_model_sha256(j->model), e) ||
	    prov_output(prov, "audio", out_name, out_sha256, e) ||
	    (report_file && strcmp(report_file, "-") && prov_output(prov, "report", report_file, NULL, e)))
		return -1;
	o = json_object();
	describe(o, model_name, j->model);
	prov_set(prov, "model", o);
	prov_set(prov, "device", json_string("cpu"));
	prov_set(prov, "isa", json_string(nam_isa()));
	return prov_write(prov, e);
}

static int
render(const char *name)
{
	struct job j = { .name = name };
	struct prov *prov = prov_new(prov_file);
	float *buf = malloc((size_t)BLOCK_FRAMES * AU_MAX_CHANNELS * sizeof *buf);
	float *mono = malloc((size_t)BLOCK_FRAMES * sizeof *mono);
	struct progress p;
	struct err e;
	char hex[65];
	double start_s = par_clock_s(), took_s;
	int status = ST_FAIL;

	progress_begin(&p, name, 0);
	if (!buf || !mono || !prov) {
		diag_error("out of memory");
		goto out;
	}
	if (prepare(&j, &e)) {
		status = diag_err(&e);
		goto out;
	}
	progress_begin(&p, name, au_info(j.in)->frames < 0 ? 0 : (double)au_info(j.in)->frames);
	if (stream(&j, buf, mono, &p, &e) ||
	    ((report_file || prov_wanted(prov)) && au_in_sha256(j.in, j.sha256, &e))) {
		status = diag_err(&e);
		goto out;
	}
	took_s = par_clock_s() - start_s;
	diag_info("%" PRId64 " frames in %.3f s, %.1f times real time", j.frames, took_s,
	    (double)j.frames / j.rate_hz / took_s);
	j.clipped = au_clipped(j.out);
	if (j.clipped) {
		diag_error("%" PRId64 " samples of '%s' would clip (the peak is %+.2f dBFS); lower --output-gain-db, "
		    "or write float32 (a name that ends in .wav)", j.clipped, out_name, db(j.peak));
		goto out;
	}
	/* the report first: where the audio is, its report is */
	if (report_file && report(&j, &e)) {
		status = diag_err(&e);
		goto out;
	}
	if (au_commit(j.out, hex, &e)) {
		j.out = NULL;
		if (report_file && strcmp(report_file, "-"))
			unlink(report_file);
		status = diag_err(&e);
		goto out;
	}
	j.out = NULL;
	status = provenance(prov, &j, hex, &e) ? diag_err(&e) : ST_OK;
out:
	progress_end(&p, (double)j.frames);
	au_abort(j.out);
	nam_stream_free(j.stream);
	nam_close(j.model);
	au_close(j.in);
	prov_free(prov);
	free(buf);
	free(mono);
	return status;
}

static void
check_options(int n, const char *in)
{
	int v;

	if (!isnan(slim) && !(slim >= 0 && slim <= 1))
		diag_usage("--slim: %g is not within 0..1", slim);
	if (info_name && (model_name || n))
		diag_usage("--info takes one model and nothing else");
	if (info_name)
		return;
	if (!(fabs(input_gain_db) <= max_gain_db))
		diag_usage("--input-gain-db: %g is not within -%g..%g", input_gain_db, max_gain_db, max_gain_db);
	if (!(fabs(output_gain_db) <= max_gain_db))
		diag_usage("--output-gain-db: %g is not within -%g..%g", output_gain_db, max_gain_db, max_gain_db);
	if (channel < 0 || channel > AU_MAX_CHANNELS)
		diag_usage("--channel: %d is not within 1..%d", channel, AU_MAX_CHANNELS);
	if (encoding_arg && (v = au_encoding_of(encoding_arg)) < 0)
		diag_usage("--encoding: '%s' is not f32, s16 or s24", encoding_arg);
	if (encoding_arg)
		encoding = (enum au_encoding)v;
	if (n > 1)
		diag_usage("one input at a time, not %d", n);
	if (!model_name)
		diag_usage("no model: give one with -m");
	if (!strcmp(model_name, "-") && !strcmp(in, "-"))
		diag_usage("standard input cannot be both the signal and the model");
	if (!strcmp(in, "-") && isatty(STDIN_FILENO))
		diag_usage("no input: name a file, or pipe one in");
	if (!strcmp(out_name, "-") && isatty(STDOUT_FILENO))
		diag_usage("standard output is a terminal: name a file with -o, or pipe it on");
	if (!strcmp(out_name, "-") && report_file && !strcmp(report_file, "-"))
		diag_usage("standard output cannot be both the audio and the report");
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec);
	const char *in = n ? argv[1] : "-";

	check_options(n, in);
	return diag_close_stdout(info_name ? info(info_name) : render(in));
}
