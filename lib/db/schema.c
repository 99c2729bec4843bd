/* schema.c - the layout of the database and its history.
 *
 * user_version counts the steps that a file has had.  A step, once released, is never
 * edited: a change is a new step. */
#include "db/sql.h"

#include <stdio.h>

/* Children name their shootout, so that deleting one row takes all of it along.  `key` is an id of
 * the description ("riff", "plexi").  Each json column is the object as it was imported: the
 * columns beside it exist to be searched and joined, never to restore it. */
static const char step1[] =
	"CREATE TABLE shootout ("
	"  id INTEGER PRIMARY KEY,"
	"  run_sha256 TEXT NOT NULL UNIQUE CHECK (length(run_sha256) = 64),"
	"  name TEXT NOT NULL, title TEXT, author TEXT,"
	"  rate_hz INTEGER NOT NULL CHECK (rate_hz > 0),"
	"  channels INTEGER NOT NULL CHECK (channels > 0),"
	"  frames INTEGER NOT NULL CHECK (frames >= 0),"
	"  imported_at TEXT NOT NULL,"
	"  description TEXT NOT NULL, timeline TEXT NOT NULL) STRICT;"
	"CREATE INDEX shootout_name ON shootout(name, id);"
	"CREATE TABLE di ("
	"  shootout_id INTEGER NOT NULL REFERENCES shootout ON DELETE CASCADE,"
	"  key TEXT NOT NULL, position INTEGER NOT NULL, name TEXT, file TEXT, json TEXT NOT NULL,"
	"  PRIMARY KEY (shootout_id, key)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE tone ("
	"  shootout_id INTEGER NOT NULL REFERENCES shootout ON DELETE CASCADE,"
	"  key TEXT NOT NULL, position INTEGER NOT NULL, name TEXT, json TEXT NOT NULL,"
	"  PRIMARY KEY (shootout_id, key)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE segment ("
	"  id INTEGER PRIMARY KEY,"
	"  shootout_id INTEGER NOT NULL REFERENCES shootout ON DELETE CASCADE,"
	"  position INTEGER NOT NULL,"
	"  kind TEXT NOT NULL, label TEXT, name TEXT, title TEXT, di_key TEXT, tone_key TEXT, file TEXT,"
	"  start_frame INTEGER CHECK (start_frame >= 0),"
	"  length_frames INTEGER NOT NULL CHECK (length_frames >= 0),"
	"  at_frame INTEGER NOT NULL CHECK (at_frame >= 0),"
	"  video_frame INTEGER CHECK (video_frame >= 0),"
	"  video_frames INTEGER CHECK (video_frames >= 0),"
	"  gain_db REAL, loudness_lufs REAL, true_peak_dbtp REAL, card TEXT, json TEXT NOT NULL,"
	"  UNIQUE (shootout_id, position),"
	"  FOREIGN KEY (shootout_id, di_key) REFERENCES di(shootout_id, key),"
	"  FOREIGN KEY (shootout_id, tone_key) REFERENCES tone(shootout_id, key)) STRICT;"
	"CREATE INDEX segment_name ON segment(shootout_id, name);"
	"CREATE INDEX segment_di ON segment(shootout_id, di_key);"
	"CREATE INDEX segment_tone ON segment(shootout_id, tone_key);"
	/* What was measured of one file; name is the segment's name where it is one's file. */
	"CREATE TABLE measurement ("
	"  id INTEGER PRIMARY KEY,"
	"  shootout_id INTEGER NOT NULL REFERENCES shootout ON DELETE CASCADE,"
	"  position INTEGER NOT NULL, name TEXT NOT NULL, file TEXT NOT NULL, json TEXT NOT NULL,"
	"  UNIQUE (shootout_id, position)) STRICT;"
	"CREATE INDEX measurement_name ON measurement(shootout_id, name);"
	/* Every number of it by its path ("spectrum.centroid_hz"); null: it could not be measured. */
	"CREATE TABLE metric ("
	"  measurement_id INTEGER NOT NULL REFERENCES measurement ON DELETE CASCADE,"
	"  key TEXT NOT NULL, value REAL,"
	"  PRIMARY KEY (measurement_id, key)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX metric_key ON metric(key, value);"
	"CREATE TABLE provenance ("
	"  id INTEGER PRIMARY KEY,"
	"  shootout_id INTEGER NOT NULL REFERENCES shootout ON DELETE CASCADE,"
	"  position INTEGER NOT NULL, tool TEXT NOT NULL, version TEXT, seconds REAL, json TEXT NOT NULL,"
	"  UNIQUE (shootout_id, position)) STRICT;"
	"CREATE TABLE provenance_file ("
	"  provenance_id INTEGER NOT NULL REFERENCES provenance ON DELETE CASCADE,"
	"  direction TEXT NOT NULL CHECK (direction IN ('input', 'output')),"
	"  position INTEGER NOT NULL, role TEXT, file TEXT NOT NULL,"
	"  sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),"
	"  PRIMARY KEY (provenance_id, direction, position)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX provenance_file_sha256 ON provenance_file(sha256);"
	/* rowid = shootout.id; words: names of DIs and tones, and the files that made them. */
	"CREATE VIRTUAL TABLE search USING fts5("
	"  name, title, author, words, tokenize = 'unicode61 remove_diacritics 2');";

