/* db.c - connections, transactions, statements and the check. */
#include "db/db.h"
#include "base/str.h"
#include "db/sql.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PROBLEMS_MAX = 100 };

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Sleep 0.5 to 2.5 ms, at random so that waiting programs do not march in step. */
static int
wait_for_lock(void *ctx, int times)
{
	struct db *d = ctx;
	struct timespec t = { 0, 0 };

	if (!times)
		d->wait_from_s = now_s();
	if (now_s() - d->wait_from_s >= d->wait_s)
		return 0;
	t.tv_nsec = 500000 + rand_r(&d->seed) % 2000000;
	nanosleep(&t, NULL);
	return 1;
}

int
db_fail(struct db *d, struct err *e)
{
	int code = d->h ? sqlite3_extended_errcode(d->h) : SQLITE_NOMEM;
	const char *text = d->h ? sqlite3_errmsg(d->h) : "out of memory";

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, ERR_RETRY, "'%s' is in use by another program: try again later, or wait "
		    "longer with --wait", d->name);
	case SQLITE_NOTADB:
		return err_set(e, ERR_INPUT, "'%s' is not a database", d->name);
	case SQLITE_CORRUPT:
		return err_set(e, ERR_INPUT, "'%s' is damaged (%s): restore it from an export", d->name, text);
	case SQLITE_ERROR:
		return err_set(e, ERR_INPUT, "'%s' is not laid out as a shootout database: %s", d->name, text);
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return err_set(e, ERR_INPUT, "%s", text);
	case SQLITE_NOMEM:
		return err_set(e, ERR_NOMEM, "out of memory");
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return err_set(e, ERR_IO, "cannot open '%s' for this: %s (the folder must be writable too, "
		    "for the journal)", d->name, text);
	default:
		return err_set(e, ERR_IO, "'%s': %s", d->name, text);
	}
}

/* The file comes from anyone: give it nothing to run and nothing to ask for. */
static int
harden(struct db *d, struct err *e)
{
	static const struct { int id, value; } limits[] = {
		{ SQLITE_LIMIT_LENGTH, 64 << 20 },
		{ SQLITE_LIMIT_SQL_LENGTH, 100000 },
		{ SQLITE_LIMIT_COLUMN, 100 },
		{ SQLITE_LIMIT_EXPR_DEPTH, 50 },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 10 },
		{ SQLITE_LIMIT_VDBE_OP, 25000 },
		{ SQLITE_LIMIT_FUNCTION_ARG, 16 },
		{ SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000 },
		{ SQLITE_LIMIT_VARIABLE_NUMBER, 50 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 10 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
	};
	static const struct { int id, on; } configs[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
	};

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		sqlite3_limit(d->h, limits[i].id, limits[i].value);
	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
		int is = -1;
		if (sqlite3_db_config(d->h, configs[i].id, configs[i].on, &is) || is != configs[i].on)
			return err_set(e, ERR_UNSUPPORTED, "this SQLite (%s) cannot be secured: 3.37 or later "
			    "is needed", sqlite3_libversion());
	}
	return db_exec(d, "PRAGMA mmap_size = 0", e) || db_exec(d, "PRAGMA cell_size_check = ON", e) ||
	    db_exec(d, "PRAGMA synchronous = FULL", e) || db_exec(d, "PRAGMA temp_store = MEMORY", e);
}

/* A database that somebody turned to WAL goes back to a rollback journal before we write. */
static int
leave_wal(struct db *d, struct err *e)
{
	sqlite3_stmt *st = db_prepare(d, "PRAGMA journal_mode = DELETE", e);
	int r = -1;

	if (st && (r = db_step(d, st, e)) == 1)
		r = strcmp(db_text(st, 0), "delete") ? err_set(e, ERR_RETRY,
		    "cannot take '%s' out of WAL mode while others have it open: try again later", d->name) : 0;
	sqlite3_finalize(st);
	return r;
}

