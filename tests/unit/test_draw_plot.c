/* test_draw_plot.c - ticks, curves with gaps and peaks, maps, and what a plot refuses. */
#include "base/file.h"
#include "base/mem.h"
#include "draw/plot.h"
#include "draw/text.h"
#include "../tap.h"
#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err e;
static char dir[] = "/tmp/plotXXXXXX", png[64], svg[64];

static int
ticks_are(struct plot_axis a, int most, const char *want)
{
	double t[64];
	size_t n = plot_ticks(&a, most, t, 64);
	char got[512] = "", one[32];

	for (size_t i = 0; i < n; i++) {
		plot_tick_text(t[i], a.log ? 0 : n > 1 ? t[1] - t[0] : 0, one);
		strcat(strcat(got, i ? " " : ""), one);
	}
	if (strcmp(got, want))
		printf("# got '%s'\n", got);
	return !strcmp(got, want);
}

static void
test_ticks(void)
{
	ok(ticks_are((struct plot_axis){ .min = -60, .max = 0 }, 8, "-60 -50 -40 -30 -20 -10 0"), "decibels in tens");
	ok(ticks_are((struct plot_axis){ .min = 0, .max = 1 }, 6, "0.0 0.2 0.4 0.6 0.8 1.0"), "decimals as needed");
	ok(ticks_are((struct plot_axis){ .min = 0.013, .max = 0.03 }, 4, "0.015 0.020 0.025 0.030"), "ends that are no ticks");
	ok(ticks_are((struct plot_axis){ .min = 20, .max = 20000, .log = 1 }, 12,
	    "20 50 100 200 500 1k 2k 5k 10k 20k"), "1, 2 and 5 of each decade");
	ok(ticks_are((struct plot_axis){ .min = 1, .max = 1e6, .log = 1 }, 6, "1 10 100 1k 10k 100k 1000k"),
	    "decades alone where there is no room");
	ok(ticks_are((struct plot_axis){ .min = 1, .max = 1 }, 6, "") &&
	    ticks_are((struct plot_axis){ .min = 0, .max = 1, .log = 1 }, 6, ""), "no ticks for an axis without length");
}

/* The picture's pixel, 0xRRGGBB. */
static uint32_t
pixel(cairo_surface_t *s, int x, int y)
{
	const unsigned char *row = cairo_image_surface_get_data(s) + (ptrdiff_t)y * cairo_image_surface_get_stride(s);

	return *(const uint32_t *)(const void *)(row + 4 * (ptrdiff_t)x) & 0xffffff;
}

/* How many pixels of column x are of this colour. */
static int
coloured(cairo_surface_t *s, int x, uint32_t rgb)
{
	int n = 0;

	for (int y = 0; y < cairo_image_surface_get_height(s); y++)
		n += pixel(s, x, y) == rgb;
	return n;
}

static cairo_surface_t *
draw(const struct plot *p, size_t panels)
{
	if (plot_write(png, p, panels, 640, 360, &e)) {
		printf("# %s\n", e.msg);
		return NULL;
	}
	return cairo_image_surface_create_from_png(png);
}

static void
test_curves(void)
{
	enum { N = 100000 };
	double *x = mem_zalloc(N, sizeof *x), *y = mem_zalloc(N, sizeof *y);
	struct plot_curve c = { "level <&>", x, y, N, 0x00ff00, 0 };
	struct plot p = { "A title", "and more", { "time", "s", 0, 1, 0 }, { "level", "dB", -1, 1, 0 }, &c, 1, NULL };
	cairo_surface_t *s;
	char *a = NULL, *b = NULL;
	size_t na = 0, nb = 0;

	for (int i = 0; i < N; i++) {
		x[i] = (double)i / N;
		y[i] = i == N / 2 ? 0.9 : i > N / 4 && i < N / 3 ? NAN : 0;
	}
	s = draw(&p, 1);
	/* the panel's area is x 104..612, so its middle is 358, and y = 0 is a line of 2 pixels */
	ok(s && cairo_image_surface_get_width(s) == 640 && cairo_image_surface_get_height(s) == 360, "a PNG of the size asked for");
	ok(s && coloured(s, 358, 0x00ff00) > 80, "one sample of a hundred thousand is in sight");
	ok(s && coloured(s, 450, 0x00ff00) >= 1 && coloured(s, 450, 0x00ff00) <= 3, "a flat line is thin");
	ok(s && coloured(s, 104 + 508 * 29 / 100, 0x00ff00) == 0, "values that are no numbers are a gap");
	cairo_surface_destroy(s);
	ok(!plot_write(svg, &p, 1, 640, 360, &e) && !file_read(svg, 1 << 20, &a, &na, &e) && na < 200000 &&
	    strstr(a, "<svg") && !strstr(a, "<&>"), "the SVG is small, whole, and has no text of ours as markup");
	ok(!plot_write(svg, &p, 1, 640, 360, &e) && !file_read(svg, 1 << 20, &b, &nb, &e) && na == nb && !memcmp(a, b, na),
	    "again the same bytes");
	free(a);
	free(b);
	p.y = (struct plot_axis){ "level", "dB", 0, 0, 0 };
	p.x = (struct plot_axis){ NULL, NULL, 0, 0, 1 };
	s = draw(&p, 1);
	ok(s != NULL, "ends are found where none are given");
	cairo_surface_destroy(s);
	c.n = 0;
	s = draw(&p, 1);
	ok(s != NULL, "a curve without points");
	cairo_surface_destroy(s);
	p.n_curves = 0;
	s = draw((struct plot[]){ p, p, p }, 3);
	ok(s && cairo_image_surface_get_height(s) == 3 * 360, "three panels, one above the other");
	cairo_surface_destroy(s);
	mem_free(x);
	mem_free(y);
}

