/* fft.h - Fourier transforms of real signals, powers of two, double precision.
 *
 * Every result has the same bits on every machine: the twiddles come from dsp/turn.h, and the
 * additions of one transform have one order.
 *
 * Convention: X[k] = sum over t of x[t] exp(-2 pi i k t / n), unscaled; the inverse divides by
 * n, so that inverse(forward(x)) is x to within rounding (relative rms error about 1e-16 sqrt(log2 n)). */
#ifndef DSP_FFT_H
#define DSP_FFT_H
#include <stddef.h>

enum { FFT_MAX_LOG2 = 26 };

/* Tables for transforms of one length.  Read only after fft_new(), so that any number of
 * threads may share one. */
struct fft;

/* n: a power of two, 2..2^26.  NULL when it is not, or out of memory. */
struct fft *fft_new(size_t n);
size_t fft_size(const struct fft *f);
void fft_free(struct fft *f); /* NULL is fine */

/* in[n] -> bins 0..n/2 as re_im[n + 2] (re, im, re, im, ...; the imaginary parts of the first and
 * the last bin are 0).  in and re_im must not overlap.  No allocation. */
void fft_real(const struct fft *f, const double *in, double *re_im);

/* Bins 0..n/2 -> out[n].  The imaginary parts of the first and last bin are taken as 0.
 * re_im and out must not overlap.  No allocation. */
void fft_real_inverse(const struct fft *f, const double *re_im, double *out);

/* The same in place, for signals that take much memory: x[n + 2], the last two for the spectrum.  Its bins come in an order of their
 * own, all n / 2 + 1 of them, so that this is for what treats them alike. */
void fft_real_here(const struct fft *f, double *x);
void fft_real_inverse_here(const struct fft *f, double *x);

/* The least b for which 2^b >= n, which is at most 2^63. */
unsigned fft_log2(size_t n);

/* The smallest power of two that is >= n; 0 when that is above 2^26. */
size_t fft_size_for(size_t n);
#endif
