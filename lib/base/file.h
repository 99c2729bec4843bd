/* file.h - whole files in, atomic files out.
 *
 * An output is written as NAME.tmp beside its final name and renamed when it is
 * whole, so that nobody ever meets half a file and a failure leaves the old file as it
 * was.  The temporary file is locked (flock) while it is written, so that a second writer of the
 * same output, in this process or another, is refused with ERR_RETRY; one that a killed process left is used
 * again.  Names that exist and are no regular file (/dev/full, a FIFO) are written directly;
 * behind a symbolic link its target is replaced. */
#ifndef BASE_FILE_H
#define BASE_FILE_H
#include "base/err.h"
#include <stddef.h>
#include <stdio.h>

/* Read all of NAME ("-" is standard input), at most max bytes (more is ERR_INPUT).
 * *data is malloc'd, NUL-terminated after *len bytes, and the caller's to free. */
int file_read(const char *name, size_t max, char **data, size_t *len, struct err *e);

/* Whether two names are of one file that is there; 0 when one is NULL or "-". */
int file_same(const char *a, const char *b);

/* mkdir -p. */
int file_mkdirs(const char *path, struct err *e);

/* Write data to NAME ("-" or NULL: standard output) as an output that appears when it is whole. */
int file_write(const char *name, const char *data, size_t len, struct err *e);

/* Write data to NAME only if its bytes differ from what is there, so that make
 * sees no change where there is none.  Returns 1 written, 0 already so, -1 error. */
int file_write_if_changed(const char *name, const char *data, size_t len, struct err *e);

/* An output that appears when it is whole. */
struct outfile {
	char *name;  /* the final name, or NULL for standard output */
	char *tmp;   /* where it is written meanwhile; NULL when written directly */
	int fd;
};

/* NAME "-" or NULL is standard output.  The file can be read and sought unless
 * direct.  Each outfile ends in exactly one of outfile_commit and outfile_abort. */
int outfile_open(struct outfile *o, const char *name, struct err *e);
int outfile_commit(struct outfile *o, struct err *e); /* close and rename; on error aborts */
void outfile_abort(struct outfile *o);                /* close and remove; fine after open failed */

/* For programs that write a named file themselves (ffmpeg, sqlite3, cairo): the
 * temporary name to hand to them, of an empty file that is there.  It ends in ".tmp" plus the extension
 * of NAME.  Finish with outname_commit or outname_abort. */
struct outname {
	char *name, *tmp;
	int fd;          /* holds the lock */
};
int outname_open(struct outname *o, const char *name, struct err *e);
int outname_commit(struct outname *o, struct err *e);
void outname_abort(struct outname *o);

/* Remove every temporary file that is still open.  Async-signal-safe; lib/cli calls it
 * when a signal ends the program. */
void file_remove_temps(void);
#endif
