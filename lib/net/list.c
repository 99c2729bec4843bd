/* list.c - the service's lists. */
#include "net/list.h"
#include "base/str.h"
#include "base/utf8.h"
#include "cli/jsonl.h"
#include "net/store.h"

#include <stdlib.h>
#include <string.h>

enum { HAS_QUERY = 1, HAS_GEAR = 2, HAS_SORT = 4, HAS_ARCH = 8, HAS_SEARCH = 16 };
enum { MAX_COLUMNS = 8 };

struct column { const char *key, *head; int width; };

struct list {
	const char *name, *path, *schema;
	int page_size;           /* the most the service gives at once; 0: a list without pages, -1: one object */
	int has, wants_id, anonymous;
	struct column column[MAX_COLUMNS];
};

#define TONE_COLUMNS { { "id", "ID", 9 }, { "title", "TITLE", 32 }, { "user.username", "BY", 16 }, { "gear", "GEAR", 13 }, \
	{ "format", "FORMAT", 12 }, { "license", "LICENSE", 12 }, { "models_count", "MODELS", 7 }, { "downloads_count", "DOWNLOADS", 10 } }
#define TERM_COLUMNS { { "id", "ID", 9 }, { "name", "NAME", 40 }, { "tones_count", "TONES", 8 } }

static const struct list lists[] = {
	{ "created", "/api/v1/tones/created", "tone/1", 100, HAS_QUERY | HAS_GEAR, 0, 0, TONE_COLUMNS },
	{ "favorited", "/api/v1/tones/favorited", "tone/1", 100, HAS_QUERY | HAS_GEAR, 0, 0, TONE_COLUMNS },
	{ "downloaded", "/api/v1/tones/downloaded", "tone/1", 100, HAS_QUERY | HAS_GEAR, 0, 0, TONE_COLUMNS },
	{ "trending", "/api/v1/tones/trending", "tone/1", 0, HAS_GEAR, 0, 1, TONE_COLUMNS },
	{ "latest", "/api/v1/tones/latest", "tone/1", 0, 0, 0, 0, TONE_COLUMNS },
	{ "search", "/api/v1/tones/search", "tone/1", 25, HAS_QUERY | HAS_SORT | HAS_ARCH | HAS_SEARCH, 0, 0, TONE_COLUMNS },
	{ "show", "/api/v1/tones/", "tone/1", -1, 0, 1, 0, TONE_COLUMNS },
	{ "models", "/api/v1/models?tone_id=", "tone-model/1", 300, HAS_ARCH, 1, 0, { { "tone_id", "TONE", 8 },
	    { "id", "ID", 9 }, { "name", "NAME", 44 }, { "architecture_version", "ARCH", 8 }, { "size", "SIZE", 10 } } },
	{ "users", "/api/v1/users", "tone-user/1", 10, HAS_QUERY | HAS_SORT, 0, 0, { { "username", "USER", 24 },
	    { "display_name", "NAME", 24 }, { "tones_count", "TONES", 8 }, { "models_count", "MODELS", 8 },
	    { "downloads_count", "DOWNLOADS", 9 } } },
	{ "makes", "/api/v1/makes", "tone-term/1", 25, HAS_QUERY | HAS_SORT, 0, 0, TERM_COLUMNS },
	{ "tags", "/api/v1/tags", "tone-term/1", 25, HAS_QUERY | HAS_SORT, 0, 0, TERM_COLUMNS },
	{ "whoami", "/api/v1/user", "tone-user/1", -1, 0, 0, 0, { { "username", "USER", 24 }, { "display_name", "NAME", 24 },
	    { "url", "PAGE", 48 } } },
};

const struct list *
list_find(const char *name)
{
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (!strcmp(lists[i].name, name))
			return &lists[i];
	return NULL;
}

int
list_wants_id(const struct list *l)
{
	return l->wants_id;
}

int
list_is_search(const struct list *l)
{
	return (l->has & HAS_SEARCH) != 0;
}

