/* prov.h - one provenance line per made file: who made it, from what, how.
 *
 * The line is a JSON object "provenance/1": tool, version, argv, inputs and outputs (role,
 * file, sha256), facts the command adds (model, device, isa), seconds.  Paths are
 * written as given. */
#ifndef CLI_PROV_H
#define CLI_PROV_H
#include "base/err.h"
#include <jansson.h>

struct prov;
/* Starts the clock and takes argv from opt.h.  With file NULL (no --provenance) it
 * returns a prov that does nothing, hashes nothing and writes nothing. */
struct prov *prov_new(const char *file);
/* sha256 NULL: the file is hashed now.  A "-" needs its hash (au_in_sha256). */
int prov_input(struct prov *p, const char *role, const char *name, const char *sha256, struct err *e);
int prov_output(struct prov *p, const char *role, const char *name, const char *sha256, struct err *e);
void prov_set(struct prov *p, const char *key, json_t *value); /* steals value */
int prov_wanted(const struct prov *p);
int prov_write(struct prov *p, struct err *e); /* atomically; no-op without a file */
/* The finished line for a caller that writes many into one file, who owns it then, instead of prov_write();
 * NULL without a file. */
json_t *prov_take(struct prov *p);
void prov_free(struct prov *p);

#define PROV_OPT(var) \
	{ 0, "provenance", OPT_STR, &(var), "FILE", "write what was made from what, as one JSON line" }
#define REPORT_OPT(var) \
	{ 0, "report", OPT_STR, &(var), "FILE", "write the result object to FILE" }
#endif
