/* test_limit_model.c - what the model tells of a limiter, against the limiter and what its result measures. */
#include "../tap.h"
#include "base/isa.h"
#include "base/scan.h"
#include "dsp/db.h"
#include "metrics/limit_model.h"
#include "metrics/limiter.h"
#include "metrics/truepeak.h"

#include <stdlib.h>
#include <string.h>

enum { RATE_HZ = 48000, N = 8 * RATE_HZ, LONG_RATE_HZ = 8000 };
static float x[2 * N], y[2 * N];
static struct err e;

/* Plucked notes, every other one soft, over a little noise: peaks 12 dB over the loudness. */
static void
plucks(void)
{
	unsigned seed = 1;

	for (int t = 0; t < N; t++) {
		double s = t % (RATE_HZ / 3) / (double)RATE_HZ, a = exp(-6 * s) * (t / (RATE_HZ / 3) % 2 ? 0.3 : 0.7), f = 110 * 2 * M_PI;

		for (int c = 0; c < 2; c++) {
			seed = seed * 1664525u + 1013904223u;
			x[2 * t + c] = (float)(a * (sin(f * s) + 0.5 * sin(3.01 * f * s + c) + 0.3 * exp(-60 * s) * sin(30 * f * s)) +
			    1e-3 * ((double)seed / 4294967296.0 - 0.5));
		}
	}
}

/* x in blocks, of which what is from `from` on counts. */
static struct limit_model *
model(enum limit_model_of of, int64_t block, int64_t from, double *peak)
{
	struct limit_model *m;
	struct loudness *l;
	struct loudness_values v;
	const struct loudness_point *series;
	size_t n;

	if (limit_model_new(&m, RATE_HZ, 2, of, &e) ||
	    loudness_new(&l, RATE_HZ, 2, LOUDNESS_INTEGRATED | LOUDNESS_MAX | LOUDNESS_SERIES, &e))
		abort();
	for (int64_t at = 0, k; at < N; at += k) {
		int64_t end = at < from ? from : N;

		k = end - at < block ? end - at : block;
		if (limit_model_add(m, x + 2 * at, k, at >= from, &e) || (at >= from && loudness_add(l, x + 2 * at, k, &e)))
			abort();
	}
	if (loudness_end(l, &v, &e))
		abort();
	series = loudness_series(l, &n);
	if (limit_model_end(m, series, n, peak, &e))
		abort();
	loudness_free(l);
	return m;
}

/* What the limiter makes of x * gain, from frame `from` on, as each kind of level; limit INFINITY: no limiter. */
static void
levels(double gain, double limit, int64_t from, double level[LIMIT_MODEL_ENERGY + 1])
{
	struct limiter *l;
	struct loudness *m;
	struct loudness_values v;
	const float *p = y;
	int64_t got = N;
	double sum = 0, square = 0;

	for (int i = 0; i < 2 * N; i++)
		y[i] = (float)(x[i] * gain);
	if (loudness_new(&m, RATE_HZ, 2, LOUDNESS_INTEGRATED | LOUDNESS_MAX, &e) || limiter_new(&l, RATE_HZ, 2, limit, &e) ||
	    (isfinite(limit) && limiter_process(l, y, N, 1, &p, &got, &e)) || got != N ||
	    loudness_add(m, p + 2 * from, N - from, &e) || loudness_end(m, &v, &e))
		abort();
	scan_sums(p + 2 * from, (size_t)(2 * (N - from)), &sum, &square);
	level[LIMIT_MODEL_INTEGRATED] = v.integrated_lufs;
	level[LIMIT_MODEL_MOMENTARY] = v.max_momentary_lufs;
	level[LIMIT_MODEL_SHORT_TERM] = v.max_short_term_lufs;
	level[LIMIT_MODEL_ENERGY] = 10 * log10(square);
	limiter_free(l);
	loudness_free(m);
}

static void
test_right(int64_t from, const char *what)
{
	static const char *const names[] = { "integrated", "momentary", "short-term", "energy" };
	double peak, before[4], after[4];
	char line[120];

	levels(1, INFINITY, from, before);
	for (int of = 0; of <= LIMIT_MODEL_ENERGY; of++) {
		struct limit_model *m = model((enum limit_model_of)of, 4096, from, &peak);
		double worst = 0;

		for (double db = 0; db <= 8; db += 2) {
			double gain = dsp_gain_of_db(db) * 0.5 / peak, told = limit_model_change(m, gain, 0.5);

			levels(gain, 0.5, from, after);
			worst = fmax(worst, fabs(told - (after[of] - before[of])));
		}
		/* the largest momentary loudness is sought every 10 ms, the model's every 100 */
		snprintf(line, sizeof line, "%s: %s, up to 8 dB of limiting: within %s dB", what, names[of],
		    of == LIMIT_MODEL_MOMENTARY ? "0.2" : "0.05");
		ok(worst < (of == LIMIT_MODEL_MOMENTARY ? 0.2 : 0.05), line);
		printf("# %.4f dB\n", worst);
		limit_model_free(m);
	}
}

