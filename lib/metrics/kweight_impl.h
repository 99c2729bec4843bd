/* kweight_impl.h - what kweight.c and its kernels share; private to kweight*.c. */
#ifndef METRICS_KWEIGHT_IMPL_H
#define METRICS_KWEIGHT_IMPL_H
#include "metrics/kweight.h"

/* A block of KWEIGHT_BLOCK samples: out = now^T x + later^T s, and s becomes stay^T s + in^T x.  A row is what one number
 * of x or s does to all outputs or states. */
struct kweight_block {
	_Alignas(64) double now[KWEIGHT_BLOCK][KWEIGHT_BLOCK], later[KWEIGHT_STATE][KWEIGHT_BLOCK];
	_Alignas(64) double in[KWEIGHT_BLOCK][KWEIGHT_STATE], stay[KWEIGHT_STATE][KWEIGHT_STATE];
};

/* The squares of the outputs of `blocks` blocks, added up. */
typedef double kweight_fn(const struct kweight_block *b, double *state, const float *x, size_t blocks);
kweight_fn kweight_generic, kweight_avx2, kweight_avx512;
#endif
