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
	struct nam_planes a, b;
};

static void
series_run(struct nam_state *state, struct nam_planes in, struct nam_planes out, size_t n, int prime)
{
	struct series_state *s = (struct series_state *)state;
	const struct series *r = (const struct series *)s->s.net;
	struct nam_planes cur = in, to;
	float *skip = s->b.p + (size_t)r->widest * s->b.stride;

	if (r->in_gain != 1.0f) {
		for (int c = 0; c < r->net.in_channels; c++)
			s->s.k->affine(s->a.p + (size_t)c * s->a.stride, in.p + (size_t)c * in.stride,
			    r->in_gain, -0.0f, n);
		cur = s->a;
	}
	if (r->skip)
		memcpy(skip, cur.p, n * sizeof *skip);
	for (int i = 0; i < r->n; i++) {
		to = i == r->n - 1 ? out : cur.p == s->a.p ? s->b : s->a;
		r->member[i]->run(s->member[i], cur, to, n, prime);
		cur = to;
	}
	if (r->skip)
		s->s.k->op(NAM_OP_ADD, out.p, out.p, skip, NULL, n);
	if (r->out_gain != 1.0f)
		s->s.k->affine(out.p, out.p, r->out_gain, -0.0f, n);
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
	s->b.p = nam_mem_floats(m, s->b.stride * (size_t)(r->widest + 1)); /* and the skip */
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
