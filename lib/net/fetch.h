/* fetch.h - models and IRs by name: from the store, else from the service into the store.
 *
 * A name is an id of a tone (all its models), TONE/MODEL, tone3000:TONE/MODEL, the address of a tone's page or of a
 * model's file, or a JSON line with "id" (a tone), "tone_id" and "id" (a model) or "tone_id" and "model_id" (a record).
 *
 * Downloads run side by side while further names are looked up; results come in the order of the names.  A file
 * goes to partial/ as it comes and is hashed there, is validated (net/validate.h), and then gets its name.  Cut off, it is taken up again where
 * the service gives a strong entity tag: with If-Range, and with the last 4096 bytes asked for once more and
 * compared; a service that has another file now, ignores ranges or has no tag sends the whole. */
#ifndef NET_FETCH_H
#define NET_FETCH_H
#include "base/err.h"
#include "cli/opt.h"
#include "net/api.h"
#include "net/store.h"
#include <jansson.h>
#include <stdio.h>

struct fetch_options {
	const char *architecture; /* "1", "2", "custom": only these; NULL: all that a tone has */
	struct opt_list models;   /* ids: only these; none: all */
	int offline;              /* ask the store and nobody else */
	int refresh;              /* fetch also what the store has */
	int parallel;             /* downloads at once */
	const char *dir;          /* copy files there, as TONE-MODEL.EXT with TONE-MODEL.EXT.json beside; NULL: do not */
	/* A file is there: its record and "cached", and where it is.  Borrowed.  Other than 0 ends the work. */
	int (*out)(void *ctx, const json_t *record, const char *path, int cached, struct err *e);
	/* A name or a model could not be had. */
	void (*failed)(void *ctx, const char *what, const struct err *e);
	void *ctx;
};

struct fetch;
/* a is not asked when offline; then it may be NULL.  All are borrowed. */
int fetch_new(struct fetch **f, struct store *s, const struct api *a, const struct fetch_options *o, struct err *e);
void fetch_free(struct fetch *f);

/* Begin one name.  -1: the work is at its end (out() said so, or the network cannot be waited for); what is wrong with a name goes to
 * failed(). */
int fetch_add(struct fetch *f, const char *name, struct err *e);
/* Begin n names; where there are none, or only "-", each line of in that is not empty. */
int fetch_names(struct fetch *f, int n, char *const names[], FILE *in, struct err *e);
/* Wait for all. */
int fetch_wait(struct fetch *f, struct err *e);

/* What a name means: ids of 20 bytes each, "" for none.  origin: of the service.  -1: nothing. */
int fetch_parse(const char *name, const char *origin, char *tone, char *model);
#endif
