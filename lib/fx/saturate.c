/* saturate.c - a curve that bends, at several times the rate.
 *
 * Twice the rate, once to three times, by half-band filters (Kaiser windows, more than 100 dB); the first keeps all up to
 * 0.453 of the rate (20 kHz at 44.1 kHz) and, on the way down, lets nothing fold onto that.  Sums run over
 * the taps in one order for every output (bend.h). */
#include "fx/effect.h"
#include "fx/bend.h"
#include "fx/svf.h"
#include "base/isa.h"
#include "base/mem.h"
#include "dsp/bessel.h"
#include "dsp/db.h"

#include <math.h>
#include <string.h>

enum { DRIVE = FX_MIX + 1, OUTPUT, CURVE, OVERSAMPLE };
/* Taps on each side less one, and frames of delay added so that the stages' delays make whole frames together. */
enum { STAGES = 3, MAX_J = 34, PAD = BEND_PAD, PIECE = 128 };
static const int stage_j[STAGES] = { MAX_J, 6, 4 }, stage_extra[STAGES] = { 0, 1, 3 };

static const char *const curves[] = { "soft", "tube", "hard", NULL }, *const factors[] = { "1", "2", "4", "8", NULL };
static const struct fx_param params[] = {
	FX_P_INSERT(100),
	{ "drive_db", "dB", FX_NUMBER, 0, 48, 12, NULL, "gain before the curve, which is bounded by 0 dBFS" },
	{ "output_db", "dB", FX_NUMBER, -48, 24, 0, NULL, "gain after it" },
	{ "curve", "", FX_WORD, 0, BEND_HARD, BEND_SOFT, curves,
	    "soft is near tanh, tube is soft off its centre, hard clips" },
	{ "oversample", "", FX_WORD, 0, 3, 3, factors, "times the rate at which it works" },
};
static const struct fx_preset presets[] = {
	{ "warm", "drive_db=6,curve=tube", "a little, with even harmonics" },
	{ "crunch", "drive_db=18,output_db=-3", "more" },
	{ "clip", "drive_db=24,curve=hard,output_db=-6", "a hard clipper" },
	{ NULL, NULL, NULL }
};

/* One stage of one channel: what the filters remember, with room for a block behind. */
struct stage { float *up, *odd, *even; };

struct gain { double db, factor; };

struct saturate {
	int stages, j[STAGES];
	float tap[STAGES][MAX_J + 1];
	double drive, output;
	struct gain drive_was, output_was;
	int moves;
	double drives[FX_GRID], outputs[FX_GRID]; /* of each frame, where they move */
	enum bend_curve curve;
	const struct bend_fns *fn;
	struct stage (*chan)[STAGES];
	struct svf_state *dc;            /* tube: the bent signal has a mean */
	struct svf dc_cut;
	float *room, *a, *b;             /* a, b: a block at the highest rate */
	size_t rooms;
};

static void
design(float *tap, int j)
{
	static const double pi = 3.14159265358979323846, beta = 10.5;
	double h[MAX_J + 1], sum = 0;

	for (int k = 0; k <= j; k++) {
		double at = (2 * k + 1.0) / (2 * j + 2);

		h[k] = (k & 1 ? -2 : 2) / (pi * (2 * k + 1)) * dsp_bessel_i0(beta * sqrt(1 - at * at)) / dsp_bessel_i0(beta);
		sum += 2 * h[k];
	}
	for (int k = 0; k <= j; k++)
		tap[k] = (float)(h[k] / sum);
}

static int
open_saturate(struct fx_unit *u, struct err *e)
{
	static const double dc_hz = 8;
	struct saturate *s = u->state;
	size_t block = FX_GRID, per = 0, at = 0, most;

	s->fn = &bend_generic;
#if defined __x86_64__
	if (isa_choose() >= ISA_AVX512)
		s->fn = &bend_avx512;
	else if (isa_choose() >= ISA_AVX2)
		s->fn = &bend_avx2;
#endif
	s->stages = (int)u->v[OVERSAMPLE];
	for (int k = 0; k < s->stages; k++, block *= 2) {
		s->j[k] = stage_j[k];
		design(s->tap[k], s->j[k]);
		per += 3 * (block + PAD) + (size_t)(5 * s->j[k] + 2 + 2 * stage_extra[k]);
		u->latency += (2 * s->j[k] + 1 + stage_extra[k]) >> k;
	}
	svf_set_first(&s->dc_cut, SVF_LOW_CUT, dc_hz, u->rate_hz);
	u->behind[OUTPUT] = u->latency;
	s->moves = u->low[DRIVE] != u->top[DRIVE] || u->low[OUTPUT] != u->top[OUTPUT];
	most = block + PAD;
	s->rooms = (size_t)u->channels * per + 2 * most;
	s->chan = mem_zalloc((size_t)u->channels, sizeof *s->chan);
	s->dc = mem_zalloc((size_t)u->channels, sizeof *s->dc);
	s->room = mem_zalloc(s->rooms, sizeof *s->room);
	if (!s->chan || !s->dc || !s->room)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->a = s->room;
	s->b = s->room + most;
	at = 2 * most;
	for (int c = 0; c < u->channels; c++) {
		block = FX_GRID + PAD;
		for (int k = 0; k < s->stages; k++, block = 2 * (block - PAD) + PAD) {
			struct stage *g = &s->chan[c][k];
			size_t j = (size_t)s->j[k], extra = (size_t)stage_extra[k];

			g->up = s->room + at;
			g->odd = g->up + 2 * j + 1 + block;
			g->even = g->odd + 2 * j + 1 + extra + block;
			at += 3 * block + 5 * j + 2 + 2 * extra;
		}
	}
	return 0;
}

