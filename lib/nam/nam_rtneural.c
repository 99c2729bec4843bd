/* nam_rtneural.c - read RTNeural JSON, with AIDA-X's extras, and GuitarML's LSTM files. */
#include "base/mem.h"
#include "base/str.h"
#include "nam/nam_file.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int
nam_is_rtneural(const json_t *root)
{
	return !json_object_get(root, "architecture") &&
	    (json_object_get(root, "layers") || json_object_get(root, "model_data"));
}

/* The last number of a "shape": the width of a layer. */
static int
shape_width(const struct nam_reader *r, const json_t *shape, const char *key, int *out)
{
	size_t n = json_array_size(shape);
	double v = n ? json_number_value(json_array_get(shape, n - 1)) : 0;

	if (n == 4) /* two-dimensional inputs count both of their last axes */
		v *= json_number_value(json_array_get(shape, 2));
	if (!(v >= 1 && v <= NAM_MAX_CHANNELS) || v != floor(v))
		return nam_bad(r, ERR_INPUT, "\"%s\" ends with no width from 1 to %d", key, NAM_MAX_CHANNELS);
	*out = (int)v;
	return 0;
}

/* Flatten a nested list of numbers of the given shape into w. */
static int
read_tensor(const struct nam_reader *r, const json_t *v, const int *dim, int n_dims, float **w)
{
	if (n_dims == 0) {
		double x = json_number_value(v);

		if (!json_is_number(v) || !isfinite((float)x))
			return nam_bad(r, ERR_INPUT, "a weight is not a finite number");
		*(*w)++ = (float)x;
		return 0;
	}
	if (!json_is_array(v) || json_array_size(v) != (size_t)dim[0])
		return nam_bad(r, ERR_INPUT, "weights have %zu entries where %d are wanted", json_array_size(v),
		    dim[0]);
	for (int i = 0; i < dim[0]; i++)
		if (read_tensor(r, json_array_get(v, (size_t)i), dim + 1, n_dims - 1, w))
			return -1;
	return 0;
}

/* The list itself must be as long as its first axis before memory for the tensor is taken:
 * then the tensor is bounded by NAM_MAX_FLOATS and the loop over it by the file. */
static int
take_floats(const struct nam_reader *r, struct nam_json_layer *l, size_t n)
{
	if (n > NAM_MAX_FLOATS)
		return nam_bad(r, ERR_INPUT, "asks for more than %d weights", NAM_MAX_FLOATS);
	l->n_w = n;
	l->w = calloc(n ? n : 1, sizeof *l->w);
	return l->w ? 0 : nam_no_memory(r);
}

static int
json_act(const struct nam_reader *r, const char *name, struct nam_act *a)
{
	static const struct { const char *name; enum nam_act_type type; } names[] = {
		{ "", NAM_ACT_NONE }, { "tanh", NAM_ACT_TANH }, { "relu", NAM_ACT_RELU },
		{ "sigmoid", NAM_ACT_SIGMOID }, { "elu", NAM_ACT_ELU },
	};

	for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i].name)) {
			a->type = names[i].type;
			return 0;
		}
	if (!name)
		return 0;
	return nam_bad(r, ERR_UNSUPPORTED, "activation \"%.40s\" is not supported", name);
}

