/* desc.c - read a description and say everything that is wrong with it. */
#include "shoot/desc.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "shoot/tone.h"
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One key of an object: what it may hold and where that goes. */
struct field {
	const char *key;
	enum { F_STR, F_NUM, F_INT, F_BOOL, F_SIZE, F_ARRAY, F_OBJECT } kind;
	void *to;             /* char **, double *, int *, int[2], json_t ** */
	int need;
	double min, max;      /* of numbers */
};

struct reader {
	struct desc *d;
	struct desc_problems *p;
	char *dir;            /* folder of the description, absolute */
	int nomem;
};

void
desc_problem(struct desc_problems *p, int is_warning, const char *where, const char *fmt, ...)
{
	struct desc_problem *v = realloc(p->v, (p->n + 1) * sizeof *v);
	char what[512];
	va_list ap;

	p->errors += !is_warning;       /* counted even when it cannot be kept */
	if (!v)
		return;
	p->v = v;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	v[p->n].where = str_printf("%s", where);
	v[p->n].what = str_printf("%s", what);
	v[p->n].is_warning = is_warning;
	p->n++;
}

void
desc_problems_free(struct desc_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].where);
		free(p->v[i].what);
	}
	free(p->v);
	memset(p, 0, sizeof *p);
}

void
desc_label(size_t i, char out[8])
{
	char rev[8];
	size_t n = 0, k = 0;

	do {
		rev[n++] = (char)('A' + i % 26);
		i = i / 26;
	} while (i-- && n < 7);
	while (n)
		out[k++] = rev[--n];
	out[k] = '\0';
}

/* Letters two words share at the same place, to guess what a wrong key meant. */
static int
likeness(const char *a, const char *b)
{
	int same = 0;

	for (size_t i = 0; a[i] && b[i]; i++)
		same += a[i] == b[i];
	return 2 * same - (int)(strlen(a) > strlen(b) ? strlen(a) - strlen(b) : strlen(b) - strlen(a));
}

static void
unknown_key(struct reader *r, const char *where, const char *key, const struct field *f)
{
	const struct field *best = f;

	for (const struct field *g = f; g->key; g++)
		if (likeness(g->key, key) > likeness(best->key, key))
			best = g;
	desc_problem(r->p, 0, where, "unknown key '%.60s'; did you mean '%s'?", key, best->key);
}

/* A picture size like "1920x1080". */
static int
parse_size(const char *s, int out[2])
{
	char rest;

	return sscanf(s, "%dx%d%c", &out[0], &out[1], &rest) == 2 && out[0] >= 320 && out[0] <= 7680 &&
	    out[1] >= 180 && out[1] <= 4320 && out[0] % 2 == 0 && out[1] % 2 == 0;
}

static void
take(struct reader *r, const struct field *f, const char *at, json_t *v)
{
	static const char *const names[] = { "text", "a number", "a whole number", "true or false",
		"a size like \"1920x1080\"", "a list", "an object" };
	int good = 1;

	switch (f->kind) {
	case F_STR:
		good = json_is_string(v) && *json_string_value(v);
		if (good && !(*(char **)f->to = str_printf("%s", json_string_value(v))))
			r->nomem = 1;
		break;
	case F_NUM:
		good = json_is_number(v);
		if (good)
			*(double *)f->to = json_number_value(v);
		break;
	case F_INT:
		good = json_is_integer(v) || (json_is_real(v) && json_real_value(v) == floor(json_real_value(v)));
		if (good && json_number_value(v) >= f->min && json_number_value(v) <= f->max)
			*(int *)f->to = (int)json_number_value(v);
		break;
	case F_BOOL:
		good = json_is_boolean(v);
		*(int *)f->to = json_is_true(v);
		break;
	case F_SIZE:
		good = json_is_string(v) && parse_size(json_string_value(v), f->to);
		break;
	case F_ARRAY:
		good = json_is_array(v) && json_array_size(v) > 0;
		*(json_t **)f->to = good ? v : NULL;
		if (json_is_array(v) && !good) {
			desc_problem(r->p, 0, at, "the list is empty; give at least one entry");
			return;
		}
		break;
	case F_OBJECT:
		good = json_is_object(v);
		*(json_t **)f->to = good ? v : NULL;
		break;
	}
	if (!good)
		desc_problem(r->p, 0, at, "must be %s", names[f->kind]);
	else if ((f->kind == F_NUM || f->kind == F_INT) &&
	    !(json_number_value(v) >= f->min && json_number_value(v) <= f->max))
		desc_problem(r->p, 0, at, "must be %g to %g, not %g", f->min, f->max, json_number_value(v));
}

