/* nam_json.c - what a model is, as JSON. */
#include "nam/nam_json.h"
#include "cli/jsonl.h"
#include "nam/nam_desc.h"

#include <math.h>
#include <stdio.h>

/* ---- structure --------------------------------------------------------------------- */

/* "Tanh", or {"type": "LeakyReLU", "negative_slope": 0.01}, as files write it. */
static json_t *
act_json(const struct nam_act *a)
{
	static const char *const names[] = {
		[NAM_ACT_NONE] = "none", [NAM_ACT_TANH] = "Tanh", [NAM_ACT_HARDTANH] = "Hardtanh",
		[NAM_ACT_FASTTANH] = "Fasttanh", [NAM_ACT_RELU] = "ReLU", [NAM_ACT_LEAKY_RELU] = "LeakyReLU",
		[NAM_ACT_PRELU] = "PReLU", [NAM_ACT_SIGMOID] = "Sigmoid", [NAM_ACT_SILU] = "SiLU",
		[NAM_ACT_HARDSWISH] = "Hardswish", [NAM_ACT_LEAKY_HARDTANH] = "LeakyHardtanh",
		[NAM_ACT_SOFTSIGN] = "Softsign", [NAM_ACT_ELU] = "ELU",
	};
	json_t *o, *list;

	if (a->type != NAM_ACT_LEAKY_RELU && a->type != NAM_ACT_PRELU && a->type != NAM_ACT_LEAKY_HARDTANH)
		return json_string(names[a->type]);
	o = json_object();
	jl_str(o, "type", names[a->type]);
	if (a->type == NAM_ACT_LEAKY_HARDTANH) {
		jl_num(o, "min_val", (double)a->p[0]);
		jl_num(o, "max_val", (double)a->p[1]);
		jl_num(o, "min_slope", (double)a->p[2]);
		jl_num(o, "max_slope", (double)a->p[3]);
	} else if (a->n_slopes) {
		list = json_array();
		for (int i = 0; i < a->n_slopes; i++)
			json_array_append_new(list, json_real((double)a->slopes[i]));
		jl_set(o, "negative_slopes", list);
	} else {
		jl_num(o, "negative_slope", (double)a->p[0]);
	}
	return o;
}

static const char *
gating_name(enum nam_gating g)
{
	return g == NAM_GATE_NONE ? "none" : g == NAM_GATE_GATED ? "gated" : "blended";
}

/* What all layers of an array have in common is said once, the rest as a list. */
static void
set_per_layer(json_t *o, const char *key, json_t *list)
{
	for (size_t i = 1; i < json_array_size(list); i++)
		if (!json_equal(json_array_get(list, i), json_array_get(list, 0))) {
			jl_set(o, key, list);
			return;
		}
	jl_set(o, key, json_incref(json_array_get(list, 0)));
	json_decref(list);
}

static json_t *
array_json(const struct nam_wn_array *a)
{
	json_t *o = json_object(), *kernels = json_array(), *dilations = json_array(), *acts = json_array();
	json_t *gating = json_array(), *gates = json_array(), *films = json_object(), *x;
	int gated = 0, any_film = 0;

	for (int l = 0; l < a->n_layers; l++) {
		const struct nam_wn_layer *w = &a->layers[l];

		gated |= w->gating != NAM_GATE_NONE;
		json_array_append_new(kernels, json_integer(w->kernel));
		json_array_append_new(dilations, json_integer(w->dilation));
		json_array_append_new(acts, act_json(&w->act));
		json_array_append_new(gating, json_string(gating_name(w->gating)));
		json_array_append_new(gates, w->gating == NAM_GATE_NONE ? json_null() : act_json(&w->gate));
	}
	jl_int(o, "layers", a->n_layers);
	jl_int(o, "channels", a->channels);
	jl_int(o, "bottleneck", a->bottleneck);
	jl_int(o, "input_size", a->input_size);
	jl_int(o, "condition_size", a->condition_size);
	set_per_layer(o, "kernel_size", kernels);
	jl_set(o, "dilations", dilations);
	set_per_layer(o, "activation", acts);
	set_per_layer(o, "gating_mode", gating);
	if (gated)
		set_per_layer(o, "secondary_activation", gates);
	else
		json_decref(gates);
	jl_int(o, "groups_input", a->groups_input);
	jl_int(o, "groups_input_mixin", a->groups_mixin);
	x = a->l1_active ? json_object() : NULL;
	if (x)
		jl_int(x, "groups", a->l1_groups);
	jl_set(o, "layer1x1", x);
	x = a->h1_active ? json_object() : NULL;
	if (x) {
		jl_int(x, "out_channels", a->h1_out);
		jl_int(x, "groups", a->h1_groups);
	}
	jl_set(o, "head1x1", x);
	for (int f = 0; f < NAM_FILMS; f++) {
		if (!a->film[f].active)
			continue;
		any_film = 1;
		x = json_object();
		jl_bool(x, "shift", a->film[f].shift);
		jl_int(x, "groups", a->film[f].groups);
		jl_set(films, nam_film_keys[f], x);
	}
	if (any_film)
		jl_set(o, "film", films);
	else
		json_decref(films);
	x = json_object();
	jl_int(x, "out_channels", a->head_out);
	jl_int(x, "kernel_size", a->head_kernel);
	jl_int(x, "head_dilation", a->head_dilation);
	jl_bool(x, "bias", a->head_bias);
	jl_set(o, "head", x);
	if (a->n_allowed) {
		x = json_array();
		for (int i = 0; i < a->n_allowed; i++)
			json_array_append_new(x, json_integer(a->allowed[i]));
		jl_set(o, "allowed_channels", x);
	}
	return o;
}

