/* new.c - a first description from files. */
#include "shoot/new.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/jsonl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Give o an id that no earlier entry of the list has. */
static void
set_id(json_t *list, json_t *o, const char *name)
{
	char slug[40], id[56];
	int taken = 1;

	path_slug(name, slug, sizeof slug);
	for (int k = 1; taken; k++) {
		size_t i;
		json_t *other;

		snprintf(id, sizeof id, k > 1 ? "%s-%d" : "%s", slug, k);
		taken = 0;
		json_array_foreach(list, i, other)
			taken |= !strcmp(json_string_value(json_object_get(other, "id")), id);
	}
	jl_str(o, "id", id);
}

static void
add_chain(json_t *chains, const char *model, const char *ir)
{
	json_t *o = json_object(), *stages = json_array(), *one;
	char *m = model ? path_stem(model) : NULL, *i = ir ? path_stem(ir) : NULL;
	char *name = m && i ? str_printf("%s + %s", m, i) : str_printf("%s", m ? m : i ? i : "");

	set_id(chains, o, name ? name : "");
	jl_str(o, "name", name);
	if (model) {
		one = json_object();
		jl_str(one, "nam", model);
		json_array_append_new(stages, one);
	}
	if (ir) {
		one = json_object();
		jl_str(one, "ir", ir);
		json_array_append_new(stages, one);
	}
	jl_set(o, "stages", stages);
	json_array_append_new(chains, o);
	free(m);
	free(i);
	free(name);
}

json_t *
new_description(const char *name, const char *const *dis, size_t n_dis, const char *const *models, size_t n_models,
                const char *const *irs, size_t n_irs, struct err *e)
{
	json_t *o, *list, *chains, *level;

	if (!n_dis) {
		err_set(e, ERR_INPUT, "give at least one DI recording (--di FILE)");
		return NULL;
	}
	if (!n_models && !n_irs) {
		err_set(e, ERR_INPUT, "give at least one amp model or cabinet IR to send the DI through");
		return NULL;
	}
	o = json_object();
	list = json_array();
	chains = json_array();
	level = json_object();
	jl_str(o, "schema", "shootout/1");
	jl_str(o, "name", name);
	jl_str(o, "title", name);
	jl_int(o, "rate_hz", 48000);
	jl_num(level, "lufs", -16);
	jl_num(level, "ceiling_dbtp", -1);
	jl_set(o, "level", level);
	for (size_t i = 0; i < n_dis; i++) {
		json_t *di = json_object();
		char *s = path_stem(dis[i]);

		set_id(list, di, s ? s : "");
		jl_str(di, "name", s);
		jl_str(di, "file", dis[i]);
		json_array_append_new(list, di);
		free(s);
	}
	jl_set(o, "dis", list);
	for (size_t m = 0; m < (n_models ? n_models : 1); m++)
		for (size_t i = 0; i < (n_irs ? n_irs : 1); i++)
			add_chain(chains, n_models ? models[m] : NULL, n_irs ? irs[i] : NULL);
	jl_set(o, "chains", chains);
	return o;
}

char *
new_name(const char *file, int from_root, struct err *e)
{
	json_t *text = json_string(file);
	char cwd[PATH_MAX], *name = NULL;

	json_decref(text);
	if (access(file, R_OK))
		err_sys(e, "cannot read '%s'", file);
	else if (!text)
		err_set(e, ERR_INPUT, "cannot describe '%s': its name is not UTF-8; rename it", file);
	else if (from_root && *file != '/' && !getcwd(cwd, sizeof cwd))
		err_sys(e, "cannot tell the folder of '%s'", file);
	else if (!(name = from_root && *file != '/' ? str_printf("%s/%s", cwd, file) : str_printf("%s", file)))
		err_set(e, ERR_NOMEM, "out of memory");
	return name;
}

int
new_write(const json_t *d, const char *name, struct err *e)
{
	char *json = json_dumps(d, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
	struct str text = { 0 };
	struct outfile o;
	int r;

	str_addf(&text, "%s\n", json ? json : "");
	text.failed |= !json;
	free(json);
	r = outfile_open(&o, name, e);
	if (!r && o.tmp && !access(o.name, F_OK))
		r = err_set(e, ERR_INPUT, "'%s' exists; remove it or name another", name);
	else if (!r && text.failed)
		r = err_set(e, ERR_NOMEM, "out of memory");
	else if (!r && write(o.fd, text.s, text.len) != (ssize_t)text.len)
		r = err_sys(e, "cannot write '%s'", name ? name : "standard output");
	if (r)
		outfile_abort(&o);
	str_free(&text);
	return r ? r : outfile_commit(&o, e);
}
