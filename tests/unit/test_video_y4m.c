/* test_video_y4m.c - BT.709 colours, chroma siting, the playhead. */
#include "video/y4m.h"
#include "../tap.h"
#include <string.h>

static struct err e;

static void
test_colours(void)
{
	/* BT.709 limited range by its definition, in double */
	static const uint32_t some[] = { 0x000000, 0xffffff, 0x808080, 0xff0000, 0x00ff00, 0x0000ff, 0xf5a524,
	    0x0d1117, 0x4cb8ff, 0xffff00, 0x00ffff, 0xff00ff };
	uint8_t y, cb, cr;
	int good = 1, grey = 1;

	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		double r = (some[i] >> 16 & 255) / 255.0, g = (some[i] >> 8 & 255) / 255.0, b = (some[i] & 255) / 255.0;
		double l = 0.2126 * r + 0.7152 * g + 0.0722 * b;

		y4m_colour(some[i], &y, &cb, &cr);
		good &= y == (int)lround(16 + 219 * l) && cb == (int)lround(128 + 224 * (b - l) / 1.8556) &&
		    cr == (int)lround(128 + 224 * (r - l) / 1.5748);
	}
	ok(good, "colours are those of BT.709");
	y4m_colour(0xf5a524, &y, &cb, &cr);
	ok(abs(y - 164) <= 1 && abs(cb - 63) <= 1 && abs(cr - 168) <= 1, "amber is not that of BT.601 (166 58 172)");
	for (uint32_t v = 0; v < 256; v++) {
		y4m_colour(v << 16 | v << 8 | v, &y, &cb, &cr);
		grey &= cb == 128 && cr == 128;
	}
	ok(grey, "grey has no colour");
	y4m_colour(0, &y, &cb, &cr);
	ok(y == 16, "black is 16");
	y4m_colour(0xffffff, &y, &cb, &cr);
	ok(y == 235, "white is 235");
}

static void
test_chroma(void)
{
	static uint32_t px[180 * 400];   /* stride above the width */
	struct y4m_frame f;
	uint8_t y, cb, cr, y2, b2, r2;
	int same = 1;

	for (int i = 0; i < 180 * 400; i++)
		px[i] = i % 400 < 320 ? 0xf5a524 : 0xffffff;
	if (y4m_frame_new(&f, 320, 180, &e))
		exit(1);
	ok(f.bytes == 320 * 180 * 3 / 2, "a frame has 12 bits a pixel");
	y4m_from_rgb(&f, px, 400);
	y4m_colour(0xf5a524, &y, &cb, &cr);
	for (int i = 0; i < 320 * 180; i++)
		same &= f.y[i] == y;
	for (int i = 0; i < 320 * 180 / 4; i++)
		same &= f.cb[i] == cb && f.cr[i] == cr;
	ok(same, "a flat picture is flat, the padding is not seen");
	for (int j = 0; j < 180; j++)
		for (int i = 0; i < 400; i++)
			px[j * 400 + i] = i < 160 ? 0x0000ff : 0xff0000;
	y4m_from_rgb(&f, px, 400);
	y4m_colour(0x0000ff, &y, &cb, &cr);
	y4m_colour(0xff0000, &y2, &b2, &r2);
	ok(f.cb[79] == cb && abs(f.cb[80] - (cb + 3 * b2) / 4) <= 1 && f.cb[81] == b2 && f.cr[81] == r2,
	    "chroma is sited left: 1 2 1 around the even column");
	y4m_frame_free(&f);
}

static void
test_player(void)
{
	enum { W = 1920, H = 1080 };
	uint32_t *px = malloc(sizeof *px * W * H);
	struct y4m_player p;
	struct theme_rect r = theme_wave_rect(W, H);
	struct y4m_frame full;
	uint8_t text[3], amber[3];
	const int mid = r.y + r.h / 2, x = r.x;
	size_t outside = 0;

	ok(r.x % 2 == 0 && r.y % 2 == 0 && r.w % 2 == 0 && r.h % 2 == 0 && r.x + r.w < W && r.y + r.h < H,
	    "the waveform's place is even and inside");
	if (!px || y4m_player_new(&p, W, H, &e) || y4m_frame_new(&full, W, H, &e))
		exit(1);
	for (int i = 0; i < W * H; i++)
		px[i] = 0xf5a524;
	y4m_from_rgb(&full, px, W);
	y4m_colour(0xf5a524, &amber[0], &amber[1], &amber[2]);
	y4m_colour(THEME_TEXT, &text[0], &text[1], &text[2]);

	y4m_player_card(&p, px, W, 0);
	y4m_player_seek(&p, 5, 10);
	ok(!memcmp(p.out.y, full.y, full.bytes), "a still card is as drawn, without playhead");

	y4m_player_card(&p, px, W, 1);
	y4m_player_seek(&p, 0, 11);
	ok(p.out.y[mid * W + x] == text[0] && p.out.y[mid * W + x + 3] == text[0] &&
	    p.out.y[mid * W + x + 4] < amber[0] - 50, "the first frame: playhead left, the rest dim");
	y4m_player_seek(&p, 5, 11);
	ok(p.at == ((r.w - 4) / 2 & ~1) && p.out.y[mid * W + x + p.at] == text[0] &&
	    p.out.y[mid * W + x + p.at - 1] == amber[0] && p.out.y[mid * W + x] == amber[0] &&
	    p.out.cb[mid / 2 * (W / 2) + x / 2] == amber[1] && p.out.y[mid * W + x + p.at + 4] < amber[0] - 50,
	    "half way: lit before, dim after");
	y4m_player_seek(&p, 10, 11);
	ok(p.at == r.w - 4 && p.out.y[mid * W + x + r.w - 1] == text[0] && p.out.y[mid * W + x + r.w - 5] == amber[0],
	    "the last frame: playhead right");
	for (int j = 0; j < H; j++)
		for (int i = 0; i < W; i++)
			if (j < r.y || j >= r.y + r.h || i < r.x || i >= r.x + r.w)
				outside += p.out.y[j * W + i] != amber[0];
	ok(outside == 0, "nothing outside the waveform changes");
	y4m_player_card(&p, px, W, 1);
	ok(p.out.y[mid * W + x + r.w - 5] < amber[0] - 50, "the next card starts dim");
	y4m_player_seek(&p, 0, 1);
	ok(p.at == 0, "a segment of one frame");
	y4m_frame_free(&full);
	y4m_player_free(&p);
	free(px);
}

static void
test_header(void)
{
	char buf[128];
	size_t n = y4m_header(buf, 1920, 1080, 30000, 1001);

	ok(n == strlen(buf) && !strcmp(buf, "YUV4MPEG2 W1920 H1080 F30000:1001 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED\n"),
	    "the stream header");
}

int
main(void)
{
	test_colours();
	test_chroma();
	test_player();
	test_header();
	return done();
}
