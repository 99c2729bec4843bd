/* nam_plan.h - a model as a list of steps over planes, for devices that run many streams at once.
 *
 * A net is C structs and calls; a plan of it is four arrays without pointers, which can be copied to a GPU as they
 * are.  Each step has the sums and the order of nam_kernel.h, so whoever runs a plan gets the bits of the CPU.
 *
 * A stream has `floats` floats of its own.  They hold planes: frame t (from 0, the first of the stream) of channel c of
 * the signal s is at s.at + c * s.len + t modulo s.len.  A signal whose past is read is longer by it than the most
 * frames that go through all steps at once, `tile`.  Frames before the first are in `image`: what endless
 * silence leaves there (recurrent models: their pre-roll).
 *
 * A recurrent model has its hidden units as signals with a past of one frame. */
#ifndef NAM_PLAN_H
#define NAM_PLAN_H
#include "base/err.h"
#include "nam/nam_kernel.h"
#include <stdint.h>

struct nam_act;
struct nam_model;

enum nam_plan_code {
	NAM_PLAN_ROWS,     /* out = sum over taps of `in`, then the channels of `mix`; fn: enum nam_epilogue, with add (also the head) */
	NAM_PLAN_ACT,      /* out in place; fn: enum nam_act_type; w: a slope per channel, or p */
	NAM_PLAN_MIX,      /* fn: enum nam_op of in, mix, add */
	NAM_PLAN_AFFINE,   /* out = fma(in, w[c], b[c]) */
	NAM_PLAN_SCALE,    /* out = fma(in, p[0], -0) */
	NAM_PLAN_COPY,     /* out = in */
	NAM_PLAN_ZERO,     /* out = 0 */
	NAM_PLAN_SOFTMAX,  /* out in place */
	NAM_PLAN_FIR,      /* out = taps of in, in double; w: taps, b: 1 or none */
	NAM_PLAN_LSTM,     /* out: units; add: cells, both with a past of 1; w and b as in struct nam_rnn, `rows` wide */
	NAM_PLAN_GRU,      /* mix_w: the recurrent bias */
	NAM_PLAN_DENSE,    /* out[c] = b[c] + w[c][0] in[0] + ... */
	NAM_PLAN_LAYERS,   /* the `taps` steps that follow, PLAN_LAYERs, with sums that stay in registers; see below */
	NAM_PLAN_LAYER
};

struct nam_plan_signal {
	int32_t at, len;
};

/* Offsets in the weights are -1 where there is nothing. */
struct nam_plan_step {
	int32_t code, fn;
	int32_t ins, mixes, outs;        /* channels */
	int32_t taps, dilation, rows;
	int32_t w, b, mix_w, mix_b;
	struct nam_plan_signal in, mix, add, out;
	float p[4];
};

/* NAM_PLAN_LAYERS: plain layers of a WaveNet's array, C = outs channels throughout, whose input is in `in` of the first and whose
 * head sum is `add`; fn 1: that starts from 0.  Of each LAYER: in, mix (one channel), w, b, mix_w and mix_b (the 1x1 and its bias), fn
 * (NAM_TANH_SUM or NAM_LEAKY_SUM), p[0]; out: the input of the next, at -1 for nobody. */
enum {
	NAM_PLAN_MAX_CHANNELS = 16,      /* of LAYERS */
	NAM_PLAN_MAX_WEIGHTS = 4608      /* of a LAYER, see nam_plan_layer_weights() */
};
#ifdef __CUDACC__
__host__ __device__
#endif
static inline int nam_plan_layer_weights(int channels, int taps)
{
	return (taps * channels + 1) * channels + channels + channels * channels + channels;
}

/* Words of the same as matrices of bfloat16 (cuda/fast.cuh), which must not be more than that either. */
static inline int nam_plan_fast_words(int channels, int taps)
{
	return ((taps * channels + 15) / 16 + 1) * ((channels + 7) / 8) * 128 + 48;
}

/* Devices have code for LAYERS of these channels: of both in one model, or of one of them. */
#define NAM_PLAN_PAIRS { { 16, 8 }, { 12, 6 }, { 8, 4 }, { 4, 2 }, { 3, 2 } }

/* LSTMs of one input and so many units have their weights in registers where a block has as many threads. */
#ifdef __CUDACC__
__host__ __device__
#endif
static inline int nam_plan_cells(const struct nam_plan_step *s)
{
	return s->code == NAM_PLAN_LSTM && s->ins == 1 && (s->outs == 16 || s->outs == 32) ? s->outs : 0;
}

/* A signal with a past: in the image at `from`, channels x past. */
struct nam_plan_past {
	struct nam_plan_signal s;
	int32_t channels, past, from;
};

struct nam_plan {
	int32_t tile, floats, n_steps, n_pasts, n_image;
	int32_t recurrent, receptive_field;
	int32_t wide[2];                 /* channels of LAYERS, at most two kinds that a pair below has; 0: none */
	int32_t units;                   /* of the widest recurrent layer; 0: none */
	int32_t cells;                   /* of an LSTM with weights in registers: 16 or 32; 0: none */
	int32_t fast;                    /* LAYERS are approximated, see nam_plan_impl.h */
	struct nam_plan_signal in, out;  /* a channel each */
	size_t n_weights;
	float *weights;
	struct nam_plan_step *steps;
	struct nam_plan_past *pasts;
	float *image;
};

/* Tile: frames at once.  NULL and *e: no memory, or a model beyond what offsets can say. */
struct nam_plan *nam_plan_new(const struct nam_model *m, int tile, struct err *e);
void nam_plan_free(struct nam_plan *p); /* NULL is fine */
/* From now on as fast as it can be: p->fast says whether there was something to approximate. */
void nam_plan_make_fast(struct nam_plan *p);
size_t nam_plan_bytes(const struct nam_plan *p); /* of its arrays */

/* ---- making: for the nets ------------------------------------------------------------------ */

struct nam_planner;

struct nam_plan_signal nam_plan_planes(struct nam_planner *p, int channels, size_t past);
struct nam_plan_signal nam_plan_channel(struct nam_plan_signal s, int c);
/* A step of that code, all else none; valid until the next one is added. */
struct nam_plan_step *nam_plan_add(struct nam_planner *p, enum nam_plan_code code);
int32_t nam_plan_floats(struct nam_planner *p, const float *w, size_t n);
/* What stands in the past of s at the start instead of zeros: n floats of channel 0.. of its last frame. */
void nam_plan_start(struct nam_planner *p, struct nam_plan_signal s, const float *x, int n);
void nam_plan_conv(struct nam_planner *p, struct nam_plan_signal in, int ins, int taps, size_t dilation,
                   const float *w, const float *b, struct nam_plan_signal out, int outs);
void nam_plan_act(struct nam_planner *p, const struct nam_act *a, struct nam_plan_signal x, int channels);
void nam_plan_scale(struct nam_planner *p, struct nam_plan_signal in, struct nam_plan_signal out, int channels,
                    float gain);
void nam_plan_copy(struct nam_planner *p, struct nam_plan_signal in, struct nam_plan_signal out, int channels);
void nam_plan_mix(struct nam_planner *p, enum nam_op op, struct nam_plan_signal a, struct nam_plan_signal b,
                  struct nam_plan_signal c, struct nam_plan_signal out, int channels);
/* Whether plain layers of so many channels may be LAYERS; else they are steps like others. */
int nam_plan_wants_layers(struct nam_planner *p, int channels);
#endif
