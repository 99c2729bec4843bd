/* nam_crew.c - signals through models on several threads: the same bits as on one. */
#include "render/nam_crew.h"
#include "base/par.h"
#include "render/nam_desk.h"
#include "render/nam_gpus.h"

#include <stdlib.h>

enum {
	LANES = 32,                  /* streams of a recurrent model that a thread runs in lockstep */
	BLOCK = 4096,                /* frames asked for at once, and handed on when there are as many */
	MIN_STEP = 256, MAX_STEP = NAM_CREW_MAX_FRAMES,
	STACK_BYTES = 1 << 20
};
#define STEP_MACS 6e7                /* of one step of a span: some half a millisecond */
#define MAX_RING_BYTES ((size_t)64 << 20)

/* A part of a channel that one stream computes, from front to back: frames before pos are done,
 * those before taken are being done (by whoever made it busy), those before end are to be done. */
struct span {
	struct span *next;           /* in time, of the same channel */
	struct nam_stream *stream;
	int64_t pos, taken, end;
	int busy;
};

/* A flow at work.  The rings hold frame t of channel c at [c * cap + t % cap]. */
struct run {
	struct nam_task task;
	int recurrent;
	float *in, *out;
	size_t in_cap, cap, keep;    /* in_cap = cap + keep: the past that a new span runs again */
	size_t step;
	struct span **first;         /* of each channel; the last of a channel grows as frames are read */
	struct span *spare;          /* with streams, for new spans */
	int64_t have, written;       /* frames read; frames handed on */
	int no_split;                /* no memory for more streams */
};

struct nam_crew {
	struct nam_desk desk;
	int threads;
	struct nam_gpu_crew *gpu;    /* then all is its */
};

static struct run *
first_run(const struct nam_crew *c)
{
	return (struct run *)c->desk.tasks;
}

static struct run *
next_run(const struct run *r)
{
	return (struct run *)r->task.next;
}

/* ---- beginning and ending of a flow ---------------------------------------------------- */

static void
spans_free(struct span *s)
{
	while (s) {
		struct span *next = s->next;

		nam_stream_free(s->stream);
		free(s);
		s = next;
	}
}

static void
task_free(void *crew, struct nam_task *task)
{
	struct run *r = (struct run *)task;

	(void)crew;
	for (int c = 0; r->first && c < r->task.flow->channels; c++)
		spans_free(r->first[c]);
	spans_free(r->spare);
	free(r->first);
	nam_task_clear(&r->task);
	free(r->in);
	free(r->out);
	free(r);
}

static struct span *
span_new(const struct nam_model *m, struct err *e)
{
	struct span *s = calloc(1, sizeof *s);

	if (!s) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (nam_stream_new(&s->stream, m, e)) {
		free(s);
		return NULL;
	}
	return s;
}

/* Frames on their way: enough that a thread which takes half of them gains much more than the R - 1 frames it
 * has to run again. */
static size_t
ring_frames(const struct nam_flow *f, size_t keep, int no_split, int threads)
{
	const size_t least = 8 * BLOCK, most = MAX_RING_BYTES / (2 * sizeof(float)) / (size_t)f->channels;
	size_t n = no_split ? least : (size_t)threads * 128 * (keep + 512);

	n = n < most ? n : most;
	if (f->frames >= 0 && (uint64_t)f->frames < n)
		n = (size_t)f->frames;
	n = n > least ? n : least;
	return (n + BLOCK - 1) / BLOCK * BLOCK;
}

static struct nam_task *
task_new(void *crew, struct nam_flow *f, struct err *e)
{
	const int threads = ((struct nam_crew *)crew)->threads;
	const struct nam_info *info = nam_model_info(f->model);
	const size_t channels = (size_t)f->channels;
	struct run *r = calloc(1, sizeof *r);
	double step = STEP_MACS / (double)(info->macs + 1);

	if (!r) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (nam_task_init(&r->task, f, e))
		goto fail;
	f->device = "cpu";
	f->precision = "exact";
	r->recurrent = info->recurrent;
	r->no_split = r->recurrent || threads == 1 ||
	    info->receptive_field > MAX_RING_BYTES / sizeof(float) / channels;
	r->keep = r->no_split || info->receptive_field < 1 ? 0 : info->receptive_field - 1;
	r->step = step > MAX_STEP ? MAX_STEP : step < MIN_STEP ? MIN_STEP : (size_t)step / 64 * 64;
	r->cap = ring_frames(f, r->keep, r->no_split, threads);
	r->in_cap = r->cap + r->keep;
	/* pages that are never used are never there */
	r->in = calloc(r->in_cap * channels, sizeof *r->in);
	r->out = calloc(r->cap * channels, sizeof *r->out);
	r->first = calloc(channels, sizeof(struct span *));
	if (!r->in || !r->out || !r->first) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	for (int c = 0; c < f->channels; c++)
		if (!(r->first[c] = span_new(f->model, e)))
			goto fail;
	return &r->task;
fail:
	task_free(crew, &r->task);
	return NULL;
}

