/* bench_conv.c - speed of the convolution in memory, by length of the response.
 *
 * One JSON object a line: CPU seconds of one core for 60 s of mono at 48 kHz, the best of
 * five runs after one to warm up; times real time; and the rate of additions and multiplications. */
#include "base/mem.h"
#include "dsp/conv.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RATE_HZ = 48000, SECONDS = 60, RUNS = 5, BLOCK = 65536, MOST_TAPS = 480000 };

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

/* All of x through one stream; the sum of what came out, so that nothing is left out. */
static double
run(const struct conv_ir *ir, const float *x, int64_t n)
{
	struct conv *c;
	const float *y;
	double sum = 0;
	int64_t got;

	if (conv_new(&c, ir, 1, NULL))
		exit(1);
	for (int64_t at = 0; at < n;) {
		at += conv_process(c, x + at, n - at < BLOCK ? n - at : BLOCK, &y, &got);
		sum += got ? (double)y[0] : 0;
	}
	for (conv_flush(c, &y, &got); got; conv_flush(c, &y, &got))
		sum += (double)y[0];
	conv_free(c);
	return sum;
}

int
main(void)
{
	static const int64_t taps[] = { 64, 512, 2048, 8192, 24000, 48000, 200000, MOST_TAPS };
	int64_t n = RATE_HZ * SECONDS;
	float *x = mem_zalloc((size_t)n, sizeof *x), *h = mem_zalloc(MOST_TAPS, sizeof *h);
	uint32_t seed = 1;

	if (!x || !h)
		return 1;
	for (int64_t i = 0; i < n; i++)
		x[i] = noise(&seed);
	for (int64_t i = 0; i < MOST_TAPS; i++)
		h[i] = noise(&seed);
	for (size_t i = 0; i < sizeof taps / sizeof *taps; i++) {
		double start = cpu_s(), prepare, best = 1e9, sum = 0;
		struct conv_ir *ir;

		if (conv_ir_new(&ir, h, taps[i], 1, 1, 0, NULL))
			return 1;
		prepare = cpu_s() - start;
		for (int r = 0; r <= RUNS; r++) {
			double s = cpu_s();

			sum += run(ir, x, n);
			s = cpu_s() - s;
			best = r && s < best ? s : best;
		}
		printf("{\"bench\":\"conv\",\"isa\":\"%s\",\"taps\":%lld,\"ns_per_frame\":%.3f,\"times_real_time\":%.0f,"
		    "\"gflops\":%.1f,\"prepare_s\":%.4f,\"check\":%.6g}\n", conv_isa(), (long long)taps[i],
		    1e9 * best / (double)n, SECONDS / best, conv_flops(ir) * (double)n / best / 1e9, prepare, sum);
		conv_ir_free(ir);
	}
	mem_free(x);
	mem_free(h);
	return 0;
}
