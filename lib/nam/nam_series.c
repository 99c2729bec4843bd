/* nam_series.c - nets one after another: Sequential models, RTNeural layer lists; and the
 * choice of the maker for each kind of model. */
#include "nam/nam_net.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct series {
	struct nam_net net;
	int n, widest, skip;
	struct nam_net **member;
	float in_gain, out_gain;
};

struct series_state {
	struct nam_state s;
	struct nam_state **member;
	struct nam_planes a, b, skip;
};

enum { SIDE_BY_SIDE = NAM_LANES };

static void
run_member(const struct nam_net *net, struct nam_state *const *s, size_t streams, const struct nam_planes *in,
    const struct nam_planes *out, size_t n, int prime)
{
	if (net->run_many && !prime)
		net->run_many(s, streams, in, out, n);
	else
		for (size_t i = 0; i < streams; i++)
			net->run(s[i], in[i], out[i], n, prime);
}

/* At most SIDE_BY_SIDE streams. */
static void
run_some(struct nam_state *const *states, size_t streams, const struct nam_planes *in,
    const struct nam_planes *out, size_t n, int prime)
{
	const struct series *r = (const struct series *)states[0]->net;
	struct series_state *s[SIDE_BY_SIDE];
	struct nam_planes cur[SIDE_BY_SIDE], to[SIDE_BY_SIDE];
	struct nam_state *member[SIDE_BY_SIDE];

	for (size_t i = 0; i < streams; i++) {
		s[i] = (struct series_state *)states[i];
		cur[i] = in[i];
		if (r->in_gain != 1.0f) {
			for (int c = 0; c < r->net.in_channels; c++)
				s[i]->s.k->affine(s[i]->a.p + (size_t)c * s[i]->a.stride,
				    in[i].p + (size_t)c * in[i].stride, r->in_gain, -0.0f, n);
			cur[i] = s[i]->a;
		}
		if (r->skip)
			memcpy(s[i]->skip.p, cur[i].p, n * sizeof(float));
	}
	for (int m = 0; m < r->n; m++) {
		for (size_t i = 0; i < streams; i++) {
			to[i] = m == r->n - 1 ? out[i] : cur[i].p == s[i]->a.p ? s[i]->b : s[i]->a;
			member[i] = s[i]->member[m];
		}
		run_member(r->member[m], member, streams, cur, to, n, prime);
		memcpy(cur, to, streams * sizeof *cur);
	}
	for (size_t i = 0; i < streams; i++) {
		if (r->skip)
			s[i]->s.k->op(NAM_OP_ADD, out[i].p, out[i].p, s[i]->skip.p, NULL, n);
		if (r->out_gain != 1.0f)
			s[i]->s.k->affine(out[i].p, out[i].p, r->out_gain, -0.0f, n);
	}
}

static void
series_run(struct nam_state *state, struct nam_planes in, struct nam_planes out, size_t n, int prime)
{
	run_some(&state, 1, &in, &out, n, prime);
}

static void
series_run_many(struct nam_state *const *states, size_t streams, const struct nam_planes *in,
    const struct nam_planes *out, size_t n)
{
	for (size_t i = 0, k; i < streams; i += k) {
		k = streams - i < SIDE_BY_SIDE ? streams - i : SIDE_BY_SIDE;
		run_some(states + i, k, in + i, out + i, n, 0);
	}
}

static void
series_plan(const struct nam_net *net, struct nam_planner *p, struct nam_plan_signal in, struct nam_plan_signal out)
{
	const struct series *r = (const struct series *)net;
	const struct nam_plan_signal none = { 0, 0 };
	struct nam_plan_signal cur = in, skip = none;

	if (r->in_gain != 1.0f) {
		cur = nam_plan_planes(p, r->net.in_channels, 0);
		nam_plan_scale(p, in, cur, r->net.in_channels, r->in_gain);
	}
	skip = cur;
	for (int m = 0; m < r->n; m++) {
		struct nam_plan_signal to = m == r->n - 1 ? out : nam_plan_planes(p, r->member[m]->out_channels, 0);

		r->member[m]->plan(r->member[m], p, cur, to);
		cur = to;
	}
	if (r->skip)
		nam_plan_mix(p, NAM_OP_ADD, out, skip, none, out, 1);
	if (r->out_gain != 1.0f)
		nam_plan_scale(p, out, out, 1, r->out_gain);
}

