/* cab.h - a cabinet: one or more impulse responses made into one matrix that a signal goes through.
 *
 * What is done, in this order.  Each response: read, brought to the signal's rate, made minimum phase, gain.  All together:
 * aligned to the first one and turned to its polarity, added up (or put side by side).  The sum: delay trimmed, cut to
 * length, faded out, low and high cut, norm, gain, mix. */
#ifndef CAB_CAB_H
#define CAB_CAB_H
#include "base/err.h"
#include "cab/shape.h"
#include "cli/batch.h"
#include "cli/progress.h"
#include "dsp/conv.h"
#include <jansson.h>

enum { CAB_MAX_IRS = 16 };
#define CAB_LEAST_CORRELATION 0.25 /* below, either sign, responses have no common place and polarity */

/* What ir-convolve(1) and its batches can ask for.  Texts are borrowed. */
struct cab_options {
	const char *input, *output;      /* NULL or "-": the standard streams */
	const char *const *ir;           /* n_irs names */
	const double *ir_gain_db;        /* n_gains <= n_irs: of the first ones */
	int n_irs, n_gains;
	const json_t *ir_json, *ir_gain_json; /* the same in a batch: one, or a list */
	int join;                        /* put channels side by side instead of adding up */
	const char *routing;             /* "auto", "each" or "matrix" */
	const char *align;               /* "on" or "off" */
	int fix_polarity, minimum_phase;
	const char *delay;               /* "keep", "trim" or "compensate" */
	double trim_s, fade_s;           /* NAN: not */
	double low_cut_hz, high_cut_hz;  /* NAN: not */
	const char *norm;
	double gain_db, mix;
	const char *tail;                /* "full", "cut" or seconds */
	const json_t *tail_json;         /* in a batch: a number too */
	const char *encoding, *report, *provenance;
	int threads;                     /* for a long signal; 0: one for each CPU, up to 4 */
};
#define CAB_OPTIONS_DEFAULT { .routing = "auto", .align = "on", .delay = "keep", .trim_s = NAN, .fade_s = NAN, \
	.low_cut_hz = NAN, .high_cut_hz = NAN, .norm = "none", .mix = 1, .tail = "full" }

/* Whether each is in its range, apart from the files.  ERR_INPUT with the key. */
int cab_check(const struct cab_options *o, struct err *e);

/* ---- a cabinet for signals of one rate and channel count; read only, any threads ---- */

struct cab_part {                        /* one response */
	char *file, sha256[65];
	int rate_hz, channels, polarity; /* of the file; sign of its largest sample */
	int64_t frames, used_frames;     /* of the file; at the signal's rate */
	double gain_db, minimum_phase_error_db; /* NAN: not asked for */
	double lag_frames, correlation;  /* against the first; NAN: not compared */
	double delay_frames;             /* what it was moved by */
	int inverted;
};
struct cab {
	struct cab_part part[CAB_MAX_IRS];
	int parts, rate_hz, ins, outs;
	const char *routing;             /* "each" or "matrix": what "auto" came to */
	int64_t taps;
	int64_t trimmed_frames;          /* cut off the start by "trim" */
	int64_t onset_frame;             /* of the whole; where the dry signal is mixed in, what "compensate" takes off */
	double norm_gain;
	struct conv_ir *spectra;
};
/* o has been checked.  NULL: no file, or nothing that fits the signal. */
struct cab *cab_new(const struct cab_options *o, int rate_hz, int channels, struct err *e);
void cab_free(struct cab *c); /* NULL is fine */

/* Cabinets that were made, for jobs that ask for the same; any thread.  As long as the files do not change; at most 32, and
 * of those not in use the longest unused goes first. */
struct cab_cache;
struct cab_cache *cab_cache_new(struct err *e);
void cab_cache_free(struct cab_cache *k);
const struct cab *cab_cache_get(struct cab_cache *k, const struct cab_options *o, int rate_hz, int channels, struct err *e);
void cab_cache_put(struct cab_cache *k, const struct cab *c); /* NULL is fine */

/* ---- a run ---- */

/* Put o->input through its cabinet to o->output.  cache, progress, say and report may be NULL; say is called with what a user
 * should know, warnings with level 0, the rest with 1.  0: done, and *report is an ir-convolve/1 object, the caller's; -1: failed, nothing
 * was written, and *e says why. */
int cab_run(const struct cab_options *o, struct cab_cache *cache, struct progress *progress,
            void (*say)(int level, const char *text), json_t **report, struct err *e);

/* For batch_run(): ctx is a struct cab_batch. */
struct cab_batch { struct cab_options defaults; struct cab_cache *cache; };
json_t *cab_batch_job(void *ctx, size_t number, const json_t *job, struct err *e);

/* An ir-info/1 object of a response; NULL and *e. */
json_t *cab_info(const char *name, struct err *e);
#endif
