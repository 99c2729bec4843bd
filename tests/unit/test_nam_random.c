/* test_nam_random - small random NAM models of every feature against an evaluator in double precision.
 *
 * A model is drawn, written as the text of a file, and evaluated from what was drawn (nam_eval.h); silence as long
 * as the pre-roll of the model goes before. */
#include "nam_eval.h"

enum { MAX_LAYERS = 4, FILMS = 8 };

/* ---- activations ------------------------------------------------------------------- */

enum act { TANH, HARDTANH, FASTTANH, RELU, LEAKY, PRELU1, PRELU, SIGMOID, SILU, HARDSWISH, LEAKYHARD, SOFTSIGN, ACTS };

static double
act_of(enum act a, double x, int channel)
{
	static const double slopes[3] = { 0.25, -0.5, 0.125 };

	switch (a) {
	case TANH: return tanh(x);
	case HARDTANH: return fmin(fmax(x, -1), 1);
	case FASTTANH: {
		const double u = fabs(x);

		return x * (2.45550750702956 + 2.45550750702956 * u + (0.893229853513558 + 0.821226666969744 * u) * x * x) /
		    (2.44506634652299 + (2.44506634652299 + x * x) * fabs(x + 0.814642734961073 * x * u));
	}
	case RELU: return fmax(x, 0);
	case LEAKY: return x > 0 ? x : (double)0.01f * x;
	case PRELU1: return x > 0 ? x : 0.375 * x;
	case PRELU: return x > 0 ? x : slopes[channel % 3] * x;
	case SIGMOID: return sigmoid(x);
	case SILU: return x * sigmoid(x);
	case HARDSWISH: return x * fmin(fmax(x + 3, 0), 6) / 6;
	case LEAKYHARD: return x < -0.5 ? (x + 0.5) * 0.25 - 0.5 : x > 0.75 ? (x - 0.75) * 0.0625 + 0.75 : x;
	case SOFTSIGN: return x / (1 + fabs(x));
	case ACTS: break;
	}
	return NAN;
}

static const char *
act_text(enum act a)
{
	static const char *const text[ACTS] = { "\"Tanh\"", "\"Hardtanh\"", "\"Fasttanh\"", "\"ReLU\"",
		"{\"type\":\"LeakyReLU\"}", "{\"type\":\"PReLU\",\"negative_slope\":0.375}",
		"{\"type\":\"PReLU\",\"negative_slopes\":[0.25,-0.5,0.125]}", "\"Sigmoid\"", "{\"type\":\"SiLU\"}", "\"Hardswish\"",
		"{\"type\":\"LeakyHardtanh\",\"min_val\":-0.5,\"max_val\":0.75,\"min_slope\":0.25,\"max_slope\":0.0625}",
		"\"Softsign\"" };

	return text[a];
}

static enum act act_draw(void) { return (enum act)pick(0, ACTS - 1); }

static void
act_run(enum act a, struct sig x)
{
	for (int t = 0; t < x.frames; t++)
		for (int c = 0; c < x.channels; c++)
			*to(x, t, c) = act_of(a, at(x, t, c), c);
}

/* ---- WaveNet ----------------------------------------------------------------------- */

static const char *const film_keys[FILMS] = { "conv_pre_film", "conv_post_film", "input_mixin_pre_film",
	"input_mixin_post_film", "activation_pre_film", "activation_post_film", "layer1x1_post_film", "head1x1_post_film" };
enum { CONV_PRE, CONV_POST, MIX_PRE, MIX_POST, ACT_PRE, ACT_POST, L1_POST, H1_POST };

struct film { int on, shift; struct conv c; };

struct layer {
	int mode;                          /* 0 none, 1 gated, 2 blended */
	enum act act, gate;
	struct conv conv, mix, l1, h1;
	struct film film[FILMS];
};

struct array {
	int channels, bottleneck, acc, n, has_l1, has_h1;
	struct conv rechannel, head;
	struct layer layer[MAX_LAYERS];
	int n_allowed, allowed[3];
};

struct net;
struct wavenet {
	int n_arrays, n_head, slimmable;
	struct array array[3];
	struct conv head[2];
	enum act head_act;
	double head_scale;
	struct net *cond;
};

