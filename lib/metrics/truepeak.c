/* truepeak.c - which blocks have to be interpolated, and the filter. */
#include "metrics/truepeak.h"
#include "base/isa.h"
#include "base/mem.h"
#include "base/scan.h"
#include "metrics/truepeak_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, MULTIPLE = 8, STEPS = 10, TAPS = 49, MOST_TAPS = TRUEPEAK_TAPS_2 };

/* A block of a step of one channel. */
struct block {
	size_t at, n;   /* in the hop */
	float peak;     /* of its samples */
};

struct truepeak {
	size_t channels, step, hop, have; /* frames; have: of the hop that is being filled */
	struct truepeak_filter f;
	double gain;            /* no result is more than this times the largest sample */
	truepeak_fn *fn;
	float *x;               /* channels rows of MOST_TAPS old frames and a hop of new ones */
	size_t row;
	struct block *block;    /* channels rows of `blocks` */
	size_t blocks, in_step; /* of a hop, of a step */
	float *before;          /* for each channel the peak of the old frames */
	double peak, hop_peak;
	int64_t overs;
};

/* The coefficients of a Hann-windowed sinc, phase by phase; the phase on the samples is the samples. */
double
truepeak_design(struct truepeak_filter *filter, int rate_hz)
{
	size_t factor = rate_hz < 96000 ? 4 : rate_hz < 192000 ? 2 : 1, taps;
	double gain = 1;

	filter->phases = factor - 1;
	taps = factor > 1 ? (TAPS - 1) / factor : 0;
	for (size_t f = 1; f < factor; f++) {
		double sum = 0;

		for (size_t k = 0; k < taps; k++) {
			size_t j = f + k * factor;
			double m = (double)j - (TAPS - 1) / 2.0, c = sin(m * M_PI / (double)factor) / (m * M_PI / (double)factor);

			c *= 0.5 * (1 - cos(2 * M_PI * (double)j / (TAPS - 1)));
			filter->c[(f - 1) * taps + k] = c;
			filter->e[(f - 1) * taps + k] = (float)c;
			sum += fabs(c);
		}
		gain = sum > gain ? sum : gain;
	}
	return gain * (1 + 1e-6); /* and the rounding to float */
}

truepeak_fn *
truepeak_choose(void)
{
	switch (isa_choose()) {
#if defined __x86_64__
	case ISA_AVX512:
		return truepeak_avx512;
	case ISA_AVX2:
		return truepeak_avx2;
#elif defined __aarch64__
	case ISA_NEON:
		return truepeak_neon;
#endif
	default:
		return truepeak_generic;
	}
}

truepeak_blocks_fn *
truepeak_choose_blocks(void)
{
	switch (isa_choose()) {
#if defined __x86_64__
	case ISA_AVX512:
		return truepeak_blocks_avx512;
	case ISA_AVX2:
		return truepeak_blocks_avx2;
#elif defined __aarch64__
	case ISA_NEON:
		return truepeak_blocks_neon;
#endif
	default:
		return truepeak_blocks_generic;
	}
}

