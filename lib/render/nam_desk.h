/* nam_desk.h - where a crew gets its flows from and how they end, the same for threads and GPUs; private to lib/render.
 *
 * A crew has one lock, the desk's, and threads that each look for something to do, do it without the lock, and look again.
 * What they look through are functions that are called with the lock and return 1 if there was such work. */
#ifndef NAM_DESK_H
#define NAM_DESK_H
#include "render/nam_crew.h"
#include <pthread.h>

/* A flow at work; a crew's own struct begins with it. */
struct nam_task {
	struct nam_task *next;        /* in order of beginning */
	struct nam_flow *flow;
	const float **rows;          /* scratch of write and of read: a pointer for each channel */
	float **in_rows;
	int ended, failed;           /* all is read; why it cannot go on is in e */
	int reading, writing, busy;  /* threads that have it without the lock */
	struct err e;
};

struct nam_desk {
	pthread_mutex_t lock;        /* of all below, and of all tasks */
	pthread_cond_t changed;
	struct nam_task *tasks;
	int n_tasks, starting, ending, max_tasks;
	unsigned wakes;              /* calls of nam_desk_wake() and ends of flows */
	int none_yet, no_more, waiting;
	enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow);
	void *ctx;

	/* The crew's, called without the lock: NULL and *e where a flow cannot begin; whether there is nothing left to do for
	 * a run (with the lock); and its end. */
	struct nam_task *(*task_new)(void *crew, struct nam_flow *f, struct err *e);
	int (*task_done)(const struct nam_task *r);
	void (*task_free)(void *crew, struct nam_task *r);
	void *crew;
};

void nam_desk_init(struct nam_desk *d, int max_flows, enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow), void *ctx);
void nam_desk_clear(struct nam_desk *d);

void nam_desk_leave(struct nam_desk *d);         /* gives the lock away */
void nam_desk_enter(struct nam_desk *d);         /* takes it, and has all look again */
void nam_desk_wait(struct nam_desk *d);          /* with the lock: until there is something new */
void nam_desk_wake(struct nam_desk *d);          /* without: ask for flows again */
void nam_desk_wake_all(struct nam_desk *d);      /* with it: something has changed for those that wait */

int nam_desk_begin_one(struct nam_desk *d);
int nam_desk_end_one(struct nam_desk *d);
int nam_desk_over(const struct nam_desk *d);     /* no flow is at work and none will be */

int nam_task_init(struct nam_task *r, struct nam_flow *f, struct err *e);
void nam_task_clear(struct nam_task *r);           /* what nam_task_init() made; not r */
void nam_task_fail(struct nam_task *r, const struct err *e); /* with the lock; the first reason stays */
#endif
