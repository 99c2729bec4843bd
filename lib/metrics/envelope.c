/* envelope.c - onsets, attack and decay. */
#include "metrics/envelope.h"
#include "base/mem.h"
#include "base/scan.h"
#include "metrics/novelty.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times in hops of 10 ms, or in ms. */
enum {
	HOP_MS = 10,
	NEAR = 3,           /* hops an onset is the largest of, to both sides */
	AROUND = 10,        /* hops of the median, to both sides; the decision is as late */
	APART = 5,          /* hops between onsets */
	HOLD_MS = 10,       /* of the envelope */
	/* the novelty is largest 20 to 60 ms after a note begins: where its lowest and highest points are looked for */
	BEFORE_MS = 120, EARLY_MS = 80, AFTER_MS = 40,
	GUARD = 9,          /* hops of decay left out before an onset */
	DECAY_MS = 100,     /* least length */
	SUSTAIN_MS = 250,
	HOPS = 64, RING_MS = 1024 /* what the batches of the novelty and all of the above need */
};
static const double rise_db = 1.25, least_peak_db = -40, least_attack_db = 3;
static const double db_per_two = 6.020599913279624; /* 20 log10(2); log2f is right to some 1e-7 and takes a quarter of log10's time */
static const double decay_range = 0.01, least_sustain = 1e-5; /* -40 and -100 dB */

/* A running straight line through the envelope in dB. */
struct line {
	int on, alive;            /* alive: no other onset has begun; on: and it is not 40 dB down */
	int64_t peak_ms;
	double peak, n, t, y, tt, ty;
};

struct envelope {
	int rate_hz;
	size_t ch;
	struct novelty *novelty;       /* NULL: onsets are given */
	const struct envelope_onset *given;
	size_t n_given, next_given;
	double rise[HOPS];
	int64_t known, decided, last_onset;    /* hops whose rise is known; whose onset is decided */
	float ms_max, max;                     /* amplitudes */
	float last[HOLD_MS], ring[RING_MS];    /* of single ms; of the envelope, the largest of the last HOLD_MS */
	int64_t frames, ms, end_ms;            /* end_ms: -1 until the end is known */
	struct line line;
	struct envelope_onset *onset;
	size_t onsets, cap;
};

int
envelope_new(struct envelope **out, int rate_hz, int channels, const struct envelope_onset *given, size_t n, struct err *e)
{
	struct envelope *v = calloc(1, sizeof *v);

	*out = NULL;
	if (!v)
		return err_set(e, ERR_NOMEM, "out of memory");
	v->rate_hz = rate_hz;
	v->ch = (size_t)channels;
	v->given = given;
	v->n_given = n;
	v->last_onset = -APART;
	v->end_ms = -1;
	if (!given && novelty_new(&v->novelty, rate_hz, channels, e)) {
		free(v);
		return -1;
	}
	*out = v;
	return 0;
}

/* The envelope at a millisecond that is still in the ring. */
static double
at_ms(const struct envelope *v, int64_t ms)
{
	return (double)v->ring[ms % RING_MS];
}

/* Time where the envelope goes through a level between ms - 1 and ms. */
static double
crossing(const struct envelope *v, int64_t ms, double level)
{
	double a = at_ms(v, ms - 1), b = at_ms(v, ms);

	return b > a ? (double)(ms - 1) + (level - a) / (b - a) : (double)ms;
}

static double
attack_ms(const struct envelope *v, int64_t low, int64_t peak)
{
	double base = at_ms(v, low), top = at_ms(v, peak), t10, t90;
	int64_t i = peak;

	if (top < base * pow(10, least_attack_db / 20) || top <= 0)
		return NAN;
	while (i > low && at_ms(v, i - 1) >= base + 0.1 * (top - base))
		i--;
	if (i == low)
		return NAN; /* it begins in the middle of a note */
	t10 = crossing(v, i, base + 0.1 * (top - base));
	while (at_ms(v, i) < base + 0.9 * (top - base))
		i++;
	t90 = crossing(v, i, base + 0.9 * (top - base));
	/* what still sounds of the note before hides the beginning of the rise */
	return (t90 - t10) * top / (top - base);
}

