/* nam_gpu_crew.c - pieces on lanes, while the threads of the CPU read, write and compute what no device does. */
#include "render/nam_gpu_crew.h"
#include "base/par.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	LAUNCH = 1 << 24,            /* frames of one call of a lane */
	MAX_PIECES = 4096
};

void
nam_gpu_dies(struct nam_gpu_crew *c, int index, const char *why)
{
	c->dead[index] = 1;
	err_set(&c->lost, ERR_RETRY, "%s:%d is lost: %s", c->gpus->ops->name, c->gpus->device[index], why);
}

void
nam_gpu_fail(struct nam_gpu_crew *c, struct nam_gpu_run *r, const struct err *e)
{
	nam_task_fail(&r->task, e);
	nam_gpu_forget(c, r);
}

/* ---- lanes ------------------------------------------------------------------------------- */

/* Pieces on their way, for each an input and a job. */
struct launch {
	struct nam_gpu_piece piece[MAX_PIECES];
	struct nam_gpu_input *in[MAX_PIECES];
	struct gpu_job job[MAX_PIECES];
	size_t n;
};

/* The inputs of as many pieces as fit are brought, and the others wait. */
static enum gpu_status
prepare(struct nam_gpu_crew *c, struct nam_gpu_lane *l, struct launch *k, char *why, size_t len)
{
	const size_t n = k->n;
	enum gpu_status s = GPU_DONE;

	for (k->n = 0; k->n < n && s == GPU_DONE; k->n += s == GPU_DONE) {
		const struct nam_gpu_piece *p = &k->piece[k->n];
		const struct nam_gpu_run *r = p->run;
		const struct nam_gpu_model *on = r->on;
		const size_t skip = nam_gpu_skip(p);

		s = nam_gpu_input_get(c, l, p, &k->in[k->n], why, len);
		if (s == GPU_DONE)
			k->job[k->n] = (struct gpu_job){ on->on[l->index], k->in[k->n]->on, nam_gpu_input_at(k->in[k->n], p), skip + p->n,
				skip, p->w->out + (size_t)p->channel * p->w->cap + p->at,
				r->state ? r->state + (size_t)p->channel * (size_t)on->plan->n_image : NULL };
	}
	if (s == GPU_LOST || !k->n) {   /* all fail together */
		for (size_t i = 0; i < k->n; i++)
			nam_gpu_input_put(c, k->in[i]);
		k->n = n;
		return s;
	}
	for (size_t i = k->n; i < n; i++)
		nam_gpu_put_again(c, &k->piece[i]);
	return GPU_DONE;
}

static void
launch_failed(struct nam_gpu_crew *c, struct nam_gpu_lane *l, enum gpu_status s, const struct launch *k, const char *why)
{
	struct nam_gpu_run *first = k->piece->run;
	size_t frames = 0;
	struct err e;

	for (size_t i = 0; i < k->n; i++)
		frames += nam_gpu_skip(&k->piece[i]) + k->piece[i].n;
	if (s == GPU_LOST) {
		nam_gpu_dies(c, l->index, why);
	} else if (k->n > 1 || k->piece->n > NAM_GPU_LEAST_PIECE) {
		l->most = frames / 2;
		nam_gpu_make_room(c, l->index);
	} else if (c->lanes_on[l->index] > 1) {
		c->one_lane[l->index] = 1;
	} else {
		err_set(&e, ERR_NOMEM, "out of memory on %s:%d: %s", c->gpus->ops->name, c->gpus->device[l->index], why);
		nam_gpu_fail(c, first, &e);
	}
	for (size_t i = 0; i < k->n; i++)
		nam_gpu_put_again(c, &k->piece[i]);
}

static int
launch(struct nam_gpu_crew *c, struct nam_gpu_lane *l, struct launch *k)
{
	enum gpu_status s;
	char why[256];

	k->n = nam_gpu_gather(c, l, k->piece, MAX_PIECES);
	if (!k->n)
		return 0;
	s = prepare(c, l, k, why, sizeof why);
	if (s == GPU_DONE) {
		nam_desk_leave(&c->desk);
		s = c->gpus->ops->run(l->gpu, k->job, (int)k->n, why, sizeof why);
		nam_desk_enter(&c->desk);
		for (size_t i = 0; i < k->n; i++)
			nam_gpu_input_put(c, k->in[i]);
	}
	if (s != GPU_DONE)
		launch_failed(c, l, s, k, why);
	for (size_t i = 0; i < k->n && s == GPU_DONE; i++)
		nam_gpu_done(c, &k->piece[i]);
	nam_desk_wake_all(&c->desk);
	return 1;
}

/* Whether l has to close, or waits until others have. */
static int
is_too_many(const struct nam_gpu_crew *c, const struct nam_gpu_lane *l)
{
	return c->one_lane[l->index] && c->lanes_on[l->index] > 1;
}

