/* stft_kernel.h - a batch of windows, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W floats, and STFT_FN, the name of the function. */
#define LANES STFT_LANES
#define T float
#define FFT_FORWARD
#include "dsp/fft_kernel.h"
#include <string.h>

#define ROW(p, k, h) (*(V *)(void *)((p) + (k) * LANES + (h) * W))

typedef float Q __attribute__((vector_size(16), may_alias));
typedef float U __attribute__((vector_size(16), may_alias, aligned(4)));
#define MIX(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)

/* Row i holds sample i of each window: even rows are the real, odd ones the imaginary parts.  Four samples of four windows
 * are turned over at a time. */
static void
load(const struct stft_job *j)
{
	float *z = j->z;
	size_t i, whole = j->window & ~(size_t)3;

	for (i = 0; i < whole; i += 4) {
		Q hann = *(const U *)(const void *)(j->hann + i);

		for (size_t l = 0; l < LANES; l += 4) {
			Q a = hann * *(const U *)(const void *)(j->x[l] + i), b = hann * *(const U *)(const void *)(j->x[l + 1] + i);
			Q c = hann * *(const U *)(const void *)(j->x[l + 2] + i), d = hann * *(const U *)(const void *)(j->x[l + 3] + i);
			Q ab = MIX(a, b, 0, 4, 1, 5), cd = MIX(c, d, 0, 4, 1, 5), ef = MIX(a, b, 2, 6, 3, 7), gh = MIX(c, d, 2, 6, 3, 7);

			*(Q *)(void *)(z + i * LANES + l) = MIX(ab, cd, 0, 1, 4, 5);
			*(Q *)(void *)(z + (i + 1) * LANES + l) = MIX(ab, cd, 2, 3, 6, 7);
			*(Q *)(void *)(z + (i + 2) * LANES + l) = MIX(ef, gh, 0, 1, 4, 5);
			*(Q *)(void *)(z + (i + 3) * LANES + l) = MIX(ef, gh, 2, 3, 6, 7);
		}
	}
	for (; i < j->window; i++)
		for (size_t l = 0; l < LANES; l++)
			z[i * LANES + l] = j->hann[i] * j->x[l][i];
	memset(z + j->window * LANES, 0, (j->fft->n - j->window) * LANES * sizeof *z);
}

/* The real transform's bins k and m - k (0 and m when k is 0) from the complex one's, as powers. */
static void
powers(const struct stft_job *j)
{
	const struct fft *f = j->fft;
	const float *z = j->z;

	for (size_t k = 0; k <= f->m / 2; k++) {
		size_t p = f->pos[k], q = f->pos[(f->m - k) & (f->m - 1)];
		float c = j->half[2 * k], s = j->half[2 * k + 1];

		for (size_t h = 0; h < LANES / W; h++) {
			V ar = ROW(z, 2 * p, h), ai = ROW(z, 2 * p + 1, h), br = ROW(z, 2 * q, h), bi = ROW(z, 2 * q + 1, h);
			V er = ar + br, ei = ai - bi, or = ai + bi, oi = br - ar;
			V tr = or * c - oi * s, ti = or * s + oi * c;
			V xr = er + tr, xi = ei + ti, yr = er - tr, yi = ti - ei;

			ROW(j->power, k, h) = 0.25f * (xr * xr + xi * xi);
			ROW(j->power, f->m - k, h) = 0.25f * (yr * yr + yi * yi);
		}
	}
}

void
STFT_FN(const struct stft_job *j)
{
	load(j);
	dif(j->z, j->fft->m, j->tw);
	powers(j);
}
