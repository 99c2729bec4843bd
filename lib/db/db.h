/* db.h - a database of shootouts in one SQLite file.
 *
 * struct db is one connection, used by one thread.  A database may come from anyone:
 * it is opened with SQLite's defences on (no trusted schema, no views, no triggers, no
 * memory map, limits on sizes), and a file that is not ours is refused.
 *
 * The file keeps a rollback journal, never WAL: SQLite before 3.51.3 can corrupt a WAL database
 * that two connections checkpoint at once, and Debian 12 has 3.40.1.  Writers take the
 * lock first (BEGIN IMMEDIATE) and wait for each other with short random sleeps, because
 * sqlite3_busy_timeout() lets some starve.
 *
 * Errors: ERR_RETRY when another program holds the lock longer than wait_s, ERR_INPUT for a
 * file that is damaged or no database of ours, ERR_IO when the system refuses. */
#ifndef DB_DB_H
#define DB_DB_H
#include "base/err.h"
#include <jansson.h>

#define DB_SCHEMA "shootout-db/1"      /* of every object about a database */
#define DB_USER_VERSION 1              /* newest layout this code knows */
#define DB_APPLICATION_ID 0x53484f54   /* "SHOT" at byte 68 of the file */

enum db_mode {
	DB_READ,   /* the file must exist and be up to date; nothing is written */
	DB_WRITE   /* a missing or empty file becomes a database, an older layout is brought up to date */
};

struct db;

/* Open the file NAME.  wait_s: how long to wait for a lock.  End with db_close(). */
int db_open(struct db **out, const char *name, enum db_mode mode, double wait_s, struct err *e);
void db_close(struct db *d); /* rolls back what is not committed; NULL is fine */

/* A transaction: DB_READ sees one state of the file, the others lock it at once. */
int db_begin(struct db *d, struct err *e);
int db_commit(struct db *d, struct err *e);
void db_rollback(struct db *d); /* fine when there is nothing to roll back */

/* Look for damage: SQLite's integrity check, foreign keys and the search index.  *report is a new
 * object with "ok", "problems" (texts), "sqlite" (the library's version), "user_version",
 * "journal_mode" and "shootouts"; the caller's to release.  Returns 0 when it ran. */
int db_check(struct db *d, json_t **report, struct err *e);

/* JSON text as the database keeps it: compact, 15 significant digits (which a decimal
 * number survives).  Malloc'd; NULL when out of memory.  flags: more of jansson's. */
char *db_json_text(const json_t *o, size_t flags);
#endif
