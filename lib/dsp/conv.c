/* conv.c - the grid of blocks, the spectra of responses, and buffering. */
#include "dsp/conv.h"
#include "base/isa.h"
#include "base/mem.h"
#include "dsp/conv_impl.h"

#include <stdlib.h>
#include <string.h>

enum { TWO_MOST = 1 << 20 }; /* points of transforms of all channels for which two batches are kept */

struct path { int in, out; size_t spectrum; };

struct conv_ir {
	struct conv_plan *plan;
	size_t hop, parts;       /* frames from one block to the next; partitions, each of 2 * hop taps */
	int64_t taps;
	int ins, outs;
	struct path *path;       /* by output */
	size_t n_paths, n_spectra;
	double **h;              /* [spectrum * parts + part]: a spectrum */
};

/* Two batches are there at a time where a transform leads straight from input to output: the second one's first stages
 * are done with the last ones of the first.  It is one where spectra of the signal are kept, because one is used more than once, or
 * memory is short. */
struct conv {
	const struct conv_ir *ir;
	conv_fn *fn;
	int shared;              /* spectra are kept */
	int slots, slot;         /* batches there is room for, and which of them is being filled */
	int waiting;             /* the other one is full */
	int begun;               /* and the first stages of its first path are in z */
	size_t batch, fill;      /* frames of a batch, and of them that are there */
	size_t now;              /* shared: slot of x of the last batch */
	int64_t in_frames, out_frames;
	double *z;
	const float *ahead;      /* as in struct conv_job */
	size_t ahead_lines;
	float *in[CONV_MAX_CHANNELS][2]; /* overlap, then the batch */
	double *x[CONV_MAX_CHANNELS];    /* shared: the last `parts` spectra of each input, a ring */
	unsigned char *sound[CONV_MAX_CHANNELS]; /* of each slot (shared: of x): bit b is set when block b was not silent */
	const double **terms;    /* room for spectra of the responses, then of the signal */
	float *plane, *out;      /* one channel, batch * outs; NULL: the place of what went in */
};

static conv_fn *
kernel(enum isa isa)
{
	switch (isa) {
#if defined __x86_64__
	case ISA_AVX512:
		return conv_avx512;
	case ISA_AVX2:
		return conv_avx2;
#elif defined __aarch64__
	case ISA_NEON:
		return conv_neon;
#endif
	default:
		return conv_generic;
	}
}

const char *
conv_isa(void)
{
	return isa_name(isa_choose());
}

/* Up to how many points two stages at once are faster.  Beyond, their many short rows are far apart, and what prefetches does not
 * follow.  Short vectors gain less. */
static size_t
two_stages_most(void)
{
	return (size_t)1 << (isa_choose() == ISA_AVX512 ? 18 : 16);
}

/* The grid of blocks, from the length of the response alone: this is what fixes the
 * bits of the result, so a change here is a change of every hash.  The sizes are the fastest of those measured with
 * tests/bench/bench_conv, where memory allows.  One transform with the whole response is always faster than partitions, but of
 * n points takes 50 bytes for each and gives 12 back for each tap (n - taps are the hop); what may be taken is 64 MB
 * and 48 bytes for each tap, with 8 MB for all else.  Partitions are of two hops, because a pair of blocks is two hops
 * long and spectra of earlier pairs serve again. */
static size_t
grid(struct conv_ir *ir)
{
	const size_t taps = (size_t)ir->taps, wide = (size_t)1 << 19, others = 56000000;
	size_t n = 4096;

	ir->parts = 1;
	if (taps <= wide)
		while (n < (n < 32768 ? 5 : 4) * taps && (n < wide || n < 2 * taps))
			n *= 2;
	while (n < taps + taps / 4)
		n *= 2;
	if (n > 2 * wide && 50 * n > others + 60 * taps) {
		ir->hop = (wide / 3) & ~(size_t)7;
		ir->parts = (taps + 2 * ir->hop - 1) / (2 * ir->hop);
		return wide;
	}
	ir->hop = (n - taps + 1) & ~(size_t)7;
	return n;
}

/* The place of point i of a spectrum; dsp/conv_impl.h says why. */
static double *
point(double *x, size_t i)
{
	return x + (i >> 6 << 7 | (i & 7) << 4 | (i >> 3 & 7));
}

