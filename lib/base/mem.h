/* mem.h - sizes that cannot overflow, and memory aligned for SIMD. */
#ifndef BASE_MEM_H
#define BASE_MEM_H
#include <stddef.h>

/* *out = a * b (or a + b).  Returns 0, or -1 if it does not fit in size_t. */
int size_mul(size_t a, size_t b, size_t *out);
int size_add(size_t a, size_t b, size_t *out);

/* n * size zeroed bytes aligned to 64, or NULL (also when n * size overflows).
 * n == 0 gives a pointer that can be freed.  Release with mem_free(). */
void *mem_zalloc(size_t n, size_t size);
void mem_free(void *p); /* NULL is fine */
#endif
