/* nam_file_wavenet.c - read and check the configuration of a WaveNet. */
#include "nam/nam_file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A value that is one for all layers or a list with one per layer, whose length is checked: that of the
 * first layer, and from one layer's to the next. */
static const struct nam_value *
first_of(const struct nam_value *all)
{
	return nam_is_list(all) ? nam_at(all, 0) : all;
}

static const struct nam_value *
next_of(const struct nam_value *all, const struct nam_value *v)
{
	return nam_is_list(all) ? nam_next(v) : v;
}

static int
check_per_layer(const struct nam_reader *r, const struct nam_value *v, const char *key, int n)
{
	if (nam_is_list(v) && nam_size(v) != (size_t)n)
		return nam_bad(r, ERR_INPUT, "\"%s\" has %zu entries for %d layers", key,
		    nam_size(v), n);
	return 0;
}

/* ---- WaveNet ----------------------------------------------------------------------- */

const char *const nam_film_keys[NAM_FILMS] = {
	"conv_pre_film", "conv_post_film", "input_mixin_pre_film", "input_mixin_post_film",
	"activation_pre_film", "activation_post_film", "layer1x1_post_film", "head1x1_post_film"
};

static int
parse_films(const struct nam_reader *r, const struct nam_value *o, struct nam_film film[NAM_FILMS])
{
	for (int i = 0; i < NAM_FILMS; i++) {
		const struct nam_value *v = nam_get(o, nam_film_keys[i]);

		if (!v || (nam_is_bool(v) && !nam_is_true(v)) || nam_is_null(v))
			continue;
		if (!nam_is_object(v))
			return nam_bad(r, ERR_INPUT, "\"%s\" is not an object", nam_film_keys[i]);
		if (nam_get_bool(r, v, "active", 1, &film[i].active) ||
		    nam_get_bool(r, v, "shift", 1, &film[i].shift) ||
		    nam_get_int(r, v, "groups", 1, 1, NAM_MAX_CHANNELS, &film[i].groups))
			return -1;
	}
	return 0;
}

static int
parse_gating(const struct nam_reader *r, const struct nam_value *o, struct nam_wn_array *a)
{
	const struct nam_value *modes = nam_get(o, "gating_mode"), *mode = first_of(modes);
	const struct nam_value *seconds = nam_get(o, "secondary_activation"), *second;
	const int fits = !nam_is_list(seconds) || nam_size(seconds) == (size_t)a->n_layers;
	struct nam_wn_layer *l;
	const char *s;
	int gated;

	if (nam_get_bool(r, o, "gated", 0, &gated))
		return -1;
	if (check_per_layer(r, modes, "gating_mode", a->n_layers))
		return -1;
	/* what does not fit is no error where nothing is gated; "gated": true means the sigmoid, whatever it says */
	second = fits ? first_of(seconds) : NULL;
	for (int i = 0; i < a->n_layers; i++, mode = next_of(modes, mode),
	    second = fits ? next_of(seconds, second) : NULL) {
		l = &a->layers[i];
		l->gate.type = NAM_ACT_SIGMOID;
		if (!modes) {
			l->gating = gated ? NAM_GATE_GATED : NAM_GATE_NONE;
			continue;
		}
		s = nam_string(mode);
		if (s && !strcmp(s, "gated"))
			l->gating = NAM_GATE_GATED;
		else if (s && !strcmp(s, "blended"))
			l->gating = NAM_GATE_BLENDED;
		else if (!s || strcmp(s, "none"))
			return nam_bad(r, s ? ERR_UNSUPPORTED : ERR_INPUT,
			    "\"gating_mode\" %.40s is not none, gated or blended", s ? s : "entry");
		if (l->gating == NAM_GATE_NONE)
			continue;
		if (check_per_layer(r, seconds, "secondary_activation", a->n_layers) ||
		    (second && nam_parse_act(r, second, "secondary_activation", &l->gate)))
			return -1;
	}
	return 0;
}

