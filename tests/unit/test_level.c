/* test_level.c - levels, faults and percentiles of known signals. */
#include "../tap.h"
#include "metrics/level.h"
#include "metrics/stats.h"
#include <string.h>

enum { RATE = 48000, SECONDS = 2, N = RATE * SECONDS };

static float x[2 * N];
static struct err e;

static struct level_values
measure(int64_t frames, int channels, int64_t block)
{
	struct level *l = level_new(RATE, channels);
	struct level_values v;

	for (int64_t i = 0; i < frames; i += block)
		if (level_add(l, x + i * channels, frames - i < block ? frames - i : block, &e))
			abort();
	if (level_end(l, &v, &e))
		abort();
	level_free(l);
	return v;
}

static void
sine(double amplitude, double hz, double dc)
{
	for (int i = 0; i < N; i++)
		x[i] = (float)(dc + amplitude * sin(2 * M_PI * hz * i / RATE));
}

static void
levels(void)
{
	struct level_values v, w;

	sine(1, 997, 0), v = measure(N, 1, N);
	ok_near(v.rms_dbfs, -3.0103, 0.001, "a sine of full scale: -3.01 dBFS");
	ok_near(v.peak_dbfs, 0, 0.001, "its peak is 0");
	ok_near(v.crest_factor_db, 3.0103, 0.001, "its crest factor 3.01 dB");
	ok_near(v.dynamic_range_db, 0, 0.05, "no dynamics");
	w = measure(N, 1, 37);
	ok(!memcmp(&v.rms_dbfs, &w.rms_dbfs, sizeof v.rms_dbfs) && v.dynamic_range_db == w.dynamic_range_db &&
	   v.clipped_runs == w.clipped_runs, "any block size, the same bits");
	sine(0.1, 1000, -0.05), v = measure(N, 1, N);
	ok_near(v.dc_offset_fs, -0.05, 1e-6, "DC");
	/* every window of 50 ms at one of two levels: the 95th is the upper, the 5th the lower */
	for (int i = 0; i < N; i++)
		x[i] = (float)((i / 2400 % 2 ? 0.5 : 0.05) * sin(2 * M_PI * 1000 * i / RATE));
	ok_near(measure(N, 1, 1000).dynamic_range_db, 20, 0.001, "20 dB of dynamic range");
	for (int i = 0; i < N; i++)
		x[i] = i / 2400 % 4 ? 0 : x[i];
	ok_near(measure(N, 1, 1000).dynamic_range_db, 0, 0.01, "windows of silence do not count in it");

	for (int i = 0; i < N; i++) {
		x[2 * i] = (float)sin(i * 0.1);
		x[2 * i + 1] = (float)(-0.5 * sin(i * 0.1));
	}
	v = measure(N, 2, 999);
	ok_near(v.correlation, -1, 1e-9, "an inverted channel: correlation -1");
	ok_near(v.rms_dbfs, 10 * log10((0.5 + 0.125) / 2), 0.001, "RMS over both channels");
	ok_near(v.peak_dbfs, 0, 0.001, "the peak of either");
	for (int i = 0; i < N; i++)
		x[2 * i + 1] = (float)cos(i * 0.1);
	ok_near(measure(N, 2, N).correlation, 0, 1e-3, "a quarter period apart: 0");
	for (int i = 0; i < N; i++)
		x[2 * i + 1] = 0;
	v = measure(N, 2, N);
	ok(isnan(v.correlation) && isnan(v.balance_db), "a silent channel: not defined");
	ok_near(v.width_ratio, 0.5, 1e-9, "one channel alone: as much side as mid");
	for (int i = 0; i < N; i++)
		x[2 * i + 1] = x[2 * i] * 0.5f;
	v = measure(N, 2, N);
	ok_near(v.balance_db, 6.0206, 1e-4, "left twice the right: 6 dB");
	ok_near(v.width_ratio, 0.0625 / 0.625, 1e-6, "side 1/4, mid 3/4");
	for (int i = 0; i < N; i++)
		x[2 * i + 1] = -x[2 * i];
	ok_near(measure(N, 2, N).width_ratio, 1, 1e-9, "out of phase: all side");
}

/* 12 s of a sine, whose second block of 3 s is 20 dB louder than the others: RMS (of that one block, a fifth of four at
 * least one) is its amplitude, the second largest peak that of the others. */
