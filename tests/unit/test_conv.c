/* test_conv.c - the convolution against the sum it stands for, and its promises about bits. */
#include "base/mem.h"
#include "base/sha256.h"
#include "dsp/conv.h"
#include "../tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 1100000 };
static float x[2 * MOST], h[4 * MOST], y[4 * MOST];
static double paths[8 * MOST];
static struct err e;

static float
noise(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return (float)((double)(int32_t)*s / 2147483648.0);
}

/* Convolve n frames, fed `block` at a time.  Returns the frames that came out. */
static int64_t
run(const struct conv_ir *ir, const float *in, int64_t n, int ins, int outs, int64_t block)
{
	struct conv *c;
	const float *out;
	int64_t at = 0, made = 0, got;
	size_t frame = (size_t)outs;

	if (conv_new(&c, ir, &e)) {
		printf("# %s\n", e.msg);
		exit(1);
	}
	while (at < n) {
		at += conv_process(c, in + at * ins, n - at < block ? n - at : block, &out, &got);
		memcpy(y + (size_t)made * frame, out, (size_t)got * frame * sizeof *y);
		made += got;
	}
	for (conv_flush(c, &out, &got); got; conv_flush(c, &out, &got)) {
		memcpy(y + (size_t)made * frame, out, (size_t)got * frame * sizeof *y);
		made += got;
	}
	conv_free(c);
	return made;
}

/* h, of hs channels, as a matrix of ins to outs with all paths (hs is ins * outs, inputs first), or channel by channel (hs
 * is outs, or 1). */
static struct conv_ir *
response(int64_t taps, int hs, int ins, int outs, int all)
{
	struct conv_path path[64];
	struct conv_ir *ir;
	size_t n = 0;

	for (int c = 0; c < hs; c++)
		for (int64_t t = 0; t < taps; t++)
			paths[c * taps + t] = (double)h[t * hs + c];
	for (int o = 0; o < outs; o++)
		for (int i = 0; i < ins; i++)
			if (all || i == o || ins == 1)
				path[n++] = (struct conv_path){ i, o,
					paths + taps * (all ? i * outs + o : hs > 1 ? o : 0) };
	if (conv_ir_new(&ir, taps, ins, outs, path, n, &e)) {
		printf("# %s\n", e.msg);
		exit(1);
	}
	return ir;
}

/* Noise into x, and a response that decays by 60 dB into h. */
static void
fill(int64_t n, int64_t taps, int channels)
{
	uint32_t seed = 1;

	for (int64_t i = 0; i < n; i++)
		x[i] = noise(&seed);
	for (int64_t i = 0; i < taps * channels; i++)
		h[i] = (float)(noise(&seed) * exp(-6.9 * (double)(i / channels) / (double)taps));
}

/* Error against a direct sum at every `step`th frame, in dB of the sum's rms. */
static double
error_db(int64_t n, int64_t taps, int64_t step)
{
	double err = 0, sum = 0;

	for (int64_t t = 0; t < n + taps - 1; t += step) {
		int64_t from = t < n ? 0 : t - n + 1, to = t < taps ? t : taps - 1;
		double a = 0;

		for (int64_t i = from; i <= to; i++)
			a += (double)h[i] * (double)x[t - i];
		err += (a - (double)y[t]) * (a - (double)y[t]);
		sum += a * a;
	}
	return 10 * log10(err / sum);
}

static void
test_exact(void)
{
	static const struct { int64_t taps, n, step; } v[] = {
		{ 1, 100000, 1 }, { 2, 5, 1 }, { 3, 1, 1 }, { 63, 70000, 7 }, { 2048, 200000, 97 },
		{ 2049, 200000, 97 }, { 8192, 300000, 211 }, { 16384, 300000, 499 }, { 16385, 300000, 499 },
		{ 65536, 300000, 1999 }, { 65537, 300000, 1999 }, { 262145, 100000, 1999 }, { 393216, 390000, 3989 },
		{ 524289, 100000, 9973 }, { 1100000, 50000, 9973 },
		{ 2100000, 50000, 19937 }, /* in partitions */
	};
	char what[80];

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct conv_ir *ir;
		int64_t made;
		double db;

		fill(v[i].n, v[i].taps, 1);
		ir = response(v[i].taps, 1, 1, 1, 0);
		made = run(ir, x, v[i].n, 1, 1, 8192);
		db = error_db(v[i].n, v[i].taps, v[i].step);
		snprintf(what, sizeof what, "%lld taps: error %.1f dB", (long long)v[i].taps, db);
		ok(db <= -145, what);
		ok(made == v[i].n + v[i].taps - 1, "the tail is whole");
		conv_ir_free(ir);
	}
}

