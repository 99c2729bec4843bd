/* test_audio_meta.c - bext, iXML and texts through files and pipes, and what changes in them. */
#include "audio/audio.h"
#include "audio/meta.h"
#include "../tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err e;

static void
put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

/* A bext of version 2 with a time, a UMID, a loudness and a history. */
static size_t
make_bext(unsigned char *b, uint64_t time, const char *history)
{
	memset(b, 0, META_BEXT_LEAST);
	memcpy(b, "A take", 6);
	memcpy(b + 256, "REAPER", 6);
	memcpy(b + 320, "2025-12-2522-39-48", 18);
	put32(b + 338, (uint32_t)time);
	put32(b + 342, (uint32_t)(time >> 32));
	b[346] = 2;
	memset(b + 348, 0xab, 64);
	memset(b + 412, 0x11, 10);
	strcpy((char *)b + META_BEXT_LEAST, history);
	return META_BEXT_LEAST + strlen(history);
}

static void
fill(struct meta *m)
{
	static unsigned char bext[2000];
	size_t len = make_bext(bext, 100000, "A=PCM,F=48000\r\n");

	meta_add_chunk(m, (const unsigned char *)"bext", bext, len, &e);
	meta_add_chunk(m, (const unsigned char *)"iXML", (const unsigned char *)"<x/>!", 5, &e);
	meta_set_text(m, META_TITLE, "Riff", SIZE_MAX, &e);
	meta_set_text(m, META_ARTIST, "M\xc3\xa9lanie", SIZE_MAX, &e);
	meta_set_text(m, META_DATE, "2025", SIZE_MAX, &e);
}

static int
same(const struct meta *a, const struct meta *b)
{
	for (int i = 0; i < META_TEXTS; i++)
		if (strcmp(a->text[i] ? a->text[i] : "", b->text[i] ? b->text[i] : "") != 0)
			return 0;
	return a->bext_len == b->bext_len && a->ixml_len == b->ixml_len &&
	    (!a->bext_len || !memcmp(a->bext, b->bext, a->bext_len)) &&
	    (!a->ixml_len || !memcmp(a->ixml, b->ixml, a->ixml_len));
}

static void
save(const char *name, const struct meta *m)
{
	static const float x[200] = { 0.25f, -0.5f };
	struct au_out *o;

	if (au_create_with(&o, name, 48000, 1, AU_DEFAULT, m, &e) || au_write(o, x, 200, &e) || au_commit(o, NULL, &e))
		printf("# %s\n", e.msg);
}

/* What NAME says, compared; the samples must be there too. */
static int
comes_back(const char *name, const struct meta *want)
{
	struct au_in *in;
	float x[300];
	int r;

	if (au_open(&in, name, &e)) {
		printf("# %s\n", e.msg);
		return 0;
	}
	r = same(au_meta(in), want) && au_read(in, x, 300, &e) == 200 && x[0] == 0.25f && x[1] == -0.5f;
	au_close(in);
	return r;
}

static void
test_files(void)
{
	struct meta m = { 0 }, texts = { 0 }, none = { 0 }, copy = { 0 };
	char found[100] = "";
	const char *name;

	fill(&m);
	ok(!meta_copy(&copy, &m, NULL, &e) && same(&copy, &m), "a copy is the same");
	meta_free(&copy);
	ok(same(&copy, &none), "and then gone");
	for (int at = 0; (name = meta_next(&m, &at));)
		strcat(strcat(found, name), " ");
	ok(!strcmp(found, "bext ixml title artist date "), "their names");
	save("m.wav", &m);
	ok(comes_back("m.wav", &m), "all of it comes back from WAV");
	save("none.wav", NULL);
	ok(comes_back("none.wav", &none), "nothing from a file with nothing");
	meta_set_text(&texts, META_TITLE, "Riff", SIZE_MAX, &e);
	meta_set_text(&texts, META_ARTIST, "M\xc3\xa9lanie", SIZE_MAX, &e);
	meta_set_text(&texts, META_DATE, "2025", SIZE_MAX, &e);
	save("m.flac", &m);
	ok(comes_back("m.flac", &texts), "FLAC has the texts");
	meta_free(&texts);
	meta_free(&m);
}

