/* nam_rtneural.c - read RTNeural JSON, with AIDA-X's extras, and GuitarML's LSTM files. */
#include "nam/nam_file.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int
nam_is_rtneural(const struct nam_value *root)
{
	return !nam_get(root, "architecture") &&
	    (nam_get(root, "layers") || nam_get(root, "model_data"));
}

/* The last number of a "shape": the width of a layer. */
static int
shape_width(const struct nam_reader *r, const struct nam_value *shape, const char *key, int *out)
{
	size_t n = nam_size(shape);
	double v = n ? nam_number(nam_at(shape, n - 1)) : 0;

	if (n == 4) /* two-dimensional inputs count both of their last axes */
		v *= nam_number(nam_at(shape, 2));
	if (!(v >= 1 && v <= NAM_MAX_CHANNELS) || v != floor(v))
		return nam_bad(r, ERR_INPUT, "\"%s\" ends with no width from 1 to %d", key, NAM_MAX_CHANNELS);
	*out = (int)v;
	return 0;
}

/* Flatten a nested list of numbers of the given shape into w. */
static int
read_tensor(const struct nam_reader *r, const struct nam_value *v, const int *dim, int n_dims, float **w)
{
	if (n_dims == 0) {
		double x = nam_number(v);

		if (!nam_is_number(v) || !isfinite((float)x))
			return nam_bad(r, ERR_INPUT, "a weight is not a finite number");
		*(*w)++ = (float)x;
		return 0;
	}
	if (!nam_is_list(v) || nam_size(v) != (size_t)dim[0])
		return nam_bad(r, ERR_INPUT, "weights have %zu entries where %d are wanted", nam_size(v),
		    dim[0]);
	v = nam_at(v, 0);
	for (int i = 0; i < dim[0]; i++, v = nam_next(v))
		if (read_tensor(r, v, dim + 1, n_dims - 1, w))
			return -1;
	return 0;
}

/* Memory for a layer's weights.  Groups and two-dimensional kernels are spread out with zeros, so that a small
 * file could ask for much: all layers together may have NAM_MAX_FLOATS. */
static int
take_floats(struct nam_reader *r, struct nam_json_layer *l, size_t n)
{
	if (n > NAM_MAX_FLOATS - r->total->floats)
		return nam_bad(r, ERR_INPUT, "asks for more than %d weights", NAM_MAX_FLOATS);
	r->total->floats += n;
	l->n_w = n;
	l->w = calloc(n ? n : 1, sizeof *l->w);
	return l->w ? 0 : nam_no_memory(r);
}

static int
json_act(const struct nam_reader *r, const struct nam_value *o, struct nam_json_layer *l)
{
	static const struct { const char *name; enum nam_act_type type; } names[] = {
		{ "", NAM_ACT_NONE }, { "tanh", NAM_ACT_TANH }, { "relu", NAM_ACT_RELU },
		{ "sigmoid", NAM_ACT_SIGMOID }, { "elu", NAM_ACT_ELU },
	};
	const struct nam_value *v = nam_get(o, "activation");
	const char *name = nam_string(v);

	if (!v || nam_is_null(v))
		return 0;
	if (!name)
		return nam_bad(r, ERR_INPUT, "\"activation\" is not a string");
	l->softmax = !strcmp(name, "softmax");
	if (l->softmax)
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i].name)) {
			l->act.type = names[i].type;
			return 0;
		}
	return nam_bad(r, ERR_UNSUPPORTED, "activation \"%.40s\" is not known", name);
}

/* Memory for a tensor as the file has it; n_dims is 2 to 4.  The first two axes are checked before memory
 * is taken. */
static int
tensor_memory(const struct nam_reader *r, const struct nam_value *v, const int *dim, int n_dims, float **w)
{
	size_t n = 1;
	float *p;

	*w = NULL;
	for (int i = 0; i < n_dims; i++) {
		const struct nam_value *axis = i == 0 ? v : nam_at(v, 0);

		if (i < 2 && nam_size(axis) != (size_t)dim[i])
			return nam_bad(r, ERR_INPUT, "weights have %zu entries where %d are wanted", nam_size(axis),
			    dim[i]);
		if (n > NAM_MAX_FLOATS / (size_t)dim[i])
			return nam_bad(r, ERR_INPUT, "asks for more than %d weights", NAM_MAX_FLOATS);
		n *= (size_t)dim[i];
	}
	*w = p = malloc(n * sizeof *p);
	return p ? 0 : nam_no_memory(r);
}

