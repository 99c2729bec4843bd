/* relevel.h - measure an input, then copy it at another level: two passes over the samples.
 *
 * How a pipe is kept for the second pass: audio/replay.h.  What the second pass writes is measured as the first measured
 * the input, so that a caller can verify it. */
#ifndef METRICS_RELEVEL_H
#define METRICS_RELEVEL_H
#include "audio/audio.h"
#include "base/err.h"

struct relevel_opts {
	int64_t start_frame;    /* loudness is measured from here on */
	int64_t length_frames;  /* for so many frames; negative: to the end */
	int measure_only;       /* there will be no second pass: nothing is kept */
	int dual_mono;          /* a mono input counts twice (loudness.h) */
	void (*step)(void *ctx, int64_t frames); /* called as frames go by, both passes added up; NULL: not */
	void *ctx;
};

struct relevel_values {
	double lufs;            /* of the region: loudness_for_level(); NAN: silent, or under the gate */
	double true_peak_dbtp;  /* of the whole; NAN: silent */
	const char *kind;       /* "integrated", or "ungated" for what is shorter than 0.4 s */
	int64_t frames;         /* of the whole */
};

struct relevel; /* one input; one thread at a time */

/* NAME "-" is standard input.  opts are copied.  -1: the input cannot be opened. */
int relevel_open(struct relevel **r, const char *name, const struct relevel_opts *opts, struct err *e);
const struct au_info *relevel_info(const struct relevel *r);
/* The first pass; once.  A region that is not inside the input is ERR_INPUT; ERR_IO when a pipe cannot be kept. */
int relevel_measure(struct relevel *r, struct relevel_values *v, struct err *e);
/* SHA-256 of the input, after relevel_measure(). */
const char *relevel_sha256(const struct relevel *r);
/* The second pass, once, after the first: every sample times gain (1 copies bit for bit) to out, which the caller
 * commits or aborts.  *v is measured on what was written.  ERR_INPUT: the input changed meanwhile, or a
 * sample would be past float32. */
int relevel_apply(struct relevel *r, double gain, struct au_out *out, struct relevel_values *v, struct err *e);
void relevel_close(struct relevel *r); /* NULL is fine */
#endif
