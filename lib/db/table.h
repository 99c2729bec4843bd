/* table.h - the list of shootouts as a table for people. */
#ifndef DB_TABLE_H
#define DB_TABLE_H
#include "base/str.h"
#include <jansson.h>

extern const char db_table_head[];      /* a line */
/* A line for what db_list() gives: cells of fixed width, safe for a terminal whatever the database holds. */
void db_table_row(struct str *out, const json_t *entry);
#endif
