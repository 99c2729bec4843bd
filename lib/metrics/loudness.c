/* loudness.c - libebur128, polled every 10 ms. */
#include "metrics/loudness.h"

#include <ebur128.h>
#include <math.h>
#include <stdlib.h>

enum { STEPS_M = 40, STEPS_S = 300 }; /* 400 ms and 3 s in steps of 10 ms */

struct loudness {
	ebur128_state *st;
	int rate_hz, channels, flags;
	int64_t frames, step, in_step;
	double energy[STEPS_S]; /* of the last steps, a ring */
	int64_t steps;
	double sum;             /* of all steps */
	double max_m, max_s;    /* energies */
	double sample_peak, true_peak; /* of the step so far */
	int64_t overs;
};

/* BS.1770's loudness of a weighted mean square, and back. */
static double
lufs_of(double energy)
{
	return energy > 0 ? 10 * log10(energy) - 0.691 : NAN;
}

static double
energy_of(double lufs)
{
	return isinf(lufs) ? 0 : pow(10, (lufs + 0.691) / 10);
}

int
loudness_new(struct loudness **out, int rate_hz, int channels, int flags, struct err *e)
{
	struct loudness *l = calloc(1, sizeof *l);
	int mode = EBUR128_MODE_M;

	*out = NULL;
	if (!l)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (flags & LOUDNESS_RANGE)
		flags |= LOUDNESS_INTEGRATED; /* tells whether anything passes the gate */
	if (flags & LOUDNESS_INTEGRATED)
		mode |= EBUR128_MODE_I;
	if (flags & LOUDNESS_RANGE)
		mode |= EBUR128_MODE_LRA;
	if (flags & LOUDNESS_TRUE_PEAK)
		mode |= EBUR128_MODE_TRUE_PEAK;
	if (rate_hz < 100 || channels < 1 ||
	    !(l->st = ebur128_init((unsigned)channels, (unsigned long)rate_hz, mode))) {
		free(l);
		return err_set(e, ERR_UNSUPPORTED, "cannot measure loudness at %d Hz with %d channels",
		               rate_hz, channels);
	}
	if (channels == 1 && flags & LOUDNESS_DUAL_MONO)
		ebur128_set_channel(l->st, 0, EBUR128_DUAL_MONO);
	for (unsigned c = 0; channels > 6 && c < (unsigned)channels; c++)
		ebur128_set_channel(l->st, c, EBUR128_LEFT);
	l->rate_hz = rate_hz;
	l->channels = channels;
	l->flags = flags;
	l->step = rate_hz / 100;
	*out = l;
	return 0;
}

static double
mean_of_last(const struct loudness *l, int n)
{
	double sum = 0;

	for (int i = 1; i <= n; i++)
		sum += l->energy[(l->steps - i) % STEPS_S];
	return sum / n;
}

/* A step of 10 ms is full: take its energy and move the windows. */
static void
end_step(struct loudness *l)
{
	double lufs = -HUGE_VAL, m;

	ebur128_loudness_window(l->st, 10, &lufs);
	l->energy[l->steps++ % STEPS_S] = energy_of(lufs);
	l->sum += energy_of(lufs);
	if (l->flags & LOUDNESS_MAX) {
		if (l->steps >= STEPS_M && (m = mean_of_last(l, STEPS_M)) > l->max_m)
			l->max_m = m;
		if (l->steps >= STEPS_S && (m = mean_of_last(l, STEPS_S)) > l->max_s)
			l->max_s = m;
	}
	if (l->true_peak > 1 && l->sample_peak <= 1)
		l->overs++;
	l->true_peak = l->sample_peak = 0;
	l->in_step = 0;
}

/* At most one step of samples. */
static int
add_part(struct loudness *l, const float *x, int64_t n, struct err *e)
{
	double p;

	if (ebur128_add_frames_float(l->st, x, (size_t)n))
		return err_set(e, ERR_NOMEM, "out of memory for the loudness of a long signal");
	for (unsigned c = 0; l->flags & LOUDNESS_TRUE_PEAK && c < (unsigned)l->channels; c++) {
		if (!ebur128_prev_true_peak(l->st, c, &p) && p > l->true_peak)
			l->true_peak = p;
		if (!ebur128_prev_sample_peak(l->st, c, &p) && p > l->sample_peak)
			l->sample_peak = p;
	}
	l->in_step += n;
	return 0;
}

int
loudness_add(struct loudness *l, const float *x, int64_t frames, struct err *e)
{
	while (frames > 0) {
		int64_t n = l->step - l->in_step;

		n = n < frames ? n : frames;
		if (add_part(l, x, n, e))
			return -1;
		if (l->in_step == l->step)
			end_step(l);
		x += n * l->channels;
		frames -= n;
		l->frames += n;
	}
	return 0;
}

/* Silence after the end: completes the last step, and lets the last peak out of the
 * interpolator, which looks a dozen samples ahead. */
static int
flush(struct loudness *l, struct err *e)
{
	int64_t pad = 2 * l->step - l->in_step;
	float *zeros = calloc((size_t)(l->step * l->channels), sizeof *zeros);
	int ret = 0;

	if (!zeros)
		return err_set(e, ERR_NOMEM, "out of memory");
	l->flags &= ~LOUDNESS_MAX; /* these windows end where the signal does */
	while (pad > 0 && !ret) {
		int64_t n = l->step - l->in_step;

		ret = add_part(l, zeros, n, e);
		if (!ret && l->in_step == l->step)
			end_step(l);
		pad -= n;
	}
	free(zeros);
	return ret;
}

int
loudness_end(struct loudness *l, struct loudness_values *v, struct err *e)
{
	int flags = l->flags;
	double x, peak = 0;

	*v = (struct loudness_values){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, l->frames };
	if (flags & LOUDNESS_INTEGRATED) {
		if (!ebur128_loudness_global(l->st, &x) && isfinite(x))
			v->integrated_lufs = x;
		if (isfinite(v->integrated_lufs) && !ebur128_relative_threshold(l->st, &x))
			v->threshold_lufs = x;
	}
	if (flags & LOUDNESS_RANGE && l->frames >= 4 * (int64_t)l->rate_hz && isfinite(v->integrated_lufs) &&
	    !ebur128_loudness_range(l->st, &x) && isfinite(x))
		v->range_lu = x;
	if (flags & LOUDNESS_MAX) {
		v->max_momentary_lufs = lufs_of(l->max_m);
		v->max_short_term_lufs = lufs_of(l->max_s);
	}
	if (l->frames == 0)
		return 0;
	if (flush(l, e))
		return -1;
	if (flags & LOUDNESS_INTEGRATED)
		v->ungated_lufs = lufs_of(l->sum * (double)l->step / (double)l->frames);
	for (unsigned c = 0; flags & LOUDNESS_TRUE_PEAK && c < (unsigned)l->channels; c++)
		if (!ebur128_true_peak(l->st, c, &x) && x > peak)
			peak = x;
	if (peak > 0)
		v->true_peak_dbtp = 20 * log10(peak);
	v->inter_sample_overs = l->overs;
	return 0;
}

void
loudness_free(struct loudness *l)
{
	if (!l)
		return;
	ebur128_destroy(&l->st);
	free(l);
}

double
loudness_for_level(const struct loudness_values *v, int rate_hz, const char **kind)
{
	int too_short = v->frames < (int64_t)rate_hz * 2 / 5;

	if (kind)
		*kind = too_short ? "ungated" : "integrated";
	return too_short ? v->ungated_lufs : v->integrated_lufs;
}
