/* prov.c - one provenance line per made file. */
#include "cli/prov.h"
#include "base/par.h"
#include "base/sha256.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include <stdlib.h>
#include <string.h>

struct prov {
	const char *file; /* NULL: not wanted */
	double start_s;
	json_t *o, *in, *out;
};

struct prov *
prov_new(const char *file)
{
	struct prov *p = calloc(1, sizeof *p);
	json_t *argv;

	if (!p || !file)
		return p;
	p->file = file;
	p->start_s = par_clock_s();
	p->o = jl_new("provenance/1");
	argv = json_array();
	for (int i = 0; i < opt_argc; i++) {
		json_t *one = json_object();    /* for jl_str's care of bad UTF-8 */

		jl_str(one, "a", i ? opt_argv[i] : diag_prog);
		json_array_append(argv, json_object_get(one, "a"));
		json_decref(one);
	}
	jl_set(p->o, "argv", argv);
	p->in = json_array();
	p->out = json_array();
	jl_set(p->o, "inputs", p->in);
	jl_set(p->o, "outputs", p->out);
	return p;
}

int
prov_wanted(const struct prov *p)
{
	return p && p->file;
}

static int
add(json_t *list, const char *role, const char *name, const char *sha256, struct err *e)
{
	char hex[65];
	json_t *o;

	if (!sha256) {
		if (sha256_file(name, hex, e))
			return -1;
		sha256 = hex;
	}
	o = json_object();
	jl_str(o, "role", role);
	jl_str(o, "file", name);
	jl_str(o, "sha256", sha256);
	return json_array_append_new(list, o) ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}

int
prov_input(struct prov *p, const char *role, const char *name, const char *sha256, struct err *e)
{
	return prov_wanted(p) ? add(p->in, role, name, sha256, e) : 0;
}

int
prov_output(struct prov *p, const char *role, const char *name, const char *sha256, struct err *e)
{
	return prov_wanted(p) ? add(p->out, role, name, sha256, e) : 0;
}

void
prov_set(struct prov *p, const char *key, json_t *value)
{
	if (prov_wanted(p))
		jl_set(p->o, key, value);
	else
		json_decref(value);
}

json_t *
prov_take(struct prov *p)
{
	json_t *o;

	if (!prov_wanted(p))
		return NULL;
	jl_num(p->o, "seconds", par_clock_s() - p->start_s);
	o = p->o;
	p->o = NULL;
	return o;
}

int
prov_write(struct prov *p, struct err *e)
{
	return prov_wanted(p) ? jl_write(prov_take(p), p->file, e) : 0;
}

void
prov_free(struct prov *p)
{
	if (p)
		json_decref(p->o);
	free(p);
}
