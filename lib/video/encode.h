/* encode.h - make and check a video with the ffmpeg and ffprobe programs.
 *
 * One ffmpeg, one pipe of frames, one audio file: no part is encoded by itself and joined, because
 * that shifts sound against picture.  Both programs are executed directly, without a shell, and no
 * text of the user's is in any filter.  Files are named to them as "file:NAME", so that no name is a protocol. */
#ifndef VIDEO_ENCODE_H
#define VIDEO_ENCODE_H
#include "base/err.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum encode_audio { ENCODE_AAC, ENCODE_FLAC, ENCODE_PCM };

struct encode_spec {
	const char *master;     /* WAV or FLAC */
	const char *master_format; /* set by encode_check(): "wav" or "flac", so that ffmpeg does not guess */
	const char *metadata;   /* ffmetadata file with title and chapters */
	const char *out;        /* where ffmpeg writes */
	const char *container;  /* "mp4", "mov" or "mkv" */
	enum encode_audio audio;
	const char *preset;     /* of libx264 */
	int crf, threads;       /* threads 0: ffmpeg chooses */
	int width, height, fps_num, fps_den;
	int rate_hz, channels;
	int64_t audio_frames, video_frames;
	int64_t (*chapter_at)(void *ctx, size_t i); /* audio frame at which chapter i starts */
	void *ctx;
	size_t chapters;
};

/* "aac", "flac", "pcm"; -1 when it is none. */
int encode_audio_of(const char *word);
/* Refuse, before any work, what the container or the codec cannot hold, and a master that is not
 * audio_frames of channels at rate_hz. */
int encode_check(struct encode_spec *s, struct err *e);

struct encoder;
/* Start ffmpeg.  SIGPIPE is ignored from now on: a dead ffmpeg is an error message, not a signal. */
int encode_start(struct encoder **enc, const struct encode_spec *s, struct err *e);
/* Bytes of the YUV4MPEG stream.  Reads what ffmpeg says meanwhile, so that neither waits for the other. */
int encode_write(struct encoder *enc, const void *bytes, size_t n, struct err *e);
/* End the stream and wait.  A failure has ffmpeg's last line.  enc is gone. */
int encode_finish(struct encoder *enc, struct err *e);
void encode_abort(struct encoder *enc); /* NULL is fine */

/* What encode_verify() found. */
struct encode_facts {
	char video_codec[24], audio_codec[24];
	int64_t video_frames, audio_frames; /* audio as decoded; a lossy codec may add up to a block */
	double video_s, audio_start_s;
	double snr_db;          /* decoded audio against the master; INFINITY when identical */
	double peak_dbfs;       /* of the decoded audio */
	int64_t bytes;
};

/* Read the finished file back: streams, size, frame count, colour tags, times, chapters, and the whole
 * sound, which must be that of the master, not shifted.  ERR_INPUT says what is wrong. */
int encode_verify(const struct encode_spec *s, struct encode_facts *f,
                  void (*step)(void *ctx, int64_t audio_frames), void *ctx, struct err *e);
/* What was asked for and found, a video/1; name: of the video.  The caller's. */
json_t *encode_json(const struct encode_spec *s, const struct encode_facts *f, const char *name);
#endif
