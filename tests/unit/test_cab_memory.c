/* test_cab_memory.c - how much memory a run takes: 64 MB and 12 bytes for each byte of the response,
 * three times that in a matrix, whatever the length of the input. */
#include "audio/audio.h"
#include "cab/cab.h"
#include "../tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RATE_HZ = 48000 };
static char folder[] = "/tmp/test-cab-memory-XXXXXX", response[64], signal_name[64], output[64];
static struct err e;

/* Noise that decays, at -40 dBFS. */
static void
make(const char *name, int64_t frames, int channels)
{
	struct au_out *out;
	uint32_t s = 1;
	float x[4096];

	if (au_create(&out, name, RATE_HZ, channels, AU_F32, &e))
		exit(1);
	for (int64_t at = 0, some = 4096 / channels; at < frames; at += some) {
		some = frames - at < some ? frames - at : some;
		for (int64_t i = 0; i < some * channels; i++) {
			s = s * 1664525u + 1013904223u;
			x[i] = (float)((int32_t)s / 2147483648.0 / 100 * (1 - (double)at / (double)frames));
		}
		if (au_write(out, x, some, &e))
			exit(1);
	}
	if (au_commit(out, NULL, &e))
		exit(1);
}

/* The most memory of a run in a process of its own, in bytes. */
static double
memory_of(const struct cab_options *o)
{
	struct rusage use;
	int status;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) < 0)
		exit(1);
	if (!pid)
		_exit(cab_run(o, NULL, NULL, NULL, NULL, &e) != 0);
	if (wait4(pid, &status, 0, &use) != pid || status)
		return -1;
	return 1024.0 * (double)use.ru_maxrss;
}

/* A response through which so many seconds of a signal go; most: bytes. */
static double
test_most(const char *what, double most, int64_t frames, int ir_channels, int channels, int signal_s, struct cab_options o)
{
	const char *const ir[] = { response };
	char name[120];
	double got;

	make(response, frames, ir_channels);
	make(signal_name, (int64_t)signal_s * RATE_HZ, channels);
	o.ir = ir;
	o.n_irs = 1;
	o.input = signal_name;
	o.output = output;
	got = memory_of(&o);
	snprintf(name, sizeof name, "%s: %.0f MB of %.0f", what, got / 1e6, most / 1e6);
	ok(got > 0 && got <= most, name);
	return got;
}

static double
test(const char *what, int64_t seconds, int ir_channels, int channels, int signal_s, struct cab_options o)
{
	int64_t frames = seconds * RATE_HZ;

	return test_most(what, 64e6 + 12.0 * 4 * (double)frames * ir_channels, frames, ir_channels, channels, signal_s, o);
}

/* The responses whose transform is longest for them, one frame more than a power of two. */
static void
test_matrix(const char *what, int ins, int outs, const struct cab_options *o)
{
	test_most(what, 64e6 + 144.0 * 65537 * ins * outs, 65537, ins * outs, ins, 30, *o);
}

int
main(void)
{
	const struct cab_options plain = CAB_OPTIONS_DEFAULT;
	struct cab_options o = plain;
	double once, longer;

#ifdef __SANITIZE_ADDRESS__
	skip("the memory of a run", "this build has memory of its own");
	return done();
#endif
	if (!mkdtemp(folder))
		return 1;
	snprintf(response, sizeof response, "%s/ir.wav", folder);
	snprintf(signal_name, sizeof signal_name, "%s/in.wav", folder);
	snprintf(output, sizeof output, "%s/out.wav", folder);
	o.threads = 4;
	once = test("a second, of 20 s, four threads", 1, 1, 1, 20, o);
	longer = test("of two minutes", 1, 1, 1, 120, o);
	ok(longer < once + 4e6, "the length of the input takes no memory");
	test("a second of true stereo, of 20 s, four threads", 1, 4, 2, 20, o);
	test("3 s, of 20 s, four threads", 3, 1, 1, 20, o);
	o = plain;
	test("10 s", 10, 1, 1, 1, plain);
	test("6 s for both channels, of 80 s", 6, 1, 2, 80, plain);
	test("11 s", 11, 1, 1, 1, plain);
	test("44 s", 44, 1, 1, 1, plain);
	test("60 s", 60, 1, 1, 1, plain);
	test("60 s of stereo", 60, 2, 2, 1, plain);
	test("60 s of true stereo", 60, 4, 2, 1, plain);
	test_matrix("2 to 2, the worst", 2, 2, &plain);
	test_matrix("4 to 4", 4, 4, &plain);
	test_matrix("8 to 8", 8, 8, &plain);
	o.norm = "loudness";
	test("60 s for loudness", 60, 1, 1, 1, o);
	o = plain;
	o.minimum_phase = 1;
	test("44 s of minimum phase", 44, 1, 1, 1, o);
	test("60 s of minimum phase", 60, 1, 1, 1, o);
	unlink(response);
	unlink(signal_name);
	unlink(output);
	rmdir(folder);
	return done();
}