const char *
list_unknown(const struct list *l, const struct list_filter *f)
{
	const struct { int given, has; const char *name; } all[] = {
		{ f->query != NULL, HAS_QUERY, "query" }, { f->sort != NULL, HAS_SORT, "sort" },
		{ f->architecture != NULL, HAS_ARCH, "architecture" }, { f->gears.n > 0, HAS_GEAR | HAS_SEARCH, "gear" },
		{ f->gears.n > 1, HAS_SEARCH, "gear" }, { f->format != NULL, HAS_SEARCH, "format" },
		{ f->sizes.n > 0, HAS_SEARCH, "size" }, { f->makes.n > 0, HAS_SEARCH, "make" }, { f->tags.n > 0, HAS_SEARCH, "tag" },
		{ f->creators.n > 0, HAS_SEARCH, "creator" }, { f->calibrated, HAS_SEARCH, "calibrated" },
		{ f->verified, HAS_SEARCH, "verified" },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].given && !(l->has & all[i].has))
			return all[i].name;
	return NULL;
}

static void
add(struct str *b, const char *key, const char *value)
{
	char *quoted = http_escape(value);

	if (quoted)
		str_addf(b, "%c%s=%s", b->s && strchr(b->s, '?') ? '&' : '?', key, quoted);
	else
		b->failed = 1;
	free(quoted);
}

/* Lists in one value: the service parts creators with ',' (their names have '_') and all else with '_'. */
static void
add_words(struct str *b, const char *key, const struct opt_list *w, const char *between)
{
	struct str all = { 0 };

	for (int i = 0; i < w->n; i++)
		str_addf(&all, "%s%s", i ? between : "", w->v[i]);
	if (all.failed)
		b->failed = 1;
	else if (w->n)
		add(b, key, all.s);
	str_free(&all);
}

/* The path with its filters, malloc'd. */
static char *
make_path(const struct list *l, const char *id, const struct list_filter *f, const char *architecture)
{
	struct str b = { 0 };

	str_addf(&b, "%s%s", l->path, l->wants_id ? id : "");
	if (f->query)
		add(&b, "query", f->query);
	add_words(&b, list_is_search(l) ? "gears" : "gear", &f->gears, "_");
	add_words(&b, "sizes", &f->sizes, "_");
	add_words(&b, "makes", &f->makes, "_");
	add_words(&b, "tags", &f->tags, "_");
	add_words(&b, "creators", &f->creators, ",");
	if (f->format)
		add(&b, "format", f->format);
	if (f->sort)
		add(&b, "sort", f->sort);
	if (f->calibrated)
		add(&b, "calibrated", "true");
	if (f->verified)
		add(&b, "verified", "true");
	if (architecture)
		add(&b, "architecture", architecture);
	if (b.failed)
		str_free(&b);
	return b.s;
}

/* Ids that were given already, when a list is asked for twice. */
struct seen { long long *v; size_t n, cap; };

