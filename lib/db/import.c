/* import.c - one run into the tables. */
#include "base/str.h"
#include "cli/jsonl.h"
#include "db/entry.h"
#include "db/sql.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEPTH_MAX = 32 };

/* The statements of one import, prepared once. */
enum {
	ST_DI, ST_TONE, ST_HAS, ST_SEGMENT, ST_MEASUREMENT, ST_METRIC, ST_PROVENANCE, ST_FILE, STS
};

static const char *const sql[STS] = {
	[ST_DI] = "INSERT INTO di(shootout_id, position, key, name, file, json) VALUES (?, ?, ?, ?, ?, ?)",
	[ST_TONE] = "INSERT INTO tone(shootout_id, position, key, name, json) VALUES (?, ?, ?, ?, ?)",
	[ST_HAS] = "SELECT 1 FROM di JOIN tone USING (shootout_id) "
	    "WHERE shootout_id = ? AND di.key = ? AND tone.key = ?",
	[ST_SEGMENT] = "INSERT INTO segment(shootout_id, position, di_key, tone_key, json, kind, label, name, "
	    "title, file, start_frame, length_frames, at_frame, video_frame, video_frames, gain_db, "
	    "loudness_lufs, true_peak_dbtp, card) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[ST_MEASUREMENT] = "INSERT INTO measurement(shootout_id, position, name, file, json) "
	    "VALUES (?, ?, ?, ?, ?)",
	[ST_METRIC] = "INSERT INTO metric(measurement_id, key, value) VALUES (?, ?, ?)",
	[ST_PROVENANCE] = "INSERT INTO provenance(shootout_id, position, json, tool, version, seconds) "
	    "VALUES (?, ?, ?, ?, ?, ?)",
	[ST_FILE] = "INSERT INTO provenance_file(provenance_id, direction, position, role, file, sha256) "
	    "VALUES (?, ?, ?, ?, ?, ?)",
};

struct job {
	struct db *d;
	sqlite3_stmt *st[STS];
	sqlite3_int64 row;  /* of the shootout */
	struct str words;   /* for the search: names and files */
};

/* Every text in v, for the search; ids and schemas do no harm there. */
static void
add_words(struct str *words, const json_t *v, int depth)
{
	const json_t *item;
	const char *key;
	size_t i;

	if (depth > DEPTH_MAX)
		return;
	if (json_is_string(v)) {
		str_add(words, " ");
		str_add(words, json_string_value(v));
	}
	json_array_foreach(v, i, item)
		add_words(words, item, depth + 1);
	json_object_foreach((json_t *)v, key, item) /* the macro has no const form; nothing is changed */
		add_words(words, item, depth + 1);
}

static int
put_description(struct job *j, const json_t *desc, struct err *e)
{
	static const struct { const char *key; int st; } lists[] = { { "dis", ST_DI }, { "chains", ST_TONE } };
	struct db *d = j->d;
	const json_t *item;
	size_t i;

	for (int l = 0; l < 2; l++)
		json_array_foreach(json_object_get(desc, lists[l].key), i, item) {
			sqlite3_stmt *st = j->st[lists[l].st];
			const json_t *id = json_object_get(item, "id"), *name = json_object_get(item, "name");
			char *text = db_json_text(item, 0);
			sqlite3_int64 at = (sqlite3_int64)i;
			int r = text ? 0 : err_set(e, ERR_NOMEM, "out of memory");

			if (!r && lists[l].st == ST_DI)
				r = db_bind(d, st, e, "iijjjt", j->row, at, id, name, json_object_get(item, "file"), text);
			else if (!r)
				r = db_bind(d, st, e, "iijjt", j->row, at, id, name, text);
			if (!r)
				r = db_run(d, st, e);
			free(text);
			if (r) {
				err_prefix(e, "/%s/%zu: ", lists[l].key, i);
				return -1;
			}
			add_words(&j->words, item, 0);
		}
	return 0;
}

/* A segment of DI "riff" through chain "plexi" is named "riff__plexi".  Ids may hold "__" themselves, so
 * try every one.  *di and *tone (in copy, which must hold the name) stay NULL when none fits. */
