/* card.c - title and segment cards, from JSON to a picture. */
#include "draw/card.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "draw/text.h"
#include "draw/theme.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct line { const char *label, *text, *more; char *own; };

struct card {
	json_t *o;
	int is_title;
	const char *label, *title, *di, *subtitle;      /* "" when not there */
	const char *chain[CARD_MAX_STAGES];
	struct line lines[CARD_MAX_LINES];
	size_t stages, nlines;
	char *credits;                                  /* joined */
	double gain_db, loudness_lufs, true_peak_dbtp;  /* NAN: not known */
};

/* --- reading --- */

static int
get_text(const json_t *o, const char *key, const char **out, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	*out = "";
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return err_set(e, ERR_INPUT, "\"%s\" must be text", key);
	*out = json_string_value(v);
	return 0;
}

static int
get_number(const json_t *o, const char *key, double *out, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return 0;
	if (!json_is_number(v) && !json_is_null(v))
		return err_set(e, ERR_INPUT, "\"%s\" must be a number", key);
	*out = json_is_null(v) ? NAN : json_number_value(v);
	return 0;
}

/* An array of at most max; *n is 0 when there is none. */
static int
get_array(const json_t *o, const char *key, size_t max, const json_t **out, size_t *n, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	*n = 0;
	*out = v;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_array(v))
		return err_set(e, ERR_INPUT, "\"%s\" must be an array", key);
	if (json_array_size(v) > max)
		return err_set(e, ERR_INPUT, "\"%s\" has more than %zu entries", key, max);
	*n = json_array_size(v);
	return 0;
}

static int
get_levels(struct card *c, const json_t *o, struct err *e)
{
	return get_number(o, "gain_db", &c->gain_db, e) ||
	    get_number(o, "loudness_lufs", &c->loudness_lufs, e) ||
	    get_number(o, "true_peak_dbtp", &c->true_peak_dbtp, e) ? -1 : 0;
}

static int
get_chain(struct card *c, struct err *e)
{
	const json_t *a;

	if (get_array(c->o, "chain", CARD_MAX_STAGES, &a, &c->stages, e))
		return -1;
	for (size_t i = 0; i < c->stages; i++) {
		c->chain[i] = json_string_value(json_array_get(a, i));
		if (!c->chain[i])
			return err_set(e, ERR_INPUT, "\"chain\" must hold texts");
	}
	return 0;
}

static int
get_lines(struct card *c, struct err *e)
{
	const json_t *a;

	if (get_array(c->o, "lines", CARD_MAX_LINES, &a, &c->nlines, e))
		return -1;
	for (size_t i = 0; i < c->nlines; i++) {
		const json_t *v = json_array_get(a, i);
		struct line *l = &c->lines[i];

		l->label = l->text = l->more = "";
		if (json_is_string(v)) {
			const char *s = json_string_value(v);
			size_t n = strcspn(s, "\t ");

			l->text = s;
			if (n == 0 || n > 8 || (s[n] != '\t' && strncmp(s + n, "  ", 2)))
				continue;
			l->own = str_printf("%.*s", (int)n, s);
			if (!l->own)
				return err_set(e, ERR_NOMEM, "out of memory");
			l->label = l->own;
			l->text = s + n + strspn(s + n, "\t ");
		} else if (json_is_object(v)) {
			if (get_text(v, "label", &l->label, e) || get_text(v, "title", &l->text, e) ||
			    get_text(v, "chain", &l->more, e))
				return -1;
		} else {
			return err_set(e, ERR_INPUT, "\"lines\" must hold texts or objects");
		}
	}
	return 0;
}

static int
get_credits(struct card *c, struct err *e)
{
	struct str s = { 0 };
	const json_t *a;
	size_t n;

	if (get_array(c->o, "credits", CARD_MAX_LINES, &a, &n, e))
		return -1;
	str_add(&s, "");
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(a, i));

		if (!text) {
			str_free(&s);
			return err_set(e, ERR_INPUT, "\"credits\" must hold texts");
		}
		if (*text) {
			str_add(&s, s.len ? "  \xc2\xb7  " : "");
			str_add(&s, text);
		}
	}
	if (s.failed) {
		str_free(&s);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	c->credits = s.s;
	return 0;
}

