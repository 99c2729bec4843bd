/* cab.c - from files to the spectra of a matrix. */
#include "cab/cab.h"
#include "audio/audio.h"
#include "base/mem.h"
#include "base/str.h"
#include "dsp/db.h"
#include "dsp/ir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAM_PLUGIN_FRAMES = 8192 };

static int
one_of(const char *key, const char *word, const char *const *words, const char *said, struct err *e)
{
	for (; *words; words++)
		if (!strcmp(word, *words))
			return 0;
	return err_set(e, ERR_INPUT, "%s: '%s' is not %s", key, word, said);
}

static int
in_range(const char *key, double v, double min, double max, struct err *e)
{
	if (isnan(v) || (v >= min && v <= max))
		return 0;
	return err_set(e, ERR_INPUT, "%s: %g is not within %g..%g", key, v, min, max);
}

int
cab_check(const struct cab_options *o, struct err *e)
{
	static const char *const routings[] = { "auto", "each", "matrix", NULL }, *const aligns[] = { "on", "off", NULL };
	static const char *const delays[] = { "keep", "trim", "compensate", NULL };
	const double most_s = IR_MAX_SECONDS, most_db = 120, most_tail_s = 86400, most_hz = AU_MAX_RATE_HZ / 2.0;
	char *end;
	double s;

	if (o->n_irs > CAB_MAX_IRS)
		return err_set(e, ERR_INPUT, "ir: %d impulse responses: at most %d", o->n_irs, CAB_MAX_IRS);
	if (o->n_gains > o->n_irs)
		return err_set(e, ERR_INPUT, "ir_gain_db: %d gains for %d impulse responses", o->n_gains, o->n_irs);
	for (int i = 0; i < o->n_gains; i++)
		if (in_range("ir_gain_db", o->ir_gain_db[i], -most_db, most_db, e))
			return -1;
	if (one_of("routing", o->routing, routings, "auto, each or matrix", e) ||
	    one_of("align", o->align, aligns, "on or off", e) ||
	    one_of("delay", o->delay, delays, "keep, trim or compensate", e) ||
	    in_range("trim", o->trim_s, 0, most_s, e) || in_range("fade", o->fade_s, 0, most_s, e) ||
	    in_range("low_cut_hz", o->low_cut_hz, 1, most_hz, e) || in_range("high_cut_hz", o->high_cut_hz, 1, most_hz, e) ||
	    in_range("gain_db", o->gain_db, -most_db, most_db, e) || in_range("mix", o->mix, 0, 1, e))
		return -1;
	if (shape_norm_of(o->norm) < 0)
		return err_set(e, ERR_INPUT, "norm: '%s' is not none, energy, peak, loudness, nam-plugin or juce", o->norm);
	if (o->encoding && au_encoding_of(o->encoding) < 0)
		return err_set(e, ERR_INPUT, "encoding: '%s' is not f32, s16 or s24", o->encoding);
	if (!strcmp(o->tail, "cut") || !strcmp(o->tail, "full"))
		return 0;
	s = strtod(o->tail, &end);
	if (end == o->tail || *end || !(s >= 0 && s <= most_tail_s))
		return err_set(e, ERR_INPUT, "tail: '%s' is not full, cut or a number of seconds up to %.0f", o->tail,
		    most_tail_s);
	return 0;
}

/* ---- one response ------------------------------------------------------------------------- */

/* Read response i and bring it to the rate. */
static int
load(struct shape *h, struct cab_part *p, const struct cab_options *o, int i, int rate_hz, struct err *e)
{
	const char *name = o->ir[i];
	struct ir_facts f = { 0 };
	double gain;
	struct ir ir;
	int r;

	p->gain_db = i < o->n_gains ? o->ir_gain_db[i] : 0;
	p->lag_frames = p->correlation = p->minimum_phase_error_db = NAN;
	if (ir_load(&ir, name, e))
		return -1;
	memcpy(p->sha256, ir.sha256, sizeof p->sha256);
	p->rate_hz = ir.file_rate_hz;
	p->channels = ir.h.channels;
	p->frames = ir.file_frames;
	for (int c = 0; c < ir.h.channels; c++) {
		struct ir_facts g;

		ir_measure(&ir.h, c, &g);
		if (!c || g.peak > f.peak)
			f = g;
	}
	p->polarity = f.polarity;
	if (!(p->file = str_printf("%s", name)) || ir_conform(&ir, rate_hz, e)) {
		ir_free(&ir);
		return p->file ? -1 : err_set(e, ERR_NOMEM, "out of memory");
	}
	p->used_frames = ir.h.frames;
	gain = dsp_gain_of_db(p->gain_db);
	r = shape_new(h, ir.h.frames, ir.h.channels, rate_hz, e);
	for (int c = 0; !r && c < h->channels; c++)
		for (int64_t t = 0; t < h->frames; t++)
			h->x[c * h->frames + t] = gain * (double)ir.h.x[t * h->channels + c];
	ir_free(&ir);
	if (!r && o->minimum_phase)
		r = shape_minimum_phase(h, &p->minimum_phase_error_db, e);
	return r;
}

