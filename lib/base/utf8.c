/* utf8.c - text from outside made safe to draw and to print on one line. */
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* The character at s[n] into *cp.  Returns its length, or 0 if the first byte starts none. */
static size_t
decode(const unsigned char *s, size_t n, uint32_t *cp)
{
	/* least value by length: what could be shorter is overlong, and refused */
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
	    s[0] < 0xf5 ? 4 : 0;

	if (len == 0 || len > n)
		return 0;
	*cp = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3f);
	}
	return *cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000) ? 0 : len;
}

static int
is_space(uint32_t c)
{
	return (c >= 9 && c <= 13) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static int
is_dropped(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0x61c || c == 0xfeff;
}

static int
is_noncharacter(uint32_t c)
{
	return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

char *
utf8_clean(const char *bytes, size_t n, size_t max_chars)
{
	const unsigned char *s = (const unsigned char *)bytes;
	struct str out = { 0 };
	size_t chars = 0;

	str_addn(&out, "", 0);
	for (size_t i = 0; i < n; ) {
		uint32_t c = 0xfffd;
		size_t len = decode(s + i, n - i, &c);

		if (len && !is_space(c) && is_dropped(c)) {
			i += len;
			continue;
		}
		if (chars++ == max_chars) {
			str_add(&out, "\xe2\x80\xa6");
			break;
		}
		if (!len || is_noncharacter(c))
			str_add(&out, REPLACEMENT);
		else if (is_space(c))
			str_add(&out, " ");
		else
			str_addn(&out, bytes + i, len);
		i += len ? len : 1;
	}
	if (out.failed) {
		str_free(&out);
		return NULL;
	}
	return out.s;
}

char *
utf8_clean_str(const char *s, size_t max_chars)
{
	return utf8_clean(s, strlen(s), max_chars);
}

static int
characters(const char *s)
{
	int n = 0;

	for (; s && *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

void
utf8_cell(struct str *out, const char *s, int width, int fill)
{
	char *clean = utf8_clean_str(s, (size_t)width);
	int chars = characters(clean);

	if (chars > width) {            /* the ellipsis has no room */
		free(clean);
		clean = utf8_clean_str(s, (size_t)width - 1);
		chars = characters(clean);
	}
	str_addf(out, "%s%*s", clean ? clean : "", fill > chars ? fill - chars : 0, "");
	out->failed |= !clean;
	free(clean);
}

char *
utf8_repair(const char *bytes, size_t n, size_t *out_n)
{
	struct str out = { 0 };
	uint32_t c;

	str_addn(&out, "", 0);
	for (size_t i = 0; i < n; ) {
		size_t len = decode((const unsigned char *)bytes + i, n - i, &c);

		str_addn(&out, len ? bytes + i : REPLACEMENT, len ? len : 3);
		i += len ? len : 1;
	}
	if (out.failed) {
		str_free(&out);
		return NULL;
	}
	*out_n = out.len;
	return out.s;
}
