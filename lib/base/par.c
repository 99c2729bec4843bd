/* par.c - threads: one loop over independent jobs, and the clock. */
#include "base/par.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct loop {
	void (*fn)(void *ctx, size_t i, int thread);
	void *ctx;
	size_t n;
	atomic_size_t next;
};

struct worker {
	struct loop *loop;
	int thread;
	pthread_t id;
};

int
par_cpus(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof set, &set) || CPU_COUNT(&set) < 1)
		return 1;
	return CPU_COUNT(&set);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	size_t i;

	while ((i = atomic_fetch_add(&w->loop->next, 1)) < w->loop->n)
		w->loop->fn(w->loop->ctx, i, w->thread);
	return NULL;
}

void
par_for(int threads, size_t n, void (*fn)(void *ctx, size_t i, int thread), void *ctx)
{
	struct loop loop = { .fn = fn, .ctx = ctx, .n = n };
	struct worker self = { .loop = &loop, .thread = 0 }, *w;
	int started = 0;

	threads = threads > 0 ? threads : par_cpus();
	if ((size_t)threads > n)
		threads = (int)n;
	w = threads > 1 ? calloc((size_t)threads, sizeof *w) : NULL;
	for (int t = 1; w && t < threads; t++) {
		w[t].loop = &loop;
		w[t].thread = t;
		if (pthread_create(&w[t].id, NULL, work, &w[t]))
			break;
		started = t;
	}
	work(&self);
	for (int t = 1; t <= started; t++)
		pthread_join(w[t].id, NULL);
	free(w);
}

double
par_clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