static void *
lane_work(void *arg)
{
	struct nam_gpu_lane *l = arg;
	struct nam_gpu_crew *c = l->crew;
	struct launch *k = malloc(sizeof *k);
	const int first = (l - c->lanes) % NAM_GPU_LANES == 0;
	char why[256] = "out of memory";
	enum gpu_status s = k ? c->gpus->ops->open(&l->gpu, c->gpus->device[l->index], why, sizeof why) : GPU_LOST;

	nam_desk_enter(&c->desk);
	if (s != GPU_DONE)
		nam_gpu_dies(c, l->index, why);
	while (!c->over && !c->dead[l->index] && (first || !is_too_many(c, l)))
		if (is_too_many(c, l) || !launch(c, l, k))
			nam_desk_wait(&c->desk);
	nam_desk_leave(&c->desk);
	c->gpus->ops->close(l->gpu);
	free(k);
	nam_desk_enter(&c->desk);
	c->lanes_on[l->index]--;
	nam_desk_leave(&c->desk);
	return NULL;
}

/* ---- the CPU ----------------------------------------------------------------------------- */

/* For flows that are the CPU's, and for all that no device is left for. */
static int
compute_one(struct nam_gpu_crew *c)
{
	struct nam_gpu_piece p;
	struct nam_flow *f;
	struct err e;
	int bad;

	if (nam_gpu_take_cpu(c, &p))
		return 0;
	f = p.run->task.flow;
	if (p.run->on && !c->gpus->or_cpu) {
		nam_gpu_fail(c, p.run, &c->lost);
		nam_gpu_put_again(c, &p);
		return 1;
	}
	if (p.run->on) {
		f->device = "cpu";
		snprintf(f->note, sizeof f->note, "rendered on the CPU from some frame on: %.190s", c->lost.msg);
	}
	nam_desk_leave(&c->desk);
	bad = nam_gpu_on_cpu(&p, &e);
	nam_desk_enter(&c->desk);
	if (bad)
		nam_gpu_fail(c, p.run, &e);
	nam_gpu_done(c, &p);
	return 1;
}

/* ---- the threads ------------------------------------------------------------------------- */

static int
begin_one(struct nam_gpu_crew *c)
{
	return nam_gpu_has_room(c) && nam_desk_begin_one(&c->desk);
}

static void *
host_work(void *arg)
{
	struct nam_gpu_crew *c = arg;

	nam_desk_enter(&c->desk);
	while (!nam_desk_over(&c->desk))
		if (!(nam_desk_end_one(&c->desk) || nam_gpu_write_one(c) || nam_gpu_read_one(c) || begin_one(c) || compute_one(c)))
			nam_desk_wait(&c->desk);
	nam_desk_wake_all(&c->desk);
	nam_desk_leave(&c->desk);
	return NULL;
}

struct nam_gpu_crew *
nam_gpu_crew_new(const struct nam_gpus *g, int threads, int max_flows,
    enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow), void *ctx, struct err *e)
{
	struct nam_gpu_crew *c = calloc(1, sizeof *c);

	if (!c) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	nam_desk_init(&c->desk, max_flows, next, ctx);
	nam_gpu_flows(c);
	c->gpus = g;
	c->threads = threads > 0 ? threads : par_cpus();
	for (int i = 0; i < g->n * NAM_GPU_LANES; i++)
		c->lanes[c->n_lanes++] = (struct nam_gpu_lane){ .crew = c, .index = i / NAM_GPU_LANES, .most = LAUNCH };
	for (int i = 0; i < g->n; i++)
		c->lanes_on[i] = NAM_GPU_LANES;
	return c;
}

void
nam_gpu_crew_run(struct nam_gpu_crew *c)
{
	pthread_t lane[GPU_MAX_DEVICES * NAM_GPU_LANES], *id = calloc((size_t)c->threads, sizeof *id);
	int lanes = 0, n = 0;

	while (lanes < c->n_lanes && !pthread_create(&lane[lanes], NULL, lane_work, &c->lanes[lanes]))
		lanes++;
	nam_desk_enter(&c->desk);
	for (int i = (lanes + NAM_GPU_LANES - 1) / NAM_GPU_LANES; i < c->gpus->n; i++)
		nam_gpu_dies(c, i, "cannot start a thread");
	nam_desk_leave(&c->desk);
	while (id && n < c->threads - 1 && !pthread_create(&id[n], NULL, host_work, c))
		n++;
	host_work(c);
	while (n > 0)
		pthread_join(id[--n], NULL);
	nam_desk_enter(&c->desk);
	c->over = 1;
	nam_desk_wake_all(&c->desk);
	nam_desk_leave(&c->desk);
	while (lanes > 0)
		pthread_join(lane[--lanes], NULL);
	free(id);
}

void
nam_gpu_crew_wake(struct nam_gpu_crew *c)
{
	nam_desk_wake(&c->desk);
}

void
nam_gpu_crew_free(struct nam_gpu_crew *c)
{
	if (!c)
		return;
	nam_gpu_store_free(c);
	nam_desk_clear(&c->desk);
	free(c->again);
	free(c);
}
