/* fake_gpu.c - a GPU backend that computes on the CPU, and fails as it is told; for tests of what calls backends.
 *
 * FAKE_GPU is a list of words: devices=N (2); abi: another interface; none: no device; load: models do not fit; most=N:
 * more than N frames at once do not fit; lost=N: device 0 is lost at call N of it; lost-all=N: each device is; copy: the model does
 * nothing, to time what is around it.
 * FAKE_GPU_LOG names a file that gets "device jobs frames" for each call. */
#include "gpu/gpu.h"
#include "nam/nam_plan_host.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEVICES = 8 };

struct gpu_model {
	struct nam_plan plan;
	int device;
};

struct gpu_lane {
	int device;
};

static _Atomic long calls[MAX_DEVICES];
static _Atomic int dead[MAX_DEVICES];

/* The number behind a word, 1 when it has none; -1 when it is not there. */
static long
told(const char *word)
{
	const char *p = getenv("FAKE_GPU");
	const size_t len = strlen(word);

	for (; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (!strncmp(p, word, len) && (!p[len] || p[len] == ' ' || p[len] == '='))
			return p[len] == '=' ? strtol(p + len + 1, NULL, 10) : 1;
	return -1;
}

static int
probe(struct gpu_device *d, int max, int *n, char *why, size_t len)
{
	*n = told("devices") > 0 ? (int)told("devices") : 2;
	if (told("none") > 0) {
		snprintf(why, len, "no fake device");
		return -1;
	}
	for (int i = 0; i < *n && i < max; i++) {
		d[i] = (struct gpu_device){ .memory_bytes = 1 << 30, .major = 1, .processors = 4 };
		snprintf(d[i].name, sizeof d[i].name, "Fake");
	}
	return 0;
}

static int
act(enum nam_act_type type, const float p[4], float *x, size_t n, char *why, size_t len)
{
	(void)type, (void)p, (void)x, (void)n;
	snprintf(why, len, "not here");
	return -1;
}

static void *
copy(const void *p, size_t bytes)
{
	void *to = malloc(bytes + 1);

	if (to && bytes)
		memcpy(to, p, bytes);
	return to;
}

static enum gpu_status
load(struct gpu_model **m, int device, const struct nam_plan *p, char *why, size_t len)
{
	*m = NULL;
	if (told("load") > 0 || !(*m = calloc(1, sizeof **m))) {
		snprintf(why, len, "the fake is full");
		return GPU_NO_MEMORY;
	}
	(*m)->device = device;
	(*m)->plan = *p;
	(*m)->plan.steps = copy(p->steps, (size_t)p->n_steps * sizeof *p->steps);
	(*m)->plan.pasts = copy(p->pasts, (size_t)p->n_pasts * sizeof *p->pasts);
	(*m)->plan.weights = copy(p->weights, p->n_weights * sizeof *p->weights);
	(*m)->plan.image = copy(p->image, (size_t)p->n_image * sizeof *p->image);
	return GPU_DONE;
}

static void
unload(struct gpu_model *m)
{
	if (!m)
		return;
	free(m->plan.steps);
	free(m->plan.pasts);
	free(m->plan.weights);
	free(m->plan.image);
	free(m);
}

static enum gpu_status
open_lane(struct gpu_lane **l, int device, char *why, size_t len)
{
	if (!(*l = calloc(1, sizeof **l))) {
		snprintf(why, len, "out of memory");
		return GPU_NO_MEMORY;
	}
	(*l)->device = device;
	return GPU_DONE;
}

static void
close_lane(struct gpu_lane *l)
{
	free(l);
}

static int
width(const struct gpu_lane *l, const struct gpu_model *m)
{
	(void)l, (void)m;
	return 7;
}

static void
say(int device, int jobs, size_t frames)
{
	const char *name = getenv("FAKE_GPU_LOG");
	FILE *f = name ? fopen(name, "a") : NULL;

	if (!f)
		return;
	fprintf(f, "%d %d %zu\n", device, jobs, frames);
	fclose(f);
}

static enum gpu_status
run(struct gpu_lane *l, const struct gpu_job *jobs, int n, char *why, size_t len)
{
	const long call = atomic_fetch_add(&calls[l->device], 1) + 1;
	size_t frames = 0;
	struct err e;

	for (int i = 0; i < n; i++)
		frames += jobs[i].n;
	say(l->device, n, frames);
	if (atomic_load(&dead[l->device]) || (l->device == 0 && call == told("lost")) || call == told("lost-all")) {
		atomic_store(&dead[l->device], 1);
		snprintf(why, len, "the fake was told so");
		return GPU_LOST;
	}
	if (told("most") > 0 && frames > (size_t)told("most")) {
		snprintf(why, len, "the fake is full");
		return GPU_NO_MEMORY;
	}
	for (int i = 0; i < n && told("copy") > 0; i++)
		memcpy(jobs[i].out, jobs[i].in + jobs[i].skip, (jobs[i].n - jobs[i].skip) * sizeof(float));
	for (int i = 0; i < n && told("copy") < 0; i++) {
		if (jobs[i].model->device != l->device) {
			snprintf(why, len, "a model of another device");
			return GPU_LOST;
		}
		if (nam_plan_run(&jobs[i].model->plan, GPU_TILE / 4, jobs[i].state, jobs[i].in, jobs[i].n, jobs[i].skip,
		    jobs[i].out, &e)) {
			snprintf(why, len, "%.200s", e.msg);
			return GPU_LOST;
		}
	}
	return GPU_DONE;
}

extern struct gpu_ops shootout_gpu;
__attribute__((visibility("default")))
struct gpu_ops shootout_gpu = { GPU_ABI, "fake", probe, act, load, unload, open_lane, close_lane, width, run };

__attribute__((constructor)) static void
begin(void)
{
	if (told("abi") > 0)
		shootout_gpu.abi++;
}
