/* nam_slim.c - cut a slimmable WaveNet to a smaller size. */
#include "nam/nam_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct slicer {
	const float *in;   /* next weight of the full model */
	float *out;        /* next weight of the slim one */
};

/* The first so outputs and si inputs of a convolution with co outputs, ci inputs, k taps. */
static void
slice_conv(struct slicer *s, int ci, int co, int si, int so, int k, int bias)
{
	for (int o = 0; o < co; o++)
		for (int i = 0; i < ci; i++, s->in += k)
			if (o < so && i < si) {
				memcpy(s->out, s->in, (size_t)k * sizeof *s->out);
				s->out += k;
			}
	if (bias) {
		memcpy(s->out, s->in, (size_t)so * sizeof *s->out);
		s->out += so;
		s->in += co;
	}
}

static int
slim_target(const struct nam_wn_array *a, double slim)
{
	int i = (int)floor(slim * a->n_allowed);

	return a->n_allowed ? a->allowed[i < a->n_allowed ? i : a->n_allowed - 1] : a->channels;
}

/* Cut a slimmable WaveNet to size: every tensor keeps its first rows and columns.  (A gated
 * convolution keeps its first 2 b' rows, not b' of each half: so do the players.) */
int
nam_slim_wavenet(const struct nam_reader *r, struct nam_desc *d, double slim)
{
	struct slicer s = { d->weights, NULL };
	int full = 1;
	float *w;

	for (int i = 0; i < d->n_arrays; i++)
		full &= slim_target(&d->arrays[i], slim) == d->arrays[i].channels;
	if (full)
		return 0;
	for (int i = 0; i < d->n_arrays; i++) {
		const struct nam_wn_array *a = &d->arrays[i];
		int film = 0;

		for (int f = 0; f < NAM_FILMS; f++)
			film |= a->film[f].active;
		if (a->groups_input != 1 || a->groups_mixin != 1 || a->l1_groups != 1 ||
		    (a->h1_active && a->h1_groups != 1) || a->head_kernel != 1 || d->n_head)
			return nam_bad(r, ERR_UNSUPPORTED,
			    "slimming with groups, head kernels or a post-stack head is not defined");
		if (film)
			return nam_bad(r, ERR_UNSUPPORTED, "slimming with FiLM is not supported");
	}
	if (!(w = calloc(d->n_weights, sizeof *w)))
		return nam_no_memory(r);
	s.out = w;
	for (int i = 0, t_before = 0; i < d->n_arrays; i++) {
		struct nam_wn_array *a = &d->arrays[i];
		const int c = a->channels, b = a->bottleneck, t = slim_target(a, slim);
		const int sb = !a->l1_active ? t : b * t / c > 1 ? b * t / c : 1;
		const int si = i ? t_before : a->input_size, h1 = a->h1_active ? a->h1_out : b;
		const int sh1 = a->h1_active ? a->h1_out : sb;
		const int head = i + 1 < d->n_arrays ? slim_target(a + 1, slim) : a->head_out;

		slice_conv(&s, a->input_size, c, si, t, 1, 0);
		for (int l = 0; l < a->n_layers; l++) {
			const int g = a->layers[l].gating == NAM_GATE_NONE ? 1 : 2;

			slice_conv(&s, c, g * b, t, g * sb, a->layers[l].kernel, 1);
			slice_conv(&s, a->condition_size, g * b, a->condition_size, g * sb, 1, 0);
			if (a->l1_active)
				slice_conv(&s, b, c, sb, t, 1, 1);
			if (a->h1_active)
				slice_conv(&s, b, h1, sb, h1, 1, 1);
		}
		/* what one array gives to the head must be as wide as what the next one adds to it, which a
		 * head1x1 or a bottleneck of its own may make wider than its channels */
		if (head > a->head_out || (i && sh1 != a[-1].head_out)) {
			free(w);
			return nam_bad(r, ERR_UNSUPPORTED, "slimming with this head or bottleneck is not defined");
		}
		slice_conv(&s, h1, a->head_out, sh1, head, 1, a->head_bias);
		a->input_size = si;
		a->channels = t;
		a->bottleneck = sb;
		a->h1_out = sh1;
		a->head_out = head;
		t_before = t;
	}
	*s.out++ = *s.in; /* head_scale */
	free(d->weights);
	d->weights = w;
	d->n_weights = (size_t)(s.out - w);
	return 0;
}
