/* run.h - a finished run, read and checked, before it goes into a database.
 *
 * A run is four documents: the description (schema shootout/1), the timeline (timeline/1, then
 * segment/1), the metrics (audio-metrics/1) and the manifest (input/1, provenance/1).  They are read
 * from a run's folder (shootout.json, timeline.jsonl, metrics.jsonl, manifest.jsonl) or from an
 * export, which holds one or more runs as JSON lines:
 *
 *   {"schema":"shootout-db/1","kind":"export","id":...,"lines":9,"description":{...}}
 *   ... "lines" lines: timeline, segments, metrics and manifest as they stood in the folder
 *
 * The id is the run's content: SHA-256 of the description, the timeline, the metrics and what the
 * manifest says went in and came out (roles and hashes; not names, times or command lines), with
 * sorted keys, metrics and manifest in any order, file names of the description without folders.
 * So a run that was moved or made again with the same result keeps its id, and an export whose id
 * does not fit was changed or cut short. */
#ifndef DB_RUN_H
#define DB_RUN_H
#include "base/err.h"
#include <stddef.h>

enum db_part { DB_DESCRIPTION, DB_TIMELINE, DB_METRICS, DB_MANIFEST, DB_PARTS };

struct db_line {
	char *text;        /* one JSON object as db_json_text() writes it */
	unsigned long no;  /* its line in the file, from 1 */
};

struct db_run {
	char id[65];
	struct db_line *part[DB_PARTS];
	size_t n[DB_PARTS];
	char *file[DB_PARTS];  /* where each part was read, for messages */
};

/* Read SOURCE: a folder, an export file or "-" (an export on standard input).  *runs is an
 * array of *n runs; end with db_runs_free().  Messages name the file and the line.  At most
 * 64 MiB a file, 1 GiB an export.  Checks what the database relies on: that all is there, the schemas, ids, the
 * count of segments, hashes; not that a shootout makes sense. */
int db_runs_read(struct db_run **runs, size_t *n, const char *source, struct err *e);
void db_runs_free(struct db_run *runs, size_t n); /* NULL is fine */
#endif
