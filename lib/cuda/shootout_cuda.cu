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
#define VM_EXP(x) __expf(x)
#define VM_DIVIDE(a, b) __fdividef(a, b)
#include "nam/nam_math_impl.h"
#include "cuda/run.cuh"

#ifndef LAUNCH /* tests/fake/cuda has its own */
#define LAUNCH(kernel, blocks, threads, stream, ...) kernel<<<blocks, threads, 0, stream>>>(__VA_ARGS__)
#endif

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
		LAUNCH(act_kernel, (unsigned)((m + 255) / 256), 256, 0, type, s, d, m);
		TRY(cudaGetLastError());
		TRY(cudaMemcpy(x + at, d, m * sizeof *d, cudaMemcpyDeviceToHost));
	}
	r = 0;
fail:
	cudaFree(d);
	return r;
}

/* ---- memory of the device ---------------------------------------------------------------- */

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

/* From the device's pool, in the order of a stream: cudaMalloc() and cudaFree() wait for all that runs, and lanes would not overlap.
 * Few devices have no pool. */
static int
has_pool(int device)
{
	int yes = 0;

	if (cudaDeviceGetAttribute(&yes, cudaDevAttrMemoryPoolsSupported, device) != cudaSuccess)
		cudaGetLastError();
	return yes;
}

/* It keeps what is given back, for the next. */
static cudaError_t
keep_pool(int device)
{
	cudaMemPool_t pool;
	uint64_t all = UINT64_MAX;
	cudaError_t e;

	if (!has_pool(device))
		return cudaSuccess;
	e = cudaDeviceGetDefaultMemPool(&pool, device);
	return e == cudaSuccess ? cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all) : e;
}

static cudaError_t
take(void **p, size_t bytes, int device, cudaStream_t s)
{
	return has_pool(device) ? cudaMallocAsync(p, bytes, s) : cudaMalloc(p, bytes);
}

static cudaError_t
give(void *p, int device, cudaStream_t s)
{
	if (!p)
		return cudaSuccess;
	return has_pool(device) ? cudaFreeAsync(p, s) : cudaFree(p);
}

/* One of several arrays behind the others; to 16 bytes. */
static size_t
place(size_t *at, size_t bytes)
{
	const size_t here = *at;

	*at += (bytes + 15) / 16 * 16;
	return here;
}

/* ---- models ------------------------------------------------------------------------------ */

struct gpu_model {
	struct nam_plan plan;    /* its arrays on the device */
	int device, kind, threads;
	void *memory;            /* all of them */
};

