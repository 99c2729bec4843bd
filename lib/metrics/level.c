/* level.c - levels, dynamics, faults and stereo image, a window of 50 ms at a time. */
#include "metrics/level.h"
#include "audio/audio.h"
#include "base/mem.h"
#include "base/scan.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_WINDOWS = 60, FLOOR_WINDOWS = 20 }; /* of the DR: 3 s */

/* A growing list. */
struct list {
	float *v;
	size_t n, cap;
};

struct channel {
	double sum, square;
	int64_t run;                 /* samples at the clipping level that just went by */
	double block_square;         /* of the DR's block */
	float block_peak;
	struct list rms, peak;       /* of its blocks: RMS as the DR has it, 3 dB more */
};

struct level {
	int rate_hz;
	size_t ch;
	int64_t frames;
	double peak, product;        /* product: left times right */
	struct channel channel[AU_MAX_CHANNELS];
	int64_t runs, clipped, longest, over;
	int64_t first_loud, last_loud; /* frames; -1: none yet */
	float *buf, *one;            /* a window of all channels; of one */
	size_t window, have;         /* frames of this window; here */
	size_t block, block_frames;  /* windows in this block of the DR, and their frames */
	struct list rms;             /* of all whole windows */
};

static int
list_add(struct list *l, double v)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		float *p = realloc(l->v, cap * sizeof *p);

		if (!p)
			return -1;
		l->v = p;
		l->cap = cap;
	}
	l->v[l->n++] = (float)v;
	return 0;
}

struct level *
level_new(int rate_hz, int channels)
{
	struct level *l = calloc(1, sizeof *l);
	size_t most;

	if (!l)
		return NULL;
	l->rate_hz = rate_hz;
	l->ch = (size_t)channels;
	l->window = (size_t)rate_hz / 20; /* the first; at 22050 Hz some are longer by a frame */
	most = l->window + 1;
	l->first_loud = l->last_loud = -1;
	l->buf = mem_zalloc(most, l->ch * sizeof *l->buf);
	l->one = mem_zalloc(most, sizeof *l->one);
	if (!l->buf || !l->one) {
		level_free(l);
		return NULL;
	}
	return l;
}

static double
dbfs(double amplitude)
{
	return amplitude > 0 ? 20 * log10(amplitude) : NAN;
}

static double
silence_fs(void)
{
	return pow(10, LEVEL_SILENCE_DBFS / 20);
}

static void
end_run(struct level *l, struct channel *c)
{
	int64_t n = c->run;

	c->run = 0;
	if (n < LEVEL_CLIP_RUN)
		return;
	l->runs++;
	l->clipped += n;
	if (n > l->longest)
		l->longest = n;
}

/* One sample after the other, where there is one at the clipping level or was one at the end of the last window. */
static void
clips(struct level *l, struct channel *c, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float a = fabsf(x[i]);

		if (a >= LEVEL_CLIP_FS) {
			c->run++;
			l->over += a > 1;
		} else if (c->run) {
			end_run(l, c);
		}
	}
}

static int
end_block(struct level *l)
{
	for (size_t i = 0; i < l->ch; i++) {
		struct channel *c = &l->channel[i];

		if (list_add(&c->rms, sqrt(2 * c->block_square / (double)l->block_frames)) ||
		    list_add(&c->peak, (double)c->block_peak))
			return -1;
		c->block_square = c->block_peak = 0;
	}
	l->block = l->block_frames = 0;
	return 0;
}

/* The first and last sample over silence in the window. */
static void
find_sound(struct level *l, const float *x, size_t n)
{
	float silence = (float)silence_fs();
	size_t samples = n * l->ch, i;

	for (i = 0; l->first_loud < 0 && i < samples; i++)
		if (fabsf(x[i]) > silence)
			l->first_loud = l->frames + (int64_t)(i / l->ch);
	for (i = samples; i > 0; i--)
		if (fabsf(x[i - 1]) > silence) {
			l->last_loud = l->frames + (int64_t)((i - 1) / l->ch);
			break;
		}
}

/* n frames: a window, or what is left at the end. */
static int
end_window(struct level *l, const float *x, size_t n)
{
	double all = 0;
	float peak = 0;

	for (size_t i = 0; i < l->ch; i++) {
		struct channel *c = &l->channel[i];
		const float *one = l->ch == 1 ? x : l->one;
		double square = 0;
		float own;

		if (l->ch > 1)
			scan_channel(x, n, l->ch, i, l->one);
		own = scan_peak(one, n);
		peak = own > peak ? own : peak;
		scan_sums(one, n, &c->sum, &square);
		all += square;
		c->square += square;
		c->block_square += square;
		c->block_peak = own > c->block_peak ? own : c->block_peak;
		if (own >= LEVEL_CLIP_FS || c->run)
			clips(l, c, one, n);
	}
	if (l->ch == 2) {
		double part[4] = { 0 };

		for (size_t i = 0; i < n; i++)
			part[i % 4] += (double)x[2 * i] * (double)x[2 * i + 1];
		l->product += (part[0] + part[1]) + (part[2] + part[3]);
	}
	if ((double)peak > silence_fs())
		find_sound(l, x, n);
	l->peak = (double)peak > l->peak ? (double)peak : l->peak;
	l->frames += (int64_t)n;
	l->have = 0;
	if (n < l->window)
		return 0;
	if (list_add(&l->rms, sqrt(all / (double)(l->window * l->ch))))
		return -1;
	l->block_frames += l->window;
	l->window = ((size_t)l->rms.n + 1) * (size_t)l->rate_hz / 20 - (size_t)l->frames;
	return ++l->block == BLOCK_WINDOWS ? end_block(l) : 0;
}

