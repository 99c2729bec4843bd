/* test_cab.c - the shaping of impulse responses against what theory says. */
#include "base/mem.h"
#include "base/sha256.h"
#include "cab/cab.h"
#include "cab/crew.h"
#include "cab/shape.h"
#include "../tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct err e;
static const double pi = 3.14159265358979323846;

static struct shape
shape_of(int64_t frames, int channels)
{
	struct shape h;

	if (shape_new(&h, frames, channels, 48000, &e))
		exit(1);
	return h;
}

/* A smooth bump around `at`, well under half the rate. */
static void
bump(double *x, int64_t n, double at, double g)
{
	for (int64_t t = 0; t < n; t++)
		x[t] += g * exp(-pow(((double)t - at) / 4, 2)) * cos(0.5 * ((double)t - at));
}

static double
worst_between(const struct shape *h, const double *want, int64_t n)
{
	double worst = 0;

	for (int64_t t = 0; t < n; t++)
		worst = fmax(worst, fabs((t < h->frames ? h->x[t] : 0) - want[t]));
	return worst;
}

static void
test_delay(void)
{
	static const double moves[] = { 3, -7, 0.5, 2.25, -3.75, 0.00390625, 10.99609375 };
	double want[400];
	char what[64];

	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
		struct shape h = shape_of(300, 1);

		memset(want, 0, sizeof want);
		bump(h.x, 300, 150, 1);
		bump(want, 400, 150 + moves[i], 1);
		ok(!shape_delay(&h, moves[i], &e), "it moves");
		snprintf(what, sizeof what, "by %g frames", moves[i]);
		ok_near(worst_between(&h, want, 400), 0, moves[i] == floor(moves[i]) ? 1e-15 : 1e-5, what);
		shape_free(&h);
	}
}

static void
test_compare(void)
{
	static const double lags[] = { 0, 5, -12, 7.25, -0.5, 100.125 };
	struct shape_match m;

	for (size_t i = 0; i < sizeof lags / sizeof *lags; i++) {
		struct shape a = shape_of(400, 1), b = shape_of(500, 2);

		bump(a.x, 400, 150, 1);
		bump(b.x, 500, 150 + lags[i], -0.5);
		bump(b.x + 500, 500, 150 + lags[i], -0.5);
		ok(!shape_compare(&a, &b, &m, &e), "they are compared");
		ok_near(m.lag, lags[i], 0.005, "the lag");
		ok_near(m.correlation, -1, 0.001, "the correlation of opposite polarity");
		shape_free(&a);
		shape_free(&b);
	}
	{
		struct shape a = shape_of(50, 1), b = shape_of(50, 1);

		bump(a.x, 50, 20, 1);
		ok(!shape_compare(&a, &b, &m, &e) && m.correlation == 0, "silence correlates with nothing");
		shape_free(&a);
		shape_free(&b);
	}
}

/* A zero outside the unit circle, 1 - 2 / z, becomes the one inside, 2 - 1 / z; delays vanish. */
static void
test_minimum_phase(void)
{
	struct shape h = shape_of(64, 2);
	double error_db = 1, rest = 0;

	h.x[5] = 1;
	h.x[6] = -2;
	ok(!shape_minimum_phase(&h, &error_db, &e), "minimum phase");
	ok_near(h.x[0], 2, 1e-9, "the zero is reflected");
	ok_near(h.x[1], -1, 1e-9, "the zero is reflected: second tap");
	for (int t = 2; t < 64; t++)
		rest = fmax(rest, fabs(h.x[t]));
	ok_near(rest, 0, 1e-9, "and nothing else is there");
	ok_near(error_db, 0, 1e-6, "the magnitude stays");
	ok(h.x[64] == 0 && h.x[127] == 0, "a silent channel stays silent");
	shape_free(&h);
}

static void
test_filters(void)
{
	for (int high = 0; high < 2; high++) {
		struct shape h = shape_of(1, 1);
		double db[(1 << 15) + 1], hz = 1000, worst = 0;
		const double t = tan(pi * hz / 48000);

		h.x[0] = 1;
		ok(!shape_filter(&h, high, hz, &e), "a cut");
		ok(!shape_spectrum(&h, 0, db, (1 << 15) + 1, &e), "its spectrum");
		for (size_t k = 64; k < 1 << 15; k += 64) {
			/* Butterworth, the bilinear transform prewarped */
			double w = tan(pi * (double)k / 65536) / t, want = -10 * log10(1 + pow(high ? w : 1 / w, 4));

			if (want > -100)
				worst = fmax(worst, fabs(db[k] - want));
		}
		ok_near(worst, 0, 1e-3, high ? "high cut: Butterworth's curve" : "low cut: Butterworth's curve");
		shape_free(&h);
	}
}

