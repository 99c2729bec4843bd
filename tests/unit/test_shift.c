/* test_shift.c - signals moved by parts of a frame, against what the same wave is there. */
#include "dsp/shift.h"
#include "../tap.h"

#include <stdlib.h>
#include <string.h>

enum { N = 6000, EDGE = 300 };
static float x[2 * N], y[2 * (N + 4000)];

/* x moved, in blocks of `block`; returns the frames of y. */
static int64_t
move(double frames, int channels, int64_t block)
{
	struct shift *s;
	struct err e;
	int64_t made, got, at = 0;
	float *p;

	if (shift_new(&s, channels, frames, &e))
		return -1;
	made = shift_lead(s);
	memset(y, 0, sizeof y);
	for (;;) {
		int64_t n = N - at < block ? N - at : block;

		if (shift_process(s, x + at * channels, n, at + n == N, &p, &got, &e))
			return -1;
		if (got)
			memcpy(y + made * channels, p, (size_t)(got * channels) * sizeof *y);
		made += got;
		at += n;
		if (at == N)
			break;
	}
	shift_free(s);
	return made;
}

/* The largest error against a sine of f of the rate that was moved, away from the ends, in dB of the sine. */
static double
sine_error(double f, double frames)
{
	double worst = 0;

	for (int i = 0; i < N; i++)
		x[i] = (float)sin(2 * M_PI * f * i + 0.5);
	move(frames, 1, 777);
	for (int i = EDGE + (int)fmax(0, frames); i < N - EDGE + (int)fmin(0, frames); i++)
		worst = fmax(worst, fabs((double)y[i] - sin(2 * M_PI * f * (i - frames) + 0.5)));
	return 20 * log10(worst);
}

int
main(void)
{
	static float once[2 * (N + 4000)];
	static const double parts[] = { 0.5, 0.25, -0.75, 17.3, -200.9, 1000.001, 1.0 / 3 };
	int64_t made;
	double worst = -300;

	srand(1);
	for (int i = 0; i < 2 * N; i++)
		x[i] = (float)(rand() % 20001 - 10000) / 10000;
	made = move(7, 2, 100);
	ok(made == N + 7 && y[13] == 0 && !memcmp(y + 14, x, sizeof x), "7 frames later: 7 of silence, then the same bits");
	made = move(-7, 2, 5);
	ok(made == N - 7 && !memcmp(y, x + 14, (N - 7) * 2 * sizeof *x), "7 frames earlier: the first 7 are gone");
	made = move(0, 2, N);
	ok(made == N && !memcmp(y, x, sizeof x), "not at all");
	made = move(1 - 1e-13, 2, N);
	ok(made == N + 1 && !memcmp(y + 2, x, sizeof x), "less than 2^-41 of a frame from a whole number is that number");
	move(3.7, 2, N);
	memcpy(once, y, sizeof once);
	move(3.7, 2, 1);
	ok(!memcmp(once, y, sizeof once), "the same bits frame by frame");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		for (double f = 0.01; f < 0.456; f += 0.0444)
			worst = fmax(worst, sine_error(f, parts[i]));
	/* float32 rounds in and out: 2^-24 each is -138 dB at the largest */
	ok(worst < -132, "sines up to 0.455 of the rate: moved exactly, but for the roundings of float32");
	printf("# worst error %.1f dB\n", worst);
	ok(sine_error(0.49, 0.5) > -40, "and not so right below half of it");
	for (int i = 0; i < N; i++)
		x[i] = 0.7f;
	move(0.41, 1, N);
	ok_near((double)y[N / 2], (double)0.7f, 1e-7, "a constant stays");
	return done();
}
