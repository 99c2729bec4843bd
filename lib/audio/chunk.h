/* chunk.h - pieces of RIFF files: little-endian numbers, chunks added to a string; private to lib/audio. */
#ifndef AUDIO_CHUNK_H
#define AUDIO_CHUNK_H
#include "base/str.h"
#include <stdint.h>

static inline uint32_t
chunk_le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void
chunk_put32(struct str *b, uint32_t v)
{
	unsigned char p[4] = { (unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16), (unsigned char)(v >> 24) };

	str_addn(b, (const char *)p, 4);
}

/* A whole chunk of len bytes, and a byte more where that is odd; none where there are no bytes. */
static inline void
chunk_put(struct str *b, const char *id, const void *data, size_t len)
{
	if (!len)
		return;
	str_addn(b, id, 4);
	chunk_put32(b, (uint32_t)len);
	str_addn(b, data, len);
	if (len & 1)
		str_addn(b, "", 1);
}
#endif
