/* nam_stack.c - plain feed-forward nets: a list of convolutions, scalings and activations.
 * ConvNet, the post-stack head of a WaveNet, and the layers of RTNeural files. */
#include "nam/nam_net.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum step_type { STEP_CONV, STEP_AFFINE, STEP_ACT, STEP_SOFTMAX };

struct step {
	enum step_type type;
	int in, out, taps;
	size_t dilation;
	const float *w, *b;      /* affine: scale and shift per channel */
	struct nam_act act;
};

struct stack {
	struct nam_net net;
	int n, cap, widest;
	struct step *step;
};

struct stack_state {
	struct nam_state s;
	struct nam_ring *ring;    /* the input of step i, when it is a convolution */
	const float **rows;       /* for one call */
	struct nam_planes a;
};

/* ---- running ----------------------------------------------------------------------- */

static void
copy(float *to, size_t to_stride, const float *from, size_t from_stride, int channels, size_t n)
{
	for (int c = 0; c < channels && to != from; c++)
		memcpy(to + (size_t)c * to_stride, from + (size_t)c * from_stride, n * sizeof *to);
}

static const double inverse_factorial[12] = { 1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040,
	1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800 };

/* e^x for x <= 0 to 1e-16, in IEEE operations of one order, the same on every machine.  A NaN stays. */
static double
exp_of(double x)
{
	double k, r, p = 1.0 / 479001600;

	if (!(x > -700))
		return isnan(x) ? x : 0;
	k = floor(fma(x, 0x1.71547652b82fep+0, 0.5));
	r = fma(k, -0x1.62e42fefa39efp-1, x); /* ln 2, the part of it that is a double, and the rest */
	r = fma(k, -0x1.abc9e3b39803fp-56, r);
	for (int n = 12; n > 0; n--) /* 1 + r (1 + r / 2 (1 + r / 3 (...))), as the sum of r^n / n! */
		p = fma(p, r, inverse_factorial[n - 1]);
	return ldexp(p, (int)k);
}

/* Each frame: e^x over the sum of all channels' e^x, the largest taken off before. */
static void
softmax(float *x, size_t stride, int channels, size_t n)
{
	for (size_t t = 0; t < n; t++) {
		double most = (double)x[t], sum = 0;

		for (int c = 1; c < channels; c++) {
			const double v = (double)x[(size_t)c * stride + t];

			most = v > most ? v : most;
		}
		for (int c = 0; c < channels; c++)
			sum += exp_of((double)x[(size_t)c * stride + t] - most);
		for (int c = 0; c < channels; c++) {
			float *v = &x[(size_t)c * stride + t];

			*v = (float)(exp_of((double)*v - most) / sum);
		}
	}
}

static void
stack_run(struct nam_state *state, struct nam_planes in, struct nam_planes out, size_t n, int prime)
{
	struct stack_state *s = (struct stack_state *)state;
	const struct stack *k = (const struct stack *)s->s.net;
	struct nam_planes cur = in;

	for (int i = 0; i < k->n; i++) {
		const struct step *t = &k->step[i];

		if (t->type == STEP_CONV) {
			struct nam_ring *r = &s->ring[i];
			const struct nam_planes to = nam_ring_now(r);
			struct nam_rows q = { .x = s->rows, .w = t->w, .bias = t->b, .rows = t->taps * t->in,
				.outs = t->out, .out = s->a.p, .out_stride = s->a.stride, .n = n, .epilogue = NAM_STORE };

			copy(to.p, to.stride, cur.p, cur.stride, t->in, n);
			if (prime)
				nam_ring_fill(r);
			nam_ring_rows(r, s->rows, t->taps, t->dilation);
			s->s.k->rows(&q);
			if (!prime)
				nam_ring_next(r, n);
			cur = s->a;
			continue;
		}
		copy(s->a.p, s->a.stride, cur.p, cur.stride, t->in, n);
		cur = s->a;
		if (t->type == STEP_SOFTMAX) {
			softmax(s->a.p, s->a.stride, t->in, n);
			continue;
		}
		for (int c = 0; c < t->in; c++) {
			float *x = s->a.p + (size_t)c * s->a.stride;
			float slope[4] = { t->act.n_slopes ? t->act.slopes[c % t->act.n_slopes] : 0 };

			if (t->type == STEP_AFFINE)
				s->s.k->affine(x, x, t->w[c], t->b[c], n);
			else
				s->s.k->act(t->act.type, t->act.n_slopes ? slope : t->act.p, x, n);
		}
	}
	copy(out.p, out.stride, cur.p, cur.stride, k->net.out_channels, n);
}

static void
stack_zero(struct nam_state *state)
{
	struct stack_state *s = (struct stack_state *)state;
	const struct stack *k = (const struct stack *)s->s.net;

	for (int i = 0; i < k->n; i++)
		if (s->ring[i].p)
			nam_ring_zero(&s->ring[i]);
}

