/* pump.c - a ring of buffers between two threads. */
#include "cab/pump.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct pump {
	pthread_t thread;
	pthread_mutex_t lock;    /* of all that follows but the buffers */
	pthread_cond_t change;
	float *x[PUMP_BUFFERS];
	int64_t n[PUMP_BUFFERS];
	unsigned filled, emptied; /* buffers, so far: filled - emptied are full */
	int held;                /* the owner still looks at the buffer that it took last */
	int ended, failed;       /* by the owner; drain() has failed */
	struct err e;
	int64_t (*fill)(void *ctx, float *x, struct err *e);
	int (*drain)(void *ctx, const float *x, int64_t n, struct err *e);
	void *ctx;
};

static void
count(struct pump *p, unsigned *number)
{
	pthread_mutex_lock(&p->lock);
	++*number;
	pthread_cond_signal(&p->change);
	pthread_mutex_unlock(&p->lock);
}

/* Wait for a buffer to be free (to be full: full is 1) or, in the thread, for the end.  -1: the end. */
static int
wait_for(struct pump *p, int full, int in_thread)
{
	int end;

	pthread_mutex_lock(&p->lock);
	while ((full ? p->filled == p->emptied : p->filled - p->emptied == PUMP_BUFFERS) && !(in_thread && p->ended))
		pthread_cond_wait(&p->change, &p->lock);
	/* a sink has to come to the end of what was sent */
	end = in_thread && p->ended && !(full && p->filled != p->emptied);
	pthread_mutex_unlock(&p->lock);
	return end ? -1 : 0;
}

static void *
source(void *arg)
{
	struct pump *p = arg;
	int64_t n = 1;

	while (n > 0 && !wait_for(p, 0, 1)) {
		unsigned b = p->filled % PUMP_BUFFERS;

		n = p->n[b] = p->fill(p->ctx, p->x[b], &p->e);
		count(p, &p->filled);
	}
	return NULL;
}

static void *
sink(void *arg)
{
	struct pump *p = arg;

	while (!wait_for(p, 1, 1)) {
		unsigned b = p->emptied % PUMP_BUFFERS;

		if (!p->failed && p->drain(p->ctx, p->x[b], p->n[b], &p->e)) {
			pthread_mutex_lock(&p->lock);
			p->failed = 1;
			pthread_mutex_unlock(&p->lock);
		}
		count(p, &p->emptied);
	}
	return NULL;
}

static void
pump_free(struct pump *p)
{
	for (int i = 0; i < PUMP_BUFFERS; i++)
		mem_free(p->x[i]);
	pthread_cond_destroy(&p->change);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int
start(struct pump **out, struct pump with, void *(*run)(void *), struct err *e)
{
	struct pump *p = malloc(sizeof *p);
	int lost = 0;

	*out = NULL;
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	*p = with;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->change, NULL);
	for (int i = 0; i < PUMP_BUFFERS; i++)
		lost |= !(p->x[i] = mem_zalloc(PUMP_SAMPLES, sizeof *p->x[i]));
	if (lost || pthread_create(&p->thread, NULL, run, p)) {
		pump_free(p);
		return err_set(e, ERR_NOMEM, lost ? "out of memory" : "cannot start a thread");
	}
	*out = p;
	return 0;
}

int
pump_source(struct pump **p, int64_t (*fill)(void *ctx, float *x, struct err *e), void *ctx, struct err *e)
{
	return start(p, (struct pump){ .fill = fill, .ctx = ctx }, source, e);
}

int
pump_sink(struct pump **p, int (*drain)(void *ctx, const float *x, int64_t n, struct err *e), void *ctx, struct err *e)
{
	return start(p, (struct pump){ .drain = drain, .ctx = ctx }, sink, e);
}

int64_t
pump_take(struct pump *p, const float **x, struct err *e)
{
	unsigned b;

	if (p->held)
		count(p, &p->emptied);
	p->held = 1;
	wait_for(p, 1, 0);
	b = p->emptied % PUMP_BUFFERS;
	*x = p->x[b];
	if (p->n[b] < 0 && e)
		*e = p->e;
	return p->n[b];
}

float *
pump_room(struct pump *p)
{
	int failed;

	wait_for(p, 0, 0);
	pthread_mutex_lock(&p->lock);
	failed = p->failed;
	pthread_mutex_unlock(&p->lock);
	return failed ? NULL : p->x[p->filled % PUMP_BUFFERS];
}

void
pump_send(struct pump *p, int64_t n)
{
	p->n[p->filled % PUMP_BUFFERS] = n;
	count(p, &p->filled);
}

int
pump_close(struct pump *p, struct err *e)
{
	int failed;

	if (!p)
		return 0;
	pthread_mutex_lock(&p->lock);
	p->ended = 1;
	pthread_cond_signal(&p->change);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	failed = p->failed;
	if (failed && e)
		*e = p->e;
	pump_free(p);
	return failed ? -1 : 0;
}
