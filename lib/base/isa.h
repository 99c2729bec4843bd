/* isa.h - the instruction set that kernels may use on this CPU. */
#ifndef BASE_ISA_H
#define BASE_ISA_H

/* Slowest first.  A build has NEON or the two of x86-64, and the same kernels give the same bits with each. */
enum isa {
	ISA_GENERIC,     /* plain C */
	ISA_NEON,        /* any AArch64 */
	ISA_AVX2,        /* with FMA */
	ISA_AVX512       /* F, BW, VL and DQ */
};

/* The best one that CPU and operating system have.  The variable SHOOTOUT_ISA (a name that isa_name() gives)
 * lowers it; a name that is not there, or is better than what the CPU has, changes nothing.  Reads the
 * environment at each call: keep the answer. */
enum isa isa_choose(void);

int isa_have(enum isa isa); /* whether CPU and operating system have it */

/* "generic", "neon", "avx2" or "avx512". */
const char *isa_name(enum isa isa);
#endif
