/* parts.h - an audio output in one file, or cut into several as it comes.
 *
 * Where a part's name comes from: the one %d or %0Nd (N 1 to 9) of a pattern becomes its number, from 1, and %% a percent sign. */
#ifndef DSP_PARTS_H
#define DSP_PARTS_H
#include "audio/audio.h"
#include "audio/meta.h"

enum { PARTS_MAX = 100000 };

struct part {
	char *name;
	int64_t start_frame, length_frames; /* of the output */
	size_t cues, loops;          /* that it got */
	char sha256[65];
};

struct parts {
	const char *output;          /* a name; with cuts a pattern */
	int rate_hz, channels;
	enum au_encoding encoding;
	const int64_t *cut;          /* n_cuts places in frames, rising, the first above 0; borrowed */
	size_t n_cuts;
	const struct meta *meta;     /* borrowed; its time and marks are those of all; NULL: none */
	int hash;                    /* the SHA-256 of each is wanted */
	int64_t every;               /* or cut each time so many frames are there; 0: not */
	int64_t total;               /* frames that there will be; -1: not known */
	/* what has come of it */
	struct part *part;           /* n, in their order */
	size_t n;
	/* private */
	struct au_out *out;
	int64_t at;
	int many;
};

/* Whether it is a pattern that parts_open() takes. */
int parts_is_pattern(const char *name);

/* The settings are set, all else is 0.  -1: the pattern is none, or (one file) it cannot be created. */
int parts_open(struct parts *p, struct err *e);
/* For a conform_sink; ctx is p.  A part is there, under its name, when it is whole. */
int parts_write(void *ctx, const float *x, int64_t frames, struct err *e);
/* All but the last commit; -1 when samples would clip. */
int parts_end(struct parts *p, struct err *e);
int parts_commit(struct parts *p, struct err *e);
/* Remove what is there of them, also what was committed. */
void parts_abort(struct parts *p);
void parts_free(struct parts *p);
#endif
