/* png.c - pictures from and to PNG files. */
#include "draw/card.h"
#include "base/file.h"
#include "draw/theme.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static cairo_status_t
write_some(void *ctx, const unsigned char *data, unsigned n)
{
	const struct outfile *o = ctx;

	while (n) {
		ssize_t k = write(o->fd, data, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return CAIRO_STATUS_WRITE_ERROR;
		data += k;
		n -= (unsigned)k;
	}
	return CAIRO_STATUS_SUCCESS;
}

int
card_write_png(cairo_surface_t *s, const char *name, struct err *e)
{
	struct outfile o;
	cairo_status_t st;

	if (outfile_open(&o, name, e))
		return -1;
	st = cairo_surface_write_to_png_stream(s, write_some, &o);
	if (st == CAIRO_STATUS_WRITE_ERROR)
		err_sys(e, "cannot write '%s'", strcmp(name, "-") ? name : "standard output");
	else if (st)
		err_set(e, st == CAIRO_STATUS_NO_MEMORY ? ERR_NOMEM : ERR_IO, "cannot write '%s': %s", name,
		    cairo_status_to_string(st));
	if (st) {
		outfile_abort(&o);
		return -1;
	}
	return outfile_commit(&o, e);
}

int
card_png_size(const char *name, int *width, int *height, struct err *e)
{
	static const unsigned char magic[16] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
	unsigned char b[24];
	FILE *f = fopen(name, "rb");
	unsigned long w, h;
	size_t n;

	if (!f)
		return err_sys(e, "cannot open '%s'", name);
	n = fread(b, 1, sizeof b, f);
	if (ferror(f)) {
		err_sys(e, "cannot read '%s'", name);
		fclose(f);
		return -1;
	}
	fclose(f);
	if (n != sizeof b || memcmp(b, magic, sizeof magic))
		return err_set(e, ERR_INPUT, "'%s' is not a PNG picture", name);
	w = (unsigned long)b[16] << 24 | (unsigned long)b[17] << 16 | (unsigned long)b[18] << 8 | b[19];
	h = (unsigned long)b[20] << 24 | (unsigned long)b[21] << 16 | (unsigned long)b[22] << 8 | b[23];
	if (w < THEME_MIN_W || w > THEME_MAX_W || h < THEME_MIN_H || h > THEME_MAX_H || w % 2 || h % 2)
		return err_set(e, ERR_INPUT, "'%s' is %lu x %lu; a card has even sizes from %d x %d to %d x %d",
		    name, w, h, THEME_MIN_W, THEME_MIN_H, THEME_MAX_W, THEME_MAX_H);
	*width = (int)w;
	*height = (int)h;
	return 0;
}

cairo_surface_t *
card_read_png(const char *name, int width, int height, struct err *e)
{
	cairo_surface_t *png, *s;
	cairo_status_t st;
	cairo_t *cr;
	int w, h;

	if (card_png_size(name, &w, &h, e))       /* before memory is taken for it */
		return NULL;
	if (w != width || h != height) {
		err_set(e, ERR_INPUT, "'%s' is %d x %d, the first card is %d x %d; make all with one --size", name,
		    w, h, width, height);
		return NULL;
	}
	png = cairo_image_surface_create_from_png(name);
	if (cairo_surface_status(png)) {
		err_set(e, ERR_INPUT, "cannot read '%s': %s", name,
		    cairo_status_to_string(cairo_surface_status(png)));
		cairo_surface_destroy(png);
		return NULL;
	}
	s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
	cr = cairo_create(s);
	cairo_set_source_rgb(cr, (THEME_GROUND >> 16 & 255) / 255.0, (THEME_GROUND >> 8 & 255) / 255.0,
	    (THEME_GROUND & 255) / 255.0);
	cairo_paint(cr);
	cairo_set_source_surface(cr, png, 0, 0);
	cairo_paint(cr);
	st = cairo_status(cr);
	cairo_destroy(cr);
	cairo_surface_destroy(png);
	if (st) {
		err_set(e, ERR_NOMEM, "cannot draw '%s': %s", name, cairo_status_to_string(st));
		cairo_surface_destroy(s);
		return NULL;
	}
	cairo_surface_flush(s);
	return s;
}
