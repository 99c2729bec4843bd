/* shootout_cuda.cu - the GPU backend for NVIDIA devices; see gpu/gpu.h. */
#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern "C" {
#include "gpu/gpu.h"
}

/* The models' own functions, compiled for the device from the source the CPU uses: one float is a
 * vector of one lane, and every operation is the IEEE one that rounds to nearest. */
#define ALWAYS static __device__ __forceinline__
#define UNROLL _Pragma("unroll")
#define V float
ALWAYS V v_set1(float x) { return x; }
ALWAYS V v_add(V a, V b) { return __fadd_rn(a, b); }
ALWAYS V v_sub(V a, V b) { return __fsub_rn(a, b); }
ALWAYS V v_mul(V a, V b) { return __fmul_rn(a, b); }
ALWAYS V v_div(V a, V b) { return __fdiv_rn(a, b); }
ALWAYS V v_fma(V a, V b, V c) { return __fmaf_rn(a, b, c); }
ALWAYS V v_fnma(V a, V b, V c) { return __fmaf_rn(-a, b, c); }
ALWAYS V v_min(V a, V b) { return a < b ? a : b; }
ALWAYS V v_max(V a, V b) { return a > b ? a : b; }
ALWAYS V v_abs(V x) { return __int_as_float(__float_as_int(x) & 0x7fffffff); }
ALWAYS V v_sign_of(V y, V x) { return __int_as_float(__float_as_int(y) | (__float_as_int(x) & (int)0x80000000)); }
ALWAYS V v_shift23(V k) { return __int_as_float(__float_as_int(k) << 23); }
ALWAYS V v_gt(V a, V b, V yes, V no) { return a > b ? yes : no; }
typedef unsigned VI;
struct v_table_bits { unsigned bits[16]; };
#define V_TABLE_TYPE __device__ v_table_bits
#define V_TABLE(...) { { __VA_ARGS__ } }
ALWAYS VI v_index(V y) { return (unsigned)__float_as_int(y) >> 21 & 15; }
ALWAYS V v_table(const v_table_bits *t, VI i) { return __int_as_float((int)t->bits[i]); }
#include "nam/nam_math_impl.h"
#include "cuda/run.cuh"

#define TRY(call) do { \
	cudaError_t e_ = (call); \
	if (e_ != cudaSuccess) { \
		snprintf(why, len, "%s: %s", #call, cudaGetErrorString(e_)); \
		goto fail; \
	} } while (0)

struct params {
	float p[4];
};

__global__ static void
act_kernel(enum nam_act_type type, struct params s, float *x, size_t n)
{
	size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		x[i] = m_act(type, s.p, x[i]);
}

static int
probe(struct gpu_device *d, int max, int *n, char *why, size_t len)
{
	int count = 0;

	*n = 0;
	TRY(cudaGetDeviceCount(&count));
	if (count == 0) {
		snprintf(why, len, "no CUDA device");
		return -1;
	}
	for (int i = 0; i < count && i < max; i++) {
		cudaDeviceProp p;

		TRY(cudaGetDeviceProperties(&p, i));
		snprintf(d[i].name, sizeof d[i].name, "%s", p.name);
		d[i].memory_bytes = p.totalGlobalMem;
		d[i].major = p.major;
		d[i].minor = p.minor;
		d[i].processors = p.multiProcessorCount;
	}
	*n = count;
	return 0;
fail:
	return -1;
}

static int
act(enum nam_act_type type, const float p[4], float *x, size_t n, char *why, size_t len)
{
	static const size_t chunk = (size_t)1 << 26;
	struct params s;
	float *d = NULL;
	int r = -1;

	memcpy(s.p, p, sizeof s.p);
	TRY(cudaMalloc(&d, (n < chunk ? n : chunk) * sizeof *d));
	for (size_t at = 0; at < n; at += chunk) {
		size_t m = n - at < chunk ? n - at : chunk;

		TRY(cudaMemcpy(d, x + at, m * sizeof *d, cudaMemcpyHostToDevice));
		act_kernel<<<(unsigned)((m + 255) / 256), 256>>>(type, s, d, m);
		TRY(cudaGetLastError());
		TRY(cudaMemcpy(x + at, d, m * sizeof *d, cudaMemcpyDeviceToHost));
	}
	r = 0;
fail:
	cudaFree(d);
	return r;
}

