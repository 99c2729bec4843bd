/* cuda_runtime.h - as much of CUDA as lib/cuda needs, on the CPU: with it shootout_cuda.cu is plain C++, and a plugin that is run, with its
 * kernels, its copies and its errors, where there is no GPU.
 *
 * A block is as many fibers as it has threads.  They take turns at barriers, in another order each time, so that a barrier that is
 * missing gives wrong results.  A stream does nothing until somebody waits for it, and new memory is full of NaNs: what is
 * used too early is wrong.  Blocks of a launch run one after the other; all but the last take at most two jobs.
 *
 * CUDA_HOST is a list of words: bytes=N: a device has N bytes for all that is allocated; fail=N: call N of those below that can fail
 * does, and all after it; nopool: no memory pools. */
#ifndef FAKE_CUDA_RUNTIME_H
#define FAKE_CUDA_RUNTIME_H
#include <atomic>
#include <functional>
#include <map>
#include <math.h>
#include <mutex>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define LAUNCH(kernel, blocks, threads, stream, ...) cuda_launch(blocks, threads, stream, [=] { kernel(__VA_ARGS__); })

/* ---- threads of a block ------------------------------------------------------------------ */

struct cuda_index { unsigned x; };
static cuda_index threadIdx, blockIdx, blockDim, gridDim;

struct cuda_barrier { int n, here, turn; };

/* The arguments of a product of matrices, of each thread. */
struct cuda_warp {
	cuda_barrier all;
	float *c[32];
	unsigned a[32][4], b[32][2];
};

struct cuda_block {
	std::vector<ucontext_t> fiber;
	std::vector<char> done;
	std::vector<cuda_warp> warp;
	ucontext_t main;
	cuda_barrier all;
	const std::function<void()> *work;
	unsigned now;
	int taken;
};
static cuda_block *cuda_now;
enum { CUDA_STACK = 64 << 10 };

static inline void
cuda_wait(cuda_barrier *b)
{
	const int turn = b->turn;

	if (++b->here == b->n) {
		b->here = 0;
		b->turn++;
	}
	while (b->turn == turn) {
		const unsigned me = cuda_now->now;

		swapcontext(&cuda_now->fiber[me], &cuda_now->main);
		threadIdx.x = me;
	}
}

static inline void
__syncthreads()
{
	cuda_wait(&cuda_now->all);
}

static inline void
__syncwarp()
{
	cuda_wait(&cuda_now->warp[threadIdx.x / 32].all);
}

static inline int
atomicAdd(int *p, int v)
{
	const int old = *p;

	if (blockIdx.x + 1 < gridDim.x && cuda_now->taken++ == 2)
		return INT32_MAX;
	*p += v;
	return old;
}

static inline void
cuda_fiber()
{
	(*cuda_now->work)();
	cuda_now->done[cuda_now->now] = 1;
	swapcontext(&cuda_now->fiber[cuda_now->now], &cuda_now->main);
}

static inline void
cuda_run_block(unsigned threads, const std::function<void()> &work)
{
	static std::vector<char> stack;
	static unsigned dice = 1;
	cuda_block b;
	unsigned left = threads;

	if (stack.size() < threads * CUDA_STACK)
		stack.resize(threads * CUDA_STACK);

	b.fiber.resize(threads);
	b.done.assign(threads, 0);
	b.warp.resize((threads + 31) / 32);
	for (cuda_warp &w : b.warp)
		w.all = cuda_barrier{ 32, 0, 0 };
	b.all = cuda_barrier{ (int)threads, 0, 0 };
	b.work = &work;
	b.taken = 0;
	cuda_now = &b;
	for (unsigned i = 0; i < threads; i++) {
		getcontext(&b.fiber[i]);
		b.fiber[i].uc_stack.ss_sp = stack.data() + i * CUDA_STACK;
		b.fiber[i].uc_stack.ss_size = CUDA_STACK;
		b.fiber[i].uc_link = NULL;
		makecontext(&b.fiber[i], cuda_fiber, 0);
	}
	while (left) {
		const unsigned r = (dice = dice * 1664525u + 1013904223u) >> 8, from = r / 2;

		for (unsigned k = 0; k < threads; k++) {
			const unsigned i = (from + (r & 1 ? k : threads - k)) % threads;

			if (b.done[i])
				continue;
			b.now = threadIdx.x = i;
			swapcontext(&b.main, &b.fiber[i]);
			left -= b.done[i] != 0;
		}
	}
}

