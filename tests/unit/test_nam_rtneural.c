/* test_nam_rtneural - random RTNeural, AIDA-X and GuitarML models against an evaluator in double precision.
 *
 * As test_nam_random; two-dimensional layers are evaluated on features and filters here, not as the convolution over
 * time that the reader makes of them. */
#include "nam_eval.h"

enum { MAX_JSON = 5, MOST = 36 };

enum type { DENSE, CONV1D, CONV2D, BATCHNORM, PRELU, ACTIVATION, RECURRENT, TYPES };
enum act { NONE, TANH, RELU, SIGMOID, ELU, SOFTMAX, ACTS };

struct layer {
	enum type type;
	int in, out;
	enum act act;
	struct conv conv;          /* DENSE, CONV1D */
	struct rnn rnn;
	/* CONV2D: kernel [time][feature][in][out] */
	int taps, dilation, kernel, stride, valid, f_in, c_in, f_out, c_out;
	double *w, *b;
	double scale[MOST], shift[MOST], slope[MOST];
};

struct model {
	int n, params, skip;
	double in_gain, out_gain;
	struct layer layer[MAX_JSON];
};

/* ---- evaluating -------------------------------------------------------------------- */

static void
act_run(enum act a, struct sig x)
{
	for (int t = 0; t < x.frames; t++) {
		double sum = 0;

		for (int c = 0; c < x.channels; c++)
			sum += exp(at(x, t, c));
		for (int c = 0; c < x.channels; c++) {
			const double v = at(x, t, c);

			*to(x, t, c) = a == TANH ? tanh(v) : a == RELU ? fmax(v, 0) : a == SIGMOID ? sigmoid(v) :
			    a == ELU ? (v > 0 ? v : expm1(v)) : a == SOFTMAX ? exp(v) / sum : v;
		}
	}
}

static struct sig
conv2d_run(const struct layer *l, struct sig x)
{
	struct sig y = sig_new(l->out, x.frames);
	int pad = 0;

	if (!l->valid) { /* as TensorFlow: what is missing, the smaller half of it in front */
		const int total = (l->f_out - 1) * l->stride + l->kernel - l->f_in;

		pad = total > 0 ? total / 2 : 0;
	}
	for (int t = 0; t < x.frames; t++)
		for (int f = 0; f < l->f_out; f++)
			for (int o = 0; o < l->c_out; o++) {
				double sum = l->b[o];

				for (int k = 0; k < l->taps; k++)
					for (int j = 0; j < l->kernel; j++)
						for (int i = 0; i < l->c_in; i++) {
							const int from = f * l->stride + j - pad;

							if (from >= 0 && from < l->f_in)
								sum += l->w[((k * l->kernel + j) * l->c_in + i) * l->c_out + o] *
								    at(x, t - (l->taps - 1 - k) * l->dilation, from * l->c_in + i);
						}
				*to(y, t, f * l->c_out + o) = sum;
			}
	return y;
}

static struct sig
layer_run(const struct layer *l, struct sig x)
{
	struct sig y;

	switch (l->type) {
	case DENSE: case CONV1D:
		y = conv_run(&l->conv, x);
		break;
	case CONV2D:
		y = conv2d_run(l, x);
		break;
	case RECURRENT:
		y = rnn_run(&l->rnn, x);
		break;
	default:
		y = copy_of(x);
		for (int t = 0; t < x.frames; t++)
			for (int c = 0; c < x.channels; c++) {
				const double v = at(x, t, c);

				*to(y, t, c) = l->type == BATCHNORM ? v * l->scale[c] + l->shift[c] :
				    l->type == PRELU && v < 0 ? v * l->slope[c] : v;
			}
	}
	act_run(l->act, y);
	return y;
}

static struct sig
evaluate(const void *model, struct sig x)
{
	const struct model *m = model;
	struct sig y = sig_new(1 + m->params, x.frames);

	for (int t = 0; t < x.frames; t++)
		*to(y, t, 0) = at(x, t, 0) * m->in_gain;
	for (int i = 0; i < m->n; i++)
		replace(&y, layer_run(&m->layer[i], y));
	for (int t = 0; t < x.frames; t++)
		*to(y, t, 0) = (at(y, t, 0) + (m->skip ? at(x, t, 0) * m->in_gain : 0)) * m->out_gain;
	return y;
}

