/* spec.c - effects by name, and chains as text and JSON. */
#include "fx/spec.h"
#include "fx/lv2.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct fx_effect *const effects[] = { &fx_gain, &fx_boost, &fx_gate, &fx_comp, &fx_eq, &fx_saturate,
	&fx_delay, &fx_reverb };
enum { EFFECTS = sizeof effects / sizeof *effects };

const struct fx_info *
fx_info(size_t i)
{
	return i < EFFECTS ? &effects[i]->info : NULL;
}

static int
nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* Letters that two words share at the same place, to guess what a wrong one meant. */
static int
likeness(const char *a, const char *b, size_t b_len)
{
	size_t n = strlen(a), i;
	int same = 0;

	for (i = 0; i < n && i < b_len; i++)
		same += 2 * (a[i] == b[i]);
	return same - (int)(n > b_len ? n - b_len : b_len - n);
}

/* ---- values ---------------------------------------------------------------------------- */

int
fx_param_find(const struct fx_info *info, const char *name, size_t len, struct err *e)
{
	int best = 0, like = -1000;

	for (int i = 0; i < info->params; i++) {
		const char *p = info->param[i].name;

		if (strlen(p) == len && !strncmp(p, name, len))
			return i;
		if (likeness(p, name, len) > like) {
			like = likeness(p, name, len);
			best = i;
		}
	}
	return err_set(e, ERR_INPUT, "%s: there is no parameter '%.*s'; did you mean '%s'? (audio-fx --list names all)",
	    info->name, len > 60 ? 60 : (int)len, name, info->param[best].name);
}

int
fx_value_check(const struct fx_info *info, const struct fx_param *p, double v, struct err *e)
{
	const char *gap = *p->unit ? " " : "";

	if (p->kind == FX_SWITCH && v != 0 && v != 1)
		return err_set(e, ERR_INPUT, "%s: %s is %g; it is 0 or 1", info->name, p->name, v);
	if (!(v >= p->min && v <= p->max))
		return err_set(e, ERR_INPUT, "%s: %s %g%s%s is not within %g..%g%s%s", info->name, p->name, v, gap, p->unit,
		    p->min, p->max, gap, p->unit);
	if (p->kind == FX_WHOLE && v != floor(v))
		return err_set(e, ERR_INPUT, "%s: %s is %g; it must be a whole number", info->name, p->name, v);
	return 0;
}

static int
not_a_word(const struct fx_info *info, const struct fx_param *p, const char *text, struct err *e)
{
	struct str s = { 0 };

	for (int i = 0; p->words[i]; i++)
		str_addf(&s, "%s%s", i ? ", " : "", p->words[i]);
	err_set(e, ERR_INPUT, "%s: %s '%.60s' is not one of %.300s", info->name, p->name, text, s.s ? s.s : "");
	str_free(&s);
	return -1;
}

int
fx_value_parse(const struct fx_info *info, const struct fx_param *p, const char *text, double *v, struct err *e)
{
	char *end;

	if (p->kind == FX_WORD) {
		for (int i = 0; p->words[i]; i++)
			if (!strcmp(p->words[i], text)) {
				*v = i;
				return 0;
			}
		return not_a_word(info, p, text, e);
	}
	*v = strtod(text, &end);
	if (end == text || strspn(text, "0123456789.eE+-") < (size_t)(end - text))
		return err_set(e, ERR_INPUT, "%s: %s '%.60s' is not a number", info->name, p->name, text);
	if (*end && strcasecmp(end, p->unit) != 0)
		return err_set(e, ERR_INPUT, "%s: %s '%.60s': after the number only its unit%s%s may stand", info->name,
		    p->name, text, *p->unit ? ", " : "", p->unit);
	return fx_value_check(info, p, *v, e);
}

/* ---- building a chain ------------------------------------------------------------------ */

int
fx_spec_new(struct fx_spec **s, struct err *e)
{
	*s = calloc(1, sizeof **s);
	return *s ? 0 : nomem(e);
}

static void
block_free(struct fx_block *b)
{
	for (size_t k = 0; k < b->lanes; k++) {
		free(b->lane[k].point);
		free(b->lane[k].text);
	}
	free(b->lane);
	free(b->v);
	free(b->given);
	free(b->plugin_preset);
	fx_lv2_free(b->plugin);
	memset(b, 0, sizeof *b);
}