static const char *const steps[] = { step1 };
_Static_assert(sizeof steps / sizeof *steps == DB_USER_VERSION, "a step per version");

/* What is in the file?  Returns 1 ours, 0 nothing at all yet, -1 something else or an error. */
static int
identify(struct db *d, sqlite3_int64 *version, struct err *e)
{
	sqlite3_int64 app, things;

	if (db_get_int(d, "PRAGMA application_id", &app, e) ||
	    db_get_int(d, "PRAGMA user_version", version, e) ||
	    db_get_int(d, "SELECT count(*) FROM sqlite_schema", &things, e))
		return -1;
	if (!app && !*version && !things)
		return 0;
	if (app != DB_APPLICATION_ID)
		return err_set(e, ERR_INPUT, "'%s' is a database of another program; it is left as it is",
		    d->name);
	if (*version < 1)
		return err_set(e, ERR_INPUT, "'%s' is damaged: its layout has no number", d->name);
	if (*version > DB_USER_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
		    "'%s' has layout %lld, this program knows up to %d: use a newer shootout-db",
		    d->name, (long long)*version, DB_USER_VERSION);
	return 1;
}

/* Several programs may do this at once: who gets the lock second finds the work done. */
int
db_migrate(struct db *d, struct err *e)
{
	char pragma[64];
	sqlite3_int64 version;
	int is;

	/* Before any lock that writes: a foreign file is not touched.  In one transaction, because another program
	 * may just be making this database, and half of what it had before and half of after is foreign. */
	if (db_exec(d, "BEGIN", e))
		return -1;
	is = identify(d, &version, e);
	db_rollback(d);
	if (is < 0)
		return -1;
	if (!is && d->mode == DB_READ)
		return err_set(e, ERR_INPUT, "'%s' is empty: make it a database with the command 'create'",
		    d->name);
	if (d->mode == DB_READ) {
		if (version < DB_USER_VERSION)
			return err_set(e, ERR_UNSUPPORTED,
			    "'%s' has the older layout %lld: bring it up to date with the command 'create'",
			    d->name, (long long)version);
		return 0;
	}
	if (is && version == DB_USER_VERSION)
		return 0;
	if (db_begin(d, e))
		return -1;
	is = identify(d, &version, e);
	if (is < 0)
		goto fail;
	for (int i = (int)version; i < DB_USER_VERSION; i++) {
		snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", i + 1);
		if (db_exec(d, steps[i], e) || db_exec(d, pragma, e))
			goto fail;
	}
	snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", DB_APPLICATION_ID);
	if (!is && db_exec(d, pragma, e))
		goto fail;
	return db_commit(d, e);
fail:
	db_rollback(d);
	return -1;
}
