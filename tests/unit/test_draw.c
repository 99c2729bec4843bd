/* test_draw.c - text made safe, the spectrum and waveform of known signals, cards, chapters. */
#include "audio/audio.h"
#include "base/mem.h"
#include "draw/card.h"
#include "draw/text.h"
#include "draw/theme.h"
#include "base/utf8.h"
#include "draw/wave.h"
#include "shoot/segment_text.h"
#include "../tap.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err e;

static int
cleans(const char *in, const char *want)
{
	char *out = utf8_clean_str(in, 100);
	int same = out && !strcmp(out, want);

	if (!same)
		printf("# got '%s'\n", out ? out : "(null)");
	free(out);
	return same;
}

static void
test_utf8(void)
{
	struct str cell = { 0 };
	char *s;
	size_t n;

	ok(cleans("plain", "plain") && cleans("", ""), "plain text stays");
	ok(cleans("Gr\xc3\xb6\xc3\x9f" "e \xe6\x97\xa5 \xf0\x9f\x8e\xb8", "Gr\xc3\xb6\xc3\x9f" "e \xe6\x97\xa5 \xf0\x9f\x8e\xb8"),
	    "two, three and four byte characters stay");
	ok(cleans("a\xff" "b\xc3", "a\xef\xbf\xbd" "b\xef\xbf\xbd"), "bad bytes are replaced, also the last");
	ok(cleans("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd") && cleans("\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") &&
	    cleans("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") &&
	    cleans("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
	    "so are overlong forms, surrogates and what is past U+10FFFF");
	ok(cleans("a\r\n\tb\xe2\x80\xa8" "c", "a   b c"), "newlines, tabs and separators become spaces");
	ok(cleans("a\x1b[31m\x07\x7f\xc2\x9b" "b", "a[31mb"), "controls are dropped, C1 too");
	ok(cleans("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xef\xbb\xbf", "abc"), "so are those that reorder text");
	ok(cleans("\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa7", "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa7"),
	    "the joiner of emoji is kept");
	ok(cleans("\xef\xbf\xbf", "\xef\xbf\xbd"), "noncharacters are replaced");
	s = utf8_clean("abcdef", 6, 3);
	ok(s && !strcmp(s, "abc\xe2\x80\xa6"), "long text ends in an ellipsis");
	free(s);
	s = utf8_clean("abc", 3, 3);
	ok(s && !strcmp(s, "abc"), "text of just the length does not");
	free(s);
	utf8_cell(&cell, "abcd", 4, 6);
	utf8_cell(&cell, "abcde", 4, 5);
	utf8_cell(&cell, "\xc3\xb6\x1b", 4, 2);
	utf8_cell(&cell, "x", 4, 0);
	ok(!cell.failed && !strcmp(cell.s, "abcd  abc\xe2\x80\xa6 \xc3\xb6 x"), "cells are cut and filled by characters");
	str_free(&cell);
	s = utf8_repair("a\n\xff{\xc3\xb6", 6, &n);
	ok(s && n == 8 && !memcmp(s, "a\n\xef\xbf\xbd{\xc3\xb6", 8), "repair keeps newlines");
	free(s);
}

static void
put_wav(const char *name, int rate_hz, const float *x, int channels, int64_t frames)
{
	struct au_out *o;

	if (au_create(&o, name, rate_hz, channels, AU_F32, &e) || au_write(o, x, frames, &e) ||
	    au_commit(o, NULL, &e)) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
}

static void
test_wave(void)
{
	enum { N = 96000 };
	float *x = mem_zalloc(2 * N, sizeof *x);
	uint64_t seed = 1;
	struct wave w;
	double slope = 0;

	for (int i = 0; i < N; i++)
		x[i] = (float)(0.25 * sin(2 * M_PI * 1000 * i / 48000.0));
	put_wav("sine.wav", 48000, x, 1, N);
	if (wave_read(&w, "sine.wav", 0, -1, 1000, &e))
		exit(1);
	ok_near(w.band_db[15], 0, 0.01, "1 kHz: all power is in the 1 kHz band");
	ok(w.band_db[14] < -40 && w.band_db[16] < -40 && w.band_db[0] < -60, "and next to none in the others");
	ok_near(w.peak, 0.25, 1e-6, "its peak");
	ok_near(w.length_s, 2, 1e-9, "its length");
	ok((double)w.max[500] > 0.2499 && (double)w.min[500] < -0.2499, "each column has the whole swing");
	wave_free(&w);

	for (int i = 0; i < N; i++) {           /* white noise: a third octave more power per octave... */
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		x[i] = (float)((double)(seed >> 40) / (1 << 24) - 0.5);
	}
	put_wav("noise.wav", 48000, x, 1, N);
	if (wave_read(&w, "noise.wav", 0, -1, 100, &e))
		exit(1);
	slope = (w.band_db[27] - w.band_db[12]) / 15;
	ok_near(slope, 1, 0.04, "white noise: 1 dB more in each third-octave band");
	wave_free(&w);

	memset(x, 0, 2 * N * sizeof *x);
	x[2 * 1000 + 1] = -0.5f;                /* right channel, frame 1000 of 2000 */
	put_wav("click.wav", 48000, x, 2, N);
	if (wave_read(&w, "click.wav", 0, 2000, 10, &e))
		exit(1);
	ok(w.min[5] == -0.5f && w.min[4] == 0 && w.min[6] == 0 && w.max[5] == 0, "a click is in its column");
	wave_free(&w);
	if (wave_read(&w, "click.wav", 1000, 3, 12, &e))
		exit(1);
	ok(w.min[0] == -0.5f && w.min[3] == -0.5f && w.min[4] == 0, "with fewer frames than columns it fills its own");
	wave_free(&w);
	if (wave_read(&w, "click.wav", 2000, 2000, 10, &e))
		exit(1);
	ok(w.peak == 0 && isinf(w.band_db[0]), "silence has no bands");
	wave_free(&w);
	ok(wave_read(&w, "click.wav", N - 10, 11, 10, &e) && strstr(e.msg, "click.wav"), "past the end is refused");
	ok(wave_read(&w, "click.wav", N, -1, 10, &e), "so is an empty rest");
	ok(wave_read(&w, "none.wav", 0, -1, 10, &e) && strstr(e.msg, "none.wav"), "so is a missing file");
	mem_free(x);
}

static struct card *
card(const char *text)
{
	struct card *c;
	FILE *f = fopen("card.json", "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		exit(1);
	return card_load(&c, "card.json", &e) ? NULL : c;
}

static uint32_t
pixel(cairo_surface_t *s, int x, int y)
{
	const unsigned char *row = cairo_image_surface_get_data(s) + y * cairo_image_surface_get_stride(s) + 4 * x;
	uint32_t v;

	memcpy(&v, row, 4);
	return v & 0xffffff;
}

static void
test_card(void)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"schema\":\"card/2\",\"kind\":\"title\"}", "{\"schema\":\"card/1\",\"kind\":\"x\"}",
		"{\"schema\":\"card/1\",\"kind\":\"title\",\"title\":1}", "{\"schema\":\"card/1\",\"kind\":\"title\",\"lines\":{}}",
		"{\"schema\":\"card/1\",\"kind\":\"title\",\"lines\":[1]}", "{\"schema\":\"card/1\",\"kind\":\"segment\",\"chain\":[{}]}",
		"{\"schema\":\"card/1\",\"kind\":\"segment\",\"gain_db\":\"1\"}",
		"{\"schema\":\"card/1\",\"kind\":\"title\",\"credits\":[null]}"
	};
	struct theme_rect r = theme_wave_rect(1920, 1080);
	cairo_surface_t *s;
	struct card *c;
	struct wave w;
	int refused = 1, wv, hv;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		c = card(bad[i]);
		refused &= !c && strstr(e.msg, "card.json");
		card_free(c);
	}
	ok(refused, "bad cards are refused, and named");
	if (text_init(&e)) {
		skip("drawing", e.msg);
		return;
	}
	c = card("{\"schema\":\"card/1\",\"kind\":\"segment\",\"label\":\"B\",\"title\":\"x\xff\"}");
	ok(c && !card_is_title(c), "a card with a byte that is no UTF-8 is read");
	if (!c || wave_read(&w, "sine.wav", 0, -1, r.w, &e))
		exit(1);
	s = card_draw(c, &w, 1920, 1080, &e);
	ok(s && cairo_image_surface_get_width(s) == 1920, "it is drawn");
	ok(pixel(s, 5, 5) == THEME_GROUND, "the ground");
	ok(pixel(s, 100, 240) == theme_accent("B"), "the badge has the label's colour");
	ok(pixel(s, r.x + 700, r.y + r.h / 2 - 20) == theme_accent("B") && pixel(s, r.x + 700, r.y + 2) == THEME_PANEL,
	    "the waveform has its height");
	ok(!card_write_png(s, "card.png", &e) && !card_png_size("card.png", &wv, &hv, &e) && wv == 1920 && hv == 1080,
	    "it becomes a PNG of its size");
	cairo_surface_destroy(s);
	s = card_read_png("card.png", 1920, 1080, &e);
	ok(s && pixel(s, 100, 240) == theme_accent("B"), "and reads back");
	cairo_surface_destroy(s);
	ok(!card_read_png("card.png", 1280, 720, &e) && strstr(e.msg, "1920 x 1080"), "another size is refused");
	ok(!card_read_png("sine.wav", 1920, 1080, &e) && strstr(e.msg, "not a PNG"), "so is what is no PNG");
	if (truncate("card.png", 4000))
		exit(1);
	ok(!card_read_png("card.png", 1920, 1080, &e) && strstr(e.msg, "card.png"), "and one cut short");
	wave_free(&w);
	card_free(c);
	c = card("{\"schema\":\"card/1\",\"kind\":\"title\",\"lines\":[\"B\\tone\",\"C  two\",\"An amp\"]}");
	s = c ? card_draw(c, NULL, 1920, 1080, &e) : NULL;
	ok(s && pixel(s, 124, 470) == theme_accent("B") && pixel(s, 124, 570) == theme_accent("C") &&
	    pixel(s, 150, 632) == THEME_GROUND && pixel(s, 150, 532) == theme_accent("C"), "lines with a tab or two spaces after the label get a badge");
	cairo_surface_destroy(s);
	card_free(c);
	ok(theme_accent("A") != theme_accent("B") && theme_accent("A") == theme_accent("a") &&
	    theme_accent("A") == theme_accent("I") && theme_accent(NULL) && theme_accent("X2"), "colours of labels");
	setenv("SHOOTOUT_FONT", "No Such Font", 1);
	ok(text_init(&e) && strstr(e.msg, "No Such Font"), "a font that is not installed is refused");
	setenv("SHOOTOUT_FONT", "Noto Color Emoji", 1);
	ok(text_init(&e) && strstr(e.msg, "emoji"), "so is an emoji font");
	unsetenv("SHOOTOUT_FONT");
}

