/* nam_gpu_crew.c - flows in windows, windows in pieces, pieces on lanes. */
#include "render/nam_gpus.h"
#include "base/mem.h"
#include "base/par.h"
#include "nam/nam_plan_host.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW = 1 << 21,            /* frames of one channel, or of all together when there are more */
	LEAST_WINDOW = 1 << 16,
	WINDOWS = 3,                 /* of a flow: one is read, one is computed, one is written */
	LANES = 2,                   /* of a device */
	LAUNCH = 1 << 24,            /* frames of one call of a lane */
	LEAST_PIECE = 2048,
	MAX_PIECES = 4096
};
#define MAX_WINDOW_BYTES ((size_t)1 << 30)

/* A model on the devices, as long as a flow needs it. */
struct planned {
	struct planned *next;
	const struct nam_model *model;
	struct nam_plan *plan;
	struct gpu_model *on[GPU_MAX_DEVICES];
	int uses;
};

struct window {
	struct window *next;         /* in time */
	size_t past, n, cap;         /* frames before, read, and room for */
	float *in, *out;             /* channels x (past + cap); channels x cap */
	int full, channel;           /* the next piece begins at frame `given` of this channel */
	size_t given, left;          /* frames that are not done, of all channels together */
};

struct run {
	struct run *next;            /* in order of beginning */
	struct nam_flow *flow;
	struct planned *on;          /* NULL: this flow is the CPU's */
	struct nam_stream **stream;  /* then, of each channel when it is recurrent */
	float *state;                /* channels x n_image, when it is recurrent */
	size_t past, tail_n;
	float *tail;                 /* channels x past: the last frames of the windows so far, tail_n of each */
	struct window *first;
	int ended, failed, reading, writing, busy;
	struct err e;
	const float **rows;          /* scratch of write and of read */
	float **in_rows;
};

/* Frames of a window on their way through a lane. */
struct piece {
	struct run *run;
	struct window *w;
	int channel;
	size_t at, n;
};

struct lane {
	struct nam_gpu_crew *crew;
	int index;                   /* of the device, in crew->gpus.device */
	size_t most;                 /* frames of a call */
	struct gpu_lane *gpu;
};

struct nam_gpu_crew {
	const struct nam_gpus *gpus;
	pthread_mutex_t lock;        /* of all below, and of all runs */
	pthread_cond_t changed;
	enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow);
	void *ctx;
	int threads, max_runs, n_runs, starting, ending, none_yet, no_more, over;
	unsigned wakes;
	size_t window_bytes;
	struct run *runs;
	struct planned *models;
	struct piece *again;         /* of lanes that failed */
	size_t n_again;
	int dead[GPU_MAX_DEVICES];
	struct err lost;             /* why the last one died */
	struct lane lanes[GPU_MAX_DEVICES * LANES];
	int n_lanes;
};

/* ---- models ------------------------------------------------------------------------------ */

static void
planned_free(const struct nam_gpu_crew *c, struct planned *p)
{
	for (int i = 0; i < c->gpus->n; i++)
		c->gpus->ops->unload(p->on[i]);
	nam_plan_free(p->plan);
	free(p);
}

static void
device_dies(struct nam_gpu_crew *c, int index, const char *why)
{
	c->dead[index] = 1;
	err_set(&c->lost, ERR_RETRY, "%s:%d is lost: %s", c->gpus->ops->name, c->gpus->device[index], why);
}