static int
read_conv(const struct nam_reader *r, const json_t *o, struct nam_json_layer *l, int is_conv)
{
	const json_t *weights = json_object_get(o, "weights"), *v;
	const size_t in = (size_t)l->in, out = (size_t)l->out;
	int groups = 1, dim[3];
	float *w, *p;
	size_t kernel, n;

	l->kernel = l->dilation = 1;
	if (is_conv) {
		/* [3] or 3 */
		v = json_object_get(o, "kernel_size");
		l->kernel = (int)json_number_value(json_is_array(v) ? json_array_get(v, 0) : v);
		v = json_object_get(o, "dilation");
		l->dilation = v ? (int)json_number_value(json_is_array(v) ? json_array_get(v, 0) : v) : 1;
		if (nam_get_int(r, o, "groups", 1, 1, NAM_MAX_CHANNELS, &groups))
			return -1;
		if (l->kernel < 1 || l->kernel > NAM_MAX_KERNEL || l->dilation < 1 ||
		    l->dilation > NAM_MAX_DILATION || l->in % groups || l->out % groups)
			return nam_bad(r, ERR_INPUT, "kernel_size, dilation or groups make no convolution");
	}
	kernel = (size_t)l->kernel;
	if (!json_is_array(weights) || json_array_size(weights) < 1)
		return nam_bad(r, ERR_INPUT, "\"weights\" is missing");
	v = json_array_get(weights, 0);
	if (is_conv && json_array_size(v) != kernel)
		return nam_bad(r, ERR_INPUT, "weights have %zu taps where %zu are wanted", json_array_size(v),
		    kernel);
	if (!json_is_array(v) || json_array_size(is_conv ? json_array_get(v, 0) : v) != in / (size_t)groups)
		return nam_bad(r, ERR_INPUT, "weights do not fit %d inputs", l->in);
	n = kernel * in * out;
	if (n > NAM_MAX_FLOATS || take_floats(r, l, n + out))
		return n > NAM_MAX_FLOATS ? nam_bad(r, ERR_INPUT, "asks for more than %d weights",
		    NAM_MAX_FLOATS) : -1;
	dim[0] = l->kernel;
	dim[1] = l->in / groups;
	dim[2] = l->out;
	w = p = calloc(kernel * (in / (size_t)groups) * out, sizeof *w);
	if (!w)
		return nam_no_memory(r);
	if (read_tensor(r, v, is_conv ? dim : dim + 1, is_conv ? 3 : 2, &p)) {
		free(w);
		return -1;
	}
	for (size_t k = 0, gi = in / (size_t)groups, go = out / (size_t)groups; k < kernel; k++)
		for (size_t i = 0; i < gi; i++)
			for (size_t c = 0; c < out; c++)
				l->w[(k * in + c / go * gi + i) * out + c] = w[(k * gi + i) * out + c];
	free(w);
	p = l->w + n;
	v = json_array_get(weights, 1);
	return v ? read_tensor(r, v, &l->out, 1, &p) : 0;
}

static int
read_recurrent(const struct nam_reader *r, const json_t *o, struct nam_json_layer *l)
{
	const json_t *weights = json_object_get(o, "weights");
	const int gru = l->type == NAM_JSON_GRU, gates = gru ? 3 : 4;
	const size_t rows = (size_t)l->in + (size_t)l->out, n = rows * (size_t)gates * (size_t)l->out;
	int dim[2] = { l->in, gates * l->out }, rec[2] = { l->out, gates * l->out };
	int bias[2] = { 2, gates * l->out };
	float *p;

	if (json_array_size(weights) < 3)
		return nam_bad(r, ERR_INPUT, "\"weights\" has not kernel, recurrent kernel and bias");
	if (json_array_size(json_array_get(weights, 1)) != (size_t)l->out)
		return nam_bad(r, ERR_INPUT, "weights do not fit %d units", l->out);
	if (n > NAM_MAX_FLOATS || take_floats(r, l, n + 2 * (size_t)gates * (size_t)l->out))
		return n > NAM_MAX_FLOATS ? nam_bad(r, ERR_INPUT, "asks for more than %d weights",
		    NAM_MAX_FLOATS) : -1;
	p = l->w;
	if (read_tensor(r, json_array_get(weights, 0), dim, 2, &p) ||
	    read_tensor(r, json_array_get(weights, 1), rec, 2, &p))
		return -1;
	return gru ? read_tensor(r, json_array_get(weights, 2), bias, 2, &p) :
	    read_tensor(r, json_array_get(weights, 2), bias + 1, 1, &p);
}

