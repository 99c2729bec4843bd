/* nam_cache.h - models and inputs that many jobs share; private to lib/nam.
 *
 * What was loaded from a file is found again as long as the file is the same (device, inode, size, time of
 * its last change).  Who gets something gives it back; what nobody has stays while there is room, and leaves in the order of
 * its last use.  Any thread; two that want the same wait for one loading. */
#ifndef NAM_CACHE_H
#define NAM_CACHE_H
#include "render/nam_render.h"

struct nam_cache;
struct nam_cached;

/* Of struct nam_model, 512 MiB of them; or of struct nam_input, 256 MiB, none of which has more than 64 MiB. */
struct nam_cache *nam_cache_models(struct err *e);
struct nam_cache *nam_cache_inputs(struct err *e);
void nam_cache_free(struct nam_cache *c); /* all was given back; NULL is fine */

/* slim: of models.  NULL and *e: it cannot be loaded. */
struct nam_cached *nam_cache_get(struct nam_cache *c, const char *name, double slim, struct err *e);
void nam_cache_put(struct nam_cache *c, struct nam_cached *x); /* NULL is fine */
/* The thing itself, until it is put back; NULL: an input to be streamed, which is too large or no file. */
const void *nam_cached_what(const struct nam_cached *x);
#endif