static void
test_norm(void)
{
	struct shape h = shape_of(100, 2);
	struct shape_facts f;

	h.x[10] = 0.0005;
	h.x[20] = -0.5;
	h.x[130] = 0.3;
	h.x[131] = 0.4;
	shape_measure(&h, &f);
	ok(f.peak == 0.5 && f.energy == 0.5 * 0.5 + 0.0005 * 0.0005 && f.start_frame == 10 && f.onset_frame == 20, "facts");
	ok_near(shape_norm_gain(&h, SHAPE_ENERGY, 48000, &e), 1 / sqrt(f.energy), 1e-12, "energy");
	ok_near(shape_norm_gain(&h, SHAPE_PEAK, 48000, &e), 2, 1e-12, "peak");
	ok_near(shape_norm_gain(&h, SHAPE_JUCE, 48000, &e), 0.125 / sqrt(f.energy), 1e-12, "juce");
	ok_near(shape_norm_gain(&h, SHAPE_NAM_PLUGIN, 96000, &e), 0.5 * pow(10, -0.9), 1e-12, "nam-plugin at 96 kHz");
	ok(shape_norm_gain(&h, SHAPE_NONE, 48000, &e) == 1, "none");
	shape_free(&h);

	h = shape_of(1, 1);
	ok(shape_norm_gain(&h, SHAPE_NONE, 48000, &e) == 0 && e.code == ERR_INPUT, "silence has no level");
	h.x[0] = 0.25;
	ok_near(shape_norm_gain(&h, SHAPE_LOUDNESS, 48000, &e), 4, 1e-9, "loudness of a flat response");
	shape_free(&h);
	ok(shape_norm_of("nam-plugin") == SHAPE_NAM_PLUGIN && shape_norm_of("louder") == -1, "names");
}

/* Results that must be the same on every machine. */
static void
test_golden(void)
{
	struct shape h = shape_of(500, 1), g = shape_of(500, 1);
	struct shape_match m;
	double error_db;
	uint32_t s = 1;
	char hex[65];

	for (int t = 0; t < 500; t++) {
		s = s * 1664525u + 1013904223u;
		h.x[t] = (double)(int32_t)s / 2147483648.0 / (1 + t);
		g.x[t] = t < 9 ? 0 : h.x[t - 9];
	}
	/* not shape_filter(), whose coefficients are lib/fx's and tested there */
	if (shape_minimum_phase(&h, &error_db, &e) || shape_delay(&h, 3.3125, &e) || shape_compare(&h, &g, &m, &e))
		exit(1);
	shape_fade(&h, 100);
	h.x[0] = shape_norm_gain(&h, SHAPE_LOUDNESS, 48000, &e) + m.lag + m.correlation;
	sha256_bytes(h.x, (size_t)h.frames * sizeof *h.x, hex);
	printf("# %s\n", hex);
	ok(!strcmp(hex, "f35173d782d75ad3dd5317d0dd0e11554d42c09404888b80c2ad6e3a3bc84286"), "the same bits on every machine");
	shape_free(&h);
	shape_free(&g);
}

/* ---- a crew that counts -------------------------------------------------------------------- */

enum { HANDS = 4 };
struct counting {
	int next, stop, bad_take;        /* of take(); it fails at the end */
	int given, refuse, disorder;     /* of give(), which fails at `refuse` */
	int piece[HANDS], done[HANDS];
};

static int
count_take(void *ctx, int thread, struct err *err)
{
	struct counting *c = ctx;

	if (c->next == c->stop)
		return c->bad_take ? err_set(err, ERR_INPUT, "no more") : 0;
	c->piece[thread] = c->next++;
	return 1;
}

static void
count_work(void *ctx, int thread)
{
	struct counting *c = ctx;
	volatile int spin = c->piece[thread] % 7 * 1000; /* some take longer */

	while (spin > 0)
		spin--;
	c->done[thread] = 2 * c->piece[thread];
}

static int
count_give(void *ctx, int thread, struct err *err)
{
	struct counting *c = ctx;

	if (c->given == c->refuse)
		return err_set(err, ERR_IO, "no room");
	c->disorder += c->done[thread] != 2 * c->given++;
	return 0;
}

static void
test_crew(int threads, int bad_take, int refuse)
{
	struct counting c = { .stop = 1000, .bad_take = bad_take, .refuse = refuse };
	const struct crew crew = { threads, count_take, count_work, count_give, &c };
	int r = crew_run(&crew, &e);
	char what[80];

	snprintf(what, sizeof what, "%d threads: all pieces in order", threads);
	ok(!c.disorder && c.given == (refuse < 0 ? 1000 : refuse), what);
	if (refuse >= 0)
		ok(r == -1 && !strcmp(e.msg, "no room") && c.next <= refuse + threads, "one that is refused is the last");
	else
		ok(bad_take ? r == -1 && !strcmp(e.msg, "no more") : !r, bad_take ? "and the error after them" : "and that is all");
}

static void
test_crews(void)
{
	for (int threads = 1; threads <= HANDS; threads++) {
		test_crew(threads, 0, -1);
		test_crew(threads, 1, -1);
		test_crew(threads, 0, 0);
		test_crew(threads, 1, 99);
	}
}

static void
test_check(void)
{
	const struct cab_options good = CAB_OPTIONS_DEFAULT;
	struct cab_options o = good;
	const double gain = 1;

	ok(!cab_check(&good, &e), "the defaults are good");
	o.tail = "1.5x";
	ok(cab_check(&o, &e) && !strncmp(e.msg, "tail: ", 6), "a message begins with the key");
	o = good;
	o.ir_gain_db = &gain;
	o.n_gains = 1;
	ok(cab_check(&o, &e) && e.code == ERR_INPUT, "a gain of nothing");
	o = good;
	o.n_irs = CAB_MAX_IRS + 1;
	ok(cab_check(&o, &e) && e.code == ERR_INPUT, "too many responses");
}

int
main(void)
{
	test_delay();
	test_compare();
	test_minimum_phase();
	test_filters();
	test_norm();
	test_golden();
	test_crews();
	test_check();
	return done();
}
