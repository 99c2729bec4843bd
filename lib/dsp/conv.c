/* conv.c - the grid of blocks, the spectra of a response, and buffering. */
#include "dsp/conv.h"
#include "base/isa.h"
#include "base/mem.h"
#include "dsp/conv_impl.h"
#include "dsp/fft.h"

#include <stdlib.h>
#include <string.h>

struct conv_ir {
	struct fft *fft;
	size_t n, hop, parts;
	int64_t taps;
	int channels;
	double *h[CONV_MAX_CHANNELS]; /* as struct conv_job's h */
};

struct conv {
	const struct conv_ir *ir;
	conv_fn *fn;
	int in_channels, out_channels;
	size_t batch, fill;  /* frames of a batch, and of them that are there */
	int64_t in_frames, out_frames;
	double *z;
	float *in[CONV_MAX_CHANNELS];    /* overlap, then the batch */
	double *past[CONV_MAX_CHANNELS]; /* by output channel; NULL with one partition */
	float *out;                      /* batch * out_channels */
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

/* The grid of blocks, from the length of the response alone: this is what fixes the
 * bits of the result, so a change here is a change of every hash.  The sizes are the fastest of
 * those measured with tests/bench/bench_conv: a transform of four times the response spends little
 * on overlap, and past 2^16 points, where eight lanes outgrow the caches, partitions are cheaper. */
static void
grid(struct conv_ir *ir)
{
	size_t taps = (size_t)ir->taps, n = 4096;

	if (taps <= 16384) {
		while (n < 4 * taps)
			n *= 2;
		ir->parts = 1;
		ir->hop = (n - taps + 1) & ~(size_t)7;
	} else {
		n = taps <= 1 << 18 ? 65536 : taps <= 1 << 20 ? 131072 : 262144;
		ir->hop = n / 2;
		ir->parts = (taps + ir->hop - 1) / ir->hop;
	}
	ir->n = n;
}

/* Spectra of one channel of h, in the order in which the product wants them. */
static int
spectra(struct conv_ir *ir, int channel, const float *h, double wet, double dry)
{
	size_t n = ir->n, parts = ir->parts, step = (size_t)ir->channels;
	size_t part = parts > 1 ? ir->hop : (size_t)ir->taps;
	double *x = mem_zalloc(n, sizeof *x), *b = mem_zalloc(n + 2, sizeof *b);
	double *to = mem_zalloc((n / 4 + 1) * 4, parts * sizeof *to);
	double scale = 0.5 / (double)n; /* a power of two: exact */

	ir->h[channel] = to;
	if (!x || !b || !to) {
		mem_free(x);
		mem_free(b);
		return -1;
	}
	for (size_t p = 0; p < parts; p++) {
		for (size_t i = 0; i < n; i++) {
			size_t t = p * part + i;

			x[i] = 0;
			if (i < part && t < (size_t)ir->taps)
				x[i] = wet * (double)h[t * step + (size_t)channel] + (t ? 0 : dry);
		}
		fft_real(ir->fft, x, b);
		for (size_t k = 0; k <= n / 4; k++) {
			double *g = to + (k * parts + p) * 4;

			g[0] = scale * b[2 * k];
			g[1] = scale * b[2 * k + 1];
			g[2] = scale * b[n - 2 * k];
			g[3] = scale * b[n - 2 * k + 1];
		}
	}
	mem_free(x);
	mem_free(b);
	return 0;
}

int
conv_ir_new(struct conv_ir **out, const float *h, int64_t taps, int channels,
    double wet, double dry, struct err *e)
{
	struct conv_ir *ir;

	*out = NULL;
	if (taps < 1 || taps > CONV_MAX_TAPS || channels < 1 || channels > CONV_MAX_CHANNELS)
		return err_set(e, ERR_UNSUPPORTED, "a response of %lld frames and %d channels: 1..%d "
		    "frames and 1..%d channels can be convolved", (long long)taps, channels,
		    (int)CONV_MAX_TAPS, (int)CONV_MAX_CHANNELS);
	if (!(ir = calloc(1, sizeof *ir)))
		return err_set(e, ERR_NOMEM, "out of memory");
	ir->taps = taps;
	ir->channels = channels;
	grid(ir);
	ir->fft = fft_new(ir->n);
	for (int c = 0; ir->fft && c < channels; c++)
		if (spectra(ir, c, h, wet, dry))
			break;
	if (!ir->fft || !ir->h[channels - 1]) {
		conv_ir_free(ir);
		return err_set(e, ERR_NOMEM, "out of memory for a response of %lld frames",
		    (long long)taps);
	}
	*out = ir;
	return 0;
}

void
conv_ir_free(struct conv_ir *ir)
{
	if (!ir)
		return;
	for (int c = 0; c < CONV_MAX_CHANNELS; c++)
		mem_free(ir->h[c]);
	fft_free(ir->fft);
	free(ir);
}

double
conv_flops(const struct conv_ir *ir)
{
	double m = (double)(ir->n / 2), block = 0;

	for (size_t s = ir->n / 2; s >= 2; s /= 4)      /* both transforms */
		block += 2 * (s >= 4 ? 34 * m / 4 : 4 * m / 2);
	/* take apart, multiply and sum, put together; for each pair of bins */
	block += (m / 2 + 1) * (14 + 14 + (ir->parts > 1 ? 16 * (double)ir->parts : 12));
	return block / (double)ir->hop;
}

int
conv_new(struct conv **out, const struct conv_ir *ir, int channels, struct err *e)
{
	size_t row = ir->parts - 1 + CONV_LANES;
	struct conv *c;
	int lost = 0;

	*out = NULL;
	if (channels < 1 || channels > CONV_MAX_CHANNELS ||
	    (channels > 1 && ir->channels > 1 && channels != ir->channels))
		return err_set(e, ERR_UNSUPPORTED, "a response of %d channels does not fit a signal of %d: "
		    "one of them must be mono, or both have the same channels", ir->channels, channels);
	if (!(c = calloc(1, sizeof *c)))
		return err_set(e, ERR_NOMEM, "out of memory");
	c->ir = ir;
	c->fn = kernel(isa_choose());
	c->in_channels = channels;
	c->out_channels = channels > ir->channels ? channels : ir->channels;
	c->batch = CONV_LANES * ir->hop;
	lost |= !(c->z = mem_zalloc(ir->n / 2, 2 * CONV_LANES * sizeof *c->z));
	lost |= !(c->out = mem_zalloc(c->batch, (size_t)c->out_channels * sizeof *c->out));
	for (int i = 0; i < c->in_channels; i++)
		lost |= !(c->in[i] = mem_zalloc(ir->n - ir->hop + c->batch, sizeof *c->in[i]));
	for (int i = 0; i < c->out_channels && ir->parts > 1; i++)
		lost |= !(c->past[i] = mem_zalloc((ir->n / 4 + 1) * 4, row * sizeof *c->past[i]));
	if (lost) {
		conv_free(c);
		return err_set(e, ERR_NOMEM, "out of memory for a response of %lld frames on %d channels",
		    (long long)ir->taps, channels);
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
		mem_free(c->in[i]);
		mem_free(c->past[i]);
	}
	mem_free(c->out);
	mem_free(c->z);
	free(c);
}

int
conv_out_channels(const struct conv *c)
{
	return c->out_channels;
}

int64_t
conv_batch_frames(const struct conv *c)
{
	return (int64_t)c->batch;
}

/* Convolve the batch that is in c->in, and keep its end as the next one's overlap. */
static void
work(struct conv *c)
{
	const struct conv_ir *ir = c->ir;
	size_t overlap = ir->n - ir->hop;

	for (int o = 0; o < c->out_channels; o++) {
		struct conv_job j = { ir->fft, ir->hop, ir->parts,
			ir->h[ir->channels == 1 ? 0 : o], c->past[o], c->z,
			c->in[c->in_channels == 1 ? 0 : o], c->out + o, (size_t)c->out_channels };

		c->fn(&j);
	}
	for (int i = 0; i < c->in_channels; i++)
		memmove(c->in[i], c->in[i] + c->batch, overlap * sizeof *c->in[i]);
	c->fill = 0;
}

int64_t
conv_process(struct conv *c, const float *in, int64_t n, const float **out, int64_t *got)
{
	size_t step = (size_t)c->in_channels, room = c->batch - c->fill;
	size_t take = (uint64_t)n < room ? (size_t)n : room;

	for (size_t i = 0; i < step; i++) {
		float *to = c->in[i] + (c->ir->n - c->ir->hop) + c->fill;

		for (size_t t = 0; t < take; t++)
			to[t] = in[t * step + i];
	}
	c->fill += take;
	c->in_frames += (int64_t)take;
	*out = c->out;
	*got = 0;
	if (c->fill == c->batch) {
		work(c);
		*got = (int64_t)c->batch;
		c->out_frames += *got;
	}
	return (int64_t)take;
}

void
conv_flush(struct conv *c, const float **out, int64_t *got)
{
	int64_t left = c->in_frames ? c->in_frames + c->ir->taps - 1 - c->out_frames : 0;

	*out = c->out;
	*got = 0;
	if (left <= 0)
		return;
	for (int i = 0; i < c->in_channels; i++)
		memset(c->in[i] + (c->ir->n - c->ir->hop) + c->fill, 0,
		    (c->batch - c->fill) * sizeof *c->in[i]);
	work(c);
	*got = left < (int64_t)c->batch ? left : (int64_t)c->batch;
	c->out_frames += *got;
}
