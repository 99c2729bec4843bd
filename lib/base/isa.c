/* isa.c - the instruction set that kernels may use on this CPU. */
#include "base/isa.h"
#include <stdlib.h>
#include <string.h>

const char *
isa_name(enum isa isa)
{
	static const char *const name[] = { "generic", "neon", "avx2", "avx512" };

	return name[isa];
}

/* __builtin_cpu_supports() asks the OS as well as the CPU. */
int
isa_have(enum isa isa)
{
	switch (isa) {
	case ISA_GENERIC:
		return 1;
#if defined __x86_64__
	case ISA_AVX512:
		if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
		    !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
			return 0;
		/* fall through */
	case ISA_AVX2:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined __aarch64__
	case ISA_NEON:
		return 1;
#endif
	default:
		return 0;
	}
}

enum isa
isa_choose(void)
{
	const char *cap = getenv("SHOOTOUT_ISA");
	enum isa best = ISA_GENERIC;

	for (enum isa i = ISA_GENERIC; i <= ISA_AVX512; i++) {
		if (!isa_have(i))
			continue;
		best = i;
		if (cap && !strcmp(cap, isa_name(i)))
			break;
	}
	return best;
}
