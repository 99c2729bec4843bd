/* list.h - the service's lists, every page of them, as objects and as a table. */
#ifndef NET_LIST_H
#define NET_LIST_H
#include "base/err.h"
#include "cli/opt.h"
#include "net/api.h"
#include <jansson.h>

/* What to ask a list for; NULL and n 0: nothing.  The words are the service's and pass unread: a new one needs no new program. */
struct list_filter {
	const char *query, *format, *architecture, *sort;
	struct opt_list gears, sizes, makes, tags, creators;
	int calibrated, verified;
	long long limit;         /* objects; 0: all */
};

struct list;
/* created, favorited, downloaded, trending, latest, search, show, models, users, makes, tags, whoami; NULL: no such list. */
const struct list *list_find(const char *name);
int list_wants_id(const struct list *l);          /* show and models: of a tone */
int list_is_search(const struct list *l);         /* under the commercial terms */
/* A filter that is given and that this list does not have, as the option's name; NULL: none. */
const char *list_unknown(const struct list *l, const struct list_filter *f);

/* Call out for each object ("tone/1", "tone-model/1", "tone-user/1" or "tone-term/1"; borrowed) until it returns other than
 * 0.  id: for those that want one.  -1: *e. */
int list_run(const struct list *l, const struct api *a, const char *id, const struct list_filter *f,
             int (*out)(void *ctx, json_t *line, struct err *e), void *ctx, struct err *e);

/* The columns' names, and an object's row of the table, in columns of fixed width so that rows can be printed as they come; malloc'd,
 * with a newline, safe for a terminal.  NULL: out of memory. */
char *list_head(const struct list *l);
char *list_row(const struct list *l, const json_t *line);
#endif
