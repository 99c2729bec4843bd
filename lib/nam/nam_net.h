/* nam_net.h - models made to run; private to lib/nam.
 *
 * A net is immutable and made from a description; a state is one stream through it.  Nets nest
 * (a WaveNet's condition, the members of a Sequential).  A signal is a set of planes:
 * channel c of frame t at p[c * stride + t].  Nets run at most nam_net.tile frames at once, none more than NAM_TILE; every
 * plane given to them can be read, and every plane they write to written, NAM_PAD floats beyond. */
#ifndef NAM_NET_H
#define NAM_NET_H
#include "nam/nam_desc.h"
#include "nam/nam_kernel.h"
#include "nam/nam_plan.h"

/* Zeroed memory that is given back at once.  The first failure is remembered; what it hands out then
 * is NULL, and the maker of a net or state checks once at the end. */
struct nam_mem {
	void **block;
	size_t n, cap, floats;
	int failed;                              /* 1: none left; 2: beyond NAM_MAX_FLOATS */
};
float *nam_mem_floats(struct nam_mem *m, size_t n); /* 64-byte aligned */
void *nam_mem_array(struct nam_mem *m, size_t n, size_t size);
int nam_mem_check(const struct nam_mem *m, struct err *e); /* 0, or -1 and why */
void nam_mem_free(struct nam_mem *m);

struct nam_planes {
	float *p;
	size_t stride;
};

struct nam_net;
struct nam_state {
	const struct nam_net *net;
	const struct nam_kernel *k;
	struct nam_mem mem;
};

struct nam_net {
	int in_channels, out_channels;
	int recurrent;                    /* it, or a net in it */
	size_t receptive_field;           /* frames; with recurrent nets, of pre-roll */
	size_t macs;                      /* per frame */
	size_t tile;                      /* most frames of a run; a net with nets in it takes no more than they do */
	struct nam_mem mem;

	/* A state after endless zeros is not made here; it starts from zero histories. */
	int (*state_new)(struct nam_state **s, const struct nam_net *net, const struct nam_kernel *k,
	                 struct err *e);
	void (*state_free)(struct nam_state *s); /* NULL is fine */
	void (*zero)(struct nam_state *s);       /* the state of state_new() */
	/* n frames.  With prime (n is 1, in has constant columns from now back to the beginning of
	 * time): do not go forward, but leave every history as an endless run of this frame;
	 * feed-forward nets only. */
	void (*run)(struct nam_state *s, struct nam_planes in, struct nam_planes out, size_t n,
	            int prime);
	/* The same, without prime, for n_states states of this net; NULL where it would be no faster. */
	void (*run_many)(struct nam_state *const *s, size_t n_states, const struct nam_planes *in,
	                 const struct nam_planes *out, size_t n);
	/* The same as steps of a plan: from the planes of in to those of out, which may both have had other uses. */
	void (*plan)(const struct nam_net *net, struct nam_planner *p, struct nam_plan_signal in,
	             struct nam_plan_signal out);
	void (*free)(struct nam_net *net);       /* children; then the net itself is freed by nam_net_free */
};

/* NULL and *e on failure. */
struct nam_net *nam_net_new(const struct nam_desc *d, struct err *e);
void nam_net_free(struct nam_net *net); /* NULL is fine */
const struct nam_net *nam_model_net(const struct nam_model *m);

/* The makers, by kind.  size: of the struct that begins with struct nam_net. */
struct nam_net *nam_net_alloc(size_t size, struct err *e);
struct nam_net *nam_wavenet_new(const struct nam_desc *d, struct err *e);
struct nam_net *nam_rnn_new(const struct nam_desc *d, struct err *e);
struct nam_net *nam_fir_new(const struct nam_desc *d, struct err *e);
struct nam_net *nam_stack_new(const struct nam_desc *d, struct err *e);
/* RTNeural layer i. */
struct nam_net *nam_stack_from_json(const struct nam_json_layer *l, struct err *e);
struct nam_net *nam_rnn_from_json(const struct nam_json_layer *l, struct err *e);
/* The post-stack head of a WaveNet; w: its weights. */
struct nam_net *nam_stack_head(const struct nam_desc *d, const float *w, struct err *e);

/* ---- histories ---------------------------------------------------------------------
 * A ring is a signal with a past: the last `past` frames and room for a tile, frame t at t modulo `length`.  The end of the
 * ring stands before its beginning too, as much of it as a tile or the past is long, so that a tile can be read from anywhere
 * in one piece.  Rings are short on purpose: those of a model should fit in the second cache together.  A signal without a past
 * always starts at 0. */
struct nam_ring {
	float *p;               /* channel 0, frame 0 */
	size_t stride, past, length, again, pos;
	int channels;
};
void nam_ring_init(struct nam_ring *r, struct nam_mem *m, int channels, size_t past, size_t tile);
void nam_ring_zero(struct nam_ring *r);
/* The past becomes the frame at pos. */
void nam_ring_fill(struct nam_ring *r);
/* The row pointers of a convolution over this tile: taps oldest first, in each tap the channels in order.  Returns the end. */
const float **nam_ring_rows(const struct nam_ring *r, const float **rows, int taps, size_t dilation);
/* Where the frames of this tile are: to be written, and up to NAM_PAD more than there are. */
static inline struct nam_planes
nam_ring_now(const struct nam_ring *r)
{
	return (struct nam_planes){ r->p + r->pos, r->stride };
}

/* To the next tile, n frames on. */
void nam_ring_round(struct nam_ring *r); /* pos has come to the end */
static inline void
nam_ring_next(struct nam_ring *r, size_t n)
{
	if (r->past && (r->pos += n) >= r->length)
		nam_ring_round(r);
}

/* A run is one channel whose past lies before it in one piece: long enough for `past` frames before a position that
 * moves forward, and is moved back, with the past, when the end is near. */
struct nam_run {
	float *p;               /* position 0 */
	size_t past, length, pos;
};
void nam_run_init(struct nam_run *r, struct nam_mem *m, size_t past);
void nam_run_zero(struct nam_run *r);
float *nam_run_now(struct nam_run *r);                /* room for a tile; may move the past */
void nam_run_fill(struct nam_run *r);                 /* the past becomes the frame at the position */

/* Convolution weights, in file order (group, output, input, tap), to w[tap][input][output] with
 * zeros between groups: adding +-0 changes no sum.  Returns the weights behind. */
const float *nam_pack_conv(float *w, const float *file, int in, int out, int taps, int groups);
#endif
