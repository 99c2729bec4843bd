/* test_fx_saturate - the curve, its harmonics, and how little folds back. */
#include "fx/fx.h"
#include "../tap.h"

#include <string.h>

enum { RATE = 48000, LEN = 32768, EDGE = 4096, ALL = LEN + 2 * EDGE };
static double
more(double a, double b) /* with fmax() gcc 12 for AArch64 stops with an internal error */
{
	return a > b ? a : b;
}

static const double pi = 3.14159265358979323846;
static float x[ALL], y[ALL + 512];
static int64_t latency;

static int
run(const char *text)
{
	struct fx_spec *s;
	struct fx *fx;
	struct err e;
	int64_t made = 0, got;

	if (fx_spec_new(&s, &e) || fx_spec_add(s, text, &e) || fx_open(&fx, s, RATE, 1, &e)) {
		printf("# %s\n", e.msg);
		return -1;
	}
	latency = fx_latency_frames(fx);
	for (int64_t at = 0; at < ALL; at += 1024)
		made += fx_process(fx, x + at, 1024, y + made, &e);
	while ((got = fx_finish(fx, 0, y + made, &e)) > 0)
		made += got;
	fx_close(fx);
	fx_spec_free(s);
	return made == ALL ? 0 : -1;
}

/* A sine on a bin of LEN. */
static void
sine(int bin, double level)
{
	for (int i = 0; i < ALL; i++)
		x[i] = (float)(level * sin(2 * pi * bin * i / LEN));
}

/* Amplitude of bin k of the middle of y. */
static double
bin_of(int k)
{
	double c = 0, s = 0;

	for (int i = 0; i < LEN; i++) {
		c += y[EDGE + i] * cos(2 * pi * (int)((int64_t)k * i % LEN) / LEN);
		s += y[EDGE + i] * sin(2 * pi * (int)((int64_t)k * i % LEN) / LEN);
	}
	return 2 * sqrt(c * c + s * s) / LEN;
}

/* The worst alias of a tone below `most_hz`, in dB under the tone: harmonics past the rate's half, folded. */
static double
alias_db(int bin, double most_hz)
{
	double worst = 0;

	for (int64_t h = 2; h < 60; h++) {
		int64_t at = h * bin % LEN;

		at = at > LEN / 2 ? LEN - at : at;
		if (h * bin > LEN / 2 && (double)at * RATE / LEN < most_hz && at % bin)
			worst = more(worst, bin_of((int)at));
	}
	return 20 * log10(worst / bin_of(bin));
}

int
main(void)
{
	static const struct { const char *text; double limit_db; } aliases[] = {
		{ "saturate:drive_db=12", -120 }, { "saturate:drive_db=24", -110 }, { "saturate:drive_db=12,oversample=4", -120 },
	};
	char name[160];
	double worst, d;
	int bin = 3413;         /* 5 kHz, and an odd number, so that what folds does not meet harmonics */

	/* the way up and down alone: with little level the curve is a line */
	sine(3413, 1e-4);
	run("saturate:drive_db=0");
	worst = 0;
	for (int i = EDGE; i < ALL - EDGE; i++)
		worst = more(worst, fabs((double)y[i] - x[i]));
	ok(worst < 1e-4 * 3e-5, "a small signal comes back as it was, at its time");
	ok(latency == 79, "latency at 8 times: 79 frames, taken out");
	run("saturate:drive_db=0,oversample=4");
	worst = 0;
	for (int i = EDGE; i < ALL - EDGE; i++)
		worst = more(worst, fabs((double)y[i] - x[i]));
	ok(worst < 1e-4 * 3e-5 && latency == 76, "at 4 times");
	run("saturate:drive_db=0,oversample=2");
	worst = 0;
	for (int i = EDGE; i < ALL - EDGE; i++)
		worst = more(worst, fabs((double)y[i] - x[i]));
	ok(worst < 1e-4 * 3e-5 && latency == 69, "at 2 times");
	sine(13653, 1e-4);
	run("saturate:drive_db=0");
	d = 20 * log10(bin_of(13653) / 1e-4);
	ok(fabs(d) < 0.01, "20 kHz passes");
	/* half and half: the dry signal is as late as the wet one */
	sine(3413, 1e-4);
	run("saturate:drive_db=0,mix_pct=50");
	worst = 0;
	for (int i = EDGE; i < ALL - EDGE; i++)
		worst = more(worst, fabs((double)y[i] - x[i]));
	ok(worst < 1e-4 * 3e-5, "mix 50 %: dry and wet meet");

	/* the curve, on what is slow enough not to be filtered */
	sine(7, 1);
	run("saturate:drive_db=6,oversample=1");
	worst = 0;
	for (int i = EDGE; i < ALL - EDGE; i++) {
		double u = fmin(3, fmax(-3, x[i] * pow(10, 0.3)));

		worst = more(worst, fabs(y[i] - u * (27 + u * u) / (27 + 9 * u * u)));
	}
	ok(worst < 1e-6, "soft: x (27 + x^2) / (27 + 9 x^2)");
	run("saturate:drive_db=20,curve=hard,oversample=1,output_db=-6.0205999");
	worst = 0;
	for (int i = EDGE; i < ALL - EDGE; i++)
		worst = more(worst, fabs(y[i] - 0.5 * fmin(1, fmax(-1, 10.0 * x[i]))));
	ok(worst < 1e-6, "hard: clips at full scale; the output gain");
	sine(100, 0.3);
	run("saturate:drive_db=6,curve=tube");
	ok(bin_of(200) > 0.01 && bin_of(300) > 1e-4, "tube: even harmonics, too");
	d = 0;
	for (int i = 0; i < LEN; i++)
		d += y[EDGE + i] / LEN;
	ok(fabs(d) < 0.02 && bin_of(100) > 0.2, "and no mean");
	run("saturate:drive_db=6");
	ok(bin_of(200) < 1e-6 && bin_of(300) > 1e-3, "soft: odd harmonics only");
	memset(x, 0, sizeof x);
	run("saturate:curve=tube,drive_db=48");
	worst = 0;
	for (int i = 0; i < ALL; i++)
		worst = more(worst, fabs(y[i]));
	ok(worst == 0, "silence stays silence");

	sine(bin, 0.5);
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
		run(aliases[i].text);
		d = alias_db(bin, 20000);
		snprintf(name, sizeof name, "%s: 5 kHz at -6 dBFS folds back at %.1f dB", aliases[i].text, d);
		ok(d < aliases[i].limit_db, name);
	}
	run("saturate:drive_db=12,oversample=1");
	ok(alias_db(bin, 20000) > -60, "without oversampling it does, and is seen");
	return done();
}
