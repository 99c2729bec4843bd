/* nam_kernel.h - the arithmetic of models, once per instruction set; private to lib/nam.
 *
 * Every version computes the same bits.  A sum has one order, stated here, and each of its
 * steps is one fused multiply-add; SIMD lanes run over time or over hidden units, never across
 * a sum; exp and tanh are ours and made of IEEE operations only.  Denormals are kept (no
 * flush-to-zero): switching them off per thread would make bits depend on the machine.
 *
 * A "plane" is one channel over time; planes of one signal lie `stride` floats apart.
 * Kernels work on whole vectors: they may read and write up to NAM_PAD floats past n. */
#ifndef NAM_KERNEL_H
#define NAM_KERNEL_H
#include <stddef.h>

enum {
	NAM_TILE = 384, /* most frames that go through all layers at once; see nam_net.tile */
	NAM_PAD = 16,  /* the widest vector, in floats */
	NAM_GROUP = 32 /* rows summed on their own before they join the total */
};

enum nam_act_type {
	NAM_ACT_NONE, NAM_ACT_TANH, NAM_ACT_HARDTANH, NAM_ACT_FASTTANH, NAM_ACT_RELU,
	NAM_ACT_LEAKY_RELU, NAM_ACT_PRELU, NAM_ACT_SIGMOID, NAM_ACT_SILU, NAM_ACT_HARDSWISH,
	NAM_ACT_LEAKY_HARDTANH, NAM_ACT_SOFTSIGN, NAM_ACT_ELU
};

/* What nam_rows does with each finished sum s of output o at time t. */
enum nam_epilogue {
	NAM_STORE,     /* out = s */
	NAM_ADD,       /* out = add + s */
	NAM_TANH_SUM,  /* out = tanh(s), head = head + out */
	NAM_LEAKY_SUM  /* out = max(s, s * slope) with 0 <= slope < 1, head = head + out */
};

/* outs sums of `rows` products for n frames, at most NAM_TILE:
 *   g[k] = w[32k][o] x[32k][t] + w[32k + 1][o] x[32k + 1][t] + ...  (32 rows, each one fma, from 0)
 *   s[o][t] = ((g[0] + g[1]) + g[2] + ...) + bias[o]   in this order;
 * the last group has up to 47 rows, so that no group is shorter than 16 unless it is the only one.
 * The bias comes last and the chains are short, because each step rounds at the size of the sum so far: measured on
 * real models, one chain from the bias on is 2 to 10 dB farther from the exact result, groups of 48 are 1 dB
 * farther than groups of 32, and these are as good as groups of 16.
 * A row is any plane at any offset, so that one call does a dilated convolution (rows: taps from
 * the oldest to the newest, in each tap the input channels in order) and the mixed-in
 * condition behind it, or a 1x1. */
struct nam_rows {
	const float *const *x;  /* rows pointers; frame t of row r is x[r][t] */
	const float *w;         /* rows x outs */
	const float *bias;      /* outs, or NULL for 0 */
	int rows, outs;
	float *out;
	const float *add;       /* NAM_ADD; may be out */
	float *head;            /* NAM_*_SUM */
	size_t out_stride, add_stride, head_stride;
	size_t n;
	float slope;
	enum nam_epilogue epilogue;
};

enum nam_op {
	NAM_OP_ADD,   /* out = a + b */
	NAM_OP_MUL,   /* out = a * b */
	NAM_OP_FMA,   /* out = fma(a, b, c) */
	NAM_OP_BLEND  /* out = fma(a, b, (1 - a) * c) */
};

/* One recurrent layer of one stream over n frames; z is a gate's sum of a unit:
 *   z = (a0 + a1) + (a2 + a3),  a0 = bias + inputs in order + h[0], h[4], h[8] ...,
 *   aq = h[q], h[q + 4], ... for q = 1..3: four short chains instead of a long one.
 * LSTM, gates i f g o:  c = fma(sig f, c, sig i * tanh g),  h = sig o * tanh c.
 * GRU, gates z r c; recurrent bias and sums of c apart:
 *   n = tanh(fma(sig r, U, W)),  h = fma(1 - sig z, n, sig z * h).
 * Weights and biases of the gates that sig bends come halved: sig z = 1/2 + 1/2 tanh(z / 2). */
