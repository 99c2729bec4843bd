/* nam_desc.c - sizes and cost of a description. */
#include "nam/nam_file.h"

#include <stdlib.h>
#include <string.h>

/* Add w to *total, saturating at NAM_MAX_FLOATS + 1. */
static void
count(uint64_t *total, int a, int b, int c)
{
	uint64_t x = (uint64_t)a * (uint64_t)b * (uint64_t)c; /* at most 2^11 2^12 2^20 */

	*total += x;
	if (*total > NAM_MAX_FLOATS)
		*total = NAM_MAX_FLOATS + 1u;
}

/* Weights of a WaveNet; dense: as if all groups were 1, which is how they are kept. */
static uint64_t
wavenet_weights(const struct nam_desc *d, int dense)
{
	uint64_t n = 1; /* head_scale */
	int in;

	for (int i = 0; i < d->n_arrays && n <= NAM_MAX_FLOATS; i++) {
		const struct nam_wn_array *a = &d->arrays[i];
		const int b = a->bottleneck, c = a->channels, cond = a->condition_size;

		count(&n, a->input_size, c, 1);
		for (int l = 0; l < a->n_layers && n <= NAM_MAX_FLOATS; l++) {
			const int z = a->layers[l].gating == NAM_GATE_NONE ? b : 2 * b;
			const int dim[NAM_FILMS] = { c, z, cond, z, z, b, c, a->h1_out };

			count(&n, c / (dense ? 1 : a->groups_input), z, a->layers[l].kernel);
			count(&n, z, 1, 1);
			count(&n, cond / (dense ? 1 : a->groups_mixin), z, 1);
			if (a->l1_active)
				count(&n, b / (dense ? 1 : a->l1_groups) + 1, c, 1);
			if (a->h1_active)
				count(&n, b / (dense ? 1 : a->h1_groups) + 1, a->h1_out, 1);
			for (int f = 0; f < NAM_FILMS; f++)
				if (a->film[f].active)
					count(&n, cond / (dense ? 1 : a->film[f].groups) + 1,
					    a->film[f].shift ? 2 * dim[f] : dim[f], 1);
		}
		count(&n, a->h1_out, a->head_out, a->head_kernel);
		count(&n, a->head_bias ? a->head_out : 0, 1, 1);
	}
	in = d->n_arrays ? d->arrays[d->n_arrays - 1].head_out : 0;
	for (int i = 0; i < d->n_head; i++) {
		int out = i == d->n_head - 1 ? d->out_channels : d->head_channels;

		count(&n, in, out, d->head_kernels[i]);
		count(&n, out, 1, 1);
		in = out;
	}
	return n;
}

size_t
nam_desc_weights(const struct nam_desc *d)
{
	uint64_t n = 0;
	int in;

	switch (d->kind) {
	case NAM_WAVENET:
		n = wavenet_weights(d, 1);
		n = n > NAM_MAX_FLOATS ? n : wavenet_weights(d, 0);
		break;
	case NAM_LSTM:
		in = d->input_size;
		for (int i = 0; i < d->n_layers && n <= NAM_MAX_FLOATS; i++) {
			count(&n, 4 * d->hidden, in + d->hidden + 1, 1);
			count(&n, 2, d->hidden, 1);
			in = d->hidden;
		}
		count(&n, d->out_channels, d->hidden + 1, 1);
		break;
	case NAM_CONVNET:
		in = d->in_channels;
		for (int i = 0; i < d->n_dilations && n <= NAM_MAX_FLOATS; i++) {
			count(&n, in / d->groups, d->channels, 2);
			count(&n, d->batchnorm ? 4 * d->channels + 1 : d->channels, 1, 1);
			in = d->channels;
		}
		count(&n, d->out_channels, d->channels + 1, 1);
		break;
	case NAM_LINEAR:
		n = (uint64_t)d->taps + (d->bias ? 1 : 0);
		break;
	default:
		break;
	}
	return n > NAM_MAX_FLOATS ? SIZE_MAX : (size_t)n;
}

/* ---- cost -------------------------------------------------------------------------- */

struct tally {
	struct nam_cost *c;
	uint64_t planes, longest;   /* histories of this model; frames */
};

