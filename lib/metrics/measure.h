/* measure.h - all measures of one signal, group by group, as JSON.
 *
 * What a value means is in the header of its part and in audio-metrics(1). */
#ifndef METRICS_MEASURE_H
#define METRICS_MEASURE_H
#include "base/err.h"
#include "metrics/envelope.h"
#include <jansson.h>
#include <stdint.h>

enum {
	MEASURE_LOUDNESS = 1, MEASURE_LEVELS = 2, MEASURE_DYNAMICS = 4, MEASURE_FAULTS = 8, MEASURE_SPECTRUM = 16,
	MEASURE_ENVELOPE = 32, MEASURE_STEREO = 64, MEASURE_ALL = 127
};
/* "loudness", "levels", ... in the order of the bits; ends with NULL. */
extern const char *const measure_groups[];
/* "levels,stereo" -> bits; 0: one of them is no group. */
unsigned measure_groups_of(const char *text);

/* What was played, from the DI: where its notes begin, and where it is silent. */
struct measure_di {
	struct envelope_onset *onset;
	size_t onsets;
	unsigned char *quiet;        /* of each window of 50 ms: 40 dB and more under the DI's loud ones (95th percentile) */
	size_t windows;
	int rate_hz;
};

struct measure_want {
	unsigned groups;             /* MEASURE_* */
	int dual_mono;               /* loudness.h */
	int series;                  /* also loudness over time, every onset, the whole spectrum */
	int threads;                 /* 0: one for each CPU */
	const struct measure_di *di; /* of the same times as the signal; NULL: not known */
	int rate_hz, channels;       /* that a file must have; 0: any */
};

struct measure; /* one signal; one caller at a time */

int measure_new(struct measure **m, int rate_hz, int channels, const struct measure_want *want, struct err *e);
/* x: frames x channels, interleaved, borrowed.  Block sizes and threads do not matter. */
int measure_add(struct measure *m, const float *x, int64_t frames, struct err *e);
/* For MEASURE_FAULTS: so many more samples of what is added were no numbers, and are given as 0. */
void measure_not_numbers(struct measure *m, int64_t samples);
/* Once, last: the groups as objects into o, then "series" if wanted, then "reasons": why a value is null, by its path. */
int measure_end(struct measure *m, json_t *o, struct err *e);
void measure_free(struct measure *m); /* NULL is fine */

/* The same calls for a DI, whose want is not used: what it tells of itself; release with measure_di_free(). */
int measure_end_di(struct measure *m, struct measure_di *di, struct err *e);
void measure_di_free(struct measure_di *di);
#endif