static int
parse(struct card *c, struct err *e)
{
	const char *schema, *kind;

	if (!json_is_object(c->o))
		return err_set(e, ERR_INPUT, "not a JSON object");
	if (get_text(c->o, "schema", &schema, e) || get_text(c->o, "kind", &kind, e))
		return -1;
	if (strcmp(schema, "card/1"))
		return err_set(e, ERR_INPUT, "\"schema\" must be \"card/1\"");
	c->is_title = !strcmp(kind, "title");
	if (!c->is_title && strcmp(kind, "segment"))
		return err_set(e, ERR_INPUT, "\"kind\" must be \"segment\" or \"title\"");
	if (get_text(c->o, "label", &c->label, e) || get_text(c->o, "title", &c->title, e) ||
	    get_text(c->o, "di", &c->di, e) || get_text(c->o, "subtitle", &c->subtitle, e) ||
	    get_chain(c, e) || get_lines(c, e) || get_credits(c, e) || get_levels(c, c->o, e))
		return -1;
	return 0;
}

int
card_load(struct card **out, const char *name, struct err *e)
{
	struct card *c = calloc(1, sizeof *c);
	char *raw = NULL, *text = NULL;
	json_error_t je;
	size_t n;

	*out = NULL;
	if (!c)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->gain_db = c->loudness_lufs = c->true_peak_dbtp = NAN;
	if (file_read(name, CARD_MAX_BYTES, &raw, &n, e))
		goto fail;
	text = utf8_repair(raw, n, &n);
	if (!text) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	c->o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
	if (!c->o) {
		err_set(e, ERR_INPUT, "'%s' is not JSON: line %d, column %d: %s", name, je.line, je.column,
		    je.text);
		goto fail;
	}
	if (parse(c, e)) {
		err_prefix(e, "'%s': ", name);
		goto fail;
	}
	free(raw);
	free(text);
	*out = c;
	return 0;
fail:
	free(raw);
	free(text);
	card_free(c);
	return -1;
}

void
card_free(struct card *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nlines; i++)
		free(c->lines[i].own);
	free(c->credits);
	json_decref(c->o);
	free(c);
}

int
card_load_levels(struct card *c, const char *name, struct err *e)
{
	json_t *o = jl_load(name, CARD_MAX_BYTES, e);
	int ret;

	if (!o)
		return -1;
	ret = json_is_object(o) ? get_levels(c, o, e) : err_set(e, ERR_INPUT, "not a JSON object");
	if (ret)
		err_prefix(e, "'%s': ", name);
	json_decref(o);
	return ret;
}

int
card_is_title(const struct card *c)
{
	return c->is_title;
}

/* --- drawing, in units of a 1920 x 1080 picture --- */

