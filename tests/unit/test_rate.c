/* test_rate.c - the rate conversion against theory, and its promises about bits. */
#include "base/mem.h"
#include "base/sha256.h"
#include "dsp/rate.h"
#include "../tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20, WINDOW = 16384 };
static float x[MOST], y[MOST], z[MOST];
static double window[WINDOW];
static const double tau = 6.283185307179586;
static struct err e;

static const int rates[] = { 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000,
	176400, 192000, 352800, 384000 };
enum { RATES = sizeof rates / sizeof *rates };

static float
noise(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return (float)((double)(int32_t)*s / 2147483648.0);
}

static void
sine(float *to, size_t n, double hz, int rate_hz)
{
	for (size_t t = 0; t < n; t++)
		to[t] = (float)sin(tau * fmod(hz * (double)t / rate_hz, 1));
}

/* Not fmax(), because gcc 12 -O3 for AArch64 stops with an internal error where it makes vectors of it. */
static double
larger(double a, double b)
{
	return a > b ? a : b;
}

static struct rate *
converter(int in_hz, int out_hz, enum rate_quality q)
{
	struct rate *r;

	if (rate_new(&r, in_hz, out_hz, q, &e)) {
		printf("# %s\n", e.msg);
		exit(1);
	}
	return r;
}

/* Convert n frames, fed `block` at a time; the end comes with the last of them, or after it. */
static size_t
feed(struct rate *r, const float *in, size_t n, size_t block, int late, float *out)
{
	size_t at = 0, made = 0;

	do {
		size_t take = n - at < block ? n - at : block, got;

		got = rate_process(r, in + at, take, !late && at + take == n, out + made);
		if (got > rate_room(r, take)) {
			printf("# more than rate_room()\n");
			exit(1);
		}
		at += take;
		made += got;
	} while (at < n);
	return late ? made + rate_process(r, NULL, 0, 1, out + made) : made;
}

static size_t
convert(int in_hz, int out_hz, enum rate_quality q, const float *in, size_t n, float *out)
{
	struct rate *r = converter(in_hz, out_hz, q);
	size_t made = feed(r, in, n, 4096, 0, out);

	rate_free(r);
	return made;
}

/* A Kaiser window of beta 24, whose side lobes are below -180 dB. */
static void
make_window(void)
{
	double sum = 0;

	for (int i = 0; i < WINDOW; i++) {
		double u = (2 * i + 1.0) / WINDOW - 1, q = 144 * (1 - u * u), term = 1, s = 1;

		for (int k = 1; k < 80; k++)
			s += term *= q / ((double)k * k);
		sum += window[i] = s;
	}
	for (int i = 0; i < WINDOW; i++)
		window[i] *= 2 / sum;
}

/* The amplitude of a sine in p[WINDOW] in dB, full scale 0. */
static double
level_db(const float *p, double hz, int rate_hz)
{
	double re = 0, im = 0, w = tau * hz / rate_hz;

	for (int i = 0; i < WINDOW; i++) {
		re += window[i] * (double)p[i] * cos(w * i);
		im += window[i] * (double)p[i] * sin(w * i);
	}
	return 20 * log10(hypot(re, im) + 1e-30);
}

/* Where a frequency lands when it is sampled. */
static double
fold(double hz, int rate_hz)
{
	hz = fmod(hz, rate_hz);
	return hz > rate_hz / 2.0 ? rate_hz - hz : hz;
}

static void
test_lengths(void)
{
	static const size_t lengths[] = { 0, 1, 2, 3, 146, 147, 148, 2048, 10007 };
	int right = 1, counted = 1;

	for (size_t a = 0; a < RATES; a++)
		for (size_t b = 0; b < RATES; b++) {
			struct rate *r = converter(rates[a], rates[b], RATE_FAST);

			for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
				size_t n = lengths[i], want = (n * (size_t)rates[b] + (size_t)rates[a] - 1) / (size_t)rates[a];

				right &= rate_frames(r, n) == want;
				rate_reset(r);
				counted &= feed(r, x, n, 997, i & 1, y) == want;
			}
			right &= rate_frames(r, (uint64_t)rates[a] << 30) == (uint64_t)rates[b] << 30;
			rate_free(r);
		}
	ok(right, "all pairs of 16 rates: the length is the exact one rounded up");
	ok(counted, "all pairs: as many frames come out, the end with the last block or after it");
}

static void
test_same(void)
{
	struct rate *r = converter(44100, 44100, RATE_BEST);
	uint32_t seed = 3;

	for (int i = 0; i < 5000; i++)
		x[i] = noise(&seed);
	x[7] = -0.0f;
	ok(feed(r, x, 5000, 512, 0, y) == 5000 && !memcmp(x, y, 5000 * sizeof *x),
	    "equal rates: every sample bit for bit");
	ok(rate_process(r, x, 10, 0, y) == 10, "and at once");
	rate_free(r);
}

