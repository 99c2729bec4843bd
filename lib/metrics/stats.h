/* stats.h - percentiles of values that come one by one. */
#ifndef METRICS_STATS_H
#define METRICS_STATS_H
#include <stddef.h>

struct stats { /* start from {0} */
	float *v;
	size_t n, cap;
};

int stats_add(struct stats *s, double v); /* -1: out of memory */
/* Percentile 0..100 with linear interpolation between the two nearest values; sorts them.
 * NAN without values. */
double stats_percentile(struct stats *s, double percent);
void stats_free(struct stats *s);
#endif
