/* bench_filters - audio-prep and audio-level as whole processes: times real time of one core, memory.
 *
 *	bench_filters [SECONDS]     BIN: folder of the programs; BENCH_JSON: file that gets a JSON line per row too
 *
 * Two channels of float32 WAV at 48 kHz, 60 s by default, from a file and into one (put TMPDIR on a tmpfs to leave the disk out); CPU
 * time of the process, the least of three runs. */
#include "audio/audio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RATE_HZ = 48000, RUNS = 3, WORDS = 16 };

/* IN and OUT stand for the files. */
static const char *const lines[] = {
	"audio-prep -o OUT IN",
	"audio-prep -g -3 -o OUT IN",
	"audio-prep --remove-dc -o OUT IN",
	"audio-prep -c mono -o OUT IN",
	"audio-prep -t -60 --fade-in 10 --fade-out 100 -o OUT IN",
	"audio-prep --delay-frames 0.5 -o OUT IN",
	"audio-prep -e s16 --dither -o OUT IN",
	"audio-prep --concat -o OUT IN IN",
	"audio-prep --split-every 10 -o OUT IN",
	"audio-prep -r 44100 -o OUT IN",
	"audio-prep -r 44100 --resampler medium -o OUT IN",
	"audio-prep -r 44100 --resampler fast -o OUT IN",
	"audio-prep -r 44100 --resampler exact -o OUT IN",
	"audio-prep -r 96000 --resampler exact -o OUT IN",
	"audio-level --measure --report OUT IN",
	"audio-level --gain-db -3 -o OUT IN",
	"audio-level --lufs -23 -o OUT IN",
	"audio-level --lufs -23 --di IN -o OUT IN",
	"audio-level --lufs -5 --limit -o OUT IN",
};

/* Plucked notes with noise under them, so that gates, trims and limiters have something to do. */
static int
make(const char *name, int seconds)
{
	static float x[2 * RATE_HZ];
	struct au_out *o;
	struct err e;
	unsigned seed = 1;

	if (au_create(&o, name, RATE_HZ, 2, AU_F32, &e))
		return -1;
	for (int s = 0; s < seconds; s++) {
		for (int i = 0; i < RATE_HZ; i++) {
			double t = i % (RATE_HZ / 4) / (double)RATE_HZ, a = 0.6 * exp(-8 * t), f = 82 * (1 + s % 7) * 2 * M_PI;

			seed = seed * 1664525u + 1013904223u;
			x[2 * i] = (float)(a * sin(f * t) + 1e-3 * ((double)seed / 4294967296.0 - 0.5));
			x[2 * i + 1] = (float)(a * sin(2.01 * f * t));
		}
		if (au_write(o, x, RATE_HZ, &e)) {
			au_abort(o);
			return -1;
		}
	}
	return au_commit(o, NULL, &e);
}

/* CPU seconds, or -1; *mib the most memory. */
static double
run(const char *line, const char *in, const char *out, double *mib)
{
	char copy[256], path[512], *word[WORDS];
	const char *bin = getenv("BIN");
	struct rusage u;
	int n = 0, status;
	pid_t pid;

	snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok(copy, " "); w && n + 1 < WORDS; w = strtok(NULL, " "))
		word[n++] = !strcmp(w, "IN") ? (char *)(size_t)in : !strcmp(w, "OUT") ? (char *)(size_t)out : w;
	word[n] = NULL;
	snprintf(path, sizeof path, "%s/%s", bin ? bin : "build/bin", word[0]);
	pid = fork();
	if (pid == 0) {
		execv(path, word);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) != pid || status)
		return -1;
	*mib = (double)u.ru_maxrss / 1024;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int
main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR"), *json = getenv("BENCH_JSON");
	int seconds = argc > 1 ? atoi(argv[1]) : 60, status = 0;
	char folder[300], in[400], out[400], split[400], cmd[600];
	FILE *rows = json && *json ? fopen(json, "a") : NULL;

	snprintf(folder, sizeof folder, "%s/bench.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (seconds < 1 || !mkdtemp(folder))
		return 1;
	snprintf(in, sizeof in, "%s/in.wav", folder);
	snprintf(out, sizeof out, "%s/out.wav", folder);
	snprintf(split, sizeof split, "%s/out%%d.wav", folder);
	if (make(in, seconds))
		return 1;
	printf("%-60s %8s %8s %6s\n", "", "CPU s", "x real", "MiB");
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		double best = 1e9, mib = 0;

		for (int r = 0; r < RUNS && best >= 0; r++) {
			double s = run(lines[i], in, strstr(lines[i], "split") ? split : out, &mib);

			best = s < best ? s : best;
		}
		status |= best < 0;
		if (best < 0) {
			printf("%-60s failed\n", lines[i]);
			continue;
		}
		printf("%-60s %8.3f %8.0f %6.1f\n", lines[i], best, seconds / best, mib);
		fflush(stdout);
		if (rows)
			fprintf(rows, "{\"bench\":\"filters\",\"command\":\"%s\",\"cpu_s\":%.4f,\"times_real_time\":%.1f,\"mib\":%.1f}\n",
			    lines[i], best, seconds / best, mib);
	}
	if (rows)
		fclose(rows);
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", folder);
	return system(cmd) || status; /* the folder is ours, and its name has no quotes unless TMPDIR has */
}