static struct sig
film_run(const struct film *f, struct sig x, struct sig cond)
{
	struct sig s = conv_run(&f->c, cond), y = sig_new(x.channels, x.frames);

	for (int t = 0; t < x.frames; t++)
		for (int c = 0; c < x.channels; c++)
			*to(y, t, c) = at(x, t, c) * at(s, t, c) + (f->shift ? at(s, t, x.channels + c) : 0);
	free(s.v);
	return y;
}

static void
film_on(const struct film *f, struct sig *x, struct sig cond)
{
	if (f->on)
		replace(x, film_run(f, *x, cond));
}

/* y in, y out; the head sum grows. */
static void
layer_run(const struct array *a, const struct layer *l, struct sig *y, struct sig cond, struct sig acc)
{
	struct sig u = copy_of(*y), z, m = copy_of(cond), p, h;
	const int b = a->bottleneck;

	film_on(&l->film[CONV_PRE], &u, cond);
	z = conv_run(&l->conv, u);
	film_on(&l->film[CONV_POST], &z, cond);
	film_on(&l->film[MIX_PRE], &m, cond);
	replace(&m, conv_run(&l->mix, m));
	film_on(&l->film[MIX_POST], &m, cond);
	add_to(z, m);
	film_on(&l->film[ACT_PRE], &z, cond);
	p = sig_new(b, y->frames);
	for (int t = 0; t < y->frames; t++)
		for (int c = 0; c < b; c++) {
			const double act = act_of(l->act, at(z, t, c), c);
			const double g = l->mode ? act_of(l->gate, at(z, t, b + c), c) : 0;

			*to(p, t, c) = l->mode == 0 ? act : l->mode == 1 ? act * g : g * act + (1 - g) * at(z, t, c);
		}
	film_on(&l->film[ACT_POST], &p, cond);
	h = a->has_h1 ? conv_run(&l->h1, p) : copy_of(p);
	film_on(&l->film[H1_POST], &h, cond);
	add_to(acc, h);
	if (a->has_l1) {
		struct sig r = conv_run(&l->l1, p);

		film_on(&l->film[L1_POST], &r, cond);
		add_to(*y, r);
		free(r.v);
	}
	free(u.v);
	free(z.v);
	free(m.v);
	free(p.v);
	free(h.v);
}

static struct sig net_run(const struct net *n, struct sig x);

static struct sig
wavenet_run(const struct wavenet *w, struct sig x)
{
	struct sig cond = w->cond ? net_run(w->cond, x) : copy_of(x), y = copy_of(x), acc = { 0, 0, NULL };

	for (int i = 0; i < w->n_arrays; i++) {
		const struct array *a = &w->array[i];

		replace(&y, conv_run(&a->rechannel, y));
		if (!i)
			acc = sig_new(a->acc, x.frames);
		for (int l = 0; l < a->n; l++)
			layer_run(a, &a->layer[l], &y, cond, acc);
		replace(&acc, conv_run(&a->head, acc));
	}
	for (int i = 0; i < acc.channels * acc.frames; i++)
		acc.v[i] *= w->head_scale;
	for (int i = 0; i < w->n_head; i++) {
		act_run(w->head_act, acc);
		replace(&acc, conv_run(&w->head[i], acc));
	}
	free(cond.v);
	free(y.v);
	return acc;
}

static int
common_groups(int a, int b)
{
	const int g = pick(1, 4);

	return a % g || b % g ? 1 : g;
}

/* What a draw may contain. */
enum { PLAIN = 0, WITH_ALL = 1, WITH_SLIM = 2 };

static void
layer_draw(struct str *w, const struct array *a, struct layer *l, int cond, int taps, int dilation,
    int gi, int gm, int l1g, int h1g, const int film_groups[FILMS])
{
	const int b = a->bottleneck, z = l->mode ? 2 * b : b;
	const int dim[FILMS] = { a->channels, z, cond, z, z, b, a->channels, a->acc };

	l->conv = conv_draw(w, a->channels, z, taps, dilation, gi, 1);
	l->mix = conv_draw(w, cond, z, 1, 1, gm, 0);
	if (a->has_l1)
		l->l1 = conv_draw(w, b, a->channels, 1, 1, l1g, 1);
	if (a->has_h1)
		l->h1 = conv_draw(w, b, a->acc, 1, 1, h1g, 1);
	for (int f = 0; f < FILMS; f++)
		if (l->film[f].on)
			l->film[f].c = conv_draw(w, cond, l->film[f].shift ? 2 * dim[f] : dim[f], 1, 1, film_groups[f], 1);
}