/* ---- plans ------------------------------------------------------------------------------- */

struct gpu_model {
	struct nam_plan plan;    /* its arrays on the device */
	int device, kind, threads;
	void *memory;            /* all of them */
};

/* Grown when it is too small, given back by close. */
struct buffer {
	void *p;
	size_t bytes;
};

struct gpu_lane {
	int device;
	cudaStream_t stream;
	struct buffer host_in, host_out, in, out, state;
};

static enum gpu_status
status_of(cudaError_t e)
{
	if (e == cudaErrorMemoryAllocation) {
		cudaGetLastError(); /* it does not stick */
		return GPU_NO_MEMORY;
	}
	return e == cudaSuccess ? GPU_DONE : GPU_LOST;
}

/* As TRY, with the status in `status`. */
#define DO(call) do { \
	cudaError_t e_ = (call); \
	if (e_ != cudaSuccess) { \
		snprintf(why, len, "%s: %s", #call, cudaGetErrorString(e_)); \
		status = status_of(e_); \
		goto out; \
	} } while (0)

static void
unload(struct gpu_model *m)
{
	if (!m)
		return;
	cudaSetDevice(m->device);
	cudaFree(m->memory);
	free(m);
}

/* One of the plan's arrays behind the others; to 16 bytes. */
static size_t
place(size_t *at, size_t bytes)
{
	const size_t here = *at;

	*at += (bytes + 15) / 16 * 16;
	return here;
}

static enum gpu_status
load(struct gpu_model **model, int device, const struct nam_plan *p, char *why, size_t len)
{
	struct gpu_model *m = (struct gpu_model *)calloc(1, sizeof *m);
	size_t bytes = 0;
	const size_t n_steps = (size_t)p->n_steps * sizeof *p->steps, n_pasts = (size_t)p->n_pasts * sizeof *p->pasts;
	const size_t n_weights = p->n_weights * sizeof(float), n_image = (size_t)p->n_image * sizeof(float);
	const size_t steps = place(&bytes, n_steps), pasts = place(&bytes, n_pasts), weights = place(&bytes, n_weights),
	    image = place(&bytes, n_image);
	enum gpu_status status = GPU_NO_MEMORY;
	char *base;

	*model = NULL;
	if (!m) {
		snprintf(why, len, "out of memory");
		return status;
	}
	m->device = device;
	m->plan = *p;
	m->kind = run_kind_of(p);
	m->threads = run_threads(p);
	DO(cudaSetDevice(device));
	DO(cudaMalloc(&m->memory, bytes));
	base = (char *)m->memory;
	m->plan.steps = (struct nam_plan_step *)(base + steps);
	m->plan.pasts = (struct nam_plan_past *)(base + pasts);
	m->plan.weights = (float *)(base + weights);
	m->plan.image = (float *)(base + image);
	DO(cudaMemcpy(m->plan.steps, p->steps, n_steps, cudaMemcpyHostToDevice));
	DO(cudaMemcpy(m->plan.pasts, p->pasts, n_pasts, cudaMemcpyHostToDevice));
	DO(cudaMemcpy(m->plan.weights, p->weights, n_weights, cudaMemcpyHostToDevice));
	DO(cudaMemcpy(m->plan.image, p->image, n_image, cudaMemcpyHostToDevice));
	*model = m;
	return GPU_DONE;
out:
	unload(m);
	return status;
}

static void
close_lane(struct gpu_lane *l)
{
	if (!l)
		return;
	cudaSetDevice(l->device);
	if (l->stream)
		cudaStreamDestroy(l->stream);
	cudaFreeHost(l->host_in.p);
	cudaFreeHost(l->host_out.p);
	cudaFree(l->in.p);
	cudaFree(l->out.p);
	cudaFree(l->state.p);
	free(l);
}