struct nam_rnn {
	int inputs, units;      /* units: 8 or a multiple of 16, zero weights beyond the real ones */
	int real_units;
	const float *w;         /* (inputs + real_units) x gates x units */
	const float *bias;      /* gates x units */
	const float *rec_bias;  /* GRU: units, added to U */
	const float *in;        /* n frames, in_stride floats apart */
	size_t in_stride;
	float *h, *c;           /* units each: state before, and after */
	float *out;             /* n frames of units */
	size_t n;
	size_t lag;             /* frames behind the others: a layer is 1 behind the one it hears */
};

/* The same of NAM_LANES streams, or half of that, in lockstep, a stream in a lane: number i of a stream at
 * [i * lanes + lane].  Two vectors of 16 share what is fetched of the weights. */
enum { NAM_LANES = 32 };
struct nam_rnn_lanes {
	size_t lanes;
	int inputs, units, real_units;
	const float *w, *bias, *rec_bias;  /* as in nam_rnn */
	const float *in;                   /* n frames of inputs x lanes, in_stride floats apart */
	size_t in_stride;
	float *h, *c;                      /* units x lanes: state before, and after */
	float *out;                        /* n frames of units x lanes */
	float *z;                          /* scratch: 4 x units x lanes */
	size_t n;
};

struct nam_kernel {
	const char *isa;
	void (*rows)(const struct nam_rows *r);
	/* In place on one plane; p: parameters of the type (slope; min, max, min and max slope). */
	void (*act)(enum nam_act_type type, const float p[4], float *x, size_t n);
	void (*op)(enum nam_op op, float *out, const float *a, const float *b, const float *c, size_t n);
	/* out = fma(a, scale, shift) */
	void (*affine)(float *out, const float *a, float scale, float shift, size_t n);
	/* `count` layers, of any streams and models, side by side. */
	void (*lstm)(const struct nam_rnn *r, int count);
	void (*gru)(const struct nam_rnn *r, int count);
	void (*lstm_lanes)(const struct nam_rnn_lanes *r);
	void (*gru_lanes)(const struct nam_rnn_lanes *r);
	/* y[j * y_stride + t] = x[t * stride + j] for j < columns.  Of a frame of x, here and below, a multiple of 4 floats
	 * is read. */
	void (*planes)(float *y, size_t y_stride, const float *x, size_t stride, int columns, size_t n);
	/* y[t] = bias + w[0] x[t * stride] + w[1] x[t * stride + 1] + ..., in this order */
	void (*dense)(float *y, const float *x, size_t stride, const float *w, int inputs, float bias,
	              size_t n);
	/* The same for a stream in each lane. */
	void (*dense_lanes)(float *y, const float *x, size_t stride, const float *w, int inputs, float bias,
	                    size_t n, size_t lanes);
	/* y[t] = w[0] x[t] + w[1] x[t - 1] + ... + w[taps - 1] x[t - taps + 1] + bias, in double,
	 * from bias and the oldest frame on; rounded to float once. */
	void (*fir)(float *y, const float *x, const double *w, size_t taps, double bias, size_t n);
};

/* The fastest the CPU can run; SHOOTOUT_ISA=generic|avx2|avx512|neon lowers the choice.
 * Chosen once, at the first call. */
const struct nam_kernel *nam_kernel(void);
/* Version i (0 is generic), or NULL past the last one this CPU can run. */
const struct nam_kernel *nam_kernel_at(size_t i);

extern const struct nam_kernel nam_kernel_generic;
#ifdef __x86_64__
extern const struct nam_kernel nam_kernel_avx2, nam_kernel_avx512;
#endif
#ifdef __aarch64__
extern const struct nam_kernel nam_kernel_neon;
#endif
#endif
