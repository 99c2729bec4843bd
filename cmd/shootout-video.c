/* shootout-video - encode timeline, master and cards to one video, and check it. */
#include "audio/audio.h"
#include "base/file.h"
#include "base/par.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "video/encode.h"
#include "video/film.h"
#include "shoot/segment_text.h"
#include "shoot/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *timeline_name, *master_name, *out_name, *audio = "aac", *preset = "veryfast";
static const char *chapters_name, *report_name, *prov_name;
static int crf = 18, threads;

static const struct opt opts[] = {
	{ 'a', "master", OPT_STR, &master_name, "MASTER", "the sound: WAV or FLAC of shootout-cut" },
	{ 0, "audio", OPT_STR, &audio, "CODEC", "aac (mp4, mov), flac (mp4, mkv) or pcm (mov, mkv)" },
	{ 0, "chapters-text", OPT_STR, &chapters_name, "FILE", "write a description with chapters and credits" },
	{ 0, "crf", OPT_INT, &crf, "N", "picture quality of x264, 1 best to 51 (18)" },
	{ 'o', "output", OPT_STR, &out_name, "OUT", "video to write: .mp4, .mov or .mkv" },
	{ 0, "preset", OPT_STR, &preset, "NAME", "speed of x264, ultrafast to veryslow (veryfast)" },
	{ 0, "threads", OPT_INT, &threads, "N", "threads of x264; fix it for equal bytes (0: all)" },
	{ 't', "timeline", OPT_STR, &timeline_name, "TIMELINE", "the timeline of shootout-cut" },
	REPORT_OPT(report_name),
	PROV_OPT(prov_name),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[-qv] -t TIMELINE -a MASTER -o OUT",
	"Encode the master and the cards named in the timeline to one video with chapters.",
	opts,
	"  shootout-video -t timeline.jsonl -a master.wav -o shootout.mp4\n"
	"  shootout-video -t timeline.jsonl -a master.wav --audio flac -o upload.mp4\n",
};

struct job {
	struct timeline t;
	struct encode_spec spec;
	struct encode_facts facts;
	struct film_card *cards; /* one per segment */
	struct outname out, meta; /* meta: chapters for ffmpeg; temporary, never committed */
	struct progress progress;
	double seconds;
};

static int64_t
chapter_at(void *ctx, size_t i)
{
	const struct job *j = ctx;

	return j->t.seg[i].at_frame;
}

/* What the encoder is asked for; every input is looked at before it starts. */
static int
check(struct job *j, char ext[16], struct err *e)
{
	struct encode_spec *s = &j->spec;

	if (timeline_read(&j->t, timeline_name, e))
		return -1;
	*s = (struct encode_spec){
		.master = master_name, .audio = (enum encode_audio)encode_audio_of(audio), .preset = preset,
		.crf = crf, .threads = threads, .fps_num = j->t.fps_num, .fps_den = j->t.fps_den,
		.rate_hz = j->t.rate_hz, .channels = j->t.channels, .audio_frames = j->t.frames,
		.video_frames = j->t.video_frames, .chapter_at = chapter_at, .ctx = j, .chapters = j->t.n,
		.container = path_ext(out_name, ext)
	};
	j->cards = calloc(j->t.n, sizeof *j->cards);
	if (!j->cards)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < j->t.n; i++) {
		const struct tl_segment *seg = &j->t.seg[i];

		j->cards[i] = (struct film_card){ seg->card, seg->name, seg->video_frames, !seg->is_title };
	}
	return encode_check(s, e) || film_check(j->cards, j->t.n, &s->width, &s->height, e) ? -1 : 0;
}

/* Names to write to: the video, and the chapters that ffmpeg reads. */
static int
open_outputs(struct job *j, struct err *e)
{
	char *name = str_printf("%s.chapters", out_name);
	struct str meta = { 0 };
	int ret = -1;

	if (!name)
		err_set(e, ERR_NOMEM, "out of memory");
	else if (!segment_ffmetadata(&j->t, &meta, e) && !outname_open(&j->out, out_name, e) &&
	    !outname_open(&j->meta, name, e) && !file_write(j->meta.tmp, meta.s, meta.len, e))
		ret = 0;
	j->spec.out = j->out.tmp;
	j->spec.metadata = j->meta.tmp;
	free(name);
	str_free(&meta);
	return ret;
}

static void
step(void *ctx, int64_t done)
{
	progress_step(ctx, (double)done);
}

static int
verify(struct job *j, struct err *e)
{
	int ret;

	progress_begin(&j->progress, "verify", (double)j->t.frames);
	ret = encode_verify(&j->spec, &j->facts, step, &j->progress, e);
	progress_end(&j->progress, ret ? 0 : (double)j->t.frames);
	if (ret)
		return -1;
	if (j->facts.peak_dbfs > 0)
		diag_warn("the decoded sound peaks at %+.1f dBFS and may clip in players: AAC overshoots; leave 3 dB "
		    "below full scale, or take --audio flac", j->facts.peak_dbfs);
	return 0;
}

