/* store_gc.c - how full the store is, and what may go. */
#include "net/store_impl.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY_S = 86400, JUST_NOW_S = 3600 };

struct object {
	char name[96];           /* ab/SHA256.EXT */
	long long used_s, bytes;
	int in_use;
};

struct objects {
	struct object *v;
	size_t n, cap;
	int bad;
};

/* Call fn for each file of a folder of the store; a folder that is not there is an empty one. */
static int
each_file(const struct store *s, const char *sub, void (*fn)(void *ctx, const char *path, const char *name), void *ctx,
          struct err *e)
{
	char *dir = str_printf("%s/%s", s->dir, sub), *path;
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *de;
	int r = dir ? d || errno == ENOENT ? 0 : err_sys(e, "cannot read '%s'", dir) : err_set(e, ERR_NOMEM, "out of memory");

	while (d && !r && (de = readdir(d)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		path = str_printf("%s/%s", dir, de->d_name);
		if (path)
			fn(ctx, path, de->d_name);
		else
			r = err_set(e, ERR_NOMEM, "out of memory");
		free(path);
	}
	if (d)
		closedir(d);
	free(dir);
	return r;
}

static void
add_object(void *ctx, const char *path, const char *name)
{
	struct objects *o = ctx;
	struct object *v;
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) || strlen(name) > 80)
		return;
	if (o->n == o->cap) {
		v = realloc(o->v, (2 * o->cap + 64) * sizeof *v);
		if (!v) {
			o->bad = 1;
			return;
		}
		o->v = v;
		o->cap = 2 * o->cap + 64;
	}
	v = &o->v[o->n++];
	memset(v, 0, sizeof *v);
	snprintf(v->name, sizeof v->name, "%.2s/%s", name, name);
	v->used_s = st.st_mtime;
	v->bytes = st.st_size;
}

static int
read_objects(const struct store *s, struct objects *o, struct err *e)
{
	char sub[16];
	int r = 0;

	for (int i = 0; i < 256 && !r; i++) {
		snprintf(sub, sizeof sub, "objects/%02x", i);
		r = each_file(s, sub, add_object, o, e);
	}
	return r ? r : o->bad ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}

static int
by_use(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	return x->used_s != y->used_s ? (x->used_s > y->used_s) - (x->used_s < y->used_s) : strcmp(x->name, y->name);
}

struct roots {
	const struct store *s;
	struct objects *o;
	int dry;
	long long alive;
};

/* A root is a link to a link: alive as long as it leads to one of our objects. */
static void
follow_root(void *ctx, const char *path, const char *name)
{
	struct roots *r = ctx;
	char *real = realpath(path, NULL), *dir;
	const int gone = !real && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP);
	size_t len;
	int alive = 0;

	(void)name;
	dir = realpath(r->s->dir, NULL);
	len = dir ? strlen(dir) : 0;
	if (real && dir && !strncmp(real, dir, len) && !strncmp(real + len, "/objects/", 9)) {
		alive = 1;
		for (size_t i = 0; r->o && i < r->o->n; i++)
			if (!strcmp(r->o->v[i].name, real + len + 9))
				r->o->v[i].in_use = 1;
	}
	r->alive += alive;
	if (!alive && !r->dry && (real || gone))
		unlink(path);
	free(real);
	free(dir);
}

struct partials {
	long long n, bytes, now_s;
	int remove;
};

static void
see_partial(void *ctx, const char *path, const char *name)
{
	struct partials *p = ctx;
	struct stat st;

	(void)name;
	if (lstat(path, &st))
		return;
	p->n++;
	p->bytes += st.st_size;
	if (p->remove && p->now_s - st.st_mtime > DAY_S)
		unlink(path);
}

static int
count_record(void *ctx, json_t *record, struct err *e)
{
	(void)record;
	(void)e;
	++*(long long *)ctx;
	return 0;
}

int
store_usage(const struct store *s, struct store_usage *u, struct err *e)
{
	struct objects o = { 0 };
	struct partials p = { 0 };
	struct roots roots = { s, NULL, 1, 0 };
	int r;

	memset(u, 0, sizeof *u);
	r = store_each(s, count_record, &u->records, e) || read_objects(s, &o, e) || each_file(s, "partial", see_partial, &p, e) ||
	    each_file(s, "roots", follow_root, &roots, e) ? -1 : 0;
	u->objects = (long long)o.n;
	for (size_t i = 0; i < o.n; i++)
		u->bytes += o.v[i].bytes;
	u->partials = p.n;
	u->partial_bytes = p.bytes;
	u->roots = roots.alive;
	free(o.v);
	return r;
}

struct orphans { const struct store *s; };

static int
drop_record(void *ctx, json_t *record, struct err *e)
{
	const struct store *s = ((struct orphans *)ctx)->s;
	char *path = store_path(s, record), *name = str_printf("%s/models/%s.json", s->dir,
	    json_string_value(json_object_get(record, "model_id")));

	(void)e;
	if (path && name && access(path, F_OK) && errno == ENOENT)
		unlink(name);
	free(path);
	free(name);
	return 0;
}

int
store_collect(const struct store *s, struct store_gc *g, struct err *e)
{
	const long long now_s = (long long)time(NULL);
	struct objects o = { 0 };
	struct partials p = { .now_s = now_s, .remove = !g->dry };
	struct roots roots = { s, &o, g->dry, 0 };
	struct orphans orphans = { s };
	int r = read_objects(s, &o, e) || each_file(s, "roots", follow_root, &roots, e) ||
	    each_file(s, "partial", see_partial, &p, e) ? -1 : 0;

	g->removed = g->removed_bytes = g->kept_in_use = g->left_bytes = 0;
	for (size_t i = 0; i < o.n; i++) {
		g->left_bytes += o.v[i].bytes;
		/* a use in the future is a clock that jumped: it counts as now */
		o.v[i].used_s = o.v[i].used_s < now_s ? o.v[i].used_s : now_s;
		o.v[i].in_use |= now_s - o.v[i].used_s < JUST_NOW_S;
	}
	if (o.n)
		qsort(o.v, o.n, sizeof *o.v, by_use);
	for (size_t i = 0; i < o.n && !r; i++) {
		const struct object *v = &o.v[i];
		const int old = g->max_age_days >= 0 && (double)(now_s - v->used_s) > g->max_age_days * DAY_S;
		char *path;

		if (!old && (g->max_bytes < 0 || g->left_bytes <= g->max_bytes))
			continue;
		if (v->in_use) {
			g->kept_in_use++;
			continue;
		}
		path = str_printf("%s/objects/%s", s->dir, v->name);
		if (!path)
			r = err_set(e, ERR_NOMEM, "out of memory");
		else if (!g->dry && unlink(path) && errno != ENOENT)
			r = err_sys(e, "cannot remove '%s'", path);
		else {
			g->removed++;
			g->removed_bytes += v->bytes;
			g->left_bytes -= v->bytes;
		}
		free(path);
	}
	if (!r && !g->dry)
		r = store_each(s, drop_record, &orphans, e);
	free(o.v);
	return r;
}
