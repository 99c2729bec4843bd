/* specdist_generic.c - spectral distances in plain C, one window after the other; the reference. */
#include "metrics/specdist_impl.h"
#include <math.h>
#include <stdint.h>
#include <string.h>
#define W 1
#define SPECDIST_FN specdist_generic
typedef float V;
typedef int32_t I;
static inline I
v_bits(V a)
{
	I i;

	memcpy(&i, &a, sizeof i);
	return i;
}
static inline V
v_from(I i)
{
	V a;

	memcpy(&a, &i, sizeof a);
	return a;
}
#define v_max(a, b) ((a) > (b) ? (a) : (b))
#define v_min(a, b) ((a) < (b) ? (a) : (b))
#define v_sqrt(a) sqrtf(a)
#define v_of(i) ((V)(i))
#define v_set(c) ((V)(c))
#define i_set(c) ((I)(c))
#include "metrics/specdist_kernel.h"