/* An entry that is a whole number or a list that ends with one: 3, [3] or [1, 3]. */
static int
last_int(const struct nam_reader *r, const struct nam_value *o, const char *key, int fallback, int hi,
    int *out)
{
	const struct nam_value *v = nam_get(o, key);
	double x;

	if (nam_is_list(v) && nam_size(v))
		v = nam_at(v, nam_size(v) - 1);
	x = v ? nam_number(v) : fallback;
	if (!(x >= 1 && x <= hi) || x != floor(x))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not a whole number from 1 to %d", key, hi);
	*out = (int)x;
	return 0;
}

/* dense, [in][out]; conv1d, [kernel][in / groups][out]; then a bias [out], which may be absent. */
static int
read_conv(struct nam_reader *r, const struct nam_value *o, struct nam_json_layer *l, int is_conv)
{
	const struct nam_value *weights = nam_get(o, "weights"), *v = nam_at(weights, 0);
	const size_t in = (size_t)l->in, out = (size_t)l->out;
	int groups = 1, dim[3];
	size_t n, gi, go;
	float *w, *p;

	l->kernel = l->dilation = 1;
	if (is_conv && (last_int(r, o, "kernel_size", 0, NAM_MAX_KERNEL, &l->kernel) ||
	    last_int(r, o, "dilation", 1, NAM_MAX_DILATION, &l->dilation) ||
	    nam_get_int(r, o, "groups", 1, 1, NAM_MAX_CHANNELS, &groups) ||
	    nam_divides(r, "groups", groups, l->in, l->out)))
		return -1;
	gi = in / (size_t)groups;
	go = out / (size_t)groups;
	dim[0] = l->kernel;
	dim[1] = (int)gi;
	dim[2] = l->out;
	if (tensor_memory(r, v, is_conv ? dim : dim + 1, is_conv ? 3 : 2, &w))
		return -1;
	p = w;
	n = (size_t)l->kernel * in * out;
	if (read_tensor(r, v, is_conv ? dim : dim + 1, is_conv ? 3 : 2, &p) || take_floats(r, l, n + out)) {
		free(w);
		return -1;
	}
	for (size_t k = 0; k < (size_t)l->kernel; k++)
		for (size_t i = 0; i < gi; i++)
			for (size_t c = 0; c < out; c++)
				l->w[(k * in + c / go * gi + i) * out + c] = w[(k * gi + i) * out + c];
	free(w);
	p = l->w + n;
	v = nam_at(weights, 1);
	return v ? read_tensor(r, v, &l->out, 1, &p) : 0;
}

/* A convolution over time and over features beside each other: channel f * filters + c is filter c of feature f.  It
 * becomes one over time whose kernel has zeros where a feature does not see another. */