static void
test_constant(void)
{
	int same = 1, silent = 1;
	size_t n;

	for (size_t a = 0; a < RATES; a++)
		for (size_t b = 0; b < RATES; b++) {
			size_t frames = 300 * (size_t)(rates[a] > rates[b] ? rates[a] / rates[b] + 1 : 1);

			for (size_t i = 0; i < frames; i++)
				x[i] = 0.7f;
			n = convert(rates[a], rates[b], RATE_FAST, x, frames, y);
			same &= y[n / 2] == 0.7f && y[n / 2 - 1] == 0.7f && y[n / 2 + 1] == 0.7f;
		}
	ok(same, "all pairs: a constant comes out as it was");
	memset(x, 0, 20000 * sizeof *x);
	x[0] = -1;
	n = convert(44100, 48000, RATE_BEST, x, 20000, y);
	for (size_t i = 1000; i < n; i++)
		silent &= y[i] == 0 && !signbit(y[i]);
	ok(silent, "away from the signal there is exact silence");
}

/* An impulse comes out at its time, and the response is even about it. */
static void
test_impulse(int in_hz, int out_hz, int up, int down)
{
	size_t at = 20 * (size_t)down * (size_t)(1 + 1000 / down), to = at / (size_t)down * (size_t)up, n, peak = 0;
	double lean = 0;
	char what[80];

	memset(x, 0, 2 * at * sizeof *x);
	x[at] = 1;
	n = convert(in_hz, out_hz, RATE_BEST, x, 2 * at, y);
	for (size_t i = 0; i < n; i++)
		if (y[i] > y[peak])
			peak = i;
	for (size_t d = 1; d < to && to + d < n; d++)
		lean = larger(lean, fabs((double)y[to + d] - (double)y[to - d]));
	snprintf(what, sizeof what, "%d to %d Hz: an impulse stays at its time", in_hz, out_hz);
	ok(peak == to, what);
	ok_near(lean, 0, 1e-9, "and its response is even");
}

/* Sines in the pass band against the sine that should come out, frame by frame; to and from the rates of models. */
static void
test_pass(enum rate_quality q, double edge, double tolerance)
{
	double worst = 0;
	int in_hz = 0, out_hz = 0;
	char what[120];

	for (size_t a = 0; a < RATES; a++)
		for (size_t b = 0; b < RATES; b++) {
			int low = rates[a] < rates[b] ? rates[a] : rates[b];
			size_t n = 1000 * (size_t)rates[a] / (size_t)low, made;
			struct rate *r;
			double bad = 0;

			if (rates[a] != 44100 && rates[a] != 48000 && rates[b] != 44100 && rates[b] != 48000)
				continue;
			r = converter(rates[a], rates[b], q);
			for (int k = 1; k <= 5; k += 4) {
				double hz = edge * low * k / 5;

				sine(x, n, hz, rates[a]);
				rate_reset(r);
				made = feed(r, x, n, 4096, 0, y);
				for (size_t i = made / 4; i < made * 3 / 4; i++)
					bad = larger(bad, fabs((double)y[i] - sin(tau * fmod(hz * (double)i / rates[b], 1))));
			}
			rate_free(r);
			if (bad > worst) {
				worst = bad;
				in_hz = rates[a];
				out_hz = rates[b];
			}
		}
	snprintf(what, sizeof what, "sines up to %g of the lower rate come out exact (%.1e, %d to %d Hz)",
	    edge, worst, in_hz, out_hz);
	ok(worst <= tolerance, what);
}

/* The gain in the pass band, free of what rounding adds. */
static void
test_ripple(enum rate_quality q, double edge, double tolerance_db)
{
	double worst = 0;

	for (int k = 1; k <= 15; k++) {
		double hz = edge * 44100 * k / 15;

		sine(x, 20000, hz, 44100);
		convert(44100, 48000, q, x, 20000, y);
		worst = larger(worst, fabs(level_db(y + 2000, hz, 48000)));
		sine(x, 20000, hz, 48000);
		convert(48000, 44100, q, x, 20000, y);
		worst = larger(worst, fabs(level_db(y + 2000, hz, 44100)));
	}
	ok_near(worst, 0, tolerance_db, "flat in the pass band, in dB");
}

