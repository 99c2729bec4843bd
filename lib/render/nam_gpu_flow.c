/* nam_gpu_flow.c - flows are read in windows and written from them. */
#include "render/nam_gpu_crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LEAST_WINDOW = 1 << 16,
	WINDOWS = 3,                 /* of a flow: one is read, one is computed, one is written */
	KEEP = 8192                  /* what is kept of the past is a multiple, so that most models want the same of one input */
};
#define MAX_WINDOW_BYTES ((size_t)1 << 30)

int
nam_gpu_has_room(const struct nam_gpu_crew *c)
{
	return c->window_bytes < MAX_WINDOW_BYTES;
}

/* ---- windows ----------------------------------------------------------------------------- */

static size_t
window_frames(const struct nam_flow *f)
{
	size_t n = NAM_GPU_WINDOW / (size_t)f->channels;

	n = n > LEAST_WINDOW ? n : LEAST_WINDOW;
	if (f->frames >= 0 && (uint64_t)f->frames < n)
		n = f->frames ? (size_t)f->frames : 1;
	return n;
}

static size_t
window_bytes(const struct nam_gpu_run *r, const struct nam_gpu_window *w)
{
	return (w->past + 2 * w->cap) * (size_t)r->task.flow->channels * sizeof(float);
}

static void
window_free(struct nam_gpu_crew *c, const struct nam_gpu_run *r, struct nam_gpu_window *w)
{
	nam_gpu_input_forget(c, w);
	c->window_bytes -= window_bytes(r, w);
	free(w->in);
	free(w->out);
	free(w);
}

static struct nam_gpu_window *
last_window(const struct nam_gpu_run *r)
{
	struct nam_gpu_window *w = r->first;

	while (w && w->next)
		w = w->next;
	return w;
}

/* The window that is to be filled; NULL: none, for now. */
static struct nam_gpu_window *
open_window(struct nam_gpu_crew *c, struct nam_gpu_run *r)
{
	struct nam_gpu_window *last = last_window(r), *w;
	const size_t channels = (size_t)r->task.flow->channels;
	size_t n = 0;

	if (last && !last->full)
		return last;
	for (w = r->first; w; w = w->next)
		n++;
	if (n >= WINDOWS || !nam_gpu_has_room(c))
		return NULL;
	w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->start = r->frames;
	w->cap = window_frames(r->task.flow);
	w->past = r->tail_n;
	w->in = calloc((w->past + w->cap) * channels, sizeof *w->in);
	w->out = calloc(w->cap * channels, sizeof *w->out);
	c->window_bytes += window_bytes(r, w);
	if (!w->in || !w->out) {
		struct err e;

		err_set(&e, ERR_NOMEM, "out of memory");
		nam_gpu_fail(c, r, &e);
		window_free(c, r, w);
		return NULL;
	}
	for (size_t k = 0; k < channels; k++)
		memcpy(w->in + k * (w->past + w->cap), r->tail + k * r->keep, w->past * sizeof *w->in);
	if (last)
		last->next = w;
	else
		r->first = w;
	return w;
}

/* ---- beginning and ending of a flow -------------------------------------------------------- */

static void
task_free(void *crew, struct nam_task *task)
{
	struct nam_gpu_crew *c = crew;
	struct nam_gpu_run *r = (struct nam_gpu_run *)task;

	nam_desk_enter(&c->desk);
	while (r->first) {
		struct nam_gpu_window *w = r->first;

		r->first = w->next;
		window_free(c, r, w);
	}
	nam_desk_leave(&c->desk);
	for (int k = 0; r->stream && k < task->flow->channels; k++)
		nam_stream_free(r->stream[k]);
	nam_gpu_model_put(c, r->on);
	nam_task_clear(task);
	free(r->stream);
	free(r->state);
	free(r->tail);
	free(r);
}

static int
start_states(struct nam_gpu_run *r, struct err *e)
{
	const struct nam_plan *p = r->on ? r->on->plan : NULL;
	const size_t channels = (size_t)r->task.flow->channels;

	if (!nam_model_info(r->task.flow->model)->recurrent)
		return 0;
	if (p && !(r->state = malloc((size_t)p->n_image * channels * sizeof *r->state)))
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t k = 0; p && k < channels; k++)
		memcpy(r->state + k * (size_t)p->n_image, p->image, (size_t)p->n_image * sizeof *r->state);
	if (!p && !(r->stream = calloc(channels, sizeof(struct nam_stream *))))
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t k = 0; !p && k < channels; k++)
		if (nam_stream_new(&r->stream[k], r->task.flow->model, e))
			return -1;
	return 0;
}