static int
read_conv2d(struct nam_reader *r, const struct nam_value *o, struct nam_json_layer *l)
{
	const struct nam_value *weights = nam_get(o, "weights"), *v = nam_at(weights, 0);
	const char *padding = nam_string(nam_get(o, "padding"));
	int feature_kernel, stride, f_in, f_out, c_in, c_out, pad = 0, dim[4];
	float *w, *p, *bias;
	size_t n;

	if (!padding || (strcmp(padding, "valid") && strcmp(padding, "same")))
		return nam_bad(r, ERR_INPUT, "\"padding\" is not valid or same");
	if (last_int(r, o, "kernel_size_time", 0, NAM_MAX_KERNEL, &l->kernel) ||
	    last_int(r, o, "kernel_size_feature", 0, NAM_MAX_CHANNELS, &feature_kernel) ||
	    last_int(r, o, "dilation", 0, NAM_MAX_DILATION, &l->dilation) ||
	    last_int(r, o, "strides", 0, NAM_MAX_CHANNELS, &stride) ||
	    last_int(r, o, "num_features_in", 0, NAM_MAX_CHANNELS, &f_in) ||
	    last_int(r, o, "num_filters_in", 0, NAM_MAX_CHANNELS, &c_in) ||
	    last_int(r, o, "num_filters_out", 0, NAM_MAX_CHANNELS, &c_out))
		return -1;
	if (*padding == 'v') {
		f_out = f_in < feature_kernel ? 0 : (f_in - feature_kernel) / stride + 1;
	} else {
		f_out = (f_in - 1) / stride + 1;
		pad = (f_in % stride ? feature_kernel - f_in % stride : feature_kernel - stride) / 2;
		pad = pad > 0 ? pad : 0;
	}
	if (f_in * c_in != l->in || f_out * c_out != l->out)
		return nam_bad(r, ERR_INPUT, "%d features of %d filters from %d of %d are not %d channels from %d",
		    f_out, c_out, f_in, c_in, l->out, l->in);
	dim[0] = l->kernel;
	dim[1] = feature_kernel;
	dim[2] = c_in;
	dim[3] = c_out;
	if (tensor_memory(r, v, dim, 4, &w))
		return -1;
	p = w;
	n = (size_t)l->kernel * (size_t)l->in * (size_t)l->out;
	if (read_tensor(r, v, dim, 4, &p) || take_floats(r, l, n + (size_t)l->out)) {
		free(w);
		return -1;
	}
	for (int k = 0; k < l->kernel; k++)
		for (int f = 0; f < f_out; f++)
			for (int j = 0; j < feature_kernel; j++) {
				const int from = f * stride - pad + j;

				for (int i = 0; from >= 0 && from < f_in && i < c_in; i++)
					memcpy(l->w + ((size_t)k * (size_t)l->in + (size_t)(from * c_in + i)) *
					    (size_t)l->out + (size_t)(f * c_out), w + (((size_t)k *
					    (size_t)feature_kernel + (size_t)j) * (size_t)c_in + (size_t)i) *
					    (size_t)c_out, (size_t)c_out * sizeof *w);
			}
	free(w);
	p = bias = l->w + n;
	if (nam_at(weights, 1) && read_tensor(r, nam_at(weights, 1), &c_out, 1, &p))
		return -1;
	for (int i = c_out; i < l->out; i++)
		bias[i] = bias[i - c_out];
	return 0;
}

static int
read_recurrent(struct nam_reader *r, const struct nam_value *o, struct nam_json_layer *l)
{
	const struct nam_value *weights = nam_get(o, "weights");
	const int gru = l->type == NAM_JSON_GRU, gates = gru ? 3 : 4;
	const size_t rows = (size_t)l->in + (size_t)l->out, n = rows * (size_t)gates * (size_t)l->out;
	int dim[2] = { l->in, gates * l->out }, rec[2] = { l->out, gates * l->out };
	int bias[2] = { 2, gates * l->out };
	float *p;

	if (nam_size(weights) < 3)
		return nam_bad(r, ERR_INPUT, "\"weights\" has not kernel, recurrent kernel and bias");
	if (nam_size(nam_at(weights, 1)) != (size_t)l->out)
		return nam_bad(r, ERR_INPUT, "weights do not fit %d units", l->out);
	if (take_floats(r, l, n + 2 * (size_t)gates * (size_t)l->out))
		return -1;
	p = l->w;
	if (read_tensor(r, nam_at(weights, 0), dim, 2, &p) || read_tensor(r, nam_at(weights, 1), rec, 2, &p))
		return -1;
	return gru ? read_tensor(r, nam_at(weights, 2), bias, 2, &p) :
	    read_tensor(r, nam_at(weights, 2), bias + 1, 1, &p);
}

/* Batch normalisation as a scale and a shift: gamma, beta, mean, variance, or the last two only, one of
 * each per filter; channel f * filters + c is filter c of feature f. */