int
truepeak_new(struct truepeak **out, int rate_hz, int channels, struct err *e)
{
	struct truepeak *t = calloc(1, sizeof *t);

	*out = t;
	if (!t)
		return err_set(e, ERR_NOMEM, "out of memory");
	t->channels = (size_t)channels;
	t->step = (size_t)rate_hz / 100;
	t->hop = STEPS * t->step;
	t->in_step = (t->step + BLOCK - 1) / BLOCK;
	t->blocks = STEPS * t->in_step;
	t->row = MOST_TAPS + t->hop + MULTIPLE;
	t->gain = truepeak_design(&t->f, rate_hz);
	t->fn = truepeak_choose();
	t->x = mem_zalloc(t->row * t->channels, sizeof *t->x);
	t->block = mem_zalloc(t->blocks * t->channels, sizeof *t->block);
	t->before = mem_zalloc(t->channels, sizeof *t->before);
	if (!t->x || !t->block || !t->before) {
		truepeak_free(t);
		*out = NULL;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

/* The blocks of the n frames of a hop of one channel, none over the end of a step. */
static void
divide(struct truepeak *t, size_t channel, size_t n)
{
	struct block *b = t->block + channel * t->blocks;

	for (size_t at = 0; at < n; at += b->n, b++) {
		size_t end = (at / t->step + 1) * t->step;

		end = end < n ? end : n;
		*b = (struct block){ at, end - at < BLOCK ? end - at : BLOCK, 0 };
		b->peak = scan_peak(t->x + channel * t->row + MOST_TAPS + at, b->n);
	}
}

/* Its peak between the samples is no more than this.  What it is made of begins in the two blocks before it. */
static double
bound(const struct truepeak *t, size_t channel, size_t i)
{
	const struct block *b = t->block + channel * t->blocks + i;
	float before = t->before[channel], peak = b->peak;

	if (t->step < BLOCK)
		return INFINITY;
	if (i > 0)
		before = i > 1 || b[-1].peak > before ? b[-1].peak : before;
	if (i > 1)
		before = b[-2].peak > before ? b[-2].peak : before;
	return t->gain * (double)(before > peak ? before : peak);
}

/* The peak of a block between the samples as float, or 0 when it is no more than least. */
static double
peak_of(const struct truepeak *t, size_t channel, size_t i, double least)
{
	const struct block *b = t->block + channel * t->blocks + i;
	const float *x = t->x + channel * t->row + MOST_TAPS + b->at;
	size_t whole = b->n - b->n % MULTIPLE;
	double doubt = truepeak_doubt(bound(t, channel, i));
	double a = whole ? t->fn(x, whole, &t->f, least, doubt) : 0, c = 0;

	if (whole < b->n)
		c = truepeak_generic(x + whole, b->n - whole, &t->f, least, doubt);
	return (float)(a > c ? a : c);
}

/* The largest of the blocks' samples, and which it is. */
static double
loudest(const struct truepeak *t, size_t blocks, size_t *channel, size_t *i)
{
	float peak = -1;

	for (size_t c = 0; c < t->channels; c++)
		for (size_t k = 0; k < blocks; k++)
			if (t->block[c * t->blocks + k].peak > peak) {
				peak = t->block[c * t->blocks + k].peak;
				*channel = c;
				*i = k;
			}
	return (double)peak;
}

/* The blocks from i on that are of one step; whether it is an over.  In a step the order of blocks does not matter. */
static int
end_step(struct truepeak *t, size_t i, size_t end, double *known)
{
	double sample = 0, between = 0;

	for (size_t c = 0; c < t->channels; c++)
		for (size_t k = i; k < end; k++) {
			double p = (double)t->block[c * t->blocks + k].peak;

			sample = p > sample ? p : sample;
		}
	for (size_t c = 0; t->f.phases && c < t->channels; c++)
		for (size_t k = i; k < end; k++) {
			double p, least = sample <= 1 && between <= 1 && *known > 1 ? 1 : *known;

			if (bound(t, c, k) <= least)
				continue;
			p = peak_of(t, c, k, least);
			between = p > between ? p : between;
			*known = p > *known ? p : *known;
		}
	return between > 1 && sample <= 1;
}

/* The peak of a hop of which there are n frames. */
static void
end_hop(struct truepeak *t, size_t n)
{
	size_t blocks = n / t->step * t->in_step + (n % t->step + BLOCK - 1) / BLOCK, channel = 0, i = 0;
	double known;

	for (size_t c = 0; c < t->channels; c++)
		divide(t, c, n);
	known = loudest(t, blocks, &channel, &i);
	if (t->f.phases) { /* the loudest block first: it rules most others out */
		double p = peak_of(t, channel, i, 0);

		known = p > known ? p : known;
	}
	for (i = 0; i < blocks; i += t->in_step)
		t->overs += end_step(t, i, i + t->in_step < blocks ? i + t->in_step : blocks, &known);
	t->hop_peak = known;
	t->peak = known > t->peak ? known : t->peak;
	for (size_t c = 0; c < t->channels; c++) {
		float *x = t->x + c * t->row;

		memmove(x, x + n, MOST_TAPS * sizeof *x);
		t->before[c] = scan_peak(x, MOST_TAPS);
	}
	t->have = 0;
}

void
truepeak_add(struct truepeak *t, const float *x, int64_t frames)
{
	for (size_t left = (size_t)frames; left > 0;) {
		size_t n = t->hop - t->have < left ? t->hop - t->have : left;

		for (size_t c = 0; c < t->channels; c++)
			scan_channel(x, n, t->channels, c, t->x + c * t->row + MOST_TAPS + t->have);
		t->have += n;
		x += n * t->channels;
		left -= n;
		if (t->have == t->hop)
			end_hop(t, t->hop);
	}
}

double
truepeak_hop(const struct truepeak *t)
{
	return t->hop_peak;
}

double
truepeak_end(struct truepeak *t, int64_t *overs)
{
	size_t ring = t->have + MOST_TAPS < t->hop ? t->have + MOST_TAPS : t->hop;

	/* silence lets out what the filter still holds */
	for (size_t c = 0; c < t->channels; c++)
		memset(t->x + c * t->row + MOST_TAPS + t->have, 0, (t->hop - t->have) * sizeof *t->x);
	t->have = ring;
	end_hop(t, ring);
	if (ring == t->hop) {
		for (size_t c = 0; c < t->channels; c++)
			memset(t->x + c * t->row + MOST_TAPS, 0, MOST_TAPS * sizeof *t->x);
		end_hop(t, MOST_TAPS);
	}
	*overs = t->overs;
	return t->peak;
}

void
truepeak_free(struct truepeak *t)
{
	if (!t)
		return;
	mem_free(t->x);
	mem_free(t->block);
	mem_free(t->before);
	free(t);
}
