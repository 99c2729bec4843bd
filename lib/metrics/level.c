/* level.c - levels, dynamics, faults and stereo image. */
#include "metrics/level.h"
#include "audio/audio.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>

struct level {
	int rate_hz, channels;
	int64_t frames;
	double peak;
	double sum[AU_MAX_CHANNELS], square[AU_MAX_CHANNELS], product; /* product: left times right */
	int64_t run[AU_MAX_CHANNELS];      /* samples at the clipping level that just went by */
	int64_t runs, clipped, longest, over;
	int64_t first_loud, last_loud;     /* frames; -1: none yet */
	double window_square;
	int64_t window, in_window;         /* frames */
	struct stats rms;                  /* of the windows that are not digital silence */
	int64_t windows, silent_windows;
};

struct level *
level_new(int rate_hz, int channels)
{
	struct level *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->rate_hz = rate_hz;
	l->channels = channels;
	l->window = rate_hz / 20 > 0 ? rate_hz / 20 : 1;
	l->first_loud = l->last_loud = -1;
	return l;
}

static double
dbfs(double amplitude)
{
	return amplitude > 0 ? 20 * log10(amplitude) : NAN;
}

static double
silence_fs(void)
{
	return pow(10, LEVEL_SILENCE_DBFS / 20);
}

static void
end_run(struct level *l, int channel)
{
	int64_t n = l->run[channel];

	l->run[channel] = 0;
	if (n < LEVEL_CLIP_RUN)
		return;
	l->runs++;
	l->clipped += n;
	if (n > l->longest)
		l->longest = n;
}

static int
end_window(struct level *l, struct err *e)
{
	double rms = sqrt(l->window_square / (double)(l->window * l->channels));

	l->windows++;
	l->silent_windows += rms < silence_fs();
	l->window_square = 0;
	l->in_window = 0;
	return rms > 0 && stats_add(&l->rms, rms) ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}

int
level_add(struct level *l, const float *x, int64_t frames, struct err *e)
{
	float silence = (float)silence_fs();

	for (int64_t i = 0; i < frames; i++, x += l->channels) {
		float largest = 0;

		for (int c = 0; c < l->channels; c++) {
			double v = x[c];
			float a = fabsf(x[c]);

			largest = a > largest ? a : largest;
			l->sum[c] += v;
			l->square[c] += v * v;
			l->window_square += v * v;
			if (a >= LEVEL_CLIP_FS) {
				l->run[c]++;
				l->over += a > 1;
			} else if (l->run[c]) {
				end_run(l, c);
			}
		}
		if (l->channels == 2)
			l->product += (double)x[0] * x[1];
		if (largest > silence) {
			l->last_loud = l->frames;
			if (l->first_loud < 0)
				l->first_loud = l->frames;
		}
		l->peak = largest > l->peak ? largest : l->peak;
		l->frames++;
		if (++l->in_window == l->window && end_window(l, e))
			return -1;
	}
	return 0;
}

void
level_end(struct level *l, struct level_values *v)
{
	double square = 0, n = (double)l->frames;

	*v = (struct level_values){ .frames = l->frames, .correlation = NAN, .silent_ratio = NAN,
	                            .dynamic_range_db = NAN };
	for (int c = 0; c < l->channels; c++) {
		double dc = n > 0 ? l->sum[c] / n : NAN;

		end_run(l, c);
		square += l->square[c];
		if (c == 0 || fabs(dc) > fabs(v->dc_offset_fs))
			v->dc_offset_fs = dc;
	}
	v->rms_dbfs = dbfs(n > 0 ? sqrt(square / (n * l->channels)) : 0);
	v->peak_dbfs = dbfs(l->peak);
	v->crest_factor_db = v->peak_dbfs - v->rms_dbfs;
	if (l->rms.n >= 2)
		v->dynamic_range_db = dbfs(stats_percentile(&l->rms, 95) / stats_percentile(&l->rms, 5));
	v->clipped_runs = l->runs;
	v->clipped_samples = l->clipped;
	v->longest_clipped_run_frames = l->longest;
	v->samples_over_full_scale = l->over;
	v->leading_silence_s = (double)(l->first_loud < 0 ? l->frames : l->first_loud) / l->rate_hz;
	if (l->last_loud >= 0)
		v->trailing_silence_s = (double)(l->frames - 1 - l->last_loud) / l->rate_hz;
	if (l->windows)
		v->silent_ratio = (double)l->silent_windows / (double)l->windows;
	if (l->channels == 2 && l->square[0] > 0 && l->square[1] > 0)
		v->correlation = l->product / sqrt(l->square[0] * l->square[1]);
}

void
level_free(struct level *l)
{
	if (!l)
		return;
	stats_free(&l->rms);
	free(l);
}
