/* cache.c - the store as a user sees it. */
#include "net/cache.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "net/fetch.h"
#include "net/validate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 64 << 20 };

struct walk {
	struct store *s;
	const struct cache_options *o;
	const char *dir;         /* export */
};

static int
list_record(void *ctx, json_t *record, struct err *e)
{
	struct walk *w = ctx;
	char *path = store_path(w->s, record);
	int r = path ? w->o->file(w->o->ctx, record, path, 1, e) : err_set(e, ERR_NOMEM, "out of memory");

	free(path);
	return r;
}

static int
stat_store(struct store *s, const struct cache_options *o, struct err *e)
{
	struct store_usage u;
	json_t *line;
	int r;

	if (store_usage(s, &u, e))
		return -1;
	line = jl_new("tone-store/1");
	jl_str(line, "dir", store_dir(s));
	jl_int(line, "models", u.records);
	jl_int(line, "files", u.objects);
	jl_int(line, "bytes", u.bytes);
	jl_int(line, "partial_files", u.partials);
	jl_int(line, "partial_bytes", u.partial_bytes);
	jl_int(line, "in_use_by_runs", u.roots);
	r = line ? o->line(o->ctx, line, e) : err_set(e, ERR_NOMEM, "out of memory");
	json_decref(line);
	return r;
}

static int
verify_record(void *ctx, json_t *record, struct err *e)
{
	struct walk *w = ctx;
	const char *ext = json_string_value(json_object_get(record, "ext")), *as;
	char *path = store_path(w->s, record), what[64];
	struct err why;

	if (!path)
		return err_set(e, ERR_NOMEM, "out of memory");
	snprintf(what, sizeof what, "tone3000:%s/%s", json_string_value(json_object_get(record, "tone_id")),
	    json_string_value(json_object_get(record, "model_id")));
	if (store_check(w->s, record, &why)) {
		if (why.code == ERR_DAMAGED)
			unlink(path);
		w->o->failed(w->o->ctx, what, &why);
	} else if (validate_file(path, ext, &as, &why)) {
		w->o->failed(w->o->ctx, what, &why);
	}
	free(path);
	return 0;
}

/* A number from the environment; fallback where there is none. */
static double
limit(const char *name, double fallback)
{
	const char *s = getenv(name);
	char *end;
	const double v = s && *s ? strtod(s, &end) : -1;

	return s && *s && !*end && isfinite(v) && v >= 0 ? v : fallback;
}

static int
collect(struct store *s, const struct cache_options *o, struct err *e)
{
	struct store_gc g = { .dry = o->dry };
	json_t *line;
	int r;

	g.max_age_days = o->max_age_days >= 0 ? o->max_age_days : limit("MODEL_CACHE_MAX_AGE_DAYS", -1);
	g.max_bytes = o->max_bytes >= 0 ? o->max_bytes : (long long)fmin(limit("MODEL_CACHE_MAX_BYTES", -1), 9e18);
	if (store_collect(s, &g, e))
		return -1;
	line = jl_new("tone-gc/1");
	jl_str(line, "dir", store_dir(s));
	jl_num(line, "max_age_days", g.max_age_days >= 0 ? g.max_age_days : NAN);
	jl_set(line, "max_bytes", g.max_bytes >= 0 ? json_integer(g.max_bytes) : NULL);
	jl_bool(line, "dry_run", g.dry);
	jl_int(line, "removed", g.removed);
	jl_int(line, "removed_bytes", g.removed_bytes);
	jl_int(line, "kept_in_use", g.kept_in_use);
	jl_int(line, "left_bytes", g.left_bytes);
	r = line ? o->line(o->ctx, line, e) : err_set(e, ERR_NOMEM, "out of memory");
	json_decref(line);
	return r;
}

/* ---- add ---- */

/* The record for a file: what lies beside it, or one that knows its name only. */
static json_t *
record_for(const char *file, const char *as, struct err *e)
{
	static const char *const unknown[] = { "title", "name", "creator", "license", "redistribution", "source", "gear", "format",
		"architecture", "size", "url" };
	char tone[STORE_ID_MAX], model[STORE_ID_MAX], *beside, date[32];
	time_t now = time(NULL);
	struct tm tm;
	json_t *o;

	if (!as) {
		beside = str_printf("%s.json", file);
		o = beside ? jl_load(beside, 1 << 20, e) : NULL;
		free(beside);
		if (o && (!json_is_string(json_object_get(o, "tone_id")) || !json_is_string(json_object_get(o, "model_id")) ||
		    !store_is_id(json_string_value(json_object_get(o, "tone_id"))) ||
		    !store_is_id(json_string_value(json_object_get(o, "model_id"))))) {
			err_set(e, ERR_INPUT, "'%s.json' is no record of a model", file);
			json_decref(o);
			return NULL;
		}
		/* what reader reads it is ours to say */
		jl_str(o, "ext", validate_ext("", file));
		json_object_del(o, "file");
		json_object_del(o, "cached");
		return o;
	}
	store_parse_name(as, tone, model);
	o = jl_new("tone-file/1");
	jl_str(o, "tone_id", tone);
	jl_str(o, "model_id", model);
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		jl_set(o, unknown[i], NULL);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	jl_str(o, "fetched_at", date);
	jl_str(o, "ext", validate_ext("", file));
	if (!o)
		err_set(e, ERR_NOMEM, "out of memory");
	return o;
}

