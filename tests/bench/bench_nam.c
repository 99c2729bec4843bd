/* bench_nam - how fast models run on one core: bench_nam MODEL...
 * One JSON line per model: real-time factor at the model's rate and multiply-add throughput, the best
 * of many short passes of CPU time over noise. */
#include "nam/nam.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const double SECONDS = 0.25;
enum { PASSES = 120 };

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
bench(const char *file)
{
	struct nam_model *m;
	struct nam_stream *s;
	struct err e;
	double rate, best = 1e9, rtf, t0, open_ms, new_ms;
	unsigned noise = 1;
	size_t n;
	float *x;

	t0 = cpu_s();
	if (nam_open(&m, file, -1, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	open_ms = 1e3 * (cpu_s() - t0);
	rate = nam_model_info(m)->rate_hz > 0 ? nam_model_info(m)->rate_hz : 48000;
	n = (size_t)(SECONDS * rate);
	t0 = cpu_s();
	x = malloc(2 * n * sizeof *x);
	if (!x || nam_stream_new(&s, m, &e)) {
		fprintf(stderr, "%s: out of memory\n", file);
		free(x);
		nam_close(m);
		return 1;
	}
	new_ms = 1e3 * (cpu_s() - t0);
	for (size_t i = 0; i < n; i++) {
		noise = noise * 1664525u + 1013904223u;
		x[i] = (float)((double)noise / 4294967296.0 - 0.5);
	}
	for (int i = 0; i < PASSES; i++) {
		t0 = cpu_s();
		nam_process(s, x, x + n, n);
		if (cpu_s() - t0 < best)
			best = cpu_s() - t0;
	}
	rtf = SECONDS / best;
	printf("{\"schema\":\"bench-nam/1\",\"model\":\"%s\",\"isa\":\"%s\",\"rtf\":%.1f,\"gflops\":%.2f,"
	    "\"macs_per_frame\":%zu,\"open_ms\":%.2f,\"preroll_ms\":%.2f}\n", file, nam_isa(), rtf,
	    2e-9 * (double)nam_model_info(m)->macs * rate * rtf, nam_model_info(m)->macs, open_ms, new_ms);
	nam_stream_free(s);
	nam_close(m);
	free(x);
	return 0;
}

int
main(int argc, char *argv[])
{
	int status = 0;

	for (int i = 1; i < argc; i++)
		status |= bench(argv[i]);
	return status;
}
