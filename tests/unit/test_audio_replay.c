/* test_audio_replay.c - files and pipes that are read more than once. */
#include "audio/replay.h"
#include "base/sha256.h"
#include "../tap.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMES = 5000, BLOCK = 333 };
static float x[FRAMES * 2];
static char folder[] = "/tmp/replay.XXXXXX";

static void
save(const char *name, int64_t frames)
{
	struct au_out *o;
	struct err e;

	if (au_create(&o, name, 48000, 2, AU_F32, &e) || au_write(o, x, frames, &e) || au_commit(o, NULL, &e))
		printf("# %s\n", e.msg);
}

/* What the program before us does: a file into a FIFO, to its end or not. */
struct feed {
	const char *from;
	int unknown;     /* a header that does not tell the length */
	size_t sent;
};

static void *
feed(void *arg)
{
	static char data[FRAMES * 2 * 4 + 1000];
	struct feed *f = arg;
	FILE *in = fopen(f->from, "rb");
	size_t n = in ? fread(data, 1, sizeof data, in) : 0;
	int fd = open("fifo", O_WRONLY);

	f->sent = 0;
	for (size_t at = 0; f->unknown && at + 8 < 200; at++)
		if (!memcmp(data + at, "data", 4))
			memset(data + at + 4, 0xff, 4);
	for (ssize_t k; f->sent < n && (k = write(fd, data + f->sent, n - f->sent)) > 0;)
		f->sent += (size_t)k;
	close(fd);
	if (in)
		fclose(in);
	return NULL;
}

/* One pass; the frames it gave if they were those from `start` on, -1 error, -2 other samples. */
static int64_t
pass(struct replay *r, int again, int64_t start, struct err *e)
{
	static float y[BLOCK * 2];
	int64_t n, at = 0;
	int same = 1;

	if (replay_begin(r, again, e))
		return -1;
	for (; (n = replay_read(r, y, BLOCK, e)) > 0; at += n)
		same &= start + at + n <= FRAMES &&
		    !memcmp(y, x + (start + at) * 2, (size_t)n * 2 * sizeof *y);
	return n < 0 ? -1 : same ? at : -2;
}

/* Three passes over the region of a file (feeder NULL) or of the FIFO. */
static void
thrice(const char *what, struct feed *f, int64_t start, int64_t length)
{
	int64_t want = length < 0 ? FRAMES - start : length;
	struct replay *r = NULL;
	struct err e = { 0 };
	char line[128], hex[65], whole[65];
	pthread_t thread;
	struct stat st;

	if (f)
		pthread_create(&thread, NULL, feed, f);
	snprintf(line, sizeof line, "%s: opened", what);
	ok(!replay_open(&r, f ? "fifo" : "a.wav", &e) && !replay_region(r, start, length, &e), line);
	for (int i = 1; i <= 3; i++) {
		snprintf(line, sizeof line, "%s: pass %d", what, i);
		ok(pass(r, i < 3, start, &e) == want, line);
		snprintf(line, sizeof line, "%s: frames and hash of the whole after pass %d", what, i);
		ok(replay_frames(r) == FRAMES && !replay_sha256(r, hex, &e), line);
	}
	if (f)
		pthread_join(thread, NULL);
	snprintf(line, sizeof line, "%s: the hash is that of the input", what);
	ok(!sha256_file("a.wav", whole, &e) && (f && f->unknown ? strlen(hex) == 64 : !strcmp(hex, whole)), line);
	snprintf(line, sizeof line, "%s: the pipe was read to its end", what);
	ok(!f || (!stat("a.wav", &st) && f->sent == (size_t)st.st_size), line);
	replay_close(r);
}

static int
says(const struct err *e, const char *text)
{
	if (!strstr(e->msg, text))
		printf("# %s\n", e->msg);
	return strstr(e->msg, text) != NULL;
}

/* The FIFO, kept where it cannot be. */
static void
cannot_keep(const char *name, const char *text)
{
	struct feed f = { "a.wav", 0, 0 };
	struct replay *r;
	struct err e = { 0 };
	pthread_t thread;

	pthread_create(&thread, NULL, feed, &f);
	ok(!replay_open(&r, "fifo", &e) && pass(r, 1, 0, &e) == -1 && e.code == ERR_IO && says(&e, text), name);
	replay_close(r);
	pthread_join(thread, NULL);
}

