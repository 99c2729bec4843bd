/* wav.h - our own WAV reader and writer on file descriptors, for files and pipes;
 * private to lib/audio (use audio.h).
 *
 * Why not libsndfile: it refuses pipes and the unknown-length headers that streaming
 * programs write, and takes a truncated file for a short one.
 * Sources: Microsoft RIFF (1991) and WAVEFORMATEXTENSIBLE; RF64: EBU Tech 3306. */
#ifndef AUDIO_WAV_H
#define AUDIO_WAV_H
#include "audio/audio.h"
#include "audio/meta.h"
#include "base/sha256.h"

struct wav_in {
	int fd, regular;
	const char *name;        /* for messages; borrowed */
	struct sha256 *hash;     /* of every byte read, for pipes; NULL otherwise */
	struct au_info info;
	int bytes;               /* per sample */
	int is_float, is_u8;
	int64_t left;            /* frames still to come by the header; -1 until the end */
	struct meta meta;        /* what is before the data; of a regular file also what is after it */
	int foreign;             /* a WAV encoding this reader leaves to libsndfile */
	int ended;
	unsigned char *raw;      /* scratch of raw_cap bytes */
	size_t raw_cap;
};

/* Read the header from fd at its start.  Returns 0; -1 with *e; 1 when it is no WAV at all.  A WAV
 * of another encoding sets foreign and returns 0.  w->fd stays the caller's. */
int wav_in_open(struct wav_in *w, int fd, const char *name, struct err *e);
int64_t wav_in_read(struct wav_in *w, float *buf, int64_t frames, struct err *e);
/* Read what follows the audio in a pipe, so that its writer can end well and the hash is whole. */
void wav_in_drain(struct wav_in *w);
void wav_in_close(struct wav_in *w);

struct wav_out {
	int fd, seekable, channels, rate_hz;
	enum au_encoding enc;
	int64_t frames;
	struct str extra;        /* chunks before the data */
	struct sha256 *hash;     /* of every byte written, when not seekable; NULL otherwise */
	unsigned char *raw;
	size_t raw_cap;
};

/* meta: borrowed for the call; NULL: none. */
int wav_out_open(struct wav_out *w, int fd, int rate_hz, int channels, enum au_encoding enc, const struct meta *meta,
                 const char *name, struct err *e);
/* data: frames * channels samples in the file's encoding, little-endian. */
int wav_out_write(struct wav_out *w, const void *data, int64_t frames, const char *name, struct err *e);
int wav_out_finish(struct wav_out *w, const char *name, struct err *e); /* patch the sizes */
void wav_out_close(struct wav_out *w);
#endif
