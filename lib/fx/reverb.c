/* reverb.c - a room, plate or hall: a feedback delay network.
 *
 * Per pair of channels (or a last single one) there is one room: the input goes through a predelay and four all-passes
 * in series into sixteen delay lines, mixed by a Hadamard matrix each time they come round (Jot and Chaigne, "Digital delay
 * networks for designing artificial reverberators", 1991).  In front of it each line has a filter of one pole that
 * takes off what the line's length costs at the decay time, less at low than at high frequencies.  All lines end on
 * prime numbers of frames.  The level is that of a steady noise: at mix 100 % the room is about as loud as the input. */
#include "fx/effect.h"
#include "fx/fx_math.h"
#include "fx/fx_v4.h"
#include "fx/svf.h"
#include "base/mem.h"
#include "dsp/turn.h"

#include <math.h>
#include <string.h>

enum { TYPE = FX_DRY + 1, SIZE, DECAY, PREDELAY, DAMPING, LOW_CUT, HIGH_CUT, WIDTH };
enum { ROOM, PLATE, HALL };
enum { LINES = 16, DIFFUSERS = 4 };

static const char *const types[] = { "room", "plate", "hall", NULL };
static const struct fx_param params[] = {
	FX_P_SEND(25),
	{ "type", "", FX_WORD, 0, HALL, ROOM, types, "which lengths and how dense" },
	{ "size_pct", "%", FX_NUMBER, 0, 100, 50, NULL, "length of the ways" },
	{ "decay_s", "s", FX_NUMBER, 0, 10, 1.2, NULL, "until 60 dB down at low frequencies; at least 0.05 s" },
	{ "predelay_ms", "ms", FX_NUMBER, 0, 250, 10, NULL, "before it begins" },
	{ "damping_pct", "%", FX_NUMBER, 0, 100, 50, NULL, "how much faster 5 kHz decays: 100 is a tenth of the time" },
	{ "low_cut_hz", "Hz", FX_NUMBER, 0, 2000, 0, NULL, "high pass of the room, 12 dB/oct; 0: off" },
	{ "high_cut_hz", "Hz", FX_NUMBER, 0, 20000, 0, NULL, "low pass of the room, 12 dB/oct; 0: off" },
	{ "width_pct", "%", FX_NUMBER, 0, 100, 100, NULL, "of two channels; 0: the room is mono" },
};
static const struct fx_preset presets[] = {
	{ "room", "type=room,size_pct=30,decay_s=0.6,predelay_ms=5,mix_pct=20", "a small room" },
	{ "hall", "type=hall,size_pct=70,decay_s=2.6,predelay_ms=25,mix_pct=30", "a hall" },
	{ "plate", "type=plate,size_pct=50,decay_s=1.8,predelay_ms=0,damping_pct=30,low_cut_hz=120,mix_pct=25", "a plate" },
	{ "spring", "type=plate,size_pct=20,decay_s=1.4,predelay_ms=0,damping_pct=90,low_cut_hz=200,high_cut_hz=4500,"
	    "mix_pct=15",
	    "short and dull like a spring; not a model of one" },
	{ "chamber", "type=room,size_pct=70,decay_s=1.3,predelay_ms=12,damping_pct=35,mix_pct=22", "a bright chamber" },
	{ NULL, NULL, NULL }
};

/* Shortest and longest line in ms at half the size, and the all-passes: ms and coefficient. */
static const struct shape { double first, last, diffuser[DIFFUSERS], spread; } shapes[] = {
	[ROOM] = { 11, 53, { 2.3, 3.7, 5.3, 7.9 }, 0.6 },
	[PLATE] = { 7, 47, { 1.3, 2.1, 4.1, 6.1 }, 0.75 },
	[HALL] = { 23, 89, { 4.3, 7.3, 11.9, 17.1 }, 0.68 },
};
static const double size_least = 0.4, size_more = 1.2;

struct ring { float *x; int64_t size, at; };

/* One room for one or two channels. */
struct room {
	struct ring line[LINES], pre[2];
	struct ring diffuser[2][DIFFUSERS]; /* all-passes; the ring is as long as the delay */
	float past[LINES];               /* of the damping filters */
	struct svf_state low[2], high[2];
};

struct reverb {
	struct room *room;
	int rooms, moves;                /* moves: the size is automated */
	float *memory;
	double length[LINES];            /* frames */
	int shortest;                    /* line, in whole frames */
	float gain[LINES], pole[LINES];
	double level, predelay, width;
	struct svf low, high;
	int has_low, has_high;
	float in[2][FX_GRID], t[FX_GRID][LINES];
};

