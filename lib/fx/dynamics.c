/* dynamics.c - gate and compressor.  All channels get the same gain: that of the loudest. */
#include "fx/effect.h"
#include "fx/fx_math.h"
#include "base/mem.h"
#include "cli/jsonl.h"
#include "dsp/db.h"

#include <math.h>
#include <string.h>

static const double log2_of_db = 0.16609640474436813;   /* log2(10) / 20 */

/* The signal, late by the most that the detector looks ahead; the chain takes it out again.  Where it looks less far ahead
 * for a while, its gains wait so much longer. */
struct ahead {
	double *ring;            /* frames of each channel */
	int64_t frames, at;
	double *gains;           /* frames + 1; NULL: it always looks as far ahead */
	int64_t gain_at, now;    /* now: frames that it looks ahead */
};

static int64_t
ahead_frames(const struct fx_unit *u, double ms)
{
	return (int64_t)(ms / 1000 * u->rate_hz + 0.5);
}

static int
open_ahead(struct fx_unit *u, struct ahead *a, int param, struct err *e)
{
	a->frames = u->latency = u->behind[param] = ahead_frames(u, u->top[param]);
	a->now = ahead_frames(u, u->v[param]);
	a->ring = mem_zalloc((size_t)u->channels * (size_t)a->frames, sizeof *a->ring);
	a->gains = u->low[param] < u->top[param] ? mem_zalloc((size_t)a->frames + 1, sizeof *a->gains) : NULL;
	return a->ring && (a->gains || u->low[param] == u->top[param]) ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

static void
close_ahead(struct ahead *a)
{
	mem_free(a->ring);
	mem_free(a->gains);
}

/* The gains of n frames, as late as it takes to look `want` frames ahead of the late signal.  That moves by one frame a frame at
 * most: gains are passed over or held, and never jump. */
static void
hold_gains(struct ahead *a, int64_t want, double *gain, int n)
{
	for (int i = 0; a->gains && i < n; i++) {
		int64_t from;

		a->gains[a->gain_at] = gain[i];
		a->now += (want > a->now) - (want < a->now);
		from = a->gain_at - (a->frames - a->now);
		gain[i] = a->gains[from < 0 ? from + a->frames + 1 : from];
		a->gain_at = a->gain_at == a->frames ? 0 : a->gain_at + 1;
	}
}

/* The late signal times the gain of each frame. */
static void
run_ahead(struct ahead *a, double *const *x, int channels, const double *gain, int n)
{
	int64_t at = a->at;

	for (int c = 0; c < channels; c++) {
		double *ring = a->ring + c * a->frames, *y = x[c];

		at = a->at;
		for (int i = 0; a->frames && i < n; i++) {
			double old = ring[at];

			ring[at] = y[i];
			y[i] = old;
			at = at + 1 == a->frames ? 0 : at + 1;
		}
		for (int i = 0; i < n; i++)
			y[i] *= gain[i];
	}
	a->at = at;
}

/* What is left of a time constant after a frame, made anew only where that moves. */
struct decay { double ms, factor; };

static double
decay_of(struct decay *d, double ms, double rate_hz)
{
	if (ms != d->ms)
		*d = (struct decay){ ms, fx_decay(ms / 1000, rate_hz) };
	return d->factor;
}

/* ---- gate ------------------------------------------------------------------------------ */

enum { GATE_THRESHOLD = FX_BYPASS + 1, GATE_HYSTERESIS, GATE_ATTACK, GATE_HOLD, GATE_RELEASE, GATE_RANGE, GATE_AHEAD };

static const struct fx_param gate_params[] = {
	FX_P_BYPASS,
	{ "threshold_db", "dB", FX_NUMBER, -80, 0, -60, NULL, "it opens where the peak reaches this, dBFS" },
	{ "hysteresis_db", "dB", FX_NUMBER, 0, 24, 6, NULL, "it may close so far below the threshold" },
	{ "attack_ms", "ms", FX_NUMBER, 0, 100, 1, NULL, "from closed to open" },
	{ "hold_ms", "ms", FX_NUMBER, 0, 1000, 50, NULL, "stays open so long after the level fell" },
	{ "release_ms", "ms", FX_NUMBER, 0, 5000, 100, NULL, "from open to closed" },
	{ "range_db", "dB", FX_NUMBER, 0, 120, 90, NULL, "attenuation when closed" },
	{ "lookahead_ms", "ms", FX_NUMBER, 0, 20, 0, NULL, "it opens so much earlier; the latency is taken out" },
};
static const struct fx_preset gate_presets[] = {
	{ "gentle", "threshold_db=-65,range_db=24,release_ms=250", "hum between the notes, softly" },
	{ "tight", "threshold_db=-45,hysteresis_db=3,hold_ms=15,release_ms=30", "palm mutes of a high-gain amp" },
	{ NULL, NULL, NULL }
};

struct gate {
	double at_threshold[2], at_range[3];     /* what those below were made of */
	double open_at, close_at, fall, floor, up, down;
	int64_t hold;
	double level, gain;
	int64_t held;            /* frames that it still holds */
	int is_open;
	int64_t opened, times;
	struct decay falls;
	struct ahead ahead;
};

static int
open_gate(struct fx_unit *u, struct err *e)
{
	struct gate *g = u->state;

	g->gain = dsp_gain_of_db(-u->v[GATE_RANGE]);
	g->at_threshold[0] = g->at_range[0] = NAN;      /* none of them */
	return open_ahead(u, &g->ahead, GATE_AHEAD, e);
}

static void
close_gate(struct fx_unit *u)
{
	close_ahead(&((struct gate *)u->state)->ahead);
}

/* The factor a frame that crosses the range in ms; 0: at once. */
static double
ramp(double range_db, double ms, double rate_hz)
{
	double frames = ms / 1000 * rate_hz;

	return frames < 1 ? 0 : fx_exp2(range_db * log2_of_db / frames);
}

/* Whether n values are others than before. */
static int
moved(double *was, const double *now, size_t n)
{
	if (!memcmp(was, now, n * sizeof *now))
		return 0;
	memcpy(was, now, n * sizeof *now);
	return 1;
}

static void
update_gate(struct fx_unit *u)
{
	static const double fall_ms = 10;        /* longer than between two peaks of a low E */
	struct gate *g = u->state;
	const double *v = u->v, threshold[] = { v[GATE_THRESHOLD], v[GATE_HYSTERESIS] },
	    range[] = { v[GATE_RANGE], v[GATE_ATTACK], v[GATE_RELEASE] };

	if (moved(g->at_threshold, threshold, 2)) {
		g->open_at = dsp_gain_of_db(v[GATE_THRESHOLD]);
		g->close_at = dsp_gain_of_db(v[GATE_THRESHOLD] - v[GATE_HYSTERESIS]);
	}
	if (moved(g->at_range, range, 3)) {
		g->floor = dsp_gain_of_db(-v[GATE_RANGE]);
		g->up = ramp(v[GATE_RANGE], v[GATE_ATTACK], u->rate_hz);
		g->down = ramp(-v[GATE_RANGE], v[GATE_RELEASE], u->rate_hz);
	}
	g->fall = decay_of(&g->falls, fall_ms, u->rate_hz);
	g->hold = (int64_t)(v[GATE_HOLD] / 1000 * u->rate_hz);
}

static double
loudest(double *const *x, int channels, int i)
{
	double most = fabs(x[0][i]);

	for (int c = 1; c < channels; c++)
		most = fabs(x[c][i]) > most ? fabs(x[c][i]) : most;
	return most;
}

static int
process_gate(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	struct gate *g = u->state;
	double gain[FX_GRID];

	(void)e;
	for (int i = 0; i < n; i++) {
		double now = loudest(x, u->channels, i);

		g->level *= g->fall;
		g->level = now > g->level ? now : g->level;
		if (g->level >= g->open_at || (g->is_open && g->level >= g->close_at)) {
			g->times += !g->is_open;
			g->is_open = 1;
			g->held = g->hold;
		} else if (g->is_open && g->held-- <= 0) {
			g->is_open = 0;
		}
		if (g->is_open)
			g->gain = g->up > 0 && g->gain * g->up < 1 ? g->gain * g->up : 1;
		else
			g->gain = g->down > 0 && g->gain * g->down > g->floor ? g->gain * g->down : g->floor;
		g->opened += g->is_open;
		gain[i] = g->gain;
	}
	hold_gains(&g->ahead, ahead_frames(u, u->v[GATE_AHEAD]), gain, n);
	run_ahead(&g->ahead, x, u->channels, gain, n);
	return 0;
}

static void
settle_gate(struct fx_unit *u)
{
	struct gate *g = u->state;

	g->level = fx_settled(g->level);
}

static json_t *
gate_facts(const struct fx_unit *u, int64_t frames)
{
	const struct gate *g = u->state;
	json_t *o = json_object();

	jl_int(o, "openings", g->times);
	jl_num(o, "open_ratio", frames ? fmin(1, (double)g->opened / (double)frames) : NAN); /* it may be open in a tail */
	return o;
}

const struct fx_effect fx_gate = {
	.info = { "gate", "Noise gate with hysteresis and hold; ramps are linear in dB.", gate_params,
	    sizeof gate_params / sizeof *gate_params, gate_presets, "threshold_db" },
	.mix = FX_PLAIN, .state = sizeof(struct gate), .open = open_gate, .update = update_gate, .process = process_gate,
	.settle = settle_gate, .facts = gate_facts, .close = close_gate,
};

/* ---- compressor ------------------------------------------------------------------------ */

enum { COMP_THRESHOLD = FX_MIX + 1, COMP_RATIO, COMP_ATTACK, COMP_RELEASE, COMP_KNEE, COMP_MAKEUP, COMP_RMS, COMP_AHEAD };

static const struct fx_param comp_params[] = {
	FX_P_INSERT(100),
	{ "threshold_db", "dB", FX_NUMBER, -60, 0, -18, NULL, "above this level, dBFS, it compresses" },
	{ "ratio", "", FX_NUMBER, 1, 20, 4, NULL, "so many dB more in become 1 dB more out" },
	{ "attack_ms", "ms", FX_NUMBER, 0, 100, 10, NULL, "time constant while the reduction grows" },
	{ "release_ms", "ms", FX_NUMBER, 0, 1000, 120, NULL, "time constant while it shrinks" },
	{ "knee_db", "dB", FX_NUMBER, 0, 24, 6, NULL, "width of the bend at the threshold" },
	{ "makeup_db", "dB", FX_NUMBER, -24, 24, 0, NULL, "gain after it" },
	{ "rms_ms", "ms", FX_NUMBER, 0, 100, 0, NULL, "time constant of the level's mean square; 0: the peak" },
	{ "lookahead_ms", "ms", FX_NUMBER, 0, 20, 0, NULL, "it acts so much earlier; the latency is taken out" },
};
static const struct fx_preset comp_presets[] = {
	{ "sustain", "threshold_db=-30,ratio=6,attack_ms=15,release_ms=250,makeup_db=6", "long notes of a clean guitar" },
	{ "glue", "threshold_db=-20,ratio=2,attack_ms=30,release_ms=200,knee_db=12,rms_ms=20", "a little of it, slowly" },
	{ "limit", "threshold_db=-6,ratio=20,attack_ms=0.5,release_ms=60,knee_db=0,lookahead_ms=2", "peaks above -6 dBFS" },
	{ NULL, NULL, NULL }
};

struct comp {
	double threshold, slope, knee, attack, release, makeup, mean;
	double square, reduction;        /* mean square; dB */
	double most;                     /* reduction so far */
	struct decay attacks, releases, means;
	struct ahead ahead;
};

static int
open_comp(struct fx_unit *u, struct err *e)
{
	if (open_ahead(u, &((struct comp *)u->state)->ahead, COMP_AHEAD, e))
		return -1;
	u->behind[COMP_MAKEUP] = u->latency;
	return 0;
}

static void
close_comp(struct fx_unit *u)
{
	close_ahead(&((struct comp *)u->state)->ahead);
}

static void
update_comp(struct fx_unit *u)
{
	struct comp *p = u->state;
	const double *v = u->v;

	p->threshold = v[COMP_THRESHOLD];
	p->slope = 1 - 1 / v[COMP_RATIO];
	p->knee = v[COMP_KNEE];
	p->attack = decay_of(&p->attacks, v[COMP_ATTACK], u->rate_hz);
	p->release = decay_of(&p->releases, v[COMP_RELEASE], u->rate_hz);
	p->makeup = v[COMP_MAKEUP];
	p->mean = decay_of(&p->means, v[COMP_RMS], u->rate_hz);
}

/* What the curve takes off, in dB: Giannoulis, Massberg and Reiss, "Digital dynamic range compressor design" (2012). */
static double
wanted(const struct comp *p, double level_db)
{
	double over = level_db - p->threshold;

	if (2 * over <= -p->knee)
		return 0;
	if (2 * over < p->knee)
		return p->slope * (over + p->knee / 2) * (over + p->knee / 2) / (2 * p->knee);
	return p->slope * over;
}

static int
process_comp(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	static const double db_of_log2 = 3.0102999566398120, tiny = 1e-30;     /* of a square */
	struct comp *p = u->state;
	const double mean = p->mean, attack = p->attack, release = p->release;
	double square = p->square, reduction = p->reduction, most = p->most, level[FX_GRID];

	(void)e;
	for (int i = 0; i < n; i++) {
		double now = loudest(x, u->channels, i);

		now *= now;
		square = now + mean * (square - now);
		level[i] = square > tiny ? square : tiny;
	}
	for (int i = 0; i < n; i++)
		level[i] = wanted(p, db_of_log2 * fx_log2(level[i]));
	for (int i = 0; i < n; i++) {
		double want = level[i];

		reduction = want + (want > reduction ? attack : release) * (reduction - want);
		most = reduction > most ? reduction : most;
		level[i] = reduction;
	}
	hold_gains(&p->ahead, ahead_frames(u, u->v[COMP_AHEAD]), level, n);
	for (int i = 0; i < n; i++)
		level[i] = fx_exp2((p->makeup - level[i]) * log2_of_db);
	run_ahead(&p->ahead, x, u->channels, level, n);
	p->square = square;
	p->reduction = reduction;
	p->most = most;
	return 0;
}

static void
settle_comp(struct fx_unit *u)
{
	struct comp *p = u->state;

	p->square = fx_settled(p->square);
	p->reduction = fx_settled(p->reduction);
}

static json_t *
comp_facts(const struct fx_unit *u, int64_t frames)
{
	json_t *o = json_object();

	(void)frames;
	jl_num(o, "max_reduction_db", ((const struct comp *)u->state)->most);
	return o;
}

const struct fx_effect fx_comp = {
	.info = { "comp", "Compressor: feed forward, soft knee, smoothed in dB.", comp_params,
	    sizeof comp_params / sizeof *comp_params, comp_presets, NULL },
	.mix = FX_INSERT, .state = sizeof(struct comp), .open = open_comp, .update = update_comp, .process = process_comp,
	.settle = settle_comp, .facts = comp_facts, .close = close_comp,
};
