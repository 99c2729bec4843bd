/* fuzz_wav - feed bytes to the WAV reader, as a file and through a pipe; write what it says of the recording and read that.
 *
 * With clang -fsanitize=fuzzer this is a libFuzzer target; else a program that replays files:
 * fuzz_wav FILE... */
#include "fuzz.h"
#include "audio/wav.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FRAMES = 100, MOST = 60000 }; /* what surely fits in a pipe */

static void
must(int yes)
{
	if (!yes)
		abort();
}

static void
same_marks(const struct marks *a, const struct marks *b)
{
	must(a->n == b->n && a->loops == b->loops && a->has_inst == b->has_inst && a->has_sampler == b->has_sampler);
	for (size_t i = 0; i < a->n; i++)
		must(a->mark[i].id == b->mark[i].id && a->mark[i].at == b->mark[i].at);
	for (size_t i = 0; i < a->loops; i++)
		must(a->loop[i].first == b->loop[i].first && a->loop[i].last == b->loop[i].last);
}

/* Cut, moved and at another rate, twice into one, they are where there are frames. */
static void
move_marks(const struct marks *from)
{
	static const struct marks_move how = { 7, 50, 1, -3.5, 48000, 44100, 5 };
	const int64_t end = 5 + 46;     /* 50 frames are 46 of the new ones */
	struct marks m = { 0 };
	struct err e;

	must(!marks_take(&m, from, &how, &e) && !marks_take(&m, from, &how, &e));
	must(m.n + m.lost >= 2 * from->n && m.loops + m.lost_loops >= 2 * from->loops);
	for (size_t i = 0; i < m.n; i++)
		must(m.mark[i].at >= 5 && m.mark[i].length >= 0 && m.mark[i].at + m.mark[i].length <= end);
	for (size_t i = 0; i < m.loops; i++)
		must(m.loop[i].first >= 5 && m.loop[i].first <= m.loop[i].last && m.loop[i].last < end);
	marks_free(&m);
}

/* What was read, written to a file and read again, is the same. */
static void
round_trip(const struct meta *m)
{
	struct wav_out w;
	struct wav_in in;
	struct err e;
	int fd = memfd_create("out", 0);

	must(fd >= 0 && !wav_out_open(&w, fd, 48000, 1, AU_S16, m, "out", &e) && !wav_out_write(&w, "\1\2", 1, "out", &e) &&
	    !wav_out_finish(&w, "out", &e));
	wav_out_close(&w);
	must(lseek(fd, 0, SEEK_SET) == 0 && wav_in_open(&in, fd, "out", &e) == 0 && in.info.frames == 1);
	must(in.meta.bext_len == m->bext_len && (!m->bext_len || !memcmp(in.meta.bext, m->bext, m->bext_len)));
	must(in.meta.ixml_len == m->ixml_len && (!m->ixml_len || !memcmp(in.meta.ixml, m->ixml, m->ixml_len)));
	for (int i = 0; i < META_TEXTS; i++)
		must(!strcmp(in.meta.text[i] ? in.meta.text[i] : "", m->text[i] ? m->text[i] : ""));
	same_marks(&in.meta.marks, &m->marks);
	wav_in_close(&in);
	close(fd);
}

static void
read_all(int fd)
{
	static float x[FRAMES * AU_MAX_CHANNELS];
	struct meta_change change = { 7, -5, 48000, 44100, "A=PCM" };
	struct wav_in w;
	struct err e = { 0 };
	int64_t n, sum = 0;
	int r = wav_in_open(&w, fd, "fuzz", &e);

	must(r != -1 || e.msg[0]); /* a refusal says why */
	if (r == 0 && !w.foreign) {
		while ((n = wav_in_read(&w, x, FRAMES, &e)) > 0)
			sum += n;
		must(n == 0 ? w.info.frames < 0 || sum == w.info.frames : e.msg[0] != 0);
		wav_in_drain(&w);
		if (w.meta.bext_len + w.meta.ixml_len < 10000)
			round_trip(&w.meta);
		move_marks(&w.meta.marks);
		must(!meta_change(&w.meta, &change, &e));
		if (w.meta.bext_len + w.meta.ixml_len < 10000)
			round_trip(&w.meta);
	}
	wav_in_close(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("in", 0), p[2];

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	read_all(fd);
	close(fd);
	if (size > MOST)
		return 0;
	must(!pipe(p) && write(p[1], data, size) == (ssize_t)size);
	close(p[1]);
	read_all(p[0]);
	close(p[0]);
	return 0;
}