/* Without the lock.  NULL and why not. */
static struct planned *
planned_new(struct nam_gpu_crew *c, const struct nam_model *m, struct err *e)
{
	struct planned *p = calloc(1, sizeof *p);
	int there = 0;
	char why[256];

	if (!p || !(p->plan = nam_plan_new(m, GPU_TILE, e))) {
		if (!p)
			err_set(e, ERR_NOMEM, "out of memory");
		free(p);
		return NULL;
	}
	p->model = m;
	err_set(e, ERR_RETRY, "no device is left");
	for (int i = 0; i < c->gpus->n; i++) {
		enum gpu_status s;

		pthread_mutex_lock(&c->lock);
		s = c->dead[i] ? GPU_LOST : GPU_DONE;
		pthread_mutex_unlock(&c->lock);
		if (s == GPU_LOST)
			continue;
		s = c->gpus->ops->load(&p->on[i], c->gpus->device[i], p->plan, why, sizeof why);
		there += s == GPU_DONE;
		if (s == GPU_NO_MEMORY)
			err_set(e, ERR_NOMEM, "the model does not fit on %s:%d: %s", c->gpus->ops->name, c->gpus->device[i], why);
		if (s == GPU_LOST) {
			pthread_mutex_lock(&c->lock);
			device_dies(c, i, why);
			*e = c->lost;
			pthread_mutex_unlock(&c->lock);
		}
	}
	if (there)
		return p;
	planned_free(c, p);
	return NULL;
}

/* ---- beginning and ending of a flow -------------------------------------------------------- */

static size_t
window_frames(const struct run *r)
{
	size_t n = WINDOW / (size_t)r->flow->channels;

	n = n > LEAST_WINDOW ? n : LEAST_WINDOW;
	if (r->flow->frames >= 0 && (uint64_t)r->flow->frames < n)
		n = r->flow->frames ? (size_t)r->flow->frames : 1;
	return n;
}

static size_t
window_bytes(const struct run *r, const struct window *w)
{
	return (w->past + 2 * w->cap) * (size_t)r->flow->channels * sizeof(float);
}

static void
window_free(struct nam_gpu_crew *c, const struct run *r, struct window *w)
{
	c->window_bytes -= window_bytes(r, w);
	free(w->in);
	free(w->out);
	free(w);
}

static void
run_free(struct nam_gpu_crew *c, struct run *r)
{
	while (r->first) {
		struct window *w = r->first;

		r->first = w->next;
		window_free(c, r, w);
	}
	for (int k = 0; r->stream && k < r->flow->channels; k++)
		nam_stream_free(r->stream[k]);
	free(r->stream);
	free(r->state);
	free(r->tail);
	free(r->rows);
	free(r->in_rows);
	free(r);
}

static int
start_states(struct run *r, struct err *e)
{
	const struct nam_plan *p = r->on ? r->on->plan : NULL;
	const size_t channels = (size_t)r->flow->channels;

	if (!nam_model_info(r->flow->model)->recurrent)
		return 0;
	if (p && !(r->state = malloc((size_t)p->n_image * channels * sizeof *r->state)))
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t k = 0; p && k < channels; k++)
		memcpy(r->state + k * (size_t)p->n_image, p->image, (size_t)p->n_image * sizeof *r->state);
	if (!p && !(r->stream = calloc(channels, sizeof(struct nam_stream *))))
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t k = 0; !p && k < channels; k++)
		if (nam_stream_new(&r->stream[k], r->flow->model, e))
			return -1;
	return 0;
}

/* on: NULL for the CPU.  NULL and *e. */
static struct run *
run_new(struct nam_gpu_crew *c, struct nam_flow *f, struct planned *on, struct err *e)
{
	const struct nam_info *info = nam_model_info(f->model);
	struct run *r = calloc(1, sizeof *r);

	if (!r)
		goto no_memory;
	r->flow = f;
	r->on = on;
	r->past = info->recurrent || info->receptive_field < 1 ? 0 : info->receptive_field - 1;
	r->rows = calloc((size_t)f->channels, sizeof *r->rows);
	r->in_rows = calloc((size_t)f->channels, sizeof *r->in_rows);
	r->tail = calloc(r->past * (size_t)f->channels + 1, sizeof *r->tail);
	if (!r->rows || !r->in_rows || !r->tail)
		goto no_memory;
	if (start_states(r, e))
		goto fail;
	return r;
no_memory:
	err_set(e, ERR_NOMEM, "out of memory");
fail:
	if (r)
		run_free(c, r);
	return NULL;
}

static void
fail(struct run *r, const struct err *e)
{
	if (!r->failed)
		r->e = *e;
	r->failed = 1;
}

