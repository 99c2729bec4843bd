/* bench_render - nam-render as a whole process: speed, share of the core's peak, memory, against a peer.
 *
 *	bench_render [MODEL...]     BIN: folder of nam-render; BENCH_JSON: file that gets a JSON line per row too
 *	BENCH_PEER='their-render "$MODEL" "$IN" "$OUT"' bench_render MODEL...
 *
 * One thread, 60 s at 48 kHz, CPU time, median of five runs, ours and the peer's in turn; the peak is that of fused
 * multiply-adds from registers to registers, measured before each model.  The last columns: --info and a render of
 * one second, CPU time; and what two threads and all CPUs make of the 60 s, as a share of the ideal. */
#include "audio/audio.h"
#include "base/par.h"
#include "nam/nam.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { RATE_HZ = 48000, SECONDS = 60, RUNS = 5 };

struct took {
	double cpu_s, wall_s, mib;
	int failed;
};

/* ---- the peak ----------------------------------------------------------------------- */

#define CHAINS(F) F(a0) F(a1) F(a2) F(a3) F(a4) F(a5) F(a6) F(a7) F(a8) F(a9)
#define DECLARE(type, set) \
	type a0 = set(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, a8 = a0, a9 = a0, x = set(0.5f)
/* The asm hides the chains from the compiler, which would shorten them. */
#define STEP(a) __asm__ volatile("vfmadd231ps %1, %1, %0" : "+x"(a) : "x"(x));
#define STEP512(a) __asm__ volatile("vfmadd231ps %1, %1, %0" : "+v"(a) : "v"(x));

#ifdef __x86_64__
__attribute__((target("avx512f"))) static void
spin_avx512(int n)
{
	DECLARE(__m512, _mm512_set1_ps);
	while (n--) {
		CHAINS(STEP512)
	}
}

__attribute__((target("avx2,fma"))) static void
spin_avx2(int n)
{
	DECLARE(__m256, _mm256_set1_ps);
	while (n--) {
		CHAINS(STEP)
	}
}
#endif

/* GFLOP/s of one core; 0 where it is not known how to measure. */
static double
peak(const char *isa)
{
	double best = 0;

#ifdef __x86_64__
	const int lanes = !strcmp(isa, "avx512") ? 16 : !strcmp(isa, "avx2") ? 8 : 0;
	for (int i = 0; lanes && i < 2000; i++) {
		struct timespec a, b;
		double s;

		clock_gettime(CLOCK_MONOTONIC, &a);
		(lanes == 16 ? spin_avx512 : spin_avx2)(1000);
		clock_gettime(CLOCK_MONOTONIC, &b);
		s = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
		best = fmax(best, 1e-9 * 1000 * 10 * 2 * lanes / s);
	}
#else
	(void)isa;
#endif
	return best;
}

/* ---- processes ---------------------------------------------------------------------- */

static struct took
run(const char *command, const char *isa)
{
	struct took t = { .failed = 1 };
	struct rusage use;
	double start = par_clock_s();
	int status;
	pid_t pid;

	fflush(stdout); /* or the child would print it again */
	pid = fork();
	if (pid == 0) {
		setenv("SHOOTOUT_ISA", isa, 1);
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid)
		return t;
	t.wall_s = par_clock_s() - start;
	t.cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	    1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
	t.mib = (double)use.ru_maxrss / 1024;
	t.failed = status != 0;
	return t;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *x)
{
	qsort(x, RUNS, sizeof *x, by_size);
	return x[RUNS / 2];
}

/* Median CPU and wall seconds of a command; NAN when it fails. */
static void
time_command(const char *command, const char *isa, double *cpu_s, double *wall_s)
{
	double cpu[RUNS], wall[RUNS];

	*cpu_s = *wall_s = NAN;
	for (int i = 0; i < RUNS; i++) {
		struct took t = run(command, isa);

		if (t.failed)
			return;
		cpu[i] = t.cpu_s;
		wall[i] = t.wall_s;
	}
	*cpu_s = median(cpu);
	*wall_s = median(wall);
}

/* ---- the table ---------------------------------------------------------------------- */

/* Bursts of noise that die away, as notes do. */
static int
make_input(const char *name, int seconds)
{
	struct au_out *out;
	struct err e;
	uint32_t s = 1;
	float x[480];

	if (au_create(&out, name, RATE_HZ, 1, AU_F32, &e))
		goto fail;
	for (int t = 0; t < seconds * RATE_HZ; t += 480) {
		for (int i = 0; i < 480; i++) {
			s = s * 1664525u + 1013904223u;
			x[i] = (float)((double)(int32_t)s / 2147483648.0 * exp2(-(double)((t + i) % RATE_HZ) / 6000));
		}
		if (au_write(out, x, 480, &e)) {
			au_abort(out);
			goto fail;
		}
	}
	if (!au_commit(out, NULL, &e))
		return 0;
fail:
	fprintf(stderr, "bench_render: %s\n", e.msg);
	return -1;
}

/* A number of the table; - where there is none. */
static void
column(int width, int digits, double x)
{
	if (isfinite(x))
		printf(" %*.*f", width, digits, x);
	else
		printf(" %*s", width, "-");
}

static void
bench(const char *model, const char *isa, const char *dir, FILE *json)
{
	const char *peer = getenv("BENCH_PEER"), *base = strrchr(model, '/');
	char ours[512], many[512], all[512], info[512], second[512];
	double cpu[RUNS], theirs[RUNS], mib = 0, cpu_s, peer_s = NAN, wall1, wall2, walln, info_s, second_s, unused;
	double flops, top;
	struct nam_model *m;
	struct err e;

	if (nam_open(&m, model, -1, &e)) {
		fprintf(stderr, "bench_render: %s\n", e.msg);
		return;
	}
	flops = 2.0 * (double)nam_model_info(m)->macs * RATE_HZ * SECONDS;
	nam_close(m);
	setenv("MODEL", model, 1);
	snprintf(ours, sizeof ours, "exec \"$BIN/nam-render\" -q --threads 1 -m \"$MODEL\" -o %s/out.wav %s/60.wav", dir, dir);
	snprintf(many, sizeof many, "exec \"$BIN/nam-render\" -q --threads 2 -m \"$MODEL\" -o %s/out.wav %s/60.wav", dir, dir);
	snprintf(all, sizeof all, "exec \"$BIN/nam-render\" -q -m \"$MODEL\" -o %s/out.wav %s/60.wav", dir, dir);
	snprintf(info, sizeof info, "exec \"$BIN/nam-render\" --info \"$MODEL\"");
	snprintf(second, sizeof second, "exec \"$BIN/nam-render\" -q --threads 1 -m \"$MODEL\" -o %s/out.wav %s/1.wav", dir, dir);
	top = peak(isa);
	for (int i = 0; i < RUNS; i++) {
		struct took t = run(ours, isa), p = { .failed = 1 };

		if (t.failed) {
			fprintf(stderr, "bench_render: nam-render failed on '%s'\n", model);
			return;
		}
		cpu[i] = t.cpu_s;
		mib = fmax(mib, t.mib);
		if (peer)
			p = run(peer, isa);
		theirs[i] = p.failed ? NAN : p.cpu_s;
	}
	cpu_s = median(cpu);
	if (peer && !isnan(theirs[0]))
		peer_s = median(theirs);
	time_command(ours, isa, &unused, &wall1);
	time_command(many, isa, &unused, &wall2);
	time_command(all, isa, &unused, &walln);
	time_command(info, isa, &info_s, &unused);
	time_command(second, isa, &second_s, &unused);
	printf("%-38.38s %-7s", base ? base + 1 : model, isa);
	column(7, 1, SECONDS / cpu_s);
	column(7, 1, SECONDS / peer_s);
	column(6, 2, peer_s / cpu_s);
	column(8, 1, 1e-9 * flops / cpu_s);
	column(5, 1, top > 0 ? 1e-7 * flops / cpu_s / top : NAN);
	column(6, 1, mib);
	column(7, 1, 1e3 * info_s);
	column(7, 1, 1e3 * second_s);
	column(5, 0, 50 * wall1 / wall2);
	column(5, 0, 100 * wall1 / walln / par_cpus());
	putchar('\n');
	fflush(stdout);
	if (json)
		fprintf(json, "{\"schema\":\"bench-render/1\",\"time\":%" PRId64 ",\"version\":\"%s\",\"model\":\"%s\",\"isa\":\"%s\","
		    "\"rtf\":%.2f,\"peer_rtf\":%.2f,\"gflops\":%.2f,\"peak_gflops\":%.2f,\"rss_mib\":%.1f,\"info_cpu_ms\":%.2f,"
		    "\"second_cpu_ms\":%.2f,\"wall_1_s\":%.4f,\"wall_2_s\":%.4f,\"wall_all_s\":%.4f,\"cpus\":%d}\n",
		    (int64_t)time(NULL), VERSION, base ? base + 1 : model, isa, SECONDS / cpu_s,
		    isnan(peer_s) ? 0 : SECONDS / peer_s, 1e-9 * flops / cpu_s, top, mib, 1e3 * info_s, 1e3 * second_s, wall1,
		    wall2, walln, par_cpus());
}

int
main(int argc, char *argv[])
{
	static const char *const shipped[] = { "examples/demo/models/anvil.nam", "examples/demo/models/crown.nam",
		"examples/demo/models/mudlark.nam", "examples/demo/models/harbor.nam" };
	static const char *const isas[] = {
#ifdef __x86_64__
		"avx512", "avx2"
#else
		"neon"
#endif
	};
	char dir[] = "/tmp/bench-render-XXXXXX", name[64];
	const char *json_name = getenv("BENCH_JSON");
	FILE *json = json_name ? fopen(json_name, "a") : NULL;

	if (!getenv("BIN") || !mkdtemp(dir)) {
		fprintf(stderr, "bench_render: BIN must name the folder of nam-render, and /tmp must be writable\n");
		return 2;
	}
	snprintf(name, sizeof name, "%s/out.wav", dir);
	setenv("OUT", name, 1);
	snprintf(name, sizeof name, "%s/60.wav", dir);
	setenv("IN", name, 1);
	if (make_input(name, SECONDS))
		return 1;
	snprintf(name, sizeof name, "%s/1.wav", dir);
	if (make_input(name, 1))
		return 1;
	printf("%-38s %-7s %7s %7s %6s %8s %5s %6s %7s %7s %5s %5s\n", "model", "isa", "x RT", "peer", "ratio", "GFLOP/s",
	    "peak%", "MiB", "info ms", "1 s ms", "2thr%", "all%");
	for (int i = argc > 1 ? 1 : 0; i < (argc > 1 ? argc : 4); i++)
		for (size_t k = 0; k < sizeof isas / sizeof *isas; k++)
			bench(argc > 1 ? argv[i] : shipped[i], isas[k], dir, json);
	if (json)
		fclose(json);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%s/%s", dir, i == 0 ? "60.wav" : i == 1 ? "1.wav" : "out.wav");
		unlink(name);
	}
	rmdir(dir);
	return 0;
}