static void
colour(cairo_t *cr, uint32_t rgb)
{
	cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

static uint32_t
mix(uint32_t a, uint32_t b, double t)
{
	uint32_t r = 0;

	for (int s = 16; s >= 0; s -= 8)
		r |= (uint32_t)lround((a >> s & 255) + t * ((double)(b >> s & 255) - (a >> s & 255))) << s;
	return r;
}

static void
round_rect(cairo_t *cr, double x, double y, double w, double h, double r)
{
	cairo_new_sub_path(cr);
	cairo_arc(cr, x + w - r, y + r, r, -M_PI / 2, 0);
	cairo_arc(cr, x + w - r, y + h - r, r, 0, M_PI / 2);
	cairo_arc(cr, x + r, y + h - r, r, M_PI / 2, M_PI);
	cairo_arc(cr, x + r, y + r, r, M_PI, 3 * M_PI / 2);
	cairo_close_path(cr);
}

static void
panel(cairo_t *cr, double x, double y, double w, double h)
{
	round_rect(cr, x, y, w, h, 20);
	colour(cr, THEME_PANEL);
	cairo_fill(cr);
}

static void
badge(cairo_t *cr, const char *label, double x, double y, double size)
{
	struct text_style st = { size * 0.62, 1, THEME_GROUND, TEXT_CENTER, 1, size * 0.22 };

	round_rect(cr, x, y, size, size, size * 0.18);
	colour(cr, theme_accent(label));
	cairo_fill(cr);
	text_draw(cr, label, x + size * 0.06, y, size * 0.88, size, &st);
}

/* The width at which boxes must stop so that n of them fit in the room: those that want less keep
 * what they want, the widest give way. */
static double
fair_share(const double *want, size_t n, double room)
{
	double share = n ? room / (double)n : 0;

	for (size_t pass = 0; pass < n; pass++) {       /* each pass settles at least one box */
		double narrow = 0;
		size_t wide = 0;

		for (size_t i = 0; i < n; i++) {
			if (want[i] <= share)
				narrow += want[i];
			else
				wide++;
		}
		if (!wide)
			break;
		share = (room - narrow) / (double)wide;
	}
	return share;
}

/* Stages as boxes with an arrow between them, all on one line; those that do not fit are counted. */
static void
draw_chain(cairo_t *cr, const struct card *c, double x, double y, double w, double h)
{
	struct text_style st = { 36, 0, THEME_TEXT, TEXT_CENTER, 1, 28 };
	const double pad = 30, gap = 52, least = 220;
	double want[CARD_MAX_STAGES], room, share;
	size_t n = c->stages, hidden = 0;
	char more[32] = "";

	while (n > 1 && (double)n * least + (double)(n - 1) * gap > w - (hidden ? 160 : 0)) {
		n--;
		hidden = c->stages - n;
	}
	if (hidden) {
		snprintf(more, sizeof more, "+ %zu more", hidden);
		w -= 200;
	}
	room = w - (double)(n ? n - 1 : 0) * gap;
	for (size_t i = 0; i < n; i++) {
		want[i] = text_width(cr, c->chain[i], &st) + 2 * pad + 2;
		want[i] = want[i] > least ? want[i] : least;
	}
	share = fair_share(want, n, room);
	for (size_t i = 0; i < n; i++) {
		double bw = want[i] < share ? want[i] : share;

		round_rect(cr, x, y, bw, h, h / 2);
		colour(cr, THEME_PANEL);
		cairo_fill_preserve(cr);
		colour(cr, THEME_EDGE);
		cairo_set_line_width(cr, 2);
		cairo_stroke(cr);
		text_draw(cr, c->chain[i], x + pad, y, bw - 2 * pad, h, &st);
		x += bw + gap;
		if (i + 1 < n) {
			cairo_move_to(cr, x - gap / 2 - 7, y + h / 2 - 13);
			cairo_rel_line_to(cr, 14, 13);
			cairo_rel_line_to(cr, -14, 13);
			cairo_set_line_width(cr, 5);
			cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
			cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
			colour(cr, theme_accent(c->label));
			cairo_stroke(cr);
		}
	}
	if (hidden) {
		st.rgb = THEME_MUTED;
		st.align = TEXT_LEFT;
		text_draw(cr, more, x - gap + 24, y, 176, h, &st);
	}
}

/* The loudness-matched tones of one shootout are compared by eye, too, so the scale is the same on all
 * cards.  The exponent keeps the quiet parts visible; full scale stays full height. */
static double
height_of(double x)
{
	return x < 0 ? -pow(fmin(-x, 1), 0.7) : pow(fmin(x, 1), 0.7);
}

static void
draw_wave(cairo_t *cr, const struct wave *w, const char *label, int width, int height)
{
	struct theme_rect r = theme_wave_rect(width, height);
	double middle = r.y + r.h / 2.0, half = r.h / 2.0;

	cairo_save(cr);
	cairo_identity_matrix(cr);            /* one column is one pixel */
	cairo_rectangle(cr, r.x, middle - 1, r.w, 2);
	colour(cr, mix(THEME_PANEL, theme_accent(label), 0.5));
	cairo_fill(cr);
	for (int c = 0; w && c < w->columns && c < r.w; c++) {
		double top = middle - half * height_of((double)w->max[c]);
		double end = middle - half * height_of((double)w->min[c]);

		if (end - top > 2)
			cairo_rectangle(cr, r.x + c, top, 1, end - top);
	}
	colour(cr, theme_accent(label));
	cairo_fill(cr);
	cairo_restore(cr);
}

static void
draw_times(cairo_t *cr, const struct wave *w)
{
	struct text_style st = { 26, 0, THEME_MUTED, TEXT_LEFT, 1, 0 };
	char end[48];
	int s = (int)w->length_s;

	if (w->length_s < 60)
		snprintf(end, sizeof end, "%.1f s", w->length_s);
	else
		snprintf(end, sizeof end, "%d:%02d", s / 60, s % 60);
	text_draw(cr, "0", 104, 706, 200, 34, &st);
	st.align = TEXT_RIGHT;
	text_draw(cr, end, 1516, 706, 300, 34, &st);
}

static void
draw_spectrum(cairo_t *cr, const struct wave *w, const char *label, double x, double y, double width,
              double height)
{
	static const struct { int band; const char *name; } ticks[] = {
		{ 3, "63" }, { 9, "250" }, { 15, "1k" }, { 21, "4k" }, { 27, "16k" }
	};
	struct text_style st = { 24, 0, THEME_MUTED, TEXT_CENTER, 1, 0 };
	const double pad = 28, floor_db = -48;
	double step = (width - 2 * pad) / WAVE_BANDS, base = y + height - 52, full = height - 52 - 22;

	panel(cr, x, y, width, height);
	for (int b = 0; b < WAVE_BANDS; b++) {
		double part = 1 - fmax(w->band_db[b], floor_db) / floor_db;

		cairo_rectangle(cr, x + pad + b * step + step * 0.12, base - full * part - 2, step * 0.76,
		    full * part + 2);
	}
	colour(cr, mix(THEME_PANEL, theme_accent(label), 0.82));
	cairo_fill(cr);
	for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++)
		text_draw(cr, ticks[i].name, x + pad + (ticks[i].band + 0.5) * step - 50, base + 10, 100, 32, &st);
	st.align = TEXT_LEFT;
	text_draw(cr, "Hz", x + pad, base + 10, 40, 32, &st);
}