/* From the spectrum of a + i b, both real, to that of scale (a + b). */
static void
add_parts(double *x, size_t n, double scale)
{
	double *p = point(x, 0);

	p[0] = scale * (p[0] + p[8]);
	p[8] = 0;
	for (size_t from = 1; from < n; from *= 2)
		for (size_t i = from; 2 * i < 3 * from || i == 1; i++) {
			double *q = point(x, 3 * from - 1 - i), re, im;

			p = point(x, i);
			re = 0.5 * scale * (p[0] + q[0] + (p[8] + q[8]));
			im = 0.5 * scale * (p[8] - q[8] - (p[0] - q[0]));
			p[0] = q[0] = re;
			p[8] = im;
			q[8] = -im;
		}
}

/* The tiles that are kept. */
static double *
keep(const double *x, size_t n)
{
	const size_t tile = 128;
	double *to = mem_zalloc(n / 128 + 1, tile * sizeof *to);

	for (size_t b = 0; to && b < n / 64; b++)
		if (!conv_mirrored(b))
			memcpy(to + tile * conv_kept(b), x + tile * b, tile * sizeof *to);
	return to;
}

/* The spectrum of n taps from h on, zeros after them; z is scratch.  The transform takes floats: a double goes in as two, as a
 * real and an imaginary part, and what their sum leaves out is below 2^-48 of it. */
static double *
spectrum(const struct conv_plan *plan, const double *h, size_t n, double *z)
{
	float *hi = mem_zalloc(plan->n, sizeof *hi), *lo = mem_zalloc(plan->n, sizeof *lo);
	struct conv_job j = { .plan = plan, .z = z, .in = { hi, lo }, .x = z };
	int lost = !hi || !lo;

	for (size_t i = 0; i < n && !lost; i++) {
		hi[i] = (float)h[i];
		lo[i] = (float)(h[i] - (double)hi[i]);
	}
	if (!lost)
		kernel(isa_choose())(&j);
	mem_free(hi);
	mem_free(lo);
	if (lost)
		return NULL;
	add_parts(z, plan->n, 1.0 / (double)plan->n); /* a power of two: exact */
	return keep(z, plan->n);
}

/* Spectra of one response. */
static int
spectra(struct conv_ir *ir, const double *h, double **to)
{
	size_t taps = (size_t)ir->taps, part = ir->parts > 1 ? 2 * ir->hop : taps;
	double *z = mem_zalloc(conv_plan_room(ir->plan), sizeof *z);
	int lost = !z;

	for (size_t p = 0, at = 0; p < ir->parts && !lost; p++, at += part)
		lost |= !(to[p] = spectrum(ir->plan, h + at, taps - at < part ? taps - at : part, z));
	mem_free(z);
	return lost ? -1 : 0;
}

int
conv_check(int64_t taps, int ins, int outs, const struct conv_path *paths, size_t n, struct err *e)
{
	char has[CONV_MAX_CHANNELS] = { 0 };
	int fit = ins >= 1 && ins <= CONV_MAX_CHANNELS && outs >= 1 && outs <= CONV_MAX_CHANNELS;

	for (size_t i = 0; i < n && fit; i++) {
		fit = paths[i].in >= 0 && paths[i].in < ins && paths[i].out >= 0 && paths[i].out < outs;
		if (fit)
			has[paths[i].out] = 1;
	}
	for (int o = 0; o < outs && fit; o++)
		fit = has[o];
	if (taps < 1 || taps > CONV_MAX_TAPS || !fit)
		return err_set(e, ERR_UNSUPPORTED, "a response of %lld frames from %d to %d channels: 1..%d "
		    "frames and 1..%d channels can be convolved", (long long)taps, ins, outs, (int)CONV_MAX_TAPS,
		    (int)CONV_MAX_CHANNELS);
	return 0;
}

