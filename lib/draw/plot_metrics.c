/* plot_metrics.c - third octaves, loudness over time, spectrogram. */
#include "draw/plot_metrics.h"
#include "audio/audio.h"
#include "base/mem.h"
#include "base/str.h"
#include "draw/plot.h"
#include "draw/spectrogram.h"
#include "metrics/loudness.h"
#include "metrics/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WIDTH = 1280, HEIGHT = 420, BLOCK_SAMPLES = 65536, FILES = PLOT_METRICS_FILES };
static const double deepest_db = 90; /* of the spectrogram, under its loudest */

/* What is drawn of one file. */
struct drawn {
	double level[SPECTRUM_BANDS];
	double *s, *momentary, *short_term;
	size_t points;
	double seconds;
};

struct meters {
	struct spectrum *spectrum;
	struct loudness *loudness;
	struct spectrogram *map;     /* NULL: not wanted */
};

static int
read_part(struct au_in *in, struct meters *m, int64_t start, int64_t length, struct drawn *d, struct err *e)
{
	int ch = au_info(in)->channels;
	int64_t at = 0, end = length < 0 || length > INT64_MAX - start ? INT64_MAX : start + length, n;
	float *x = mem_zalloc(BLOCK_SAMPLES, sizeof *x);
	int ret = -1;

	if (!x)
		return err_set(e, ERR_NOMEM, "out of memory");
	while (at < end && (n = au_read(in, x, BLOCK_SAMPLES / ch, e)) != 0) {
		int64_t from = start > at ? start - at : 0, to = end - at < n ? end - at : n;

		if (n < 0)
			goto out;
		if (from < to) {
			if (loudness_add(m->loudness, x + from * ch, to - from, e))
				goto out;
			spectrum_add(m->spectrum, x + from * ch, to - from);
			if (m->map)
				spectrogram_add(m->map, x + from * ch, to - from);
			d->seconds += (double)(to - from) / au_info(in)->rate_hz;
		}
		at += n;
	}
	ret = 0;
out:
	mem_free(x);
	return ret;
}

static int
take(struct drawn *d, struct meters *m, int rate_hz, struct err *e)
{
	struct loudness_values lv;
	struct spectrum_values sv;
	const struct loudness_point *p;

	if (loudness_end(m->loudness, &lv, e) || spectrum_end(m->spectrum, &sv, e))
		return -1;
	for (int b = 0; b < SPECTRUM_BANDS; b++)
		d->level[b] = sv.third_octave_dbfs[b];
	p = loudness_series(m->loudness, &d->points);
	d->s = mem_zalloc(d->points, sizeof *d->s);
	d->momentary = mem_zalloc(d->points, sizeof *d->momentary);
	d->short_term = mem_zalloc(d->points, sizeof *d->short_term);
	if (!d->s || !d->momentary || !d->short_term)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < d->points; i++) {
		d->s[i] = (double)(i + 1) * 10 * (rate_hz / 100) / rate_hz;
		d->momentary[i] = (double)p[i].momentary_lufs;
		d->short_term[i] = (double)p[i].short_term_lufs;
	}
	return 0;
}

static void
meters_free(struct meters *m)
{
	loudness_free(m->loudness);
	spectrum_free(m->spectrum);
	spectrogram_free(m->map);
}

static int
measure(struct drawn *d, struct meters *m, const char *file, int with_map, int64_t start, int64_t length, struct err *e)
{
	struct au_in *in;
	const struct au_info *i;
	int ret = -1;

	if (au_open(&in, file, e))
		return -1;
	i = au_info(in);
	if (with_map && !(m->map = spectrogram_new(i->rate_hz, i->channels)))
		err_set(e, ERR_NOMEM, "out of memory");
	else if (!loudness_new(&m->loudness, i->rate_hz, i->channels, LOUDNESS_INTEGRATED | LOUDNESS_MAX | LOUDNESS_SERIES, e) &&
	         !spectrum_new(&m->spectrum, i->rate_hz, i->channels, e) && !read_part(in, m, start, length, d, e))
		ret = take(d, m, i->rate_hz, e);
	au_close(in);
	return ret;
}

/* One above the other: frequency, time, and both. */
static int
draw(const char *name, const char *const *file, size_t n, struct drawn *d, struct spectrogram *map, struct err *e)
{
	struct plot_curve level[FILES], over_time[FILES + 1];
	struct plot_map colours = { .unit = "dBFS" };
	struct plot p[3] = {
		{ .title = "Third octaves", .x = { "frequency", "Hz", 20, 20000, 1 }, .y = { "level", "dBFS", 0, 0, 0 },
		  .curves = level, .n_curves = n },
		{ .title = "Loudness", .x = { "time", "s", 0, 0, 0 }, .y = { "loudness", "LUFS", 0, 0, 0 },
		  .curves = over_time, .n_curves = n },
		{ .title = "Spectrogram", .x = { "time", "s", 0, 0, 0 }, .y = { "frequency", "Hz", 0, 0, 1 }, .map = &colours },
	};
	size_t panels = 2;

	for (size_t i = 0; i < n; i++) {
		const char *base = path_base(file[i]);

		level[i] = (struct plot_curve){ base, spectrum_band_hz, d[i].level, SPECTRUM_BANDS, 0, 0 };
		over_time[i] = (struct plot_curve){ n > 1 ? base : "momentary", d[i].s, d[i].momentary, d[i].points, 0, 0 };
		p[1].x.max = fmax(p[1].x.max, d[i].seconds);
	}
	p[0].subtitle = p[1].subtitle = n == 1 ? path_base(file[0]) : NULL;
	if (n == 1)
		over_time[p[1].n_curves++] = (struct plot_curve){ "short-term", d[0].s, d[0].short_term, d[0].points, 0, 0 };
	if (map && (colours.v = spectrogram_end(map, &colours.columns, &p[2].y.min, &p[2].y.max))) {
		double top = -200;

		colours.rows = SPECTROGRAM_ROWS;
		for (size_t i = 0; i < colours.rows * colours.columns; i++)
			top = fmax(top, (double)colours.v[i]);
		colours.max = top;
		colours.min = top - deepest_db;
		p[2].x.max = p[1].x.max;
		panels = 3;
	}
	if (!(p[1].x.max > 0))
		p[1].x.max = 1;
	return plot_write(name, p, panels, WIDTH, HEIGHT, e);
}

int
plot_metrics_check(const char *name, const char *const *file, size_t n, struct err *e)
{
	struct stat st;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(file[i], "-") || (!stat(file[i], &st) && !S_ISREG(st.st_mode)))
			return err_set(e, ERR_INPUT, "'%s' is read again for it, which only a file can be", file[i]);
	if (n < 1 || n > FILES)
		return err_set(e, ERR_INPUT, "a picture is of 1 to %d files", FILES);
	return plot_check_name(name, e);
}

int
plot_metrics(const char *name, const char *const *file, size_t n, int64_t start, int64_t length, struct err *e)
{
	struct drawn d[FILES] = { { { 0 }, NULL, NULL, NULL, 0, 0 } };
	struct meters m[FILES] = { { NULL, NULL, NULL } };
	int ret = -1;

	if (plot_metrics_check(name, file, n, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (measure(&d[i], &m[i], file[i], n == 1, start, length, e))
			goto out;
	ret = draw(name, file, n, d, m[0].map, e);
out:
	for (size_t i = 0; i < n; i++) {
		meters_free(&m[i]);
		mem_free(d[i].s);
		mem_free(d[i].momentary);
		mem_free(d[i].short_term);
	}
	return ret;
}
