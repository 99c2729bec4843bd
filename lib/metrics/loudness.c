/* loudness.c - weighted energies every 10 ms, and all windows and gates from these. */
#include "metrics/loudness.h"
#include "base/mem.h"
#include "base/scan.h"
#include "metrics/kweight.h"
#include "metrics/stats.h"
#include "metrics/truepeak.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_M = 40, STEPS_S = 300, HOP = 10, HOPS_S = STEPS_S / HOP }; /* 400 ms, 3 s, 100 ms in steps of 10 ms */
static const double psr_gate_lufs = -70, absolute_gate_lufs = -70, relative_gate_lu = -10, range_gate_lu = -20;
static const double surround = 1.41;

struct energies {
	double *v;
	size_t n, cap;
};

/* How much a channel counts, and where its filter is. */
struct weighted {
	double weight, state[KWEIGHT_STATE];
};

struct loudness {
	struct kweight *filter;
	struct weighted *channel;
	float *buf, *one;       /* a step of all channels that came in parts; of one channel */
	int rate_hz, channels, flags;
	int ended;
	int64_t frames, step, in_step;
	double energy[STEPS_S]; /* of the last steps, a ring */
	int64_t steps;
	double sum;             /* of all steps */
	double max_m, max_s;    /* energies */
	struct energies blocks, short_term; /* of 400 ms and 3 s, every 100 ms, above the absolute gate */
	struct truepeak *peak;
	double hop_peak[HOPS_S]; /* of the last hops, a ring */
	struct stats psr;
	struct loudness_point *series;
	size_t points, room;
};

/* BS.1770's loudness of a weighted mean square, and back. */
static double
lufs_of(double energy)
{
	return energy > 0 ? 10 * log10(energy) - 0.691 : NAN;
}

static double
energy_of(double lufs)
{
	return isinf(lufs) ? 0 : pow(10, (lufs + 0.691) / 10);
}

/* BS.1770's weight of a channel; loudness.h has the layouts. */
static double
weight_of(int c, int channels, int flags)
{
	if (channels == 1)
		return flags & LOUDNESS_DUAL_MONO ? 2 : 1;
	if (channels < 4 || channels > 6)
		return 1;
	if (channels == 6 && c == 3)
		return 0; /* LFE */
	return c >= channels - 2 ? surround : 1;
}

