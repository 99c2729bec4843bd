/* limiter.c - peaks of blocks of 8 frames, and a gain on the knots between them.
 *
 * Knot j is the start of block j.  Its need is the gain that the blocks on both its sides allow, so that a straight line
 * between two knots is allowed too.  Then, as for any limiter that looks ahead: the least need of the knots j .. j + ahead, let go
 * slowly, averaged over the knots j - ahead .. j.  Each of those averaged has seen the need of knot j. */
#include "metrics/limiter.h"
#include "base/mem.h"
#include "metrics/scan.h"
#include "metrics/truepeak_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8, CHUNK = 512 * BLOCK, OLD = TRUEPEAK_TAPS_2, OLD_BLOCKS = OLD / BLOCK };

struct limiter {
	size_t channels, ahead;      /* ahead: knots */
	double ceiling, release;     /* release: of what is missing to 1, how much comes back in a block */
	struct truepeak_filter f;
	truepeak_fn *fn;
	double most;                 /* the largest gain of the filter */
	float *in;                   /* CHUNK frames, interleaved, being filled */
	size_t have;
	float *row;                  /* channels rows of OLD + CHUNK */
	float *before;               /* channels rows of the peaks of the OLD_BLOCKS blocks before, a ring */
	float *line;                 /* a ring of line_blocks blocks, interleaved: what is not out yet */
	size_t line_blocks;
	int64_t blocks, fed, made;   /* blocks that came in; frames */
	double sample[2], between[2]; /* peaks of the last blocks, the newest first */
	double *need, *held, *weight; /* rings of ahead + 1 knots, held twice over; the average's weights */
	size_t knot;                 /* where the next one goes */
	double last_held, last_gain;
	size_t still;                /* knots since something was needed or held: what the rings have of it */
	float *out;
	size_t out_have, out_room;   /* frames */
	double least;
	int64_t limited;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

int
limiter_new(struct limiter **out, int rate_hz, int channels, double ceiling, struct err *e)
{
	struct limiter *l = calloc(1, sizeof *l);
	double sum = 0;

	*out = l;
	if (!l)
		return no_memory(e);
	l->channels = (size_t)channels;
	l->ceiling = ceiling;
	l->ahead = (size_t)ceil(LIMITER_AHEAD_MS / 1000 * rate_hz / BLOCK) + 1;
	l->release = 1 - exp(-BLOCK / (LIMITER_RELEASE_MS / 1000 * rate_hz));
	l->most = truepeak_design(&l->f, rate_hz);
	l->fn = truepeak_choose();
	l->line_blocks = l->ahead + 3;
	l->in = mem_zalloc(CHUNK * l->channels, sizeof *l->in);
	l->row = mem_zalloc((OLD + CHUNK) * l->channels, sizeof *l->row);
	l->line = mem_zalloc(l->line_blocks * BLOCK * l->channels, sizeof *l->line);
	l->before = mem_zalloc(OLD_BLOCKS * l->channels, sizeof *l->before);
	l->need = mem_zalloc(l->ahead + 1, sizeof *l->need);
	l->held = mem_zalloc(2 * (l->ahead + 1), sizeof *l->held);
	l->weight = mem_zalloc(l->ahead + 1, sizeof *l->weight);
	if (!l->in || !l->row || !l->line || !l->before || !l->need || !l->held || !l->weight) {
		limiter_free(l);
		*out = NULL;
		return no_memory(e);
	}
	for (size_t k = 0; k <= l->ahead; k++) {
		l->need[k] = l->held[k] = l->held[k + l->ahead + 1] = 1;
		l->weight[k] = 1 - cos(2 * M_PI * (double)(k + 1) / (double)(l->ahead + 2));
		sum += l->weight[k];
	}
	for (size_t k = 0; k <= l->ahead; k++)
		l->weight[k] /= sum;
	l->last_held = l->last_gain = l->least = 1;
	return 0;
}

/* Of n values; in four parts, because one comparison need not wait for the other. */
static double
least_of(const double *x, size_t n)
{
	double part[4] = { 1, 1, 1, 1 }, least = 1;
	size_t k = 0;

	for (; k + 4 <= n; k += 4)
		for (size_t i = 0; i < 4; i++)
			part[i] = x[k + i] < part[i] ? x[k + i] : part[i];
	for (; k < n; k++)
		least = x[k] < least ? x[k] : least;
	for (size_t i = 0; i < 4; i++)
		least = part[i] < least ? part[i] : least;
	return least;
}

/* 1 less their average, in four parts likewise. */
static double
average(const double *x, const double *weight, size_t n)
{
	double part[4] = { 0 };
	size_t k = 0;

	for (; k + 4 <= n; k += 4)
		for (size_t i = 0; i < 4; i++)
			part[i] += weight[k + i] * (1 - x[k + i]);
	for (; k < n; k++)
		part[0] += weight[k] * (1 - x[k]);
	return 1 - ((part[0] + part[1]) + (part[2] + part[3]));
}

/* The gain at the knot `ahead` before the newest one, whose need comes in. */
static double
next_gain(struct limiter *l, double need)
{
	size_t n = l->ahead + 1, at = l->knot;
	double least;

	if (l->still > 2 * n && need == 1)
		return 1; /* the rings are full of ones */
	l->knot = at + 1 < n ? at + 1 : 0;
	l->need[at] = need;
	least = least_of(l->need, n);
	l->last_held += (1 - l->last_held) * l->release;
	if (l->last_held > 1 - 1e-6)
		l->last_held = 1; /* it has to end somewhere: this is a hundred thousandth of a dB */
	l->last_held = least < l->last_held ? least : l->last_held;
	l->held[at] = l->held[at + n] = l->last_held;
	l->still = need == 1 && l->last_held == 1 ? l->still + 1 : 0;
	return average(l->held + at + 1, l->weight, n); /* from the oldest on; the weights are the same from both ends */
}

/* The oldest block out, with the gain going from the last one to `gain`. */
static void
put_block(struct limiter *l, double gain)
{
	int64_t which = l->blocks - (int64_t)l->ahead - 2, left = l->fed - l->made;
	size_t n = left < BLOCK ? (size_t)left : BLOCK;
	const float *x;
	float *y = l->out + l->out_have * l->channels;

	if (which >= 0 && left > 0) {
		x = l->line + (size_t)which % l->line_blocks * BLOCK * l->channels;
		if (gain == 1 && l->last_gain == 1) {
			memcpy(y, x, n * l->channels * sizeof *y);
		} else {
			for (size_t i = 0; i < n; i++) {
				double g = l->last_gain + (gain - l->last_gain) * (double)i / BLOCK;

				l->least = g < l->least ? g : l->least;
				for (size_t c = 0; c < l->channels; c++)
					*y++ = (float)((double)*x++ * g);
			}
			l->limited += (int64_t)n;
		}
		l->out_have += n;
		l->made += (int64_t)n;
	}
	l->last_gain = gain;
}

/* Block i of the chunk, of which the rows are made. */
static void
add_block(struct limiter *l, size_t i)
{
	double sample = 0, between = 0, peak, q;

	for (size_t c = 0; c < l->channels; c++) {
		const float *x = l->row + c * (OLD + CHUNK) + OLD + i * BLOCK;
		float *before = l->before + c * OLD_BLOCKS;
		double here = (double)scan_peak(x, BLOCK), around = here, b;

		for (size_t k = 0; k < OLD_BLOCKS; k++)
			around = (double)before[k] > around ? (double)before[k] : around;
		before[(size_t)l->blocks % OLD_BLOCKS] = (float)here;
		sample = here > sample ? here : sample;
		if (!l->f.phases || around * l->most <= l->ceiling)
			continue;
		b = l->fn(x, BLOCK, &l->f, 0, 0);
		between = b > between ? b : between;
	}
	/* what is found at a frame lies some frames before it: it counts for its block and the one before */
	peak = fmax(fmax(l->sample[0], l->sample[1]), fmax(between, fmax(l->between[0], l->between[1])));
	q = peak > l->ceiling ? l->ceiling / peak : 1;
	l->sample[1] = l->sample[0];
	l->between[1] = l->between[0];
	l->sample[0] = sample;
	l->between[0] = between;
	memcpy(l->line + (size_t)l->blocks % l->line_blocks * BLOCK * l->channels, l->in + i * BLOCK * l->channels,
	    BLOCK * l->channels * sizeof *l->line);
	put_block(l, next_gain(l, q)); /* the need of the knot before this block */
	l->blocks++;
}

/* n frames of l->in, a multiple of BLOCK. */
static int
add_chunk(struct limiter *l, size_t n, struct err *e)
{
	if (l->out_have + n > l->out_room) {
		size_t room = 2 * l->out_room > l->out_have + n ? 2 * l->out_room : l->out_have + n, bytes;
		float *p;

		if (size_mul(room, l->channels * sizeof *p, &bytes) || !(p = realloc(l->out, bytes)))
			return no_memory(e);
		l->out = p;
		l->out_room = room;
	}
	for (size_t c = 0; c < l->channels; c++)
		scan_channel(l->in, n, l->channels, c, l->row + c * (OLD + CHUNK) + OLD);
	for (size_t i = 0; i < n / BLOCK; i++)
		add_block(l, i);
	for (size_t c = 0; c < l->channels; c++)
		memmove(l->row + c * (OLD + CHUNK), l->row + c * (OLD + CHUNK) + n, OLD * sizeof *l->row);
	l->have = 0;
	return 0;
}

/* Silence until all is out. */
static int
end_stream(struct limiter *l, struct err *e)
{
	while (l->made < l->fed) {
		size_t n = (l->have + BLOCK - 1) / BLOCK * BLOCK;

		n = n ? n : BLOCK;
		memset(l->in + l->have * l->channels, 0, (n - l->have) * l->channels * sizeof *l->in);
		if (add_chunk(l, n, e))
			return -1;
	}
	return 0;
}

int
limiter_process(struct limiter *l, const float *x, int64_t n, int end, const float **out, int64_t *got, struct err *e)
{
	l->out_have = 0;
	while (n > 0) {
		size_t take = CHUNK - l->have < (size_t)n ? CHUNK - l->have : (size_t)n;

		memcpy(l->in + l->have * l->channels, x, take * l->channels * sizeof *x);
		l->have += take;
		l->fed += (int64_t)take;
		x += take * l->channels;
		n -= (int64_t)take;
		if (l->have == CHUNK && add_chunk(l, CHUNK, e))
			return -1;
	}
	if (end && end_stream(l, e))
		return -1;
	*out = l->out;
	*got = (int64_t)l->out_have;
	return 0;
}

void
limiter_facts(const struct limiter *l, struct limiter_facts *f)
{
	*f = (struct limiter_facts){ l->least < 1 ? -20 * log10(l->least) : 0, l->limited };
}

void
limiter_free(struct limiter *l)
{
	if (!l)
		return;
	mem_free(l->in);
	mem_free(l->row);
	mem_free(l->line);
	mem_free(l->before);
	mem_free(l->need);
	mem_free(l->held);
	mem_free(l->weight);
	free(l->out);
	free(l);
}
