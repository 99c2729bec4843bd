/* replay.h - an input, or a part of it, whose samples are read more than once.
 *
 * Work that must know something of the whole before it can write the first sample (a loudness, a mean, where the
 * sound begins) reads its input in passes.  A regular file is opened again for each pass.  All else, a
 * pipe above all, comes only once: its region is kept meanwhile as float32 in a file without a name in $TMPDIR
 * (or /tmp), 4 bytes a sample, and is gone when the program ends, however it ends.  Memory does not grow with the input.
 *
 * Every pass gives the same samples or ends in an error: a file that another program writes to, replaces or shortens
 * between its first pass and the end of its last is ERR_INPUT, "changed while it was read".
 *
 *	replay_open(&r, name, &e);
 *	replay_begin(r, 1, &e);         while ((n = replay_read(r, x, 4096, &e)) > 0) look(x, n);
 *	replay_begin(r, 0, &e);         while ((n = replay_read(r, x, 4096, &e)) > 0) write(x, n);
 *	replay_close(r);
 *
 * One thread at a time. */
#ifndef AUDIO_REPLAY_H
#define AUDIO_REPLAY_H
#include "audio/audio.h"

struct replay;

/* NAME "-" is standard input.  -1: it cannot be opened, *r is NULL. */
int replay_open(struct replay **r, const char *name, struct err *e);
const struct au_info *replay_info(const struct replay *r); /* of the input, not of the region */

/* What the input says of its recording (audio/meta.h); until the next replay_begin(). */
const struct meta *replay_meta(const struct replay *r);

/* Give only `length` frames (negative: all to the end) from frame `start` on, in every pass; before the first.
 * ERR_INPUT when the input is known to be too short; one that shows that only later fails in the first pass. */
int replay_region(struct replay *r, int64_t start, int64_t length, struct err *e);

/* Begin a pass; the one before it has been read to its end.  again: another will follow, so what comes through a pipe
 * has to be kept; once it was, again is of no matter.  ERR_IO: no temporary file can be made, or read back. */
int replay_begin(struct replay *r, int again, struct err *e);

/* Up to `frames` frames of the region into x[frames * channels]; fewer only at the end.  Returns their number, 0 at the
 * end, -1 on error.  At the end of its region a pipe is read on to its own end, so that the program before us is
 * not killed by SIGPIPE and the hash is whole. */
int64_t replay_read(struct replay *r, float *x, int64_t frames, struct err *e);

/* Frames of the whole input; -1 as long as they are not known, at the latest after the first pass they are. */
int64_t replay_frames(const struct replay *r);

/* SHA-256 of the whole input, of the file or of the bytes that came through the pipe; after the first pass. */
int replay_sha256(struct replay *r, char hex[65], struct err *e);

void replay_close(struct replay *r); /* NULL is fine */
#endif
