/* measure_file.h - files, parts of files, and DIs measured. */
#ifndef METRICS_MEASURE_FILE_H
#define METRICS_MEASURE_FILE_H
#include "metrics/measure.h"

/* A part of a file. */
struct measure_region {
	int64_t start, length;    /* frames; length negative: to the end */
	const json_t *segment;    /* what the object says of it under "segment"; NULL: nothing; borrowed */
};

/* n parts of a file in one pass, which begin in ascending order and do not overlap: an array of objects audio-metrics/1.  "-" is
 * standard input.  sha256 becomes the file's.  step, which may be NULL, is told the frames read and of how many (-1 not known). */
json_t *measure_file(const char *name, const struct measure_region *r, size_t n, const struct measure_want *want,
                     void (*step)(void *ctx, int64_t frames, int64_t of), void *ctx, char sha256[65], struct err *e);

/* What was played in a part of a DI. */
int measure_file_di(struct measure_di *di, const char *name, const struct measure_region *r, char sha256[65], struct err *e);

/* An object metrics-gts/1: the values of metrics/gts.h. */
json_t *measure_file_gts(const char *name, char sha256[65], struct err *e);
/* An object with every key that the others can have: that of a short silence on two channels.  with_segment: as from a
 * timeline; gts: a metrics-gts/1. */
json_t *measure_shape(const struct measure_want *want, int with_segment, int gts, struct err *e);
#endif
