/* query.c - what the database answers. */
#include "base/str.h"
#include "db/entry.h"
#include "db/sql.h"

#include <stdlib.h>
#include <string.h>

#define ID_MIN 8 /* fewer digits of an id could well be a word */

int
db_find(struct db *d, const char *text, long long *row, struct err *e)
{
	size_t len = strlen(text);
	sqlite3_stmt *st = NULL;
	int r = 0;

	if (len >= ID_MIN && len <= 64 && strspn(text, "0123456789abcdef") == len) {
		st = db_prepare(d, "SELECT id FROM shootout WHERE substr(run_sha256, 1, length(?1)) = ?1 LIMIT 2", e);
		r = !st || db_bind(d, st, e, "t", text) ? -1 : db_step(d, st, e);
		if (r > 0) {
			*row = sqlite3_column_int64(st, 0);
			r = db_step(d, st, e);
			r = r < 0 ? -1 : r ? err_set(e, ERR_INPUT, "'%s' begins more than one id: give more of it",
			    text) : 1;
		}
	}
	sqlite3_finalize(st);
	if (r)
		return r;
	st = db_prepare(d, "SELECT id FROM shootout WHERE name = ? ORDER BY imported_at DESC, id DESC", e);
	r = !st || db_bind(d, st, e, "t", text) ? -1 : db_step(d, st, e);
	if (r > 0)
		*row = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return r;
}

/* User text as an FTS5 query: every word quoted, so that none is an operator, and open at its end. */
static char *
fts_query(const char *text)
{
	struct str q = { 0 };

	while (*(text += strspn(text, " \t\r\n"))) {
		size_t len = strcspn(text, " \t\r\n");
		str_add(&q, q.len ? " \"" : "\"");
		for (size_t i = 0; i < len; i++)
			str_addn(&q, text[i] == '"' ? "\"\"" : text + i, text[i] == '"' ? 2 : 1);
		str_add(&q, "\"*");
		text += len;
	}
	if (!q.failed && !q.s)
		str_add(&q, "");
	if (q.failed)
		str_free(&q);
	return q.s;
}

#define LIST_COLUMNS \
	"SELECT run_sha256, name, title, author, imported_at, " \
	"(SELECT count(*) FROM di WHERE shootout_id = s.id), " \
	"(SELECT count(*) FROM tone WHERE shootout_id = s.id), " \
	"(SELECT count(*) FROM segment WHERE shootout_id = s.id AND kind = 'segment'), " \
	"CAST(frames AS REAL) / rate_hz FROM shootout AS s "

long long
db_list(struct db *d, const char *search, db_each *each, void *ctx, struct err *e)
{
	static const char *const keys[] = {
		"id", "name", "title", "author", "imported_at", "dis", "tones", "segments", "duration_s"
	};
	char *query = search ? fts_query(search) : NULL;
	sqlite3_stmt *st = NULL;
	long long n = -1;
	int r;

	if (search && !query) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	st = db_prepare(d, search ? LIST_COLUMNS "WHERE id IN (SELECT rowid FROM search WHERE search MATCH ?) "
	    "ORDER BY imported_at DESC, id DESC" : LIST_COLUMNS "ORDER BY imported_at DESC, id DESC", e);
	if (!st || (search && db_bind(d, st, e, "t", query)))
		goto out;
	for (n = 0; (r = db_step(d, st, e)) > 0; n++) {
		json_t *o = json_object();
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
			json_object_set_new(o, keys[i], db_scalar(st, (int)i));
		if (!o) {
			r = err_set(e, ERR_NOMEM, "out of memory");
			break;
		}
		if (each(ctx, o))
			break;
	}
	if (r < 0)
		n = -1;
out:
	sqlite3_finalize(st);
	free(query);
	return n;
}

/* The rows of SQL (parameter: the shootout) as a list under key.  With names NULL each is the JSON in
 * the first column; else an object of its columns, by names. */
