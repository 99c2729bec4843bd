/* nam_tree.c - read JSON into a flat array of values. */
#include "nam/nam_tree.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum type { T_NULL, T_FALSE, T_TRUE, T_NUMBER, T_STRING, T_LIST, T_OBJECT };

/* Values stand in the order of the text: a list, then all that is in it.  An object's entries are
 * key, value, key, value, ... */
struct nam_value {
	uint32_t type;
	uint32_t n;              /* list, object: entries */
	union {
		double number;
		const char *string;
		size_t span;     /* list, object: values it takes, itself included */
	} u;
};

struct nam_tree {
	char *text;              /* a copy: strings are unescaped and ended in place */
	struct nam_value *value;
	size_t n;
};

struct parser {
	char *text, *p, *end;    /* *end is NUL */
	struct nam_value *value;
	size_t n;
	const char *wrong;       /* what, at p; NULL so far */
	int depth;
};

/* ---- numbers ----------------------------------------------------------------------- */

static double
by_library(const char *s)
{
	/* strtod() would read the decimal point of the user's language */
	static locale_t c_locale;
	locale_t l = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);

	if (!l) {
		/* glibc's own "C" locale: no memory, the same in all threads */
		l = newlocale(LC_ALL_MASK, "C", (locale_t)0);
		if (!l)
			return NAN;
		__atomic_store_n(&c_locale, l, __ATOMIC_RELEASE);
	}
	return strtod_l(s, NULL, l);
}

/* digits * 10^exp10 to the nearest double, when that can be proved; else 0 and *sure is 0.
 *
 * Up to 18 digits are hi + lo, both doubles and exact; 10^k is exact to k = 22.  q = hi / 10^k is
 * off by the remainder r = hi - q 10^k, which is a double, and fma() gives it.  So the quotient is
 * q + (r + lo) / 10^k, the second part right to 2^-51 of itself.  Rounding goes upwards with what is
 * rounded: where a second part 2^-48 smaller and one larger give the same double, so does the
 * true one. */
static double
by_division(uint64_t digits, int exp10, int *sure)
{
	static const double ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13,
		1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	const int k = exp10 < 0 ? -exp10 : exp10;
	double hi = (double)digits, lo, q, part, a, b;

	*sure = k <= 22;
	if (!*sure)
		return 0;
	if (digits <= UINT64_C(1) << 53)
		return exp10 < 0 ? hi / ten[k] : hi * ten[k];
	lo = (double)(int64_t)(digits - (uint64_t)hi);
	if (exp10 > 0) {
		*sure = 0;
		return 0;
	}
	q = hi / ten[k];
	part = (fma(-q, ten[k], hi) + lo) / ten[k];
	a = q + part * (1 - 0x1p-48);
	b = q + part * (1 + 0x1p-48);
	*sure = a == b;
	return a;
}

double
nam_decimal(const char *s, const char **end)
{
	const char *p = s, *first;
	uint64_t digits = 0;
	int negative = *p == '-', n_digits = 0, exp10 = 0, e = 0, sure = 1;
	double x;

	*end = s;
	p += negative;
	if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
		return 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (n_digits < 18) {
			digits = digits * 10 + (uint64_t)(*p - '0');
			n_digits += digits > 0;
		} else {
			sure = 0;
		}
	if (*p == '.') {
		p++;
		if (*p < '0' || *p > '9')
			return 0;
		for (first = p; *p >= '0' && *p <= '9'; p++)
			if (n_digits < 18) {
				digits = digits * 10 + (uint64_t)(*p - '0');
				n_digits += digits > 0;
			} else {
				sure = 0;
			}
		sure &= p - first < 100;
		exp10 = sure ? (int)(first - p) : 0;
	}
	if (*p == 'e' || *p == 'E') {
		int minus = p[1] == '-';

		p += 1 + (p[1] == '-' || p[1] == '+');
		if (*p < '0' || *p > '9')
			return 0;
		for (; *p >= '0' && *p <= '9'; p++)
			e = e < 10000 ? e * 10 + (*p - '0') : e;
		exp10 += minus ? -e : e;
	}
	*end = p;
	if (sure)
		x = digits ? by_division(digits, exp10, &sure) : 0;
	if (!sure)
		return by_library(s);
	return negative ? -x : x;
}

/* ---- text -------------------------------------------------------------------------- */

static int
fail(struct parser *r, const char *wrong)
{
	if (!r->wrong)
		r->wrong = wrong;
	return -1;
}