static int
read_batchnorm(struct nam_reader *r, const struct nam_value *o, struct nam_json_layer *l, int filters)
{
	const struct nam_value *weights = nam_get(o, "weights"), *eps = nam_get(o, "epsilon");
	const size_t n = nam_size(weights), c = (size_t)filters, out = (size_t)l->out;
	float *all, *p, *mean, *var;

	if (n != 2 && n != 4)
		return nam_bad(r, ERR_INPUT, "\"weights\" has %zu lists, not 2 or 4", n);
	if (!nam_is_number(eps))
		return nam_bad(r, ERR_INPUT, "\"epsilon\" is not a number");
	if (take_floats(r, l, 2 * out))
		return -1;
	if (!(all = p = calloc(4 * c, sizeof *all)))
		return nam_no_memory(r);
	for (size_t i = 0; i < n; i++)
		if (read_tensor(r, nam_at(weights, i), &filters, 1, &p)) {
			free(all);
			return -1;
		}
	mean = all + (n == 4 ? 2 * c : 0);
	var = mean + c;
	for (size_t i = 0; i < out; i++) {
		const size_t k = i % c;
		double scale = (n == 4 ? (double)all[k] : 1) / sqrt((double)var[k] + nam_number(eps));

		l->w[i] = (float)scale;
		l->w[out + i] = (float)((n == 4 ? (double)all[c + k] : 0) - scale * (double)mean[k]);
		if (!isfinite(l->w[i]) || !isfinite(l->w[out + i])) {
			free(all);
			return nam_bad(r, ERR_INPUT, "the variance of channel %zu is not positive", i);
		}
	}
	free(all);
	return 0;
}

/* weights[0][0]: a slope for all channels, or one for each. */
static int
read_prelu(const struct nam_reader *r, const struct nam_value *o, struct nam_json_layer *l)
{
	const struct nam_value *v = nam_at(nam_at(nam_get(o, "weights"), 0), 0);
	int n = nam_is_list(v) ? (int)nam_size(v) : 1;
	float *p;

	if (n != 1 && n != l->out)
		return nam_bad(r, ERR_INPUT, "\"weights\" has %d slopes for %d channels", n, l->out);
	if (!(l->act.slopes = p = calloc((size_t)n, sizeof *p)))
		return nam_no_memory(r);
	l->act.type = NAM_ACT_PRELU;
	l->act.n_slopes = n;
	return read_tensor(r, v, &n, nam_is_list(v), &p);
}

/* What has as many channels out as in. */
static int
read_pointwise(struct nam_reader *r, const struct nam_value *o, const char *type, struct nam_json_layer *l)
{
	int features;

	if (l->out != l->in)
		return nam_bad(r, ERR_INPUT, "layer \"%.40s\" makes %d channels of %d", type, l->out, l->in);
	if (!strcmp(type, "activation"))
		return json_act(r, o, l);
	if (!strcmp(type, "prelu"))
		return read_prelu(r, o, l);
	l->type = NAM_JSON_AFFINE;
	if (!strcmp(type, "batchnorm"))
		return read_batchnorm(r, o, l, l->out);
	if (last_int(r, o, "num_features_in", 0, NAM_MAX_CHANNELS, &features))
		return -1;
	if (l->out % features)
		return nam_bad(r, ERR_INPUT, "%d features do not divide %d channels", features, l->out);
	return read_batchnorm(r, o, l, l->out / features);
}

static int
read_layer(struct nam_reader *r, const struct nam_value *o, int in, struct nam_json_layer *l)
{
	static const struct { const char *name; enum nam_json_type type; } types[] = {
		{ "dense", NAM_JSON_CONV }, { "time-distributed-dense", NAM_JSON_CONV }, { "conv1d", NAM_JSON_CONV },
		{ "conv2d", NAM_JSON_CONV }, { "lstm", NAM_JSON_LSTM }, { "gru", NAM_JSON_GRU },
		{ "activation", NAM_JSON_ACT }, { "prelu", NAM_JSON_ACT }, { "batchnorm", NAM_JSON_ACT },
		{ "batchnorm2d", NAM_JSON_ACT },
	};
	const char *type = nam_string(nam_get(o, "type"));
	size_t i = 0;

	if (!type)
		return nam_bad(r, ERR_INPUT, "\"type\" is missing");
	while (i < sizeof types / sizeof *types && strcmp(type, types[i].name))
		i++;
	/* RTNeural leaves out what it does not know; the sound would be another */
	if (i == sizeof types / sizeof *types)
		return nam_bad(r, ERR_UNSUPPORTED, "layer type \"%.40s\" is not known", type);
	l->type = types[i].type;
	l->in = in;
	if (shape_width(r, nam_get(o, "shape"), "shape", &l->out))
		return -1;
	switch (l->type) {
	case NAM_JSON_CONV:
		return json_act(r, o, l) || (strcmp(type, "conv2d") ? read_conv(r, o, l, *type == 'c') :
		    read_conv2d(r, o, l)) ? -1 : 0;
	case NAM_JSON_LSTM: case NAM_JSON_GRU:
		return read_recurrent(r, o, l); /* their "activation" means nothing: always tanh and sigmoid */
	default:
		return read_pointwise(r, o, type, l);
	}
}