/* ---- the runtime ------------------------------------------------------------------------- */

enum cudaError_t { cudaSuccess, cudaErrorMemoryAllocation, cudaErrorUnknown };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount, cudaDevAttrMemoryPoolsSupported };
enum { cudaStreamNonBlocking, cudaMemPoolAttrReleaseThreshold };
struct cudaDeviceProp { char name[32]; size_t totalGlobalMem; int major, minor, multiProcessorCount; };
typedef std::vector<std::function<void()>> *cudaStream_t;
typedef int cudaMemPool_t;

static std::mutex cuda_lock; /* of all below, and of kernels */
static std::map<void *, size_t> cuda_memory;
static size_t cuda_bytes;
static std::atomic<long> cuda_calls;

static inline long
cuda_told(const char *word)
{
	const char *p = getenv("CUDA_HOST");
	const size_t len = strlen(word);

	for (; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (!strncmp(p, word, len) && (!p[len] || p[len] == ' ' || p[len] == '='))
			return p[len] == '=' ? strtol(p + len + 1, NULL, 10) : 1;
	return -1;
}

/* Every call that can fail. */
static inline cudaError_t
cuda_call()
{
	const long at = cuda_told("fail");

	return at > 0 && ++cuda_calls >= at ? cudaErrorUnknown : cudaSuccess;
}

static inline const char *
cudaGetErrorString(cudaError_t e)
{
	return e == cudaErrorMemoryAllocation ? "out of memory" : e ? "the fake was told so" : "no error";
}

static inline cudaError_t cudaGetLastError() { return cudaSuccess; }
static inline cudaError_t cudaSetDevice(int) { return cuda_call(); }

static inline cudaError_t
cudaGetDeviceCount(int *n)
{
	*n = 2;
	return cudaSuccess;
}

static inline cudaError_t
cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
	*p = cudaDeviceProp{ "CPU", (size_t)1 << 30, 8, 0, 3 };
	return cudaSuccess;
}

static inline cudaError_t
cudaDeviceGetAttribute(int *v, cudaDeviceAttr a, int)
{
	*v = a == cudaDevAttrMultiProcessorCount ? 3 : cuda_told("nopool") < 0;
	return cudaSuccess;
}

template <class K> static inline cudaError_t
cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *n, K, int, size_t)
{
	*n = 1;
	return cudaSuccess;
}

static inline cudaError_t
cuda_alloc(void **p, size_t bytes)
{
	std::lock_guard<std::mutex> hold(cuda_lock);
	const long most = cuda_told("bytes");

	*p = NULL;
	if (cuda_call())
		return cudaErrorUnknown;
	if ((most > 0 && cuda_bytes + bytes > (size_t)most) || !(*p = malloc(bytes + 1)))
		return cudaErrorMemoryAllocation;
	memset(*p, 0xff, bytes);
	cuda_memory[*p] = bytes;
	cuda_bytes += bytes;
	return cudaSuccess;
}

static inline cudaError_t
cudaFree(void *p)
{
	std::lock_guard<std::mutex> hold(cuda_lock);

	cuda_bytes -= p ? cuda_memory.at(p) : 0;
	cuda_memory.erase(p);
	free(p);
	return cudaSuccess;
}

template <class T> static inline cudaError_t cudaMalloc(T **p, size_t bytes) { return cuda_alloc((void **)p, bytes); }
static inline cudaError_t cudaMallocAsync(void **p, size_t bytes, cudaStream_t) { return cuda_alloc(p, bytes); }

static inline cudaError_t
cudaFreeAsync(void *p, cudaStream_t s)
{
	if (!s)
		return cudaFree(p);
	s->push_back([=] { cudaFree(p); });
	return cudaSuccess;
}

static inline cudaError_t
cudaMallocHost(void **p, size_t bytes)
{
	const cudaError_t e = cuda_call();

	*p = e ? NULL : malloc(bytes + 1);
	return *p || e ? e : cudaErrorMemoryAllocation;
}

static inline cudaError_t
cudaFreeHost(void *p)
{
	free(p);
	return cudaSuccess;
}

