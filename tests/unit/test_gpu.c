/* test_gpu.c - the GPU backend gives the bits of the CPU; skipped, with the reason, where there is none. */
#include "gpu/gpu.h"
#include "base/proc.h"
#include "nam/nam.h"
#include "nam/nam_kernel.h"
#include "../tap.h"
#include "plan_run.h"
#include <glob.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1 << 20 };
static float cpu[N], gpu[N];

/* Floats of every size and sign: random bits, without NaN and infinity. */
static void
fill(void)
{
	uint32_t r = 1;

	for (size_t i = 0; i < N; i++) {
		uint32_t u;

		do {
			r = r * 1664525u + 1013904223u;
			u = r ^ r >> 15;
			/* half of them where curves bend */
			if (i & 1)
				u = (u & 0x80ffffff) | (118 + u % 14) << 23;
		} while ((u & 0x7f800000) == 0x7f800000);
		memcpy(&cpu[i], &u, 4);
	}
}

/* ---- plans ----------------------------------------------------------------------------- */

/* Two pieces of a signal in one call: the second with its past, or after the first with its state.  Less of it where the plan is fast,
 * because matrices take long on the CPU. */
enum { FRAMES = 9000, CUT = 8000, FAST_FRAMES = 1100, FAST_CUT = 600 };
static float x[FRAMES], want[FRAMES], got[FRAMES], twin[FRAMES];

struct loaded {
	struct nam_plan *plan;
	struct gpu_model *model;
	struct gpu_input *in;
	float *state;
};

static int
run_two(const struct gpu_ops *g, struct gpu_lane *lane, const struct loaded *l, char *why, size_t len)
{
	const size_t frames = l->plan->fast ? FAST_FRAMES : FRAMES, cut = l->plan->fast ? FAST_CUT : CUT;
	const size_t past = l->plan->recurrent ? 0 : (size_t)l->plan->receptive_field - 1, skip = past < cut ? past : cut;
	const struct gpu_job job[2] = { { l->model, l->in, 0, cut, 0, got, l->state },
		{ l->model, l->in, cut - skip, frames - cut + skip, skip, got + cut, l->state } };

	if (!l->plan->recurrent)
		return g->run(lane, job, 2, why, len) == GPU_DONE;
	return g->run(lane, job, 1, why, len) == GPU_DONE && g->run(lane, job + 1, 1, why, len) == GPU_DONE;
}

static void
try_model(const struct gpu_ops *g, struct gpu_lane *lane, const char *path)
{
	const char *base = strrchr(path, '/');
	struct loaded l = { NULL, NULL, NULL, NULL };
	struct nam_model *m = NULL;
	struct nam_stream *s = NULL;
	char why[300] = "";
	struct err e;
	int same = 0;

	if (nam_open(&m, path, -1, &e)) /* a list of models, or one that is broken */
		return;
	if (nam_stream_new(&s, m, &e) || !(l.plan = nam_plan_new(m, GPU_TILE, &e))) {
		printf("# %s\n", e.msg);
	} else if (g->load(&l.model, 0, l.plan, why, sizeof why) == GPU_DONE &&
	    g->put(&l.in, lane, x, FRAMES, why, sizeof why) == GPU_DONE) {
		nam_process(s, x, want, FRAMES);
		if (l.plan->recurrent && (l.state = malloc((size_t)l.plan->n_image * sizeof(float))) != NULL)
			memcpy(l.state, l.plan->image, (size_t)l.plan->n_image * sizeof(float));
		same = run_two(g, lane, &l, why, sizeof why) && plan_same(want, got, FRAMES);
	}
	if (*why)
		printf("# %s\n", why);
	ok(same, base ? base + 1 : path);
	g->drop(l.in);
	g->unload(l.model);
	free(l.state);
	nam_plan_free(l.plan);
	nam_stream_free(s);
	nam_close(m);
}

/* Error of a over energy of b. */
static double
esr_db(const float *a, const float *b)
{
	double err = 0, all = 0;

	for (size_t i = 0; i < FAST_FRAMES; i++) {
		err += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
		all += (double)b[i] * (double)b[i];
	}
	return 10 * log10(err / all + 1e-30);
}

