/* run.c - read runs from folders and exports. */
#include "db/run.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "db/db.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)64 << 20)
#define EXPORT_MAX ((size_t)1 << 30) /* of many runs */

static const char *const part_file[DB_PARTS] = {
	"shootout.json", "timeline.jsonl", "metrics.jsonl", "manifest.jsonl"
};

/* Texts to be sorted before they are hashed. */
struct bag {
	char **v;
	size_t n, cap;
};

/* A file of lines, walked through. */
struct lines {
	const char *file;
	char *at, *end;
	unsigned long no;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

static int
bag_add(struct bag *b, char *text, struct err *e)
{
	if (text && b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 64;
		char **v = realloc(b->v, cap * sizeof *v);
		if (v) {
			b->v = v;
			b->cap = cap;
		}
	}
	if (!text || b->n == b->cap) {
		free(text);
		return no_memory(e);
	}
	b->v[b->n++] = text;
	return 0;
}

static void
bag_free(struct bag *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->v[i]);
	free(b->v);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static json_t *
parse(const char *text, size_t len, const char *file, unsigned long no, struct err *e)
{
	json_error_t je;
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);

	if (!o)
		err_set(e, ERR_INPUT, "%s:%lu: not JSON: %s (column %d)", file,
		    no + (unsigned long)(je.line > 0 ? je.line - 1 : 0), je.text, je.column);
	else if (!json_is_object(o)) {
		err_set(e, ERR_INPUT, "%s:%lu: not a JSON object", file, no);
		json_decref(o);
		o = NULL;
	}
	return o;
}

/* The next line that is not blank.  Returns 1, 0 at the end, -1 error. */
static int
next_object(struct lines *l, json_t **o, struct err *e)
{
	while (l->at < l->end) {
		char *line = l->at, *nl = memchr(line, '\n', (size_t)(l->end - line));
		size_t len = (size_t)((nl ? nl : l->end) - line);
		l->at = nl ? nl + 1 : l->end;
		l->no++;
		if (strspn(line, " \t\r") < len) {
			*o = parse(line, len, l->file, l->no, e);
			return *o ? 1 : -1;
		}
	}
	return 0;
}

