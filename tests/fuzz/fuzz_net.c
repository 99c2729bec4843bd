/* fuzz_net - feed bytes to what reads answers of the service: objects and lists, names, queries, URLs, the rows of tables.
 *
 * With clang -fsanitize=fuzzer this is a libFuzzer target; else a program that replays files: fuzz_net FILE... */
#include "fuzz.h"
#include "net/api.h"
#include "net/fetch.h"
#include "net/http.h"
#include "net/list.h"
#include "net/login.h"
#include "net/validate.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
as_answer(const char *text, size_t size)
{
	static const char *const lists[] = { "favorited", "models", "users", "makes" };
	struct err e = { 0 };
	json_t *o = api_parse(text, size, "fuzz", &e), *line;

	if (!o && !e.msg[0])
		abort(); /* a refusal says why */
	for (size_t i = 0; o && i < sizeof lists / sizeof *lists; i++) {
		json_t *item = json_array_get(json_object_get(o, "data"), 0);
		char *row;

		line = api_line("tone/1", json_is_object(item) ? item : o);
		row = list_row(list_find(lists[i]), line);
		for (const char *p = row; p && *p; p++)
			if (((unsigned char)*p < 0x20 && p[1]) || *p == 0x7f)
				abort(); /* a terminal would obey it */
		free(row);
		json_decref(line);
	}
	json_decref(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), tone[STORE_ID_MAX], model[STORE_ID_MAX], origin[320], *value;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	as_answer(text, size);
	if (!fetch_parse(text, "https://127.0.0.1:1", tone, model) && ((*tone && !store_is_id(tone)) || (*model && !store_is_id(model)) ||
	    (!*tone && !*model)))
		abort(); /* what is an id becomes a path */
	if (!http_origin(text, origin, sizeof origin) && strncmp(origin, "https://", 8) != 0)
		abort();
	value = login_query(text, "code");
	free(value);
	if (strpbrk(validate_ext("nam", text), "/."))
		abort();
	free(text);
	return 0;
}
