/* nam_gpu_crew.h - the parts of a crew with GPUs; private to nam_gpu_*.c.
 *
 * nam_gpu_flow.c reads flows into windows and writes what is done, nam_gpu_piece.c cuts windows into pieces, nam_gpu_store.c has
 * what stays on devices, nam_gpu_crew.c brings pieces through lanes.  Functions are called with the desk's lock unless they say
 * otherwise. */
#ifndef NAM_GPU_CREW_H
#define NAM_GPU_CREW_H
#include "render/nam_desk.h"
#include "render/nam_gpus.h"

enum {
	NAM_GPU_LANES = 2,           /* of a device */
	NAM_GPU_WINDOW = 1 << 21,    /* frames of one channel, or of all together when there are more */
	NAM_GPU_LEAST_PIECE = 2048
};

/* A model on the devices. */
struct nam_gpu_model {
	struct nam_gpu_model *next;
	uint64_t serial;
	struct nam_plan *plan;
	struct gpu_model *on[GPU_MAX_DEVICES];
	size_t bytes;                /* of one device */
	int users, loading;
	uint64_t used;
};

/* Frames of one channel of a window on a device: all with what is kept of the past, or only those that a piece needs. */
struct nam_gpu_input {
	struct nam_gpu_input *next;
	char source[65];             /* nam_flow.source; empty: this window's and no other's */
	const struct nam_gpu_window *window; /* then */
	int index, channel, part;    /* of the device; part: a piece's alone */
	int64_t start;               /* its first frame behind its past, in the flow */
	size_t past, n;
	struct gpu_input *on;
	int users, loading;
	uint64_t used;
};

struct nam_gpu_window {
	struct nam_gpu_window *next; /* in time */
	int64_t start;               /* frames of the flow before it */
	size_t past, n, cap;         /* frames before, read, and room for */
	float *in, *out;             /* channels x (past + cap); channels x cap */
	int full, channel;           /* the next piece begins at frame `given` of this channel */
	size_t given, left;          /* frames that are not done, of all channels together */
};

struct nam_gpu_run {
	struct nam_task task;
	struct nam_gpu_model *on;    /* NULL: this flow is the CPU's */
	struct nam_stream **stream;  /* then, of each channel when it is recurrent */
	float *state;                /* channels x n_image, when it is recurrent and not the CPU's */
	size_t again;                /* frames that a piece runs again: the receptive field but one */
	size_t keep;                 /* frames before a window that are kept, at least those */
	size_t tail_n;
	float *tail;                 /* channels x keep: the last frames of the windows so far, tail_n of each */
	int64_t frames;              /* read */
	struct nam_gpu_window *first;
};

/* Frames of a window on their way through a lane. */
struct nam_gpu_piece {
	struct nam_gpu_run *run;
	struct nam_gpu_window *w;
	int channel;
	size_t at, n;
	size_t after;                /* frames behind these that need the state these leave: a piece of their own, later */
};

struct nam_gpu_lane {
	struct nam_gpu_crew *crew;
	int index;                   /* of the device, in crew->gpus.device */
	size_t most;                 /* frames of a call */
	struct gpu_lane *gpu;
};

struct nam_gpu_crew {
	const struct nam_gpus *gpus;
	struct nam_desk desk;
	int threads, over;
	size_t window_bytes;
	struct nam_gpu_model *models;
	struct nam_gpu_input *inputs;
	uint64_t clock;
	struct nam_gpu_piece *again; /* that wait for a lane: of lanes that failed, and the rests of those cut in two */
	size_t n_again;
	int dead[GPU_MAX_DEVICES];
	int lanes_on[GPU_MAX_DEVICES]; /* that are open */
	int one_lane[GPU_MAX_DEVICES]; /* memory is too short for more */
	struct err lost;             /* why the last one died */
	struct nam_gpu_lane lanes[GPU_MAX_DEVICES * NAM_GPU_LANES];
	int n_lanes;
};

static inline struct nam_gpu_run *
nam_gpu_first(const struct nam_gpu_crew *c)
{
	return (struct nam_gpu_run *)c->desk.tasks;
}

static inline struct nam_gpu_run *
nam_gpu_next(const struct nam_gpu_run *r)
{
	return (struct nam_gpu_run *)r->task.next;
}

/* ---- nam_gpu_crew.c ---- */
void nam_gpu_dies(struct nam_gpu_crew *c, int index, const char *why);
void nam_gpu_fail(struct nam_gpu_crew *c, struct nam_gpu_run *r, const struct err *e);

/* ---- nam_gpu_store.c: models and inputs are brought to a device once and stay as long as they are used or there is room ---- */
/* Without the lock.  NULL and *e: it is on none. */
struct nam_gpu_model *nam_gpu_model_get(struct nam_gpu_crew *c, const struct nam_model *m, struct err *e);
void nam_gpu_model_put(struct nam_gpu_crew *c, struct nam_gpu_model *m); /* without the lock; NULL is fine */
/* What p needs, on the device of l; the lock is given away meanwhile. */
enum gpu_status nam_gpu_input_get(struct nam_gpu_crew *c, struct nam_gpu_lane *l, const struct nam_gpu_piece *p,
                                  struct nam_gpu_input **x, char *why, size_t len);
void nam_gpu_input_put(struct nam_gpu_crew *c, struct nam_gpu_input *x);
/* Where in it the frames begin that p runs. */
size_t nam_gpu_input_at(const struct nam_gpu_input *x, const struct nam_gpu_piece *p);
void nam_gpu_input_forget(struct nam_gpu_crew *c, const struct nam_gpu_window *w); /* w ends */
/* Device memory is short: give back what nobody uses.  Whether there was something. */
int nam_gpu_make_room(struct nam_gpu_crew *c, int index);
void nam_gpu_store_free(struct nam_gpu_crew *c); /* nobody uses anything */

/* ---- nam_gpu_flow.c ---- */
void nam_gpu_flows(struct nam_gpu_crew *c);      /* tells the desk about the functions here */
int nam_gpu_read_one(struct nam_gpu_crew *c);
int nam_gpu_write_one(struct nam_gpu_crew *c);
int nam_gpu_has_room(const struct nam_gpu_crew *c); /* for another flow */

/* ---- nam_gpu_piece.c ---- */
/* The next piece of r, at most about `length` frames, or -1. */
int nam_gpu_take(struct nam_gpu_run *r, size_t length, struct nam_gpu_piece *p);
void nam_gpu_done(struct nam_gpu_crew *c, const struct nam_gpu_piece *p);
void nam_gpu_put_again(struct nam_gpu_crew *c, const struct nam_gpu_piece *p); /* it was not done */
void nam_gpu_forget(struct nam_gpu_crew *c, const struct nam_gpu_run *r);      /* those of r that wait */
size_t nam_gpu_skip(const struct nam_gpu_piece *p); /* frames before it that it runs again */
/* As many pieces as l takes at once, at most max. */
size_t nam_gpu_gather(struct nam_gpu_crew *c, const struct nam_gpu_lane *l, struct nam_gpu_piece *piece, size_t max);
/* A piece that no device will take. */
int nam_gpu_take_cpu(struct nam_gpu_crew *c, struct nam_gpu_piece *p);
/* Without the lock: p on the CPU. */
int nam_gpu_on_cpu(const struct nam_gpu_piece *p, struct err *e);
#endif