/* ---- drawing ----------------------------------------------------------------------- */

/* Nested lists of the dimensions, numbers from w in this order. */
static const double *
tensor(struct str *s, const double *w, const int *dim, int n_dims)
{
	str_add(s, s->len && (s->s[s->len - 1] == ']') ? ",[" : "[");
	for (int i = 0; i < dim[0]; i++)
		if (n_dims > 1)
			w = tensor(s, w, dim + 1, n_dims - 1);
		else
			list_value(s, *w++);
	str_add(s, "]");
	return w;
}

static void
conv_text(struct str *s, const struct layer *l)
{
	const struct conv *c = &l->conv;
	const int gi = c->in / c->groups, dim[3] = { c->taps, gi, c->out };
	double *w = draw_numbers(c->taps * gi * c->out, 1);

	/* from [out][in][tap] to the file's [tap][in][out] */
	for (int k = 0; k < c->taps; k++)
		for (int i = 0; i < gi; i++)
			for (int o = 0; o < c->out; o++)
				w[(k * gi + i) * c->out + o] = c->w[(o * gi + i) * c->taps + k];
	str_add(s, ",\"weights\":[");
	tensor(s, w, l->type == CONV1D ? dim : dim + 1, l->type == CONV1D ? 3 : 2);
	if (c->b)
		tensor(s, c->b, &c->out, 1);
	str_add(s, "]");
	free(w);
}

static void
conv_layer(struct str *s, struct layer *l)
{
	struct str unused = { 0 };
	int groups = 1;

	l->out = pick(1, 6);
	str_add(&unused, "[");
	if (l->type == CONV1D) {
		for (int g = 2; g <= 3; g++)
			if (l->in % g == 0 && l->out % g == 0)
				groups = g;
		l->conv = conv_draw(&unused, l->in, l->out, pick(1, 4), pick(1, 6), groups, chance(80));
		str_addf(s, chance(50) ? "\"kernel_size\":[%d],\"dilation\":[%d]" : "\"kernel_size\":%d,\"dilation\":%d",
		    l->conv.taps, l->conv.dilation);
		if (groups > 1)
			str_addf(s, ",\"groups\":%d", groups);
	} else {
		l->conv = conv_draw(&unused, l->in, l->out, 1, 1, 1, chance(80));
		str_add(s, "\"x\":0");
	}
	str_free(&unused);
	conv_text(s, l);
}

static void
conv2d_layer(struct str *s, struct layer *l)
{
	int dim[4];

	do {
		l->f_in = pick(1, l->in);
	} while (l->in % l->f_in);
	l->c_in = l->in / l->f_in;
	l->taps = pick(1, 3);
	l->dilation = pick(1, 4);
	l->stride = pick(1, 3);
	l->c_out = pick(1, 3);
	l->valid = chance(50);
	l->kernel = pick(1, l->valid ? l->f_in : 4);
	l->f_out = l->valid ? (l->f_in - l->kernel) / l->stride + 1 : (l->f_in + l->stride - 1) / l->stride;
	l->out = l->f_out * l->c_out;
	l->w = draw_numbers(l->taps * l->kernel * l->c_in * l->c_out, 0.6);
	l->b = draw_numbers(l->c_out, 0.5);
	str_addf(s, "\"kernel_size_time\":%d,\"kernel_size_feature\":%d,\"dilation\":%d,\"strides\":%d,\"num_filters_in\":%d,"
	    "\"num_features_in\":%d,\"num_filters_out\":%d,\"padding\":\"%s\",\"weights\":[", l->taps, l->kernel, l->dilation,
	    l->stride, l->c_in, l->f_in, l->c_out, l->valid ? "valid" : "same");
	dim[0] = l->taps;
	dim[1] = l->kernel;
	dim[2] = l->c_in;
	dim[3] = l->c_out;
	tensor(s, l->w, dim, 4);
	tensor(s, l->b, &l->c_out, 1);
	str_add(s, "]");
}