static void
skip_space(struct parser *r)
{
	while (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r')
		r->p++;
}

static struct nam_value *
add(struct parser *r, enum type type)
{
	struct nam_value *v = &r->value[r->n++];

	v->type = type;
	v->n = 0;
	v->u.span = 1;
	return v;
}

/* Four hexadecimal digits, or -1. */
static long
hex4(const char *p)
{
	long v = 0;

	for (int i = 0; i < 4; i++) {
		const char *at = *p ? strchr("0123456789abcdef0123456789ABCDEF", *p++) : NULL;

		if (!at)
			return -1;
		v = v * 16 + (at - "0123456789abcdef0123456789ABCDEF") % 16;
	}
	return v;
}

static char *
put_utf8(char *to, long c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* What follows a backslash, to *to; an escape is never shorter than what it stands for. */
static int
escape(struct parser *r, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *at = *r->p ? strchr(from, *r->p) : NULL;
	long c, low;

	if (at) {
		*(*to)++ = into[at - from];
		r->p++;
		return 0;
	}
	if (*r->p != 'u' || (c = hex4(r->p + 1)) < 0)
		return fail(r, "an escape that JSON does not have");
	if (c >= 0xd800 && c < 0xdc00) {
		low = r->p[5] == '\\' && r->p[6] == 'u' ? hex4(r->p + 7) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(r, "half a surrogate pair");
		c = 0x10000 + (c - 0xd800) * 0x400 + low - 0xdc00;
		r->p += 6;
	} else if (c == 0 || (c >= 0xdc00 && c < 0xe000)) {
		return fail(r, c ? "half a surrogate pair" : "a NUL in a string");
	}
	r->p += 5;
	*to = put_utf8(*to, c);
	return 0;
}

static int
parse_string(struct parser *r)
{
	char *to = r->p + 1;

	add(r, T_STRING)->u.string = to;
	for (r->p++; *r->p != '"'; ) {
		if ((unsigned char)*r->p < 0x20)
			return fail(r, "a control character in a string");
		if (*r->p == '\\') {
			r->p++;
			if (escape(r, &to))
				return -1;
		} else {
			*to++ = *r->p++;
		}
	}
	*to = 0; /* at the quote or before it */
	r->p++;
	return 0;
}

static int
parse_number(struct parser *r)
{
	struct nam_value *v = add(r, T_NUMBER);
	const char *end;

	v->u.number = nam_decimal(r->p, &end);
	if (end == r->p)
		return fail(r, "no value that JSON has");
	if (!isfinite(v->u.number))
		return fail(r, "a number that is too large");
	r->p += end - r->p;
	return 0;
}

static int
parse_word(struct parser *r, const char *word, enum type type)
{
	const size_t n = strlen(word);

	if (strncmp(r->p, word, n))
		return fail(r, "no value that JSON has");
	r->p += n;
	add(r, type);
	return 0;
}

static int parse_value(struct parser *r);

/* "key": in front of a value. */
static int
parse_key(struct parser *r)
{
	skip_space(r);
	if (*r->p != '"')
		return fail(r, "a key in quotes is wanted");
	if (parse_string(r))
		return -1;
	skip_space(r);
	if (*r->p != ':')
		return fail(r, "':' is wanted");
	r->p++;
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	int order = strcmp(*x, *y);

	return order ? order : (*x > *y) - (*x < *y);
}

/* Players take the first of two equal keys or the last: what such a file means is not known.  keys: of an object. */
static int
refuse_twins(struct parser *r, size_t object, uint32_t n)
{
	enum { FEW = 64 };
	const char *few[FEW], **key = n <= FEW ? few : malloc(n * sizeof *key), *twin = NULL;
	size_t at = object + 1;

	if (!key)
		return fail(r, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		const struct nam_value *v = &r->value[at + 1];

		key[i] = r->value[at].u.string;
		at += 1 + (v->type == T_LIST || v->type == T_OBJECT ? v->u.span : 1);
	}
	qsort(key, n, sizeof *key, by_text);
	for (uint32_t i = 1; i < n && !twin; i++)
		if (!strcmp(key[i - 1], key[i]))
			twin = key[i];
	if (key != few)
		free(key);
	if (!twin)
		return 0;
	r->p = r->text + (twin - r->text);
	return fail(r, "this key is there twice");
}

static int
parse_entries(struct parser *r, enum type type)
{
	const char close = type == T_LIST ? ']' : '}';
	const size_t at = r->n;
	uint32_t n = 0;

	add(r, type);
	if (++r->depth > NAM_TREE_DEPTH)
		return fail(r, "lists in lists, too deep");
	r->p++;
	skip_space(r);
	while (*r->p != close || n) {
		if ((type == T_OBJECT && parse_key(r)) || parse_value(r))
			return -1;
		n++;
		skip_space(r);
		if (*r->p == close)
			break;
		if (*r->p != ',')
			return fail(r, type == T_LIST ? "',' or ']' is wanted" : "',' or '}' is wanted");
		r->p++;
	}
	r->p++;
	r->depth--;
	r->value[at].n = n;
	r->value[at].u.span = r->n - at;
	return type == T_OBJECT && n > 1 ? refuse_twins(r, at, n) : 0;
}

static int
parse_value(struct parser *r)
{
	skip_space(r);
	switch (*r->p) {
	case '{': return parse_entries(r, T_OBJECT);
	case '[': return parse_entries(r, T_LIST);
	case '"': return parse_string(r);
	case 't': return parse_word(r, "true", T_TRUE);
	case 'f': return parse_word(r, "false", T_FALSE);
	case 'n': return parse_word(r, "null", T_NULL);
	default: return parse_number(r);
	}
}

struct nam_tree *
nam_tree_parse(const char *text, size_t len, struct err *e)
{
	struct nam_tree *t = calloc(1, sizeof *t);
	struct parser r = { 0 };
	size_t most = 1, line = 1, column = 1;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	/* before a value or key stands one of these, or nothing */
	for (size_t i = 0; i < len; i++)
		most += text[i] == ',' || text[i] == '[' || text[i] == '{' || text[i] == ':';
	if (!t || most > SIZE_MAX / sizeof *t->value || most > UINT32_MAX ||
	    !(t->text = malloc(len + 1)) || !(t->value = malloc(most * sizeof *t->value))) {
		err_set(e, ERR_NOMEM, "out of memory");
		nam_tree_free(t);
		return NULL;
	}
	memcpy(t->text, text, len);
	t->text[len] = 0;
	r.text = r.p = t->text;
	r.end = r.p + len;
	r.value = t->value;
	if (parse_value(&r)) {
		for (const char *p = text; p < text + (r.p - r.text); p++) {
			column = *p == '\n' ? 1 : column + 1;
			line += *p == '\n';
		}
		err_set(e, ERR_INPUT, "not JSON: line %zu, column %zu: %s", line, column,
		    r.p == r.end ? "the text ends too early" : r.wrong);
		nam_tree_free(t);
		return NULL;
	}
	t->n = r.n;
	return t;
}

void
nam_tree_free(struct nam_tree *t)
{
	if (!t)
		return;
	free(t->value);
	free(t->text);
	free(t);
}

const struct nam_value *
nam_tree_root(const struct nam_tree *t)
{
	return t->value;
}

/* ---- looking ----------------------------------------------------------------------- */

static int
is(const struct nam_value *v, enum type type)
{
	return v && v->type == type;
}

static size_t
span(const struct nam_value *v)
{
	return v->type == T_LIST || v->type == T_OBJECT ? v->u.span : 1;
}

const struct nam_value *
nam_next(const struct nam_value *v)
{
	return v ? v + span(v) : NULL;
}

const struct nam_value *
nam_get(const struct nam_value *o, const char *key)
{
	const struct nam_value *k;

	if (!is(o, T_OBJECT))
		return NULL;
	k = o + 1;
	for (uint32_t i = 0; i < o->n; i++, k = nam_next(k + 1))
		if (!strcmp(k->u.string, key))
			return k + 1;
	return NULL;
}

size_t
nam_size(const struct nam_value *v)
{
	return is(v, T_LIST) ? v->n : 0;
}

const struct nam_value *
nam_at(const struct nam_value *v, size_t i)
{
	if (i >= nam_size(v))
		return NULL;
	if (v->u.span == v->n + 1u)
		return v + 1 + i;
	for (v++; i > 0; i--)
		v = nam_next(v);
	return v;
}

int nam_is_null(const struct nam_value *v) { return is(v, T_NULL); }
int nam_is_bool(const struct nam_value *v) { return is(v, T_TRUE) || is(v, T_FALSE); }
int nam_is_true(const struct nam_value *v) { return is(v, T_TRUE); }
int nam_is_number(const struct nam_value *v) { return is(v, T_NUMBER); }
int nam_is_list(const struct nam_value *v) { return is(v, T_LIST); }
int nam_is_object(const struct nam_value *v) { return is(v, T_OBJECT); }

double
nam_number(const struct nam_value *v)
{
	return is(v, T_NUMBER) ? v->u.number : 0;
}

const char *
nam_string(const struct nam_value *v)
{
	return is(v, T_STRING) ? v->u.string : NULL;
}