static json_t *
json_layer_json(const struct nam_json_layer *l)
{
	static const char *const types[] = {
		[NAM_JSON_CONV] = "conv", [NAM_JSON_AFFINE] = "batchnorm", [NAM_JSON_ACT] = "activation",
		[NAM_JSON_LSTM] = "lstm", [NAM_JSON_GRU] = "gru",
	};
	json_t *o = json_object();

	jl_str(o, "type", l->type == NAM_JSON_CONV && l->kernel == 1 ? "dense" : types[l->type]);
	jl_int(o, "in", l->in);
	jl_int(o, "out", l->out);
	if (l->type == NAM_JSON_CONV && l->kernel > 1) {
		jl_int(o, "kernel_size", l->kernel);
		jl_int(o, "dilation", l->dilation);
	}
	if (l->softmax)
		jl_str(o, "activation", "softmax");
	else if (l->act.type != NAM_ACT_NONE)
		jl_set(o, "activation", act_json(&l->act));
	return o;
}

static json_t *structure(const struct nam_desc *d);

static void
wavenet_structure(json_t *o, const struct nam_desc *d)
{
	json_t *list = json_array(), *h;

	for (int i = 0; i < d->n_arrays; i++)
		json_array_append_new(list, array_json(&d->arrays[i]));
	jl_set(o, "layer_arrays", list);
	jl_num(o, "head_scale", d->head_scale);
	if (d->n_head) {
		h = json_object();
		list = json_array();
		for (int i = 0; i < d->n_head; i++)
			json_array_append_new(list, json_integer(d->head_kernels[i]));
		jl_int(h, "channels", d->head_channels);
		jl_int(h, "out_channels", d->out_channels);
		jl_set(h, "kernel_sizes", list);
		jl_set(h, "activation", act_json(&d->head_act));
		jl_set(o, "head", h);
	}
	if (d->n_children)
		jl_set(o, "condition_dsp", structure(d->children[0]));
}

