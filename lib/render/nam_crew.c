/* nam_crew.c - signals through models on several threads: the same bits as on one. */
#include "render/nam_crew.h"
#include "base/par.h"
#include "render/nam_gpus.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	LANES = 16,                  /* streams of a recurrent model that a thread runs in lockstep */
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
	struct run *next;            /* in order of beginning */
	struct nam_flow *flow;
	int recurrent;
	float *in, *out;
	const float **rows;          /* scratch of read and of write: a pointer for each channel */
	float **in_rows;
	size_t in_cap, cap, keep;    /* in_cap = cap + keep: the past that a new span runs again */
	size_t step;
	struct span **first;         /* of each channel; the last of a channel grows as frames are read */
	struct span *spare;          /* with streams, for new spans */
	int64_t have, written;       /* frames read; frames handed on */
	int ended, failed, reading, writing, busy;
	int no_split;                /* no memory for more streams */
	struct err e;
};

struct nam_crew {
	pthread_mutex_t lock;        /* of all below, and of all runs */
	pthread_cond_t changed;
	enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow);
	void *ctx;
	int threads, max_runs;
	struct run *runs;
	int n_runs, starting, ending;
	unsigned wakes;              /* calls of nam_crew_wake() and ends of flows */
	int none_yet, no_more;
	int waiting;
	struct nam_gpu_crew *gpu;    /* then all is its */
};

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
run_free(struct run *r)
{
	if (!r)
		return;
	for (int c = 0; r->first && c < r->flow->channels; c++)
		spans_free(r->first[c]);
	spans_free(r->spare);
	free(r->first);
	free(r->rows);
	free(r->in_rows);
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

static struct run *
run_new(struct nam_flow *f, int threads, struct err *e)
{
	const struct nam_info *info = nam_model_info(f->model);
	const size_t channels = (size_t)f->channels;
	struct run *r = calloc(1, sizeof *r);
	double step = STEP_MACS / (double)(info->macs + 1);

	if (!r)
		goto no_memory;
	r->flow = f;
	f->device = "cpu";
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
	r->rows = calloc(channels, sizeof *r->rows);
	r->in_rows = calloc(channels, sizeof *r->in_rows);
	r->first = calloc(channels, sizeof(struct span *));
	if (!r->in || !r->out || !r->rows || !r->in_rows || !r->first)
		goto no_memory;
	for (int c = 0; c < f->channels; c++)
		if (!(r->first[c] = span_new(f->model, e)))
			goto fail;
	return r;
no_memory:
	err_set(e, ERR_NOMEM, "out of memory");
fail:
	run_free(r);
	return NULL;
}

static void
fail(struct run *r, const struct err *e)
{
	if (!r->failed)
		r->e = *e;
	r->failed = 1;
}

/* Each of the functions below is called with the lock, which it gives away while it works, and
 * returns 1 if there was such work. */

static void
leave(struct nam_crew *c)
{
	pthread_mutex_unlock(&c->lock);
}

static void
enter(struct nam_crew *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->waiting)
		pthread_cond_broadcast(&c->changed);
}

static int
end_one(struct nam_crew *c)
{
	for (struct run **p = &c->runs; *p; p = &(*p)->next) {
		struct run *r = *p;

		if (r->busy || r->reading || r->writing || !(r->failed || (r->ended && r->written == r->have)))
			continue;
		*p = r->next;
		c->n_runs--;
		c->ending++;
		leave(c);
		struct nam_flow *f = r->flow;
		struct err e = r->e;
		int failed = r->failed;

		run_free(r);
		f->end(f->ctx, failed ? &e : NULL);
		enter(c);
		c->ending--;
		c->wakes++;
		c->none_yet = 0;
		return 1;
	}
	return 0;
}

/* The work at hand, in lanes; a feed-forward channel is as good as a whole thread's. */
static int
load(const struct nam_crew *c)
{
	int n = c->starting * LANES;

	for (const struct run *r = c->runs; r; r = r->next)
		n += r->flow->channels * (r->recurrent ? 1 : LANES);
	return n;
}

static int
begin_one(struct nam_crew *c)
{
	struct nam_flow *f = NULL;
	struct run *r = NULL, **p;
	enum nam_crew_next what;
	unsigned wakes = c->wakes;
	struct err e;

	if (c->no_more || c->none_yet || load(c) >= c->threads * LANES || c->n_runs + c->starting >= c->max_runs)
		return 0;
	c->starting++;
	leave(c);
	what = c->next(c->ctx, &f);
	if (what == NAM_CREW_FLOW && !(r = run_new(f, c->threads, &e)))
		f->end(f->ctx, &e);
	enter(c);
	c->starting--;
	if (f && !r) {
		c->wakes++;
		c->none_yet = 0;
	}
	if (what == NAM_CREW_NO_MORE)
		c->no_more = 1;
	if (what == NAM_CREW_NONE_YET && wakes == c->wakes)
		c->none_yet = 1;
	if (r) {
		for (p = &c->runs; *p; p = &(*p)->next)
			;
		*p = r;
		c->n_runs++;
	}
	return 1;
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

	for (int c = 1; c < r->flow->channels; c++)
		done = r->first[c]->pos < done ? r->first[c]->pos : done;
	return done;
}

