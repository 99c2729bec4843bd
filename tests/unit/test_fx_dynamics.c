/* test_fx_dynamics - gate and compressor against what they say they do. */
#include "fx/fx.h"
#include "../tap.h"

#include <string.h>

enum { RATE = 48000, MOST = 4 * RATE };
static float x[2 * MOST], y[2 * MOST + 1024];
static json_t *facts;

/* x through one effect; facts are kept. */
static int
run(const char *text, int64_t n, int channels)
{
	struct fx_spec *s;
	struct fx *fx;
	struct err e;
	int64_t made = 0, got;

	json_decref(facts);
	facts = NULL;
	if (fx_spec_new(&s, &e) || fx_spec_add(s, text, &e) || fx_open(&fx, s, RATE, channels, &e)) {
		printf("# %s\n", e.msg);
		return -1;
	}
	for (int64_t at = 0; at < n; at += 1000)
		made += fx_process(fx, x + at * channels, n - at < 1000 ? n - at : 1000, y + made * channels, &e);
	while ((got = fx_finish(fx, 0, y + made * channels, &e)) > 0)
		made += got;
	facts = fx_facts(fx, 0);
	fx_close(fx);
	fx_spec_free(s);
	return made == n ? 0 : -1;
}

static double
fact(const char *key)
{
	return json_number_value(json_object_get(facts, key));
}

static double
db(double v)
{
	return 20 * log10(fabs(v));
}

/* A square wave: its level is the same in every frame, so that the curve can be read off. */
static void
square(int64_t from, int64_t to, double level_db, int channels)
{
	for (int64_t i = from; i < to; i++)
		for (int c = 0; c < channels; c++)
			x[i * channels + c] = (float)((i / 48 & 1 ? -1 : 1) * pow(10, level_db / 20));
}

static void
test_curve(void)
{
	static const struct { const char *text; double in_db, out_db; } points[] = {
		{ "comp:threshold_db=-20,ratio=4,knee_db=0", -8, -17 }, { "comp:threshold_db=-20,ratio=4,knee_db=0", -30, -30 },
		{ "comp:threshold_db=-20,ratio=20,knee_db=0", 0, -19 }, { "comp:threshold_db=-20,ratio=1", 0, 0 },
		/* in the knee: slope * (over + knee/2)^2 / (2 knee) off */
		{ "comp:threshold_db=-20,ratio=4,knee_db=12", -20, -20 - 0.75 * 36 / 24 },
		{ "comp:threshold_db=-20,ratio=4,knee_db=12", -14, -14 - 0.75 * 6 },
		{ "comp:threshold_db=-20,ratio=4,knee_db=12", -26, -26 },
		{ "comp:threshold_db=-60,ratio=2,knee_db=0,makeup_db=10,rms_ms=5", -20, -30 },
	};

	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		char name[160];

		square(0, RATE, points[i].in_db, 1);
		snprintf(name, sizeof name, "%s: %g dB in, %g dB out", points[i].text, points[i].in_db, points[i].out_db);
		ok(!run(points[i].text, RATE, 1) && fabs(db(y[RATE - 1]) - points[i].out_db) < 0.01, name);
	}
}

static void
test_comp_times(void)
{
	double want;

	/* 12 dB over at 4:1 are 9 dB off; after one time constant 63 % of them */
	square(0, RATE / 2, -60, 1);
	square(RATE / 2, RATE, -8, 1);
	square(RATE, 2 * RATE, -30, 1);
	run("comp:threshold_db=-20,ratio=4,knee_db=0,attack_ms=20,release_ms=200", 2 * RATE, 1);
	want = 9 * (1 - exp(-1));
	ok_near(-8 - db(y[RATE / 2 + RATE / 50 - 1]), want, 0.02, "attack: 63 % of the reduction after its time");
	ok_near(-30 - db(y[RATE + RATE / 5 - 1]), 9 * exp(-1), 0.02, "release: 37 % left after its time");
	ok_near(fact("max_reduction_db"), 9, 0.01, "the most is reported");
	run("comp:threshold_db=-20,ratio=4,knee_db=0,attack_ms=0,release_ms=0", 2 * RATE, 1);
	ok_near(db(y[RATE / 2]), -17, 0.01, "0 ms: at once");
	ok_near(db(y[RATE]), -30, 0.01, "and back");
	run("comp:threshold_db=-20,ratio=4,knee_db=0,mix_pct=50", 2 * RATE, 1);
	ok_near(y[RATE - 1] / x[RATE - 1], 0.5 + 0.5 * pow(10, -9.0 / 20), 1e-3, "mix 50 %: half of each");
	/* stereo: both get the gain of the louder */
	square(0, RATE, -8, 2);
	for (int i = 0; i < RATE; i++)
		x[2 * i + 1] *= 0.1f;
	run("comp:threshold_db=-20,ratio=4,knee_db=0", RATE, 2);
	ok(fabs(db(y[2 * RATE - 2]) + 17) < 0.01 && fabs(db(y[2 * RATE - 1]) + 37) < 0.01, "channels are linked");
	run("comp:threshold_db=-8,ratio=4", 0, 1);
	ok(fact("max_reduction_db") == 0, "nothing in, nothing reduced");
}