static int
parse_slimmable(const struct nam_reader *r, const struct nam_value *o, struct nam_wn_array *a)
{
	const struct nam_value *s = nam_get(o, "slimmable"), *kw;
	const char *method;

	if (!nam_is_object(s))
		return 0;
	method = nam_string(nam_get(s, "method"));
	if (!method || !*method)
		return 0;
	if (strcmp(method, "slice_channels_uniform"))
		return nam_bad(r, ERR_UNSUPPORTED, "slimmable method \"%.40s\" is not known", method);
	kw = nam_get(s, "kwargs");
	if (nam_get(kw, "allowed_channels")) {
		if (nam_get_ints(r, kw, "allowed_channels", 1, 1, a->channels, &a->n_allowed, &a->allowed))
			return -1;
		for (int i = 1; i < a->n_allowed; i++)
			if (a->allowed[i] <= a->allowed[i - 1])
				return nam_bad(r, ERR_INPUT, "\"allowed_channels\" does not ascend");
		if (a->allowed[a->n_allowed - 1] != a->channels)
			return nam_bad(r, ERR_INPUT, "\"allowed_channels\" does not end with %d channels",
			    a->channels);
		return 0;
	}
	if (!(a->allowed = calloc((size_t)a->channels, sizeof *a->allowed)))
		return nam_no_memory(r);
	for (a->n_allowed = 0; a->n_allowed < a->channels; a->n_allowed++)
		a->allowed[a->n_allowed] = a->n_allowed + 1;
	return 0;
}

/* Groups must divide what they split. */
static int
check_groups(const struct nam_reader *r, const struct nam_wn_array *a)
{
	const int b = a->bottleneck, c = a->channels, cond = a->condition_size;

	for (int i = 0; i < a->n_layers; i++) {
		const int z = a->layers[i].gating == NAM_GATE_NONE ? b : 2 * b;
		const int dim[NAM_FILMS] = { c, z, cond, z, z, b, c, a->h1_out };

		if (nam_divides(r, "groups_input", a->groups_input, c, z) ||
		    nam_divides(r, "groups_input_mixin", a->groups_mixin, cond, z) ||
		    (a->l1_active && nam_divides(r, "layer1x1", a->l1_groups, b, c)) ||
		    (a->h1_active && nam_divides(r, "head1x1", a->h1_groups, b, a->h1_out)))
			return -1;
		for (int f = 0; f < NAM_FILMS; f++)
			if (a->film[f].active && nam_divides(r, nam_film_keys[f], a->film[f].groups, cond,
			    a->film[f].shift ? 2 * dim[f] : dim[f]))
				return -1;
	}
	return 0;
}

static int
parse_array_head(const struct nam_reader *r, const struct nam_value *o, struct nam_wn_array *a)
{
	const struct nam_value *h = nam_get(o, "head");

	a->head_kernel = a->head_dilation = 1;
	if (h && !nam_is_null(h)) {
		if (!nam_is_object(h))
			return nam_bad(r, ERR_INPUT, "\"head\" is not an object");
		return nam_get_int(r, h, "out_channels", INT_MIN, 1, NAM_MAX_CHANNELS, &a->head_out) ||
		    nam_get_int(r, h, "kernel_size", INT_MIN, 1, NAM_MAX_KERNEL, &a->head_kernel) ||
		    nam_get_int(r, h, "head_dilation", 1, 1, NAM_MAX_DILATION, &a->head_dilation) ||
		    nam_get_bool(r, h, "bias", -1, &a->head_bias) ? -1 : 0;
	}
	return nam_get_int(r, o, "head_size", INT_MIN, 1, NAM_MAX_CHANNELS, &a->head_out) ||
	    nam_get_bool(r, o, "head_bias", -1, &a->head_bias) ? -1 : 0;
}