static int
write_description(const struct job *j, struct err *e)
{
	struct str text = { 0 };
	struct segment_chapters c;
	int ret;

	if (segment_description(&j->t, &text, &c, e)) {
		str_free(&text);
		return -1;
	}
	if (c.n < SEGMENT_LEAST_CHAPTERS || c.shortest_s < SEGMENT_LEAST_CHAPTER_S)
		diag_warn("'%s': video sites show chapters only if there are at least %d of at least %d s; here are "
		    "%zu, the shortest of %.1f s", chapters_name, SEGMENT_LEAST_CHAPTERS, SEGMENT_LEAST_CHAPTER_S, c.n,
		    c.shortest_s);
	if (text.len > 5000)
		diag_warn("'%s' is %zu bytes long, YouTube takes 5000", chapters_name, text.len);
	ret = file_write(chapters_name, text.s, text.len, e);
	str_free(&text);
	return ret;
}

static int
write_report(const struct job *j, struct err *e)
{
	json_t *o = encode_json(&j->spec, &j->facts, out_name);

	jl_num(o, "seconds", j->seconds);
	return jl_write(o, report_name, e);
}

static int
write_prov(struct prov *p, const struct job *j, struct err *e)
{
	json_t *seen;
	int ret = 0;

	if (!prov_wanted(p))
		return 0;
	if (prov_input(p, "timeline", timeline_name, NULL, e) || prov_input(p, "master", master_name, NULL, e))
		return -1;
	seen = json_object();
	for (size_t i = 0; !ret && i < j->t.n; i++) {
		const char *card = j->t.seg[i].card;

		if (json_object_get(seen, card))
			continue;
		json_object_set_new(seen, card, json_true());
		ret = prov_input(p, "card", card, NULL, e);
	}
	json_decref(seen);
	return ret || prov_output(p, "video", out_name, NULL, e) || prov_write(p, e) ? -1 : 0;
}

static int
make(void)
{
	struct job *j = calloc(1, sizeof *j);
	struct prov *prov = prov_new(prov_name);
	double start_s = par_clock_s();
	struct err e;
	char ext[16];
	int failed, status = ST_FAIL;

	if (!j) {
		diag_error("out of memory");
		return ST_FAIL;
	}
	if (check(j, ext, &e) || open_outputs(j, &e))
		goto fail;
	progress_begin(&j->progress, "encode", (double)j->t.video_frames);
	failed = film_encode(j->cards, j->t.n, &j->spec, step, &j->progress, &e);
	progress_end(&j->progress, failed ? 0 : (double)j->t.video_frames);
	if (failed || verify(j, &e) || outname_commit(&j->out, &e))
		goto fail;
	j->seconds = par_clock_s() - start_s;
	if ((chapters_name && write_description(j, &e)) || (report_name && write_report(j, &e)) ||
	    write_prov(prov, j, &e))
		goto fail;
	diag_info("%s: %d x %d, %lld pictures, %.2f s, %zu chapters, made in %.1f s", out_name, j->spec.width,
	    j->spec.height, (long long)j->t.video_frames, j->facts.video_s, j->t.n, j->seconds);
	status = ST_OK;
	goto out;
fail:
	status = diag_err(&e);
out:
	outname_abort(&j->meta);
	outname_abort(&j->out);
	free(j->cards);
	timeline_free(&j->t);
	free(j);
	prov_free(prov);
	return status;
}

int
main(int argc, char *argv[])
{
	static const char *const presets[] = { "ultrafast", "superfast", "veryfast", "faster", "fast", "medium",
	    "slow", "slower", "veryslow" };
	int n = opt_parse(argc, argv, &spec), known = 0;

	if (n)
		diag_usage("'%s' is too many; the inputs are named by -t and -a", argv[1]);
	if (!timeline_name || !master_name || !out_name)
		diag_usage("-t TIMELINE, -a MASTER and -o OUT are needed");
	if (!strcmp(timeline_name, "-") || !strcmp(master_name, "-") || !strcmp(out_name, "-"))
		diag_usage("timeline, master and video are files: each is read more than once");
	if (encode_audio_of(audio) < 0)
		diag_usage("--audio: '%s' is not aac, flac or pcm", audio);
	for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
		known |= !strcmp(preset, presets[i]);
	if (!known)
		diag_usage("--preset: '%s' is not one from ultrafast to veryslow", preset);
	if (crf < 1 || crf > 51)                /* 0 is lossless, which is not in H.264's High profile */
		diag_usage("--crf must be 1 to 51");
	if (threads < 0 || threads > 128)
		diag_usage("--threads must be 0 to 128");
	return diag_close_stdout(make());
}
