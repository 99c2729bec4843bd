/* test_timeline.c - segments read, placed, cut and written; hostile lists refused. */
#include "audio/audio.h"
#include "base/mem.h"
#include "shoot/segment_cut.h"
#include "shoot/timeline.h"
#include "../tap.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err e;

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		exit(1);
}

/* A mono or stereo file whose sample i of channel c is f(i, c), never 0. */
static float
value(int64_t i, int c)
{
	return (float)(1 + (i * 7 + c * 3) % 997) / 1024.0f;
}

static void
put_wav(const char *name, int rate_hz, int channels, int64_t frames)
{
	float *x = mem_zalloc((size_t)(frames * channels), sizeof *x);
	struct au_out *o;

	for (int64_t i = 0; i < frames; i++)
		for (int c = 0; c < channels; c++)
			x[i * channels + c] = value(i, c);
	if (au_create(&o, name, rate_hz, channels, AU_F32, &e) || au_write(o, x, frames, &e) ||
	    au_commit(o, NULL, &e)) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	mem_free(x);
}

static const char good[] =
	"{\"schema\":\"segment/1\",\"kind\":\"title\",\"name\":\"t\",\"length_frames\":4800}\n"
	"\n"
	"{\"schema\":\"segment/1\",\"kind\":\"segment\",\"label\":\"A\",\"name\":\"a\",\"file\":\"a.wav\","
	"\"start_frame\":100,\"length_frames\":17000,\"extra\":{\"kept\":[1]}}\n"
	"{\"schema\":\"segment/1\",\"kind\":\"segment\",\"label\":\"B\",\"name\":\"b\",\"file\":\"b.wav\","
	"\"start_frame\":0,\"length_frames\":16000}";

static void
test_fps(void)
{
	int n = 0, d = 0;

	ok(!timeline_fps("30", &n, &d) && n == 30 && d == 1, "fps 30");
	ok(!timeline_fps("120000/2002", &n, &d) && n == 60000 && d == 1001, "fps in lowest terms");
	ok(timeline_fps("0", &n, &d) && timeline_fps("-30", &n, &d) && timeline_fps("30/", &n, &d) &&
	    timeline_fps("30/0", &n, &d) && timeline_fps("x", &n, &d) && timeline_fps("30x", &n, &d) &&
	    timeline_fps("1/2", &n, &d) && timeline_fps("9999999999999999999", &n, &d) &&
	    timeline_fps("", &n, &d), "no fps");
}

static void
test_layout(void)
{
	struct timeline t;

	put("seg.jsonl", good);
	ok(!timeline_read_segments(&t, "seg.jsonl", &e) && t.n == 3, "segments are read");
	ok(t.n == 3 && t.seg[0].is_title && !t.seg[1].is_title && !strcmp(t.seg[1].file, "a.wav") &&
	    t.seg[1].start_frame == 100 && t.seg[1].length_frames == 17000 && t.seg[1].at_frame == -1,
	    "with their fields");
	ok(timeline_layout(&t, 48000, 2, 30000, 1001, &e) && strstr(e.msg, "1601.600") &&
	    strstr(e.msg, "30"), "29.97 at 48 kHz is refused with the reason");
	ok(timeline_layout(&t, 44100, 2, 24, 1, &e) && strstr(e.msg, "1837.500"), "24 at 44.1 kHz, too");
	ok(!timeline_layout(&t, 48000, 2, 30, 1, &e), "30 at 48 kHz is placed");
	ok(t.seg[1].at_frame == 4800 && t.seg[1].length_frames == 16000 && t.seg[1].trimmed_frames == 1000 &&
	    t.seg[1].video_frame == 3 && t.seg[1].video_frames == 10, "cut down to whole pictures");
	ok(t.seg[2].at_frame == 20800 && t.seg[2].video_frame == 13 && t.frames == 36800 &&
	    t.video_frames == 23, "one after the other");
	ok(json_integer_value(json_object_get(t.seg[1].o, "trimmed_frames")) == 1000 &&
	    json_object_get(t.seg[1].o, "extra"), "in the object, too, and unknown keys are kept");
	ok(timeline_layout(&t, 48000, 2, 2, 1, &e) && strstr(e.msg, "shorter than one picture"),
	    "a segment shorter than a picture is refused");
	timeline_free(&t);
}

