/* test_fx_eq - every filter of the equaliser against its transfer function. */
#include "fx/fx.h"
#include "../tap.h"

#include <complex.h>
#include <string.h>

enum { LONG = 1 << 16 };
static double
more(double a, double b) /* with fmax() gcc 12 for AArch64 stops with an internal error */
{
	return a > b ? a : b;
}

static const double pi = 3.14159265358979323846;

/* The impulse response of a chain of one effect. */
static int
respond(const char *text, int rate_hz, float *h)
{
	static float in[LONG];
	struct fx_spec *s;
	struct fx *fx;
	struct err e;
	int64_t n = 0, got;

	in[0] = 1;
	if (fx_spec_new(&s, &e) || fx_spec_add(s, text, &e) || fx_open(&fx, s, rate_hz, 1, &e)) {
		printf("# %s\n", e.msg);
		return -1;
	}
	for (int i = 0; i < LONG; i += 4096)
		n += fx_process(fx, in + i, 4096, h + n, &e);
	while ((got = fx_finish(fx, 0, h + n, &e)) > 0)
		n += got;
	fx_close(fx);
	fx_spec_free(s);
	return n == LONG ? 0 : -1;
}

static double
level_db(const float *h, double hz, double rate_hz)
{
	double complex sum = 0, turn = cexp(-2 * pi * I * hz / rate_hz), z = 1;

	for (int i = 0; i < LONG; i++) {
		sum += h[i] * z;
		z *= turn;
	}
	return 20 * log10(cabs(sum));
}

/* The cookbook's formulae, as they stand there: b and a of a biquad. */
static double
cookbook_db(const char *type, double f0, double gain_db, double q, double hz, double rate_hz)
{
	double a = pow(10, gain_db / 40), w = 2 * pi * f0 / rate_hz, c = cos(w), al = sin(w) / (2 * q), r = 2 * sqrt(a) * al;
	double b0, b1, b2, a0, a1, a2;
	double complex z = cexp(-2 * pi * I * hz / rate_hz);

	if (!strcmp(type, "bell")) {
		b0 = 1 + al * a, b1 = -2 * c, b2 = 1 - al * a, a0 = 1 + al / a, a1 = -2 * c, a2 = 1 - al / a;
	} else if (!strcmp(type, "low_shelf")) {
		b0 = a * ((a + 1) - (a - 1) * c + r), b1 = 2 * a * ((a - 1) - (a + 1) * c);
		b2 = a * ((a + 1) - (a - 1) * c - r), a0 = (a + 1) + (a - 1) * c + r;
		a1 = -2 * ((a - 1) + (a + 1) * c), a2 = (a + 1) + (a - 1) * c - r;
	} else if (!strcmp(type, "high_shelf")) {
		b0 = a * ((a + 1) + (a - 1) * c + r), b1 = -2 * a * ((a - 1) + (a + 1) * c);
		b2 = a * ((a + 1) + (a - 1) * c - r), a0 = (a + 1) - (a - 1) * c + r;
		a1 = 2 * ((a - 1) - (a + 1) * c), a2 = (a + 1) - (a - 1) * c - r;
	} else {
		a0 = 1 + al, a1 = -2 * c, a2 = 1 - al;
		if (!strcmp(type, "low_cut"))
			b0 = (1 + c) / 2, b1 = -(1 + c), b2 = b0;
		else if (!strcmp(type, "high_cut"))
			b0 = (1 - c) / 2, b1 = 1 - c, b2 = b0;
		else if (!strcmp(type, "notch"))
			b0 = 1, b1 = -2 * c, b2 = 1;
		else
			b0 = al, b1 = 0, b2 = -al;      /* band_pass, 0 dB at the top */
	}
	return 20 * log10(cabs((b0 + b1 * z + b2 * z * z) / (a0 + a1 * z + a2 * z * z)));
}

/* Butterworth through the bilinear transform, prewarped. */
static double
butter_db(int low_cut, int order, double f0, double hz, double rate_hz)
{
	double w = tan(pi * hz / rate_hz) / tan(pi * f0 / rate_hz);

	return -10 * log10(1 + pow(low_cut ? 1 / w : w, 2 * order));
}

static const double at_hz[] = { 21, 60, 99, 190, 410, 790, 1000, 1300, 2600, 3300, 5100, 9000, 13000, 17000, 20500 };
enum { POINTS = sizeof at_hz / sizeof *at_hz };

