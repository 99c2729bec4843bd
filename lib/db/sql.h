/* sql.h - statements, for the files of lib/db only. */
#ifndef DB_SQL_H
#define DB_SQL_H
#include "db/db.h"
#include <sqlite3.h>

struct db {
	sqlite3 *h;
	char *name;      /* as the user gave it, for messages */
	enum db_mode mode;
	double wait_s, wait_from_s;
	unsigned seed;   /* of the random sleeps */
};

/* Fill *e from the connection's last error; returns -1. */
int db_fail(struct db *d, struct err *e);

/* A statement of constant text; NULL on error.  End with sqlite3_finalize(). */
sqlite3_stmt *db_prepare(struct db *d, const char *sql, struct err *e);

/* Bind all parameters, in order, by types: 'i' sqlite3_int64, 't' const char * (NULL: null; must
 * live until the next reset), 'r' double (not finite: null), 'j' const json_t * (the scalar
 * as SQL has it; NULL: null; anything SQL has no type for: its JSON text, which a STRICT
 * column of numbers then refuses).  Resets the statement before. */
int db_bind(struct db *d, sqlite3_stmt *st, struct err *e, const char *types, ...);

int db_step(struct db *d, sqlite3_stmt *st, struct err *e); /* 1 a row, 0 done, -1 error */
/* Step a statement that gives no rows to its end, and reset it. */
int db_run(struct db *d, sqlite3_stmt *st, struct err *e);

int db_exec(struct db *d, const char *sql, struct err *e);
/* First column of the first row of SQL. */
int db_get_int(struct db *d, const char *sql, sqlite3_int64 *v, struct err *e);

/* Column n as text, "" for null; valid until the next step. */
const char *db_text(sqlite3_stmt *st, int n);
/* Column n, text of JSON that this library wrote, parsed; JSON null when it is damaged. */
json_t *db_json(sqlite3_stmt *st, int n);
/* Column n as a JSON scalar. */
json_t *db_scalar(sqlite3_stmt *st, int n);

/* Bring the layout up to date (schema.c). */
int db_migrate(struct db *d, struct err *e);
#endif