/* A history of `past` frames of n channels. */
static void
add_history(struct tally *t, int n, uint64_t past)
{
	t->c->state_floats += (uint64_t)n * past;
	t->planes += (uint64_t)n;
	t->longest = past > t->longest ? past : t->longest;
}

static int
most(int a, int b)
{
	return a > b ? a : b;
}

/* Tiles of n channels that are worked on. */
static void
add_scratch(struct tally *t, int n)
{
	t->c->stream_floats += (uint64_t)n * (NAM_TILE + NAM_PAD);
}

/* Recurrent layers work on whole vectors of units, one stream or several at a time; their weights are padded
 * to that. */
static void
add_recurrent(struct tally *t, int in, int units, int layers)
{
	const uint64_t u = ((uint64_t)units + 15) / 16 * 16, n = (uint64_t)layers * (uint64_t)units;

	t->c->weights += 4 * u * ((uint64_t)in + n + 4 * (uint64_t)layers + (layers > 1 ? n : 0));
	t->c->stream_floats += (u * (uint64_t)layers + (uint64_t)in) * (NAM_TILE + 64) + 4096 * (u + (uint64_t)in);
}

/* Streams keep their histories in planes some longer than the longest past, and a few tiles. */
static void
finish(struct tally *t, uint64_t state_before)
{
	t->c->stream_floats += t->c->state_floats - state_before + t->planes * (t->longest / 8 + 2048);
}

static int
is_transcendental(const struct nam_act *a)
{
	switch (a->type) {
	case NAM_ACT_TANH: case NAM_ACT_FASTTANH: case NAM_ACT_SIGMOID: case NAM_ACT_SILU: case NAM_ACT_SOFTSIGN:
	case NAM_ACT_ELU:
		return 1;
	default:
		return 0;
	}
}

static void
wavenet_cost(const struct nam_desc *d, struct tally *t)
{
	struct nam_cost *c = t->c;

	int z = 1, widest = d->in_channels, heads = d->head_channels;

	add_history(t, d->in_channels + d->arrays[0].condition_size, 0);
	for (int i = 0; i < d->n_arrays; i++) {
		const struct nam_wn_array *a = &d->arrays[i];

		for (int l = 0; l < a->n_layers; l++) {
			const struct nam_wn_layer *w = &a->layers[l];
			const int gated = w->gating != NAM_GATE_NONE;

			z = most(z, gated ? 2 * a->bottleneck : a->bottleneck);

			add_history(t, a->channels, (uint64_t)(w->kernel - 1) * (uint64_t)w->dilation);
			c->transcendentals += (uint64_t)a->bottleneck *
			    (uint64_t)(is_transcendental(&w->act) + (gated && is_transcendental(&w->gate)));
		}
		widest = most(most(widest, a->channels), most(a->condition_size, a->h1_out));
		heads = most(heads, a->head_out);
		for (int f = 0; f < NAM_FILMS; f++) /* its scale and shift, of whatever width */
			if (a->film[f].active)
				widest = most(widest, 2 * most(most(z, a->condition_size), most(a->channels, a->h1_out)));
		add_history(t, a->channels, 0); /* what it hands to the next */
		add_history(t, a->h1_out, (uint64_t)(a->head_kernel - 1) * (uint64_t)a->head_dilation);
	}
	for (int i = 0, in = d->arrays[d->n_arrays - 1].head_out; i < d->n_head; i++, in = d->head_channels) {
		add_history(t, in, (uint64_t)d->head_kernels[i] - 1);
		c->transcendentals += (uint64_t)(in * is_transcendental(&d->head_act));
	}
	add_scratch(t, 3 * z + 3 * widest + 2 * heads + d->out_channels);
	c->weights += wavenet_weights(d, 1);
}

static void
json_cost(const struct nam_json_layer *l, struct tally *t)
{
	struct nam_cost *c = t->c;

	if (l->type == NAM_JSON_LSTM || l->type == NAM_JSON_GRU) {
		const int lstm = l->type == NAM_JSON_LSTM;

		c->state_floats += (uint64_t)(l->out * (lstm ? 2 : 1));
		c->transcendentals += (uint64_t)(l->out * (lstm ? 5 : 3));
		add_recurrent(t, l->in, l->out, 1);
		return;
	}
	c->weights += l->n_w;
	add_scratch(t, most(l->in, l->out));
	if (l->type == NAM_JSON_CONV)
		add_history(t, l->in, (uint64_t)(l->kernel - 1) * (uint64_t)l->dilation);
	c->transcendentals += (uint64_t)(l->out * (is_transcendental(&l->act) || l->softmax));
}

