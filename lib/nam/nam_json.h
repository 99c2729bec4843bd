/* nam_json.h - what a model is, as JSON for people and reports. */
#ifndef NAM_NAM_JSON_H
#define NAM_NAM_JSON_H
#include "nam/nam.h"
#include <jansson.h>

/* A whole "nam-info/1" object, the one of nam-render --info; its keys are described in
 * shootout-formats(5).  file is the name to report.  The caller frees it; NULL: out of memory. */
json_t *nam_info_json(const char *file, const struct nam_model *m);
/* The keys of it that say which model made a sound, for the "model" of reports and
 * provenance: no schema, no structure, no cost. */
json_t *nam_info_json_short(const char *file, const struct nam_model *m);
#endif
