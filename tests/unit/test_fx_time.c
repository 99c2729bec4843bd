/* test_fx_time - delay and reverb: where echoes are, how loud, how they die away. */
#include "fx/fx.h"
#include "../tap.h"

#include <string.h>

enum { RATE = 48000, MOST = 8 * RATE };
static double
more(double a, double b) /* with fmax() gcc 12 for AArch64 stops with an internal error */
{
	return a > b ? a : b;
}

static float x[2 * MOST], y[2 * MOST + 8192];
static int64_t tail;

/* An effect, with a move (NULL: none). */
static int64_t
run_moved(const char *text, const char *move, double bpm, int64_t n, int channels, int64_t extra)
{
	struct fx_spec *s;
	struct fx *fx;
	struct err e;
	int64_t made = 0, got;

	if (fx_spec_new(&s, &e) || fx_spec_add(s, text, &e) || (move && fx_spec_automate(s, move, &e))) {
		printf("# %s\n", e.msg);
		return -1;
	}
	if (bpm > 0)
		fx_spec_tempo(s, bpm);
	if (fx_open(&fx, s, RATE, channels, &e)) {
		printf("# %s\n", e.msg);
		fx_spec_free(s);
		return -1;
	}
	tail = fx_tail_frames(fx);
	for (int64_t at = 0; at < n; at += 1000)
		made += fx_process(fx, x + at * channels, n - at < 1000 ? n - at : 1000, y + made * channels, &e);
	while ((got = fx_finish(fx, extra < 0 ? tail : extra, y + made * channels, &e)) > 0)
		made += got;
	fx_close(fx);
	fx_spec_free(s);
	return made;
}

static int64_t
run(const char *text, double bpm, int64_t n, int channels, int64_t extra)
{
	return run_moved(text, NULL, bpm, n, channels, extra);
}

static void
impulse(int channels)
{
	memset(x, 0, sizeof x);
	x[0] = 1;
	(void)channels;
}

static double
energy(const float *v, int64_t from, int64_t to, int step)
{
	double sum = 0;

	for (int64_t i = from; i < to; i++)
		sum += (double)v[i * step] * v[i * step];
	return sum;
}

static void
test_delay(void)
{
	int64_t n;
	int others = 0;

	impulse(1);
	n = run("delay:time_ms=100,feedback_pct=50,mix_pct=40", 0, RATE / 10, 1, -1);
	ok(n == RATE / 10 + tail && tail >= 20 * RATE / 10 && tail < 23 * RATE / 10, "the tail: until 120 dB down");
	ok(y[0] == 1, "the dry signal stays at unity");
	ok_near(y[4800], 0.4, 1e-7, "first echo");
	ok_near(y[9600], 0.2, 1e-7, "second: by the feedback lower");
	ok_near(y[19200], 0.05, 1e-7, "fourth");
	for (int i = 1; i < n; i++)
		others += i % 4800 && y[i] != 0;
	ok(!others, "nothing between them");
	run("delay:80,dry_pct=0,mix_pct=100,feedback_pct=0", 0, RATE / 2, 1, 0);
	ok(y[0] == 0 && y[3840] == 1 && energy(y, 0, RATE / 2, 1) == 1, "dry 0, mix 100: the echo alone");
	run("delay:quarter", 0, RATE, 1, 0);
	ok(y[18000] != 0, "quarter: 375 ms as the seed had it");
	run("delay:quarter", 120, RATE, 1, 0);
	ok(y[24000] != 0 && y[18000] == 0, "and of the tempo where there is one");
	run("delay:quarter,bpm=100", 120, RATE, 1, 0);
	ok(y[28800] != 0 && y[24000] == 0, "one that is given wins");
	run("delay:dotted_eighth", 0, RATE, 1, 0);
	ok(y[18000] != 0, "dotted_eighth: 375 ms at 120");
	run("delay:time_ms=0,feedback_pct=100,mix_pct=100", 0, 1000, 1, 0);
	ok(y[1] == 1 && y[999] == 1, "0 ms and all feedback: one frame, for ever");
	ok(tail == -1, "that never ends, and says so");
	ok(run("delay:beats=16,bpm=20", 0, 1, 1, 0) == -1, "48 s are refused");
	run("delay:time_ms=50,feedback_pct=90,high_cut_hz=1000,mix_pct=100", 0, RATE, 1, 0);
	ok(fabs(energy(y, 2400, 4000, 1) - 0.0615) < 0.01 && y[2400] < 0.1, "high_cut: the echo is filtered");
	ok(fabs(y[4800]) < fabs(y[2400]), "and each the more");
	impulse(2);
	run("delay:time_ms=10,feedback_pct=50,mix_pct=100,ping_pong=1", 0, RATE / 10, 2, 0);
	ok(y[2 * 480] == 0.5f && y[2 * 480 + 1] == 0 && y[2 * 960] == 0 && y[2 * 960 + 1] == 0.25f && y[2 * 1440] == 0.125f,
	    "ping-pong");
}

