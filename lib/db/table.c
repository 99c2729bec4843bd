/* table.c - the list of shootouts as a table for people. */
#include "db/table.h"
#include "base/utf8.h"

#include <stdio.h>

const char db_table_head[] = "ID            NAME                      TITLE                     DIS  TONES  SEGMENTS  "
    "DURATION  IMPORTED\n";

/* o[key]; "" when it is no text, as in a database that others made up. */
static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

void
db_table_row(struct str *out, const json_t *o)
{
	char id[13];

	snprintf(id, sizeof id, "%s", text_of(o, "id"));
	utf8_cell(out, id, 12, 14);
	utf8_cell(out, text_of(o, "name"), 24, 26);
	utf8_cell(out, text_of(o, "title"), 24, 26);
	str_addf(out, "%3lld  %5lld  %8lld  %6.1f s  ", (long long)json_integer_value(json_object_get(o, "dis")),
	    (long long)json_integer_value(json_object_get(o, "tones")),
	    (long long)json_integer_value(json_object_get(o, "segments")),
	    json_number_value(json_object_get(o, "duration_s")));
	utf8_cell(out, text_of(o, "imported_at"), 20, 0);
	str_add(out, "\n");
}
