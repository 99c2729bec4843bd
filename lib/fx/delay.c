/* delay.c - echoes, filtered each time they go round. */
#include "fx/effect.h"
#include "fx/fx_math.h"
#include "fx/svf.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { TIME = FX_DRY + 1, BEATS, BPM, FEEDBACK, LOW_CUT, HIGH_CUT, PING_PONG, MAX_S = 8 };

static const struct fx_param params[] = {
	FX_P_SEND(25),
	{ "time_ms", "ms", FX_NUMBER, 0, 2000, 375, NULL, "between echoes; at least one frame" },
	{ "beats", "", FX_NUMBER, 0, 16, 0, NULL, "the same in beats, up to 8 s; 0: time_ms counts" },
	{ "bpm", "", FX_NUMBER, 20, 400, 120, NULL, "beats a minute, unless told by --tempo" },
	{ "feedback_pct", "%", FX_NUMBER, 0, 100, 30, NULL, "level of each echo in the one before" },
	{ "low_cut_hz", "Hz", FX_NUMBER, 0, 2000, 0, NULL, "first-order high pass of each echo; 0: off" },
	{ "high_cut_hz", "Hz", FX_NUMBER, 0, 20000, 0, NULL, "first-order low pass of each echo; 0: off" },
	{ "ping_pong", "", FX_SWITCH, 0, 1, 0, NULL, "1: echoes of two channels go from left to right and back" },
};
static const struct fx_preset presets[] = {
	{ "slapback", "time_ms=80,feedback_pct=10,mix_pct=30", "one short echo" },
	{ "slap", "time_ms=80,feedback_pct=10,mix_pct=30", "the same" },
	{ "quarter", "beats=1,bpm=160,feedback_pct=30,mix_pct=25", "quarter notes: 375 ms at 160 bpm, unless --tempo" },
	{ "dotted_eighth", "beats=0.75,feedback_pct=35,mix_pct=30", "dotted eighth notes: 375 ms at 120 bpm" },
	{ "tape", "time_ms=330,feedback_pct=45,mix_pct=30,low_cut_hz=120,high_cut_hz=3500", "echoes that get darker" },
	{ NULL, NULL, NULL }
};

struct line {
	float *ring;             /* size frames */
	struct svf_state low, high;
};

struct delay {
	struct line *line;       /* one a channel */
	float *rings;
	int64_t size, at;        /* at: where the next frame goes */
	double frames, feedback;
	int moves;               /* the time is automated: between frames, too */
	struct svf low, high;
	int has_low, has_high;
	double y[2][FX_GRID];
};

static double
most_s(const struct fx_unit *u)
{
	double beats = u->top[BEATS] * 60 / u->low[BPM], time = u->top[TIME] / 1000;

	/* time_ms counts only where there are no beats */
	return u->low[BEATS] > 0 || beats > time ? beats : time;
}

static int
open_delay(struct fx_unit *u, struct err *e)
{
	struct delay *d = u->state;

	if (most_s(u) > MAX_S)
		return err_set(e, ERR_INPUT, "delay: %g beats at %g bpm are %.3g s; at most %d s can be had", u->top[BEATS],
		    u->low[BPM], most_s(u), MAX_S);
	d->size = (int64_t)(most_s(u) * u->rate_hz) + 8;
	if (fx_take_memory(u, (double)u->channels * (double)d->size * sizeof *d->rings, e))
		return -1;
	d->line = mem_zalloc((size_t)u->channels, sizeof *d->line);
	d->rings = mem_zalloc((size_t)u->channels * (size_t)d->size, sizeof *d->rings);
	if (!d->line || !d->rings)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (int c = 0; c < u->channels; c++)
		d->line[c].ring = d->rings + c * d->size;
	d->moves = u->low[TIME] != u->top[TIME] || u->low[BEATS] != u->top[BEATS] || u->low[BPM] != u->top[BPM];
	return 0;
}

static void
close_delay(struct fx_unit *u)
{
	struct delay *d = u->state;

	mem_free(d->line);
	mem_free(d->rings);
}

/* A cut that was off begins from rest, not with what it last heard. */
static void
begin_cuts(struct fx_unit *u)
{
	struct delay *d = u->state;
	const int low = u->v[LOW_CUT] > 0, high = u->v[HIGH_CUT] > 0;

	for (int c = 0; c < u->channels; c++) {
		if (low && !d->has_low)
			d->line[c].low = (struct svf_state){ 0 };
		if (high && !d->has_high)
			d->line[c].high = (struct svf_state){ 0 };
	}
	d->has_low = low;
	d->has_high = high;
}