static int
parse_array(const struct nam_reader *r, const struct nam_value *o, struct nam_wn_array *a)
{
	const struct nam_value *acts = nam_get(o, "activation"), *act = first_of(acts), *v;
	const int has_list = nam_get(o, "kernel_sizes") != NULL;
	int *dilations = NULL, *kernels = NULL, n, n_kernels = 0, kernel = 0, status = -1;

	if (!nam_is_object(o))
		return nam_bad(r, ERR_INPUT, "not an object");
	if (nam_get_int(r, o, "input_size", INT_MIN, 1, NAM_MAX_CHANNELS, &a->input_size) ||
	    nam_get_int(r, o, "condition_size", INT_MIN, 1, NAM_MAX_CHANNELS, &a->condition_size) ||
	    nam_get_int(r, o, "channels", INT_MIN, 1, NAM_MAX_CHANNELS, &a->channels) ||
	    nam_get_int(r, o, "bottleneck", a->channels, 1, NAM_MAX_CHANNELS, &a->bottleneck) ||
	    nam_get_int(r, o, "groups_input", 1, 1, NAM_MAX_CHANNELS, &a->groups_input) ||
	    nam_get_int(r, o, "groups_input_mixin", 1, 1, NAM_MAX_CHANNELS, &a->groups_mixin) ||
	    parse_array_head(r, o, a))
		return -1;

	a->l1_active = a->l1_groups = 1;
	v = nam_get(o, "layer1x1");
	if (v && !nam_is_null(v) && (nam_get_bool(r, v, "active", -1, &a->l1_active) ||
	    nam_get_int(r, v, "groups", INT_MIN, 1, NAM_MAX_CHANNELS, &a->l1_groups)))
		return -1;
	a->h1_out = a->bottleneck;
	a->h1_groups = 1;
	v = nam_get(o, "head1x1");
	if (v && !nam_is_null(v) && (nam_get_bool(r, v, "active", -1, &a->h1_active) ||
	    nam_get_int(r, v, "out_channels", INT_MIN, 1, NAM_MAX_CHANNELS, &a->h1_out) ||
	    nam_get_int(r, v, "groups", INT_MIN, 1, NAM_MAX_CHANNELS, &a->h1_groups)))
		return -1;
	if (!a->h1_active)
		a->h1_out = a->bottleneck;
	if (parse_films(r, o, a->film))
		return -1;
	if (!a->l1_active && a->bottleneck != a->channels)
		return nam_bad(r, ERR_INPUT, "without layer1x1, bottleneck must equal channels");
	if (a->film[NAM_FILM_L1_POST].active && !a->l1_active)
		return nam_bad(r, ERR_INPUT, "layer1x1_post_film without layer1x1");
	if (a->film[NAM_FILM_H1_POST].active && !a->h1_active)
		return nam_bad(r, ERR_INPUT, "head1x1_post_film without head1x1");

	if (has_list == (nam_get(o, "kernel_size") != NULL))
		return nam_bad(r, ERR_INPUT, "wants either \"kernel_size\" or \"kernel_sizes\"");
	if (nam_get_ints(r, o, "dilations", 1, 0, NAM_MAX_DILATION, &n, &dilations))
		goto out;
	if (has_list ?
	    nam_get_ints(r, o, "kernel_sizes", 1, 1, NAM_MAX_KERNEL, &n_kernels, &kernels) :
	    nam_get_int(r, o, "kernel_size", INT_MIN, 1, NAM_MAX_KERNEL, &kernel))
		goto out;
	if (has_list && n_kernels != n) {
		nam_bad(r, ERR_INPUT, "%d kernel_sizes for %d dilations", n_kernels, n);
		goto out;
	}
	r->total->layers += (size_t)n;
	if (r->total->layers > NAM_MAX_LAYERS) {
		nam_bad(r, ERR_INPUT, "more than %d layers", NAM_MAX_LAYERS);
		goto out;
	}
	if (!(a->layers = calloc((size_t)n, sizeof *a->layers))) {
		nam_no_memory(r);
		goto out;
	}
	a->n_layers = n;
	if (check_per_layer(r, acts, "activation", n))
		goto out;
	for (int i = 0; i < n; i++, act = next_of(acts, act)) {
		a->layers[i].dilation = dilations[i];
		a->layers[i].kernel = has_list ? kernels[i] : kernel;
		if (nam_parse_act(r, act, "activation", &a->layers[i].act))
			goto out;
	}
	status = parse_gating(r, o, a) || check_groups(r, a) || parse_slimmable(r, o, a) ? -1 : 0;
out:
	free(dilations);
	free(kernels);
	return status;
}

