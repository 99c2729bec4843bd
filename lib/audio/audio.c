/* audio.c - audio files and pipes as interleaved float32. */
#include "audio/audio.h"
#include "audio/meta.h"
#include "audio/wav.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/str.h"
#include "base/utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- input ---- */

struct au_in {
	char *name;
	int fd;
	int is_wav;
	struct wav_in wav;
	SNDFILE *sf;
	struct au_info info;
	int64_t left;    /* frames libsndfile still owes */
	int64_t at;      /* frames read, for messages */
	int any;         /* also samples that are no numbers */
};

/* What libsndfile reads as float without loss gets our word, the rest its own number. */
static void
sf_words(const SF_INFO *si, struct au_info *info)
{
	static const struct { int format; const char *word; } major[] = {
		{ SF_FORMAT_WAV, "wav" }, { SF_FORMAT_AIFF, "aiff" }, { SF_FORMAT_FLAC, "flac" },
		{ SF_FORMAT_OGG, "ogg" }, { SF_FORMAT_W64, "w64" }, { SF_FORMAT_CAF, "caf" },
		{ SF_FORMAT_AU, "au" }, { SF_FORMAT_RF64, "wav" }, { SF_FORMAT_WAVEX, "wav" },
	}, sub[] = {
		{ SF_FORMAT_PCM_S8, "s8" }, { SF_FORMAT_PCM_U8, "u8" }, { SF_FORMAT_PCM_16, "s16" },
		{ SF_FORMAT_PCM_24, "s24" }, { SF_FORMAT_PCM_32, "s32" }, { SF_FORMAT_FLOAT, "f32" },
		{ SF_FORMAT_DOUBLE, "f64" }, { SF_FORMAT_ULAW, "ulaw" }, { SF_FORMAT_ALAW, "alaw" },
		{ SF_FORMAT_VORBIS, "vorbis" }, { SF_FORMAT_ALAC_16, "alac16" },
		{ SF_FORMAT_ALAC_24, "alac24" },
	};

	strcpy(info->format, "other");
	strcpy(info->encoding, "other");
	for (size_t i = 0; i < sizeof major / sizeof *major; i++)
		if ((si->format & SF_FORMAT_TYPEMASK) == major[i].format)
			strcpy(info->format, major[i].word);
	for (size_t i = 0; i < sizeof sub / sizeof *sub; i++)
		if ((si->format & SF_FORMAT_SUBMASK) == sub[i].format)
			strcpy(info->encoding, sub[i].word);
}

static const int sf_texts[META_TEXTS] = {
	[META_TITLE] = SF_STR_TITLE, [META_COPYRIGHT] = SF_STR_COPYRIGHT, [META_SOFTWARE] = SF_STR_SOFTWARE,
	[META_ARTIST] = SF_STR_ARTIST, [META_COMMENT] = SF_STR_COMMENT, [META_DATE] = SF_STR_DATE,
	[META_ALBUM] = SF_STR_ALBUM, [META_GENRE] = SF_STR_GENRE, [META_TRACK] = SF_STR_TRACKNUMBER,
};

/* Room for n cue points as libsndfile wants them; they begin at *point. */
static void *
cue_room(uint32_t n, size_t *size, SF_CUE_POINT **point)
{
	SF_CUES *c;

	*size = offsetof(SF_CUES, cue_points) + n * sizeof **point;
	c = calloc(1, *size);
	*point = c ? c->cue_points : NULL;
	return c;
}

static int
read_marks(SNDFILE *sf, struct marks *m, struct err *e)
{
	SF_CUE_POINT *point;
	uint32_t n = 0;
	size_t size;
	void *cues;
	int r = 0;

	if (m->n || sf_command(sf, SFC_GET_CUE_COUNT, &n, sizeof n) != SF_TRUE || !n || n > MARKS_MAX)
		return 0;
	cues = cue_room(n, &size, &point);
	if (!cues)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (sf_command(sf, SFC_GET_CUE, cues, (int)size) == SF_TRUE)
		for (uint32_t k = 0; !r && k < n; k++)
			r = marks_add(m, (uint32_t)point[k].indx, point[k].sample_offset, point[k].name, e);
	free(cues);
	return r;
}