static int
split_name(struct job *j, const char *name, char *copy, const char **di, const char **tone, struct err *e)
{
	sqlite3_stmt *st = j->st[ST_HAS];

	*di = *tone = NULL;
	for (const char *p = strstr(name, "__"); p; p = strstr(p + 1, "__")) {
		int r;
		strcpy(copy, name);
		copy[p - name] = 0;
		if (db_bind(j->d, st, e, "itt", j->row, copy, copy + (p - name) + 2))
			return -1;
		r = db_step(j->d, st, e);
		sqlite3_reset(st);
		if (r < 0)
			return -1;
		if (r) {
			*di = copy;
			*tone = copy + (p - name) + 2;
			return 0;
		}
	}
	return 0;
}

static int
put_segment(struct job *j, size_t at, const json_t *o, const char *text, struct err *e)
{
	const char *name = json_string_value(json_object_get(o, "name")), *di, *tone;
	char *copy = str_printf("%s", name ? name : "");
	int r = -1;

#define KEY(k) json_object_get(o, k)
	if (!copy)
		err_set(e, ERR_NOMEM, "out of memory");
	else if (!split_name(j, name ? name : "", copy, &di, &tone, e) &&
	    !db_bind(j->d, j->st[ST_SEGMENT], e, "iitttjjjjjjjjjjjjjj", j->row, (sqlite3_int64)at, di, tone, text,
	    KEY("kind"), KEY("label"), KEY("name"), KEY("title"), KEY("file"), KEY("start_frame"),
	    KEY("length_frames"), KEY("at_frame"), KEY("video_frame"), KEY("video_frames"),
	    KEY("gain_db"), KEY("loudness_lufs"), KEY("true_peak_dbtp"), KEY("card")))
		r = db_run(j->d, j->st[ST_SEGMENT], e);
#undef KEY
	free(copy);
	if (!r && json_is_string(json_object_get(o, "title")))
		add_words(&j->words, json_object_get(o, "title"), 0);
	return r;
}

/* Every number (and null: not measurable) below v, by its path. */
static int
put_numbers(struct job *j, sqlite3_int64 owner, const json_t *v, const char *path, int depth, struct err *e)
{
	int r = 0;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_INPUT, "'%.100s' is nested deeper than %d", path, DEPTH_MAX);
	if (json_is_object(v) || json_is_array(v)) {
		void *it = json_is_object(v) ? json_object_iter((json_t *)v) : NULL;
		for (size_t i = 0; !r && (json_is_object(v) ? it != NULL : i < json_array_size(v)); i++) {
			const json_t *item = it ? json_object_iter_value(it) : json_array_get(v, i);
			const char *dot = *path ? "." : "";
			char *below = it ? str_printf("%s%s%s", path, dot, json_object_iter_key(it)) :
			    str_printf("%s%s%zu", path, dot, i);
			r = below ? put_numbers(j, owner, item, below, depth + 1, e) :
			    err_set(e, ERR_NOMEM, "out of memory");
			free(below);
			it = it ? json_object_iter_next((json_t *)v, it) : NULL;
		}
		return r;
	}
	if (!json_is_number(v) && !json_is_null(v))
		return 0;
	return db_bind(j->d, j->st[ST_METRIC], e, "itj", owner, path, v) || db_run(j->d, j->st[ST_METRIC], e) ?
	    -1 : 0;
}

static int
put_measurement(struct job *j, size_t at, const json_t *o, const char *text, struct err *e)
{
	const char *file = json_string_value(json_object_get(o, "file")), *base = path_base(file);
	const char *dot = strrchr(base, '.');
	char *name = str_printf("%.*s", dot > base ? (int)(dot - base) : (int)strlen(base), base);
	int r = -1;

	if (!name)
		err_set(e, ERR_NOMEM, "out of memory");
	else if (!db_bind(j->d, j->st[ST_MEASUREMENT], e, "iittt", j->row, (sqlite3_int64)at, name, file, text) &&
	    !db_run(j->d, j->st[ST_MEASUREMENT], e))
		r = put_numbers(j, sqlite3_last_insert_rowid(j->d->h), o, "", 0, e);
	free(name);
	return r;
}

