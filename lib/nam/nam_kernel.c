/* nam_kernel.c - choose the version of the kernels for this CPU. */
#include "nam/nam_kernel.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Slowest first. */
static const struct nam_kernel *const versions[] = {
	&nam_kernel_generic,
#ifdef __x86_64__
	&nam_kernel_avx2,
	&nam_kernel_avx512,
#endif
#ifdef __aarch64__
	&nam_kernel_neon,
#endif
};

/* How many of them run here.  __builtin_cpu_supports() asks the OS as well as the CPU. */
static size_t
usable(void)
{
#ifdef __x86_64__
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
		return 1;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
		return 2;
#endif
	return sizeof versions / sizeof *versions;
}

const struct nam_kernel *
nam_kernel_at(size_t i)
{
	return i < usable() ? versions[i] : NULL;
}

const struct nam_kernel *
nam_kernel(void)
{
	static _Atomic(const struct nam_kernel *) chosen;
	const struct nam_kernel *k = atomic_load_explicit(&chosen, memory_order_acquire);
	const char *cap = getenv("SHOOTOUT_ISA");

	if (k)
		return k;
	k = versions[usable() - 1];
	for (size_t i = 0; cap && i < usable(); i++)
		if (!strcmp(cap, versions[i]->isa))
			k = versions[i];
	atomic_store_explicit(&chosen, k, memory_order_release);
	return k;
}