static void
leave(struct nam_gpu_crew *c)
{
	pthread_mutex_unlock(&c->lock);
}

static void
enter(struct nam_gpu_crew *c)
{
	pthread_mutex_lock(&c->lock);
	pthread_cond_broadcast(&c->changed);
}

/* As in nam_crew.c, each of these is called with the lock, gives it away while it works, and returns 1 if there was
 * such work. */

/* Pieces of a failed run that wait for a lane. */
static void
forget_pieces(struct nam_gpu_crew *c, const struct run *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n_again; i++)
		if (c->again[i].run != r)
			c->again[kept++] = c->again[i];
	c->n_again = kept;
}

/* One use less; what nobody uses any more is the caller's to free, without the lock. */
static struct planned *
release(struct nam_gpu_crew *c, struct planned *p)
{
	struct planned **m = &c->models;

	if (!p || --p->uses)
		return NULL;
	while (*m != p)
		m = &(*m)->next;
	*m = p->next;
	return p;
}

static int
end_one(struct nam_gpu_crew *c)
{
	for (struct run **p = &c->runs; *p; p = &(*p)->next) {
		struct run *r = *p;
		struct nam_flow *f = r->flow;
		struct planned *idle;
		struct err e = r->e;
		int failed = r->failed;

		if (r->busy || r->reading || r->writing || !(r->failed || (r->ended && !r->first)))
			continue;
		*p = r->next;
		c->n_runs--;
		c->ending++;
		forget_pieces(c, r);
		idle = release(c, r->on);
		run_free(c, r);
		leave(c);
		if (idle)
			planned_free(c, idle);
		f->end(f->ctx, failed ? &e : NULL);
		enter(c);
		c->ending--;
		c->wakes++;
		c->none_yet = 0;
		return 1;
	}
	return 0;
}

static struct planned *
known(const struct nam_gpu_crew *c, const struct nam_model *m)
{
	struct planned *p = c->models;

	while (p && p->model != m)
		p = p->next;
	return p;
}

/* The model of f on the devices; or NULL, and f->note says why it is the CPU's, or *e why it cannot be. */
static struct planned *
find_planned(struct nam_gpu_crew *c, struct nam_flow *f, int *bad, struct err *e)
{
	struct planned *p = known(c, f->model), *made = NULL, *other;

	*bad = 0;
	if (!p) {
		leave(c);
		made = planned_new(c, f->model, e);
		enter(c);
		other = known(c, f->model);     /* another thread may have been faster */
		p = other ? other : made;
		if (made && !other) {
			made->next = c->models;
			c->models = made;
		} else if (made) {
			leave(c);
			planned_free(c, made);
			enter(c);
		}
	}
	if (p) {
		p->uses++;
		return p;
	}
	*bad = !c->gpus->or_cpu;
	snprintf(f->note, sizeof f->note, "rendered on the CPU: %.200s", e->msg);
	return NULL;
}

static int
begin_one(struct nam_gpu_crew *c)
{
	struct nam_flow *f = NULL;
	struct run *r = NULL, **end;
	struct planned *on = NULL;
	enum nam_crew_next what;
	unsigned wakes = c->wakes;
	struct err e;
	int bad;

	if (c->no_more || c->none_yet || c->n_runs + c->starting >= c->max_runs || c->window_bytes >= MAX_WINDOW_BYTES)
		return 0;
	c->starting++;
	leave(c);
	what = c->next(c->ctx, &f);
	enter(c);
	if (what == NAM_CREW_FLOW) {
		on = find_planned(c, f, &bad, &e);
		r = bad ? NULL : run_new(c, f, on, &e);
		f->device = on ? c->gpus->name : "cpu";
		on = r ? NULL : release(c, on);
	}
	if (r) {
		for (end = &c->runs; *end; end = &(*end)->next)
			;
		*end = r;
		c->n_runs++;
	} else if (what == NAM_CREW_FLOW) {
		leave(c);
		if (on)
			planned_free(c, on);
		f->end(f->ctx, &e);
		enter(c);
		c->wakes++;
		c->none_yet = 0;
	}
	c->starting--;
	if (what == NAM_CREW_NO_MORE)
		c->no_more = 1;
	if (what == NAM_CREW_NONE_YET && wakes == c->wakes)
		c->none_yet = 1;
	return 1;
}