static int
is_prime(int64_t n)
{
	for (int64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return 0;
	return n > 1;
}

/* Line i in frames, not rounded: on a curve between a line and a square from first to last, each a little off it. */
static double
line_frames(const struct fx_unit *u, int i, double size_pct)
{
	static const int off[LINES] = { 0, 3, -2, 1, -3, 2, -1, 3, -2, 0, 2, -3, 1, -1, 3, 0 };
	const struct shape *s = &shapes[(int)u->v[TYPE]];
	double scale = size_least + size_more * size_pct / 100, t = (i + 0.08 * off[i]) / (LINES - 1), ratio;

	ratio = 1 + t * (s->last / s->first - 1) * (0.55 + 0.45 * t);
	return s->first * ratio * scale / 1000 * u->rate_hz;
}

static int64_t
pre_frames(const struct fx_unit *u, double ms)
{
	return (int64_t)(ms / 1000 * u->rate_hz + 0.5);
}

static void
open_ring(struct ring *r, float **memory, int64_t size)
{
	r->size = size;
	r->x = *memory;
	*memory += size;
}

/* Room for everything at its longest; memory NULL: only count. */
static int64_t
lay_out(struct fx_unit *u, struct room *room, int channels, float *memory)
{
	const struct shape *s = &shapes[(int)u->v[TYPE]];
	int64_t total = 0, size;

	for (int i = 0; i < LINES; i++) {
		size = (int64_t)line_frames(u, i, u->top[SIZE]) + 200;  /* up to the next prime */
		total += size;
		if (memory)
			open_ring(&room->line[i], &memory, size);
	}
	for (int c = 0; c < channels; c++) {
		size = pre_frames(u, u->top[PREDELAY]) + 1;
		total += size;
		if (memory)
			open_ring(&room->pre[c], &memory, size);
		for (int d = 0; d < DIFFUSERS; d++) {
			/* the second channel's are a little longer */
			size = (int64_t)(s->diffuser[d] * (1 + 0.07 * c) / 1000 * u->rate_hz) + 1;
			total += size;
			if (memory)
				open_ring(&room->diffuser[c][d], &memory, size);
		}
	}
	return total;
}

static int
open_reverb(struct fx_unit *u, struct err *e)
{
	struct reverb *r = u->state;
	int64_t per = lay_out(u, NULL, 2, NULL);

	r->rooms = (u->channels + 1) / 2;
	r->moves = u->low[SIZE] != u->top[SIZE];
	if (fx_take_memory(u, (double)r->rooms * (double)per * sizeof *r->memory, e))
		return -1;
	r->room = mem_zalloc((size_t)r->rooms, sizeof *r->room);
	r->memory = mem_zalloc((size_t)r->rooms * (size_t)per, sizeof *r->memory);
	if (!r->room || !r->memory)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (int k = 0; k < r->rooms; k++)
		lay_out(u, &r->room[k], 2, r->memory + k * per);
	return 0;
}

static void
close_reverb(struct fx_unit *u)
{
	struct reverb *r = u->state;

	mem_free(r->room);
	mem_free(r->memory);
}

/* The pole of g (1 - p) / (1 - p z^-1), whose gain at cosine c of the angle is g times the root of r, r below 1. */
static double
damping_pole(double r, double c)
{
	double a = 1 - r * c, b = 1 - r;

	return b < 1e-9 ? 0 : (a - sqrt(a * a - b * b)) / b;
}

static void
update(struct fx_unit *u)
{
	static const double least_decay_s = 0.05, damped_hz = 5000, octaves60 = 9.965784284662087;
	struct reverb *r = u->state;
	const double *v = u->v;
	double decay = v[DECAY] > least_decay_s ? v[DECAY] : least_decay_s, fast = decay * (1 - 0.9 * v[DAMPING] / 100);
	double hz = damped_hz < 0.4 * u->rate_hz ? damped_hz : 0.4 * u->rate_hz, c, s, mean = 0, pole;

	r->shortest = FX_GRID;
	dsp_turn((uint64_t)ldexp(hz / u->rate_hz, 52), 52, &c, &s);
	for (int i = 0; i < LINES; i++) {
		double frames = line_frames(u, i, v[SIZE]), low, high;

		if (!r->moves) {
			int64_t n = (int64_t)frames | 1;

			while (!is_prime(n))
				n += 2;
			frames = (double)n;
		}
		r->length[i] = frames;
		/* 60 dB are 2 to the power of -9.97 */
		low = -octaves60 * frames / (decay * u->rate_hz);
		high = -octaves60 * frames / (fast * u->rate_hz);
		pole = damping_pole(fx_exp2(2 * (high - low)), c);
		r->pole[i] = (float)pole;
		r->gain[i] = (float)(fx_exp2(low) * (1 - pole));
		r->shortest = frames - 1 < r->shortest ? (int)frames - 1 : r->shortest;
		mean += fx_exp2(-2 * octaves60 * frames / (0.5 * (decay + fast) * u->rate_hz)) / LINES;
	}
	/* a pass leaves `mean` of the energy, and one row of the matrix hears a sixteenth of each; limited where hardly
	 * anything is left to be heard */
	mean = mean < 0.02 ? 0.02 : mean;
	r->level = sqrt(LINES * (1 - mean) / mean);
	r->predelay = (double)pre_frames(u, v[PREDELAY]);
	r->width = v[WIDTH] / 100;
	r->has_low = v[LOW_CUT] > 0;
	r->has_high = v[HIGH_CUT] > 0;
	if (r->has_low)
		svf_set(&r->low, SVF_LOW_CUT, fx_hz(u, v[LOW_CUT]), 0, 0.70710678118654757, u->rate_hz);
	if (r->has_high)
		svf_set(&r->high, SVF_HIGH_CUT, fx_hz(u, v[HIGH_CUT]), 0, 0.70710678118654757, u->rate_hz);
}

/* ---- the way of a signal --------------------------------------------------------------- */

/* What is near 1e-22 or below is rounded to a grain of that, so that a tail ends before denormal numbers make it slow. */
static const float grain = 1e-15f;

/* The next m frames of a ring, in at most two stretches: f(from, where they are, how many). */
#define RING_EACH(r, from, m, i, p, len) \
	for (int i = 0, len; i < (m); i += len) \
		for (float *p = (r)->x + ring_at(r, (from) + i, (m) - i, &len); p; p = NULL)

/* Where frame `from` after the ring's place is, and how many of m follow it without a break. */
static inline int64_t
ring_at(const struct ring *r, int64_t from, int m, int *len)
{
	int64_t at = r->at + from;

	at += at < 0 ? r->size : at >= r->size ? -r->size : 0;
	*len = r->size - at < m ? (int)(r->size - at) : m;
	return at;
}

static void
ring_step(struct ring *r, int m)
{
	r->at += m;
	r->at -= r->at >= r->size ? r->size : 0;
}

static void
predelay(struct ring *r, int64_t frames, double *x, int n)
{
	for (int i = 0; i < n; i++) {
		int64_t from;

		r->x[r->at] = (float)fx_settled(x[i]);
		from = r->at - frames;
		x[i] = r->x[from < 0 ? from + r->size : from];
		ring_step(r, 1);
	}
}

/* The ring is as long as the delay: what is written was read just before. */
static void
diffuse(struct ring *r, float g, float *restrict x, int n)
{
	for (int m; n > 0; n -= m, x += m) {
		m = r->size < n ? (int)r->size : n;
		RING_EACH(r, 0, m, from, p, len)
			for (int i = 0; i < len; i++) {
				float old = p[i], v = ((x[from + i] + g * old) + grain) - grain;

				x[from + i] = old - g * v;
				p[i] = v;
			}
		ring_step(r, m);
	}
}

/* m frames of a line into column k of t. */
static void
read_line(const struct ring *r, double length, int moves, float (*t)[LINES], int k, int m)
{
	int64_t whole = (int64_t)length;
	float f = (float)(length - (double)whole);

	RING_EACH(r, -whole, m, from, p, len)
		for (int i = 0; i < len; i++)
			t[from + i][k] = p[i];
	if (moves)      /* f on the way to the frame before */
		RING_EACH(r, -whole - 1, m, from, p, len)
			for (int i = 0; i < len; i++)
				t[from + i][k] += f * (p[i] - t[from + i][k]);
}

/* Hadamard's matrix over 4. */
static inline void
hadamard(v4 *v)
{
	static const v4 s1 = { 0.5f, -0.5f, 0.5f, -0.5f }, s2 = { 0.5f, 0.5f, -0.5f, -0.5f };
	v4 a = v[0] + v[1], b = v[0] - v[1], c = v[2] + v[3], d = v[2] - v[3];

	v[0] = a + c;
	v[1] = b + d;
	v[2] = a - c;
	v[3] = b - d;
	for (int k = 0; k < 4; k++) {
		v[k] = v4_shuffle(v[k], v[k], 1, 0, 3, 2) * v4_all(0.5f) + v[k] * s1;
		v[k] = v4_shuffle(v[k], v[k], 2, 3, 0, 1) * v4_all(0.5f) + v[k] * s2;
	}
}

/* m frames, no more than the shortest line has.  right NULL: one channel. */
static void
run_lines(struct reverb *r, struct room *room, float *left, float *right, int m)
{
	/* rows of the matrix that are heard: their sums are what it makes anyway */
	enum { HEAR_LEFT = 5, HEAR_RIGHT = 10 };
	static const v4 into[4] = { { 1, -1, 1, 1 }, { -1, 1, -1, -1 }, { 1, 1, -1, 1 }, { 1, -1, -1, 1 } };
	float (*t)[LINES] = r->t;
	v4 v[4], past[4], gain[4], pole[4];

	for (int k = 0; k < LINES; k++)
		read_line(&room->line[k], r->length[k], r->moves, t, k, m);
	for (int k = 0; k < 4; k++) {
		past[k] = v4_load(room->past + (ptrdiff_t)4 * k);
		gain[k] = v4_load(r->gain + (ptrdiff_t)4 * k);
		pole[k] = v4_load(r->pole + (ptrdiff_t)4 * k);
	}
	for (int i = 0; i < m; i++) {
		float l = 0.25f * left[i], s = right ? 0.25f * right[i] : l;
		const v4 in = { l, s, l, s };

		for (int k = 0; k < 4; k++)
			v[k] = past[k] = gain[k] * v4_load(t[i] + (ptrdiff_t)4 * k) + pole[k] * past[k];
		hadamard(v);
		left[i] = v[HEAR_LEFT / 4][HEAR_LEFT % 4];
		if (right)
			right[i] = v[HEAR_RIGHT / 4][HEAR_RIGHT % 4];
		for (int k = 0; k < 4; k++)
			v4_store(t[i] + (ptrdiff_t)4 * k, ((v[k] + into[k] * in) + v4_all(grain)) - v4_all(grain));
	}
	for (int k = 0; k < 4; k++)
		v4_store(room->past + (ptrdiff_t)4 * k, past[k]);
	for (int k = 0; k < LINES; k++) {
		struct ring *g = &room->line[k];

		RING_EACH(g, 0, m, from, p, len)
			for (int i = 0; i < len; i++)
				p[i] = t[from + i][k];
		ring_step(g, m);
	}
}

static void
to_output(const struct reverb *r, const float *l, const float *s, double *x, double *y, int n)
{
	for (int i = 0; i < n; i++) {
		double mid = 0.5 * ((double)l[i] + s[i]), side = 0.5 * ((double)l[i] - s[i]) * r->width;

		x[i] = r->level * (mid + side);
		y[i] = r->level * (mid - side);
	}
}

static int
process(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	struct reverb *r = u->state;
	float spread = (float)shapes[(int)u->v[TYPE]].spread;

	(void)e;
	for (int k = 0; k < r->rooms; k++) {
		struct room *m = &r->room[k];
		int channels = u->channels - 2 * k < 2 ? 1 : 2;
		double *const *y = x + (ptrdiff_t)2 * k;

		for (int c = 0; c < channels; c++) {
			predelay(&m->pre[c], (int64_t)r->predelay, y[c], n);
			for (int i = 0; i < n; i++)
				r->in[c][i] = (float)y[c][i];
			for (int d = 0; d < DIFFUSERS; d++)
				diffuse(&m->diffuser[c][d], spread, r->in[c], n);
		}
		for (int i = 0, len; i < n; i += len) {
			len = r->shortest < n - i ? r->shortest : n - i;
			run_lines(r, m, r->in[0] + i, channels == 2 ? r->in[1] + i : NULL, len);
		}
		if (channels == 2)
			to_output(r, r->in[0], r->in[1], y[0], y[1], n);
		for (int i = 0; i < n && channels == 1; i++)
			y[0][i] = r->level * r->in[0][i];
		for (int c = 0; c < channels; c++) {
			if (r->has_low)
				svf_run(&r->low, &m->low[c], y[c], n);
			if (r->has_high)
				svf_run(&r->high, &m->high[c], y[c], n);
		}
	}
	return 0;
}

static void
settle(struct fx_unit *u)
{
	struct reverb *r = u->state;

	for (int k = 0; k < r->rooms; k++) {
		struct room *m = &r->room[k];

		for (int i = 0; i < LINES; i++)
			m->past[i] = (float)fx_settled(m->past[i]);
		for (int c = 0; c < 2; c++) {
			m->low[c].s1 = fx_settled(m->low[c].s1);
			m->low[c].s2 = fx_settled(m->low[c].s2);
			m->high[c].s1 = fx_settled(m->high[c].s1);
			m->high[c].s2 = fx_settled(m->high[c].s2);
		}
	}
}

static double
tail_s(const struct fx_unit *u)
{
	double decay = u->top[DECAY] > 0.05 ? u->top[DECAY] : 0.05;

	return 2 * decay + u->top[PREDELAY] / 1000 + 0.3;
}

const struct fx_effect fx_reverb = {
	.info = { "reverb", "A room, plate or hall: sixteen delay lines that feed each other.", params,
	    sizeof params / sizeof *params, presets, NULL },
	.mix = FX_SEND, .state = sizeof(struct reverb), .open = open_reverb, .update = update, .process = process,
	.settle = settle, .tail_s = tail_s, .close = close_reverb,
};
