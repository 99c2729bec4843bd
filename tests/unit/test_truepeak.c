/* test_truepeak.c - the true peak and its overs against libebur128, step by step, with every instruction set. */
#include "../tap.h"
#include "audio/audio.h"
#include "base/isa.h"
#include "metrics/truepeak.h"
#include <ebur128.h>
#include <string.h>

enum { N = 200000 };
static float x[2 * N];
static struct err e;
static unsigned seed = 1;

static double
noise(void)
{
	seed = seed * 1664525u + 1013904223u;
	return (double)(seed >> 8) / (1 << 23) - 1;
}

/* libebur128's peak and the steps of 10 ms in which only it is over full scale. */
static double
theirs(int rate, int channels, int64_t frames, int64_t *overs)
{
	ebur128_state *st = ebur128_init((unsigned)channels, (unsigned long)rate, EBUR128_MODE_TRUE_PEAK);
	int64_t step = rate / 100;
	double top = 0, p;
	static float zeros[2 * 4000];

	*overs = 0;
	for (int64_t at = 0; at < frames + step; at += step) {
		int64_t n = frames - at < step ? frames - at : step;
		double between = 0, sample = 0;

		if (n > 0)
			ebur128_add_frames_float(st, x + at * channels, (size_t)n);
		for (int c = 0; n > 0 && c < channels; c++) {
			ebur128_prev_sample_peak(st, (unsigned)c, &p);
			sample = p > sample ? p : sample;
			ebur128_prev_true_peak(st, (unsigned)c, &p);
			between = p > between ? p : between;
		}
		if (n < step) { /* what follows is silence */
			ebur128_add_frames_float(st, zeros, (size_t)(step - (n > 0 ? n : 0)));
			for (int c = 0; c < channels; c++) {
				ebur128_prev_true_peak(st, (unsigned)c, &p);
				between = p > between ? p : between;
			}
		}
		*overs += between > 1 && sample <= 1;
	}
	for (int c = 0; c < channels; c++) {
		ebur128_true_peak(st, (unsigned)c, &p);
		top = p > top ? p : top;
	}
	ebur128_destroy(&st);
	return top;
}

static double
ours(int rate, int channels, int64_t frames, int64_t block, int64_t *overs)
{
	struct truepeak *t;
	double p;

	if (truepeak_new(&t, rate, channels, &e))
		abort();
	for (int64_t i = 0; i < frames; i += block)
		truepeak_add(t, x + i * channels, frames - i < block ? frames - i : block);
	p = truepeak_end(t, overs);
	truepeak_free(t);
	return p;
}

/* The same peak: the same bits where libebur128 has no fused multiply-add. */
static int
agree(int rate, int channels, int64_t frames)
{
	int64_t a, b;
	double p = theirs(rate, channels, frames, &a), q = ours(rate, channels, frames, 4096, &b);
#if defined __x86_64__
	int same = p == q && a == b;
#else
	int same = fabs(p - q) <= 1e-6 * p && llabs(a - b) <= 1;
#endif

	if (!same)
		printf("# %d Hz, %d channels, %lld frames: %.9g and %.9g, %lld and %lld overs\n", rate, channels,
		       (long long)frames, p, q, (long long)a, (long long)b);
	return same;
}

static void
signals(const char *isa)
{
	static const int rates[] = { 8000, 11025, 22050, 44100, 48000, 88200, 96000, 176400, 192000, 384000 };
	char name[80];
	int fine = 1;

	for (int i = 0; i < 2 * N; i++)
		x[i] = (float)noise();
	for (size_t r = 0; r < sizeof rates / sizeof *rates; r++)
		for (int ch = 1; ch <= 2; ch++)
			fine &= agree(rates[r], ch, 20000 + 37 * (int)r);
	snprintf(name, sizeof name, "%s: noise at ten rates", isa);
	ok(fine, name);
	for (int i = 0; i < 2 * N; i++) /* swells, so that most is skipped, and often near full scale */
		x[i] = (float)(0.95 * sin(0.00005 * i) * sin(0.7 * i) + 0.05 * noise());
	fine = agree(48000, 1, N) && agree(48000, 1, N - 333) && agree(44100, 2, N) && agree(96000, 2, N) && agree(48000, 2, N);
	snprintf(name, sizeof name, "%s: swells", isa);
	ok(fine, name);
	for (int i = 0; i < 2 * N; i++) { /* steady, so that nothing can be skipped: everything is computed */
		double v = 1.5 * sin(0.011 * i);

		x[i] = (float)(v > 0.97 ? 0.97 : v < -0.97 ? -0.97 : v);
	}
	snprintf(name, sizeof name, "%s: clipped below full scale, with overs between the samples", isa);
	ok(agree(48000, 1, N) && agree(48000, 2, N), name);
	fine = 1;
	for (int n = 0; fine && n < 5000; n += 97)
		fine = agree(48000, 1, n) && agree(44100, 2, n) && agree(96000, 1, n);
	snprintf(name, sizeof name, "%s: short signals, loud to the end", isa);
	ok(fine, name);
}

int
main(void)
{
	static const enum isa isas[] = { ISA_GENERIC, ISA_NEON, ISA_AVX2, ISA_AVX512 };
	int64_t overs, more;
	const char *data = getenv("TESTDATA");
	char path[512];
	struct au_buf b;

	for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
		if (!isa_have(isas[i])) {
			skip(isa_name(isas[i]), "not on this machine");
			continue;
		}
		setenv("SHOOTOUT_ISA", isa_name(isas[i]), 1);
		signals(isa_name(isas[i]));
	}
	for (int i = 0; i < 2 * N; i++)
		x[i] = (float)(noise() * sin(1e-4 * i));
	ok(ours(48000, 2, N, 1, &overs) == ours(48000, 2, N, N, &more) && overs == more, "any block size, the same values");
	memset(x, 0, sizeof x);
	ok(ours(48000, 1, N, 1000, &overs) == 0 && overs == 0, "silence has none");
	ok(ours(48000, 1, 0, 1, &overs) == 0 && overs == 0, "nor has nothing");
	x[100] = 1;
	ok(ours(48000, 1, 1000, 1000, &overs) == 1 && overs == 0, "a single sample is its own peak");

	snprintf(path, sizeof path, "%s/gts/reference/nam_jcm800_mesaos_raw.wav", data ? data : "../shared/data");
	if (au_load(&b, path, N, &e)) {
		skip("an amp over full scale", "no $TESTDATA");
	} else {
		memcpy(x, b.x, (size_t)b.frames * sizeof *x);
		ok(agree(b.rate_hz, 1, b.frames), "an amp over full scale");
		au_buf_free(&b);
	}
	return done();
}