/* ---- several ------------------------------------------------------------------------------- */

/* Can h be blended with the sum so far, and so with the first one? */
static int
fits(const struct shape *sum, const struct shape *h, const char *name, struct err *e)
{
	if (sum->channels == h->channels || sum->channels == 1 || h->channels == 1)
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "'%s' has %d channels and cannot be blended with one of %d: they must be "
	    "as many, or one", name, h->channels, sum->channels);
}

/* Move h to where the first one is, and turn it. */
static int
match(const struct shape *first, struct shape *h, struct cab_part *p, const struct cab_options *o, struct err *e)
{
	struct shape_match m;

	if (shape_compare(first, h, &m, e))
		return -1;
	p->lag_frames = m.lag;
	p->correlation = m.correlation;
	if (fabs(m.correlation) < CAB_LEAST_CORRELATION)
		return 0;
	if (o->fix_polarity && m.correlation < 0) {
		p->inverted = 1;
		for (int64_t i = 0; i < h->frames * h->channels; i++)
			h->x[i] = -h->x[i];
	}
	if (!strcmp(o->align, "off"))
		return 0;
	p->delay_frames = -m.lag;
	return shape_delay(h, -m.lag, e);
}

/* sum += h; a mono one goes to all channels of the other. */
static int
add(struct shape *sum, const struct shape *h, struct err *e)
{
	int channels = sum->channels > h->channels ? sum->channels : h->channels;
	int64_t frames = sum->frames > h->frames ? sum->frames : h->frames;
	struct shape s;

	if (shape_new(&s, frames, channels, sum->rate_hz, e))
		return -1;
	for (int c = 0; c < channels; c++) {
		const double *a = sum->x + (sum->channels > 1 ? c : 0) * sum->frames;
		const double *b = h->x + (h->channels > 1 ? c : 0) * h->frames;

		for (int64_t t = 0; t < frames; t++)
			s.x[c * frames + t] = (t < sum->frames ? a[t] : 0) + (t < h->frames ? b[t] : 0);
	}
	shape_free(sum);
	*sum = s;
	return 0;
}

/* The channels of h after those of sum. */
static int
append(struct shape *sum, const struct shape *h, struct err *e)
{
	int64_t frames = sum->frames > h->frames ? sum->frames : h->frames;
	struct shape s;

	if (sum->channels + h->channels > AU_MAX_CHANNELS)
		return err_set(e, ERR_UNSUPPORTED, "the impulse responses have more than %d channels", AU_MAX_CHANNELS);
	if (shape_new(&s, frames, sum->channels + h->channels, sum->rate_hz, e))
		return -1;
	for (int c = 0; c < s.channels; c++) {
		const struct shape *from = c < sum->channels ? sum : h;
		int k = c < sum->channels ? c : c - sum->channels;

		memcpy(s.x + c * frames, from->x + k * from->frames, (size_t)from->frames * sizeof *s.x);
	}
	shape_free(sum);
	*sum = s;
	return 0;
}

