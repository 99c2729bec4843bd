/* fft.c - tables, and the transform of one signal. */
#include "dsp/fft.h"
#include "base/mem.h"
#include "dsp/fft_plan.h"
#include "dsp/turn.h"
#include <stdlib.h>

#define LANES 1
#define W 1
#define FFT_FORWARD
typedef double V;
#include "dsp/fft_kernel.h"

unsigned
fft_log2(size_t n)
{
	unsigned b = 0;

	while ((size_t)1 << b < n)
		b++;
	return b;
}

size_t
fft_size_for(size_t n)
{
	for (unsigned b = 1; b <= FFT_MAX_LOG2; b++)
		if ((size_t)1 << b >= n)
			return (size_t)1 << b;
	return 0;
}

static void
fill_twiddles(double *w, size_t m)
{
	for (size_t s = m; s >= 4; s /= 4) {
		unsigned bits = fft_log2(s);

		for (size_t j = 0; j < s / 4; j++)
			for (size_t r = 1; r < 4; r++, w += 2) {
				dsp_turn(r * j, bits, &w[0], &w[1]);
				w[1] = -w[1];
			}
	}
}

/* A stage of size s sends bin k to its quarter k mod 4: all digits to base 4 change sides, and the bit that is over comes last. */
static size_t
place(size_t k, unsigned bits)
{
	unsigned even = bits & ~1u;
	uint32_t r = (uint32_t)k & (uint32_t)(((uint64_t)1 << even) - 1);

	r = (r >> 2 & 0x33333333) | (r & 0x33333333) << 2;
	r = (r >> 4 & 0x0f0f0f0f) | (r & 0x0f0f0f0f) << 4;
	r = __builtin_bswap32(r);
	r = even ? r >> (32 - even) : 0;
	return bits & 1 ? (size_t)r << 1 | k >> even : r;
}

static size_t
place_of(const struct fft *f, size_t k)
{
	return f->pos ? f->pos[k] : place(k, f->bits);
}

/* exp(-2 pi i k / n) */
static void
half_of(const struct fft *f, size_t k, double *c, double *s)
{
	if (f->half) {
		*c = f->half[2 * k], *s = f->half[2 * k + 1];
		return;
	}
	turns_at(&f->turns, k, f->turns.bits, c, s);
	*s = -*s;
}

static int
fill_tables(struct fft *f)
{
	if (f->near < f->m)
		return turns_make(&f->turns, f->bits + 1);
	f->half = mem_zalloc(2 * (f->m / 2 + 1), sizeof *f->half);
	f->pos = mem_zalloc(f->m, sizeof *f->pos);
	if (!f->half || !f->pos)
		return -1;
	for (size_t k = 0; k <= f->m / 2; k++) {
		dsp_turn(k, f->bits + 1, &f->half[2 * k], &f->half[2 * k + 1]);
		f->half[2 * k + 1] = -f->half[2 * k + 1];
	}
	for (size_t k = 0; k < f->m; k++)
		f->pos[k] = (uint32_t)place(k, f->bits);
	return 0;
}

struct fft *
fft_new(size_t n)
{
	struct fft *f;

	if (n < 2 || (n & (n - 1)) || n > (size_t)1 << FFT_MAX_LOG2)
		return NULL;
	if (!(f = calloc(1, sizeof *f)))
		return NULL;
	f->n = n;
	f->m = n / 2;
	f->bits = fft_log2(f->m);
	for (f->near = f->m; f->near > FFT_TABLES; f->near /= 4)
		;
	/* 6 near/4 (1 + 1/4 + ...) is less than 2 near */
	f->tw = mem_zalloc(2 * f->near, sizeof *f->tw);
	if (!f->tw || fill_tables(f)) {
		fft_free(f);
		return NULL;
	}
	fill_twiddles(f->tw, f->near);
	return f;
}

size_t
fft_size(const struct fft *f)
{
	return f->n;
}

void
fft_free(struct fft *f)
{
	if (!f)
		return;
	mem_free(f->tw);
	mem_free(f->half);
	mem_free(f->pos);
	turns_free(&f->turns);
	free(f);
}

enum { SOME = 256 }; /* butterflies whose twiddles are made at once: 12 KiB */

/* A stage over `size` points that is not in the table. */
static void
far_stage(const struct fft *f, double *z, size_t size, void (*stage)(double *z, size_t q, size_t n, const double *w))
{
	unsigned bits = fft_log2(size);
	double w[SOME * 6], *to;

	for (size_t j = 0; j < size / 4; j += SOME) {
		to = w;
		for (size_t i = j; i < j + SOME; i++)
			for (size_t r = 1; r < 4; r++, to += 2) {
				turns_at(&f->turns, r * i, bits, &to[0], &to[1]);
				to[1] = -to[1];
			}
		stage(z + 2 * j, size / 4, SOME, w);
	}
}

