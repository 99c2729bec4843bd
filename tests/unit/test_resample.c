/* test_resample.c - what audio-prep's converters do to sines: the figures of resample.h, convert.h and audio-prep(1). */
#include "dsp/convert.h"
#include "../tap.h"

#include <stdlib.h>
#include <string.h>

enum { SECONDS_4 = 1, BLOCK = 4096 }; /* a quarter of a second of each */

/* frames of x from in_hz to out_hz by name; how many came out. */
static int64_t
convert(const char *name, int in_hz, int out_hz, int channels, const float *x, int64_t frames, float *y)
{
	struct convert *c;
	struct err e;
	const float *p;
	int64_t made = 0, got;

	if (convert_new(&c, name, channels, in_hz, out_hz, &e))
		return -1;
	for (int64_t at = 0, n; at < frames || at == 0; at += n) {
		n = frames - at < BLOCK ? frames - at : BLOCK;
		if (convert_process(c, x + at * channels, n, at + n == frames, &p, &got, &e))
			return -1;
		memcpy(y + made * channels, p, (size_t)(got * channels) * sizeof *y);
		made += got;
	}
	convert_free(c);
	return made;
}

struct found {
	double gain_db;  /* of the sine that is sought */
	double rest_db;  /* all else, relative to what went in */
	double delay;    /* seconds that the sine is late */
};

/* A sine of hz through the converter, and what is in the middle half of the output. */
static struct found
sine(const char *name, int in_hz, int out_hz, double hz)
{
	int64_t n = in_hz / 4, made, from, to;
	float *x = calloc((size_t)n, sizeof *x), *y = calloc((size_t)(out_hz / 4 + 1000), sizeof *y);
	double w = 2 * M_PI * hz / out_hz, cc = 0, ss = 0, cs = 0, yc = 0, ys = 0, rest = 0, det, a, b, late;
	struct found f;

	for (int64_t i = 0; x && i < n; i++)
		x[i] = (float)(0.9 * sin(2 * M_PI * hz / in_hz * (double)i + 0.3));
	made = convert(name, in_hz, out_hz, 1, x, n, y);
	from = made / 4;
	to = 3 * made / 4;
	for (int64_t i = from; i < to; i++) {
		double c = cos(w * (double)i + 0.3), s = sin(w * (double)i + 0.3), v = (double)y[i];

		cc += c * c;
		ss += s * s;
		cs += c * s;
		yc += v * c;
		ys += v * s;
	}
	det = cc * ss - cs * cs;
	a = (yc * ss - ys * cs) / det;
	b = (ys * cc - yc * cs) / det;
	if (hz >= out_hz / 2.0)
		a = b = 0; /* it may not come out at all */
	for (int64_t i = from; i < to; i++) {
		double d = (double)y[i] - a * cos(w * (double)i + 0.3) - b * sin(w * (double)i + 0.3);

		rest += d * d;
	}
	late = -atan2(a, b);
	f.gain_db = 20 * log10(hypot(a, b) / 0.9);
	f.rest_db = 10 * log10(2 * rest / (double)(to - from) / (0.9 * 0.9));
	f.delay = late / (2 * M_PI * hz);
	free(x);
	free(y);
	return f;
}

/* All that the table says of one converter. */
static void
hold(const char *name, double flat, double stop, double down_db)
{
	static const int pairs[][2] = { { 48000, 44100 }, { 44100, 48000 }, { 96000, 48000 }, { 48000, 96000 } };
	double gain = 0, images = -300, aliases = -300, late = 0;
	char line[200];

	for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
		int in = pairs[p][0], out = pairs[p][1], low = in < out ? in : out;

		for (double f = 0.02; f <= flat; f += (flat - 0.02) / 6.0001) {
			struct found r = sine(name, in, out, f * low);

			gain = fmax(gain, fabs(r.gain_db));
			images = fmax(images, r.rest_db);
			late = fmax(late, fabs(r.delay) * in);
		}
		for (double f = stop; f * low < in / 2.0; f += 0.037)
			aliases = fmax(aliases, sine(name, in, out, f * low).rest_db);
	}
	snprintf(line, sizeof line, "%s: flat up to %g of the lower rate", name, flat);
	ok(gain < 0.01, line);
	snprintf(line, sizeof line, "%s: images are %g dB down", name, down_db);
	ok(images < -down_db, line);
	snprintf(line, sizeof line, "%s: aliases from %g on too", name, stop);
	ok(aliases < -down_db, line);
	snprintf(line, sizeof line, "%s: nothing is late", name);
	ok(late < 0.001, line);
	printf("# gain %.6f dB, images %.1f dB, aliases %.1f dB, late %.6f frames\n", gain, images, aliases, late);
}

static void
test_channels(void)
{
	enum { N = 9000, CHANNELS = 3 };
	static float x[N * CHANNELS], one[N], all[N * CHANNELS], y[N];
	int same = 1;

	srand(3);
	for (int i = 0; i < N * CHANNELS; i++)
		x[i] = (float)(rand() % 2001 - 1000) / 1000;
	ok(convert("exact", 48000, 44100, CHANNELS, x, N, all) == (N * 441 + 479) / 480, "exact: the number of frames");
	for (int c = 0; c < CHANNELS; c++) {
		for (int i = 0; i < N; i++)
			one[i] = x[i * CHANNELS + c];
		convert("exact", 48000, 44100, 1, one, N, y);
		for (int i = 0; i < (N * 441 + 479) / 480; i++)
			same &= y[i] == all[i * CHANNELS + c];
	}
	ok(same, "exact: channel by channel the same bits");
	ok(convert_is_name("best") && convert_is_name("exact") && !convert_is_name("sinc"), "names");
	ok(convert("exact", 48000, 47999, 1, x, 10, y) == -1, "exact: a pair of rates that it does not take");
	ok(convert("best", 48000, 47999, 1, x, 1000, y) == 1000, "best: takes it");
}

int
main(void)
{
	hold("best", 0.47, 0.5025, 138);
	hold("medium", 0.425, 0.5025, 112);
	hold("fast", 0.34, 0.5025, 96);
	hold("exact", 0.46, 0.5, 148);
	test_channels();
	return done();
}
