/* bench_fx.c - speed of the effects in memory, in stereo at 48 kHz on one core: the best of many passes of a second.
 *
 *	bench_fx [CHAIN...]     a chain: effects as for audio-fx -x, with spaces between; an @ begins automation
 *
 * One JSON object a line; cycles are not known here, nanoseconds a frame are. */
#include "base/mem.h"
#include "fx/fx.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RATE_HZ = 48000, CHANNELS = 2, BLOCK = 1000, PASSES = 40 };

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct fx_spec *
chain(const char *text)
{
	char *copy = strdup(text), *word;
	struct fx_spec *s;
	struct err e = { 0 };
	int bad = !copy || fx_spec_new(&s, &e);

	for (word = bad ? NULL : strtok(copy, " "); word && !bad; word = strtok(NULL, " "))
		bad = *word == '@' ? fx_spec_automate(s, word + 1, &e) : fx_spec_add(s, word, &e);
	free(copy);
	if (bad) {
		fprintf(stderr, "bench_fx: %s\n", e.msg);
		exit(1);
	}
	return s;
}

int
main(int argc, char *argv[])
{
	static const char *const usual[] = { "", "gain:1", "gate", "comp", "eq:highpass_80hz",
		"eq:low_gain_db=3,mid_gain_db=3,high_gain_db=3,low_cut_hz=80,high_cut_hz=9000", "delay", "delay:tape", "reverb:room",
		"reverb:hall", "saturate", "saturate:warm", "saturate:oversample=4",
		"gate comp saturate eq:mid_scoop delay reverb", "gain @gain.gain_db=0s:0,9999s:20",
		"eq:mid_gain_db=6 @eq.mid_hz=0s:300,9999s:3000", "reverb @reverb.size_pct=0s:0,9999s:100" };
	const char *const *text = argc > 1 ? (const char *const *)argv + 1 : usual;
	int n = argc > 1 ? argc - 1 : (int)(sizeof usual / sizeof *usual);
	float *x = mem_zalloc(BLOCK * CHANNELS, sizeof *x), *y = mem_zalloc((BLOCK + FX_GRID) * CHANNELS, sizeof *y);
	uint32_t seed = 1;

	if (!x || !y)
		return 1;
	for (int i = 0; i < BLOCK * CHANNELS; i++) {
		seed = seed * 1664525u + 1013904223u;
		x[i] = 0.3f * (float)((double)(int32_t)seed / 2147483648.0);
	}
	for (int k = 0; k < n; k++) {
		struct fx_spec *s = chain(text[k]);
		double best = 1e9;
		struct fx *fx;
		struct err e;

		if (fx_open(&fx, s, RATE_HZ, CHANNELS, &e)) {
			fprintf(stderr, "bench_fx: %s\n", e.msg);
			return 1;
		}
		for (int p = 0; p < PASSES; p++) {
			double start = cpu_s(), took;

			for (int at = 0; at < RATE_HZ / 4; at += BLOCK)
				if (fx_process(fx, x, BLOCK, y, &e) < 0)
					return 1;
			took = 4 * (cpu_s() - start);
			best = p && took < best ? took : best;
		}
		printf("{\"bench\":\"fx\",\"chain\":\"%s\",\"ns_per_frame\":%.2f,\"times_real_time\":%.0f}\n", text[k],
		    1e9 * best / RATE_HZ, 1 / best);
		fx_close(fx);
		fx_spec_free(s);
	}
	mem_free(x);
	mem_free(y);
	return 0;
}
