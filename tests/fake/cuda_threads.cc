/* cuda_threads MODEL... - the CUDA kernels as C++: a block is as many threads of the CPU, __syncthreads() a barrier.
 *
 * nam_plan_host.c proves the sums of a block; this proves what is around them in run.cuh: which jobs a block takes, tiles, states, and
 * with -fsanitize=thread that no barrier is missing. */
#include <pthread.h>
#include <thread>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __forceinline__ inline
struct float4 { float x, y, z, w; };
struct index { unsigned x; };
static thread_local index threadIdx, blockIdx, blockDim;
static pthread_barrier_t barrier;
static void __syncthreads() { pthread_barrier_wait(&barrier); }
static int atomicAdd(int *p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }

extern "C" {
#include "nam/nam.h"
#include "nam/nam_plan.h"
}
#include "nam/nam_scalar.h"
#define UNROLL
#define ALWAYS static inline
#include "nam/nam_math_impl.h"
#include "cuda/run.cuh"
#include "../tap.h"

enum { FRAMES = 1200, CUT = 700, SKIP = 100 };

/* One block takes three jobs: the first CUT frames; all but SKIP of them, a new stream; and those behind CUT, from the
 * state that the first one left.  Then y has them in pieces, whole in one. */
static void
run_block(const run_kind *kind, const nam_plan *p, int threads, const float *x, float *y, float *whole)
{
	std::vector<float> state((size_t)p->n_image + 1), memory((size_t)p->floats);
	std::vector<std::thread> all;
	run_job job[3] = {};
	int next = 0;

	for (run_job &j : job)
		j.plan = *p;
	job[0].in = x, job[0].n = CUT, job[0].out = y, job[0].from = p->image, job[0].to = state.data();
	job[1].in = x, job[1].n = FRAMES, job[1].skip = SKIP, job[1].out = whole;
	job[2].in = x + CUT, job[2].n = FRAMES - CUT, job[2].out = y + CUT, job[2].from = state.data();
	pthread_barrier_init(&barrier, NULL, (unsigned)threads);
	for (int i = 0; i < threads; i++)
		all.emplace_back([&, i] {
			threadIdx.x = (unsigned)i;
			blockIdx.x = 0;
			blockDim.x = (unsigned)threads;
			kind->kernel(job, 3, &next, memory.data(), 0);
		});
	for (std::thread &t : all)
		t.join();
	pthread_barrier_destroy(&barrier);
}

static void
try_model(const char *path)
{
	static float x[FRAMES], want[FRAMES], y[FRAMES], whole[FRAMES];
	const char *base = strrchr(path, '/');
	nam_model *m = NULL;
	nam_stream *s = NULL;
	nam_plan *p = NULL;
	int kind, threads, same = 0;
	struct err e;
	char name[200];

	for (int t = 0; t < FRAMES; t++)
		x[t] = 0.6f * sinf((float)t * 0.05f) * sinf((float)t * 0.007f);
	if (nam_open(&m, path, -1, &e) || nam_stream_new(&s, m, &e) || !(p = nam_plan_new(m, 512, &e))) {
		printf("# %s\n", e.msg);
		ok(0, path);
		return;
	}
	kind = run_kind_of(p);
	threads = run_threads(p);
	nam_process(s, x, want, FRAMES);
	run_block(&run_kinds[kind], p, threads, x, y, whole);
	same = !memcmp(want, y, sizeof y) && !memcmp(want + SKIP, whole, (FRAMES - SKIP) * sizeof *whole);
	snprintf(name, sizeof name, "%s: kernel %d, %d threads", base ? base + 1 : path, kind, threads);
	ok(same, name);
	nam_plan_free(p);
	nam_stream_free(s);
	nam_close(m);
}

int
main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		try_model(argv[i]);
	return done();
}
