/* audio-metrics - measure audio files, one JSON object a line. */
#include "base/file.h"
#include "base/str.h"
#include "cli/batch.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "metrics/measure_csv.h"
#include "metrics/measure_file.h"
#include "shoot/timeline_regions.h"
#ifdef HAVE_CAIRO
#include "draw/plot_metrics.h"
#include "draw/text.h"
#endif

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *only, *compat, *di_name, *timeline_name, *plot_name, *out_name, *prov_file;
static int dual_mono, series, csv, threads;
static long long start_frame, length_frames = LLONG_MIN; /* negative: to the end */

static const struct opt opts[] = {
	{ 0, "only", OPT_STR, &only, "GROUP,...", "of loudness levels dynamics faults spectrum envelope stereo" },
	{ 0, "di", OPT_STR, &di_name, "FILE", "the DI that was played: its notes and its silence" },
	{ 0, "series", OPT_FLAG, &series, NULL, "also loudness over time, every onset, the whole spectrum" },
	{ 0, "dual-mono", OPT_FLAG, &dual_mono, NULL, "a mono input is played on two speakers (+3.01 LU)" },
	{ 0, "start-frame", OPT_INT64, &start_frame, "N", "measure from frame N on (0)" },
	{ 0, "length-frames", OPT_INT64, &length_frames, "N", "measure N frames (to the end)" },
	{ 0, "timeline", OPT_STR, &timeline_name, "FILE", "measure each segment of a timeline, in its master" },
	{ 0, "compat", OPT_STR, &compat, "gts", "the twelve values of guitar-tone-shootout instead" },
	{ 0, "csv", OPT_FLAG, &csv, NULL, "a table with a head instead of JSON" },
	{ 0, "plot", OPT_STR, &plot_name, "FILE", "draw spectrum, loudness and spectrogram to FILE, .svg or .png" },
	{ 'j', "threads", OPT_INT, &threads, "N", "use N threads (0: one for each CPU, default)" },
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write the lines to FILE, when all files are measured" },
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[options] [FILE...]\n       audio-metrics --timeline FILE MASTER",
	"Measure loudness, levels, faults, spectrum and envelope; one JSON object per FILE.",
	opts,
	"  audio-metrics tone.wav | jq .loudness.integrated_lufs\n"
	"  audio-metrics --only spectrum --csv tones/*.wav >spectra.csv\n"
	"  audio-metrics --di di.wav --only envelope clean.wav crunch.wav lead.wav\n"
	"  audio-metrics --plot tone.svg tone.wav >tone.json\n"
	"  nam-render -m amp.nam di.wav | audio-metrics\n",
};

static struct measure_want want = { .groups = MEASURE_ALL };
static struct measure_region whole; /* or the part that was asked for */
static struct timeline timeline;
static struct progress progress;
static json_t *shape;               /* the columns of the table */

static void
step(void *ctx, int64_t frames, int64_t of)
{
	((struct progress *)ctx)->total = of > 0 ? (double)of : 0;
	progress_step(ctx, (double)frames);
}

/* The objects as lines of text. */
static void
add_lines(struct str *to, const json_t *list)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o) {
		char *text = csv ? NULL : jl_text(o);
		const json_t *bad = json_object_get(json_object_get(o, "faults"), "not_a_number_samples");

		if (json_integer_value(bad))
			diag_warn("'%s': %lld samples are no numbers, and taken as 0", json_string_value(json_object_get(o, "file")),
			          (long long)json_integer_value(bad));

		if (csv)
			measure_csv_row(to, shape, o);
		else
			str_add(to, text ? text : ""), str_add(to, "\n");
		to->failed |= !csv && !text;
		free(text);
	}
}

/* One input in, its lines to text. */
static int
measure(const char *name, struct str *text, struct prov *prov)
{
	struct measure_region *r = timeline_name ? NULL : &whole;
	size_t n = 1;
	char hex[65];
	struct err e;
	json_t *list = NULL, *o;
	int status = ST_OK;

	progress_begin(&progress, name, 0);
	if (timeline_name && !(r = timeline_regions(&timeline, &n)))
		err_set(&e, ERR_NOMEM, "out of memory");
	else if (compat)
		list = (o = measure_file_gts(name, hex, &e)) ? json_pack("[o]", o) : NULL;
	else
		list = measure_file(name, r, n, &want, step, &progress, hex, &e);
	progress_end(&progress, progress.total);
	if (!list || prov_input(prov, "audio", name, hex, &e))
		status = diag_err(&e);
	else
		add_lines(text, list);
	o = json_object_get(json_array_get(list, 0), "duration_s");
	if (di_name && json_number_value(o) > (double)want.di->windows / 20 + 1)
		diag_warn("'%s' goes on after the end of its DI", name);
	json_decref(list);
	timeline_regions_free(timeline_name ? r : NULL, n);
	return status;
}