static void
there(const struct fft *f, double *z, size_t size)
{
	if (size <= f->near) {
		dif(z, size, f->tw);
		return;
	}
	far_stage(f, z, size, dif4);
	for (size_t r = 0; r < 4; r++)
		there(f, z + r * (size / 2), size / 4);
}

static void
back(const struct fft *f, double *z, size_t size)
{
	if (size <= f->near) {
		dit(z, size, f->tw);
		return;
	}
	for (size_t r = 0; r < 4; r++)
		back(f, z + r * (size / 2), size / 4);
	far_stage(f, z, size, dit4);
}

/* Bins k and m - k of the signal's spectrum from those of Z, its even samples as real and its odd ones as imaginary parts:
 * X = E + exp(-2 pi i k / n) O, with E = (Z[k] + conj Z[m-k]) / 2 and O = (Z[k] - conj Z[m-k]) / 2i. */
static void
take_apart(const struct fft *f, double *a, double *b, size_t k)
{
	double c, s, er = 0.5 * (a[0] + b[0]), ei = 0.5 * (a[1] - b[1]);
	double or = 0.5 * (a[1] + b[1]), oi = 0.5 * (b[0] - a[0]), tr, ti;

	half_of(f, k, &c, &s);
	tr = or * c - oi * s, ti = or * s + oi * c;
	a[0] = er + tr;
	a[1] = ei + ti;
	b[0] = er - tr;
	b[1] = ti - ei;
}

/* And back, but for a factor of 2: from the bins at x and y to Z at a and b, which may be the same places. */
static void
put_together(const struct fft *f, const double *x, const double *y, size_t k, double g, double *a, double *b)
{
	double c, s, er = x[0] + y[0], ei = x[1] - y[1], dr = x[0] - y[0], di = x[1] + y[1], or, oi;

	half_of(f, k, &c, &s);
	s = -s;
	or = dr * c - di * s, oi = dr * s + di * c;
	b[0] = g * (er + oi);
	b[1] = g * (or - ei);
	a[0] = g * (er - oi);
	a[1] = g * (ei + or);
}

/* The bins 0 and m, from and to Z[0]. */
static void
take_ends_apart(double *first, double *last)
{
	double re = first[0], im = first[1];

	first[0] = re + im;
	last[0] = re - im;
	first[1] = last[1] = 0;
}

void
fft_real_here(const struct fft *f, double *x)
{
	size_t m = f->m;

	there(f, x, m);
	take_ends_apart(x, x + 2 * m);
	for (size_t k = 1; k <= m / 2; k++)
		take_apart(f, x + 2 * place_of(f, k), x + 2 * place_of(f, m - k), k);
}

void
fft_real_inverse_here(const struct fft *f, double *x)
{
	size_t m = f->m;
	double g = 0.5 / (double)m, first = x[0], last = x[2 * m];

	x[0] = g * (first + last);
	x[1] = g * (first - last);
	for (size_t k = 1; k <= m / 2; k++) {
		double *a = x + 2 * place_of(f, k), *b = x + 2 * place_of(f, m - k);

		put_together(f, a, b, k, g, a, b);
	}
	back(f, x, m);
}

/* The forward kernel would leave the bins where they came to lie.  The inverse one takes them from there in order: its transform of
 * conj(z) is the conjugate of the forward one of z. */
void
fft_real(const struct fft *f, const double *in, double *x)
{
	size_t m = f->m;

	for (size_t t = 0; t < m; t++) {
		double *to = x + 2 * place_of(f, t);

		to[0] = in[2 * t];
		to[1] = -in[2 * t + 1];
	}
	back(f, x, m);
	for (size_t k = 0; k < m; k++)
		x[2 * k + 1] = -x[2 * k + 1];
	take_ends_apart(x, x + 2 * m);
	for (size_t k = 1; k <= m / 2; k++)
		take_apart(f, x + 2 * k, x + 2 * (m - k), k);
}

void
fft_real_inverse(const struct fft *f, const double *x, double *out)
{
	size_t m = f->m;
	double g = 0.5 / (double)m;

	out[0] = g * (x[0] + x[2 * m]);
	out[1] = g * (x[0] - x[2 * m]);
	for (size_t k = 1; k <= m / 2; k++)
		put_together(f, x + 2 * k, x + 2 * (m - k), k, g, out + 2 * place_of(f, k), out + 2 * place_of(f, m - k));
	back(f, out, m);
}
