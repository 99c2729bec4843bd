/* measure_csv.c - paths to columns, values to cells. */
#include "metrics/measure_csv.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
text_cell(struct str *to, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		str_add(to, text);
		return;
	}
	str_add(to, "\"");
	for (; *text; text++)
		str_addn(to, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
	str_add(to, "\"");
}

static void
cell(struct str *to, const json_t *v)
{
	if (json_is_string(v))
		text_cell(to, json_string_value(v));
	else if (json_is_integer(v))
		str_addf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		str_addf(to, "%.10g", json_real_value(v));
	else if (json_is_boolean(v))
		str_add(to, json_is_true(v) ? "true" : "false");
}

static int
left_out(const char *key)
{
	return !strcmp(key, "reasons") || !strcmp(key, "series") || !strcmp(key, "third_octave_hz");
}

/* All values of shape: their names, or those of o. */
struct table {
	struct str *to;
	int head, cells;
};

static void
walk(struct table *t, const char *path, const json_t *shape, const json_t *o)
{
	const json_t *bands = json_object_get(shape, "third_octave_hz");
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)shape, key, v) {
		const json_t *is = json_object_get(o, key);
		char name[256];

		if (left_out(key))
			continue;
		snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", key);
		if (json_is_object(v)) {
			walk(t, name, v, is);
			continue;
		}
		for (size_t i = 0; i < (json_is_array(v) ? json_array_size(v) : 1); i++) {
			if (t->cells++)
				str_add(t->to, ",");
			if (t->head && json_is_array(v))
				str_addf(t->to, "%s.%g", name, json_number_value(json_array_get(bands, i)));
			else if (t->head)
				str_add(t->to, name);
			else
				cell(t->to, json_is_array(v) ? json_array_get(is, i) : is);
		}
	}
}

static void
line(struct str *to, const json_t *shape, const json_t *o, int head)
{
	struct table t = { to, head, 0 };

	walk(&t, "", shape, o);
	str_add(to, "\n");
}

void
measure_csv_head(struct str *to, const json_t *shape)
{
	line(to, shape, NULL, 1);
}

void
measure_csv_row(struct str *to, const json_t *shape, const json_t *o)
{
	line(to, shape, o, 0);
}
