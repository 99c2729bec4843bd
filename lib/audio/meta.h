/* meta.h - what a file says of its recording besides the samples, and is worth carrying on.
 *
 * Of WAV the chunks bext (EBU Tech 3285), iXML, LIST INFO, and marks (audio/marks.h); of all else that libsndfile opens its
 * texts, and of AIFF its marks.  Where the output is WAV all of it is written, to AIFF texts and marks, else the texts.
 * Outside data: sizes are bounded, and texts of INFO are what bytes they are. */
#ifndef AUDIO_META_H
#define AUDIO_META_H
#include "base/err.h"
#include "audio/marks.h"
#include <stdint.h>

enum meta_text { META_TITLE, META_COPYRIGHT, META_SOFTWARE, META_ARTIST, META_COMMENT, META_DATE, META_ALBUM, META_GENRE,
	META_TRACK, META_TEXTS };
enum {
	META_MAX_CHUNK = 1 << 20,    /* larger ones are left out */
	META_BEXT_LEAST = 602        /* bytes of a bext chunk without its coding history */
};

/* Start from {0}. */
struct meta {
	char *text[META_TEXTS];      /* or NULL */
	unsigned char *bext, *ixml;  /* the chunks' data, or NULL */
	size_t bext_len, ixml_len;
	struct marks marks;
};

/* Whether data of this chunk is wanted; id has 4 bytes. */
int meta_wants(const unsigned char *id, uint64_t size);
/* Take what there is in it, the first of a kind; broken ones are passed over.  -1: out of memory. */
int meta_add_chunk(struct meta *m, const unsigned char *id, const unsigned char *data, size_t len, struct err *e);
int meta_set_text(struct meta *m, enum meta_text which, const char *s, size_t len, struct err *e);

/* All of it; to is {0}.  how: where marks go; NULL: they stay. */
int meta_copy(struct meta *to, const struct meta *from, const struct marks_move *how, struct err *e);
/* Take out what a file of this name has no place for; marks count as lost. */
void meta_limit(struct meta *m, const char *name);
void meta_free(struct meta *m);                                         /* and back to {0} */

/* The chunks for a WAV file, each with its header, of even length in all, added to b (see b->failed). */
void meta_chunks(const struct meta *m, struct str *b);

/* The line that EBU R 98 has for what a program made of PCM: "A=PCM,F=48000,W=24,M=stereo,T=audio-prep 1.0"; bits 32 is
 * float32. */
void meta_history(char line[128], int rate_hz, int channels, int bits, const char *program);

/* What there is of m, as names: "bext", "ixml", "cues", "loops", "sampler", "title", ...: a JSON array for reports has them.  The
 * next one from *at (from 0) on, or NULL. */
const char *meta_next(const struct meta *m, int *at);

/* What has become of the samples. */
struct meta_change {
	int64_t start_frame;         /* the first frame is this one of the input */
	int64_t before_frames;       /* and so many of the output come before it */
	int in_hz, out_hz;
	const char *history;         /* a line for the coding history, without its end; NULL: nothing was changed */
};
/* Bring bext to the changed samples: the time reference; where there is a history also the UMID and the loudness, which are
 * not those of this material any more and become undefined, and the history.  -1: out of memory. */
int meta_change(struct meta *m, const struct meta_change *c, struct err *e);
#endif
