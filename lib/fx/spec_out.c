/* spec_out.c - effects and chains as text and JSON, for plans, lists and reports. */
#include "fx/spec.h"
#include "fx/lv2.h"
#include "base/str.h"
#include "cli/jsonl.h"

#include <stdlib.h>
#include <string.h>

static void
add_value(struct str *s, const struct fx_param *p, double v)
{
	char text[32];

	if (p->kind == FX_WORD) {
		str_addf(s, "%s=%s", p->name, p->words[(int)v]);
		return;
	}
	for (int digits = 6; digits <= 17; digits += 11) {      /* the short one if it is the same number */
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	str_addf(s, "%s=%s", p->name, text);
}

char *
fx_spec_text(const struct fx_spec *s, size_t i)
{
	const struct fx_block *b = &s->block[i];
	struct str t = { 0 };
	char sep = ':';

	str_add(&t, b->fx->info.name);
	if (b->plugin) {
		str_addf(&t, ":%s", fx_lv2_uri(b->fx));
		sep = ',';
	}
	if (b->plugin_preset)
		str_addf(&t, ",preset=%s", b->plugin_preset);
	if (b->preset) {
		str_addf(&t, "%c%s", sep, b->preset->name);
		sep = ',';
	}
	for (int k = 0; k < b->fx->info.params; k++)
		if (b->given[k]) {
			str_addn(&t, &sep, 1);
			add_value(&t, &b->fx->info.param[k], b->v[k]);
			sep = ',';
		}
	if (t.failed)
		str_free(&t);
	return t.s;
}

char *
fx_spec_lane_text(const struct fx_spec *s, size_t i, size_t k)
{
	const struct fx_block *b = &s->block[i];

	return k < b->lanes ? str_printf("%zu.%s", i + 1, b->lane[k].text) : NULL;
}

static json_t *
value_json(const struct fx_param *p, double v)
{
	return p->kind == FX_WORD ? json_string(p->words[(int)v]) : p->kind == FX_NUMBER ? json_real(v) :
	    p->kind == FX_SWITCH ? json_boolean(v != 0) : json_integer((json_int_t)v);
}

json_t *
fx_spec_json(const struct fx_spec *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->blocks; i++) {
		const struct fx_block *b = &s->block[i];
		json_t *o = json_object();

		jl_str(o, "effect", b->fx->info.name);
		if (b->plugin)
			jl_str(o, "uri", fx_lv2_uri(b->fx));
		for (int k = 0; k < b->fx->info.params; k++)
			jl_set(o, b->fx->info.param[k].name, value_json(&b->fx->info.param[k],
			    fx_block_value(s, i, k)));
		if (b->lanes) {
			json_t *lanes = json_object();

			for (size_t k = 0; k < b->lanes; k++)
				jl_str(lanes, b->fx->info.param[b->lane[k].param].name, strchr(b->lane[k].text, '=') + 1);
			jl_set(o, "automation", lanes);
		}
		json_array_append_new(list, o);
	}
	return list;
}

json_t *
fx_spec_info_json(const struct fx_spec *s, size_t i)
{
	json_t *o = fx_info_json(fx_spec_info(s, i));

	jl_str(o, "uri", s->block[i].plugin ? fx_lv2_uri(s->block[i].fx) : NULL);
	return o;
}

json_t *
fx_info_json(const struct fx_info *info)
{
	static const char *const kinds[] = { "number", "whole", "switch", "word" };
	json_t *o = jl_new("fx-info/1"), *params = json_array(), *presets = json_array();

	jl_str(o, "effect", info->name);
	jl_str(o, "about", info->about);
	jl_str(o, "uri", NULL);
	for (int k = 0; k < info->params; k++) {
		const struct fx_param *p = &info->param[k];
		json_t *q = json_object(), *words = p->kind == FX_WORD ? json_array() : NULL;

		for (int w = 0; words && p->words[w]; w++)
			json_array_append_new(words, json_string(p->words[w]));
		jl_str(q, "name", p->name);
		jl_str(q, "kind", kinds[p->kind]);
		jl_str(q, "unit", *p->unit ? p->unit : NULL);
		jl_set(q, "min", p->kind == FX_NUMBER || p->kind == FX_WHOLE ? json_real(p->min) : NULL);
		jl_set(q, "max", p->kind == FX_NUMBER || p->kind == FX_WHOLE ? json_real(p->max) : NULL);
		jl_set(q, "default", value_json(p, p->def));
		jl_set(q, "words", words);
		jl_bool(q, "automatable", 1);
		jl_str(q, "help", p->help);
		json_array_append_new(params, q);
	}
	for (const struct fx_preset *p = info->preset; p && p->name; p++) {
		json_t *q = json_object();

		jl_str(q, "name", p->name);
		jl_str(q, "text", p->text);
		jl_str(q, "help", p->help);
		json_array_append_new(presets, q);
	}
	jl_set(o, "params", params);
	jl_set(o, "presets", presets);
	return o;
}