static enum gpu_status
open_lane(struct gpu_lane **lane, int device, char *why, size_t len)
{
	struct gpu_lane *l = (struct gpu_lane *)calloc(1, sizeof *l);
	enum gpu_status status = GPU_NO_MEMORY;

	*lane = NULL;
	if (!l) {
		snprintf(why, len, "out of memory");
		return status;
	}
	l->device = device;
	DO(cudaSetDevice(device));
	DO(cudaStreamCreateWithFlags(&l->stream, cudaStreamNonBlocking));
	*lane = l;
	return GPU_DONE;
out:
	close_lane(l);
	return status;
}

static int
width(const struct gpu_lane *l, const struct gpu_model *m)
{
	int per = 0, processors = 0;

	if (cudaSetDevice(l->device) != cudaSuccess ||
	    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, l->device) != cudaSuccess ||
	    cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per, run_kinds[m->kind].kernel, m->threads, 0) != cudaSuccess) {
		cudaGetLastError();
		return 1;
	}
	return per * processors > 1 ? per * processors : 1;
}

/* At least so many bytes; what was in it is gone. */
static cudaError_t
grow(struct buffer *b, size_t bytes, int host)
{
	cudaError_t e;

	if (b->bytes >= bytes)
		return cudaSuccess;
	e = host ? cudaFreeHost(b->p) : cudaFree(b->p);
	b->p = NULL;
	b->bytes = 0;
	if (e == cudaSuccess)
		e = host ? cudaMallocHost(&b->p, bytes) : cudaMalloc(&b->p, bytes);
	if (e == cudaSuccess)
		b->bytes = bytes;
	return e;
}

/* Where the parts of a call lie, in the host's buffers and at the same places in the device's.
 * In: the jobs by kind and threads, a counter for each launch, the frames, the states.  Out: frames, states. */
struct layout {
	size_t counters, in, out;
};

static size_t
image_bytes(const struct gpu_job *j)
{
	return j->state ? (size_t)j->model->plan.n_image * sizeof(float) : 0;
}

static void
measure(struct layout *at, const struct gpu_job *jobs, int n)
{
	size_t bytes = 0;

	*at = layout();
	place(&bytes, (size_t)n * sizeof(struct run_job));
	at->counters = place(&bytes, (size_t)n * sizeof(int));
	for (int i = 0; i < n; i++) {
		place(&bytes, jobs[i].n * sizeof(float));
		place(&bytes, image_bytes(&jobs[i]));
		place(&at->out, (jobs[i].n - jobs[i].skip) * sizeof(float));
		place(&at->out, image_bytes(&jobs[i]));
	}
	at->in = bytes;
}

static void
fill_job(struct run_job *r, const struct gpu_job *j, struct gpu_lane *l, size_t *in, size_t *out)
{
	size_t at = place(in, j->n * sizeof(float));

	r->plan = j->model->plan;
	r->n = (int)j->n;
	r->skip = (int)j->skip;
	r->in = (const float *)((char *)l->in.p + at);
	memcpy((char *)l->host_in.p + at, j->in, j->n * sizeof(float));
	r->out = (float *)((char *)l->out.p + place(out, (j->n - j->skip) * sizeof(float)));
	r->from = NULL;
	r->to = NULL;
	if (!j->state)
		return;
	at = place(in, image_bytes(j));
	r->from = (const float *)((char *)l->in.p + at);
	memcpy((char *)l->host_in.p + at, j->state, image_bytes(j));
	r->to = (float *)((char *)l->out.p + place(out, image_bytes(j)));
}

static int
same_launch(const struct gpu_job *a, const struct gpu_job *b)
{
	return a->model->kind == b->model->kind && a->model->threads == b->model->threads;
}

