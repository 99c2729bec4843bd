/* plan_impl.h - what a plan is written with; private to plan*.c.
 *
 * What goes wrong is remembered in the planner: later steps do nothing, and plan_write() looks at the end. */
#ifndef SHOOT_PLAN_IMPL_H
#define SHOOT_PLAN_IMPL_H
#include "base/str.h"
#include "shoot/plan.h"
#include <jansson.h>

/* A file from outside: linked as in/KIND/SLUG.EXT. */
struct plan_input {
	char *file, *link, *slug;
	char sha256[65];
};

/* A stage's output, shared by every chain that starts with the same stages. */
struct plan_node {
	char *key;            /* commands from the DI on, one a line */
	char *file;           /* work/riff--plexi.wav */
};

struct planner {
	const struct desc *d;
	const struct plan_opts *o;
	struct err *e;
	struct plan_input *in;
	size_t ins;
	struct plan_node *node;
	size_t nodes;
	struct str mk;        /* the Makefile */
	struct str provs;     /* files of the manifest, in order */
	struct str beside;    /* what steps write beside their target, provenance included */
	struct str made;      /* every file the plan's steps make, as words */
	int changed, failed;
};

int plan_fail(struct planner *p);       /* remember it; always -1 */
void plan_free(struct planner *p);      /* what it holds */

/* ---- plan_dir.c: the run directory ---- */

int plan_make_folders(struct planner *p);
/* s as the file RUN/name, touched only when that changes it; frees s. */
void plan_put(struct planner *p, const char *name, struct str *s);
/* One JSON object as a line; frees o. */
void plan_add_json(struct planner *p, struct str *s, json_t *o);
/* Make (or correct) the symbolic link; the time of a right one is left alone. */
int plan_link(struct planner *p, const struct plan_input *in);
/* A file from outside, linked and hashed once.  source: where it is from, when that is no file's name; or NULL.  Returns NULL with
 * *p->e. */
const struct plan_input *plan_input(struct planner *p, const char *kind, const char *file, const char *source);
/* RUN/plan/inputs.jsonl: all that plan_input() has linked. */
void plan_put_inputs(struct planner *p);
/* Remove what the last plan here made and this one does not: a chain that is gone leaves no tone behind. */
void plan_remove_stale(struct planner *p);

/* ---- plan_rule.c: the Makefile ---- */

void plan_begin_makefile(struct planner *p);
/* A rule: target(s), what it needs, what to say, the command (several lines are joined by \n), and text that is no
 * part of the command but whose change must redo it (hashes of inputs). */
void plan_rule(struct planner *p, const char *targets, const char *needs, const char *say, const char *command,
               const char *salt);
/* "--provenance work/prov/NAME.json" for the target, which also joins the manifest. */
void plan_prov(struct planner *p, struct str *cmd, const char *target);
/* plan_rule() for a command with plan_prov().  What it writes beside the target (`beside`, "" or "NAME ") belongs to
 * the rule and is asked for by `all`: killed after the one and before the other, the step has to run again. */
void plan_prov_rule(struct planner *p, const char *beside, const char *target, const char *needs, const char *say,
                    const char *command, const char *salt);
/* The output file for a key, want its name if that is free; *fresh when no chain had it before.  NULL: out of memory. */
const char *plan_node(struct planner *p, const char *key, const char *want, int *fresh);

/* ---- plan_card.c: what is said of a tone ---- */

/* The segment of a DI through chain ci, whose files are called id; the cards of a segment and of the whole. */
json_t *plan_segment(const struct desc *d, const struct desc_di *di, size_t ci, const char *id);
json_t *plan_card(const struct desc *d, const struct desc_di *di, size_t ci);
json_t *plan_title_card(const struct desc *d);
#endif
