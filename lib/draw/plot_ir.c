/* plot_ir.c - three panels: gain, samples, decay. */
#include "draw/plot_ir.h"
#include "base/mem.h"
#include "base/str.h"
#include "cab/shape.h"
#include "draw/plot.h"
#include "dsp/ir.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_CURVES = 8, WIDTH = 1280, HEIGHT = 400, LEAST_BINS = (1 << 15) + 1 };

struct curves {
	struct plot_curve gain[MOST_CURVES], samples[MOST_CURVES], decay[MOST_CURVES];
	char name[MOST_CURVES][24];
	double *hz, *ms, *y[MOST_CURVES * 3];
};

static void
curves_free(struct curves *c)
{
	mem_free(c->hz);
	mem_free(c->ms);
	for (int i = 0; i < MOST_CURVES * 3; i++)
		mem_free(c->y[i]);
}

/* What is left of the energy at each frame, in dB. */
static void
fill_decay(const double *x, double *db, int64_t n)
{
	double sum = 0, left = 0;

	for (int64_t t = 0; t < n; t++)
		sum += x[t] * x[t];
	for (int64_t t = n - 1; t >= 0; t--) {
		left += x[t] * x[t];
		db[t] = sum > 0 ? 10 * log10(left / sum) : NAN;
	}
}

static int
fill(struct curves *c, const struct shape *h, size_t bins, size_t shown, struct err *e)
{
	size_t frames = (size_t)h->frames;

	c->hz = mem_zalloc(bins, sizeof *c->hz);
	c->ms = mem_zalloc(frames, sizeof *c->ms);
	if (!c->hz || !c->ms)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t k = 0; k < bins; k++)
		c->hz[k] = (double)k * h->rate_hz / (2 * (double)(bins - 1));
	for (size_t t = 0; t < frames; t++)
		c->ms[t] = 1000 * (double)t / h->rate_hz;
	for (int i = 0; i < h->channels && i < MOST_CURVES; i++) {
		double *gain = c->y[3 * i] = mem_zalloc(bins, sizeof *gain);
		double *samples = c->y[3 * i + 1] = mem_zalloc(frames, sizeof *samples);
		double *decay = c->y[3 * i + 2] = mem_zalloc(frames, sizeof *decay);

		if (!gain || !samples || !decay)
			return err_set(e, ERR_NOMEM, "out of memory");
		if (shape_spectrum(h, i, gain, bins, e))
			return -1;
		memcpy(samples, h->x + i * h->frames, frames * sizeof *samples);
		fill_decay(samples, decay, h->frames);
		snprintf(c->name[i], sizeof c->name[i], "channel %d", i + 1);
		c->gain[i] = (struct plot_curve){ h->channels > 1 ? c->name[i] : NULL, c->hz, gain, bins, 0, 0 };
		c->samples[i] = (struct plot_curve){ h->channels > 1 ? c->name[i] : NULL, c->ms, samples, shown, 0, 0 };
		c->decay[i] = (struct plot_curve){ h->channels > 1 ? c->name[i] : NULL, c->ms, decay, frames, 0, 0 };
	}
	return 0;
}

static int
draw(const char *name, const char *ir_name, const struct shape *h, int64_t shown, struct err *e)
{
	size_t bins = LEAST_BINS, n = (size_t)(h->channels < MOST_CURVES ? h->channels : MOST_CURVES);
	double top = -INFINITY, end_ms = 1000 * (double)h->frames / h->rate_hz;
	struct curves c = { 0 };
	char subtitle[120];
	int r = -1;

	while (2 * (bins - 1) < (size_t)h->frames)
		bins = 2 * bins - 1;
	if (fill(&c, h, bins, (size_t)shown, e))
		goto out;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 1; k < bins; k++)
			top = c.hz[k] >= 20 && c.gain[i].y[k] > top ? c.gain[i].y[k] : top;
	top = isfinite(top) ? 10 * ceil(top / 10) : 0;
	snprintf(subtitle, sizeof subtitle, "%d Hz, %lld frames, %d channel%s", h->rate_hz, (long long)h->frames, h->channels,
	    h->channels > 1 ? "s" : "");
	{
		const struct plot panels[] = {
			{ .title = path_base(ir_name), .subtitle = subtitle, .x = { "frequency", "Hz", 20, h->rate_hz / 2.0, 1 },
			    .y = { "gain", "dB", top - 60, top, 0 }, .curves = c.gain, .n_curves = n },
			{ .x = { "time", "ms", 0, 0, 0 }, .y = { "response", NULL, 0, 0, 0 }, .curves = c.samples, .n_curves = n },
			{ .x = { "time", "ms", 0, end_ms, 0 }, .y = { "energy left", "dB", -90, 0, 0 }, .curves = c.decay,
			    .n_curves = n },
		};

		r = plot_write(name, panels, sizeof panels / sizeof *panels, WIDTH, HEIGHT, e);
	}
out:
	curves_free(&c);
	return r;
}

int
plot_ir(const char *name, const char *ir_name, struct err *e)
{
	struct shape h = { 0 };
	int64_t shown = 1;
	struct ir ir;
	int r;

	if (plot_check_name(name, e) || ir_load(&ir, ir_name, e))
		return -1;
	r = shape_new(&h, ir.h.frames, ir.h.channels, ir.h.rate_hz, e);
	for (int c = 0; !r && c < h.channels; c++) {
		struct ir_facts f;

		for (int64_t t = 0; t < h.frames; t++)
			h.x[c * h.frames + t] = (double)ir.h.x[t * ir.h.channels + c];
		ir_measure(&ir.h, c, &f);
		shown = f.length_60db_frames > shown ? f.length_60db_frames : shown;
	}
	ir_free(&ir);
	r = r ? r : draw(name, ir_name, &h, shown, e);
	shape_free(&h);
	return r;
}