/* Read the keys of o into fields (ends with a NULL key); report wrong, missing and unknown ones. */
static void
get_fields(struct reader *r, json_t *o, const char *where, const struct field *fields)
{
	const char *key;
	json_t *v;

	if (!json_is_object(o)) {
		desc_problem(r->p, 0, where, "must be an object");
		return;
	}
	json_object_foreach(o, key, v) {
		const struct field *f = fields;
		char at[256];

		while (f->key && strcmp(f->key, key))
			f++;
		if (!f->key) {
			unknown_key(r, where, key, fields);
			continue;
		}
		snprintf(at, sizeof at, "%s/%s", where, key);
		take(r, f, at, v);
	}
	for (const struct field *f = fields; f->key; f++)
		if (f->need && !json_object_get(o, f->key))
			desc_problem(r->p, 0, where, "the key '%s' is missing", f->key);
}

/* Make *file absolute, in the struct and in the JSON. */
static void
absolute(struct reader *r, json_t *o, const char *key, char **file)
{
	char *full;

	if (!*file)
		return;
	if (**file != '/') {
		full = str_printf("%s/%s", r->dir, *file);
		free(*file);
		*file = full;
	}
	if (!*file || json_object_set_new(o, key, json_string(*file)))
		r->nomem = 1;
}

/* An id from what was given or from the name; must be unique among the n that have one. */
static void
settle_id(struct reader *r, const char *where, char **id, const char *name, json_t *o)
{
	char slug[48];

	path_slug(*id ? *id : name ? name : "x", slug, sizeof slug);
	if (*id && strcmp(*id, slug)) {
		desc_problem(r->p, 0, where, "the id '%.60s' must be lower-case letters, digits and single dashes; "
		    "'%s' would do", *id, slug);
		return;
	}
	if (!*id && !(*id = str_printf("%s", slug)))
		r->nomem = 1;
	if (*id && json_object_set_new(o, "id", json_string(*id)))
		r->nomem = 1;
}

static void
read_di(struct reader *r, size_t i, json_t *o)
{
	struct desc_di *di = &r->d->di[i];
	char where[64];
	struct field f[] = {
		{ "id", F_STR, &di->id, 0, 0, 0 }, { "name", F_STR, &di->name, 0, 0, 0 },
		{ "file", F_STR, &di->file, 1, 0, 0 }, { "start_s", F_NUM, &di->start_s, 0, 0, 86400 },
		{ "length_s", F_NUM, &di->length_s, 0, 0.5, 3600 }, { 0 }
	};

	snprintf(where, sizeof where, "/dis/%zu", i);
	di->length_s = -1;
	get_fields(r, o, where, f);
	if (!di->file)
		return;
	if (!di->name)
		di->name = path_stem(di->file);
	settle_id(r, where, &di->id, di->name, o);
	absolute(r, o, "file", &di->file);
	for (size_t k = 0; k < i && di->id; k++)
		if (r->d->di[k].id && !strcmp(r->d->di[k].id, di->id))
			desc_problem(r->p, 0, where, "has the same id, '%s', as /dis/%zu; give each DI its own", di->id, k);
}

/* What the card says of an effect: its name, its preset, its one number. */
static char *
effect_name(const json_t *o)
{
	static const struct { const char *effect, *name; } names[] = { { "comp", "compressor" }, { "eq", "EQ" } };
	const char *effect = json_string_value(json_object_get(o, "effect"));
	const json_t *preset = json_object_get(o, "preset"), *gain = json_object_get(o, "gain_db");
	char *name;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		effect = strcmp(effect, names[i].effect) ? effect : names[i].name;
	if (json_is_string(preset))
		name = str_printf("%s %s", effect, json_string_value(preset));
	else if (json_is_number(gain))
		name = str_printf("%s %+.1f dB", effect, json_number_value(gain));
	else
		name = str_printf("%s", effect);
	if (name && *name >= 'a' && *name <= 'z')
		*name = (char)(*name - 'a' + 'A');
	return name;
}

