/* card.h - title and segment cards, from JSON to a picture.
 *
 * A card is an object of schema "card/1" with kind "segment" (label, title, di, chain, subtitle,
 * credits; and gain_db, loudness_lufs, true_peak_dbtp, usually from a level report) or "title"
 * (title, subtitle, lines, credits).  chain, lines and credits are arrays; a line is text, with
 * a label when it starts "LABEL<tab>" or "LABEL<two spaces>", or an object {"label","title","chain"}.  Keys that are not known are ignored.
 *
 * Everything is hostile: text is cleaned, measured and shortened to its box, lists are bounded. */
#ifndef DRAW_CARD_H
#define DRAW_CARD_H
#include "base/err.h"
#include "draw/wave.h"
#include <cairo.h>

enum { CARD_MAX_BYTES = 1 << 20, CARD_MAX_STAGES = 64, CARD_MAX_LINES = 64 };

struct card;

/* NAME "-" is standard input.  Bytes that are no UTF-8 become U+FFFD. */
int card_load(struct card **c, const char *name, struct err *e);
void card_free(struct card *c); /* NULL is fine */

/* Take gain_db, loudness_lufs and true_peak_dbtp from an audio-level report. */
int card_load_levels(struct card *c, const char *name, struct err *e);

int card_is_title(const struct card *c);

/* Draw it width x height pixels; needs text_init().  wave has theme_wave_rect().w columns, or is NULL.
 * The surface (CAIRO_FORMAT_RGB24) is the caller's to destroy; NULL on error. */
cairo_surface_t *card_draw(const struct card *c, const struct wave *wave, int width, int height,
                           struct err *e);

/* The picture as a PNG file that appears when it is whole; "-" is standard output. */
int card_write_png(cairo_surface_t *s, const char *name, struct err *e);

/* Width and height that a PNG file says it has. */
int card_png_size(const char *name, int *width, int *height, struct err *e);

/* Read a PNG as CAIRO_FORMAT_RGB24 over the ground colour.  It must be width x height. */
cairo_surface_t *card_read_png(const char *name, int width, int height, struct err *e);
#endif