/* acc_before: width that the array before hands on, 0 for the first; outs: of the head, 0 any. */
static int
array_draw(struct str *cfg, struct str *w, struct array *a, int in, int cond, int acc_before, int outs, int what)
{
	const int rich = what & WITH_ALL, slim = what & WITH_SLIM;
	const char *const mode_names[] = { "none", "gated", "blended" };
	int taps[MAX_LAYERS], dilation[MAX_LAYERS], groups[4], film_groups[FILMS], one_mode, uniform_taps, head_taps = 1;
	int head_dilation = 1, head_out = pick(1, 4), any_gate = 0;

	memset(a, 0, sizeof *a);
	a->n = pick(1, MAX_LAYERS);
	a->channels = pick(1, 6);
	a->has_l1 = !rich || chance(80);
	a->bottleneck = a->has_l1 && rich && chance(50) ? pick(1, 6) : a->channels;
	a->has_h1 = rich && chance(40);
	a->acc = a->has_h1 ? pick(1, 5) : a->bottleneck;
	if (acc_before && acc_before != a->acc) { /* the widths must meet: by the head, or by the bottleneck */
		if (a->has_h1) {
			a->acc = acc_before;
		} else {
			a->acc = a->bottleneck = acc_before;
			if (!a->has_l1 || !rich)
				a->channels = a->bottleneck;
		}
	}
	if (outs)
		head_out = outs;
	if (rich && chance(50)) {
		head_taps = pick(1, 4);
		head_dilation = pick(1, 3);
	}
	one_mode = rich && chance(50) ? pick(0, 2) : -1;
	uniform_taps = chance(50) ? pick(1, 4) : 0;
	for (int l = 0; l < a->n; l++) {
		taps[l] = uniform_taps ? uniform_taps : pick(1, 5);
		dilation[l] = pick(rich ? 0 : 1, 9);
		a->layer[l].mode = !rich ? 0 : one_mode >= 0 ? one_mode : pick(0, 2);
		a->layer[l].act = slim ? TANH : act_draw();
		a->layer[l].gate = act_draw();
		any_gate |= a->layer[l].mode;
	}
	if (slim && chance(40)) {
		any_gate = 1;
		for (int l = 0; l < a->n; l++) {
			a->layer[l].mode = 1;
			a->layer[l].gate = SIGMOID;
		}
	}
	groups[0] = rich ? common_groups(a->channels, a->bottleneck) : 1;
	groups[1] = rich ? common_groups(cond, a->bottleneck) : 1;
	groups[2] = rich ? common_groups(a->bottleneck, a->channels) : 1;
	groups[3] = rich ? common_groups(a->bottleneck, a->acc) : 1;
	for (int f = 0; f < FILMS; f++) {
		const int on = rich && chance(30) && (f != L1_POST || a->has_l1) && (f != H1_POST || a->has_h1);
		const int shift = chance(60);

		film_groups[f] = 1;
		if (cond % 2 == 0 && a->channels % 2 == 0 && a->bottleneck % 2 == 0 && a->acc % 2 == 0)
			film_groups[f] = pick(1, 2);
		for (int l = 0; l < a->n; l++) {
			a->layer[l].film[f].on = on;
			a->layer[l].film[f].shift = shift;
		}
	}

	str_addf(cfg, "{\"input_size\":%d,\"condition_size\":%d,\"channels\":%d,\"dilations\":[", in, cond, a->channels);
	for (int l = 0; l < a->n; l++)
		str_addf(cfg, "%s%d", l ? "," : "", dilation[l]);
	if (uniform_taps)
		str_addf(cfg, "],\"kernel_size\":%d", uniform_taps);
	for (int l = 0; !uniform_taps && l < a->n; l++)
		str_addf(cfg, "%s%d%s", l ? "," : "],\"kernel_sizes\":[", taps[l], l == a->n - 1 ? "]" : "");
	for (int l = 0; l < a->n; l++)
		str_addf(cfg, "%s%s", l ? "," : ",\"activation\":[", act_text(a->layer[l].act));
	str_add(cfg, "]");
	if (slim) {
		if (any_gate)
			str_add(cfg, ",\"gated\":true,\"secondary_activation\":\"ReLU\"");
	} else if (one_mode >= 0) {
		str_addf(cfg, ",\"gating_mode\":\"%s\"", mode_names[one_mode]);
	} else if (rich) {
		for (int l = 0; l < a->n; l++)
			str_addf(cfg, "%s\"%s\"", l ? "," : ",\"gating_mode\":[", mode_names[a->layer[l].mode]);
		str_add(cfg, "]");
	}
	if (rich && any_gate) {
		for (int l = 0; l < a->n; l++)
			str_addf(cfg, "%s%s", l ? "," : ",\"secondary_activation\":[",
			    a->layer[l].mode ? act_text(a->layer[l].gate) : "\"\"");
		str_add(cfg, "]");
	}
	if (a->bottleneck != a->channels || chance(50))
		str_addf(cfg, ",\"bottleneck\":%d", a->bottleneck);
	if (groups[0] > 1 || chance(20))
		str_addf(cfg, ",\"groups_input\":%d", groups[0]);
	if (groups[1] > 1 || chance(20))
		str_addf(cfg, ",\"groups_input_mixin\":%d", groups[1]);
	if (!a->has_l1 || groups[2] > 1 || chance(30))
		str_addf(cfg, ",\"layer1x1\":{\"active\":%s,\"groups\":%d}", a->has_l1 ? "true" : "false", groups[2]);
	if (a->has_h1)
		str_addf(cfg, ",\"head1x1\":{\"active\":true,\"out_channels\":%d,\"groups\":%d}", a->acc, groups[3]);
	for (int f = 0; f < FILMS; f++)
		if (a->layer[0].film[f].on)
			str_addf(cfg, ",\"%s\":{\"shift\":%s,\"groups\":%d}", film_keys[f],
			    a->layer[0].film[f].shift ? "true" : "false", film_groups[f]);
		else if (chance(20))
			str_addf(cfg, ",\"%s\":%s", film_keys[f], chance(50) ? "false" : "{\"active\":false}");
	if (slim) {
		a->allowed[0] = pick(1, a->channels);
		a->n_allowed = 1 + (a->allowed[0] < a->channels);
		if (a->n_allowed == 2)
			a->allowed[1] = a->channels;
		str_addf(cfg, ",\"slimmable\":{\"method\":\"slice_channels_uniform\",\"kwargs\":{\"allowed_channels\":[%d",
		    a->allowed[0]);
		if (a->n_allowed == 2)
			str_addf(cfg, ",%d", a->allowed[1]);
		str_add(cfg, "]}}");
	}
	{
		const int bias = chance(50);

		if (head_taps > 1 || head_dilation > 1 || chance(50))
			str_addf(cfg, ",\"head\":{\"out_channels\":%d,\"kernel_size\":%d,\"bias\":%s,\"head_dilation\":%d}}", head_out,
			    head_taps, bias ? "true" : "false", head_dilation);
		else
			str_addf(cfg, ",\"head_size\":%d,\"head_bias\":%s}", head_out, bias ? "true" : "false");
		a->rechannel = conv_draw(w, in, a->channels, 1, 1, 1, 0);
		for (int l = 0; l < a->n; l++)
			layer_draw(w, a, &a->layer[l], cond, taps[l], dilation[l], groups[0], groups[1], groups[2],
			    groups[3], film_groups);
		a->head = conv_draw(w, a->acc, head_out, head_taps, head_dilation, 1, bias);
	}
	return head_out;
}

