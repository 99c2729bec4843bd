/* conv_kernel.h - one batch of the convolution, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W doubles, U (the same, aligned to 8 bytes only) and
 * CONV_FN, the name of the function. */
#define LANES CONV_LANES
#define FFT_FORWARD
#include "dsp/fft_kernel.h"
#include <string.h>

static void
load(const struct conv_job *j)
{
	size_t m = j->fft->m;

	for (size_t t = 0; t < m; t++) {
		const float *x = j->in + 2 * t;
		double *z = j->z + t * 2 * LANES;

		for (size_t l = 0; l < LANES; l++, x += j->hop) {
			z[l] = (double)x[0];
			z[l + LANES] = (double)x[1];
		}
	}
}

static void
store(const struct conv_job *j)
{
	size_t step = j->out_step;

	for (size_t t = 0; t < j->hop / 2; t++) {
		const double *z = j->z + (j->fft->m - j->hop / 2 + t) * 2 * LANES;
		float *y = j->out + 2 * t * step;

		for (size_t l = 0; l < LANES; l++, y += j->hop * step) {
			y[0] = (float)z[l] + 0.0f; /* never -0 */
			y[step] = (float)z[l + LANES] + 0.0f;
		}
	}
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

/* The same with a sum over the partitions: a short filter along the blocks for each bin. */
static void
product_parts(const struct conv_job *j)
{
	const struct fft *f = j->fft;
	size_t old = j->parts - 1, row = old + LANES;
	const double *g = j->h;
	double *x = j->past;

	for (size_t k = 0; k <= f->m / 2; k++, g += 4 * j->parts, x += 4 * row) {
		size_t p = f->pos[k], q = f->pos[(f->m - k) & (f->m - 1)];
		double c = f->half[2 * k], s = f->half[2 * k + 1];

		for (size_t h = 0; h < LANES / W; h++) {
			V ar, ai, br, bi;
			double *at = x + old + h * W;

			LD(j->z, p, h, ar, ai);
			LD(j->z, q, h, br, bi);
			UNPACK(ar, ai, br, bi, c, s);
			*(U *)(void *)at = ar;
			*(U *)(void *)(at + row) = ai;
			*(U *)(void *)(at + 2 * row) = br;
			*(U *)(void *)(at + 3 * row) = bi;
		}
		for (size_t h = 0; h < LANES / W; h++) {
			V yr = { 0 }, yi = { 0 }, vr = { 0 }, vi = { 0 };

			for (size_t i = 0; i <= old; i++) {
				const double *at = x + old - i + h * W, *w = g + 4 * i;
				V ar = *(const U *)(const void *)at;
				V ai = *(const U *)(const void *)(at + row);
				V br = *(const U *)(const void *)(at + 2 * row);
				V bi = *(const U *)(const void *)(at + 3 * row);

				yr = yr + ar * w[0] - ai * w[1];
				yi = yi + ar * w[1] + ai * w[0];
				vr = vr + br * w[2] - bi * w[3];
				vi = vi + br * w[3] + bi * w[2];
			}
			PACK(yr, yi, vr, vi, c, s);
			ST(j->z, q, h, vr, vi);
			ST(j->z, p, h, yr, yi);
		}
		for (size_t r = 0; r < 4; r++)
			memmove(x + r * row, x + r * row + LANES, old * sizeof *x);
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