static void
touch(const char *name, int64_t seconds)
{
	struct timespec t[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	utimensat(AT_FDCWD, name, t, 0);
}

static void
regions(void)
{
	struct feed f = { "a.wav", 1, 0 };
	struct replay *r;
	struct err e = { 0 };
	pthread_t thread;

	ok(!replay_open(&r, "a.wav", &e) && replay_region(r, FRAMES, -1, &e) && says(&e,
	    "has 5000 frames, the part asked for starts at frame 5000"), "a start at the end of a file");
	ok(replay_region(r, 10, FRAMES - 9, &e) && says(&e, "ends at frame 5001"), "an end after the end");
	ok(replay_region(r, 10, INT64_MAX, &e) && says(&e, "ends at frame 9223372036854775807"), "the largest of all");
	ok(!replay_region(r, FRAMES - 1, 1, &e) && pass(r, 0, FRAMES - 1, &e) == 1, "the last frame");
	replay_close(r);
	pthread_create(&thread, NULL, feed, &f);
	ok(!replay_open(&r, "fifo", &e) && replay_frames(r) == -1 && !replay_region(r, 4000, 1001, &e) &&
	    pass(r, 1, 4000, &e) == -1 && says(&e, "has 5000 frames, the part asked for ends at frame 5001"),
	    "a pipe that ends too early");
	replay_close(r);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, feed, &f);
	ok(!replay_open(&r, "fifo", &e) && !replay_region(r, 6000, -1, &e) && pass(r, 1, 0, &e) == -1 &&
	    says(&e, "starts at frame 6000"), "a pipe that ends before the region");
	replay_close(r);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, feed, &f);
	ok(!replay_open(&r, "fifo", &e) && pass(r, 0, 0, &e) == FRAMES && pass(r, 0, 0, &e) == -1 &&
	    says(&e, "was not kept"), "a pipe of which only one pass was announced");
	replay_close(r);
	pthread_join(thread, NULL);
}

static void
changes(void)
{
	static float y[BLOCK * 2];
	struct replay *r;
	struct err e = { 0 };

	save("b.wav", FRAMES);
	touch("b.wav", 1000000000);
	ok(!replay_open(&r, "b.wav", &e) && pass(r, 1, 0, &e) == FRAMES, "a file before it changes");
	save("b.wav", FRAMES - 1);
	ok(pass(r, 1, 0, &e) == -1 && e.code == ERR_INPUT && says(&e, "'b.wav' changed while it was read"),
	    "another length");
	replay_close(r);
	save("b.wav", FRAMES);
	touch("b.wav", 1000000000);
	ok(!replay_open(&r, "b.wav", &e) && pass(r, 1, 0, &e) == FRAMES && !replay_begin(r, 0, &e) &&
	    replay_read(r, y, BLOCK, &e) == BLOCK, "in the middle of the second pass");
	touch("b.wav", 1000000001);
	while (replay_read(r, y, BLOCK, &e) > 0)
		;
	ok(says(&e, "'b.wav' changed while it was read"), "a write of the same length is noticed, too");
	replay_close(r);
	ok(!replay_open(&r, "b.wav", &e) && pass(r, 1, 0, &e) == FRAMES && !unlink("b.wav") &&
	    pass(r, 1, 0, &e) == -1 && says(&e, "changed"), "a file that is gone");
	replay_close(r);
}

int
main(void)
{
	struct feed known = { "a.wav", 0, 0 }, open_end = { "a.wav", 1, 0 }, none = { "none.wav", 0, 0 };
	struct rlimit least = { 8192, RLIM_INFINITY }, most;
	struct replay *r;
	struct err e = { 0 };
	pthread_t thread;

	alarm(60); /* a FIFO that nobody opens would wait for ever */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!mkdtemp(folder) || chdir(folder) || mkfifo("fifo", 0600))
		return 1;
	setenv("TMPDIR", folder, 1);
	for (int i = 0; i < FRAMES * 2; i++)
		x[i] = (float)sin(i * 0.37) * 0.5f;
	save("a.wav", FRAMES);
	save("none.wav", 0);
	thrice("file", NULL, 0, -1);
	thrice("part of a file", NULL, 1234, 777);
	thrice("pipe", &known, 0, -1);
	thrice("pipe of unknown length", &open_end, 0, -1);
	thrice("part of a pipe", &known, 1234, 777);
	regions();
	changes();
	ok(!replay_open(&r, "none.wav", &e) && pass(r, 1, 0, &e) == 0 && pass(r, 0, 0, &e) == 0 && replay_frames(r) == 0,
	    "an empty file");
	replay_close(r);
	pthread_create(&thread, NULL, feed, &none);
	ok(!replay_open(&r, "fifo", &e) && pass(r, 1, 0, &e) == 0 && pass(r, 0, 0, &e) == 0 && replay_frames(r) == 0,
	    "an empty pipe");
	replay_close(r);
	pthread_join(thread, NULL);
	ok(replay_open(&r, "gone.wav", &e) == -1 && !r && says(&e, "cannot open 'gone.wav'"), "a missing file");
	getrlimit(RLIMIT_FSIZE, &most);
	least.rlim_max = most.rlim_max;
	setrlimit(RLIMIT_FSIZE, &least);
	cannot_keep("no room for the temporary file", "cannot keep 'fifo' in a temporary file in");
	setrlimit(RLIMIT_FSIZE, &most);
	setenv("TMPDIR", "/nonexistent", 1);
	cannot_keep("nowhere to make it", "'/nonexistent' (TMPDIR chooses another folder)");
	thrice("a file needs no TMPDIR", NULL, 0, -1);
	unlink("a.wav");
	unlink("none.wav");
	unlink("fifo");
	ok(!chdir("/") && !rmdir(folder), "nothing is left behind");
	return done();
}
