/* nam_cache.c - models and inputs that many jobs share. */
#include "render/nam_cache.h"
#include "base/mem.h"
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MIB = 1 << 20, BLOCK = 4096 };

struct nam_cached {
	struct nam_cached *next;
	char *name;
	double slim;
	struct stat file;
	void *what;
	size_t bytes;
	int users, loading, stale;       /* stale: the file has changed since */
	uint64_t used;
};

struct nam_cache {
	pthread_mutex_t lock;
	pthread_cond_t loaded;
	struct nam_cached *list;
	size_t bytes, max_bytes, max_one;
	int streams;                     /* what cannot be cached is streamed */
	uint64_t clock;
	/* *what NULL and 0: do without.  *bytes is counted already. */
	int (*load)(struct nam_cache *c, const char *name, double slim, void **what, size_t *bytes, struct err *e);
	void (*unload)(void *what);
};

/* ---- room ------------------------------------------------------------------------------ */

static void
drop(struct nam_cache *c, struct nam_cached *x)
{
	struct nam_cached **p = &c->list;

	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
	c->bytes -= x->bytes;
	c->unload(x->what);
	free(x->name);
	free(x);
}

/* Let go of what nobody has until there is room, the longest unused first; and of what is stale. */
static void
make_room(struct nam_cache *c, size_t bytes)
{
	for (;;) {
		struct nam_cached *oldest = NULL;

		for (struct nam_cached *x = c->list; x; x = x->next)
			if (!x->users && (!oldest || x->stale || (!oldest->stale && x->used < oldest->used)))
				oldest = x;
		if (!oldest || (!oldest->stale && c->bytes + bytes <= c->max_bytes))
			return;
		drop(c, oldest);
	}
}

/* Count bytes that are to be cached, if there can be room for them; must: in any case. */
static int
take_room(struct nam_cache *c, size_t bytes, int must)
{
	int fits;

	pthread_mutex_lock(&c->lock);
	if (bytes <= c->max_one)
		make_room(c, bytes);
	fits = must || (bytes <= c->max_one && c->bytes + bytes <= c->max_bytes);
	c->bytes += fits ? bytes : 0;
	pthread_mutex_unlock(&c->lock);
	return fits;
}

static void
give_room(struct nam_cache *c, size_t bytes)
{
	pthread_mutex_lock(&c->lock);
	c->bytes -= bytes;
	pthread_mutex_unlock(&c->lock);
}

/* ---- what is cached -------------------------------------------------------------------- */

static int
load_model(struct nam_cache *c, const char *name, double slim, void **what, size_t *bytes, struct err *e)
{
	struct nam_model *m;

	if (nam_open(&m, name, slim, e))
		return -1;
	*what = m;
	/* weights as they are laid out to run, and what goes with them */
	*bytes = nam_model_info(m)->weights * 2 * sizeof(float) + 65536;
	take_room(c, *bytes, 1);
	return 0;
}

static void
unload_model(void *what)
{
	nam_close(what);
}

static void
unload_input(void *what)
{
	struct nam_input *i = what;

	if (i)
		au_buf_free(&i->buf);
	free(i);
}

static int
load_input(struct nam_cache *c, const char *name, double slim, void **what, size_t *bytes, struct err *e)
{
	struct nam_input *i = NULL;
	const struct au_info *info;
	struct au_in *in;
	size_t size;
	int64_t n;

	(void)slim;
	*what = NULL;
	*bytes = 0;
	if (au_open(&in, name, e))
		return -1;
	info = au_info(in);
	if (info->frames < 0 || size_mul((size_t)info->frames, (size_t)info->channels * sizeof(float), &size) ||
	    !take_room(c, size, 0)) {
		au_close(in);
		return 0;
	}
	i = calloc(1, sizeof *i);
	/* one block more: the read that meets the end needs room */
	if (!i || !(i->buf.x = mem_zalloc((size_t)(info->frames + BLOCK) * (size_t)info->channels, sizeof(float)))) {
		err_set(e, ERR_NOMEM, "cannot load '%s': out of memory", name);
		goto fail;
	}
	i->buf.rate_hz = info->rate_hz;
	i->buf.channels = info->channels;
	while ((n = au_read(in, i->buf.x + i->buf.frames * info->channels, BLOCK, e)) > 0) {
		i->buf.frames += n;
		if (i->buf.frames > info->frames) {
			err_set(e, ERR_INPUT, "'%s' changed while it was read", name);
			goto fail;
		}
	}
	if (n < 0 || au_in_sha256(in, i->sha256, e))
		goto fail;
	au_close(in);
	*what = i;
	*bytes = size;
	return 0;
fail:
	give_room(c, size);
	unload_input(i);
	au_close(in);
	return -1;
}