static void
test_unit(void)
{
	struct conv_ir *ir;
	int same = 1;

	fill(50000, 1, 1);
	h[0] = 1;
	ir = response(1, 1, 1, 1, 0);
	ok(run(ir, x, 50000, 1, 1, 50000) == 50000, "one tap adds no frame");
	for (int i = 0; i < 50000; i++)
		same &= x[i] == y[i];
	ok(same, "a unit impulse gives every sample back, bit for bit");
	ok(run(ir, x, 0, 1, 1, 1) == 0, "nothing in, nothing out");
	conv_ir_free(ir);

	memset(x, 0, sizeof x);
	x[10] = 1;
	for (int i = 0; i < 3000; i++)
		h[i] = 0.5f;
	ir = response(3000, 1, 1, 1, 0);
	run(ir, x, 390000, 1, 1, 390000);
	same = 1;
	for (int i = 20000; i < 390000; i++)
		same &= y[i] == 0 && !signbit(y[i]);
	ok(same, "far from the signal there is exact silence");
	conv_ir_free(ir);
}

static void
test_blocks(int64_t taps)
{
	static const int64_t block[] = { 1, 511, 4096, 100000 };
	char first[65], hex[65];
	struct conv_ir *ir;
	int same = 1;

	fill(200000, taps, 1);
	ir = response(taps, 1, 1, 1, 0);
	for (size_t i = 0; i < sizeof block / sizeof *block; i++) {
		int64_t made = run(ir, x, 100000, 1, 1, block[i]);

		sha256_bytes(y, (size_t)made * sizeof *y, i ? hex : first);
		same &= !i || !strcmp(hex, first);
	}
	ok(same, "the same bits for every block size");
	conv_ir_free(ir);
}

static void
test_channels(void)
{
	static float one[3 * 20000];
	struct conv_ir *ir, *left;
	int same = 1;

	fill(40000, 1000, 2);
	ir = response(1000, 2, 2, 2, 0);
	ok(run(ir, x, 20000, 2, 2, 777) == 20999, "stereo through stereo");
	memcpy(one, y, 2 * 20999 * sizeof *y);
	conv_ir_free(ir);
	for (int i = 0; i < 20000; i++)         /* the left channels alone */
		x[i] = x[2 * i];
	for (int i = 0; i < 1000; i++)
		h[i] = h[2 * i];
	left = response(1000, 1, 1, 1, 0);
	run(left, x, 20000, 1, 1, 20000);
	for (int i = 0; i < 20999; i++)
		same &= y[i] == one[2 * i];
	ok(same, "the left one is what it is alone, bit for bit");
	memcpy(one, y, 20999 * sizeof *y);
	conv_ir_free(left);
	left = response(1000, 1, 3, 3, 0);
	for (int i = 20000; i-- > 0;)           /* the same signal three times, through mono */
		x[3 * i] = x[3 * i + 1] = x[3 * i + 2] = x[i];
	run(left, x, 20000, 3, 3, 1000);
	same = 1;
	for (int i = 0; i < 3 * 20999; i++)
		same &= y[i] == one[i / 3];
	ok(same, "a mono response serves each of three channels");
	conv_ir_free(left);
}

