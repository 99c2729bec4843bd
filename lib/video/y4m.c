/* y4m.c - pictures as video frames. */
#include "video/y4m.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In 1/2^20.  Kr 0.2126, Kg 0.7152, Kb 0.0722 (BT.709); 219/255 and 224/255 are the limited
 * range; cb = (b - y) / 1.8556, cr = (r - y) / 1.5748.  Each row of cb and cr sums to 0, so that grey
 * has no colour. */
enum {
	SHIFT = 20,
	YR = 191455, YG = 644068, YB = 65019,
	BR = -105533, BG = -355018, BB = 460551,
	RR = 460551, RG = -418321, RB = -42230
};

static uint8_t
luma(uint32_t p)
{
	int32_t r = p >> 16 & 255, g = p >> 8 & 255, b = p & 255;

	return (uint8_t)(16 + ((YR * r + YG * g + YB * b + (1 << (SHIFT - 1))) >> SHIFT));
}

/* r, g, b: sums of `1 << bits` samples' worth of weight. */
static void
chroma(int64_t r, int64_t g, int64_t b, int bits, uint8_t *cb, uint8_t *cr)
{
	int s = SHIFT + bits;
	int64_t half = (int64_t)1 << (s - 1), middle = (int64_t)128 << s;

	*cb = (uint8_t)((middle + BR * r + BG * g + BB * b + half) >> s);
	*cr = (uint8_t)((middle + RR * r + RG * g + RB * b + half) >> s);
}

void
y4m_colour(uint32_t rgb, uint8_t *y, uint8_t *cb, uint8_t *cr)
{
	*y = luma(rgb);
	chroma(rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255, 0, cb, cr);
}

int
y4m_frame_new(struct y4m_frame *f, int w, int h, struct err *e)
{
	size_t luma_n = (size_t)w * (size_t)h;

	f->w = w;
	f->h = h;
	f->bytes = luma_n + luma_n / 2;
	f->y = mem_zalloc(f->bytes, 1);
	if (!f->y)
		return err_set(e, ERR_NOMEM, "out of memory for a picture of %d x %d", w, h);
	f->cb = f->y + luma_n;
	f->cr = f->cb + luma_n / 4;
	return 0;
}

void
y4m_frame_free(struct y4m_frame *f)
{
	mem_free(f->y);
	memset(f, 0, sizeof *f);
}

/* Add k times a pixel to sums. */
static void
add_pixel(int32_t sum[3], uint32_t p, int32_t k)
{
	sum[0] += k * (int32_t)(p >> 16 & 255);
	sum[1] += k * (int32_t)(p >> 8 & 255);
	sum[2] += k * (int32_t)(p & 255);
}

void
y4m_from_rgb(struct y4m_frame *f, const uint32_t *rgb, size_t stride)
{
	for (int j = 0; j < f->h; j++)
		for (int i = 0; i < f->w; i++)
			f->y[j * f->w + i] = luma(rgb[(size_t)j * stride + (size_t)i]);
	for (int j = 0; j < f->h / 2; j++) {
		const uint32_t *row[2] = { rgb + (size_t)(2 * j) * stride, rgb + (size_t)(2 * j + 1) * stride };

		for (int i = 0; i < f->w; i += 2) {
			int left = i ? i - 1 : 0;
			int32_t sum[3] = { 0 };

			/* 1 2 1 around the even column, the mean of two rows: 8 in all */
			for (int k = 0; k < 2; k++) {
				add_pixel(sum, row[k][left], 1);
				add_pixel(sum, row[k][i], 2);
				add_pixel(sum, row[k][i + 1], 1);
			}
			chroma(sum[0], sum[1], sum[2], 3, &f->cb[j * (f->w / 2) + i / 2],
			    &f->cr[j * (f->w / 2) + i / 2]);
		}
	}
}

int
y4m_player_new(struct y4m_player *p, int w, int h, struct err *e)
{
	memset(p, 0, sizeof *p);
	p->wave = theme_wave_rect(w, h);
	p->at = -1;
	if (y4m_frame_new(&p->lit, w, h, e) || y4m_frame_new(&p->dim, w, h, e) ||
	    y4m_frame_new(&p->out, w, h, e)) {
		y4m_player_free(p);
		return -1;
	}
	return 0;
}

