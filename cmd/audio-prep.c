/* audio-prep - conform audio: channels, cut, fades, silence, rate, bit depth. */
#include "audio/audio.h"
#include "audio/replay.h"
#include "audio/resample.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "dsp/db.h"
#include "dsp/prep.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SAMPLES = 65536 };
static const double max_gain_db = 120, max_seconds = 1e6;

static const char *out_name = "-", *choice, *encoding_arg, *report_file, *prov_file;
static double start_s = NAN, length_s = NAN, trim_dbfs = NAN, gain_db;
static double fade_in_ms, fade_out_ms, pad_start_s, pad_end_s;
static long long start_frame = LLONG_MIN, length_frames = LLONG_MIN;
static int rate_hz = INT_MIN, dither, remove_dc, invert;
static enum au_encoding encoding = AU_DEFAULT;

static const struct opt opts[] = {
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write FILE; - is standard output (default)" },
	{ 'c', "channels", OPT_STR, &choice, "CH", "mono, left, right, mid, sum or a number from 1 (all)" },
	{ 's', "start", OPT_DOUBLE, &start_s, "SECONDS", "leave out what is before" },
	{ 'l', "length", OPT_DOUBLE, &length_s, "SECONDS", "take this much" },
	{ 0, "start-frame", OPT_INT64, &start_frame, "N", "the same in frames, the first is 0" },
	{ 0, "length-frames", OPT_INT64, &length_frames, "N", "the same in frames" },
	{ 't', "trim-silence", OPT_DOUBLE, &trim_dbfs, "DBFS", "cut both ends up to where DBFS is reached" },
	{ 0, "remove-dc", OPT_FLAG, &remove_dc, NULL, "subtract the mean of each channel" },
	{ 'g', "gain-db", OPT_DOUBLE, &gain_db, "DB", "apply a gain (0)" },
	{ 0, "invert", OPT_FLAG, &invert, NULL, "turn the polarity around" },
	{ 0, "fade-in", OPT_DOUBLE, &fade_in_ms, "MS", "fade in over MS milliseconds" },
	{ 0, "fade-out", OPT_DOUBLE, &fade_out_ms, "MS", "fade out over MS milliseconds" },
	{ 'r', "sample-rate", OPT_INT, &rate_hz, "HZ", "resample to HZ" },
	{ 0, "pad-start", OPT_DOUBLE, &pad_start_s, "SECONDS", "put silence before" },
	{ 0, "pad-end", OPT_DOUBLE, &pad_end_s, "SECONDS", "put silence after" },
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

/* ---- the input ---- */

struct source {
	const char *name;
	struct replay *in;
	struct au_info info;
	int64_t start, length;   /* the region; length -1: to the end */
	char sha256[65];
};

static int
source_open(struct source *s, const char *name, struct err *e)
{
	s->name = name;
	if (replay_open(&s->in, name, e))
		return -1;
	s->info = *replay_info(s->in);
	s->start = start_frame >= 0 ? start_frame : isnan(start_s) ? 0 : llround(start_s * s->info.rate_hz);
	s->length = length_frames >= 0 ? length_frames :
	    isnan(length_s) ? -1 : llround(length_s * s->info.rate_hz);
	if (s->length == 0)
		return err_set(e, ERR_INPUT, "a length of %g seconds is not one frame of '%s'", length_s, name);
	if (s->info.frames == 0)
		return err_set(e, ERR_INPUT, "'%s' has no frames", name);
	return replay_region(s->in, s->start, s->length, e);
}

/* ---- the work ---- */

struct prep {
	struct source src;
	struct prep_map map;
	int64_t region, from, take;  /* frames of the region (-1 unknown); what is kept of it */
	int64_t fade_in, fade_out, pad_start, pad_end;
	struct resampler *rs;
	struct au_out *out;
	int out_hz;
	int64_t out_frames, clipped;
	double peak;
	float *in, *mix;             /* a block each */
	struct progress bar;
	double done;
};

static int64_t
next_block(struct prep *p, struct err *e)
{
	int64_t n = replay_read(p->src.in, p->in, BLOCK_SAMPLES / p->src.info.channels, e);

	p->done += n > 0 ? (double)n : 0;
	progress_step(&p->bar, p->done);
	return n;
}

/* First pass: what the choice of channels and the DC need; and the length of a pipe. */
static int
look(struct prep *p, struct prep_stats *st, struct err *e)
{
	int64_t n;

	*st = (struct prep_stats){ .channels = p->src.info.channels };
	if (replay_begin(p->src.in, 1, e))
		return -1;
	while ((n = next_block(p, e)) > 0)
		prep_stats_add(st, p->in, n);
	p->region = st->frames;
	return n < 0 ? -1 : 0;
}

/* Another pass: where the sound begins and ends. */
static int
find_sound(struct prep *p, struct err *e)
{
	struct prep_sound sound = { -1, -1 };
	double threshold = dsp_gain_of_db(trim_dbfs);
	int64_t n, at = 0;

	if (replay_begin(p->src.in, 1, e))
		return -1;
	for (; (n = next_block(p, e)) > 0; at += n) {
		prep_map_apply(&p->map, p->in, n, p->mix);
		prep_sound_add(&sound, p->mix, n, p->map.out_channels, at, threshold);
	}
	if (n < 0)
		return -1;
	if (sound.first < 0)
		return err_set(e, ERR_INPUT, "'%s' never reaches %g dBFS: --trim-silence would leave nothing",
		    p->src.name, trim_dbfs);
	p->region = at;
	p->from = sound.first;
	p->take = sound.last - sound.first + 1;
	return 0;
}

/* Decide everything that can be decided before the last pass. */
static int
plan(struct prep *p, struct err *e)
{
	struct source *s = &p->src;
	int sound = !isnan(trim_dbfs), open_end = s->info.frames < 0 && s->length < 0, stats;
	int decide = prep_map_init(&p->map, choice, s->info.channels, e);
	struct prep_stats st;

	if (decide < 0) {
		err_prefix(e, "cannot use '%s': ", s->name);
		return -1;
	}
	stats = decide || remove_dc || (fade_out_ms > 0 && open_end && !sound);
	p->region = s->length >= 0 ? s->length : open_end ? -1 : s->info.frames - s->start;
	progress_begin(&p->bar, s->name, p->region < 0 ? 0 : (double)(1 + stats + sound) * (double)p->region);
	if (stats && look(p, &st, e))
		return -1;
	if (decide && prep_map_decide(&p->map, choice, &st, e)) {
		err_prefix(e, "cannot use '%s': ", s->name);
		return -1;
	}
	if (p->map.mix_loss_db > 4)
		diag_warn("left and right of '%s' cancel in part: correlation %.3f, %.1f dB are lost", s->name,
		    p->map.correlation, p->map.mix_loss_db);
	if (remove_dc)
		prep_map_dc(&p->map, &st);
	if (sound && find_sound(p, e))
		return -1;
	if (!sound)
		p->take = p->region;
	if (p->take == 0)
		return err_set(e, ERR_INPUT, "'%s' has no frames", s->name);
	p->map.gain = dsp_gain_of_db(gain_db) * (invert ? -1 : 1);
	p->fade_in = llround(fade_in_ms / 1000 * s->info.rate_hz);
	p->fade_out = llround(fade_out_ms / 1000 * s->info.rate_hz);
	if (p->take >= 0 && p->fade_in + p->fade_out > p->take)
		return err_set(e, ERR_INPUT, "the fades of %" PRId64 " frames are longer than the %" PRId64
		    " frames kept of '%s'", p->fade_in + p->fade_out, p->take, s->name);
	p->out_hz = rate_hz > 0 ? rate_hz : s->info.rate_hz;
	p->pad_start = llround(pad_start_s * p->out_hz);
	p->pad_end = llround(pad_end_s * p->out_hz);
	return replay_begin(s->in, 0, e);
}

/* Out it goes, dithered when that is asked for. */
static int
put(struct prep *p, const float *x, int64_t frames, int plain, struct err *e)
{
	int ch = p->map.out_channels;
	int64_t block = BLOCK_SAMPLES / ch;

	for (int64_t n; frames > 0; frames -= n, x += n * ch) {
		const float *y = x;

		n = frames < block ? frames : block;
		if (dither && !plain) {
			prep_dither(x, p->in, n * ch, p->out_frames * ch, encoding == AU_S16 ? 16 : 24);
			y = p->in;
		}
		for (int64_t i = 0; i < n * ch; i++)
			p->peak = fmax(p->peak, fabs((double)y[i]));
		if (!isfinite(p->peak))
			return err_set(e, ERR_INPUT, "the output would be beyond the range of float32; lower "
			    "--gain-db");
		p->out_frames += n;
		if (au_write(p->out, y, n, e))
			return -1;
	}
	return 0;
}

static int
put_silence(struct prep *p, int64_t frames, struct err *e)
{
	int64_t block = BLOCK_SAMPLES / p->map.out_channels;

	memset(p->mix, 0, BLOCK_SAMPLES * sizeof *p->mix);
	for (int64_t n; frames > 0; frames -= n) {
		n = frames < block ? frames : block;
		if (put(p, p->mix, n, 1, e))
			return -1;
	}
	return 0;
}

static int
put_resampled(struct prep *p, const float *x, int64_t frames, int end, struct err *e)
{
	const float *y;
	int64_t got;

	if (!p->rs)
		return put(p, x, frames, 0, e);
	return rs_process(p->rs, x, frames, end, &y, &got, e) || put(p, y, got, 0, e) ? -1 : 0;
}

/* The last pass. */
static int
render(struct prep *p, struct err *e)
{
	int ch = p->src.info.channels;
	int64_t n, at = 0, kept = 0;   /* of the region; of what is kept */

	if (put_silence(p, p->pad_start, e))
		return -1;
	for (; (n = next_block(p, e)) > 0; at += n) {
		int64_t lo = p->from > at ? p->from - at : 0;
		int64_t hi = p->take >= 0 && p->from + p->take - at < n ? p->from + p->take - at : n;

		if (lo >= hi)
			continue;
		prep_map_apply(&p->map, p->in + lo * ch, hi - lo, p->mix);
		prep_fade(p->mix, hi - lo, p->map.out_channels, kept, p->take, p->fade_in, p->fade_out);
		kept += hi - lo;
		if (put_resampled(p, p->mix, hi - lo, 0, e))
			return -1;
	}
	if (n < 0)
		return -1;
	if (kept == 0)
		return err_set(e, ERR_INPUT, "'%s' has no frames", p->src.name);
	if (p->fade_in > kept)
		return err_set(e, ERR_INPUT, "the fade of %" PRId64 " frames is longer than the %" PRId64
		    " frames of '%s'", p->fade_in, kept, p->src.name);
	p->take = kept;
	p->region = p->region < 0 ? at : p->region;
	if (p->rs && put_resampled(p, NULL, 0, 1, e))
		return -1;
	return put_silence(p, p->pad_end, e);
}

/* Nothing was done to any sample, and none was left out or put in. */
static int
is_copy(const struct prep *p)
{
	const struct prep_map *m = &p->map;
	double dc = 0;

	for (int c = 0; c < m->out_channels; c++)
		dc = fmax(dc, fabs(m->dc[c]));
	return m->out_channels == p->src.info.channels && m->rule != PREP_SUM && m->gain == 1 && dc == 0 &&
	    !p->rs && !dither && p->fade_in + p->fade_out == 0 && p->pad_start + p->pad_end == 0 &&
	    p->take == replay_frames(p->src.in) && (encoding == AU_DEFAULT || encoding == AU_F32);
}

static int
report(const struct prep *p, struct err *e)
{
	const struct source *s = &p->src;
	json_t *o = jl_new("audio-prep/1"), *dc = remove_dc ? json_array() : NULL;

	for (int c = 0; remove_dc && c < p->map.out_channels; c++)
		json_array_append_new(dc, json_real(p->map.dc[c]));
	jl_str(o, "input", s->name);
	jl_str(o, "sha256", s->sha256);
	jl_str(o, "encoding", s->info.encoding);
	jl_int(o, "rate_hz", s->info.rate_hz);
	jl_int(o, "channels", s->info.channels);
	jl_int(o, "frames", replay_frames(s->in));
	jl_str(o, "output", out_name);
	jl_int(o, "out_rate_hz", p->out_hz);
	jl_int(o, "out_channels", p->map.out_channels);
	jl_int(o, "out_frames", p->out_frames);
	jl_bool(o, "copy", is_copy(p));
	jl_str(o, "channels_rule", p->map.why);
	jl_set(o, "channel", p->map.rule == PREP_PICK ? json_integer(p->map.pick + 1) : NULL);
	jl_num(o, "correlation", p->map.correlation);
	jl_num(o, "mix_loss_db", p->map.mix_loss_db);
	jl_int(o, "start_frame", s->start + p->from);
	jl_int(o, "length_frames", p->take);
	jl_int(o, "trimmed_start_frames", p->from);
	jl_int(o, "trimmed_end_frames", p->region - p->from - p->take);
	jl_set(o, "dc_offset", dc);
	jl_num(o, "gain_db", gain_db);
	jl_bool(o, "inverted", invert);
	jl_int(o, "fade_in_frames", p->fade_in);
	jl_int(o, "fade_out_frames", p->fade_out);
	jl_int(o, "pad_start_frames", p->pad_start);
	jl_int(o, "pad_end_frames", p->pad_end);
	jl_bool(o, "dithered", dither);
	jl_num(o, "peak_dbfs", 20 * log10(p->peak));
	jl_int(o, "clipped_samples", p->clipped);
	return jl_write(o, report_file, e);
}

static int
provenance(struct prov *prov, const struct prep *p, const char *out_sha256, struct err *e)
{
	if (prov_input(prov, "audio", p->src.name, p->src.sha256, e) ||
	    prov_output(prov, "audio", out_name, out_sha256, e) ||
	    (report_file && strcmp(report_file, "-") && prov_output(prov, "report", report_file, NULL, e)))
		return -1;
	return prov_write(prov, e);
}

static int
run(struct prep *p, const char *name, int hash, struct err *e)
{
	p->in = malloc(BLOCK_SAMPLES * sizeof *p->in);
	p->mix = malloc(BLOCK_SAMPLES * sizeof *p->mix);
	if (!p->in || !p->mix)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (source_open(&p->src, name, e) || plan(p, e))
		return -1;
	if (p->out_hz != p->src.info.rate_hz &&
	    rs_new(&p->rs, p->map.out_channels, p->src.info.rate_hz, p->out_hz, e))
		return -1;
	if (au_create(&p->out, out_name, p->out_hz, p->map.out_channels, encoding, e) || render(p, e) ||
	    (hash && replay_sha256(p->src.in, p->src.sha256, e)))
		return -1;
	p->clipped = au_clipped(p->out);
	if (p->clipped)
		return err_set(e, ERR_INPUT, "%" PRId64 " samples of '%s' would clip (the peak is %+.2f dBFS); lower "
		    "--gain-db, or write float32 (a name that ends in .wav, --encoding f32)", p->clipped,
		    out_name, 20 * log10(p->peak));
	return 0;
}

static int
prepare(const char *name)
{
	struct prep p = { .peak = 0 };
	struct prov *prov = prov_new(prov_file);
	char hex[65];
	struct err e;
	int status = ST_FAIL;

	progress_begin(&p.bar, name, 0);
	if (!prov) {
		diag_error("out of memory");
		goto out;
	}
	if (run(&p, name, report_file || prov_wanted(prov), &e)) {
		status = diag_err(&e);
		goto out;
	}
	diag_info("'%s': %s, frames %" PRId64 " to %" PRId64 ", %" PRId64 " frames out at %d Hz", name, p.map.why,
	    p.src.start + p.from, p.src.start + p.from + p.take, p.out_frames, p.out_hz);
	/* the report first: where the audio is, its report is */
	if (report_file && report(&p, &e)) {
		status = diag_err(&e);
		goto out;
	}
	if (au_commit(p.out, hex, &e)) {
		p.out = NULL;
		if (report_file && strcmp(report_file, "-"))
			unlink(report_file);
		status = diag_err(&e);
		goto out;
	}
	p.out = NULL;
	status = provenance(prov, &p, hex, &e) ? diag_err(&e) : ST_OK;
out:
	progress_end(&p.bar, p.done);
	au_abort(p.out);
	rs_free(p.rs);
	replay_close(p.src.in);
	prov_free(prov);
	free(p.in);
	free(p.mix);
	return status;
}

static void
in_range(const char *name, double v, double lo, double hi)
{
	if (!(v >= lo && v <= hi))
		diag_usage("--%s: %g is not within %g..%g", name, v, lo, hi);
}

static void
check_options(int n, const char *in)
{
	if (n > 1)
		diag_usage("one input at a time, not %d", n);
	if (choice && !prep_is_choice(choice))
		diag_usage("--channels: '%s' is not mono, left, right, mid, sum or a number from 1 to %d", choice,
		    AU_MAX_CHANNELS);
	if (!isnan(start_s))
		in_range("start", start_s, 0, max_seconds);
	if (!isnan(length_s))
		in_range("length", length_s, 0, max_seconds);
	if ((start_frame != LLONG_MIN && start_frame < 0) || (length_frames != LLONG_MIN && length_frames < 1))
		diag_usage("--start-frame counts from 0, --length-frames from 1");
	if (start_frame >= 0 && !isnan(start_s))
		diag_usage("give --start or --start-frame, not both");
	if (length_frames >= 0 && !isnan(length_s))
		diag_usage("give --length or --length-frames, not both");
	if (!isnan(trim_dbfs))
		in_range("trim-silence", trim_dbfs, -200, 0);
	in_range("gain-db", gain_db, -max_gain_db, max_gain_db);
	in_range("fade-in", fade_in_ms, 0, 1000 * max_seconds);
	in_range("fade-out", fade_out_ms, 0, 1000 * max_seconds);
	in_range("pad-start", pad_start_s, 0, max_seconds);
	in_range("pad-end", pad_end_s, 0, max_seconds);
	if (rate_hz != INT_MIN)
		in_range("sample-rate", rate_hz, AU_MIN_RATE_HZ, AU_MAX_RATE_HZ);
	if (encoding_arg) {
		int v = au_encoding_of(encoding_arg);

		if (v < 0)
			diag_usage("--encoding: '%s' is not f32, s16 or s24", encoding_arg);
		encoding = (enum au_encoding)v;
	}
	if (dither && encoding != AU_S16 && encoding != AU_S24)
		diag_usage("--dither needs --encoding s16 or s24");
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
	return diag_close_stdout(prepare(in));
}
