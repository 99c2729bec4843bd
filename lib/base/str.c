/* str.c - a string that grows. */
#include "base/str.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n more bytes and the NUL. */
static int
reserve(struct str *b, size_t n)
{
	size_t need, cap = b->cap ? b->cap : 64;
	char *s;

	if (b->failed || __builtin_add_overflow(b->len, n, &need) || ++need == 0)
		return b->failed = 1, -1;
	if (need <= b->cap)
		return 0;
	while (cap < need)
		if (__builtin_mul_overflow(cap, (size_t)2, &cap))
			return b->failed = 1, -1;
	s = realloc(b->s, cap);
	if (!s)
		return b->failed = 1, -1;
	b->s = s;
	b->cap = cap;
	return 0;
}

void
str_addn(struct str *b, const char *bytes, size_t n)
{
	if (reserve(b, n))
		return;
	memcpy(b->s + b->len, bytes, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void
str_add(struct str *b, const char *text)
{
	str_addn(b, text, strlen(text));
}

void
str_addf(struct str *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || reserve(b, (size_t)n)) {
		b->failed = 1;
	} else {
		vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void
str_free(struct str *b)
{
	free(b->s);
	memset(b, 0, sizeof *b);
}

char *
str_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !(s = malloc((size_t)n + 1)))
		return NULL;
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *
path_ext(const char *path, char out[16])
{
	const char *dot = strrchr(path_base(path), '.');
	size_t i = 0;

	if (dot && dot != path_base(path) && strlen(dot + 1) < 16)
		for (dot++; dot[i]; i++)
			out[i] = dot[i] >= 'A' && dot[i] <= 'Z' ? (char)(dot[i] + 32) : dot[i];
	out[i] = '\0';
	return out;
}

char *
path_stem(const char *path)
{
	char *s = str_printf("%s", path_base(path)), *dot = s ? strrchr(s, '.') : NULL;

	if (dot && dot != s)
		*dot = '\0';
	return s;
}

void
path_slug(const char *text, char *out, size_t cap)
{
	size_t n = 0;

	for (; *text && n + 1 < cap; text++) {
		char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n && out[n - 1] == '-')
		n--;
	if (!n && cap > 1)
		out[n++] = 'x';
	out[n] = '\0';
}
