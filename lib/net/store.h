/* store.h - model files and IRs kept under their SHA-256, shared by processes and machines.
 *
 * STORE/objects/ab/SHA256.EXT   the bytes, read-only
 * STORE/models/MODEL.json       a "tone-file/1" record: which model of which tone has which bytes, from where, whose, under
 *                               what licence
 * STORE/roots/HASH              a symbolic link to a link elsewhere (RUN/in/nam/x.nam) that leads to an object: the object is in use
 *                               for as long as it does
 * STORE/partial/                downloads that are not whole
 *
 * Every file is written under a name of its own and renamed when it is whole, and the name of an object says its bytes: two
 * writers of one object write the same.  Nothing depends on locks, which some network file systems grant to everybody.  Nothing is
 * fsync'd: what a power cut leaves of an object is found by its hash at its next use, and fetched again.
 *
 * The last use of an object is its modification time; a store that cannot be written is used without. */
#ifndef NET_STORE_H
#define NET_STORE_H
#include "base/err.h"
#include <jansson.h>
#include <stdint.h>
#include <time.h>

enum { STORE_ID_MAX = 20 };

struct store;

/* dir NULL: MODEL_CACHE_DIR, else XDG_CACHE_HOME/tone-fetch, else ~/.cache/tone-fetch.  Nothing is made until something is written. */
int store_open(struct store **s, const char *dir, struct err *e);
void store_close(struct store *s);
const char *store_dir(const struct store *s);

/* 1 when text is an id of the service: digits, 1 to 18 of them. */
int store_is_id(const char *text);
/* "tone3000:TONE/MODEL", or without its prefix, to tone and model (STORE_ID_MAX bytes each); 0, or -1. */
int store_parse_name(const char *text, char *tone, char *model);

/* The record of a model; NULL: not there, or not readable as one.  tone may be NULL (any).  The caller's to decref. */
json_t *store_record(const struct store *s, const char *tone, const char *model);
/* Malloc'd path of a record's object; NULL: out of memory or a record that names none. */
char *store_path(const struct store *s, const json_t *record);
/* A record's file as DIR/TONE-MODEL.EXT, its record beside it; *path malloc'd.  A file that is the same stays. */
int store_export(const struct store *s, const json_t *record, const char *dir, char **path, struct err *e);
/* Read the object and compare its hash: 0 good; -1 gone or damaged (ERR_DAMAGED), or not readable. */
int store_check(const struct store *s, const json_t *record, struct err *e);
/* The same, for use: notes the use.  0 good; -1: gone or damaged (ERR_DAMAGED), and then it is removed
 * when that can be done, so that it is fetched again. */
int store_use(const struct store *s, const json_t *record, struct err *e);
/* A record that is there and whose object is whole, and its path (malloc'd), or NULL with *e: ERR_ABSENT, ERR_DAMAGED. */
json_t *store_get(const struct store *s, const char *tone, const char *model, char **path, struct err *e);

/* Malloc'd name for a new file in partial/ that nobody else has; made there, empty, open as *fd. */
char *store_partial(const struct store *s, const char *key, int *fd, struct err *e);
/* Malloc'd name of a file in partial/ that a process that is gone has left for key, or NULL.  Its bytes so far may be
 * copied; whether it is really gone is only known on one machine, so it is removed by the taker and read, never
 * written. */
char *store_left_over(const struct store *s, const char *key);

/* Take the file tmp (in the store's file system) as the object of record, which is completed ("sha256", "bytes") and kept.
 * The bytes have been validated and hashed by the caller.  tmp is gone afterwards, also on error. */
int store_put(const struct store *s, const char *tmp, json_t *record, struct err *e);

/* For the life of the symbolic link at `link` (absolute), what it leads to is in use. */
int store_root(const struct store *s, const char *link, struct err *e);

/* Call fn for each record until it returns other than 0, which is returned; in no order.  -1 and *e: the store cannot be read. */
int store_each(const struct store *s, int (*fn)(void *ctx, json_t *record, struct err *e), void *ctx, struct err *e);

struct store_usage { long long records, objects, bytes, partials, partial_bytes, roots; };
int store_usage(const struct store *s, struct store_usage *u, struct err *e);

/* Remove objects not used for max_age_days (negative: any age), then the least recently used until max_bytes are left
 * (negative: any size); never one in use: with a root, or used within the last hour.  Roots that lead nowhere and
 * partial files of more than a day go too, and records without an object.  dry: only count. */
struct store_gc { double max_age_days; long long max_bytes; int dry; long long removed, removed_bytes, kept_in_use, left_bytes; };
int store_collect(const struct store *s, struct store_gc *g, struct err *e);
#endif