/* ---- the cache ------------------------------------------------------------------------- */

static struct nam_cache *
cache_new(size_t max_bytes, size_t max_one, struct err *e)
{
	struct nam_cache *c = calloc(1, sizeof *c);

	if (!c) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->loaded, NULL);
	c->max_bytes = max_bytes;
	c->max_one = max_one;
	return c;
}

struct nam_cache *
nam_cache_models(struct err *e)
{
	struct nam_cache *c = cache_new((size_t)512 * MIB, (size_t)512 * MIB, e);

	if (c) {
		c->load = load_model;
		c->unload = unload_model;
	}
	return c;
}

struct nam_cache *
nam_cache_inputs(struct err *e)
{
	struct nam_cache *c = cache_new((size_t)256 * MIB, (size_t)64 * MIB, e);

	if (c) {
		c->load = load_input;
		c->streams = 1;
		c->unload = unload_input;
	}
	return c;
}

static int
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The same bits: slim may be -1, never NaN. */
static int
same(double a, double b)
{
	return !(a < b) && !(a > b);
}

static struct nam_cached *
find(struct nam_cache *c, const char *name, double slim, const struct stat *file)
{
	for (struct nam_cached *x = c->list; x; x = x->next) {
		if (x->stale || strcmp(x->name, name) != 0 || !same(x->slim, slim))
			continue;
		if (same_file(&x->file, file))
			return x;
		x->stale = !x->loading;
	}
	return NULL;
}

struct nam_cached *
nam_cache_get(struct nam_cache *c, const char *name, double slim, struct err *e)
{
	struct nam_cached *x;
	struct stat file;
	size_t bytes = 0;
	int bad = 0;

	if (stat(name, &file)) {
		err_sys(e, "cannot open '%s'", name);
		return NULL;
	}
	pthread_mutex_lock(&c->lock);
	while ((x = find(c, name, slim, &file)) != NULL && x->loading)
		pthread_cond_wait(&c->loaded, &c->lock);
	if (x) {
		x->users++;
		x->used = ++c->clock;
		pthread_mutex_unlock(&c->lock);
		return x;
	}
	x = calloc(1, sizeof *x);
	if (!x || !(x->name = str_printf("%s", name))) {
		free(x);
		pthread_mutex_unlock(&c->lock);
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	x->slim = slim;
	x->file = file;
	x->loading = x->users = 1;
	x->used = ++c->clock;
	x->next = c->list;
	c->list = x;
	pthread_mutex_unlock(&c->lock);
	/* what is no file comes only once, and is not ours to take */
	if (S_ISREG(file.st_mode) || !c->streams)
		bad = c->load(c, name, slim, &x->what, &bytes, e);
	pthread_mutex_lock(&c->lock);
	x->bytes = bytes;
	x->loading = 0;
	x->stale |= !x->what;            /* nothing to be found again */
	pthread_cond_broadcast(&c->loaded);
	if (bad) {
		drop(c, x);
		x = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	return x;
}

void
nam_cache_put(struct nam_cache *c, struct nam_cached *x)
{
	if (!x)
		return;
	pthread_mutex_lock(&c->lock);
	x->users--;
	make_room(c, 0);
	pthread_mutex_unlock(&c->lock);
}

const void *
nam_cached_what(const struct nam_cached *x)
{
	return x->what;
}

void
nam_cache_free(struct nam_cache *c)
{
	if (!c)
		return;
	while (c->list)
		drop(c, c->list);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->loaded);
	free(c);
}
