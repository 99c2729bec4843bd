/* fake_gpu.c - a GPU backend that computes on the CPU, and fails as it is told; for tests of what calls backends.
 *
 * FAKE_GPU is a list of words: devices=N (2); memory=N: MiB of each (1024); abi: another interface; none: no device; load: models do
 * not fit; most=N: more than N frames at once do not fit; room=N: nor do inputs of more than N frames on a device; lost=N: device 0 is
 * lost at call N of it; lost-all=N: each device is; lost-in=N: device 0 is lost at input N; copy: the model does nothing, to time what is
 * around it.
 * FAKE_GPU_LOG names a file that gets "device jobs frames" for each call, "in device frames", "out device frames" for inputs that
 * come and go, "load device" and "unload device" for models. */
#include "gpu/gpu.h"
#include "nam/nam_plan_host.h"

#include <stdarg.h>
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

struct gpu_input {
	int device;
	size_t n;
	float x[];
};

static _Atomic long calls[MAX_DEVICES], inputs[MAX_DEVICES], frames_in[MAX_DEVICES];
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
		d[i] = (struct gpu_device){ .memory_bytes = (uint64_t)(told("memory") > 0 ? told("memory") : 1024) << 20,
			.major = 1, .processors = 4 };
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

static void BASE_PRINTF(1, 2)
say(const char *fmt, ...)
{
	const char *name = getenv("FAKE_GPU_LOG");
	FILE *f = name ? fopen(name, "a") : NULL;
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
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
	say("load %d\n", device);
	return GPU_DONE;
}

static void
unload(struct gpu_model *m)
{
	if (!m)
		return;
	say("unload %d\n", m->device);
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

static enum gpu_status
put(struct gpu_input **x, struct gpu_lane *l, const float *in, size_t n, char *why, size_t len)
{
	const int d = l->device;

	*x = NULL;
	if (atomic_load(&dead[d]) || (d == 0 && atomic_fetch_add(&inputs[d], 1) + 1 == told("lost-in"))) {
		atomic_store(&dead[d], 1);
		snprintf(why, len, "the fake was told so");
		return GPU_LOST;
	}
	if ((told("room") > 0 && atomic_load(&frames_in[d]) + (long)n > told("room")) ||
	    !(*x = malloc(sizeof **x + n * sizeof *in))) {
		snprintf(why, len, "the fake is full");
		return GPU_NO_MEMORY;
	}
	atomic_fetch_add(&frames_in[d], (long)n);
	say("in %d %zu\n", d, n);
	(*x)->device = d;
	(*x)->n = n;
	memcpy((*x)->x, in, n * sizeof *in);
	return GPU_DONE;
}

static void
drop(struct gpu_input *x)
{
	if (!x)
		return;
	atomic_fetch_sub(&frames_in[x->device], (long)x->n);
	say("out %d %zu\n", x->device, x->n);
	free(x);
}

static enum gpu_status
run(struct gpu_lane *l, const struct gpu_job *jobs, int n, char *why, size_t len)
{
	const long call = atomic_fetch_add(&calls[l->device], 1) + 1;
	size_t frames = 0;
	struct err e;

	for (int i = 0; i < n; i++)
		frames += jobs[i].n;
	say("%d %d %zu\n", l->device, n, frames);
	if (atomic_load(&dead[l->device]) || (l->device == 0 && call == told("lost")) || call == told("lost-all")) {
		atomic_store(&dead[l->device], 1);
		snprintf(why, len, "the fake was told so");
		return GPU_LOST;
	}
	if (told("most") > 0 && frames > (size_t)told("most")) {
		snprintf(why, len, "the fake is full");
		return GPU_NO_MEMORY;
	}
	for (int i = 0; i < n; i++) {
		const struct gpu_job *j = &jobs[i];

		if (j->model->device != l->device || j->in->device != l->device || j->at + j->n > j->in->n) {
			snprintf(why, len, "a model or an input of another device, or more than it has");
			return GPU_LOST;
		}
		if (told("copy") > 0) {
			memcpy(j->out, j->in->x + j->at + j->skip, (j->n - j->skip) * sizeof(float));
			continue;
		}
		if (nam_plan_run(&j->model->plan, GPU_TILE / 4, j->state, j->in->x + j->at, j->n, j->skip, j->out, &e)) {
			snprintf(why, len, "%.200s", e.msg);
			return GPU_LOST;
		}
	}
	return GPU_DONE;
}

extern struct gpu_ops shootout_gpu;
__attribute__((visibility("default")))
struct gpu_ops shootout_gpu = { GPU_ABI, "fake", probe, act, load, unload, open_lane, close_lane, width, put, drop,
	run };

__attribute__((constructor)) static void
begin(void)
{
	if (told("abi") > 0)
		shootout_gpu.abi++;
}