/* All inputs: each to standard output as it is done, or all to a file, which appears when all could be measured. */
static int
measure_all(char *const *names, int n, struct prov *prov)
{
	struct str text = { 0 };
	struct err e;
	int status = ST_OK;

	if (csv)
		measure_csv_head(&text, shape);
	for (int i = 0; i < n; i++) {
		status = diag_worst(status, measure(names[i], &text, prov)); /* go on after a bad file */
		if (text.failed) {
			diag_error("out of memory");
			status = ST_FAIL;
		} else if (!out_name && text.len) {
			if (fputs(text.s, stdout) < 0 || fflush(stdout)) {
				diag_error("cannot write the object of '%s'", names[i]);
				status = ST_FAIL;
			}
			str_free(&text);
		}
	}
	if (status == ST_OK && out_name &&
	    (file_write(out_name, text.s, text.len, &e) || prov_output(prov, "metrics", out_name, NULL, &e)))
		status = diag_err(&e);
	str_free(&text);
	return status;
}

/* Whether there can be a picture, before there is anything else; then the picture. */
static int
plot(char *const *names, int n, int only_check, struct err *e)
{
#ifdef HAVE_CAIRO
	return only_check ? plot_metrics_check(plot_name, (const char *const *)names, (size_t)n, e) : text_init(e) ||
	       plot_metrics(plot_name, (const char *const *)names, (size_t)n, whole.start, whole.length, e) ? -1 : 0;
#else
	(void)names, (void)n, (void)only_check;
	return err_set(e, ERR_UNSUPPORTED, "this program was built without cairo");
#endif
}

static void
check_options(char *const *names, int n)
{
	static const char *const with_compat[] = { "compat", "csv", "output", "provenance", NULL };
	int stdins = 0;
	struct err e;

	for (int i = 0; i < n; i++) {
		stdins += !strcmp(names[i], "-");
		if (file_same(names[i], out_name) || file_same(names[i], plot_name))
			diag_usage("'%s' would be overwritten with what is measured of it", names[i]);
	}
	if (stdins > 1 || (stdins && plot_name) || (stdins && di_name && !strcmp(di_name, "-")))
		diag_usage(plot_name ? "--plot reads the files again: name them" : "standard input can be read once");
	if (plot_name && plot(names, n, 1, &e))
		diag_usage("--plot: %s", e.msg);
	if (compat && (strcmp(compat, "gts") != 0 || opt_beside(with_compat)))
		diag_usage("--compat is gts, with no other measures beside it");
	if (start_frame < 0 || (length_frames < 1 && length_frames != LLONG_MIN))
		diag_usage("a region starts at frame 0 or later and has at least 1 frame");
	if (timeline_name && (n != 1 || di_name || plot_name || start_frame || length_frames != LLONG_MIN))
		diag_usage("--timeline is of one master, whose segments are its parts; each has its own DI");
	if (series && csv)
		diag_usage("--series does not fit into the table of --csv");
	threads = batch_threads(threads);
	if (prov_file && !out_name && !plot_name)
		diag_usage("--provenance tells of a file: it needs -o or --plot");
}

/* What has to be known before the first file: the groups, the DI, the timeline, the columns. */
static int
prepare(struct measure_di *di, struct prov *prov)
{
	char hex[65];
	struct err e;

	want.dual_mono = dual_mono;
	want.series = series;
	want.threads = threads;
	whole = (struct measure_region){ start_frame, length_frames < 0 ? -1 : length_frames, NULL };
	if (timeline_name && (timeline_read(&timeline, timeline_name, &e) ||
	                      prov_input(prov, "timeline", timeline_name, NULL, &e)))
		return diag_err(&e);
	want.rate_hz = timeline.rate_hz;
	want.channels = timeline.channels;
	if (di_name) {
		if (measure_file_di(di, di_name, &whole, hex, &e) || prov_input(prov, "di", di_name, hex, &e))
			return diag_err(&e);
		want.di = di;
	}
	/* the table has the columns of a stereo file, whatever comes first */
	if (csv) {
		shape = measure_shape(&want, timeline_name != NULL, compat != NULL, &e);
		if (!shape)
			return diag_err(&e);
	}
	return ST_OK;
}

int
main(int argc, char *argv[])
{
	static char dash[] = "-", *use_stdin[] = { dash };
	int n = opt_parse(argc, argv, &spec), status;
	char **names = n ? argv + 1 : use_stdin;
	struct measure_di di = { 0 };
	struct prov *prov;
	struct err e;

	n = n ? n : 1;
	out_name = out_name && !strcmp(out_name, "-") ? NULL : out_name;
	if (only && !(want.groups = measure_groups_of(only)))
		diag_usage("--only '%s': there are loudness, levels, dynamics, faults, spectrum, envelope and stereo", only);
	check_options(names, n);
	if (!(prov = prov_new(prov_file))) {
		diag_error("out of memory");
		return ST_FAIL;
	}
	status = prepare(&di, prov);
	if (status == ST_OK)
		status = measure_all(names, n, prov);
	if (status == ST_OK && plot_name && (plot(names, n, 0, &e) || prov_output(prov, "plot", plot_name, NULL, &e)))
		status = diag_err(&e);
	if (status == ST_OK && prov_write(prov, &e))
		status = diag_err(&e);
	json_decref(shape);
	measure_di_free(&di);
	timeline_free(&timeline);
	prov_free(prov);
	return diag_close_stdout(status);
}
