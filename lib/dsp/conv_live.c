/* conv_live.c - the layers of partitions and what falls due when. */
#include "dsp/conv_live.h"
#include "base/mem.h"
#include "dsp/conv_impl.h"
#include "dsp/fft.h"

#include <stdlib.h>
#include <string.h>

enum { TICK = 64, LAYERS = 3 };
/* A layer of partitions of p taps begins p taps into the response and ends where the next one begins. */
static const size_t sizes[LAYERS] = { TICK, 1024, 16384 };

struct layer {
	size_t size, parts;      /* 0 parts: the response ends before */
	struct fft *fft;         /* of 2 * size points */
	size_t now;              /* slot of the newest spectrum */
	size_t at;               /* frames since its last block ended */
	double *x;               /* [ins * parts]: spectra of 2 * size + 2 doubles, a ring for each input */
	double *h;               /* [paths * parts]: of the responses */
	double *sum;             /* [outs]: what earlier blocks give to the block that begins next */
	double *y;               /* [outs * size]: what is heard from the last boundary on */
	double *in;              /* [ins * 2 * size]: the last block and the one that grows */
	double *time, *work;     /* 2 * size, 2 * size + 2 */
};

struct conv_live {
	int ins, outs;
	size_t n_paths;
	struct conv_path *path;  /* h is no longer valid */
	double (*head)[TICK];    /* [paths] */
	struct layer layer[LAYERS];
	size_t at;               /* frames since the last tick */
	double *recent;          /* [ins * 2 * TICK]: the last tick and the one that grows */
	double *tail;            /* [outs * TICK]: of all layers, until the next tick */
};

static int
layer_new(struct layer *y, const struct conv_live *l, const struct conv_path *paths, size_t size, size_t end)
{
	size_t spectrum = 2 * size + 2;
	int lost = 0;

	y->size = size;
	y->parts = end > size ? (end - 1) / size : 0;
	if (!y->parts)
		return 0;
	lost |= !(y->fft = fft_new(2 * size));
	lost |= !(y->x = mem_zalloc((size_t)l->ins * y->parts, spectrum * sizeof *y->x));
	lost |= !(y->h = mem_zalloc(l->n_paths * y->parts, spectrum * sizeof *y->h));
	lost |= !(y->sum = mem_zalloc((size_t)l->outs, spectrum * sizeof *y->sum));
	lost |= !(y->y = mem_zalloc((size_t)l->outs, size * sizeof *y->y));
	lost |= !(y->in = mem_zalloc((size_t)l->ins, 2 * size * sizeof *y->in));
	lost |= !(y->time = mem_zalloc(2 * size, sizeof *y->time));
	lost |= !(y->work = mem_zalloc(spectrum, sizeof *y->work));
	if (lost)
		return -1;
	for (size_t p = 0; p < l->n_paths; p++)
		for (size_t i = 0; i < y->parts; i++) {
			size_t from = (i + 1) * size, n = from + size < end ? size : end - from;

			memset(y->time, 0, 2 * size * sizeof *y->time);
			memcpy(y->time, paths[p].h + from, n * sizeof *y->time);
			fft_real(y->fft, y->time, y->h + (p * y->parts + i) * spectrum);
		}
	return 0;
}

static void
layer_free(struct layer *y)
{
	fft_free(y->fft);
	mem_free(y->x);
	mem_free(y->h);
	mem_free(y->sum);
	mem_free(y->y);
	mem_free(y->in);
	mem_free(y->time);
	mem_free(y->work);
}

int
conv_live_new(struct conv_live **out, int64_t taps, int ins, int outs, const struct conv_path *paths, size_t n_paths,
    struct err *e)
{
	struct conv_live *l;
	size_t n = (size_t)taps;
	int lost = 0;

