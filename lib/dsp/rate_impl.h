/* rate_impl.h - what rate.c and its kernels share; private to rate*.c. */
#ifndef DSP_RATE_IMPL_H
#define DSP_RATE_IMPL_H
#include <stddef.h>

enum {
	RATE_LANES = 8, /* stretches of the signal that are worked on side by side */
	RATE_GROUP = 8  /* neighbouring outputs that share their reads of the signal */
};

/* Neighbouring outputs.  Their windows on the signal differ by a few rows, so a window that holds all of them is
 * used, with zeros in c where an output has no tap: fma(x, 0, a) is a. */
struct rate_group {
	const double *c;     /* taps * RATE_GROUP: for each row of the window the coefficient of each output */
	size_t row, taps;    /* first row, and rows, of the window */
};

/* A batch.  The outputs of a lane are `periods` times those of the groups, each time step rows further on. */
struct rate_job {
	const float *in;     /* lane l starts at in + l * hop and has `rows` frames */
	size_t hop, rows;
	double *z;           /* rows * RATE_LANES, scratch */
	const struct rate_group *group;
	size_t periods, step, outs; /* outs: outputs of a period; its last group may have fewer than RATE_GROUP */
	float *out;          /* lane l writes to out + l * periods * outs */
};

typedef void rate_fn(const struct rate_job *j);
rate_fn rate_generic;
#if defined __x86_64__
rate_fn rate_avx2, rate_avx512;
#elif defined __aarch64__
rate_fn rate_neon;
#endif
#endif
