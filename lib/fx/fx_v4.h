/* fx_v4.h - four floats side by side, with the vector types of gcc and clang: any x86-64, any AArch64, the same bits. */
#ifndef FX_V4_H
#define FX_V4_H
#include <string.h>

typedef float v4 __attribute__((vector_size(16)));

/* any alignment */
static inline v4
v4_load(const float *p)
{
	v4 v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline void
v4_store(float *p, v4 v)
{
	memcpy(p, &v, sizeof v);
}

static inline v4
v4_all(float x)
{
	return (v4){ x, x, x, x };
}

#define v4_shuffle(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif
