/* test_audio_marks - places in a recording: taken from chunks, moved, and put back. */
#include "audio/chunk.h"
#include "audio/meta.h"
#include "../tap.h"

#include <string.h>

static struct err e;

/* Four points and a region of 100 frames; two loops. */
static void
fill(struct marks *m)
{
	static const struct mark_loop loops[] = { { 0, 0, 0, 0, 100, 199 }, { 1, 1, 0, 3, 0, 0 } };

	marks_add(m, 1, 0, "Start", &e);
	marks_add(m, 2, 150, NULL, &e);
	marks_add(m, 3, 400, "Solo", &e);
	m->mark[2].region = 1;
	m->mark[2].length = 100;
	memcpy(m->mark[2].kind, "rgn ", 4);
	marks_add(m, 4, 999, NULL, &e);
	marks_add(m, 5, 1000, "End", &e);
	marks_add_loop(m, &loops[0], &e);
	marks_add_loop(m, &loops[1], &e);
}

/* "1:0 3:400+100 | 100-199", and what was lost. */
static const char *
said(const struct marks *m)
{
	static char s[400];
	int n = 0;

	for (size_t i = 0; i < m->n; i++) {
		n += sprintf(s + n, "%u:%lld", (unsigned)m->mark[i].id, (long long)m->mark[i].at);
		n += m->mark[i].region ? sprintf(s + n, "+%lld ", (long long)m->mark[i].length) : sprintf(s + n, " ");
	}
	n += sprintf(s + n, "|");
	for (size_t i = 0; i < m->loops; i++)
		n += sprintf(s + n, " %lld-%lld", (long long)m->loop[i].first, (long long)m->loop[i].last);
	sprintf(s + n, " (%zu %zu)", m->lost, m->lost_loops);
	return s;
}

static void
moves(const struct marks_move *how, const char *want, const char *name)
{
	struct marks from = { 0 }, to = { 0 };
	int good;

	fill(&from);
	good = !marks_take(&to, &from, how, &e) && !strcmp(said(&to), want);
	ok(good, name);
	if (!good)
		printf("# %s\n", said(&to));
	marks_free(&from);
	marks_free(&to);
}

static void
test_moves(void)
{
	static const struct marks_move stay = MARKS_STAY, cut = { 100, 350, 0, 0, 1, 1, 0 }, whole = { 0, 1000, 1, 0, 1, 1, 10 },
	    head = { 0, 1000, 0, 0, 1, 1, 0 }, later = { 0, 1000, 1, 0.5, 1, 1, 0 }, half = { 0, 1000, 1, 0, 2, 1, 0 },
	    third = { 0, 1000, 1, 0, 3, 1, 0 }, up = { 400, -1, 0, 0, 44100, 48000, 0 }, early = { 0, 1000, 1, -450.25, 1, 1, 0 };

	moves(&stay, "1:0 2:150 3:400+100 4:999 5:1000 | 100-199 0-0 (0 0)", "they stay");
	moves(&cut, "2:50 3:300+50 | 0-99 (3 1)", "cut: from 100, 350 frames");
	moves(&whole, "1:10 2:160 3:410+100 4:1009 5:1010 | 110-209 10-10 (0 0)", "behind 10 frames");
	moves(&head, "1:0 2:150 3:400+100 4:999 | 100-199 0-0 (1 0)", "a mark behind the last frame, where more was there");
	moves(&later, "1:1 2:151 3:401+100 4:999 | 101-200 1-1 (1 0)", "half a frame later: rounded, and not over the end");
	moves(&half, "1:0 2:75 3:200+50 4:499 5:500 | 50-99 0-0 (0 0)", "half the rate: the last frame stays the last one");
	moves(&third, "1:0 2:50 3:133+34 4:333 5:334 | 33-66 (0 1)", "a third: a loop that is nothing any more is lost");
	moves(&up, "3:0+109 4:652 5:653 | (2 2)", "another rate, to an end that is not known");
	moves(&early, "3:0+50 4:549 5:550 | (2 2)", "earlier: a region that is cut at its beginning");
}

