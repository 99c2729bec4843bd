/* shootout_cuda.cu - the GPU backend for NVIDIA devices; see gpu/gpu.h. */
#include <cuda_runtime.h>
#include <stdio.h>
#include <string.h>
extern "C" {
#include "gpu/gpu.h"
}

/* The models' own functions, compiled for the device from the source the CPU uses: one float is a
 * vector of one lane, and every operation is the IEEE one that rounds to nearest. */
#define ALWAYS static __device__ inline
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

extern "C" __attribute__((visibility("default")))
const struct gpu_ops shootout_gpu = { GPU_ABI, "cuda", probe, act };