static void
stack_state_free(struct nam_state *s)
{
	if (!s)
		return;
	nam_mem_free(&s->mem);
	free(s);
}

static int
stack_state_new(struct nam_state **state, const struct nam_net *net, const struct nam_kernel *k,
    struct err *e)
{
	const struct stack *st = (const struct stack *)net;
	struct stack_state *s = calloc(1, sizeof *s);
	struct nam_mem *m;
	size_t most = 1;

	*state = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	m = &s->s.mem;
	s->s.net = net;
	s->s.k = k;
	s->ring = nam_mem_array(m, (size_t)st->n, sizeof *s->ring);
	s->a.stride = NAM_TILE + NAM_PAD;
	s->a.p = nam_mem_floats(m, s->a.stride * (size_t)st->widest);
	for (int i = 0; i < st->n && !m->failed; i++) {
		const struct step *t = &st->step[i];

		if (t->type != STEP_CONV)
			continue;
		nam_ring_init(&s->ring[i], m, t->in, (size_t)(t->taps - 1) * t->dilation, net->tile);
		most = (size_t)t->taps * (size_t)t->in > most ? (size_t)t->taps * (size_t)t->in : most;
	}
	s->rows = nam_mem_array(m, most, sizeof *s->rows);
	if (nam_mem_check(m, e)) {
		stack_state_free(&s->s);
		return -1;
	}
	*state = &s->s;
	return 0;
}

static void
stack_plan(const struct nam_net *net, struct nam_planner *p, struct nam_plan_signal in, struct nam_plan_signal out)
{
	const struct stack *k = (const struct stack *)net;
	const struct nam_plan_signal a = nam_plan_planes(p, k->widest, 0);
	struct nam_plan_signal cur = in;

	for (int i = 0; i < k->n; i++) {
		const struct step *t = &k->step[i];
		struct nam_plan_step *s;

		if (t->type == STEP_CONV) {
			struct nam_plan_signal run = nam_plan_planes(p, t->in, (size_t)(t->taps - 1) * t->dilation);

			nam_plan_copy(p, cur, run, t->in);
			nam_plan_conv(p, run, t->in, t->taps, t->dilation, t->w, t->b, a, t->out);
			cur = a;
			continue;
		}
		if (cur.at != a.at)
			nam_plan_copy(p, cur, a, t->in);
		cur = a;
		if (t->type == STEP_ACT) {
			nam_plan_act(p, &t->act, a, t->in);
		} else if (t->type == STEP_SOFTMAX) {
			s = nam_plan_add(p, NAM_PLAN_SOFTMAX);
			s->outs = t->in;
			s->out = a;
		} else {
			const int32_t w = nam_plan_floats(p, t->w, (size_t)t->in), b = nam_plan_floats(p, t->b, (size_t)t->in);

			s = nam_plan_add(p, NAM_PLAN_AFFINE);
			s->outs = t->in;
			s->w = w;
			s->b = b;
			s->in = s->out = a;
		}
	}
	nam_plan_copy(p, cur, out, k->net.out_channels);
}

/* ---- making ------------------------------------------------------------------------ */

static struct stack *
stack_alloc(int steps, int in, int out, struct err *e)
{
	struct stack *k = (struct stack *)nam_net_alloc(sizeof *k, e);

	if (!k)
		return NULL;
	k->net.state_new = stack_state_new;
	k->net.state_free = stack_state_free;
	k->net.zero = stack_zero;
	k->net.run = stack_run;
	k->net.plan = stack_plan;
	k->net.in_channels = in;
	k->net.out_channels = out;
	k->net.receptive_field = 1;
	k->widest = in > out ? in : out;
	k->cap = steps;
	k->step = nam_mem_array(&k->net.mem, (size_t)steps, sizeof *k->step);
	return k;
}

static struct step *
add_step(struct stack *k, enum step_type type, int in, int out)
{
	static struct step none;
	struct step *t = k->step && k->n < k->cap ? &k->step[k->n++] : &none;

	t->type = type;
	t->in = in;
	t->out = out;
	k->widest = out > k->widest ? out : k->widest;
	return t;
}

static const float *
add_conv(struct stack *k, const float *file, int in, int out, int taps, int dilation, int groups,
    int bias)
{
	struct step *t = add_step(k, STEP_CONV, in, out);
	float *w = nam_mem_floats(&k->net.mem, (size_t)taps * (size_t)in * (size_t)out);
	float *b;

	t->taps = taps;
	t->dilation = (size_t)dilation;
	file = nam_pack_conv(w, file, in, out, taps, groups);
	t->w = w;
	if (bias) {
		b = nam_mem_floats(&k->net.mem, (size_t)out);
		if (b)
			memcpy(b, file, (size_t)out * sizeof *b);
		t->b = b;
		file += out;
	}
	k->net.receptive_field += (size_t)(taps - 1) * (size_t)dilation;
	k->net.macs += (size_t)taps * (size_t)in * (size_t)out;
	return file;
}