static int
add_file(struct store *s, const char *file, const struct cache_options *o, struct err *e)
{
	json_t *record = record_for(file, o->as, e);
	char hex[65], *data = NULL, *tmp = NULL, *path = NULL;
	const char *claimed = json_string_value(json_object_get(record, "sha256")), *as;
	size_t len = 0;
	int fd = -1, r = -1;

	if (!record || file_read(file, MAX_FILE, &data, &len, e))
		goto out;
	sha256_bytes(data, len, hex);
	if (claimed && strcmp(claimed, hex) != 0) {
		err_set(e, ERR_DAMAGED, "the file is not the one of its record: its SHA-256 is another");
		goto out;
	}
	tmp = store_partial(s, json_string_value(json_object_get(record, "model_id")), &fd, e);
	if (!tmp)
		goto out;
	if (write(fd, data, len) != (ssize_t)len) {
		err_sys(e, "cannot write '%s'", tmp);
	} else if (!validate_file(tmp, json_string_value(json_object_get(record, "ext")), &as, e)) {
		jl_str(record, "sha256", hex);
		jl_int(record, "bytes", (long long)len);
		jl_str(record, "validated", as);
		r = store_put(s, tmp, record, e);
		path = r ? NULL : store_path(s, record);
		if (path)
			r = o->file(o->ctx, record, path, 0, e);
	}
	if (r)
		unlink(tmp);
out:
	if (fd >= 0)
		close(fd);
	free(path);
	free(tmp);
	free(data);
	json_decref(record);
	return r;
}

/* ---- export ---- */

static int
export_record(void *ctx, json_t *record, struct err *e)
{
	struct walk *w = ctx;
	char *path = NULL;
	struct err why;
	int r;

	if (store_use(w->s, record, &why) || store_export(w->s, record, w->dir, &path, &why)) {
		w->o->failed(w->o->ctx, json_string_value(json_object_get(record, "model_id")), &why);
		return 0;
	}
	r = w->o->file(w->o->ctx, record, path, 1, e);
	free(path);
	return r;
}

static int
export_names(struct walk *w, int n, char *const names[], struct err *e)
{
	int r = 0;

	for (int i = 0; i < n && !r; i++) {
		char tone[STORE_ID_MAX], model[STORE_ID_MAX];
		json_t *record = store_parse_name(names[i], tone, model) ? NULL : store_record(w->s, tone, model);
		struct err why;

		if (record)
			r = export_record(w, record, e);
		else {
			err_set(&why, ERR_ABSENT, "is not in the store '%s'", store_dir(w->s));
			w->o->failed(w->o->ctx, names[i], &why);
		}
		json_decref(record);
	}
	return r;
}

int
cache_check(int n, char *const arg[], const struct cache_options *o, struct err *e)
{
	static const struct { const char *name; int least, most; } commands[] = {
		{ "ls", 0, 0 }, { "stat", 0, 0 }, { "verify", 0, 0 }, { "gc", 0, 0 }, { "add", 1, 1 << 20 }, { "export", 1, 1 << 20 },
	};
	char tone[STORE_ID_MAX], model[STORE_ID_MAX];

	for (size_t i = 0; n && i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(arg[0], commands[i].name) != 0)
			continue;
		if (n - 1 < commands[i].least || n - 1 > commands[i].most)
			return err_set(e, ERR_INPUT, "cache %s: %s", arg[0], commands[i].most ? "what?" : "takes no names");
		if (o->as && (strcmp(arg[0], "add") || n != 2 || store_parse_name(o->as, tone, model)))
			return err_set(e, ERR_INPUT, "--as TONE/MODEL is for cache add and one file");
		return 0;
	}
	return err_set(e, ERR_INPUT, "cache: ls, stat, verify, gc, add or export");
}

int
cache_run(struct store *s, int n, char *const arg[], const struct cache_options *o, struct err *e)
{
	struct walk w = { .s = s, .o = o };

	if (!strcmp(arg[0], "ls"))
		return store_each(s, list_record, &w, e);
	if (!strcmp(arg[0], "stat"))
		return stat_store(s, o, e);
	if (!strcmp(arg[0], "verify"))
		return store_each(s, verify_record, &w, e);
	if (!strcmp(arg[0], "gc"))
		return collect(s, o, e);
	if (!strcmp(arg[0], "export")) {
		w.dir = arg[1];
		return n > 2 ? export_names(&w, n - 2, arg + 2, e) : store_each(s, export_record, &w, e);
	}
	for (int i = 1; i < n; i++) {
		struct err why;

		if (add_file(s, arg[i], o, &why))
			o->failed(o->ctx, arg[i], &why);
	}
	return 0;
}
