/* envelope.c - onsets, attack and decay. */
#include "metrics/envelope.h"
#include "base/mem.h"
#include "dsp/fft.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times in hops of 10 ms, or in ms. */
enum {
	HOP_MS = 10,
	LAG = 4,            /* hops between the levels compared */
	NEAR = 3,           /* hops an onset is the largest of, to both sides */
	AROUND = 10,        /* hops of the median, to both sides; the decision is as late */
	APART = 5,          /* hops between onsets */
	HOLD_MS = 10,       /* of the envelope */
	/* the novelty is largest 20 to 60 ms after a note begins: where its lowest and highest points are looked for */
	BEFORE_MS = 120, EARLY_MS = 80, AFTER_MS = 40,
	GUARD = 9,          /* hops of decay left out before an onset */
	DECAY_MS = 100,     /* least length */
	MAX_BANDS = 47,
	HOPS = 32, RING_MS = 512
};
static const double rise_db = 1.25, floor_db = -60, least_peak_db = -40, least_attack_db = 3, decay_range_db = -40;

struct onset {
	float peak, attack_ms, decay_db_s; /* NAN: not measured */
};

/* A running straight line through the envelope in dB. */
struct line {
	int on;
	int64_t peak_ms;
	double peak, n, t, y, tt, ty;
};

struct envelope {
	int rate_hz, channels;
	size_t n, bins;
	struct fft *fft;
	double *window, *in, *out, *below; /* below[k]: power under the upper edge of bin k - 1 */
	double scale;
	float *past;            /* the last n frames and those since the last hop */
	size_t have, room;
	double edge_bin[MAX_BANDS + 1]; /* band edges, in bins from the lower edge of bin 0 */
	int bands;
	double level[LAG][MAX_BANDS], loudest; /* dB; power */
	double novelty[HOPS];
	int64_t hops, last_onset;
	float ms_max, max, ring[RING_MS];      /* amplitudes */
	int64_t frames, ms, end_ms;            /* end_ms: -1 until the end is known */
	struct line line;
	struct onset *onset;
	size_t onsets, cap;
};

int
envelope_new(struct envelope **out, int rate_hz, int channels, struct err *e)
{
	struct envelope *v = calloc(1, sizeof *v);
	double sum = 0, edge = pow(10, 0.025);

	*out = v;
	if (!v)
		return err_set(e, ERR_NOMEM, "out of memory");
	v->rate_hz = rate_hz;
	v->channels = channels;
	v->n = fft_size_for((size_t)rate_hz / 12);
	v->bins = v->n / 2 + 1;
	v->room = v->n + (size_t)rate_hz / 100 + 1;
	v->have = v->n; /* silence before the start */
	v->fft = fft_new(v->n);
	v->window = mem_zalloc(v->n, sizeof *v->window);
	v->in = mem_zalloc(v->n, sizeof *v->in);
	v->out = mem_zalloc(v->n + 2, sizeof *v->out);
	v->below = mem_zalloc(v->bins + 1, sizeof *v->below);
	v->past = mem_zalloc(v->room * (size_t)channels, sizeof *v->past);
	if (!v->fft || !v->window || !v->in || !v->out || !v->below || !v->past) {
		envelope_free(v);
		*out = NULL;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < v->n; i++) {
		v->window[i] = 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)v->n);
		sum += v->window[i] * v->window[i];
	}
	v->scale = 2 / (sum * (double)v->n * channels);
	/* sixths of an octave from the one at 80 Hz on, as many as the rate has and up to 16 kHz */
	for (v->bands = 0; v->bands < MAX_BANDS; v->bands++) {
		double hz = 1000 * pow(10, (v->bands - 22) / 20.0);

		if (hz * edge > rate_hz / 2.0)
			break;
		v->edge_bin[v->bands] = hz / edge * (double)v->n / rate_hz + 0.5;
		v->edge_bin[v->bands + 1] = hz * edge * (double)v->n / rate_hz + 0.5;
	}
	v->loudest = 1e-11; /* silence is no onset after silence */
	v->last_onset = -APART;
	v->end_ms = -1;
	return 0;
}