static int
gather(struct cab *c, struct shape *sum, const struct cab_options *o, struct err *e)
{
	struct shape first = { 0 }, h = { 0 };
	int r = -1;

	for (int i = 0; i < o->n_irs; i++) {
		c->parts++;
		if (load(i ? &h : sum, &c->part[i], o, i, c->rate_hz, e))
			goto out;
		if (!i && o->n_irs > 1 && !o->join) {
			if (shape_new(&first, sum->frames, sum->channels, sum->rate_hz, e))
				goto out;
			memcpy(first.x, sum->x, (size_t)sum->frames * (size_t)sum->channels * sizeof *sum->x);
		}
		if (i && (o->join ? append(sum, &h, e) :
		    fits(sum, &h, o->ir[i], e) || match(&first, &h, &c->part[i], o, e) || add(sum, &h, e)))
			goto out;
		shape_free(&h);
	}
	r = 0;
out:
	shape_free(&first);
	shape_free(&h);
	return r;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int
shape_up(struct cab *c, struct shape *h, const struct cab_options *o, struct err *e)
{
	int64_t keep = isnan(o->trim_s) ? h->frames : llround(o->trim_s * c->rate_hz);
	int norm = shape_norm_of(o->norm);
	struct shape_facts f;

	if (!strcmp(o->delay, "trim")) {
		shape_measure(h, &f);
		c->trimmed_frames = f.start_frame < h->frames ? f.start_frame : 0;
		if (shape_cut(h, c->trimmed_frames, h->frames - c->trimmed_frames, e))
			return -1;
	}
	if (norm == SHAPE_NAM_PLUGIN && keep > NAM_PLUGIN_FRAMES)
		keep = NAM_PLUGIN_FRAMES;
	keep = keep < 1 ? 1 : keep < h->frames ? keep : h->frames;
	if (shape_cut(h, 0, keep, e))
		return -1;
	if (!isnan(o->fade_s))
		shape_fade(h, llround(o->fade_s * c->rate_hz));
	for (int high = 0; high < 2; high++) {
		double hz = high ? o->high_cut_hz : o->low_cut_hz;

		if (!isnan(hz) && hz >= c->rate_hz / 2.0)
			return err_set(e, ERR_INPUT, "%s: %g Hz is not below half the signal's rate of %d Hz",
			    high ? "high_cut_hz" : "low_cut_hz", hz, c->rate_hz);
		if (!isnan(hz) && shape_filter(h, high, hz, e))
			return -1;
	}
	if (h->frames > CONV_MAX_TAPS)
		return err_set(e, ERR_INPUT, "the impulse response has become longer than %d seconds", CONV_MAX_SECONDS);
	c->norm_gain = shape_norm_gain(h, (enum shape_norm)norm, c->part[0].rate_hz, e);
	if (!(c->norm_gain > 0))
		return -1;
	shape_measure(h, &f);
	c->onset_frame = f.onset_frame;
	return 0;
}

static int
misfit(const struct cab *c, const struct shape *h, struct err *e)
{
	const char *many = c->parts > 1 ? "the impulse responses have" : "it has";

	return err_set(e, ERR_UNSUPPORTED, "'%s' does not fit a signal of %d channels: %s %d; it must be 1, as many, or (a "
	    "matrix) a multiple of them", c->part[0].file, c->ins, many, h->channels);
}

/* The paths, and their spectra. */
static int
route(struct cab *c, struct shape *h, const struct cab_options *o, struct err *e)
{
	struct conv_path path[AU_MAX_CHANNELS];
	int matrix = !strcmp(o->routing, "matrix"), fits = h->channels == 1 || c->ins == 1 || h->channels == c->ins;
	double wet = o->mix * c->norm_gain * dsp_gain_of_db(o->gain_db);
	size_t n = 0;

	matrix |= !strcmp(o->routing, "auto") && !fits;
	if (matrix ? h->channels % c->ins != 0 : !fits)
		return misfit(c, h, e);
	c->routing = matrix ? "matrix" : "each";
	c->outs = matrix ? h->channels / c->ins : c->ins > h->channels ? c->ins : h->channels;
	for (int64_t i = 0; i < h->frames * h->channels; i++)
		h->x[i] *= wet;
	for (int i = 0; i < c->ins; i++)
		for (int out = 0; out < c->outs; out++) {
			int k = matrix ? i * c->outs + out : h->channels > 1 ? out : 0;

			if (matrix || i == out || c->ins == 1)
				path[n++] = (struct conv_path){ i, out, h->x + k * h->frames };
		}
	/* the dry signal comes where the wet one begins, in to the same out */
	for (int k = 0; k < h->channels; k++)
		if (!matrix || c->ins == 1 || k / c->outs == k % c->outs)
			h->x[k * h->frames + c->onset_frame] += 1 - o->mix;
	c->taps = h->frames;
	return conv_ir_new(&c->spectra, c->taps, c->ins, c->outs, path, n, e);
}

struct cab *
cab_new(const struct cab_options *o, int rate_hz, int channels, struct err *e)
{
	struct cab *c = calloc(1, sizeof *c);
	struct shape h = { 0 };

	if (!c) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	c->rate_hz = rate_hz;
	c->ins = channels;
	if (gather(c, &h, o, e) ||
	    (!strcmp(o->norm, "nam-plugin") && h.channels > 1 &&
	    err_set(e, ERR_UNSUPPORTED, "norm: nam-plugin takes a mono response, and '%s' has %d channels", o->ir[0],
	    h.channels)) || shape_up(c, &h, o, e) || route(c, &h, o, e)) {
		cab_free(c);
		c = NULL;
	}
	shape_free(&h);
	return c;
}

void
cab_free(struct cab *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->parts; i++)
		free(c->part[i].file);
	conv_ir_free(c->spectra);
	free(c);
}
