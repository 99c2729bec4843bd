/* test_nam_tree - the reader of JSON: its grammar, its numbers against strtod(), its bounds. */
#include "nam/nam_tree.h"
#include "../tap.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1;

static uint64_t
next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* ---- numbers ----------------------------------------------------------------------- */

static int
same_double(const char *text)
{
	const char *end;
	char *lib_end;
	double got = nam_decimal(text, &end), want = strtod(text, &lib_end);

	if (!memcmp(&got, &want, sizeof got) && end == lib_end)
		return 1;
	printf("# %s: %.17g instead of %.17g\n", text, got, want);
	return 0;
}

/* Floats and doubles as programs print them, and digits nobody would. */
static void
test_random_numbers(void)
{
	enum { N = 500000 };
	int good[5] = { 1, 1, 1, 1, 1 };
	char text[64];

	for (int i = 0; i < N; i++) {
		uint64_t bits = next();
		uint32_t fbits = (uint32_t)bits;
		float f;
		double d;

		memcpy(&f, &fbits, sizeof f);
		memcpy(&d, &bits, sizeof d);
		if (isfinite(f)) {
			/* a float's digits as a double, which is what Python writes */
			snprintf(text, sizeof text, "%.17g", (double)f);
			good[0] &= same_double(text);
		}
		snprintf(text, sizeof text, "%.*g", 1 + (int)(next() % 18), ((double)(bits >> 11) * 0x1p-53 - 0.5) * 4);
		good[1] &= same_double(text);
		if (isfinite(d)) {
			snprintf(text, sizeof text, "%.*g", 1 + (int)(next() % 20), d);
			good[2] &= same_double(text);
		}
		snprintf(text, sizeof text, "%s%llu.%0*llue%d", next() & 1 ? "-" : "", (unsigned long long)(next() % 1000),
		    (int)(next() % 20), (unsigned long long)(next() % 100000), (int)(next() % 60) - 30);
		good[3] &= same_double(text);
		/* halfway between two doubles, or a last digit away from it: the hard cases; 17 to 19 digits */
		snprintf(text, sizeof text, "%llu", (unsigned long long)((bits >> 12 | UINT64_C(1) << 52) * 2 + 1 +
		    next() % 3 - 1));
		snprintf(text + strlen(text), 8, "e-%d", (int)(next() % 24));
		good[4] &= same_double(text);
	}
	ok(good[0], "numbers: floats as Python prints them");
	ok(good[1], "numbers: 1 to 18 digits around 1");
	ok(good[2], "numbers: doubles of every size, 1 to 20 digits");
	ok(good[3], "numbers: digits, a fraction and an exponent");
	ok(good[4], "numbers: next to the middle of two doubles");
}

static void
test_numbers(void)
{
	static const char *const good[] = { "0", "-0", "0.0", "1", "-1", "10", "1e22", "1e23", "123456789012345678",
		"1234567890123456789", "12345678901234567890123", "9007199254740993", "9007199254740993e-1",
		"90071992547409930e-1", "0.1", "1e-22", "1e-23", "1.7976931348623157e308", "4.9406564584124654e-324",
		"2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400", "0e999999999999", "1E+2", "1.5e-0005",
		"0.000000000000000000000000000000000000000000000000001", "100000000000000000000000e-20",
		"1.00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001" };
	static const char *const bad[] = { "", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "0x10", "NaN", "Infinity",
		"-Infinity", "1.e5", "e5" };
	const char *end;
	int all = 1, none = 1;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		all &= same_double(good[i]);
	ok(all, "numbers: edges");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e;
		struct nam_tree *t = nam_tree_parse(bad[i], strlen(bad[i]), &e);

		nam_decimal(bad[i], &end);
		/* "0x10" is a 0 and something behind it */
		none &= strcmp(bad[i], "0x10") ? !t && end == bad[i] : t && *end == 'x';
		nam_tree_free(t);
	}
	ok(none, "numbers: what JSON does not have");
	ok(signbit(nam_decimal("-0", &end)) && signbit(nam_decimal("-0.0e5", &end)), "numbers: -0 stays");
	/* a language with a decimal comma, when the machine has one */
	if (setlocale(LC_NUMERIC, "de_DE.UTF-8") || setlocale(LC_NUMERIC, "fr_FR.UTF-8")) {
		ok(nam_decimal("0.1234567890123456789012", &end) == 0.1234567890123456789012, "numbers: no decimal comma");
		setlocale(LC_NUMERIC, "C");
	} else {
		skip("numbers: no decimal comma", "no German or French locale here");
	}
}

/* ---- texts ------------------------------------------------------------------------- */

static void
wrong(const char *text, const char *why)
{
	struct err e = { 0 };
	struct nam_tree *t = nam_tree_parse(text, strlen(text), &e);
	char name[128];

	snprintf(name, sizeof name, "refused: %.40s: %s", text, why);
	for (char *p = name; *p; p++)
		*p = (unsigned char)*p < 0x20 || *p == '#' ? ' ' : *p;
	ok(!t && e.code == ERR_INPUT && strstr(e.msg, why), name);
	if (t || !strstr(e.msg, why))
		printf("# %s\n", t ? "accepted" : e.msg);
	nam_tree_free(t);
}