/* Batch normalisation as a scale and a shift: gamma, beta, mean, variance, or the last two only. */
static int
read_batchnorm(const struct nam_reader *r, const json_t *o, struct nam_json_layer *l)
{
	const json_t *weights = json_object_get(o, "weights"), *eps = json_object_get(o, "epsilon");
	const size_t n = json_array_size(weights), c = (size_t)l->out;
	double epsilon = eps ? json_number_value(eps) : 0.001;
	float *all, *p, *mean, *var;

	if (n != 2 && n != 4)
		return nam_bad(r, ERR_INPUT, "\"weights\" has %zu lists, not 2 or 4", n);
	if (take_floats(r, l, 2 * c))
		return -1;
	if (!(all = p = calloc(4 * c, sizeof *all)))
		return nam_no_memory(r);
	for (size_t i = 0; i < n; i++)
		if (read_tensor(r, json_array_get(weights, i), &l->out, 1, &p)) {
			free(all);
			return -1;
		}
	mean = all + (n == 4 ? 2 * c : 0);
	var = mean + c;
	for (size_t i = 0; i < c; i++) {
		double scale = (n == 4 ? (double)all[i] : 1) / sqrt((double)var[i] + epsilon);

		l->w[i] = (float)scale;
		l->w[c + i] = (float)((n == 4 ? (double)all[c + i] : 0) - scale * (double)mean[i]);
		if (!isfinite(l->w[i]) || !isfinite(l->w[c + i])) {
			free(all);
			return nam_bad(r, ERR_INPUT, "the variance of channel %zu is not positive", i);
		}
	}
	free(all);
	return 0;
}

static int
read_prelu(const struct nam_reader *r, const json_t *o, struct nam_json_layer *l)
{
	const json_t *v = json_array_get(json_array_get(json_object_get(o, "weights"), 0), 0);

	if (!json_is_number(v) || !isfinite((float)json_number_value(v)))
		return nam_bad(r, ERR_INPUT, "\"weights\" has no slope");
	l->act.type = NAM_ACT_LEAKY_RELU;
	l->act.p[0] = (float)json_number_value(v);
	return 0;
}

static int
read_layer(const struct nam_reader *r, const json_t *o, int in, struct nam_json_layer *l)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	const char *act = json_string_value(json_object_get(o, "activation"));

	if (!type)
		return nam_bad(r, ERR_INPUT, "\"type\" is missing");
	l->in = in;
	if (shape_width(r, json_object_get(o, "shape"), "shape", &l->out))
		return -1;
	if (!strcmp(type, "dense") || !strcmp(type, "time-distributed-dense")) {
		l->type = NAM_JSON_CONV;
		return json_act(r, act, &l->act) || read_conv(r, o, l, 0) ? -1 : 0;
	}
	if (!strcmp(type, "conv1d")) {
		l->type = NAM_JSON_CONV;
		return json_act(r, act, &l->act) || read_conv(r, o, l, 1) ? -1 : 0;
	}
	if (!strcmp(type, "lstm") || !strcmp(type, "gru")) {
		/* their "activation" means nothing: the cell is always tanh and sigmoid */
		l->type = *type == 'l' ? NAM_JSON_LSTM : NAM_JSON_GRU;
		return read_recurrent(r, o, l);
	}
	if (l->out != l->in)
		return nam_bad(r, ERR_INPUT, "layer \"%.40s\" makes %d channels of %d", type, l->out, l->in);
	l->type = NAM_JSON_ACT;
	if (!strcmp(type, "activation"))
		return json_act(r, act, &l->act);
	if (!strcmp(type, "prelu"))
		return read_prelu(r, o, l);
	if (!strcmp(type, "batchnorm")) {
		l->type = NAM_JSON_AFFINE;
		return read_batchnorm(r, o, l);
	}
	return nam_bad(r, ERR_UNSUPPORTED, "layer type \"%.40s\" is not supported", type);
}

/* Decibels of AIDA-X: absent 1, -90 and below 0. */
static int
read_gain(const struct nam_reader *r, const json_t *root, const char *key, float *gain)
{
	const json_t *v = json_object_get(root, key);
	double db = json_number_value(v);

	*gain = 1;
	if (!json_is_number(v))
		return 0;
	if (!(db < 200))
		return nam_bad(r, ERR_INPUT, "\"%s\" is %g dB", key, db);
	*gain = db <= -90 ? 0.0f : (float)pow(10, db / 20);
	return 0;
}

static int
read_skip(const struct nam_reader *r, double skip, struct nam_desc *d)
{
	if (skip != 0 && skip != 1)
		return nam_bad(r, ERR_UNSUPPORTED, "a skip of %g is not supported, only 0 and 1", skip);
	d->skip = skip == 1;
	return 0;
}