/* features: 0, or of a batchnorm2d. */
static void
batchnorm_layer(struct str *s, struct layer *l, int features)
{
	const int n = features ? l->in / features : l->in, affine = chance(50);
	double g[MOST], b[MOST], mean[MOST], var[MOST];

	numbers(g, n, 1);
	numbers(b, n, 0.5);
	numbers(mean, n, 0.5);
	numbers(var, n, 1);
	for (int i = 0; i < n; i++)
		var[i] = fabs(var[i]) + 0.25;
	for (int i = 0; i < l->in; i++) {
		l->scale[i] = (affine ? g[i % n] : 1) / sqrt(var[i % n] + 0.001);
		l->shift[i] = (affine ? b[i % n] : 0) - l->scale[i] * mean[i % n];
	}
	l->out = l->in;
	str_addf(s, "\"epsilon\":0.001");
	if (features)
		str_addf(s, ",\"num_features_in\":%d,\"num_filters_in\":%d", features, n);
	str_add(s, ",\"weights\":[");
	if (affine) {
		tensor(s, g, &n, 1);
		tensor(s, b, &n, 1);
	}
	tensor(s, mean, &n, 1);
	tensor(s, var, &n, 1);
	str_add(s, "]");
}

/* Keras: [in][gates * units], [units][gates * units], then the bias, of a GRU both. */
static void
recurrent_layer(struct str *s, struct layer *l)
{
	struct rnn *r = &l->rnn;
	const int n = l->out = pick(1, 6);
	int gates, dim[2];
	double *w;

	r->gru = chance(50);
	gates = r->gru ? 3 : 4;
	r->in = l->in;
	r->units = n;
	r->w = draw_numbers(gates * n * (r->in + n), 1);
	r->b = draw_numbers(gates * n, 0.5);
	r->rb = r->gru ? draw_numbers(gates * n, 0.5) : NULL;
	w = draw_numbers((r->in + n) * gates * n, 1);
	for (int i = 0; i < r->in + n; i++)
		for (int g = 0; g < gates * n; g++)
			w[i * gates * n + g] = r->w[g * (r->in + n) + i];
	dim[0] = r->in;
	dim[1] = gates * n;
	str_add(s, "\"activation\":\"relu\",\"weights\":["); /* which means nothing here */
	tensor(s, w, dim, 2);
	dim[0] = n;
	tensor(s, w + r->in * gates * n, dim, 2);
	if (r->gru) {
		str_add(s, ",[");
		tensor(s, r->b, dim + 1, 1);
		tensor(s, r->rb, dim + 1, 1);
		str_add(s, "]");
	} else {
		tensor(s, r->b, dim + 1, 1);
	}
	str_add(s, "]");
	free(w);
}

static const char *const act_names[ACTS] = { "", "tanh", "relu", "sigmoid", "elu", "softmax" };

static void
layer_draw(struct str *s, struct layer *l, int in)
{
	static const char *const names[TYPES] = { "dense", "conv1d", "conv2d", "batchnorm", "prelu", "activation", "" };
	int features = 0, n;

	l->in = in;
	if (l->type == BATCHNORM && chance(50))
		do {
			features = pick(1, in);
		} while (in % features);
	str_add(s, "{");
	if (l->type == DENSE || l->type == CONV1D || l->type == CONV2D || l->type == ACTIVATION) {
		l->act = (enum act)pick(NONE, ACTS - 1);
		if (l->act != NONE || l->type == ACTIVATION || chance(50))
			str_addf(s, "\"activation\":\"%s\",", act_names[l->act]);
	}
	switch (l->type) {
	case DENSE: case CONV1D:
		conv_layer(s, l);
		break;
	case CONV2D:
		conv2d_layer(s, l);
		break;
	case BATCHNORM:
		batchnorm_layer(s, l, features);
		break;
	case RECURRENT:
		recurrent_layer(s, l);
		break;
	case PRELU:
		l->out = in;
		n = chance(50) ? in : 1;
		numbers(l->slope, n, 1);
		for (int i = n; i < in; i++)
			l->slope[i] = l->slope[0];
		str_add(s, "\"weights\":[[");
		tensor(s, l->slope, &n, 1);
		str_add(s, "]]");
		break;
	default:
		l->out = in;
		str_add(s, "\"weights\":[]");
	}
	str_addf(s, ",\"type\":\"%s%s\",\"shape\":[null,null,", l->type == RECURRENT ? (l->rnn.gru ? "gru" : "lstm") :
	    l->type == DENSE && chance(30) ? "time-distributed-dense" : names[l->type], features ? "2d" : "");
	if (l->type == CONV2D)
		str_addf(s, "%d,%d]}", l->f_out, l->c_out);
	else
		str_addf(s, "%d]}", l->out);
}

