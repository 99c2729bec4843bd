/* conv_impl.h - what conv.c and its kernels share; private to conv*.c.
 *
 * A transform takes two blocks of the signal at once, one as the real and one as the imaginary part: a
 * real response leaves them apart.  Point i of n lies in row i / 8, lane i % 8; a row is eight real and then eight imaginary
 * parts, so the first stages go down the rows, with lanes side by side and the same twiddles for all.  The last three levels
 * go across the lanes: eight rows, a "tile", are transposed for them.  Spectra stay in the order in which they come out: point i is
 * in tile i / 64, lane i / 8 % 8, row i % 8 of it, and when bin k is point i of 2^m..2^(m+1) - 1, bin -k is point 3 * 2^m - 1 - i.
 * A response is real and these two are conjugates: of the tiles beyond the first two only half are kept. */
#ifndef DSP_CONV_IMPL_H
#define DSP_CONV_IMPL_H
#include "dsp/conv.h"
#include <stddef.h>

enum { CONV_MAX_STAGES = 16 };

/* Tables for transforms of n points, n / 8 = rows.  Stage 0 is the first there, from the signal, and the last back; the
 * product of all radices is rows / 8.  A twiddle is given by cosine and tangent. */
struct conv_plan {
	size_t n, rows;
	size_t gap;              /* doubles between the blocks that come out of the first two stages; 0: these are done one by one */
	unsigned stages;
	unsigned char radix[CONV_MAX_STAGES + 1]; /* 4 or 8 */
	double *there;           /* 6 for each block of a radix-4 stage: cos 2a, tan 2a, tan a, tan 3a, cos 3a / cos a, cos a */
	double *down;            /* 8 for each block of a radix-8 stage, or tile: cos and tan of 4a, 2a, a, a + 1/8 turn */
	double *back[CONV_MAX_STAGES]; /* of each stage the same 6 or 8 for each j of the way back */
	double *across;          /* for each tile 8 rows of 8 such for its 8 rows */
};

/* n: a power of two, 2^12..2^26; two: with a gap.  NULL: no memory. */
struct conv_plan *conv_plan_new(size_t n, int two);
void conv_plan_free(struct conv_plan *p); /* NULL is fine */

/* One transform there, back, or both with a product between. */
struct conv_job {
	const struct conv_plan *plan;
	double *z;               /* conv_plan_room(), scratch */
	const float *in[2];      /* n frames each; NULL: no way there, only back */
	int begun;               /* z has been through the first stages there: this was `next` of the job before */
	const float *next[2];    /* of the job that follows, whose first stages are done with the last ones here; or NULL */
	double *x;               /* rows * 16: the spectrum is kept here, which may be z where there is no way back; NULL: it is not */
	size_t terms;            /* spectra to be multiplied and summed, in order; 0: no way back */
	const double *const *h;  /* of the responses, scaled, half of it kept */
	const double *const *xs; /* of the signal, where nothing comes from `in`; else that is the one term */
	float *out[2];           /* n - skip frames each */
	const float *ahead;      /* what will be fed next: ahead_lines cache lines for each tile are brought nearer meanwhile */
	size_t ahead_lines;
	size_t skip;             /* frames at the start of a block that are not given, a multiple of 8 */
};

size_t conv_plan_room(const struct conv_plan *p); /* doubles of z */

/* Whether tile b is left out, being the conjugate of tile 3 * 2^m - 1 - b, its rows and lanes in reverse. */
static inline int
conv_mirrored(size_t b)
{
	return b > 1 && (b >> (62 - __builtin_clzll(b)) & 1);
}

/* How many tiles are kept before tile b, or before the one that it mirrors. */
static inline size_t
conv_kept(size_t b)
{
	size_t from;

	if (b < 2)
		return b;
	from = (size_t)1 << (63 - __builtin_clzll(b));
	return from / 2 + 1 + (conv_mirrored(b) ? 2 * from - 1 - b : b - from);
}

/* Whether these are paths as conv.h wants them. */
int conv_check(int64_t taps, int ins, int outs, const struct conv_path *paths, size_t n, struct err *e);

typedef void conv_fn(const struct conv_job *j);
conv_fn conv_generic;
#if defined __x86_64__
conv_fn conv_avx2, conv_avx512;
#elif defined __aarch64__
conv_fn conv_neon;
#endif
#endif