static void
wavenet_free(struct wavenet *w)
{
	for (int i = 0; i < w->n_arrays; i++) {
		struct array *a = &w->array[i];

		conv_free(&a->rechannel);
		conv_free(&a->head);
		for (int l = 0; l < a->n; l++) {
			conv_free(&a->layer[l].conv);
			conv_free(&a->layer[l].mix);
			conv_free(&a->layer[l].l1);
			conv_free(&a->layer[l].h1);
			for (int f = 0; f < FILMS; f++)
				conv_free(&a->layer[l].film[f].c);
		}
	}
	for (int i = 0; i < w->n_head; i++)
		conv_free(&w->head[i]);
}

/* ---- the other nets ---------------------------------------------------------------- */

enum kind { WAVENET, LSTM, CONVNET, LINEAR, SEQUENTIAL, KINDS };

struct net {
	enum kind kind;
	struct wavenet wn;
	int n;                         /* LSTM and ConvNet layers, members of a Sequential */
	struct rnn rnn[3];
	struct conv conv[4], head;
	enum act act;
	int batchnorm;
	double bn[4][4 * 8 + 1];       /* mean, variance, gamma, beta of each channel, then eps */
	struct net *member[3];
};

static struct sig
batchnorm_run(const double *bn, struct sig x)
{
	const int c = x.channels;

	for (int t = 0; t < x.frames; t++)
		for (int i = 0; i < c; i++)
			*to(x, t, i) = bn[2 * c + i] / sqrt(bn[4 * c] + bn[c + i]) * (at(x, t, i) - bn[i]) + bn[3 * c + i];
	return x;
}

