/* test_fft.c - dsp_turn() against libm, fft_real() against the sum it stands for. */
#include "base/mem.h"
#include "dsp/fft.h"
#include "dsp/turn.h"
#include "../tap.h"

#include <stdint.h>
#include <stdlib.h>

static const long double tau = 6.283185307179586476925286766559L;

static double
noise(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return (double)(int32_t)*s / 2147483648.0;
}

/* Worst error of dsp_turn() in units of 2^-53 over all k of 2^bits, against long double. */
static double
turn_error(unsigned bits, uint64_t step)
{
	double worst = 0;

	for (uint64_t k = 0; k < (uint64_t)1 << bits; k += step) {
		long double a = tau * (long double)k / (long double)((uint64_t)1 << bits);
		double c, s;

		dsp_turn(k, bits, &c, &s);
		worst = fmax(worst, (double)fabsl((long double)c - cosl(a)));
		worst = fmax(worst, (double)fabsl((long double)s - sinl(a)));
	}
	return worst * 0x1p53;
}

static void
test_turn(void)
{
	double c, s, c2, s2;
	int same = 1;

	for (unsigned k = 0; k < 4; k++) {
		static const double want[4][2] = { { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 } };

		dsp_turn(k, 2, &c, &s);
		same &= c == want[k][0] && s == want[k][1];
		dsp_turn((uint64_t)k << 30, 32, &c, &s);
		same &= c == want[k][0] && s == want[k][1];
	}
	ok(same, "quarter turns are exact");
	dsp_turn(1, 3, &c, &s);
	ok(fabs(c - 0.70710678118654752) < 1.2e-16 && fabs(s - c) < 1.2e-16, "an eighth is sqrt(1/2)");
	dsp_turn(5, 4, &c, &s);
	dsp_turn(5 + 16 * 7, 4, &c2, &s2);
	ok(c == c2 && s == s2, "whole turns do not matter");
	ok_near(turn_error(12, 1), 0, 1.0, "4096 points are within 2^-53");
	ok_near(turn_error(24, 997), 0, 1.0, "2^24 points are within 2^-53");
}

/* Relative rms error of fft_real(), and of the way there and back. */
static void
test_size(size_t n)
{
	struct fft *f = fft_new(n);
	double *x = calloc(n, sizeof *x), *y = calloc(n, sizeof *y), *z = calloc(n + 2, sizeof *z);
	long double *c = calloc(n, sizeof *c), *s = calloc(n, sizeof *s);
	double err = 0, sum = 0, back = 0, power = 0;
	uint32_t seed = (uint32_t)n;
	char what[64];

	if (!f || !x || !y || !z || !c || !s)
		exit(1);
	for (size_t i = 0; i < n; i++) {
		x[i] = noise(&seed);
		c[i] = cosl(tau * (long double)i / (long double)n);
		s[i] = sinl(tau * (long double)i / (long double)n);
	}
	fft_real(f, x, z);
	for (size_t k = 0; k <= n / 2; k += n > 4096 ? n / 64 + 1 : 1) {
		long double re = 0, im = 0;

		for (size_t t = 0; t < n; t++) {
			re += x[t] * c[k * t % n];
			im -= x[t] * s[k * t % n];
		}
		err += (double)((z[2 * k] - re) * (z[2 * k] - re) +
		    (z[2 * k + 1] - im) * (z[2 * k + 1] - im));
		sum += (double)(re * re + im * im);
	}
	fft_real_inverse(f, z, y);
	for (size_t i = 0; i < n; i++) {
		back += (y[i] - x[i]) * (y[i] - x[i]);
		power += x[i] * x[i];
	}
	snprintf(what, sizeof what, "n = %zu: error %.2g there, %.2g and back", n, sqrt(err / sum), sqrt(back / power));
	ok(fft_size(f) == n && sqrt(err / sum) < 6e-16 && sqrt(back / power) < 6e-16, what);
	ok(z[1] == 0 && z[n + 1] == 0, "the first and the last bin are real");
	free(x);
	free(y);
	free(z);
	free(c);
	free(s);
	fft_free(f);
}

