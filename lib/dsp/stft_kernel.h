/* stft_kernel.h - a batch of windows, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W floats, and STFT_FN, the name of the function; FOURS(x), which is x(0), x(4) and so on
 * to W - 4; spread(h), the four floats at h again and again; and join(x, i), those at x[0] + i, x[4] + i and so on. */
#define LANES STFT_LANES
#define T float
#define FFT_FORWARD
#include "dsp/fft_kernel.h"
#include <string.h>

#define ROW(p, k, h) (*(V *)(void *)((p) + (k) * LANES + (h) * W))

/* Pairs of two vectors within each of their fours: 0 and 1 or 2 and 3 of a in turn with those of b; or of a, then of b. */
#define IN_TURN_LOW(q) (q), (q) + W, (q) + 1, (q) + W + 1
#define IN_TURN_HIGH(q) (q) + 2, (q) + W + 2, (q) + 3, (q) + W + 3
#define FIRST_LOW(q) (q), (q) + 1, (q) + W, (q) + W + 1
#define FIRST_HIGH(q) (q) + 2, (q) + 3, (q) + W + 2, (q) + W + 3
#define MIX(a, b, how) __builtin_shufflevector(a, b, FOURS(how))

/* Samples first..first + n - 1 of each window, a multiple of four, to rows: even ones are the real, odd ones the imaginary parts.
 * Four samples of W windows are turned over at a time; a vector has four each of windows l, l + 4, and so on. */
static void
load(const struct stft_job *j, size_t first, size_t n, float *to)
{
	size_t i = 0, left = first < j->window ? j->window - first : 0, whole = (left < n ? left : n) & ~(size_t)3;

	for (; i < whole; i += 4) {
		V hann = spread(j->hann + first + i);

		for (size_t l = 0, half = 0; l < LANES; l += W, half++) {
			V a = hann * join(j->x + l, first + i), b = hann * join(j->x + l + 1, first + i);
			V c = hann * join(j->x + l + 2, first + i), d = hann * join(j->x + l + 3, first + i);
			V ab = MIX(a, b, IN_TURN_LOW), cd = MIX(c, d, IN_TURN_LOW), ef = MIX(a, b, IN_TURN_HIGH), gh = MIX(c, d, IN_TURN_HIGH);

			ROW(to, i, half) = MIX(ab, cd, FIRST_LOW);
			ROW(to, i + 1, half) = MIX(ab, cd, FIRST_HIGH);
			ROW(to, i + 2, half) = MIX(ef, gh, FIRST_LOW);
			ROW(to, i + 3, half) = MIX(ef, gh, FIRST_HIGH);
		}
	}
	for (; i < left && i < n; i++)
		for (size_t l = 0; l < LANES; l++)
			to[i * LANES + l] = j->hann[first + i] * j->x[l][first + i];
	memset(to + i * LANES, 0, (n - i) * LANES * sizeof *to);
}

/* The first stage takes four strips, a quarter apart, from the windows: what it would have to fetch from the second cache
 * otherwise is in the first. */
static void
first_stage(const struct stft_job *j)
{
	enum { STRIP = 16 }; /* points of two samples each */
	_Alignas(64) float tile[4 * STRIP * 2 * LANES];
	size_t q = j->fft->m / 4, strip = q < STRIP ? q : STRIP;

	for (size_t p = 0; p < q; p += strip) {
		for (size_t r = 0; r < 4; r++)
			load(j, 2 * (p + r * q), 2 * strip, tile + r * strip * 2 * LANES);
		butterflies(j->z + p * 2 * LANES, q, tile, strip, strip, j->tw + 6 * p);
	}
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
	size_t q = j->fft->m / 4;

	first_stage(j);
	for (size_t r = 0; r < 4; r++)
		dif(j->z + r * q * 2 * LANES, q, j->tw + 6 * q);
	powers(j);
}
