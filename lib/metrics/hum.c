/* hum.c - a low rate, and single lines of its spectrum. */
#include "metrics/hum.h"
#include "base/mem.h"
#include "base/scan.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIDDLE_HZ = 8000, LOW_HZ = 1000, LOBES = 16, HARMONICS = 4, BESIDE = 4, LINES = 2 * HARMONICS * (1 + BESIDE) };
enum { LEAST_WINDOWS = 3, ROOM = 1024 };
static const double beside_hz[BESIDE] = { -7, -4, 4, 7 };
static const double share = 10, stands_out = 4; /* percent; 6 dB as powers */

/* To some 8 kHz by triangles, two steps long, whose zeros are at 8 kHz and its multiples (what would fold onto a line is 60 dB
 * down); then to 1 kHz by a sinc, 75 dB down from 740 Hz on.  What they take from the lines is put back. */
struct hum {
	size_t ch, first, step, taps;  /* input frames for one at the middle rate; of these for one at the low rate; of the filter */
	double low_hz;
	float *rising;                 /* first */
	float rising_sum;             /* of the block before, which rises into this one */
	size_t in_block, have;         /* frames in this block; samples in buf */
	float *block;                  /* first */
	double *filter, *buf;          /* taps; ROOM */
	double *low, *turn;            /* n; a Hann window with cos and sin of each line */
	size_t n, have_low;
	struct stats power[LINES];
};

static double
line_hz(int line)
{
	int of = line / (1 + BESIDE), where = line % (1 + BESIDE);
	double hz = (of < HARMONICS ? 50 : 60) * (of % HARMONICS + 1);

	return where ? hz + beside_hz[where - 1] : hz;
}

struct hum *
hum_new(int rate_hz, int channels)
{
	struct hum *h = calloc(1, sizeof *h);
	double sum = 0;

	if (!h)
		return NULL;
	h->ch = (size_t)channels;
	h->first = (size_t)rate_hz / MIDDLE_HZ;
	h->step = MIDDLE_HZ / LOW_HZ;
	h->low_hz = (double)rate_hz / (double)(h->first * h->step);
	h->rising = mem_zalloc(h->first, sizeof *h->rising);
	h->block = mem_zalloc(h->first, sizeof *h->block);
	h->taps = LOBES * h->step;
	h->n = (size_t)h->low_hz & ~(size_t)7;
	h->filter = mem_zalloc(h->taps, sizeof *h->filter);
	h->buf = mem_zalloc(ROOM, sizeof *h->buf);
	h->low = mem_zalloc(h->n, sizeof *h->low);
	h->turn = mem_zalloc(h->n, 2 * LINES * sizeof *h->turn);
	if (!h->rising || !h->block || !h->filter || !h->buf || !h->low || !h->turn) {
		hum_free(h);
		return NULL;
	}
	/* a sinc under Blackman's window; its 6 dB point is half the low rate */
	for (size_t i = 0; i < h->taps; i++) {
		double t = ((double)i + 0.5 - (double)h->taps / 2) / (double)h->step;
		double v = sin(M_PI * t) / (M_PI * t) *
			   (0.42 + 0.5 * cos(2 * M_PI * t / LOBES) + 0.08 * cos(4 * M_PI * t / LOBES));

		h->filter[i] = v;
		sum += v;
	}
	for (size_t i = 0; i < h->taps; i++)
		h->filter[i] /= sum * (double)(h->ch * h->first);
	for (size_t i = 0; i < h->first; i++)
		h->rising[i] = (float)(((double)i + 0.5) / (double)h->first);
	h->have = h->taps; /* silence before the start */
	for (size_t i = 0; i < h->n; i++) {
		double hann = 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)h->n);

		for (int l = 0; l < LINES; l++) {
			double a = 2 * M_PI * line_hz(l) * (double)i / h->low_hz;

			h->turn[(size_t)(2 * l) * h->n + i] = hann * cos(a);
			h->turn[(size_t)(2 * l + 1) * h->n + i] = hann * sin(a);
		}
	}
	return h;
}

/* How much both filters pass at a frequency, as power. */
static double
passes(const struct hum *h, double hz)
{
	double re = 0, im = 0, tre = 0, tim = 0, first = (double)h->first;

	for (size_t i = 0; i < 2 * h->first; i++) {
		double a = 2 * M_PI * hz * (double)i / (h->low_hz * first * (double)h->step);
		double w = (i < h->first ? (double)h->rising[i] : 1 - (double)h->rising[i - h->first]) / first;

		tre += w * cos(a);
		tim += w * sin(a);
	}
	for (size_t i = 0; i < h->taps; i++) {
		double a = 2 * M_PI * hz * (double)i / (h->low_hz * (double)h->step), w = h->filter[i] * (double)h->ch * first;

		re += w * cos(a);
		im += w * sin(a);
	}
	return (re * re + im * im) * (tre * tre + tim * tim);
}

typedef double D2 __attribute__((vector_size(16), may_alias, aligned(8)));

