/* ir-convolve - put audio through a cabinet's impulse response. */
#include "audio/audio.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "dsp/conv.h"
#include "dsp/db.h"
#include "dsp/ir.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SAMPLES = 65536, MAX_TAIL_S = 86400 };
static const double max_gain_db = 120;

static const char *ir_name, *out_name = "-", *info_name, *tail_arg = "full", *norm_arg = "none";
static const char *encoding_arg, *report_file, *prov_file;
static double gain_db, mix = 1;

static double tail_s = -1;            /* -1: the response's own */
static enum ir_norm norm;
static enum au_encoding encoding = AU_DEFAULT;

static const struct opt opts[] = {
	{ 'i', "ir", OPT_STR, &ir_name, "FILE", "the impulse response: mono or stereo, up to 60 s" },
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write FILE; - is standard output (default)" },
	{ 't', "tail", OPT_STR, &tail_arg, "TAIL", "full, cut or SECONDS after the input's end (full)" },
	{ 'n', "norm", OPT_STR, &norm_arg, "NORM", "scale the response: none, energy or peak (none)" },
	{ 'g', "gain-db", OPT_DOUBLE, &gain_db, "DB", "gain of the wet signal, after --norm (0)" },
	{ 'm', "mix", OPT_DOUBLE, &mix, "0..1", "part of the wet signal in the output (1)" },
	{ 'e', "encoding", OPT_STR, &encoding_arg, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 0, "info", OPT_STR, &info_name, "IR", "print what there is to say of IR, as JSON" },
	REPORT_OPT(report_file),
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"-i IR [-o OUT] [IN]\n       ir-convolve --info IR",
	"Put audio through a cabinet's impulse response, exactly and with its whole tail.",
	opts,
	"  ir-convolve -i cab.wav -o tone.wav amp.wav\n"
	"  nam-render -m amp.nam di.wav | ir-convolve -i cab.wav --norm energy >tone.wav\n"
	"  ir-convolve --info cab.wav\n",
};

/* dB of a ratio of amplitudes; -inf (null in JSON) for 0. */
static double
db(double v)
{
	return 20 * log10(v);
}

static json_t *
channel_object(const struct ir_facts *f, int64_t frames)
{
	json_t *o = json_object();

	jl_num(o, "peak_dbfs", db(f->peak));
	jl_int(o, "peak_frame", f->peak_frame);
	jl_int(o, "polarity", f->polarity);
	jl_num(o, "energy_db", 10 * log10(f->energy));
	jl_int(o, "onset_frame", f->onset_frame);
	jl_int(o, "length_60db_frames", f->length_60db_frames);
	jl_num(o, "dc_offset", f->dc_gain / (double)frames);
	jl_num(o, "dc_gain_db", db(fabs(f->dc_gain)));
	return o;
}

/* --info: one object on stdout. */
static int
info(const char *name)
{
	struct ir_facts f, all = { .onset_frame = INT64_MAX };
	json_t *o, *list;
	struct ir ir;
	struct err e;

	if (ir_load(&ir, name, &e))
		return diag_err(&e);
	list = json_array();
	for (int c = 0; c < ir.h.channels; c++) {
		ir_measure(&ir.h, c, &f);
		json_array_append_new(list, channel_object(&f, ir.h.frames));
		if (f.peak > all.peak) {
			all.peak = f.peak;
			all.peak_frame = f.peak_frame;
			all.polarity = f.polarity;
		}
		all.energy = fmax(all.energy, f.energy);
		if (f.polarity && f.onset_frame < all.onset_frame)
			all.onset_frame = f.onset_frame;
		if (f.length_60db_frames > all.length_60db_frames)
			all.length_60db_frames = f.length_60db_frames;
	}
	o = jl_new("ir-info/1");
	jl_str(o, "file", name);
	jl_str(o, "sha256", ir.sha256);
	jl_int(o, "rate_hz", ir.h.rate_hz);
	jl_int(o, "channels", ir.h.channels);
	jl_int(o, "frames", ir.h.frames);
	jl_num(o, "duration_s", (double)ir.h.frames / ir.h.rate_hz);
	jl_num(o, "peak_dbfs", db(all.peak));
	jl_int(o, "peak_frame", all.peak_frame);
	jl_int(o, "polarity", all.polarity);
	jl_num(o, "energy_db", 10 * log10(all.energy));
	jl_int(o, "onset_frame", all.onset_frame);
	jl_int(o, "length_60db_frames", all.length_60db_frames);
	jl_num(o, "length_60db_s", (double)all.length_60db_frames / ir.h.rate_hz);
	jl_set(o, "per_channel", list);
	ir_free(&ir);
	if (jl_print(o, stdout)) {
		diag_error("cannot write standard output");
		return ST_FAIL;
	}
	return ST_OK;
}

/* All there is to one run. */
struct job {
	const char *name;
	struct au_in *in;
	struct ir ir;
	struct conv_ir *spectra;
	struct conv *conv;
	struct au_out *out;
	double norm_gain;
	int channels;            /* of the output */
	int64_t taps;            /* frames of the response at the signal's rate */
	int64_t in_frames, out_frames, clipped;
	double peak;
	char sha256[65];
};

