/* nam_render.c - one recording through a model. */
#include "render/nam_render.h"
#include "base/sha256.h"
#include "cli/jsonl.h"
#include "dsp/db.h"
#include "dsp/rate.h"
#include "nam/nam_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, UNKNOWN_RATE_HZ = 48000, MAX_TAIL_S = 600 };
#define DEFAULT_LOUDNESS_DB (-18.0)
#define MAX_DC_HZ 100.0

struct channel {
	struct rate *to_model, *back;    /* NULL at equal rates */
	float *fifo;                     /* of frames for the model, with to_model */
	double dc_in, dc_out;            /* last of the DC blocker */
};

struct nam_render {
	struct nam_options o;
	const struct nam_model *model;
	const struct nam_input *mem;
	struct au_in *in;                /* without mem */
	struct au_out *out;
	int rate_hz, in_channels, channels, from;
	int64_t frames;                  /* of the input by its header; -1 */
	int model_rate_hz, rate_assumed;
	double input_db, output_db;      /* all gains together */
	float g_in, g_out, idle;
	double dc_pole;
	json_t *warnings;
	struct channel *ch;

	/* the reader's */
	float *block;                    /* interleaved */
	float *mono;                     /* of a block, for to_model */
	int64_t frames_in, silence;      /* read; still to be fed after the end */
	size_t fifo_at, fifo_n;
	int in_ended, flushed;

	_Atomic int64_t total;           /* frames of the output, when known */

	/* the writer's */
	float *around;                   /* a channel's frames at the model's rate, less its idle output */
	float *wide;                     /* a channel's frames at the output's rate */
	float *mixed;                    /* interleaved */
	size_t wide_room;
	int64_t model_frames, frames_out;
	double peak;
	int64_t clipped;
	struct progress *progress;

	struct nam_flow flow;
	void (*done)(void *ctx);
	void *ctx;
	int failed;
	struct err e;
	char sha256[65];
	_Atomic int given;               /* the flow, to a crew of our own */
};

/* ---- options ------------------------------------------------------------------------- */

void
nam_options_init(struct nam_options *o)
{
	*o = (struct nam_options){ .slim = NAN, .input_dbu = NAN, .output_dbu = NAN, .level = "raw",
		.level_target_db = NAN, .resample = "best", .tail = "cut" };
}

double
nam_options_slim(const struct nam_options *o)
{
	return isnan(o->slim) ? -1 : o->slim;
}

