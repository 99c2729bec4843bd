/* turns.h - cosine and sine of many parts of one turn: each is the product of two numbers from short tables.
 *
 * Faster than dsp/turn.h and with the same bits on every machine, at an error of up to 2^-52. */
#ifndef DSP_TURNS_H
#define DSP_TURNS_H
#include <stddef.h>

/* Read only once made. */
struct turns { unsigned bits, fine_bits; double *coarse, *fine; };

/* For k / 2^bits turns, bits 0..52; the tables take about 2^(bits / 2 + 5) bytes.  -1: no memory. */
int turns_make(struct turns *u, unsigned bits);
void turns_free(struct turns *u); /* one that was never made, all zeros, is fine */

/* *c = cos(2 pi k / 2^bits), *s = sin(2 pi k / 2^bits); k < 2^bits, bits at most u's. */
static inline void
turns_at(const struct turns *u, size_t k, unsigned bits, double *c, double *s)
{
	size_t at = k << (u->bits - bits);
	const double *a = u->coarse + 2 * (at >> u->fine_bits);
	const double *b = u->fine + 2 * (at & (((size_t)1 << u->fine_bits) - 1));

	*c = a[0] * b[0] - a[1] * b[1];
	*s = a[1] * b[0] + a[0] * b[1];
}
#endif
