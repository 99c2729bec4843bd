/* utf8.h - text from outside made safe to draw and to print on one line. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H
#include "base/str.h"
#include <stddef.h>

/* A malloc'd copy of bytes[n] as valid UTF-8 (RFC 3629) of at most max_chars characters, then an
 * ellipsis when there was more; NULL when out of memory.
 * Bytes that are no UTF-8 and noncharacters become U+FFFD, one for each byte that cannot start or continue
 * a sequence; newlines, tabs and the Unicode line separators become a space; other control characters
 * are dropped, and so are those that reorder text (U+202A..E, U+2066..9, U+200E, U+200F, U+061C), so
 * that a name cannot make its neighbours read backwards. */
char *utf8_clean(const char *bytes, size_t n, size_t max_chars);

/* The same for a string. */
char *utf8_clean_str(const char *s, size_t max_chars);

/* Add s, clean, as a cell of a table: at most `width` characters (1 or more), the ellipsis included, and spaces up to `fill`. */
void utf8_cell(struct str *out, const char *s, int width, int fill);

/* Malloc'd bytes[n] with what is no UTF-8 replaced by U+FFFD and all else as it was; *out_n its length.
 * For text formats such as JSON, whose newlines and controls mean something. */
char *utf8_repair(const char *bytes, size_t n, size_t *out_n);
#endif