/* How many dB it has fallen by t, from the energy that is still to come (Schroeder). */
static double
t60_s(const float *v, int64_t n, int step)
{
	double rest = energy(v, 0, n, step), all = rest;
	int64_t at5 = 0, at35 = 0;

	for (int64_t i = 0; i < n && !at35; i++) {
		double fall = -10 * log10(rest / all);

		if (!at5 && fall >= 5)
			at5 = i;
		if (fall >= 35)
			at35 = i;
		rest -= (double)v[i * step] * v[i * step];
	}
	return 2 * (double)(at35 - at5) / RATE;
}

static void
test_memory(void)
{
	struct fx_spec *s;
	struct fx *fx;
	struct err e = { 0 };
	int r = 0;

	fx_spec_new(&s, &e);
	for (int i = 0; i < 4; i++)
		r |= fx_spec_add(s, "delay:beats=16,bpm=125", &e);
	ok(!r && fx_open(&fx, s, 384000, 64, &e) && strstr(e.msg, "more than 2048 MiB"), "memory has a limit");
	fx_spec_free(s);
}

static void
test_decay(const char *type, double decay_s)
{
	char text[160], name[160];
	double t;

	impulse(1);
	snprintf(text, sizeof text, "reverb:type=%s,decay_s=%g,damping_pct=0,mix_pct=100,dry_pct=0", type, decay_s);
	run(text, 0, 6 * RATE, 1, 0);
	t = t60_s(y, 6 * RATE, 1);
	snprintf(name, sizeof name, "%s of %g s: 60 dB down in %.2f s", type, decay_s, t);
	ok(fabs(t / decay_s - 1) < 0.1, name);
	ok((double)tail >= 2 * decay_s * RATE && tail < 6 * RATE && energy(y, tail - RATE / 10, tail, 1) <
	    1e-10 * energy(y, 0, 6 * RATE, 1), "and its tail is quiet at the end");
}

/* A size that is there after a few frames: what the lines lose must be of that one. */
static void
test_moved(void)
{
	double t;
	char name[100];

	impulse(1);
	run_moved("reverb:decay_s=1.5,damping_pct=0,mix_pct=100,dry_pct=0", "reverb.size_pct=0f:0,3f:50,5f:100", 0, 6 * RATE, 1, 0);
	t = t60_s(y, 6 * RATE, 1);
	snprintf(name, sizeof name, "a size that moves within 5 frames: 60 dB down in %.2f s", t);
	ok(fabs(t / 1.5 - 1) < 0.15, name); /* lengths between frames take a little of the highs */
}

