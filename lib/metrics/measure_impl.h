/* measure_impl.h - the meters of a signal and what they found; private to lib/metrics. */
#ifndef METRICS_MEASURE_IMPL_H
#define METRICS_MEASURE_IMPL_H
#include "metrics/hum.h"
#include "metrics/level.h"
#include "metrics/loudness.h"
#include "metrics/measure.h"
#include "metrics/spectrum.h"

struct measure {
	struct measure_want want;
	int rate_hz, channels;
	int64_t frames;
	int64_t not_numbers;       /* samples */
	struct loudness *loudness;
	struct level *level;
	struct hum *hum;
	struct spectrum *spectrum;
	struct envelope *envelope;
	/* the block that is worked on */
	const float *x;
	int64_t n;
	struct err failed[5];
	int bad[5];
	/* after the end */
	struct loudness_values lv;
	struct level_values level_v;
	struct hum_values hum_v;
	struct spectrum_values spectrum_v;
	struct envelope_values envelope_v;
	double noise_floor_dbfs;   /* where the DI is silent, when it is known */
};

/* All values as groups of o. */
int measure_json(const struct measure *m, json_t *o, struct err *e);
#endif