/* The same with approximations: as far from the bits of the CPU as they may be, and close to their twin. */
static void
try_fast(const struct gpu_ops *g, struct gpu_lane *lane, const char *path)
{
	const char *base = strrchr(path, '/');
	struct loaded l = { NULL, NULL, NULL, NULL };
	struct nam_model *m = NULL;
	struct nam_stream *s = NULL;
	char why[300] = "", name[400];
	struct err e;
	int good = 0;

	if (nam_open(&m, path, -1, &e) || nam_stream_new(&s, m, &e) || !(l.plan = nam_plan_new(m, GPU_TILE, &e))) {
		nam_close(m);
		return;
	}
	nam_plan_make_fast(l.plan);
	snprintf(name, sizeof name, "%.300s, fast", base ? base + 1 : path);
	if (l.plan->fast && !l.plan->recurrent) {
		nam_process(s, x, want, FAST_FRAMES);
		if (!nam_plan_run(l.plan, GPU_TILE / 4, NULL, x, FAST_FRAMES, 0, twin, &e) &&
		    g->load(&l.model, 0, l.plan, why, sizeof why) == GPU_DONE &&
		    g->put(&l.in, lane, x, FRAMES, why, sizeof why) == GPU_DONE &&
		    run_two(g, lane, &l, why, sizeof why)) {
			printf("# %.1f dB from the CPU, %.1f dB from the twin\n", esr_db(got, want), esr_db(got, twin));
			good = esr_db(got, want) < -60 && esr_db(got, twin) < -90;
		}
		if (*why)
			printf("# %s\n", why);
		ok(good, name);
	}
	g->drop(l.in);
	g->unload(l.model);
	nam_plan_free(l.plan);
	nam_stream_free(s);
	nam_close(m);
}

/* Real models. */
static void
plans(const struct gpu_ops *g, const char *which)
{
	const char *data = getenv("TESTDATA");
	struct gpu_lane *lane;
	char pattern[1024], why[256];
	glob_t all;

	for (int t = 0; t < FRAMES; t++)
		x[t] = (float)(0.6 * sin(t * 0.05) * sin(t * 0.0007));
	if (g->open(&lane, 0, why, sizeof why) != GPU_DONE) {
		printf("# %s\n", why);
		ok(0, "a lane");
		return;
	}
	snprintf(pattern, sizeof pattern, "%s/nam/%s", data ? data : ".", which);
	if (glob(pattern, GLOB_BRACE, NULL, &all))
		skip(which, "no $TESTDATA/nam");
	else
		for (size_t i = 0; i < all.gl_pathc; i++) {
			try_model(g, lane, all.gl_pathv[i]);
			try_fast(g, lane, all.gl_pathv[i]);
		}
	globfree(&all);
	g->close(lane);
}

static void
try_fake(const char *file, const char *which)
{
	const struct gpu_ops *g;
	char path[4200], why[256];

	snprintf(path, sizeof path, "%s/../%s", proc_self_dir(), file);
	setenv("SHOOTOUT_GPU", path, 1);
	if ((g = gpu_load(why, sizeof why)) != NULL)
		plans(g, which);
	else
		skip(file, why);
}

int
main(void)
{
	static const char *const names[] = { "none", "tanh", "hardtanh", "fasttanh", "relu", "leaky relu", "prelu",
		"sigmoid", "silu", "hardswish", "leaky hardtanh", "softsign", "elu" };
	static const float p[4] = { -0.5f, 0.75f, 0.25f, 0.125f };
	char why[256] = "";
	char *plugin = getenv("SHOOTOUT_GPU") ? strdup(getenv("SHOOTOUT_GPU")) : NULL;
	const struct gpu_ops *g;

	setenv("SHOOTOUT_GPU", "/no/such/plugin.so", 1);
	ok(!gpu_load(why, sizeof why) && strstr(why, "/no/such/plugin.so"), "no backend: a reason, no crash");
	unsetenv("SHOOTOUT_GPU");
	if (plugin)
		setenv("SHOOTOUT_GPU", plugin, 1);
	g = gpu_load(why, sizeof why);
	for (int type = NAM_ACT_NONE; type <= NAM_ACT_ELU; type++) {
		if (!g) {
			skip(names[type], why);
			continue;
		}
		fill();
		memcpy(gpu, cpu, sizeof gpu);
		nam_kernel()->act((enum nam_act_type)type, p, cpu, N);
		ok(!g->act((enum nam_act_type)type, p, gpu, N, why, sizeof why) && !memcmp(cpu, gpu, sizeof gpu), names[type]);
	}
	if (g)
		plans(g, "{models/*.nam,aidax/*.json}");
	else
		skip("plans on a GPU", why);
	free(plugin);
	/* the CUDA plugin on the CPU, with its kernels and its copies; and a backend without them */
#ifdef __SANITIZE_ADDRESS__ /* then its threads take very long */
	try_fake("cuda-host.so", "models/{mikeoliphant__BossLSTM-1x16,sdatkinson__wavenet_condition_dsp}.nam");
#else
	try_fake("cuda-host.so", "{models/{*BossWN-*,*LSTM*,*A2,*film_lite,*__wavenet,*convnet*,*linear_fft*,*condition*}.nam,aidax/gru.json}");
#endif
	try_fake("fake-gpu.so", "models/{mikeoliphant__BossWN-nano,mikeoliphant__BossLSTM-1x16,sdatkinson__wavenet_condition_dsp}.nam");
	return done();
}