static void
test_texts(void)
{
	const char *text = "\xef\xbb\xbf { \"a\" : [ 1, [2, {\"x\": [3]}], \"s\" ,true,false,null],\"b\":1,\n\"a2\":{},"
	    "\"l\":[],\"esc\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\ude00\", \"flat\":[4,5,6]} behind";
	const struct nam_value *r, *a;
	struct nam_tree *t;
	struct err e;

	t = nam_tree_parse(text, strlen(text), &e);
	ok(t != NULL, "a text with everything in it");
	if (t) {
		r = nam_tree_root(t);
		a = nam_get(r, "a");
		ok(nam_is_object(r) && nam_is_list(a) && nam_size(a) == 6 && nam_number(nam_at(a, 0)) == 1 &&
		    !strcmp(nam_string(nam_at(a, 2)), "s") && nam_is_true(nam_at(a, 3)) && nam_is_bool(nam_at(a, 4)) &&
		    !nam_is_true(nam_at(a, 4)) && nam_is_null(nam_at(a, 5)) && !nam_at(a, 6), "entries of a list");
		ok(nam_number(nam_at(nam_get(nam_at(nam_at(a, 1), 1), "x"), 0)) == 3, "a list in an object in a list");
		ok(nam_next(nam_at(a, 1)) == nam_at(a, 2) && nam_next(nam_at(a, 0)) == nam_at(a, 1), "the next of a list");
		ok(nam_number(nam_get(r, "b")) == 1, "a number behind a list");
		ok(nam_is_object(nam_get(r, "a2")) && nam_is_list(nam_get(r, "l")) && nam_size(nam_get(r, "l")) == 0 &&
		    !nam_at(nam_get(r, "l"), 0), "empty ones");
		ok(!strcmp(nam_string(nam_get(r, "esc")), "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "escapes");
		ok(nam_number(nam_at(nam_get(r, "flat"), 2)) == 6, "a list of numbers");
		ok(!nam_get(r, "none") && !nam_get(a, "a") && !nam_get(NULL, "a") && nam_size(r) == 0 && !nam_at(r, 0) &&
		    nam_number(a) == 0 && !nam_string(r) && !nam_next(NULL), "what is not there");
	}
	nam_tree_free(t);
	wrong("{\"a\":1,\n \"b\":{\"a\":1, \"c\":[{}], \"\\u0061\":2}}", "line 2, column 25: this key is there twice");
	wrong("", "line 1, column 1: the text ends too early");
	wrong("   ", "the text ends too early");
	wrong("{", "the text ends too early");
	wrong("[1,2", "the text ends too early");
	wrong("\"abc", "the text ends too early");
	wrong("\"ab\\", "the text ends too early");
	wrong("[1,]", "no value");
	wrong("[,1]", "no value");
	wrong("[1 2]", "',' or ']'");
	wrong("{\"a\" 1}", "':'");
	wrong("{\"a\":1,}", "a key in quotes");
	wrong("{a:1}", "a key in quotes");
	wrong("{1:1}", "a key in quotes");
	wrong("{\"a\":1 \"b\":2}", "',' or '}'");
	wrong("[1}", "',' or ']'");
	wrong("nul", "no value");
	wrong("'a'", "no value");
	wrong("[1e999]", "too large");
	wrong("[-1e400]", "too large");
	wrong("\"\\x\"", "an escape");
	wrong("\"\\u12g4\"", "an escape");
	wrong("\"\\u12", "an escape");
	wrong("\"\\u0000\"", "a NUL");
	wrong("\"\\ud83d\"", "half a surrogate");
	wrong("\"\\ud83dx\\ude00\"", "half a surrogate");
	wrong("\"\\ude00\"", "half a surrogate");
	wrong("\"a\nb\"", "a control character");
	wrong("{\n \"a\": [1,\n  x]}", "line 3, column 3");
	ok(!nam_tree_parse("[\0]", 3, &e), "refused: a NUL between values");
	ok(!nam_tree_parse("\"\0\"", 3, &e), "refused: a NUL in a string");
}

static void
test_depth(void)
{
	enum { DEEP = NAM_TREE_DEPTH };
	static char text[2 * DEEP + 3];
	struct nam_tree *t;
	struct err e;

	memset(text, '[', DEEP);
	memset(text + DEEP, ']', DEEP);
	text[2 * DEEP] = 0;
	t = nam_tree_parse(text, 2 * DEEP, &e);
	ok(t != NULL, "as deep as it goes");
	nam_tree_free(t);
	memset(text, '[', DEEP + 1);
	memset(text + DEEP + 1, ']', DEEP + 1);
	ok(!nam_tree_parse(text, 2 * DEEP + 2, &e) && strstr(e.msg, "too deep"), "one deeper is refused");
}

int
main(void)
{
	test_numbers();
	test_random_numbers();
	test_texts();
	test_depth();
	return done();
}