int
db_open(struct db **out, const char *name, enum db_mode mode, double wait_s, struct err *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, missing;
	struct db *d = calloc(1, sizeof *d);
	struct stat sb;
	char *path = NULL;

	*out = NULL;
	/* ":memory:", "file:x?..." and "" mean something to SQLite that they do not mean here. */
	if (!d || !(d->name = str_printf("%s", name)) ||
	    !(path = str_printf("%s%s", *name == '/' ? "" : "./", name))) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	d->mode = mode;
	d->wait_s = wait_s;
	d->seed = (unsigned)getpid() ^ (unsigned)(fmod(now_s(), 4096) * 1e6);
	missing = stat(path, &sb) != 0;
	if (missing && (mode != DB_WRITE || errno != ENOENT)) {
		err_sys(e, "cannot open database '%s'", name);
		if (errno == ENOENT)
			err_set(e, ERR_IO, "there is no database '%s': make it with the command 'create'", name);
		goto fail;
	}
	if (!missing && !S_ISREG(sb.st_mode)) {
		err_set(e, ERR_INPUT, "'%s' is not a file: a database must be one", name);
		goto fail;
	}
	if (mode == DB_WRITE)
		flags |= SQLITE_OPEN_CREATE;
	/* Not SQLITE_OPEN_READONLY for readers: whoever comes first after a crash must be
	 * able to roll the journal back.  SQLite falls back to reading where it may not write. */
	if (sqlite3_open_v2(path, &d->h, flags, NULL)) {
		db_fail(d, e);
		goto fail;
	}
	sqlite3_extended_result_codes(d->h, 1);
	sqlite3_busy_handler(d->h, wait_for_lock, d);
	if (harden(d, e) || db_migrate(d, e))
		goto fail;
	if (mode == DB_READ ? db_exec(d, "PRAGMA query_only = ON", e) : leave_wal(d, e))
		goto fail;
	free(path);
	*out = d;
	return 0;
fail:
	db_close(d);
	/* A file that we began and could not fill is not left behind. */
	if (mode == DB_WRITE && path && missing && !stat(path, &sb) && !sb.st_size)
		unlink(path);
	free(path);
	return -1;
}

void
db_close(struct db *d)
{
	if (!d)
		return;
	sqlite3_close(d->h); /* closing rolls back */
	free(d->name);
	free(d);
}

int
db_begin(struct db *d, struct err *e)
{
	return db_exec(d, d->mode == DB_READ ? "BEGIN" : "BEGIN IMMEDIATE", e);
}

int
db_commit(struct db *d, struct err *e)
{
	return db_exec(d, "COMMIT", e);
}

void
db_rollback(struct db *d)
{
	if (!sqlite3_get_autocommit(d->h))
		db_exec(d, "ROLLBACK", NULL);
}

sqlite3_stmt *
db_prepare(struct db *d, const char *sql, struct err *e)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(d->h, sql, -1, &st, NULL))
		db_fail(d, e);
	return st;
}

static int
bind_json(sqlite3_stmt *st, int i, const json_t *v)
{
	char *text;

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_NULL:
		return sqlite3_bind_null(st, i);
	case JSON_INTEGER:
		return sqlite3_bind_int64(st, i, json_integer_value(v));
	case JSON_REAL:
		return sqlite3_bind_double(st, i, json_real_value(v)); /* NaN becomes null */
	case JSON_STRING:
		return sqlite3_bind_text(st, i, json_string_value(v), (int)json_string_length(v), SQLITE_TRANSIENT);
	default:
		text = db_json_text(v, JSON_ENCODE_ANY);
		return text ? sqlite3_bind_text(st, i, text, -1, free) : SQLITE_NOMEM;
	}
}

int
db_bind(struct db *d, sqlite3_stmt *st, struct err *e, const char *types, ...)
{
	int rc = SQLITE_OK;
	va_list ap;
	double r;

	sqlite3_reset(st);
	va_start(ap, types);
	for (int i = 1; types[i - 1] && !rc; i++)
		switch (types[i - 1]) {
		case 'i':
			rc = sqlite3_bind_int64(st, i, va_arg(ap, sqlite3_int64));
			break;
		case 'r':
			r = va_arg(ap, double);
			rc = isfinite(r) ? sqlite3_bind_double(st, i, r) : sqlite3_bind_null(st, i);
			break;
		case 't':
			rc = sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
			break;
		case 'j':
			rc = bind_json(st, i, va_arg(ap, const json_t *));
			break;
		}
	va_end(ap);
	return rc ? db_fail(d, e) : 0;
}

int
db_step(struct db *d, sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_fail(d, e);
}

int
db_run(struct db *d, sqlite3_stmt *st, struct err *e)
{
	int r;

	while ((r = db_step(d, st, e)) > 0)
		;
	sqlite3_reset(st);
	return r;
}

