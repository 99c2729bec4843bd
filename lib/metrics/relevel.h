/* relevel.h - measure an input, then copy it at another level: passes over the samples, at least two.
 *
 * How a pipe is kept for the second pass: audio/replay.h.  What a later pass makes is measured as the first measured
 * the input, so that a caller can verify it. */
#ifndef METRICS_RELEVEL_H
#define METRICS_RELEVEL_H
#include "audio/audio.h"
#include "base/err.h"
#include "metrics/limiter.h"

/* What a level can be brought to. */
enum relevel_by {
	RELEVEL_INTEGRATED,     /* LUFS, or ungated under 0.4 s: loudness_for_level() */
	RELEVEL_MOMENTARY,      /* LUFS, the largest of 400 ms */
	RELEVEL_SHORT_TERM,     /* LUFS, the largest of 3 s */
	RELEVEL_RMS,            /* dBFS over all samples of all channels: a sine of full scale is -3.01 (level.h) */
	RELEVEL_PEAK,           /* dBFS, the largest sample */
	RELEVEL_TRUE_PEAK,      /* dBTP (truepeak.h) */
	RELEVEL_KINDS
};
const char *relevel_by_name(enum relevel_by by); /* "integrated", "momentary", "short_term", "rms", "peak", "true_peak" */
int relevel_by_of(const char *name);             /* -1: none of them */
const char *relevel_unit(enum relevel_by by);    /* "LUFS", "dBFS" or "dBTP" */

/* A part of the input; length < 0: to the end, which only the last part can have. */
struct relevel_part { int64_t start_frame, length_frames; };

struct relevel_opts {
	const struct relevel_part *parts; /* what counts for loudness and RMS, in order, apart from each other: measured
	                         * as if all else were cut out; borrowed until relevel_close() */
	size_t n_parts;         /* 0: all of the input */
	int cut_parts;          /* what of them is after the end of the input is left out; else that is an error */
	int measure_only;       /* there will be no second pass: nothing is kept */
	int limit;              /* relevel_limited_gain() will be asked, for this level; not with measure_only or blind */
	enum relevel_by limit_by; /* of the first four */
	int blind;              /* nothing is measured: relevel_apply() is the first and only pass, and gives no values */
	int dual_mono;          /* a mono input counts twice (loudness.h) */
	void (*step)(void *ctx, int64_t frames); /* called as frames go by, all passes added up; NULL: not */
	void *ctx;
};

struct relevel_values {
	double level[RELEVEL_KINDS]; /* the first four of the parts, the peaks of the whole; NAN: silent, under the gate, too short */
	const char *kind;       /* of RELEVEL_INTEGRATED: "integrated", or "ungated" for what is shorter than 0.4 s */
	int64_t frames;         /* of the whole */
	int64_t counted_frames; /* of the parts */
};

struct relevel; /* one input; one thread at a time */

/* NAME "-" is standard input.  opts are copied.  -1: the input cannot be opened. */
int relevel_open(struct relevel **r, const char *name, const struct relevel_opts *opts, struct err *e);
const struct au_info *relevel_info(const struct relevel *r);
/* What the input says of its recording (audio/meta.h); until the next pass. */
const struct meta *relevel_meta(const struct relevel *r);
/* The first pass; once.  A part that is not inside the input is ERR_INPUT; ERR_IO when a pipe cannot be kept. */
int relevel_measure(struct relevel *r, struct relevel_values *v, struct err *e);
/* SHA-256 of the input, after relevel_measure(); it takes reading a file once more. */
int relevel_sha256(struct relevel *r, char hex[65], struct err *e);
/* How a pass changes the samples. */
struct relevel_set {
	double gain;            /* a factor; 1 copies bit for bit */
	double limit;           /* then metrics/limiter.h at this, full scale 1.0; INFINITY: not */
};

/* Another pass, after the first: every sample as `set` has it, to out, which the caller commits or aborts; or, with out
 * NULL, nowhere: then another may follow.  *v is measured on the result; *f (may be NULL) is what the limiter did.
 * ERR_INPUT: the input changed meanwhile, or a sample would be past float32. */
int relevel_apply(struct relevel *r, const struct relevel_set *set, struct au_out *out, struct relevel_values *v,
                  struct limiter_facts *f, struct err *e);
/* After relevel_measure(), where opts.limit is set: the least gain with which that level is about
 * `level`, when a limiter at limit_dbtp follows (metrics/limit_model.h), and in *reached that level.  1: too much would have to be limited;
 * the gain is that for LIMIT_MODEL_MOST_DB then. */
int relevel_limited_gain(struct relevel *r, double level, double limit_dbtp, double *gain_db, double *reached);
void relevel_close(struct relevel *r); /* NULL is fine */
#endif
