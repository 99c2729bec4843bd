/* measure.c - meters side by side. */
#include "metrics/measure.h"
#include "base/par.h"
#include "metrics/measure_impl.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { METERS = 5, LEAST_QUIET = 4 };
static const double quiet_db = -40;

const char *const measure_groups[] = {
	"loudness", "levels", "dynamics", "faults", "spectrum", "envelope", "stereo", NULL
};

unsigned
measure_groups_of(const char *text)
{
	unsigned groups = 0;

	for (;; text++) {
		size_t len = strcspn(text, ","), i = 0;

		while (measure_groups[i] && (strlen(measure_groups[i]) != len || strncmp(measure_groups[i], text, len) != 0))
			i++;
		if (!measure_groups[i])
			return 0;
		groups |= 1u << i;
		text += len;
		if (!*text)
			return groups;
	}
}

int
measure_new(struct measure **out, int rate_hz, int channels, const struct measure_want *want, struct err *e)
{
	struct measure *m = calloc(1, sizeof *m);
	const struct measure_di *di = want->di;
	unsigned g = want->groups;
	int flags = (g & MEASURE_LOUDNESS ? LOUDNESS_ALL : LOUDNESS_TRUE_PEAK) | (want->dual_mono ? LOUDNESS_DUAL_MONO : 0) |
	            (g & MEASURE_LOUDNESS && want->series ? LOUDNESS_SERIES : 0);

	*out = NULL;
	if (!m)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->want = *want;
	m->rate_hz = rate_hz;
	m->channels = channels;
	/* faults need the overs between the samples, which are the loudness meter's */
	if (g & (MEASURE_LOUDNESS | MEASURE_FAULTS) && loudness_new(&m->loudness, rate_hz, channels, flags, e))
		goto failed;
	if (g & (MEASURE_LEVELS | MEASURE_DYNAMICS | MEASURE_FAULTS | MEASURE_STEREO) && !(m->level = level_new(rate_hz, channels)))
		goto no_memory;
	if (g & MEASURE_FAULTS && !(m->hum = hum_new(rate_hz, channels)))
		goto no_memory;
	if (g & MEASURE_SPECTRUM && spectrum_new(&m->spectrum, rate_hz, channels, e))
		goto failed;
	if (g & MEASURE_ENVELOPE && envelope_new(&m->envelope, rate_hz, channels, di ? di->onset : NULL, di ? di->onsets : 0, e))
		goto failed;
	*out = m;
	return 0;
no_memory:
	err_set(e, ERR_NOMEM, "out of memory");
failed:
	measure_free(m);
	return -1;
}

static void
meter(void *ctx, size_t i, int thread)
{
	struct measure *m = ctx;
	int bad = 0;

	(void)thread;
	switch (i) { /* the longest first */
	case 0:
		bad = m->loudness && loudness_add(m->loudness, m->x, m->n, &m->failed[i]);
		break;
	case 1:
		bad = m->envelope && envelope_add(m->envelope, m->x, m->n, &m->failed[i]);
		break;
	case 2:
		if (m->spectrum)
			spectrum_add(m->spectrum, m->x, m->n);
		break;
	case 3:
		bad = m->hum && hum_add(m->hum, m->x, m->n, &m->failed[i]);
		break;
	default:
		bad = m->level && level_add(m->level, m->x, m->n, &m->failed[i]);
	}
	m->bad[i] |= bad;
}

int
measure_add(struct measure *m, const float *x, int64_t frames, struct err *e)
{
	m->x = x;
	m->n = frames;
	par_for(m->want.threads, METERS, meter, m);
	m->frames += frames;
	for (int i = 0; i < METERS; i++)
		if (m->bad[i]) {
			if (e)
				*e = m->failed[i];
			return -1;
		}
	return 0;
}

void
measure_not_numbers(struct measure *m, int64_t samples)
{
	m->not_numbers += samples;
}

/* The median level of the windows in which nothing is played. */
static int
noise_floor(struct measure *m)
{
	size_t n;
	const float *rms = level_windows(m->level, &n);
	struct stats s = { 0 };
	int ret = 0;

	m->noise_floor_dbfs = NAN;
	for (size_t i = 0; i < n && i < m->want.di->windows && !ret; i++)
		if (m->want.di->quiet[i])
			ret = stats_add(&s, (double)rms[i]);
	if (s.n >= LEAST_QUIET) {
		double v = stats_percentile(&s, 50);

		m->noise_floor_dbfs = v > 0 ? 20 * log10(v) : NAN;
	}
	stats_free(&s);
	return ret;
}

int
measure_end(struct measure *m, json_t *o, struct err *e)
{
	if ((m->loudness && loudness_end(m->loudness, &m->lv, e)) || (m->level && level_end(m->level, &m->level_v, e)) ||
	    (m->hum && hum_end(m->hum, &m->hum_v, e)) || (m->spectrum && spectrum_end(m->spectrum, &m->spectrum_v, e)) ||
	    (m->envelope && envelope_end(m->envelope, &m->envelope_v, e)))
		return -1;
	if (m->level && m->want.di && noise_floor(m))
		return err_set(e, ERR_NOMEM, "out of memory");
	return measure_json(m, o, e);
}

/* Which windows are quiet beside the loud ones. */
static int
find_quiet(const struct level *l, struct measure_di *di)
{
	const float *rms = level_windows(l, &di->windows);
	struct stats s = { 0 };
	double least;

	di->quiet = calloc(di->windows ? di->windows : 1, 1);
	for (size_t i = 0; i < di->windows; i++)
		if (stats_add(&s, (double)rms[i])) {
			stats_free(&s);
			return -1;
		}
	least = stats_percentile(&s, 95) * pow(10, quiet_db / 20);
	for (size_t i = 0; di->quiet && i < di->windows; i++)
		di->quiet[i] = (double)rms[i] <= least;
	stats_free(&s);
	return di->quiet ? 0 : -1;
}

int
measure_end_di(struct measure *m, struct measure_di *di, struct err *e)
{
	const struct envelope_onset *onset;

	*di = (struct measure_di){ .rate_hz = m->rate_hz };
	if (envelope_end(m->envelope, &m->envelope_v, e) || level_end(m->level, &m->level_v, e))
		return -1;
	onset = envelope_onsets(m->envelope, &di->onsets);
	di->onset = malloc((di->onsets + 1) * sizeof *di->onset);
	if (!di->onset || find_quiet(m->level, di)) {
		measure_di_free(di);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (di->onsets)
		memcpy(di->onset, onset, di->onsets * sizeof *onset);
	return 0;
}

void
measure_di_free(struct measure_di *di)
{
	free(di->onset);
	free(di->quiet);
	*di = (struct measure_di){ 0 };
}

void
measure_free(struct measure *m)
{
	if (!m)
		return;
	loudness_free(m->loudness);
	level_free(m->level);
	hum_free(m->hum);
	spectrum_free(m->spectrum);
	envelope_free(m->envelope);
	free(m);
}
