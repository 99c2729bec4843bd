/* truepeak_generic.c - the interpolation in plain C; the reference. */
#include "metrics/truepeak_impl.h"
#include <math.h>
#define W 1
#define TRUEPEAK_FN truepeak_generic
#define TRUEPEAK_BLOCKS truepeak_blocks_generic
typedef double V;
#define v_zero() 0.0
#define v_set1(c) (c)
#define v_load(p) ((double)*(p))
#define v_max(a, b) ((a) > (b) ? (a) : (b))
#define v_abs(a) fabs(a)
#define v_mul(a, b) ((a) * (b))
#define v_add(a, b) ((a) + (b))
#define v_store(p, a) (*(p) = (a))
#include "metrics/truepeak_kernel.h"