void
fx_spec_free(struct fx_spec *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->blocks; i++)
		block_free(&s->block[i]);
	free(s);
}

static int
no_effect(const char *name, size_t len, struct err *e)
{
	struct str s = { 0 };

	for (size_t i = 0; i < EFFECTS; i++)
		str_addf(&s, ", %s", effects[i]->info.name);
	err_set(e, ERR_INPUT, "unknown effect '%.*s'; the effects are: %s, lv2:URI", len > 60 ? 60 : (int)len, name,
	    s.s ? s.s + 2 : "");
	str_free(&s);
	return -1;
}

/* The next block with an effect's defaults; it counts when the caller adds 1 to blocks.  uri: of the effect "lv2". */
static struct fx_block *
block_begin(struct fx_spec *s, const char *name, size_t len, const char *uri, struct err *e)
{
	struct fx_block *b = &s->block[s->blocks];
	size_t i = 0;

	if (s->blocks == FX_MAX_BLOCKS) {
		err_set(e, ERR_INPUT, "more than %d effects in a chain", FX_MAX_BLOCKS);
		return NULL;
	}
	while (i < EFFECTS && (strlen(effects[i]->info.name) != len || strncmp(effects[i]->info.name, name, len)))
		i++;
	if (len == 3 && !strncmp(name, "lv2", len)) {
		b->plugin = fx_lv2_effect(uri, e);
		b->fx = b->plugin;
	} else if (i < EFFECTS) {
		b->fx = effects[i];
	} else {
		no_effect(name, len, e);
	}
	if (!b->fx)
		return NULL;
	b->v = calloc((size_t)b->fx->info.params, sizeof *b->v);
	b->given = calloc((size_t)b->fx->info.params, 1);
	if (!b->v || !b->given) {
		block_free(b);
		nomem(e);
		return NULL;
	}
	for (int k = 0; k < b->fx->info.params; k++)
		b->v[k] = b->fx->info.param[k].def;
	return b;
}

/* NAME=VALUE, of len bytes. */
static int
assign(struct fx_block *b, const char *text, size_t len, int given, struct err *e)
{
	const struct fx_info *info = &b->fx->info;
	size_t name = strcspn(text, "=");
	char value[256];
	int i;

	if (name >= len)
		return err_set(e, ERR_INPUT, "%s: '%.*s' is no preset, and no PARAMETER=VALUE", info->name,
		    len > 60 ? 60 : (int)len, text);
	i = fx_param_find(info, text, name, e);
	if (i < 0)
		return -1;
	if (len - name - 1 >= sizeof value)
		return err_set(e, ERR_INPUT, "%s: the value of %s is too long", info->name, info->param[i].name);
	memcpy(value, text + name + 1, len - name - 1);
	value[len - name - 1] = '\0';
	if (given && b->given[i])
		return err_set(e, ERR_INPUT, "%s: %s is there twice", info->name, info->param[i].name);
	b->given[i] = (unsigned char)given;
	return fx_value_parse(info, &info->param[i], value, &b->v[i], e);
}

