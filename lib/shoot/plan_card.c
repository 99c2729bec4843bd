/* plan_card.c - the JSON that tells the later steps of a plan what a tone is called, for its segment and its card. */
#include "cli/jsonl.h"
#include "shoot/plan_impl.h"

/* Append a string to a list, with jl_str's care of bad UTF-8. */
static void
add_text(json_t *list, const char *text)
{
	json_t *one = json_object();

	jl_str(one, "text", text);
	json_array_append(list, json_object_get(one, "text"));
	json_decref(one);
}

json_t *
plan_segment(const struct desc *d, const struct desc_di *di, size_t ci, const char *id)
{
	const struct desc_chain *c = &d->chain[ci];
	struct str chain = { 0 }, file = { 0 };
	json_t *o = json_object(), *credits = json_array();
	char label[8];

	desc_label(ci, label);
	for (size_t i = 0; i < c->stages; i++) {
		str_addf(&chain, "%s%s", i ? " \xe2\x86\x92 " : "", c->stage[i].name);
		if (c->stage[i].credit)
			add_text(credits, c->stage[i].credit);
	}
	jl_str(o, "schema", "segment/1");
	jl_str(o, "kind", "segment");
	jl_str(o, "label", label);
	jl_str(o, "name", id);
	jl_str(o, "title", c->name);
	jl_str(o, "di", di->name);
	jl_str(o, "chain", chain.s);
	jl_set(o, "credits", credits);
	str_addf(&file, "audio/%s.flac", id);
	jl_str(o, "file", file.s);
	jl_int(o, "start_frame", 0);
	jl_int(o, "length_frames", di->frames);
	str_free(&file);
	str_addf(&file, "work/%s.level.json", id);
	jl_str(o, "level", file.s);
	str_free(&file);
	str_addf(&file, "cards/%s.png", id);
	jl_str(o, "card", file.s);
	str_free(&file);
	str_free(&chain);
	return o;
}

json_t *
plan_card(const struct desc *d, const struct desc_di *di, size_t ci)
{
	const struct desc_chain *c = &d->chain[ci];
	json_t *o = json_object(), *stages = json_array(), *credits = json_array();
	char label[8];

	desc_label(ci, label);
	jl_str(o, "schema", "card/1");
	jl_str(o, "kind", "segment");
	jl_str(o, "label", label);
	jl_str(o, "title", c->name);
	jl_str(o, "di", di->name);
	for (size_t i = 0; i < c->stages; i++) {
		add_text(stages, c->stage[i].name);
		if (c->stage[i].credit)
			add_text(credits, c->stage[i].credit);
	}
	jl_set(o, "chain", stages);
	jl_str(o, "subtitle", d->title);
	jl_set(o, "credits", credits);
	return o;
}

json_t *
plan_title_card(const struct desc *d)
{
	json_t *o = json_object(), *lines = json_array();

	jl_str(o, "schema", "card/1");
	jl_str(o, "kind", "title");
	jl_str(o, "title", d->title);
	if (d->author)
		jl_str(o, "subtitle", d->author);
	for (size_t i = 0; i < d->chains; i++) {
		struct str s = { 0 };
		char label[8];

		desc_label(i, label);
		str_addf(&s, "%s  %s", label, d->chain[i].name);
		add_text(lines, s.s ? s.s : "");
		str_free(&s);
	}
	jl_set(o, "lines", lines);
	return o;
}
