/* timeline_regions.h - the segments of a timeline as parts of its master that are measured. */
#ifndef SHOOT_TIMELINE_REGIONS_H
#define SHOOT_TIMELINE_REGIONS_H
#include "metrics/measure_file.h"
#include "shoot/timeline.h"

/* One region for each segment that sounds, in order, with its number (from 1), label, name, title and DI; *n of them.  NULL: no
 * memory. */
struct measure_region *timeline_regions(const struct timeline *t, size_t *n);
void timeline_regions_free(struct measure_region *r, size_t n); /* NULL is fine */
#endif