static int
parse_layers(struct nam_reader *r, const json_t *root, struct nam_desc *d)
{
	const json_t *layers = json_object_get(root, "layers"), *meta = json_object_get(root, "metadata");
	const json_t *rate = json_object_get(meta, "samplerate");
	const size_t n = json_array_size(layers);
	int in;

	if (!json_is_array(layers) || n < 1 || n > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"layers\" is not a list of layers");
	if (shape_width(r, json_object_get(root, "in_shape"), "in_shape", &in))
		return -1;
	if (in != 1)
		return nam_bad(r, ERR_UNSUPPORTED,
		    "takes %d inputs (audio and parameters); only models without parameters are supported", in);
	if (!(d->json = calloc(n, sizeof *d->json)))
		return nam_no_memory(r);
	for (size_t i = 0; i < n; i++) {
		snprintf(r->where, sizeof r->where, "layers[%zu]", i);
		d->n_json = (int)i + 1;
		if (read_layer(r, json_array_get(layers, i), in, &d->json[i]))
			return -1;
		in = d->json[i].out;
	}
	r->where[0] = 0;
	d->out_channels = in;
	/* the rate is a string in the known files, and for information in the player */
	if (json_is_string(rate)) {
		double hz = strtod(json_string_value(rate), NULL);

		d->rate_hz = hz >= 1 && hz <= 768000 ? hz : -1;
	} else if (nam_parse_rate(r, rate, &d->rate_hz)) {
		return -1;
	}
	return read_gain(r, root, "in_gain", &d->in_gain) || read_gain(r, root, "out_gain", &d->out_gain) ||
	    read_skip(r, json_number_value(json_object_get(root, "in_skip")), d) ? -1 : 0;
}

/* PyTorch tensor rows [gate * units][in] to [in][gate][units], gates in the order `from`. */
static int
take_torch(const struct nam_reader *r, const json_t *state, const char *key, int in, int gates, int units,
    const int *from, float *to)
{
	const json_t *v = json_object_get(state, key);
	int dim[2] = { gates * units, in };
	const size_t n = (size_t)gates * (size_t)units;
	float *w, *p;

	if (json_array_size(v) != n)
		return nam_bad(r, ERR_INPUT, "\"%s\" has not %zu rows", key, n);
	if (!(w = p = calloc(n * (size_t)(in ? in : 1), sizeof *w)))
		return nam_no_memory(r);
	if (read_tensor(r, v, dim, in ? 2 : 1, &p)) {
		free(w);
		return -1;
	}
	for (int g = 0; g < gates; g++)
		for (int u = 0; u < units; u++)
			for (int i = 0; i < (in ? in : 1); i++)
				to[(i * gates + g) * units + u] +=
				    w[(from[g] * units + u) * (in ? in : 1) + i];
	free(w);
	return 0;
}