/* Every path from ins to outs, against the sums. */
static void
test_matrix(int64_t taps, int64_t n, int ins, int outs, int64_t step)
{
	struct conv_ir *ir;
	double err = 0, sum = 0;
	char what[80];

	fill(n * ins, taps, ins * outs);
	ir = response(taps, ins * outs, ins, outs, 1);
	run(ir, x, n, ins, outs, 5000);
	for (int64_t t = 0; t < n + taps - 1; t += step)
		for (int o = 0; o < outs; o++) {
			double a = 0;

			for (int i = 0; i < ins; i++)
				for (int64_t k = t < n ? 0 : t - n + 1; k < taps && k <= t; k++)
					a += (double)h[k * ins * outs + i * outs + o] * (double)x[(t - k) * ins + i];
			err += pow(a - (double)y[t * outs + o], 2);
			sum += a * a;
		}
	snprintf(what, sizeof what, "%d x %d paths of %lld taps: error %.1f dB", ins, outs, (long long)taps,
	    10 * log10(err / sum));
	ok(10 * log10(err / sum) <= -145, what);
	conv_ir_free(ir);
}

/* A loud bass that the response takes away, 80 dB over what is left: an error of the input's size would show. */
static void
test_loud_bass(int64_t taps)
{
	const int64_t n = 200000;
	struct conv_ir *ir;
	double db, err = 0, sum = 0;
	char what[80];
	uint32_t seed = 3;

	for (int64_t i = 0; i < n; i++)
		x[i] = (float)(0.9 + 1e-4 * noise(&seed));
	for (int64_t i = 0; i < taps; i++)
		h[i] = (float)((i == taps / 2) - 1.0 / (double)taps);
	ir = response(taps, 1, 1, 1, 0);
	run(ir, x, n, 1, 1, 8192);
	for (int64_t t = taps; t < n; t += 97) { /* where all of the response meets the bass */
		double a = 0;

		for (int64_t i = 0; i < taps; i++)
			a += (double)h[i] * (double)x[t - i];
		err += pow(a - (double)y[t], 2);
		sum += a * a;
	}
	db = 10 * log10(err / sum);
	ok(sqrt(sum * 97 / (double)(n - taps)) < 2e-4, "the bass is gone");
	snprintf(what, sizeof what, "%lld taps without the loud bass: error %.1f dB", (long long)taps, db);
	ok(db <= -145, what);
	conv_ir_free(ir);
}

/* One block of a pair silent, the other not. */
static void
test_half_silent(void)
{
	struct conv_ir *ir;
	int same = 1;

	fill(10000, 100, 1);
	for (int i = 5000; i < 10000; i++)
		x[i] = 0;
	ir = response(100, 1, 1, 1, 0);
	run(ir, x, 10000, 1, 1, 10000);
	for (int i = 8192; i < 10099; i++)
		same &= y[i] == 0 && !signbit(y[i]);
	ok(same, "what sounds in one block of a pair does not reach the other");
	conv_ir_free(ir);
}

/* SHA-256 of a result under SHOOTOUT_ISA=isa, in a child because the choice is made once. */
static void
hash_with(const char *isa, int64_t taps, char hex[65])
{
	int p[2];
	pid_t pid;

	memset(hex, 0, 65);
	fflush(stdout);
	if (pipe(p) || (pid = fork()) < 0)
		exit(1);
	if (!pid) {
		struct conv_ir *ir;

		setenv("SHOOTOUT_ISA", isa, 1);
		fill(150000, taps, 1);
		ir = response(taps, 1, 1, 1, 0);
		sha256_bytes(y, (size_t)run(ir, x, 150000, 1, 1, 4096) * sizeof *y, hex);
		_exit(write(p[1], hex, 64) != 64);
	}
	close(p[1]);
	if (read(p[0], hex, 64) != 64)
		hex[0] = 0;
	close(p[0]);
	waitpid(pid, NULL, 0);
}

static void
test_isa(void)
{
	static const char *const isa[] = { "avx512", "neon", "avx2", "generic" };
	static const int64_t taps[] = { 200, 5000, 90000, 300000 };
	char first[65], hex[65];

	for (size_t t = 0; t < sizeof taps / sizeof *taps; t++) {
		int same = 1;

		hash_with(isa[0], taps[t], first);
		for (size_t i = 1; i < 4; i++) {
			hash_with(isa[i], taps[t], hex);
			same &= *first && !strcmp(first, hex);
		}
		ok(same, "the same bits for every instruction set");
	}
}

