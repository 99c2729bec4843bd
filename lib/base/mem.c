/* mem.c - sizes that cannot overflow, and memory aligned for SIMD. */
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

int
size_mul(size_t a, size_t b, size_t *out)
{
	return __builtin_mul_overflow(a, b, out) ? -1 : 0;
}

int
size_add(size_t a, size_t b, size_t *out)
{
	return __builtin_add_overflow(a, b, out) ? -1 : 0;
}

void *
mem_zalloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	/* aligned_alloc wants a multiple of the alignment */
	if (size_mul(n, size, &bytes) || size_add(bytes, 63, &bytes))
		return NULL;
	bytes &= ~(size_t)63;
	bytes = bytes ? bytes : 64;
	p = aligned_alloc(64, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}

void
mem_free(void *p)
{
	free(p);
}