/* The sum of the products of n doubles, a multiple of 8. */
static double
product(const double *a, const double *b, size_t n)
{
	D2 s[4] = { { 0 } };

	for (size_t i = 0; i < n; i += 8) {
		const D2 *x = (const D2 *)(const void *)(a + i), *y = (const D2 *)(const void *)(b + i);

		s[0] += x[0] * y[0];
		s[1] += x[1] * y[1];
		s[2] += x[2] * y[2];
		s[3] += x[3] * y[3];
	}
	s[0] = (s[0] + s[1]) + (s[2] + s[3]);
	return s[0][0] + s[0][1];
}

/* The powers of the lines in the window that is here; a sine of amplitude a has a^2 / 2. */
static int
end_window(struct hum *h)
{
	double scale = 8 / ((double)h->n * (double)h->n); /* the mean of a Hann window is a half */

	for (int l = 0; l < LINES; l++) {
		const double *c = h->turn + (size_t)(2 * l) * h->n, *s = c + h->n;
		double re = product(h->low, c, h->n), im = product(h->low, s, h->n);

		if (stats_add(&h->power[l], scale * (re * re + im * im)))
			return -1;
	}
	h->have_low = h->n / 2;
	memmove(h->low, h->low + h->n / 2, h->n / 2 * sizeof *h->low);
	return 0;
}

/* A sample at the low rate, when it is time for one. */
static int
end_blocks(struct hum *h)
{
	if ((h->have - h->taps) % h->step)
		return 0;
	h->low[h->have_low++] = product(h->buf + h->have - h->taps, h->filter, h->taps);
	if (h->have + h->step > ROOM) {
		memmove(h->buf, h->buf + h->have - h->taps, h->taps * sizeof *h->buf);
		h->have = h->taps;
	}
	return h->have_low == h->n ? end_window(h) : 0;
}

/* Samples at the middle rate, each from a block of channel means: the triangle over the block before and this one. */
static int
add_blocks(struct hum *h, const float *x, size_t blocks)
{
	const float *up = h->rising;
	size_t n = h->first;

	for (; blocks > 0; blocks--, x += n) {
		float even = 0, odd = 0, up_even = 0, up_odd = 0, rising;
		size_t i;

		for (i = 0; i + 2 <= n; i += 2) {
			even += x[i];
			odd += x[i + 1];
			up_even += up[i] * x[i];
			up_odd += up[i + 1] * x[i + 1];
		}
		if (i < n) {
			even += x[i];
			up_even += up[i] * x[i];
		}
		rising = up_even + up_odd;
		h->buf[h->have++] = (double)(h->rising_sum + (even + odd - rising));
		h->rising_sum = rising;
		if (end_blocks(h))
			return -1;
	}
	return 0;
}

int
hum_add(struct hum *h, const float *x, int64_t frames, struct err *e)
{
	int bad = 0;

	while (frames > 0 && !bad) {
		size_t n = h->first - h->in_block, whole = (size_t)frames / h->first * h->first;

		if (h->ch == 1 && n == h->first && whole) {
			bad = add_blocks(h, x, whole / n);
			n = whole;
		} else {
			n = n < (size_t)frames ? n : (size_t)frames;
			scan_channel(x, n, h->ch, 0, h->block + h->in_block);
			for (size_t c = 1; c < h->ch; c++)
				for (size_t i = 0; i < n; i++)
					h->block[h->in_block + i] += x[i * h->ch + c];
			h->in_block += n;
			if (h->in_block == h->first) {
				bad = add_blocks(h, h->block, 1);
				h->in_block = 0;
			}
		}
		frames -= (int64_t)n;
		x += n * h->ch;
	}
	return bad ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}

int
hum_end(struct hum *h, struct hum_values *v, struct err *e)
{
	double power[2] = { 0 };

	(void)e;
	*v = (struct hum_values){ NAN, NAN, (int64_t)h->power[0].n };
	if (h->power[0].n < LEAST_WINDOWS)
		return 0;
	for (int of = 0; of < 2 * HARMONICS; of++) {
		struct stats *s = h->power + of * (1 + BESIDE);
		double line = stats_percentile(s, share), beside = 0;

		for (int b = 1; b <= BESIDE; b++)
			beside += stats_percentile(s + b, share) / BESIDE;
		if (line > stands_out * beside && line > 1e-15)
			power[of / HARMONICS] += line / passes(h, line_hz(of * (1 + BESIDE)));
	}
	if (power[0] > 0)
		v->hum_50hz_dbfs = 10 * log10(power[0]);
	if (power[1] > 0)
		v->hum_60hz_dbfs = 10 * log10(power[1]);
	return 0;
}

void
hum_free(struct hum *h)
{
	if (!h)
		return;
	for (int l = 0; l < LINES; l++)
		stats_free(&h->power[l]);
	mem_free(h->rising);
	mem_free(h->block);
	mem_free(h->filter);
	mem_free(h->buf);
	mem_free(h->low);
	mem_free(h->turn);
	free(h);
}
