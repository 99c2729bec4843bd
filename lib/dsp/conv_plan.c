/* conv_plan.c - the twiddles of the convolution's transforms; dsp/conv_impl.h says what they are. */
#include "base/mem.h"
#include "dsp/conv_impl.h"
#include "dsp/fft.h"
#include "dsp/turns.h"
#include <stdlib.h>

static size_t
reversed(size_t k, unsigned bits)
{
	size_t r = 0;

	for (unsigned i = 0; i < bits; i++, k >>= 1)
		r = r << 1 | (k & 1);
	return r;
}

/* Cosine and tangent of k / 2^bits turns, less than one.  At a quarter turn they are 2^-60 and 2^60, whose product
 * is exact and beside which the cosine is nothing. */
static void
twiddle(const struct turns *u, double *cosine, double *tangent, size_t k, unsigned bits)
{
	double c, s;

	turns_at(u, k, bits, &c, &s);
	*cosine = c != 0 ? c : 0x1p-60;
	*tangent = s / *cosine;
}

static void
twiddle_4(const struct turns *u, double *w, size_t k, unsigned bits)
{
	double c3;

	twiddle(u, &w[0], &w[1], 2 * k, bits);
	twiddle(u, &w[5], &w[2], k, bits);
	twiddle(u, &c3, &w[3], 3 * k, bits);
	w[4] = c3 / w[5];
}

/* step doubles apart. */
static void
twiddle_8(const struct turns *u, double *w, size_t step, size_t k, unsigned bits)
{
	twiddle(u, &w[0], &w[step], 4 * k, bits);
	twiddle(u, &w[2 * step], &w[3 * step], 2 * k, bits);
	twiddle(u, &w[4 * step], &w[5 * step], k, bits);
	twiddle(u, &w[6 * step], &w[7 * step], k + ((size_t)1 << (bits - 3)), bits);
}

static void
fill(struct conv_plan *p, const struct turns *u)
{
	unsigned bits = fft_log2(p->rows);
	size_t tiles = p->rows / 8, rows = p->rows;

	for (size_t b = 0; b < p->rows / 32; b++)
		twiddle_4(u, p->there + 6 * b, reversed(b, bits - 5), bits - 3);
	for (size_t t = 0; t < tiles; t++) {
		twiddle_8(u, p->down + 8 * t, 1, reversed(t, bits - 3), bits);
		for (size_t l = 0; l < 8; l++)
			twiddle_8(u, p->across + 64 * t + l, 8, reversed(8 * t + l, bits), bits + 3);
	}
	for (unsigned s = 0; s < p->stages; rows /= p->radix[s], s++)
		for (size_t j = 0; j < rows / p->radix[s]; j++)
			if (p->radix[s] == 4)
				twiddle_4(u, p->back[s] + 6 * j, j, fft_log2(rows));
			else
				twiddle_8(u, p->back[s] + 8 * j, 1, j, fft_log2(rows));
}

/* A 4 first, which is the faster one between floats and rows, and an 8 last, because eight tiles at once leave more to do side by
 * side; between them 8s, which pass through memory less often, and 4s for what is left. */
static void
factor(struct conv_plan *p)
{
	unsigned levels = fft_log2(p->rows) - 3, last = levels == 6 ? 2 : 3, take;

	p->radix[p->stages++] = 4;
	for (levels -= 2 + last; levels; levels -= take) {
		take = levels == 4 || levels == 2 ? 2 : 3;
		p->radix[p->stages++] = (unsigned char)(1 << take);
	}
	p->radix[p->stages++] = (unsigned char)(1 << last);
}

struct conv_plan *
conv_plan_new(size_t n, int two)
{
	struct conv_plan *p = calloc(1, sizeof *p);
	size_t rows = n / 8, block = n / 8;
	struct turns u = { 0 };
	int lost = 0;

	if (!p)
		return NULL;
	p->n = n;
	p->rows = rows;
	factor(p);
	p->gap = two ? 16 : 0;
	lost |= !(p->there = mem_zalloc(rows / 32, 6 * sizeof *p->there));
	lost |= !(p->down = mem_zalloc(rows, sizeof *p->down));
	lost |= !(p->across = mem_zalloc(rows, 8 * sizeof *p->across));
	for (unsigned s = 0; s < p->stages; block /= p->radix[s], s++)
		lost |= !(p->back[s] = mem_zalloc(block / p->radix[s], 8 * sizeof *p->back[s]));
	lost |= turns_make(&u, fft_log2(n));
	if (lost) {
		conv_plan_free(p);
		p = NULL;
	} else {
		fill(p, &u);
	}
	turns_free(&u);
	return p;
}

size_t
conv_plan_room(const struct conv_plan *p)
{
	return p->rows * 16 + 32 * p->gap;
}

void
conv_plan_free(struct conv_plan *p)
{
	if (!p)
		return;
	mem_free(p->there);
	mem_free(p->down);
	mem_free(p->across);
	for (unsigned s = 0; s < CONV_MAX_STAGES; s++)
		mem_free(p->back[s]);
	free(p);
}