/* GuitarML (Proteus, NeuralPi): one recurrent layer and a linear one, as PyTorch saved them. */
static int
parse_guitarml(struct nam_reader *r, const json_t *root, struct nam_desc *d)
{
	static const int lstm_order[] = { 0, 1, 2, 3 }, gru_order[] = { 1, 0, 2 }; /* torch: r z n */
	const json_t *md = json_object_get(root, "model_data"), *st = json_object_get(root, "state_dict");
	const char *unit = json_string_value(json_object_get(md, "unit_type"));
	const int gru = unit && !strcmp(unit, "GRU"), gates = gru ? 3 : 4;
	const int *order = gru ? gru_order : lstm_order;
	struct nam_json_layer *rec, *lin;
	int in, h, layers, outs, dim[2];
	size_t g, n;
	float *p;

	if (!unit || (!gru && strcmp(unit, "LSTM")))
		return nam_bad(r, ERR_UNSUPPORTED, "unit_type \"%.40s\" is not LSTM or GRU", unit ? unit : "");
	if (nam_get_int(r, md, "input_size", INT_MIN, 1, NAM_MAX_CHANNELS, &in) ||
	    nam_get_int(r, md, "hidden_size", INT_MIN, 1, NAM_MAX_CHANNELS, &h) ||
	    nam_get_int(r, md, "num_layers", 1, 1, NAM_MAX_LIST, &layers) ||
	    nam_get_int(r, md, "output_size", 1, 1, NAM_MAX_CHANNELS, &outs))
		return -1;
	if (in != 1 || layers != 1)
		return nam_bad(r, ERR_UNSUPPORTED, "%d inputs and %d recurrent layers are not supported, only 1",
		    in, layers);
	if (json_array_size(json_object_get(st, "rec.weight_hh_l0")) != (size_t)(gates * h))
		return nam_bad(r, ERR_INPUT, "\"rec.weight_hh_l0\" does not fit %d units", h);
	if (!(d->json = calloc(2, sizeof *d->json)))
		return nam_no_memory(r);
	d->n_json = 2;
	rec = &d->json[0];
	lin = &d->json[1];
	rec->type = gru ? NAM_JSON_GRU : NAM_JSON_LSTM;
	rec->in = 1;
	rec->out = lin->in = h;
	lin->type = NAM_JSON_CONV;
	lin->out = d->out_channels = outs;
	lin->kernel = lin->dilation = 1;
	g = (size_t)gates * (size_t)h;
	n = (1 + (size_t)h) * g;
	if (take_floats(r, rec, n + 2 * g) || take_floats(r, lin, (size_t)(h + 1) * (size_t)outs))
		return -1;
	if (take_torch(r, st, "rec.weight_ih_l0", 1, gates, h, order, rec->w) ||
	    take_torch(r, st, "rec.weight_hh_l0", h, gates, h, order, rec->w + g))
		return -1;
	if (json_object_get(st, "rec.bias_ih_l0") &&
	    (take_torch(r, st, "rec.bias_ih_l0", 0, gates, h, order, rec->w + n) ||
	    take_torch(r, st, "rec.bias_hh_l0", 0, gates, h, order, rec->w + n + (gru ? g : 0))))
		return -1;
	dim[0] = outs;
	dim[1] = h;
	if (!(p = calloc((size_t)outs * (size_t)h, sizeof *p)))
		return nam_no_memory(r);
	{
		float *to = p;

		if (read_tensor(r, json_object_get(st, "lin.weight"), dim, 2, &to)) {
			free(p);
			return -1;
		}
	}
	for (int o = 0; o < outs; o++)
		for (int i = 0; i < h; i++)
			lin->w[i * outs + o] = p[o * h + i];
	free(p);
	p = lin->w + (size_t)h * (size_t)outs;
	if (json_object_get(st, "lin.bias") && read_tensor(r, json_object_get(st, "lin.bias"), dim, 1, &p))
		return -1;
	d->in_gain = d->out_gain = 1;
	return read_skip(r, json_number_value(json_object_get(md, "skip")), d);
}

int
nam_parse_rtneural(struct nam_reader *r, const json_t *root, struct nam_desc **out)
{
	const json_t *meta = json_object_get(root, "metadata");
	struct nam_desc *d = calloc(1, sizeof *d);
	const int guitarml = json_object_get(root, "model_data") != NULL;

	*out = NULL;
	if (!d)
		return nam_no_memory(r);
	d->kind = NAM_JSON;
	d->rate_hz = -1;
	d->in_channels = 1;
	if (guitarml ? parse_guitarml(r, root, d) : parse_layers(r, root, d))
		goto fail;
	if (r->slim >= 0) {
		nam_bad(r, ERR_INPUT, "is not slimmable: there is one size only");
		goto fail;
	}
	if (r->info) {
		snprintf(r->info->format, sizeof r->info->format, "json");
		snprintf(r->info->architecture, sizeof r->info->architecture, "%s",
		    guitarml ? "GuitarML" : "RTNeural");
		if (nam_meta_string(meta, "name", &r->info->name) ||
		    nam_meta_string(meta, "author", &r->info->modeled_by) ||
		    nam_meta_string(meta, "license", &r->info->license)) {
			nam_no_memory(r);
			goto fail;
		}
	}
	*out = d;
	return 0;
fail:
	nam_desc_free(d);
	return -1;
}