/* Parted by commas. */
static int
assign_all(struct fx_block *b, const char *text, int given, struct err *e)
{
	for (;;) {
		size_t len = strcspn(text, ",");

		if (assign(b, text, len, given, e))
			return -1;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

static int
use_preset(struct fx_block *b, const char *name, size_t len, struct err *e)
{
	const struct fx_info *info = &b->fx->info;
	struct str s = { 0 };

	if (b->plugin) {
		b->plugin_preset = str_printf("%.*s", (int)len, name);
		return b->plugin_preset ? fx_lv2_preset(b->fx, b->plugin_preset, b->v, e) : nomem(e);
	}
	for (const struct fx_preset *p = info->preset; p && p->name; p++) {
		if (strlen(p->name) == len && !strncmp(p->name, name, len)) {
			b->preset = p;
			str_free(&s);
			return assign_all(b, p->text, 0, e);
		}
		str_addf(&s, ", %s", p->name);
	}
	if (s.s)
		err_set(e, ERR_INPUT, "%s: unknown preset '%.*s'; the presets are: %.300s", info->name,
		    len > 60 ? 60 : (int)len, name, s.s + 2);
	else
		err_set(e, ERR_INPUT, "%s: '%.*s' is no PARAMETER=VALUE, and %s has no presets", info->name,
		    len > 60 ? 60 : (int)len, name, info->name);
	str_free(&s);
	return -1;
}

/* What stands first may be a preset or a bare number. */
static int
assign_first(struct fx_block *b, const char **text, struct err *e)
{
	const struct fx_info *info = &b->fx->info;
	size_t len = strcspn(*text, ",");
	char bare[320];

	static const char preset[] = "preset=";

	if (b->plugin && !strncmp(*text, preset, sizeof preset - 1)) {   /* anything may be the name of one */
		if (use_preset(b, *text + sizeof preset - 1, len - (sizeof preset - 1), e))
			return -1;
		*text += len + ((*text)[len] == ',');
		return 0;
	}
	if (memchr(*text, '=', len))
		return 0;
	if (info->bare && len < 64 && strchr("+-.0123456789", **text)) {
		int n = snprintf(bare, sizeof bare, "%s=%.*s", info->bare, (int)len, *text);

		if (assign(b, bare, (size_t)n, 1, e))
			return -1;
	} else if (use_preset(b, *text, len, e)) {
		return -1;
	}
	*text += len + ((*text)[len] == ',');
	return 0;
}

/* lv2:URI[,preset=NAME][,SYMBOL=VALUE...]; returns what follows the URI. */
static struct fx_block *
begin_text(struct fx_spec *s, const char **text, struct err *e)
{
	size_t name = strcspn(*text, ":"), len;
	const char *at = *text;
	struct fx_block *b;
	char *uri;

	*text += name + (at[name] == ':');
	if (name != 3 || strncmp(at, "lv2", name) != 0)
		return block_begin(s, at, name, NULL, e);
	len = strcspn(*text, ",");
	uri = str_printf("%.*s", (int)len, *text);
	*text += len + ((*text)[len] == ',');
	b = uri ? block_begin(s, at, name, uri, e) : NULL;
	if (!uri)
		nomem(e);
	free(uri);
	return b;
}

int
fx_spec_add(struct fx_spec *s, const char *text, struct err *e)
{
	int more = text[strcspn(text, ":")] == ':';
	struct fx_block *b = begin_text(s, &text, e);

	if (!b)
		return -1;
	if (b->plugin)
		more = *text != '\0';
	if (more && (assign_first(b, &text, e) || (*text && assign_all(b, text, 1, e)))) {
		block_free(b);
		return -1;
	}
	s->blocks++;
	return 0;
}

/* ---- from JSON ------------------------------------------------------------------------- */

static int
take_value(struct fx_block *b, const char *key, const json_t *v, struct err *e)
{
	const struct fx_info *info = &b->fx->info;
	int i = fx_param_find(info, key, strlen(key), e);
	const struct fx_param *p;

	if (i < 0)
		return -1;
	p = &info->param[i];
	b->given[i] = 1;
	if (p->kind == FX_WORD) {
		char number[32] = "";

		if (json_is_integer(v))         /* slopes are words that look like numbers */
			snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
		else if (!json_is_string(v))
			return err_set(e, ERR_INPUT, "%s: %s must be a text", info->name, p->name);
		return fx_value_parse(info, p, *number ? number : json_string_value(v), &b->v[i], e);
	}
	if (json_is_boolean(v) && p->kind == FX_SWITCH) {
		b->v[i] = json_is_true(v);
		return 0;
	}
	if (!json_is_number(v))
		return err_set(e, ERR_INPUT, "%s: %s must be a number, %g..%g%s%s", info->name, p->name, p->min, p->max,
		    *p->unit ? " " : "", p->unit);
	b->v[i] = json_number_value(v);
	return fx_value_check(info, p, b->v[i], e);
}

/* ---- automation ------------------------------------------------------------------------ */

static int
add_lane(struct fx_block *b, const char *text, struct err *e)
{
	const struct fx_info *info = &b->fx->info;
	struct fx_lane *more = realloc(b->lane, (b->lanes + 1) * sizeof *more);

	if (!more)
		return nomem(e);
	b->lane = more;
	if (fx_lane_parse(&b->lane[b->lanes], info, text, e))
		return -1;
	for (size_t k = 0; k < b->lanes; k++)
		if (b->lane[k].param == b->lane[b->lanes].param) {
			free(b->lane[b->lanes].point);
			free(b->lane[b->lanes].text);
			return err_set(e, ERR_INPUT, "automation of %s: %s is there twice", info->name,
			    info->param[b->lane[k].param].name);
		}
	b->lanes++;
	return 0;
}

int
fx_spec_automate(struct fx_spec *s, const char *text, struct err *e)
{
	size_t len = strcspn(text, ".="), found = 0;
	struct fx_block *b = NULL;
	long place = 0;

	if (text[len] != '.')
		return err_set(e, ERR_INPUT, "automation '%.60s' is not EFFECT.PARAMETER=POINTS", text);
	if (strspn(text, "0123456789") == len && len < 4)
		place = strtol(text, NULL, 10);
	for (size_t i = 0; i < s->blocks; i++) {
		const char *name = s->block[i].fx->info.name;

		if (place == (long)i + 1 || (!place && strlen(name) == len && !strncmp(name, text, len))) {
			b = &s->block[i];
			found++;
		}
	}
	if (!found)
		return err_set(e, ERR_INPUT, "automation '%.60s': there is no effect '%.*s' in this chain of %zu", text,
		    len > 60 ? 60 : (int)len, text, s->blocks);
	if (found > 1)
		return err_set(e, ERR_INPUT, "automation '%.60s': there are %zu of that name; give its place in the chain, "
		    "from 1", text, found);
	return add_lane(b, text + len + 1, e);
}

void
fx_spec_tempo(struct fx_spec *s, double bpm)
{
	s->bpm = bpm;
}

static int
take_lanes(struct fx_block *b, const json_t *o, struct err *e)
{
	const char *key;
	json_t *v;

	if (!json_is_object(o))
		return err_set(e, ERR_INPUT, "%s: automation must be an object, a text of points for each parameter",
		    b->fx->info.name);
	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		char *text = json_is_string(v) ? str_printf("%s=%s", key, json_string_value(v)) : NULL;
		int r = text ? add_lane(b, text, e) : err_set(e, ERR_INPUT, "automation of %s: %.60s must be a text of "
		    "points", b->fx->info.name, key);

		free(text);
		if (r)
			return -1;
	}
	return 0;
}

static int
take_object(struct fx_spec *s, struct fx_block *b, const json_t *o, struct err *e)
{
	const json_t *preset = json_object_get(o, "preset");
	const char *key;
	json_t *v;

	if (preset && !json_is_string(preset))
		return err_set(e, ERR_INPUT, "%s: preset must be a text", b->fx->info.name);
	if (preset && use_preset(b, json_string_value(preset), json_string_length(preset), e))
		return -1;
	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		if (!strcmp(key, "effect") || !strcmp(key, "preset") || (b->plugin && !strcmp(key, "uri")))
			continue;
		if (!strcmp(key, "automation") ? take_lanes(b, v, e) : take_value(b, key, v, e))
			return -1;
	}
	s->blocks++;
	return 0;
}