/* Write up to n frames, no more than `most` in all. */
static int
put(struct job *j, const float *x, int64_t n, int64_t most, struct err *e)
{
	size_t samples;
	float peak = 0;

	if (n > most - j->out_frames)
		n = most - j->out_frames;
	samples = (size_t)n * (size_t)j->channels;
	for (size_t i = 0; i < samples; i++)
		peak = fabsf(x[i]) > peak ? fabsf(x[i]) : peak;
	if (isinf(peak))
		return err_set(e, ERR_INPUT, "the output would be beyond the range of float32; lower --gain-db");
	j->peak = peak > j->peak ? peak : j->peak;
	j->out_frames += n;
	return au_write(j->out, x, n, e);
}

/* Zeros up to `most` frames, when more tail is asked for than there is. */
static int
put_silence(struct job *j, float *buf, int64_t most, struct err *e)
{
	memset(buf, 0, BLOCK_SAMPLES * sizeof *buf);
	while (j->out_frames < most)
		if (put(j, buf, BLOCK_SAMPLES / j->channels, most, e))
			return -1;
	return 0;
}

static int
stream(struct job *j, float *buf, struct progress *p, struct err *e)
{
	int channels = au_info(j->in)->channels, rate_hz = au_info(j->in)->rate_hz;
	const float *y;
	int64_t n, got, most;

	while ((n = au_read(j->in, buf, BLOCK_SAMPLES / channels, e)) > 0) {
		for (int64_t at = 0; at < n;) {
			at += conv_process(j->conv, buf + at * channels, n - at, &y, &got);
			if (got && put(j, y, got, INT64_MAX, e))
				return -1;
		}
		j->in_frames += n;
		progress_step(p, (double)j->in_frames);
	}
	if (n < 0)
		return -1;
	most = j->in_frames + (tail_s < 0 ? j->taps - 1 : llround(tail_s * rate_hz));
	if (!j->in_frames)
		most = 0;
	for (conv_flush(j->conv, &y, &got); got && j->out_frames < most; conv_flush(j->conv, &y, &got))
		if (put(j, y, got, most, e))
			return -1;
	return put_silence(j, buf, most, e);
}

/* The spectra of the response, for a signal of so many channels: a mono one serves every channel, another goes
 * channel by channel, and to all of its own from a mono signal. */
static int
spectra(struct job *j, int channels, struct err *e)
{
	const struct au_buf *h = &j->ir.h;
	int outs = channels > h->channels ? channels : h->channels, r = -1;
	double *x = calloc((size_t)(h->frames * h->channels), sizeof *x), wet;
	struct conv_path path[CONV_MAX_CHANNELS];

	if (!x)
		return err_set(e, ERR_NOMEM, "out of memory");
	wet = mix * j->norm_gain * dsp_gain_of_db(gain_db);
	for (int c = 0; c < h->channels; c++) {
		for (int64_t t = 0; t < h->frames; t++)
			x[c * h->frames + t] = wet * (double)h->x[t * h->channels + c];
		x[c * h->frames] += 1 - mix;
	}
	for (int o = 0; o < outs; o++)
		path[o] = (struct conv_path){ channels > 1 ? o : 0, o, x + (h->channels > 1 ? o : 0) * h->frames };
	r = conv_ir_new(&j->spectra, h->frames, channels, outs, path, (size_t)outs, e);
	j->channels = outs;
	free(x);
	return r;
}

/* Open everything and make the spectra. */
static int
prepare(struct job *j, struct err *e)
{
	const struct au_info *a;

	if (ir_load(&j->ir, ir_name, e) || au_open(&j->in, j->name, e))
		return -1;
	a = au_info(j->in);
	if (a->channels > 2 && j->ir.h.channels > 1)
		return err_set(e, ERR_UNSUPPORTED, "'%s' is stereo and '%s' has %d channels: a stereo response "
		    "serves a mono or stereo signal, a mono one any", ir_name, j->name, a->channels);
	if (ir_conform(&j->ir, a->rate_hz, e))
		return -1;
	if (j->ir.file_rate_hz != a->rate_hz)
		diag_info("'%s' is resampled from %d to %d Hz: %" PRId64 " frames", ir_name, j->ir.file_rate_hz,
		    a->rate_hz, j->ir.h.frames);
	j->norm_gain = ir_norm_gain(&j->ir.h, norm);
	diag_info("%d Hz, %d channels, response of %" PRId64 " frames, gain %+.2f dB, kernels for %s",
	    a->rate_hz, a->channels, j->ir.h.frames, db(j->norm_gain) + gain_db, conv_isa());
	if (spectra(j, a->channels, e) || conv_new(&j->conv, j->spectra, e))
		return -1;
	j->taps = j->ir.h.frames;
	ir_free(&j->ir);         /* the spectra are all that is needed now */
	return au_create(&j->out, out_name, a->rate_hz, j->channels, encoding, e);
}