int
db_exec(struct db *d, const char *sql, struct err *e)
{
	return sqlite3_exec(d->h, sql, NULL, NULL, NULL) ? db_fail(d, e) : 0;
}

int
db_get_int(struct db *d, const char *sql, sqlite3_int64 *v, struct err *e)
{
	sqlite3_stmt *st = db_prepare(d, sql, e);
	int r = -1;

	*v = 0;
	if (st && (r = db_step(d, st, e)) == 1)
		*v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return r < 0 ? -1 : 0;
}

const char *
db_text(sqlite3_stmt *st, int n)
{
	const char *s = (const char *)sqlite3_column_text(st, n);

	return s ? s : "";
}

json_t *
db_json(sqlite3_stmt *st, int n)
{
	json_t *v = json_loads(db_text(st, n), JSON_DECODE_ANY, NULL);

	return v ? v : json_null();
}

json_t *
db_scalar(sqlite3_stmt *st, int n)
{
	json_t *v = NULL;

	switch (sqlite3_column_type(st, n)) {
	case SQLITE_INTEGER:
		v = json_integer(sqlite3_column_int64(st, n));
		break;
	case SQLITE_FLOAT:
		v = json_real(sqlite3_column_double(st, n)); /* NULL for an infinity that another program put there */
		break;
	case SQLITE_TEXT:
		v = json_string(db_text(st, n)); /* NULL for bad UTF-8 */
		break;
	}
	return v ? v : json_null();
}

char *
db_json_text(const json_t *o, size_t flags)
{
	return json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15) | flags);
}

/* Add the rows of SQL, a line each of its columns joined by spaces, to problems. */
static int
collect(struct db *d, const char *sql, const char *fine, json_t *problems, struct err *e)
{
	sqlite3_stmt *st = db_prepare(d, sql, e);
	int r;

	if (!st)
		return -1;
	while ((r = db_step(d, st, e)) > 0 && json_array_size(problems) < PROBLEMS_MAX) {
		struct str line = { 0 };
		for (int i = 0; i < sqlite3_column_count(st); i++)
			str_addf(&line, "%s%s", i ? " " : "", db_text(st, i));
		if (line.s && (!fine || strcmp(line.s, fine)))
			json_array_append_new(problems, json_string(line.s));
		str_free(&line);
	}
	sqlite3_finalize(st);
	return r < 0 ? -1 : 0;
}

int
db_check(struct db *d, json_t **report, struct err *e)
{
	json_t *problems = json_array(), *o = json_object();
	sqlite3_int64 version = 0, shootouts = 0;
	struct err found = { 0 };
	sqlite3_stmt *st = NULL;

	*report = NULL;
	if (!problems || !o) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	if (collect(d, "PRAGMA integrity_check(100)", "ok", problems, &found) ||
	    collect(d, "SELECT 'row ' || rowid || ' of ' || \"table\" || ' has no ' || parent "
	    "FROM pragma_foreign_key_check", NULL, problems, &found) ||
	    db_get_int(d, "PRAGMA user_version", &version, &found) ||
	    db_get_int(d, "SELECT count(*) FROM shootout", &shootouts, &found) ||
	    /* FTS5 answers this "insert" with SQLITE_CORRUPT when its index and its rows differ. */
	    (!sqlite3_db_readonly(d->h, "main") && (db_exec(d, "PRAGMA query_only = OFF", &found) ||
	    db_exec(d, "INSERT INTO search(search) VALUES ('integrity-check')", &found)))) {
		if (found.code != ERR_INPUT) { /* could not look: that is no answer about the file */
			if (e)
				*e = found;
			goto fail;
		}
		json_array_append_new(problems, json_string(found.msg));
	}
	json_object_set_new(o, "ok", json_boolean(!json_array_size(problems)));
	json_object_set(o, "problems", problems);
	json_object_set_new(o, "shootouts", json_integer(shootouts));
	json_object_set_new(o, "user_version", json_integer(version));
	if ((st = db_prepare(d, "PRAGMA journal_mode", NULL)) && sqlite3_step(st) == SQLITE_ROW)
		json_object_set_new(o, "journal_mode", db_scalar(st, 0));
	sqlite3_finalize(st);
	json_object_set_new(o, "sqlite", json_string(sqlite3_libversion()));
	json_decref(problems);
	*report = o;
	return 0;
fail:
	json_decref(problems);
	json_decref(o);
	return -1;
}
