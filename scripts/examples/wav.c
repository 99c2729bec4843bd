/* wav.c - WAV files, messages and random numbers for the example tools. */
#include "wav.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
die(const char *fmt, ...)
{
	va_list ap;

	fputs("examples: error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *
zalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

double
rnd(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (double)((x * 0x2545F4914F6CDD1Dull) >> 11) / 9007199254740992.0;
}

static void
put(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t
get(const unsigned char *p, int bytes)
{
	uint32_t v = 0;

	for (int i = bytes; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

void
wav_write(const char *path, const double *x, size_t frames, int channels, int bits)
{
	size_t n = frames * (size_t)channels, width = (size_t)bits / 8, len = 44 + n * width;
	unsigned char *b = zalloc(len + 1, 1), *p = b + 44;
	FILE *f;

	memcpy(b, "RIFF....WAVEfmt ", 16);
	put(b + 4, len - 8 + (len & 1), 4);
	put(b + 16, 16, 4);
	put(b + 20, bits == 32 ? 3 : 1, 2);
	put(b + 22, (uint64_t)channels, 2);
	put(b + 24, WAV_RATE, 4);
	put(b + 28, WAV_RATE * width * (size_t)channels, 4);
	put(b + 32, width * (size_t)channels, 2);
	put(b + 34, (uint64_t)bits, 2);
	memcpy(b + 36, "data", 4);
	put(b + 40, n * width, 4);
	for (size_t i = 0; i < n; i++, p += width) {
		float s = (float)x[i];
		uint32_t u;

		if (!(fabs(x[i]) <= 1))
			die("'%s' would clip at sample %zu (%g)", path, i, x[i]);
		if (bits == 32)
			memcpy(&u, &s, 4);
		else
			u = (uint32_t)lrint(fmin(x[i] * 8388608, 8388607));
		put(p, u, (int)width);
	}
	if (!(f = fopen(path, "wb")))
		die("cannot make '%s': %s", path, strerror(errno));
	if (fwrite(b, 1, len + (len & 1), f) != len + (len & 1) || fclose(f))
		die("cannot write '%s': %s", path, strerror(errno));
	free(b);
}

double *
wav_read(const char *path, size_t *frames)
{
	unsigned char h[16], fmt[16] = { 0 }, *d;
	size_t width, step, len = 0;
	FILE *f = fopen(path, "rb");
	double *x;

	if (!f)
		die("cannot open '%s': %s", path, strerror(errno));
	if (fread(h, 1, 12, f) != 12 || memcmp(h, "RIFF", 4) || memcmp(h + 8, "WAVE", 4))
		die("'%s' is no WAV file", path);
	while (fread(h, 1, 8, f) == 8 && memcmp(h, "data", 4)) {
		len = get(h + 4, 4);
		if (!memcmp(h, "fmt ", 4) && len >= 16) {
			if (fread(fmt, 1, 16, f) != 16)
				die("'%s' ends in its header", path);
			len -= 16;
		}
		if (fseek(f, (long)(len + (len & 1)), SEEK_CUR))
			die("cannot read '%s': %s", path, strerror(errno));
	}
	width = get(fmt + 14, 2) / 8;
	step = width * get(fmt + 2, 2);
	if (memcmp(h, "data", 4) || width < 2 || width > 4 || !step || get(fmt + 4, 4) != WAV_RATE)
		die("'%s' is not 16 to 32-bit audio at %d Hz", path, WAV_RATE);
	len = get(h + 4, 4);
	d = zalloc(len, 1);
	if (fread(d, 1, len, f) != len)
		die("'%s' is shorter than its header says", path);
	fclose(f);
	*frames = len / step;
	x = zalloc(*frames, sizeof *x);
	for (size_t i = 0; i < *frames; i++) {
		uint32_t u = get(d + i * step, (int)width) << (32 - 8 * width);
		float s;

		memcpy(&s, &u, 4);
		x[i] = get(fmt, 2) == 3 ? (double)s : (double)(int32_t)u / 2147483648.0;
	}
	free(d);
	return x;
}
