/* signal - the signal that goes through an amp for training.
 *
 *     signal OUT.wav TAKE.wav... VALIDATION.wav
 *
 * A second of silence; the takes, louder and softer by turns; sweeps; bursts of
 * noise; half a second of silence; the validation take.  The frame at which
 * validation begins goes to stdout. */
#include "wav.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

static double *out;
static size_t n;
static uint64_t dice = 4711;

static double *
grow(size_t frames)
{
	out = realloc(out, (n + frames) * sizeof *out);
	if (!out)
		die("out of memory");
	memset(out + n, 0, frames * sizeof *out);
	n += frames;
	return out + n - frames;
}

static void
take(const char *path)
{
	static const double gain_db[] = { 0, -7, 3, -3, -13, 5, -1, -20 };
	static size_t step;
	size_t frames, part = 3 * WAV_RATE;
	double *x = wav_read(path, &frames), *y = grow(frames), g = pow(10, gain_db[step % 8] / 20), to = g;

	for (size_t i = 0; i < frames; i++) {
		if (i && i % part == 0)
			to = pow(10, gain_db[++step % 8] / 20);
		g += (to - g) * 0.001;        /* no click where the gain changes */
		y[i] = g * x[i] * fmin(1, (double)(frames - i) / 480);
	}
	step++;
	free(x);
}

/* Sines that rise through the guitar's range, at several levels. */
static void
sweeps(void)
{
	static const double level_db[] = { -6, -18, -30, -45 };
	size_t frames = WAV_RATE;

	for (size_t k = 0; k < 4; k++) {
		double *y = grow(frames), phase = 0, a = pow(10, level_db[k] / 20);

		for (size_t i = 0; i < frames; i++) {
			double t = (double)i / (double)frames;

			phase += 2 * PI * 30 * pow(8000.0 / 30, t) / WAV_RATE;
			y[i] = a * sin(phase) * fmin(1, fmin(t, 1 - t) * 50);
		}
	}
}

/* Noise as dark as a pickup's, in bursts that die away. */
static void
bursts(void)
{
	double *y = grow(3 * WAV_RATE), lo = 0, lo2 = 0, level = 0;

	for (size_t i = 0; i < 3 * WAV_RATE; i++) {
		if (i % (WAV_RATE / 4) == 0)
			level = 1.6 * pow(10, -(double)((i / (WAV_RATE / 4)) % 5) * 7 / 20);
		level *= 0.99985;
		lo += 0.25 * (2 * rnd(&dice) - 1 - lo);
		lo2 += 0.25 * (lo - lo2);
		y[i] = fmax(-0.9, fmin(0.9, level * lo2));
	}
}

int
main(int argc, char *argv[])
{
	if (argc < 4) {
		fputs("usage: signal OUT.wav TAKE.wav... VALIDATION.wav\n", stderr);
		return 2;
	}
	grow(WAV_RATE);
	for (int i = 2; i < argc - 1; i++)
		take(argv[i]);
	sweeps();
	bursts();
	grow(WAV_RATE / 2);
	printf("%zu\n", n);
	take(argv[argc - 1]);
	wav_write(argv[1], out, n, 1, 24);
	free(out);
	return 0;
}
