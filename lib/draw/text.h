/* text.h - text on a cairo surface, measured, shortened and never outside its box.
 *
 * pango shapes it, so any script works for which a font is installed.  The family is
 * SHOOTOUT_FONT, or DejaVu Sans; characters it lacks come from what fontconfig knows.  Never
 * name an emoji font: digits and spaces would then come from it. */
#ifndef DRAW_TEXT_H
#define DRAW_TEXT_H
#include "base/err.h"
#include <cairo.h>
#include <stdint.h>

struct text_style {
	double size;      /* pixels per em, in user space */
	int bold;
	uint32_t rgb;     /* 0xRRGGBB */
	enum { TEXT_LEFT, TEXT_CENTER, TEXT_RIGHT } align;
	int lines;        /* at most so many lines, the last ends in an ellipsis; 0 is 1 */
	double least;     /* when above 0: shrink down to this size before shortening */
};

/* The font family of all text that follows is looked up: SHOOTOUT_FONT, else the default.  ERR_INPUT for a
 * family that is not installed or names an emoji font, ERR_UNSUPPORTED when there are no fonts at all. */
int text_init(struct err *e);

/* Draw s (cleaned by utf8_clean) in the box of width w and height h at x, y, centred vertically,
 * clipped to it.  w or h of 0 or less draws nothing.  Returns the width used. */
double text_draw(cairo_t *cr, const char *s, double x, double y, double w, double h,
                 const struct text_style *st);

/* Width of s on one line. */
double text_width(cairo_t *cr, const char *s, const struct text_style *st);

/* Characters drawn so far for which no installed font has a glyph. */
int text_missing_glyphs(void);
#endif
