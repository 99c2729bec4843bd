/* nam_gpu_store.c - models and inputs on devices: brought once, kept as long as they are used or there is room. */
#include "render/nam_gpu_crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDLE_MODEL_BYTES ((size_t)256 << 20) /* of each device, and of the host */

/* ---- models ------------------------------------------------------------------------------ */

/* Without the lock. */
static void
model_free(const struct nam_gpu_crew *c, struct nam_gpu_model *m)
{
	for (int i = 0; i < c->gpus->n; i++)
		c->gpus->ops->unload(m->on[i]);
	nam_plan_free(m->plan);
	free(m);
}

static void
unlink_model(struct nam_gpu_crew *c, struct nam_gpu_model *m)
{
	struct nam_gpu_model **p = &c->models;

	while (*p != m)
		p = &(*p)->next;
	*p = m->next;
}

/* The model that was unused for longest, out of the list, when all such have more than so many bytes; or NULL. */
static struct nam_gpu_model *
idle_model(struct nam_gpu_crew *c, size_t bytes)
{
	struct nam_gpu_model *oldest = NULL;
	size_t all = 0;

	for (struct nam_gpu_model *m = c->models; m; m = m->next)
		if (!m->users) {
			all += m->bytes;
			oldest = oldest && oldest->used < m->used ? oldest : m;
		}
	if (all <= bytes)
		return NULL;
	unlink_model(c, oldest);
	return oldest;
}

/* With the lock, which is given away.  NULL and *e: the model is on no device. */
static int
load(struct nam_gpu_crew *c, struct nam_gpu_model *m, struct err *e)
{
	int there = 0;
	char why[256];

	for (int i = 0; i < c->gpus->n; i++) {
		enum gpu_status s = GPU_NO_MEMORY;
		int more = 1;

		while (!c->dead[i] && s == GPU_NO_MEMORY && more) {
			nam_desk_leave(&c->desk);
			s = c->gpus->ops->load(&m->on[i], c->gpus->device[i], m->plan, why, sizeof why);
			nam_desk_enter(&c->desk);
			more = s == GPU_NO_MEMORY && nam_gpu_make_room(c, i);
		}
		if (s == GPU_LOST)
			nam_gpu_dies(c, i, why);
		if (c->dead[i])
			*e = c->lost;
		else if (s == GPU_NO_MEMORY)
			err_set(e, ERR_NOMEM, "the model does not fit on %s:%d: %s", c->gpus->ops->name, c->gpus->device[i], why);
		else
			there++;
	}
	return there ? 0 : -1;
}

static struct nam_gpu_model *
model_new(struct nam_gpu_crew *c, const struct nam_model *of, struct err *e)
{
	struct nam_gpu_model *m = calloc(1, sizeof *m);
	int bad = 1;

	if (!m) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	m->serial = nam_model_serial(of);
	m->loading = m->users = 1;
	m->used = ++c->clock;
	m->next = c->models;
	c->models = m;
	nam_desk_leave(&c->desk);
	m->plan = nam_plan_new(of, GPU_TILE, e);
	if (m->plan && c->gpus->fast)
		nam_plan_make_fast(m->plan);
	nam_desk_enter(&c->desk);
	if (m->plan) {
		m->bytes = nam_plan_bytes(m->plan);
		bad = load(c, m, e);
	}
	m->loading = 0;
	nam_desk_wake_all(&c->desk);
	if (!bad)
		return m;
	unlink_model(c, m);
	nam_desk_leave(&c->desk);
	model_free(c, m);
	nam_desk_enter(&c->desk);
	return NULL;
}

static struct nam_gpu_model *
known_model(const struct nam_gpu_crew *c, const struct nam_model *of)
{
	struct nam_gpu_model *m = c->models;

	while (m && m->serial != nam_model_serial(of))
		m = m->next;
	return m;
}

struct nam_gpu_model *
nam_gpu_model_get(struct nam_gpu_crew *c, const struct nam_model *of, struct err *e)
{
	struct nam_gpu_model *m;

	nam_desk_enter(&c->desk);
	while ((m = known_model(c, of)) != NULL && m->loading)
		nam_desk_wait(&c->desk);
	if (m) {
		m->users++;
		m->used = ++c->clock;
	} else {
		m = model_new(c, of, e);
	}
	nam_desk_leave(&c->desk);
	return m;
}

void
nam_gpu_model_put(struct nam_gpu_crew *c, struct nam_gpu_model *m)
{
	if (!m)
		return;
	nam_desk_enter(&c->desk);
	m->users--;
	while ((m = idle_model(c, MAX_IDLE_MODEL_BYTES)) != NULL) {
		nam_desk_leave(&c->desk);
		model_free(c, m);
		nam_desk_enter(&c->desk);
	}
	nam_desk_leave(&c->desk);
}

/* ---- inputs ------------------------------------------------------------------------------ */

static size_t
input_bytes(const struct nam_gpu_input *x)
{
	return (x->past + x->n) * sizeof(float);
}

static size_t
bytes_on(const struct nam_gpu_crew *c, int index)
{
	size_t n = 0;

	for (const struct nam_gpu_input *x = c->inputs; x; x = x->next)
		n += x->index == index ? input_bytes(x) : 0;
	return n;
}

static void
unlink_input(struct nam_gpu_crew *c, struct nam_gpu_input *x)
{
	struct nam_gpu_input **p = &c->inputs;

	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
}