static int
task_done(const struct nam_task *task)
{
	const struct run *r = (const struct run *)task;

	return task->ended && r->written == r->have;
}

/* The work at hand, in lanes; a feed-forward channel is as good as a whole thread's. */
static int
load(const struct nam_crew *c)
{
	int n = c->desk.starting * LANES;

	for (const struct run *r = first_run(c); r; r = next_run(r))
		n += r->task.flow->channels * (r->recurrent ? 1 : LANES);
	return n;
}

static int
begin_one(struct nam_crew *c)
{
	return load(c) < c->threads * LANES && nam_desk_begin_one(&c->desk);
}

/* ---- in and out --------------------------------------------------------------------- */

static struct span *
last_span(const struct run *r, int channel)
{
	struct span *s = r->first[channel];

	while (s->next)
		s = s->next;
	return s;
}

/* Frames that are done in every channel. */
static int64_t
done_frames(const struct run *r)
{
	int64_t done = r->first[0]->pos;

	for (int c = 1; c < r->task.flow->channels; c++)
		done = r->first[c]->pos < done ? r->first[c]->pos : done;
	return done;
}

static int
write_one(struct nam_crew *c)
{
	for (struct run *r = first_run(c); r; r = next_run(r)) {
		int64_t n = r->task.failed || r->task.writing ? 0 : done_frames(r) - r->written;
		size_t at = (size_t)r->written % r->cap;
		struct err e;
		int bad;

		if (n <= 0 || (n < BLOCK && r->written + n < r->have))
			continue;
		n = n < MAX_STEP ? n : MAX_STEP;
		n = (size_t)n < r->cap - at ? n : (int64_t)(r->cap - at);
		for (int k = 0; k < r->task.flow->channels; k++)
			r->task.rows[k] = r->out + (size_t)k * r->cap + at;
		r->task.writing = 1;
		nam_desk_leave(&c->desk);
		bad = r->task.flow->write(r->task.flow->ctx, r->task.rows, (size_t)n, &e);
		nam_desk_enter(&c->desk);
		r->task.writing = 0;
		r->written += n;
		if (bad)
			nam_task_fail(&r->task, &e);
		return 1;
	}
	return 0;
}

static int64_t
room(const struct run *r)
{
	return r->task.failed || r->task.ended || r->task.reading ? 0 : (int64_t)r->cap - (r->have - r->written);
}

/* ahead: also where there is something left to compute. */
static int
read_one(struct nam_crew *c, int ahead)
{
	for (struct run *r = first_run(c); r; r = next_run(r)) {
		size_t at = (size_t)r->have % r->in_cap, max = BLOCK;
		int hungry = ahead;
		struct err e;
		int64_t n;

		if (room(r) < BLOCK)
			continue;
		for (int k = 0; !hungry && k < r->task.flow->channels; k++) {
			const struct span *s = last_span(r, k);

			/* lanes go as far as the one with the fewest frames: let each have a block */
			hungry = s->end - s->taken < (r->recurrent ? BLOCK : 1);
		}
		if (!hungry)
			continue;
		max = max < r->in_cap - at ? max : r->in_cap - at;
		for (int k = 0; k < r->task.flow->channels; k++)
			r->task.in_rows[k] = r->in + (size_t)k * r->in_cap + at;
		r->task.reading = 1;
		nam_desk_leave(&c->desk);
		n = r->task.flow->read(r->task.flow->ctx, r->task.in_rows, max, &e);
		nam_desk_enter(&c->desk);
		r->task.reading = 0;
		if (n < 0)
			nam_task_fail(&r->task, &e);
		if (n == 0)
			r->task.ended = 1;
		r->have += n > 0 ? n : 0;
		for (int k = 0; k < r->task.flow->channels; k++)
			last_span(r, k)->end = r->have;
		return 1;
	}
	return 0;
}