/* Bytes of a WAV file with these chunks around the data. */
static void
write_raw(const char *name, const char *before, size_t n_before, const char *after, size_t n_after)
{
	static const unsigned char fmt[] = { 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 3, 0, 1, 0, 0x80, 0xbb, 0, 0,
		0, 0xee, 2, 0, 4, 0, 32, 0 };
	float x[200] = { 0.25f, -0.5f };
	unsigned char head[8] = "RIFF", data[8] = "data";
	FILE *f = fopen(name, "wb");

	put32(head + 4, (uint32_t)(sizeof fmt + n_before + 8 + sizeof x + n_after));
	put32(data + 4, sizeof x);
	if (!f || fwrite(head, 8, 1, f) != 1 || fwrite(fmt, sizeof fmt, 1, f) != 1 || fwrite(before, 1, n_before, f) != n_before ||
	    fwrite(data, 8, 1, f) != 1 || fwrite(x, sizeof x, 1, f) != 1 || fwrite(after, 1, n_after, f) != n_after || fclose(f))
		printf("# cannot write %s\n", name);
}

static void
test_broken(void)
{
	static const char info[] = "LIST\x15\0\0\0INFOINAM\5\0\0\0Riff\0\0junk";
	static const char longer[] = "LIST\x14\0\0\0INFOINAM\xff\xff\0\0Riff\0\0\0\0";
	static const char stub[] = "bext\4\0\0\0abcdLIST\2\0\0\0IN", cut[] = "LIST\x64\0\0\0INFOINAM";
	struct meta title = { 0 }, none = { 0 };

	meta_set_text(&title, META_TITLE, "Riff", SIZE_MAX, &e);
	write_raw("b.wav", info, 30, "", 0);
	ok(comes_back("b.wav", &title), "INFO before the data, of odd length and with a piece of junk");
	write_raw("b.wav", "", 0, info, 30);
	ok(comes_back("b.wav", &title), "INFO after the data");
	write_raw("b.wav", info, 30, stub, 22);
	ok(comes_back("b.wav", &title), "a bext that is too short, a LIST that is none: passed over");
	write_raw("b.wav", longer, 28, "", 0);
	ok(comes_back("b.wav", &none), "a text longer than its chunk: passed over");
	write_raw("b.wav", "", 0, cut, 16);
	ok(comes_back("b.wav", &none), "a chunk behind the data that is cut off: passed over");
	meta_free(&title);
}

static uint64_t
time_of(const struct meta *m)
{
	uint64_t t = 0;

	for (int i = 7; i >= 0; i--)
		t = t << 8 | m->bext[338 + i];
	return t;
}

static void
test_change(void)
{
	struct meta m = { 0 }, was = { 0 };
	struct meta_change c = { 4800, 441, 48000, 44100, NULL };
	char line[128];

	fill(&m);
	fill(&was);
	ok(!meta_change(&m, &c, &e) && time_of(&m) == (100000 + 4800) * 441 / 480 - 441, "the time of the first frame, at the new rate");
	ok(m.bext_len == was.bext_len && !memcmp(m.bext + 346, was.bext + 346, m.bext_len - 346), "all else stays");
	c = (struct meta_change){ 0, 1000000, 48000, 48000, "A=PCM,F=48000,W=32,M=mono,T=test" };
	ok(!meta_change(&m, &c, &e) && time_of(&m) == 0, "no time before midnight");
	ok(m.bext[348] == 0 && m.bext[411] == 0, "the UMID is not that of changed samples");
	ok(m.bext[412] == 0xff && m.bext[413] == 0x7f && m.bext[420] == 0xff && m.bext[421] == 0x7f && m.bext[422] == 0,
	    "nor is the loudness");
	ok(m.bext_len == META_BEXT_LEAST + strlen("A=PCM,F=48000\r\nA=PCM,F=48000,W=32,M=mono,T=test\r\n") &&
	    !memcmp(m.bext + META_BEXT_LEAST, "A=PCM,F=48000\r\nA=PCM,F=48000,W=32,M=mono,T=test\r\n", 49), "the history goes on");
	meta_history(line, 44100, 2, 16, "audio-prep");
	ok(!strncmp(line, "A=PCM,F=44100,W=16,M=stereo,T=audio-prep ", 41), "a line of it");
	memset(m.bext + 338, 0xff, 8);
	ok(!meta_change(&m, &c, &e) && time_of(&m) == UINT64_MAX, "a time that is none stays");
	meta_free(&m);
	meta_free(&was);
	ok(!meta_change(&m, &c, &e), "no bext, nothing to do");
}

int
main(void)
{
	static const char *const made[] = { "m.wav", "none.wav", "m.flac", "b.wav" };
	char folder[] = "/tmp/meta.XXXXXX";

	if (!mkdtemp(folder) || chdir(folder)) {
		perror(folder);
		return 1;
	}
	test_files();
	test_broken();
	test_change();
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		unlink(made[i]);
	if (rmdir(folder))
		perror(folder);
	return done();
}