static void
dr14(void)
{
	static float y[12 * RATE];
	struct level *l = level_new(RATE, 1);
	struct level_values v;

	for (int i = 0; i < 12 * RATE; i++)
		y[i] = (float)((i / (3 * RATE) == 1 ? 1 : 0.1) * sin(2 * M_PI * 1000 * i / RATE + 0.3));
	if (!l || level_add(l, y, 12 * RATE, &e) || level_end(l, &v, &e))
		abort();
	level_free(l);
	ok_near(v.dr14_db, -20, 0.02, "DR: the second largest peak over the RMS of the loudest fifth");
	ok_near(v.noise_floor_dbfs, -23.01, 0.02, "the noise floor is the quiet part");
	sine(1, 1000, 0);
	ok(isnan(measure(N, 1, N).dr14_db), "under two blocks of 3 s: no DR");
}

static void
faults(void)
{
	struct level_values v;

	memset(x, 0, sizeof x);
	x[100] = x[101] = x[102] = 1.0f;                    /* a run of 3 */
	x[200] = x[201] = 1.0f;                             /* 2: no run */
	for (int i = 300; i < 310; i++)
		x[i] = i % 2 ? 32767.0f / 32768 : -1.5f;    /* a run of 10, 5 of them over */
	x[N - 1] = x[N - 2] = x[N - 3] = -1.0f;             /* a run that the end cuts */
	v = measure(N, 1, 101);
	ok(v.clipped_runs == 3 && v.clipped_samples == 16, "clipped runs of 3 and more, over block borders");
	ok(v.longest_clipped_run_frames == 10, "the longest");
	ok(v.samples_over_full_scale == 5, "samples over full scale");
	memset(x, 0, sizeof x);
	x[2 * 10] = x[2 * 11 + 1] = x[2 * 12] = 1.0f;       /* in turns: in no channel a run */
	ok(measure(N, 2, N).clipped_runs == 0, "a run is in one channel");

	memset(x, 0, sizeof x);
	x[RATE / 2] = 0.01f;
	x[RATE] = 0.00005f; /* -86 dBFS: silence */
	v = measure(N, 1, 4096);
	ok_near(v.leading_silence_s, 0.5, 1e-9, "silence before");
	ok_near(v.trailing_silence_s, 1.5 - 1.0 / RATE, 1e-9, "silence after");
	ok_near(v.silent_ratio, 39.0 / 40, 1e-9, "39 of 40 windows are silent");
	memset(x, 0, sizeof x);
	v = measure(N, 1, N);
	ok(isnan(v.rms_dbfs) && isnan(v.peak_dbfs) && isnan(v.crest_factor_db) && isnan(v.dynamic_range_db),
	   "silence has no levels");
	ok(v.leading_silence_s == 2 && v.trailing_silence_s == 0, "silence all through is leading");
	v = measure(0, 1, 1);
	ok(v.frames == 0 && isnan(v.rms_dbfs) && isnan(v.dc_offset_fs) && isnan(v.silent_ratio), "nothing at all");
	x[0] = 0.5f;
	v = measure(1, 1, 1);
	ok_near(v.peak_dbfs, -6.0206, 1e-4, "one sample");
}

static void
percentiles(void)
{
	struct stats s = { 0 };

	ok(isnan(stats_percentile(&s, 50)), "no values, no percentile");
	stats_add(&s, 4);
	ok(stats_percentile(&s, 5) == 4 && stats_percentile(&s, 95) == 4, "one value is all percentiles");
	stats_add(&s, 1), stats_add(&s, 3), stats_add(&s, 2);
	ok_near(stats_percentile(&s, 50), 2.5, 1e-12, "the median of 1 2 3 4");
	ok_near(stats_percentile(&s, 95), 3.85, 1e-12, "95 %, interpolated");
	ok(stats_percentile(&s, 0) == 1 && stats_percentile(&s, 100) == 4, "the ends");
	for (int i = 0; i < 1000; i++)
		stats_add(&s, i);
	ok(s.n == 1004 && stats_percentile(&s, 100) == 999, "many");
	stats_free(&s);
}

int
main(void)
{
	levels();
	dr14();
	faults();
	percentiles();
	return done();
}
