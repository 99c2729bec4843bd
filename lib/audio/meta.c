/* meta.c - chunks taken apart and put together. */
#include "audio/meta.h"
#include "audio/chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 16 };
/* Places in bext (EBU Tech 3285 v2). */
enum { TIME_REFERENCE = 338, VERSION_AT = 346, UMID = 348, UMID_LEN = 64, LOUDNESS = 412, LOUDNESS_LEN = 10 };

static const struct { const char *name, *info; } texts[META_TEXTS] = {
	[META_TITLE] = { "title", "INAM" }, [META_COPYRIGHT] = { "copyright", "ICOP" },
	[META_SOFTWARE] = { "software", "ISFT" }, [META_ARTIST] = { "artist", "IART" },
	[META_COMMENT] = { "comment", "ICMT" }, [META_DATE] = { "date", "ICRD" }, [META_ALBUM] = { "album", "IPRD" },
	[META_GENRE] = { "genre", "IGNR" }, [META_TRACK] = { "track", "ITRK" },
};

int
meta_wants(const unsigned char *id, uint64_t size)
{
	return size <= META_MAX_CHUNK && (!memcmp(id, "bext", 4) || !memcmp(id, "iXML", 4) || !memcmp(id, "LIST", 4) ||
	    !memcmp(id, "cue ", 4) || !memcmp(id, "smpl", 4) || !memcmp(id, "inst", 4));
}

int
meta_set_text(struct meta *m, enum meta_text which, const char *s, size_t len, struct err *e)
{
	char *copy;

	len = strnlen(s, len < MAX_TEXT ? len : MAX_TEXT);
	if (!len || m->text[which])
		return 0;
	copy = strndup(s, len);
	if (!copy)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->text[which] = copy;
	return 0;
}

static int
keep(unsigned char **to, size_t *to_len, const unsigned char *data, size_t len, struct err *e)
{
	if (*to)
		return 0;
	*to = malloc(len + 1);
	if (!*to)
		return err_set(e, ERR_NOMEM, "out of memory");
	memcpy(*to, data, len);
	*to_len = len;
	return 0;
}

static int
add_info(struct meta *m, const unsigned char *data, size_t len, struct err *e)
{
	for (size_t at = 4, size; at + 8 <= len; at += 8 + size + (size & 1)) {
		size = chunk_le32(data + at + 4);
		if (size > len - at - 8)
			return 0;
		for (int i = 0; i < META_TEXTS; i++)
			if (!memcmp(data + at, texts[i].info, 4) &&
			    meta_set_text(m, (enum meta_text)i, (const char *)data + at + 8, size, e))
				return -1;
	}
	return 0;
}

int
meta_add_chunk(struct meta *m, const unsigned char *id, const unsigned char *data, size_t len, struct err *e)
{
	if (!memcmp(id, "bext", 4))
		return len >= META_BEXT_LEAST ? keep(&m->bext, &m->bext_len, data, len, e) : 0;
	if (!memcmp(id, "iXML", 4))
		return len ? keep(&m->ixml, &m->ixml_len, data, len, e) : 0;
	if (!memcmp(id, "cue ", 4))
		return marks_add_cue(&m->marks, data, len, e);
	if (!memcmp(id, "smpl", 4))
		return marks_add_smpl(&m->marks, data, len, e);
	if (!memcmp(id, "inst", 4))
		marks_add_inst(&m->marks, data, len);
	else if (len >= 4 && !memcmp(data, "INFO", 4))
		return add_info(m, data, len, e);
	else if (len >= 4 && !memcmp(data, "adtl", 4))
		return marks_add_adtl(&m->marks, data + 4, len - 4, e);
	return 0;
}

int
meta_copy(struct meta *to, const struct meta *from, const struct marks_move *how, struct err *e)
{
	static const struct marks_move stay = MARKS_STAY;
	int bad = 0;

	for (int i = 0; i < META_TEXTS && !bad; i++)
		if (from->text[i])
			bad = meta_set_text(to, (enum meta_text)i, from->text[i], SIZE_MAX, e);
	if (!bad && from->bext)
		bad = keep(&to->bext, &to->bext_len, from->bext, from->bext_len, e);
	if (!bad && from->ixml)
		bad = keep(&to->ixml, &to->ixml_len, from->ixml, from->ixml_len, e);
	bad = bad || marks_take(&to->marks, &from->marks, how ? how : &stay, e);
	if (bad)
		meta_free(to);
	return bad ? -1 : 0;
}