static int
open_sndfile(struct au_in *in, struct err *e)
{
	SF_INFO si = { 0 };

	if (lseek(in->fd, 0, SEEK_SET) < 0)
		return err_set(e, ERR_UNSUPPORTED, "'%s' is not WAV, the only format that can come through a "
		    "pipe; give other formats as a file", in->name);
	in->sf = sf_open_fd(in->fd, SFM_READ, &si, 0);
	if (!in->sf)
		return err_set(e, ERR_INPUT, "cannot read '%s' as audio: %s", in->name, sf_strerror(NULL));
	if (si.channels < 1 || si.channels > AU_MAX_CHANNELS)
		return err_set(e, ERR_INPUT, "'%s' has %d channels; 1 to %d can be used", in->name, si.channels,
		    AU_MAX_CHANNELS);
	if (si.samplerate < AU_MIN_RATE_HZ || si.samplerate > AU_MAX_RATE_HZ)
		return err_set(e, ERR_INPUT, "'%s' has a sample rate of %d Hz; %d to %d Hz can be used", in->name,
		    si.samplerate, AU_MIN_RATE_HZ, AU_MAX_RATE_HZ);
	for (int i = 0; i < META_TEXTS; i++) {
		const char *s = sf_get_string(in->sf, sf_texts[i]);

		if (s && meta_set_text(&in->wav.meta, (enum meta_text)i, s, SIZE_MAX, e))
			return -1;
	}
	if (read_marks(in->sf, &in->wav.meta.marks, e))
		return -1;
	in->info.rate_hz = si.samplerate;
	in->info.channels = si.channels;
	in->info.frames = in->left = si.frames;
	sf_words(&si, &in->info);
	return 0;
}

int
au_open(struct au_in **out, const char *name, struct err *e)
{
	int is_stdin = !strcmp(name, "-"), r;
	struct au_in *in = calloc(1, sizeof *in);

	*out = NULL;
	if (!in || !(in->name = str_printf("%s", is_stdin ? "standard input" : name))) {
		free(in);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	in->fd = is_stdin ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0) {
		err_sys(e, "cannot open '%s'", name);
		goto fail;
	}
	r = wav_in_open(&in->wav, in->fd, in->name, e);
	if (r < 0)
		goto fail;
	if (r == 0 && !in->wav.foreign) {
		in->is_wav = 1;
		in->info = in->wav.info;
	} else if (open_sndfile(in, e)) {
		goto fail;
	}
	*out = in;
	return 0;
fail:
	au_close(in);
	return -1;
}

const struct au_info *
au_info(const struct au_in *in)
{
	return &in->info;
}

const struct meta *
au_meta(const struct au_in *in)
{
	return &in->wav.meta;
}

size_t
au_numbers(const float *x, size_t n)
{
	size_t i = 0;

	if (isfinite(scan_peak(x, n)))
		return n;
	while (isfinite(x[i]))
		i++;
	return i;
}

void
au_allow_not_numbers(struct au_in *in)
{
	in->any = 1;
}

int64_t
au_read(struct au_in *in, float *buf, int64_t frames, struct err *e)
{
	int ch = in->info.channels;
	int64_t n, good;

	if (in->is_wav) {
		n = wav_in_read(&in->wav, buf, frames, e);
	} else {
		n = sf_readf_float(in->sf, buf, frames < in->left ? frames : in->left);
		if (n < frames && n < in->left)
			return err_set(e, ERR_INPUT, "'%s' is truncated or damaged: %lld frames are missing",
			    in->name, (long long)(in->left - n));
		in->left -= n;
	}
	if (n > 0 && !in->any && (good = (int64_t)au_numbers(buf, (size_t)(n * ch))) < n * ch)
		return err_set(e, ERR_INPUT, "'%s' has a sample that is not a number, at frame %lld", in->name,
		    (long long)(in->at + good / ch));
	in->at += n > 0 ? n : 0;
	return n;
}

