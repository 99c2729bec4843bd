/* run.cuh - plans on a CUDA device: a block of threads is a stream, and a persistent kernel takes one job after
 * the other until there are none.
 *
 * The steps are nam_plan_impl.h.  A kernel knows the channels of the LAYERS in its plans and how many frames a thread has, so that their
 * sums stay in registers, or the units of an LSTM, so that its weights do; other plans have one of their own. */
#ifndef CUDA_RUN_CUH
#define CUDA_RUN_CUH

#ifndef UNROLL
#define UNROLL _Pragma("unroll")
#endif
#define VM_FN static __device__ __forceinline__
#define VM_LOAD4(to, from) do { \
	const float4 q_ = *reinterpret_cast<const float4 *>(from); \
	(to)[0] = q_.x, (to)[1] = q_.y, (to)[2] = q_.z, (to)[3] = q_.w; \
	} while (0)
#include "nam/nam_plan_impl.h"
#include "cuda/fast.cuh"

struct run_job {
	struct nam_plan plan;    /* its arrays on the device */
	const float *in, *from;  /* from, to: the state before and after, or NULL */
	float *out, *to;
	int n, skip;
};

template <int CA, int CB, int F, int THREADS, int H, int FAST>
VM_FN void
run_step(const struct nam_vm *m, const struct nam_plan_step *s)
{
	const int thread = (int)threadIdx.x, phases = vm_phases(s, m->n);
	struct nam_vm_thread th;
	struct fast_thread fast;

	if (FAST && s->code == NAM_PLAN_LAYERS) {
		for (int phase = 0; phase < phases; phase++) {
			if (FAST > 1 && s->outs > 8)
				fast_layers<(FAST > 1 ? 2 : 1)>(m, s, phase, thread, &fast);
			else
				fast_layers<1>(m, s, phase, thread, &fast);
			__syncthreads();
		}
	} else if (CA && s->code == NAM_PLAN_LAYERS && s->outs == CA) {
		for (int phase = 0; phase < phases; phase++) {
			vm_layers(m, s, phase, thread, &th, CA, F, 0);
			__syncthreads();
		}
	} else if (CB && s->code == NAM_PLAN_LAYERS) {
		for (int phase = 0; phase < phases; phase++) {
			vm_layers(m, s, phase, thread, &th, CB, F, 0);
			__syncthreads();
		}
	} else if (H && nam_plan_cells(s) == H) {
		struct nam_vm_cell cell;

		for (int phase = 0; phase <= phases; phase++) {
			vm_cells(m, s, phase, thread, &cell, H);
			__syncthreads();
		}
	} else {
		for (int phase = 0; phase < phases; phase++) {
			vm_phase(m, s, phase, thread);
			__syncthreads();
		}
	}
}

template <int CA, int CB, int F, int THREADS, int H, int FAST>
__global__ static void
__launch_bounds__(THREADS, 1)
run_kernel(const struct run_job *jobs, int n_jobs, int *next, float *mem, size_t stride)
{
	__shared__ __align__(16) float stage[CA || FAST ? 2 * NAM_PLAN_MAX_WEIGHTS : H ? 2 * H : 4];
	__shared__ int taken;
	const int thread = (int)threadIdx.x;
	struct nam_vm m;

	m.mem = mem + (size_t)blockIdx.x * stride;
	m.stage = stage;
	m.threads = CA || H || FAST ? THREADS : (int)blockDim.x;
	for (;;) {
		if (thread == 0)
			taken = atomicAdd(next, 1);
		__syncthreads();
		if (taken >= n_jobs)
			return;
		const struct run_job *j = &jobs[taken];
		const int n = j->n, skip = j->skip;
		const struct nam_plan_step *end = j->plan.steps + j->plan.n_steps;

		m.plan = &j->plan;
		m.g = 0;
		vm_image(&m, const_cast<float *>(j->from ? j->from : j->plan.image), 0, thread);
		for (; m.g < n; m.g += m.n) {
			m.n = n - m.g < j->plan.tile ? n - m.g : j->plan.tile;
			for (int t = thread; t < m.n; t += m.threads)
				*vm_frame(&m, j->plan.in, t, 0) = j->in[m.g + t];
			__syncthreads();
			for (const struct nam_plan_step *s = j->plan.steps; s < end; s += vm_step_length(s))
				run_step<CA, CB, F, THREADS, H, FAST>(&m, s);
			for (int t = thread; t < m.n; t += m.threads)
				if (m.g + t >= skip)
					j->out[m.g + t - skip] = *vm_frame(&m, j->plan.out, t, 0);
		}
		if (j->to)
			vm_image(&m, j->to, 1, thread);
		__syncthreads(); /* all have read taken */
	}
}

/* The kernels: channels, frames of a thread, threads; THREADS x F is GPU_TILE.  The first two of LAYERS are fast, for channels up to
 * those.  Registers and shared memory: see tests/bench/README.md. */
typedef void run_function(const struct run_job *, int, int *, float *, size_t);
static const struct run_kind {
	int wide[2], cells, threads, fast;
	run_function *kernel;
} run_kinds[] = {
	{ { 0, 0 }, 0, 256, 0, run_kernel<0, 0, 1, 256, 0, 0> },
	{ { 16, 16 }, 0, 256, 1, run_kernel<0, 0, 2, 256, 0, 2> },
	{ { 8, 8 }, 0, 256, 1, run_kernel<0, 0, 2, 256, 0, 1> },
	{ { 16, 8 }, 0, 256, 0, run_kernel<16, 8, 2, 256, 0, 0> },
	{ { 12, 6 }, 0, 256, 0, run_kernel<12, 6, 2, 256, 0, 0> },
	{ { 8, 4 }, 0, 256, 0, run_kernel<8, 4, 2, 256, 0, 0> },
	{ { 4, 2 }, 0, 128, 0, run_kernel<4, 2, 4, 128, 0, 0> },
	{ { 3, 2 }, 0, 128, 0, run_kernel<3, 2, 4, 128, 0, 0> },
	{ { 0, 0 }, 16, 32, 0, run_kernel<0, 0, 1, 32, 16, 0> },
	{ { 0, 0 }, 32, 32, 0, run_kernel<0, 0, 1, 32, 32, 0> },
};
enum { RUN_KINDS = sizeof run_kinds / sizeof *run_kinds };

static int
run_has(const struct run_kind *k, int channels)
{
	return k->fast ? channels <= k->wide[0] : !channels || k->wide[0] == channels || k->wide[1] == channels;
}

/* The narrowest kernel that has what the plan asks for; 0 has everything. */
static int
run_kind_of(const struct nam_plan *p)
{
	for (int k = RUN_KINDS - 1; k > 0; k--) {
		const struct run_kind *kind = &run_kinds[k];

		if (p->wide[0] ? !kind->cells && kind->fast == p->fast && run_has(kind, p->wide[0]) && run_has(kind, p->wide[1]) :
		    p->cells && kind->cells == p->cells)
			return k;
	}
	return 0;
}

/* Of a block; recurrent layers have no use for more than their units. */
static int
run_threads(const struct nam_plan *p)
{
	const int kind = run_kind_of(p), threads = run_kinds[kind].threads;

	return !kind && p->units && p->units < threads ? (p->units + 31) / 32 * 32 : threads;
}
#endif