/* Out of the list and off the device; the lock is given away meanwhile. */
static void
drop(struct nam_gpu_crew *c, struct nam_gpu_input *x)
{
	unlink_input(c, x);
	nam_desk_leave(&c->desk);
	c->gpus->ops->drop(x->on);
	free(x);
	nam_desk_enter(&c->desk);
}

/* Nobody uses it, and nobody has for longest; NULL: none on that device. */
static struct nam_gpu_input *
idle_input(const struct nam_gpu_crew *c, int index)
{
	struct nam_gpu_input *oldest = NULL;

	for (struct nam_gpu_input *x = c->inputs; x; x = x->next)
		if (x->index == index && !x->users && (!oldest || x->used < oldest->used))
			oldest = x;
	return oldest;
}

int
nam_gpu_make_room(struct nam_gpu_crew *c, int index)
{
	struct nam_gpu_input *x;
	struct nam_gpu_model *m;
	int some = 0;

	while ((x = idle_input(c, index)) != NULL) {
		drop(c, x);
		some = 1;
	}
	while ((m = idle_model(c, 0)) != NULL) {
		nam_desk_leave(&c->desk);
		model_free(c, m);
		nam_desk_enter(&c->desk);
		some = 1;
	}
	return some;
}

static struct nam_gpu_input *
find_input(const struct nam_gpu_crew *c, const struct nam_gpu_input *key)
{
	struct nam_gpu_input *x = c->inputs;

	while (x && (x->index != key->index || x->channel != key->channel || x->start != key->start || x->past != key->past ||
	    x->n != key->n || x->window != key->window || x->part || strcmp(x->source, key->source)))
		x = x->next;
	return x;
}

/* x is on the device of l, or is not in the list any more. */
static enum gpu_status
bring(struct nam_gpu_crew *c, struct nam_gpu_lane *l, struct nam_gpu_input *x, const float *from, char *why, size_t len)
{
	const size_t room = c->gpus->keep_bytes[l->index];
	struct nam_gpu_input *old;
	enum gpu_status s;

	x->next = c->inputs;
	c->inputs = x;
	x->users = x->loading = 1;
	x->used = ++c->clock;
	while (bytes_on(c, l->index) > room && (old = idle_input(c, l->index)) != NULL)
		drop(c, old);
	do {
		nam_desk_leave(&c->desk);
		s = c->gpus->ops->put(&x->on, l->gpu, from, x->past + x->n, why, len);
		nam_desk_enter(&c->desk);
	} while (s == GPU_NO_MEMORY && nam_gpu_make_room(c, l->index));
	x->loading = 0;
	nam_desk_wake_all(&c->desk);
	if (s != GPU_DONE) {
		unlink_input(c, x);
		free(x);
	}
	return s;
}

enum gpu_status
nam_gpu_input_get(struct nam_gpu_crew *c, struct nam_gpu_lane *l, const struct nam_gpu_piece *p, struct nam_gpu_input **in, char *why,
    size_t len)
{
	const struct nam_gpu_window *w = p->w;
	const struct nam_flow *f = p->run->task.flow;
	const float *from = w->in + (size_t)p->channel * (w->past + w->cap);
	struct nam_gpu_input key = { .window = *f->source ? NULL : w, .start = w->start, .index = l->index,
		.channel = p->channel, .past = w->past, .n = w->n }, *x;
	enum gpu_status s;

	snprintf(key.source, sizeof key.source, "%s", f->source);
	while ((x = find_input(c, &key)) != NULL && x->loading) /* by another lane; it may fail */
		nam_desk_wait(&c->desk);
	if (x) {
		x->users++;
		x->used = ++c->clock;
		*in = x;
		return GPU_DONE;
	}
	for (int part = 0; part < 2; part++) {
		if (!(x = malloc(sizeof *x))) {
			snprintf(why, len, "out of memory");
			return GPU_NO_MEMORY;
		}
		*x = key;
		if (part) {             /* what this piece needs fits where all of it does not */
			x->part = 1;
			x->past = nam_gpu_skip(p);
			x->n = p->n;
			from += w->past + p->at - x->past;
			x->start = w->start + (int64_t)p->at;
		}
		*in = x;
		s = bring(c, l, x, from, why, len);
		if (s != GPU_NO_MEMORY)
			return s;
	}
	return s;
}

size_t
nam_gpu_input_at(const struct nam_gpu_input *x, const struct nam_gpu_piece *p)
{
	return x->past + (size_t)(p->w->start + (int64_t)p->at - x->start) - nam_gpu_skip(p);
}

void
nam_gpu_input_put(struct nam_gpu_crew *c, struct nam_gpu_input *x)
{
	x->users--;
	if (x->part)
		drop(c, x);
}

void
nam_gpu_input_forget(struct nam_gpu_crew *c, const struct nam_gpu_window *w)
{
	struct nam_gpu_input *x = c->inputs;

	while (x)
		if (x->window == w) {
			drop(c, x);
			x = c->inputs;
		} else {
			x = x->next;
		}
}

void
nam_gpu_store_free(struct nam_gpu_crew *c)
{
	nam_desk_enter(&c->desk);
	for (int i = 0; i < c->gpus->n; i++)
		nam_gpu_make_room(c, i);
	nam_desk_leave(&c->desk);
}
