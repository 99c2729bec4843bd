/* fft_plan.h - the tables behind fft.h; private to lib/dsp.
 *
 * A real transform of n = 2m points is a complex one of m points (even samples are the real,
 * odd ones the imaginary parts) and a pass that takes the two apart.  The complex transform
 * is radix 4 with one radix-2 stage of size 2 when log2 m is odd: decimation in frequency from
 * natural to digit-reversed order, in time from there back, so that nothing is ever moved just to
 * be in order.  pos[] says where a bin lies in between.
 *
 * Tables of everything cost four bytes for each byte of signal.  So beyond FFT_TABLES points the first stages take their twiddles
 * from two short tables a few at a time, and places are computed. */
#ifndef DSP_FFT_PLAN_H
#define DSP_FFT_PLAN_H
#include "dsp/turns.h"
#include <stddef.h>
#include <stdint.h>

enum { FFT_TABLES = 1 << 17 };

struct fft {
	size_t n, m;
	unsigned bits; /* 2^bits = m */
	size_t near;   /* the largest stage in the table: m, or up to FFT_TABLES */
	double *tw;    /* stages of size near, near/4, ... >= 4: for each j < size/4 w^j, w^2j, w^3j as
	                * re, im, with w = exp(-2 pi i / size) */
	double *half;  /* exp(-2 pi i k / n) as re, im for k = 0..m/2; NULL with near < m */
	uint32_t *pos; /* m: bin k -> its place in digit-reversed order; NULL with near < m */
	struct turns turns; /* with near < m: of the whole of n */
};
#endif
