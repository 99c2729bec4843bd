/* audio-prep - conform audio: channels, cut, fades, silence, rate, bit depth. */
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "dsp/conform.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static const double max_gain_db = 120, max_seconds = 1e6;
static const double warn_loss_db = 4; /* two channels that have nothing in common lose 3 */

static struct conform_opts want = CONFORM_NOTHING;
static const char *out_name = "-", *encoding_arg, *report_file, *prov_file;
static long long start_frame = LLONG_MIN, length_frames = LLONG_MIN;
static int rate_hz = INT_MIN, dither;
static enum au_encoding encoding = AU_DEFAULT;

static const struct opt opts[] = {
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write FILE; - is standard output (default)" },
	{ 'c', "channels", OPT_STR, &want.channels, "CH", "mono, left, right, mid, sum or a number from 1 (all)" },
	{ 's', "start", OPT_DOUBLE, &want.start_s, "SECONDS", "leave out what is before" },
	{ 'l', "length", OPT_DOUBLE, &want.length_s, "SECONDS", "take this much" },
	{ 0, "start-frame", OPT_INT64, &start_frame, "N", "the same in frames, the first is 0" },
	{ 0, "length-frames", OPT_INT64, &length_frames, "N", "the same in frames" },
	{ 't', "trim-silence", OPT_DOUBLE, &want.trim_dbfs, "DBFS", "cut both ends up to where DBFS is reached" },
	{ 0, "remove-dc", OPT_FLAG, &want.remove_dc, NULL, "subtract the mean of each channel" },
	{ 'g', "gain-db", OPT_DOUBLE, &want.gain_db, "DB", "apply a gain (0)" },
	{ 0, "invert", OPT_FLAG, &want.invert, NULL, "turn the polarity around" },
	{ 0, "fade-in", OPT_DOUBLE, &want.fade_in_ms, "MS", "fade in over MS milliseconds" },
	{ 0, "fade-out", OPT_DOUBLE, &want.fade_out_ms, "MS", "fade out over MS milliseconds" },
	{ 'r', "sample-rate", OPT_INT, &rate_hz, "HZ", "resample to HZ" },
	{ 0, "pad-start", OPT_DOUBLE, &want.pad_start_s, "SECONDS", "put silence before" },
	{ 0, "pad-end", OPT_DOUBLE, &want.pad_end_s, "SECONDS", "put silence after" },
	{ 'e', "encoding", OPT_STR, &encoding_arg, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 'd', "dither", OPT_FLAG, &dither, NULL, "triangular dither; needs --encoding s16 or s24" },
	REPORT_OPT(report_file),
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[-qv] [-o OUT] [options] [IN]",
	"Conform audio: channels, cut, fades, rate, bit depth; with no option an exact copy.",
	opts,
	"  audio-prep -c mono --trim-silence -50 --fade-out 20 -r 48000 -o di.wav take.flac\n"
	"  ffmpeg -v error -i song.m4a -f wav - | audio-prep -c left -o left.wav\n"
	"  audio-prep -e s16 --dither -o cd.wav tone.wav\n",
};

struct job {
	const char *name;
	struct conform *c;
	struct conform_facts facts;
	struct au_out *out;
	struct progress bar;
	double done;
	char sha256[65];         /* of the input, when it is wanted */
};

static int
report(const struct job *j, struct err *e)
{
	const struct conform_facts *f = &j->facts;
	json_t *o = jl_new("audio-prep/1"), *dc = want.remove_dc ? json_array() : NULL;

	for (int c = 0; want.remove_dc && c < f->out_channels; c++)
		json_array_append_new(dc, json_real(f->map->dc[c]));
	jl_str(o, "input", j->name);
	jl_str(o, "sha256", j->sha256);
	jl_str(o, "encoding", f->in->encoding);
	jl_int(o, "rate_hz", f->in->rate_hz);
	jl_int(o, "channels", f->in->channels);
	jl_int(o, "frames", f->in_frames);
	jl_str(o, "output", out_name);
	jl_int(o, "out_rate_hz", f->out_rate_hz);
	jl_int(o, "out_channels", f->out_channels);
	jl_int(o, "out_frames", f->out_frames);
	jl_bool(o, "copy", f->copy && (encoding == AU_DEFAULT || encoding == AU_F32));
	jl_str(o, "channels_rule", f->map->why);
	jl_set(o, "channel", f->map->rule == PREP_PICK ? json_integer(f->map->pick + 1) : NULL);
	jl_num(o, "correlation", f->map->correlation);
	jl_num(o, "mix_loss_db", f->map->mix_loss_db);
	jl_int(o, "start_frame", f->start_frame);
	jl_int(o, "length_frames", f->length_frames);
	jl_int(o, "trimmed_start_frames", f->trimmed_start_frames);
	jl_int(o, "trimmed_end_frames", f->trimmed_end_frames);
	jl_set(o, "dc_offset", dc);
	jl_num(o, "gain_db", want.gain_db);
	jl_bool(o, "inverted", want.invert);
	jl_int(o, "fade_in_frames", f->fade_in_frames);
	jl_int(o, "fade_out_frames", f->fade_out_frames);
	jl_int(o, "pad_start_frames", f->pad_start_frames);
	jl_int(o, "pad_end_frames", f->pad_end_frames);
	jl_bool(o, "dithered", dither);
	jl_num(o, "peak_dbfs", 20 * log10(f->peak));
	jl_int(o, "clipped_samples", 0); /* clipping is an error */
	return jl_write(o, report_file, e);
}

