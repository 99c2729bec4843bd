/* test_envelope.c - onsets, attack and decay of synthetic plucks, also through distortion. */
#include "../tap.h"
#include "metrics/envelope.h"
#include <string.h>

enum { RATE = 48000, N = RATE * 10 };
static float x[2 * N];
static struct err e;

static struct envelope_values
measure(int rate, int channels, int64_t frames, int64_t block)
{
	struct envelope *v;
	struct envelope_values out;

	if (envelope_new(&v, rate, channels, NULL, 0, &e))
		abort();
	for (int64_t i = 0; i < frames; i += block)
		if (envelope_add(v, x + i * channels, frames - i < block ? frames - i : block, &e))
			abort();
	if (envelope_end(v, &out, &e))
		abort();
	envelope_free(v);
	return out;
}

/* A note every 0.5 s from 0.25 s on: the attack rises in a straight line, the decay falls in dB. */
static void
plucks(double attack_s, double decay_db_s, double hz)
{
	for (int i = 0; i < N; i++) {
		double since = fmod((double)i / RATE - 0.25 + 0.5, 0.5), a;

		a = since < attack_s ? since / attack_s : pow(10, decay_db_s * (since - attack_s) / 20);
		if (i < RATE / 4)
			a = 0;
		x[i] = 0;
		for (int h = 1; h <= 6; h++)
			x[i] += (float)(0.3 / h * a * sin(2 * M_PI * h * hz * (double)i / RATE + h));
	}
}

int
main(void)
{
	static const double attacks_ms[] = { 5, 10, 25, 50 }, decays_db_s[] = { -12, -30, -60 };
	struct envelope_values v, w;
	char name[80];
	unsigned seed = 1;

	for (int i = 0; i < 4; i++) {
		plucks(attacks_ms[i] / 1000, -120, 440);
		v = measure(RATE, 1, N, 4096);
		snprintf(name, sizeof name, "20 onsets with an attack of %g ms", attacks_ms[i]);
		ok(v.onsets == 20 && v.attacks == 20, name);
		snprintf(name, sizeof name, "10-90 %% is 0.8 of %g ms", attacks_ms[i]);
		/* the crests of the note are 1.1 ms apart */
		ok_near(v.attack_median_ms, 0.8 * attacks_ms[i], 0.05 * 0.8 * attacks_ms[i] + 1.1, name);
	}
	for (int i = 1; i < 4; i++) {
		plucks(attacks_ms[i] / 1000, -30, 440);
		v = measure(RATE, 1, N, 4096);
		snprintf(name, sizeof name, "over what is left of the note before, 15 dB down: 0.8 of %g ms", attacks_ms[i]);
		printf("# %g\n", v.attack_median_ms);
		ok_near(v.attack_median_ms, 0.8 * attacks_ms[i], 0.05 * 0.8 * attacks_ms[i] + 1.1, name);
	}
	for (int i = 1; i < 4; i++) {
		plucks(attacks_ms[i] / 1000, -30, 110);
		v = measure(RATE, 1, N, 4096);
		snprintf(name, sizeof name, "at 110 Hz, in steps of half a period: 0.8 of %g ms", attacks_ms[i]);
		printf("# %g\n", v.attack_median_ms);
		ok_near(v.attack_median_ms, 0.8 * attacks_ms[i], 0.05 * 0.8 * attacks_ms[i] + 4.6, name);
	}
	for (int i = 0; i < 3; i++) {
		plucks(0.005, decays_db_s[i], 330);
		v = measure(RATE, 1, N, 4096);
		snprintf(name, sizeof name, "a decay of %g dB/s", decays_db_s[i]);
		ok_near(v.decay_rate_db_s, decays_db_s[i], -0.05 * decays_db_s[i], name);
		snprintf(name, sizeof name, "of 20 notes at %g dB/s", decays_db_s[i]);
		ok(v.decays == 20, name);
	}
	ok_near(v.transient_density_per_s, 2, 1e-9, "2 onsets a second");

	plucks(0.005, -20, 110);
	v = measure(RATE, 1, N, N);
	w = measure(RATE, 1, N, 333);
	ok(v.onsets == w.onsets && v.attack_median_ms == w.attack_median_ms && v.decay_rate_db_s == w.decay_rate_db_s,
	   "any block size, the same values");
	for (int i = 0; i < N; i++)
		x[i] *= 0.001f;
	w = measure(RATE, 1, N, N);
	ok(w.onsets == 20, "60 dB quieter: as many onsets");
	ok_near(w.attack_median_ms, v.attack_median_ms, 0.01, "the same attack");
	ok_near(w.decay_rate_db_s, v.decay_rate_db_s, 0.01, "the same decay");
	for (int i = N; i-- > 0;)
		x[2 * i] = x[2 * i + 1] = x[i];
	w = measure(RATE, 2, N, N);
	ok(w.onsets == 20 && fabs(w.decay_rate_db_s - v.decay_rate_db_s) < 0.01, "two channels, the same");

	/* 60 dB of drive: the level is one long block, only the pitch moves */
	plucks(0.005, -60, 220);
	for (int i = RATE / 4; i < N; i++)
		x[i] *= (float)sin(2 * M_PI * 110 * (1 + (i - RATE / 4) / (RATE / 2) % 3) * (double)i / RATE);
	for (int i = 0; i < N; i++)
		x[i] = tanhf(1000 * x[i]);
	v = measure(RATE, 1, N, N);
	printf("# %lld onsets, %lld attacks\n", (long long)v.onsets, (long long)v.attacks);
	ok(v.onsets >= 18 && v.onsets <= 22, "onsets are found through a high-gain amp");
	ok(v.decay_rate_db_s > -10, "which sustains");

	for (int i = 0; i < N; i++) {
		seed = seed * 1664525u + 1013904223u;
		x[i] = (float)((double)(seed >> 8) / (1 << 23) - 1) * 0.1f;
	}
	v = measure(RATE, 1, N, N);
	printf("# %lld onsets\n", (long long)v.onsets);
	ok(v.onsets <= 6, "steady noise has few");
	memset(x, 0, sizeof x);
	v = measure(RATE, 1, N, N);
	ok(v.onsets == 0 && v.transient_density_per_s == 0 && isnan(v.attack_median_ms) && isnan(v.decay_rate_db_s),
	   "silence has none");
	v = measure(RATE, 1, 0, 1);
	ok(v.onsets == 0 && isnan(v.transient_density_per_s), "nor has nothing");
	x[0] = 1;
	v = measure(RATE, 1, 1, 1);
	ok(v.onsets == 0, "nor one sample");
	plucks(0.005, -30, 440);
	for (int rate = 8000; rate <= 384000; rate *= 2) {
		snprintf(name, sizeof name, "%d Hz", rate);
		v = measure(rate, 1, N, 5000);
		ok(v.onsets > 0 && isfinite(v.attack_median_ms), name);
	}
	return done();
}