/* A number with its unit; returns the x after the tile. */
static double
tile(cairo_t *cr, const char *caption, double value, int sign, const char *unit, double x, double y,
     double w, double h)
{
	struct text_style small = { 28, 0, THEME_MUTED, TEXT_LEFT, 1, 0 };
	struct text_style big = { 60, 1, THEME_TEXT, TEXT_LEFT, 1, 30 };
	char num[32];

	if (!isfinite(value))
		return x;
	/* a minus sign as long as the plus; and no "-0.0" */
	value = fabs(value) < 0.05 ? 0 : fmin(fmax(value, -999), 999);
	snprintf(num, sizeof num, "%s%.1f", value < 0 ? "\xe2\x88\x92" : sign && value > 0 ? "+" : "",
	    fabs(value));
	panel(cr, x, y, w, h);
	text_draw(cr, caption, x + 28, y + 20, w - 56, 40, &small);
	text_draw(cr, num, x + 28, y + 64, w - 56, 84, &big);
	text_draw(cr, unit, x + 28, y + 152, w - 56, 40, &small);
	return x + w + 24;
}

static void
draw_segment(cairo_t *cr, const struct card *c, const struct wave *w, int width, int height)
{
	struct text_style title = { 88, 1, THEME_TEXT, TEXT_LEFT, 1, 54 };
	struct text_style sub = { 42, 0, THEME_MUTED, TEXT_LEFT, 1, 34 };
	struct text_style credits = { 24, 0, THEME_MUTED, TEXT_LEFT, 1, 0 };
	double x = 80, left = *c->label ? 320 : 80;
	char *under = str_printf("%s%s%s%s", *c->di ? "DI: " : "", c->di, *c->di && *c->subtitle ? "  \xc2\xb7  " : "",
	    c->subtitle);

	if (*c->label)
		badge(cr, c->label, 80, 64, 200);
	text_draw(cr, c->title, left, under && *under ? 66 : 64, 1840 - left, under && *under ? 124 : 200, &title);
	text_draw(cr, under ? under : "", left, 196, 1840 - left, 60, &sub);
	free(under);
	draw_chain(cr, c, 80, 308, 1760, 84);
	panel(cr, 80, 428, 1760, 324);
	draw_wave(cr, w, c->label, width, height);
	if (w)
		draw_times(cr, w);
	x = tile(cr, "Gain", c->gain_db, 1, "dB", x, 784, 270, 212);
	x = tile(cr, "Loudness", c->loudness_lufs, 0, "LUFS", x, 784, 270, 212);
	x = tile(cr, "True peak", c->true_peak_dbtp, 1, "dBTP", x, 784, 270, 212);
	if (w)
		draw_spectrum(cr, w, c->label, x, 784, 1840 - x, 212);
	text_draw(cr, c->credits, 80, 1016, 1760, 40, &credits);
}

