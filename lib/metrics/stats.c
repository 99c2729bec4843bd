/* stats.c - percentiles. */
#include "metrics/stats.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

int
stats_add(struct stats *s, double v)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256, size;
		float *p;

		if (size_mul(cap, sizeof *p, &size) || !(p = realloc(s->v, size)))
			return -1;
		s->v = p;
		s->cap = cap;
	}
	s->v[s->n++] = (float)v;
	return 0;
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

double
stats_percentile(struct stats *s, double percent)
{
	double at = percent / 100 * (double)(s->n - 1), lo;
	size_t i;

	if (!s->n)
		return NAN;
	qsort(s->v, s->n, sizeof *s->v, by_value);
	lo = floor(at);
	i = (size_t)lo;
	if (i + 1 >= s->n)
		return s->v[s->n - 1];
	return s->v[i] + (at - lo) * ((double)s->v[i + 1] - s->v[i]);
}

void
stats_free(struct stats *s)
{
	free(s->v);
	*s = (struct stats){ 0 };
}
