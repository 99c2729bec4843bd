/* str.h - a string that grows.
 *
 * Start from {0}.  A failed allocation is remembered in .failed and makes every
 * later call do nothing, so that a caller tests once, at the end. */
#ifndef BASE_STR_H
#define BASE_STR_H
#include <stddef.h>

struct str {
	char *s;     /* always ends in NUL once something was added; NULL before */
	size_t len, cap;
	int failed;
};

void str_add(struct str *b, const char *text);
void str_addn(struct str *b, const char *bytes, size_t n);
void str_addf(struct str *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_free(struct str *b); /* and back to {0} */

/* A malloc'd printf; NULL when out of memory.  The caller frees it. */
char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Part of a path after its last '/'; the path itself when there is none. */
const char *path_base(const char *path);
/* Extension in lower case without the dot ("wav"), "" when there is none.  out: 16 bytes. */
const char *path_ext(const char *path, char out[16]);
/* Malloc'd copy of the base name without its extension; NULL when out of memory. */
char *path_stem(const char *path);
/* Copy text to out[cap], keeping [a-z0-9] in lower case and turning every other
 * run into one '-', so that it is safe as a file name, a make target and a shell
 * word.  Never empty: "x" when nothing is left. */
void path_slug(const char *text, char *out, size_t cap);
#endif
