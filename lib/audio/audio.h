/* audio.h - audio files and pipes as interleaved float32.
 *
 * Input: WAV (PCM 8/16/24/32, float 32/64, EXTENSIBLE, RF64) by our own reader, from a file
 * or a pipe, also with the unknown-length headers that ffmpeg and sox write (data size 0,
 * 0xFFFFFFFF or 0x7FFFF...); all else that libsndfile opens (FLAC, AIFF, OGG, CAF, ...), from files only.
 * A file that ends before its header says is an error; integers become
 * x / 2^(bits-1), exactly.
 *
 * Output: WAV by our own writer (float32 by default; RF64 past 4 GiB; to a pipe a header with
 * unknown length), FLAC, AIFF and CAF (24 bit by default) through libsndfile; by the extension of the name, "-"
 * is WAV on standard output.  Files appear when they are whole (base/file.h).
 *
 * A frame is one sample of every channel.  Full scale is 1.0.  One thread at a time. */
#ifndef AUDIO_AUDIO_H
#define AUDIO_AUDIO_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { AU_MAX_CHANNELS = 64, AU_MIN_RATE_HZ = 8000, AU_MAX_RATE_HZ = 384000 };

struct au_info {
	int rate_hz, channels;
	int64_t frames;      /* -1: not known before the end (a pipe) */
	char format[8];      /* "wav", "flac", ... */
	char encoding[12];   /* "s16", "s24", "s32", "u8", "f32", "f64", or libsndfile's word */
};

struct au_in;
struct meta;
/* NAME "-" is standard input.  The message of *e is whole ("cannot open 'x': ..."). */
int au_open(struct au_in **in, const char *name, struct err *e);
const struct au_info *au_info(const struct au_in *in);
/* Up to `frames` frames into buf[frames * channels]; fewer only at the end.  Returns the
 * number of frames, 0 at the end, -1 on error (a truncated file, a sample that is NaN or infinite). */
int64_t au_read(struct au_in *in, float *buf, int64_t frames, struct err *e);
/* From now on a sample that is no number is given like the others: for who looks for them. */
void au_allow_not_numbers(struct au_in *in);
/* SHA-256 of the input: of the file, or of the bytes that came through the pipe (read to the end). */
int au_in_sha256(struct au_in *in, char hex[65], struct err *e);
/* What the file says of its recording (audio/meta.h); as long as in. */
const struct meta *au_meta(const struct au_in *in);
void au_close(struct au_in *in);
/* How many of n samples come before the first one that is NaN or infinite; n when all are numbers. */
size_t au_numbers(const float *x, size_t n);

/* A whole file in memory.  At most max_frames frames (more is ERR_INPUT). */
struct au_buf {
	float *x;        /* frames * channels, interleaved, 64-byte aligned; mem_free() */
	int64_t frames;
	int rate_hz, channels;
};
int au_load(struct au_buf *b, const char *name, int64_t max_frames, struct err *e);
void au_buf_free(struct au_buf *b);

enum au_encoding {
	AU_DEFAULT, /* f32 for WAV, s24 for FLAC, AIFF and CAF */
	AU_F32, AU_S16, AU_S24
};
/* "f32", "s16", "s24" -> enum; -1 when it is none of them. */
int au_encoding_of(const char *word);

struct au_out;
int au_create(struct au_out **out, const char *name, int rate_hz, int channels,
              enum au_encoding enc, struct err *e);
/* The same with what is to be said of it; meta is borrowed for the call. */
int au_create_with(struct au_out **out, const char *name, int rate_hz, int channels, enum au_encoding enc,
                   const struct meta *meta, struct err *e);
int au_write(struct au_out *out, const float *buf, int64_t frames, struct err *e);
/* Samples that were outside [-1, 1) and clipped, integer encodings only. */
int64_t au_clipped(const struct au_out *out);
/* Finish: header, flush, rename.  out is gone afterwards, also on error.  hex (65 bytes) may
 * be NULL; else it gets the SHA-256 of the bytes written. */
int au_commit(struct au_out *out, char *hex, struct err *e);
void au_abort(struct au_out *out); /* leave no trace; NULL is fine */
#endif
