/* nam_gpu_piece.c - windows are cut into pieces, as many as a device runs streams at once. */
#include "render/nam_gpu_crew.h"
#include "nam/nam_plan_host.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- cutting ----------------------------------------------------------------------------- */

static int
recurrent(const struct nam_gpu_run *r)
{
	return nam_model_info(r->task.flow->model)->recurrent;
}

/* The first window of r with something to give; a recurrent one only when all before are done. */
static struct nam_gpu_window *
giving(const struct nam_gpu_run *r)
{
	for (struct nam_gpu_window *w = r->task.failed ? NULL : r->first; w; w = w->next) {
		if (w->full && w->channel < r->task.flow->channels)
			return w;
		if (w->left && recurrent(r))
			return NULL;
	}
	return NULL;
}

static size_t
windows_to_give(const struct nam_gpu_crew *c, size_t piece, size_t *frames)
{
	size_t pieces = 0;

	*frames = 0;
	for (const struct nam_gpu_run *r = nam_gpu_first(c); r; r = nam_gpu_next(r))
		for (struct nam_gpu_window *w = r->on ? giving(r) : NULL; w && w->full; w = w->next) {
			size_t channels = (size_t)(r->task.flow->channels - w->channel);

			pieces += channels * ((w->n + piece - 1) / piece);
			*frames += channels * w->n;
			if (r->state)
				break;
		}
	return pieces;
}

/* The length with which what there is makes as many pieces as the device runs streams at once. */
static size_t
piece_length(const struct nam_gpu_crew *c, size_t width, size_t most)
{
	size_t frames, piece;

	windows_to_give(c, NAM_GPU_WINDOW, &frames);
	frames = frames < most ? frames : most;
	piece = frames / (width ? width : 1);
	piece = piece > NAM_GPU_LEAST_PIECE ? piece : NAM_GPU_LEAST_PIECE;
	while (piece < NAM_GPU_WINDOW && windows_to_give(c, piece, &frames) > width && frames <= most)
		piece += piece / 16;
	return piece;
}

int
nam_gpu_take(struct nam_gpu_run *r, size_t length, struct nam_gpu_piece *p)
{
	struct nam_gpu_window *w = giving(r);
	size_t left;

	if (!w)
		return -1;
	left = w->n - w->given;
	*p = (struct nam_gpu_piece){ r, w, w->channel, w->given, left, 0 };
	if (!recurrent(r)) {
		const size_t pieces = (left + length - 1) / length;

		p->n = pieces ? (left + pieces - 1) / pieces : 0;
	}
	w->given += p->n;
	if (w->given == w->n) {
		w->given = 0;
		w->channel++;
	}
	r->task.busy++;
	return 0;
}

size_t
nam_gpu_skip(const struct nam_gpu_piece *p)
{
	const size_t there = p->w->past + p->at;

	return there < p->run->again ? there : p->run->again;
}

/* ---- pieces that wait -------------------------------------------------------------------- */

static void
push(struct nam_gpu_crew *c, const struct nam_gpu_piece *p)
{
	struct nam_gpu_piece *more;
	struct err e;

	if (p->run->task.failed)
		return;
	more = realloc(c->again, (c->n_again + 1) * sizeof *more);
	if (!more) {
		err_set(&e, ERR_NOMEM, "out of memory");
		nam_gpu_fail(c, p->run, &e);
		return;
	}
	c->again = more;
	c->again[c->n_again++] = *p;
}

static struct nam_gpu_piece
pop(struct nam_gpu_crew *c, size_t i)
{
	const struct nam_gpu_piece p = c->again[i];

	c->again[i] = c->again[--c->n_again];
	p.run->task.busy++;
	return p;
}

void
nam_gpu_done(struct nam_gpu_crew *c, const struct nam_gpu_piece *p)
{
	const struct nam_gpu_piece rest = { p->run, p->w, p->channel, p->at + p->n, p->after, 0 };

	p->w->left -= p->n;
	p->run->task.busy--;
	if (p->after)
		push(c, &rest);
}

void
nam_gpu_put_again(struct nam_gpu_crew *c, const struct nam_gpu_piece *p)
{
	const struct nam_gpu_piece all = { p->run, p->w, p->channel, p->at, p->n + p->after, 0 };

	p->run->task.busy--;
	push(c, &all);
}

void
nam_gpu_forget(struct nam_gpu_crew *c, const struct nam_gpu_run *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n_again; i++)
		if (c->again[i].run != r)
			c->again[kept++] = c->again[i];
	c->n_again = kept;
}

/* ---- for a lane -------------------------------------------------------------------------- */

/* Frames that a lane has to take for it. */
static size_t
cost_of(const struct nam_gpu_piece *p)
{
	return nam_gpu_skip(p) + p->n;
}

/* No more than fits; the rest can be a piece at once, but a recurrent one only when this is done. */
static void
cut(struct nam_gpu_crew *c, struct nam_gpu_piece *p, size_t most)
{
	const size_t skip = nam_gpu_skip(p), least = NAM_GPU_LEAST_PIECE;
	const size_t n = most > skip + least ? most - skip : least;
	struct nam_gpu_piece rest = *p;

	if (p->n <= n)
		return;
	rest.at = p->at + n;
	rest.n = p->n - n;
	p->n = n;
	if (recurrent(p->run))
		p->after = rest.n;
	else
		push(c, &rest);
}

size_t
nam_gpu_gather(struct nam_gpu_crew *c, const struct nam_gpu_lane *l, struct nam_gpu_piece *piece, size_t max)
{
	size_t n = 0, frames = 0, length = 0;

	for (size_t i = c->n_again; i-- > 0 && n < max && frames < l->most;) {
		const struct nam_gpu_piece *p = &c->again[i];

		if (!p->run->on->on[l->index] || (n && frames + cost_of(p) > l->most))
			continue;
		piece[n] = pop(c, i);
		cut(c, &piece[n], l->most - frames);
		frames += cost_of(&piece[n++]);
	}
	for (struct nam_gpu_run *r = nam_gpu_first(c); r; r = nam_gpu_next(r))
		while (r->on && r->on->on[l->index] && n < max && frames < l->most) {
			if (!length)
				length = piece_length(c, (size_t)c->gpus->ops->width(l->gpu, r->on->on[l->index]), l->most);
			if (nam_gpu_take(r, length, &piece[n]))
				break;
			cut(c, &piece[n], l->most);
			frames += cost_of(&piece[n++]);
		}
	return n;
}

/* ---- for the CPU ------------------------------------------------------------------------- */

/* Whether a device that is alive has the model. */
static int
reachable(const struct nam_gpu_crew *c, const struct nam_gpu_run *r)
{
	for (int i = 0; i < c->gpus->n; i++)
		if (r->on && r->on->on[i] && !c->dead[i])
			return 1;
	return 0;
}

int
nam_gpu_take_cpu(struct nam_gpu_crew *c, struct nam_gpu_piece *p)
{
	static const size_t length = 1 << 16;

	for (size_t i = 0; i < c->n_again; i++)
		if (!reachable(c, c->again[i].run)) {
			*p = pop(c, i);
			return 0;
		}
	for (struct nam_gpu_run *r = nam_gpu_first(c); r; r = nam_gpu_next(r))
		if (!reachable(c, r) && !nam_gpu_take(r, length, p))
			return 0;
	return -1;
}

int
nam_gpu_on_cpu(const struct nam_gpu_piece *p, struct err *e)
{
	const struct nam_gpu_run *r = p->run;
	const struct nam_gpu_window *w = p->w;
	const float *in = w->in + (size_t)p->channel * (w->past + w->cap) + w->past + p->at;
	float *out = w->out + (size_t)p->channel * w->cap + p->at;
	const size_t skip = nam_gpu_skip(p);
	struct nam_stream *s;

	if (r->stream) {
		nam_process(r->stream[p->channel], in, out, p->n);
		return 0;
	}
	if (r->state)
		return nam_plan_run(r->on->plan, GPU_TILE / 4, r->state + (size_t)p->channel * (size_t)r->on->plan->n_image, in,
		    p->n, 0, out, e);
	if (nam_stream_new(&s, r->task.flow->model, e))
		return -1;
	for (size_t at = 0, n; at < skip; at += n) { /* out is not made yet: it may hold what is dropped */
		n = skip - at < p->n ? skip - at : p->n;
		nam_process(s, in - skip + at, out, n);
	}
	nam_process(s, in, out, p->n);
	nam_stream_free(s);
	return 0;
}