/* {"effect": ..., "name", "stereo"}, and what audio-fx takes. */
static void
read_effect(struct reader *r, const char *where, struct desc_stage *s, json_t *o)
{
	json_t *bare = json_copy(o), *v;
	struct field own[] = {
		{ "name", F_STR, &s->name, 0, 0, 0 }, { "stereo", F_BOOL, &s->stereo, 0, 0, 0 }, { 0 }
	};
	struct err e;
	char at[256];

	for (const struct field *f = own; f->key; f++) {
		snprintf(at, sizeof at, "%s/%s", where, f->key);
		if ((v = json_object_get(o, f->key)) != NULL)
			take(r, f, at, v);
		json_object_del(bare, f->key);
	}
	if (!bare || fx_spec_new(&s->fx, &e)) {
		r->nomem = 1;
	} else if (fx_spec_add_json(s->fx, bare, &e)) {
		snprintf(at, sizeof at, "%s%s", where, strncmp(e.msg, "unknown effect", 14) ? "" : "/effect");
		desc_problem(r->p, 0, at, "%s", e.msg);
	} else if (!s->name && !(s->name = effect_name(o))) {
		r->nomem = 1;
	}
	json_decref(bare);
}

static void
read_stage(struct reader *r, const char *where, struct desc_stage *s, json_t *o)
{
	static const char *const norms[] = { "none", "energy", "peak", "loudness", "nam-plugin", "juce" };
	struct field nam[] = {
		{ "nam", F_STR, &s->file, 1, 0, 0 }, { "name", F_STR, &s->name, 0, 0, 0 },
		{ "input_gain_db", F_NUM, &s->input_gain_db, 0, -60, 60 },
		{ "output_gain_db", F_NUM, &s->gain_db, 0, -60, 60 }, { 0 }
	}, ir[] = {
		{ "ir", F_STR, &s->file, 1, 0, 0 }, { "name", F_STR, &s->name, 0, 0, 0 },
		{ "gain_db", F_NUM, &s->gain_db, 0, -60, 60 }, { "mix", F_NUM, &s->mix, 0, 0, 1 },
		{ "norm", F_STR, &s->norm, 0, 0, 0 }, { 0 }
	};
	int is_nam, is_ir, is_fx, good = 0;

	s->mix = 1;
	if (!json_is_object(o)) {
		desc_problem(r->p, 0, where, "must be an object like {\"nam\": FILE}, {\"ir\": FILE} or "
		    "{\"effect\": \"gain\", \"gain_db\": -3}");
		return;
	}
	is_nam = json_object_get(o, "nam") != NULL;
	is_ir = json_object_get(o, "ir") != NULL;
	is_fx = json_object_get(o, "effect") != NULL;
	if (is_nam + is_ir + is_fx != 1) {
		desc_problem(r->p, 0, where, "a stage has exactly one of 'nam', 'ir' and 'effect'; split it or "
		    "say which it is");
		return;
	}
	if (is_fx) {
		s->kind = DESC_FX;
		read_effect(r, where, s, o);
		return;
	}
	s->kind = is_nam ? DESC_NAM : DESC_IR;
	get_fields(r, o, where, is_nam ? nam : ir);
	if (is_ir && !s->norm)
		s->norm = str_printf("none");
	for (size_t i = 0; is_ir && s->norm && i < sizeof norms / sizeof *norms; i++)
		good |= !strcmp(s->norm, norms[i]);
	if (is_ir && !good)
		desc_problem(r->p, 0, where, "'norm' must be none, energy, peak, loudness, nam-plugin or juce");
	if (!s->file)
		return;
	s->named = s->name != NULL;
	if (!s->name)
		s->name = tone_is_name(s->file) ? str_printf("%s", s->file) : path_stem(s->file);
	if (tone_is_name(s->file)) {
		s->source = s->file;
		s->file = NULL;
	} else {
		absolute(r, o, is_nam ? "nam" : "ir", &s->file);
	}
}

