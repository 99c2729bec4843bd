/* fx.h - effects, and chains of them, over a stream of audio.
 *
 * A chain is described first (struct fx_spec: which effects, with which values) and then opened for a rate
 * and a number of channels.  It works in double precision on blocks of FX_GRID frames that begin at the first frame of
 * the stream, whatever blocks the caller brings, and rounds to float32 once, at the end.  So the output has
 * the same bits for every way to cut the stream; and, since only IEEE operations in a fixed order and tables made
 * by such are used, for every compiler and instruction set (LV2 plugins promise for themselves).  What an effect does
 * not change goes through bit for bit: no effects, a bypassed one, a gain of 0 dB.
 *
 * Latency is taken out: output frame t belongs to input frame t.
 *
 *	fx_spec_new(&s, &e);
 *	fx_spec_add(s, "gate:threshold_db=-55", &e);    fx_spec_add(s, "eq:mid_scoop,high_gain_db=2", &e);
 *	fx_open(&fx, s, 48000, 2, &e);
 *	while (more)  n = fx_process(fx, in, frames, out, &e);
 *	while ((n = fx_finish(fx, tail_frames, out, &e)) > 0) ...
 *	fx_close(fx);                                   fx_spec_free(s);
 *
 * What returns int gives 0, or -1 with *e; ERR_INPUT for what the description says wrong, with the allowed range. */
#ifndef FX_FX_H
#define FX_FX_H
#include "base/err.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FX_GRID = 256,           /* frames of a block inside */
	FX_MAX_BLOCKS = 64,      /* effects in a chain */
	FX_MAX_PUSH = 4096,      /* frames fed at once */
	FX_MAX_POINTS = 100000   /* of one automated parameter */
};

/* ---- what there is ---- */

enum fx_kind {
	FX_NUMBER,
	FX_WHOLE,                /* a whole number */
	FX_SWITCH,               /* 0 or 1 */
	FX_WORD                  /* one of words; its value is the place in the list */
};

struct fx_param {
	const char *name;        /* with its unit at the end: "threshold_db" */
	const char *unit;        /* "dB", "Hz", "ms", "s", "%", "" */
	enum fx_kind kind;
	double min, max, def;
	const char *const *words;/* of FX_WORD; ends with NULL */
	const char *help;
};

struct fx_preset {
	const char *name;
	const char *text;        /* "low_cut_hz=80,low_cut_slope=6" */
	const char *help;
};

struct fx_info {
	const char *name;        /* "eq" */
	const char *about;       /* one sentence */
	const struct fx_param *param;
	int params;
	const struct fx_preset *preset; /* ends with a NULL name; NULL: none */
	const char *bare;        /* the parameter that a number alone sets ("gain:-3"), or NULL */
};

/* Effect i, from 0; NULL past the last. */
const struct fx_info *fx_info(size_t i);
/* An effect as an "fx-info/1" object: parameters with unit, range, default; presets.  NULL when out of memory. */
json_t *fx_info_json(const struct fx_info *info);

/* ---- a chain, described ---- */

struct fx_spec;
int fx_spec_new(struct fx_spec **s, struct err *e);
void fx_spec_free(struct fx_spec *s); /* NULL is fine */

/* Add an effect: NAME, or NAME: and, parted by commas, first a preset or a bare number, then PARAMETER=VALUE.  A
 * value may carry its parameter's unit ("+6dB").  An LV2 plugin is lv2:URI[,preset=NAME][,SYMBOL=VALUE...]. */
int fx_spec_add(struct fx_spec *s, const char *text, struct err *e);
/* The same from JSON: a text as above, or an object with "effect" (and "uri" of lv2), "preset", parameters as keys, and
 * "automation": an object with a parameter as key and a text of points, as below, as value. */
int fx_spec_add_json(struct fx_spec *s, const json_t *v, struct err *e);

/* Move a parameter of an effect that was added: "2.mix_pct=0s:0,1.5s:30:exp,8b:10:s,smooth_ms=5".  The effect is its place
 * from 1, or its name when it is there once.  A point is a time (seconds s, beats b, frames f of the input) and a value, and
 * how it is reached from the point before: linear (default), hold (a step at this point), exp (starts slowly, rises
 * 60 dB of its curve), log (the reverse), s (3u^2 - 2u^3).  Before the first and after the last point the value
 * stays.  smooth_ms then low-passes the values, one pole of that time constant.  Each frame gets its own value.  Words only step;
 * where they do, the effect runs once for each and the output fades over 5 ms. */
int fx_spec_automate(struct fx_spec *s, const char *text, struct err *e);
/* Beats a minute of points in beats, and of effects that follow the tempo and are not told theirs.  Else 120. */
void fx_spec_tempo(struct fx_spec *s, double bpm);

size_t fx_spec_count(const struct fx_spec *s);
const struct fx_info *fx_spec_info(const struct fx_spec *s, size_t i);
json_t *fx_spec_info_json(const struct fx_spec *s, size_t i); /* as fx_info_json(), and with the URI of a plugin */
double fx_spec_value(const struct fx_spec *s, size_t i, int param);
/* Effect i as text that fx_spec_add() takes, and its automated parameter k from 0 as fx_spec_automate() takes it, NULL
 * past the last; malloc'd, NULL also when out of memory. */
char *fx_spec_text(const struct fx_spec *s, size_t i);
char *fx_spec_lane_text(const struct fx_spec *s, size_t i, size_t k);
/* All of it, as JSON for reports: a list with an object for each effect, all parameters in it. */
json_t *fx_spec_json(const struct fx_spec *s);

/* ---- a chain, running ---- */

struct fx;

/* s is borrowed until fx_close() and may serve any number of chains at once.  ERR_INPUT: a value makes no sense
 * at this rate or number of channels. */
int fx_open(struct fx **fx, const struct fx_spec *s, int rate_hz, int channels, struct err *e);
void fx_close(struct fx *fx); /* NULL is fine */

/* Frames after the input's end until all effects have died away (by 120 dB); -1: they never do.  As if the input ended after
 * what has been fed; before that, the most that it may come to. */
int64_t fx_tail_frames(const struct fx *fx);
/* Frames that the chain is late inside, taken out again. */
int64_t fx_latency_frames(const struct fx *fx);

/* Feed n frames of in[n * channels], n at most FX_MAX_PUSH; out has room for n + FX_GRID frames.  Returns the frames that
 * came out, -1 on error: a sample past the range of float32, or a plugin that made one that is no number. */
int64_t fx_process(struct fx *fx, const float *in, int64_t n, float *out, struct err *e);
/* After the input: tail frames more than went in are to come out in all; call until it returns 0.  out has room for
 * FX_GRID frames. */
int64_t fx_finish(struct fx *fx, int64_t tail_frames, float *out, struct err *e);

/* What effect i has done so far, for reports: {"max_reduction_db": 7.2} and the like; NULL: nothing to say. */
json_t *fx_facts(const struct fx *fx, size_t i);
#endif