int
fx_spec_add_json(struct fx_spec *s, const json_t *v, struct err *e)
{
	const json_t *name = json_object_get(v, "effect");
	struct fx_block *b;

	if (json_is_string(v))
		return fx_spec_add(s, json_string_value(v), e);
	if (!json_is_object(v))
		return err_set(e, ERR_INPUT, "an effect is a text like \"eq:mid_scoop\" or an object");
	if (!json_is_string(name))
		return err_set(e, ERR_INPUT, "the effect has no name: give it as \"effect\"");
	if (!strcmp(json_string_value(name), "lv2") && !json_is_string(json_object_get(v, "uri")))
		return err_set(e, ERR_INPUT, "lv2: \"uri\" must be the URI of a plugin");
	b = block_begin(s, json_string_value(name), json_string_length(name),
	    json_string_value(json_object_get(v, "uri")), e);
	if (!b)
		return -1;
	if (take_object(s, b, v, e)) {
		block_free(b);
		return -1;
	}
	return 0;
}

/* ---- what is there -------------------------------------------------------------------- */

size_t
fx_spec_count(const struct fx_spec *s)
{
	return s->blocks;
}

const struct fx_info *
fx_spec_info(const struct fx_spec *s, size_t i)
{
	return &s->block[i].fx->info;
}

double
fx_block_value(const struct fx_spec *s, size_t i, int param)
{
	const struct fx_block *b = &s->block[i];
	int follows = s->bpm > 0 && !b->given[param] && !strcmp(b->fx->info.param[param].name, "bpm");

	return follows ? s->bpm : b->v[param];
}

double
fx_spec_value(const struct fx_spec *s, size_t i, int param)
{
	return s->block[i].v[param];
}
