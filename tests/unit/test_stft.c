/* test_stft.c - powers of windows against a plain transform in double precision, on every instruction set alike. */
#include "../tap.h"
#include "base/isa.h"
#include "base/mem.h"
#include "dsp/fft.h"
#include "dsp/stft.h"
#include <stdlib.h>
#include <string.h>

static float x[1 << 17];
static double in[1 << 16], out[(1 << 16) + 2];

/* The largest error of some bins, of the strongest bin of its window. */
static double
error(size_t n, size_t window, size_t count)
{
	struct stft *s = stft_new(n, window);
	struct fft *f = fft_new(n);
	size_t at[STFT_LANES], bins = s ? stft_bins(s) : 0;
	float *p = mem_zalloc(bins, STFT_LANES * sizeof *p);
	double worst = 0;

	if (!s || !f || !p || bins != n / 2 + 1)
		abort();
	for (size_t l = 0; l < count; l++)
		at[l] = l * 977 % (sizeof x / sizeof *x - window);
	stft_power(s, x, at, count, p);
	for (size_t l = 0; l < count; l++) {
		double top = 0, most = 0;

		memset(in, 0, n * sizeof *in);
		for (size_t i = 0; i < window; i++)
			in[i] = (double)x[at[l] + i] * pow(sin(M_PI * (double)i / (double)window), 2);
		fft_real(f, in, out);
		for (size_t k = 0; k < bins; k++) {
			double e = out[2 * k] * out[2 * k] + out[2 * k + 1] * out[2 * k + 1];

			top = fmax(top, e);
			/* as amplitudes, or small bins would not count */
			most = fmax(most, fabs(sqrt(e) - sqrt((double)p[k * STFT_LANES + l])));
		}
		worst = fmax(worst, most / sqrt(top));
	}
	stft_free(s);
	fft_free(f);
	mem_free(p);
	return worst;
}

/* Whether every instruction set there is gives the same bits. */
static int
same(void)
{
	static const enum isa all[] = { ISA_GENERIC, ISA_NEON, ISA_AVX2, ISA_AVX512 };
	static _Alignas(64) float first[513 * STFT_LANES], p[513 * STFT_LANES];
	size_t at[STFT_LANES];
	char old[32] = "";
	int equal = 1;

	if (getenv("SHOOTOUT_ISA"))
		snprintf(old, sizeof old, "%s", getenv("SHOOTOUT_ISA"));
	for (size_t l = 0; l < STFT_LANES; l++)
		at[l] = l * 333;
	for (size_t i = 0; i < 4; i++) {
		struct stft *s;

		if (!isa_have(all[i]))
			continue;
		setenv("SHOOTOUT_ISA", isa_name(all[i]), 1);
		if (!(s = stft_new(1024, 1000)))
			abort();
		stft_power(s, x, at, STFT_LANES, i ? p : first);
		equal &= !i || !memcmp(p, first, sizeof p);
		stft_free(s);
	}
	*old ? setenv("SHOOTOUT_ISA", old, 1) : unsetenv("SHOOTOUT_ISA");
	return equal;
}

int
main(void)
{
	static const size_t sizes[][3] = { { 16, 16, 16 }, { 32, 13, 3 }, { 64, 64, 16 }, { 512, 240, 16 }, { 1024, 600, 7 },
		{ 2048, 2048, 16 }, { 8192, 8000, 1 }, { 65536, 65536, 2 } };
	unsigned seed = 1;
	double worst = 0;
	struct stft *s;

	for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
		seed = seed * 1664525u + 1013904223u;
		x[i] = (float)(0.5 * sin(0.1 * (double)i) + 0.001 * ((double)(seed >> 8) / (1 << 23) - 1));
	}
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		double e = error(sizes[i][0], sizes[i][1], sizes[i][2]);

		worst = fmax(worst, e);
	}
	printf("# worst %.1f dB\n", 20 * log10(worst));
	ok(worst < 4e-7, "every bin of every window is right to -128 dB of the strongest");
	ok(same(), "the same bits with every instruction set");
	s = stft_new(1024, 600);
	ok_near(stft_window_square(s), 0.375 * 600, 1e-4, "the energy of a Hann window");
	stft_free(s);
	return done();
}
