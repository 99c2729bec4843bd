/* conform.h - an input, or several joined, in; the same audio out with other channels, bounds, level, place, rate or word
 * length.
 *
 * What is done, in this order: join, cut the region, choose or mix channels, subtract the DC, cut silence off both ends,
 * gain and polarity, delay, fades, resample, dither, put silence before and after.  The arithmetic is that of
 * dsp/prep.h, dsp/shift.h and dsp/convert.h.  Where nothing is asked for every sample goes through bit for bit.
 *
 * The last pass over the input writes.  Before it there is one when the channels are to be mixed, the DC is to be known,
 * or the length of a pipe that fades out or is delayed; and one to find the sound when silence is cut off.  How a pipe is kept
 * meanwhile: audio/replay.h.  Memory does not grow with the input.
 *
 *	conform_open(&c, &name, 1, &opts, &e);
 *	conform_plan(c, &e);            conform_facts(c, &f);
 *	conform_write(c, &sink, &e);    conform_facts(c, &f);
 *	conform_close(c);
 *
 * What returns int gives 0, or -1 with *e: ERR_INPUT or ERR_UNSUPPORTED when the input and the options do not go
 * together, ERR_IO, ERR_NOMEM.  Messages are whole; where one of audio-prep's options would help they
 * name it.  After an error only conform_facts() and conform_close() may follow. */
#ifndef DSP_CONFORM_H
#define DSP_CONFORM_H
#include "audio/audio.h"
#include "audio/meta.h"
#include "dsp/prep.h"
#include <limits.h>
#include <math.h>

/* Start from CONFORM_NOTHING.  The caller checks the ranges: all finite where not said otherwise, and no time so
 * long that its frames pass 2^53. */
struct conform_opts {
	const char *channels;        /* a choice of prep.h, borrowed until conform_plan() is done; NULL: all */
	double start_s, length_s;    /* the region, rounded to frames; NAN: from the start, to the end */
	int64_t start_frame, length_frames; /* the same in frames; these count where they are not negative */
	double trim_dbfs;            /* cut both ends up to the first sample that reaches this; NAN: not */
	int remove_dc;               /* subtract the mean of the region, each output channel's own */
	double gain_db;              /* within +-300 */
	int invert;                  /* turn the polarity around */
	double delay_ms, delay_frames;    /* together: move by so much, at the input's rate; the length stays, positive is
	                                   * later, silence moves in */
	double fade_in_ms, fade_out_ms;   /* of what is kept, at the input's rate; 0 or more */
	int rate_hz;                 /* resample to this; 0 or less: not */
	const char *resampler;       /* a name of convert.h, borrowed until conform_plan() is done; NULL: best */
	double pad_start_s, pad_end_s;    /* silence put before and after, at the output's rate; 0 or more */
	int dither_bits;             /* 16 or 24: round to so many bits with dither, silence put in apart; 0: not */
	void (*step)(void *ctx, int64_t frames); /* called for each block, with the frames read in all passes so
	                                          * far added up; NULL: not */
	void *ctx;
};
enum { CONFORM_KEEP_RATE = INT_MIN };
#define CONFORM_NOTHING { .rate_hz = CONFORM_KEEP_RATE, .start_s = NAN, .length_s = NAN, .start_frame = -1, \
	.length_frames = -1, .trim_dbfs = NAN }

struct conform; /* one input; one thread at a time */

/* NAME "-" is standard input; n inputs of one shape are joined.  Names and opts are copied.  -1: it cannot be opened, has no such channels, is known to be
 * too short for the region, or is empty; *c is NULL. */
int conform_open(struct conform **c, const char *const *names, size_t n, const struct conform_opts *opts,
                 struct err *e);

/* The frames that all passes together will read, as step counts them; 0: not known. */
double conform_total_frames(const struct conform *c);

/* All passes but the last: decide everything that can be decided before a sample is written.  Once, after
 * conform_open().  -1: channels that cancel or have no middle, a region or fades that do not fit, silence only. */
int conform_plan(struct conform *c, struct err *e);

/* Where the output goes, in blocks; not 0 ends the pass with that error. */
struct conform_sink {
	int (*write)(void *ctx, const float *x, int64_t frames, struct err *e);
	void *ctx;
};

/* The last pass, to out, of the rate and the channels that the facts say.  Once, after conform_plan().  -1: the input
 * changed or ends too early for the region, the delay or the fade in, a sample would be past float32. */
int conform_write(struct conform *c, const struct conform_sink *out, struct err *e);

/* What is known, at any time.  Pointers are valid until conform_close(). */
struct conform_facts {
	const struct au_info *in;    /* the input as it was opened, the first of several */
	size_t inputs;
	int64_t in_frames;           /* of all input; -1: not known yet */
	double delay_frames;
	/* after conform_plan().  When that fails only the map's correlation and loss still count: they are set if the
	 * channels could be mixed and a later step failed, else NAN. */
	const struct prep_map *map;  /* how channels become channels, the DC, the gain */
	int out_rate_hz, out_channels;
	int64_t fade_in_frames, fade_out_frames, pad_start_frames, pad_end_frames;
	int64_t start_frame, length_frames;   /* what is kept of the input; length -1: not known before conform_write() */
	/* after conform_write() */
	int64_t trimmed_start_frames, trimmed_end_frames; /* silence cut off the region */
	int64_t out_frames;
	double peak;                 /* of all written samples; full scale = 1.0 */
	int copy;                    /* all of the input went out and no sample was touched */
};
void conform_facts(const struct conform *c, struct conform_facts *f);

/* What the (first) input says of its recording, as it says it, and the marks of all, where they are in the output; between
 * conform_plan() and conform_write().  *m is {0}.  -1: out of memory. */
int conform_meta(const struct conform *c, struct meta *m, struct err *e);

/* Of input i: its frames, and its SHA-256; after conform_write(). */
int conform_input(struct conform *c, size_t i, int64_t *frames, char hex[65], struct err *e);

void conform_close(struct conform *c); /* NULL is fine */
#endif
