/* fft_kernel.h - the complex transforms, written once for every width; no include guard.
 *
 * The includer defines LANES (independent transforms side by side), W (how many of them one
 * vector holds; divides LANES), the type V of W numbers, T float where they are not double, and FFT_FORWARD when it wants
 * dif() as well as dit().  Point p of lane l lies at z[p * 2 * LANES + l] (re) and z[(p * 2 + 1) * LANES + l]
 * (im).  Each lane does the same scalar operations in the same order whatever W is, and
 * without fused multiply-add, so that plain x86-64 needs no slow emulation; hence the same
 * bits everywhere. */

#ifndef T
#define T double
#endif
#define AT(z, p, h) ((V *)(void *)((z) + (p) * 2 * LANES + (h) * W))
#define LD(z, p, h, re, im) ((re) = *AT(z, p, h), (im) = *AT((z) + LANES, p, h))
#define ST(z, p, h, re, im) (*AT(z, p, h) = (re), *AT((z) + LANES, p, h) = (im))

#ifdef FFT_FORWARD
/* (re, im) *= (c, s) */
#define TURN(re, im, c, s) do { \
	V r_ = (re) * (c) - (im) * (s); \
	(im) = (re) * (s) + (im) * (c); \
	(re) = r_; \
} while (0)
#endif
/* (re, im) *= (c, -s) */
#define BACK(re, im, c, s) do { \
	V r_ = (re) * (c) + (im) * (s); \
	(im) = (im) * (c) - (re) * (s); \
	(re) = r_; \
} while (0)

#ifdef FFT_FORWARD
/* n radix-4 butterflies of decimation in frequency: from points xq apart to points q apart, in place if these are the same. */
static inline void
butterflies(T *z, size_t q, T *x, size_t xq, size_t n, const T *w)
{
	for (size_t j = 0; j < n; j++, w += 6)
		for (size_t h = 0; h < LANES / W; h++) {
			V ar, ai, br, bi, cr, ci, dr, di, sr, si, tr, ti, ur, ui, vr, vi;

			LD(x, j, h, ar, ai);
			LD(x, j + xq, h, br, bi);
			LD(x, j + 2 * xq, h, cr, ci);
			LD(x, j + 3 * xq, h, dr, di);
			sr = ar + cr, si = ai + ci;
			tr = ar - cr, ti = ai - ci;
			ur = br + dr, ui = bi + di;
			vr = bi - di, vi = dr - br; /* -i (b - d) */
			ar = sr + ur, ai = si + ui;
			cr = sr - ur, ci = si - ui;
			br = tr + vr, bi = ti + vi;
			dr = tr - vr, di = ti - vi;
			TURN(br, bi, w[0], w[1]);
			TURN(cr, ci, w[2], w[3]);
			TURN(dr, di, w[4], w[5]);
			ST(z, j, h, ar, ai);
			ST(z, j + q, h, br, bi);
			ST(z, j + 2 * q, h, cr, ci);
			ST(z, j + 3 * q, h, dr, di);
		}
}

/* n of them in place, over points q apart. */
static void
dif4(T *z, size_t q, size_t n, const T *w)
{
	butterflies(z, q, z, q, n, w);
}

#endif

/* Those of the inverse stage, but for a factor of 4. */
static void
dit4(T *z, size_t q, size_t n, const T *w)
{
	for (size_t j = 0; j < n; j++, w += 6)
		for (size_t h = 0; h < LANES / W; h++) {
			V ar, ai, br, bi, cr, ci, dr, di, sr, si, tr, ti, ur, ui, vr, vi;

			LD(z, j, h, ar, ai);
			LD(z, j + q, h, br, bi);
			LD(z, j + 2 * q, h, cr, ci);
			LD(z, j + 3 * q, h, dr, di);
			BACK(br, bi, w[0], w[1]);
			BACK(cr, ci, w[2], w[3]);
			BACK(dr, di, w[4], w[5]);
			sr = ar + cr, si = ai + ci;
			tr = ar - cr, ti = ai - ci;
			ur = br + dr, ui = bi + di;
			vr = di - bi, vi = br - dr; /* i (b - d) */
			ST(z, j, h, sr + ur, si + ui);
			ST(z, j + q, h, tr + vr, ti + vi);
			ST(z, j + 2 * q, h, sr - ur, si - ui);
			ST(z, j + 3 * q, h, tr - vr, ti - vi);
		}
}

static void
radix2(T *z)
{
	for (size_t h = 0; h < LANES / W; h++) {
		V ar, ai, br, bi;

		LD(z, 0, h, ar, ai);
		LD(z, 1, h, br, bi);
		ST(z, 0, h, ar + br, ai + bi);
		ST(z, 1, h, ar - br, ai - bi);
	}
}

/* Blocks up to this size fit a 32 KiB first-level cache: stage after stage; larger ones go
 * depth first, so that every cache is used for as many stages as it holds. */
enum { NEAR = 32 * 1024 / (LANES * 2 * (int)sizeof(T)) };

#ifdef FFT_FORWARD
static void
dif(T *z, size_t size, const T *w)
{
	size_t s;

	if (size > NEAR) {
		dif4(z, size / 4, size / 4, w);
		for (size_t r = 0; r < 4; r++)
			dif(z + r * (size / 4) * 2 * LANES, size / 4, w + size / 4 * 6);
		return;
	}
	for (s = size; s >= 4; w += s / 4 * 6, s /= 4)
		for (size_t p = 0; p < size; p += s)
			dif4(z + p * 2 * LANES, s / 4, s / 4, w);
	for (size_t p = 0; s == 2 && p < size; p += 2)
		radix2(z + p * 2 * LANES);
}
#endif

__attribute__((unused)) /* where only spectra are wanted */
static void
dit(T *z, size_t size, const T *w)
{
	size_t s = size, bottom = 4;

	if (size > NEAR) {
		for (size_t r = 0; r < 4; r++)
			dit(z + r * (size / 4) * 2 * LANES, size / 4, w + size / 4 * 6);
		dit4(z, size / 4, size / 4, w);
		return;
	}
	for (; s >= 4; s /= 4)
		w += s / 4 * 6;
	if (s == 2) {
		for (size_t p = 0; p < size; p += 2)
			radix2(z + p * 2 * LANES);
		bottom = 8;
	}
	for (s = bottom; s <= size; s *= 4) {
		w -= s / 4 * 6;
		for (size_t p = 0; p < size; p += s)
			dit4(z + p * 2 * LANES, s / 4, s / 4, w);
	}
}