	*out = NULL;
	if (conv_check(taps, ins, outs, paths, n_paths, e))
		return -1;
	if (!(l = calloc(1, sizeof *l)))
		return err_set(e, ERR_NOMEM, "out of memory");
	l->ins = ins;
	l->outs = outs;
	l->n_paths = n_paths;
	lost |= !(l->path = calloc(n_paths, sizeof *l->path));
	lost |= !(l->head = calloc(n_paths, sizeof *l->head));
	lost |= !(l->recent = mem_zalloc((size_t)ins * 2, TICK * sizeof *l->recent));
	lost |= !(l->tail = mem_zalloc((size_t)outs, TICK * sizeof *l->tail));
	for (size_t p = 0; !lost && p < n_paths; p++) {
		l->path[p] = (struct conv_path){ paths[p].in, paths[p].out, NULL };
		memcpy(l->head[p], paths[p].h, (n < TICK ? n : TICK) * sizeof *paths[p].h);
	}
	for (int i = 0; !lost && i < LAYERS; i++)
		lost |= layer_new(&l->layer[i], l, paths, sizes[i], i + 1 < LAYERS && sizes[i + 1] < n ? sizes[i + 1] : n);
	if (lost) {
		conv_live_free(l);
		return err_set(e, ERR_NOMEM, "out of memory for a response of %lld frames", (long long)taps);
	}
	*out = l;
	return 0;
}

void
conv_live_free(struct conv_live *l)
{
	if (!l)
		return;
	for (int i = 0; i < LAYERS; i++)
		layer_free(&l->layer[i]);
	free(l->path);
	free(l->head);
	mem_free(l->recent);
	mem_free(l->tail);
	free(l);
}

void
conv_live_reset(struct conv_live *l)
{
	for (int i = 0; i < LAYERS; i++) {
		struct layer *y = &l->layer[i];
		size_t spectrum = 2 * y->size + 2;

		if (!y->parts)
			continue;
		y->now = y->at = 0;
		memset(y->x, 0, (size_t)l->ins * y->parts * spectrum * sizeof *y->x);
		memset(y->sum, 0, (size_t)l->outs * spectrum * sizeof *y->sum);
		memset(y->y, 0, (size_t)l->outs * y->size * sizeof *y->y);
		memset(y->in, 0, (size_t)l->ins * 2 * y->size * sizeof *y->in);
	}
	l->at = 0;
	memset(l->recent, 0, (size_t)l->ins * 2 * TICK * sizeof *l->recent);
	memset(l->tail, 0, (size_t)l->outs * TICK * sizeof *l->tail);
}

/* sum += h * x for bins from..to. */
static void
add_product(double *sum, const double *h, const double *x, size_t from, size_t to)
{
	for (size_t k = 2 * from; k < 2 * to; k += 2) {
		sum[k] += h[k] * x[k] - h[k + 1] * x[k + 1];
		sum[k + 1] += h[k] * x[k + 1] + h[k + 1] * x[k];
	}
}

/* The share of this tick in the products with blocks that are there: for the next boundary the newest is one block old. */
static void
share(struct layer *y, const struct conv_live *l)
{
	size_t spectrum = 2 * y->size + 2, ticks = y->size / TICK, tick = y->at / TICK;
	size_t from = (y->size + 1) * tick / ticks, to = (y->size + 1) * (tick + 1) / ticks;

	for (int o = 0; o < l->outs; o++)
		memset(y->sum + (size_t)o * spectrum + 2 * from, 0, 2 * (to - from) * sizeof *y->sum);
	for (size_t p = 0; p < l->n_paths; p++)
		for (size_t i = 1; i < y->parts; i++) {
			size_t slot = (y->now + y->parts + 1 - i) % y->parts;

			add_product(y->sum + (size_t)l->path[p].out * spectrum, y->h + (p * y->parts + i) * spectrum,
			    y->x + ((size_t)l->path[p].in * y->parts + slot) * spectrum, from, to);
		}
}