int
level_add(struct level *l, const float *x, int64_t frames, struct err *e)
{
	for (size_t left = (size_t)frames; left > 0;) {
		size_t n = l->window - l->have < left ? l->window - l->have : left;
		const float *window = l->have ? l->buf : x;

		if (n < l->window)
			memcpy(l->buf + l->have * l->ch, x, n * l->ch * sizeof *x);
		l->have += n;
		left -= n;
		x += n * l->ch;
		if (l->have == l->window && end_window(l, window, l->window))
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

static int
descending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y) - (x > y);
}

/* The DR of a channel; NAN: not defined. */
static double
dr14(struct channel *c)
{
	size_t n = c->rms.n, top = n / 5 > 0 ? n / 5 : 1;
	double square = 0;

	if (n < 2)
		return NAN;
	qsort(c->rms.v, n, sizeof *c->rms.v, descending);
	qsort(c->peak.v, n, sizeof *c->peak.v, descending);
	for (size_t i = 0; i < top; i++)
		square += (double)c->rms.v[i] * (double)c->rms.v[i];
	return c->peak.v[1] > 0 && square > 0 ? 20 * log10((double)c->peak.v[1] / sqrt(square / (double)top)) : NAN;
}

/* What the windows tell: the range and the floor of those that are not digital silence. */
static int
dynamics(struct level *l, struct level_values *v)
{
	struct stats s = { 0 };
	size_t silent = 0;

	for (size_t i = 0; i < l->rms.n; i++) {
		double rms = (double)l->rms.v[i];

		silent += rms < silence_fs();
		if (rms > 0 && stats_add(&s, rms)) {
			stats_free(&s);
			return -1;
		}
	}
	if (s.n >= 2)
		v->dynamic_range_db = dbfs(stats_percentile(&s, 95) / stats_percentile(&s, 5));
	if (s.n >= FLOOR_WINDOWS)
		v->noise_floor_dbfs = dbfs(stats_percentile(&s, 5));
	if (l->rms.n)
		v->silent_ratio = (double)silent / (double)l->rms.n;
	stats_free(&s);
	return 0;
}

static void
stereo(const struct level *l, struct level_values *v)
{
	double a = l->channel[0].square, b = l->channel[1].square, side = (a + b) / 2 - l->product;

	if (l->ch != 2)
		return;
	if (a + b > 0)
		v->width_ratio = fmax(side, 0) / (a + b);
	if (!(a > 0 && b > 0))
		return;
	v->correlation = l->product / sqrt(a * b);
	v->balance_db = 10 * log10(a / b);
}

int
level_end(struct level *l, struct level_values *v, struct err *e)
{
	double square = 0, n, dr = 0;

	*v = (struct level_values){ .correlation = NAN, .width_ratio = NAN, .balance_db = NAN, .silent_ratio = NAN,
		.dynamic_range_db = NAN, .noise_floor_dbfs = NAN };
	if ((l->have && end_window(l, l->buf, l->have)) || dynamics(l, v))
		return err_set(e, ERR_NOMEM, "out of memory");
	n = (double)l->frames;
	v->frames = l->frames;
	for (size_t i = 0; i < l->ch; i++) {
		struct channel *c = &l->channel[i];
		double dc = n > 0 ? c->sum / n : NAN;

		end_run(l, c);
		square += c->square;
		dr += dr14(c) / (double)l->ch;
		if (i == 0 || fabs(dc) > fabs(v->dc_offset_fs))
			v->dc_offset_fs = dc;
	}
	v->dr14_db = dr;
	v->rms_dbfs = dbfs(n > 0 ? sqrt(square / (n * (double)l->ch)) : 0);
	v->peak_dbfs = dbfs(l->peak);
	v->crest_factor_db = v->peak_dbfs - v->rms_dbfs;
	v->clipped_runs = l->runs;
	v->clipped_samples = l->clipped;
	v->longest_clipped_run_frames = l->longest;
	v->samples_over_full_scale = l->over;
	v->leading_silence_s = (double)(l->first_loud < 0 ? l->frames : l->first_loud) / l->rate_hz;
	if (l->last_loud >= 0)
		v->trailing_silence_s = (double)(l->frames - 1 - l->last_loud) / l->rate_hz;
	stereo(l, v);
	return 0;
}

const float *
level_windows(const struct level *l, size_t *n)
{
	*n = l->rms.n;
	return l->rms.v;
}

void
level_free(struct level *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < AU_MAX_CHANNELS; i++) {
		free(l->channel[i].rms.v);
		free(l->channel[i].peak.v);
	}
	free(l->rms.v);
	mem_free(l->buf);
	mem_free(l->one);
	free(l);
}