static void
series_zero(struct nam_state *state)
{
	struct series_state *s = (struct series_state *)state;
	const struct series *r = (const struct series *)s->s.net;

	for (int i = 0; i < r->n; i++)
		r->member[i]->zero(s->member[i]);
}

static void
series_state_free(struct nam_state *state)
{
	struct series_state *s = (struct series_state *)state;
	const struct series *r;

	if (!s)
		return;
	r = (const struct series *)s->s.net;
	for (int i = 0; i < r->n && s->member; i++)
		r->member[i]->state_free(s->member[i]);
	nam_mem_free(&s->s.mem);
	free(s);
}

static int
series_state_new(struct nam_state **state, const struct nam_net *net, const struct nam_kernel *k,
    struct err *e)
{
	const struct series *r = (const struct series *)net;
	struct series_state *s = calloc(1, sizeof *s);
	struct nam_mem *m;

	*state = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	m = &s->s.mem;
	s->s.net = net;
	s->s.k = k;
	s->member = nam_mem_array(m, (size_t)r->n, sizeof *s->member);
	s->a.stride = s->b.stride = NAM_TILE + NAM_PAD;
	s->a.p = nam_mem_floats(m, s->a.stride * (size_t)r->widest);
	s->b.p = nam_mem_floats(m, s->b.stride * (size_t)r->widest);
	s->skip.p = nam_mem_floats(m, NAM_TILE + NAM_PAD);
	if (nam_mem_check(m, e))
		goto fail;
	for (int i = 0; i < r->n; i++)
		if (r->member[i]->state_new(&s->member[i], r->member[i], k, e))
			goto fail;
	*state = &s->s;
	return 0;
fail:
	series_state_free(&s->s);
	return -1;
}

static void
series_free(struct nam_net *net)
{
	struct series *r = (struct series *)net;

	for (int i = 0; i < r->n; i++)
		nam_net_free(r->member[i]);
}

static struct nam_net *
series_new(const struct nam_desc *d, struct err *e)
{
	struct series *r = (struct series *)nam_net_alloc(sizeof *r, e);
	const int n = d->kind == NAM_JSON ? d->n_json : d->n_children;

	if (!r)
		return NULL;
	r->net.state_new = series_state_new;
	r->net.state_free = series_state_free;
	r->net.zero = series_zero;
	r->net.run = series_run;
	r->net.plan = series_plan;
	r->net.run_many = series_run_many;
	r->net.free = series_free;
	r->net.in_channels = d->in_channels;
	r->net.out_channels = d->out_channels;
	r->net.receptive_field = 1;
	r->in_gain = r->out_gain = 1;
	if (d->kind == NAM_JSON) {
		r->in_gain = d->in_gain;
		r->out_gain = d->out_gain;
		r->skip = d->skip;
	}
	r->widest = d->in_channels;
	r->member = nam_mem_array(&r->net.mem, (size_t)n, sizeof *r->member);
	if (nam_mem_check(&r->net.mem, e))
		goto fail;
	for (int i = 0; i < n; i++) {
		struct nam_net *m;

		if (d->kind != NAM_JSON)
			m = nam_net_new(d->children[i], e);
		else if (d->json[i].type == NAM_JSON_LSTM || d->json[i].type == NAM_JSON_GRU)
			m = nam_rnn_from_json(&d->json[i], e);
		else
			m = nam_stack_from_json(&d->json[i], e);
		if (!m)
			goto fail;
		r->member[r->n++] = m;
		r->widest = m->out_channels > r->widest ? m->out_channels : r->widest;
		r->net.recurrent |= m->recurrent;
		r->net.receptive_field += m->receptive_field - 1;
		r->net.macs += m->macs;
		r->net.tile = m->tile < r->net.tile ? m->tile : r->net.tile;
	}
	return &r->net;
fail:
	nam_net_free(&r->net);
	return NULL;
}

struct nam_net *
nam_net_new(const struct nam_desc *d, struct err *e)
{
	switch (d->kind) {
	case NAM_WAVENET:
		return nam_wavenet_new(d, e);
	case NAM_LSTM:
		return nam_rnn_new(d, e);
	case NAM_CONVNET:
		return nam_stack_new(d, e);
	case NAM_LINEAR:
		return nam_fir_new(d, e);
	case NAM_SEQUENTIAL:
	case NAM_JSON:
		return series_new(d, e);
	case NAM_CONTAINER: /* the reader has put the chosen submodel in its place */
		break;
	}
	err_set(e, ERR_UNSUPPORTED, "a container stands where a model should");
	return NULL;
}