/* Written, read, and the bytes as the formats say. */
static void
test_chunks(void)
{
	static const unsigned char solo[] = "LIST\x54\0\0\0adtllabl\x0a\0\0\0\1\0\0\0Start\0labl\x09\0\0\0\3\0\0\0Solo\0\0ltxt\x14\0\0\0"
	    "\3\0\0\0\x64\0\0\0rgn \0\0\0\0\0\0\0\0labl\x08\0\0\0\5\0\0\0End\0";
	struct meta m = { 0 }, back = { 0 }, none = { 0 };
	struct str b = { 0 };

	fill(&m.marks);
	m.marks.has_sampler = m.marks.has_inst = 1;
	m.marks.sampler[12] = 60;
	m.marks.inst[0] = 60;
	meta_chunks(&m, &b);
	ok(!b.failed && b.len % 2 == 0 && !memcmp(b.s, "cue \x7c\0\0\0\5\0\0\0\1\0\0\0\0\0\0\0data\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\2\0\0\0\x96\0\0\0data", 48),
	    "the bytes of cue");
	ok(b.len > 132 + sizeof solo && !memcmp(b.s + 132, solo, sizeof solo - 1), "of its words");
	for (size_t at = 0; at + 8 <= b.len;) {
		const unsigned char *p = (const unsigned char *)b.s + at;
		size_t size = chunk_le32(p + 4);

		ok(meta_wants(p, size), "a chunk that is wanted");
		meta_add_chunk(&back, p, p + 8, size, &e);
		at += 8 + size + (size & 1);
	}
	ok(!strcmp(said(&back.marks), "1:0 2:150 3:400+100 4:999 5:1000 | 100-199 0-0 (0 0)"), "all come back");
	ok(back.marks.mark[0].label && !strcmp(back.marks.mark[0].label, "Start") && !back.marks.mark[1].label &&
	    !strcmp(back.marks.mark[2].label, "Solo") && !memcmp(back.marks.mark[2].kind, "rgn ", 4), "with their words");
	ok(back.marks.sampler[12] == 60 && back.marks.inst[0] == 60 && back.marks.loop[1].count == 3, "and the sampler");
	meta_free(&m);
	meta_free(&back);
	str_free(&b);
	meta_chunks(&none, &b);
	ok(b.len == 0, "nothing of nothing");
}

/* Words before their marks, twice the same id, broken ones. */
static void
test_broken(void)
{
	static const unsigned char adtl[] = "labl\6\0\0\0\7\0\0\0A\0note\6\0\0\0\7\0\0\0B\0labl\6\0\0\0\7\0\0\0C\0"
	    "labl\6\0\0\0\x08\0\0\0D\0ltxt\x08\0\0\0\7\0\0\0\1\0\0\0labl\xff\xff\0\0\7\0\0\0";
	unsigned char cue[4 + 3 * 24] = { 200 };
	struct marks m = { 0 };

	for (int i = 0; i < 3; i++) {
		cue[4 + 24 * i] = 7;
		memcpy(cue + 4 + 24 * i + 8, i == 1 ? "slnt" : "data", 4);
		cue[4 + 24 * i + 20] = (unsigned char)(10 + i);
	}
	ok(!marks_add_adtl(&m, adtl, sizeof adtl - 1, &e) && m.n == 0, "words wait for their marks");
	ok(!marks_add_cue(&m, cue, sizeof cue, &e) && !strcmp(said(&m), "7:10 7:12 | (0 0)"),
	    "marks that are not there, and one in a silence");
	ok(m.mark[0].label && !strcmp(m.mark[0].label, "A") && !strcmp(m.mark[0].note, "B") && !m.mark[1].label && !m.mark[0].region,
	    "the first of an id gets the first of its words");
	ok(!marks_add_cue(&m, cue, 3, &e) && !marks_add_smpl(&m, cue, 35, &e) && !m.has_sampler, "chunks that are too short");
	marks_free(&m);
	for (uint32_t i = 0; i < MARKS_MAX + 5; i++)
		marks_add(&m, i, i, "a label of some length, as many may have it", &e);
	ok(m.n == MARKS_MAX && m.lost == 5 && m.bytes <= MARKS_MAX_BYTES, "no more than there may be");
	marks_free(&m);
}

int
main(void)
{
	test_moves();
	test_chunks();
	test_broken();
	return done();
}