static void
test_round_trip(void)
{
	struct timeline t, u;
	struct str text = { 0 };
	json_t *head = json_pack("{ss}", "schema", "timeline/1");
	char *cut;

	if (timeline_read_segments(&t, "seg.jsonl", &e) || timeline_layout(&t, 48000, 2, 30, 1, &e) ||
	    timeline_text(&t, head, &text, &e))
		exit(1);
	put("tl.jsonl", text.s);
	ok(!timeline_read(&u, "tl.jsonl", &e), "a timeline reads back");
	ok(u.n == 3 && u.rate_hz == 48000 && u.channels == 2 && u.frames_per_picture == 1600 &&
	    u.frames == 36800 && u.video_frames == 23 && u.seg[2].at_frame == 20800, "the same");
	timeline_free(&u);

	cut = strstr(text.s, "\"at_frame\":4800");
	cut[12] = '9';
	put("bad.jsonl", text.s);
	ok(timeline_read(&u, "bad.jsonl", &e) && strstr(e.msg, "line 3") && strstr(e.msg, "at_frame"),
	    "a segment that does not follow is refused");
	timeline_free(&u);
	cut[12] = '8';
	cut = strstr(text.s, "\"video_frames\":10");
	cut[16] = '1';
	put("bad.jsonl", text.s);
	ok(timeline_read(&u, "bad.jsonl", &e) && strstr(e.msg, "1600"), "so are pictures that do not fit");
	timeline_free(&u);
	cut[16] = '0';
	text.s[text.len - 2] = '\0';                 /* the last line loses its } */
	put("bad.jsonl", text.s);
	ok(timeline_read(&u, "bad.jsonl", &e) && strstr(e.msg, "not JSON"), "a line cut short");
	timeline_free(&u);
	*strrchr(text.s, '\n') = '\0';               /* the last line is gone */
	put("bad.jsonl", text.s);
	ok(timeline_read(&u, "bad.jsonl", &e) && strstr(e.msg, "2 of 3 segments"), "a file cut short");
	timeline_free(&u);
	json_decref(head);
	str_free(&text);
	timeline_free(&t);
}

static void
test_hostile(void)
{
#define SEG "{\"schema\":\"segment/1\",\"kind\":\"segment\",\"file\":\"a\",\"start_frame\":"
	static const char *const bad[][2] = {
		{ "", "no segments" },
		{ "\n\n", "no segments" },
		{ "[1]", "not a JSON object" },
		{ "{\"schema\":\"segment/1\",", "not JSON" },
		{ "{\"schema\":\"segment/2\",\"kind\":\"title\",\"length_frames\":1}", "segment/2" },
		{ "{\"kind\":\"title\",\"length_frames\":1}", "schema" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"x\",\"length_frames\":1}", "kind" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"title\",\"kind\":\"title\",\"length_frames\":1}", "uplicate" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":0}", "length_frames" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":1.5}", "whole number" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":99999999999999}", "length_frames" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":1,\"file\":\"x\"}", "silent" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":1,\"card\":7}", "must be text" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"segment\",\"length_frames\":1}", "file" },
		{ SEG "-1,\"length_frames\":1}", "start_frame" },
		{ SEG "9223372036854775807,\"length_frames\":1}", "start_frame" },
		{ SEG "99999999999999999999,\"length_frames\":1}", "not JSON" },
		{ "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":\"1\"}", "length_frames" },
	};
	struct timeline t;
	char name[64];
	FILE *f;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put("bad.jsonl", bad[i][0]);
		snprintf(name, sizeof name, "bad list %zu is refused: %s", i, bad[i][1]);
		ok(timeline_read_segments(&t, "bad.jsonl", &e) && strstr(e.msg, bad[i][1]), name);
		timeline_free(&t);
	}
	f = fopen("bad.jsonl", "w");
	if (!f)
		exit(1);
	for (int i = 0; i <= TL_MAX_LINE; i++)
		putc(' ', f);
	fclose(f);
	ok(timeline_read_segments(&t, "bad.jsonl", &e) && strstr(e.msg, "longer than"), "an endless line");
	timeline_free(&t);
	put("bad.jsonl", "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":16588800000}\n"
	    "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":1600}\n");
	ok(!timeline_read_segments(&t, "bad.jsonl", &e) && timeline_layout(&t, 48000, 2, 30, 1, &e) &&
	    strstr(e.msg, "12 hours"), "a master of more than 12 hours");
	timeline_free(&t);
	put("bad.jsonl", "{\"schema\":\"timeline/1\",\"rate_hz\":48000,\"channels\":2,\"frames\":1600,"
	    "\"fps_num\":1000000,\"fps_den\":1,\"segments\":1}\n");
	ok(timeline_read(&t, "bad.jsonl", &e) && strstr(e.msg, "fps"), "a timeline of a million pictures a second");
	timeline_free(&t);
	put("bad.jsonl", "{\"schema\":\"timeline/1\",\"rate_hz\":0,\"channels\":2,\"frames\":1600,"
	    "\"fps_num\":30,\"fps_den\":1,\"segments\":1}\n");
	ok(timeline_read(&t, "bad.jsonl", &e) && strstr(e.msg, "rate_hz"), "a timeline without a rate");
	timeline_free(&t);
	ok(timeline_read(&t, "missing.jsonl", &e) && strstr(e.msg, "missing.jsonl"), "a missing file");
	timeline_free(&t);
}