static int
parse_post_head(const struct nam_reader *r, const struct nam_value *h, struct nam_desc *d)
{
	const int last = d->arrays[d->n_arrays - 1].head_out;
	int in;

	if (!h || nam_is_null(h))
		return 0;
	if (!nam_is_object(h))
		return nam_bad(r, ERR_INPUT, "\"head\" is not an object");
	if (nam_get_int(r, h, "channels", INT_MIN, 1, NAM_MAX_CHANNELS, &d->head_channels) ||
	    nam_get_int(r, h, "out_channels", INT_MIN, 1, NAM_MAX_CHANNELS, &d->out_channels) ||
	    nam_get_int(r, h, "in_channels", last, 1, NAM_MAX_CHANNELS, &in) ||
	    nam_get_ints(r, h, "kernel_sizes", 1, 1, NAM_MAX_KERNEL, &d->n_head, &d->head_kernels) ||
	    nam_parse_act(r, nam_get(h, "activation"), "activation", &d->head_act))
		return -1;
	if (in != last)
		return nam_bad(r, ERR_INPUT, "head takes %d channels, the layers give %d", in, last);
	return 0;
}

int
nam_parse_wavenet(struct nam_reader *r, const struct nam_value *c, struct nam_desc *d)
{
	const struct nam_value *list = nam_get(c, "layers"), *cond = nam_get(c, "condition_dsp"), *o;
	const size_t n = nam_size(list);
	int cond_channels;

	if (!nam_is_list(list) || n < 1 || n > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"layers\" is not a list of layer arrays");
	if (!nam_is_number(nam_get(c, "head_scale")))
		return nam_bad(r, ERR_INPUT, "\"head_scale\" is missing");
	if (nam_get_int(r, c, "in_channels", 1, 1, NAM_MAX_CHANNELS, &d->in_channels))
		return -1;
	if (!(d->arrays = calloc(n, sizeof *d->arrays)))
		return nam_no_memory(r);
	cond_channels = d->in_channels;
	if (cond && !nam_is_null(cond)) {
		if (nam_add_child(r, cond, d, "condition_dsp"))
			return -1;
		cond_channels = d->children[0]->out_channels;
		if (d->children[0]->in_channels != d->in_channels)
			return nam_bad(r, ERR_INPUT, "condition_dsp takes %d channels, the model %d",
			    d->children[0]->in_channels, d->in_channels);
		if (d->children[0]->rate_hz != d->rate_hz)
			return nam_bad(r, ERR_INPUT, "condition_dsp is for %g Hz, the model for %g Hz",
			    d->children[0]->rate_hz, d->rate_hz);
	}
	o = nam_at(list, 0);
	for (size_t i = 0; i < n; i++, o = nam_next(o)) {
		struct nam_wn_array *a = &d->arrays[i];
		int want, acc;

		d->n_arrays = (int)i + 1;
		snprintf(r->where, sizeof r->where, "layers[%zu]", i);
		if (parse_array(r, o, a))
			return -1;
		want = i ? a[-1].channels : d->in_channels;
		if (a->input_size != want)
			return nam_bad(r, ERR_INPUT, "input_size is %d, not the %d of what comes in",
			    a->input_size, want);
		if (a->condition_size != cond_channels)
			return nam_bad(r, ERR_INPUT, "condition_size is %d, but the condition has %d channels",
			    a->condition_size, cond_channels);
		acc = a->h1_out;
		if (i && a[-1].head_out != acc)
			return nam_bad(r, ERR_INPUT, "the array before gives %d head channels, this one adds %d",
			    a[-1].head_out, acc);
		r->where[0] = 0;
	}
	d->out_channels = d->arrays[n - 1].head_out;
	return parse_post_head(r, nam_get(c, "head"), d);
}
