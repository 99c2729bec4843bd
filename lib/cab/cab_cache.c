/* cab_cache.c - cabinets that jobs share. */
#include "base/str.h"
#include "cab/cab.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST = 32 };

struct entry {
	char *key;               /* all that the cabinet depends on */
	struct cab *cab;         /* NULL: being made, or could not be */
	struct err e;
	int users, made;
	unsigned long used;
	struct entry *next;
};
struct cab_cache {
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct entry *first;
	int entries;
	unsigned long clock;
};

struct cab_cache *
cab_cache_new(struct err *e)
{
	struct cab_cache *k = calloc(1, sizeof *k);

	if (!k) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->change, NULL);
	return k;
}

static void
entry_free(struct entry *x)
{
	free(x->key);
	cab_free(x->cab);
	free(x);
}

void
cab_cache_free(struct cab_cache *k)
{
	if (!k)
		return;
	while (k->first) {
		struct entry *x = k->first;

		k->first = x->next;
		entry_free(x);
	}
	pthread_mutex_destroy(&k->lock);
	pthread_cond_destroy(&k->change);
	free(k);
}

/* Everything that goes into a cabinet, the files by what they are now. */
static char *
key_of(const struct cab_options *o, int rate_hz, int channels)
{
	struct str s = { 0 };

	str_addf(&s, "%d %d %d %s %s %d %d %s %a %a %a %a %s %a %a", rate_hz, channels, o->join, o->routing, o->align,
	    o->fix_polarity, o->minimum_phase, o->delay, o->trim_s, o->fade_s, o->low_cut_hz, o->high_cut_hz, o->norm,
	    o->gain_db, o->mix);
	for (int i = 0; i < o->n_irs; i++) {
		struct stat st = { 0 };

		stat(o->ir[i], &st);
		str_addf(&s, "\n%a %ju %ju %jd %jd.%09ld %s", i < o->n_gains ? o->ir_gain_db[i] : 0, (uintmax_t)st.st_dev,
		    (uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, (long)st.st_mtim.tv_nsec, o->ir[i]);
	}
	if (s.failed)
		str_free(&s);
	return s.s;
}

/* With the lock. */
static void
make_room(struct cab_cache *k)
{
	while (k->entries > MOST) {
		struct entry **oldest = NULL, *x;

		for (struct entry **p = &k->first; *p; p = &(*p)->next)
			if (!(*p)->users && (!oldest || (*p)->used < (*oldest)->used))
				oldest = p;
		if (!oldest)
			return;
		x = *oldest;
		*oldest = x->next;
		k->entries--;
		entry_free(x);
	}
}

static struct entry *
find_or_add(struct cab_cache *k, char *key)
{
	struct entry *x = k->first;

	while (x && strcmp(x->key, key) != 0)
		x = x->next;
	if (x) {
		free(key);
		return x;
	}
	if (!(x = calloc(1, sizeof *x))) {
		free(key);
		return NULL;
	}
	x->key = key;
	x->next = k->first;
	k->first = x;
	k->entries++;
	return x;
}

const struct cab *
cab_cache_get(struct cab_cache *k, const struct cab_options *o, int rate_hz, int channels, struct err *e)
{
	char *key = key_of(o, rate_hz, channels);
	struct cab *c = NULL;
	struct entry *x;

	pthread_mutex_lock(&k->lock);
	x = key ? find_or_add(k, key) : NULL;
	if (!x) {
		pthread_mutex_unlock(&k->lock);
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (x->users++ == 0 && !x->cab)
		x->made = 0;            /* not there yet, or it failed: try it (again) */
	if (!x->made && x->users == 1) {
		pthread_mutex_unlock(&k->lock);
		c = cab_new(o, rate_hz, channels, &x->e);
		pthread_mutex_lock(&k->lock);
		x->cab = c;
		x->made = 1;
		pthread_cond_broadcast(&k->change);
	}
	while (!x->made)
		pthread_cond_wait(&k->change, &k->lock);
	c = x->cab;
	x->used = ++k->clock;
	if (!c) {
		x->users--;
		if (e)
			*e = x->e;
	}
	make_room(k);
	pthread_mutex_unlock(&k->lock);
	return c;
}

void
cab_cache_put(struct cab_cache *k, const struct cab *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&k->lock);
	for (struct entry *x = k->first; x; x = x->next)
		if (x->cab == c)
			x->users--;
	make_room(k);
	pthread_mutex_unlock(&k->lock);
}