static int
is_sha256(const json_t *v)
{
	const char *s = json_string_value(v);

	return s && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* Every member of list must have a text id, no two the same. */
static int
check_ids(const json_t *o, const char *key, const char *file, struct err *e)
{
	const json_t *list = json_object_get(o, key), *item;
	json_t *seen = json_object();
	size_t i;
	int r = -1;

	if (!seen) {
		no_memory(e);
	} else if (!json_is_array(list) || !json_array_size(list)) {
		err_set(e, ERR_INPUT, "%s: /%s must be a list of at least one object", file, key);
	} else {
		json_array_foreach(list, i, item) {
			const char *id = json_string_value(json_object_get(item, "id"));
			if (!id || !*id) {
				err_set(e, ERR_INPUT, "%s: /%s/%zu/id must be a text", file, key, i);
				goto out;
			}
			if (json_object_get(seen, id)) {
				err_set(e, ERR_INPUT, "%s: /%s/%zu/id '%s' is there twice", file, key, i, id);
				goto out;
			}
			if (json_object_set_new(seen, id, json_true())) {
				no_memory(e);
				goto out;
			}
		}
		r = 0;
	}
out:
	json_decref(seen);
	return r;
}

static int
check_description(const json_t *o, const char *file, struct err *e)
{
	const char *schema = json_string_value(json_object_get(o, "schema"));
	const char *name = json_string_value(json_object_get(o, "name"));

	if (!schema || strcmp(schema, "shootout/1"))
		return err_set(e, ERR_INPUT, "%s: /schema must be \"shootout/1\"", file);
	if (!name || !*name)
		return err_set(e, ERR_INPUT, "%s: /name must be a text", file);
	return check_ids(o, "dis", file, e) || check_ids(o, "chains", file, e) ? -1 : 0;
}

/* Which part does a line belong to?  DB_PARTS: none that we know. */
static enum db_part
part_of(const json_t *o)
{
	static const struct { const char *schema; enum db_part part; } known[] = {
		{ "timeline/1", DB_TIMELINE }, { "segment/1", DB_TIMELINE },
		{ "audio-metrics/1", DB_METRICS },
		{ "provenance/1", DB_MANIFEST }, { "input/1", DB_MANIFEST },
	};
	const char *schema = json_string_value(json_object_get(o, "schema"));

	for (size_t i = 0; schema && i < sizeof known / sizeof *known; i++)
		if (!strcmp(schema, known[i].schema))
			return known[i].part;
	return DB_PARTS;
}

/* Add o as line no of a part.  The line takes a copy. */
static int
add_line(struct db_run *run, enum db_part part, const json_t *o, unsigned long no, struct err *e)
{
	size_t n = run->n[part];
	struct db_line *v = run->part[part];

	if (!(n & (n - 1))) { /* full at every power of two */
		v = realloc(v, (n ? 2 * n : 1) * sizeof *v);
		if (!v)
			return no_memory(e);
		run->part[part] = v;
	}
	if (!(v[n].text = db_json_text(o, 0)))
		return no_memory(e);
	v[n].no = no;
	run->n[part]++;
	return 0;
}

/* Check a line and add it to the part it belongs to. */
static int
take(struct db_run *run, enum db_part part, const json_t *o, unsigned long no, struct err *e)
{
	static const char *const lists[] = { "inputs", "outputs" };
	const char *file = run->file[part], *schema = json_string_value(json_object_get(o, "schema"));
	const json_t *item;
	size_t i;

	if (part == DB_TIMELINE && !strcmp(schema, "timeline/1") != !run->n[part])
		return err_set(e, ERR_INPUT, run->n[part] ? "%s:%lu: a second timeline" :
		    "%s:%lu: a segment before the timeline's first line", file, no);
	if (part == DB_METRICS && !json_is_string(json_object_get(o, "file")))
		return err_set(e, ERR_INPUT, "%s:%lu: /file must be a text", file, no);
	if (!strcmp(schema, "input/1") && (!is_sha256(json_object_get(o, "sha256")) ||
	    !json_is_string(json_object_get(o, "file"))))
		return err_set(e, ERR_INPUT, "%s:%lu: must have a file and its sha256", file, no);
	for (int l = 0; part == DB_MANIFEST && l < 2; l++)
		json_array_foreach(json_object_get(o, lists[l]), i, item)
			if (!is_sha256(json_object_get(item, "sha256")) ||
			    !json_is_string(json_object_get(item, "file")))
				return err_set(e, ERR_INPUT, "%s:%lu: /%s/%zu must have a file and its sha256",
				    file, no, lists[l], i);
	return add_line(run, part, o, no, e);
}

/* All is read: does the timeline have what its first line promised, and the description's rate? */
static int
check_whole(const struct db_run *run, struct err *e)
{
	const char *file = run->file[DB_TIMELINE];
	json_t *head = NULL, *desc = NULL, *said, *rate;
	int r = -1;

	if (!run->n[DB_TIMELINE])
		return err_set(e, ERR_INPUT, "%s: has no timeline", file);
	head = json_loads(run->part[DB_TIMELINE][0].text, 0, NULL);
	desc = json_loads(run->part[DB_DESCRIPTION][0].text, 0, NULL);
	said = json_object_get(head, "segments");
	rate = json_object_get(desc, "rate_hz");
	if (!head || !desc)
		no_memory(e);
	else if (json_is_integer(said) && json_integer_value(said) != (json_int_t)run->n[DB_TIMELINE] - 1)
		err_set(e, ERR_INPUT, "%s: has %zu segments, its first line says %" JSON_INTEGER_FORMAT
		    ": it was cut short", file, run->n[DB_TIMELINE] - 1, json_integer_value(said));
	else if (rate && !json_equal(rate, json_object_get(head, "rate_hz")))
		err_set(e, ERR_INPUT, "%s:%lu: the timeline's rate_hz is not that of the description", file,
		    run->part[DB_TIMELINE][0].no);
	else
		r = 0;
	json_decref(head);
	json_decref(desc);
	return r;
}

/* o[key] without the folder: where a file lay is no part of what was made. */
static void
drop_folder(json_t *o, const char *key)
{
	const char *file = json_string_value(json_object_get(o, key));

	if (file)
		json_object_set_new(o, key, json_string(path_base(file)));
}

static void
drop_folders(json_t *desc)
{
	json_t *item, *stage;
	size_t i, k;

	json_array_foreach(json_object_get(desc, "dis"), i, item)
		drop_folder(item, "file");
	json_array_foreach(json_object_get(desc, "chains"), i, item)
		json_array_foreach(json_object_get(item, "stages"), k, stage) {
			drop_folder(stage, "nam");
			drop_folder(stage, "ir");
		}
}

/* What the manifest says that matters for the id: roles and hashes. */
static int
add_hashes(struct bag *bag, const char *text, struct err *e)
{
	static const char *const lists[] = { "inputs", "outputs" };
	json_t *o = json_loads(text, 0, NULL);
	const json_t *item;
	const char *input = json_string_value(json_object_get(o, "sha256")); /* of an input/1 line */
	int r = o ? 0 : no_memory(e);
	size_t i;

	if (input)
		r = bag_add(bag, str_printf("source %s", input), e);
	for (int l = 0; l < 2 && !r; l++)
		json_array_foreach(json_object_get(o, lists[l]), i, item) {
			const char *role = json_string_value(json_object_get(item, "role"));
			if (!r)
				r = bag_add(bag, str_printf("%s %s %s", lists[l],
				    json_string_value(json_object_get(item, "sha256")), role ? role : ""), e);
		}
	json_decref(o);
	return r;
}

/* Hash the run's content into run->id. */
static int
identify(struct db_run *run, struct err *e)
{
	struct bag sorted[DB_PARTS] = { { 0 } };
	struct sha256 *h = sha256_new();
	int r = h ? 0 : no_memory(e);

	for (int p = 0; p < DB_PARTS && !r; p++)
		for (size_t i = 0; i < run->n[p] && !r; i++) {
			json_t *o;
			if (p == DB_MANIFEST) {
				r = add_hashes(&sorted[p], run->part[p][i].text, e);
				continue;
			}
			o = json_loads(run->part[p][i].text, 0, NULL);
			if (p == DB_DESCRIPTION)
				drop_folders(o);
			r = bag_add(&sorted[p], o ? db_json_text(o, JSON_SORT_KEYS) : NULL, e);
			json_decref(o);
		}
	for (int p = 0; p < DB_PARTS && !r; p++) {
		struct bag *b = &sorted[p];
		if ((p == DB_METRICS || p == DB_MANIFEST) && b->n)
			qsort(b->v, b->n, sizeof *b->v, by_text);
		sha256_add(h, part_file[p], strlen(part_file[p]) + 1); /* so that no line can change its part */
		for (size_t i = 0; i < b->n; i++)
			if (p != DB_MANIFEST || !i || strcmp(b->v[i], b->v[i - 1]))
				sha256_add(h, b->v[i], strlen(b->v[i]) + 1);
	}
	if (!r)
		sha256_hex(h, run->id);
	for (int p = 0; p < DB_PARTS; p++)
		bag_free(&sorted[p]);
	sha256_free(h);
	return r;
}

static int
read_folder(struct db_run *run, const char *folder, struct err *e)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	for (int p = 0; p < DB_PARTS; p++)
		if (!(run->file[p] = str_printf("%.*s/%s", (int)len, folder, part_file[p])))
			return no_memory(e);
	for (int p = 0; p < DB_PARTS; p++) {
		struct lines l = { run->file[p], NULL, NULL, 0 };
		char *data;
		json_t *o;
		int r;

		if (file_read(run->file[p], FILE_MAX, &data, &len, e))
			return -1;
		l.at = data;
		l.end = data + len;
		if (p == DB_DESCRIPTION) {
			o = parse(data, len, l.file, 1, e);
			r = !o || check_description(o, l.file, e) ? -1 : add_line(run, DB_DESCRIPTION, o, 1, e);
			json_decref(o);
		} else {
			while ((r = next_object(&l, &o, e)) > 0) {
				if (part_of(o) != (enum db_part)p)
					r = err_set(e, ERR_INPUT, "%s:%lu: /schema is not one of this file", l.file, l.no);
				else
					r = take(run, (enum db_part)p, o, l.no, e);
				json_decref(o);
				if (r)
					break;
			}
		}
		free(data);
		if (r)
			return -1;
	}
	return check_whole(run, e) || identify(run, e) ? -1 : 0;
}