static void
add_cost(const struct nam_desc *d, struct nam_cost *c)
{
	struct tally t = { .c = c };
	const uint64_t before = c->state_floats;
	int widest = 1;

	switch (d->kind) {
	case NAM_WAVENET:
		wavenet_cost(d, &t);
		break;
	case NAM_LSTM:
		c->state_floats += 2 * (uint64_t)d->hidden * (uint64_t)d->n_layers;
		c->transcendentals += 5 * (uint64_t)d->hidden * (uint64_t)d->n_layers;
		add_recurrent(&t, d->input_size, d->hidden, d->n_layers);
		break;
	case NAM_CONVNET:
		for (int i = 0, in = d->in_channels; i < d->n_dilations; i++, in = d->channels) {
			add_history(&t, in, (uint64_t)d->dilations[i]);
			c->transcendentals += (uint64_t)(d->channels * is_transcendental(&d->act));
			c->weights += 2 * (uint64_t)in * (uint64_t)d->channels;
		}
		c->weights += (uint64_t)d->out_channels * (uint64_t)d->channels;
		add_scratch(&t, most(d->channels, most(d->in_channels, d->out_channels)));
		break;
	case NAM_LINEAR:
		add_history(&t, 1, (uint64_t)d->taps - 1);
		c->weights += (uint64_t)d->taps;
		break;
	case NAM_JSON:
		for (int i = 0; i < d->n_json; i++)
			json_cost(&d->json[i], &t);
		for (int i = 0; i < d->n_json; i++)
			widest = most(widest, d->json[i].out);
		add_scratch(&t, 2 * widest + 1);
		break;
	case NAM_CONTAINER: case NAM_SEQUENTIAL:
		for (int i = 0; i < d->n_children; i++)
			widest = most(widest, d->children[i]->out_channels);
		add_scratch(&t, 2 * widest + 1);
		break;
	}
	finish(&t, before);
	for (int i = 0; i < d->n_children; i++)
		add_cost(d->children[i], c);
}

void
nam_desc_cost(const struct nam_desc *d, struct nam_cost *c)
{
	memset(c, 0, sizeof *c);
	add_cost(d, c);
}

const char *
nam_kind_name(enum nam_kind kind)
{
	switch (kind) {
	case NAM_WAVENET: return "WaveNet";
	case NAM_LSTM: return "LSTM";
	case NAM_CONVNET: return "ConvNet";
	case NAM_LINEAR: return "Linear";
	case NAM_CONTAINER: return "SlimmableContainer";
	case NAM_SEQUENTIAL: return "Sequential";
	case NAM_JSON: return "RTNeural";
	}
	return "";
}

/* ---- end --------------------------------------------------------------------------- */

static void
free_act(struct nam_act *a)
{
	free(a->slopes);
}

void
nam_desc_free(struct nam_desc *d)
{
	if (!d)
		return;
	for (int i = 0; i < d->n_arrays; i++) {
		for (int l = 0; l < d->arrays[i].n_layers; l++) {
			free_act(&d->arrays[i].layers[l].act);
			free_act(&d->arrays[i].layers[l].gate);
		}
		free(d->arrays[i].layers);
		free(d->arrays[i].allowed);
	}
	for (int i = 0; i < d->n_json; i++) {
		free_act(&d->json[i].act);
		free(d->json[i].w);
	}
	for (int i = 0; i < d->n_children; i++)
		nam_desc_free(d->children[i]);
	free_act(&d->act);
	free_act(&d->head_act);
	free(d->weights);
	free(d->arrays);
	free(d->head_kernels);
	free(d->dilations);
	free(d->json);
	free(d->children);
	free(d->max_value);
	free(d);
}

void
nam_desc_drop_weights(struct nam_desc *d)
{
	free(d->weights);
	d->weights = NULL;
	for (int i = 0; i < d->n_json; i++) {
		free(d->json[i].w);
		d->json[i].w = NULL;
	}
	for (int i = 0; i < d->n_children; i++)
		nam_desc_drop_weights(d->children[i]);
}