static inline cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *, int) { return cuda_call(); }
static inline cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, int, void *) { return cuda_call(); }

static inline cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *s, int)
{
	const cudaError_t e = cuda_call();

	*s = e ? NULL : new std::vector<std::function<void()>>;
	return e;
}

static inline cudaError_t
cudaStreamSynchronize(cudaStream_t s)
{
	for (auto &work : *s)
		work();
	s->clear();
	return cuda_call();
}

static inline cudaError_t
cudaStreamDestroy(cudaStream_t s)
{
	cudaStreamSynchronize(s);
	delete s;
	return cudaSuccess;
}

static inline cudaError_t
cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind)
{
	if (bytes)
		memcpy(to, from, bytes);
	return cuda_call();
}

static inline cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t s)
{
	s->push_back([=] { if (bytes) memcpy(to, from, bytes); });
	return cuda_call();
}

static inline void
cuda_launch(unsigned blocks, unsigned threads, cudaStream_t s, std::function<void()> kernel)
{
	auto work = [=] {
		std::lock_guard<std::mutex> hold(cuda_lock);

		blockDim.x = threads;
		gridDim.x = blocks;
		for (unsigned i = 0; i < blocks; i++) {
			blockIdx.x = i;
			cuda_run_block(threads, kernel);
		}
	};

	if (s)
		s->push_back(work);
	else
		work();
}

/* ---- arithmetic -------------------------------------------------------------------------- */

struct float4 { float x, y, z, w; };
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline int __float_as_int(float x) { int i; memcpy(&i, &x, 4); return i; }
static inline float __int_as_float(int i) { float x; memcpy(&x, &i, 4); return x; }
#define __expf(x) expf(x) /* the C library has a function of that name */
static inline float __fdividef(float a, float b) { return a / b; }

/* ---- matrices ---------------------------------------------------------------------------- */

static inline unsigned
cuda_bfloat(float x)
{
	const unsigned u = (unsigned)__float_as_int(x);

	return x != x ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

static inline float
cuda_half(unsigned pair, int high)
{
	return __int_as_float((int)(high ? pair & 0xffff0000u : pair << 16));
}

/* mma.m16n8k16 of bfloat16.  By the PTX manual, thread 4 g + t has of the left matrix, rows x columns, (g, 2t), (g, 2t + 1) in a[0], (g + 8,
 * the same) in a[1], (g, 2t + 8), (g, 2t + 9) in a[2], (g + 8, the same) in a[3]; of the right one (2t, g), (2t + 1, g) in b[0], (2t + 8, g),
 * (2t + 9, g) in b[1]; of the sum (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).  The first of a pair is the low half. */
static inline void
cuda_multiply(cuda_warp *w)
{
	float left[16][16], right[16][8];

	for (int lane = 0; lane < 32; lane++)
		for (int j = 0; j < 2; j++) {
			const int g = lane / 4, t = lane % 4;

			for (int k = 0; k < 4; k++)
				left[g + k % 2 * 8][2 * t + k / 2 * 8 + j] = cuda_half(w->a[lane][k], j);
			for (int k = 0; k < 2; k++)
				right[2 * t + k * 8 + j][g] = cuda_half(w->b[lane][k], j);
		}
	for (int lane = 0; lane < 32; lane++)
		for (int k = 0; k < 4; k++) {
			const int row = lane / 4 + k / 2 * 8, column = 2 * (lane % 4) + k % 2;

			for (int i = 0; i < 16; i++)
				w->c[lane][k] = fmaf(left[row][i], right[i][column], w->c[lane][k]);
		}
}

static inline void
cuda_mma(float c[4], const unsigned a[4], unsigned b0, unsigned b1)
{
	cuda_warp *w = &cuda_now->warp[threadIdx.x / 32];
	const unsigned lane = threadIdx.x % 32;

	w->c[lane] = c;
	memcpy(w->a[lane], a, sizeof w->a[lane]);
	w->b[lane][0] = b0;
	w->b[lane][1] = b1;
	if (w->all.here + 1 == w->all.n)
		cuda_multiply(w);
	cuda_wait(&w->all);
}

#define FAST_PACK(to, low, high) ((to) = cuda_bfloat(low) | cuda_bfloat(high) << 16)
#define FAST_MMA(c, a, b0, b1) cuda_mma(c, a, b0, b1)
#endif
