/* conform.c - the passes over one input that audio-prep is about. */
#include "dsp/conform.h"
#include "audio/join.h"
#include "base/mem.h"
#include "base/str.h"
#include "dsp/convert.h"
#include "dsp/db.h"
#include "dsp/shift.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SAMPLES = 65536 };
static const double max_delay_frames = 1e12;

struct conform {
	char *name;
	struct conform_opts opts;
	struct join *src;
	struct au_info info;
	int64_t start, length;       /* the region asked for; length -1: to the end */
	struct prep_map map;
	int decide, stats;           /* the choice of channels needs a look; there is a pass for a look */
	int64_t region, from, take;  /* frames of the region (-1 unknown); what is kept of it */
	int64_t fade_in, fade_out, pad_start, pad_end;
	int out_hz;
	double delay;                /* in frames */
	struct shift *shift;         /* NULL: no delay */
	struct convert *rs;          /* NULL: the rate stays */
	struct conform_sink out;     /* in conform_write() */
	int64_t fed, kept;           /* of what is kept: before the delay, after it */
	int64_t out_frames, done;    /* written; read in all passes */
	double peak;
	float *in, *mix;             /* BLOCK_SAMPLES each */
};

/* ---- the input ---- */

static int
no_frames(const struct conform *c, struct err *e)
{
	return err_set(e, ERR_INPUT, "'%s' has no frames", c->name);
}

static int
cannot_use(const struct conform *c, struct err *e)
{
	err_prefix(e, "cannot use '%s': ", c->name);
	return -1;
}

static int
set_region(struct conform *c, struct err *e)
{
	const struct conform_opts *o = &c->opts;

	c->start = o->start_frame >= 0 ? o->start_frame : isnan(o->start_s) ? 0 :
	    llround(o->start_s * c->info.rate_hz);
	c->length = o->length_frames >= 0 ? o->length_frames : isnan(o->length_s) ? -1 :
	    llround(o->length_s * c->info.rate_hz);
	if (c->length == 0)
		return err_set(e, ERR_INPUT, "a length of %g seconds is not one frame of '%s'", o->length_s, c->name);
	if (c->info.frames == 0)
		return no_frames(c, e);
	return join_region(c->src, c->start, c->length, e);
}

/* Which passes there will be. */
static int
set_passes(struct conform *c, struct err *e)
{
	const struct conform_opts *o = &c->opts;
	int open_end = c->info.frames < 0 && c->length < 0;

	c->decide = prep_map_init(&c->map, o->channels, c->info.channels, e);
	if (c->decide < 0)
		return cannot_use(c, e);
	c->delay = o->delay_frames + o->delay_ms / 1000 * c->info.rate_hz;
	/* a fade out and a delay must know the end; where silence is cut off that pass finds it */
	c->stats = c->decide || o->remove_dc ||
	    ((o->fade_out_ms > 0 || c->delay > 0) && open_end && isnan(o->trim_dbfs));
	c->region = c->length >= 0 ? c->length : open_end ? -1 : c->info.frames - c->start;
	return 0;
}

