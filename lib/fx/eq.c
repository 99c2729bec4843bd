/* eq.c - three bands, cuts at both ends, and eight parametric bands. */
#include "fx/effect.h"
#include "fx/svf.h"
#include "base/mem.h"

#include <string.h>

enum { BANDS = 8, MAX_SECTIONS = 4 + 3 + 4 + BANDS };
enum {
	LOW_CUT_HZ = FX_MIX + 1, LOW_CUT_SLOPE, HIGH_CUT_HZ, HIGH_CUT_SLOPE,
	LOW_GAIN, LOW_HZ, LOW_Q, MID_GAIN, MID_HZ, MID_Q, HIGH_GAIN, HIGH_HZ, HIGH_Q,
	BAND_TYPE, BAND_HZ, BAND_GAIN, BAND_Q, BAND_STEP = 4
};

static const char *const slopes[] = { "6", "12", "18", "24", "36", "48", NULL };
static const int orders[] = { 1, 2, 3, 4, 6, 8 };
static const char *const types[] = { "off", "bell", "low_shelf", "high_shelf", "low_cut", "high_cut", "notch",
	"band_pass", NULL };     /* in the order of enum svf_type */

#define BAND(n, hz) \
	{ "band" n "_type", "", FX_WORD, 0, SVF_BAND_PASS, SVF_OFF, types, "what band " n " is" }, \
	{ "band" n "_hz", "Hz", FX_NUMBER, 10, 20000, hz, NULL, "its frequency" }, \
	{ "band" n "_gain_db", "dB", FX_NUMBER, -24, 24, 0, NULL, "its gain: bell and shelves" }, \
	{ "band" n "_q", "", FX_NUMBER, 0.1, 40, 0.7071, NULL, "its Q" }

static const struct fx_param params[] = {
	FX_P_INSERT(100),
	{ "low_cut_hz", "Hz", FX_NUMBER, 0, 20000, 0, NULL, "high pass (Butterworth) from here; 0: off" },
	{ "low_cut_slope", "dB/oct", FX_WORD, 0, 5, 1, slopes, "its slope" },
	{ "high_cut_hz", "Hz", FX_NUMBER, 0, 20000, 0, NULL, "low pass (Butterworth) from here; 0: off" },
	{ "high_cut_slope", "dB/oct", FX_WORD, 0, 5, 1, slopes, "its slope" },
	{ "low_gain_db", "dB", FX_NUMBER, -12, 12, 0, NULL, "low shelf" },
	{ "low_hz", "Hz", FX_NUMBER, 20, 2000, 160, NULL, "its frequency" },
	{ "low_q", "", FX_NUMBER, 0.1, 4, 0.7071, NULL, "its Q" },
	{ "mid_gain_db", "dB", FX_NUMBER, -12, 12, 0, NULL, "bell" },
	{ "mid_hz", "Hz", FX_NUMBER, 100, 10000, 1200, NULL, "its frequency" },
	{ "mid_q", "", FX_NUMBER, 0.1, 40, 1, NULL, "its Q" },
	{ "high_gain_db", "dB", FX_NUMBER, -12, 12, 0, NULL, "high shelf" },
	{ "high_hz", "Hz", FX_NUMBER, 500, 20000, 6000, NULL, "its frequency" },
	{ "high_q", "", FX_NUMBER, 0.1, 4, 0.7071, NULL, "its Q" },
	BAND("1", 100), BAND("2", 200), BAND("3", 400), BAND("4", 800), BAND("5", 1600), BAND("6", 3200),
	BAND("7", 6400), BAND("8", 10000),
};

static const struct fx_preset presets[] = {
	{ "highpass_80hz", "low_cut_hz=80,low_cut_slope=6", "first-order high pass at 80 Hz" },
	{ "lowpass_12k", "high_cut_hz=12000,high_cut_slope=6", "first-order low pass at 12 kHz" },
	{ "highshelf_presence", "high_hz=3000,high_gain_db=3", "3 dB more from 3 kHz on" },
	{ "mid_scoop", "mid_hz=500,mid_q=0.8,mid_gain_db=-6", "6 dB less around 500 Hz" },
	{ "tighten", "low_cut_hz=100,low_cut_slope=12,band1_type=bell,band1_hz=250,band1_q=1,band1_gain_db=-2",
	    "less boom before a high-gain amp" },
	{ "de_fizz", "high_cut_hz=9000,high_cut_slope=24", "nothing above what a guitar loudspeaker has" },
	{ NULL, NULL, NULL }
};