static void
compare(const char *name, const float *h, double (*theory)(const void *, double), const void *ctx, double rate_hz)
{
	double worst = 0;
	int seen = 0;

	for (int i = 0; i < POINTS; i++) {
		double want = at_hz[i] < 0.47 * rate_hz ? theory(ctx, at_hz[i]) : -200;

		if (want < -90)         /* float32 is in the way */
			continue;
		seen++;
		worst = more(worst, fabs(level_db(h, at_hz[i], rate_hz) - want));
	}
	ok(worst < 0.005 && seen >= 4, name);
	if (worst >= 0.005)
		printf("# %g dB off\n", worst);
}

struct band { const char *type; double hz, gain_db, q, rate_hz; };

static double
band_theory(const void *ctx, double hz)
{
	const struct band *b = ctx;

	return cookbook_db(b->type, b->hz, b->gain_db, b->q, hz, b->rate_hz);
}

struct cut { int low, order; double hz, rate_hz; };

static double
cut_theory(const void *ctx, double hz)
{
	const struct cut *c = ctx;

	return butter_db(c->low, c->order, c->hz, hz, c->rate_hz);
}

int
main(void)
{
	static const struct band bands[] = {
		{ "bell", 1000, 6, 1, 48000 }, { "bell", 200, -24, 5, 44100 }, { "bell", 15000, 24, 0.3, 48000 },
		{ "low_shelf", 160, 9, 0.7071, 48000 }, { "low_shelf", 3000, -20, 1.5, 96000 },
		{ "high_shelf", 3000, 3, 0.7071, 44100 }, { "high_shelf", 500, -24, 0.4, 8000 },
		{ "low_cut", 80, 0, 0.9, 48000 }, { "high_cut", 5000, 0, 4, 48000 },
		{ "notch", 1700, 0, 3, 48000 }, { "band_pass", 700, 0, 2, 192000 }, { "bell", 9000, 12, 2, 384000 },
	};
	static const char *const slopes[] = { "6", "12", "18", "24", "36", "48" };
	static const int orders[] = { 1, 2, 3, 4, 6, 8 };
	static float h[LONG + 256];
	char text[200], name[300];

	for (size_t i = 0; i < sizeof bands / sizeof *bands; i++) {
		const struct band *b = &bands[i];

		snprintf(text, sizeof text, "eq:band3_type=%s,band3_hz=%g,band3_gain_db=%g,band3_q=%g", b->type, b->hz, b->gain_db,
		    b->q);
		snprintf(name, sizeof name, "%s at %g Hz: within 0.005 dB of the cookbook", text, b->rate_hz);
		if (respond(text, (int)b->rate_hz, h))
			memset(h, 0, sizeof h);
		compare(name, h, band_theory, b, b->rate_hz);
	}
	for (int i = 0; i < 12; i++) {
		struct cut c = { i & 1, orders[i / 2], i & 1 ? 300 : 3000, 48000 };

		snprintf(text, sizeof text, "eq:%s_cut_hz=%g,%s_cut_slope=%s", c.low ? "low" : "high", c.hz, c.low ? "low" : "high",
		    slopes[i / 2]);
		snprintf(name, sizeof name, "%s: within 0.005 dB of Butterworth", text);
		if (respond(text, 48000, h))
			memset(h, 0, sizeof h);
		compare(name, h, cut_theory, &c, 48000);
	}
	{
		struct band low = { "low_shelf", 160, 4, 0.7071, 48000 }, mid = { "bell", 1200, -5, 1, 48000 },
		    high = { "high_shelf", 6000, 3, 0.7071, 48000 };
		double worst = 0;

		respond("eq:low_gain_db=4,mid_gain_db=-5,high_gain_db=3", 48000, h);
		for (int i = 0; i < POINTS; i++)
			worst = more(worst, fabs(level_db(h, at_hz[i], 48000) - band_theory(&low, at_hz[i]) -
			    band_theory(&mid, at_hz[i]) - band_theory(&high, at_hz[i])));
		ok(worst < 0.005, "three bands: 160, 1200 and 6000 Hz");
	}
	ok(!respond("eq:highpass_80hz", 48000, h) && fabs(level_db(h, 80, 48000) + 3.0103) < 0.005 &&
	    fabs(level_db(h, 20, 48000) + 12.30) < 0.01, "highpass_80hz is first order");
	ok(!respond("eq:lowpass_12k", 48000, h) && fabs(level_db(h, 12000, 48000) + 3.0103) < 0.005, "lowpass_12k");
	ok(!respond("eq:highshelf_presence", 48000, h) && fabs(level_db(h, 3000, 48000) - 1.5) < 0.005, "highshelf_presence");
	/* above what the rate has: the frequency is limited, the filter stays stable */
	ok(!respond("eq:high_cut_hz=20000,band1_type=bell,band1_hz=20000,band1_gain_db=24", 8000, h) &&
	    fabs(level_db(h, 500, 8000)) < 1, "20 kHz at a rate of 8 kHz");
	return done();
}
