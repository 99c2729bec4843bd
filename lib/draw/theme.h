/* theme.h - the colours and the geometry that cards and video frames share. */
#ifndef DRAW_THEME_H
#define DRAW_THEME_H
#include <stdint.h>

/* 0xRRGGBB.  Text on its ground has a contrast above 7 : 1 (WCAG AAA). */
enum {
	THEME_GROUND = 0x0d1117,
	THEME_PANEL = 0x171d26,
	THEME_EDGE = 0x2c3440,
	THEME_TEXT = 0xf2f5f8,
	THEME_MUTED = 0xa3adba
};

enum { THEME_MIN_W = 320, THEME_MIN_H = 180, THEME_MAX_W = 7680, THEME_MAX_H = 4320 };

/* The colour of a tone, by its label: A..H differ from each other, then they repeat; labels that
 * are no letter get one by their text. */
uint32_t theme_accent(const char *label);

struct theme_rect { int x, y, w, h; };

/* Where the waveform of a segment's card lies on a w x h picture, in whole pixels, all even, so that
 * a chroma sample belongs to either side of its edge. */
struct theme_rect theme_wave_rect(int w, int h);

/* Cards are laid out on 1920 x 1080 units; a picture of another shape has them centred.
 * *scale is pixels per unit, *x and *y the pixels before the layout starts. */
void theme_fit(int w, int h, double *scale, double *x, double *y);

/* A waveform not yet played is this much of the way from the panel's colour to its own. */
#define THEME_DIM 0.36
#endif
