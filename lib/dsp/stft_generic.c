/* stft_generic.c - 4 windows at a time, which is all that SSE2 and NEON have too. */
#include "dsp/stft_impl.h"
#define W 4
#define FOURS(x) x(0)
#define STFT_FN stft_generic
typedef float V __attribute__((vector_size(16), may_alias));
typedef float U __attribute__((vector_size(16), may_alias, aligned(4)));

static inline V
spread(const float *h)
{
	return *(const U *)(const void *)h;
}

static inline V
join(const float *const *x, size_t i)
{
	return spread(*x + i);
}

#include "dsp/stft_kernel.h"