static void
read_chain(struct reader *r, size_t i, json_t *o)
{
	struct desc_chain *c = &r->d->chain[i];
	json_t *stages = NULL;
	char where[64], at[128];
	size_t cabs = 0;
	struct field f[] = {
		{ "id", F_STR, &c->id, 0, 0, 0 }, { "name", F_STR, &c->name, 1, 0, 0 },
		{ "stages", F_ARRAY, &stages, 1, 0, 0 }, { "two_cabs", F_BOOL, &c->two_cabs, 0, 0, 0 },
		{ "no_cab", F_BOOL, &c->no_cab, 0, 0, 0 }, { 0 }
	};

	snprintf(where, sizeof where, "/chains/%zu", i);
	get_fields(r, o, where, f);
	if (c->name || c->id)
		settle_id(r, where, &c->id, c->name, o);
	for (size_t k = 0; k < i && c->id; k++)
		if (r->d->chain[k].id && !strcmp(r->d->chain[k].id, c->id))
			desc_problem(r->p, 0, where, "has the same id, '%s', as /chains/%zu; give each chain its own",
			    c->id, k);
	if (!stages)
		return;
	if (json_array_size(stages) > DESC_MAX_STAGES) {
		desc_problem(r->p, 0, where, "has %zu stages; at most %d can be used", json_array_size(stages),
		    DESC_MAX_STAGES);
		return;
	}
	c->stage = calloc(json_array_size(stages), sizeof *c->stage);
	if (!c->stage) {
		r->nomem = 1;
		return;
	}
	c->stages = json_array_size(stages);
	for (size_t k = 0; k < c->stages; k++) {
		snprintf(at, sizeof at, "%s/stages/%zu", where, k);
		read_stage(r, at, &c->stage[k], json_array_get(stages, k));
		cabs += c->stage[k].kind == DESC_IR && (c->stage[k].file || c->stage[k].source);
		if (cabs == 2 && c->stage[k].kind == DESC_IR && !c->two_cabs)
			desc_problem(r->p, 0, at, "is a second cab in one chain; remove one, or say "
			    "\"two_cabs\": true in the chain if you mean it");
	}
}

/* dis and chains: an array of objects into an array of structs. */
static void *
alloc_list(struct reader *r, json_t *list, const char *where, size_t max, size_t size, size_t *n)
{
	void *p;

	if (!list)
		return NULL;
	if (json_array_size(list) > max) {
		desc_problem(r->p, 0, where, "has %zu entries; at most %zu can be used", json_array_size(list), max);
		return NULL;
	}
	p = calloc(json_array_size(list), size);
	if (p)
		*n = json_array_size(list);
	else
		r->nomem = 1;
	return p;
}