/* Going up: the worst image of sines up to half the lower rate. */
static double
worst_image(int in_hz, int out_hz, enum rate_quality q)
{
	static const double part[] = { 0.02, 0.25, 0.455, 0.49, 0.4995 };
	double worst = -1000;

	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		double hz = part[i] * in_hz;

		sine(x, 20000, hz, in_hz);
		convert(in_hz, out_hz, q, x, 20000, y);
		for (int k = 1; k <= 3; k++)
			for (int sign = -1; sign <= 1; sign += 2) {
				double image = fold(k * (double)in_hz + sign * hz, out_hz);

				/* not where the sine itself is in the window's main lobe */
				if (fabs(image - hz) > 20.0 * out_hz / WINDOW)
					worst = larger(worst, level_db(y + 2000, image, out_hz));
			}
	}
	return worst;
}

/* Going down: the worst alias of sines from half the lower rate on. */
static double
worst_alias(int in_hz, int out_hz, enum rate_quality q)
{
	double worst = -1000;

	for (int i = 0; i < 12; i++) {
		/* not so near to half the rate that the alias meets its own mirror image in the window's main lobe */
		double hz = out_hz * (0.5 + 10.0 / WINDOW) + (in_hz - out_hz) * 0.5 * (i / 12.0) * (i / 12.0);
		size_t n = (size_t)(20000.0 * in_hz / out_hz);

		sine(x, n, hz, in_hz);
		convert(in_hz, out_hz, q, x, n, y);
		worst = larger(worst, level_db(y + 2000, fold(hz, out_hz), out_hz));
	}
	return worst;
}

static void
test_stop(void)
{
	static const int pair[][2] = { { 44100, 48000 }, { 48000, 96000 }, { 44100, 192000 }, { 11025, 48000 } };
	char what[100];

	for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
		for (int q = 0; q < 2; q++) {
			double up = worst_image(pair[i][0], pair[i][1], q ? RATE_FAST : RATE_BEST);
			double down = worst_alias(pair[i][1], pair[i][0], q ? RATE_FAST : RATE_BEST);

			snprintf(what, sizeof what, "%d to %d Hz, %s: images at %.1f dB", pair[i][0], pair[i][1],
			    q ? "fast" : "best", up);
			ok(up <= (q ? -103 : -158), what);
			snprintf(what, sizeof what, "%d to %d Hz, %s: aliases at %.1f dB", pair[i][1], pair[i][0],
			    q ? "fast" : "best", down);
			ok(down <= (q ? -103 : -158), what);
		}
}

/* There and back: what is left of a sum of tones below 18 kHz. */
static void
test_round_trip(int low_hz, int high_hz)
{
	enum { N = 100000 };
	double err = 0, sum = 0, db;
	char what[80];
	size_t n;

	memset(x, 0, N * sizeof *x);
	for (double hz = 55; hz < 18000; hz *= 1.37)
		for (int i = 0; i < N; i++)
			x[i] += (float)(0.03 * sin(tau * fmod(hz * i / low_hz, 1)));
	n = convert(low_hz, high_hz, RATE_BEST, x, N, y);
	n = convert(high_hz, low_hz, RATE_BEST, y, n, z);
	for (int i = 1000; i < N - 1000; i++) {
		double d = (double)z[i] - (double)x[i];

		err += d * d;
		sum += (double)x[i] * (double)x[i];
	}
	db = 10 * log10(err / sum);
	snprintf(what, sizeof what, "%d Hz by way of %d Hz and back: the difference is %.1f dB", low_hz, high_hz, db);
	ok(db <= -140 && n >= N, what);
}

/* The first and the last frames: silence is all around, so a constant is cut alike at both ends. */
static void
test_ends(void)
{
	double lean = 0, first;
	size_t n;

	for (int i = 0; i < 1001; i++)
		x[i] = 1;
	n = convert(48000, 96000, RATE_BEST, x, 1001, y);
	ok(n == 2002, "1001 frames give 2002");
	for (size_t i = 0; i <= 2000; i++)
		lean = larger(lean, fabs((double)y[i] - (double)y[2000 - i]));
	ok_near(lean, 0, 1e-7, "both ends are cut alike");
	/* half of the filter and half of its middle tap, which is twice the cutoff */
	first = 0.5 + 0.4775;
	ok_near((double)y[0], first, 1e-4, "the first frame has all that follows it, and silence before");
	n = convert(96000, 48000, RATE_BEST, y, n, z);
	ok(n == 1001, "2002 frames give 1001");
}