/* The decay of the last onset ends here. */
static void
end_line(struct envelope *v)
{
	struct line *l = &v->line;
	double spread = l->n * l->tt - l->t * l->t;

	if (l->n >= DECAY_MS && spread > 0)
		v->onset[v->onsets - 1].decay_db_s = (float)(1000 * (l->n * l->ty - l->t * l->y) / spread);
	*l = (struct line){ 0 };
}

static int
begin_onset(struct envelope *v, int64_t hop, struct err *e)
{
	int64_t at = hop * HOP_MS, from = at > BEFORE_MS ? at - BEFORE_MS : 0;
	int64_t peak = at > EARLY_MS ? at - EARLY_MS : 0, low;

	if (v->onsets == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 64, size;
		struct envelope_onset *p;

		if (size_mul(cap, sizeof *p, &size) || !(p = realloc(v->onset, size)))
			return err_set(e, ERR_NOMEM, "out of memory");
		v->onset = p;
		v->cap = cap;
	}
	end_line(v);
	for (int64_t i = peak; i < at + AFTER_MS; i++)
		if (at_ms(v, i) > at_ms(v, peak))
			peak = i;
	low = peak;
	for (int64_t i = peak; i >= from; i--)
		if (at_ms(v, i) < at_ms(v, low))
			low = i;
	v->onset[v->onsets++] = (struct envelope_onset){ (int32_t)hop, (float)at_ms(v, peak), (float)attack_ms(v, low, peak), NAN, NAN };
	v->line = (struct line){ .on = 1, .alive = 1, .peak_ms = peak, .peak = at_ms(v, peak) };
	return 0;
}

/* The milliseconds of one hop, for decay and sustain. */
static void
follow(struct envelope *v, int64_t hop)
{
	struct line *l = &v->line;

	for (int64_t ms = (hop - 1) * HOP_MS; l->alive && ms < hop * HOP_MS; ms++) {
		double a, t = (double)(ms - l->peak_ms), y;

		if (ms < l->peak_ms + HOLD_MS)
			continue;
		a = at_ms(v, ms);
		if ((v->end_ms >= 0 && ms >= v->end_ms) || l->peak <= 0) {
			l->alive = 0;
			break;
		}
		if (ms == l->peak_ms + SUSTAIN_MS + HOLD_MS) /* the envelope is the largest of the last 10 ms */
			v->onset[v->onsets - 1].sustain_db = (float)(20 * log10(fmax(a / l->peak, least_sustain)));
		l->on &= a > l->peak * decay_range;
		if (!l->on)
			continue;
		y = db_per_two * (double)log2f((float)(a / l->peak));
		l->n++;
		l->t += t;
		l->y += y;
		l->tt += t * t;
		l->ty += t * y;
	}
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Whether there is an onset at a hop, whose neighbours are known. */
static int
is_onset(struct envelope *v, int64_t hop)
{
	double around[2 * AROUND + 1], here = v->rise[hop % HOPS];
	int n = 0;

	if (!v->novelty) {
		while (v->next_given < v->n_given && v->given[v->next_given].hop < hop)
			v->next_given++;
		return v->next_given < v->n_given && v->given[v->next_given].hop == hop;
	}
	if (hop - v->last_onset < APART || here < rise_db) /* the median is not less than 0 */
		return 0;
	for (int64_t i = hop - AROUND; i <= hop + AROUND; i++) {
		double there = v->rise[(i + HOPS) % HOPS];

		if (i < 0)
			continue;
		around[n++] = there;
		if (i >= hop - NEAR && i < hop && there >= here)
			return 0;
		if (i > hop && i <= hop + NEAR && there > here)
			return 0;
	}
	qsort(around, (size_t)n, sizeof *around, by_size);
	return here >= (n % 2 ? around[n / 2] : (around[n / 2 - 1] + around[n / 2]) / 2) + rise_db;
}

/* Rises of n more hops are known (none are needed when onsets are given): decide what can be. */
static int
decide(struct envelope *v, const double *rise, int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		int64_t hop;

		v->rise[++v->known % HOPS] = rise ? rise[i] : 0;
		hop = v->known - AROUND;
		if (hop < 1)
			continue;
		if (is_onset(v, hop)) {
			if (begin_onset(v, hop, e))
				return -1;
			v->last_onset = hop;
		}
		if (hop > GUARD)
			follow(v, hop - GUARD);
	}
	return 0;
}

