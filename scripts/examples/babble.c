/* babble - a random score on stdout, for the training signal.
 *
 *     babble SEED SECONDS [SETTING VALUE]...
 *
 * Palm-muted notes, power chords, single notes, bends and open chords in no
 * musical order, so that a model hears what a guitar can do and none of the
 * demo's takes. */
#include "wav.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t dice;

static int
pick(int n)
{
	return (int)(rnd(&dice) * n);
}

static char
fret(int n)
{
	return (char)(n < 10 ? '0' + n : 'a' + n - 10);
}

int
main(int argc, char *argv[])
{
	static const char *const open[] = { "x32010", "x02210", "320003", "xx0232", "022100", "x24432", "133211", "xx3211" };
	double seconds, beat = 0, bpm, beats;

	if (argc < 3 || argc % 2 == 0) {
		fputs("usage: babble SEED SECONDS [SETTING VALUE]...\n", stderr);
		return 2;
	}
	dice = strtoull(argv[1], NULL, 10) * 0x9E3779B97F4A7C15ull + 1;
	seconds = strtod(argv[2], NULL);
	for (int i = 0; i < 20; i++)
		rnd(&dice);
	bpm = 95 + pick(60);
	printf("tempo %g\nseconds %g\n", bpm, seconds);
	for (int i = 3; i < argc; i += 2)
		printf("%s %s\n", argv[i], argv[i + 1]);
	while (beat * 60 / bpm < seconds - 0.1) {
		double kind = rnd(&dice), velocity = 0.45 + 0.55 * rnd(&dice);
		char s[] = "xxxxxx";
		int k = pick(2), f = pick(9);

		if (kind < 0.34) {              /* a run of muted notes */
			beats = 0.25 * (1 + pick(2));
			s[k] = fret(f < 5 ? 0 : f);
			if (pick(3) == 0)
				s[k + 1] = fret(2 + (f < 5 ? 0 : f));
			for (int n = 2 + pick(4); n > 0; n--, beat += beats)
				printf("%g %s %g %.2f pm=%.2f\n", beat, s, beats, velocity * (0.8 + 0.2 * rnd(&dice)),
				       0.5 + 0.5 * rnd(&dice));
			continue;
		}
		if (kind < 0.58) {              /* a power chord */
			beats = 0.5 * (1 + pick(5));
			k = pick(3);
			s[k] = fret(f);
			s[k + 1] = fret(f + 2);
			s[k + 2] = pick(2) && k < 2 ? fret(f + 2) : 'x';
			printf("%g %s %g %.2f\n", beat, s, beats * 0.97, velocity);
		} else if (kind < 0.86) {       /* single notes, some bent */
			beats = 0.25 * (1 + pick(6));
			k = pick(6);
			s[k] = fret(pick(15));
			printf("%g %s %g %.2f%s%s\n", beat, s, beats, velocity,
			       pick(4) == 0 ? pick(2) ? " bend=2" : " bend=1" : pick(6) == 0 ? " slide=-2" : "",
			       pick(3) == 0 ? " vib=0.4" : "");
		} else {                        /* an open chord */
			beats = 1 + pick(3);
			printf("%g %s %g %.2f strum=%d%s\n", beat, open[pick(8)], beats * 0.95, velocity,
			       8 + pick(20), pick(3) == 0 ? " up" : "");
		}
		beat += pick(12) == 0 ? beats + 1 : beats;
	}
	return 0;
}