void
y4m_player_free(struct y4m_player *p)
{
	y4m_frame_free(&p->lit);
	y4m_frame_free(&p->dim);
	y4m_frame_free(&p->out);
}

/* dim is lit, but inside the waveform each value is moved towards the panel's; linear in all three
 * planes, so it is the same as dimming the RGB picture. */
static void
make_dim(struct y4m_player *p)
{
	const struct theme_rect *r = &p->wave;
	uint8_t y, cb, cr;

	memcpy(p->dim.y, p->lit.y, p->lit.bytes);
	y4m_colour(THEME_PANEL, &y, &cb, &cr);
	for (int j = r->y; j < r->y + r->h; j++)
		for (int i = r->x; i < r->x + r->w; i++) {
			uint8_t *v = &p->dim.y[j * p->dim.w + i];

			*v = (uint8_t)(y + (int)((*v - y) * THEME_DIM));
		}
	for (int j = r->y / 2; j < (r->y + r->h) / 2; j++)
		for (int i = r->x / 2; i < (r->x + r->w) / 2; i++) {
			uint8_t *b = &p->dim.cb[j * (p->dim.w / 2) + i], *c = &p->dim.cr[j * (p->dim.w / 2) + i];

			*b = (uint8_t)(cb + (int)((*b - cb) * THEME_DIM));
			*c = (uint8_t)(cr + (int)((*c - cr) * THEME_DIM));
		}
}

void
y4m_player_card(struct y4m_player *p, const uint32_t *rgb, size_t stride, int play)
{
	y4m_from_rgb(&p->lit, rgb, stride);
	if (play)
		make_dim(p);
	memcpy(p->out.y, play ? p->dim.y : p->lit.y, p->out.bytes);
	p->at = play ? 0 : -1;
}

/* Columns from..to-1 of the waveform, both even, from a frame into out. */
static void
copy_columns(struct y4m_player *p, const struct y4m_frame *from, int x0, int x1)
{
	const struct theme_rect *r = &p->wave;
	size_t n = (size_t)(x1 - x0);
	int w = from->w;

	for (int j = r->y; j < r->y + r->h; j++)
		memcpy(&p->out.y[j * w + r->x + x0], &from->y[j * w + r->x + x0], n);
	for (int j = r->y / 2; j < (r->y + r->h) / 2; j++) {
		int at = j * (w / 2) + (r->x + x0) / 2;

		memcpy(&p->out.cb[at], &from->cb[at], n / 2);
		memcpy(&p->out.cr[at], &from->cr[at], n / 2);
	}
}

/* A line of 4 pixels, 2 on small pictures: even, so that it has chroma samples of its own. */
static int
line_width(const struct y4m_player *p)
{
	return p->out.w >= 960 ? 4 : 2;
}

void
y4m_player_seek(struct y4m_player *p, int64_t frame, int64_t frames)
{
	const struct theme_rect *r = &p->wave;
	int width = line_width(p), w = p->out.w, x;
	uint8_t y, cb, cr;

	if (p->at < 0)
		return;
	x = (int)((int64_t)(r->w - width) * frame / (frames > 1 ? frames - 1 : 1)) & ~1;
	if (x < p->at)
		x = p->at;
	copy_columns(p, &p->lit, p->at, x);
	y4m_colour(THEME_TEXT, &y, &cb, &cr);
	for (int j = r->y; j < r->y + r->h; j++)
		memset(&p->out.y[j * w + r->x + x], y, (size_t)width);
	for (int j = r->y / 2; j < (r->y + r->h) / 2; j++) {
		memset(&p->out.cb[j * (w / 2) + (r->x + x) / 2], cb, (size_t)width / 2);
		memset(&p->out.cr[j * (w / 2) + (r->x + x) / 2], cr, (size_t)width / 2);
	}
	p->at = x;
}

size_t
y4m_header(char *buf, int w, int h, int fps_num, int fps_den)
{
	return (size_t)snprintf(buf, 128, "YUV4MPEG2 W%d H%d F%d:%d Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED\n", w,
	    h, fps_num, fps_den);
}
