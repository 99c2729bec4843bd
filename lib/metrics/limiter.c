/* limiter.c - peaks of blocks of 8 frames, and a gain on the knots between them.
 *
 * Knot j is the start of block j.  Its need is the gain that the blocks on both its sides allow, so that a straight line
 * between two knots is allowed too.  Then, as for any limiter that looks ahead: the least need of the knots j .. j + ahead, let go
 * slowly, averaged over the knots j - ahead .. j.  Each of those averaged has seen the need of knot j. */
#include "metrics/limiter.h"
#include "base/mem.h"
#include "base/scan.h"
#include "metrics/truepeak_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = TRUEPEAK_BLOCK, CHUNK_BLOCKS = 128, CHUNK = CHUNK_BLOCKS * BLOCK };
enum { OLD = TRUEPEAK_TAPS_2, OLD_BLOCKS = OLD / BLOCK, NEAR = 2 }; /* blocks before one that its peak, a knot's need is of */

/* What came before a chunk stays in front of it in each array. */
struct limiter {
	size_t channels, ahead;      /* ahead: knots */
	double ceiling, release;     /* release: of what is missing to 1, how much comes back in a block */
	struct truepeak_filter f;
	truepeak_blocks_fn *fn;
	double most;                 /* the largest gain of the filter */
	float *in;                   /* frames, interleaved: late blocks that are not out yet, and a chunk being filled */
	size_t late, have;           /* late: blocks; have: frames of the chunk */
	float *row, *peak;           /* a row for each channel: OLD frames and a chunk; the peaks of OLD_BLOCKS and of a chunk */
	double *sample, *between;    /* peaks of blocks, of all channels; NEAR before */
	double *between_one;         /* of one channel, of a chunk */
	double *need, *missing;      /* knots; ahead before; missing: what is held, from 1 down */
	double *weight;              /* ahead + 1, of the average */
	double least_need;           /* of the last ahead + 1 knots */
	size_t least_age, still;     /* still: knots since something was needed or held */
	double last_held, last_gain;
	double *ramp;                /* of each sample of a block: how far it is on the way from knot to knot */
	int64_t blocks, fed, made;   /* blocks that came in; frames */
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

static int
take_memory(struct limiter *l)
{
	size_t ch = l->channels, knots = l->ahead + CHUNK_BLOCKS;

	return !(l->in = mem_zalloc((l->late * BLOCK + CHUNK) * ch, sizeof *l->in)) ||
	    !(l->row = mem_zalloc((OLD + CHUNK) * ch, sizeof *l->row)) ||
	    !(l->peak = mem_zalloc((OLD_BLOCKS + CHUNK_BLOCKS) * ch, sizeof *l->peak)) ||
	    !(l->sample = mem_zalloc(NEAR + CHUNK_BLOCKS, sizeof *l->sample)) ||
	    !(l->between = mem_zalloc(NEAR + CHUNK_BLOCKS, sizeof *l->between)) ||
	    !(l->between_one = mem_zalloc(CHUNK_BLOCKS, sizeof *l->between_one)) ||
	    !(l->need = mem_zalloc(knots, sizeof *l->need)) || !(l->missing = mem_zalloc(knots, sizeof *l->missing)) ||
	    !(l->weight = mem_zalloc(l->ahead + 1, sizeof *l->weight)) || !(l->ramp = mem_zalloc(BLOCK * ch, sizeof *l->ramp));
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
	l->late = l->ahead + 2;
	l->release = 1 - exp(-BLOCK / (LIMITER_RELEASE_MS / 1000 * rate_hz));
	l->most = truepeak_design(&l->f, rate_hz);
	l->fn = truepeak_choose_blocks();
	if (take_memory(l)) {
		limiter_free(l);
		*out = NULL;
		return no_memory(e);
	}
	for (size_t k = 0; k <= l->ahead; k++) {
		l->weight[k] = 1 - cos(2 * M_PI * (double)(k + 1) / (double)(l->ahead + 2));
		sum += l->weight[k];
	}
	for (size_t k = 0; k <= l->ahead; k++)
		l->weight[k] /= sum;
	for (size_t k = 0; k < l->ahead; k++)
		l->need[k] = 1;
	for (size_t k = 0; k < BLOCK * l->channels; k++)
		l->ramp[k] = (double)(k / l->channels) / BLOCK;
	l->last_held = l->last_gain = l->least = l->least_need = 1;
	return 0;
}

/* ---- the needs ---- */

static double
larger(double a, double b)
{
	return a > b ? a : b;
}

/* The peaks of n blocks of a channel, whose row is made, into those of all channels. */
static void
channel_peaks(struct limiter *l, size_t c, size_t n)
{
	const float *x = l->row + c * (OLD + CHUNK) + OLD;
	float *own = l->peak + c * (OLD_BLOCKS + CHUNK_BLOCKS) + OLD_BLOCKS;
	double *sample = l->sample + NEAR, *between = l->between + NEAR;
	size_t from = 0;                /* of the blocks that may have something between their samples */

	for (size_t i = 0; i < n; i++) {
		const float *b = x + i * BLOCK;
		float most[BLOCK / 2], peak;

		for (size_t k = 0; k < BLOCK / 2; k++) {
			float a = fabsf(b[k]), d = fabsf(b[k + BLOCK / 2]);

			most[k] = a > d ? a : d;
		}
		most[0] = most[0] > most[2] ? most[0] : most[2];
		most[1] = most[1] > most[3] ? most[1] : most[3];
		peak = most[0] > most[1] ? most[0] : most[1];
		own[i] = peak;
		sample[i] = (double)peak > sample[i] ? (double)peak : sample[i];
	}
	for (size_t i = 0; l->f.phases && i <= n; i++) {
		const float *p = own + i;
		float around = 0, loudest;

		for (size_t k = 0; i < n && k <= OLD_BLOCKS; k++)
			around = *(p - k) > around ? *(p - k) : around;
		if ((double)around * l->most > l->ceiling)
			continue;
		if (from < i) {
			loudest = scan_peak(own + from - OLD_BLOCKS, i - from + OLD_BLOCKS);
			l->fn(x + from * BLOCK, i - from, &l->f, l->ceiling, truepeak_doubt((double)loudest * l->most), l->between_one);
			for (size_t k = from; k < i; k++)
				between[k] = l->between_one[k - from] > between[k] ? l->between_one[k - from] : between[k];
		}
		from = i + 1;
	}
	memmove(own - OLD_BLOCKS, own + n - OLD_BLOCKS, OLD_BLOCKS * sizeof *own);
	memmove(l->row + c * (OLD + CHUNK), x + n * BLOCK - OLD, OLD * sizeof *x);
}

/* Of the knots before n blocks that came in. */
static void
find_needs(struct limiter *l, size_t n)
{
	double *s = l->sample + NEAR, *b = l->between + NEAR;

	memset(s, 0, n * sizeof *s);
	memset(b, 0, n * sizeof *b);
	for (size_t c = 0; c < l->channels; c++) {
		scan_channel(l->in + l->late * BLOCK * l->channels, n * BLOCK, l->channels, c, l->row + c * (OLD + CHUNK) + OLD);
		channel_peaks(l, c, n);
	}
	for (size_t i = 0; i < n; i++) {
		/* what is found at a frame lies some frames before it: it counts for its block and the one before */
		double peak = larger(larger(s[i - 1], s[i - 2]), larger(b[i], larger(b[i - 1], b[i - 2])));

		l->need[l->ahead + i] = peak > l->ceiling ? l->ceiling / peak : 1;
	}
	memmove(l->sample, l->sample + n, NEAR * sizeof *s);
	memmove(l->between, l->between + n, NEAR * sizeof *b);
}

/* ---- the gains ---- */

/* The least of the ahead + 1 needs from need on, of which the last is new. */
static double
least_need(struct limiter *l, const double *need)
{
	if (need[l->ahead] <= l->least_need) {
		l->least_need = need[l->ahead];
		l->least_age = 0;
	} else if (++l->least_age > l->ahead) {
		l->least_need = 1;
		for (size_t k = 0; k <= l->ahead; k++)
			if (need[k] <= l->least_need) {
				l->least_need = need[k];
				l->least_age = l->ahead - k;
			}
	}
	return l->least_need;
}

/* 1 less their average; in four parts, because one addition need not wait for the other. */
static double
average(const double *missing, const double *weight, size_t n)
{
	double part[4] = { 0 };
	size_t k = 0;

	for (; k + 4 <= n; k += 4)
		for (size_t i = 0; i < 4; i++)
			part[i] += weight[k + i] * missing[k + i];
	for (; k < n; k++)
		part[0] += weight[k] * missing[k];
	return 1 - ((part[0] + part[1]) + (part[2] + part[3]));
}

/* The gain at the knot `ahead` before knot i of the chunk. */
static double
next_gain(struct limiter *l, size_t i)
{
	double *missing = l->missing + l->ahead + i, least = least_need(l, l->need + i);

	*missing = 0;
	if (l->still > 2 * l->ahead && least == 1)
		return 1;
	l->last_held += (1 - l->last_held) * l->release;
	if (l->last_held > 1 - 1e-6)
		l->last_held = 1; /* it has to end somewhere: this is a hundred thousandth of a dB */
	l->last_held = least < l->last_held ? least : l->last_held;
	*missing = 1 - l->last_held;
	l->still = least == 1 && l->last_held == 1 ? l->still + 1 : 0;
	return average(missing - l->ahead, l->weight, l->ahead + 1); /* the weights are the same from both ends */
}

/* The oldest block, x, out, with the gain going from the last one to `gain`. */
static void
put_block(struct limiter *l, const float *x, double gain)
{
	int64_t left = l->fed - l->made;
	size_t n = left < BLOCK ? (size_t)left : BLOCK, ch = l->channels;
	float *y = l->out + l->out_have * ch;
	double last = l->last_gain, step = gain - last;

	l->last_gain = gain;
	if (l->blocks < (int64_t)l->late || left <= 0)
		return;
	if (gain == 1 && last == 1) {
		memcpy(y, x, n * ch * sizeof *y);
	} else {
		for (size_t i = 0; i < BLOCK * ch; i += BLOCK) /* also what is after the end: there is room */
			for (size_t k = i; k < i + BLOCK; k++)
				y[k] = (float)((double)x[k] * (last + step * l->ramp[k]));
		l->least = fmin(l->least, fmin(last, last + step * l->ramp[(n - 1) * ch]));
		l->limited += (int64_t)n;
	}
	l->out_have += n;
	l->made += (int64_t)n;
}

/* n frames of the chunk, a multiple of BLOCK. */
static int
add_chunk(struct limiter *l, size_t n, struct err *e)
{
	size_t ch = l->channels, blocks = n / BLOCK;

	if (l->out_have + n > l->out_room) {
		size_t room = 2 * l->out_room > l->out_have + n ? 2 * l->out_room : l->out_have + n, bytes;
		float *p;

		if (size_mul(room, ch * sizeof *p, &bytes) || !(p = realloc(l->out, bytes)))
			return no_memory(e);
		l->out = p;
		l->out_room = room;
	}
	find_needs(l, blocks);
	for (size_t i = 0; i < blocks; i++, l->blocks++)
		put_block(l, l->in + i * BLOCK * ch, next_gain(l, i));
	memmove(l->need, l->need + blocks, l->ahead * sizeof *l->need);
	memmove(l->missing, l->missing + blocks, l->ahead * sizeof *l->missing);
	memmove(l->in, l->in + n * ch, l->late * BLOCK * ch * sizeof *l->in);
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
		memset(l->in + (l->late * BLOCK + l->have) * l->channels, 0, (n - l->have) * l->channels * sizeof *l->in);
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

		memcpy(l->in + (l->late * BLOCK + l->have) * l->channels, x, take * l->channels * sizeof *x);
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
	mem_free(l->peak);
	mem_free(l->sample);
	mem_free(l->between);
	mem_free(l->between_one);
	mem_free(l->need);
	mem_free(l->missing);
	mem_free(l->weight);
	mem_free(l->ramp);
	free(l->out);
	free(l);
}