static int
add_list(struct db *d, json_t *o, const char *key, long long row, const char *sql,
    const char *const *names, struct err *e)
{
	sqlite3_stmt *st = db_prepare(d, sql, e);
	json_t *list = json_array();
	int r = -1;

	if (!list)
		err_set(e, ERR_NOMEM, "out of memory");
	else if (st && !db_bind(d, st, e, "i", (sqlite3_int64)row))
		while ((r = db_step(d, st, e)) > 0) {
			json_t *item = names ? json_object() : db_json(st, 0);
			for (int i = 0; names && names[i]; i++)
				json_object_set_new(item, names[i], db_scalar(st, i));
			json_array_append_new(list, item);
		}
	sqlite3_finalize(st);
	json_object_set_new(o, key, list);
	return r;
}

/* "metrics": per measured file its numbers by path. */
static int
add_metrics(struct db *d, json_t *o, long long row, struct err *e)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT m.id, m.name, m.file, k.key, k.value FROM measurement AS m "
	    "LEFT JOIN metric AS k ON k.measurement_id = m.id WHERE m.shootout_id = ? ORDER BY m.position, k.key", e);
	json_t *list = json_array(), *values = NULL;
	sqlite3_int64 last = -1;
	int r = -1;

	if (!list)
		err_set(e, ERR_NOMEM, "out of memory");
	else if (st && !db_bind(d, st, e, "i", (sqlite3_int64)row))
		while ((r = db_step(d, st, e)) > 0) {
			if (sqlite3_column_int64(st, 0) != last) {
				json_t *item = json_object();
				last = sqlite3_column_int64(st, 0);
				json_object_set_new(item, "name", db_scalar(st, 1));
				json_object_set_new(item, "file", db_scalar(st, 2));
				json_object_set_new(item, "values", values = json_object());
				json_array_append_new(list, item);
			}
			if (sqlite3_column_type(st, 3) != SQLITE_NULL)
				json_object_set_new(values, db_text(st, 3), db_scalar(st, 4));
		}
	sqlite3_finalize(st);
	json_object_set_new(o, "metrics", list);
	return r;
}

int
db_show(struct db *d, long long row, json_t **out, struct err *e)
{
	static const char *const keys[] = {
		"id", "name", "title", "author", "imported_at", "rate_hz", "channels", "frames", "duration_s"
	};
	static const char *const file_names[] = { "role", "file", "sha256", NULL };
	static const char *const tool_names[] = { "tool", "version", "runs", NULL };
	json_t *o = json_object();
	sqlite3_stmt *st = db_prepare(d, "SELECT run_sha256, name, title, author, imported_at, rate_hz, channels, "
	    "frames, CAST(frames AS REAL) / rate_hz FROM shootout WHERE id = ?", e);
	int r;

	*out = NULL;
	if (!o)
		err_set(e, ERR_NOMEM, "out of memory");
	if (!o || !st || db_bind(d, st, e, "i", (sqlite3_int64)row) || (r = db_step(d, st, e)) < 0)
		goto fail;
	for (size_t i = 0; r && i < sizeof keys / sizeof *keys; i++)
		json_object_set_new(o, keys[i], db_scalar(st, (int)i));
	if (add_list(d, o, "dis", row, "SELECT json FROM di WHERE shootout_id = ? ORDER BY position", NULL, e) ||
	    add_list(d, o, "tones", row, "SELECT json FROM tone WHERE shootout_id = ? ORDER BY position", NULL, e) ||
	    add_list(d, o, "segments", row, "SELECT json FROM segment WHERE shootout_id = ? ORDER BY position",
	    NULL, e) || add_metrics(d, o, row, e) ||
	    /* What came from outside: read by some program, made by none.  A file that a person gave ("source")
	     * stands there once, by the name it had then, with the role a program read it in. */
	    add_list(d, o, "inputs", row, "SELECT coalesce(min(CASE role WHEN 'source' THEN NULL ELSE role END), "
	    "'source'), coalesce(min(CASE role WHEN 'source' THEN file END), min(file)), sha256 "
	    "FROM provenance AS p JOIN provenance_file AS f ON f.provenance_id = p.id "
	    "WHERE shootout_id = ?1 AND direction = 'input' AND NOT EXISTS (SELECT 1 FROM provenance_file AS g "
	    "JOIN provenance AS q ON g.provenance_id = q.id WHERE g.sha256 = f.sha256 AND q.shootout_id = ?1 "
	    "AND g.direction = 'output') GROUP BY sha256 ORDER BY 1, 2", file_names, e) ||
	    add_list(d, o, "outputs", row, "SELECT DISTINCT role, file, sha256 FROM provenance AS p "
	    "JOIN provenance_file ON provenance_id = p.id WHERE shootout_id = ?1 AND direction = 'output' "
	    "ORDER BY file, role, sha256", file_names, e) ||
	    add_list(d, o, "programs", row, "SELECT tool, version, count(*) FROM provenance "
	    "WHERE shootout_id = ? GROUP BY tool, version ORDER BY tool, version", tool_names, e))
		goto fail;
	sqlite3_finalize(st);
	*out = o;
	return 0;
fail:
	sqlite3_finalize(st);
	json_decref(o);
	return -1;
}

