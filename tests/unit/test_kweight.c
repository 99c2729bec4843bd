/* test_kweight.c - the weighting against libebur128 and the standard's coefficients, with every instruction set. */
#include "../tap.h"
#include "base/isa.h"
#include "metrics/kweight.h"
#include "metrics/loudness.h"
#include <ebur128.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 384000 * 2, MOST_CHANNELS = 7 };
static float x[MOST * MOST_CHANNELS];

/* Notes with a fourth of silence between, noise, and a step at the start, another for each channel. */
static void
fill(int rate, int channels)
{
	unsigned seed = 7;

	for (int i = 0; i < 2 * rate; i++)
		for (int c = 0; c < channels; c++) {
			double t = (double)i / rate, on = fmod(t, 0.4) < 0.3;

			seed = seed * 1664525u + 1013904223u;
			x[i * channels + c] = (float)(on * (0.3 * sin(2 * M_PI * (110 + 40 * c) * t) + 0.2 * sin(2 * M_PI * 3100 * t + c) +
			                              0.05 * ((double)(seed >> 8) / (1 << 23) - 1)) + 0.1);
		}
}

/* The same filters in long double, one direct form after the other. */
static void
design(double f, int rate, double db, double q, long double *b, long double *a)
{
	long double w = tanl(M_PIl * (long double)f / rate), a0 = 1 + w / (long double)q + w * w, g = powl(10, (long double)db / 20);
	long double band = powl(g, 0.4996667741545416L);

	b[0] = db > 0 ? (g + band * w / (long double)q + w * w) / a0 : 1;
	b[1] = db > 0 ? 2 * (w * w - g) / a0 : -2;
	b[2] = db > 0 ? (g - band * w / (long double)q + w * w) / a0 : 1;
	a[0] = 2 * (w * w - 1) / a0;
	a[1] = (1 - w / (long double)q + w * w) / a0;
}

struct section { long double b[3], a[2], x[2], y[2]; };

static long double
through(struct section *s, long double v)
{
	long double y = s->b[0] * v + s->b[1] * s->x[0] + s->b[2] * s->x[1] - s->a[0] * s->y[0] - s->a[1] * s->y[1];

	s->x[1] = s->x[0], s->x[0] = v;
	s->y[1] = s->y[0], s->y[0] = y;
	return y;
}

/* The largest differences in LU: of 10 ms from the filters in long double, of all from libebur128, whose one direct form of fourth
 * order loses digits in quiet parts at high rates. */
static void
compare(int rate, int channels, double *exact, double *peer)
{
	static const double weight[3][6] = { { 1, 1, 1.41, 1.41 }, { 1, 1, 1, 1.41, 1.41 }, { 1, 1, 1, 0, 1.41, 1.41 } };
	static float one[MOST / 100];
	ebur128_state *st = ebur128_init((unsigned)channels, (unsigned long)rate, EBUR128_MODE_M);
	struct kweight *k = kweight_new(rate);
	int step = rate / 100;
	double all = 0, theirs = 0, want;

	if (!st || !k)
		abort();
	for (int at = 0; at + step <= 2 * rate; at += step) {
		ebur128_add_frames_float(st, x + at * channels, (size_t)step);
		ebur128_loudness_window(st, 10, &want);
		theirs += step * pow(10, (want + 0.691) / 10);
	}
	for (int c = 0; c < channels; c++) {
		double w = channels >= 4 && channels <= 6 ? weight[channels - 4][c] : 1, state[KWEIGHT_STATE] = { 0 };
		struct section shelf = { 0 }, high_pass = { 0 };

		design(1681.974450955533, rate, 3.999843853973347, 0.7071752369554196, shelf.b, shelf.a);
		design(38.13547087602444, rate, 0, 0.5003270373238773, high_pass.b, high_pass.a);
		for (int at = 0; at + step <= 2 * rate; at += step) {
			double mine;
			long double right = 0;

			for (int i = 0; i < step; i++) {
				long double y;

				one[i] = x[(at + i) * channels + c];
				y = through(&high_pass, through(&shelf, (long double)one[i]));
				right += y * y;
			}
			mine = kweight_energy(k, state, one, (size_t)step);
			all += w * mine;
			if (right / step > 1e-10L)
				*exact = fmax(*exact, fabs(10 * log10(mine / (double)right)));
		}
	}
	*peer = fmax(*peer, fabs(10 * log10(all / theirs)));
	ebur128_destroy(&st);
	kweight_free(k);
}

