/* status.c - how far a run is and what its tones are. */
#include "shoot/status.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/jsonl.h"
#include "shoot/run.h"
#include "shoot/timeline.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The object of metrics.jsonl for an audio file; NULL when there is none. */
static json_t *
metrics_of(json_t *all, const char *file)
{
	size_t i;
	json_t *m;

	json_array_foreach(all, i, m) {
		const char *f = json_string_value(json_object_get(m, "file"));

		if (f && file && !strcmp(f, file))
			return m;
	}
	return NULL;
}

static json_t *
load_lines(const char *path)
{
	static const size_t max = (size_t)256 << 20;
	json_t *all = json_array();
	char *text;
	size_t len;

	if (file_read(path, max, &text, &len, NULL))
		return all;
	for (char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		json_t *o = json_loadb(line, n, 0, NULL);

		if (o)
			json_array_append_new(all, o);
		line += n + (line[n] == '\n');
	}
	free(text);
	return all;
}

/* The first number called key in o or in an object inside it; null when there is none. */
static json_t *
find_number(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key), *sub;
	const char *k;

	if (json_is_number(v))
		return json_incref(v);
	json_object_foreach(o, k, sub) {
		json_t *found = json_is_object(sub) ? find_number(sub, key) : NULL;

		if (json_is_number(found))
			return found;
		json_decref(found);
	}
	return json_null();
}

static void
add_tones(json_t *o, const char *run)
{
	static const char *const words[] = { "label", "title", "di", "chain", "file" };
	static const char *const levels[] = { "gain_db", "loudness_lufs", "true_peak_dbtp" };
	static const char *const measures[] = { "crest_factor_db", "centroid_hz" };
	char *tl = str_printf("%s/timeline.jsonl", run), *mt = str_printf("%s/metrics.jsonl", run);
	json_t *tones = json_array(), *all = mt ? load_lines(mt) : NULL;
	struct timeline t = { 0 };

	if (tl && !access(tl, F_OK) && !timeline_read(&t, tl, NULL)) {
		for (size_t i = 0; i < t.n; i++) {
			json_t *tone, *m;

			if (t.seg[i].is_title)
				continue;
			tone = json_object();
			m = metrics_of(all, t.seg[i].file);
			for (size_t k = 0; k < sizeof words / sizeof *words; k++)
				jl_set(tone, words[k], json_incref(json_object_get(t.seg[i].o, words[k])));
			for (size_t k = 0; k < sizeof levels / sizeof *levels; k++)
				jl_set(tone, levels[k], find_number(t.seg[i].o, levels[k]));
			for (size_t k = 0; k < sizeof measures / sizeof *measures; k++)
				jl_set(tone, measures[k], find_number(m, measures[k]));
			json_array_append_new(tones, tone);
		}
	}
	timeline_free(&t);
	json_decref(all);
	free(tl);
	free(mt);
	jl_set(o, "tones", tones);
}

json_t *
status_load(const char *run, struct err *e)
{
	static const size_t max = 8 << 20;
	char *desc = str_printf("%s/shootout.json", run), *video = str_printf("%s/shootout.mp4", run);
	json_t *d = NULL, *o = NULL;
	int left;

	if (!desc || !video) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (access(desc, F_OK)) {
		err_set(e, ERR_INPUT, "'%s' is no run directory: it has no shootout.json", run);
		goto out;
	}
	if (!(d = jl_load(desc, max, e)) || (left = run_pending(run, e)) < 0)
		goto out;
	o = jl_new("shootout-status/1");
	jl_str(o, "run", run);
	jl_set(o, "name", json_incref(json_object_get(d, "name")));
	jl_str(o, "state", left ? "unfinished" : "done");
	jl_int(o, "steps_left", left);
	jl_str(o, "video", access(video, F_OK) ? NULL : video);
	add_tones(o, run);
out:
	json_decref(d);
	free(desc);
	free(video);
	return o;
}

enum { NAME_COLUMNS = 24 };

static void
add_name(struct str *out, const json_t *o, const char *key, int width, int fill)
{
	const char *s = json_string_value(json_object_get(o, key));

	utf8_cell(out, s ? s : "", width, fill);
}

/* The number, or a dash. */
static void
add_cell(struct str *out, const json_t *tone, const char *key, int width, int decimals)
{
	const json_t *v = json_object_get(tone, key);

	if (json_is_number(v))
		str_addf(out, " %*.*f", width, decimals, json_number_value(v));
	else
		str_addf(out, " %*s", width, "-");
}

void
status_table(const json_t *o, struct str *out)
{
	const char *video = json_string_value(json_object_get(o, "video"));
	long long left = json_integer_value(json_object_get(o, "steps_left"));
	char *name;
	size_t i;
	json_t *t;

	name = utf8_clean_str(json_string_value(json_object_get(o, "name")) ?
	    json_string_value(json_object_get(o, "name")) : "shootout", 200);
	str_add(out, name ? name : "");
	free(name);
	if (left)
		str_addf(out, ": %lld step%s left\n", left, left == 1 ? "" : "s");
	else
		str_add(out, ": done\n");
	if (json_array_size(json_object_get(o, "tones")))
		str_addf(out, "\n   %-*s %-*s %8s %8s %8s %7s %9s\n", NAME_COLUMNS, "tone", NAME_COLUMNS, "DI", "gain dB",
		    "LUFS", "dBTP", "crest", "centre Hz");
	json_array_foreach(json_object_get(o, "tones"), i, t) {
		add_name(out, t, "label", 2, 3);
		add_name(out, t, "title", NAME_COLUMNS, NAME_COLUMNS + 1);
		add_name(out, t, "di", NAME_COLUMNS, NAME_COLUMNS);
		add_cell(out, t, "gain_db", 8, 1);
		add_cell(out, t, "loudness_lufs", 8, 1);
		add_cell(out, t, "true_peak_dbtp", 8, 1);
		add_cell(out, t, "crest_factor_db", 7, 1);
		add_cell(out, t, "centroid_hz", 9, 0);
		str_add(out, "\n");
	}
	if (video)
		str_addf(out, "\nvideo: %s\n", video);
}
