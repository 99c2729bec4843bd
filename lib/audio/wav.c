/* wav.c - our own WAV reader and writer on file descriptors. */
#include "audio/wav.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAG_PCM = 1, TAG_FLOAT = 3, TAG_EXTENSIBLE = 0xfffe };

/* Streaming writers leave the size at 0xffffffff (ffmpeg) or just under 2^31 (sox). */
static const uint32_t unknown_from = 0x7ffff000;

static uint16_t
le16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t
le32(const unsigned char *p)
{
	return (uint32_t)le16(p) | (uint32_t)le16(p + 2) << 16;
}

static uint64_t
le64(const unsigned char *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

static void
put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
}

static void
put32(unsigned char *p, uint32_t v)
{
	put16(p, v & 0xffff);
	put16(p + 2, v >> 16);
}

static void
put64(unsigned char *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

/* Up to len bytes; fewer only at the end.  -1: error in errno. */
static ssize_t
get(struct wav_in *w, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(w->fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	if (w->hash)
		sha256_add(w->hash, buf, done);
	return (ssize_t)done;
}

static int
skip(struct wav_in *w, uint64_t len)
{
	unsigned char buf[4096];

	while (len) {
		size_t want = len < sizeof buf ? (size_t)len : sizeof buf;
		ssize_t n = get(w, buf, want);

		if (n < (ssize_t)want)
			return -1;
		len -= want;
	}
	return 0;
}

static int
read_fmt(struct wav_in *w, uint32_t size, struct err *e)
{
	static const unsigned char guid[14] = {
		0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71 };
	unsigned char b[40] = { 0 };
	uint32_t have = size < sizeof b ? size : (uint32_t)sizeof b;
	unsigned tag, bits, align;

	if (size < 16)
		return err_set(e, ERR_INPUT, "'%s' is a broken WAV file: its format chunk is too short", w->name);
	if (get(w, b, have) != (ssize_t)have || skip(w, (uint64_t)size - have + (size & 1)))
		return err_set(e, ERR_INPUT, "'%s' is truncated: it ends inside its header", w->name);
	tag = le16(b);
	w->info.channels = le16(b + 2);
	align = le16(b + 12);
	bits = le16(b + 14);
	if (le32(b + 4) < AU_MIN_RATE_HZ || le32(b + 4) > AU_MAX_RATE_HZ)
		return err_set(e, ERR_INPUT, "'%s' has a sample rate of %lu Hz; %d to %d Hz can be used",
		    w->name, (unsigned long)le32(b + 4), AU_MIN_RATE_HZ, AU_MAX_RATE_HZ);
	w->info.rate_hz = (int)le32(b + 4);
	if (w->info.channels < 1 || w->info.channels > AU_MAX_CHANNELS)
		return err_set(e, ERR_INPUT, "'%s' has %d channels; 1 to %d can be used", w->name,
		    w->info.channels, AU_MAX_CHANNELS);
	if (tag == TAG_EXTENSIBLE && size >= 40 && !memcmp(b + 26, guid, sizeof guid))
		tag = le16(b + 24);
	w->is_float = tag == TAG_FLOAT && (bits == 32 || bits == 64);
	w->is_u8 = tag == TAG_PCM && bits == 8;
	if (!w->is_float && !(tag == TAG_PCM && (bits == 8 || bits == 16 || bits == 24 || bits == 32))) {
		w->foreign = 1;
		return 0;
	}
	w->bytes = (int)bits / 8;
	if (align != (unsigned)(w->bytes * w->info.channels))
		return err_set(e, ERR_INPUT, "'%s' is a broken WAV file: a frame of %d channels of %u bits "
		    "cannot have %u bytes", w->name, w->info.channels, bits, align);
	memcpy(w->info.encoding, w->is_float ? "f" : w->is_u8 ? "u" : "s", 2);
	strcat(w->info.encoding, bits == 8 ? "8" : bits == 16 ? "16" : bits == 24 ? "24" :
	    bits == 32 ? "32" : "64");
	return 0;
}

/* Set w->left from the size in the header, held against the size of the file. */
static int
read_data_size(struct wav_in *w, uint64_t size, int unknown, struct err *e)
{
	uint64_t frame = (uint64_t)(w->bytes * w->info.channels);
	off_t here = lseek(w->fd, 0, SEEK_CUR);
	struct stat st;

	if (w->regular && here >= 0 && !fstat(w->fd, &st)) {
		uint64_t there = st.st_size > here ? (uint64_t)(st.st_size - here) : 0;

		if (unknown)
			size = there - there % frame;
		else if (size > there)
			return err_set(e, ERR_INPUT, "'%s' is truncated: its header promises %llu frames, "
			    "%llu are there", w->name, (unsigned long long)(size / frame),
			    (unsigned long long)(there / frame));
		unknown = 0;
	}
	if (unknown) {
		w->left = w->info.frames = -1;
		return 0;
	}
	if (size % frame)
		return err_set(e, ERR_INPUT, "'%s' is a broken WAV file: its data ends inside a frame", w->name);
	w->left = w->info.frames = (int64_t)(size / frame);
	return 0;
}

/* A chunk that is worth keeping; size is within META_MAX_CHUNK. */
static int
read_meta(struct wav_in *w, const unsigned char *id, uint32_t size, struct err *e)
{
	unsigned char *data = malloc(size + 1), name[4];
	int r = -1;

	memcpy(name, id, 4);
	if (!data)
		err_set(e, ERR_NOMEM, "cannot read '%s': out of memory", w->name);
	else if (get(w, data, size) != (ssize_t)size || skip(w, size & 1))
		err_set(e, ERR_INPUT, "'%s' is a broken WAV file: it has no audio data", w->name);
	else
		r = meta_add_chunk(&w->meta, name, data, size, e);
	free(data);
	return r;
}

/* The chunks after the data of a regular file whose size is known; what is broken there ends the search, and is no error. */
static int
read_meta_after(struct wav_in *w, struct err *e)
{
	off_t here = lseek(w->fd, 0, SEEK_CUR), at;
	unsigned char b[8];
	int64_t bytes;
	int r = 0;

	if (!w->regular || w->left < 0 || here < 0)
		return 0;
	bytes = w->left * w->bytes * w->info.channels;
	at = here + bytes + (bytes & 1);
	while (!r && pread(w->fd, b, 8, at) == 8) {
		uint32_t size = le32(b + 4);

		if (meta_wants(b, size)) {
			unsigned char *data = malloc(size + 1);

			if (!data)
				return err_set(e, ERR_NOMEM, "cannot read '%s': out of memory", w->name);
			if (pread(w->fd, data, size, at + 8) == (ssize_t)size)
				r = meta_add_chunk(&w->meta, b, data, size, e);
			free(data);
		}
		at += 8 + (off_t)size + (size & 1);
	}
	return r;
}

int
wav_in_open(struct wav_in *w, int fd, const char *name, struct err *e)
{
	unsigned char b[28];
	uint64_t data64 = 0;
	uint32_t riff;
	struct stat st;
	int rf64, have_fmt = 0, have_ds64 = 0;
	ssize_t n;

	memset(w, 0, sizeof *w);
	w->fd = fd;
	w->name = name;
	w->regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
	if (!w->regular && !(w->hash = sha256_new()))
		return err_set(e, ERR_NOMEM, "out of memory");
	n = get(w, b, 12);
	if (n < 0)
		return err_sys(e, "cannot read '%s'", name);
	rf64 = n >= 4 && !memcmp(b, "RF64", 4);
	if (n < 12 || (memcmp(b, "RIFF", 4) && !rf64) || memcmp(b + 8, "WAVE", 4))
		return 1;
	riff = le32(b + 4);
	memcpy(w->info.format, "wav", 4);
	for (;;) {
		uint32_t size;

		if (get(w, b, 8) != 8)
			return err_set(e, ERR_INPUT, "'%s' is a broken WAV file: it has no audio data", name);
		size = le32(b + 4);
		if (!memcmp(b, "data", 4)) {
			int ff = size >= unknown_from, unknown;

			if (!have_fmt)
				return err_set(e, ERR_INPUT, "'%s' is a broken WAV file: no format before "
				    "the data", name);
			if (w->foreign)
				return 0;
			if (rf64 && have_ds64 && size == 0xffffffff)
				return read_data_size(w, data64, 0, e) || read_meta_after(w, e) ? -1 : 0;
			/* a size of 0 is "unknown" where the RIFF size was left open, too */
			unknown = size == 0xffffffff || (size == 0 && (riff == 0 || riff >= unknown_from));
			/* sox's size is a lie only if so many bytes are not there; a pipe cannot tell */
			if (ff && !unknown)
				unknown = !w->regular || fstat(fd, &st) ||
				    (uint64_t)size > (uint64_t)st.st_size;
			return read_data_size(w, size, unknown, e) || read_meta_after(w, e) ? -1 : 0;
		}
		if (!memcmp(b, "fmt ", 4)) {
			if (read_fmt(w, size, e))
				return -1;
			have_fmt = 1;
			continue;
		}
		if (meta_wants(b, size)) {
			if (read_meta(w, b, size, e))
				return -1;
			continue;
		}
		if (!memcmp(b, "ds64", 4) && size >= 28) {
			if (get(w, b, 28) != 28)
				return err_set(e, ERR_INPUT, "'%s' is truncated: it ends inside its header",
				    name);
			data64 = le64(b + 8);
			have_ds64 = data64 <= INT64_MAX;
			size -= 28;
		}
		if (skip(w, (uint64_t)size + (size & 1)))
			return err_set(e, ERR_INPUT, "'%s' is a broken WAV file: it has no audio data", name);
	}
}

static int64_t
s24(const unsigned char *p)
{
	return (int32_t)((uint32_t)p[0] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 24) / 256;
}

static void
decode(const struct wav_in *w, const unsigned char *p, float *out, size_t n)
{
	if (w->is_float && w->bytes == 4) { /* little-endian, as every machine this is built for */
		memcpy(out, p, n * sizeof *out);
		return;
	}
	for (size_t i = 0; i < n; i++, p += w->bytes) {
		if (w->is_float) {
			uint64_t u = le64(p);
			double d;
			memcpy(&d, &u, 8);
			out[i] = (float)d;
		} else if (w->is_u8) {
			out[i] = (float)(p[0] - 128) / 128.0f;
		} else if (w->bytes == 2) {
			out[i] = (float)(int16_t)le16(p) / 32768.0f;
		} else if (w->bytes == 3) {
			out[i] = (float)s24(p) / 8388608.0f;
		} else {
			out[i] = (float)((double)(int32_t)le32(p) / 2147483648.0);
		}
	}
}

int64_t
wav_in_read(struct wav_in *w, float *buf, int64_t frames, struct err *e)
{
	size_t frame = (size_t)(w->bytes * w->info.channels), bytes, count;
	ssize_t n;

	if (w->left >= 0 && frames > w->left)
		frames = w->left;
	if (frames <= 0 || w->ended)
		return 0;
	if (size_mul((size_t)frames, frame, &bytes))
		return err_set(e, ERR_NOMEM, "cannot read '%s': block too large", w->name);
	if (bytes > w->raw_cap) {
		free(w->raw);
		w->raw = malloc(bytes);
		w->raw_cap = w->raw ? bytes : 0;
		if (!w->raw)
			return err_set(e, ERR_NOMEM, "cannot read '%s': out of memory", w->name);
	}
	n = get(w, w->raw, bytes);
	if (n < 0)
		return err_sys(e, "cannot read '%s'", w->name);
	count = (size_t)n / frame;
	if ((size_t)n < bytes) {
		w->ended = 1;
		if (w->left >= 0)
			return err_set(e, ERR_INPUT, "'%s' is truncated: %lld frames are missing", w->name,
			    (long long)(w->left - (int64_t)count));
		if ((size_t)n % frame)
			return err_set(e, ERR_INPUT, "'%s' is truncated: it ends inside a frame", w->name);
	}
	decode(w, w->raw, buf, count * (size_t)w->info.channels);
	if (w->left >= 0)
		w->left -= (int64_t)count;
	return (int64_t)count;
}

void
wav_in_drain(struct wav_in *w)
{
	unsigned char buf[4096];

	while (!w->regular && get(w, buf, sizeof buf) > 0)
		;
}

void
wav_in_close(struct wav_in *w)
{
	sha256_free(w->hash);
	free(w->raw);
	meta_free(&w->meta);
	w->hash = NULL;
	w->raw = NULL;
}

/* ---- writer ---- */

static int
put(struct wav_out *w, const void *data, size_t len, const char *name, struct err *e)
{
	const char *p = data;

	if (w->hash)
		sha256_add(w->hash, data, len);
	while (len) {
		ssize_t n = write(w->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "cannot write '%s'", name);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
sample_bytes(enum au_encoding enc)
{
	return enc == AU_S16 ? 2 : enc == AU_S24 ? 3 : 4;
}

/* The header for `frames` frames, -1 for "until the end"; w->extra goes before its last 8 bytes.  Where we can seek, a JUNK chunk keeps
 * the room that ds64 needs if the file passes 4 GiB (EBU Tech 3306).  Returns its length. */
static size_t
header(const struct wav_out *w, int64_t frames, unsigned char b[160])
{
	static const unsigned char guid[14] = {
		0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71 };
	int bytes = sample_bytes(w->enc), is_float = w->enc == AU_F32, ext = w->channels > 2;
	unsigned frame = (unsigned)(bytes * w->channels), tag = is_float ? TAG_FLOAT : TAG_PCM;
	uint64_t data = frames < 0 ? 0 : (uint64_t)frames * frame, pad = data & 1;
	unsigned fmt = ext ? 40 : is_float ? 18 : 16;
	uint64_t all;
	size_t n = 12;
	int big;
	unsigned char *p = b;

	memset(b, 0, 160);
	memcpy(p, "RIFF", 4);
	memcpy(p + 8, "WAVE", 4);
	if (w->seekable) {
		memcpy(p + n, "JUNK", 4);
		put32(p + n + 4, 28);
		n += 36;
	}
	memcpy(p + n, "fmt ", 4);
	put32(p + n + 4, fmt);
	put16(p + n + 8, ext ? TAG_EXTENSIBLE : tag);
	put16(p + n + 10, (unsigned)w->channels);
	put32(p + n + 12, (uint32_t)w->rate_hz);
	put32(p + n + 16, (uint32_t)w->rate_hz * frame);
	put16(p + n + 20, frame);
	put16(p + n + 22, (unsigned)bytes * 8);
	if (ext) {
		put16(p + n + 24, 22);
		put16(p + n + 26, (unsigned)bytes * 8);
		put16(p + n + 32, tag);
		memcpy(p + n + 34, guid, sizeof guid);
	}
	n += 8 + fmt;
	if (is_float) {         /* required of every format but PCM */
		memcpy(p + n, "fact", 4);
		put32(p + n + 4, 4);
		put32(p + n + 8, frames < 0 || frames > 0xfffffffe ? 0xffffffff : (uint32_t)frames);
		n += 12;
	}
	memcpy(p + n, "data", 4);
	n += 8;
	all = n - 8 + w->extra.len + data + pad;
	big = frames < 0 || all > 0xfffffffe;
	put32(p + n - 4, big ? 0xffffffff : (uint32_t)data);
	put32(p + 4, big ? 0xffffffff : (uint32_t)all);
	if (big && frames >= 0 && w->seekable) {
		memcpy(p, "RF64", 4);
		memcpy(p + 12, "ds64", 4);
		put64(p + 20, all);
		put64(p + 28, data);
		put64(p + 36, (uint64_t)frames);
	}
	return n;
}

int
wav_out_open(struct wav_out *w, int fd, int rate_hz, int channels, enum au_encoding enc, const struct meta *meta,
             const char *name, struct err *e)
{
	unsigned char b[160];
	struct stat st;
	int flags = fcntl(fd, F_GETFL);
	size_t n;

	memset(w, 0, sizeof *w);
	w->fd = fd;
	w->rate_hz = rate_hz;
	w->channels = channels;
	w->enc = enc == AU_DEFAULT ? AU_F32 : enc;
	w->seekable = !fstat(fd, &st) && S_ISREG(st.st_mode) && flags >= 0 && !(flags & O_APPEND) &&
	    lseek(fd, 0, SEEK_CUR) == 0;
	if (!w->seekable && !(w->hash = sha256_new()))
		return err_set(e, ERR_NOMEM, "out of memory");
	if (meta)
		meta_chunks(meta, &w->extra);
	if (w->extra.failed)
		return err_set(e, ERR_NOMEM, "out of memory");
	n = header(w, -1, b);
	return put(w, b, n - 8, name, e) || put(w, w->extra.s, w->extra.len, name, e) || put(w, b + n - 8, 8, name, e);
}

int
wav_out_write(struct wav_out *w, const void *data, int64_t frames, const char *name, struct err *e)
{
	size_t bytes = (size_t)frames * (size_t)(w->channels * sample_bytes(w->enc));

	if (put(w, data, bytes, name, e))
		return -1;
	w->frames += frames;
	return 0;
}

int
wav_out_finish(struct wav_out *w, const char *name, struct err *e)
{
	unsigned char b[160];
	size_t n;

	if ((w->frames * w->channels * sample_bytes(w->enc)) & 1 && put(w, "", 1, name, e))
		return -1;
	if (!w->seekable)
		return 0;
	n = header(w, w->frames, b);
	if (pwrite(w->fd, b, n - 8, 0) != (ssize_t)n - 8 ||
	    pwrite(w->fd, b + n - 8, 8, (off_t)(n - 8 + w->extra.len)) != 8)
		return err_sys(e, "cannot write '%s'", name);
	return 0;
}

void
wav_out_close(struct wav_out *w)
{
	str_free(&w->extra);
	sha256_free(w->hash);
	free(w->raw);
	w->hash = NULL;
	w->raw = NULL;
}
