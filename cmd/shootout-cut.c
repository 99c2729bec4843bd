/* shootout-cut - join segments into one sample-accurate master and write its timeline. */
#include "base/file.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "shoot/segment_cut.h"
#include "shoot/timeline.h"

#include <string.h>
#include <unistd.h>

static const char *fps = "30", *out_name = "-", *timeline_name, *prov_name;
static int channels = 2;
static double fade_ms = 5;

static const struct opt opts[] = {
	{ 0, "channels", OPT_INT, &channels, "N", "channels of the master (2); mono files go to all" },
	{ 0, "fade-ms", OPT_DOUBLE, &fade_ms, "MS", "fade at both ends of every segment (5)" },
	{ 0, "fps", OPT_STR, &fps, "N[/D]", "pictures a second of the video to come (30)" },
	{ 'o', "output", OPT_STR, &out_name, "MASTER", "audio file to write (standard output)" },
	{ 't', "timeline", OPT_STR, &timeline_name, "FILE", "write where each segment lies" },
	PROV_OPT(prov_name),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[-qv] [--fps N[/D]] [-o MASTER] [-t TIMELINE] [SEGMENTS]",
	"Join the segments listed in SEGMENTS (JSON lines) into one master without gap or click.",
	opts,
	"  shootout-cut -o master.wav -t timeline.jsonl segments.jsonl\n"
	"  shootout-cut --fps 25 --channels 1 segments.jsonl | ffplay -\n",
};

static int
write_timeline(const struct timeline *t, struct err *e)
{
	json_t *head = jl_new("timeline/1");
	struct str text = { 0 };
	int ret;

	jl_num(head, "fade_ms", fade_ms);
	ret = timeline_text(t, head, &text, e) ? -1 : file_write(timeline_name, text.s, text.len, e);
	json_decref(head);
	str_free(&text);
	return ret;
}

/* Every file once, however many segments are cut from it. */
static int
add_inputs(struct prov *p, const struct timeline *t, const char *list, struct err *e)
{
	json_t *seen = json_object();
	int ret = -1;

	if (strcmp(list, "-") && prov_input(p, "segments", list, NULL, e))
		goto out;
	for (size_t i = 0; i < t->n; i++) {
		const char *file = t->seg[i].file;

		if (!file || json_object_get(seen, file))
			continue;
		json_object_set_new(seen, file, json_true());
		if (prov_input(p, "audio", file, NULL, e))
			goto out;
	}
	ret = 0;
out:
	json_decref(seen);
	return ret;
}

static int
write_prov(struct prov *p, const struct timeline *t, const char *list, const char *sha256,
           struct err *e)
{
	if (!prov_wanted(p))
		return 0;
	if (add_inputs(p, t, list, e) || prov_output(p, "master", out_name, sha256, e) ||
	    (timeline_name && strcmp(timeline_name, "-") &&
	    prov_output(p, "timeline", timeline_name, NULL, e)))
		return -1;
	return prov_write(p, e);
}

static void
step(void *ctx, int64_t frames)
{
	progress_step(ctx, (double)frames);
}

static void
report_trims(const struct timeline *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->seg[i].trimmed_frames)
			diag_warn("segment %zu ('%.60s') is cut by %lld frames to %lld whole pictures", i + 1,
			    t->seg[i].name ? t->seg[i].name : "", (long long)t->seg[i].trimmed_frames,
			    (long long)t->seg[i].video_frames);
}

static int
cut(const char *list, int fps_num, int fps_den)
{
	struct prov *prov = prov_new(prov_name);
	struct timeline t;
	struct progress pr;
	struct au_out *out;
	struct err e;
	char sha256[65];
	int rate_hz, failed, status = ST_FAIL;

	if (timeline_read_segments(&t, list, &e) || segment_probe(&t, channels, &rate_hz, &e) ||
	    timeline_layout(&t, rate_hz, channels, fps_num, fps_den, &e) ||
	    segment_merge_levels(&t, &e) ||
	    au_create(&out, out_name, rate_hz, channels, AU_DEFAULT, &e)) {
		status = diag_err(&e);
		goto out;
	}
	report_trims(&t);
	progress_begin(&pr, "cut", (double)t.frames);
	failed = segment_cut(&t, fade_ms, out, step, &pr, &e);
	progress_end(&pr, failed ? 0 : (double)t.frames);
	if (failed) {
		au_abort(out);
		status = diag_err(&e);
		goto out;
	}
	if (au_clipped(out))
		diag_warn("%lld samples are above full scale and were clipped; write WAV to keep them",
		    (long long)au_clipped(out));
	if (au_commit(out, sha256, &e) || (timeline_name && write_timeline(&t, &e)) ||
	    write_prov(prov, &t, list, sha256, &e)) {
		status = diag_err(&e);
		goto out;
	}
	diag_info("%zu segments, %lld frames at %d Hz, %lld pictures", t.n, (long long)t.frames, rate_hz,
	    (long long)t.video_frames);
	status = ST_OK;
out:
	timeline_free(&t);
	prov_free(prov);
	return status;
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec), num, den;

	if (n > 1)
		diag_usage("one list of segments at a time; '%s' is too many", argv[2]);
	if (channels < 1 || channels > AU_MAX_CHANNELS)
		diag_usage("--channels must be 1 to %d", AU_MAX_CHANNELS);
	if (!(fade_ms >= 0 && fade_ms <= 1000))
		diag_usage("--fade-ms must be 0 to 1000");
	if (timeline_fps(fps, &num, &den))
		diag_usage("--fps: '%s' is not a rate like 30 or 60000/1001, from 1 to 240", fps);
	if (timeline_name && !strcmp(timeline_name, "-") && !strcmp(out_name, "-"))
		diag_usage("the master and the timeline cannot both go to standard output");
	if (!strcmp(out_name, "-") && isatty(STDOUT_FILENO))
		diag_usage("no audio is written to a terminal; say -o MASTER or use a pipe");
	return diag_close_stdout(cut(n ? argv[1] : "-", num, den));
}
