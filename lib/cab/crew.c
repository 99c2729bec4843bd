/* crew.c - tickets: drawn with a piece, and called up in order. */
#include "cab/crew.h"
#include "base/par.h"

#include <pthread.h>

struct shift {
	const struct crew *crew;
	pthread_mutex_t taking;  /* ended, drawn, lost */
	int ended;
	unsigned long drawn;
	struct err lost;         /* code not ERR_NONE: take() has failed */
	pthread_mutex_t giving;  /* called, refused */
	pthread_cond_t change;
	unsigned long called;
	struct err refused;      /* so has give() */
};

/* -1: no more. */
static int
take(struct shift *s, int thread, unsigned long *ticket)
{
	int r = 0;

	pthread_mutex_lock(&s->taking);
	if (!s->ended)
		r = s->crew->take(s->crew->ctx, thread, &s->lost);
	s->ended |= r <= 0;
	*ticket = s->drawn;
	s->drawn += r > 0;
	pthread_mutex_unlock(&s->taking);
	return r > 0 ? 0 : -1;
}

static int
give(struct shift *s, int thread, unsigned long ticket)
{
	int bad;

	pthread_mutex_lock(&s->giving);
	while (s->called != ticket)
		pthread_cond_wait(&s->change, &s->giving);
	bad = s->refused.code != ERR_NONE || s->crew->give(s->crew->ctx, thread, &s->refused);
	s->called++;
	pthread_cond_broadcast(&s->change);
	pthread_mutex_unlock(&s->giving);
	return bad ? -1 : 0;
}

static void
work(void *ctx, size_t i, int thread)
{
	struct shift *s = ctx;
	unsigned long ticket;

	(void)i;
	while (!take(s, thread, &ticket)) {
		s->crew->work(s->crew->ctx, thread);
		if (give(s, thread, ticket))
			return;         /* and so do the others when their turn comes */
	}
}

int
crew_run(const struct crew *c, struct err *e)
{
	struct shift s = { .crew = c };
	const struct err *why;

	pthread_mutex_init(&s.taking, NULL);
	pthread_mutex_init(&s.giving, NULL);
	pthread_cond_init(&s.change, NULL);
	par_for(c->threads, (size_t)c->threads, work, &s);
	pthread_cond_destroy(&s.change);
	pthread_mutex_destroy(&s.giving);
	pthread_mutex_destroy(&s.taking);
	why = s.refused.code != ERR_NONE ? &s.refused : &s.lost;
	if (why->code == ERR_NONE)
		return 0;
	if (e)
		*e = *why;
	return -1;
}
