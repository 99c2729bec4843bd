/* test_playing.c - the parts that a gate finds, against a gate that looks at every sample. */
#include "metrics/playing.h"
#include "../tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 96000, RATE = 48000 };
static float x[N];

static void
save(int channels)
{
	struct au_out *o;
	struct err e;

	if (au_create(&o, "playing.wav", RATE, channels, AU_F32, &e) || au_write(o, x, N / channels, &e) ||
	    au_commit(o, NULL, &e))
		printf("# %s\n", e.msg);
}

/* The same parts, sample by sample. */
static int
as_defined(const struct playing *p, int channels, double open, double close)
{
	int64_t hold = RATE / 5, last = 0, n = N / channels;
	size_t part = 0;
	int is_open = 0;

	for (int64_t t = 0; t < n; t++) {
		double peak = 0;

		for (int c = 0; c < channels; c++)
			peak = fmax(peak, fabs((double)x[t * channels + c]));
		if (!is_open && peak >= open) {
			if (part >= p->n || p->part[part].start_frame != t)
				return 0;
			is_open = 1;
		}
		if (is_open && peak >= close)
			last = t;
		if (is_open && t - last >= hold) {
			if (p->part[part].start_frame + p->part[part].length_frames != t)
				return 0;
			part++;
			is_open = 0;
		}
	}
	if (is_open && (part >= p->n || p->part[part].start_frame + p->part[part].length_frames != n))
		return 0;
	return part + (size_t)is_open == p->n;
}

int
main(void)
{
	char folder[] = "/tmp/playing.XXXXXX";
	struct playing p;
	struct err e;
	int good = 1;

	if (!mkdtemp(folder) || chdir(folder)) {
		perror(folder);
		return 1;
	}
	srand(5);
	for (int round = 0; round < 24; round++) {
		int channels = 1 + round % 3, rare = 2000 << round % 4;

		for (int i = 0; i < N; i++) /* faint, with loud and middling samples here and there */
			x[i] = rand() % rare ? 1e-4f : rand() % 2 ? 0.5f : 0.07f;
		x[rand() % N] = -0.9f;
		save(channels);
		if (playing_find(&p, "playing.wav", -20, 0, &e)) {
			printf("# %s\n", e.msg);
			good = 0;
			continue;
		}
		good &= as_defined(&p, channels, 0.1, 0.1 / 1.9952623149688795);
		playing_free(&p);
	}
	ok(good, "24 recordings: the parts of a gate that looks at each sample");
	memset(x, 0, sizeof x);
	x[100] = x[40000] = 0.5f;
	save(1);
	ok(!playing_find(&p, "playing.wav", -20, 1, &e) && p.n == 2 && p.part[0].start_frame == 100 &&
	    p.part[0].length_frames == 9600 && p.part[1].start_frame == 40000 && strlen(p.sha256) == 64,
	    "two clicks: two parts of 200 ms");
	playing_to_rate(&p, 44100);
	ok(p.part[0].start_frame == 91 && p.part[0].start_frame + p.part[0].length_frames == 8912 && p.rate_hz == 44100,
	    "at another rate, rounded outwards");
	playing_free(&p);
	x[100] = x[40000] = 0.05f;
	save(1);
	ok(playing_find(&p, "playing.wav", -20, 0, &e) == -1 && strstr(e.msg, "never reaches -20 dBFS") && !p.part,
	    "nothing reaches it");
	ok(playing_find(&p, "gone.wav", -20, 0, &e) == -1 && e.code == ERR_IO, "no such file");
	unlink("playing.wav");
	if (rmdir(folder))
		perror(folder);
	return done();
}