/* A block of every input is whole. */
static void
boundary(struct layer *y, const struct conv_live *l)
{
	size_t spectrum = 2 * y->size + 2;

	y->now = (y->now + 1) % y->parts;
	for (int i = 0; i < l->ins; i++) {
		double *in = y->in + (size_t)i * 2 * y->size;

		fft_real(y->fft, in, y->x + ((size_t)i * y->parts + y->now) * spectrum);
		memcpy(in, in + y->size, y->size * sizeof *in);
	}
	for (size_t p = 0; p < l->n_paths; p++)
		add_product(y->sum + (size_t)l->path[p].out * spectrum, y->h + p * y->parts * spectrum,
		    y->x + ((size_t)l->path[p].in * y->parts + y->now) * spectrum, 0, y->size + 1);
	for (int o = 0; o < l->outs; o++) {
		fft_real_inverse(y->fft, y->sum + (size_t)o * spectrum, y->time);
		memcpy(y->y + (size_t)o * y->size, y->time + y->size, y->size * sizeof *y->y);
	}
	y->at = 0;
}

/* TICK more frames of every input are there: let the layers work, and sum what they say of the next ones. */
static void
tick(struct conv_live *l)
{
	memset(l->tail, 0, (size_t)l->outs * TICK * sizeof *l->tail);
	for (int n = 0; n < LAYERS && l->layer[n].parts; n++) {
		struct layer *y = &l->layer[n];

		for (int i = 0; i < l->ins; i++)
			memcpy(y->in + (size_t)i * 2 * y->size + y->size + y->at,
			    l->recent + (size_t)i * 2 * TICK + TICK, TICK * sizeof *y->in);
		share(y, l);
		y->at += TICK;
		if (y->at == y->size)
			boundary(y, l);
		for (int o = 0; o < l->outs; o++)
			for (size_t t = 0; t < TICK; t++)
				l->tail[(size_t)o * TICK + t] += y->y[(size_t)o * y->size + y->at + t];
	}
	for (int i = 0; i < l->ins; i++)
		memcpy(l->recent + (size_t)i * 2 * TICK, l->recent + (size_t)i * 2 * TICK + TICK, TICK * sizeof *l->recent);
	l->at = 0;
}

/* n frames, which end no later than the tick: the layers' part, then the paths' first taps, one after the other. */
static void
some(struct conv_live *l, const float *in, size_t n, float *out)
{
	double y[CONV_MAX_CHANNELS][TICK];

	for (int i = 0; i < l->ins; i++)
		for (size_t t = 0; t < n; t++)
			l->recent[(size_t)i * 2 * TICK + TICK + l->at + t] = (double)in[t * (size_t)l->ins + (size_t)i];
	for (int o = 0; o < l->outs; o++)
		memcpy(y[o], l->tail + (size_t)o * TICK + l->at, n * sizeof *l->tail);
	for (size_t p = 0; p < l->n_paths; p++) {
		const double *x = l->recent + (size_t)l->path[p].in * 2 * TICK + TICK + l->at;
		double *to = y[l->path[p].out];

		for (size_t k = 0; k < TICK; k++, x--)
			for (size_t t = 0; t < n; t++)
				to[t] += l->head[p][k] * x[t];
	}
	for (int o = 0; o < l->outs; o++)
		for (size_t t = 0; t < n; t++) /* adding 0 makes -0 into 0 */
			out[t * (size_t)l->outs + (size_t)o] = (float)y[o][t] + 0.0f;
	l->at += n;
}

void
conv_live_process(struct conv_live *l, const float *in, int64_t n, float *out)
{
	while (n > 0) {
		size_t m = TICK - l->at;

		m = (uint64_t)n < m ? (size_t)n : m;
		some(l, in, m, out);
		if (l->at == TICK)
			tick(l);
		in += m * (size_t)l->ins;
		out += m * (size_t)l->outs;
		n -= (int64_t)m;
	}
}
