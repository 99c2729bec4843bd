/* nam_file.c - read and check .nam files (JSON) into struct nam_desc. */
#include "base/mem.h"
#include "base/str.h"
#include "nam/nam_desc.h"
#include "nam/nam_file.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ------------------------------------------------------------------------ */

int
nam_bad(const struct nam_reader *r, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(r->e, code, fmt, ap);
	va_end(ap);
	if (r->where[0])
		err_prefix(r->e, "%s: ", r->where);
	err_prefix(r->e, "model '%s': ", r->name);
	return -1;
}

int
nam_no_memory(const struct nam_reader *r)
{
	return nam_bad(r, ERR_NOMEM, "out of memory");
}

/* A whole number lo..hi; key is for messages. */
static int
int_value(const struct nam_reader *r, const json_t *v, const char *key, int lo, int hi, int *out)
{
	double x = json_number_value(v);

	if (!json_is_number(v))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not a number", key);
	if (!(x >= lo && x <= hi) || x != floor(x))
		return nam_bad(r, ERR_INPUT, "\"%s\" is %.10g, not a whole number from %d to %d",
		    key, x, lo, hi);
	*out = (int)x;
	return 0;
}

/* fallback INT_MIN: the key must be there.  A key that is null counts as absent. */
int
nam_get_int(const struct nam_reader *r, const json_t *o, const char *key, int fallback, int lo,
    int hi, int *out)
{
	const json_t *v = json_object_get(o, key);

	if (!v || (json_is_null(v) && fallback != INT_MIN)) {
		*out = fallback;
		return fallback == INT_MIN ? nam_bad(r, ERR_INPUT, "\"%s\" is missing", key) : 0;
	}
	return int_value(r, v, key, lo, hi, out);
}

/* fallback -1: the key must be there. */
static int
get_bool(const struct nam_reader *r, const json_t *o, const char *key, int fallback, int *out)
{
	const json_t *v = json_object_get(o, key);

	*out = fallback;
	if (!v)
		return fallback < 0 ? nam_bad(r, ERR_INPUT, "\"%s\" is missing", key) : 0;
	if (!json_is_boolean(v))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not true or false", key);
	*out = json_is_true(v);
	return 0;
}

/* A float that stays finite as float32; fallback when absent. */
static int
get_float(const struct nam_reader *r, const json_t *o, const char *key, float fallback, float *out)
{
	const json_t *v = json_object_get(o, key);

	*out = fallback;
	if (!v)
		return 0;
	if (!json_is_number(v) || !isfinite((float)json_number_value(v)))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not a finite number", key);
	*out = (float)json_number_value(v);
	return 0;
}

/* A list of n_min..n_max whole numbers; *list is malloc'd. */
static int
get_ints(const struct nam_reader *r, const json_t *o, const char *key, int n_min, int lo, int hi,
    int *n, int **list)
{
	const json_t *v = json_object_get(o, key);
	size_t len = json_array_size(v);

	*n = 0;
	*list = NULL;
	if (!json_is_array(v))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not a list", key);
	if (len < (size_t)n_min || len > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"%s\" has %zu entries, not %d to %d", key, len, n_min,
		    NAM_MAX_LIST);
	if (!(*list = calloc(len ? len : 1, sizeof **list)))
		return nam_no_memory(r);
	*n = (int)len;
	for (size_t i = 0; i < len; i++)
		if (int_value(r, json_array_get(v, i), key, lo, hi, &(*list)[i]))
			return -1;
	return 0;
}

int
nam_get_floats(const struct nam_reader *r, const json_t *list, const char *what, float **out,
    size_t *n)
{
	size_t len = json_array_size(list);
	float *w;

	*n = 0;
	*out = NULL;
	if (!json_is_array(list))
		return nam_bad(r, ERR_INPUT, "%s is not a list of numbers", what);
	if (!(w = calloc(len ? len : 1, sizeof *w)))
		return nam_no_memory(r);
	*out = w;
	*n = len;
	for (size_t i = 0; i < len; i++) {
		const json_t *v = json_array_get(list, i);

		w[i] = (float)json_number_value(v);
		if (!json_is_number(v))
			return nam_bad(r, ERR_INPUT, "%s[%zu] is not a number", what, i);
		if (!isfinite(w[i]))
			return nam_bad(r, ERR_INPUT, "%s[%zu] is %g, too large for a weight", what, i,
			    json_number_value(v));
	}
	return 0;
}

