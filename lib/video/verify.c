/* verify.c - read a finished video back and compare it with what was asked for. */
#include "audio/audio.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "video/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
wrong(struct err *e, const char *what, const char *got, const char *want)
{
	return err_set(e, ERR_INPUT, "the finished video is not as it should be: %s is %.40s, not %s", what,
	    got, want);
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "missing";
}

static int
want_text(const json_t *o, const char *key, const char *want, struct err *e)
{
	return strcmp(text(o, key), want) ? wrong(e, key, text(o, key), want) : 0;
}

static int
want_int(const json_t *o, const char *key, int64_t want, struct err *e)
{
	const json_t *v = json_object_get(o, key);
	/* ffprobe writes some counts as text */
	long long got = json_is_string(v) ? strtoll(json_string_value(v), NULL, 10) :
	    json_is_integer(v) ? json_integer_value(v) : -1;
	char a[24], b[24];

	if (got == want)
		return 0;
	snprintf(a, sizeof a, "%lld", got);
	snprintf(b, sizeof b, "%lld", (long long)want);
	return wrong(e, key, a, b);
}

/* Times: what is stored as milliseconds is rounded; a picture lasts longer than this. */
static int
want_time(const char *what, const char *got, double want, double within, struct err *e)
{
	char *end, b[32];
	double v = strtod(got, &end);

	if (end != got && fabs(v - want) <= within)
		return 0;
	snprintf(b, sizeof b, "%.4f", want);
	return wrong(e, what, got, b);
}

static const json_t *
find_stream(const json_t *probe, const char *type)
{
	const json_t *list = json_object_get(probe, "streams"), *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (!strcmp(text(v, "codec_type"), type))
			return v;
	return NULL;
}

static int
check_video(const json_t *v, const struct encode_spec *s, struct encode_facts *f, struct err *e)
{
	char rate[32];

	if (!v)
		return wrong(e, "the video stream", "missing", "there");
	snprintf(rate, sizeof rate, "%d/%d", s->fps_num, s->fps_den);
	if (want_text(v, "codec_name", "h264", e) || want_int(v, "width", s->width, e) ||
	    want_int(v, "height", s->height, e) || want_text(v, "pix_fmt", "yuv420p", e) ||
	    want_text(v, "color_space", "bt709", e) || want_text(v, "color_primaries", "bt709", e) ||
	    want_text(v, "color_transfer", "bt709", e) || want_text(v, "color_range", "tv", e) ||
	    want_text(v, "r_frame_rate", rate, e) || want_int(v, "nb_read_packets", s->video_frames, e) ||
	    want_time("the start of the video", text(v, "start_time"), 0, 0.0011, e))
		return -1;
	snprintf(f->video_codec, sizeof f->video_codec, "%s", text(v, "codec_name"));
	f->video_frames = s->video_frames;
	return 0;
}

static int
check_audio(const json_t *a, const struct encode_spec *s, struct encode_facts *f, struct err *e)
{
	static const char *const names[] = { "aac", "flac", "pcm_s24le" };

	if (!a)
		return wrong(e, "the audio stream", "missing", "there");
	if (want_text(a, "codec_name", names[s->audio], e) || want_int(a, "sample_rate", s->rate_hz, e) ||
	    want_int(a, "channels", s->channels, e) ||
	    want_time("the start of the audio", text(a, "start_time"), 0, 0.0011, e))
		return -1;
	snprintf(f->audio_codec, sizeof f->audio_codec, "%s", text(a, "codec_name"));
	f->audio_start_s = strtod(text(a, "start_time"), NULL);
	return 0;
}

static int
check_chapters(const json_t *probe, const struct encode_spec *s, struct err *e)
{
	const json_t *list = json_object_get(probe, "chapters"), *c;
	char a[24], b[24];
	size_t i;

	if (json_array_size(list) != s->chapters) {
		snprintf(a, sizeof a, "%zu", json_array_size(list));
		snprintf(b, sizeof b, "%zu", s->chapters);
		return wrong(e, "the number of chapters", a, b);
	}
	json_array_foreach(list, i, c)
		if (want_time("the start of a chapter", text(c, "start_time"),
		    (double)s->chapter_at(s->ctx, i) / s->rate_hz, 0.0011, e))
			return -1;
	return 0;
}

static int
probe(const struct encode_spec *s, struct encode_facts *f, struct err *e)
{
	char *name = str_printf("file:%s", s->out);
	char *const argv[] = { "ffprobe", "-v", "error", "-of", "json", "-count_packets", "-show_format",
	    "-show_streams", "-show_chapters", name, NULL };
	struct str out = { 0 };
	json_t *o = NULL;
	json_error_t je;
	double pad_s;
	int ret = -1, status;

	if (!name)
		return err_set(e, ERR_NOMEM, "out of memory");
	status = proc_capture(argv, &out, e);
	if (status < 0)
		goto out;
	o = status ? NULL : json_loadb(out.s, out.len, 0, &je);
	if (!o) {
		err_set(e, ERR_INPUT, "ffprobe cannot read the finished video");
		goto out;
	}
	if (check_video(find_stream(o, "video"), s, f, e) || check_audio(find_stream(o, "audio"), s, f, e) ||
	    check_chapters(o, s, e))
		goto out;
	f->bytes = strtoll(text(json_object_get(o, "format"), "size"), NULL, 10);
	f->video_s = (double)s->video_frames * s->fps_den / s->fps_num;
	/* the file lasts as long as its pictures; AAC ends with up to a block of padding */
	pad_s = s->audio == ENCODE_AAC ? 1024.0 / s->rate_hz : 0;
	ret = want_time("the duration", text(json_object_get(o, "format"), "duration"),
	    f->video_s + pad_s / 2, pad_s / 2 + 0.04, e);
out:
	json_decref(o);
	str_free(&out);
	free(name);
	return ret;
}