int
loudness_new(struct loudness **out, int rate_hz, int channels, int flags, struct err *e)
{
	struct loudness *l = calloc(1, sizeof *l);

	*out = NULL;
	if (!l)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (flags & LOUDNESS_RANGE)
		flags |= LOUDNESS_INTEGRATED; /* tells whether anything passes the gate */
	if (rate_hz < 100 || channels < 1) {
		free(l);
		return err_set(e, ERR_UNSUPPORTED, "cannot measure loudness at %d Hz with %d channels", rate_hz, channels);
	}
	l->rate_hz = rate_hz;
	l->channels = channels;
	l->flags = flags;
	l->step = rate_hz / 100;
	l->filter = kweight_new(rate_hz);
	l->channel = mem_zalloc((size_t)channels, sizeof *l->channel);
	l->buf = mem_zalloc((size_t)l->step * (size_t)channels, sizeof *l->buf);
	l->one = mem_zalloc((size_t)l->step, sizeof *l->one);
	if (!l->filter || !l->channel || !l->buf || !l->one) {
		loudness_free(l);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	for (int c = 0; c < channels; c++)
		l->channel[c].weight = weight_of(c, channels, flags);
	if (flags & LOUDNESS_TRUE_PEAK && truepeak_new(&l->peak, rate_hz, channels, e)) {
		loudness_free(l);
		return -1;
	}
	*out = l;
	return 0;
}

static double
mean_of_last_m(const struct loudness *l)
{
	double sum = 0;
	int64_t at = l->steps % STEPS_S;

	for (int i = 0; i < STEPS_M; i++) {
		at = at ? at - 1 : STEPS_S - 1;
		sum += l->energy[at];
	}
	return sum / STEPS_M;
}

/* Of the whole ring, in four parts: one addition need not wait for the other. */
static double
mean_of_last_s(const struct loudness *l)
{
	double sum[4] = { 0 };

	for (int i = 0; i < STEPS_S; i += 4)
		for (int k = 0; k < 4; k++)
			sum[k] += l->energy[i + k];
	return (sum[0] + sum[1] + sum[2] + sum[3]) / STEPS_S;
}

static int
add_energy(struct energies *to, double v, struct err *e)
{
	if (v < energy_of(absolute_gate_lufs))
		return 0;
	if (to->n == to->cap) {
		size_t cap = to->cap ? 2 * to->cap : 256, size;
		double *p;

		if (size_mul(cap, sizeof *p, &size) || !(p = realloc(to->v, size)))
			return err_set(e, ERR_NOMEM, "out of memory for the loudness of a long signal");
		to->v = p;
		to->cap = cap;
	}
	to->v[to->n++] = v;
	return 0;
}

static int
add_point(struct loudness *l, const struct loudness_point *p, struct err *e)
{
	if (l->points == l->room) {
		size_t room = l->room ? 2 * l->room : 256, size;
		struct loudness_point *s;

		if (size_mul(room, sizeof *s, &size) || !(s = realloc(l->series, size)))
			return err_set(e, ERR_NOMEM, "out of memory for the loudness of a long signal");
		l->series = s;
		l->room = room;
	}
	l->series[l->points++] = *p;
	return 0;
}

/* A hop of 100 ms is full.  m and s: energies of the windows that end here, 0 where they are not full. */
static int
end_hop(struct loudness *l, double m, double s, struct err *e)
{
	struct loudness_point p = { (float)lufs_of(m), (float)lufs_of(s), NAN };
	double peak = 0;

	if ((l->flags & LOUDNESS_INTEGRATED && add_energy(&l->blocks, m, e)) ||
	    (l->flags & LOUDNESS_RANGE && add_energy(&l->short_term, s, e)))
		return -1;
	if (!(l->flags & LOUDNESS_MAX))
		return 0;
	if (l->peak) {
		double hop = truepeak_hop(l->peak);

		p.true_peak_dbtp = hop > 0 ? (float)(20 * log10(hop)) : NAN;
		l->hop_peak[l->steps / HOP % HOPS_S] = hop;
		for (int i = 0; i < HOPS_S; i++)
			peak = l->hop_peak[i] > peak ? l->hop_peak[i] : peak;
		if (lufs_of(s) > psr_gate_lufs && stats_add(&l->psr, 20 * log10(peak) - lufs_of(s)))
			return err_set(e, ERR_NOMEM, "out of memory for the loudness of a long signal");
	}
	return l->flags & LOUDNESS_SERIES ? add_point(l, &p, e) : 0;
}

/* A step of 10 ms is full: take its energy and move the windows. */
static int
end_step(struct loudness *l, const float *x, struct err *e)
{
	double m = 0, s = 0, energy = 0;

	for (int c = 0; c < l->channels; c++) {
		struct weighted *w = &l->channel[c];

		if (w->weight == 0)
			continue;
		if (l->channels > 1)
			scan_channel(x, (size_t)l->step, (size_t)l->channels, (size_t)c, l->one);
		energy += w->weight * kweight_energy(l->filter, w->state, l->channels > 1 ? l->one : x, (size_t)l->step);
	}
	energy /= (double)l->step;
	l->energy[l->steps++ % STEPS_S] = energy;
	l->sum += energy;
	if (l->ended || !(l->flags & (LOUDNESS_MAX | LOUDNESS_INTEGRATED | LOUDNESS_RANGE)))
		return 0; /* the windows end where the signal does */
	if (l->flags & LOUDNESS_MAX || l->steps % HOP == 0) {
		m = l->steps >= STEPS_M ? mean_of_last_m(l) : 0;
		s = l->steps >= STEPS_S ? mean_of_last_s(l) : 0;
	}
	l->max_m = m > l->max_m ? m : l->max_m;
	l->max_s = s > l->max_s ? s : l->max_s;
	return l->steps % HOP == 0 ? end_hop(l, m, s, e) : 0;
}

/* At most what is left of a step.  Whole steps are measured where they are: an energy must not depend on how the signal comes. */
static int
add_part(struct loudness *l, const float *x, int64_t n, struct err *e)
{
	const float *step = l->in_step ? l->buf : x;
	size_t ch = (size_t)l->channels;

	if (n < l->step)
		memcpy(l->buf + (size_t)l->in_step * ch, x, (size_t)n * ch * sizeof *x);
	l->in_step += n;
	if (l->in_step < l->step)
		return 0;
	l->in_step = 0;
	return end_step(l, step, e);
}

int
loudness_add(struct loudness *l, const float *x, int64_t frames, struct err *e)
{
	while (frames > 0) {
		int64_t n = l->step - l->in_step;

		n = n < frames ? n : frames;
		if (l->peak)
			truepeak_add(l->peak, x, n);
		if (add_part(l, x, n, e))
			return -1;
		x += n * l->channels;
		frames -= n;
		l->frames += n;
	}
	return 0;
}

/* Silence after the end completes the last step. */
static int
flush(struct loudness *l, struct err *e)
{
	float *zeros = calloc((size_t)(l->step * l->channels), sizeof *zeros);
	int ret;

	if (!zeros)
		return err_set(e, ERR_NOMEM, "out of memory");
	l->ended = 1;
	ret = add_part(l, zeros, l->step - l->in_step, e);
	free(zeros);
	return ret;
}

/* The mean of those from a gate on. */
static double
mean_from(const struct energies *l, double gate)
{
	double sum = 0, n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] >= gate) {
			sum += l->v[i];
			n++;
		}
	return n > 0 ? sum / n : 0;
}