/* ---- the models ---------------------------------------------------------------------- */

struct lane {
	struct run *r;
	struct span *s;
	int channel;
};

/* Frames of a span that lie in one piece in both rings. */
static size_t
in_one_piece(const struct run *r, const struct span *s)
{
	const size_t left = (size_t)(s->end - s->pos), in = r->in_cap - (size_t)s->pos % r->in_cap,
	    out = r->cap - (size_t)s->pos % r->cap;
	size_t n = left < r->step ? left : r->step;

	n = n < in ? n : in;
	return n < out ? n : out;
}

static size_t
add_lanes(struct run *r, struct lane *lane, size_t n, size_t max)
{
	for (int k = 0; k < r->task.flow->channels && !r->task.failed; k++)
		for (struct span *s = r->first[k]; s && n < max; s = s->next)
			if (!s->busy && s->pos < s->end)
				lane[n++] = (struct lane){ r, s, k };
	return n;
}

/* A span at its end that is not its channel's last has nothing to come: keep its stream for another. */
static void
drop_finished(struct run *r, int channel)
{
	struct span **p = &r->first[channel], *s;

	while ((s = *p)->next) {
		if (s->pos < s->end || s->busy) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		s->next = r->spare;
		r->spare = s;
	}
}

static int
compute_one(struct nam_crew *c)
{
	struct nam_stream *stream[LANES];
	const float *in[LANES];
	float *out[LANES];
	struct lane lane[LANES];
	struct run *first = NULL;
	size_t n_lanes = 0, n, most = ((size_t)load(c) + (size_t)c->threads - 1) / (size_t)c->threads;

	/* its share and no more: lanes save time, but not as much as a thread that would have none */
	most = most < LANES ? most : LANES;
	for (struct run *r = first_run(c); r && n_lanes < most; r = next_run(r)) {
		/* recurrent ones run together with all others of the same model */
		if (n_lanes && r->task.flow->model != first->task.flow->model)
			continue;
		n_lanes = add_lanes(r, lane, n_lanes, r->recurrent ? most : 1);
		if (!n_lanes)
			continue;
		first = first ? first : r;
		if (!r->recurrent)
			break;
	}
	if (!n_lanes)
		return 0;
	n = first->step;
	for (size_t i = 0; i < n_lanes; i++) {
		size_t piece = in_one_piece(lane[i].r, lane[i].s);

		n = n < piece ? n : piece;
	}
	for (size_t i = 0; i < n_lanes; i++) {
		struct run *r = lane[i].r;
		struct span *s = lane[i].s;

		stream[i] = s->stream;
		in[i] = r->in + (size_t)lane[i].channel * r->in_cap + (size_t)s->pos % r->in_cap;
		out[i] = r->out + (size_t)lane[i].channel * r->cap + (size_t)s->pos % r->cap;
		s->taken = s->pos + (int64_t)n;
		s->busy = 1;
		r->task.busy++;
	}
	nam_desk_leave(&c->desk);
	if (n_lanes > 1)
		nam_process_many(stream, n_lanes, in, out, n);
	else
		nam_process(stream[0], in[0], out[0], n);
	nam_desk_enter(&c->desk);
	for (size_t i = 0; i < n_lanes; i++) {
		lane[i].s->pos = lane[i].s->taken;
		lane[i].s->busy = 0;
		lane[i].r->task.busy--;
		drop_finished(lane[i].r, lane[i].channel);
	}
	return 1;
}

/* ---- sharing -------------------------------------------------------------------------- */

/* How much the later half of the largest span is worth, and which it is. */
static int64_t
best_split(struct run *r, struct lane *best)
{
	int64_t most = 0;

	for (int k = 0; k < r->task.flow->channels; k++)
		for (struct span *s = r->first[k]; s; s = s->next) {
			int64_t half = (s->end - s->taken - (int64_t)r->keep) / 2;

			if (half > most) {
				most = half;
				*best = (struct lane){ r, s, k };
			}
		}
	return most;
}

/* Run the past of a new span, so that its stream is where one that came all the way would be.  It
 * is in the ring: nobody has passed s->pos yet, and keep frames before those are kept. */