static int
write_one(struct nam_crew *c)
{
	for (struct run *r = c->runs; r; r = r->next) {
		int64_t n = r->failed || r->writing ? 0 : done_frames(r) - r->written;
		size_t at = (size_t)r->written % r->cap;
		struct err e;
		int bad;

		if (n <= 0 || (n < BLOCK && r->written + n < r->have))
			continue;
		n = n < MAX_STEP ? n : MAX_STEP;
		n = (size_t)n < r->cap - at ? n : (int64_t)(r->cap - at);
		for (int k = 0; k < r->flow->channels; k++)
			r->rows[k] = r->out + (size_t)k * r->cap + at;
		r->writing = 1;
		leave(c);
		bad = r->flow->write(r->flow->ctx, r->rows, (size_t)n, &e);
		enter(c);
		r->writing = 0;
		r->written += n;
		if (bad)
			fail(r, &e);
		return 1;
	}
	return 0;
}

static int64_t
room(const struct run *r)
{
	return r->failed || r->ended || r->reading ? 0 : (int64_t)r->cap - (r->have - r->written);
}

/* ahead: also where there is something left to compute. */
static int
read_one(struct nam_crew *c, int ahead)
{
	for (struct run *r = c->runs; r; r = r->next) {
		size_t at = (size_t)r->have % r->in_cap, max = BLOCK;
		int hungry = ahead;
		struct err e;
		int64_t n;

		if (room(r) < BLOCK)
			continue;
		for (int k = 0; !hungry && k < r->flow->channels; k++) {
			const struct span *s = last_span(r, k);

			/* lanes go as far as the one with the fewest frames: let each have a block */
			hungry = s->end - s->taken < (r->recurrent ? BLOCK : 1);
		}
		if (!hungry)
			continue;
		max = max < r->in_cap - at ? max : r->in_cap - at;
		for (int k = 0; k < r->flow->channels; k++)
			r->in_rows[k] = r->in + (size_t)k * r->in_cap + at;
		r->reading = 1;
		leave(c);
		n = r->flow->read(r->flow->ctx, r->in_rows, max, &e);
		enter(c);
		r->reading = 0;
		if (n < 0)
			fail(r, &e);
		if (n == 0)
			r->ended = 1;
		r->have += n > 0 ? n : 0;
		for (int k = 0; k < r->flow->channels; k++)
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
	for (int k = 0; k < r->flow->channels && !r->failed; k++)
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
	for (struct run *r = c->runs; r && n_lanes < most; r = r->next) {
		/* recurrent ones run together with all others of the same model */
		if (n_lanes && r->flow->model != first->flow->model)
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
		r->busy++;
	}
	leave(c);
	if (n_lanes > 1)
		nam_process_many(stream, n_lanes, in, out, n);
	else
		nam_process(stream[0], in[0], out[0], n);
	enter(c);
	for (size_t i = 0; i < n_lanes; i++) {
		lane[i].s->pos = lane[i].s->taken;
		lane[i].s->busy = 0;
		lane[i].r->busy--;
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

	for (int k = 0; k < r->flow->channels; k++)
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
	for (struct run *r = c->runs; r; r = r->next) {
		struct lane from;
		struct span *s;
		int64_t half, least;
		struct err e;

		if (r->failed || r->no_split)
			continue;
		/* while frames still come in, only what is worth it many times */
		least = (int64_t)(r->keep / 4 > r->step / 2 ? r->keep / 4 : r->step / 2);
		if (!r->ended && (int64_t)r->cap - (r->have - r->written) >= BLOCK)
			least *= 16;
		half = best_split(r, &from);
		if (half < least)
			continue;
		r->busy++;
		if (!r->spare) {
			leave(c);
			s = span_new(r->flow->model, &e);
			enter(c);
			r->busy--;
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
		leave(c);
		run_past(r, s, from.channel, scratch);
		enter(c);
		s->busy = 0;
		r->busy--;
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

	pthread_mutex_lock(&c->lock);
	while (c->runs || c->starting || c->ending || !c->no_more) {
		if (end_one(c) || write_one(c) || read_one(c, 0) || begin_one(c) || compute_one(c) ||
		    (c->threads > 1 && read_one(c, 1)) || (scratch && split_one(c, scratch)))
			continue;
		c->waiting++;
		pthread_cond_wait(&c->changed, &c->lock);
		c->waiting--;
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
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
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->threads = threads > 0 ? threads : par_cpus();
	c->max_runs = max_flows;
	c->next = next;
	c->ctx = ctx;
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
	if (c->gpu) {
		nam_gpu_crew_wake(c->gpu);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->wakes++;
	c->none_yet = 0;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void
nam_crew_free(struct nam_crew *c)
{
	if (!c)
		return;
	nam_gpu_crew_free(c->gpu);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free(c);
}