int
au_in_sha256(struct au_in *in, char hex[65], struct err *e)
{
	char path[64];

	if (in->is_wav && in->wav.hash) {
		wav_in_drain(&in->wav);
		sha256_hex(in->wav.hash, hex);
		return 0;
	}
	/* by descriptor, so that it is the very file we read, whatever its name holds now */
	snprintf(path, sizeof path, "/proc/self/fd/%d", in->fd);
	return sha256_file(path, hex, e);
}

void
au_close(struct au_in *in)
{
	if (!in)
		return;
	if (in->sf)
		sf_close(in->sf);
	wav_in_close(&in->wav);
	if (in->fd >= 0)
		close(in->fd);
	free(in->name);
	free(in);
}

void
au_buf_free(struct au_buf *b)
{
	mem_free(b->x);
	b->x = NULL;
	b->frames = 0;
}

int
au_load(struct au_buf *b, const char *name, int64_t max_frames, struct err *e)
{
	struct au_in *in;
	int64_t cap, n;
	int ch, r = -1;

	memset(b, 0, sizeof *b);
	if (au_open(&in, name, e))
		return -1;
	ch = b->channels = in->info.channels;
	b->rate_hz = in->info.rate_hz;
	cap = in->info.frames >= 0 ? in->info.frames : 1 << 16;
	if (cap > max_frames)
		goto too_long;
	/* one frame more than the header says: the read that meets the end needs room */
	for (cap++;;) {
		size_t count;
		float *x;

		if (size_mul((size_t)cap, (size_t)ch, &count) || !(x = mem_zalloc(count, sizeof *x))) {
			err_set(e, ERR_NOMEM, "cannot load '%s': out of memory", name);
			goto out;
		}
		if (b->x)
			memcpy(x, b->x, (size_t)b->frames * (size_t)ch * sizeof *x);
		mem_free(b->x);
		b->x = x;
		while (b->frames < cap &&
		    (n = au_read(in, b->x + b->frames * ch, cap - b->frames, e)) != 0) {
			if (n < 0)
				goto out;
			b->frames += n;
		}
		if (b->frames < cap)
			break;
		if (b->frames > max_frames)
			goto too_long;
		cap = cap < max_frames / 2 ? cap * 2 : max_frames + 1;
	}
	r = 0;
	goto out;
too_long:
	err_set(e, ERR_INPUT, "'%s' has more than %lld frames, the most that can be used here", name,
	    (long long)max_frames);
out:
	au_close(in);
	if (r)
		au_buf_free(b);
	return r;
}

/* ---- output ---- */

struct au_out {
	struct outfile file;
	char *name;
	int channels, is_wav;
	enum au_encoding enc;
	struct wav_out wav;
	SNDFILE *sf;
	int64_t clipped;
	int32_t *ints;           /* scratch of ints_cap samples */
	size_t ints_cap;
};

int
au_encoding_of(const char *word)
{
	return !strcmp(word, "f32") ? AU_F32 : !strcmp(word, "s16") ? AU_S16 : !strcmp(word, "s24") ? AU_S24 : -1;
}

/* Files of other formats want UTF-8. */
static int
set_texts(SNDFILE *sf, const struct meta *m, struct err *e)
{
	for (int i = 0; i < META_TEXTS; i++) {
		char *s = m->text[i] ? utf8_clean_str(m->text[i], META_MAX_CHUNK) : NULL;

		if (m->text[i] && !s)
			return err_set(e, ERR_NOMEM, "out of memory");
		if (s && *s)
			sf_set_string(sf, sf_texts[i], s); /* what the format has no place for is left out */
		free(s);
	}
	return 0;
}