static void
update(struct fx_unit *u)
{
	struct delay *d = u->state;
	const double *v = u->v;
	double least = d->moves ? 3 : 1;         /* what is read between frames needs two more */

	d->frames = (v[BEATS] > 0 ? v[BEATS] * 60 / v[BPM] : v[TIME] / 1000) * u->rate_hz;
	if (!d->moves)
		d->frames = floor(d->frames + 0.5);
	d->frames = d->frames < least ? least : d->frames;
	d->feedback = v[FEEDBACK] / 100;
	begin_cuts(u);
	if (d->has_low)
		svf_set_first(&d->low, SVF_LOW_CUT, fx_hz(u, v[LOW_CUT]), u->rate_hz);
	if (d->has_high)
		svf_set_first(&d->high, SVF_HIGH_CUT, fx_hz(u, v[HIGH_CUT]), u->rate_hz);
}

/* m frames from so many frames ago on, filtered. */
static void
read_echo(struct delay *d, struct line *l, double *y, int m)
{
	int64_t whole = (int64_t)d->frames, at = d->at - whole;
	double f = d->frames - (double)whole;
	/* third-order Lagrange interpolation, which is nowhere above 1: with all feedback nothing grows */
	double c0 = -f * (1 - f) * (2 - f) / 6, c1 = (1 + f) * (1 - f) * (2 - f) / 2, c2 = (1 + f) * f * (2 - f) / 2,
	    c3 = -(1 + f) * f * (1 - f) / 6;

	at += at < 0 ? d->size : 0;
	for (int i = 0; i < m; i++) {
		if (f == 0) {
			y[i] = l->ring[at];
		} else {
			int64_t next = at + 1 == d->size ? 0 : at + 1;
			int64_t a = at ? at - 1 : d->size - 1, b = a ? a - 1 : d->size - 1;

			y[i] = c0 * l->ring[next] + c1 * l->ring[at] + c2 * l->ring[a] + c3 * l->ring[b];
		}
		at = at + 1 == d->size ? 0 : at + 1;
	}
	if (d->has_low)
		svf_run(&d->low, &l->low, y, m);
	if (d->has_high)
		svf_run(&d->high, &l->high, y, m);
}

static void
write_line(struct delay *d, struct line *l, const double *x, const double *y, int m)
{
	int64_t at = d->at;

	for (int i = 0; i < m; i++) {
		l->ring[at] = (float)fx_settled(x[i] + d->feedback * y[i]);
		at = at + 1 == d->size ? 0 : at + 1;
	}
}

static int
process(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	struct delay *d = u->state;
	int pair = u->v[PING_PONG] != 0 && u->channels == 2;

	(void)e;
	for (int i = 0, m; i < n; i += m) {
		int64_t room = (int64_t)d->frames - (d->moves ? 2 : 0);  /* what is read is written before */

		m = room < n - i ? (int)room : n - i;
		for (int c = 0; c < u->channels; c++) {
			double *y = d->y[c & 1], *in = x[c] + i;

			read_echo(d, &d->line[c], y, m);
			if (pair && c == 1) {    /* both have been read */
				for (int k = 0; k < m; k++) {
					x[0][i + k] = 0.5 * (x[0][i + k] + in[k]);
					in[k] = 0;
				}
				write_line(d, &d->line[0], x[0] + i, d->y[1], m);
				write_line(d, &d->line[1], in, d->y[0], m);
				memcpy(x[0] + i, d->y[0], (size_t)m * sizeof *y);
				memcpy(in, d->y[1], (size_t)m * sizeof *y);
			} else if (!pair) {
				write_line(d, &d->line[c], in, y, m);
				memcpy(in, y, (size_t)m * sizeof *y);
			}
		}
		d->at += m;
		d->at -= d->at >= d->size ? d->size : 0;
	}
	return 0;
}

static void
settle(struct fx_unit *u)
{
	struct delay *d = u->state;

	for (int c = 0; c < u->channels; c++) {
		d->line[c].low.s1 = fx_settled(d->line[c].low.s1);
		d->line[c].high.s1 = fx_settled(d->line[c].high.s1);
	}
}

static double
tail_s(const struct fx_unit *u)
{
	double feedback = u->top[FEEDBACK] / 100, echoes = 1;

	if (feedback >= 1)
		return INFINITY;
	if (feedback > 0)
		echoes += ceil(-19.93156856932417 / fx_log2(feedback));  /* log2 of 120 dB */
	return echoes * most_s(u) + (u->top[LOW_CUT] > 0 || u->top[HIGH_CUT] > 0 ? 0.5 : 0);
}

const struct fx_effect fx_delay = {
	.info = { "delay", "Echoes, filtered each time they go round.", params, sizeof params / sizeof *params, presets,
	    "time_ms" },
	.mix = FX_SEND, .state = sizeof(struct delay), .open = open_delay, .update = update, .process = process,
	.settle = settle, .tail_s = tail_s, .close = close_delay,
};
