/* novelty.c - levels of bands against those 40 ms before. */
#include "metrics/novelty.h"
#include "base/mem.h"
#include "base/scan.h"
#include "dsp/fft.h"
#include "dsp/stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAG = 4, MAX_BANDS = 47, TOGETHER = 8 };
_Static_assert(NOVELTY_BATCH == (int)STFT_LANES && NOVELTY_BATCH == 16, "a hop in each lane");
static const double floor_db = -60;

/* Bins from..to - 1 of a band; the first and last count by the part that is in it. */
struct band { size_t from, to; float first, last; };

struct novelty {
	int rate_hz;
	size_t ch, n, room, have;
	struct stft *stft;
	float *power;                   /* bins x NOVELTY_BATCH */
	float *buf;                     /* ch x room */
	struct band band[MAX_BANDS];
	int bands;
	double scale, floor;
	size_t end[NOVELTY_BATCH];      /* of the hops that wait: frames in buf then */
	size_t waiting;
	double level[LAG][MAX_BANDS], loudest; /* powers */
	int64_t hops;
};

int
novelty_new(struct novelty **out, int rate_hz, int channels, struct err *e)
{
	struct novelty *v = calloc(1, sizeof *v);
	double edge = pow(10, 0.025);

	*out = v;
	if (!v)
		return err_set(e, ERR_NOMEM, "out of memory");
	v->rate_hz = rate_hz;
	v->ch = (size_t)channels;
	v->n = fft_size_for((size_t)rate_hz / 12);
	v->room = v->n + NOVELTY_BATCH * ((size_t)rate_hz / 100 + 1);
	v->have = v->n; /* silence before the start */
	v->stft = stft_new(v->n, v->n);
	v->power = mem_zalloc(v->n / 2 + 1, NOVELTY_BATCH * sizeof *v->power);
	v->buf = mem_zalloc(v->room, v->ch * sizeof *v->buf);
	if (!v->stft || !v->power || !v->buf) {
		novelty_free(v);
		*out = NULL;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	v->scale = 2 / (stft_window_square(v->stft) * (double)v->n * channels);
	/* sixths of an octave from the one at 80 Hz on, as many as the rate has and up to 16 kHz; a bin is one bin wide */
	for (; v->bands < MAX_BANDS; v->bands++) {
		double hz = 1000 * pow(10, (v->bands - 22) / 20.0);
		double a = hz / edge * (double)v->n / rate_hz + 0.5, b = hz * edge * (double)v->n / rate_hz + 0.5;
		struct band *to = &v->band[v->bands];

		if (hz * edge > rate_hz / 2.0)
			break;
		to->from = (size_t)a;
		to->to = (size_t)ceil(b) < v->n / 2 + 1 ? (size_t)ceil(b) : v->n / 2 + 1;
		to->first = (float)((double)(to->from + 1) - a);
		to->last = (float)(b - (double)(to->to - 1));
		if (to->to - to->from == 1)
			to->first = to->last = (float)(b - a);
	}
	v->floor = pow(10, floor_db / 10);
	v->loudest = 1e-11; /* silence is no onset after silence */
	return 0;
}

void
novelty_free(struct novelty *v)
{
	if (!v)
		return;
	stft_free(v->stft);
	mem_free(v->power);
	mem_free(v->buf);
	free(v);
}

void
novelty_add(struct novelty *v, const float *x, int64_t frames)
{
	for (size_t c = 0; c < v->ch; c++)
		scan_channel(x, (size_t)frames, v->ch, c, v->buf + c * v->room + v->have);
	v->have += (size_t)frames;
}

typedef float F4 __attribute__((vector_size(16), may_alias));
enum { FOURS = NOVELTY_BATCH / 4 };

/* Adds the power of a band in all lanes. */
static void
add_band(float *to, const float *power, const struct band *of)
{
	const F4 *row = (const F4 *)(const void *)(power + of->from * NOVELTY_BATCH);
	F4 *sum = (F4 *)(void *)to, s[FOURS];

	for (size_t i = 0; i < FOURS; i++)
		s[i] = row[i] * of->first;
	for (size_t k = of->from + 1; k + 1 < of->to; k++) {
		row += FOURS;
		s[0] += row[0];
		s[1] += row[1];
		s[2] += row[2];
		s[3] += row[3];
	}
	row += FOURS;
	for (size_t i = 0; i < FOURS; i++) {
		if (of->to - of->from > 1)
			s[i] += row[i] * of->last;
		sum[i] += s[i];
	}
}

/* The mean rise in dB of one hop, whose bands are in a column: the logarithm of the product of all ratios.  TOGETHER of them,
 * each from 1 to some 1e35, are within a double's range. */
static double
rise_of(struct novelty *v, float (*band)[NOVELTY_BATCH], size_t lane)
{
	double *old = v->level[v->hops % LAG], total = 0, least, product = 1;
	int twos = 0, more;

	for (int b = 0; b < v->bands; b++)
		total += v->scale * (double)band[b][lane];
	v->loudest = total > v->loudest ? total : v->loudest;
	least = v->loudest * v->floor;
	for (int b = 0; b < v->bands; b++) {
		double now = v->scale * (double)band[b][lane] + least, ratio = v->hops >= LAG ? now / old[b] : 1;

		product *= ratio > 1 ? ratio : 1;
		old[b] = now;
		if (b % TOGETHER == TOGETHER - 1) {
			product = frexp(product, &more);
			twos += more;
		}
	}
	v->hops++;
	return v->bands ? 10 * (log10(product) + twos * log10(2)) / v->bands : 0;
}

int
novelty_flush(struct novelty *v, double *rise)
{
	_Alignas(16) float band[MAX_BANDS][NOVELTY_BATCH] = { { 0 } };
	size_t count = v->waiting, at[NOVELTY_BATCH], drop;

	if (!count)
		return 0;
	for (size_t l = 0; l < count; l++)
		at[l] = v->end[l] - v->n;
	for (size_t c = 0; c < v->ch; c++) {
		stft_power(v->stft, v->buf + c * v->room, at, count, v->power);
		for (int b = 0; b < v->bands; b++)
			add_band(band[b], v->power, &v->band[b]);
	}
	for (size_t l = 0; l < count; l++)
		rise[l] = rise_of(v, band, l);
	drop = at[count - 1];
	for (size_t c = 0; c < v->ch; c++)
		memmove(v->buf + c * v->room, v->buf + c * v->room + drop, (v->have - drop) * sizeof *v->buf);
	v->have -= drop;
	v->waiting = 0;
	return (int)count;
}

int
novelty_hop(struct novelty *v, double *rise)
{
	v->end[v->waiting++] = v->have;
	return v->waiting == NOVELTY_BATCH ? novelty_flush(v, rise) : 0;
}