struct section {
	struct svf f;
	double key[4];           /* what f was made of: type, hz, gain or order, q */
	struct svf_state *s;     /* one a channel */
};

struct eq {
	struct section sec[MAX_SECTIONS];
	struct svf_state *states;
	int used[MAX_SECTIONS], n;
	int made;                /* what does not move is */
};

static int
open_eq(struct fx_unit *u, struct err *e)
{
	struct eq *q = u->state;

	q->states = mem_zalloc((size_t)MAX_SECTIONS * (size_t)u->channels, sizeof *q->states);
	if (!q->states)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (int i = 0; i < MAX_SECTIONS; i++)
		q->sec[i].s = q->states + (size_t)i * (size_t)u->channels;
	return 0;
}

static void
close_eq(struct fx_unit *u)
{
	mem_free(((struct eq *)u->state)->states);
}

/* Section i becomes this filter; one that was off begins from rest. */
static void
use(struct fx_unit *u, int i, enum svf_type type, int first, double hz, double gain_db, double q)
{
	struct eq *eq = u->state;
	struct section *s = &eq->sec[i];
	const double key[4] = { first ? -(double)type : (double)type, hz, gain_db, q };

	if (memcmp(key, s->key, sizeof key) != 0) {
		if (type != SVF_OFF && first)
			svf_set_first(&s->f, type, fx_hz(u, hz), u->rate_hz);
		else if (type != SVF_OFF)
			svf_set(&s->f, type, fx_hz(u, hz), gain_db, q, u->rate_hz);
		if (s->key[0] == 0)
			memset(s->s, 0, (size_t)u->channels * sizeof *s->s);
		memcpy(s->key, key, sizeof key);
	}
	if (type != SVF_OFF)
		eq->used[eq->n++] = i;
}

/* A Butterworth filter of order up to 8 in sections from `at`: an odd order has one of first order. */
static void
use_cut(struct fx_unit *u, int at, enum svf_type type, double hz, int order)
{
	/* 1 / (2 cos(theta)) of the pole pairs at theta = pi (2 k + 1 + odd) / (2 order) from the negative axis */
	static const double qs[9][4] = {
		[2] = { 0.70710678118654757 },
		[3] = { 1 },
		[4] = { 0.54119610014619701, 1.3065629648763766 },
		[6] = { 0.51763809020504148, 0.70710678118654757, 1.9318516525781364 },
		[8] = { 0.50979557910415918, 0.60134488693504529, 0.89997622313641557, 2.5629154477415055 },
	};
	int pairs = order / 2, k;

	type = hz > 0 ? type : SVF_OFF;
	for (k = 0; k < pairs; k++)
		use(u, at + k, type, 0, hz, 0, qs[order][k]);
	if (order & 1)
		use(u, at + k++, type, 1, hz, 0, 1);
	for (; k < 4; k++)
		use(u, at + k, SVF_OFF, 0, 0, 0, 0);
}

static void
use_gain(struct fx_unit *u, int at, enum svf_type type, const double *v /* gain, hz, q */)
{
	/* a gain of 0 dB passes bit for bit; one that is moved must not lose its state there */
	int off = v[0] == 0 && u->low[v - u->v] == u->top[v - u->v];

	use(u, at, off ? SVF_OFF : type, 0, v[1], v[0], v[2]);
}

/* Whether the sections from `at` on are made from parameters that never move; then they are used as they are. */
static int
stays(struct fx_unit *u, int at, int sections, int param, int n)
{
	struct eq *q = u->state;

	for (int p = param; p < param + n; p++)
		if (u->low[p] != u->top[p])
			return 0;
	for (int i = at; q->made && i < at + sections; i++)
		if (q->sec[i].key[0] != SVF_OFF)
			q->used[q->n++] = i;
	return q->made;
}

