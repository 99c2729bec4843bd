/* plot.c - curves and maps with axes, as SVG or PNG. */
#include "draw/plot.h"
#include "base/file.h"
#include "base/str.h"
#include "draw/text.h"
#include "draw/theme.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TICKS = 64, MAX_MAP = 1 << 26 };

struct box { double x, y, w, h; };

static void
colour(cairo_t *cr, uint32_t rgb)
{
	cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

/* ---- axes -------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, at least as large as v. */
static double
nice_step(double v)
{
	double ten = pow(10, floor(log10(v)));

	for (int i = 0; i < 3; i++) {
		static const int of[] = { 1, 2, 5 };

		if (of[i] * ten >= v * (1 - 1e-9))
			return of[i] * ten;
	}
	return 10 * ten;
}

static size_t
log_ticks(const struct plot_axis *a, int most, double *ticks, size_t cap)
{
	const double decades = log10(a->max / a->min);
	const int three = 3 * decades <= most, every = three ? 1 : (int)ceil(decades / most);
	size_t n = 0;

	for (int d = (int)floor(log10(a->min)); pow(10, d) <= a->max * (1 + 1e-9); d++)
		for (int i = 0; i < (three ? 3 : 1); i++) {
			static const int of[] = { 1, 2, 5 };
			double v = of[i] * pow(10, d);

			if (d % every == 0 && v >= a->min * (1 - 1e-9) && v <= a->max * (1 + 1e-9) && n < cap)
				ticks[n++] = v;
		}
	return n;
}

size_t
plot_ticks(const struct plot_axis *a, int most, double *ticks, size_t cap)
{
	double step, first;
	size_t n = 0;

	if (!(a->max > a->min) || most < 1)
		return 0;
	if (a->log)
		return a->min > 0 ? log_ticks(a, most, ticks, cap) : 0;
	step = nice_step((a->max - a->min) / most);
	first = ceil(a->min / step - 1e-9);
	for (double k = first; k * step <= a->max + 1e-9 * step && n < cap; k++)
		ticks[n++] = fabs(k) < 0.5 ? 0 : k * step;
	return n;
}

void
plot_tick_text(double v, double step, char out[32])
{
	const int kilo = fabs(v) >= 1000, decimals = kilo || step >= 1 || !(step > 0) ? 0 : (int)ceil(-log10(step) - 1e-9);

	if (kilo)
		snprintf(out, 32, "%.6gk", v / 1000);
	else if (step > 0)
		snprintf(out, 32, "%.*f", decimals > 9 ? 9 : decimals, v);
	else
		snprintf(out, 32, "%.6g", v);
}

/* Where v lies on the axis, 0 to 1 from its start to its end; NaN when it has no place. */
static double
place(const struct plot_axis *a, double v)
{
	if (!isfinite(v) || (a->log && v <= 0))
		return NAN;
	return a->log ? log(v / a->min) / log(a->max / a->min) : (v - a->min) / (a->max - a->min);
}

/* Ends for an axis that has none: those of the values, rounded outwards to ticks. */
static void
find_ends(struct plot_axis *a, const struct plot *p, int of_y)
{
	double lo = INFINITY, hi = -INFINITY, step;

	if (a->max > a->min)
		return;
	for (size_t c = 0; c < p->n_curves; c++)
		for (size_t i = 0; i < p->curves[c].n; i++) {
			double v = of_y ? p->curves[c].y[i] : p->curves[c].x[i];

			if (isfinite(v) && (!a->log || v > 0)) {
				lo = fmin(lo, v);
				hi = fmax(hi, v);
			}
		}
	if (!(lo <= hi)) { /* nothing to show */
		lo = a->log ? 1 : 0;
		hi = a->log ? 10 : 1;
	}
	if (a->log) {
		a->min = lo;
		a->max = hi > lo ? hi : lo * 10;
		return;
	}
	if (hi - lo < 1e-12 * fmax(1, fabs(hi))) {
		lo -= 1;
		hi += 1;
	}
	step = nice_step((hi - lo) / 8);
	a->min = of_y ? floor(lo / step + 1e-9) * step : lo;
	a->max = of_y ? ceil(hi / step - 1e-9) * step : hi;
}

static void
line(cairo_t *cr, double x0, double y0, double x1, double y1)
{
	cairo_move_to(cr, x0, y0);
	cairo_line_to(cr, x1, y1);
	cairo_stroke(cr);
}

static void
axis_label(const struct plot_axis *a, struct str *s)
{
	str_add(s, a->label ? a->label : "");
	if (a->unit)
		str_addf(s, a->label ? " (%s)" : "%s", a->unit);
}

static void
draw_axes(cairo_t *cr, const struct plot *p, const struct plot_axis *ax, const struct plot_axis *ay, struct box b)
{
	const struct text_style small = { .size = 14, .rgb = THEME_MUTED, .align = TEXT_CENTER };
	const struct text_style right = { .size = 14, .rgb = THEME_MUTED, .align = TEXT_RIGHT };
	double t[MAX_TICKS];
	struct str s = { 0 };
	char text[32];
	size_t n;

	cairo_set_line_width(cr, 1);
	n = plot_ticks(ax, (int)(b.w / 80), t, MAX_TICKS);
	for (size_t i = 0; i < n; i++) {
		double x = floor(b.x + place(ax, t[i]) * b.w) + 0.5;

		colour(cr, THEME_EDGE);
		if (!p->map)
			line(cr, x, b.y, x, b.y + b.h);
		line(cr, x, b.y + b.h, x, b.y + b.h + 5);
		plot_tick_text(t[i], ax->log ? 0 : n > 1 ? t[1] - t[0] : 0, text);
		text_draw(cr, text, x - 40, b.y + b.h + 7, 80, 18, &small);
	}
	n = plot_ticks(ay, (int)(b.h / 40), t, MAX_TICKS);
	for (size_t i = 0; i < n; i++) {
		double y = floor(b.y + b.h - place(ay, t[i]) * b.h) + 0.5;

		colour(cr, THEME_EDGE);
		if (!p->map)
			line(cr, b.x, y, b.x + b.w, y);
		line(cr, b.x - 5, y, b.x, y);
		plot_tick_text(t[i], ay->log ? 0 : n > 1 ? t[1] - t[0] : 0, text);
		text_draw(cr, text, b.x - 68, y - 9, 60, 18, &right);
	}
	axis_label(ax, &s);
	if (s.s)
		text_draw(cr, s.s, b.x, b.y + b.h + 26, b.w, 20, &small);
	str_free(&s);
	axis_label(ay, &s);
	if (s.s) {
		cairo_save(cr);
		cairo_translate(cr, b.x - 86, b.y + b.h);
		cairo_rotate(cr, -M_PI / 2);
		text_draw(cr, s.s, 0, 0, b.h, 20, &small);
		cairo_restore(cr);
	}
	str_free(&s);
}

/* ---- curves ------------------------------------------------------------------------ */

/* What points of one pixel column come to. */
struct column { double at, first, low, high, last; size_t n; };

static void
put_column(cairo_t *cr, struct column *c, int *pen)
{
	if (!c->n)
		return;
	if (*pen)
		cairo_line_to(cr, c->at, c->first);
	else
		cairo_move_to(cr, c->at, c->first);
	if (c->n > 1) {
		cairo_line_to(cr, c->at, c->low);
		cairo_line_to(cr, c->at, c->high);
		cairo_line_to(cr, c->at, c->last);
	} else if (!*pen) { /* a point alone is a dot */
		cairo_line_to(cr, c->at, c->first);
	}
	*pen = 1;
	c->n = 0;
}

static void
draw_curve(cairo_t *cr, const struct plot_curve *c, const struct plot_axis *ax, const struct plot_axis *ay,
    struct box b)
{
	const int dense = (double)c->n > 2 * b.w;
	const double dash[] = { 7, 5 };
	struct column col = { .n = 0 };
	int pen = 0;

	cairo_save(cr);
	cairo_rectangle(cr, b.x, b.y, b.w, b.h);
	cairo_clip(cr);
	cairo_new_path(cr);
	for (size_t i = 0; i < c->n; i++) {
		double x = place(ax, c->x[i]), y = place(ay, c->y[i]);

		if (isnan(x) || isnan(y)) {
			put_column(cr, &col, &pen);
			pen = 0;
			continue;
		}
		/* far outside is as good as just outside, and cairo counts in 24 bits */
		x = b.x + fmax(-1, fmin(2, x)) * b.w;
		y = b.y + b.h - fmax(-1, fmin(2, y)) * b.h;
		if (dense)
			x = floor(x) + 0.5;
		if (!dense || (col.n && x != col.at))
			put_column(cr, &col, &pen);
		if (!col.n) {
			col = (struct column){ x, y, y, y, y, 1 };
			continue;
		}
		col.low = fmax(col.low, y);
		col.high = fmin(col.high, y);
		col.last = y;
		col.n++;
	}
	put_column(cr, &col, &pen);
	cairo_set_line_width(cr, 2);
	cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
	if (c->dashed)
		cairo_set_dash(cr, dash, 2, 0);
	cairo_stroke(cr);
	cairo_restore(cr);
}

static uint32_t
curve_colour(const struct plot_curve *c, size_t i)
{
	const char label[2] = { (char)('A' + i % 8), 0 };

	return c->rgb ? c->rgb : theme_accent(label);
}

/* Names in a row that ends at x1; they share the room from x0 on. */
static void
draw_legend(cairo_t *cr, const struct plot *p, double x0, double x1, double y)
{
	struct text_style st = { .size = 14, .rgb = THEME_TEXT };
	double need[16], sum = 0, most = INFINITY;
	size_t n = p->n_curves < 16 ? p->n_curves : 16, from = 0, named = 0;

	for (size_t i = 0; i < n; i++) {
		need[i] = p->curves[i].name ? text_width(cr, p->curves[i].name, &st) + 47 : 0;
		sum += need[i];
		named += need[i] > 0;
	}
	if (sum > x1 - x0) { /* too wide ones get an even share, and end in an ellipsis */
		most = (x1 - x0) / (double)named;
		sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += need[i] = fmin(need[i], most);
	}
	for (double x = x1 - sum; from < n; x += need[from++]) {
		if (!p->curves[from].name)
			continue;
		colour(cr, curve_colour(&p->curves[from], from));
		cairo_set_line_width(cr, 3);
		line(cr, x + 2, y + 10, x + 24, y + 10);
		text_draw(cr, p->curves[from].name, x + 30, y, need[from] - 44, 20, &st);
	}
}

/* ---- maps -------------------------------------------------------------------------- */

/* From the ground through violet and amber to nearly white: lighter is more, also without colours. */
static uint32_t
map_colour(double v)
{
	static const unsigned char ramp[6][3] = { { 0x0d, 0x11, 0x17 }, { 0x2b, 0x1d, 0x55 }, { 0x7d, 0x2c, 0x70 },
		{ 0xd4, 0x52, 0x44 }, { 0xf5, 0xa5, 0x24 }, { 0xfd, 0xf4, 0xcb } };
	uint32_t rgb = 0;
	double f;
	int k;

	v = v > 0 ? fmin(v, 1) * 5 : 0; /* NaN: 0 */
	k = v < 5 ? (int)v : 4;
	f = v - k;
	for (int i = 0; i < 3; i++)
		rgb = rgb << 8 | (uint32_t)(ramp[k][i] + f * (ramp[k + 1][i] - ramp[k][i]) + 0.5);
	return rgb;
}

/* The largest value of each pixel's share, so that a short event stays in sight. */
static cairo_surface_t *
map_picture(const struct plot_map *m, int w, int h)
{
	cairo_surface_t *s;
	unsigned char *data;
	int stride;

	w = (size_t)w < m->columns ? w : (int)m->columns;
	h = (size_t)h < m->rows ? h : (int)m->rows;
	s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
	if (cairo_surface_status(s))
		return s;
	cairo_surface_flush(s);
	data = cairo_image_surface_get_data(s);
	stride = cairo_image_surface_get_stride(s);
	for (int y = 0; y < h; y++) {
		const size_t r0 = (size_t)(h - 1 - y) * m->rows / (size_t)h, r1 = (size_t)(h - y) * m->rows / (size_t)h;
		uint32_t *out = (uint32_t *)(void *)(data + (ptrdiff_t)y * stride);

		for (int x = 0; x < w; x++) {
			const size_t c0 = (size_t)x * m->columns / (size_t)w, c1 = (size_t)(x + 1) * m->columns / (size_t)w;
			double most = -INFINITY;

			for (size_t r = r0; r < r1; r++)
				for (size_t c = c0; c < c1; c++)
					if ((double)m->v[r * m->columns + c] > most)
						most = (double)m->v[r * m->columns + c];
			out[x] = map_colour((most - m->min) / (m->max - m->min));
		}
	}
	cairo_surface_mark_dirty(s);
	return s;
}

static void
paint_scaled(cairo_t *cr, cairo_surface_t *s, struct box b)
{
	cairo_save(cr);
	cairo_rectangle(cr, b.x, b.y, b.w, b.h);
	cairo_clip(cr);
	cairo_translate(cr, b.x, b.y);
	cairo_scale(cr, b.w / cairo_image_surface_get_width(s), b.h / cairo_image_surface_get_height(s));
	cairo_set_source_surface(cr, s, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
	cairo_paint(cr);
	cairo_restore(cr);
}

/* What the colours mean, right of the panel. */
static void
draw_scale(cairo_t *cr, const struct plot_map *m, struct box b)
{
	const struct text_style small = { .size = 14, .rgb = THEME_MUTED };
	const struct plot_axis a = { .min = m->min, .max = m->max };
	double t[MAX_TICKS];
	size_t n = plot_ticks(&a, (int)(b.h / 40), t, MAX_TICKS);
	char text[32];

	for (int y = 0; y < (int)b.h; y++) {
		colour(cr, map_colour(1 - (y + 0.5) / b.h));
		cairo_rectangle(cr, b.x, b.y + y, b.w, 1.5);
		cairo_fill(cr);
	}
	for (size_t i = 0; i < n; i++) {
		double y = b.y + b.h - place(&a, t[i]) * b.h;

		plot_tick_text(t[i], n > 1 ? t[1] - t[0] : 0, text);
		text_draw(cr, text, b.x + b.w + 6, y - 9, 50, 18, &small);
	}
	if (m->unit)
		text_draw(cr, m->unit, b.x - 14, b.y - 24, 90, 18, &small);
}

/* ---- a picture --------------------------------------------------------------------- */

static int
draw_panel(cairo_t *cr, const struct plot *p, double y, int width, int height, struct err *e)
{
	const struct text_style title = { .size = 20, .bold = 1, .rgb = THEME_TEXT };
	const struct text_style sub = { .size = 14, .rgb = THEME_MUTED };
	const double top = p->title || p->subtitle ? 68 : 34;
	const struct box b = { 104, y + top, width - 104 - (p->map ? 110 : 28), height - top - 58 };
	struct plot_axis ax = p->x, ay = p->y;
	double taken = 0;

	find_ends(&ax, p, 0);
	find_ends(&ay, p, 1);
	if (!(ax.max > ax.min) || !(ay.max > ay.min) || (ax.log && !(ax.min > 0)) || (ay.log && !(ay.min > 0)))
		return err_set(e, ERR_INPUT, "a plot's axis goes from %g to %g", ax.max > ax.min ? ay.min : ax.min,
		    ax.max > ax.min ? ay.max : ax.max);
	colour(cr, THEME_PANEL);
	cairo_rectangle(cr, b.x, b.y, b.w, b.h);
	cairo_fill(cr);
	if (p->map && p->map->columns && p->map->rows) {
		cairo_surface_t *s;

		if (p->map->rows > MAX_MAP / p->map->columns || !(p->map->max > p->map->min))
			return err_set(e, ERR_INPUT, "a plot's map is too large or has no range");
		s = map_picture(p->map, (int)b.w, (int)b.h);
		paint_scaled(cr, s, b);
		cairo_surface_destroy(s);
		draw_scale(cr, p->map, (struct box){ b.x + b.w + 18, b.y, 14, b.h });
	}
	draw_axes(cr, p, &ax, &ay, b);
	for (size_t i = 0; i < p->n_curves; i++) {
		colour(cr, curve_colour(&p->curves[i], i));
		draw_curve(cr, &p->curves[i], &ax, &ay, b);
	}
	if (p->title)
		text_draw(cr, p->title, b.x, y + 12, b.w, 26, &title);
	if (p->subtitle)
		taken = text_draw(cr, p->subtitle, b.x, y + 40, b.w * 0.55, 20, &sub) + 20;
	draw_legend(cr, p, b.x + taken, b.x + b.w, y + top - 28);
	return 0;
}

int
plot_check_name(const char *name, struct err *e)
{
	char ext[16];

	path_ext(name, ext);
	if (strcmp(ext, "svg") && strcmp(ext, "png"))
		return err_set(e, ERR_INPUT, "cannot draw '%s'; a plot's name ends in .svg or .png", name);
	return 0;
}

static cairo_status_t
keep(void *ctx, const unsigned char *data, unsigned n)
{
	struct str *s = ctx;

	str_addn(s, (const char *)data, n);
	return s->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* cairo numbers surfaces and images through the life of the process; here they count from 1 in each picture,
 * so that it does not depend on what was drawn before. */
static void
renumber(const struct str *in, struct str *out)
{
	enum { MOST = 256 };
	unsigned long seen[MOST];
	size_t n = 0;
	const char *p = in->s, *from = p, *end = in->s + in->len;

	while (p < end) {
		const size_t word = p[0] != '"' && p[0] != '#' ? 0 : !strncmp(p + 1, "surface", 7) ? 7 :
		    !strncmp(p + 1, "image", 5) ? 5 : 0;
		unsigned long id;
		size_t k = 0;
		char *after;

		if (!word || p[1 + word] < '0' || p[1 + word] > '9') {
			p++;
			continue;
		}
		p += 1 + word;
		id = strtoul(p, &after, 10);
		while (k < n && seen[k] != id)
			k++;
		if (k == n && n < MOST)
			seen[n++] = id;
		str_addn(out, from, (size_t)(p - from));
		str_addf(out, "%zu", k + 1);
		from = p = after;
	}
	str_addn(out, from, (size_t)(end - from));
}

int
plot_write(const char *name, const struct plot *p, size_t panels, int width, int height, struct err *e)
{
	struct str bytes = { 0 }, same = { 0 };
	cairo_surface_t *s;
	cairo_status_t st;
	cairo_t *cr;
	char ext[16];
	int svg, bad = 0, total;

	if (plot_check_name(name, e))
		return -1;
	if (panels < 1 || panels > PLOT_MAX_PANELS || width < THEME_MIN_W || width > THEME_MAX_W ||
	    height < THEME_MIN_H || height > THEME_MAX_H)
		return err_set(e, ERR_INPUT, "a plot has 1 to %d panels of %d x %d to %d x %d pixels", PLOT_MAX_PANELS,
		    THEME_MIN_W, THEME_MIN_H, THEME_MAX_W, THEME_MAX_H);
	svg = !strcmp(path_ext(name, ext), "svg");
	total = height * (int)panels;
	s = svg ? cairo_svg_surface_create_for_stream(keep, &bytes, width, total) :
	    cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, total);
	cr = cairo_create(s);
	colour(cr, THEME_GROUND);
	cairo_paint(cr);
	for (size_t i = 0; i < panels && !bad; i++)
		bad = draw_panel(cr, &p[i], (double)height * (double)i, width, height, e);
	st = cairo_status(cr);
	cairo_destroy(cr);
	if (!st && !bad && !svg)
		st = cairo_surface_write_to_png_stream(s, keep, &bytes);
	cairo_surface_finish(s);
	if (!st)
		st = cairo_surface_status(s);
	cairo_surface_destroy(s);
	if (!bad && st)
		bad = err_set(e, ERR_NOMEM, "cannot draw '%s': %s", name, cairo_status_to_string(st));
	if (!bad && svg)
		renumber(&bytes, &same);
	if (!bad && same.failed)
		bad = err_set(e, ERR_NOMEM, "out of memory");
	if (!bad)
		bad = file_write(name, svg ? same.s : bytes.s, svg ? same.len : bytes.len, e);
	str_free(&bytes);
	str_free(&same);
	return bad ? -1 : 0;
}