/* The paths by output, and the spectrum of each. */
static int
set_paths(struct conv_ir *ir, const struct conv_path *paths, size_t n)
{
	const double **seen = calloc(n, sizeof *seen);

	ir->path = calloc(n, sizeof *ir->path);
	ir->h = calloc(n, ir->parts * sizeof *ir->h);
	if (!seen || !ir->path || !ir->h) {
		free(seen);
		return -1;
	}
	for (int o = 0; o < ir->outs; o++)
		for (size_t i = 0; i < n; i++) {
			size_t s = 0;

			if (paths[i].out != o)
				continue;
			while (s < ir->n_spectra && seen[s] != paths[i].h)
				s++;
			if (s == ir->n_spectra) {
				seen[ir->n_spectra++] = paths[i].h;
				if (spectra(ir, paths[i].h, ir->h + s * ir->parts)) {
					free(seen);
					return -1;
				}
			}
			ir->path[ir->n_paths++] = (struct path){ paths[i].in, o, s };
		}
	free(seen);
	return 0;
}

int
conv_ir_new(struct conv_ir **out, int64_t taps, int ins, int outs, const struct conv_path *paths, size_t n_paths,
    struct err *e)
{
	struct conv_ir *ir;
	size_t n;

	*out = NULL;
	if (conv_check(taps, ins, outs, paths, n_paths, e))
		return -1;
	if (!(ir = calloc(1, sizeof *ir)))
		return err_set(e, ERR_NOMEM, "out of memory");
	ir->taps = taps;
	ir->ins = ins;
	ir->outs = outs;
	n = grid(ir);
	ir->plan = conv_plan_new(n, n <= two_stages_most());
	if (!ir->plan || set_paths(ir, paths, n_paths)) {
		conv_ir_free(ir);
		return err_set(e, ERR_NOMEM, "out of memory for a response of %lld frames", (long long)taps);
	}
	*out = ir;
	return 0;
}

void
conv_ir_free(struct conv_ir *ir)
{
	if (!ir)
		return;
	for (size_t i = 0; ir->h && i < ir->n_spectra * ir->parts; i++)
		mem_free(ir->h[i]);
	free(ir->h);
	free(ir->path);
	conv_plan_free(ir->plan);
	free(ir);
}

/* Whether the spectrum of a batch is used more than once. */
static int
uses_twice(const struct conv_ir *ir)
{
	return ir->parts > 1 || ir->n_paths > (size_t)ir->outs;
}

int
conv_new(struct conv **out, const struct conv_ir *ir, struct err *e)
{
	size_t n = ir->plan->n;
	struct conv *c;
	int lost = 0;

	*out = NULL;
	if (!(c = calloc(1, sizeof *c)))
		return err_set(e, ERR_NOMEM, "out of memory");
	c->ir = ir;
	c->fn = kernel(isa_choose());
	c->shared = uses_twice(ir);
	c->slots = c->shared || n * (size_t)ir->ins > TWO_MOST ? 1 : 2;
	c->batch = 2 * ir->hop;
	lost |= !(c->z = mem_zalloc(conv_plan_room(ir->plan), sizeof *c->z));
	lost |= !(c->terms = calloc(2 * ir->n_paths, ir->parts * sizeof *c->terms));
	if (ir->n_paths > 1 || c->slots == 1)
		lost |= !(c->plane = mem_zalloc(c->batch, sizeof *c->plane));
	if (ir->outs > 1)
		lost |= !(c->out = mem_zalloc(c->batch, (size_t)ir->outs * sizeof *c->out));
	for (int i = 0; i < ir->ins; i++) {
		for (int s = 0; s < c->slots; s++)
			lost |= !(c->in[i][s] = mem_zalloc(n - ir->hop + c->batch, sizeof *c->in[i][s]));
		lost |= !(c->sound[i] = calloc(ir->parts + 1, 1));
		if (c->shared)
			lost |= !(c->x[i] = mem_zalloc(n, 2 * ir->parts * sizeof *c->x[i]));
	}
	if (lost) {
		conv_free(c);
		return err_set(e, ERR_NOMEM, "out of memory for a response of %lld frames on %d channels",
		    (long long)ir->taps, ir->ins);
	}
	*out = c;
	return 0;
}

void
conv_free(struct conv *c)
{
	if (!c)
		return;
	for (int i = 0; i < CONV_MAX_CHANNELS; i++) {
		mem_free(c->in[i][0]);
		mem_free(c->in[i][1]);
		mem_free(c->x[i]);
		free(c->sound[i]);
	}
	mem_free(c->out);
	mem_free(c->plane);
	free(c->terms);
	mem_free(c->z);
	free(c);
}