static void
test_bits(int in_hz, int out_hz, enum rate_quality q)
{
	static const size_t block[] = { 60000, 1, 7, 64, 4096, 2591 };
	static const char *const isa[] = { "generic", "neon", "avx2", "avx512" };
	enum { N = 60000 };
	uint32_t seed = 11;
	struct rate *r = converter(in_hz, out_hz, q);
	size_t n, m;
	int same = 1;
	char what[80];

	for (int i = 0; i < N; i++)
		x[i] = noise(&seed);
	n = feed(r, x, N, N, 0, y);
	for (size_t i = 1; i < sizeof block / sizeof *block; i++) {
		rate_reset(r);
		memset(z, 0x55, n * sizeof *z);
		m = feed(r, x, N, block[i], i & 1, z);
		same &= m == n && !memcmp(y, z, n * sizeof *y);
	}
	rate_free(r);
	snprintf(what, sizeof what, "%d to %d Hz: the same bits for every block size, and after a reset", in_hz, out_hz);
	ok(same, what);

	/* what follows in the stream does not reach back beyond the filter */
	m = convert(in_hz, out_hz, q, x, N / 2, z);
	ok(!memcmp(y, z, (m * 9 / 10) * sizeof *y), "the same bits whatever comes later");

	same = 1;
	for (size_t i = 0; i < sizeof isa / sizeof *isa; i++) {
		const char *old = getenv("SHOOTOUT_ISA");
		char *keep = old ? strdup(old) : NULL;

		setenv("SHOOTOUT_ISA", isa[i], 1);
		m = convert(in_hz, out_hz, q, x, N, z);
		if (keep)
			setenv("SHOOTOUT_ISA", keep, 1);
		else
			unsetenv("SHOOTOUT_ISA");
		free(keep);
		same &= m == n && !memcmp(y, z, n * sizeof *y);
	}
	ok(same, "the same bits for every instruction set");
}

/* Known results on every machine: no libm on the way. */
static void
test_golden(void)
{
	static const struct { int in_hz, out_hz; enum rate_quality q; const char *hex; } v[] = {
		{ 44100, 48000, RATE_BEST, "e0f23dd16dfe842c12d2c4ace54c866a80ad23f27b2cdc41224e32d2ec7bb883" },
		{ 48000, 44100, RATE_BEST, "337aa31d492dafd0222c7a96859c468cafda8f31731fbbba6962220552d147af" },
		{ 48000, 96000, RATE_FAST, "2c2c6c0dc394aa999b645b18b6e5be7f37e76aad31745d71152ab66715321b0f" },
		{ 384000, 11025, RATE_FAST, "ab61df9411e40be98f2484a88772f50fbd58c6c952c388ac9c30680b9c5a776b" },
	};
	char hex[65], what[100];
	uint32_t seed = 7;

	for (int i = 0; i < 50000; i++)
		x[i] = noise(&seed);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		size_t n = convert(v[i].in_hz, v[i].out_hz, v[i].q, x, 50000, y);

		sha256_bytes(y, n * sizeof *y, hex);
		snprintf(what, sizeof what, "%d to %d Hz: one hash", v[i].in_hz, v[i].out_hz);
		ok(!strcmp(hex, v[i].hex), what);
		printf("# %s\n", hex);
	}
}

static void
test_refused(void)
{
	static const int v[][2] = { { 0, 48000 }, { 48000, 0 }, { -1, 48000 }, { 44101, 48000 }, { 48000, 47999 },
		{ 1000, 48001 }, { 100, 4900 }, { 4900, 100 }, { 2147483647, 1 }, { 1, 2147483647 } };
	struct rate *r;
	int refused = 1;

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		char a[16], b[16];

		snprintf(a, sizeof a, "%d", v[i][0]);
		snprintf(b, sizeof b, "%d", v[i][1]);
		e.msg[0] = 0;
		refused &= rate_new(&r, v[i][0], v[i][1], RATE_BEST, &e) == -1 && !r && e.code == ERR_UNSUPPORTED &&
		    strstr(e.msg, a) && strstr(e.msg, b);
	}
	ok(refused, "pairs out of bounds are refused by name");
	r = converter(100, 4800, RATE_BEST);
	ok(rate_frames(r, 100) == 4800, "48 times is the most");
	ok(rate_room(r, SIZE_MAX) == SIZE_MAX && rate_room(r, 0) > 0, "the room for too much is no small number");
	rate_free(r);
	rate_free(NULL);
}

int
main(void)
{
	make_window();
	test_lengths();
	test_same();
	test_constant();
	test_impulse(44100, 48000, 160, 147);
	test_impulse(48000, 44100, 147, 160);
	test_impulse(48000, 96000, 2, 1);
	test_impulse(96000, 48000, 1, 2);
	test_impulse(8000, 11025, 441, 320);
	test_pass(RATE_BEST, 0.455, 4e-7);
	test_pass(RATE_FAST, 0.41, 2e-5);
	test_ripple(RATE_BEST, 0.455, 1e-6);
	test_ripple(RATE_FAST, 0.41, 1e-4);
	test_stop();
	test_round_trip(44100, 48000);
	test_round_trip(48000, 96000);
	test_ends();
	test_bits(44100, 48000, RATE_BEST);
	test_bits(48000, 44100, RATE_FAST);
	test_bits(96000, 44100, RATE_BEST);
	test_golden();
	test_refused();
	return done();
}