/* Places and labels, numbered anew: AIFF has 15 bits for that. */
static int
set_marks(SNDFILE *sf, const struct marks *m, struct err *e)
{
	SF_CUE_POINT *point;
	uint32_t n = (uint32_t)m->n;
	size_t size;
	void *cues = n ? cue_room(n, &size, &point) : NULL;

	if (n && !cues)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (uint32_t k = 0; k < n; k++) {
		char *label = m->mark[k].label ? utf8_clean_str(m->mark[k].label, sizeof point->name) : NULL;

		point[k].indx = (int32_t)k + 1;
		point[k].position = point[k].sample_offset = (uint32_t)m->mark[k].at;
		snprintf(point[k].name, sizeof point[k].name, "%s", label ? label : "");
		free(label);
	}
	if (n) {
		memcpy(cues, &n, sizeof n);
		sf_command(sf, SFC_SET_CUE, cues, (int)size);
	}
	free(cues);
	return 0;
}

static int
create_sndfile(struct au_out *o, int rate_hz, const char *ext, const struct meta *meta, struct err *e)
{
	int flac = !strcmp(ext, "flac"), caf = !strcmp(ext, "caf");
	SF_INFO si = { .samplerate = rate_hz, .channels = o->channels };

	if (!flac && !caf && strcmp(ext, "aiff") && strcmp(ext, "aif"))
		return err_set(e, ERR_UNSUPPORTED, "cannot write '%s': the name must end in .wav, .flac, .aiff or "
		    ".caf", o->name);
	if (o->enc == AU_DEFAULT)
		o->enc = AU_S24;
	if (flac && o->enc == AU_F32)
		return err_set(e, ERR_UNSUPPORTED, "cannot write '%s': FLAC has no floating point; use s24 or a "
		    ".wav name", o->name);
	si.format = (flac ? SF_FORMAT_FLAC : caf ? SF_FORMAT_CAF : SF_FORMAT_AIFF) |
	    (o->enc == AU_F32 ? SF_FORMAT_FLOAT : o->enc == AU_S16 ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24);
	if (!o->file.tmp)
		return err_set(e, ERR_IO, "cannot write '%s' as %s: it is not a regular file", o->name, ext);
	o->sf = sf_open_fd(o->file.fd, SFM_WRITE, &si, 0);
	if (!o->sf)
		return err_set(e, ERR_IO, "cannot create '%s': %s", o->name, sf_strerror(NULL));
	/* it carries the time of day, and the same input must give the same bytes */
	sf_command(o->sf, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
	if (meta && (set_texts(o->sf, meta, e) || (!flac && !caf && set_marks(o->sf, &meta->marks, e))))
		return -1;
	return 0;
}

int
au_create(struct au_out **out, const char *name, int rate_hz, int channels, enum au_encoding enc, struct err *e)
{
	return au_create_with(out, name, rate_hz, channels, enc, NULL, e);
}

int
au_create_with(struct au_out **out, const char *name, int rate_hz, int channels, enum au_encoding enc,
    const struct meta *meta, struct err *e)
{
	struct au_out *o = calloc(1, sizeof *o);
	char ext[16];

	*out = NULL;
	name = name ? name : "-";
	if (!o || !(o->name = str_printf("%s", strcmp(name, "-") ? name : "standard output"))) {
		free(o);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	o->channels = channels;
	o->enc = enc;
	if (outfile_open(&o->file, name, e)) {
		free(o->name);
		free(o);
		return -1;
	}
	path_ext(name, ext);
	o->is_wav = !strcmp(name, "-") || !*ext || !strcmp(ext, "wav") || (!o->file.tmp && strcmp(ext, "flac"));
	if (o->is_wav ? wav_out_open(&o->wav, o->file.fd, rate_hz, channels, enc, meta, o->name, e) :
	    create_sndfile(o, rate_hz, ext, meta, e)) {
		au_abort(o);
		return -1;
	}
	o->enc = o->is_wav ? o->wav.enc : o->enc;
	*out = o;
	return 0;
}

/* Round x * 2^(bits-1) to the nearest integer, ties to even, and count what had to be clipped. */
static int32_t
to_int(struct au_out *o, float x, int bits)
{
	double scale = bits == 16 ? 32768.0 : 8388608.0, v = rint((double)x * scale);

	if (v > scale - 1 || v < -scale) {
		/* full scale itself is one step above the largest code, and nobody's mistake */
		o->clipped += x > 1.0f || x < -1.0f;
		v = v < 0 ? -scale : scale - 1;
	}
	return (int32_t)v;
}

static int
write_ints(struct au_out *o, const float *buf, int64_t frames, struct err *e)
{
	size_t n = (size_t)frames * (size_t)o->channels;
	int bits = o->enc == AU_S16 ? 16 : 24;
	unsigned char *p;

	if (n > o->ints_cap) {
		free(o->ints);
		o->ints = malloc(n * sizeof *o->ints);
		o->ints_cap = o->ints ? n : 0;
		if (!o->ints)
			return err_set(e, ERR_NOMEM, "cannot write '%s': out of memory", o->name);
	}
	if (!o->is_wav) {               /* libsndfile takes the top bits of an int */
		for (size_t i = 0; i < n; i++)
			o->ints[i] = to_int(o, buf[i], bits) * (1 << (32 - bits));
		if (sf_writef_int(o->sf, o->ints, frames) != frames)
			return err_set(e, ERR_IO, "cannot write '%s': %s", o->name, sf_strerror(o->sf));
		return 0;
	}
	p = (unsigned char *)o->ints;   /* packed in place: 2 or 3 bytes never pass 4 */
	for (size_t i = 0; i < n; i++) {
		uint32_t v = (uint32_t)to_int(o, buf[i], bits);

		*p++ = (unsigned char)v;
		*p++ = (unsigned char)(v >> 8);
		if (bits == 24)
			*p++ = (unsigned char)(v >> 16);
	}
	return wav_out_write(&o->wav, o->ints, frames, o->name, e);
}

int
au_write(struct au_out *o, const float *buf, int64_t frames, struct err *e)
{
	if (frames <= 0)
		return 0;
	if (o->enc == AU_S16 || o->enc == AU_S24)
		return write_ints(o, buf, frames, e);
	if (o->is_wav) /* every machine this is built for is little-endian; see the check below */
		return wav_out_write(&o->wav, buf, frames, o->name, e);
	if (sf_writef_float(o->sf, buf, frames) != frames)
		return err_set(e, ERR_IO, "cannot write '%s': %s", o->name, sf_strerror(o->sf));
	return 0;
}
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "au_write() hands float32 to the WAV writer as it lies in memory; a big-endian machine needs a swap"
#endif

int64_t
au_clipped(const struct au_out *o)
{
	return o->clipped;
}

static void
out_free(struct au_out *o)
{
	wav_out_close(&o->wav);
	free(o->ints);
	free(o->name);
	free(o);
}

int
au_commit(struct au_out *o, char *hex, struct err *e)
{
	char path[64];
	int r = 0;

	if (o->is_wav) {
		r = wav_out_finish(&o->wav, o->name, e);
	} else {
		r = sf_close(o->sf) ? err_set(e, ERR_IO, "cannot finish '%s'", o->name) : 0;
		o->sf = NULL;
	}
	if (!r && hex && o->is_wav && o->wav.hash) {
		sha256_hex(o->wav.hash, hex);
	} else if (!r && hex) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", o->file.fd);
		r = sha256_file(path, hex, e);
	}
	if (r)
		outfile_abort(&o->file);
	else
		r = outfile_commit(&o->file, e);
	out_free(o);
	return r;
}

void
au_abort(struct au_out *o)
{
	if (!o)
		return;
	if (o->sf)
		sf_close(o->sf);
	outfile_abort(&o->file);
	out_free(o);
}