static void
update(struct fx_unit *u)
{
	struct eq *q = u->state;
	const double *v = u->v;

	q->n = 0;
	if (!stays(u, 0, 4, LOW_CUT_HZ, 2))
		use_cut(u, 0, SVF_LOW_CUT, v[LOW_CUT_HZ], orders[(int)v[LOW_CUT_SLOPE]]);
	if (!stays(u, 4, 1, LOW_GAIN, 3))
		use_gain(u, 4, SVF_LOW_SHELF, &v[LOW_GAIN]);
	if (!stays(u, 5, 1, MID_GAIN, 3))
		use_gain(u, 5, SVF_BELL, &v[MID_GAIN]);
	if (!stays(u, 6, 1, HIGH_GAIN, 3))
		use_gain(u, 6, SVF_HIGH_SHELF, &v[HIGH_GAIN]);
	for (int b = 0; b < BANDS; b++) {
		const double *p = v + b * BAND_STEP;
		enum svf_type type = (enum svf_type)p[BAND_TYPE];
		int flat;

		if (stays(u, 7 + b, 1, b * BAND_STEP + BAND_TYPE, BAND_STEP))
			continue;
		flat = p[BAND_GAIN] == 0 && u->low[p + BAND_GAIN - v] == u->top[p + BAND_GAIN - v];

		if (type >= SVF_BELL && type <= SVF_HIGH_SHELF && flat)
			type = SVF_OFF;
		use(u, 7 + b, type, 0, p[BAND_HZ], p[BAND_GAIN], p[BAND_Q]);
	}
	if (!stays(u, 7 + BANDS, 4, HIGH_CUT_HZ, 2))
		use_cut(u, 7 + BANDS, SVF_HIGH_CUT, v[HIGH_CUT_HZ], orders[(int)v[HIGH_CUT_SLOPE]]);
	q->made = 1;
}

static int
process(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	struct eq *q = u->state;

	(void)e;
	for (int i = 0; i < q->n; i++) {
		struct section *s = &q->sec[q->used[i]];
		int c = 0;

		for (; c + 1 < u->channels; c += 2)
			svf_run2(&s->f, &s->s[c], &s->s[c + 1], x[c], x[c + 1], n);
		if (c < u->channels)
			svf_run(&s->f, &s->s[c], x[c], n);
	}
	return 0;
}

static void
settle(struct fx_unit *u)
{
	struct eq *q = u->state;

	for (int i = 0; i < MAX_SECTIONS * u->channels; i++) {
		q->states[i].s1 = fx_settled(q->states[i].s1);
		q->states[i].s2 = fx_settled(q->states[i].s2);
	}
}

/* 120 dB are 13.8 time constants of the slowest pole: Q / (pi f) of a pair, up to 1 / (2 pi f Q) of two real ones.  A
 * bell of -24 dB is as sharp as one of four times its Q. */
static double
life_s(double hz, double least_q, double most_q)
{
	double q = 4 * most_q > 0.5 / least_q ? 4 * most_q : 0.5 / least_q;

	return 13.8 * q / (3.1416 * (hz < 1 ? 1 : hz));
}

static double
tail_s(const struct fx_unit *u)
{
	double most = 0, t;

#define MOST(on, hz, least_q, most_q) do { \
	t = (on) ? life_s(hz, least_q, most_q) : 0; \
	most = t > most ? t : most; \
	} while (0)
	MOST(u->top[LOW_CUT_HZ] > 0, u->low[LOW_CUT_HZ], 1, 2.6 / 4);  /* of the steepest */
	MOST(u->top[HIGH_CUT_HZ] > 0, u->low[HIGH_CUT_HZ], 1, 2.6 / 4);
	for (int g = LOW_GAIN; g <= HIGH_GAIN; g += MID_GAIN - LOW_GAIN)
		MOST(u->low[g] < 0 || u->top[g] > 0, u->low[g + 1], u->low[g + 2], u->top[g + 2]);
	for (int b = 0; b < BANDS; b++) {
		int at = b * BAND_STEP;

		MOST(u->top[at + BAND_TYPE] > 0, u->low[at + BAND_HZ], u->low[at + BAND_Q], u->top[at + BAND_Q]);
	}
#undef MOST
	return most;
}

const struct fx_effect fx_eq = {
	.info = { "eq", "Equaliser: three bands, cuts at both ends, eight parametric bands (RBJ).", params,
	    sizeof params / sizeof *params, presets, NULL },
	.mix = FX_INSERT, .state = sizeof(struct eq), .open = open_eq, .update = update, .process = process,
	.settle = settle, .tail_s = tail_s, .close = close_eq,
};