int
db_export(struct db *d, long long row, const char *tool, const char *version,
    db_each_line *each, void *ctx, struct err *e)
{
	/* Part 0 is the timeline's first line, 1 its segments, 2 the metrics, 3 the manifest. */
	sqlite3_stmt *st = db_prepare(d, "SELECT run_sha256, description, "
	    "1 + (SELECT count(*) FROM segment WHERE shootout_id = s.id) + "
	    "(SELECT count(*) FROM measurement WHERE shootout_id = s.id) + "
	    "(SELECT count(*) FROM provenance WHERE shootout_id = s.id) FROM shootout AS s WHERE id = ?", e);
	json_t *o = json_object();
	char *text = NULL;
	int r = -1;

	if (!o)
		err_set(e, ERR_NOMEM, "out of memory");
	if (!o || !st || db_bind(d, st, e, "i", (sqlite3_int64)row) || db_step(d, st, e) < 0)
		goto out;
	json_object_set_new(o, "schema", json_string(DB_SCHEMA));
	json_object_set_new(o, "tool", json_string(tool));
	json_object_set_new(o, "version", json_string(version));
	json_object_set_new(o, "kind", json_string("export"));
	json_object_set_new(o, "id", db_scalar(st, 0));
	json_object_set_new(o, "lines", db_scalar(st, 2));
	json_object_set_new(o, "description", db_json(st, 1));
	if (!(text = db_json_text(o, 0))) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	sqlite3_finalize(st);
	st = NULL;
	if ((r = each(ctx, text)))
		goto out;
	r = -1;
	st = db_prepare(d, "SELECT 0 AS part, 0 AS position, timeline AS json FROM shootout WHERE id = ?1 "
	    "UNION ALL SELECT 1, position, json FROM segment WHERE shootout_id = ?1 "
	    "UNION ALL SELECT 2, position, json FROM measurement WHERE shootout_id = ?1 "
	    "UNION ALL SELECT 3, position, json FROM provenance WHERE shootout_id = ?1 "
	    "ORDER BY part, position", e);
	if (st && !db_bind(d, st, e, "i", (sqlite3_int64)row))
		while ((r = db_step(d, st, e)) > 0)
			if ((r = each(ctx, db_text(st, 2))))
				break;
out:
	sqlite3_finalize(st);
	json_decref(o);
	free(text);
	return r;
}

int
db_rows(struct db *d, long long **rows, size_t *n, struct err *e)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT id FROM shootout ORDER BY imported_at, id", e);
	size_t cap = 0;
	int r = -1;

	*rows = NULL;
	*n = 0;
	while (st && (r = db_step(d, st, e)) > 0) {
		if (*n == cap) {
			long long *v = realloc(*rows, (cap = cap ? 2 * cap : 64) * sizeof *v);
			if (!v) {
				r = err_set(e, ERR_NOMEM, "out of memory");
				break;
			}
			*rows = v;
		}
		(*rows)[(*n)++] = sqlite3_column_int64(st, 0);
	}
	sqlite3_finalize(st);
	if (r) {
		free(*rows);
		*rows = NULL;
	}
	return r;
}