static void
integrate(const struct loudness *l, struct loudness_values *v)
{
	double gate = mean_from(&l->blocks, 0) * pow(10, relative_gate_lu / 10);

	if (!l->blocks.n)
		return;
	v->threshold_lufs = lufs_of(gate);
	v->integrated_lufs = lufs_of(mean_from(&l->blocks, gate));
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Tech 3342: from the 10th to the 95th percentile of the short-term values that pass the gate. */
static double
range(struct loudness *l)
{
	struct energies *s = &l->short_term;
	double gate = mean_from(s, 0) * pow(10, range_gate_lu / 10), n;
	size_t first = 0;

	if (!s->n)
		return NAN;
	qsort(s->v, s->n, sizeof *s->v, ascending);
	while (s->v[first] < gate)
		first++;
	n = (double)(s->n - first - 1);
	return lufs_of(s->v[first + (size_t)(n * 0.95 + 0.5)]) - lufs_of(s->v[first + (size_t)(n * 0.1 + 0.5)]);
}

int
loudness_end(struct loudness *l, struct loudness_values *v, struct err *e)
{
	int flags = l->flags;
	double x;

	*v = (struct loudness_values){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, l->frames };
	if (flags & LOUDNESS_INTEGRATED)
		integrate(l, v);
	if (flags & LOUDNESS_RANGE && l->frames >= 4 * (int64_t)l->rate_hz && isfinite(v->integrated_lufs))
		v->range_lu = range(l);
	if (flags & LOUDNESS_MAX) {
		v->max_momentary_lufs = lufs_of(l->max_m);
		v->max_short_term_lufs = lufs_of(l->max_s);
	}
	if (l->frames == 0)
		return 0;
	if (flush(l, e))
		return -1;
	if (flags & LOUDNESS_INTEGRATED)
		v->ungated_lufs = lufs_of(l->sum * (double)l->step / (double)l->frames);
	if (l->peak && (x = truepeak_end(l->peak, &v->inter_sample_overs)) > 0)
		v->true_peak_dbtp = 20 * log10(x);
	v->psr_min_db = stats_percentile(&l->psr, 0);
	v->psr_median_db = stats_percentile(&l->psr, 50);
	v->psr_max_db = stats_percentile(&l->psr, 100);
	return 0;
}

const struct loudness_point *
loudness_series(const struct loudness *l, size_t *n)
{
	*n = l->points;
	return l->series;
}

void
loudness_free(struct loudness *l)
{
	if (!l)
		return;
	kweight_free(l->filter);
	mem_free(l->channel);
	mem_free(l->buf);
	mem_free(l->one);
	truepeak_free(l->peak);
	stats_free(&l->psr);
	free(l->blocks.v);
	free(l->short_term.v);
	free(l->series);
	free(l);
}

double
loudness_for_level(const struct loudness_values *v, int rate_hz, const char **kind)
{
	int too_short = v->frames < (int64_t)rate_hz * 2 / 5;

	if (kind)
		*kind = too_short ? "ungated" : "integrated";
	return too_short ? v->ungated_lufs : v->integrated_lufs;
}