static enum gpu_status
run(struct gpu_lane *l, const struct gpu_job *jobs, int n, char *why, size_t len)
{
	/* where a launch begins in the list: launches x (first job, jobs, blocks) */
	struct launch { int first, n, blocks; const struct gpu_model *m; } *launch = NULL;
	enum gpu_status status = GPU_DONE;
	struct run_job *host;
	struct layout at;
	size_t in = 0, out = 0, states = 0, stride = 0;
	int launches = 0, placed = 0, *order = NULL;

	DO(cudaSetDevice(l->device));
	measure(&at, jobs, n);
	DO(grow(&l->host_in, at.in, 1));
	DO(grow(&l->host_out, at.out, 1));
	DO(grow(&l->in, at.in, 0));
	DO(grow(&l->out, at.out, 0));
	launch = (struct launch *)calloc((size_t)n, sizeof *launch);
	order = (int *)calloc((size_t)n, sizeof *order);
	if (!launch || !order) {
		snprintf(why, len, "out of memory");
		status = GPU_NO_MEMORY;
		goto out;
	}
	place(&in, (size_t)n * sizeof(struct run_job));
	place(&in, (size_t)n * sizeof(int));
	memset((char *)l->host_in.p + at.counters, 0, (size_t)n * sizeof(int));
	host = (struct run_job *)l->host_in.p;
	for (int i = 0; i < n; i++) {
		struct launch *k = &launch[launches];

		for (int j = 0; j < placed; j++)
			if (order[j] == i)
				goto next;
		k->first = placed;
		k->m = jobs[i].model;
		for (int j = i; j < n; j++)
			if (same_launch(&jobs[i], &jobs[j])) {
				stride = (size_t)jobs[j].model->plan.floats > stride ? (size_t)jobs[j].model->plan.floats : stride;
				order[placed++] = j;
				k->n++;
			}
		k->blocks = width(l, k->m);
		k->blocks = k->blocks < k->n ? k->blocks : k->n;
		states = (size_t)k->blocks > states ? (size_t)k->blocks : states;
		launches++;
next:		;
	}
	stride = (stride + 31) / 32 * 32;
	/* fewer streams at once where not all have room */
	while (status_of(grow(&l->state, states * stride * sizeof(float), 0)) == GPU_NO_MEMORY && states > 1)
		states = (states + 1) / 2;
	DO(grow(&l->state, states * stride * sizeof(float), 0));
	for (int i = 0; i < n; i++)
		fill_job(&host[i], &jobs[order[i]], l, &in, &out);
	DO(cudaMemcpyAsync(l->in.p, l->host_in.p, at.in, cudaMemcpyHostToDevice, l->stream));
	for (int i = 0; i < launches; i++) {
		const struct launch *k = &launch[i];

		const size_t blocks = (size_t)k->blocks < states ? (size_t)k->blocks : states;

		run_kinds[k->m->kind].kernel<<<(unsigned)blocks, (unsigned)k->m->threads, 0, l->stream>>>(
		    (const struct run_job *)l->in.p + k->first, k->n, (int *)((char *)l->in.p + at.counters) + i,
		    (float *)l->state.p, stride);
		DO(cudaGetLastError());
	}
	DO(cudaMemcpyAsync(l->host_out.p, l->out.p, at.out, cudaMemcpyDeviceToHost, l->stream));
	DO(cudaStreamSynchronize(l->stream));
	out = 0;
	for (int i = 0; i < n; i++) {
		const struct gpu_job *j = &jobs[order[i]];
		const size_t bytes = (j->n - j->skip) * sizeof(float);

		memcpy(j->out, (char *)l->host_out.p + place(&out, bytes), bytes);
		if (j->state)
			memcpy(j->state, (char *)l->host_out.p + place(&out, image_bytes(j)), image_bytes(j));
	}
out:
	free(launch);
	free(order);
	return status;
}

extern "C" __attribute__((visibility("default")))
const struct gpu_ops shootout_gpu = { GPU_ABI, "cuda", probe, act, load, unload, open_lane, close_lane, width, run };