static void
square(double *bins, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		double re = bins[2 * k], im = bins[2 * k + 1];

		bins[2 * k] = re * re - im * im;
		bins[2 * k + 1] = 2 * re * im;
	}
}

/* What treats all bins alike comes to the same in place: a signal convolved with itself. */
static void
test_here(unsigned bits)
{
	size_t n = (size_t)1 << bits;
	double *x = mem_zalloc(n, sizeof *x), *z = mem_zalloc(n + 2, sizeof *z), *y = mem_zalloc(n + 2, sizeof *y);
	struct fft *f = fft_new(n);
	double err = 0, sum = 0;
	uint32_t seed = bits;
	char what[64];

	if (!f || !x || !y || !z)
		exit(1);
	for (size_t t = 0; t < n; t++)
		y[t] = x[t] = noise(&seed);
	fft_real(f, x, z);
	square(z, n / 2 + 1);
	fft_real_inverse(f, z, x);
	fft_real_here(f, y);
	square(y, n / 2 + 1);
	fft_real_inverse_here(f, y);
	for (size_t t = 0; t < n; t++) {
		err += (x[t] - y[t]) * (x[t] - y[t]);
		sum += x[t] * x[t];
	}
	snprintf(what, sizeof what, "n = 2^%u: in place the same to %.2g", bits, sqrt(err / sum));
	ok(sum > 0 && sqrt(err / sum) < 2e-15, what);
	mem_free(x);
	mem_free(y);
	mem_free(z);
	fft_free(f);
}

/* Three clicks, whose spectrum is known at every bin: for sizes where the sum takes too long. */
static void
test_clicks(unsigned bits)
{
	size_t n = (size_t)1 << bits, at[3] = { 1, n / 3, n - 2 };
	double *x = mem_zalloc(n, sizeof *x), *z = mem_zalloc(n + 2, sizeof *z), g[3] = { 0.5, -1.25, 2 };
	struct fft *f = fft_new(n);
	double err = 0, sum = 0, back = 0;
	char what[64];

	if (!f || !x || !z)
		exit(1);
	for (int i = 0; i < 3; i++)
		x[at[i]] = g[i];
	fft_real(f, x, z);
	for (size_t k = 0; k <= n / 2; k += n / 4096 + 1) {
		long double re = 0, im = 0;

		for (int i = 0; i < 3; i++) {
			long double a = tau * (long double)(at[i] * k % n) / (long double)n;

			re += g[i] * cosl(a);
			im -= g[i] * sinl(a);
		}
		err += (double)((z[2 * k] - re) * (z[2 * k] - re) + (z[2 * k + 1] - im) * (z[2 * k + 1] - im));
		sum += (double)(re * re + im * im);
	}
	fft_real_inverse(f, z, x);
	for (size_t t = 0; t < n; t++) {
		double want = t == at[0] ? g[0] : t == at[1] ? g[1] : t == at[2] ? g[2] : 0;

		back = fmax(back, fabs(x[t] - want));
	}
	snprintf(what, sizeof what, "n = 2^%u: error %.2g there, %.2g and back", bits, sqrt(err / sum), back);
	ok(sqrt(err / sum) < 6e-16 && back < 1e-15, what);
	mem_free(x);
	mem_free(z);
	fft_free(f);
}

int
main(void)
{
	test_turn();
	for (size_t n = 2; n <= 4096; n *= 2)
		test_size(n);
	test_size((size_t)1 << 15);
	test_size((size_t)1 << 18);
	for (unsigned bits = 19; bits <= 22; bits++)
		test_clicks(bits);
	for (unsigned bits = 1; bits <= 20; bits++)
		test_here(bits);
	ok(!fft_new(0) && !fft_new(1) && !fft_new(3) && !fft_new(1000), "only powers of two from 2");
	ok(!fft_new((size_t)1 << 27), "2^27 is refused");
	ok(fft_size_for(0) == 2 && fft_size_for(1000) == 1024 && fft_size_for(1024) == 1024 &&
	    fft_size_for((size_t)1 << 26) == (size_t)1 << 26 &&
	    fft_size_for(((size_t)1 << 26) + 1) == 0, "fft_size_for() rounds up");
	return done();
}