static int
put_provenance(struct job *j, size_t at, const json_t *o, const char *text, struct err *e)
{
	static const char *const lists[] = { "inputs", "outputs" }, *const direction[] = { "input", "output" };
	sqlite3_stmt *st = j->st[ST_PROVENANCE];
	sqlite3_int64 row;
	const json_t *item;
	size_t i;

	if (db_bind(j->d, st, e, "iitjjj", j->row, (sqlite3_int64)at, text, json_object_get(o, "tool"),
	    json_object_get(o, "version"), json_object_get(o, "seconds")) || db_run(j->d, st, e))
		return -1;
	row = sqlite3_last_insert_rowid(j->d->h);
	st = j->st[ST_FILE];
	if (json_is_string(json_object_get(o, "sha256"))) { /* input/1: what a person gave, and its name in the run */
		const json_t *source = json_object_get(o, "source");
		add_words(&j->words, source, 0);
		return db_bind(j->d, st, e, "ititjj", row, "input", (sqlite3_int64)0, "source",
		    source ? source : json_object_get(o, "file"), json_object_get(o, "sha256")) ||
		    db_run(j->d, st, e) ? -1 : 0;
	}
	for (int l = 0; l < 2; l++)
		json_array_foreach(json_object_get(o, lists[l]), i, item) {
			if (db_bind(j->d, st, e, "itijjj", row, direction[l], (sqlite3_int64)i,
			    json_object_get(item, "role"), json_object_get(item, "file"),
			    json_object_get(item, "sha256")) || db_run(j->d, st, e))
				return -1;
			if (json_is_string(json_object_get(item, "file"))) {
				str_add(&j->words, " ");
				str_add(&j->words, path_base(json_string_value(json_object_get(item, "file"))));
			}
		}
	return 0;
}

/* Remove the run with this id; *row is its row, or 0 when there was none. */
static int
remove_same(struct db *d, const char *id, sqlite3_int64 *row, struct err *e)
{
	sqlite3_stmt *find = db_prepare(d, "SELECT id FROM shootout WHERE run_sha256 = ?", e);
	sqlite3_stmt *gone = db_prepare(d, "DELETE FROM shootout WHERE id = ?", e);
	sqlite3_stmt *lost = db_prepare(d, "DELETE FROM search WHERE rowid = ?", e);
	int r = -1;

	*row = 0;
	if (find && gone && lost && !db_bind(d, find, e, "t", id) && (r = db_step(d, find, e)) == 1) {
		*row = sqlite3_column_int64(find, 0);
		sqlite3_reset(find);
		r = db_bind(d, gone, e, "i", *row) || db_run(d, gone, e) ||
		    db_bind(d, lost, e, "i", *row) || db_run(d, lost, e) ? -1 : 0;
	}
	sqlite3_finalize(find);
	sqlite3_finalize(gone);
	sqlite3_finalize(lost);
	return r;
}

/* The row of the shootout itself; row 0: a new one. */
static int
put_shootout(struct job *j, const struct db_run *run, const json_t *desc, const json_t *head, struct err *e)
{
	sqlite3_stmt *st = db_prepare(j->d, "INSERT INTO shootout(id, run_sha256, name, title, author, rate_hz, "
	    "channels, frames, imported_at, description, timeline) "
	    "VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", e);
	time_t now = time(NULL);
	char when[32];
	struct tm tm;
	int r = -1;

	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	if (st && !db_bind(j->d, st, e, "itjjjjjjttt", j->row, run->id, json_object_get(desc, "name"),
	    json_object_get(desc, "title"), json_object_get(desc, "author"), json_object_get(head, "rate_hz"),
	    json_object_get(head, "channels"), json_object_get(head, "frames"), when,
	    run->part[DB_DESCRIPTION][0].text, run->part[DB_TIMELINE][0].text) && !(r = db_run(j->d, st, e)))
		j->row = sqlite3_last_insert_rowid(j->d->h);
	sqlite3_finalize(st);
	return r;
}

