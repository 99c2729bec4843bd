/* entry.h - shootouts in the database: put in, find, list, show, take out.
 *
 * All of these expect a transaction (db_begin()) around them where more than one must see the
 * same state, and report as struct err says.  Objects handed out are without "schema", "tool" and
 * "version": the caller sets those. */
#ifndef DB_ENTRY_H
#define DB_ENTRY_H
#include "db/db.h"
#include "db/run.h"

/* Put a run in; one with the same id is replaced.  Inside db_begin() of a DB_WRITE connection:
 * after an error the caller rolls back, and nothing of it is there.  *replaced: it was there. */
int db_import(struct db *d, const struct db_run *run, int *replaced, struct err *e);

/* Put all n runs of one source in, or none, in a transaction of its own; step (may be NULL) is told after each how many are in.
 * *receipts: a list with "id", "name", "source" and "replaced" for each, the caller's; NULL on error. */
int db_import_all(struct db *d, const struct db_run *runs, size_t n, const char *source, void (*step)(void *ctx, size_t done),
    void *ctx, json_t **receipts, struct err *e);

/* The row of the shootout that TEXT means: an id or its beginning (8 digits or more), else a
 * name, of which the newest.  Returns 1, 0 none, -1 error (an id's beginning that fits several). */
int db_find(struct db *d, const char *text, long long *row, struct err *e);

/* Called once per object, which it then owns; not 0 ends the walk. */
typedef int db_each(void *ctx, json_t *o);

/* Every shootout, newest import first: "id", "name", "title", "author", "imported_at", "dis",
 * "tones", "segments", "duration_s".  search: NULL or words that must all occur (or begin
 * a word) in names, titles, authors, tones, DIs or file names; nothing in it is an operator.
 * Returns how many there were, or -1. */
long long db_list(struct db *d, const char *search, db_each *each, void *ctx, struct err *e);

/* One shootout whole: list's keys, the audio's shape, "dis", "tones", "segments", "metrics" (per file
 * every number by its path), "inputs" (files that no program of the run made), "outputs",
 * "programs".  The caller releases *o. */
int db_show(struct db *d, long long row, json_t **o, struct err *e);

/* Called once per line of text (without newline, borrowed); not 0 ends the walk. */
typedef int db_each_line(void *ctx, const char *line);

/* The lines that db_runs_read() reads back (see run.h).  tool and version go into the first.
 * Returns 0, -1 error, or what each returned. */
int db_export(struct db *d, long long row, const char *tool, const char *version,
    db_each_line *each, void *ctx, struct err *e);

/* Rows of all shootouts, oldest import first: *rows is malloc'd, the caller's. */
int db_rows(struct db *d, long long **rows, size_t *n, struct err *e);
#endif