/* AIDA-X models may have one or two knobs as inputs beside the audio, which the player starts at 0: what
 * they would be multiplied with is cut out, and the layer has one input. */
static int
cut_params(const struct nam_reader *r, struct nam_json_layer *l)
{
	const int in = l->in;
	const size_t row = (size_t)l->out * (l->type == NAM_JSON_LSTM ? 4 : l->type == NAM_JSON_GRU ? 3 : 1);
	const size_t taps = l->type == NAM_JSON_CONV ? (size_t)l->kernel : 1;
	float *to = l->w;

	if (l->type != NAM_JSON_CONV && l->type != NAM_JSON_LSTM && l->type != NAM_JSON_GRU)
		return nam_bad(r, ERR_UNSUPPORTED, "%d inputs into a layer that keeps their number are not supported", in);
	for (size_t k = 0; k < taps; k++, to += row)
		memmove(to, l->w + k * (size_t)in * row, row * sizeof *to);
	memmove(to, l->w + taps * (size_t)in * row, (l->n_w - taps * (size_t)in * row) * sizeof *to);
	l->n_w -= taps * (size_t)(in - 1) * row;
	l->in = 1;
	return 0;
}

/* Decibels of AIDA-X: absent 1, -90 and below 0. */
static int
read_gain(const struct nam_reader *r, const struct nam_value *root, const char *key, float *gain)
{
	const struct nam_value *v = nam_get(root, key);
	double db = nam_number(v);

	*gain = 1;
	if (!nam_is_number(v))
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
parse_layers(struct nam_reader *r, const struct nam_value *root, struct nam_desc *d)
{
	const struct nam_value *layers = nam_get(root, "layers"), *meta = nam_get(root, "metadata");
	const struct nam_value *rate = nam_get(meta, "samplerate"), *layer;
	const size_t n = nam_size(layers);
	int in, params;

	if (!nam_is_list(layers) || n < 1 || n > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"layers\" is not a list of layers");
	if (shape_width(r, nam_get(root, "in_shape"), "in_shape", &in))
		return -1;
	params = in - 1;
	if (params > 2 || (params && nam_size(nam_get(root, "in_shape")) == 4))
		return nam_bad(r, ERR_UNSUPPORTED, "takes %d inputs; audio and at most two knobs are supported", in);
	if (!(d->json = calloc(n, sizeof *d->json)))
		return nam_no_memory(r);
	layer = nam_at(layers, 0);
	for (size_t i = 0; i < n; i++, layer = nam_next(layer)) {
		snprintf(r->where, sizeof r->where, "layers[%zu]", i);
		d->n_json = (int)i + 1;
		if (read_layer(r, layer, in, &d->json[i]))
			return -1;
		if (!i && params && cut_params(r, &d->json[i]))
			return -1;
		in = d->json[i].out;
	}
	r->where[0] = 0;
	d->out_channels = in;
	if (r->info)
		r->info->params = params;
	/* the rate is a string in the known files, and for information in the player */
	if (nam_string(rate)) {
		const char *end;
		double hz = nam_decimal(nam_string(rate), &end);

		d->rate_hz = hz >= 1 && hz <= 768000 ? hz : -1;
	} else if (nam_parse_rate(r, rate, &d->rate_hz)) {
		return -1;
	}
	return read_gain(r, root, "in_gain", &d->in_gain) || read_gain(r, root, "out_gain", &d->out_gain) ||
	    read_skip(r, nam_number(nam_get(root, "in_skip")), d) ? -1 : 0;
}

/* PyTorch tensor rows [gate * units][in] to [in][gate][units], gates in the order `from`. */
static int
take_torch(const struct nam_reader *r, const struct nam_value *state, const char *key, int in, int gates, int units,
    const int *from, float *to)
{
	const struct nam_value *v = nam_get(state, key);
	int dim[2] = { gates * units, in };
	const size_t n = (size_t)gates * (size_t)units;
	float *w, *p;

	if (nam_size(v) != n)
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
parse_guitarml(struct nam_reader *r, const struct nam_value *root, struct nam_desc *d)
{
	static const int lstm_order[] = { 0, 1, 2, 3 }, gru_order[] = { 1, 0, 2 }; /* torch: r z n */
	const struct nam_value *md = nam_get(root, "model_data"), *st = nam_get(root, "state_dict");
	const char *unit = nam_string(nam_get(md, "unit_type")), *model = nam_string(nam_get(md, "model"));
	const int gru = unit && !strcmp(unit, "GRU"), gates = gru ? 3 : 4;
	const int *order = gru ? gru_order : lstm_order;
	struct nam_json_layer *rec, *lin;
	int in, h, layers, outs, dim[2];
	size_t g, n;
	float *p;

	if (model && strcmp(model, "SimpleRNN"))
		return nam_bad(r, ERR_UNSUPPORTED, "model \"%.40s\" is not supported, only SimpleRNN", model);
	if (!unit || (!gru && strcmp(unit, "LSTM")))
		return nam_bad(r, ERR_UNSUPPORTED, "unit_type \"%.40s\" is not LSTM or GRU", unit ? unit : "");
	if (nam_get_int(r, md, "input_size", INT_MIN, 1, NAM_MAX_CHANNELS, &in) ||
	    nam_get_int(r, md, "hidden_size", INT_MIN, 1, NAM_MAX_CHANNELS, &h) ||
	    nam_get_int(r, md, "num_layers", 1, 1, NAM_MAX_LIST, &layers) ||
	    nam_get_int(r, md, "output_size", 1, 1, NAM_MAX_CHANNELS, &outs))
		return -1;
	/* where the players start these knobs is not the same everywhere, unlike AIDA-X's */
	if (in != 1)
		return nam_bad(r, ERR_UNSUPPORTED, "has %d knobs beside the audio (\"input_size\" is %d), which is not supported",
		    in - 1, in);
	if (layers != 1)
		return nam_bad(r, ERR_UNSUPPORTED, "%d recurrent layers are not supported, only 1", layers);
	if (nam_size(nam_get(st, "rec.weight_hh_l0")) != (size_t)(gates * h))
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
	if (nam_get(st, "rec.bias_ih_l0") &&
	    (take_torch(r, st, "rec.bias_ih_l0", 0, gates, h, order, rec->w + n) ||
	    take_torch(r, st, "rec.bias_hh_l0", 0, gates, h, order, rec->w + n + (gru ? g : 0))))
		return -1;
	dim[0] = outs;
	dim[1] = h;
	if (!(p = calloc((size_t)outs * (size_t)h, sizeof *p)))
		return nam_no_memory(r);
	{
		float *to = p;

		if (read_tensor(r, nam_get(st, "lin.weight"), dim, 2, &to)) {
			free(p);
			return -1;
		}
	}
	for (int o = 0; o < outs; o++)
		for (int i = 0; i < h; i++)
			lin->w[i * outs + o] = p[o * h + i];
	free(p);
	p = lin->w + (size_t)h * (size_t)outs;
	if (nam_get(st, "lin.bias") && read_tensor(r, nam_get(st, "lin.bias"), dim, 1, &p))
		return -1;
	d->in_gain = d->out_gain = 1;
	return read_skip(r, nam_number(nam_get(md, "skip")), d);
}

int
nam_parse_rtneural(struct nam_reader *r, const struct nam_value *root, struct nam_desc **out)
{
	const struct nam_value *meta = nam_get(root, "metadata");
	struct nam_desc *d = calloc(1, sizeof *d);
	const int guitarml = nam_get(root, "model_data") != NULL;

	*out = NULL;
	if (!d)
		return nam_no_memory(r);
	d->kind = NAM_JSON;
	d->rate_hz = -1;
	d->in_channels = 1;
	if (guitarml ? parse_guitarml(r, root, d) : parse_layers(r, root, d))
		goto fail;
	if (r->slim >= 0 && r->slim < 1) {
		nam_bad(r, ERR_INPUT, "one size only: the model is not slimmable");
		goto fail;
	}
	if (r->info) {
		snprintf(r->info->format, sizeof r->info->format, "json");
		snprintf(r->info->architecture, sizeof r->info->architecture, "%s",
		    guitarml ? "GuitarML" : "RTNeural");
		if (nam_parse_aida_metadata(r, meta))
			goto fail;
	}
	*out = d;
	return 0;
fail:
	nam_desc_free(d);
	return -1;
}
