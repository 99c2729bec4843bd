/* join.h - inputs one after the other as if they were one, read in passes (audio/replay.h).
 *
 * All have the same rate and channels.  With one input it is a replay and no more. */
#ifndef AUDIO_JOIN_H
#define AUDIO_JOIN_H
#include "audio/meta.h"
#include "audio/replay.h"

enum { JOIN_MAX = 512 }; /* inputs; each is an open file */

struct join;

/* "-" may be among the names, once.  -1: one cannot be opened or has another shape than the first; *j is NULL. */
int join_open(struct join **j, const char *const *names, size_t n, struct err *e);
const struct au_info *join_info(const struct join *j); /* of the first; frames of all, -1 when not known */
/* What the first says of its recording, and the marks of all, moved from the frames of all together as `how` says; of what
 * follows an input of unknown length they are lost.  *m is {0}.  -1: out of memory. */
int join_meta(const struct join *j, struct meta *m, const struct marks_move *how, struct err *e);
size_t join_inputs(const struct join *j);

/* As the functions of replay.h, of all together. */
int join_region(struct join *j, int64_t start, int64_t length, struct err *e);
int join_begin(struct join *j, int again, struct err *e);
int64_t join_read(struct join *j, float *x, int64_t frames, struct err *e);
int64_t join_frames(const struct join *j);

/* Of input i, after the first pass. */
int64_t join_input_frames(const struct join *j, size_t i);
int join_input_sha256(struct join *j, size_t i, char hex[65], struct err *e);

void join_close(struct join *j); /* NULL is fine */
#endif