static void
add_act(struct stack *k, const struct nam_act *a, int channels)
{
	struct step *t = add_step(k, STEP_ACT, channels, channels);

	t->act = *a;
	t->act.slopes = NULL;
	if (a->n_slopes) {
		t->act.slopes = nam_mem_floats(&k->net.mem, (size_t)a->n_slopes);
		if (t->act.slopes)
			memcpy(t->act.slopes, a->slopes, (size_t)a->n_slopes * sizeof(float));
	}
}

static void
add_affine(struct stack *k, const float *scale, const float *shift, int channels)
{
	struct step *t = add_step(k, STEP_AFFINE, channels, channels);
	float *w = nam_mem_floats(&k->net.mem, 2 * (size_t)channels);

	if (w) {
		memcpy(w, scale, (size_t)channels * sizeof *w);
		memcpy(w + channels, shift, (size_t)channels * sizeof *w);
	}
	t->w = w;
	t->b = w ? w + channels : NULL;
	k->net.macs += (size_t)channels;
}

static struct nam_net *
finish(struct stack *k, struct err *e)
{
	if (!nam_mem_check(&k->net.mem, e))
		return &k->net;
	nam_net_free(&k->net);
	return NULL;
}

/* y = gamma / sqrt(eps + var) (x - mean) + beta as one multiply-add, its factors from doubles. */
static const float *
add_batchnorm(struct stack *k, const float *w, int c)
{
	struct step *t;
	float *f = nam_mem_floats(&k->net.mem, 2 * (size_t)c);
	const float *mean = w, *var = w + c, *gamma = w + 2 * c, *beta = w + 3 * c;
	const double eps = (double)w[4 * c];

	for (int i = 0; f && i < c; i++) {
		double scale = (double)gamma[i] / sqrt(eps + (double)var[i]);

		f[i] = (float)scale;
		f[c + i] = (float)((double)beta[i] - scale * (double)mean[i]);
	}
	t = add_step(k, STEP_AFFINE, c, c);
	t->w = f;
	t->b = f ? f + c : NULL;
	k->net.macs += (size_t)c;
	return w + 4 * c + 1;
}

struct nam_net *
nam_stack_new(const struct nam_desc *d, struct err *e)
{
	const float *file = d->weights;
	struct stack *k = stack_alloc(3 * d->n_dilations + 1, d->in_channels, d->out_channels, e);
	int in = d->in_channels;

	if (!k)
		return NULL;
	for (int i = 0; i < d->n_dilations; i++) {
		file = add_conv(k, file, in, d->channels, 2, d->dilations[i], d->groups, !d->batchnorm);
		if (d->batchnorm)
			file = add_batchnorm(k, file, d->channels);
		add_act(k, &d->act, d->channels);
		in = d->channels;
	}
	/* the head is [out][channels], the layout of a convolution with one tap */
	add_conv(k, file, in, d->out_channels, 1, 1, 1, 1);
	return finish(k, e);
}

struct nam_net *
nam_stack_head(const struct nam_desc *d, const float *file, struct err *e)
{
	int in = d->arrays[d->n_arrays - 1].head_out;
	struct stack *k = stack_alloc(2 * d->n_head, in, d->out_channels, e);

	if (!k)
		return NULL;
	for (int i = 0; i < d->n_head; i++) {
		int out = i == d->n_head - 1 ? d->out_channels : d->head_channels;

		add_act(k, &d->head_act, in);
		file = add_conv(k, file, in, out, d->head_kernels[i], 1, 1, 1);
		in = out;
	}
	return finish(k, e);
}

struct nam_net *
nam_stack_from_json(const struct nam_json_layer *l, struct err *e)
{
	struct stack *k = stack_alloc(2, l->in, l->out, e);
	const size_t n = (size_t)l->kernel * (size_t)l->in * (size_t)l->out;
	struct step *t;
	float *w, *b;

	if (!k)
		return NULL;
	if (l->type == NAM_JSON_CONV) { /* already [tap][in][out] */
		w = nam_mem_floats(&k->net.mem, n);
		b = nam_mem_floats(&k->net.mem, (size_t)l->out);
		t = add_step(k, STEP_CONV, l->in, l->out);
		if (w)
			memcpy(w, l->w, n * sizeof *w);
		if (b)
			memcpy(b, l->w + n, (size_t)l->out * sizeof *b);
		t->w = w;
		t->b = b;
		t->taps = l->kernel;
		t->dilation = (size_t)l->dilation;
		k->net.receptive_field += (size_t)(l->kernel - 1) * (size_t)l->dilation;
		k->net.macs += n;
	} else if (l->type == NAM_JSON_AFFINE) {
		add_affine(k, l->w, l->w + l->out, l->out);
	}
	if (l->softmax)
		add_step(k, STEP_SOFTMAX, l->out, l->out);
	else if (l->act.type != NAM_ACT_NONE)
		add_act(k, &l->act, l->out);
	return finish(k, e);
}
