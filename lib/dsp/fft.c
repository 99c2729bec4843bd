/* fft.c - tables, and the transform of one signal. */
#include "dsp/fft.h"
#include "base/mem.h"
#include "dsp/fft_plan.h"
#include "dsp/turn.h"
#include <stdlib.h>

#define LANES 1
#define W 1
typedef double V;
#include "dsp/fft_kernel.h"

size_t
fft_size_for(size_t n)
{
	for (unsigned b = 1; b <= FFT_MAX_LOG2; b++)
		if ((size_t)1 << b >= n)
			return (size_t)1 << b;
	return 0;
}

static unsigned
log2_of(size_t n)
{
	unsigned b = 0;

	while ((size_t)1 << b < n)
		b++;
	return b;
}

static void
fill_twiddles(double *w, size_t m)
{
	for (size_t s = m; s >= 4; s /= 4) {
		unsigned bits = log2_of(s);

		for (size_t j = 0; j < s / 4; j++)
			for (size_t r = 1; r < 4; r++, w += 2) {
				dsp_turn(r * j, bits, &w[0], &w[1]);
				w[1] = -w[1];
			}
	}
}

/* A stage of size s sends bin k to its quarter k mod 4. */
static uint32_t
place(size_t k, size_t m)
{
	size_t at = 0, s = m;

	for (; s >= 4; s /= 4, k /= 4)
		at += k % 4 * (s / 4);
	return (uint32_t)(at + k);
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
	/* 6 m/4 (1 + 1/4 + ...) is less than 2 m */
	f->tw = mem_zalloc(2 * f->m, sizeof *f->tw);
	f->half = mem_zalloc(2 * (f->m / 2 + 1), sizeof *f->half);
	f->pos = mem_zalloc(f->m, sizeof *f->pos);
	if (!f->tw || !f->half || !f->pos) {
		fft_free(f);
		return NULL;
	}
	fill_twiddles(f->tw, f->m);
	for (size_t k = 0; k <= f->m / 2; k++) {
		dsp_turn(k, log2_of(n), &f->half[2 * k], &f->half[2 * k + 1]);
		f->half[2 * k + 1] = -f->half[2 * k + 1];
	}
	for (size_t k = 0; k < f->m; k++)
		f->pos[k] = place(k, f->m);
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
	free(f);
}

/* Only the inverse kernel is at hand here, whose input is in digit-reversed order: the
 * forward transform of z is the conjugate of the inverse one of conj(z). */
void
fft_real(const struct fft *f, const double *in, double *x)
{
	size_t m = f->m;

	for (size_t t = 0; t < m; t++) {
		x[2 * f->pos[t]] = in[2 * t];
		x[2 * f->pos[t] + 1] = -in[2 * t + 1];
	}
	dit(x, m, f->tw);
	x[2 * m] = x[0] + x[1]; /* conj(Z[0]) = (re, -im): last bin is re - im of Z */
	x[2 * m + 1] = 0;
	x[0] = x[0] - x[1];
	x[1] = 0;
	for (size_t k = 1; k <= m / 2; k++) {
		double *a = x + 2 * k, *b = x + 2 * (m - k);
		double c = f->half[2 * k], s = f->half[2 * k + 1];
		/* E = (Z[k] + conj Z[m-k]) / 2, O = (Z[k] - conj Z[m-k]) / 2i, and a, b hold conj Z */
		double er = 0.5 * (a[0] + b[0]), ei = 0.5 * (b[1] - a[1]);
		double or = -0.5 * (a[1] + b[1]), oi = 0.5 * (b[0] - a[0]);
		double tr = or * c - oi * s, ti = or * s + oi * c;

		a[0] = er + tr;
		a[1] = ei + ti;
		b[0] = er - tr;
		b[1] = ti - ei;
	}
}

void
fft_real_inverse(const struct fft *f, const double *x, double *out)
{
	size_t m = f->m;
	double g = 0.5 / (double)m;

	/* Z = E + iO, E = (X[k] + conj X[m-k]) / 2, O = (X[k] - conj X[m-k]) / 2 exp(2 pi i k / n) */
	out[0] = g * (x[0] + x[2 * m]);
	out[1] = g * (x[0] - x[2 * m]);
	for (size_t k = 1; k <= m / 2; k++) {
		const double *a = x + 2 * k, *b = x + 2 * (m - k);
		double c = f->half[2 * k], s = -f->half[2 * k + 1];
		double er = a[0] + b[0], ei = a[1] - b[1];
		double dr = a[0] - b[0], di = a[1] + b[1];
		double or = dr * c - di * s, oi = dr * s + di * c;
		double *p = out + 2 * f->pos[k], *q = out + 2 * f->pos[m - k];

		q[0] = g * (er + oi);
		q[1] = g * (or - ei);
		p[0] = g * (er - oi);
		p[1] = g * (ei + or);
	}
	dit(out, m, f->tw);
}