/* "Tanh" or {"type": "LeakyReLU", "negative_slope": 0.01}.  Names are the file format's own. */
static int
parse_act(const struct nam_reader *r, const json_t *v, const char *key, struct nam_act *a)
{
	static const struct { const char *name; enum nam_act_type type; } names[] = {
		{ "Tanh", NAM_ACT_TANH }, { "Hardtanh", NAM_ACT_HARDTANH },
		{ "Fasttanh", NAM_ACT_FASTTANH }, { "ReLU", NAM_ACT_RELU },
		{ "LeakyReLU", NAM_ACT_LEAKY_RELU }, { "PReLU", NAM_ACT_PRELU },
		{ "Sigmoid", NAM_ACT_SIGMOID }, { "SiLU", NAM_ACT_SILU },
		{ "Hardswish", NAM_ACT_HARDSWISH },
		{ "LeakyHardtanh", NAM_ACT_LEAKY_HARDTANH },
		{ "LeakyHardTanh", NAM_ACT_LEAKY_HARDTANH },
		{ "Softsign", NAM_ACT_SOFTSIGN },
	};
	const char *name = json_string_value(json_is_object(v) ? json_object_get(v, "type") : v);
	const json_t *slopes = json_object_get(v, "negative_slopes");
	size_t i = 0, n;

	if (!name)
		return nam_bad(r, ERR_INPUT, "\"%s\" names no activation", key);
	while (i < sizeof names / sizeof *names && strcmp(names[i].name, name))
		i++;
	if (i == sizeof names / sizeof *names)
		return nam_bad(r, ERR_UNSUPPORTED, "activation \"%.40s\" is not known", name);
	a->type = names[i].type;
	switch (a->type) {
	case NAM_ACT_PRELU:
		if (!json_object_get(v, "negative_slope") && slopes) {
			if (nam_get_floats(r, slopes, "negative_slopes", &a->slopes, &n))
				return -1;
			if (n == 0 || n > NAM_MAX_CHANNELS)
				return nam_bad(r, ERR_INPUT, "negative_slopes has %zu entries", n);
			a->n_slopes = (int)n;
		}
		/* fall through */
	case NAM_ACT_LEAKY_RELU:
		return get_float(r, v, "negative_slope", 0.01f, &a->p[0]);
	case NAM_ACT_LEAKY_HARDTANH:
		return get_float(r, v, "min_val", -1.0f, &a->p[0]) ||
		    get_float(r, v, "max_val", 1.0f, &a->p[1]) ||
		    get_float(r, v, "min_slope", 0.01f, &a->p[2]) ||
		    get_float(r, v, "max_slope", 0.01f, &a->p[3]) ? -1 : 0;
	default:
		return 0;
	}
}

/* Entry i of a value that is one for all layers or a list with one per layer. */
static const json_t *
per_layer(const json_t *v, int i)
{
	return json_is_array(v) ? json_array_get(v, (size_t)i) : v;
}

static int
check_per_layer(const struct nam_reader *r, const json_t *v, const char *key, int n)
{
	if (json_is_array(v) && json_array_size(v) != (size_t)n)
		return nam_bad(r, ERR_INPUT, "\"%s\" has %zu entries for %d layers", key,
		    json_array_size(v), n);
	return 0;
}

/* ---- WaveNet ----------------------------------------------------------------------- */

static const char *const film_keys[NAM_FILMS] = {
	"conv_pre_film", "conv_post_film", "input_mixin_pre_film", "input_mixin_post_film",
	"activation_pre_film", "activation_post_film", "layer1x1_post_film", "head1x1_post_film"
};

static int
parse_films(const struct nam_reader *r, const json_t *o, struct nam_film film[NAM_FILMS])
{
	for (int i = 0; i < NAM_FILMS; i++) {
		const json_t *v = json_object_get(o, film_keys[i]);

		if (!v || json_is_false(v) || json_is_null(v))
			continue;
		if (!json_is_object(v))
			return nam_bad(r, ERR_INPUT, "\"%s\" is not an object", film_keys[i]);
		if (get_bool(r, v, "active", 1, &film[i].active) ||
		    get_bool(r, v, "shift", 1, &film[i].shift) ||
		    nam_get_int(r, v, "groups", 1, 1, NAM_MAX_CHANNELS, &film[i].groups))
			return -1;
	}
	return 0;
}

