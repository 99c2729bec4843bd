/* tone.c - models and IRs named by their ids at TONE3000. */
#include "shoot/tone.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/utf8.h"
#include "net/store.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_TEXT = 120 };

int
tone_is_name(const char *text)
{
	return !strncmp(text, "tone3000:", 9);
}

/* Run tone-fetch, ours when it is beside us.  Its messages go where ours go. */
static int
fetch(const char *name, struct err *e)
{
	char *own = str_printf("%s/tone-fetch", proc_self_dir());
	char *argv[] = { own && !access(own, X_OK) ? own : (char[]){ "tone-fetch" }, (char[]){ "get" }, (char *)name, NULL };
	struct str out = { 0 };
	int r = own ? proc_capture(argv, &out, e) : err_set(e, ERR_NOMEM, "out of memory");

	str_free(&out);
	free(own);
	if (r == 75)
		return err_set(e, ERR_RETRY, "'%.60s' cannot be fetched now; try again later", name);
	return r > 0 ? err_set(e, ERR_INPUT, "'%.60s' cannot be fetched: tone-fetch get ends with status %d", name, r) : r;
}

static char *
text_of(const json_t *record, const char *key)
{
	const char *s = json_string_value(json_object_get(record, key));

	return s && *s ? utf8_clean_str(s, MAX_TEXT) : NULL;
}

int
tone_find(struct tone *t, const char *name, struct err *e)
{
	char tone[STORE_ID_MAX], model[STORE_ID_MAX], *creator;
	const char *may;
	struct store *s;
	json_t *record;

	memset(t, 0, sizeof *t);
	if (store_parse_name(name, tone, model))
		return err_set(e, ERR_INPUT, "'%.60s' is no name of a model: write tone3000:TONE/MODEL, two numbers", name);
	if (store_open(&s, NULL, e))
		return -1;
	record = store_get(s, tone, model, &t->file, e);
	if (!record && (e->code == ERR_ABSENT || e->code == ERR_DAMAGED) && !fetch(name, e))
		record = store_get(s, tone, model, &t->file, e);
	store_close(s);
	if (!record)
		return -1;
	t->name = text_of(record, "name");
	t->licence = text_of(record, "license");
	creator = text_of(record, "creator");
	if (creator || t->licence)
		t->credit = str_printf("%s%s%s%s%s", t->name ? t->name : name, creator ? " by " : "", creator ? creator : "",
		    t->licence ? ", " : "", t->licence ? t->licence : "");
	may = json_string_value(json_object_get(record, "redistribution"));
	t->may_pass_on = may && strcmp(may, "no") != 0;
	free(creator);
	json_decref(record);
	return 0;
}

void
tone_free(struct tone *t)
{
	free(t->file);
	free(t->name);
	free(t->credit);
	free(t->licence);
	memset(t, 0, sizeof *t);
}

int
tone_in_use(const char *link, struct err *e)
{
	char *full = realpath(link, NULL), path[PATH_MAX], *slash;
	struct store *s = NULL;
	int r = 0;

	free(full);
	if (!full)
		return err_sys(e, "cannot follow '%s'", link);
	/* the link's own place, not what it leads to */
	snprintf(path, sizeof path, "%s", link);
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	full = realpath(slash ? path : ".", NULL);
	if (!full || store_open(&s, NULL, e)) {
		r = full ? -1 : err_sys(e, "cannot follow '%s'", path);
	} else {
		char *where = str_printf("%s/%s", full, path_base(link));

		/* a store that only serves is cleaned by nobody here */
		r = !where ? err_set(e, ERR_NOMEM, "out of memory") : access(store_dir(s), W_OK) ? 0 : store_root(s, where, e);
		free(where);
	}
	store_close(s);
	free(full);
	return r;
}
