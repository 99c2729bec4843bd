/* nam_plan.c - models as plans: what the nets say goes into four arrays. */
#include "nam/nam_plan.h"
#include "nam/nam_net.h"
#include "nam/nam_plan_host.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct planner {
	void *x;
	size_t n, cap;
};

struct nam_planner {
	struct nam_plan *plan;
	struct planner steps, pasts, weights, image;
	struct nam_plan_step none;
	size_t floats;
	int failed;                          /* 1: no memory; 2: too large */
};

/* Offsets are 32 bits; well within them. */
enum { MOST = 1 << 30 };

static void *
grow(struct nam_planner *p, struct planner *a, size_t n, size_t size)
{
	void *x;

	if (p->failed)
		return NULL;
	if (n > MOST || a->n + n > MOST) {
		p->failed = 2;
		return NULL;
	}
	if (a->n + n > a->cap) {
		size_t cap = a->cap ? a->cap : 256;

		while (cap < a->n + n)
			cap *= 2;
		if (!(x = realloc(a->x, cap * size))) {
			p->failed = 1;
			return NULL;
		}
		a->x = x;
		a->cap = cap;
	}
	x = (char *)a->x + a->n * size;
	memset(x, 0, n * size);
	a->n += n;
	return x;
}

struct nam_plan_signal
nam_plan_planes(struct nam_planner *p, int channels, size_t past)
{
	struct nam_plan_signal s = { 0, 1 };
	struct nam_plan_past *k;
	const size_t len = (past + (size_t)p->plan->tile + 31) / 32 * 32;

	if (past > MOST || len * (size_t)channels > MOST - p->floats) {
		p->failed = p->failed ? p->failed : 2;
		return s;
	}
	s.at = (int32_t)p->floats;
	s.len = (int32_t)len;
	p->floats += len * (size_t)channels;
	if (!past)
		return s;
	k = grow(p, &p->pasts, 1, sizeof *k);
	if (k)
		*k = (struct nam_plan_past){ s, channels, (int32_t)past, (int32_t)p->image.n };
	grow(p, &p->image, past * (size_t)channels, sizeof(float));
	return s;
}

struct nam_plan_signal
nam_plan_channel(struct nam_plan_signal s, int c)
{
	s.at += c * s.len;
	return s;
}

struct nam_plan_step *
nam_plan_add(struct nam_planner *p, enum nam_plan_code code)
{
	struct nam_plan_step *s = grow(p, &p->steps, 1, sizeof *s);

	s = s ? s : &p->none;
	*s = (struct nam_plan_step){ .code = (int32_t)code, .w = -1, .b = -1, .mix_w = -1, .mix_b = -1 };
	return s;
}

int32_t
nam_plan_floats(struct nam_planner *p, const float *w, size_t n)
{
	const size_t at = p->weights.n;
	float *to;

	if (!w)
		return -1;
	to = grow(p, &p->weights, n, sizeof *to);
	if (to)
		memcpy(to, w, n * sizeof *to);
	return (int32_t)at;
}

void
nam_plan_start(struct nam_planner *p, struct nam_plan_signal s, const float *x, int n)
{
	for (size_t i = 0; i < p->pasts.n && !p->failed; i++) {
		const struct nam_plan_past *k = (struct nam_plan_past *)p->pasts.x + i;

		for (int c = 0; k->s.at == s.at && c < n; c++)
			((float *)p->image.x)[k->from + (c + 1) * k->past - 1] = x[c];
	}
}

void
nam_plan_conv(struct nam_planner *p, struct nam_plan_signal in, int ins, int taps, size_t dilation, const float *w,
    const float *b, struct nam_plan_signal out, int outs)
{
	const int32_t at = nam_plan_floats(p, w, (size_t)taps * (size_t)ins * (size_t)outs);
	const int32_t bias = nam_plan_floats(p, b, (size_t)outs);
	struct nam_plan_step *s = nam_plan_add(p, NAM_PLAN_ROWS);

	s->fn = NAM_STORE;
	s->ins = ins;
	s->outs = outs;
	s->taps = taps;
	s->dilation = (int32_t)dilation;
	s->w = at;
	s->b = bias;
	s->in = in;
	s->out = out;
}

void
nam_plan_act(struct nam_planner *p, const struct nam_act *a, struct nam_plan_signal x, int channels)
{
	struct nam_plan_step *s;
	int32_t slopes = -1;

	if (a->type == NAM_ACT_NONE)
		return;
	for (int c = 0; a->n_slopes && c < channels; c++) {
		const int32_t at = nam_plan_floats(p, &a->slopes[c % a->n_slopes], 1);

		slopes = c ? slopes : at;
	}
	s = nam_plan_add(p, NAM_PLAN_ACT);
	s->fn = (int32_t)a->type;
	s->outs = channels;
	s->w = slopes;
	s->out = x;
	memcpy(s->p, a->p, sizeof s->p);
}

