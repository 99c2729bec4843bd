/* theme.c - the colours and the geometry that cards and video frames share. */
#include "draw/theme.h"
#include <math.h>
#include <string.h>

uint32_t
theme_accent(const char *label)
{
	static const uint32_t accents[8] = {
		0xf5a524, /* amber */
		0x4cb8ff, /* sky */
		0x5fd991, /* green */
		0xff7fb4, /* rose */
		0xb79cff, /* violet */
		0x3fd8d2, /* teal */
		0xff8c6b, /* coral */
		0xd3e05a  /* lime */
	};
	unsigned k = 0;

	if (!label || !*label)
		return accents[0];
	if (*label >= 'A' && *label <= 'Z' && !label[1])
		k = (unsigned)(*label - 'A');
	else if (*label >= 'a' && *label <= 'z' && !label[1])
		k = (unsigned)(*label - 'a');
	else
		for (const unsigned char *p = (const unsigned char *)label; *p; p++)
			k = k * 31 + *p;
	return accents[k % 8];
}

void
theme_fit(int w, int h, double *scale, double *x, double *y)
{
	double sx = w / 1920.0, sy = h / 1080.0;

	*scale = sx < sy ? sx : sy;
	*x = floor((w - 1920 * *scale) / 2);
	*y = floor((h - 1080 * *scale) / 2);
}

struct theme_rect
theme_wave_rect(int w, int h)
{
	struct theme_rect r;
	double s, x, y;

	theme_fit(w, h, &s, &x, &y);
	r.x = (int)(x + 104 * s) & ~1;
	r.y = (int)(y + 448 * s) & ~1;
	r.w = (int)(1712 * s) & ~1;
	r.h = (int)(256 * s) & ~1;
	return r;
}