static void
test_fade(void)
{
	double sum = 0;
	int mono = 1;

	for (int i = 0; i < 240; i++) {
		sum += segment_fade_gain(i, 240);
		mono &= segment_fade_gain(i, 240) < segment_fade_gain(i + 1, 240);
	}
	ok_near(sum, 120, 1e-9, "a raised cosine has mean 1/2");
	ok(mono && segment_fade_gain(0, 240) < 2e-5 && segment_fade_gain(240, 240) == 1,
	    "it rises from nothing to 1");
	ok_near(segment_fade_gain(60, 240) + segment_fade_gain(179, 240), 1, 1e-11, "it is symmetric");
	ok(segment_fade_frames(5, 48000, 48000) == 240 && segment_fade_frames(5, 48000, 101) == 50 &&
	    segment_fade_frames(0, 48000, 48000) == 0, "its length is at most half the segment");
	ok(segment_fade_gain(0, 0) == 1, "no fade is 1");
}

/* The master holds each sample where the timeline says, faded only at the ends. */
static void
test_cut(void)
{
	struct timeline t;
	struct au_out *o;
	struct au_buf m;
	int rate = 0, silent = 1, exact_a = 1, exact_b = 1, faded = 1;

	put_wav("a.wav", 48000, 1, 20000);
	put_wav("b.wav", 48000, 2, 16000);
	if (timeline_read_segments(&t, "seg.jsonl", &e))
		exit(1);
	ok(!segment_probe(&t, 2, &rate, &e) && rate == 48000, "the files are probed");
	if (timeline_layout(&t, rate, 2, 30, 1, &e) || au_create(&o, "m.wav", rate, 2, AU_F32, &e))
		exit(1);
	ok(!segment_cut(&t, 5, o, NULL, NULL, &e), "cut");
	ok(!au_commit(o, NULL, &e) && !au_load(&m, "m.wav", 1 << 20, &e), "master is written");
	ok(m.frames == 36800 && m.channels == 2 && m.rate_hz == 48000, "its length is the sum");
	for (int64_t i = 0; i < 4800 * 2; i++)
		silent &= m.x[i] == 0;
	for (int64_t i = 240; i < 16000 - 240; i++)
		for (int c = 0; c < 2; c++) {
			exact_a &= m.x[(4800 + i) * 2 + c] == value(100 + i, 0);
			exact_b &= m.x[(20800 + i) * 2 + c] == value(i, c);
		}
	for (int64_t i = 0; i < 240; i++) {
		double g = segment_fade_gain(i, 240);

		faded &= fabs((double)m.x[(4800 + i) * 2] - g * (double)value(100 + i, 0)) < 1e-7;
		faded &= fabs((double)m.x[(20799 - i) * 2] - g * (double)value(100 + 15999 - i, 0)) < 1e-7;
		faded &= fabs((double)m.x[(20800 + i) * 2 + 1] - g * (double)value(i, 1)) < 1e-7;
		faded &= fabs((double)m.x[(36799 - i) * 2 + 1] - g * (double)value(15999 - i, 1)) < 1e-7;
	}
	ok(silent, "a title is silence");
	ok(exact_a, "a mono segment is in both channels, to the bit and the sample");
	ok(exact_b, "a stereo segment keeps its channels, to the bit and the sample");
	ok(faded, "the ends are faded by the raised cosine");
	au_buf_free(&m);
	timeline_free(&t);
}