static void
model_draw(struct str *s, struct model *m)
{
	int in;

	memset(m, 0, sizeof *m);
	m->n = pick(1, MAX_JSON);
	m->params = chance(30) ? pick(1, 2) : 0;
	m->skip = chance(40);
	m->in_gain = m->out_gain = 1;
	if (m->params)
		str_addf(s, "{\"in_shape\":[null,null,%d]", 1 + m->params);
	else
		str_add(s, chance(50) ? "{\"in_shape\":[null,null,1]" : "{\"in_shape\":[null,8,1,1]");
	if (chance(40)) {
		m->in_gain = pow(10, 4.5 / 20);
		str_add(s, ",\"in_gain\":4.5");
	}
	if (chance(40)) {
		m->out_gain = pow(10, -7.0 / 20);
		str_add(s, ",\"out_gain\":-7");
	}
	if (m->skip || chance(50))
		str_addf(s, ",\"in_skip\":%d", m->skip);
	str_add(s, ",\"layers\":[");
	in = 1 + m->params;
	for (int i = 0; i < m->n; i++) {
		struct layer *l = &m->layer[i];

		/* knobs go into a layer that mixes its inputs; a convolution triples the channels at most */
		do {
			l->type = (enum type)pick(0, TYPES - 1);
		} while ((l->type == CONV2D && in > MOST / 3) || (!i && m->params && l->type != DENSE && l->type != CONV1D &&
		    l->type != RECURRENT));
		str_add(s, i ? "," : "");
		layer_draw(s, l, in);
		in = l->out;
	}
	str_add(s, "]}");
}

static void
model_free(struct model *m)
{
	for (int i = 0; i < m->n; i++) {
		conv_free(&m->layer[i].conv);
		rnn_free(&m->layer[i].rnn);
		free(m->layer[i].w);
		free(m->layer[i].b);
	}
}

static void
try_models(int n, double limit)
{
	double worst = 0;

	for (int i = 0; i < n; i++) {
		struct str text = { 0 };
		struct model m;
		double d;

		model_draw(&text, &m);
		d = difference(text.s, -1, evaluate, &m);
		if (d > limit)
			printf("# %d: %g: %.6000s\n", i, d, text.s);
		worst = fmax(worst, d);
		model_free(&m);
		str_free(&text);
	}
	report("RTNeural models", n, worst, limit);
}

/* ---- GuitarML ---------------------------------------------------------------------- */