static struct sig
net_run(const struct net *n, struct sig x)
{
	struct sig y;

	if (n->kind == WAVENET)
		return wavenet_run(&n->wn, x);
	y = copy_of(x);
	for (int i = 0; i < n->n; i++) {
		replace(&y, n->kind == SEQUENTIAL ? net_run(n->member[i], y) : n->kind == LSTM ? rnn_run(&n->rnn[i], y) :
		    conv_run(&n->conv[i], y));
		if (n->kind == CONVNET) {
			if (n->batchnorm)
				batchnorm_run(n->bn[i], y);
			act_run(n->act, y);
		}
	}
	if (n->kind == LSTM || n->kind == CONVNET)
		replace(&y, conv_run(&n->head, y));
	return y;
}

static void
net_free(struct net *n)
{
	if (!n)
		return;
	if (n->kind == WAVENET) {
		net_free(n->wn.cond);
		wavenet_free(&n->wn);
	} else {
		for (int i = 0; i < n->n; i++)
			if (n->kind == SEQUENTIAL)
				net_free(n->member[i]);
			else if (n->kind == LSTM)
				rnn_free(&n->rnn[i]);
			else
				conv_free(&n->conv[i]);
		conv_free(&n->head);
	}
	free(n);
}

static struct net *net_draw(struct str *text, enum kind kind, int what, int outs);

static void
wavenet_draw(struct str *cfg, struct str *w, struct net *n, int what, int outs)
{
	struct wavenet *v = &n->wn;
	int cond = 1, acc = 0, in = 1;

	v->n_arrays = pick(1, 3);
	v->n_head = what == WITH_ALL && outs == 1 && chance(40) ? pick(1, 2) : 0;
	v->slimmable = what == WITH_SLIM;
	str_add(cfg, "{\"head_scale\":9");
	if (what == WITH_ALL && outs == 1 && chance(50)) {
		cond = pick(1, 3);
		str_add(cfg, ",\"condition_dsp\":");
		/* an LSTM's outputs may be many, and so may a WaveNet's */
		v->cond = net_draw(cfg, chance(40) ? LSTM : chance(50) ? CONVNET : WAVENET, PLAIN, cond);
	}
	str_add(cfg, ",\"layers\":[");
	for (int i = 0; i < v->n_arrays; i++) {
		const int last = i == v->n_arrays - 1;

		str_add(cfg, i ? "," : "");
		acc = array_draw(cfg, w, &v->array[i], in, cond, acc, last && !v->n_head ? outs : 0, what);
		in = v->array[i].channels;
	}
	str_add(cfg, "]");
	if (v->n_head) {
		const int between = pick(1, 3), bare = v->n_head == 1;

		v->head_act = act_draw();
		str_addf(cfg, ",\"head\":{\"channels\":%d,\"out_channels\":1,\"activation\":%s,\"kernel_sizes\":[", between,
		    act_text(v->head_act));
		for (int i = 0; i < v->n_head; i++) {
			const int taps = pick(1, 4);

			str_addf(cfg, "%s%d", i ? "," : "", taps);
			v->head[i] = conv_draw(w, i ? between : acc, i == v->n_head - 1 ? 1 : between, taps, 1, 1, 1);
		}
		str_addf(cfg, "]%s", bare ? "}" : ",\"in_channels\":");
		if (!bare)
			str_addf(cfg, "%d}", acc);
	}
	list_value(w, v->head_scale = uniform(2));
	str_add(cfg, "}");
}