static void
test_probe_bad(void)
{
	static const char list[] =
	    "{\"schema\":\"segment/1\",\"kind\":\"segment\",\"name\":\"one\",\"file\":\"b.wav\",\"start_frame\":0,\"length_frames\":1600}\n"
	    "{\"schema\":\"segment/1\",\"kind\":\"segment\",\"name\":\"two\",\"file\":\"c.wav\",\"start_frame\":1,\"length_frames\":1600}\n";
	struct timeline t;
	int rate;

	put("seg2.jsonl", list);
	if (timeline_read_segments(&t, "seg2.jsonl", &e))
		exit(1);
	ok(segment_probe(&t, 2, &rate, &e) && strstr(e.msg, "two") && strstr(e.msg, "c.wav"), "a missing file is named");
	put_wav("c.wav", 44100, 1, 2000);
	ok(segment_probe(&t, 2, &rate, &e) && strstr(e.msg, "44100") && strstr(e.msg, "48000"), "two rates");
	put_wav("c.wav", 48000, 3, 2000);
	ok(segment_probe(&t, 2, &rate, &e) && strstr(e.msg, "3 channels"), "three channels");
	put_wav("c.wav", 48000, 1, 1600);
	ok(segment_probe(&t, 2, &rate, &e) && strstr(e.msg, "only 1600"), "a file too short");
	timeline_free(&t);
	put("seg2.jsonl", "{\"schema\":\"segment/1\",\"kind\":\"title\",\"length_frames\":1600}");
	if (timeline_read_segments(&t, "seg2.jsonl", &e))
		exit(1);
	ok(segment_probe(&t, 2, &rate, &e) && strstr(e.msg, "no segment"), "only titles");
	timeline_free(&t);
}

static void
test_levels(void)
{
	struct timeline t;

	put("seg2.jsonl", "{\"schema\":\"segment/1\",\"kind\":\"title\",\"name\":\"t\",\"length_frames\":1600,\"level\":\"l.json\"}");
	put("l.json", "{\"gain_db\":-3.25,\"loudness_lufs\":null,\"other\":1}");
	if (timeline_read_segments(&t, "seg2.jsonl", &e))
		exit(1);
	ok(!segment_merge_levels(&t, &e) &&
	    json_real_value(json_object_get(t.seg[0].o, "gain_db")) == -3.25 &&
	    json_is_null(json_object_get(t.seg[0].o, "loudness_lufs")) &&
	    !json_object_get(t.seg[0].o, "true_peak_dbtp") && !json_object_get(t.seg[0].o, "other"),
	    "a level report is merged, missing keys stay missing");
	put("l.json", "{\"gain_db\":\"loud\"}");
	ok(segment_merge_levels(&t, &e) && strstr(e.msg, "gain_db"), "a gain that is no number");
	unlink("l.json");
	ok(segment_merge_levels(&t, &e) && strstr(e.msg, "l.json"), "a missing level report");
	timeline_free(&t);
}

int
main(void)
{
	static const char *const made[] = { "a.wav", "b.wav", "c.wav", "m.wav", "seg.jsonl", "seg2.jsonl",
	    "tl.jsonl", "bad.jsonl" };
	char dir[] = "/tmp/test_timeline.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	test_fps();
	test_layout();
	test_round_trip();
	test_hostile();
	test_fade();
	test_cut();
	test_probe_bad();
	test_levels();
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		unlink(made[i]);
	rmdir(dir);
	return done();
}
