/* test_hum.c - known hum under notes, noise and silence. */
#include "../tap.h"
#include "metrics/hum.h"
#include <string.h>

enum { RATE = 48000, N = 8 * RATE };
static float x[2 * N];
static struct err e;

static struct hum_values
measure(int rate, int channels, int64_t frames, int64_t block)
{
	struct hum *h = hum_new(rate, channels);
	struct hum_values v;

	if (!h)
		abort();
	for (int64_t i = 0; i < frames; i += block)
		if (hum_add(h, x + i * channels, frames - i < block ? frames - i : block, &e))
			abort();
	if (hum_end(h, &v, &e))
		abort();
	hum_free(h);
	return v;
}

static unsigned long long seed = 1;
static double
noise(void) /* uniform, -1..1 */
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 11) / (double)(1ull << 52) - 1;
}

/* Hum of some harmonics under notes at 110 and 82.4 Hz that are struck every second and a half, and noise. */
static void
make(double base, const double *amplitude, double note, double hiss)
{
	for (int i = 0; i < N; i++) {
		double t = (double)i / RATE, since = fmod(t, 1.5), v = hiss * noise();

		for (int k = 0; k < 4; k++)
			v += amplitude[k] * sin(2 * M_PI * base * (k + 1) * t + k);
		for (int k = 1; k < 6; k++)
			v += note / k * exp(-4 * since) * sin(2 * M_PI * (i / (3 * RATE / 2) % 2 ? 82.41 : 110) * k * t);
		x[i] = (float)v;
	}
}

int
main(void)
{
	const double one[4] = { 0.001, 0, 0, 0 }, three[4] = { 0.001, 0.0005, 0.0008, 0 }, top[4] = { 0, 0, 0, 0.001 };
	const double none[4] = { 0 };
	struct hum_values v, w;

	make(50, one, 0, 0), v = measure(RATE, 1, N, 999);
	ok_near(v.hum_50hz_dbfs, -63.01, 0.05, "50 Hz alone");
	ok(isnan(v.hum_60hz_dbfs), "and no 60");
	make(60, three, 0, 0), v = measure(RATE, 1, N, N);
	ok_near(v.hum_60hz_dbfs, 10 * log10((1e-6 + 0.25e-6 + 0.64e-6) / 2), 0.05, "60 Hz with harmonics: their sum");
	ok(isnan(v.hum_50hz_dbfs), "and no 50");
	make(60, top, 0, 0), v = measure(RATE, 1, N, N);
	ok_near(v.hum_60hz_dbfs, -63.01, 0.05, "240 Hz, near the end of the filter");
	make(50, three, 0.3, 1e-4), v = measure(RATE, 1, N, N);
	ok_near(v.hum_50hz_dbfs, 10 * log10((1e-6 + 0.25e-6 + 0.64e-6) / 2), 1.5, "under notes 50 dB louder");
	w = measure(RATE, 1, N, 100);
	ok(!memcmp(&v, &w, sizeof v), "any block size, the same bits");
	make(50, none, 0.3, 1e-3), v = measure(RATE, 1, N, N);
	ok(isnan(v.hum_50hz_dbfs) && isnan(v.hum_60hz_dbfs), "notes and noise alone: none");
	for (int k = 0; k < 6; k++) {
		static const double hz[] = { 220, 260, 261.63, 300, 329.63, 440 };
		char name[48];

		for (int i = 0; i < N; i++)
			x[i] = (float)(0.5 * sin(2 * M_PI * hz[k] * i / RATE));
		v = measure(RATE, 1, N, N);
		snprintf(name, sizeof name, "a steady tone at %g Hz is no hum", hz[k]);
		ok(!(v.hum_50hz_dbfs > -90) && !(v.hum_60hz_dbfs > -90), name);
	}
	for (int i = 0; i < N; i++) {
		double t = (double)i / RATE, sum = 0;

		for (int k = 1; k <= 8; k++)
			sum += 0.001 * sin(2 * M_PI * 60 * k * t + k);
		x[i] = (float)sum;
	}
	v = measure(RATE, 1, N, N);
	ok(!(v.hum_50hz_dbfs > -110), "hum of 60 Hz with harmonics to 480 Hz is none of 50");
	ok_near(v.hum_60hz_dbfs, -63.01 + 6.02, 0.05, "and four of them count");
	make(50, one, 0, 0);
	for (int i = N; i-- > 0;) {
		x[2 * i] = x[i];
		x[2 * i + 1] = x[2 * i];
	}
	v = measure(RATE, 2, N, N);
	ok_near(v.hum_50hz_dbfs, -63.01, 0.05, "two channels: their mean");
	for (int rate = 8000; rate <= 384000; rate *= 4) {
		char name[32];

		for (int i = 0; i < N; i++)
			x[i] = (float)(0.001 * sin(2 * M_PI * 50 * i / rate));
		snprintf(name, sizeof name, "at %d Hz", rate);
		v = measure(rate, 1, N, N);
		if (N / rate >= 2)
			ok_near(v.hum_50hz_dbfs, -63.01, 0.1, name);
		else
			ok(isnan(v.hum_50hz_dbfs), "too short: not defined");
	}
	memset(x, 0, sizeof x);
	v = measure(RATE, 1, N, N);
	ok(isnan(v.hum_50hz_dbfs) && isnan(v.hum_60hz_dbfs), "silence has none");
	v = measure(RATE, 1, 0, 1);
	ok(isnan(v.hum_50hz_dbfs) && v.windows == 0, "nor nothing");
	return done();
}
