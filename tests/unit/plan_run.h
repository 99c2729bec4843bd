/* plan_run.h - a signal through a plan in pieces, as devices get it. */
#ifndef PLAN_RUN_H
#define PLAN_RUN_H
#include "nam/nam_plan_host.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* n frames: feed-forward models in pieces that run their past again, recurrent ones with the state handed on. */
static inline int
plan_run(const struct nam_plan *p, int threads, const float *x, float *y, size_t n, size_t piece)
{
	const size_t past = p->receptive_field ? (size_t)p->receptive_field - 1 : 0;
	float *state = NULL;
	struct err e;
	int bad = 0;

	if (p->recurrent) {
		state = malloc((size_t)p->n_image * sizeof *state);
		if (!state)
			return -1;
		memcpy(state, p->image, (size_t)p->n_image * sizeof *state);
	}
	for (size_t t = 0; t < n && !bad; t += piece) {
		const size_t skip = p->recurrent ? 0 : t < past ? t : past, now = n - t < piece ? n - t : piece;

		bad = nam_plan_run(p, threads, state, x + t - skip, skip + now, skip, y + t, &e);
	}
	free(state);
	return bad;
}

/* Bits; but no number is as good as another. */
static inline int
plan_same(const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(a + i, b + i, sizeof *a) && !(isnan(a[i]) && isnan(b[i])))
			return 0;
	return 1;
}

/* Whether m's plan gives other bits than y for x, n frames, with some tiles and pieces. */
static inline int
plan_differs(const struct nam_model *m, const float *x, const float *y, size_t n)
{
	static const struct { int tile, threads; size_t piece; } how[] = { { 64, 32, 0 }, { 7, 2, 100 }, { 32, 8, 333 } };
	float *z = calloc(n, sizeof *z);
	int bad = !z;

	for (size_t i = 0; i < sizeof how / sizeof *how && !bad; i++) {
		struct err e;
		struct nam_plan *p = nam_plan_new(m, how[i].tile, &e);

		if (!p)
			printf("# %s\n", e.msg);
		bad = !p || plan_run(p, how[i].threads, x, z, n, how[i].piece ? how[i].piece : n) ||
		    !plan_same(y, z, n);
		nam_plan_free(p);
	}
	free(z);
	return bad;
}
#endif
