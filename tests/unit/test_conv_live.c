/* test_conv_live.c - the live convolution against the sum it stands for, in blocks of every size. */
#include "base/mem.h"
#include "base/sha256.h"
#include "dsp/conv_live.h"
#include "../tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 120000 };
static float x[2 * MOST], y[3 * MOST];
static double h[6 * MOST];
static struct err e;

static double
noise(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return (double)(int32_t)*s / 2147483648.0;
}

static struct conv_live *
make(int64_t taps, int ins, int outs)
{
	struct conv_path path[6];
	struct conv_live *l;
	uint32_t seed = 3;
	size_t n = 0;

	for (int i = 0; i < ins; i++)
		for (int o = 0; o < outs; o++, n++) {
			path[n] = (struct conv_path){ i, o, h + (int64_t)n * taps };
			for (int64_t t = 0; t < taps; t++) /* the same at every length of time */
				h[(int64_t)n * taps + t] = noise(&seed) / (1.0 + (double)(t / 64));
		}
	for (int64_t t = 0; t < 2 * MOST; t++)
		x[t] = (float)noise(&seed);
	if (conv_live_new(&l, taps, ins, outs, path, n, &e)) {
		printf("# %s\n", e.msg);
		exit(1);
	}
	return l;
}

static void
run(struct conv_live *l, int64_t n, int ins, int outs, int64_t block)
{
	for (int64_t at = 0; at < n; at += block)
		conv_live_process(l, x + at * ins, n - at < block ? n - at : block, y + at * outs);
}

static void
test_exact(int64_t taps, int64_t n, int ins, int outs, int64_t block, int64_t step)
{
	struct conv_live *l = make(taps, ins, outs);
	double err = 0, sum = 0;
	char what[100];

	run(l, n, ins, outs, block);
	for (int64_t t = 0; t < n; t += step)
		for (int o = 0; o < outs; o++) {
			double a = 0;

			for (int i = 0; i < ins; i++)
				for (int64_t k = 0; k < taps && k <= t; k++)
					a += h[(i * outs + o) * taps + k] * (double)x[(t - k) * ins + i];
			err += pow(a - (double)y[t * outs + o], 2);
			sum += a * a;
		}
	snprintf(what, sizeof what, "%lld taps, %d to %d, blocks of %lld: error %.1f dB", (long long)taps, ins, outs,
	    (long long)block, 10 * log10(err / sum));
	ok(10 * log10(err / sum) <= -145, what);
	conv_live_free(l);
}

static void
test_blocks(void)
{
	static const int64_t blocks[] = { 1, 63, 64, 65, 128, 1000, 40000 };
	struct conv_live *l = make(20000, 1, 1);
	char first[65], hex[65];
	int same = 1;

	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
		run(l, 40000, 1, 1, blocks[i]);
		sha256_bytes(y, 40000 * sizeof *y, i ? hex : first);
		same &= !i || !strcmp(first, hex);
		conv_live_reset(l);
	}
	printf("# %s\n", first);
	ok(same, "the same bits for every block size, and after a reset");
	ok(!strcmp(first, "d23eeeb8713d20a4d8511eb34c35fc1ff6124a53eeea3d7eb5686533a59b3be4"), "the same bits on every machine");
	conv_live_free(l);
}

static void
test_now(void)
{
	const double one = 1;
	const struct conv_path p = { 0, 0, &one };
	struct conv_live *l;
	int same = 1;

	if (conv_live_new(&l, 1, 1, 1, &p, 1, &e))
		exit(1);
	for (int t = 0; t < 1000; t++) {
		conv_live_process(l, x + t, 1, y);
		same &= *y == x[t];
	}
	ok(same, "a unit impulse gives each frame back with the call that brought it");
	memcpy(y, x, 1000 * sizeof *y);
	conv_live_process(l, y, 1000, y);
	ok(!memcmp(y, x, 1000 * sizeof *y), "in place");
	conv_live_free(l);
	ok(conv_live_new(&l, 0, 1, 1, &p, 1, &e) == -1 && e.code == ERR_UNSUPPORTED && !l, "no taps");
	conv_live_free(NULL);
}

int
main(void)
{
	test_exact(1, 300, 1, 1, 7, 1);
	test_exact(63, 500, 1, 1, 64, 1);
	test_exact(64, 500, 1, 1, 100, 1);
	test_exact(65, 500, 1, 1, 1, 1);
	test_exact(128, 1000, 1, 1, 33, 1);
	test_exact(1024, 5000, 1, 1, 256, 7);
	test_exact(1025, 5000, 2, 2, 256, 7);
	test_exact(2500, 9000, 2, 3, 480, 17);
	test_exact(16384, 50000, 1, 1, 512, 97);
	test_exact(16385, 50000, 1, 1, 512, 97);
	test_exact(100000, 110000, 1, 1, 512, 997);
	test_blocks();
	test_now();
	return done();
}
