/* bench_metrics.c - what audio-metrics and audio-diff cost, whole processes on one thread, beside what others do.
 *
 * The material is made here: 600 s of 48 kHz mono, plucked notes through a tanh.  One JSON object a line: CPU seconds (user
 * and system), the median of RUNS in turn, times real time; ffmpeg's ebur128 with its true peak in the same runs if ffmpeg
 * is there; libebur128 with its own true peak against ours, both in this process. */
#include "audio/audio.h"
#include "metrics/loudness.h"

#include <ebur128.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RATE_HZ = 48000, SECONDS = 600, SHORT_SECONDS = 60, RUNS = 5, BLOCK = RATE_HZ };

static void
make(const char *name, int seconds, double drive)
{
	static float x[BLOCK];
	struct au_out *out;
	double phase = 0;

	if (au_create(&out, name, RATE_HZ, 1, AU_DEFAULT, NULL))
		exit(1);
	for (int s = 0; s < seconds; s++) {
		double hz = 82.4 * pow(2, (double)(s * 7 % 24) / 12);

		for (int i = 0; i < BLOCK; i++) {
			phase += 2 * M_PI * hz / RATE_HZ;
			x[i] = (float)(0.3 * tanh(drive * exp(-3.0 * (i % (RATE_HZ / 2)) / RATE_HZ) * (sin(phase) + 0.5 * sin(2 * phase + 1))));
		}
		if (au_write(out, x, BLOCK, NULL))
			exit(1);
	}
	if (au_commit(out, NULL, NULL))
		exit(1);
}

/* CPU seconds of a command whose output is thrown away; negative when it fails. */
static double
run(const char *command)
{
	struct rusage before, after;
	int status;

	getrusage(RUSAGE_CHILDREN, &before);
	status = system(command); /* NOLINT: our own text */
	getrusage(RUSAGE_CHILDREN, &after);
	if (status)
		return -1;
	return (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
	       1e-6 * (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v)
{
	qsort(v, RUNS, sizeof *v, by_size);
	return v[RUNS / 2];
}

static double
clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Loudness and true peak in this process: ours, or all by libebur128. */
static double
loudness(const float *x, int64_t n, int ours, double *peak)
{
	double start = clock_s();

	if (ours) {
		struct loudness *l;
		struct loudness_values v;

		if (loudness_new(&l, RATE_HZ, 1, LOUDNESS_INTEGRATED | LOUDNESS_TRUE_PEAK, NULL) || loudness_add(l, x, n, NULL) ||
		    loudness_end(l, &v, NULL))
			exit(1);
		*peak = v.true_peak_dbtp;
		loudness_free(l);
	} else {
		ebur128_state *st = ebur128_init(1, RATE_HZ, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
		double lufs;

		if (!st || ebur128_add_frames_float(st, x, (size_t)n) || ebur128_loudness_global(st, &lufs) ||
		    ebur128_true_peak(st, 0, peak))
			exit(1);
		*peak = 20 * log10(*peak);
		ebur128_destroy(&st);
	}
	return clock_s() - start;
}

int
main(void)
{
	static const char *const command[] = { "audio-metrics -j 1 long.wav >out.json", "audio-metrics -j 1 --only loudness long.wav >out.json",
		"audio-metrics -j 1 --only spectrum long.wav >out.json", "audio-metrics -j 1 --only envelope long.wav >out.json",
		"audio-diff -j 1 a.wav b.wav >out.json", "cat long.wav | sha256sum >out.json",
		"ffmpeg -nostats -hide_banner -v error -i long.wav -af ebur128=peak=true -f null - 2>out.json" };
	enum { COMMANDS = sizeof command / sizeof *command };
	static double s[COMMANDS][RUNS], own[2][RUNS];
	char dir[] = "/tmp/bench_metrics.XXXXXX", path[8192];
	const char *bin = getenv("BIN");
	struct au_buf b;
	double ffmpeg, peak[2];

	if (!bin || !mkdtemp(dir) || chdir(dir)) {
		fprintf(stderr, "bench_metrics: run through make bench\n");
		return 1;
	}
	snprintf(path, sizeof path, "%s:%s", bin, getenv("PATH"));
	setenv("PATH", path, 1);
	make("long.wav", SECONDS, 5);
	make("a.wav", SHORT_SECONDS, 5);
	make("b.wav", SHORT_SECONDS, 2);
	for (int r = 0; r < RUNS; r++)
		for (int c = 0; c < COMMANDS; c++)
			s[c][r] = run(command[c]);
	ffmpeg = median(s[COMMANDS - 1]);
	for (int c = 0; c < COMMANDS; c++) {
		double cpu = c == COMMANDS - 1 ? ffmpeg : median(s[c]), audio = c == 4 ? SHORT_SECONDS : SECONDS;

		if (cpu < 0)
			printf("{\"bench\":\"metrics\",\"command\":\"%.20s...\",\"failed\":true}\n", command[c]);
		else
			printf("{\"bench\":\"metrics\",\"command\":\"%.*s\",\"cpu_s\":%.3f,\"times_real_time\":%.0f,\"ffmpeg_ebur128_over_this\":%.2f}\n",
			       (int)strcspn(command[c], ">"), command[c], cpu, audio / cpu, c == 4 || ffmpeg < 0 ? 0 : ffmpeg / cpu);
	}
	if (au_load(&b, "long.wav", (int64_t)RATE_HZ * SECONDS, NULL))
		return 1;
	for (int r = 0; r < RUNS; r++)
		for (int ours = 0; ours < 2; ours++)
			own[ours][r] = loudness(b.x, b.frames, ours, &peak[ours]);
	printf("{\"bench\":\"loudness_true_peak\",\"ours_s\":%.3f,\"libebur128_s\":%.3f,\"ratio\":%.2f,\"true_peaks_dbtp\":[%.3f,%.3f]}\n",
	       median(own[1]), median(own[0]), median(own[0]) / median(own[1]), peak[1], peak[0]);
	au_buf_free(&b);
	return system("rm -f long.wav a.wav b.wav out.json") || chdir("/") || rmdir(dir); /* NOLINT */
}
