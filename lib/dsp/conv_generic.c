/* conv_generic.c - the convolution in plain C, one lane after the other; the reference. */
#include "dsp/conv_impl.h"
#include <math.h>
#define W 1
#define CONV_FN conv_generic
typedef double V;
#define v_set1(c) (c)
#define v_load(p) (*(p))
#define v_store(p, v) (*(p) = (v))
#define v_fma(a, b, c) fma(a, b, c)
#define v_fnma(a, b, c) fma(-(a), b, c)
#define v_reverse(v) (v)
#define v_floats(p) ((double)*(p))
#define v_put_floats(p, v) (*(p) = (float)(v) + 0.0f)

static inline void
v_turn8(V x[8][8])
{
	for (int i = 0; i < 8; i++)
		for (int k = 0; k < i; k++) {
			V v = x[i][k];

			x[i][k] = x[k][i];
			x[k][i] = v;
		}
}
#include "dsp/conv_kernel.h"