static int
put_search(struct job *j, const json_t *desc, struct err *e)
{
	sqlite3_stmt *st;
	int r = -1;

	if (j->words.failed)
		return err_set(e, ERR_NOMEM, "out of memory");
	st = db_prepare(j->d, "INSERT INTO search(rowid, name, title, author, words) VALUES (?, ?, ?, ?, ?)", e);
	if (st && !db_bind(j->d, st, e, "ijjjt", j->row, json_object_get(desc, "name"),
	    json_object_get(desc, "title"), json_object_get(desc, "author"), j->words.s ? j->words.s : ""))
		r = db_run(j->d, st, e);
	sqlite3_finalize(st);
	return r;
}

/* Put every line of a part with one of the functions above; the timeline's first is its head. */
static int
put_part(struct job *j, const struct db_run *run, enum db_part p, struct err *e)
{
	for (size_t i = p == DB_TIMELINE; i < run->n[p]; i++) {
		const struct db_line *line = &run->part[p][i];
		json_t *o = json_loads(line->text, 0, NULL);
		int r = !o ? err_set(e, ERR_NOMEM, "out of memory") :
		    p == DB_TIMELINE ? put_segment(j, i, o, line->text, e) :
		    p == DB_METRICS ? put_measurement(j, i, o, line->text, e) :
		    put_provenance(j, i, o, line->text, e);
		json_decref(o);
		if (r) {
			err_prefix(e, "%s:%lu: ", run->file[p], line->no);
			return -1;
		}
	}
	return 0;
}

int
db_import(struct db *d, const struct db_run *run, int *replaced, struct err *e)
{
	json_t *desc = json_loads(run->part[DB_DESCRIPTION][0].text, 0, NULL);
	json_t *head = json_loads(run->part[DB_TIMELINE][0].text, 0, NULL);
	struct job j = { .d = d };
	int r = -1;

	*replaced = 0;
	if (!desc || !head) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	for (int i = 0; i < STS; i++)
		if (!(j.st[i] = db_prepare(d, sql[i], e)))
			goto out;
	if (remove_same(d, run->id, &j.row, e))
		goto out;
	*replaced = j.row != 0;
	if (put_shootout(&j, run, desc, head, e)) {
		err_prefix(e, "%s:%lu: ", run->file[DB_TIMELINE], run->part[DB_TIMELINE][0].no);
		goto out;
	}
	if (put_description(&j, desc, e)) {
		err_prefix(e, "%s: ", run->file[DB_DESCRIPTION]);
		goto out;
	}
	r = put_part(&j, run, DB_TIMELINE, e) || put_part(&j, run, DB_METRICS, e) ||
	    put_part(&j, run, DB_MANIFEST, e) || put_search(&j, desc, e) ? -1 : 0;
out:
	for (int i = 0; i < STS; i++)
		sqlite3_finalize(j.st[i]);
	str_free(&j.words);
	json_decref(desc);
	json_decref(head);
	return r;
}

static json_t *
receipt(const struct db_run *run, const char *source, int replaced)
{
	json_t *o = json_object(), *desc = json_loads(run->part[DB_DESCRIPTION][0].text, 0, NULL);

	jl_str(o, "id", run->id);
	jl_set(o, "name", json_incref(json_object_get(desc, "name")));
	jl_str(o, "source", source);
	jl_bool(o, "replaced", replaced);
	json_decref(desc);
	return o;
}

int
db_import_all(struct db *d, const struct db_run *runs, size_t n, const char *source, void (*step)(void *ctx, size_t done),
    void *ctx, json_t **receipts, struct err *e)
{
	json_t *list = json_array();
	int replaced, bad = db_begin(d, e);

	*receipts = NULL;
	for (size_t i = 0; i < n && !bad; i++) {
		bad = db_import(d, &runs[i], &replaced, e);
		if (!bad)
			json_array_append_new(list, receipt(&runs[i], source, replaced));
		if (!bad && step)
			step(ctx, i + 1);
	}
	if (!bad && !db_commit(d, e)) {
		*receipts = list;
		return 0;
	}
	db_rollback(d);
	json_decref(list);
	return -1;
}