static void
lstm_draw(struct str *cfg, struct str *w, struct net *n, int outs)
{
	const int units = pick(1, 7);

	n->n = pick(1, 3);
	for (int i = 0; i < n->n; i++) {
		struct rnn *r = &n->rnn[i];

		r->in = i ? units : 1;
		r->units = units;
		r->w = draw_numbers(4 * units * (r->in + units), 1);
		r->b = draw_numbers(4 * units, 0.5);
		r->h0 = draw_numbers(units, 0.5);
		r->c0 = draw_numbers(units, 0.5);
		list_numbers(w, r->w, 4 * units * (r->in + units));
		list_numbers(w, r->b, 4 * units);
		list_numbers(w, r->h0, units);
		list_numbers(w, r->c0, units);
	}
	n->head = conv_draw(w, units, outs, 1, 1, 1, 1);
	str_addf(cfg, "{\"num_layers\":%d,\"input_size\":1,\"hidden_size\":%d,\"out_channels\":%d}", n->n, units, outs);
}

static void
convnet_draw(struct str *cfg, struct str *w, struct net *n, int outs)
{
	const int groups = 1, channels = pick(1, 8);

	n->n = pick(1, 4);
	n->batchnorm = chance(50);
	n->act = act_draw();
	str_addf(cfg, "{\"channels\":%d,\"batchnorm\":%s,\"activation\":%s,\"out_channels\":%d,\"dilations\":[", channels,
	    n->batchnorm ? "true" : "false", act_text(n->act), outs);
	for (int i = 0; i < n->n; i++) {
		const int dilation = pick(1, 20);

		str_addf(cfg, "%s%d", i ? "," : "", dilation);
		n->conv[i] = conv_draw(w, i ? channels : 1, channels, 2, dilation, groups, !n->batchnorm);
		if (n->batchnorm) {
			double *bn = n->bn[i];

			numbers(bn, 4 * channels, 0.5);
			for (int c = 0; c < channels; c++) {
				bn[channels + c] = 0.25 + fabs(bn[channels + c]);
				bn[2 * channels + c] += 1;
			}
			for (int c = 0; c < 4 * channels; c++)
				bn[c] = (double)(float)bn[c];
			bn[4 * channels] = 0.0078125;
			list_numbers(w, bn, 4 * channels + 1);
		}
	}
	n->head = conv_draw(w, channels, outs, 1, 1, 1, 1);
	str_add(cfg, "]}");
}

/* A whole model object; the rate is not said, so that LSTMs have a short pre-roll. */
static struct net *
net_draw(struct str *text, enum kind kind, int what, int outs)
{
	static const char *const names[KINDS] = { "WaveNet", "LSTM", "ConvNet", "Linear", "Sequential" };
	struct net *n = calloc(1, sizeof *n);
	struct str cfg = { 0 }, w = { 0 };

	if (!n)
		exit(1);
	n->kind = kind;
	str_add(&cfg, "");
	str_add(&w, "[");
	switch (kind) {
	case WAVENET:
		wavenet_draw(&cfg, &w, n, what, outs);
		break;
	case LSTM:
		lstm_draw(&cfg, &w, n, outs);
		break;
	case CONVNET:
		convnet_draw(&cfg, &w, n, outs);
		break;
	case LINEAR: {
		const int taps = pick(1, 40);
		struct str newest = { 0 };

		n->n = 1;
		str_add(&newest, "[");
		n->conv[0] = conv_draw(&newest, 1, 1, taps, 1, 1, 1);
		str_free(&newest);
		for (int k = 0; k < taps; k++) /* the file has the current sample's weight first */
			list_value(&w, n->conv[0].w[taps - 1 - k]);
		list_value(&w, n->conv[0].b[0]);
		str_addf(&cfg, "{\"receptive_field\":%d,\"bias\":true}", taps);
		break;
	}
	default:
		n->n = pick(1, 3);
		str_add(&cfg, "{\"models\":[");
		for (int i = 0; i < n->n; i++) {
			const int wrapped = chance(50);

			str_addf(&cfg, "%s%s", i ? "," : "", wrapped ? "{\"model\":" : "");
			n->member[i] = net_draw(&cfg, (enum kind)pick(WAVENET, LINEAR), WITH_ALL, 1);
			str_add(&cfg, wrapped ? "}" : "");
		}
		str_add(&cfg, "]}");
	}
	str_addf(text, "{\"version\":\"0.7.0\",\"architecture\":\"%s\",\"config\":%s,\"weights\":%s]}", names[kind], cfg.s, w.s);
	str_free(&cfg);
	str_free(&w);
	return n;
}

