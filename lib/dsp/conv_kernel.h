/* conv_kernel.h - one batch of the convolution, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W doubles, U (the same, aligned to 8 bytes only) and
 * CONV_FN, the name of the function. */
#define LANES CONV_LANES
#define FFT_FORWARD
#include "dsp/fft_kernel.h"
#include <string.h>

/* z as rows of eight doubles: row i holds sample i of each block, so that the even rows are
 * the real and the odd ones the imaginary parts of the packed transform. */
static void
load(const struct conv_job *j)
{
	for (size_t t = 0; t < j->fft->n; t++)
		for (size_t l = 0; l < LANES; l++)
			j->z[t * LANES + l] = (double)j->in[t + l * j->hop];
}

static void
store(const struct conv_job *j)
{
	const double *z = j->z + (j->fft->n - j->hop) * LANES;

	for (size_t t = 0; t < j->hop; t++)
		for (size_t l = 0; l < LANES; l++) /* adding 0 makes -0 into 0 */
			j->out[(t + l * j->hop) * j->out_step] = (float)z[t * LANES + l] + 0.0f;
}

/* Z of the packed transform at k and m - k -> twice the bins X[k] and X[m - k] of the real one. */
#define UNPACK(ar, ai, br, bi, c, s) do { \
	V er_ = (ar) + (br), ei_ = (ai) - (bi); \
	V or_ = (ai) + (bi), oi_ = (br) - (ar); \
	V tr_ = or_ * (c) - oi_ * (s), ti_ = or_ * (s) + oi_ * (c); \
	(ar) = er_ + tr_, (ai) = ei_ + ti_; \
	(br) = er_ - tr_, (bi) = ti_ - ei_; \
} while (0)

/* And back, twice again. */
#define PACK(ar, ai, br, bi, c, s) do { \
	V er_ = (ar) + (br), ei_ = (ai) - (bi); \
	V dr_ = (ar) - (br), di_ = (ai) + (bi); \
	V or_ = dr_ * (c) + di_ * (s), oi_ = di_ * (c) - dr_ * (s); \
	(ar) = er_ - oi_, (ai) = ei_ + or_; \
	(br) = er_ + oi_, (bi) = or_ - ei_; \
} while (0)

static void
product(const struct conv_job *j)
{
	const struct fft *f = j->fft;
	const double *g = j->h;

	for (size_t k = 0; k <= f->m / 2; k++, g += 4) {
		size_t p = f->pos[k], q = f->pos[(f->m - k) & (f->m - 1)];
		double c = f->half[2 * k], s = f->half[2 * k + 1];

		for (size_t h = 0; h < LANES / W; h++) {
			V ar, ai, br, bi, yr, yi, vr, vi;

			LD(j->z, p, h, ar, ai);
			LD(j->z, q, h, br, bi);
			UNPACK(ar, ai, br, bi, c, s);
			yr = ar * g[0] - ai * g[1], yi = ar * g[1] + ai * g[0];
			vr = br * g[2] - bi * g[3], vi = br * g[3] + bi * g[2];
			PACK(yr, yi, vr, vi, c, s);
			ST(j->z, q, h, vr, vi);
			ST(j->z, p, h, yr, yi);
		}
	}
}

/* The spectra of this batch for bins k to end, at the end of their rows. */
static void
remember(const struct conv_job *j, size_t k, size_t end)
{
	const struct fft *f = j->fft;
	size_t row = j->parts - 1 + LANES;

	for (; k < end; k++) {
		size_t p = f->pos[k], q = f->pos[(f->m - k) & (f->m - 1)];
		double c = f->half[2 * k], s = f->half[2 * k + 1];

		for (size_t h = 0; h < LANES / W; h++) {
			double *at = j->past + (4 * k + 1) * row - LANES + h * W;
			V ar, ai, br, bi;

			LD(j->z, p, h, ar, ai);
			LD(j->z, q, h, br, bi);
			UNPACK(ar, ai, br, bi, c, s);
			*(U *)(void *)at = ar;
			*(U *)(void *)(at + row) = ai;
			*(U *)(void *)(at + 2 * row) = br;
			*(U *)(void *)(at + 3 * row) = bi;
		}
	}
}

/* For each bin a short filter along the blocks, newest first. */
static void
filter(const struct conv_job *j, size_t k, size_t end)
{
	const struct fft *f = j->fft;
	size_t row = j->parts - 1 + LANES;

	for (; k < end; k++) {
		size_t p = f->pos[k], q = f->pos[(f->m - k) & (f->m - 1)];
		double c = f->half[2 * k], s = f->half[2 * k + 1];
		double *rows = j->past + 4 * k * row;

		for (size_t h = 0; h < LANES / W; h++) {
			const double *x = rows + j->parts - 1 + h * W, *g = j->h + 4 * k * j->parts;
			V yr = { 0 }, yi = { 0 }, vr = { 0 }, vi = { 0 };

			for (size_t i = 0; i < j->parts; i++, x--, g += 4) {
				V ar = *(const U *)(const void *)x;
				V ai = *(const U *)(const void *)(x + row);
				V br = *(const U *)(const void *)(x + 2 * row);
				V bi = *(const U *)(const void *)(x + 3 * row);

				yr += ar * g[0] - ai * g[1];
				yi += ar * g[1] + ai * g[0];
				vr += br * g[2] - bi * g[3];
				vi += br * g[3] + bi * g[2];
			}
			PACK(yr, yi, vr, vi, c, s);
			ST(j->z, q, h, vr, vi);
			ST(j->z, p, h, yr, yi);
		}
		for (size_t r = 0; r < 4; r++)
			memmove(rows + r * row, rows + r * row + LANES, (j->parts - 1) * sizeof *rows);
	}
}

/* The product with a response in partitions.  A group of bins is written before it is read, because a
 * load that straddles a store just made has to wait for it. */
static void
product_parts(const struct conv_job *j)
{
	enum { GROUP = 16 };
	size_t bins = j->fft->m / 2 + 1;

	for (size_t k = 0; k < bins; k += GROUP) {
		size_t end = k + GROUP < bins ? k + GROUP : bins;

		remember(j, k, end);
		filter(j, k, end);
	}
}

void
CONV_FN(const struct conv_job *j)
{
	load(j);
	dif(j->z, j->fft->m, j->fft->tw);
	if (j->parts > 1)
		product_parts(j);
	else
		product(j);
	dit(j->z, j->fft->m, j->fft->tw);
	store(j);
}
