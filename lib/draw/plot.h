/* plot.h - curves and maps with axes, as SVG or PNG.
 *
 * A picture is one or more panels, one above the other.  A panel has two axes, any number of curves, and at
 * most one map (a spectrogram) under them.  The same values give the same bytes with one version of cairo.
 * Text is cleaned, measured and shortened to its place.  Needs text_init(). */
#ifndef DRAW_PLOT_H
#define DRAW_PLOT_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct plot_axis {
	const char *label;    /* "frequency"; NULL for none */
	const char *unit;     /* "Hz": behind the label; NULL for none */
	double min, max;      /* min < max; both 0: from the curves, rounded outwards to ticks */
	int log;              /* decades equally long: min above 0, values of 0 and less are gaps */
};

/* Values that are no finite number are gaps in the line.  A curve with more points than pixels is drawn as what
 * it covers of each column, so that no peak is lost and a picture stays small; its x must then not fall. */
struct plot_curve {
	const char *name;     /* in the legend; NULL: not there */
	const double *x, *y;  /* n values each, borrowed */
	size_t n;
	uint32_t rgb;         /* 0xRRGGBB; 0: the theme's, by place in the list */
	int dashed;
};

/* columns x rows values, v[row * columns + column]; row 0 is at the bottom.  They share the panel's
 * area evenly: on a logarithmic axis rows must be evenly spaced there.  At most 2^26 values. */
struct plot_map {
	const float *v;
	size_t columns, rows;
	double min, max;      /* the ends of the colours; beyond them, and no number: the end's, the ground's */
	const char *unit;     /* of the scale beside it */
};

struct plot {
	const char *title, *subtitle;   /* NULL for none */
	struct plot_axis x, y;
	const struct plot_curve *curves;
	size_t n_curves;
	const struct plot_map *map;     /* NULL for none; then both axes need min and max */
};

enum { PLOT_MAX_PANELS = 16 };

/* 0 if NAME ends in .svg or .png, so that a program can refuse it before it works; else ERR_INPUT. */
int plot_check_name(const char *name, struct err *e);

/* The panels, each width x height pixels (320..7680 x 180..4320), as a file that appears when it is whole. */
int plot_write(const char *name, const struct plot *p, size_t panels, int width, int height, struct err *e);

/* Ticks of an axis from min to max: up to cap values to ticks, at most `most` of them wanted; for a logarithmic axis 1, 2
 * and 5 of each decade or decades alone.  Returns how many. */
size_t plot_ticks(const struct plot_axis *a, int most, double *ticks, size_t cap);

/* A tick's text: "-60", "0.25", "500", "2k"; decimals as far as step needs them. */
void plot_tick_text(double v, double step, char out[32]);
#endif