static int
parse_gating(const struct nam_reader *r, const json_t *o, struct nam_wn_array *a)
{
	const json_t *mode = json_object_get(o, "gating_mode"), *v;
	const json_t *second = json_object_get(o, "secondary_activation");
	struct nam_wn_layer *l;
	const char *s;
	int gated;

	if (get_bool(r, o, "gated", 0, &gated))
		return -1;
	if (check_per_layer(r, mode, "gating_mode", a->n_layers) ||
	    check_per_layer(r, second, "secondary_activation", a->n_layers))
		return -1;
	for (int i = 0; i < a->n_layers; i++) {
		l = &a->layers[i];
		l->gate.type = NAM_ACT_SIGMOID;
		if (!mode) {
			l->gating = gated ? NAM_GATE_GATED : NAM_GATE_NONE;
			continue;
		}
		s = json_string_value(per_layer(mode, i));
		if (s && !strcmp(s, "gated"))
			l->gating = NAM_GATE_GATED;
		else if (s && !strcmp(s, "blended"))
			l->gating = NAM_GATE_BLENDED;
		else if (!s || strcmp(s, "none"))
			return nam_bad(r, s ? ERR_UNSUPPORTED : ERR_INPUT,
			    "\"gating_mode\" %.40s is not none, gated or blended", s ? s : "entry");
		v = per_layer(second, i);
		if (l->gating != NAM_GATE_NONE && v &&
		    parse_act(r, v, "secondary_activation", &l->gate))
			return -1;
	}
	return 0;
}