/* A known result on every machine: no libm on the way. */
static void
test_golden(void)
{
	uint32_t seed = 7;
	char hex[65];
	struct conv_ir *ir;

	for (int i = 0; i < 50000; i++)
		x[i] = noise(&seed);
	for (int i = 0; i < 3000; i++)
		h[i] = noise(&seed) / (float)(1 << i / 200);
	ir = response(3000, 1, 1, 1, 0);
	sha256_bytes(y, (size_t)run(ir, x, 50000, 1, 1, 50000) * sizeof *y, hex);
	printf("# %s\n", hex);
	ok(!strcmp(hex, "b86cf5614418fa939c86b96cb135f8361bc849c3093e723693dd5cf3af4f5b24"), "one render, one hash");
	conv_ir_free(ir);
}

/* Batch by batch, backwards: the bits of the stream. */
static void
test_pieces(int64_t taps, int ins, int outs, int all, int64_t n)
{
	struct conv_ir *ir;
	struct conv_piece size;
	struct conv *c;
	float *whole;
	int64_t made, last;
	int same = 1;

	fill(n * ins, taps, all ? ins * outs : outs);
	memset(x + n * ins / 3, 0, (size_t)(n * ins / 4) * sizeof *x);
	ir = response(taps, all ? ins * outs : outs, ins, outs, all);
	made = run(ir, x, n, ins, outs, 10000);
	if (conv_pieces(ir, &size) || conv_new(&c, ir, &e))
		exit(1);
	last = (made - 1) / size.frames;
	/* zeros before and after the signal */
	whole = mem_zalloc((size_t)(size.lead + (last + 1) * size.frames), (size_t)ins * sizeof *whole);
	if (!whole)
		exit(1);
	memcpy(whole + size.lead * ins, x, (size_t)(n * ins) * sizeof *x);
	for (int64_t b = last; b >= 0; b--) {
		const float *out = conv_piece(c, whole + b * size.frames * ins);
		int64_t got = made - b * size.frames < size.frames ? made - b * size.frames : size.frames;

		same &= !memcmp(out, y + b * size.frames * outs, (size_t)(got * outs) * sizeof *out);
	}
	ok(last > 2 && same, "batches on their own: the same bits");
	mem_free(whole);
	conv_free(c);
	conv_ir_free(ir);
}

static void
test_refused(void)
{
	struct conv_ir *ir;

	static const double one = 1;
	const struct conv_path p = { 0, 0, &one }, out = { 0, 1, &one }, in = { 1, 0, &one };

	ok(conv_ir_new(&ir, 0, 1, 1, &p, 1, &e) == -1 && !ir && e.code == ERR_UNSUPPORTED, "no taps");
	ok(conv_ir_new(&ir, CONV_MAX_TAPS + (int64_t)1, 1, 1, &p, 1, &e) == -1 && !ir, "too many taps");
	ok(conv_ir_new(&ir, 1, 0, 1, &p, 1, &e) == -1 && !ir, "no channels");
	ok(conv_ir_new(&ir, 1, 1, CONV_MAX_CHANNELS + 1, &p, 1, &e) == -1 && !ir, "too many channels");
	ok(conv_ir_new(&ir, 1, 1, 1, &out, 1, &e) == -1 && conv_ir_new(&ir, 1, 1, 1, &in, 1, &e) == -1, "paths outside");
	ok(conv_ir_new(&ir, 1, 1, 2, &p, 1, &e) == -1 && !ir, "an output that nothing goes to");
	conv_ir_free(NULL);
	conv_free(NULL);
}

int
main(void)
{
	test_isa();
	printf("# isa %s\n", conv_isa());
	test_exact();
	test_unit();
	test_blocks(1200);
	test_blocks(70000);
	test_channels();
	test_matrix(3000, 30000, 2, 2, 41);
	test_matrix(700, 20000, 4, 3, 97);
	test_matrix(530000, 20000, 2, 1, 9973);
	test_matrix(2100000, 20000, 2, 1, 39989);
	test_half_silent();
	test_loud_bass(2001);
	test_loud_bass(20001);
	test_pieces(1000, 1, 1, 0, 100000);
	test_pieces(3000, 2, 2, 0, 200000);
	test_pieces(2000, 2, 2, 1, 200000);
	test_pieces(1, 1, 1, 0, 100000);
	test_golden();
	test_refused();
	return done();
}