enum { BLOCK = 16384 };

/* The decoded sound against the master, sample by sample. */
static int
compare(const struct encode_spec *s, FILE *decoded, struct au_in *in, float *a, float *b,
        struct encode_facts *f, void (*step)(void *ctx, int64_t frames), void *ctx, struct err *e)
{
	size_t channels = (size_t)s->channels, n;
	double signal = 0, error = 0, peak = 0, least_db;
	int64_t master = 0;

	f->audio_frames = 0;
	while ((n = fread(a, channels * sizeof *a, BLOCK, decoded)) > 0) {
		int64_t m = au_read(in, b, (int64_t)n, e);

		if (m < 0)
			return -1;
		for (size_t i = 0; i < n * channels; i++)
			peak = fmax(peak, fabs((double)a[i]));
		for (size_t i = 0; i < (size_t)m * channels; i++) {
			double d = (double)a[i] - (double)b[i];

			signal += (double)b[i] * (double)b[i];
			error += d * d;
		}
		f->audio_frames += (int64_t)n;
		master += m;
		if (step)
			step(ctx, f->audio_frames);
	}
	if (f->audio_frames < s->audio_frames || master != s->audio_frames)
		return err_set(e, ERR_INPUT, "the finished video has %lld of the master's %lld audio frames",
		    (long long)f->audio_frames, (long long)s->audio_frames);
	f->peak_dbfs = 20 * log10(peak);
	/* the floor is far below 24 bits: a silent master has an error to compare with, too */
	f->snr_db = error > 0 ? 10 * log10(fmax(signal, 1e-12) / error) : INFINITY;
	/* 24 bits give 120 dB and more unless they clip; AAC at these rates 15 to 60, less when it drops
	 * what is above 20 kHz.  Sound that is other sound, or at another time, is at -3 dB. */
	least_db = s->audio != ENCODE_AAC && peak < 0.999 ? 60 : s->rate_hz > 48000 ? 0 : 3;
	if (f->snr_db < least_db)
		return err_set(e, ERR_INPUT, "the sound of the finished video is not that of the master "
		    "(signal to error %.1f dB)", f->snr_db);
	return 0;
}

static int
listen_through(const struct encode_spec *s, struct encode_facts *f,
               void (*step)(void *ctx, int64_t frames), void *ctx, struct err *e)
{
	char *name = str_printf("file:%s", s->out);
	char *const argv[] = { "ffmpeg", "-nostdin", "-v", "error", "-i", name, "-map", "0:a:0", "-c:a",
	    "pcm_f32le", "-f", "f32le", "pipe:1", NULL };
	float *a = mem_zalloc((size_t)BLOCK * (size_t)s->channels, sizeof *a);
	float *b = mem_zalloc((size_t)BLOCK * (size_t)s->channels, sizeof *b);
	struct au_in *in = NULL;
	struct proc p;
	int ret = -1, status;

	if (!name || !a || !b) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (au_open(&in, s->master, e) || proc_start(&p, argv, PROC_OUT, e))
		goto out;
	ret = compare(s, p.out, in, a, b, f, step, ctx, e);
	status = proc_wait(&p, ret ? NULL : e);
	if (!ret && status)
		ret = status < 0 ? -1 : err_set(e, ERR_INPUT, "ffmpeg cannot decode the finished video");
out:
	au_close(in);
	mem_free(a);
	mem_free(b);
	free(name);
	return ret;
}

int
encode_verify(const struct encode_spec *s, struct encode_facts *f,
              void (*step)(void *ctx, int64_t audio_frames), void *ctx, struct err *e)
{
	memset(f, 0, sizeof *f);
	return probe(s, f, e) || listen_through(s, f, step, ctx, e) ? -1 : 0;
}

json_t *
encode_json(const struct encode_spec *s, const struct encode_facts *f, const char *name)
{
	json_t *o = jl_new("video/1");

	jl_str(o, "file", name);
	jl_str(o, "container", s->container);
	jl_int(o, "bytes", f->bytes);
	jl_num(o, "duration_s", f->video_s);
	jl_str(o, "video_codec", f->video_codec);
	jl_int(o, "width", s->width);
	jl_int(o, "height", s->height);
	jl_int(o, "fps_num", s->fps_num);
	jl_int(o, "fps_den", s->fps_den);
	jl_int(o, "video_frames", f->video_frames);
	jl_str(o, "preset", s->preset);
	jl_int(o, "crf", s->crf);
	jl_str(o, "audio_codec", f->audio_codec);
	jl_int(o, "rate_hz", s->rate_hz);
	jl_int(o, "channels", s->channels);
	jl_int(o, "audio_frames", f->audio_frames);
	jl_int(o, "master_frames", s->audio_frames);
	jl_num(o, "audio_start_s", f->audio_start_s);
	jl_num(o, "audio_snr_db", f->snr_db);
	jl_num(o, "sample_peak_dbfs", f->peak_dbfs);
	jl_int(o, "chapters", (long long)s->chapters);
	return o;
}
