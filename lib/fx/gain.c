/* gain.c - gain and boost. */
#include "fx/effect.h"
#include "dsp/db.h"

enum { GAIN_DB = FX_BYPASS + 1, INVERT };

static const struct fx_param gain_params[] = {
	FX_P_BYPASS,
	{ "gain_db", "dB", FX_NUMBER, -120, 120, 0, NULL, "gain; 0 dB changes no bit" },
	{ "invert", "", FX_SWITCH, 0, 1, 0, NULL, "1: turn the polarity around" },
};
static const struct fx_param boost_params[] = {
	FX_P_BYPASS,
	{ "gain_db", "dB", FX_NUMBER, 0, 24, 6, NULL, "gain" },
};

struct gain { double factor; };

static void
update_gain(struct fx_unit *u)
{
	struct gain *g = u->state;

	g->factor = dsp_gain_of_db(u->v[GAIN_DB]);
	if (u->fx == &fx_gain && u->v[INVERT] != 0)
		g->factor = -g->factor;
}

static int
process(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	const double factor = ((const struct gain *)u->state)->factor;

	(void)e;
	for (int c = 0; c < u->channels; c++)
		for (int i = 0; i < n; i++)
			x[c][i] *= factor;
	return 0;
}

const struct fx_effect fx_gain = {
	.info = { "gain", "A gain.", gain_params, 3, NULL, "gain_db" },
	.mix = FX_PLAIN, .state = sizeof(struct gain), .update = update_gain, .process = process,
};
const struct fx_effect fx_boost = {
	.info = { "boost", "A clean boost, for the input of an amp.", boost_params, 2, NULL, "gain_db" },
	.mix = FX_PLAIN, .state = sizeof(struct gain), .update = update_gain, .process = process,
};
