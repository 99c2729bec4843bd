/* segment_text.h - a timeline as chapters: for the video file and for its description. */
#ifndef SHOOT_SEGMENT_TEXT_H
#define SHOOT_SEGMENT_TEXT_H
#include "base/str.h"
#include "shoot/timeline.h"

/* What a chapter is called: "A: British crunch (Riff)", or the title; cleaned, one line, never empty. */
void segment_chapter_name(const struct tl_segment *s, struct str *out);

/* The name of the whole: title of the first title segment; "Shootout" when there is none. */
void segment_video_title(const struct timeline *t, struct str *out);

/* Title and chapters in ffmpeg's metadata format, in audio frames; = ; # \ and newlines escaped. */
int segment_ffmetadata(const struct timeline *t, struct str *out, struct err *e);

/* A description for video sites: title, "0:00 NAME" lines in whole seconds, and the credits
 * ("credits", an array of texts, of any segment; each once).  < and > are not allowed there and
 * become guillemets.  *shortest_s is the length of the shortest chapter: sites show chapters only if there
 * are at least 3 of at least 10 s each. */
int segment_description(const struct timeline *t, struct str *out, double *shortest_s, struct err *e);
#endif