static void
run_past(const struct run *r, struct span *s, int channel, float *scratch)
{
	int64_t from = s->pos > (int64_t)r->keep ? s->pos - (int64_t)r->keep : 0;

	nam_reset(s->stream);
	while (from < s->pos) {
		const size_t at = (size_t)from % r->in_cap;
		size_t n = (size_t)(s->pos - from);

		n = n < MAX_STEP ? n : MAX_STEP;
		n = n < r->in_cap - at ? n : r->in_cap - at;
		nam_process(s->stream, r->in + (size_t)channel * r->in_cap + at, scratch, n);
		from += (int64_t)n;
	}
}

static int
split_one(struct nam_crew *c, float *scratch)
{
	for (struct run *r = first_run(c); r; r = next_run(r)) {
		struct lane from;
		struct span *s;
		int64_t half, least;
		struct err e;

		if (r->task.failed || r->no_split)
			continue;
		/* while frames still come in, only what is worth it many times */
		least = (int64_t)(r->keep / 4 > r->step / 2 ? r->keep / 4 : r->step / 2);
		if (!r->task.ended && (int64_t)r->cap - (r->have - r->written) >= BLOCK)
			least *= 16;
		half = best_split(r, &from);
		if (half < least)
			continue;
		r->task.busy++;
		if (!r->spare) {
			nam_desk_leave(&c->desk);
			s = span_new(r->task.flow->model, &e);
			nam_desk_enter(&c->desk);
			r->task.busy--;
			r->no_split |= !s;
			if (s) {
				s->next = r->spare;
				r->spare = s;
			}
			return 1;       /* and look again: much may have happened */
		}
		s = r->spare;
		r->spare = s->next;
		s->next = from.s->next;
		from.s->next = s;
		s->end = from.s->end;
		s->pos = s->taken = from.s->end = s->end - half;
		s->busy = 1;
		nam_desk_leave(&c->desk);
		run_past(r, s, from.channel, scratch);
		nam_desk_enter(&c->desk);
		s->busy = 0;
		r->task.busy--;
		drop_finished(r, from.channel);
		return 1;
	}
	return 0;
}

/* ---- the threads ----------------------------------------------------------------------- */

static void *
work(void *arg)
{
	struct nam_crew *c = arg;
	float *scratch = c->threads > 1 ? malloc(MAX_STEP * sizeof *scratch) : NULL;

	nam_desk_enter(&c->desk);
	while (!nam_desk_over(&c->desk))
		if (!(nam_desk_end_one(&c->desk) || write_one(c) || read_one(c, 0) || begin_one(c) || compute_one(c) ||
		    (c->threads > 1 && read_one(c, 1)) || (scratch && split_one(c, scratch))))
			nam_desk_wait(&c->desk);
	nam_desk_wake_all(&c->desk);
	nam_desk_leave(&c->desk);
	free(scratch);
	return NULL;
}

struct nam_crew *
nam_crew_new(const struct nam_gpus *gpus, int threads, int max_flows,
    enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow), void *ctx, struct err *e)
{
	struct nam_crew *c = calloc(1, sizeof *c);

	if (!c) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	nam_desk_init(&c->desk, max_flows, next, ctx);
	c->desk.task_new = task_new;
	c->desk.task_done = task_done;
	c->desk.task_free = task_free;
	c->desk.crew = c;
	c->threads = threads > 0 ? threads : par_cpus();
	if (gpus && !(c->gpu = nam_gpu_crew_new(gpus, c->threads, max_flows, next, ctx, e))) {
		nam_crew_free(c);
		return NULL;
	}
	return c;
}

int
nam_crew_threads(const struct nam_crew *c)
{
	return c->threads;
}

void
nam_crew_run(struct nam_crew *c)
{
	pthread_t *id;
	pthread_attr_t attr;
	int n = 0;

	if (c->gpu) {
		nam_gpu_crew_run(c->gpu);
		return;
	}
	id = calloc((size_t)c->threads, sizeof *id);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (id && n < c->threads - 1 && !pthread_create(&id[n], &attr, work, c))
		n++;
	work(c);
	while (n > 0)
		pthread_join(id[--n], NULL);
	pthread_attr_destroy(&attr);
	free(id);
}

void
nam_crew_wake(struct nam_crew *c)
{
	if (c->gpu)
		nam_gpu_crew_wake(c->gpu);
	else
		nam_desk_wake(&c->desk);
}

void
nam_crew_free(struct nam_crew *c)
{
	if (!c)
		return;
	nam_gpu_crew_free(c->gpu);
	nam_desk_clear(&c->desk);
	free(c);
}