void
nam_plan_scale(struct nam_planner *p, struct nam_plan_signal in, struct nam_plan_signal out, int channels, float gain)
{
	struct nam_plan_step *s = nam_plan_add(p, NAM_PLAN_SCALE);

	s->outs = channels;
	s->in = in;
	s->out = out;
	s->p[0] = gain;
}

void
nam_plan_copy(struct nam_planner *p, struct nam_plan_signal in, struct nam_plan_signal out, int channels)
{
	struct nam_plan_step *s = nam_plan_add(p, NAM_PLAN_COPY);

	s->outs = channels;
	s->in = in;
	s->out = out;
}

void
nam_plan_mix(struct nam_planner *p, enum nam_op op, struct nam_plan_signal a, struct nam_plan_signal b,
    struct nam_plan_signal c, struct nam_plan_signal out, int channels)
{
	struct nam_plan_step *s = nam_plan_add(p, NAM_PLAN_MIX);

	s->fn = (int32_t)op;
	s->outs = channels;
	s->in = a;
	s->mix = b;
	s->add = c;
	s->out = out;
}

static int
in_pair(const int32_t pair[2], int channels)
{
	return !channels || pair[0] == channels || pair[1] == channels;
}

int
nam_plan_wants_layers(struct nam_planner *p, int channels)
{
	static const int32_t pairs[][2] = NAM_PLAN_PAIRS;
	int32_t *wide = p->plan->wide;

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if (!in_pair(pairs[i], channels) || !in_pair(pairs[i], wide[0]) || !in_pair(pairs[i], wide[1]))
			continue;
		if (wide[0] && wide[0] != channels)
			wide[1] = channels;
		else
			wide[0] = channels;
		return 1;
	}
	return 0;
}

/* The parts of plan become its own. */
static void
take_over(struct nam_planner *p)
{
	struct nam_plan *plan = p->plan;

	plan->steps = p->steps.x;
	plan->n_steps = (int32_t)p->steps.n;
	plan->pasts = p->pasts.x;
	plan->n_pasts = (int32_t)p->pasts.n;
	plan->weights = p->weights.x;
	plan->n_weights = p->weights.n;
	plan->image = p->image.x;
	plan->n_image = (int32_t)p->image.n;
	plan->floats = (int32_t)p->floats;
	for (int32_t i = 0; i < plan->n_steps; i++) {
		const struct nam_plan_step *s = &plan->steps[i];

		if ((s->code == NAM_PLAN_LSTM || s->code == NAM_PLAN_GRU) && s->outs > plan->units)
			plan->units = s->outs;
		plan->cells = plan->cells ? plan->cells : nam_plan_cells(s);
	}
}

struct nam_plan *
nam_plan_new(const struct nam_model *m, int tile, struct err *e)
{
	const struct nam_net *net = nam_model_net(m);
	struct nam_planner p = { .plan = calloc(1, sizeof *p.plan) };
	struct nam_plan *plan = p.plan;

	if (!plan) {
		err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	plan->tile = tile;
	plan->recurrent = net->recurrent;
	plan->receptive_field = (int32_t)net->receptive_field;
	plan->in = nam_plan_planes(&p, net->in_channels, 0);
	plan->out = nam_plan_planes(&p, net->out_channels, 0);
	net->plan(net, &p, plan->in, plan->out);
	take_over(&p);
	if (p.failed || net->receptive_field > MOST) {
		err_set(e, p.failed == 1 ? ERR_NOMEM : ERR_UNSUPPORTED, p.failed == 1 ? "out of memory" :
		    "the model is too large for a plan of its steps");
		goto fail;
	}
	if (nam_plan_preroll(plan, e))
		goto fail;
	return plan;
fail:
	nam_plan_free(plan);
	return NULL;
}

void
nam_plan_make_fast(struct nam_plan *p)
{
	p->fast = p->wide[0] > 0;
	for (int32_t i = 0; i < p->n_steps; i++)
		if (p->steps[i].code == NAM_PLAN_LAYER &&
		    nam_plan_fast_words(p->steps[i].outs, p->steps[i].taps) > NAM_PLAN_MAX_WEIGHTS)
			p->fast = 0;
}

size_t
nam_plan_bytes(const struct nam_plan *p)
{
	return (size_t)p->n_steps * sizeof *p->steps + (size_t)p->n_pasts * sizeof *p->pasts +
	    (p->n_weights + (size_t)p->n_image) * sizeof(float);
}

void
nam_plan_free(struct nam_plan *p)
{
	if (!p)
		return;
	free(p->steps);
	free(p->pasts);
	free(p->weights);
	free(p->image);
	free(p);
}