static int
end_ms(struct envelope *v, struct err *e)
{
	double rise[NOVELTY_BATCH];
	float held = 0;

	v->last[v->ms % HOLD_MS] = v->ms_max;
	for (int i = 0; i < HOLD_MS; i++)
		held = v->last[i] > held ? v->last[i] : held;
	v->ring[v->ms % RING_MS] = held;
	v->max = v->ms_max > v->max ? v->ms_max : v->max;
	v->ms_max = 0;
	v->ms++;
	if (v->ms % HOP_MS)
		return 0;
	if (!v->novelty || v->end_ms >= 0)
		return decide(v, NULL, 1, e);
	return decide(v, rise, novelty_hop(v->novelty, rise), e);
}

int
envelope_add(struct envelope *v, const float *x, int64_t frames, struct err *e)
{
	while (frames > 0) {
		int64_t n = (v->ms + 1) * v->rate_hz / 1000 - v->frames;
		size_t samples;
		float peak;

		n = n < frames ? n : frames;
		samples = (size_t)n * v->ch;
		if (v->novelty)
			novelty_add(v->novelty, x, n);
		peak = scan_peak(x, samples);
		v->ms_max = peak > v->ms_max ? peak : v->ms_max;
		x += samples;
		frames -= n;
		v->frames += n;
		if (v->frames == (v->ms + 1) * v->rate_hz / 1000 && end_ms(v, e))
			return -1;
	}
	return 0;
}

/* Those that are too quiet beside the loudest are none; given ones all are. */
static void
drop_quiet(struct envelope *v)
{
	double least = v->given ? 0 : v->max * pow(10, least_peak_db / 20);
	size_t n = 0;

	for (size_t i = 0; i < v->onsets; i++)
		if (v->onset[i].peak >= least)
			v->onset[n++] = v->onset[i];
	v->onsets = n;
}

int
envelope_end(struct envelope *v, struct envelope_values *out, struct err *e)
{
	double rise[NOVELTY_BATCH];
	struct stats attack = { 0 }, decay = { 0 }, sustain = { 0 };
	int ret = v->novelty ? decide(v, rise, novelty_flush(v->novelty, rise), e) : 0;

	/* silence until the last hop is decided and followed */
	v->end_ms = v->ms;
	for (int i = 0; i < (AROUND + GUARD + 2) * HOP_MS && !ret; i++)
		ret = end_ms(v, e);
	end_line(v);
	drop_quiet(v);
	*out = (struct envelope_values){ .onsets = (int64_t)v->onsets, .transient_density_per_s = NAN };
	for (size_t i = 0; i < v->onsets && !ret; i++) {
		const struct envelope_onset *o = &v->onset[i];

		if ((!isnan(o->attack_ms) && stats_add(&attack, (double)o->attack_ms)) ||
		    (!isnan(o->decay_db_s) && stats_add(&decay, (double)o->decay_db_s)) ||
		    (!isnan(o->sustain_db) && stats_add(&sustain, (double)o->sustain_db)))
			ret = err_set(e, ERR_NOMEM, "out of memory");
	}
	if (v->frames > 0)
		out->transient_density_per_s = (double)out->onsets * v->rate_hz / (double)v->frames;
	out->attacks = (int64_t)attack.n;
	out->decays = (int64_t)decay.n;
	out->sustains = (int64_t)sustain.n;
	out->attack_median_ms = stats_percentile(&attack, 50);
	out->decay_rate_db_s = stats_percentile(&decay, 50);
	out->sustain_median_db = stats_percentile(&sustain, 50);
	stats_free(&attack);
	stats_free(&decay);
	stats_free(&sustain);
	return ret;
}

const struct envelope_onset *
envelope_onsets(const struct envelope *v, size_t *n)
{
	*n = v->onsets;
	return v->onset;
}

void
envelope_free(struct envelope *v)
{
	if (!v)
		return;
	novelty_free(v->novelty);
	free(v->onset);
	free(v);
}
