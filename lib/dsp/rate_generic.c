/* rate_generic.c - the rate conversion in plain C, one lane after the other; the reference. */
#include "dsp/rate_impl.h"
#include <math.h>
#define W 1
#define RATE_FN rate_generic
typedef double V;
#define v_zero() 0.0
#define v_set1(c) (c)
#define v_load(p) (*(p))
#define v_store(p, v) (*(p) = (v))
#define v_fma(a, b, c) fma(a, b, c)
#include "dsp/rate_kernel.h"