int
conform_open(struct conform **out, const char *const *names, size_t n, const struct conform_opts *opts, struct err *e)
{
	struct conform *c = calloc(1, sizeof *c);

	*out = NULL;
	if (!c || !(c->name = n > 1 ? str_printf("%s and %zu more", names[0], n - 1) : strdup(names[0])) || !(c->in = mem_zalloc(BLOCK_SAMPLES, sizeof *c->in)) ||
	    !(c->mix = mem_zalloc(BLOCK_SAMPLES, sizeof *c->mix))) {
		conform_close(c);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	c->opts = *opts;
	if (join_open(&c->src, names, n, e)) {
		conform_close(c);
		return -1;
	}
	c->info = *join_info(c->src);
	if (set_region(c, e) || set_passes(c, e)) {
		conform_close(c);
		return -1;
	}
	*out = c;
	return 0;
}

double
conform_total_frames(const struct conform *c)
{
	return c->region < 0 ? 0 : (double)(1 + c->stats + !isnan(c->opts.trim_dbfs)) * (double)c->region;
}

static int64_t
next_block(struct conform *c, struct err *e)
{
	int64_t n = join_read(c->src, c->in, BLOCK_SAMPLES / c->info.channels, e);

	c->done += n > 0 ? n : 0;
	if (c->opts.step)
		c->opts.step(c->opts.ctx, c->done);
	return n;
}

/* ---- the passes before the last ---- */

/* What the choice of channels and the DC need; and the length of a pipe. */
static int
look(struct conform *c, struct prep_stats *st, struct err *e)
{
	int64_t n;

	*st = (struct prep_stats){ .channels = c->info.channels };
	if (join_begin(c->src, 1, e))
		return -1;
	while ((n = next_block(c, e)) > 0)
		prep_stats_add(st, c->in, n);
	c->region = st->frames;
	return n < 0 ? -1 : 0;
}

static int
choose_channels(struct conform *c, struct err *e)
{
	struct prep_map map = c->map; /* what is refused leaves no loss in the facts */
	struct prep_stats st;

	if (look(c, &st, e))
		return -1;
	if (c->decide && prep_map_decide(&map, c->opts.channels, &st, e))
		return cannot_use(c, e);
	c->map = map;
	if (c->opts.remove_dc)
		prep_map_dc(&c->map, &st);
	return 0;
}

/* Where the sound begins and ends. */
static int
find_sound(struct conform *c, struct err *e)
{
	struct prep_sound sound = { -1, -1 };
	double threshold = dsp_gain_of_db(c->opts.trim_dbfs);
	int64_t n, at = 0;

	if (join_begin(c->src, 1, e))
		return -1;
	for (; (n = next_block(c, e)) > 0; at += n) {
		prep_map_apply(&c->map, c->in, n, c->mix);
		prep_sound_add(&sound, c->mix, n, c->map.out_channels, at, threshold);
	}
	if (n < 0)
		return -1;
	if (sound.first < 0)
		return err_set(e, ERR_INPUT, "'%s' never reaches %g dBFS: --trim-silence would leave nothing", c->name,
		    c->opts.trim_dbfs);
	c->region = at;
	c->from = sound.first;
	c->take = sound.last - sound.first + 1;
	return 0;
}

int
conform_plan(struct conform *c, struct err *e)
{
	const struct conform_opts *o = &c->opts;
	int in_hz = c->info.rate_hz;

	if (c->stats && choose_channels(c, e))
		return -1;
	if (isnan(o->trim_dbfs))
		c->take = c->region;
	else if (find_sound(c, e))
		return -1;
	if (c->take == 0)
		return no_frames(c, e);
	c->map.gain = dsp_gain_of_db(o->gain_db) * (o->invert ? -1 : 1);
	c->fade_in = llround(o->fade_in_ms / 1000 * in_hz);
	c->fade_out = llround(o->fade_out_ms / 1000 * in_hz);
	if (c->take >= 0 && c->fade_in + c->fade_out > c->take)
		return err_set(e, ERR_INPUT, "the fades of %" PRId64 " frames are longer than the %" PRId64
		    " frames kept of '%s'", c->fade_in + c->fade_out, c->take, c->name);
	c->out_hz = o->rate_hz > 0 ? o->rate_hz : in_hz;
	c->pad_start = llround(o->pad_start_s * c->out_hz);
	c->pad_end = llround(o->pad_end_s * c->out_hz);
	if (join_begin(c->src, 0, e))
		return -1;
	if (c->delay < 0 ? c->delay < -max_delay_frames || (c->take >= 0 && -c->delay >= (double)c->take) :
	    c->delay > 0 && c->delay >= (double)c->take)
		return err_set(e, ERR_INPUT, "a delay of %g frames would move all of '%s' out", c->delay, c->name);
	if (c->delay != 0 && shift_new(&c->shift, c->map.out_channels, c->delay, e))
		return -1;
	return c->out_hz != in_hz ? convert_new(&c->rs, o->resampler, c->map.out_channels, in_hz, c->out_hz, e) : 0;
}

/* ---- the last pass ---- */

/* Out it goes, dithered when that is asked for and it is not plain silence. */
static int
put(struct conform *c, const float *x, int64_t frames, int plain, struct err *e)
{
	int ch = c->map.out_channels;
	int64_t block = BLOCK_SAMPLES / ch;

	for (int64_t n; frames > 0; frames -= n, x += n * ch) {
		const float *y = x;

		n = frames < block ? frames : block;
		if (c->opts.dither_bits && !plain) {
			prep_dither(x, c->in, n * ch, c->out_frames * ch, c->opts.dither_bits);
			y = c->in;
		}
		for (int64_t i = 0; i < n * ch; i++) {
			double a = fabs((double)y[i]);

			if (a > c->peak) /* with fmax() gcc 12 -O3 for AArch64 stops with an internal error */
				c->peak = a;
		}
		if (!isfinite(c->peak))
			return err_set(e, ERR_INPUT, "the output would be beyond the range of float32; lower "
			    "--gain-db");
		c->out_frames += n;
		if (c->out.write(c->out.ctx, y, n, e))
			return -1;
	}
	return 0;
}

static int
put_silence(struct conform *c, int64_t frames, struct err *e)
{
	int64_t block = BLOCK_SAMPLES / c->map.out_channels;

	memset(c->mix, 0, BLOCK_SAMPLES * sizeof *c->mix);
	for (int64_t n; frames > 0; frames -= n) {
		n = frames < block ? frames : block;
		if (put(c, c->mix, n, 1, e))
			return -1;
	}
	return 0;
}

static int
put_resampled(struct conform *c, const float *x, int64_t frames, int end, struct err *e)
{
	const float *y;
	int64_t got;

	if (!c->rs)
		return put(c, x, frames, 0, e);
	return convert_process(c->rs, x, frames, end, &y, &got, e) || put(c, y, got, 0, e) ? -1 : 0;
}

/* What is kept, in its new place. */
static int
put_faded(struct conform *c, float *x, int64_t frames, struct err *e)
{
	prep_fade(x, frames, c->map.out_channels, c->kept, c->take, c->fade_in, c->fade_out);
	c->kept += frames;
	return put_resampled(c, x, frames, 0, e);
}

/* Silence that the delay moves in, up to `frames` in all. */
static int
put_moved_silence(struct conform *c, int64_t frames, struct err *e)
{
	int64_t block = BLOCK_SAMPLES / c->map.out_channels;

	while (c->kept < frames) {
		memset(c->mix, 0, BLOCK_SAMPLES * sizeof *c->mix);
		if (put_faded(c, c->mix, frames - c->kept < block ? frames - c->kept : block, e))
			return -1;
	}
	return 0;
}

/* As many frames as came in are kept when the end is there, and never more. */
static int
put_shifted(struct conform *c, float *x, int64_t frames, int end, struct err *e)
{
	int64_t got = frames, most;

	c->fed += frames;
	if (c->shift && shift_process(c->shift, x, frames, end, &x, &got, e))
		return -1;
	most = (c->take >= 0 ? c->take : c->fed) - c->kept;
	got = got < most ? got : most;
	if (got > 0 && put_faded(c, x, got, e))
		return -1;
	return end && c->shift ? put_moved_silence(c, c->fed, e) : 0;
}

/* The last pass over the region, up to its last frame. */
static int
put_kept(struct conform *c, struct err *e)
{
	int ch = c->info.channels;
	int64_t n, at = 0, lead = c->shift ? shift_lead(c->shift) : 0;

	if (put_moved_silence(c, lead < c->take ? lead : c->take, e))
		return -1;
	for (; (n = next_block(c, e)) > 0; at += n) {
		int64_t lo = c->from > at ? c->from - at : 0;
		int64_t hi = c->take >= 0 && c->from + c->take - at < n ? c->from + c->take - at : n;

		if (lo >= hi)
			continue;
		prep_map_apply(&c->map, c->in + lo * ch, hi - lo, c->mix);
		if (put_shifted(c, c->mix, hi - lo, 0, e))
			return -1;
	}
	if (n < 0 || (c->shift && put_shifted(c, c->mix, 0, 1, e)))
		return -1;
	if (c->kept == 0)
		return no_frames(c, e);
	if (c->fade_in > c->kept)
		return err_set(e, ERR_INPUT, "the fade of %" PRId64 " frames is longer than the %" PRId64
		    " frames of '%s'", c->fade_in, c->kept, c->name);
	if (-c->delay >= (double)c->kept)
		return err_set(e, ERR_INPUT, "a delay of %g frames would move all of '%s' out", c->delay, c->name);
	c->take = c->kept;
	c->region = c->region < 0 ? at : c->region;
	return 0;
}

int
conform_write(struct conform *c, const struct conform_sink *out, struct err *e)
{
	c->out = *out;
	if (put_silence(c, c->pad_start, e) || put_kept(c, e) || (c->rs && put_resampled(c, NULL, 0, 1, e)))
		return -1;
	return put_silence(c, c->pad_end, e);
}

/* ---- what came of it ---- */

/* Nothing was done to any sample, and none was left out or put in. */
static int
is_copy(const struct conform *c)
{
	const struct prep_map *m = &c->map;
	double dc = 0;

	for (int i = 0; i < m->out_channels; i++)
		dc = fmax(dc, fabs(m->dc[i]));
	return m->out_channels == c->info.channels && m->rule != PREP_SUM && m->gain == 1 && dc == 0 && !c->rs && !c->shift &&
	    !c->opts.dither_bits && c->fade_in + c->fade_out == 0 && c->pad_start + c->pad_end == 0 &&
	    c->take == join_frames(c->src);
}

void
conform_facts(const struct conform *c, struct conform_facts *f)
{
	*f = (struct conform_facts){
		.in = &c->info, .in_frames = join_frames(c->src), .map = &c->map,
		.inputs = join_inputs(c->src), .delay_frames = c->delay, .out_rate_hz = c->out_hz, .out_channels = c->map.out_channels,
		.fade_in_frames = c->fade_in, .fade_out_frames = c->fade_out,
		.pad_start_frames = c->pad_start, .pad_end_frames = c->pad_end,
		.start_frame = c->start + c->from, .length_frames = c->take,
		.trimmed_start_frames = c->from, .trimmed_end_frames = c->region - c->from - c->take,
		.out_frames = c->out_frames, .peak = c->peak, .copy = is_copy(c),
	};
}

int
conform_meta(const struct conform *c, struct meta *m, struct err *e)
{
	int64_t start = c->start + c->from, all = join_frames(c->src);
	struct marks_move how = { .start = start, .length = c->take, .whole_end = c->take < 0 || start + c->take == all,
		.delay = c->delay, .in_hz = c->info.rate_hz, .out_hz = c->out_hz, .before = c->pad_start };

	return join_meta(c->src, m, &how, e);
}

int
conform_input(struct conform *c, size_t i, int64_t *frames, char hex[65], struct err *e)
{
	*frames = join_input_frames(c->src, i);
	return join_input_sha256(c->src, i, hex, e);
}

void
conform_close(struct conform *c)
{
	if (!c)
		return;
	shift_free(c->shift);
	convert_free(c->rs);
	join_close(c->src);
	mem_free(c->in);
	mem_free(c->mix);
	free(c->name);
	free(c);
}
