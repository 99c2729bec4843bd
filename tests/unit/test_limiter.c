/* test_limiter.c - a ceiling that is kept, and gains that do only what they must. */
#include "base/isa.h"
#include "metrics/limiter.h"
#include "metrics/truepeak.h"
#include "../tap.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 400000 };
static float x[MOST], y[MOST], z[MOST];

/* n frames of x to out, fed in blocks. */
static struct limiter_facts
limit(int rate_hz, int channels, double ceiling, int64_t n, int64_t block, float *out)
{
	struct limiter_facts f = { -1, -1 };
	struct limiter *l;
	struct err e;
	const float *p;
	int64_t made = 0, got;

	if (limiter_new(&l, rate_hz, channels, ceiling, &e))
		return f;
	for (int64_t at = 0, m; at < n; at += m) {
		m = n - at < block ? n - at : block;
		if (limiter_process(l, x + at * channels, m, at + m == n, &p, &got, &e) || made + got > n)
			return f;
		if (got)
			memcpy(out + made * channels, p, (size_t)(got * channels) * sizeof *out);
		made += got;
	}
	limiter_facts(l, &f);
	if (made != n)
		f.max_reduction_db = -1;
	limiter_free(l);
	return f;
}

static double
true_peak(int rate_hz, int channels, const float *p, int64_t n)
{
	struct truepeak *t;
	struct err e;
	int64_t overs;
	double peak;

	if (truepeak_new(&t, rate_hz, channels, &e))
		return NAN;
	truepeak_add(t, p, n);
	peak = truepeak_end(t, &overs);
	truepeak_free(t);
	return peak;
}

/* Bursts of noise, of sines near half the rate whose peaks are between samples, and of one-sample clicks. */
static void
hard(int rate_hz, int channels, int64_t n)
{
	srand(7);
	for (int64_t t = 0; t < n; t++)
		for (int c = 0; c < channels; c++) {
			int64_t part = t / (rate_hz / 20) % 5;
			double v = part == 0 ? rand() % 2001 / 1000.0 - 1 : part == 1 ? 1.9 * sin(M_PI / 2 * (double)t + M_PI / 4) :
			    part == 2 ? (t % 997 == 0 ? 2.5 : 0) : part == 3 ? 0.1 * sin(0.05 * (double)t) :
			    1.4 * sin(0.31 * M_PI * (double)t + c);

			x[t * channels + c] = (float)v;
		}
}

static void
test_ceiling(void)
{
	static const int rates[] = { 8000, 44100, 48000, 96000, 192000, 384000 };
	char line[120];

	for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
		int64_t n = rates[r] / 2;
		double over;

		hard(rates[r], 2, n);
		limit(rates[r], 2, 0.5, n, 1000, y);
		over = 20 * log10(true_peak(rates[r], 2, y, n) / 0.5);
		snprintf(line, sizeof line, "%d Hz: bursts, clicks and noise stay within 0.1 dB of the ceiling", rates[r]);
		ok(over < 0.1 && over > -1.5, line);
		printf("# %.4f dB\n", over);
	}
}

static void
test_still(void)
{
	int64_t n = 48000, at;
	struct limiter_facts f;
	int falls = 1, same = 1;

	for (int64_t t = 0; t < n; t++)
		x[t] = (float)(0.3 * sin(0.03 * (double)t));
	f = limit(48000, 1, 0.5, n, 777, y);
	ok(f.max_reduction_db == 0 && f.limited_frames == 0 && !memcmp(x, y, (size_t)n * sizeof *x),
	    "under the ceiling: the same bits");
	/* one burst in the middle, over a constant: the constant shows the gain */
	for (int64_t t = 0; t < n; t++)
		x[t] = t >= 20000 && t < 20100 ? 1.0f : 0.01f;
	f = limit(48000, 1, 0.5, n, 48000, y);
	for (at = 0; at < n && y[at] == 0.01f; at++)
		;
	ok(at > 20000 - 480 && at < 20000 - 120, "the gain falls over some milliseconds before a peak, not sooner");
	for (int64_t t = at; t < 19990; t++)
		falls &= y[t + 1] <= y[t];
	ok(falls, "and only falls until it is there");
	ok(f.max_reduction_db > 6 && f.max_reduction_db < 9, "by what is needed");
	ok_near(20 * log10((double)y[20050]), -6.02, 1.2, "the peak is at the ceiling, less what is between samples");
	ok_near((double)y[20100 + 4800 + 240] / 0.01, 1 - 0.5 * exp(-1), 0.04, "after 100 ms two thirds have come back");
	for (int64_t t = 0; t < n; t++)
		same &= y[t] <= x[t];
	ok(same && y[n - 1] > 0.0099f, "in the end all");
	limit(48000, 1, 0.5, n, 1, z);
	ok(!memcmp(y, z, (size_t)n * sizeof *y), "the same bits frame by frame");
	for (int64_t t = 0; t < 100; t++)
		x[t] = 1;
	f = limit(48000, 1, 0.5, 5, 5, y);
	ok(f.max_reduction_db > 6 && (double)y[0] <= 0.5, "5 frames alone");
}

static void
test_linked(void)
{
	int64_t n = 9600;
	int same = 1;

	for (int64_t t = 0; t < n; t++) {
		x[2 * t] = (float)sin(0.1 * (double)t);
		x[2 * t + 1] = x[2 * t] / 4;
	}
	limit(48000, 2, 0.25, n, 512, y);
	for (int64_t t = 0; t < n; t++)
		same &= fabsf(y[2 * t] - 4 * y[2 * t + 1]) < 1e-6f;
	ok(same, "one gain for all channels");
}

/* Every instruction set, at rates with every filter, and with a signal that is limited here and there. */
static void
test_isas(void)
{
	static const enum isa isas[] = { ISA_NEON, ISA_AVX2, ISA_AVX512 };
	static const int rates[] = { 44100, 48000, 96000, 192000 };
	char line[80];

	for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
		int same = 1;

		if (!isa_have(isas[i])) {
			skip(isa_name(isas[i]), "not on this machine");
			continue;
		}
		for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
			int64_t n = rates[r] / 2 + 5;

			hard(rates[r], 2, n);
			setenv("SHOOTOUT_ISA", "generic", 1);
			limit(rates[r], 2, 0.7, n, 4000, y);
			setenv("SHOOTOUT_ISA", isa_name(isas[i]), 1);
			limit(rates[r], 2, 0.7, n, 333, z);
			same &= !memcmp(y, z, (size_t)(2 * n) * sizeof *y);
		}
		snprintf(line, sizeof line, "%s: the bits of plain C", isa_name(isas[i]));
		ok(same, line);
	}
	unsetenv("SHOOTOUT_ISA");
}

int
main(void)
{
	test_ceiling();
	test_still();
	test_linked();
	test_isas();
	return done();
}