/* ---- in and out -------------------------------------------------------------------------- */

static struct window *
last_window(const struct run *r)
{
	struct window *w = r->first;

	while (w && w->next)
		w = w->next;
	return w;
}

/* The window that is to be filled; NULL: none, for now. */
static struct window *
open_window(struct nam_gpu_crew *c, struct run *r)
{
	struct window *last = last_window(r), *w;
	const size_t channels = (size_t)r->flow->channels;
	size_t n = 0;

	if (last && !last->full)
		return last;
	for (w = r->first; w; w = w->next)
		n++;
	if (n >= WINDOWS || c->window_bytes >= MAX_WINDOW_BYTES)
		return NULL;
	w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->cap = window_frames(r);
	w->past = r->tail_n;
	w->in = calloc((w->past + w->cap) * channels, sizeof *w->in);
	w->out = calloc(w->cap * channels, sizeof *w->out);
	c->window_bytes += window_bytes(r, w);
	if (!w->in || !w->out) {
		struct err e;

		err_set(&e, ERR_NOMEM, "out of memory");
		fail(r, &e);
		window_free(c, r, w);
		return NULL;
	}
	for (size_t k = 0; k < channels; k++)
		memcpy(w->in + k * (w->past + w->cap), r->tail + k * r->past, w->past * sizeof *w->in);
	if (last)
		last->next = w;
	else
		r->first = w;
	return w;
}

static void
keep_tail(struct run *r, const struct window *w, size_t n)
{
	const size_t have = w->past + n;

	r->tail_n = have < r->past ? have : r->past;
	for (size_t k = 0; k < (size_t)r->flow->channels; k++)
		memcpy(r->tail + k * r->past, w->in + k * (w->past + w->cap) + have - r->tail_n, r->tail_n * sizeof *r->tail);
}

static int
read_one(struct nam_gpu_crew *c)
{
	for (struct run *r = c->runs; r; r = r->next) {
		const size_t channels = (size_t)r->flow->channels;
		struct window *w = r->failed || r->ended || r->reading ? NULL : open_window(c, r);
		struct err e;
		int64_t n = 1;
		size_t have;

		if (!w)
			continue;
		have = w->n;
		r->reading = 1;
		leave(c);
		while (n > 0 && have < w->cap) {
			for (size_t k = 0; k < channels; k++)
				r->in_rows[k] = w->in + k * (w->past + w->cap) + w->past + have;
			n = r->flow->read(r->flow->ctx, r->in_rows,
			    w->cap - have < NAM_CREW_MAX_FRAMES ? w->cap - have : NAM_CREW_MAX_FRAMES, &e);
			have += n > 0 ? (size_t)n : 0;
		}
		keep_tail(r, w, have);
		enter(c);
		r->reading = 0;
		w->n = have;
		w->left = have * channels;
		w->channel = have ? 0 : r->flow->channels;
		w->full = 1;
		if (n < 0)
			fail(r, &e);
		r->ended |= n == 0;
		return 1;
	}
	return 0;
}

static int
write_one(struct nam_gpu_crew *c)
{
	for (struct run *r = c->runs; r; r = r->next) {
		struct window *w = r->first;
		struct err e;
		int bad = 0;

		if (r->failed || r->writing || !w || !w->full || w->left)
			continue;
		r->writing = 1;
		leave(c);
		for (size_t at = 0, n; at < w->n && !bad; at += n) {
			n = w->n - at < NAM_CREW_MAX_FRAMES ? w->n - at : NAM_CREW_MAX_FRAMES;
			for (int k = 0; k < r->flow->channels; k++)
				r->rows[k] = w->out + (size_t)k * w->cap + at;
			bad = r->flow->write(r->flow->ctx, r->rows, n, &e);
		}
		enter(c);
		r->writing = 0;
		if (bad)
			fail(r, &e);
		r->first = w->next;
		window_free(c, r, w);
		return 1;
	}
	return 0;
}

