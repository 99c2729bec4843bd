/* jsonl.h - JSON lines out, on top of jansson.
 *
 * jansson drops NaN and infinity silently (the key disappears); these helpers write
 * null instead.  Keys keep the order in which they are set. */
#ifndef CLI_JSONL_H
#define CLI_JSONL_H
#include "base/err.h"
#include <jansson.h>
#include <stdio.h>

/* {"schema": schema, "tool": program, "version": VERSION}; schema like "audio-metrics/1".
 * NULL when out of memory; the setters below accept that and do nothing. */
json_t *jl_new(const char *schema);
void jl_str(json_t *o, const char *key, const char *s);    /* NULL: null; bad UTF-8 becomes U+FFFD */
void jl_num(json_t *o, const char *key, double v);         /* NaN, infinity: null */
void jl_int(json_t *o, const char *key, long long v);
void jl_bool(json_t *o, const char *key, int v);
void jl_set(json_t *o, const char *key, json_t *v);        /* steals v; NULL: null */

/* One line, flushed; numbers with up to 10 significant digits.  Frees o.
 * Returns 0, or -1 when o is NULL or the stream failed. */
int jl_print(json_t *o, FILE *f);
/* One line to an atomic file ("-": stdout).  Frees o. */
int jl_write(json_t *o, const char *name, struct err *e);
/* Malloc'd text of one line without the newline; o stays the caller's. */
char *jl_text(const json_t *o);

/* Parse JSON that came from outside: at most max bytes, depth limited by jansson
 * (2048), duplicate keys refused; *e gets file, line and column.  "-" is stdin. */
json_t *jl_load(const char *name, size_t max, struct err *e);
/* What is wrong, in words for users: jansson names its own flags for some of it.  Lives as long as e. */
const char *jl_why(const json_error_t *e);
#endif