static int
one_of(const char *word, const char *a, const char *b, const char *c)
{
	return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

static int
within(const char *key, double v, double lo, double hi, struct err *e)
{
	return v >= lo && v <= hi ? 0 : err_set(e, ERR_INPUT, "%s: %g is not within %g..%g", key, v, lo, hi);
}

/* Seconds of --tail; -1: full; NaN: neither. */
static double
tail_seconds(const char *tail)
{
	char *end;
	double s;

	if (!strcmp(tail, "cut"))
		return 0;
	if (!strcmp(tail, "full"))
		return -1;
	s = strtod(tail, &end);
	return end == tail || *end || !(s >= 0 && s <= MAX_TAIL_S) ? NAN : s;
}

int
nam_options_check_values(const struct nam_options *o, struct err *e)
{
	const double most = NAM_MAX_GAIN_DB;

	if (within("input_gain_db", o->input_gain_db, -most, most, e) ||
	    within("output_gain_db", o->output_gain_db, -most, most, e) ||
	    within("channel", o->channel, 0, AU_MAX_CHANNELS, e) ||
	    within("dc_block_hz", o->dc_block_hz, 0, MAX_DC_HZ, e) ||
	    (!isnan(o->slim) && within("slim", o->slim, 0, 1, e)) ||
	    (!isnan(o->input_dbu) && within("input_dbu", o->input_dbu, -60, 60, e)) ||
	    (!isnan(o->output_dbu) && within("output_dbu", o->output_dbu, -60, 60, e)) ||
	    (!isnan(o->level_target_db) && within("level_target_db", o->level_target_db, -most, most, e)))
		return -1;
	if (!one_of(o->level, "raw", "loudness", "calibrated"))
		return err_set(e, ERR_INPUT, "level: '%s' is not raw, loudness or calibrated", o->level);
	if (!one_of(o->resample, "best", "fast", "off"))
		return err_set(e, ERR_INPUT, "resample: '%s' is not best, fast or off", o->resample);
	if (isnan(tail_seconds(o->tail)))
		return err_set(e, ERR_INPUT, "tail: '%s' is not cut, full or seconds up to %d", o->tail, MAX_TAIL_S);
	if (o->encoding && au_encoding_of(o->encoding) < 0)
		return err_set(e, ERR_INPUT, "encoding: '%s' is not f32, s16 or s24", o->encoding);
	return 0;
}

int
nam_options_check(const struct nam_options *o, struct err *e)
{
	if (nam_options_check_values(o, e))
		return -1;
	if (!strcmp(o->level, "calibrated") && isnan(o->output_dbu))
		return err_set(e, ERR_INPUT, "output_dbu: missing; level calibrated needs the level of 0 dBFS at the "
		    "interface's output");
	if (strcmp(o->level, "calibrated") && !isnan(o->output_dbu))
		return err_set(e, ERR_INPUT, "output_dbu: only with level calibrated");
	if (strcmp(o->level, "loudness") && !isnan(o->level_target_db))
		return err_set(e, ERR_INPUT, "level_target_db: only with level loudness");
	return 0;
}

/* ---- opening ------------------------------------------------------------------------- */

static int
find_channels(struct nam_render *r, struct err *e)
{
	if (r->o.channel > r->in_channels)
		return err_set(e, ERR_INPUT, "'%s' has no channel %d, only %d", r->o.input, r->o.channel,
		    r->in_channels);
	r->channels = r->o.channel ? 1 : r->in_channels;
	r->from = r->o.channel ? r->o.channel - 1 : 0;
	return 0;
}

static int
find_rate(struct nam_render *r, struct err *e)
{
	const double hz = nam_model_info(r->model)->rate_hz;

	r->rate_assumed = hz <= 0;
	if (!r->rate_assumed && !(hz >= 1 && hz <= 1e6))
		return err_set(e, ERR_INPUT, "the model '%s' is for %g Hz, which is no sample rate", r->o.model, hz);
	r->model_rate_hz = r->rate_assumed ? UNKNOWN_RATE_HZ : (int)lround(hz);
	if (r->model_rate_hz != r->rate_hz && !r->rate_assumed && fabs(hz - r->rate_hz) <= 0.5)
		r->model_rate_hz = r->rate_hz;
	if (r->model_rate_hz != r->rate_hz && !strcmp(r->o.resample, "off"))
		return err_set(e, ERR_INPUT, "resample: '%s' is at %d Hz and the model '%s' %s %d Hz: say best instead of "
		    "off, or convert with audio-prep --sample-rate %d", r->o.input, r->rate_hz, r->o.model,
		    r->rate_assumed ? "says no rate, which means" : "is for", r->model_rate_hz, r->model_rate_hz);
	return 0;
}

static int
no_fact(const struct nam_render *r, const char *key, const char *fact, const char *instead, struct err *e)
{
	return err_set(e, ERR_INPUT, "%s: the model '%s' does not say its %s: %s", key, r->o.model, fact, instead);
}

/* What metadata says is in dB as the trainer and its plugin use it: a louder interface raises what the model
 * must be fed; a hotter amplifier than the interface raises what comes out. */
static int
find_gains(struct nam_render *r, struct err *e)
{
	static const char other_level[] = "choose another level, or give the gain after the model instead";
	const struct nam_info *i = nam_model_info(r->model);
	const struct nam_options *o = &r->o;

	r->input_db = o->input_gain_db;
	r->output_db = o->output_gain_db;
	if (!isnan(o->input_dbu)) {
		if (isnan(i->input_level_dbu))
			return no_fact(r, "input_dbu", "input_level_dbu", "leave this out, or give the gain before the "
			    "model instead", e);
		r->input_db += o->input_dbu - i->input_level_dbu;
	}
	if (!strcmp(o->level, "loudness")) {
		if (isnan(i->loudness_db))
			return no_fact(r, "level", "loudness", other_level, e);
		r->output_db += (isnan(o->level_target_db) ? DEFAULT_LOUDNESS_DB : o->level_target_db) - i->loudness_db;
	} else if (!strcmp(o->level, "calibrated")) {
		if (isnan(i->output_level_dbu))
			return no_fact(r, "level", "output_level_dbu", other_level, e);
		r->output_db += i->output_level_dbu - o->output_dbu;
	}
	if (!(fabs(r->input_db) <= 2 * NAM_MAX_GAIN_DB) || !(fabs(r->output_db) <= 2 * NAM_MAX_GAIN_DB))
		return err_set(e, ERR_INPUT, "the levels in the model '%s' come to a gain of %g dB before and %g dB after "
		    "it, more than %g", r->o.model, r->input_db, r->output_db, 2 * NAM_MAX_GAIN_DB);
	r->g_in = (float)dsp_gain_of_db(r->input_db);
	r->g_out = (float)dsp_gain_of_db(r->output_db);
	return 0;
}

/* tan(x) of the bilinear transform for small x, of basic operations: the same bits everywhere. */
static double
dc_pole(double hz, int rate_hz)
{
	const double x = 3.14159265358979323846 * hz / rate_hz, xx = x * x;
	const double k = x * (1 + xx * (1.0 / 3 + xx * (2.0 / 15 + xx * (17.0 / 315))));

	return (1 - k) / (1 + k);
}

/* What comes out of the model in endless silence: the filters behind it start as if it had always been there. */
static int
find_idle(struct nam_render *r, struct err *e)
{
	struct nam_stream *s;
	float x = 0;

	if (r->model_rate_hz == r->rate_hz && r->o.dc_block_hz <= 0)
		return 0;
	if (nam_stream_new(&s, r->model, e))
		return -1;
	nam_process(s, &x, &x, 1);
	nam_stream_free(s);
	r->idle = isfinite(x) ? x : 0;
	r->dc_pole = dc_pole(r->o.dc_block_hz, r->rate_hz);
	return 0;
}

/* The full tail is as long as the model remembers and the converters ring.  A recurrent model remembers for ever; half a
 * second of pre-roll is what its trainer takes for that, but one without a rate cannot say how many frames those are.
 * The filter behind the model is as long as the one before it, being of the same two rates. */
static void
find_tail(struct nam_render *r)
{
	double s = tail_seconds(r->o.tail);
	const struct nam_info *i = nam_model_info(r->model);
	size_t full = i->recurrent || !i->receptive_field ? i->receptive_field : i->receptive_field - 1;

	if (i->recurrent && r->rate_assumed && full < UNKNOWN_RATE_HZ / 2)
		full = UNKNOWN_RATE_HZ / 2;
	if (s >= 0)
		r->silence = llround(s * r->rate_hz);
	else
		r->silence = (int64_t)ceil((double)full * r->rate_hz / r->model_rate_hz) +
		    (r->ch[0].to_model ? 2 * (int64_t)rate_ring(r->ch[0].to_model) : 0);
}

static void BASE_PRINTF(2, 3)
warn(struct nam_render *r, const char *fmt, ...)
{
	json_t *o = json_object();
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	jl_str(o, "text", text);
	json_array_append(r->warnings, json_object_get(o, "text"));
	json_decref(o);
}

static void
find_warnings(struct nam_render *r)
{
	const struct nam_info *i = nam_model_info(r->model);

	if (i->newer_version)
		warn(r, "'%s' is of version %s, newer than 0.7.0: a feature may be missing", r->o.model, i->file_version);
	if (i->params > 0)
		warn(r, "'%s' has %d knobs beside the audio; they stay at 0", r->o.model, i->params);
	if (i->out_channels > 1)
		warn(r, "'%s' has %d outputs; the first is rendered", r->o.model, i->out_channels);
}

/* The filter behind the model looks a little past the last frame: it finds what the model really does there. */
static int64_t
look_ahead(const struct nam_render *r)
{
	if (r->model_rate_hz == r->rate_hz)
		return 0;
	return 256 * (1 + (int64_t)r->rate_hz / r->model_rate_hz);
}

static int
make_rates(struct nam_render *r, struct err *e)
{
	enum rate_quality q = strcmp(r->o.resample, "fast") ? RATE_BEST : RATE_FAST;

	r->wide_room = NAM_CREW_MAX_FRAMES;
	for (int c = 0; c < r->channels; c++) {
		struct channel *ch = &r->ch[c];
		size_t n;

		ch->dc_in = (double)r->idle;
		if (r->model_rate_hz == r->rate_hz)
			continue;
		if (rate_new(&ch->to_model, r->rate_hz, r->model_rate_hz, q, e) ||
		    rate_new(&ch->back, r->model_rate_hz, r->rate_hz, q, e)) {
			err_prefix(e, "'%s': ", r->o.input);
			return -1;
		}
		ch->fifo = malloc(rate_room(ch->to_model, BLOCK) * sizeof *ch->fifo);
		n = rate_room(ch->back, NAM_CREW_MAX_FRAMES);
		r->wide_room = n > r->wide_room ? n : r->wide_room;
		if (!ch->fifo)
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

/* All that read_frames() makes its frames from. */
static void
name_source(struct nam_render *r)
{
	char text[256];

	if (!r->mem)
		return;
	snprintf(text, sizeof text, "%s %d %d %a %d %s %" PRId64, r->mem->sha256, r->from, r->channels, (double)r->g_in,
	    r->model_rate_hz, r->o.resample, r->silence);
	sha256_bytes(text, strlen(text), r->flow.source);
}

static int64_t read_frames(void *ctx, float *const *x, size_t max, struct err *e);
static int write_frames(void *ctx, const float *const *x, size_t n, struct err *e);
static void end_flow(void *ctx, const struct err *failed);

static int
prepare(struct nam_render *r, struct err *e)
{
	enum au_encoding enc = r->o.encoding ? (enum au_encoding)au_encoding_of(r->o.encoding) : AU_DEFAULT;

	if (!r->mem && au_open(&r->in, r->o.input, e))
		return -1;
	r->rate_hz = r->mem ? r->mem->buf.rate_hz : au_info(r->in)->rate_hz;
	r->in_channels = r->mem ? r->mem->buf.channels : au_info(r->in)->channels;
	r->frames = r->mem ? r->mem->buf.frames : au_info(r->in)->frames;
	if (find_channels(r, e) || find_rate(r, e) || find_gains(r, e) || find_idle(r, e))
		return -1;
	find_warnings(r);
	r->ch = calloc((size_t)r->channels, sizeof *r->ch);
	if (!r->ch)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (make_rates(r, e))
		return -1;
	find_tail(r);
	r->block = malloc((size_t)BLOCK * (size_t)r->in_channels * sizeof *r->block);
	r->mono = malloc(BLOCK * sizeof *r->mono);
	r->around = malloc(NAM_CREW_MAX_FRAMES * sizeof *r->around);
	r->wide = malloc(r->wide_room * sizeof *r->wide);
	r->mixed = malloc(r->wide_room * (size_t)r->channels * sizeof *r->mixed);
	if (!r->block || !r->mono || !r->around || !r->wide || !r->mixed)
		return err_set(e, ERR_NOMEM, "out of memory");
	r->flow = (struct nam_flow){ r->model, r->channels, -1, r, read_frames, write_frames, end_flow,
		"cpu", "exact", "", "" };
	name_source(r);
	if (r->frames >= 0 && r->frames < (int64_t)1 << 50)
		r->flow.frames = (int64_t)((double)(r->frames + r->silence + look_ahead(r)) * r->model_rate_hz /
		    r->rate_hz) + 1;
	return au_create(&r->out, r->o.output, r->rate_hz, r->channels, enc, e);
}

int
nam_render_open(struct nam_render **render, const struct nam_options *o, const struct nam_model *model,
    const struct nam_input *in, struct err *e)
{
	struct nam_render *r = calloc(1, sizeof *r);

	*render = NULL;
	if (!r || !(r->warnings = json_array())) {
		free(r);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	r->o = *o;
	r->model = model;
	r->mem = in;
	atomic_store(&r->total, INT64_MAX);
	if (prepare(r, e)) {
		nam_render_free(r);
		return -1;
	}
	*render = r;
	return 0;
}

void
nam_render_free(struct nam_render *r)
{
	if (!r)
		return;
	for (int c = 0; r->ch && c < r->channels; c++) {
		rate_free(r->ch[c].to_model);
		rate_free(r->ch[c].back);
		free(r->ch[c].fifo);
	}
	free(r->ch);
	free(r->block);
	free(r->mono);
	free(r->around);
	free(r->wide);
	free(r->mixed);
	json_decref(r->warnings);
	au_abort(r->out);
	au_close(r->in);
	free(r);
}

/* ---- in ------------------------------------------------------------------------------ */

/* Up to max frames of the input, then of the silence behind it.  *x: interleaved, NULL for silence. */
static int64_t
next_block(struct nam_render *r, size_t max, const float **x, struct err *e)
{
	int64_t n = 0;

	*x = NULL;
	if (!r->in_ended && r->mem) {
		n = r->mem->buf.frames - r->frames_in;
		n = n < (int64_t)max ? n : (int64_t)max;
		*x = n ? r->mem->buf.x + r->frames_in * r->in_channels : NULL;
	} else if (!r->in_ended) {
		n = au_read(r->in, r->block, (int64_t)max, e);
		*x = n > 0 ? r->block : NULL;
	}
	if (n) {
		r->frames_in += n > 0 ? n : 0;
		return n;
	}
	if (!r->in_ended) {
		r->in_ended = 1;
		if (r->frames_in == 0)
			r->silence = 0; /* nothing in, nothing out */
		atomic_store(&r->total, r->frames_in + r->silence);
		r->silence += r->frames_in ? look_ahead(r) : 0;
	}
	n = r->silence < (int64_t)max ? r->silence : (int64_t)max;
	r->silence -= n;
	return n;
}

static void
pick(const struct nam_render *r, const float *x, int channel, float *to, size_t n)
{
	const size_t stride = (size_t)r->in_channels;

	if (!x) {
		memset(to, 0, n * sizeof *to);
		return;
	}
	x += r->from + channel;
	for (size_t t = 0; t < n; t++)
		to[t] = x[t * stride] * r->g_in;
}

/* Fill the empty FIFOs with what the next frames become at the model's rate.  They stay empty only at the end. */
static int
convert(struct nam_render *r, struct err *e)
{
	const float *x;

	r->fifo_at = r->fifo_n = 0;
	while (!r->fifo_n && !r->flushed) {
		int64_t n = next_block(r, BLOCK, &x, e);

		if (n < 0)
			return -1;
		r->flushed = n == 0;
		for (int c = 0; c < r->channels; c++) {
			pick(r, x, c, r->mono, (size_t)n);
			r->fifo_n = rate_process(r->ch[c].to_model, r->mono, (size_t)n, r->flushed, r->ch[c].fifo);
		}
	}
	return 0;
}

static int64_t
read_frames(void *ctx, float *const *to, size_t max, struct err *e)
{
	struct nam_render *r = ctx;
	const float *x;
	int64_t n;

	max = max < BLOCK ? max : BLOCK;
	if (!r->ch[0].to_model) {
		n = next_block(r, max, &x, e);
		for (int c = 0; n > 0 && c < r->channels; c++)
			pick(r, x, c, to[c], (size_t)n);
		return n;
	}
	if (r->fifo_at == r->fifo_n && convert(r, e))
		return -1;
	max = max < r->fifo_n - r->fifo_at ? max : r->fifo_n - r->fifo_at;
	for (int c = 0; c < r->channels; c++)
		memcpy(to[c], r->ch[c].fifo + r->fifo_at, max * sizeof *to[c]);
	r->fifo_at += max;
	return (int64_t)max;
}

/* ---- out ----------------------------------------------------------------------------- */

/* One pole, one zero, gain 1 far above it. */
static void
block_dc(const struct nam_render *r, struct channel *ch, float *x, size_t n)
{
	const double pole = r->dc_pole, gain = (1 + pole) / 2;

	for (size_t t = 0; t < n; t++) {
		double in = (double)x[t];

		ch->dc_out = gain * (in - ch->dc_in) + pole * ch->dc_out;
		ch->dc_in = in;
		x[t] = (float)ch->dc_out;
	}
}

/* From the model's rate, around its idle output, because a converter has silence before the start. */
static size_t
convert_back(const struct nam_render *r, struct channel *ch, const float *x, size_t n, int end)
{
	size_t got;

	if (!ch->back) {
		memcpy(r->wide, x, n * sizeof *x);
		return n;
	}
	for (size_t t = 0; t < n; t++)
		r->around[t] = x[t] - r->idle;
	got = rate_process(ch->back, r->around, n, end, r->wide);
	for (size_t t = 0; t < got; t++)
		r->wide[t] += r->idle;
	return got;
}

/* frame: of x[0], at a rate of rate_hz. */
static int
check_numbers(const struct nam_render *r, const float *x, size_t n, int64_t frame, int rate_hz, struct err *e)
{
	const size_t good = au_numbers(x, n);

	if (good == n)
		return 0;
	return err_set(e, ERR_INPUT, "the model '%s' gives no number at frame %" PRId64
	    " of '%s': it is broken, or the input gain is too high", r->o.model,
	    (int64_t)((double)(frame + (int64_t)good) * r->rate_hz / rate_hz), r->o.input);
}

static int
write_some(struct nam_render *r, const float *const *x, size_t n, int end, struct err *e)
{
	const size_t stride = (size_t)r->channels;
	float peak = 0;
	size_t got = 0;
	int64_t left = atomic_load(&r->total) - r->frames_out;

	for (int c = 0; c < r->channels; c++) {
		struct channel *ch = &r->ch[c];

		/* a filter would spread it; without one the output shows it */
		if (x && (ch->back || r->o.dc_block_hz > 0) && check_numbers(r, x[c], n, r->model_frames, r->model_rate_hz, e))
			return -1;
		got = convert_back(r, ch, x ? x[c] : NULL, n, end);
		if (r->o.dc_block_hz > 0)
			block_dc(r, ch, r->wide, got);
		got = (int64_t)got < left ? got : (size_t)left;
		for (size_t t = 0; t < got; t++) {
			const float y = r->wide[t] *= r->g_out;

			peak = fabsf(y) > peak ? fabsf(y) : peak;
			r->mixed[t * stride + (size_t)c] = y;
		}
		r->peak = fmax(r->peak, (double)peak);
		if (check_numbers(r, r->wide, got, r->frames_out, r->rate_hz, e))
			return -1;
	}
	r->model_frames += (int64_t)n;
	if (au_write(r->out, r->mixed, (int64_t)got, e))
		return -1;
	r->frames_out += (int64_t)got;
	if (r->progress)
		progress_step(r->progress, (double)r->frames_out);
	return 0;
}

static int
write_frames(void *ctx, const float *const *x, size_t n, struct err *e)
{
	return write_some(ctx, x, n, 0, e);
}

static void
end_flow(void *ctx, const struct err *failed)
{
	struct nam_render *r = ctx;

	r->failed = failed != NULL;
	if (*r->flow.note)
		warn(r, "%s", r->flow.note);
	if (failed)
		r->e = *failed;
	else if (r->ch[0].back && write_some(r, NULL, 0, 1, &r->e))
		r->failed = 1;
	r->clipped = au_clipped(r->out);
	if (!r->failed && r->clipped) {
		err_set(&r->e, ERR_INPUT, "%" PRId64 " samples of '%s' would clip (the peak is %+.2f dBFS); lower "
		    "the output gain, or write float32 (a name that ends in .wav)", r->clipped, r->o.output,
		    20 * log10(r->peak));
		r->failed = 1;
	}
	if (r->done)
		r->done(r->ctx);
}

/* ---- running ------------------------------------------------------------------------- */

struct nam_flow *
nam_render_flow(struct nam_render *r, void (*done)(void *ctx), void *ctx)
{
	r->done = done;
	r->ctx = ctx;
	return &r->flow;
}

int
nam_render_result(const struct nam_render *r, struct err *e)
{
	if (r->failed)
		*e = r->e;
	return r->failed ? -1 : 0;
}

static enum nam_crew_next
only_one(void *ctx, struct nam_flow **flow)
{
	struct nam_render *r = ctx;

	*flow = &r->flow;
	return atomic_exchange(&r->given, 1) ? NAM_CREW_NO_MORE : NAM_CREW_FLOW;
}

int
nam_render_run(struct nam_render *r, const struct nam_gpus *gpus, int threads, struct progress *p, struct err *e)
{
	struct nam_crew *crew = nam_crew_new(gpus, threads, 1, only_one, r, e);

	if (!crew)
		return -1;
	r->progress = p;
	nam_crew_run(crew);
	nam_crew_free(crew);
	return nam_render_result(r, e);
}

/* ---- afterwards ---------------------------------------------------------------------- */

int
nam_render_commit(struct nam_render *r, char *hex, struct err *e)
{
	struct au_out *out = r->out;

	r->out = NULL;
	return au_commit(out, hex, e);
}

static int
hash_input(struct nam_render *r, struct err *e)
{
	if (r->mem)
		memcpy(r->sha256, r->mem->sha256, sizeof r->sha256);
	return *r->sha256 ? 0 : au_in_sha256(r->in, r->sha256, e);
}

json_t *
nam_render_report(struct nam_render *r, struct err *e)
{
	const struct nam_options *o = &r->o;
	const int converted = r->model_rate_hz != r->rate_hz;
	json_t *j;

	if (hash_input(r, e))
		return NULL;
	j = jl_new("nam-render/1");
	jl_str(j, "input", o->input);
	jl_str(j, "sha256", r->sha256);
	jl_str(j, "output", o->output);
	jl_int(j, "rate_hz", r->rate_hz);
	jl_int(j, "model_rate_hz", r->model_rate_hz);
	jl_bool(j, "rate_assumed", r->rate_assumed);
	jl_str(j, "resample", converted ? o->resample : NULL);
	jl_int(j, "channels", r->in_channels);
	jl_set(j, "channel", o->channel ? json_integer(o->channel) : NULL);
	jl_int(j, "out_channels", r->channels);
	jl_int(j, "frames", r->frames_in);
	jl_int(j, "out_frames", r->frames_out);
	jl_str(j, "tail", o->tail);
	jl_set(j, "model", nam_info_json_short(o->model, r->model));
	jl_num(j, "slim", o->slim);
	jl_num(j, "input_gain_db", o->input_gain_db);
	jl_num(j, "input_dbu", o->input_dbu);
	jl_num(j, "input_total_gain_db", r->input_db);
	jl_num(j, "output_gain_db", o->output_gain_db);
	jl_str(j, "level", o->level);
	jl_num(j, "level_target_db", strcmp(o->level, "loudness") ? NAN :
	    isnan(o->level_target_db) ? DEFAULT_LOUDNESS_DB : o->level_target_db);
	jl_num(j, "output_dbu", o->output_dbu);
	jl_num(j, "output_total_gain_db", r->output_db);
	jl_num(j, "dc_block_hz", o->dc_block_hz > 0 ? o->dc_block_hz : NAN);
	jl_num(j, "peak_dbfs", r->peak > 0 ? 20 * log10(r->peak) : NAN);
	jl_int(j, "clipped_samples", r->clipped);
	jl_set(j, "warnings", json_incref(r->warnings));
	jl_str(j, "device", r->flow.device);
	jl_str(j, "isa", nam_isa());
	jl_str(j, "precision", r->flow.precision);
	if (!j)
		err_set(e, ERR_NOMEM, "out of memory");
	return j;
}

int
nam_render_prov(struct nam_render *r, struct prov *prov, const char *out_sha256, struct err *e)
{
	if (!prov_wanted(prov))
		return 0;
	if (hash_input(r, e) || prov_input(prov, "audio", r->o.input, r->sha256, e) ||
	    prov_input(prov, "model", r->o.model, nam_model_sha256(r->model), e) ||
	    prov_output(prov, "audio", r->o.output, out_sha256, e))
		return -1;
	prov_set(prov, "model", nam_info_json_short(r->o.model, r->model));
	prov_set(prov, "device", json_string(r->flow.device));
	prov_set(prov, "isa", json_string(nam_isa()));
	prov_set(prov, "precision", json_string(r->flow.precision));
	return 0;
}

const json_t *
nam_render_warnings(const struct nam_render *r)
{
	return r->warnings;
}

int64_t
nam_render_frames_in(const struct nam_render *r)
{
	return r->frames;
}

int64_t
nam_render_frames_out(const struct nam_render *r)
{
	return r->frames_out;
}

int
nam_render_rate_hz(const struct nam_render *r)
{
	return r->rate_hz;
}
