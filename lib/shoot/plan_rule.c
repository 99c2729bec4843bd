/* plan_rule.c - the Makefile of a plan: its rules, each with a file of its command. */
#include "shoot/plan_impl.h"

#include <stdlib.h>
#include <string.h>

void
plan_begin_makefile(struct planner *p)
{
	str_addf(&p->mk,
	    "# Plan of a shootout, made by: shootout plan (version %s).\n"
	    "# Each rule is one command line: run `make` here, or `make -j8`, or any line by hand in this folder.\n"
	    "# plan/cmd/ holds each step's command; a step is redone when that file, or what it reads, is newer.\n", VERSION);
	if (*p->o->bin) {
		str_add(&p->mk, "export PATH := ");
		for (const char *c = p->o->bin; *c; c++) {
			if (*c == '$')
				str_add(&p->mk, "$");
			if (*c == '#')
				str_add(&p->mk, "\\");
			str_addn(&p->mk, c, 1);
		}
		str_add(&p->mk, ":$(PATH)\n");
	}
	str_add(&p->mk,
	    "STEP ?= @:\n"
	    ".DEFAULT_GOAL := all\n"
	    ".DELETE_ON_ERROR:\n"
	    ".PHONY: all\n");
}

void
plan_rule(struct planner *p, const char *targets, const char *needs, const char *say, const char *command, const char *salt)
{
	const char *first = path_base(targets);
	size_t len = strcspn(first, " ");
	struct str cmd = { 0 };
	char *name;

	/* "a b &:": path_base() found the last one; the name only has to be the rule's own */
	name = str_printf("plan/cmd/%.*s.cmd", (int)len, first);
	if (!name) {
		plan_fail(p), err_set(p->e, ERR_NOMEM, "out of memory");
		return;
	}
	str_addf(&cmd, "%s\n# shootout %s\n%s", command, VERSION, salt ? salt : "");
	str_addf(&p->made, "%s %s\n", targets, name);
	str_addf(&p->mk, "\n%s%s %s %s\n\t$(STEP) ", targets, strchr(targets, ' ') ? " &:" : ":", needs, name);
	if (*command != '@')            /* "@cat ...": its own name says nothing */
		str_addf(&p->mk, "%.*s ", (int)strcspn(command, " "), command);
	str_addf(&p->mk, "%s\n", say);
	for (const char *line = command; *line;) {
		size_t n = strcspn(line, "\n");

		str_addf(&p->mk, "\t%.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	plan_put(p, name, &cmd);
	free(name);
}

void
plan_prov(struct planner *p, struct str *cmd, const char *target)
{
	str_addf(cmd, " --provenance work/prov/%s.json", path_base(target));
	str_addf(&p->provs, " work/prov/%s.json", path_base(target));
}

/* plan_rule() for a command with plan_prov().  What it writes beside the target (`beside`, "" or "NAME ") belongs to
 * the rule and is asked for by `all`: killed after the one and before the other, the step has to run again. */
void
plan_prov_rule(struct planner *p, const char *beside, const char *target, const char *needs, const char *say,
          const char *command, const char *salt)
{
	struct str all = { 0 };

	str_addf(&all, "work/prov/%s.json %s%s", path_base(target), beside, target);
	str_addf(&p->beside, " %swork/prov/%s.json", beside, path_base(target));
	if (all.failed || p->beside.failed)
		plan_fail(p), err_set(p->e, ERR_NOMEM, "out of memory");
	else
		plan_rule(p, all.s, needs, say, command, salt);
	str_free(&all);
}

const char *
plan_node(struct planner *p, const char *key, const char *want, int *fresh)
{
	struct plan_node *n;
	char *file = NULL;
	int taken = 1;

	*fresh = 0;
	for (size_t i = 0; i < p->nodes; i++)
		if (!strcmp(p->node[i].key, key))
			return p->node[i].file;
	n = realloc(p->node, (p->nodes + 1) * sizeof *n);
	if (!n)
		return NULL;
	p->node = n;
	for (int k = 1; taken; k++) {
		free(file);
		file = k > 1 ? str_printf("work/%s-%d.wav", want, k) : str_printf("work/%s.wav", want);
		if (!file)
			return NULL;
		taken = 0;
		for (size_t i = 0; i < p->nodes; i++)
			taken |= !strcmp(p->node[i].file, file);
	}
	n = &p->node[p->nodes++];
	n->key = str_printf("%s", key);
	n->file = file;
	*fresh = 1;
	return n->key ? file : NULL;
}