static void
read_top(struct reader *r)
{
	struct desc *d = r->d;
	json_t *level = NULL, *video = NULL, *dis = NULL, *chains = NULL;
	char *schema = NULL;
	int size[2] = { 1920, 1080 };
	struct field top[] = {
		{ "schema", F_STR, &schema, 1, 0, 0 }, { "name", F_STR, &d->name, 1, 0, 0 },
		{ "title", F_STR, &d->title, 0, 0, 0 }, { "author", F_STR, &d->author, 0, 0, 0 },
		{ "rate_hz", F_INT, &d->rate_hz, 0, 8000, 192000 }, { "level", F_OBJECT, &level, 0, 0, 0 },
		{ "dis", F_ARRAY, &dis, 1, 0, 0 }, { "chains", F_ARRAY, &chains, 1, 0, 0 },
		{ "video", F_OBJECT, &video, 0, 0, 0 }, { "tempo_bpm", F_NUM, &d->tempo_bpm, 0, 20, 400 }, { 0 }
	}, lev[] = {
		{ "lufs", F_NUM, &d->lufs, 0, -60, -5 }, { "ceiling_dbtp", F_NUM, &d->ceiling_dbtp, 0, -20, 0 }, { 0 }
	}, vid[] = {
		{ "fps", F_INT, &d->fps, 0, 10, 120 }, { "size", F_SIZE, size, 0, 0, 0 },
		{ "title_s", F_NUM, &d->title_s, 0, 0, 60 }, { "preset", F_STR, &d->preset, 0, 0, 0 }, { 0 }
	};

	d->rate_hz = 48000;
	d->lufs = -16;
	d->ceiling_dbtp = -1;
	d->fps = 30;
	d->title_s = 3;
	get_fields(r, d->json, "", top);
	if (schema && strcmp(schema, "shootout/1"))
		desc_problem(r->p, 0, "/schema", "is '%.60s'; this program reads 'shootout/1'", schema);
	free(schema);
	if (level)
		get_fields(r, level, "/level", lev);
	if (video)
		get_fields(r, video, "/video", vid);
	d->width = size[0];
	d->height = size[1];
	if (!d->title && d->name)
		d->title = str_printf("%s", d->name);
	if (!d->preset)
		d->preset = str_printf("veryfast");
	if (d->preset && strspn(d->preset, "abcdefghijklmnopqrstuvwxyz") != strlen(d->preset))
		desc_problem(r->p, 0, "/video/preset", "must be an x264 preset like veryfast or medium");
	if (d->fps > 0 && d->rate_hz % d->fps)
		desc_problem(r->p, 0, "/video/fps", "%d pictures a second do not divide %d Hz, so cuts would drift; "
		    "use 24, 25, 30, 50 or 60", d->fps, d->rate_hz);
	d->di = alloc_list(r, dis, "/dis", DESC_MAX_DIS, sizeof *d->di, &d->dis);
	for (size_t i = 0; i < d->dis; i++)
		read_di(r, i, json_array_get(dis, i));
	d->chain = alloc_list(r, chains, "/chains", DESC_MAX_CHAINS, sizeof *d->chain, &d->chains);
	for (size_t i = 0; i < d->chains; i++)
		read_chain(r, i, json_array_get(chains, i));
}

/* The folder that relative names in the description start from, absolute. */
static char *
folder_of(const char *name)
{
	char cwd[PATH_MAX], *dir, *full;
	const char *slash = strrchr(name, '/');

	if (!strcmp(name, "-") || !slash)
		return getcwd(cwd, sizeof cwd) ? str_printf("%s", cwd) : NULL;
	dir = str_printf("%.*s", (int)(slash - name + (slash == name)), name);
	full = dir ? realpath(dir, NULL) : NULL;
	free(dir);
	return full;
}

int
desc_load(struct desc **out, const char *name, struct desc_problems *p, struct err *e)
{
	struct reader r = { .p = p };
	json_error_t je;
	char *text;
	size_t len;

	*out = NULL;
	memset(p, 0, sizeof *p);
	if (file_read(name, DESC_MAX_BYTES, &text, &len, e))
		return -1;
	r.d = calloc(1, sizeof *r.d);
	r.dir = folder_of(name);
	if (!r.d || !r.dir) {
		free(text);
		free(r.dir);
		free(r.d);
		return err_set(e, ERR_NOMEM, "cannot load '%s': out of memory", name);
	}
	r.d->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	free(text);
	if (!r.d->json) {
		err_set(e, ERR_INPUT, "%s:%d:%d: not JSON: %s", name, je.line, je.column, jl_why(&je));
		free(r.dir);
		desc_free(r.d);
		return -1;
	}
	read_top(&r);
	free(r.dir);
	if (r.nomem || p->errors) {
		if (r.nomem)
			err_set(e, ERR_NOMEM, "cannot load '%s': out of memory", name);
		else
			err_set(e, ERR_INPUT, "'%s' has mistakes", name);
		desc_free(r.d);
		return -1;
	}
	*out = r.d;
	return 0;
}

void
desc_free(struct desc *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->dis; i++) {
		free(d->di[i].id);
		free(d->di[i].name);
		free(d->di[i].file);
	}
	for (size_t i = 0; i < d->chains; i++) {
		struct desc_chain *c = &d->chain[i];

		for (size_t k = 0; k < c->stages; k++) {
			free(c->stage[k].name);
			free(c->stage[k].credit);
			free(c->stage[k].file);
			free(c->stage[k].source);
			free(c->stage[k].norm);
			fx_spec_free(c->stage[k].fx);
		}
		free(c->stage);
		free(c->id);
		free(c->name);
	}
	free(d->di);
	free(d->chain);
	free(d->name);
	free(d->title);
	free(d->author);
	free(d->preset);
	json_decref(d->json);
	free(d);
}