static void
draw_lines(cairo_t *cr, const struct card *c, double x, double y, double w, double h)
{
	struct text_style text = { 46, 0, THEME_TEXT, TEXT_LEFT, 1, 32 };
	struct text_style more = { 36, 0, THEME_MUTED, TEXT_LEFT, 1, 28 };
	size_t columns = c->nlines > 6 ? 2 : 1, shown = c->nlines < 16 ? c->nlines : 16;
	size_t rows = (shown + columns - 1) / columns;
	double step, size, width = (w - (double)(columns - 1) * 64) / (double)columns;

	if (!rows)
		return;
	step = fmin(h / (double)rows, 100);
	size = step * 0.72;
	text.size = fmin(46, step * 0.5);
	text.least = text.size * 0.7;
	for (size_t i = 0; i < shown; i++) {
		const struct line *l = &c->lines[i];
		double at = x + (double)(i / rows) * (width + 64), top = y + (double)(i % rows) * step;
		double left = width, used;

		if (i + 1 == shown && shown < c->nlines) {
			char rest[48];

			snprintf(rest, sizeof rest, "and %zu more", c->nlines - i);
			text_draw(cr, rest, at, top, width, size, &more);
			break;
		}
		if (*l->label) {
			badge(cr, l->label, at, top, size);
			at += size + 28;
			left -= size + 28;
		}
		used = text_draw(cr, l->text, at, top, *l->more && columns > 1 ? left * 0.6 : left, size, &text);
		if (*l->more)
			text_draw(cr, l->more, at + used + 32, top, left - used - 32, size, &more);
	}
}

static void
draw_title(cairo_t *cr, const struct card *c)
{
	struct text_style title = { 116, 1, THEME_TEXT, TEXT_LEFT, 2, 64 };
	struct text_style sub = { 48, 0, THEME_MUTED, TEXT_LEFT, 1, 36 };
	struct text_style credits = { 26, 0, THEME_MUTED, TEXT_LEFT, 2, 0 };
	double y = c->nlines ? 88 : 300;

	/* the colours of the tones to come */
	for (size_t i = 0; i < (c->nlines && c->nlines < 8 ? c->nlines : 8); i++) {
		char label[2] = { (char)('A' + i), '\0' };
		const char *l = i < c->nlines && *c->lines[i].label ? c->lines[i].label : label;

		round_rect(cr, 120 + (double)i * 76, y, 60, 12, 6);
		colour(cr, theme_accent(l));
		cairo_fill(cr);
	}
	text_draw(cr, c->title, 120, y + 44, 1680, *c->subtitle ? 170 : 200, &title);
	text_draw(cr, c->subtitle, 120, y + 222, 1680, 66, &sub);
	draw_lines(cr, c, 120, y + 340, 1680, 530);
	text_draw(cr, c->credits, 120, 976, 1680, 76, &credits);
}

cairo_surface_t *
card_draw(const struct card *c, const struct wave *wave, int width, int height, struct err *e)
{
	cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
	cairo_t *cr = cairo_create(s);
	double scale, x, y;

	colour(cr, THEME_GROUND);
	cairo_paint(cr);
	theme_fit(width, height, &scale, &x, &y);
	cairo_translate(cr, x, y);
	cairo_scale(cr, scale, scale);
	if (c->is_title)
		draw_title(cr, c);
	else
		draw_segment(cr, c, wave, width, height);
	if (cairo_status(cr)) {
		err_set(e, ERR_NOMEM, "cannot draw the card: %s", cairo_status_to_string(cairo_status(cr)));
		cairo_surface_destroy(s);
		s = NULL;
	}
	cairo_destroy(cr);
	if (s)
		cairo_surface_flush(s);
	return s;
}