static struct nam_task *
task_new(void *crew, struct nam_flow *f, struct err *e)
{
	struct nam_gpu_crew *c = crew;
	const struct nam_info *info = nam_model_info(f->model);
	struct nam_gpu_run *r = calloc(1, sizeof *r);

	if (!r) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	r->again = info->recurrent || info->receptive_field < 1 ? 0 : info->receptive_field - 1;
	r->keep = (r->again / KEEP + 1) * KEEP;
	if (nam_task_init(&r->task, f, e))
		goto fail;
	r->on = nam_gpu_model_get(c, f->model, e);
	f->device = r->on ? c->gpus->name : "cpu";
	f->precision = r->on && r->on->plan->fast ? "fast" : "exact";
	if (!r->on && !c->gpus->or_cpu)
		goto fail;
	if (!r->on)
		snprintf(f->note, sizeof f->note, "rendered on the CPU: %.200s", e->msg);
	r->tail = calloc(r->keep * (size_t)f->channels, sizeof *r->tail);
	if (!r->tail) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	if (start_states(r, e))
		goto fail;
	return &r->task;
fail:
	task_free(c, &r->task);
	return NULL;
}

static int
task_done(const struct nam_task *task)
{
	return task->ended && !((const struct nam_gpu_run *)task)->first;
}

void
nam_gpu_flows(struct nam_gpu_crew *c)
{
	c->desk.crew = c;
	c->desk.task_new = task_new;
	c->desk.task_done = task_done;
	c->desk.task_free = task_free;
}

/* ---- in and out -------------------------------------------------------------------------- */

static void
keep_tail(struct nam_gpu_run *r, const struct nam_gpu_window *w, size_t n)
{
	const size_t have = w->past + n;

	r->tail_n = have < r->keep ? have : r->keep;
	for (size_t k = 0; k < (size_t)r->task.flow->channels; k++)
		memcpy(r->tail + k * r->keep, w->in + k * (w->past + w->cap) + have - r->tail_n, r->tail_n * sizeof *r->tail);
}

int
nam_gpu_read_one(struct nam_gpu_crew *c)
{
	for (struct nam_gpu_run *r = nam_gpu_first(c); r; r = nam_gpu_next(r)) {
		struct nam_task *task = &r->task;
		const size_t channels = (size_t)task->flow->channels;
		struct nam_gpu_window *w = task->failed || task->ended || task->reading ? NULL : open_window(c, r);
		struct err e;
		int64_t n = 1;
		size_t have;

		if (!w)
			continue;
		have = w->n;
		task->reading = 1;
		nam_desk_leave(&c->desk);
		while (n > 0 && have < w->cap) {
			for (size_t k = 0; k < channels; k++)
				task->in_rows[k] = w->in + k * (w->past + w->cap) + w->past + have;
			n = task->flow->read(task->flow->ctx, task->in_rows,
			    w->cap - have < NAM_CREW_MAX_FRAMES ? w->cap - have : NAM_CREW_MAX_FRAMES, &e);
			have += n > 0 ? (size_t)n : 0;
		}
		keep_tail(r, w, have);
		nam_desk_enter(&c->desk);
		task->reading = 0;
		w->n = have;
		w->left = have * channels;
		w->channel = have ? 0 : task->flow->channels;
		w->full = 1;
		r->frames += (int64_t)have;
		if (n < 0)
			nam_gpu_fail(c, r, &e);
		task->ended |= n == 0;
		return 1;
	}
	return 0;
}

int
nam_gpu_write_one(struct nam_gpu_crew *c)
{
	for (struct nam_gpu_run *r = nam_gpu_first(c); r; r = nam_gpu_next(r)) {
		struct nam_task *task = &r->task;
		struct nam_gpu_window *w = r->first;
		struct err e;
		int bad = 0;

		if (task->failed || task->writing || !w || !w->full || w->left)
			continue;
		task->writing = 1;
		nam_desk_leave(&c->desk);
		for (size_t at = 0, n; at < w->n && !bad; at += n) {
			n = w->n - at < NAM_CREW_MAX_FRAMES ? w->n - at : NAM_CREW_MAX_FRAMES;
			for (int k = 0; k < task->flow->channels; k++)
				task->rows[k] = w->out + (size_t)k * w->cap + at;
			bad = task->flow->write(task->flow->ctx, task->rows, n, &e);
		}
		nam_desk_enter(&c->desk);
		if (bad)
			nam_gpu_fail(c, r, &e);
		r->first = w->next;
		window_free(c, r, w);
		task->writing = 0;
		return 1;
	}
	return 0;
}