void
meta_limit(struct meta *m, const char *name)
{
	char ext[16];

	path_ext(name, ext);
	if (!strcmp(name, "-") || !*ext || !strcmp(ext, "wav"))
		return;
	free(m->bext);
	free(m->ixml);
	m->bext = m->ixml = NULL;
	m->bext_len = m->ixml_len = 0;
	marks_drop_loops(&m->marks);
	if ((!strcmp(ext, "aiff") || !strcmp(ext, "aif")) && m->marks.n <= INT16_MAX)
		marks_to_points(&m->marks);
	else
		marks_drop(&m->marks);
}

void
meta_free(struct meta *m)
{
	for (int i = 0; i < META_TEXTS; i++)
		free(m->text[i]);
	free(m->bext);
	free(m->ixml);
	marks_free(&m->marks);
	*m = (struct meta){ 0 };
}

const char *
meta_next(const struct meta *m, int *at)
{
	static const char *const chunks[] = { "bext", "ixml", "cues", "loops", "sampler" };
	const int is[] = { m->bext != NULL, m->ixml != NULL, m->marks.n > 0, m->marks.loops > 0,
		m->marks.has_sampler || m->marks.has_inst };
	const int n = sizeof is / sizeof *is;

	while (*at < n + META_TEXTS) {
		int i = (*at)++;

		if (i < n ? is[i] : m->text[i - n] != NULL)
			return i < n ? chunks[i] : texts[i - n].name;
	}
	return NULL;
}

void
meta_history(char line[128], int rate_hz, int channels, int bits, const char *program)
{
	char of[16];

	snprintf(of, sizeof of, "%d", channels);
	snprintf(line, 128, "A=PCM,F=%d,W=%d,M=%s,T=%.40s " VERSION, rate_hz, bits,
	    channels == 1 ? "mono" : channels == 2 ? "stereo" : of, program);
}

void
meta_chunks(const struct meta *m, struct str *b)
{
	struct str info = { 0 };

	chunk_put(b, "bext", m->bext, m->bext_len);
	chunk_put(b, "iXML", m->ixml, m->ixml_len);
	str_addn(&info, "INFO", 4);
	for (int i = 0; i < META_TEXTS; i++)
		if (m->text[i])
			chunk_put(&info, texts[i].info, m->text[i], strlen(m->text[i]) + 1);
	if (info.len > 4)
		chunk_put(b, "LIST", info.s, info.len);
	marks_chunks(&m->marks, b);
	b->failed |= info.failed;
	str_free(&info);
}

/* Places on the time line are within 2^53, as everywhere; what is beyond is no time of a recording. */
static void
move_time(unsigned char *bext, const struct meta_change *c)
{
	uint64_t t = (uint64_t)chunk_le32(bext + TIME_REFERENCE) | (uint64_t)chunk_le32(bext + TIME_REFERENCE + 4) << 32;
	double at;

	if (t >> 53)
		return;
	at = (double)(t + (uint64_t)c->start_frame) * c->out_hz / c->in_hz - (double)c->before_frames;
	t = at > 0 ? (uint64_t)(at + 0.5) : 0;
	for (int i = 0; i < 8; i++)
		bext[TIME_REFERENCE + i] = (unsigned char)(t >> 8 * i);
}

int
meta_change(struct meta *m, const struct meta_change *c, struct err *e)
{
	static const unsigned char undefined[2] = { 0xff, 0x7f }; /* 0x7fff */
	unsigned char *p;
	size_t len, more;

	if (!m->bext)
		return 0;
	move_time(m->bext, c);
	if (!c->history)
		return 0;
	memset(m->bext + UMID, 0, UMID_LEN);
	if (m->bext[VERSION_AT] >= 2)
		for (int i = 0; i < LOUDNESS_LEN; i += 2)
			memcpy(m->bext + LOUDNESS + i, undefined, 2);
	/* the history is text to the first NUL; lines end in CR LF */
	len = META_BEXT_LEAST + strnlen((const char *)m->bext + META_BEXT_LEAST, m->bext_len - META_BEXT_LEAST);
	more = strlen(c->history) + 2;
	p = realloc(m->bext, len + more);
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	memcpy(p + len, c->history, more - 2);
	memcpy(p + len + more - 2, "\r\n", 2);
	m->bext = p;
	m->bext_len = len + more;
	return 0;
}