int64_t
conv_batch_frames(const struct conv *c)
{
	return (int64_t)c->batch;
}

static unsigned char
sounds(const float *x, size_t n)
{
	for (size_t t = 0; t < n; t++)
		if (x[t] != 0)
			return 1;
	return 0;
}

/* What there is to know of one input in the batch that has become full: which of its blocks sound and, shared, their spectrum. */
static void
listen(struct conv *c, int i)
{
	const struct conv_ir *ir = c->ir;
	size_t n = ir->plan->n, at = c->shared ? c->now : (size_t)c->slot;
	const float *in = c->in[i][c->slot];
	unsigned sound = sounds(in, n) | (unsigned)sounds(in + ir->hop, n) << 1;

	c->sound[i][at] = (unsigned char)sound;
	if (c->shared && sound) {
		struct conv_job j = { .plan = ir->plan, .z = c->z, .in = { in, in + ir->hop }, .x = c->x[i] + at * n * 2 };

		c->fn(&j);
	}
}

/* The blocks of path p in a slot, and whether they sound. */
static unsigned
blocks(const struct conv *c, const struct path *p, int slot, const float *in[2])
{
	in[0] = c->in[p->in][slot];
	in[1] = in[0] + c->ir->hop;
	return c->sound[p->in][slot];
}

/* All there is of the paths p to end, which lead to one channel. */
static unsigned
gather(const struct conv *c, struct conv_job *j, const struct path *p, const struct path *end)
{
	const struct conv_ir *ir = c->ir;
	size_t n = ir->plan->n, most = ir->n_paths * ir->parts;
	unsigned sound = 0;

	j->xs = c->terms + most;
	for (; p < end; p++)
		for (size_t q = 0; q < ir->parts; q++) {
			size_t at = (c->now + ir->parts - q) % ir->parts;

			if (!c->sound[p->in][at])
				continue;
			sound |= c->sound[p->in][at];
			c->terms[j->terms] = ir->h[p->spectrum * ir->parts + q];
			c->terms[most + j->terms] = c->x[p->in] + at * n * 2;
			j->terms++;
		}
	return sound;
}

/* Output of the paths p to end, all to one channel, from the batch in `slot`, to `to`. */
static void
speak(struct conv *c, const struct path *p, const struct path *end, int slot, float *to)
{
	const struct conv_ir *ir = c->ir;
	const struct path *last = ir->path + ir->n_paths;
	struct conv_job j = { .plan = ir->plan, .z = c->z, .h = c->terms, .out = { to, to + ir->hop },
		.skip = ir->plan->n - ir->hop, .ahead = c->ahead, .ahead_lines = c->ahead_lines };
	unsigned sound;

	if (c->shared) {
		sound = gather(c, &j, p, end);
	} else {
		c->terms[0] = ir->h[p->spectrum];
		j.terms = 1;
		sound = blocks(c, p, slot, j.in);
		/* the next path of this batch, or the first one of the next */
		if ((end == last && c->slots == 1) ||
		    !blocks(c, end < last ? end : ir->path, end < last ? slot : !slot, j.next))
			j.next[0] = NULL;
	}
	if (sound) {
		j.begun = c->begun;
		c->fn(&j);
		c->begun = j.next[0] != NULL;
	}
	/* what leaks from one block into the other is far below the rounding, but silence is silence */
	for (size_t b = 0; b < 2; b++)
		if (!(sound >> b & 1))
			memset(to + b * ir->hop, 0, ir->hop * sizeof *to);
}

/* Convolve the batch in `slot`.  Returns where its output is. */
static const float *
work(struct conv *c, int slot)
{
	const struct conv_ir *ir = c->ir;
	const struct path *p = ir->path, *end = p + ir->n_paths, *next;
	/* a single path has read all of a batch before it writes, and nobody needs it afterwards */
	float *plane = c->plane ? c->plane : c->in[p->in][slot] + (ir->plan->n - ir->hop);

	for (; p < end; p = next) {
		for (next = p; next < end && next->out == p->out; next++)
			;
		speak(c, p, next, slot, plane);
		for (size_t t = 0; c->out && t < c->batch; t++)
			c->out[t * (size_t)ir->outs + (size_t)p->out] = plane[t];
	}
	return c->out ? c->out : plane;
}

