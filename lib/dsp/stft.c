/* stft.c - tables as floats, and the choice of the kernel. */
#include "dsp/stft.h"
#include "base/isa.h"
#include "base/mem.h"
#include "dsp/fft.h"
#include "dsp/stft_impl.h"
#include "dsp/turn.h"

#include <stdlib.h>

struct stft {
	struct stft_job job;
	struct fft *fft;
	stft_fn *fn;
	float *tw, *half, *hann;
	double square;
};

static stft_fn *
kernel(enum isa isa)
{
	switch (isa) {
#ifdef __x86_64__
	case ISA_AVX512:
		return stft_avx512;
	case ISA_AVX2:
		return stft_avx2;
#endif
	default:
		return stft_generic;
	}
}

static float *
as_float(const double *v, size_t n)
{
	float *f = mem_zalloc(n, sizeof *f);

	for (size_t i = 0; f && i < n; i++)
		f[i] = (float)v[i];
	return f;
}

/* cos of i / n of a turn; of any n, by the one that is exact for powers of two. */
static double
cos_of(size_t i, size_t n)
{
	double c, s;

	/* 2^40 steps: off by 6e-12 of a turn at the most */
	dsp_turn((uint64_t)((double)i / (double)n * 0x1p40 + 0.5), 40, &c, &s);
	return c;
}

struct stft *
stft_new(size_t n, size_t window)
{
	struct stft *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->fn = kernel(isa_choose());
	s->fft = fft_new(n);
	if (s->fft) {
		s->tw = as_float(s->fft->tw, 2 * s->fft->m);
		s->half = as_float(s->fft->half, 2 * (s->fft->m / 2 + 1));
	}
	s->hann = mem_zalloc(window, sizeof *s->hann);
	s->job.z = mem_zalloc(n, STFT_LANES * sizeof *s->job.z);
	if (!s->tw || !s->half || !s->hann || !s->job.z) {
		stft_free(s);
		return NULL;
	}
	for (size_t i = 0; i < window; i++) {
		s->hann[i] = (float)(0.5 - 0.5 * cos_of(i, window));
		s->square += (double)s->hann[i] * (double)s->hann[i];
	}
	s->job.fft = s->fft;
	s->job.tw = s->tw;
	s->job.half = s->half;
	s->job.hann = s->hann;
	s->job.window = window;
	return s;
}

void
stft_free(struct stft *s)
{
	if (!s)
		return;
	fft_free(s->fft);
	mem_free(s->tw);
	mem_free(s->half);
	mem_free(s->hann);
	mem_free(s->job.z);
	free(s);
}

size_t
stft_bins(const struct stft *s)
{
	return s->fft->m + 1;
}

double
stft_window_square(const struct stft *s)
{
	return s->square;
}

void
stft_power(struct stft *s, const float *x, const size_t *at, size_t count, float *power)
{
	for (size_t l = 0; l < STFT_LANES; l++)
		s->job.x[l] = x + at[l < count ? l : 0];
	s->job.power = power;
	s->fn(&s->job);
}
