/* text.c - text on a cairo surface. */
#include "draw/text.h"
#include "base/utf8.h"

#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* More could not be read on a card; shaping a megabyte would take minutes. */
enum { MAX_CHARS = 400 };

static const char *family = "DejaVu Sans";
static int missing;

/* -1: no such family; -2: there are no fonts */
static int
find_family(const char *name)
{
	PangoFontFamily **list;
	int n, found = -1;

	pango_font_map_list_families(pango_cairo_font_map_get_default(), &list, &n);
	for (int i = 0; i < n && found < 0; i++)
		if (!strcasecmp(pango_font_family_get_name(list[i]), name))
			found = 0;
	g_free(list);
	return n ? found : -2;
}

int
text_init(struct err *e)
{
	const char *env = getenv("SHOOTOUT_FONT");
	const char *name = env && *env ? env : "DejaVu Sans";

	if (strcasestr(name, "emoji"))
		return err_set(e, ERR_INPUT, "SHOOTOUT_FONT '%.80s' is an emoji font, which would draw the digits, "
		    "too; name a text font, emoji are found without", name);
	switch (find_family(name)) {
	case -2:
		return err_set(e, ERR_UNSUPPORTED, "no fonts are installed; install fonts-dejavu-core");
	case -1:
		return env && *env ?
		    err_set(e, ERR_INPUT, "SHOOTOUT_FONT '%.80s' is not installed; fc-list : family names those that "
		    "are", name) :
		    err_set(e, ERR_UNSUPPORTED, "the font '%s' is not installed; install fonts-dejavu-core or name "
		    "another one in SHOOTOUT_FONT", name);
	}
	family = name;
	return 0;
}

/* A layout of s in a box w wide; NULL when out of memory.  w < 0: one endless line. */
static PangoLayout *
layout(cairo_t *cr, const char *s, double w, double size, const struct text_style *st)
{
	static const PangoAlignment align[] = { PANGO_ALIGN_LEFT, PANGO_ALIGN_CENTER, PANGO_ALIGN_RIGHT };
	PangoLayout *l = pango_cairo_create_layout(cr);
	PangoFontDescription *d = pango_font_description_new();
	cairo_font_options_t *fo = cairo_font_options_create();
	char *clean = utf8_clean_str(s, MAX_CHARS);

	/* no hinting and no subpixel colours, whatever the desktop says: the same card everywhere */
	cairo_font_options_set_antialias(fo, CAIRO_ANTIALIAS_GRAY);
	cairo_font_options_set_hint_style(fo, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(fo, CAIRO_HINT_METRICS_OFF);
	pango_cairo_context_set_font_options(pango_layout_get_context(l), fo);
	cairo_font_options_destroy(fo);
	pango_font_description_set_family(d, family);
	pango_font_description_set_weight(d, st->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango_font_description_set_absolute_size(d, size * PANGO_SCALE);
	pango_layout_set_font_description(l, d);
	pango_font_description_free(d);
	/* text of any script starts at the same edge as its neighbours */
	pango_layout_set_auto_dir(l, FALSE);
	pango_layout_set_alignment(l, align[st->align]);
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_text(l, clean ? clean : "", -1);
	free(clean);
	if (w >= 0) {
		pango_layout_set_width(l, (int)(w * PANGO_SCALE));
		pango_layout_set_height(l, st->lines > 1 ? -st->lines : -1);
		pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
	}
	return l;
}

double
text_width(cairo_t *cr, const char *s, const struct text_style *st)
{
	PangoLayout *l = layout(cr, s, -1, st->size, st);
	PangoRectangle r;

	pango_layout_get_extents(l, NULL, &r);
	g_object_unref(l);
	return (double)r.width / PANGO_SCALE;
}

double
text_draw(cairo_t *cr, const char *s, double x, double y, double w, double h, const struct text_style *st)
{
	double size = st->size, used;
	PangoRectangle r;
	PangoLayout *l;

	if (w <= 0 || h <= 0)
		return 0;
	l = layout(cr, s, w, size, st);
	while (st->least > 0 && size > st->least && pango_layout_is_ellipsized(l)) {
		size = size * 0.92 > st->least ? size * 0.92 : st->least;
		g_object_unref(l);
		l = layout(cr, s, w, size, st);
	}
	missing += pango_layout_get_unknown_glyphs_count(l);
	pango_layout_get_extents(l, NULL, &r);
	used = (double)r.width / PANGO_SCALE;
	cairo_save(cr);
	cairo_rectangle(cr, x, y, w, h);
	cairo_clip(cr);
	cairo_set_source_rgb(cr, (st->rgb >> 16 & 255) / 255.0, (st->rgb >> 8 & 255) / 255.0,
	    (st->rgb & 255) / 255.0);
	cairo_move_to(cr, x, y + (h - (double)r.height / PANGO_SCALE) / 2);
	pango_cairo_show_layout(cr, l);
	cairo_restore(cr);
	g_object_unref(l);
	return used;
}

int
text_missing_glyphs(void)
{
	return missing;
}

#ifdef __SANITIZE_ADDRESS__
/* fontconfig keeps patterns until exit where a leak checker does not find them.  What pango and cairo hold
 * of ours would still be reported. */
#define SEEN __attribute__((visibility("default"))) const char *
SEEN __lsan_default_suppressions(void);
SEEN __lsan_default_options(void);

SEEN
__lsan_default_suppressions(void)
{
	return "leak:libfontconfig";
}

SEEN
__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif
