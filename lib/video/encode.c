/* encode.c - make a video with the ffmpeg program. */
#include "video/encode.h"
#include "audio/audio.h"
#include "base/proc.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct encoder {
	struct proc proc;
	char line[240], last[240];  /* of what it says: the line that is read, the last full one */
	size_t n;
};

int
encode_audio_of(const char *word)
{
	return !strcmp(word, "aac") ? ENCODE_AAC : !strcmp(word, "flac") ? ENCODE_FLAC :
	    !strcmp(word, "pcm") ? ENCODE_PCM : -1;
}

static int
check_master(struct encode_spec *s, struct err *e)
{
	struct au_info info;
	struct au_in *in;

	if (au_open(&in, s->master, e))
		return -1;
	info = *au_info(in);
	au_close(in);
	s->master_format = !strcmp(info.format, "flac") ? "flac" : "wav";
	if (strcmp(info.format, s->master_format))
		return err_set(e, ERR_UNSUPPORTED, "'%s' is %s; the master must be WAV or FLAC", s->master,
		    info.format);
	if (info.rate_hz != s->rate_hz || info.channels != s->channels ||
	    (info.frames >= 0 && info.frames != s->audio_frames))
		return err_set(e, ERR_INPUT, "'%s' has %lld frames of %d channels at %d Hz, the timeline says %lld of "
		    "%d at %d Hz; they are not of one run of shootout-cut", s->master, (long long)info.frames,
		    info.channels, info.rate_hz, (long long)s->audio_frames, s->channels, s->rate_hz);
	return 0;
}

int
encode_check(struct encode_spec *s, struct err *e)
{
	static const int aac_hz[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000,
	    11025, 8000 };
	int known = 0, mkv = !strcmp(s->container, "mkv");

	if (!mkv && strcmp(s->container, "mp4") && strcmp(s->container, "mov"))
		return err_set(e, ERR_UNSUPPORTED, "a video is .mp4, .mov or .mkv, not '.%s'", s->container);
	if (s->channels > 2)
		return err_set(e, ERR_UNSUPPORTED, "the master has %d channels; a video takes one or two",
		    s->channels);
	/* measured: PCM is not in MP4's list, FLAC not in QuickTime's; AAC in Matroska starts 21 ms late */
	if (s->audio == ENCODE_PCM && !strcmp(s->container, "mp4"))
		return err_set(e, ERR_UNSUPPORTED, ".mp4 does not hold PCM; take .mov, or --audio flac");
	if (s->audio == ENCODE_FLAC && !strcmp(s->container, "mov"))
		return err_set(e, ERR_UNSUPPORTED, ".mov does not hold FLAC; take .mp4, or --audio pcm");
	if (s->audio == ENCODE_AAC && mkv)
		return err_set(e, ERR_UNSUPPORTED, "AAC in .mkv starts late; take .mp4, or --audio flac or pcm");
	for (size_t i = 0; i < sizeof aac_hz / sizeof *aac_hz; i++)
		known |= aac_hz[i] == s->rate_hz;
	if (s->audio == ENCODE_AAC && !known)
		return err_set(e, ERR_UNSUPPORTED, "AAC has no %d Hz; take --audio flac, or resample", s->rate_hz);
	return check_master(s, e);
}

/* An argument list that owns its strings. */
struct args { char *v[80]; int n, failed; };

static void
arg(struct args *a, const char *s)
{
	char *copy = str_printf("%s", s);

	a->failed |= !copy || a->n + 1 == (int)(sizeof a->v / sizeof *a->v);
	if (a->failed)
		free(copy);
	else
		a->v[a->n++] = copy;
	a->v[a->n] = NULL;
}

static void
args(struct args *a, const char *const *list)
{
	while (*list)
		arg(a, *list++);
}

static void
arg_file(struct args *a, const char *name)
{
	char *s = str_printf("file:%s", name);

	if (s)
		arg(a, s);
	else
		a->failed = 1;
	free(s);
}

static void
arg_int(struct args *a, const char *option, int v)
{
	char buf[16];

	snprintf(buf, sizeof buf, "%d", v);
	arg(a, option);
	arg(a, buf);
}

static void
args_free(struct args *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->v[i]);
}

static void
audio_args(struct args *a, const struct encode_spec *s)
{
	static const char *const flac[] = { "-c:a", "flac", "-sample_fmt", "s32", "-bits_per_raw_sample", "24",
	    "-strict", "experimental", NULL };
	static const char *const pcm[] = { "-c:a", "pcm_s24le", NULL };

	if (s->audio == ENCODE_AAC) {
		arg(a, "-c:a");
		arg(a, "aac");
		arg(a, "-b:a");
		arg(a, s->channels == 1 ? "192k" : "384k");
	} else {
		args(a, s->audio == ENCODE_FLAC ? flac : pcm);
	}
}

static void
container_args(struct args *a, const struct encode_spec *s)
{
	/* AAC needs an edit list to hide its first 1024 samples; without it, with no edit list and no
	 * negative offsets, every reader agrees on the start, also one that ignores edit lists */
	static const char *const plain[] = { "-use_editlist", "0", "-movflags",
	    "+faststart+negative_cts_offsets", NULL };
	static const char *const edits[] = { "-movflags", "+faststart", NULL };

	if (strcmp(s->container, "mkv"))
		args(a, s->audio == ENCODE_AAC ? edits : plain);
	arg(a, "-f");
	arg(a, strcmp(s->container, "mkv") ? s->container : "matroska");
}

