/* conv_impl.h - what conv.c and its kernels share; private to conv*.c. */
#ifndef DSP_CONV_IMPL_H
#define DSP_CONV_IMPL_H
#include "dsp/fft_plan.h"
#include <stddef.h>

enum { CONV_LANES = 8 };

/* One batch of one channel: forward transforms, product with the response, inverse ones. */
struct conv_job {
	const struct fft *fft; /* of n points */
	size_t hop;            /* frames from one block to the next, a multiple of 8; n - hop are overlap */
	size_t parts;          /* partitions of the response; above 1 hop is n / 2 */
	const double *h;       /* for bins k = 0..n/4: for each partition re, im of bin k,
	                        * re, im of bin n/2 - k; scaled by 1 / (2 n) */
	double *past;          /* when parts > 1, for each k: four rows (re, im of both bins) of
	                        * parts - 1 + CONV_LANES spectra, oldest first */
	double *z;             /* n/2 points of CONV_LANES lanes, scratch */
	const float *in;       /* n - hop old frames, then CONV_LANES * hop new ones */
	float *out;            /* CONV_LANES * hop frames, out_step floats apart */
	size_t out_step;
};

typedef void conv_fn(const struct conv_job *j);
conv_fn conv_generic;
#if defined __x86_64__
conv_fn conv_avx2, conv_avx512;
#elif defined __aarch64__
conv_fn conv_neon;
#endif
#endif
