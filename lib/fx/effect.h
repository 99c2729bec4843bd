/* effect.h - what an effect is; private to lib/fx (use fx.h).
 *
 * An effect makes the wet signal only.  The chain mixes it with the dry one (delayed by the effect's latency), by the first
 * parameters, which all effects share: bypass, then mix_pct (FX_INSERT, FX_SEND), then dry_pct (FX_SEND). */
#ifndef FX_EFFECT_H
#define FX_EFFECT_H
#include "fx/fx.h"

enum fx_mix {
	FX_PLAIN,       /* the wet signal replaces the dry one */
	FX_INSERT,      /* from dry to wet */
	FX_SEND         /* the wet signal is added to the dry one, which stays at unity */
};
enum { FX_BYPASS, FX_MIX, FX_DRY, FX_MAX_PARAMS = 1024 };

#define FX_P_BYPASS { "bypass", "", FX_SWITCH, 0, 1, 0, NULL, "1: let the signal through untouched" }
#define FX_P_INSERT(def) FX_P_BYPASS, \
	{ "mix_pct", "%", FX_NUMBER, 0, 100, def, NULL, "0 is the dry signal alone, 100 the wet one alone" }
#define FX_P_SEND(def) FX_P_BYPASS, \
	{ "mix_pct", "%", FX_NUMBER, 0, 100, def, NULL, "level of the wet signal that is added" }, \
	{ "dry_pct", "%", FX_NUMBER, 0, 100, 100, NULL, "level of the dry signal; 100 is unity" }

struct fx_unit;

struct fx_effect {
	struct fx_info info;
	enum fx_mix mix;
	size_t state;            /* bytes of u->state, zeroed before open */
	int tail_param;          /* the parameter that says how many seconds the tail is; 0: tail_s() does */
	/* Allocate for the values, which are set, and u->top; set u->latency, u->behind, u->step.  On error close() is called. */
	int (*open)(struct fx_unit *u, struct err *e);
	void (*update)(struct fx_unit *u);     /* values have changed; also called once after open */
	/* Where values move: those of now are for frames at..at + n of the block to come, which process() then gets whole.  NULL:
	 * it gets those frames alone. */
	void (*note)(struct fx_unit *u, int at, int n);
	/* n frames (1..FX_GRID) of each channel in place: dry in, wet out. */
	int (*process)(struct fx_unit *u, double *const *x, int n, struct err *e);
	void (*settle)(struct fx_unit *u);     /* now and then, at the same frames always: forget what is below 1e-30 */
	double (*tail_s)(const struct fx_unit *u); /* until 120 dB down, for u->top; INFINITY: never.  NULL: 0 */
	json_t *(*facts)(const struct fx_unit *u, int64_t frames); /* frames: of the chain's input; or NULL */
	void (*close)(struct fx_unit *u);      /* free what open made; or NULL */
};

struct fx_unit {
	const struct fx_effect *fx;
	int rate_hz, channels;
	double *v;               /* values now, one for each parameter */
	double *low, *top;       /* the least and the most that they will be; words never move (slot.h) */
	int64_t *behind;         /* by so many frames the signal is late where the parameter acts */
	int64_t latency;
	int step;                /* frames for which automated values stay; 0: one */
	double bytes;            /* set by open before it allocates what grows with the values */
	void *state;
};

extern const struct fx_effect fx_gain, fx_boost, fx_gate, fx_comp, fx_eq, fx_delay, fx_reverb, fx_saturate;

enum { FX_MAX_MIB = 2048 };      /* of one effect, and of a chain */

/* Whether so much memory may be had; -1 with *e. */
int fx_take_memory(struct fx_unit *u, double bytes, struct err *e);

/* The frequency of a filter: within what the rate allows. */
static inline double
fx_hz(const struct fx_unit *u, double hz)
{
	double most = 0.49 * u->rate_hz;

	return hz < 1 ? 1 : hz > most ? most : hz;
}

static inline double
fx_settled(double x)
{
	return x < 1e-30 && x > -1e-30 ? 0 : x;
}
#endif
