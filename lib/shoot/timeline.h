/* timeline.h - the segments of a shootout in order, and where each lies in the master.
 *
 * Two JSON lines formats, both described in shootout-formats(5):
 *
 * Segments (schema "segment/1") say what to play: kind "segment" is length_frames of an audio file
 * from start_frame on; kind "title" is silence under a card.  Keys that are not known are kept.
 *
 * A timeline is a head line (schema "timeline/1": rate, channels, frames per second, sums), then
 * the same segment objects with their places: at_frame and length_frames in audio frames of the
 * master, video_frame and video_frames in pictures.
 *
 * Every segment is a whole number of pictures: rate / fps audio frames each, which must be an
 * integer.  That is what makes a cut in the sound and a cut in the picture the same moment, with no
 * drift however many segments there are; 30000/1001 at 48000 Hz would be 1601.6 and is refused.
 *
 * Input is taken to be hostile: sizes, counts and sums are bounded and checked. */
#ifndef SHOOT_TIMELINE_H
#define SHOOT_TIMELINE_H
#include "base/err.h"
#include "base/str.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TL_MAX_SEGMENTS = 10000,
	TL_MAX_BYTES = 64 << 20,   /* of a whole file */
	TL_MAX_LINE = 1 << 20,     /* bytes of one line */
	TL_MAX_S = 12 * 3600       /* of the master; the longest that video sites take */
};

struct tl_segment {
	json_t *o;                 /* the whole object, owned by the timeline */
	int is_title;              /* silence; file is NULL */
	/* Borrowed from o; NULL when the key is not there. */
	const char *label, *name, *title, *di, *file, *level, *card;
	int64_t start_frame;       /* in file */
	int64_t length_frames;
	int64_t at_frame;          /* in the master; -1 before timeline_layout() */
	int64_t video_frame, video_frames;
	int64_t trimmed_frames;    /* what timeline_layout() cut off the end */
};

struct timeline {
	struct tl_segment *seg;    /* n of them */
	size_t n;
	int rate_hz, channels;     /* 0 before timeline_layout() */
	int fps_num, fps_den;
	int frames_per_picture;    /* audio frames: rate * fps_den / fps_num */
	int64_t frames, video_frames;
};

/* Read segments, or a timeline; NAME "-" is standard input.  The message of *e has file and line.
 * Afterwards *t needs timeline_free(), also on error. */
int timeline_read_segments(struct timeline *t, const char *name, struct err *e);
int timeline_read(struct timeline *t, const char *name, struct err *e);
void timeline_free(struct timeline *t);

/* "30" or "60000/1001" to a fraction in lowest terms, 1 to 240 per second; -1 when it is none. */
int timeline_fps(const char *text, int *num, int *den);

/* Place the segments one after the other: fills rate, channels, fps, sums and the places, cuts every
 * length down to a whole number of pictures (trimmed_frames says by how much) and puts the same
 * into the objects.  A segment shorter than one picture, a rate that is no multiple of the picture
 * rate, or more than TL_MAX_S is an error. */
int timeline_layout(struct timeline *t, int rate_hz, int channels, int fps_num, int fps_den,
                    struct err *e);

/* Append the timeline as text to *out.  head gets "tool" and "version" from the caller and further
 * keys of its own; it is borrowed. */
int timeline_text(const struct timeline *t, json_t *head, struct str *out, struct err *e);
#endif