static int
by_value(const void *a, const void *b)
{
	const long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

struct running {
	const struct list *l;
	long long given, limit;
	struct seen *keep;       /* note ids here, or NULL */
	const struct seen *skip; /* sorted; or NULL */
	int (*out)(void *ctx, json_t *line, struct err *e);
	void *ctx;
	int full;
};

static int
remember(struct seen *s, long long id, struct err *e)
{
	long long *v;

	if (s->n == s->cap) {
		v = realloc(s->v, (2 * s->cap + 256) * sizeof *v);
		if (!v)
			return err_set(e, ERR_NOMEM, "out of memory");
		s->v = v;
		s->cap = 2 * s->cap + 256;
	}
	s->v[s->n++] = id;
	return 0;
}

static int
on_item(void *ctx, json_t *item, struct err *e)
{
	struct running *r = ctx;
	char text[STORE_ID_MAX];
	json_t *line;
	long long id;
	int bad;

	id = api_id(json_object_get(item, "id"), text) ? 0 : strtoll(text, NULL, 10);
	if (r->skip && id && bsearch(&id, r->skip->v, r->skip->n, sizeof id, by_value))
		return 0;
	if (r->keep && id && remember(r->keep, id, e))
		return -1;
	line = api_line(r->l->schema, item);
	bad = line ? r->out(r->ctx, line, e) : err_set(e, ERR_NOMEM, "out of memory");
	json_decref(line);
	r->full = r->limit && ++r->given >= r->limit;
	return bad ? bad : r->full;
}

static int
one_pass(struct running *r, const struct api *a, const char *id, const struct list_filter *f, const char *architecture,
         struct err *e)
{
	char *path = make_path(r->l, id, f, architecture);
	int s = path ? api_each(a, path, r->l->page_size, 0, r->l->anonymous ? HTTP_ANONYMOUS : 0, on_item, r, e) :
	    err_set(e, ERR_NOMEM, "out of memory");

	free(path);
	return s == 1 && r->full ? 0 : s;
}

/* A tone's models: one list for each architecture it has; the service names no "all" and hides the second by default. */
static int
tone_models(struct running *r, const struct api *a, const char *id, const struct list_filter *f, struct err *e)
{
	static const char *const words[] = { "1", "2", "custom" };
	static const char *const counts[] = { "a1_models_count", "a2_models_count", "custom_models_count" };
	char *path = str_printf("/api/v1/tones/%s", id);
	json_t *tone = path ? api_get(a, path, 0, e) : NULL;
	const char *format = json_string_value(json_object_get(tone, "format"));
	const int is_nam = format && !strcmp(format, "nam");
	int s = path ? tone ? 0 : -1 : err_set(e, ERR_NOMEM, "out of memory");

	for (size_t i = 0; !s && !r->full && i < (is_nam ? 3 : 1); i++) {
		const json_t *count = json_object_get(tone, counts[i]);

		if (!is_nam || !json_is_integer(count) || json_integer_value(count) > 0)
			s = one_pass(r, a, id, f, is_nam ? words[i] : NULL, e);
	}
	json_decref(tone);
	free(path);
	return s;
}

/* Without a word for the architecture the service searches all but the second. */
static int
search_all(struct running *r, const struct api *a, const struct list_filter *f, struct err *e)
{
	struct seen first = { 0 };
	int s;

	r->keep = &first;
	s = one_pass(r, a, NULL, f, NULL, e);
	if (first.n)
		qsort(first.v, first.n, sizeof *first.v, by_value);
	r->keep = NULL;
	r->skip = first.n ? &first : NULL;
	if (!s && !r->full)
		s = one_pass(r, a, NULL, f, "2", e);
	free(first.v);
	return s;
}

int
list_run(const struct list *l, const struct api *a, const char *id, const struct list_filter *f,
         int (*out)(void *ctx, json_t *line, struct err *e), void *ctx, struct err *e)
{
	struct running r = { .l = l, .limit = f->limit, .out = out, .ctx = ctx };
	char *path;
	json_t *o;
	int s;

	if (l->page_size < 0) {
		path = make_path(l, id, f, NULL);
		o = path ? api_get(a, path, 0, e) : NULL;
		s = path ? o ? on_item(&r, o, e) : -1 : err_set(e, ERR_NOMEM, "out of memory");
		json_decref(o);
		free(path);
		return s == 1 && r.full ? 0 : s;
	}
	if (!strcmp(l->name, "models") && !f->architecture)
		return tone_models(&r, a, id, f, e);
	if (list_is_search(l) && !f->architecture && (!f->format || !strcmp(f->format, "nam")))
		return search_all(&r, a, f, e);
	return one_pass(&r, a, id, f, f->architecture, e);
}

/* ---- a table ---- */

static int
is_last(const struct list *l, size_t i)
{
	return i + 1 == MAX_COLUMNS || !l->column[i + 1].key;
}

char *
list_head(const struct list *l)
{
	struct str b = { 0 };

	for (size_t i = 0; i < MAX_COLUMNS && l->column[i].key; i++)
		str_addf(&b, "%-*s%s", is_last(l, i) ? 0 : l->column[i].width, l->column[i].head, is_last(l, i) ? "\n" : " ");
	return b.s;
}

char *
list_row(const struct list *l, const json_t *line)
{
	struct str b = { 0 };

	for (size_t i = 0; i < MAX_COLUMNS && l->column[i].key; i++) {
		const char *key = l->column[i].key, *dot = strchr(key, '.');
		const json_t *v = dot ? json_object_get(json_object_get(line, "user"), dot + 1) : json_object_get(line, key);
		char number[32];

		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
		utf8_cell(&b, json_is_string(v) ? json_string_value(v) : json_is_integer(v) ? number : "-", l->column[i].width,
		    is_last(l, i) ? 0 : l->column[i].width + 1);
	}
	str_add(&b, "\n");
	if (b.failed)
		str_free(&b);
	return b.s;
}