static void
test_text_box(void)
{
	enum { W = 400, H = 200 };
	struct text_style st = { 60, 1, 0xffffff, TEXT_LEFT, 1, 0 };
	cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, W, H);
	cairo_t *cr = cairo_create(s);
	int outside = 0, inside = 0;
	char *zalgo = malloc(4001);

	if (text_init(&e) || !zalgo) {
		skip("text in a box", e.msg);
		goto out;
	}
	*zalgo = 'Z';
	for (int i = 1; i < 3999; i += 2)
		memcpy(zalgo + i, "\xcc\x81", 2);       /* two thousand accents on one letter */
	zalgo[3999] = '\0';
	text_draw(cr, zalgo, 100, 50, 200, 80, &st);
	text_draw(cr, "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", 100, 50, 200, 80, &st);
	text_draw(cr, "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", 100, 50, 200, 80, &st);
	text_draw(cr, "nowhere", 100, 50, -5, 80, &st);
	cairo_surface_flush(s);
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			if (x >= 100 && x < 300 && y >= 50 && y < 130)
				inside += pixel(s, x, y) != 0;
			else
				outside += pixel(s, x, y) != 0;
		}
	ok(inside > 500 && outside == 0, "text stays in its box: long, right to left, and stacked accents");
	ok(text_width(cr, "iiii", &st) < text_width(cr, "WWWW", &st), "widths are measured");
