/* status.h - how far a run is and what its tones are. */
#ifndef SHOOT_STATUS_H
#define SHOOT_STATUS_H
#include "base/err.h"
#include "base/str.h"
#include <jansson.h>

/* {"schema": "shootout-status/1", tool, version, "run", "name", "state": "done" | "unfinished",
 *  "steps_left", "video" (null until it is there), "tones": [{label, title, di, chain, file, gain_db,
 *  loudness_lufs, true_peak_dbtp, crest_factor_db, centroid_hz}, ...]}; tones are empty before the
 * timeline is there, numbers null where a measure is missing.  NULL with *e when RUN is no run directory. */
json_t *status_load(const char *run, struct err *e);

/* That object as a table for people, appended to *out. */
void status_table(const json_t *status, struct str *out);
#endif
