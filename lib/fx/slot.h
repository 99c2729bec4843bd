/* slot.h - one effect in its place in a chain: its values move, its wet signal meets the dry one; private to lib/fx.
 *
 * A word (the type of a filter, of a room) has no values in between.  Where words move, the effect is there several times,
 * once for each set of words that the points name.  All of these hear all of the input, and what is heard fades from one to
 * the next within FX_FADE_MS from the point on: before and after that it is, bit for bit, what the words alone would give. */
#ifndef FX_SLOT_H
#define FX_SLOT_H
#include "fx/spec.h"

enum { FX_FADE_MS = 5, FX_MAX_VOICES = 64 };

/* An effect with fixed words. */
struct fx_voice {
	struct fx_unit u;
	struct fx_lane_run *run; /* of all that moves inside it */
	size_t runs;
	double **held, *held_room; /* per channel: what makes it as late as the latest, then a block; NULL: it is */
};

struct fx_slot {
	struct fx_voice *voice;
	size_t voices;
	int64_t late, latency;   /* frames by which its input is late; that it adds */
	struct fx_lane_run *mix, *word; /* of bypass, mix_pct and dry_pct; of words */
	size_t mixes, words;
	struct fx_lane_run tail; /* of the parameter that says how long the tail is; frame NULL: it does not move */
	double **at;             /* per channel: where a piece of a block begins */
	double **dry, *dry_room; /* per channel: latency frames, then a block; NULL: nobody mixes */
	/* of several voices */
	size_t now;              /* the one that is heard, or faded to */
	int64_t faded, fade;     /* frames of the fade that are done, and all */
	int over;                /* nothing will be heard any more but that one */
	double *from;            /* weight of each voice where the fade began */
	double (*weight)[FX_GRID]; /* in this block */
	double **in, **out, *in_room, *out_room; /* per channel: a block */
};

/* Effect `block` of s, behind `late` frames of latency.  -1: with *e; fx_slot_close() is called by the caller, always. */
int fx_slot_open(struct fx_slot *n, const struct fx_spec *s, size_t block, int rate_hz, int channels, int64_t late,
                 struct err *e);
void fx_slot_close(struct fx_slot *n); /* of zeros, too */
/* FX_GRID frames of each channel in place; pos: frames that have gone through the chain before. */
int fx_slot_run(struct fx_slot *n, double *const *x, int64_t pos, struct err *e);
/* Seconds until its tail is 120 dB down when the input ends after `frames`; negative: whenever it may end, at the most. */
double fx_slot_tail_s(struct fx_slot *n, int64_t frames);
double fx_slot_bytes(const struct fx_slot *n);
#endif