static void
test_gate(void)
{
	int64_t open, closed;

	square(0, RATE, -70, 1);
	square(RATE, 2 * RATE, -20, 1);
	square(2 * RATE, 3 * RATE, -70, 1);
	run("gate:threshold_db=-60,range_db=80,attack_ms=10,hold_ms=100,release_ms=50", 3 * RATE, 1);
	ok_near(db(y[RATE - 1]), -150, 0.01, "closed: its range");
	ok_near(db(y[RATE + RATE / 200 - 1]), -20 - 40, 0.5, "half of the attack: half of the range, in dB");
	ok_near(db(y[RATE + RATE / 100 + 1]), -20, 1e-4, "open after its attack");
	ok(y[2 * RATE - 1] == x[2 * RATE - 1], "open: bit for bit");
	for (open = 2 * RATE; open < 3 * RATE && y[open] == x[open]; open++)
		;
	for (closed = open; closed < 3 * RATE && db(y[closed]) > -149.9; closed++)
		;
	/* the detector falls 10 ms a time constant: from -20 to -66 dB in 53 ms, then the hold */
	ok_near((double)(open - 2 * RATE) / RATE, 0.100 + 0.01 * 46 / 8.686, 0.002, "it holds");
	ok_near((double)(closed - open) / RATE, 0.050, 0.001, "and closes in its time");
	ok(fact("openings") == 1, "one opening");
	ok_near(fact("open_ratio"), (1 + 0.153) / 3, 0.002, "and how much of the time");

	/* between the thresholds: what is open stays, what is closed stays */
	square(0, RATE, -63, 1);
	square(RATE, RATE + RATE / 2, -50, 1);
	square(RATE + RATE / 2, 3 * RATE, -63, 1);
	run("gate:threshold_db=-60,hysteresis_db=6,hold_ms=0", 3 * RATE, 1);
	ok(db(y[RATE - 1]) < -140 && y[3 * RATE - 1] == x[3 * RATE - 1] && fact("openings") == 1, "hysteresis: no way back");
	run("gate:threshold_db=-60,hysteresis_db=0,hold_ms=0", 3 * RATE, 1);
	ok(db(y[3 * RATE - 1]) < -140, "without it: closed again");
	run("gate:-40", 3 * RATE, 1);
	ok(db(y[RATE + RATE / 4]) < -130 && fact("openings") == 0, "a bare number is the threshold");
	/* a decaying 82 Hz note just over the threshold does not chatter */
	for (int i = 0; i < 3 * RATE; i++)
		x[i] = (float)(0.05 * exp(-2.5 * i / RATE) * sin(2 * 3.14159265 * 82.4 * i / RATE));
	run("gate:threshold_db=-50,hysteresis_db=4,hold_ms=20", 3 * RATE, 1);
	ok(fact("openings") == 1, "a decaying low E opens it once");
}

/* What opens ahead of time loses nothing of the first note, and stays where it was. */
static void
test_ahead(void)
{
	int64_t first = RATE;

	memset(x, 0, sizeof x);
	square(RATE, 2 * RATE, -20, 1);
	run("gate:threshold_db=-60,attack_ms=5,lookahead_ms=6", 2 * RATE, 1);
	while (first < 2 * RATE && y[first] == x[first])
		first++;
	ok(first == 2 * RATE && y[RATE - 1] == 0, "gate: the first frame of a note is whole");
	run("gate:threshold_db=-60,attack_ms=5", 2 * RATE, 1);
	ok(fabs(y[RATE]) < 1e-3 * fabs(x[RATE]), "without looking ahead it is not");
	run("comp:threshold_db=-40,ratio=20,knee_db=0,attack_ms=1,lookahead_ms=10", 2 * RATE, 1);
	ok(fabs(db(y[RATE]) - db(y[2 * RATE - 1000])) < 0.05, "comp: the first frame is held down already");
	run("comp:threshold_db=-40,ratio=20,knee_db=0,attack_ms=1,lookahead_ms=10,mix_pct=50", 2 * RATE, 1);
	ok(fabs(y[RATE] / x[RATE] - 0.5 - 0.5 * pow(10, -19.0 / 20)) < 1e-3, "and the dry half is as late");
}

int
main(void)
{
	test_curve();
	test_comp_times();
	test_gate();
	test_ahead();
	json_decref(facts);
	return done();
}
