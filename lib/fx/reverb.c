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
enum { LINES = 16, DIFFUSERS = 4, LANES = 4, GROUPS = LINES / LANES };
enum { LOSSES_LAST = 16 };   /* frames for which what a line loses stays while its length moves */

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
	double way_ms[LINES];            /* of the lines, for a scale of 1 */
	double damped_cos;               /* of the frequency that damping is given for */
	double made[WIDTH + 1];          /* the values that what is below was made from */
	int age, stale;                  /* frames since the losses were; whether a length has changed in them */
	float *memory;
	double length[LINES];            /* frames */
	int shortest;                    /* line, in whole frames */
	float gain[LINES], pole[LINES];
	double level, predelay, width;
	struct svf low, high;
	int has_low, has_high;
	float in[2][FX_GRID + LANES], t[LINES][FX_GRID + LANES]; /* a row is worked on LANES frames at a time */
};

static int
is_prime(int64_t n)
{
	for (int64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return 0;
	return n > 1;
}

/* Line i in ms, for a scale of 1: on a curve between a line and a square from first to last, each a little off it. */
static double
line_ms(const struct shape *s, int i)
{
	static const int off[LINES] = { 0, 3, -2, 1, -3, 2, -1, 3, -2, 0, 2, -3, 1, -1, 3, 0 };
	double t = (i + 0.08 * off[i]) / (LINES - 1);

	return s->first * (1 + t * (s->last / s->first - 1) * (0.55 + 0.45 * t));
}

/* A line in frames, not rounded. */
static double
line_frames(const struct fx_unit *u, double way_ms, double size_pct)
{
	return way_ms * (size_least + size_more * size_pct / 100) / 1000 * u->rate_hz;
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
		size = (int64_t)line_frames(u, line_ms(s, i), u->top[SIZE]) + 200;  /* up to the next prime */
		total += size;
		if (memory)
			open_ring(&room->line[i], &memory, size);
	}
	for (int c = 0; c < channels; c++) {
		size = pre_frames(u, u->top[PREDELAY]) + FX_GRID;
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
	static const double damped_hz = 5000;
	struct reverb *r = u->state;
	int64_t per = lay_out(u, NULL, 2, NULL);
	double hz = damped_hz < 0.4 * u->rate_hz ? damped_hz : 0.4 * u->rate_hz, sine;

	r->rooms = (u->channels + 1) / 2;
	r->moves = u->low[SIZE] != u->top[SIZE];
	dsp_turn((uint64_t)ldexp(hz / u->rate_hz, 52), 52, &r->damped_cos, &sine);
	for (int i = 0; i < LINES; i++)
		r->way_ms[i] = line_ms(&shapes[(int)u->v[TYPE]], i);
	r->age = LOSSES_LAST;
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
set_lengths(struct fx_unit *u)
{
	struct reverb *r = u->state;

	r->shortest = FX_GRID;
	for (int i = 0; i < LINES; i++) {
		double frames = line_frames(u, r->way_ms[i], u->v[SIZE]);

		if (!r->moves) {
			int64_t n = (int64_t)frames | 1;

			while (!is_prime(n))
				n += 2;
			frames = (double)n;
		}
		r->length[i] = frames;
		r->shortest = frames - 1 < r->shortest ? (int)frames - 1 : r->shortest;
	}
}

/* What each line loses in a pass, and the level of all. */
static void
set_losses(struct fx_unit *u)
{
	static const double least_decay_s = 0.05, octaves60 = 9.965784284662087;
	struct reverb *r = u->state;
	const double *v = u->v;
	double decay = v[DECAY] > least_decay_s ? v[DECAY] : least_decay_s, fast = decay * (1 - 0.9 * v[DAMPING] / 100);
	double mean = 0;

	for (int i = 0; i < LINES; i++) {
		/* 60 dB are 2 to the power of -9.97 */
		double low = -octaves60 * r->length[i] / (decay * u->rate_hz);
		double high = -octaves60 * r->length[i] / (fast * u->rate_hz);
		double pole = damping_pole(fx_exp2(2 * (high - low)), r->damped_cos);

		r->pole[i] = (float)pole;
		r->gain[i] = (float)(fx_exp2(low) * (1 - pole));
		mean += fx_exp2(-2 * octaves60 * r->length[i] / (0.5 * (decay + fast) * u->rate_hz)) / LINES;
	}
	/* a pass leaves `mean` of the energy, and one row of the matrix hears a sixteenth of each; limited where hardly
	 * anything is left to be heard */
	mean = mean < 0.02 ? 0.02 : mean;
	r->level = sqrt(LINES * (1 - mean) / mean);
	r->age = r->stale = 0;
}

/* A cut that was off begins from rest, not with what it last heard. */
static void
begin_cuts(struct fx_unit *u)
{
	struct reverb *r = u->state;
	const int low = u->v[LOW_CUT] > 0, high = u->v[HIGH_CUT] > 0;

	for (int k = 0; k < r->rooms; k++) {
		if (low && !r->has_low)
			memset(r->room[k].low, 0, sizeof r->room[k].low);
		if (high && !r->has_high)
			memset(r->room[k].high, 0, sizeof r->room[k].high);
	}
	r->has_low = low;
	r->has_high = high;
}

static void
update(struct fx_unit *u)
{
	struct reverb *r = u->state;
	const double *v = u->v;

	set_lengths(u);
	r->stale = 1;
	if (r->age >= LOSSES_LAST || v[DECAY] != r->made[DECAY] || v[DAMPING] != r->made[DAMPING])
		set_losses(u);
	r->predelay = (double)pre_frames(u, v[PREDELAY]);
	r->width = v[WIDTH] / 100;
	begin_cuts(u);
	if (r->has_low && v[LOW_CUT] != r->made[LOW_CUT])
		svf_set(&r->low, SVF_LOW_CUT, fx_hz(u, v[LOW_CUT]), 0, 0.70710678118654757, u->rate_hz);
	if (r->has_high && v[HIGH_CUT] != r->made[HIGH_CUT])
		svf_set(&r->high, SVF_HIGH_CUT, fx_hz(u, v[HIGH_CUT]), 0, 0.70710678118654757, u->rate_hz);
	memcpy(r->made, v, sizeof r->made);
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

/* n frames of x, late, as float to y. */
static void
predelay(struct ring *r, int64_t frames, const double *x, float *y, int n)
{
	RING_EACH(r, 0, n, from, p, len) {
		int i = 0;

		for (; i + LANES <= len; i += LANES)
			for (int k = i; k < i + LANES; k++)
				p[k] = (float)fx_settled(x[from + k]);
		for (; i < len; i++)
			p[i] = (float)fx_settled(x[from + i]);
	}
	RING_EACH(r, -frames, n, from, p, len)
		memcpy(y + from, p, (size_t)len * sizeof *y);
	ring_step(r, n);
}

static inline v4
settled(v4 x)
{
	return (x + v4_all(grain)) - v4_all(grain);
}

/* The ring is as long as the delay: what is written was read just before. */
static void
diffuse(struct ring *r, float g, float *restrict x, int n)
{
	for (int m; n > 0; n -= m, x += m) {
		m = r->size < n ? (int)r->size : n;
		RING_EACH(r, 0, m, from, p, len) {
			int i = 0;

			for (; i + LANES <= len; i += LANES) {
				v4 old = v4_load(p + i), v = settled(v4_load(x + from + i) + v4_all(g) * old);

				v4_store(x + from + i, old - v4_all(g) * v);
				v4_store(p + i, v);
			}
			for (; i < len; i++) {
				float old = p[i], v = ((x[from + i] + g * old) + grain) - grain;

				x[from + i] = old - g * v;
				p[i] = v;
			}
		}
		ring_step(r, m);
	}
}

/* m frames of a line to a row. */
static void
read_line(const struct ring *r, double length, int moves, float *t, int m)
{
	int64_t whole = (int64_t)length;
	float f = (float)(length - (double)whole);

	RING_EACH(r, -whole, m, from, p, len)
		memcpy(t + from, p, (size_t)len * sizeof *t);
	if (moves)      /* f on the way to the frame before */
		RING_EACH(r, -whole - 1, m, from, p, len)
			for (int i = 0; i < len; i++)
				t[from + i] += f * (p[i] - t[from + i]);
}

/* Rows become columns. */
static inline void
transpose(v4 v[LANES])
{
	v4 a = v4_shuffle(v[0], v[1], 0, 4, 1, 5), b = v4_shuffle(v[2], v[3], 0, 4, 1, 5);
	v4 c = v4_shuffle(v[0], v[1], 2, 6, 3, 7), d = v4_shuffle(v[2], v[3], 2, 6, 3, 7);

	v[0] = v4_shuffle(a, b, 0, 1, 4, 5);
	v[1] = v4_shuffle(a, b, 2, 3, 6, 7);
	v[2] = v4_shuffle(c, d, 0, 1, 4, 5);
	v[3] = v4_shuffle(c, d, 2, 3, 6, 7);
}

/* The damping filters over m frames of all rows. */
static void
damp(struct reverb *r, struct room *room, int m)
{
	v4 past[GROUPS];

	for (int g = 0; g < GROUPS; g++)
		past[g] = v4_load(room->past + (ptrdiff_t)LANES * g);
	for (int i = 0; i < m; i += LANES)
		for (int g = 0; g < GROUPS; g++) { /* side by side: each waits for itself only */
			float (*t)[FX_GRID + LANES] = r->t + (ptrdiff_t)LANES * g;
			v4 gain = v4_load(r->gain + (ptrdiff_t)LANES * g), pole = v4_load(r->pole + (ptrdiff_t)LANES * g);
			v4 v[LANES] = { v4_load(t[0] + i), v4_load(t[1] + i), v4_load(t[2] + i), v4_load(t[3] + i) };

			transpose(v);
			v[0] = gain * v[0] + pole * past[g];
			v[1] = gain * v[1] + pole * v[0];
			v[2] = gain * v[2] + pole * v[1];
			v[3] = gain * v[3] + pole * v[2];
			past[g] = i + LANES <= m ? v[3] : m - i == 1 ? v[0] : m - i == 2 ? v[1] : v[2];
			transpose(v);
			for (int j = 0; j < LANES; j++)
				v4_store(t[j] + i, v[j]);
		}
	for (int g = 0; g < GROUPS; g++)
		v4_store(room->past + (ptrdiff_t)LANES * g, past[g]);
}

/* Half of Hadamard's matrix, times 4: sums and differences of four rows that are `apart` from each other. */
static void
mix_rows(struct reverb *r, int k, int apart, int m)
{
	float *t[LANES];

	for (int j = 0; j < LANES; j++)
		t[j] = r->t[k + j * apart];
	for (int i = 0; i < m; i += LANES) {
		v4 x0 = v4_load(t[0] + i), x1 = v4_load(t[1] + i), x2 = v4_load(t[2] + i), x3 = v4_load(t[3] + i);
		v4 a = x0 + x1, b = x0 - x1, c = x2 + x3, d = x2 - x3;

		v4_store(t[0] + i, a + c);
		v4_store(t[1] + i, b + d);
		v4_store(t[2] + i, a - c);
		v4_store(t[3] + i, b - d);
	}
}

/* What goes into a line: its row, a quarter of it, and a quarter of x with a sign. */
static void
feed_line(struct ring *g, const float *t, const float *x, float sign, int m)
{
	RING_EACH(g, 0, m, from, p, len) {
		int i = 0;

		for (; i + LANES <= len; i += LANES)
			v4_store(p + i, settled(v4_all(0.25f) * v4_load(t + from + i) + v4_all(sign) * v4_load(x + from + i)));
		for (; i < len; i++)
			p[i] = ((0.25f * t[from + i] + sign * x[from + i]) + grain) - grain;
	}
	ring_step(g, m);
}

/* A quarter of a row. */
static void
hear(const float *t, float *x, int m)
{
	int i = 0;

	for (; i + LANES <= m; i += LANES)
		v4_store(x + i, v4_all(0.25f) * v4_load(t + i));
	for (; i < m; i++)
		x[i] = 0.25f * t[i];
}

/* m frames, no more than the shortest line has.  right NULL: one channel. */
static void
run_lines(struct reverb *r, struct room *room, float *left, float *right, int m)
{
	/* rows of the matrix that are heard: their sums are what it makes anyway */
	enum { HEAR_LEFT = 5, HEAR_RIGHT = 10 };
	static const float into[LINES] = { 1, -1, 1, 1, -1, 1, -1, -1, 1, 1, -1, 1, 1, -1, -1, 1 };

	for (int k = 0; k < LINES; k++)
		read_line(&room->line[k], r->length[k], r->moves, r->t[k], m);
	damp(r, room, m);
	for (int k = 0; k < GROUPS; k++)
		mix_rows(r, k, GROUPS, m);
	for (int k = 0; k < GROUPS; k++)
		mix_rows(r, LANES * k, 1, m);
	for (int k = 0; k < LINES; k++)
		feed_line(&room->line[k], r->t[k], right && k % 2 ? right : left, 0.25f * into[k], m);
	hear(r->t[HEAR_LEFT], left, m);
	if (right)
		hear(r->t[HEAR_RIGHT], right, m);
}

static inline void
to_frame(const struct reverb *r, float l, float s, double *x, double *y)
{
	double mid = 0.5 * ((double)l + s), side = 0.5 * ((double)l - s) * r->width;

	*x = r->level * (mid + side);
	*y = r->level * (mid - side);
}

static void
to_output(const struct reverb *r, double *restrict x, double *restrict y, int n)
{
	const float *l = r->in[0], *s = r->in[1];
	int i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int k = i; k < i + LANES; k++)
			to_frame(r, l[k], s[k], x + k, y + k);
	for (; i < n; i++)
		to_frame(r, l[i], s[i], x + i, y + i);
}

static void
cut(const struct svf *f, struct svf_state *s, double *const *y, int channels, int n)
{
	if (channels == 2)
		svf_run2(f, &s[0], &s[1], y[0], y[1], n);
	else
		svf_run(f, s, y[0], n);
}

static int
process(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	struct reverb *r = u->state;
	float spread = (float)shapes[(int)u->v[TYPE]].spread;

	(void)e;
	if (r->stale && r->age >= LOSSES_LAST)
		set_losses(u);
	r->age += r->age < LOSSES_LAST ? n : 0;
	for (int k = 0; k < r->rooms; k++) {
		struct room *m = &r->room[k];
		int channels = u->channels - 2 * k < 2 ? 1 : 2;
		double *const *y = x + (ptrdiff_t)2 * k;

		for (int c = 0; c < channels; c++) {
			predelay(&m->pre[c], (int64_t)r->predelay, y[c], r->in[c], n);
			for (int d = 0; d < DIFFUSERS; d++)
				diffuse(&m->diffuser[c][d], spread, r->in[c], n);
		}
		for (int i = 0, len; i < n; i += len) {
			len = r->shortest < n - i ? r->shortest : n - i;
			run_lines(r, m, r->in[0] + i, channels == 2 ? r->in[1] + i : NULL, len);
		}
		if (channels == 2)
			to_output(r, y[0], y[1], n);
		for (int i = 0; i < n && channels == 1; i++)
			y[0][i] = r->level * r->in[0][i];
		if (r->has_low)
			cut(&r->low, m->low, y, channels, n);
		if (r->has_high)
			cut(&r->high, m->high, y, channels, n);
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