/* ---- pieces ------------------------------------------------------------------------------ */

/* The first window of r with something to give; a recurrent one only when all before are done. */
static struct window *
giving(const struct run *r)
{
	for (struct window *w = r->failed ? NULL : r->first; w; w = w->next) {
		if (w->full && w->channel < r->flow->channels)
			return w;
		if (w->left && nam_model_info(r->flow->model)->recurrent)
			return NULL;
	}
	return NULL;
}

static size_t
windows_to_give(const struct nam_gpu_crew *c, size_t piece, size_t *frames)
{
	size_t pieces = 0;

	*frames = 0;
	for (const struct run *r = c->runs; r; r = r->next)
		for (struct window *w = r->on ? giving(r) : NULL; w && w->full; w = w->next) {
			size_t channels = (size_t)(r->flow->channels - w->channel);

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

	windows_to_give(c, WINDOW, &frames);
	frames = frames < most ? frames : most;
	piece = frames / (width ? width : 1);
	piece = piece > LEAST_PIECE ? piece : LEAST_PIECE;
	while (piece < WINDOW && windows_to_give(c, piece, &frames) > width && frames <= most)
		piece += piece / 16;
	return piece;
}

/* The next piece of r, at most `length` frames, or -1. */
static int
take_piece(struct run *r, size_t length, struct piece *p)
{
	struct window *w = giving(r);
	size_t left;

	if (!w)
		return -1;
	left = w->n - w->given;
	*p = (struct piece){ r, w, w->channel, w->given, left };
	if (!nam_model_info(r->flow->model)->recurrent) {
		const size_t pieces = (left + length - 1) / length;

		p->n = pieces ? (left + pieces - 1) / pieces : 0;
	}
	w->given += p->n;
	if (w->given == w->n) {
		w->given = 0;
		w->channel++;
	}
	r->busy++;
	return 0;
}

static void
put_piece(const struct piece *p)
{
	p->w->left -= p->n;
	p->run->busy--;
}

static size_t
past_of(const struct piece *p)
{
	const size_t there = p->w->past + p->at;

	return there < p->run->past ? there : p->run->past;
}

static struct gpu_job
job_of(const struct piece *p, int index)
{
	const struct window *w = p->w;
	const size_t skip = past_of(p);
	struct planned *on = p->run->on;

	return (struct gpu_job){ on->on[index], w->in + (size_t)p->channel * (w->past + w->cap) + w->past + p->at - skip,
		skip + p->n, skip, w->out + (size_t)p->channel * w->cap + p->at,
		p->run->state ? p->run->state + (size_t)p->channel * (size_t)on->plan->n_image : NULL };
}

/* ---- lanes ------------------------------------------------------------------------------- */

/* Frames that a lane has to take for it. */
static size_t
cost_of(const struct piece *p)
{
	return past_of(p) + p->n;
}

static size_t
gather(struct nam_gpu_crew *c, const struct lane *l, struct piece *piece)
{
	size_t n = 0, frames = 0, length = 0;

	for (size_t i = c->n_again; i-- > 0 && n < MAX_PIECES && frames < l->most;) {
		if (!c->again[i].run->on->on[l->index] || (n && frames + cost_of(&c->again[i]) > l->most))
			continue;
		piece[n] = c->again[i];
		c->again[i] = c->again[--c->n_again];
		piece[n].run->busy++;
		frames += cost_of(&piece[n++]);
	}
	for (struct run *r = c->runs; r; r = r->next)
		while (r->on && r->on->on[l->index] && n < MAX_PIECES && frames < l->most) {
			if (!length)
				length = piece_length(c, (size_t)c->gpus->ops->width(l->gpu, r->on->on[l->index]), l->most);
			if (take_piece(r, length, &piece[n]))
				break;
			frames += cost_of(&piece[n++]);
		}
	return n;
}

static void
give_back(struct nam_gpu_crew *c, const struct piece *piece, size_t n)
{
	struct piece *more = realloc(c->again, (c->n_again + n + 1) * sizeof *more);
	struct err e;

	err_set(&e, ERR_NOMEM, "out of memory");
	if (more)
		c->again = more;
	for (size_t i = 0; i < n; i++) {
		piece[i].run->busy--;
		if (!more)
			fail(piece[i].run, &e);
		else if (!piece[i].run->failed)
			c->again[c->n_again++] = piece[i];
	}
}

static void
launch_failed(struct nam_gpu_crew *c, struct lane *l, enum gpu_status s, const struct piece *piece, size_t n, const char *why)
{
	size_t frames = 0;
	struct err e;

	if (s == GPU_LOST) {
		device_dies(c, l->index, why);
		give_back(c, piece, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		frames += cost_of(&piece[i]);
	if (n > 1) {
		l->most = frames / 2;
		give_back(c, piece, n);
		return;
	}
	if (!piece->run->state && piece->n > LEAST_PIECE) {
		struct piece half[2] = { piece[0], piece[0] };

		half[1].n = piece->n / 2;
		half[0].n -= half[1].n;
		half[1].at += half[0].n;
		piece->run->busy++;
		l->most = frames / 2;
		give_back(c, half, 2);
		return;
	}
	err_set(&e, ERR_NOMEM, "out of memory on %s:%d: %s", c->gpus->ops->name, c->gpus->device[l->index], why);
	for (size_t i = 0; i < n; i++) {
		fail(piece[i].run, &e);
		put_piece(&piece[i]);
	}
}

static int
launch(struct nam_gpu_crew *c, struct lane *l, struct piece *piece, struct gpu_job *job)
{
	size_t n = gather(c, l, piece);
	enum gpu_status s;
	char why[256];

	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		job[i] = job_of(&piece[i], l->index);
	leave(c);
	s = c->gpus->ops->run(l->gpu, job, (int)n, why, sizeof why);
	enter(c);
	if (s != GPU_DONE)
		launch_failed(c, l, s, piece, n, why);
	for (size_t i = 0; i < n && s == GPU_DONE; i++)
		put_piece(&piece[i]);
	return 1;
}

static void *
lane_work(void *arg)
{
	struct lane *l = arg;
	struct nam_gpu_crew *c = l->crew;
	struct piece *piece = calloc(MAX_PIECES, sizeof *piece);
	struct gpu_job *job = calloc(MAX_PIECES, sizeof *job);
	char why[256] = "out of memory";
	enum gpu_status s = piece && job ? c->gpus->ops->open(&l->gpu, c->gpus->device[l->index], why, sizeof why) : GPU_LOST;

	pthread_mutex_lock(&c->lock);
	if (s != GPU_DONE)
		device_dies(c, l->index, why);
	while (!c->over && !c->dead[l->index])
		if (!launch(c, l, piece, job))
			pthread_cond_wait(&c->changed, &c->lock);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	c->gpus->ops->close(l->gpu);
	free(piece);
	free(job);
	return NULL;
}

/* ---- the CPU ----------------------------------------------------------------------------- */

static int
cpu_piece(const struct piece *p, struct err *e)
{
	const struct run *r = p->run;
	const struct gpu_job j = { NULL, p->w->in + (size_t)p->channel * (p->w->past + p->w->cap) + p->w->past + p->at, p->n, 0,
		p->w->out + (size_t)p->channel * p->w->cap + p->at, NULL };
	const size_t skip = past_of(p);
	struct nam_stream *s;

	if (r->stream) {
		nam_process(r->stream[p->channel], j.in, j.out, p->n);
		return 0;
	}
	if (r->state)
		return nam_plan_run(r->on->plan, GPU_TILE / 4, r->state + (size_t)p->channel * (size_t)r->on->plan->n_image, j.in,
		    p->n, 0, j.out, e);
	if (nam_stream_new(&s, r->flow->model, e))
		return -1;
	for (size_t at = 0, n; at < skip; at += n) { /* out is not made yet: it may hold what is dropped */
		n = skip - at < p->n ? skip - at : p->n;
		nam_process(s, j.in - skip + at, j.out, n);
	}
	nam_process(s, j.in, j.out, p->n);
	nam_stream_free(s);
	return 0;
}

/* Whether a device that is alive has the model. */
static int
reachable(const struct nam_gpu_crew *c, const struct run *r)
{
	for (int i = 0; i < c->gpus->n; i++)
		if (r->on && r->on->on[i] && !c->dead[i])
			return 1;
	return 0;
}

/* For flows that are the CPU's, and for all that no device is left for. */
static int
compute_one(struct nam_gpu_crew *c)
{
	struct piece p;
	struct err e;
	int bad;

	for (size_t i = 0; i < c->n_again; i++)
		if (!reachable(c, c->again[i].run)) {
			p = c->again[i];
			c->again[i] = c->again[--c->n_again];
			p.run->busy++;
			goto found;
		}
	for (struct run *r = c->runs; r; r = r->next)
		if (!reachable(c, r) && !take_piece(r, 1 << 16, &p))
			goto found;
	return 0;
found:
	if (p.run->on) {
		if (!c->gpus->or_cpu) {
			fail(p.run, &c->lost);
			put_piece(&p);
			return 1;
		}
		p.run->flow->device = "cpu";
		snprintf(p.run->flow->note, sizeof p.run->flow->note, "rendered on the CPU from some frame on: %.190s", c->lost.msg);
	}
	leave(c);
	bad = cpu_piece(&p, &e);
	enter(c);
	if (bad)
		fail(p.run, &e);
	put_piece(&p);
	return 1;
}

/* ---- the threads ------------------------------------------------------------------------- */

static void *
host_work(void *arg)
{
	struct nam_gpu_crew *c = arg;

	pthread_mutex_lock(&c->lock);
	while (c->runs || c->starting || c->ending || !c->no_more)
		if (!(end_one(c) || write_one(c) || read_one(c) || begin_one(c) || compute_one(c)))
			pthread_cond_wait(&c->changed, &c->lock);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
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
	c->gpus = g;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->threads = threads > 0 ? threads : par_cpus();
	c->max_runs = max_flows;
	c->next = next;
	c->ctx = ctx;
	for (int i = 0; i < g->n * LANES; i++)
		c->lanes[c->n_lanes++] = (struct lane){ .crew = c, .index = i / LANES, .most = LAUNCH };
	return c;
}

void
nam_gpu_crew_run(struct nam_gpu_crew *c)
{
	pthread_t lane[GPU_MAX_DEVICES * LANES], *id = calloc((size_t)c->threads, sizeof *id);
	int lanes = 0, n = 0;

	while (lanes < c->n_lanes && !pthread_create(&lane[lanes], NULL, lane_work, &c->lanes[lanes]))
		lanes++;
	pthread_mutex_lock(&c->lock);
	for (int i = (lanes + LANES - 1) / LANES; i < c->gpus->n; i++)
		device_dies(c, i, "cannot start a thread");
	pthread_mutex_unlock(&c->lock);
	while (id && n < c->threads - 1 && !pthread_create(&id[n], NULL, host_work, c))
		n++;
	host_work(c);
	while (n > 0)
		pthread_join(id[--n], NULL);
	pthread_mutex_lock(&c->lock);
	c->over = 1;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	while (lanes > 0)
		pthread_join(lane[--lanes], NULL);
	free(id);
}

void
nam_gpu_crew_wake(struct nam_gpu_crew *c)
{
	pthread_mutex_lock(&c->lock);
	c->wakes++;
	c->none_yet = 0;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void
nam_gpu_crew_free(struct nam_gpu_crew *c)
{
	if (!c)
		return;
	while (c->models) {
		struct planned *p = c->models;

		c->models = p->next;
		planned_free(c, p);
	}
	free(c->again);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free(c);
}