/* Power of the last n frames in each band, in dB above the floor; the mean rise is the novelty. */
static double
take_novelty(struct envelope *v)
{
	double rise = 0, total, now[MAX_BANDS], floor_power;
	size_t ch = (size_t)v->channels;

	memset(v->below, 0, (v->bins + 1) * sizeof *v->below);
	for (size_t c = 0; c < ch; c++) {
		const float *x = v->past + (v->have - v->n) * ch + c;

		for (size_t i = 0; i < v->n; i++)
			v->in[i] = v->window[i] * x[i * ch];
		fft_real(v->fft, v->in, v->out);
		for (size_t k = 0; k < v->bins; k++)
			v->below[k + 1] += v->out[2 * k] * v->out[2 * k] + v->out[2 * k + 1] * v->out[2 * k + 1];
	}
	for (size_t k = 0; k < v->bins; k++)
		v->below[k + 1] = v->below[k] + v->scale * v->below[k + 1];
	total = 0;
	for (int b = 0; b < v->bands; b++) {
		double under[2];

		for (int i = 0; i < 2; i++) {
			double at = v->edge_bin[b + i], whole = floor(at);
			size_t k = (size_t)whole;

			under[i] = k >= v->bins ? v->below[v->bins]
			                        : v->below[k] + (at - whole) * (v->below[k + 1] - v->below[k]);
		}
		now[b] = under[1] - under[0];
		total += now[b];
	}
	if (total > v->loudest)
		v->loudest = total;
	floor_power = v->loudest * pow(10, floor_db / 10);
	for (int b = 0; b < v->bands; b++) {
		double *old = v->level[v->hops % LAG];

		now[b] = 10 * log10(now[b] + floor_power);
		if (v->hops >= LAG && now[b] > old[b])
			rise += now[b] - old[b];
		old[b] = now[b];
	}
	return v->bands ? rise / v->bands : 0;
}

/* The envelope at a millisecond that is still in the ring. */
static double
at_ms(const struct envelope *v, int64_t ms)
{
	float a = 0;

	for (int64_t i = ms; i > ms - HOLD_MS && i >= 0; i--)
		a = v->ring[i % RING_MS] > a ? v->ring[i % RING_MS] : a;
	return a;
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
	return t90 - t10;
}

/* The decay of the last onset ends here. */
static void
end_line(struct envelope *v)
{
	struct line *l = &v->line;
	double spread = l->n * l->tt - l->t * l->t;

	if (v->onsets && l->n >= DECAY_MS && spread > 0)
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
		struct onset *p;

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
	v->onset[v->onsets++] = (struct onset){ (float)at_ms(v, peak), (float)attack_ms(v, low, peak), NAN };
	v->line = (struct line){ .on = 1, .peak_ms = peak, .peak = at_ms(v, peak) };
	return 0;
}