/* The loudness of all of it, cut to pieces of a size. */
static double
loudness(int rate, int channels, int piece)
{
	struct loudness *l;
	struct loudness_values v;

	if (loudness_new(&l, rate, channels, LOUDNESS_INTEGRATED, NULL))
		abort();
	for (int at = 0; at < 2 * rate; at += piece)
		if (loudness_add(l, x + at * channels, 2 * rate - at < piece ? 2 * rate - at : piece, NULL))
			abort();
	if (loudness_end(l, &v, NULL))
		abort();
	loudness_free(l);
	return v.ungated_lufs;
}

/* The response at 48 kHz, of the coefficients in the standard's tables. */
static double
standard(double hz)
{
	static const double b[2][3] = { { 1.53512485958697, -2.69169618940638, 1.19839281085285 }, { 1, -2, 1 } };
	static const double a[2][2] = { { -1.69065929318241, 0.73248077421585 }, { -1.99004745483398, 0.99007225036621 } };
	double w = 2 * M_PI * hz / 48000, gain = 1;

	for (int i = 0; i < 2; i++) {
		double br = b[i][0] + b[i][1] * cos(w) + b[i][2] * cos(2 * w), bi = b[i][1] * sin(w) + b[i][2] * sin(2 * w);
		double ar = 1 + a[i][0] * cos(w) + a[i][1] * cos(2 * w), ai = a[i][0] * sin(w) + a[i][1] * sin(2 * w);

		gain *= (br * br + bi * bi) / (ar * ar + ai * ai);
	}
	return gain;
}

/* The power of a sine after the weighting, once it has settled. */
static double
measured(double hz)
{
	struct kweight *k = kweight_new(48000);
	double state[KWEIGHT_STATE] = { 0 }, sum;

	if (!k)
		abort();
	for (int i = 0; i < 96000; i++)
		x[i] = (float)sin(2 * M_PI * hz * i / 48000);
	kweight_energy(k, state, x, 48000);
	sum = kweight_energy(k, state, x + 48000, 48000);
	kweight_free(k);
	return 2 * sum / 48000;
}

int
main(void)
{
	static const int rates[] = { 8000, 44100, 48000, 96000, 384000 }, channels[] = { 1, 2, 4, 5, 6 };
	static const enum isa all[] = { ISA_GENERIC, ISA_AVX2, ISA_AVX512 };
	static const double hz[] = { 20, 38, 100, 997, 1500, 4000, 20000 };
	double exact = 0, peer = 0, first = 0, most = 0;
	int same = 1;
	char old[32] = "";

	for (size_t r = 0; r < sizeof rates / sizeof *rates; r++)
		for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
			fill(rates[r], channels[c]);
			compare(rates[r], channels[c], &exact, &peer);
		}
	printf("# worst %.3g LU from long double, %.3g LU from libebur128\n", exact, peer);
	ok(exact < 1e-4, "every 10 ms down to -100 LUFS is that of the filters in long double, at five rates");
	ok(peer < 1e-6, "all together has libebur128's loudness, in five layouts too");
	for (size_t i = 0; i < sizeof hz / sizeof *hz; i++)
		most = fmax(most, fabs(10 * log10(measured(hz[i]) / standard(hz[i]))));
	printf("# worst %.3g dB\n", most);
	ok(most < 1e-5, "the response is that of the standard's coefficients");

	if (getenv("SHOOTOUT_ISA"))
		snprintf(old, sizeof old, "%s", getenv("SHOOTOUT_ISA"));
	fill(44100, 2);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (isa_have(all[i])) {
			setenv("SHOOTOUT_ISA", isa_name(all[i]), 1);
			for (int piece = 1; piece <= 88200; piece = piece * 7 + 3) {
				double v = loudness(44100, 2, piece);

				first = first == 0 ? v : first;
				same &= v == first; /* NOLINT: the same bits are asked for */
			}
		}
	*old ? setenv("SHOOTOUT_ISA", old, 1) : unsetenv("SHOOTOUT_ISA");
	ok(same, "the same bits with every instruction set and cut anyhow");

	memset(x, 0, sizeof x);
	x[0] = 1;
	{
		struct kweight *k = kweight_new(48000);
		double state[KWEIGHT_STATE] = { 0 };
		int i = 0;

		while (i < 1000 && k && (kweight_energy(k, state, i ? x + 1 : x, 480) > 0 || i == 0))
			i++;
		ok(i < 1000 && state[3] == 0, "in silence the filter comes to rest");
		kweight_free(k);
	}
	return done();
}