static int
parse_slimmable(const struct nam_reader *r, const json_t *o, struct nam_wn_array *a)
{
	const json_t *s = json_object_get(o, "slimmable"), *kw;
	const char *method;

	if (!json_is_object(s))
		return 0;
	method = json_string_value(json_object_get(s, "method"));
	if (!method || !*method)
		return 0;
	if (strcmp(method, "slice_channels_uniform"))
		return nam_bad(r, ERR_UNSUPPORTED, "slimmable method \"%.40s\" is not known", method);
	kw = json_object_get(s, "kwargs");
	if (json_object_get(kw, "allowed_channels")) {
		if (get_ints(r, kw, "allowed_channels", 1, 1, a->channels, &a->n_allowed, &a->allowed))
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

static int
divides(const struct nam_reader *r, const char *what, int groups, int in, int out)
{
	if (in % groups || out % groups)
		return nam_bad(r, ERR_INPUT, "%s: %d groups do not divide %d inputs and %d outputs",
		    what, groups, in, out);
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

		if (divides(r, "groups_input", a->groups_input, c, z) ||
		    divides(r, "groups_input_mixin", a->groups_mixin, cond, z) ||
		    (a->l1_active && divides(r, "layer1x1", a->l1_groups, b, c)) ||
		    (a->h1_active && divides(r, "head1x1", a->h1_groups, b, a->h1_out)))
			return -1;
		for (int f = 0; f < NAM_FILMS; f++)
			if (a->film[f].active && divides(r, film_keys[f], a->film[f].groups, cond,
			    a->film[f].shift ? 2 * dim[f] : dim[f]))
				return -1;
	}
	return 0;
}

static int
parse_array_head(const struct nam_reader *r, const json_t *o, struct nam_wn_array *a)
{
	const json_t *h = json_object_get(o, "head");

	a->head_kernel = a->head_dilation = 1;
	if (h && !json_is_null(h)) {
		if (!json_is_object(h))
			return nam_bad(r, ERR_INPUT, "\"head\" is not an object");
		return nam_get_int(r, h, "out_channels", INT_MIN, 1, NAM_MAX_CHANNELS, &a->head_out) ||
		    nam_get_int(r, h, "kernel_size", INT_MIN, 1, NAM_MAX_KERNEL, &a->head_kernel) ||
		    nam_get_int(r, h, "head_dilation", 1, 1, NAM_MAX_DILATION, &a->head_dilation) ||
		    get_bool(r, h, "bias", -1, &a->head_bias) ? -1 : 0;
	}
	return nam_get_int(r, o, "head_size", INT_MIN, 1, NAM_MAX_CHANNELS, &a->head_out) ||
	    get_bool(r, o, "head_bias", -1, &a->head_bias) ? -1 : 0;
}

static int
parse_array(const struct nam_reader *r, const json_t *o, struct nam_wn_array *a)
{
	const json_t *act = json_object_get(o, "activation"), *v;
	const int has_list = json_object_get(o, "kernel_sizes") != NULL;
	int *dilations = NULL, *kernels = NULL, n, n_kernels = 0, kernel = 0, status = -1;

	if (!json_is_object(o))
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
	v = json_object_get(o, "layer1x1");
	if (v && !json_is_null(v) && (get_bool(r, v, "active", -1, &a->l1_active) ||
	    nam_get_int(r, v, "groups", INT_MIN, 1, NAM_MAX_CHANNELS, &a->l1_groups)))
		return -1;
	a->h1_out = a->bottleneck;
	a->h1_groups = 1;
	v = json_object_get(o, "head1x1");
	if (v && !json_is_null(v) && (get_bool(r, v, "active", -1, &a->h1_active) ||
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

	if (has_list == (json_object_get(o, "kernel_size") != NULL))
		return nam_bad(r, ERR_INPUT, "wants either \"kernel_size\" or \"kernel_sizes\"");
	if (get_ints(r, o, "dilations", 1, 0, NAM_MAX_DILATION, &n, &dilations))
		goto out;
	if (has_list ?
	    get_ints(r, o, "kernel_sizes", 1, 1, NAM_MAX_KERNEL, &n_kernels, &kernels) :
	    nam_get_int(r, o, "kernel_size", INT_MIN, 1, NAM_MAX_KERNEL, &kernel))
		goto out;
	if (has_list && n_kernels != n) {
		nam_bad(r, ERR_INPUT, "%d kernel_sizes for %d dilations", n_kernels, n);
		goto out;
	}
	if (!(a->layers = calloc((size_t)n, sizeof *a->layers))) {
		nam_no_memory(r);
		goto out;
	}
	a->n_layers = n;
	if (check_per_layer(r, act, "activation", n))
		goto out;
	for (int i = 0; i < n; i++) {
		a->layers[i].dilation = dilations[i];
		a->layers[i].kernel = has_list ? kernels[i] : kernel;
		if (parse_act(r, per_layer(act, i), "activation", &a->layers[i].act))
			goto out;
	}
	status = parse_gating(r, o, a) || check_groups(r, a) || parse_slimmable(r, o, a) ? -1 : 0;
out:
	free(dilations);
	free(kernels);
	return status;
}

static int
parse_post_head(const struct nam_reader *r, const json_t *h, struct nam_desc *d)
{
	const int last = d->arrays[d->n_arrays - 1].head_out;
	int in;

	if (!h || json_is_null(h))
		return 0;
	if (!json_is_object(h))
		return nam_bad(r, ERR_INPUT, "\"head\" is not an object");
	if (nam_get_int(r, h, "channels", INT_MIN, 1, NAM_MAX_CHANNELS, &d->head_channels) ||
	    nam_get_int(r, h, "out_channels", INT_MIN, 1, NAM_MAX_CHANNELS, &d->out_channels) ||
	    nam_get_int(r, h, "in_channels", last, 1, NAM_MAX_CHANNELS, &in) ||
	    get_ints(r, h, "kernel_sizes", 1, 1, NAM_MAX_KERNEL, &d->n_head, &d->head_kernels) ||
	    parse_act(r, json_object_get(h, "activation"), "activation", &d->head_act))
		return -1;
	if (in != last)
		return nam_bad(r, ERR_INPUT, "head takes %d channels, the layers give %d", in, last);
	return 0;
}

static int
parse_wavenet(struct nam_reader *r, const json_t *c, struct nam_desc *d)
{
	const json_t *list = json_object_get(c, "layers"), *cond = json_object_get(c, "condition_dsp");
	const size_t n = json_array_size(list);
	int cond_channels;

	if (!json_is_array(list) || n < 1 || n > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"layers\" is not a list of layer arrays");
	if (!json_is_number(json_object_get(c, "head_scale")))
		return nam_bad(r, ERR_INPUT, "\"head_scale\" is missing");
	if (nam_get_int(r, c, "in_channels", 1, 1, NAM_MAX_CHANNELS, &d->in_channels))
		return -1;
	if (!(d->arrays = calloc(n, sizeof *d->arrays)))
		return nam_no_memory(r);
	cond_channels = d->in_channels;
	if (cond && !json_is_null(cond)) {
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
	for (size_t i = 0; i < n; i++) {
		struct nam_wn_array *a = &d->arrays[i];
		int want, acc;

		d->n_arrays = (int)i + 1;
		snprintf(r->where, sizeof r->where, "layers[%zu]", i);
		if (parse_array(r, json_array_get(list, i), a))
			return -1;
		want = i ? a[-1].channels : d->in_channels;
		if (a->input_size != want)
			return nam_bad(r, ERR_INPUT, "input_size is %d, but %d channels come in",
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
	return parse_post_head(r, json_object_get(c, "head"), d);
}

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

/* ---- the other architectures ------------------------------------------------------- */

static int
parse_lstm(const struct nam_reader *r, const json_t *c, struct nam_desc *d)
{
	if (nam_get_int(r, c, "num_layers", INT_MIN, 0, NAM_MAX_LIST, &d->n_layers) ||
	    nam_get_int(r, c, "input_size", INT_MIN, 1, NAM_MAX_CHANNELS, &d->input_size) ||
	    nam_get_int(r, c, "hidden_size", INT_MIN, 1, NAM_MAX_CHANNELS, &d->hidden) ||
	    nam_get_int(r, c, "in_channels", 1, 1, NAM_MAX_CHANNELS, &d->in_channels) ||
	    nam_get_int(r, c, "out_channels", 1, 1, NAM_MAX_CHANNELS, &d->out_channels))
		return -1;
	if (d->input_size != d->in_channels)
		return nam_bad(r, ERR_INPUT, "input_size is %d, but %d channels come in", d->input_size,
		    d->in_channels);
	if (!d->n_layers && d->in_channels != d->out_channels)
		return nam_bad(r, ERR_INPUT, "no layers between %d and %d channels", d->in_channels,
		    d->out_channels);
	return 0;
}

static int
parse_convnet(const struct nam_reader *r, const json_t *c, struct nam_desc *d)
{
	if (nam_get_int(r, c, "channels", INT_MIN, 1, NAM_MAX_CHANNELS, &d->channels) ||
	    get_ints(r, c, "dilations", 1, 0, NAM_MAX_DILATION, &d->n_dilations, &d->dilations) ||
	    get_bool(r, c, "batchnorm", -1, &d->batchnorm) ||
	    parse_act(r, json_object_get(c, "activation"), "activation", &d->act) ||
	    nam_get_int(r, c, "groups", 1, 1, NAM_MAX_CHANNELS, &d->groups) ||
	    nam_get_int(r, c, "in_channels", 1, 1, NAM_MAX_CHANNELS, &d->in_channels) ||
	    nam_get_int(r, c, "out_channels", 1, 1, NAM_MAX_CHANNELS, &d->out_channels))
		return -1;
	return divides(r, "groups", d->groups, d->in_channels, d->channels) ||
	    divides(r, "groups", d->groups, d->channels, d->channels) ? -1 : 0;
}

static int
parse_linear(const struct nam_reader *r, const json_t *c, struct nam_desc *d)
{
	int channels;

	d->in_channels = d->out_channels = 1;
	if (nam_get_int(r, c, "receptive_field", INT_MIN, 1, INT_MAX, &d->taps) ||
	    get_bool(r, c, "bias", -1, &d->bias) ||
	    nam_get_int(r, c, "in_channels", 1, 1, NAM_MAX_CHANNELS, &channels))
		return -1;
	if (channels != 1)
		return nam_bad(r, ERR_UNSUPPORTED, "Linear with %d channels is not supported", channels);
	return 0;
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

/* ---- models inside models ---------------------------------------------------------- */

int
nam_add_child(struct nam_reader *r, const json_t *o, struct nam_desc *d, const char *what)
{
	struct nam_desc **list, *child;
	struct nam_reader inner = *r;

	inner.slim = -1;
	inner.info = NULL;
	inner.where[0] = 0;
	inner.depth++;
	if (inner.depth > NAM_MAX_DEPTH)
		return nam_bad(r, ERR_INPUT, "more than %d models inside models", NAM_MAX_DEPTH);
	if (nam_parse_model(&inner, o, &child)) {
		/* r->name is at the front of the message already */
		if (r->e && strlen(r->e->msg) + strlen(what) + 8 < sizeof r->e->msg)
			err_prefix(r->e, "%s of ", what);
		return -1;
	}
	list = realloc(d->children, ((size_t)d->n_children + 1) * sizeof *list);
	if (!list) {
		nam_desc_free(child);
		return nam_no_memory(r);
	}
	d->children = list;
	list[d->n_children++] = child;
	return 0;
}

static int
parse_container(struct nam_reader *r, const json_t *c, struct nam_desc *d)
{
	const json_t *list = json_object_get(c, "submodels");
	const size_t n = json_array_size(list);

	if (!json_is_array(list) || n < 1 || n > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"submodels\" is not a list of models");
	if (!(d->max_value = calloc(n, sizeof *d->max_value)))
		return nam_no_memory(r);
	for (size_t i = 0; i < n; i++) {
		const json_t *s = json_array_get(list, i), *v = json_object_get(s, "max_value");
		char what[32];
		double rate;

		snprintf(what, sizeof what, "submodels[%zu]", i);
		if (!json_is_number(v))
			return nam_bad(r, ERR_INPUT, "%s has no \"max_value\"", what);
		d->max_value[i] = json_number_value(v);
		if (i && d->max_value[i] <= d->max_value[i - 1])
			return nam_bad(r, ERR_INPUT, "\"max_value\" of the submodels does not ascend");
		if (nam_add_child(r, json_object_get(s, "model"), d, what))
			return -1;
		rate = d->children[i]->rate_hz;
		if (rate > 0 && d->rate_hz > 0 && rate != d->rate_hz)
			return nam_bad(r, ERR_INPUT, "%s is for %g Hz, the container for %g Hz", what, rate,
			    d->rate_hz);
	}
	if (d->max_value[n - 1] < 1.0)
		return nam_bad(r, ERR_INPUT, "the last \"max_value\" is %g, not 1", d->max_value[n - 1]);
	return 0;
}

static int
parse_sequential(struct nam_reader *r, const json_t *c, struct nam_desc *d)
{
	const json_t *list = json_object_get(c, "models"), *m;
	size_t n;

	if (!list)
		list = json_object_get(c, "layers");
	n = json_array_size(list);
	if (!json_is_array(list) || n < 1 || n > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"models\" is not a list of models");
	for (size_t i = 0; i < n; i++) {
		char what[32];
		double rate;

		snprintf(what, sizeof what, "models[%zu]", i);
		m = json_array_get(list, i);
		if (json_is_object(json_object_get(m, "model")))
			m = json_object_get(m, "model");
		if (nam_add_child(r, m, d, what))
			return -1;
		rate = d->children[i]->rate_hz;
		if (rate > 0 && d->rate_hz > 0 && rate != d->rate_hz)
			return nam_bad(r, ERR_INPUT, "%s is for %g Hz, what is before it for %g Hz", what,
			    rate, d->rate_hz);
		if (rate > 0)
			d->rate_hz = rate;
		if (i && d->children[i]->in_channels != d->children[i - 1]->out_channels)
			return nam_bad(r, ERR_INPUT, "%s takes %d channels, the one before gives %d", what,
			    d->children[i]->in_channels, d->children[i - 1]->out_channels);
	}
	d->in_channels = d->children[0]->in_channels;
	d->out_channels = d->children[n - 1]->out_channels;
	return 0;
}

/* ---- slimming ---------------------------------------------------------------------- */

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
static int
slim_wavenet(const struct nam_reader *r, struct nam_desc *d, double slim)
{
	struct slicer s = { d->weights, NULL };
	float *w;

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
		if (head > a->head_out || (i + 1 < d->n_arrays && !a[1].h1_active && a[1].l1_active &&
		    a[1].bottleneck != a[1].channels)) {
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

/* Replace *d by the submodel for slim (-1: the last). */
static void
choose_submodel(struct nam_desc **d, double slim)
{
	struct nam_desc *c = *d, *pick;
	int i = 0;

	if (slim < 0)
		i = c->n_children - 1;
	while (i < c->n_children - 1 && !(slim < c->max_value[i]))
		i++;
	pick = c->children[i];
	if (pick->rate_hz <= 0)
		pick->rate_hz = c->rate_hz;
	c->children[i] = NULL;
	nam_desc_free(c);
	*d = pick;
}

/* ---- a model ----------------------------------------------------------------------- */

/* Three numbers with dots between, nothing else.  0.5.0 to 0.7.x are read. */
static int
check_version(const struct nam_reader *r, const json_t *v)
{
	const char *s = json_string_value(v), *p = s;
	long part[3] = { 0 };

	if (!s)
		return nam_bad(r, ERR_INPUT, "\"version\" is not a string");
	for (int i = 0; i < 3; i++) {
		char *end;

		if (*p < '0' || *p > '9' || strspn(p, "0123456789") > 9)
			return nam_bad(r, ERR_INPUT, "version \"%.40s\" is not like 0.5.4", s);
		part[i] = strtol(p, &end, 10);
		p = end;
		if (*p++ != (i < 2 ? '.' : '\0'))
			return nam_bad(r, ERR_INPUT, "version \"%.40s\" is not like 0.5.4", s);
	}
	if (part[0] > 0 || part[1] > 7 || part[1] < 5)
		return nam_bad(r, ERR_UNSUPPORTED, "file version %.40s is not supported (0.5.0 to 0.7.x are)",
		    s);
	if (r->info) {
		snprintf(r->info->file_version, sizeof r->info->file_version, "%s", s);
		r->info->newer_version = part[1] == 7 && part[2] > 0;
	}
	return 0;
}

int
nam_parse_rate(const struct nam_reader *r, const json_t *v, double *rate)
{
	*rate = -1;
	if (!v)
		return 0;
	if (!json_is_number(v))
		return nam_bad(r, ERR_INPUT, "\"sample_rate\" is not a number");
	if (json_number_value(v) > 768000)
		return nam_bad(r, ERR_INPUT, "\"sample_rate\" is %g Hz, more than 768000", json_number_value(v));
	if (json_number_value(v) > 0)
		*rate = json_number_value(v);
	return 0;
}

static int
meta_number(const struct nam_reader *r, const json_t *m, const char *key, int strict, double *out)
{
	const json_t *v = json_object_get(m, key);

	*out = NAN;
	if (json_is_number(v))
		*out = json_number_value(v);
	else if (strict && v && !json_is_null(v))
		return nam_bad(r, ERR_INPUT, "metadata \"%s\" is not a number", key);
	return 0;
}

int
nam_meta_string(const json_t *m, const char *key, char **out)
{
	const char *s = json_string_value(json_object_get(m, key));

	if (!s || *out)
		return 0;
	*out = strdup(s);
	return *out ? 0 : -1;
}

static int
parse_metadata(const struct nam_reader *r, const json_t *m)
{
	struct nam_info none = { 0 }, *i = r->info ? r->info : &none;
	const json_t *training = json_object_get(m, "training");

	if (m && !json_is_object(m) && !json_is_null(m))
		return nam_bad(r, ERR_INPUT, "\"metadata\" is not an object");
	if (meta_number(r, m, "loudness", 1, &i->loudness_db) ||
	    meta_number(r, m, "input_level_dbu", 1, &i->input_level_dbu) ||
	    meta_number(r, m, "output_level_dbu", 1, &i->output_level_dbu) ||
	    meta_number(r, m, "gain", 0, &i->gain) ||
	    meta_number(r, training, "validation_esr", 0, &i->validation_esr))
		return -1;
	if (r->info && (nam_meta_string(m, "name", &i->name) ||
	    nam_meta_string(m, "modeled_by", &i->modeled_by) ||
	    nam_meta_string(m, "gear_type", &i->gear_type) ||
	    nam_meta_string(m, "gear_make", &i->gear_make) ||
	    nam_meta_string(m, "gear_model", &i->gear_model) ||
	    nam_meta_string(m, "tone_type", &i->tone_type) ||
	    nam_meta_string(m, "license", &i->license)))
		return nam_no_memory(r);
	return 0;
}

static void
note_slim(const struct nam_reader *r, const struct nam_desc *d)
{
	struct nam_info *info = r->info;
	const int max = sizeof info->slim / sizeof *info->slim;

	if (!info)
		return;
	if (d->kind == NAM_CONTAINER) {
		info->slimmable = 1;
		for (int i = 0; i < d->n_children - 1 && info->n_slim < max; i++)
			info->slim[info->n_slim++] = d->max_value[i];
	}
	for (int a = 0; a < d->n_arrays && !info->slimmable; a++) {
		info->slimmable = d->arrays[a].n_allowed > 0;
		for (int i = 1; i < d->arrays[a].n_allowed && info->n_slim < max; i++)
			info->slim[info->n_slim++] = (double)i / d->arrays[a].n_allowed;
	}
}

static int
read_weights(const struct nam_reader *r, const json_t *o, struct nam_desc *d)
{
	const size_t want = nam_desc_weights(d), have = json_array_size(json_object_get(o, "weights"));

	if (want == SIZE_MAX)
		return nam_bad(r, ERR_INPUT, "the configuration asks for more than %d weights; the file has %zu",
		    NAM_MAX_FLOATS, have);
	if (want != have)
		return nam_bad(r, ERR_INPUT, "the configuration asks for %zu weights; the file has %zu", want,
		    have);
	return nam_get_floats(r, json_object_get(o, "weights"), "weights", &d->weights, &d->n_weights);
}

static int
can_slim(const struct nam_desc *d)
{
	int n = d->kind == NAM_CONTAINER;

	for (int i = 0; i < d->n_arrays; i++)
		n += d->arrays[i].n_allowed;
	return n > 0;
}

int
nam_parse_model(struct nam_reader *r, const json_t *o, struct nam_desc **out)
{
	static const struct {
		const char *name;
		enum nam_kind kind;
		int (*parse)(struct nam_reader *, const json_t *, struct nam_desc *);
	} architectures[] = {
		{ "WaveNet", NAM_WAVENET, parse_wavenet },
		{ "SlimmableContainer", NAM_CONTAINER, parse_container },
		{ "Sequential", NAM_SEQUENTIAL, parse_sequential },
		{ "sequential", NAM_SEQUENTIAL, parse_sequential },
		{ "LSTM", NAM_LSTM, NULL }, { "ConvNet", NAM_CONVNET, NULL },
		{ "Linear", NAM_LINEAR, NULL },
	};
	const char *arch = json_string_value(json_object_get(o, "architecture"));
	const json_t *c = json_object_get(o, "config");
	struct nam_desc *d;
	size_t k = 0;
	int bad;

	*out = NULL;
	if (!json_is_object(o))
		return nam_bad(r, ERR_INPUT, "not a JSON object");
	if (!json_object_get(o, "version") || !arch || !json_object_get(o, "weights"))
		return nam_bad(r, ERR_INPUT, "\"%s\" is missing", !json_object_get(o, "version") ? "version" :
		    !arch ? "architecture" : "weights");
	if (check_version(r, json_object_get(o, "version")) || parse_metadata(r, json_object_get(o, "metadata")))
		return -1;
	if (!json_is_object(c))
		return nam_bad(r, ERR_INPUT, "\"config\" is not an object");
	while (k < sizeof architectures / sizeof *architectures && strcmp(arch, architectures[k].name))
		k++;
	if (k == sizeof architectures / sizeof *architectures)
		return nam_bad(r, ERR_UNSUPPORTED, "architecture \"%.40s\" is not known", arch);
	if (r->info)
		snprintf(r->info->architecture, sizeof r->info->architecture, "%s", arch);
	if (!(d = calloc(1, sizeof *d)))
		return nam_no_memory(r);
	d->kind = architectures[k].kind;
	bad = nam_parse_rate(r, json_object_get(o, "sample_rate"), &d->rate_hz);
	if (!bad)
		bad = d->kind == NAM_LSTM ? parse_lstm(r, c, d) :
		    d->kind == NAM_CONVNET ? parse_convnet(r, c, d) :
		    d->kind == NAM_LINEAR ? parse_linear(r, c, d) : architectures[k].parse(r, c, d);
	if (!bad && d->kind != NAM_CONTAINER && d->kind != NAM_SEQUENTIAL)
		bad = read_weights(r, o, d);
	if (!bad) {
		note_slim(r, d);
		if (r->slim >= 0 && !can_slim(d))
			bad = nam_bad(r, ERR_INPUT, "is not slimmable: there is one size only");
		else if (r->slim >= 0 && d->kind == NAM_WAVENET)
			bad = slim_wavenet(r, d, r->slim);
	}
	if (bad) {
		nam_desc_free(d);
		return -1;
	}
	if (d->kind == NAM_CONTAINER)
		choose_submodel(&d, r->slim);
	*out = d;
	return 0;
}

int
nam_desc_parse(struct nam_desc **d, struct nam_info *info, const char *data, size_t len,
    const char *name, double slim, struct err *e)
{
	struct nam_reader r = { .name = name, .e = e, .info = info, .slim = slim };
	json_error_t je;
	json_t *root;
	int status;

	*d = NULL;
	if (len > NAM_MAX_FILE)
		return nam_bad(&r, ERR_INPUT, "larger than %d MiB", NAM_MAX_FILE >> 20);
	if (len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3)) {
		data += 3;
		len -= 3;
	}
	/* As the players read: text after the object is ignored, the last of equal keys counts. */
	root = json_loadb(data, len, JSON_DECODE_INT_AS_REAL | JSON_DISABLE_EOF_CHECK, &je);
	if (!root)
		return nam_bad(&r, json_error_code(&je) == json_error_out_of_memory ? ERR_NOMEM : ERR_INPUT,
		    "not JSON: line %d, column %d: %.120s", je.line, je.column, je.text);
	if (!json_is_object(root))
		status = nam_bad(&r, ERR_INPUT, "not a JSON object");
	else if (nam_is_rtneural(root))
		status = nam_parse_rtneural(&r, root, d);
	else
		status = nam_parse_model(&r, root, d);
	json_decref(root);
	return status;
}

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
