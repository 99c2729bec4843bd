/* film.h - cards played one after the other into an encoder. */
#ifndef VIDEO_FILM_H
#define VIDEO_FILM_H
#include "video/encode.h"

struct film_card {
	const char *png;
	const char *name;    /* for messages; NULL is fine */
	int64_t frames;      /* pictures */
	int play;            /* a playhead moves over its waveform; else it stands still */
};

/* All cards must be readable as PNG and of one size, which goes to *width and *height; looked at before
 * the first is encoded. */
int film_check(const struct film_card *cards, size_t n, int *width, int *height, struct err *e);

/* Encode the cards and the master of s to s->out, and wait for the end.  step(ctx, pictures) is called per
 * picture with those done so far.  On error s->out may be there and is to be removed. */
int film_encode(const struct film_card *cards, size_t n, const struct encode_spec *s,
                void (*step)(void *ctx, int64_t pictures), void *ctx, struct err *e);
#endif
