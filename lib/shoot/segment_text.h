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

/* Sites show chapters only if there are so many, none shorter. */
enum { SEGMENT_LEAST_CHAPTERS = 3, SEGMENT_LEAST_CHAPTER_S = 10 };

struct segment_chapters { size_t n; double shortest_s; };

/* A description for video sites: title, "0:00 NAME" lines in whole seconds, and the credits ("credits", an
 * array of texts, of any segment; each once).  A title shorter than SEGMENT_LEAST_CHAPTER_S is no chapter
 * of its own there: the sound after it starts where the title does.  < and > are not allowed on sites and
 * become guillemets.  *c says what came of it. */
int segment_description(const struct timeline *t, struct str *out, struct segment_chapters *c,
                        struct err *e);
#endif
