/* stft_impl.h - what the kernels of stft.h work on; private to lib/dsp. */
#ifndef DSP_STFT_IMPL_H
#define DSP_STFT_IMPL_H
#include "dsp/fft_plan.h"
#include "dsp/stft.h"

struct stft_job {
	const struct fft *fft;
	const float *tw, *half;    /* those of fft, as float */
	const float *hann;         /* window */
	size_t window;
	float *z;                  /* n x STFT_LANES */
	const float *x[STFT_LANES];
	float *power;
};

typedef void stft_fn(const struct stft_job *j);
stft_fn stft_generic, stft_avx2, stft_avx512;
#endif