static void
unload(struct gpu_model *m)
{
	if (!m)
		return;
	cudaSetDevice(m->device);
	give(m->memory, m->device, 0);
	free(m);
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
	DO(keep_pool(device));
	DO(take(&m->memory, bytes, device, 0));
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

/* ---- lanes ------------------------------------------------------------------------------- */

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

static void
close_lane(struct gpu_lane *l)
{
	if (!l)
		return;
	cudaSetDevice(l->device);
	if (l->stream)
		cudaStreamSynchronize(l->stream);
	cudaFreeHost(l->host_in.p);
	cudaFreeHost(l->host_out.p);
	give(l->in.p, l->device, l->stream);
	give(l->out.p, l->device, l->stream);
	give(l->state.p, l->device, l->stream);
	if (l->stream)
		cudaStreamDestroy(l->stream);
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
	DO(keep_pool(device));
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

/* At least so many bytes; what was in it is gone.  lane: on its device; NULL: of the host. */
static cudaError_t
grow(struct buffer *b, size_t bytes, const struct gpu_lane *lane)
{
	cudaError_t e;

	if (b->bytes >= bytes)
		return cudaSuccess;
	e = lane ? give(b->p, lane->device, lane->stream) : cudaFreeHost(b->p);
	b->p = NULL;
	b->bytes = 0;
	if (e == cudaSuccess)
		e = lane ? take(&b->p, bytes, lane->device, lane->stream) : cudaMallocHost(&b->p, bytes);
	if (e == cudaSuccess)
		b->bytes = bytes;
	else
		b->p = NULL;
	return e;
}

/* ---- inputs ------------------------------------------------------------------------------ */

struct gpu_input {
	int device;
	void *p;
};

static void
drop(struct gpu_input *x)
{
	if (!x)
		return;
	cudaSetDevice(x->device);
	give(x->p, x->device, 0);
	free(x);
}

static enum gpu_status
put(struct gpu_input **input, struct gpu_lane *l, const float *in, size_t n, char *why, size_t len)
{
	struct gpu_input *x = (struct gpu_input *)calloc(1, sizeof *x);
	enum gpu_status status = GPU_NO_MEMORY;

	*input = NULL;
	if (!x) {
		snprintf(why, len, "out of memory");
		return status;
	}
	x->device = l->device;
	DO(cudaSetDevice(l->device));
	DO(take(&x->p, n * sizeof(float), l->device, l->stream));
	DO(cudaMemcpyAsync(x->p, in, n * sizeof(float), cudaMemcpyHostToDevice, l->stream));
	DO(cudaStreamSynchronize(l->stream)); /* the other lanes do not wait for this stream */
	*input = x;
	return GPU_DONE;
out:
	cudaStreamSynchronize(l->stream);
	drop(x);
	return status;
}

/* ---- running ----------------------------------------------------------------------------- */

/* Jobs of one kind and as many threads. */
struct launch {
	int first, n, blocks;    /* where they begin in the order of a call */
	const struct gpu_model *m;
};

/* A call: its jobs in the order of their launches, and where its parts lie, in the host's buffers and at the same places in the
 * device's.  In: the jobs, a counter for each launch, the states.  Out: frames, states. */
struct call {
	const struct gpu_job *jobs;
	int n, launches, *order;
	struct launch *launch;
	size_t counters, in, out;
	size_t streams, stride;  /* most at once, and floats of each */
};

static size_t
image_bytes(const struct gpu_job *j)
{
	return j->state ? (size_t)j->model->plan.n_image * sizeof(float) : 0;
}

static size_t
out_bytes(const struct gpu_job *j)
{
	return (j->n - j->skip) * sizeof(float);
}

static int
same_launch(const struct gpu_job *a, const struct gpu_job *b)
{
	return a->model->kind == b->model->kind && a->model->threads == b->model->threads;
}

static void
group(struct call *c, const struct gpu_lane *l)
{
	int placed = 0;

	for (int i = 0; i < c->n; i++) {
		struct launch *k = &c->launch[c->launches];
		int known = 0;

		for (int j = 0; j < c->launches; j++)
			known |= same_launch(&c->jobs[c->order[c->launch[j].first]], &c->jobs[i]);
		if (known)
			continue;
		k->first = placed;
		k->m = c->jobs[i].model;
		for (int j = i; j < c->n; j++)
			if (same_launch(&c->jobs[i], &c->jobs[j])) {
				const size_t floats = (size_t)c->jobs[j].model->plan.floats;

				c->stride = floats > c->stride ? floats : c->stride;
				c->order[placed++] = j;
			}
		k->n = placed - k->first;
		k->blocks = width(l, k->m);
		k->blocks = k->blocks < k->n ? k->blocks : k->n;
		c->streams = (size_t)k->blocks > c->streams ? (size_t)k->blocks : c->streams;
		c->launches++;
	}
	c->stride = (c->stride + 31) / 32 * 32;
}

static void
measure(struct call *c)
{
	place(&c->in, (size_t)c->n * sizeof(struct run_job));
	c->counters = place(&c->in, (size_t)c->n * sizeof(int));
	for (int i = 0; i < c->n; i++) {
		place(&c->in, image_bytes(&c->jobs[i]));
		place(&c->out, out_bytes(&c->jobs[i]));
		place(&c->out, image_bytes(&c->jobs[i]));
	}
}

/* Into the lane's buffer of the host, with addresses of the device. */
static void
fill(const struct call *c, struct gpu_lane *l)
{
	struct run_job *r = (struct run_job *)l->host_in.p;
	size_t in = c->counters, out = 0;

	memset((char *)l->host_in.p + place(&in, (size_t)c->n * sizeof(int)), 0, (size_t)c->n * sizeof(int));
	for (int i = 0; i < c->n; i++, r++) {
		const struct gpu_job *j = &c->jobs[c->order[i]];
		const size_t state = place(&in, image_bytes(j));

		r->plan = j->model->plan;
		r->n = (int)j->n;
		r->skip = (int)j->skip;
		r->in = (const float *)j->in->p + j->at;
		r->out = (float *)((char *)l->out.p + place(&out, out_bytes(j)));
		r->from = r->to = NULL;
		if (!j->state)
			continue;
		memcpy((char *)l->host_in.p + state, j->state, image_bytes(j));
		r->from = (const float *)((char *)l->in.p + state);
		r->to = (float *)((char *)l->out.p + place(&out, image_bytes(j)));
	}
}

static void
fetch(const struct call *c, const struct gpu_lane *l)
{
	size_t out = 0;

	for (int i = 0; i < c->n; i++) {
		const struct gpu_job *j = &c->jobs[c->order[i]];

		memcpy(j->out, (char *)l->host_out.p + place(&out, out_bytes(j)), out_bytes(j));
		if (j->state)
			memcpy(j->state, (char *)l->host_out.p + place(&out, image_bytes(j)), image_bytes(j));
	}
}

static enum gpu_status
run(struct gpu_lane *l, const struct gpu_job *jobs, int n, char *why, size_t len)
{
	enum gpu_status status = GPU_DONE;
	struct call c = call();

	c.jobs = jobs;
	c.n = n;
	c.launch = (struct launch *)calloc((size_t)n, sizeof *c.launch);
	c.order = (int *)calloc((size_t)n, sizeof *c.order);
	if (!c.launch || !c.order) {
		snprintf(why, len, "out of memory");
		status = GPU_NO_MEMORY;
		goto out;
	}
	DO(cudaSetDevice(l->device));
	group(&c, l);
	measure(&c);
	DO(grow(&l->host_in, c.in, NULL));
	DO(grow(&l->host_out, c.out, NULL));
	DO(grow(&l->in, c.in, l));
	DO(grow(&l->out, c.out, l));
	/* fewer streams at once where not all have room */
	while (status_of(grow(&l->state, c.streams * c.stride * sizeof(float), l)) == GPU_NO_MEMORY && c.streams > 1)
		c.streams = (c.streams + 1) / 2;
	DO(grow(&l->state, c.streams * c.stride * sizeof(float), l));
	fill(&c, l);
	DO(cudaMemcpyAsync(l->in.p, l->host_in.p, c.in, cudaMemcpyHostToDevice, l->stream));
	for (int i = 0; i < c.launches; i++) {
		const struct launch *k = &c.launch[i];
		const size_t blocks = (size_t)k->blocks < c.streams ? (size_t)k->blocks : c.streams;

		LAUNCH(run_kinds[k->m->kind].kernel, (unsigned)blocks, (unsigned)k->m->threads, l->stream,
		    (const struct run_job *)l->in.p + k->first, k->n, (int *)((char *)l->in.p + c.counters) + i,
		    (float *)l->state.p, c.stride);
		DO(cudaGetLastError());
	}
	DO(cudaMemcpyAsync(l->host_out.p, l->out.p, c.out, cudaMemcpyDeviceToHost, l->stream));
	DO(cudaStreamSynchronize(l->stream));
	fetch(&c, l);
out:
	if (status != GPU_DONE) /* copies may be on their way */
		cudaStreamSynchronize(l->stream);
	free(c.launch);
	free(c.order);
	return status;
}

extern "C" __attribute__((visibility("default")))
const struct gpu_ops shootout_gpu = { GPU_ABI, "cuda", probe, act, load, unload, open_lane, close_lane, width, put, drop, run };
