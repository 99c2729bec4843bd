/* new.h - a first description from files: every DI through every model and IR. */
#ifndef SHOOT_NEW_H
#define SHOOT_NEW_H
#include "base/err.h"
#include <jansson.h>
#include <stddef.h>

/* dis, models, irs: file names as they shall stand in the description.  Chains are models x irs; with no
 * model the IRs alone, with no IR the models alone.  name: of the shootout.  NULL with *e when there is
 * no DI or nothing to compare. */
json_t *new_description(const char *name, const char *const *dis, size_t n_dis, const char *const *models,
                        size_t n_models, const char *const *irs, size_t n_irs, struct err *e);
/* FILE as a name for a description, which starts from its own folder: from_root when that is another one than ours.  It must be
 * readable, and UTF-8 as JSON is: another name would come out changed, and not be found.  Malloc'd; NULL with *e. */
char *new_name(const char *file, int from_root, struct err *e);

/* Write d to NAME ("-" or NULL: standard output), which must not be there yet. */
int new_write(const json_t *d, const char *name, struct err *e);
#endif