static void
all_args(struct args *a, const struct encode_spec *s)
{
	static const char *const start[] = { "ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-v", "error",
	    "-y", "-f", "yuv4mpegpipe", "-i", "pipe:0", "-protocol_whitelist", "file", "-f", NULL };
	static const char *const maps[] = { "-map", "0:v:0", "-map", "1:a:0", "-map_metadata", "2",
	    "-map_chapters", "2", NULL };
	/* ffmpeg 7 takes the colours from the pictures, and yuv4mpeg cannot carry them: setparams names them */
	static const char *const video[] = {
	    "-vf", "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv",
	    "-pix_fmt", "yuv420p", "-profile:v", "high", "-bf", "2",
	    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
	    "-fflags", "+bitexact", "-flags:v", "+bitexact+cgop", "-flags:a", "+bitexact", NULL };

	args(a, start);
	arg(a, s->master_format);
	arg(a, "-i");
	arg_file(a, s->master);
	arg(a, "-f");
	arg(a, "ffmetadata");
	arg(a, "-i");
	arg_file(a, s->metadata);
	args(a, maps);
	arg(a, "-c:v");
	arg(a, "libx264");
	arg(a, "-preset");
	arg(a, s->preset);
	arg_int(a, "-crf", s->crf);
	/* a closed group of pictures of half a second, as the upload guides ask */
	arg_int(a, "-g", s->fps_num / s->fps_den / 2 > 0 ? s->fps_num / s->fps_den / 2 : 1);
	args(a, video);
	if (s->threads)
		arg_int(a, "-threads", s->threads);
	audio_args(a, s);
	container_args(a, s);
	arg_file(a, s->out);
}

int
encode_start(struct encoder **out, const struct encode_spec *s, struct err *e)
{
	struct encoder *enc = calloc(1, sizeof *enc);
	struct args a = { .n = 0 };
	int ret = -1;

	*out = NULL;
	all_args(&a, s);
	if (!enc || a.failed)
		err_set(e, ERR_NOMEM, "out of memory");
	else
		ret = proc_start(&enc->proc, a.v, PROC_IN | PROC_OUT | PROC_ERR_OUT, e);
	args_free(&a);
	if (ret) {
		free(enc);
		if (e->code == ERR_IO)
			err_prefix(e, "the video is made by ffmpeg; install it: ");
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!enc->proc.in || !enc->proc.out ||
	    fcntl(fileno(enc->proc.in), F_SETFL, O_NONBLOCK) || fcntl(fileno(enc->proc.out), F_SETFL, O_NONBLOCK)) {
		err_sys(e, "cannot talk to ffmpeg");
		encode_abort(enc);
		return -1;
	}
	*out = enc;
	return 0;
}

static void
hear(struct encoder *enc, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\r') {
			enc->line[enc->n] = '\0';
			if (enc->n)
				memcpy(enc->last, enc->line, enc->n + 1);
			enc->n = 0;
		} else if (enc->n + 1 < sizeof enc->line) {
			/* what a hostile file makes it print must not drive the terminal */
			enc->line[enc->n++] = (unsigned char)bytes[i] < 0x20 ? ' ' : bytes[i];
		}
	}
}

/* Read what ffmpeg says without waiting.  Returns 0 when it has closed its end. */
static int
listen_now(struct encoder *enc)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fileno(enc->proc.out), buf, sizeof buf)) > 0)
		hear(enc, buf, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

int
encode_write(struct encoder *enc, const void *bytes, size_t n, struct err *e)
{
	const char *p = bytes;

	while (n) {
		struct pollfd fd[2] = {
			{ fileno(enc->proc.in), POLLOUT, 0 }, { fileno(enc->proc.out), POLLIN, 0 }
		};
		ssize_t k;

		if (poll(fd, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, "cannot talk to ffmpeg");
		if (fd[1].revents && !listen_now(enc))
			return err_set(e, ERR_IO, "ffmpeg stopped before the end");
		if (!fd[0].revents)
			continue;
		k = write(fileno(enc->proc.in), p, n);
		if (k < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (k < 0)
			return err_sys(e, "ffmpeg stopped before the end");
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int
encode_finish(struct encoder *enc, struct err *e)
{
	int status;

	fclose(enc->proc.in);
	enc->proc.in = NULL;
	fcntl(fileno(enc->proc.out), F_SETFL, 0);       /* now wait for what it has to say */
	while (listen_now(enc))
		;
	hear(enc, "\n", 1);
	status = proc_wait(&enc->proc, e);
	if (status > 128)
		err_set(e, ERR_IO, "ffmpeg was ended by signal %d", status - 128);
	else if (status > 0)
		err_set(e, ERR_IO, "ffmpeg failed: %s", *enc->last ? enc->last : "it did not say why");
	free(enc);
	return status ? -1 : 0;
}

void
encode_abort(struct encoder *enc)
{
	if (!enc)
		return;
	if (enc->proc.pid > 0) {
		kill(enc->proc.pid, SIGKILL);
		proc_wait(&enc->proc, NULL);
	}
	free(enc);
}