static void
test_map(void)
{
	enum { W = 3000, H = 700 };
	float *v = mem_zalloc((size_t)W * H, sizeof *v);
	struct plot_map m = { v, W, H, -100, 0, "dB" };
	struct plot p = { NULL, NULL, { "time", "s", 0, 3, 0 }, { "frequency", "Hz", 20, 20000, 1 }, NULL, 0, &m };
	cairo_surface_t *s;
	char *a = NULL, *b = NULL;
	size_t na = 0, nb = 0;
	int bright = 0, dark = 0;

	for (int i = 0; i < W * H; i++)
		v[i] = -200;
	v[5 * W + 10] = 0; /* near the bottom left */
	v[6 * W + 1500] = NAN;
	s = draw(&p, 1);
	for (int y = 34; s && y < 302; y++)
		for (int x = 104; x < 530; x++) {
			bright += pixel(s, x, y) == 0xfdf4cb;
			dark += pixel(s, x, y) == 0x0d1117;
		}
	ok(bright == 1 && dark == 426 * 268 - 1, "one loud value among two million is one pixel");
	ok(s && pixel(s, 104 + 1, 301 - 2) == 0xfdf4cb, "row 0 is at the bottom, column 0 at the left");
	cairo_surface_destroy(s);
	ok(!plot_write(svg, &p, 1, 640, 360, &e) && !file_read(svg, 1 << 22, &a, &na, &e) && strstr(a, "\"image1\"") &&
	    !plot_write(svg, &p, 1, 640, 360, &e) && !file_read(svg, 1 << 22, &b, &nb, &e) && na == nb && !memcmp(a, b, na),
	    "a map as SVG, the same bytes again");
	free(a);
	free(b);
	m.max = m.min;
	ok(plot_write(png, &p, 1, 640, 360, &e) && e.code == ERR_INPUT, "a map without a range is refused");
	mem_free(v);
}

int
main(void)
{
	struct plot p = { .x = { .min = 1, .max = 2 }, .y = { .min = 1, .max = 2 } };
	char *old = NULL;
	size_t n = 0;

	if (!mkdtemp(dir) || text_init(&e)) {
		printf("Bail out! %s\n", e.msg);
		return 1;
	}
	snprintf(png, sizeof png, "%s/p.png", dir);
	snprintf(svg, sizeof svg, "%s/p.svg", dir);
	test_ticks();
	test_curves();
	test_map();
	ok(plot_check_name("a.pdf", &e) && strstr(e.msg, ".svg or .png") && !plot_check_name("A.SVG", &e), "names that end in .svg or .png");
	ok(plot_write(png, &p, 0, 640, 360, &e) && plot_write(png, &p, 1, 10, 360, &e) && plot_write(png, &p, 1, 640, 100000, &e),
	    "sizes out of range are refused");
	p.x.log = 1;
	p.x.min = -1;
	ok(plot_write(svg, &p, 1, 640, 360, &e) && e.code == ERR_INPUT && !file_read(svg, 1 << 20, &old, &n, &e) && n > 0,
	    "a logarithmic axis from -1 is refused, and the old file stays");
	free(old);
	unlink(png);
	unlink(svg);
	rmdir(dir);
	return done();
}