static int
report(const struct job *j, struct err *e)
{
	json_t *o = jl_new("ir-convolve/1"), *r = json_object();

	jl_str(o, "input", j->name);
	jl_str(o, "sha256", j->sha256);
	jl_str(o, "output", out_name);
	jl_int(o, "rate_hz", j->ir.h.rate_hz);
	jl_int(o, "channels", au_info(j->in)->channels);
	jl_int(o, "frames", j->in_frames);
	jl_int(o, "out_channels", j->channels);
	jl_int(o, "out_frames", j->out_frames);
	jl_str(r, "file", ir_name);
	jl_str(r, "sha256", j->ir.sha256);
	jl_int(r, "rate_hz", j->ir.file_rate_hz);
	jl_int(r, "channels", j->ir.h.channels);
	jl_int(r, "frames", j->ir.file_frames);
	jl_int(r, "used_frames", j->taps);
	jl_set(o, "ir", r);
	jl_str(o, "norm", norm_arg);
	jl_num(o, "norm_gain_db", db(j->norm_gain));
	jl_num(o, "gain_db", gain_db);
	jl_num(o, "mix", mix);
	jl_num(o, "peak_dbfs", db(j->peak));
	jl_int(o, "clipped_samples", j->clipped);
	jl_str(o, "isa", conv_isa());
	return jl_write(o, report_file, e);
}

static int
provenance(struct prov *prov, const struct job *j, const char *out_sha256, struct err *e)
{
	if (prov_input(prov, "audio", j->name, j->sha256, e) ||
	    prov_input(prov, "ir", ir_name, j->ir.sha256, e) ||
	    prov_output(prov, "audio", out_name, out_sha256, e) ||
	    (report_file && strcmp(report_file, "-") && prov_output(prov, "report", report_file, NULL, e)))
		return -1;
	prov_set(prov, "isa", json_string(conv_isa()));
	return prov_write(prov, e);
}

/* One input through the response. */
static int
convolve(const char *name)
{
	struct job j = { .name = name };
	struct prov *prov = prov_new(prov_file);
	float *buf = malloc(BLOCK_SAMPLES * sizeof *buf);
	struct progress p;
	struct err e;
	char hex[65];
	int status = ST_FAIL;

	progress_begin(&p, name, 0);
	if (!buf || !prov) {
		diag_error("out of memory");
		goto out;
	}
	if (prepare(&j, &e)) {
		status = diag_err(&e);
		goto out;
	}
	progress_begin(&p, name, au_info(j.in)->frames < 0 ? 0 : (double)au_info(j.in)->frames);
	if (stream(&j, buf, &p, &e) ||
	    ((report_file || prov_wanted(prov)) && au_in_sha256(j.in, j.sha256, &e))) {
		status = diag_err(&e);
		goto out;
	}
	j.clipped = au_clipped(j.out);
	if (j.clipped) {
		diag_error("%" PRId64 " samples of '%s' would clip (the peak is %+.2f dBFS); lower --gain-db, use "
		    "--norm, or write float32 (a name that ends in .wav)", j.clipped, out_name, db(j.peak));
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
	progress_end(&p, (double)j.in_frames);
	au_abort(j.out);
	conv_free(j.conv);
	conv_ir_free(j.spectra);
	ir_free(&j.ir);
	au_close(j.in);
	prov_free(prov);
	free(buf);
	return status;
}

static void
check_options(int n, const char *in)
{
	char *end;
	int v;

	if ((v = ir_norm_of(norm_arg)) < 0)
		diag_usage("--norm: '%s' is not none, energy or peak", norm_arg);
	norm = (enum ir_norm)v;
	if (!strcmp(tail_arg, "cut")) {
		tail_s = 0;
	} else if (strcmp(tail_arg, "full")) {
		tail_s = strtod(tail_arg, &end);
		if (end == tail_arg || *end || !(tail_s >= 0 && tail_s <= MAX_TAIL_S))
			diag_usage("--tail: '%s' is not full, cut or a number of seconds up to %d", tail_arg,
			    MAX_TAIL_S);
	}
	if (!(fabs(gain_db) <= max_gain_db))
		diag_usage("--gain-db: %g is not within -%g..%g", gain_db, max_gain_db, max_gain_db);
	if (!(mix >= 0 && mix <= 1))
		diag_usage("--mix: %g is not within 0..1", mix);
	if (encoding_arg && (v = au_encoding_of(encoding_arg)) < 0)
		diag_usage("--encoding: '%s' is not f32, s16 or s24", encoding_arg);
	if (encoding_arg)
		encoding = (enum au_encoding)v;
	if (n > 1)
		diag_usage("one input at a time, not %d", n);
	if (info_name && (ir_name || n || strcmp(out_name, "-") || report_file || prov_file))
		diag_usage("--info takes one impulse response and nothing else");
	if (info_name)
		return;
	if (!ir_name)
		diag_usage("no impulse response: give one with -i");
	if (!strcmp(ir_name, "-") && !strcmp(in, "-"))
		diag_usage("standard input cannot be both the signal and the impulse response");
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
	return diag_close_stdout(info_name ? info(info_name) : convolve(in));
}