/* PyTorch: LSTM rows i f g o, GRU rows r z n. */
static void
guitarml_draw(struct str *s, struct model *m)
{
	struct layer *l = &m->layer[0], *lin = &m->layer[1];
	struct rnn *r = &l->rnn;
	struct str head = { 0 };
	const int n = pick(1, 6), bias = chance(70), lin_bias = chance(70), gru = chance(50), gates = gru ? 3 : 4, one = 1;
	const int lstm_order[] = { 0, 1, 2, 3 }, gru_order[] = { 1, 0, 2 }, *order = gru ? gru_order : lstm_order;
	double *ih = draw_numbers(gates * n, 1), *hh = draw_numbers(gates * n * n, 1);
	double *bi = draw_numbers(gates * n, 0.5), *bh = draw_numbers(gates * n, 0.5);
	int dim[2] = { gates * n, 1 };

	memset(m, 0, sizeof *m);
	m->n = 2;
	m->in_gain = m->out_gain = 1;
	m->skip = chance(50);
	l->type = RECURRENT;
	r->gru = gru;
	r->in = 1;
	r->units = n;
	r->w = draw_numbers(gates * n * (1 + n), 1);
	r->b = draw_numbers(gates * n, 0);
	r->rb = draw_numbers(gates * n, 0);
	for (int g = 0; g < gates; g++)
		for (int u = 0; u < n; u++) {
			const int row = g * n + u, from = order[g] * n + u;

			r->w[row * (1 + n)] = ih[from];
			for (int i = 0; i < n; i++)
				r->w[row * (1 + n) + 1 + i] = hh[from * n + i];
			r->b[row] = bias ? bi[from] : 0;
			r->rb[row] = bias ? bh[from] : 0;
		}
	str_addf(s, "{\"model_data\":{\"model\":\"SimpleRNN\",\"input_size\":1,\"skip\":%d,\"output_size\":1,\"unit_type\":\"%s\","
	    "\"num_layers\":1,\"hidden_size\":%d,\"bias_fl\":%s},\"state_dict\":{\"rec.weight_ih_l0\":", m->skip,
	    gru ? "GRU" : "LSTM", n, bias ? "true" : "false");
	tensor(s, ih, dim, 2);
	dim[1] = n;
	str_add(s, ",\"rec.weight_hh_l0\":");
	tensor(s, hh, dim, 2);
	if (bias) {
		str_add(s, ",\"rec.bias_ih_l0\":");
		tensor(s, bi, dim, 1);
		str_add(s, ",\"rec.bias_hh_l0\":");
		tensor(s, bh, dim, 1);
	}
	lin->type = DENSE;
	str_add(&head, "[");
	lin->conv = conv_draw(&head, n, 1, 1, 1, 1, lin_bias);
	str_free(&head);
	dim[0] = 1;
	str_add(s, ",\"lin.weight\":");
	tensor(s, lin->conv.w, dim, 2);
	if (lin_bias) {
		str_add(s, ",\"lin.bias\":");
		tensor(s, lin->conv.b, &one, 1);
	}
	str_add(s, "}}");
	free(ih);
	free(hh);
	free(bi);
	free(bh);
}

static void
try_guitarml(int n, double limit)
{
	double worst = 0;

	for (int i = 0; i < n; i++) {
		struct str text = { 0 };
		struct model m;

		guitarml_draw(&text, &m);
		worst = fmax(worst, difference(text.s, -1, evaluate, &m));
		model_free(&m);
		str_free(&text);
	}
	report("GuitarML models", n, worst, limit);
}

/* ---- by hand ----------------------------------------------------------------------- */

/* A softmax over far apart values, where e^x alone would be infinite. */
static void
test_softmax(void)
{
	const char *text = "{\"in_shape\":[1],\"layers\":[{\"type\":\"dense\",\"shape\":[3],\"activation\":\"softmax\",\"weights\":"
	    "[[[1000,-1000,999]]]},{\"type\":\"dense\",\"shape\":[1],\"weights\":[[[1],[2],[4]]]}]}";
	float x[3] = { 1, -1, 0 }, y[3] = { 0 };
	struct nam_model *m = NULL;
	struct nam_stream *s = NULL;
	struct err e;

	if (nam_open_mem(&m, text, strlen(text), "t", -1, &e) || nam_stream_new(&s, m, &e)) {
		printf("# %s\n", e.msg);
	} else {
		nam_process(s, x, y, 3);
	}
	ok_near((double)y[0], (1 + 4 * exp(-1)) / (1 + exp(-1)), 1e-6, "softmax of 1000 and 999");
	ok_near((double)y[1], 2, 1e-6, "softmax of one that is far above");
	ok_near((double)y[2], 7.0 / 3, 1e-6, "softmax of equal ones");
	nam_stream_free(s);
	nam_close(m);
}

int
main(void)
{
	try_models(500, 1e-5);
	try_guitarml(60, 1e-5);
	test_softmax();
	return done();
}
