/* bench_gpu MODEL... - what a GPU does with the streams of one model: kernels and copies, without files.
 *
 * A line of JSON for each model, exact and, where it can be, fast: as many streams as the device runs at once, each with its past and SECONDS of signal, in calls of one lane
 * and of two; the least of five.  Beside it the floor: 2 operations for each multiply-add of the model at the
 * peak of the device.  GPU_PEAK_TFLOPS: that peak (67, of an H100 or H200 in float32). */
#include "gpu/gpu.h"
#include "base/par.h"
#include "nam/nam.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE_HZ = 48000, FRAMES = 2 * RATE_HZ, LANES = 2, RUNS = 5 };

struct work {
	const struct gpu_ops *g;
	struct gpu_lane *lane;
	struct gpu_job *job;
	int n, bad;
	char why[256];
};

static void *
run(void *arg)
{
	struct work *w = arg;

	w->bad |= w->g->run(w->lane, w->job, w->n, w->why, sizeof w->why) != GPU_DONE;
	return NULL;
}

/* Seconds of all lanes together, the least of RUNS. */
static double
least(struct work *w, int lanes)
{
	double best = 1e9;

	for (int i = 0; i < RUNS; i++) {
		double from = par_clock_s(), took;
		pthread_t id[LANES];
		int started = 0;

		while (started < lanes - 1 && !pthread_create(&id[started], NULL, run, &w[started + 1]))
			started++;
		run(&w[0]);
		while (started > 0)
			pthread_join(id[--started], NULL);
		took = par_clock_s() - from;
		best = took < best ? took : best;
	}
	return best;
}

static int
measure(const struct gpu_ops *g, const char *path, int fast, double peak)
{
	struct work w[LANES] = { { 0 } };
	struct nam_model *m = NULL;
	struct nam_plan *p = NULL;
	struct gpu_model *on = NULL;
	struct gpu_input *in = NULL;
	struct gpu_job *job = NULL;
	float *x = NULL, *y = NULL;
	char why[256] = "";
	struct err e;
	int status = -1, n = 0;
	size_t past;
	double one, two, flop;

	if (nam_open(&m, path, -1, &e) || !(p = nam_plan_new(m, GPU_TILE, &e))) {
		fprintf(stderr, "bench_gpu: %s\n", e.msg);
		goto out;
	}
	if (fast)
		nam_plan_make_fast(p);
	if (p->fast != fast) {
		status = 0;
		goto out;
	}
	past = p->recurrent ? 0 : (size_t)p->receptive_field - 1;
	if (g->load(&on, 0, p, why, sizeof why) != GPU_DONE)
		goto out;
	for (int i = 0; i < LANES; i++) {
		w[i].g = g;
		if (g->open(&w[i].lane, 0, why, sizeof why) != GPU_DONE)
			goto out;
	}
	n = g->width(w[0].lane, on);
	x = calloc(past + FRAMES, sizeof *x);
	y = calloc((size_t)n * LANES * FRAMES, sizeof *y);
	job = calloc((size_t)n * LANES, sizeof *job);
	if (!x || !y || !job)
		goto out;
	for (size_t t = 0; t < past + FRAMES; t++)
		x[t] = (float)(t * 2654435761u % 65536) / 65536 - 0.5f;
	if (g->put(&in, w[0].lane, x, past + FRAMES, why, sizeof why) != GPU_DONE)
		goto out;
	for (int i = 0; i < n * LANES; i++)
		job[i] = (struct gpu_job){ on, in, 0, past + FRAMES, past, y + (size_t)i * FRAMES, NULL };
	for (int i = 0; i < LANES; i++) {
		w[i].job = job + (size_t)i * (size_t)n;
		w[i].n = n;
	}
	one = least(w, 1);
	two = least(w, LANES) / LANES;
	if (w[0].bad || w[1].bad) {
		snprintf(why, sizeof why, "%s", w[0].bad ? w[0].why : w[1].why);
		goto out;
	}
	flop = 2.0 * (double)nam_model_info(m)->macs;
	printf("{\"model\":\"%s\",\"precision\":\"%s\",\"streams\":%d,\"flop_per_frame\":%.0f,\"times_real_time\":%.1f,\"two_lanes\":%.1f,"
	    "\"with_past\":%.1f,\"floor\":%.1f,\"share_of_floor\":%.3f}\n", path, fast ? "fast" : "exact", n, flop, n * FRAMES / one / RATE_HZ,
	    n * FRAMES / two / RATE_HZ, n * (double)(FRAMES + past) / two / RATE_HZ, peak * 1e12 / flop / RATE_HZ,
	    n * (double)(FRAMES + past) / two * flop / peak / 1e12);
	status = 0;
out:
	if (*why)
		fprintf(stderr, "bench_gpu: %s\n", why);
	for (int i = 0; i < LANES; i++)
		g->close(w[i].lane);
	g->drop(in);
	g->unload(on);
	nam_plan_free(p);
	nam_close(m);
	free(job);
	free(x);
	free(y);
	return status;
}

int
main(int argc, char *argv[])
{
	const char *text = getenv("GPU_PEAK_TFLOPS");
	const double peak = text ? atof(text) : 67;
	char why[256];
	const struct gpu_ops *g = gpu_load(why, sizeof why);
	int bad = 0;

	if (!g) { /* make bench runs it everywhere */
		fprintf(stderr, "bench_gpu: nothing to measure: %s\n", why);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		bad |= measure(g, argv[i], 0, peak) | measure(g, argv[i], 1, peak);
	return bad != 0;
}
