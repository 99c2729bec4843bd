/* bench_conv.c - speed of the convolution in memory, by length of the response.
 *
 * One JSON object a line: CPU seconds of one core for 600 s of mono at 48 kHz, the best of
 * three runs after one to warm up; times real time; first a copy of the same memory.  Then the live engine, with its longest block. */
#include "base/mem.h"
#include "dsp/conv.h"
#include "dsp/conv_live.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RATE_HZ = 48000, SECONDS = 600, RUNS = 3, LIVE_SECONDS = 30, BLOCK = 65536, MOST_TAPS = 2880000 };

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float
noise(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return (float)((double)(int32_t)*s / 2147483648.0);
}

/* All of x through one stream, without its tail. */
static double
run(const struct conv_ir *ir, const float *x, int64_t n, float *to)
{
	struct conv *c;
	const float *y;
	int64_t got, made = 0;

	if (conv_new(&c, ir, NULL))
		exit(1);
	for (int64_t at = 0; at < n;) {
		at += conv_process(c, x + at, n - at < BLOCK ? n - at : BLOCK, &y, &got);
		memcpy(to + made, y, (size_t)got * sizeof *y);
		made += got;
	}
	for (conv_flush(c, &y, &got); got && made < n; conv_flush(c, &y, &got)) {
		memcpy(to + made, y, (size_t)(got < n - made ? got : n - made) * sizeof *y);
		made += got;
	}
	conv_free(c);
	return (double)to[n / 2];
}

/* The live engine, 30 s in blocks of 64. */
static void
live(float *to, const float *x, const double *h, int64_t taps)
{
	const struct conv_path path = { 0, 0, h };
	const int64_t n = (int64_t)RATE_HZ * LIVE_SECONDS;
	double best = 1e9, longest = 0, s, now;
	struct conv_live *l;

	if (conv_live_new(&l, taps, 1, 1, &path, 1, NULL))
		exit(1);
	for (int r = 0; r < RUNS; r++) {
		double start = cpu_s(), last = start;

		longest = 0;
		for (int64_t at = 0; at < n; at += 64, last = now) {
			conv_live_process(l, x + at, 64, to + at);
			now = cpu_s();
			longest = now - last > longest ? now - last : longest;
		}
		s = cpu_s() - start;
		best = s < best ? s : best;
	}
	printf("{\"bench\":\"conv_live\",\"taps\":%lld,\"ns_per_frame\":%.3f,\"times_real_time\":%.0f,"
	    "\"longest_block_us\":%.0f}\n", (long long)taps, 1e9 * best / (double)n, LIVE_SECONDS / best, 1e6 * longest);
	conv_live_free(l);
}

static void
copy(float *to, const float *x, int64_t n)
{
	double best = 1e9;

	for (int r = 0; r <= RUNS; r++) {
		double s = cpu_s();

		memcpy(to, x, (size_t)n * sizeof *x);
		s = cpu_s() - s;
		best = r && s < best ? s : best;
	}
	printf("{\"bench\":\"conv\",\"isa\":\"copy\",\"taps\":0,\"ns_per_frame\":%.3f,\"times_real_time\":%.0f}\n",
	    1e9 * best / (double)n, SECONDS / best);
}

int
main(void)
{
	static const int64_t taps[] = { 64, 512, 2048, 8192, 24000, 48000, 200000, 480000, MOST_TAPS };
	int64_t n = RATE_HZ * SECONDS;
	float *x = mem_zalloc((size_t)n, sizeof *x), *y = mem_zalloc((size_t)n, sizeof *y);
	double *h = mem_zalloc(MOST_TAPS, sizeof *h);
	uint32_t seed = 1;

	if (!x || !h || !y)
		return 1;
	for (int64_t i = 0; i < n; i++)
		x[i] = noise(&seed);
	for (int64_t i = 0; i < MOST_TAPS; i++)
		h[i] = noise(&seed);
	copy(y, x, n);
	for (size_t i = 0; i < sizeof taps / sizeof *taps; i++) {
		double start = cpu_s(), prepare, best = 1e9, sum = 0;
		struct conv_ir *ir;

		struct conv_path path = { 0, 0, h };

		if (conv_ir_new(&ir, taps[i], 1, 1, &path, 1, NULL))
			return 1;
		prepare = cpu_s() - start;
		for (int r = 0; r <= RUNS; r++) {
			double s = cpu_s();

			sum += run(ir, x, n, y);
			s = cpu_s() - s;
			best = r && s < best ? s : best;
		}
		printf("{\"bench\":\"conv\",\"isa\":\"%s\",\"taps\":%lld,\"ns_per_frame\":%.3f,\"times_real_time\":%.0f,"
		    "\"prepare_s\":%.4f,\"check\":%.6g}\n", conv_isa(), (long long)taps[i],
		    1e9 * best / (double)n, SECONDS / best, prepare, sum);
		conv_ir_free(ir);
	}
	for (size_t i = 0; i + 1 < sizeof taps / sizeof *taps; i++)
		live(y, x, h, taps[i]);
	mem_free(x);
	mem_free(y);
	mem_free(h);
	return 0;
}
