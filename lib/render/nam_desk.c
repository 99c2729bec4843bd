/* nam_desk.c - where a crew gets its flows from and how they end. */
#include "render/nam_desk.h"

#include <stdlib.h>

void
nam_desk_init(struct nam_desk *d, int max_flows, enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow), void *ctx)
{
	*d = (struct nam_desk){ .max_tasks = max_flows, .next = next, .ctx = ctx };
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
}

void
nam_desk_clear(struct nam_desk *d)
{
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->changed);
}

void
nam_desk_leave(struct nam_desk *d)
{
	pthread_mutex_unlock(&d->lock);
}

void
nam_desk_wake_all(struct nam_desk *d)
{
	if (d->waiting)
		pthread_cond_broadcast(&d->changed);
}

void
nam_desk_enter(struct nam_desk *d)
{
	pthread_mutex_lock(&d->lock);
	nam_desk_wake_all(d);
}

void
nam_desk_wait(struct nam_desk *d)
{
	d->waiting++;
	pthread_cond_wait(&d->changed, &d->lock);
	d->waiting--;
}

/* What waited may begin now. */
static void
ask_again(struct nam_desk *d)
{
	d->wakes++;
	d->none_yet = 0;
}

void
nam_desk_wake(struct nam_desk *d)
{
	nam_desk_enter(d);
	ask_again(d);
	nam_desk_leave(d);
}

int
nam_desk_begin_one(struct nam_desk *d)
{
	struct nam_flow *f = NULL;
	struct nam_task *r = NULL, **p;
	enum nam_crew_next what;
	unsigned wakes = d->wakes;
	struct err e;

	if (d->no_more || d->none_yet || d->n_tasks + d->starting >= d->max_tasks)
		return 0;
	d->starting++;
	nam_desk_leave(d);
	what = d->next(d->ctx, &f);
	if (what == NAM_CREW_FLOW && !(r = d->task_new(d->crew, f, &e)))
		f->end(f->ctx, &e);
	nam_desk_enter(d);
	d->starting--;
	if (what == NAM_CREW_NO_MORE)
		d->no_more = 1;
	if (what == NAM_CREW_NONE_YET && wakes == d->wakes)
		d->none_yet = 1;
	if (what == NAM_CREW_FLOW && !r)
		ask_again(d);
	if (r) {
		for (p = &d->tasks; *p; p = &(*p)->next)
			;
		*p = r;
		d->n_tasks++;
	}
	return 1;
}

int
nam_desk_end_one(struct nam_desk *d)
{
	for (struct nam_task **p = &d->tasks; *p; p = &(*p)->next) {
		struct nam_task *r = *p;
		struct nam_flow *f = r->flow;
		struct err e = r->e;
		const int failed = r->failed;

		if (r->busy || r->reading || r->writing || !(failed || d->task_done(r)))
			continue;
		*p = r->next;
		d->n_tasks--;
		d->ending++;
		nam_desk_leave(d);
		d->task_free(d->crew, r);
		f->end(f->ctx, failed ? &e : NULL);
		nam_desk_enter(d);
		d->ending--;
		ask_again(d);
		return 1;
	}
	return 0;
}

int
nam_desk_over(const struct nam_desk *d)
{
	return !d->tasks && !d->starting && !d->ending && d->no_more;
}

int
nam_task_init(struct nam_task *r, struct nam_flow *f, struct err *e)
{
	r->flow = f;
	r->rows = calloc((size_t)f->channels, sizeof *r->rows);
	r->in_rows = calloc((size_t)f->channels, sizeof *r->in_rows);
	return r->rows && r->in_rows ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

void
nam_task_clear(struct nam_task *r)
{
	free(r->rows);
	free(r->in_rows);
}

void
nam_task_fail(struct nam_task *r, const struct err *e)
{
	if (!r->failed)
		r->e = *e;
	r->failed = 1;
}