/* A batch is full.  Returns the output of the one before it or, with one slot, its own; NULL when there is none yet. */
static const float *
turn(struct conv *c)
{
	const struct conv_ir *ir = c->ir;
	size_t over = ir->plan->n - ir->hop;
	const float *out = NULL;
	int other = c->slots > 1 ? !c->slot : c->slot;

	for (int i = 0; i < ir->ins; i++)
		listen(c, i);
	if (c->slots == 1 || c->waiting)
		out = work(c, other);
	c->waiting = 1;
	for (int i = 0; i < ir->ins; i++)
		memmove(c->in[i][other], c->in[i][c->slot] + c->batch, over * sizeof *c->in[i][other]);
	c->slot = other;
	c->now = (c->now + 1) % ir->parts;
	c->fill = 0;
	return out;
}

float *
conv_space(struct conv *c, int64_t *room)
{
	*room = (int64_t)(c->batch - c->fill);
	return c->ir->ins == 1 ? c->in[0][c->slot] + (c->ir->plan->n - c->ir->hop) + c->fill : NULL;
}

int64_t
conv_process(struct conv *c, const float *in, int64_t n, const float **out, int64_t *got)
{
	size_t step = (size_t)c->ir->ins, room = c->batch - c->fill;
	size_t take = (uint64_t)n < room ? (size_t)n : room;
	const float *y = NULL;

	for (size_t i = 0; i < step; i++) {
		float *to = c->in[i][c->slot] + (c->ir->plan->n - c->ir->hop) + c->fill;

		if (step == 1 && in != to)
			memcpy(to, in, take * sizeof *to);
		for (size_t t = 0; step > 1 && t < take; t++)
			to[t] = in[t * step + i];
	}
	c->fill += take;
	c->in_frames += (int64_t)take;
	if (c->fill == c->batch) {
		size_t lines = c->batch * step * sizeof *in / 64, tiles = c->ir->plan->n / 64;

		c->ahead = in + take * step;
		c->ahead_lines = (size_t)n - take >= c->batch ? lines / tiles + 1 : 0;
		y = turn(c);
		c->ahead_lines = 0;
	}
	*out = y ? y : c->in[0][0]; /* a pointer that may be passed on with a count of 0 */
	*got = y ? (int64_t)c->batch : 0;
	c->out_frames += *got;
	return (int64_t)take;
}

void
conv_flush(struct conv *c, const float **out, int64_t *got)
{
	int64_t left = c->in_frames ? c->in_frames + c->ir->taps - 1 - c->out_frames : 0;

	const float *y = NULL;

	while (left > 0 && !y) {
		for (int i = 0; i < c->ir->ins; i++)
			memset(c->in[i][c->slot] + (c->ir->plan->n - c->ir->hop) + c->fill, 0,
			    (c->batch - c->fill) * sizeof *c->in[i][c->slot]);
		y = turn(c);
	}
	*out = y ? y : c->in[0][0];
	*got = left < (int64_t)c->batch ? left > 0 ? left : 0 : (int64_t)c->batch;
	c->out_frames += *got;
}

int
conv_pieces(const struct conv_ir *ir, struct conv_piece *p)
{
	size_t n = ir->plan->n, in = (size_t)ir->ins * 2 * (n + ir->hop) * sizeof(float);

	p->lead = (int64_t)(n - ir->hop);
	p->frames = 2 * (int64_t)ir->hop;
	p->bytes = (conv_plan_room(ir->plan) + (uses_twice(ir) ? (size_t)ir->ins * 2 * n : 0)) * sizeof(double) + in +
	    (size_t)(ir->outs + 1) * 2 * ir->hop * sizeof(float);
	return ir->parts > 1 ? -1 : 0;
}

const float *
conv_piece(struct conv *c, const float *in)
{
	size_t step = (size_t)c->ir->ins, n = c->ir->plan->n - c->ir->hop + c->batch;

	if (step == 1)
		memcpy(c->in[0][0], in, n * sizeof *in);
	for (size_t i = 0; step > 1 && i < step; i++)
		for (size_t t = 0; t < n; t++)
			c->in[i][0][t] = in[t * step + i];
	for (int i = 0; i < c->ir->ins; i++)
		listen(c, i);
	return work(c, 0);
}