/* The milliseconds of one hop, for the decay. */
static void
follow(struct envelope *v, int64_t hop)
{
	struct line *l = &v->line;

	for (int64_t ms = (hop - 1) * HOP_MS; l->on && ms < hop * HOP_MS; ms++) {
		double a, t = (double)(ms - l->peak_ms), y;

		if (ms < l->peak_ms + HOLD_MS)
			continue;
		a = at_ms(v, ms);
		if ((v->end_ms >= 0 && ms >= v->end_ms) || a <= l->peak * pow(10, decay_range_db / 20)) {
			l->on = 0;
			break;
		}
		y = 20 * log10(a / l->peak);
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

/* Whether there is an onset at a hop, AROUND hops ago. */
static int
is_onset(const struct envelope *v, int64_t hop)
{
	double around[2 * AROUND + 1], here = v->novelty[hop % HOPS];
	int n = 0;

	if (hop - v->last_onset < APART)
		return 0;
	for (int64_t i = hop - AROUND; i <= hop + AROUND; i++) {
		double there = v->novelty[(i + HOPS) % HOPS];

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

/* hops counts ends of hops: hop h ends at h * 10 ms. */
static int
end_hop(struct envelope *v, struct err *e)
{
	size_t ch = (size_t)v->channels;
	int64_t hop;

	v->novelty[(v->hops + 1) % HOPS] = v->end_ms < 0 ? take_novelty(v) : 0;
	v->hops++;
	if (v->end_ms < 0) {
		memmove(v->past, v->past + (v->have - v->n) * ch, v->n * ch * sizeof *v->past);
		v->have = v->n;
	}
	hop = v->hops - AROUND;
	if (hop < 1)
		return 0;
	if (is_onset(v, hop)) {
		if (begin_onset(v, hop, e))
			return -1;
		v->last_onset = hop;
	}
	if (hop > GUARD)
		follow(v, hop - GUARD);
	return 0;
}

static int
end_ms(struct envelope *v, struct err *e)
{
	v->ring[v->ms % RING_MS] = v->ms_max;
	v->max = v->ms_max > v->max ? v->ms_max : v->max;
	v->ms_max = 0;
	v->ms++;
	return v->ms % HOP_MS == 0 ? end_hop(v, e) : 0;
}

int
envelope_add(struct envelope *v, const float *x, int64_t frames, struct err *e)
{
	size_t ch = (size_t)v->channels;

	while (frames > 0) {
		int64_t n = (v->ms + 1) * v->rate_hz / 1000 - v->frames;
		size_t samples;

		n = n < frames ? n : frames;
		samples = (size_t)n * ch;
		memcpy(v->past + v->have * ch, x, samples * sizeof *x);
		v->have += (size_t)n;
		for (size_t i = 0; i < samples; i++) {
			float a = fabsf(x[i]);

			v->ms_max = a > v->ms_max ? a : v->ms_max;
		}
		x += samples;
		frames -= n;
		v->frames += n;
		if (v->frames == (v->ms + 1) * v->rate_hz / 1000 && end_ms(v, e))
			return -1;
	}
	return 0;
}

int
envelope_end(struct envelope *v, struct envelope_values *out, struct err *e)
{
	double least;
	struct stats attack = { 0 }, decay = { 0 };
	int ret = 0;

	/* silence until the last hop is decided and followed */
	v->end_ms = v->ms;
	for (int i = 0; i < (AROUND + GUARD + 2) * HOP_MS && !ret; i++)
		ret = end_ms(v, e);
	end_line(v);
	*out = (struct envelope_values){ .transient_density_per_s = NAN };
	least = v->max * pow(10, least_peak_db / 20);
	for (size_t i = 0; i < v->onsets && !ret; i++) {
		const struct onset *o = &v->onset[i];

		if (o->peak < least)
			continue;
		out->onsets++;
		if ((!isnan(o->attack_ms) && stats_add(&attack, o->attack_ms)) ||
		    (!isnan(o->decay_db_s) && stats_add(&decay, o->decay_db_s)))
			ret = err_set(e, ERR_NOMEM, "out of memory");
	}
	if (v->frames > 0)
		out->transient_density_per_s = (double)out->onsets * v->rate_hz / (double)v->frames;
	out->attacks = (int64_t)attack.n;
	out->decays = (int64_t)decay.n;
	out->attack_median_ms = stats_percentile(&attack, 50);
	out->decay_rate_db_s = stats_percentile(&decay, 50);
	stats_free(&attack);
	stats_free(&decay);
	return ret;
}

void
envelope_free(struct envelope *v)
{
	if (!v)
		return;
	fft_free(v->fft);
	mem_free(v->window);
	mem_free(v->in);
	mem_free(v->out);
	mem_free(v->below);
	mem_free(v->past);
	free(v->onset);
	free(v);
}