/* The rest of a run whose first line is head. */
static int
read_exported(struct db_run *run, const json_t *head, struct lines *l, struct err *e)
{
	const char *kind = json_string_value(json_object_get(head, "kind"));
	const char *schema = json_string_value(json_object_get(head, "schema"));
	const json_t *id = json_object_get(head, "id"), *desc = json_object_get(head, "description");
	json_int_t lines = json_integer_value(json_object_get(head, "lines"));
	unsigned long first = l->no;

	if (!schema || strcmp(schema, DB_SCHEMA) || !kind || strcmp(kind, "export") || !is_sha256(id))
		return err_set(e, ERR_INPUT, "%s:%lu: not the first line of an export", l->file, first);
	for (int p = 0; p < DB_PARTS; p++)
		if (!(run->file[p] = str_printf("%s", l->file)))
			return no_memory(e);
	if (check_description(desc, l->file, e) || add_line(run, DB_DESCRIPTION, desc, first, e))
		return -1;
	for (json_int_t i = 0; i < lines; i++) {
		enum db_part part;
		json_t *o;
		int r = next_object(l, &o, e);

		if (r < 0)
			return -1;
		if (!r)
			return err_set(e, ERR_INPUT, "%s:%lu: the export ends %" JSON_INTEGER_FORMAT
			    " lines too early", l->file, l->no, lines - i);
		part = part_of(o);
		r = part == DB_PARTS ? err_set(e, ERR_INPUT, "%s:%lu: /schema is not one of a run", l->file, l->no)
		    : take(run, part, o, l->no, e);
		json_decref(o);
		if (r)
			return -1;
	}
	if (check_whole(run, e) || identify(run, e))
		return -1;
	if (strcmp(run->id, json_string_value(id)))
		return err_set(e, ERR_INPUT, "%s:%lu: the content does not fit its id: it was changed on the way",
		    l->file, first);
	return 0;
}