static json_t *
structure(const struct nam_desc *d)
{
	json_t *o = json_object(), *list;

	jl_str(o, "architecture", nam_kind_name(d->kind));
	jl_int(o, "in_channels", d->in_channels);
	jl_int(o, "out_channels", d->out_channels);
	switch (d->kind) {
	case NAM_WAVENET:
		wavenet_structure(o, d);
		break;
	case NAM_LSTM:
		jl_int(o, "num_layers", d->n_layers);
		jl_int(o, "input_size", d->input_size);
		jl_int(o, "hidden_size", d->hidden);
		break;
	case NAM_CONVNET:
		list = json_array();
		for (int i = 0; i < d->n_dilations; i++)
			json_array_append_new(list, json_integer(d->dilations[i]));
		jl_int(o, "channels", d->channels);
		jl_set(o, "dilations", list);
		jl_bool(o, "batchnorm", d->batchnorm);
		jl_set(o, "activation", act_json(&d->act));
		jl_int(o, "groups", d->groups);
		break;
	case NAM_LINEAR:
		jl_int(o, "receptive_field", d->taps);
		jl_bool(o, "bias", d->bias);
		break;
	case NAM_JSON:
		list = json_array();
		for (int i = 0; i < d->n_json; i++)
			json_array_append_new(list, json_layer_json(&d->json[i]));
		jl_set(o, "layers", list);
		jl_bool(o, "in_skip", d->skip);
		jl_num(o, "in_gain_db", d->in_gain > 0 ? 20 * log10((double)d->in_gain) : NAN);
		jl_num(o, "out_gain_db", d->out_gain > 0 ? 20 * log10((double)d->out_gain) : NAN);
		break;
	case NAM_CONTAINER: case NAM_SEQUENTIAL:
		list = json_array();
		for (int i = 0; i < d->n_children; i++)
			json_array_append_new(list, structure(d->children[i]));
		jl_set(o, "models", list);
		break;
	}
	return o;
}

/* ---- the objects ------------------------------------------------------------------- */

static void
describe(json_t *o, const char *file, const struct nam_model *m)
{
	const struct nam_info *i = nam_model_info(m);

	jl_str(o, "file", file);
	jl_str(o, "sha256", nam_model_sha256(m));
	jl_str(o, "format", i->format);
	jl_str(o, "file_version", *i->file_version ? i->file_version : NULL);
	jl_str(o, "architecture", i->architecture);
	jl_str(o, "selected", i->selected);
	jl_num(o, "sample_rate_hz", i->rate_hz > 0 ? i->rate_hz : NAN);
	jl_int(o, "weights", (long long)i->weights);
	jl_int(o, "receptive_field_frames", (long long)i->receptive_field);
	jl_int(o, "params", i->params);
	jl_str(o, "name", i->name);
	jl_str(o, "modeled_by", i->modeled_by);
	jl_str(o, "gear_type", i->gear_type);
	jl_str(o, "gear_make", i->gear_make);
	jl_str(o, "gear_model", i->gear_model);
	jl_str(o, "tone_type", i->tone_type);
	jl_str(o, "license", i->license);
	jl_num(o, "loudness_db", i->loudness_db);
	jl_num(o, "gain", i->gain);
	jl_num(o, "input_level_dbu", i->input_level_dbu);
	jl_num(o, "output_level_dbu", i->output_level_dbu);
}

json_t *
nam_info_json_short(const char *file, const struct nam_model *m)
{
	json_t *o = json_object();

	describe(o, file, m);
	return o;
}

json_t *
nam_info_json(const char *file, const struct nam_model *m)
{
	const struct nam_info *i = nam_model_info(m);
	const double rate = i->rate_hz > 0 ? i->rate_hz : 48000;
	json_t *o = jl_new("nam-info/1"), *list = json_array();

	describe(o, file, m);
	jl_bool(o, "newer_version", i->newer_version);
	jl_bool(o, "recurrent", i->recurrent);
	jl_int(o, "macs_per_frame", (long long)i->macs);
	jl_int(o, "transcendentals_per_frame", (long long)i->transcendentals);
	jl_num(o, "flops_per_s", 2 * (double)i->macs * rate);
	jl_int(o, "state_bytes", (long long)i->state_bytes);
	jl_int(o, "out_channels", i->out_channels);
	jl_bool(o, "slimmable", i->slimmable);
	for (int k = 0; k < i->n_slim; k++)
		json_array_append_new(list, json_real(i->slim[k]));
	jl_set(o, "slim_breakpoints", list);
	jl_num(o, "validation_esr", i->validation_esr);
	jl_str(o, "date", *i->date ? i->date : NULL);
	jl_str(o, "trainer", i->trainer);
	jl_num(o, "training_latency_frames", i->latency_frames);
	jl_set(o, "training_checks_passed", i->checks_passed < 0 ? NULL : json_boolean(i->checks_passed));
	jl_str(o, "source", i->source);
	jl_str(o, "style", i->style);
	jl_str(o, "based_on", i->based_on);
	jl_str(o, "dataset", i->dataset);
	jl_set(o, "structure", structure(nam_model_desc(m)));
	return o;
}
