/* nam_desc.h - what a model file says, before it is made to run; private to lib/nam.
 *
 * nam_desc_parse() has checked all numbers, links and sizes of a description: the
 * engines rely on it and check nothing again. */
#ifndef NAM_DESC_H
#define NAM_DESC_H
#include "base/err.h"
#include "nam/nam.h"
#include "nam/nam_kernel.h"

/* Bounds on what a file may ask for; real models stay far below.  Together they bound the
 * memory of a model and a stream to some 300 MiB, whatever the file. */
enum {
	NAM_MAX_FILE = 16 << 20,         /* bytes; as values they take 16 times as much, for a moment */
	NAM_MAX_CHANNELS = 2048,         /* also LSTM units */
	NAM_MAX_KERNEL = 1 << 20,
	NAM_MAX_DILATION = 1 << 24,
	NAM_MAX_LIST = 4096,             /* layers of an array, arrays, submodels */
	NAM_MAX_LAYERS = 65536,          /* of all WaveNets in a file together */
	NAM_MAX_DEPTH = 100,             /* models inside models */
	NAM_MAX_FLOATS = 32 << 20,       /* weights with groups spread out, of all models in a file together */
	NAM_MAX_STREAM = 24 << 20        /* floats that a stream is estimated to take; what it takes in the end
	                                  * is bounded by NAM_MAX_FLOATS again */
};

struct nam_act {
	enum nam_act_type type;
	float p[4];
	float *slopes;                   /* PReLU: per channel, repeated; else NULL */
	int n_slopes;
};

enum nam_gating { NAM_GATE_NONE, NAM_GATE_GATED, NAM_GATE_BLENDED };

struct nam_film { int active, shift, groups; };

enum {
	NAM_FILM_CONV_PRE, NAM_FILM_CONV_POST, NAM_FILM_MIXIN_PRE, NAM_FILM_MIXIN_POST,
	NAM_FILM_ACT_PRE, NAM_FILM_ACT_POST, NAM_FILM_L1_POST, NAM_FILM_H1_POST, NAM_FILMS
};

extern const char *const nam_film_keys[NAM_FILMS]; /* "conv_pre_film", ... */

struct nam_wn_layer {
	int kernel, dilation;
	enum nam_gating gating;
	struct nam_act act, gate;
};

struct nam_wn_array {
	int input_size, condition_size, channels, bottleneck;
	int groups_input, groups_mixin;
	int l1_active, l1_groups;            /* layer1x1 */
	int h1_active, h1_out, h1_groups;    /* head1x1 */
	struct nam_film film[NAM_FILMS];
	int head_out, head_kernel, head_bias, head_dilation;
	int n_layers;
	struct nam_wn_layer *layers;
	int n_allowed, *allowed;             /* slimmable; 0 when not */
};

enum nam_kind {
	NAM_WAVENET, NAM_LSTM, NAM_CONVNET, NAM_LINEAR, NAM_CONTAINER, NAM_SEQUENTIAL,
	NAM_JSON     /* RTNeural: a list of layers */
};

enum nam_json_type { NAM_JSON_CONV, NAM_JSON_AFFINE, NAM_JSON_ACT, NAM_JSON_LSTM, NAM_JSON_GRU };

struct nam_json_layer {
	enum nam_json_type type;
	int in, out, kernel, dilation;
	struct nam_act act;
	int softmax; /* instead of act: e^x over the sum of all channels' e^x */
	float *w;    /* owned.  Conv: [kernel][in][out], then bias [out]; affine: scale and shift [out] each;
	              * recurrent: [in + out][gates][out], then bias [gates][out], GRU: recurrent bias [3][out] */
	size_t n_w;
};

/* One model of a file; models inside it are children. */
struct nam_desc {
	enum nam_kind kind;
	double rate_hz;                      /* -1 unknown */
	int in_channels, out_channels;
	float *weights;
	size_t n_weights;

	int n_arrays;                        /* WaveNet */
	struct nam_wn_array *arrays;
	int n_head, *head_kernels, head_channels;  /* post-stack head; n_head 0 when there is none */
	struct nam_act head_act;
	double head_scale;                   /* the last weight, whatever "head_scale" says */

	int n_layers, input_size, hidden;    /* LSTM */

	int channels, *dilations, n_dilations, batchnorm, groups; /* ConvNet */
	struct nam_act act;

	int taps, bias;                      /* Linear */

	int n_json;                          /* RTNeural */
	struct nam_json_layer *json;
	float in_gain, out_gain;
	int skip;

	int n_children;                      /* container, Sequential; WaveNet: condition_dsp */
	struct nam_desc **children;
	double *max_value;                   /* container */
};

/* Parse a whole file.  *info gets the facts (the strings belong to it).  slim: 0..1 chooses the size of a
 * slimmable model, -1 the full one; what comes back is already the chosen one.  name is for
 * messages. */
int nam_desc_parse(struct nam_desc **d, struct nam_info *info, const char *data, size_t len,
                   const char *name, double slim, struct err *e);
void nam_desc_free(struct nam_desc *d);
/* Give the weights back and keep the rest. */
void nam_desc_drop_weights(struct nam_desc *d);
/* Free the strings; all zero afterwards. */
void nam_info_clear(struct nam_info *i);

/* "WaveNet", "LSTM", ... */
const char *nam_kind_name(enum nam_kind kind);

/* What the file of m says, without weights; a container's chosen model.  Lives as long as m. */
const struct nam_desc *nam_model_desc(const struct nam_model *m);

/* What a model costs, the models in it included. */
struct nam_cost {
	uint64_t transcendentals;  /* per frame, see nam_info */
	uint64_t state_floats;     /* what a stream must remember: histories, hidden units */
	uint64_t stream_floats;    /* about what it will take, its buffers included */
	uint64_t weights;          /* with groups spread out */
};
void nam_desc_cost(const struct nam_desc *d, struct nam_cost *c);

/* Weights that a description takes from its file; SIZE_MAX when it is beyond NAM_MAX_FLOATS.
 * Children are not counted. */
size_t nam_desc_weights(const struct nam_desc *d);
#endif