out:
	free(zalgo);
	cairo_destroy(cr);
	cairo_surface_destroy(s);
}

static void
test_chapters(void)
{
	struct tl_segment seg[2];
	struct timeline t = { .seg = seg, .n = 2, .rate_hz = 48000, .channels = 2, .fps_num = 30, .fps_den = 1,
	    .frames_per_picture = 1600, .frames = 3600 * 48000LL + 4800 };
	struct str s = { 0 };
	struct segment_chapters c;

	memset(seg, 0, sizeof seg);
	seg[0].o = json_pack("{s[ss]}", "credits", "by <me>", "CC0");
	seg[1].o = json_pack("{s[ss]}", "credits", "CC0", "x\ny");
	seg[0].is_title = 1;
	seg[0].title = "T=1;#\\\nend";
	seg[0].length_frames = 3599 * 48000LL + 28800;
	seg[1].label = "B";
	seg[1].title = "<b>'%{x}:";
	seg[1].di = "Riff";
	seg[1].at_frame = seg[0].length_frames;
	seg[1].length_frames = 24000;
	ok(!segment_ffmetadata(&t, &s, &e) && !strcmp(s.s,
	    ";FFMETADATA1\ntitle=T\\=1\\;\\#\\\\ end\n"
	    "[CHAPTER]\nTIMEBASE=1/48000\nSTART=0\nEND=172780800\ntitle=T\\=1\\;\\#\\\\ end\n"
	    "[CHAPTER]\nTIMEBASE=1/48000\nSTART=172780800\nEND=172804800\ntitle=B: <b>'%{x}: (Riff)\n"),
	    "ffmetadata: = ; # and backslash are escaped, newlines gone");
	str_free(&s);
	ok(!segment_description(&t, &s, &c, &e) && !strcmp(s.s,
	    "T=1;#\\ end\n\n0:00:00 T=1;#\\ end\n1:00:00 B: \xe2\x80\xb9" "b\xe2\x80\xba'%{x}: (Riff)\n\n"
	    "by \xe2\x80\xb9me\xe2\x80\xba\nCC0\nx y\n"), "description: whole seconds, hours, credits once, no < >");
	ok(c.n == 2, "two chapters");
	ok_near(c.shortest_s, 0.5, 1e-9, "the shortest chapter");
	str_free(&s);
	seg[0].length_frames = seg[1].at_frame = 3 * 48000;
	seg[1].length_frames = 60 * 48000;
	t.frames = 63 * 48000;
	ok(!segment_description(&t, &s, &c, &e) && strstr(s.s, "\n\n0:00 B: ") && c.n == 1 && c.shortest_s == 63,
	    "a short title is part of the chapter after it");
	str_free(&s);
	json_decref(seg[0].o);
	json_decref(seg[1].o);
}

int
main(void)
{
	static const char *const made[] = { "sine.wav", "noise.wav", "click.wav", "card.json", "card.png" };
	char dir[] = "/tmp/test_draw.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	unsetenv("SHOOTOUT_FONT");
	test_utf8();
	test_wave();
	test_card();
	test_text_box();
	test_chapters();
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		unlink(made[i]);
	rmdir(dir);
	return done();
}
