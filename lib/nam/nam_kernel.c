/* nam_kernel.c - choose the version of the kernels for this CPU. */
#include "nam/nam_kernel.h"
#include "base/isa.h"

#include <stdatomic.h>

/* Slowest first. */
static const struct { enum isa isa; const struct nam_kernel *kernel; } versions[] = {
	{ ISA_GENERIC, &nam_kernel_generic },
#ifdef __x86_64__
	{ ISA_AVX2, &nam_kernel_avx2 },
	{ ISA_AVX512, &nam_kernel_avx512 },
#endif
#ifdef __aarch64__
	{ ISA_NEON, &nam_kernel_neon },
#endif
};

const struct nam_kernel *
nam_kernel_at(size_t i)
{
	return i < sizeof versions / sizeof *versions && isa_have(versions[i].isa) ? versions[i].kernel : NULL;
}

const struct nam_kernel *
nam_kernel(void)
{
	static _Atomic(const struct nam_kernel *) chosen;
	const struct nam_kernel *k = atomic_load_explicit(&chosen, memory_order_acquire);
	const enum isa isa = k ? ISA_GENERIC : isa_choose();

	for (size_t i = 0; !k && i < sizeof versions / sizeof *versions; i++)
		if (versions[i].isa == isa)
			k = versions[i].kernel;
	atomic_store_explicit(&chosen, k, memory_order_release);
	return k;
}