/* ---- trying ------------------------------------------------------------------------ */

static struct sig evaluate_net(const void *n, struct sig x) { return net_run(n, x); }

static void
try_nets(const char *name, enum kind kind, int what, int n, double limit)
{
	double worst = 0;

	for (int i = 0; i < n; i++) {
		struct str text = { 0 };
		struct net *net;
		double d;

		net = net_draw(&text, kind, what, 1);
		d = difference(text.s, -1, evaluate_net, net);
		if (d > limit)
			printf("# %s %d: %g: %.6000s\n", name, i, d, text.s);
		worst = fmax(worst, d);
		net_free(net);
		str_free(&text);
	}
	report(name, n, worst, limit);
}

/* Slim every tensor of w to its first rows and columns. */
static void
slim_to(struct wavenet *w, double slim)
{
	int t[3];

	for (int i = 0; i < w->n_arrays; i++) {
		const int k = (int)floor(slim * w->array[i].n_allowed);

		t[i] = w->array[i].allowed[k < w->array[i].n_allowed ? k : w->array[i].n_allowed - 1];
	}
	for (int i = 0; i < w->n_arrays; i++) {
		struct array *a = &w->array[i];

		a->rechannel.out = t[i];
		if (i)
			a->rechannel.in = t[i - 1];
		for (int l = 0; l < a->n; l++) {
			struct layer *y = &a->layer[l];

			y->conv.in = y->l1.in = y->l1.out = t[i];
			y->conv.out = y->mix.out = (y->mode ? 2 : 1) * t[i];
		}
		a->head.in = t[i];
		if (i + 1 < w->n_arrays)
			a->head.out = t[i + 1];
		a->channels = a->bottleneck = a->acc = t[i];
	}
}

static void
try_slim(int n, double limit)
{
	static const double sizes[] = { 0, 0.3, 0.5, 0.7, 1 };
	double worst = 0;

	for (int i = 0; i < n; i++) {
		const double slim = sizes[i % 5];
		struct str text = { 0 };
		struct net *net = net_draw(&text, WAVENET, WITH_SLIM, 1);
		double d = difference(text.s, -1, evaluate_net, net);

		slim_to(&net->wn, slim);
		d = fmax(d, difference(text.s, slim, evaluate_net, net));
		if (d > limit)
			printf("# slim %g: %g: %.6000s\n", slim, d, text.s);
		worst = fmax(worst, d);
		net_free(net);
		str_free(&text);
	}
	report("slimmable WaveNets, full and slim,", n, worst, limit);
}

int
main(void)
{
	try_nets("plain WaveNets", WAVENET, PLAIN, 100, 1e-5);
	try_nets("WaveNets with all features", WAVENET, WITH_ALL, 400, 1e-5);
	try_slim(100, 1e-5);
	try_nets("LSTMs", LSTM, PLAIN, 60, 1e-5);
	try_nets("ConvNets", CONVNET, PLAIN, 60, 1e-5);
	try_nets("Linears", LINEAR, PLAIN, 20, 1e-6);
	/* what one rounds the next amplifies */
	try_nets("Sequentials", SEQUENTIAL, PLAIN, 60, 1e-4);
	return done();
}