static void
test_gain(void)
{
	double peak, change, gain;
	struct limit_model *m = model(LIMIT_MODEL_INTEGRATED, N, 0, &peak);
	double room = -20 * log10(peak), has;
	int no;

	ok(!limit_model_gain(m, room - 1, 0, &gain, &change) && fabs(gain - (room - 1)) < 1e-9,
	    "under the limit the gain is the change");
	ok(!limit_model_gain(m, room + 3, 0, &gain, &change) && gain > room + 3, "over it, more");
	ok_near(change, room + 3, 0.001, "to a thousandth");
	has = limit_model_change(m, dsp_gain_of_db(gain), 1);
	ok_near(has, change, 1e-9, "which is what that gain makes");
	no = limit_model_gain(m, room + 19.9, 0, &gain, &change);
	ok(no == 1 && change < room + 19.9, "what would take more limiting than there may be is refused");
	ok_near(gain, room + LIMIT_MODEL_MOST_DB, 1e-9, "with the gain of the most");
	limit_model_free(m);
}

static void
test_same(void)
{
	static const enum isa isas[] = { ISA_NEON, ISA_AVX2, ISA_AVX512 };
	double peak, want_peak, want, got;
	struct limit_model *m;
	struct truepeak *t;
	int64_t overs;
	char line[80];

	setenv("SHOOTOUT_ISA", "generic", 1);
	m = model(LIMIT_MODEL_INTEGRATED, N, 100, &want_peak);
	want = limit_model_change(m, 2, 0.5);
	limit_model_free(m);
	unsetenv("SHOOTOUT_ISA");
	m = model(LIMIT_MODEL_INTEGRATED, 777, 100, &peak);
	got = limit_model_change(m, 2, 0.5);
	ok(peak == want_peak && got == want, "any block size, the same bits");
	limit_model_free(m);
	for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
		if (!isa_have(isas[i])) {
			skip(isa_name(isas[i]), "not on this machine");
			continue;
		}
		setenv("SHOOTOUT_ISA", isa_name(isas[i]), 1);
		m = model(LIMIT_MODEL_INTEGRATED, 4096, 100, &peak);
		got = limit_model_change(m, 2, 0.5);
		snprintf(line, sizeof line, "%s: the bits of plain C", isa_name(isas[i]));
		ok(peak == want_peak && got == want, line);
		limit_model_free(m);
	}
	unsetenv("SHOOTOUT_ISA");
	if (truepeak_new(&t, RATE_HZ, 2, &e))
		abort();
	truepeak_add(t, x, N);
	ok(truepeak_end(t, &overs) == want_peak, "the true peak is that of truepeak.h");
	truepeak_free(t);
}

/* Over an hour and a half at 8 kHz: the grid is made coarser twice. */
static void
test_long(void)
{
	struct limit_model *m, *s;
	int64_t block = 2 * LONG_RATE_HZ;
	double peak, a, b;

	for (int64_t t = 0; t < block; t++)
		x[t] = (float)(exp(-(double)(t % (LONG_RATE_HZ / 2)) / 800) * sin(0.3 * (double)t));
	if (limit_model_new(&m, LONG_RATE_HZ, 1, LIMIT_MODEL_ENERGY, &e) || limit_model_new(&s, LONG_RATE_HZ, 1, LIMIT_MODEL_ENERGY, &e))
		abort();
	for (int i = 0; i < 3000; i++)
		if (limit_model_add(m, x, block, 1, &e) || (i < 10 && limit_model_add(s, x, block, 1, &e)))
			abort();
	if (limit_model_end(m, NULL, 0, &peak, &e) || limit_model_end(s, NULL, 0, &peak, &e))
		abort();
	a = limit_model_change(m, 1.6, peak);
	b = limit_model_change(s, 1.6, peak);
	ok_near(a, b, 0.1, "100 minutes of the same are told as 20 seconds are");
	printf("# %.4f %.4f dB\n", a, b);
	limit_model_free(m);
	limit_model_free(s);
}

int
main(void)
{
	plucks();
	test_right(0, "all");
	test_right(2 * RATE_HZ + 333, "a part");
	test_gain();
	test_same();
	test_long();
	return done();
}