static int
read_export(struct db_run **runs, size_t *n, const char *file, struct err *e)
{
	struct lines l = { strcmp(file, "-") ? file : "standard input", NULL, NULL, 0 };
	char *data;
	size_t len;
	json_t *o;
	int r;

	if (file_read(file, EXPORT_MAX, &data, &len, e))
		return -1;
	l.at = data;
	l.end = data + len;
	while ((r = next_object(&l, &o, e)) > 0) {
		struct db_run *more = realloc(*runs, (*n + 1) * sizeof *more);
		if (more) {
			*runs = more;
			memset(&more[*n], 0, sizeof *more);
			r = read_exported(&more[(*n)++], o, &l, e);
		} else {
			r = no_memory(e);
		}
		json_decref(o);
		if (r)
			break;
	}
	free(data);
	if (!r && !*n)
		return err_set(e, ERR_INPUT, "'%s' holds no run", l.file);
	return r;
}

int
db_runs_read(struct db_run **runs, size_t *n, const char *source, struct err *e)
{
	struct stat sb;
	int r;

	*runs = NULL;
	*n = 0;
	if (strcmp(source, "-") && !stat(source, &sb) && S_ISDIR(sb.st_mode)) {
		if (!(*runs = calloc(1, sizeof **runs)))
			return no_memory(e);
		*n = 1;
		r = read_folder(*runs, source, e);
	} else {
		r = read_export(runs, n, source, e);
	}
	if (r) {
		db_runs_free(*runs, *n);
		*runs = NULL;
		*n = 0;
	}
	return r;
}

void
db_runs_free(struct db_run *runs, size_t n)
{
	for (size_t r = 0; runs && r < n; r++)
		for (int p = 0; p < DB_PARTS; p++) {
			for (size_t i = 0; i < runs[r].n[p]; i++)
				free(runs[r].part[p][i].text);
			free(runs[r].part[p]);
			free(runs[r].file[p]);
		}
	free(runs);
}