static int
provenance(struct prov *prov, const struct job *j, const char *out_sha256, struct err *e)
{
	return prov_input(prov, "audio", j->name, j->sha256, e) ||
	    prov_output(prov, "audio", out_name, out_sha256, e) ||
	    (report_file && strcmp(report_file, "-") && prov_output(prov, "report", report_file, NULL, e)) ||
	    prov_write(prov, e) ? -1 : 0;
}

static void
show(void *ctx, int64_t frames)
{
	struct job *j = ctx;

	j->done = (double)frames;
	progress_step(&j->bar, j->done);
}

/* All but the commit; the facts are those of the end. */
static int
run(struct job *j, int hash, struct err *e)
{
	struct conform_facts *f = &j->facts;
	int r;

	if (conform_open(&j->c, j->name, &want, e))
		return -1;
	progress_begin(&j->bar, j->name, conform_total_frames(j->c));
	r = conform_plan(j->c, e);
	conform_facts(j->c, f);
	/* also when something failed after it: it may be why */
	if (f->map->mix_loss_db > warn_loss_db)
		diag_warn("left and right of '%s' cancel in part: correlation %.3f, %.1f dB are lost", j->name,
		    f->map->correlation, f->map->mix_loss_db);
	if (r || au_create(&j->out, out_name, f->out_rate_hz, f->out_channels, encoding, e) ||
	    conform_write(j->c, j->out, e) || (hash && conform_sha256(j->c, j->sha256, e)))
		return -1;
	conform_facts(j->c, f);
	if (au_clipped(j->out))
		return err_set(e, ERR_INPUT, "%" PRId64 " samples of '%s' would clip (the peak is %+.2f dBFS); lower "
		    "--gain-db, or write float32 (a name that ends in .wav, --encoding f32)", au_clipped(j->out),
		    out_name, 20 * log10(f->peak));
	diag_info("'%s': %s, frames %" PRId64 " to %" PRId64 ", %" PRId64 " frames out at %d Hz", j->name,
	    f->map->why, f->start_frame, f->start_frame + f->length_frames, f->out_frames, f->out_rate_hz);
	return 0;
}

static int
prepare(const char *name)
{
	struct job j = { .name = name };
	struct prov *prov = prov_new(prov_file);
	char hex[65];
	struct err e;
	int status = ST_FAIL, lost;

	progress_begin(&j.bar, name, 0);
	if (!prov) {
		diag_error("out of memory");
		goto out;
	}
	want.step = show;
	want.ctx = &j;
	if (run(&j, report_file || prov_wanted(prov), &e))
		goto failed;
	/* the report first: where the audio is, its report is */
	if (report_file && report(&j, &e))
		goto failed;
	lost = au_commit(j.out, hex, &e);
	j.out = NULL;
	if (lost && report_file && strcmp(report_file, "-"))
		unlink(report_file);
	if (lost || provenance(prov, &j, hex, &e))
		goto failed;
	status = ST_OK;
	goto out;
failed:
	status = diag_err(&e);
out:
	progress_end(&j.bar, j.done);
	au_abort(j.out);
	conform_close(j.c);
	prov_free(prov);
	return status;
}

static void
in_range(const char *name, double v, double lo, double hi) /* NAN: not given */
{
	if (v < lo || v > hi)
		diag_usage("--%s: %g is not within %g..%g", name, v, lo, hi);
}

static void
check_options(int n, const char *in)
{
	int enc = encoding_arg ? au_encoding_of(encoding_arg) : AU_DEFAULT;

	if (n > 1)
		diag_usage("one input at a time, not %d", n);
	if (want.channels && !prep_is_choice(want.channels))
		diag_usage("--channels: '%s' is not mono, left, right, mid, sum or a number from 1 to %d",
		    want.channels, AU_MAX_CHANNELS);
	in_range("start", want.start_s, 0, max_seconds);
	in_range("length", want.length_s, 0, max_seconds);
	if ((start_frame != LLONG_MIN && start_frame < 0) || (length_frames != LLONG_MIN && length_frames < 1))
		diag_usage("--start-frame counts from 0, --length-frames from 1");
	if (start_frame >= 0 && !isnan(want.start_s))
		diag_usage("give --start or --start-frame, not both");
	if (length_frames >= 0 && !isnan(want.length_s))
		diag_usage("give --length or --length-frames, not both");
	want.start_frame = start_frame;
	want.length_frames = length_frames;
	in_range("trim-silence", want.trim_dbfs, -200, 0);
	in_range("gain-db", want.gain_db, -max_gain_db, max_gain_db);
	in_range("fade-in", want.fade_in_ms, 0, 1000 * max_seconds);
	in_range("fade-out", want.fade_out_ms, 0, 1000 * max_seconds);
	in_range("pad-start", want.pad_start_s, 0, max_seconds);
	in_range("pad-end", want.pad_end_s, 0, max_seconds);
	if (rate_hz != INT_MIN)
		in_range("sample-rate", rate_hz, AU_MIN_RATE_HZ, AU_MAX_RATE_HZ);
	want.rate_hz = rate_hz;
	if (enc < 0)
		diag_usage("--encoding: '%s' is not f32, s16 or s24", encoding_arg);
	encoding = (enum au_encoding)enc;
	if (dither && encoding != AU_S16 && encoding != AU_S24)
		diag_usage("--dither needs --encoding s16 or s24");
	want.dither_bits = !dither ? 0 : encoding == AU_S16 ? 16 : 24;
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

	check_options(n, n ? argv[1] : "-");
	return diag_close_stdout(prepare(n ? argv[1] : "-"));
}
