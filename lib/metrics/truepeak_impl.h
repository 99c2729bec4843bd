/* truepeak_impl.h - what truepeak.c and its kernels share; private to truepeak*.c. */
#ifndef METRICS_TRUEPEAK_IMPL_H
#define METRICS_TRUEPEAK_IMPL_H
#include <stddef.h>

/* Taps of a phase at 4 and at 2 times the rate, and the phases between two samples. */
enum { TRUEPEAK_TAPS_4 = 12, TRUEPEAK_TAPS_2 = 24, TRUEPEAK_PHASES = 3, TRUEPEAK_BLOCK = 8 };

struct truepeak_filter {
	size_t phases;     /* TRUEPEAK_PHASES with TRUEPEAK_TAPS_4 each, or 1 with TRUEPEAK_TAPS_2 */
	double c[TRUEPEAK_PHASES * TRUEPEAK_TAPS_4];  /* a row of taps for each phase */
	float e[TRUEPEAK_PHASES * TRUEPEAK_TAPS_4];   /* the same */
};

/* The largest absolute value of the sums of products, newest sample first, at each of the n frames of x, a multiple of 8 but
 * for truepeak_generic; the taps - 1 frames before x are read.  May return 0 when it is no more than `least`;
 * doubt: how far a sum in float may be off. */
typedef double truepeak_fn(const float *x, size_t n, const struct truepeak_filter *f, double least, double doubt);
truepeak_fn truepeak_generic;

/* The same for each of n blocks of TRUEPEAK_BLOCK frames; a result that is no more than `least` may be 0. */
typedef void truepeak_blocks_fn(const float *x, size_t n, const struct truepeak_filter *f, double least, double doubt,
                                double *peak);
truepeak_blocks_fn truepeak_blocks_generic;

/* How far a sum in float may be off, of samples whose largest result could be `most`: 24 roundings of 2^-24. */
static inline double
truepeak_doubt(double most)
{
	return 4e-6 * most;
}

/* The filter of a rate (truepeak.c); no result is more than what this returns times the largest sample. */
double truepeak_design(struct truepeak_filter *f, int rate_hz);
truepeak_fn *truepeak_choose(void); /* for isa_choose() */
truepeak_blocks_fn *truepeak_choose_blocks(void);
#if defined __x86_64__
truepeak_fn truepeak_avx2, truepeak_avx512;
truepeak_blocks_fn truepeak_blocks_avx2, truepeak_blocks_avx512;
#elif defined __aarch64__
truepeak_fn truepeak_neon;
truepeak_blocks_fn truepeak_blocks_neon;
#endif
#endif