static void
close_saturate(struct fx_unit *u)
{
	struct saturate *s = u->state;

	mem_free(s->chan);
	mem_free(s->dc);
	mem_free(s->room);
}

/* The gain of a parameter in dB, made anew only where it moves. */
static double
gain_of(struct gain *g, double db)
{
	if (db != g->db || g->factor == 0)
		*g = (struct gain){ db, dsp_gain_of_db(db) };
	return g->factor;
}

static void
update(struct fx_unit *u)
{
	struct saturate *s = u->state;

	s->drive = gain_of(&s->drive_was, u->v[DRIVE]);
	s->output = gain_of(&s->output_was, u->v[OUTPUT]);
	s->curve = (enum bend_curve)u->v[CURVE];
}

/* ---- filters ----------------------------------------------------------------------------- */

/* n frames of x become 2 n of y */
static void
up(const struct bend_fns *fn, float *past, const float *tap, int j, const float *x, int n, float *y)
{
	int keep = 2 * j + 1;

	memcpy(past + keep, x, (size_t)n * sizeof *x);
	fn->up(y, past + j, tap, j, n);
	memmove(past, past + n, (size_t)keep * sizeof *past);
}

/* 2 n frames of x become n of y. */
static void
down(const struct bend_fns *fn, struct stage *g, const float *tap, int j, int extra, const float *x, int n, float *y)
{
	int keep = 2 * j + 1 + extra, keep_even = j + extra;

	fn->part(g->even + keep_even, g->odd + keep, x, n);
	fn->down(y, g->even, g->odd + j, tap, j, n);
	memmove(g->odd, g->odd + n, (size_t)keep * sizeof *g->odd);
	memmove(g->even, g->even + n, (size_t)keep_even * sizeof *g->even);
}

static void
note(struct fx_unit *u, int at, int n)
{
	struct saturate *s = u->state;

	for (int i = at; i < at + n; i++) {
		s->drives[i] = s->drive;
		s->outputs[i] = s->output;
	}
}

static void
times(double *x, const double *gain, int n)
{
	for (int i = 0; i < n; i++)
		x[i] *= gain[i];
}

/* n frames of one channel, at most PIECE: what they need stays near. */
static void
run_piece(struct saturate *s, int c, double *x, int n)
{
	float *a = s->a, *b = s->b, *t;
	int m = n;

	s->fn->enter(a, x, s->moves ? 1 : s->drive, n);
	for (int k = 0; k < s->stages; k++, m *= 2) {
		up(s->fn, s->chan[c][k].up, s->tap[k], s->j[k], a, m, b);
		t = a, a = b, b = t;
	}
	s->fn->curve(s->curve, a, m);
	for (int k = s->stages; k-- > 0;) {
		m /= 2;
		down(s->fn, &s->chan[c][k], s->tap[k], s->j[k], stage_extra[k], a, m, b);
		t = a, a = b, b = t;
	}
	s->fn->leave(x, a, s->moves || s->curve == BEND_TUBE ? 1 : s->output, n);
}

/* What the tube's curve adds that stands still, taken out again; two channels side by side where there are two. */
static void
cut_dc(struct saturate *s, double *const *x, int channels, int n)
{
	int c = 0;

	for (; c + 1 < channels; c += 2)
		svf_run2(&s->dc_cut, &s->dc[c], &s->dc[c + 1], x[c], x[c + 1], n);
	if (c < channels)
		svf_run(&s->dc_cut, &s->dc[c], x[c], n);
	for (c = 0; c < channels && !s->moves; c++)
		for (int i = 0; i < n; i++)
			x[c][i] *= s->output;
}

static int
process(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	struct saturate *s = u->state;

	(void)e;
	for (int c = 0; c < u->channels && s->moves; c++)
		times(x[c], s->drives, n);
	for (int c = 0; c < u->channels; c++)
		for (int at = 0; at < n; at += PIECE)
			run_piece(s, c, x[c] + at, n - at < PIECE ? n - at : PIECE);
	if (s->curve == BEND_TUBE)
		cut_dc(s, x, u->channels, n);
	for (int c = 0; c < u->channels && s->moves; c++)
		times(x[c], s->outputs, n);
	return 0;
}

static void
settle(struct fx_unit *u)
{
	struct saturate *s = u->state;

	for (int c = 0; c < u->channels; c++)
		s->dc[c].s1 = fx_settled(s->dc[c].s1);
}

static double
tail_s(const struct fx_unit *u)
{
	return u->top[CURVE] >= BEND_TUBE && u->low[CURVE] <= BEND_TUBE ? 13.8 / (2 * 3.1416 * 8) : 0;
}

const struct fx_effect fx_saturate = {
	.info = { "saturate", "Saturation by a bent curve, oversampled.", params, sizeof params / sizeof *params, presets,
	    "drive_db" },
	.mix = FX_INSERT, .state = sizeof(struct saturate), .open = open_saturate, .update = update, .note = note,
	.process = process, .settle = settle, .tail_s = tail_s, .close = close_saturate,
};
