/* marks.h - places in a recording: cue points and regions with their words, and the loops of a sampler.
 *
 * In WAV the chunks cue, LIST adtl (labl, note, ltxt), smpl and inst; elsewhere what libsndfile has of them.  All places are
 * in frames, the first is 0.  Outside data: sizes are bounded, texts are what bytes they are. */
#ifndef AUDIO_MARKS_H
#define AUDIO_MARKS_H
#include "base/err.h"
#include "base/str.h"
#include <stddef.h>
#include <stdint.h>

enum {
	MARKS_MAX = 40000,           /* of a file, and loops; what is more is lost */
	MARKS_MAX_BYTES = 900000     /* of all their words */
};

struct mark {
	uint32_t id;
	int region;                  /* it has a length, and what a ltxt chunk says */
	int64_t at, length;
	unsigned char kind[12];      /* of a region: purpose, country, language, dialect, code page */
	char *label, *note, *text;   /* or NULL; text is that of a region */
};

struct mark_loop {
	uint32_t id, type, fraction, count;
	int64_t first, last;         /* both are played */
};

/* Start from {0}. */
struct marks {
	struct mark *mark;
	struct mark_loop *loop;
	size_t n, loops;
	size_t bytes;                /* of words */
	size_t lost, lost_loops;     /* what marks_take() had no place for */
	int has_sampler, has_inst;
	unsigned char sampler[28];   /* smpl up to its loops: maker, product, period, notes, SMPTE */
	unsigned char inst[7];
	unsigned char *adtl;         /* words whose marks have not come yet */
	size_t adtl_len;
};

/* Take what a chunk has, the first of a kind; broken ones are passed over.  adtl: without the word "adtl".  -1: out of memory. */
int marks_add_cue(struct marks *m, const unsigned char *data, size_t len, struct err *e);
int marks_add_adtl(struct marks *m, const unsigned char *data, size_t len, struct err *e);
int marks_add_smpl(struct marks *m, const unsigned char *data, size_t len, struct err *e);
void marks_add_inst(struct marks *m, const unsigned char *data, size_t len);
/* One mark or loop more; label may be NULL.  -1: out of memory. */
int marks_add(struct marks *m, uint32_t id, int64_t at, const char *label, struct err *e);
int marks_add_loop(struct marks *m, const struct mark_loop *loop, struct err *e);

/* What becomes of places. */
struct marks_move {
	int64_t start, length;       /* the frames that are kept; length -1: to the end */
	int whole_end;               /* also a mark right behind the last one */
	double delay;                /* then moved by so many frames within that length */
	int in_hz, out_hz;           /* then to another rate */
	int64_t before;              /* then behind so many frames */
};
#define MARKS_STAY { .length = -1, .whole_end = 1, .in_hz = 1, .out_hz = 1 }

/* Add the marks of `from` to `to` in their new places.  Regions are cut to what is left of them; points and loops that are not
 * whole within it are counted in to->lost and to->lost_loops.  Where `to` has marks already, the new ones get ids behind
 * theirs.  -1: out of memory. */
int marks_take(struct marks *to, const struct marks *from, const struct marks_move *how, struct err *e);
void marks_free(struct marks *m); /* and back to {0} */
void marks_to_points(struct marks *m);  /* only places and labels stay */
void marks_drop(struct marks *m);       /* all marks; they count as lost */
void marks_drop_loops(struct marks *m); /* loops and all of the sampler; they count as lost */

/* The chunks for a WAV file, each with its header, added to b (see b->failed). */
void marks_chunks(const struct marks *m, struct str *b);
#endif