static void
test_reverb(void)
{
	static const char *const types[] = { "room", "plate", "hall" };
	uint32_t seed = 7;
	double wet, dry, lr = 0, worst = 0, low, high;
	int64_t quiet = 0;
	char text[100];

	for (int i = 0; i < 3; i++) {
		test_decay(types[i], i == 0 ? 0.4 : 2.5);
		/* as loud as what goes in, and no slice of a second stands out: white noise */
		for (int k = 0; k < 2 * MOST; k++) {
			seed = seed * 1664525 + 1013904223;
			x[k] = (float)((double)(int32_t)seed / 4294967296.0);
		}
		snprintf(text, sizeof text, "reverb:type=%s,mix_pct=100,dry_pct=0,damping_pct=0", types[i]);
		run(text, 0, MOST, 2, 0);
		dry = energy(x, 3 * RATE, MOST, 2);
		wet = energy(y, 3 * RATE, MOST, 2) / dry;
		worst = more(worst, fabs(10 * log10(wet)));
		wet = energy(y + 1, 3 * RATE, MOST, 2) / dry;
		worst = more(worst, fabs(10 * log10(wet)));
		for (int k = 3 * RATE; k < MOST; k++)
			lr += (double)y[2 * k] * y[2 * k + 1];
		lr /= sqrt(energy(y, 3 * RATE, MOST, 2) * energy(y + 1, 3 * RATE, MOST, 2));
		snprintf(text, sizeof text, "%s: left and right are different (correlation %.3f)", types[i], lr);
		ok(fabs(lr) < 0.25, text);
		lr = 0;
	}
	ok(worst < 1, "undamped and at mix 100 % the room is as loud as a noise that goes in");
	printf("# at most %.2f dB off\n", worst);
	impulse(1);
	run("reverb:decay_s=2,damping_pct=100,mix_pct=100,dry_pct=0", 0, 4 * RATE, 1, 0);
	low = energy(y, 0, RATE / 5, 1);
	high = 0;
	for (int i = RATE; i < 2 * RATE; i++)           /* the difference of neighbours: what is high */
		high += pow((double)y[i] - y[i - 1], 2) / energy(y, RATE, 2 * RATE, 1);
	ok(low > 0 && high < 0.02, "damping: only low frequencies are left after a second");
	run("reverb:predelay_ms=100,mix_pct=100,dry_pct=0", 0, RATE, 1, 0);
	while (quiet < RATE && y[quiet] == 0)
		quiet++;
	ok(quiet >= 4800 && quiet < 4800 + 2400, "predelay");
	run("reverb:hall,dry_pct=100", 0, RATE, 1, 0);
	ok(y[0] == 1, "the dry signal stays at unity");
	impulse(2);
	run("reverb:hall,width_pct=0,dry_pct=0", 0, RATE, 2, 0);
	for (quiet = 0; quiet < RATE && y[2 * quiet] == y[2 * quiet + 1]; quiet++)
		;
	ok(quiet == RATE, "width 0: both channels alike");
	/* late on the room is a noise: the fourth moment of what is left of it in 20 ms is 3 times the square of the second */
	impulse(1);
	for (int i = 0; i < 3; i++) {
		double kurtosis = 0;

		snprintf(text, sizeof text, "reverb:type=%s,mix_pct=100,dry_pct=0", types[i]);
		run(text, 0, RATE, 1, 0);
		for (int w = 0; w < 15; w++) {
			double m2 = energy(y, RATE / 5 + w * 960, RATE / 5 + w * 960 + 960, 1) / 960, m4 = 0;

			for (int k = 0; k < 960; k++)
				m4 += pow(y[RATE / 5 + w * 960 + k], 4) / 960;
			kurtosis += m4 / (m2 * m2) / 15;
		}
		snprintf(text, sizeof text, "%s: like a noise after 0.2 s (kurtosis %.2f)", types[i], kurtosis);
		ok(fabs(kurtosis - 3) < 0.3, text);
	}
	/* density: half a second into a plate hardly a frame is empty */
	impulse(1);
	run("reverb:plate,dry_pct=0", 0, RATE, 1, 0);
	quiet = 0;
	for (int i = RATE / 10; i < RATE / 2; i++)
		quiet += fabs(y[i]) < 1e-6;
	ok(quiet < RATE / 100, "dense after a tenth of a second");
}

/* A cut that is off while the sound ends, and on again in silence: nothing of before is heard. */
static void
test_cut_again(void)
{
	static const char *const effects[] = { "delay:time_ms=100,feedback_pct=0", "reverb:decay_s=0.1" };
	static const char *const names[] = { "delay", "reverb" }, *const cuts[] = { "low", "high" };

	for (int i = 0; i < 4; i++) {
		const char *name = names[i / 2], *cut = cuts[i % 2];
		char text[100], move[100], said[100];
		double after;

		memset(x, 0, sizeof x);
		for (int k = 0; k < RATE; k++)
			x[k] = 0.5f;
		snprintf(text, sizeof text, "%s,dry_pct=0,mix_pct=100", effects[i / 2]);
		snprintf(move, sizeof move, "%s.%s_cut_hz=0s:30,1s:0:hold,3s:30:hold", name, cut);
		run_moved(text, move, 0, 4 * RATE, 1, 0);
		after = energy(y, 3 * (int64_t)RATE, 4 * (int64_t)RATE, 1);
		snprintf(said, sizeof said, "%s: a %s cut that is on again begins from rest (%.3g)", name, cut, after);
		ok(energy(y, 0, RATE, 1) > 0 && after < 1e-9, said);
	}
}

int
main(void)
{
	test_delay();
	test_reverb();
	test_moved();
	test_cut_again();
	test_memory();
	return done();
}
