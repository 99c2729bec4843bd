/* spectrum.c - Welch's long-term average spectrum. */
#include "metrics/spectrum.h"
#include "base/mem.h"
#include "base/scan.h"
#include "dsp/fft.h"
#include "dsp/stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLOPE_BANDS = 3 };
static const double slope_range_db = 60;
static const double low_hz = 20, bass_top_hz = 250, mid_top_hz = 2000, high_hz = 20000;

const double spectrum_band_hz[SPECTRUM_BANDS] = {
	25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630,
	800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000
};

struct spectrum {
	int rate_hz;
	size_t ch, n, bins;    /* window length, n / 2 + 1 */
	struct stft *stft;
	double *power;         /* sum, then average */
	float *batch;          /* bins x STFT_LANES */
	float *buf;            /* ch x span samples: a batch of windows */
	size_t span, have;
	int64_t windows;       /* of all channels together */
};

int
spectrum_new(struct spectrum **out, int rate_hz, int channels, struct err *e)
{
	struct spectrum *s = calloc(1, sizeof *s);

	*out = s;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->rate_hz = rate_hz;
	s->ch = (size_t)channels;
	s->n = fft_size_for((size_t)rate_hz / 6);
	s->bins = s->n / 2 + 1;
	s->span = s->n + (STFT_LANES - 1) * (s->n / 2);
	s->stft = stft_new(s->n, s->n);
	s->power = mem_zalloc(s->bins, sizeof *s->power);
	s->batch = mem_zalloc(s->bins, STFT_LANES * sizeof *s->batch);
	s->buf = mem_zalloc(s->span, sizeof *s->buf * s->ch);
	if (!s->stft || !s->power || !s->batch || !s->buf) {
		spectrum_free(s);
		*out = NULL;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

/* The first count windows in buf. */
static void
add_windows(struct spectrum *s, size_t count)
{
	size_t at[STFT_LANES];

	for (size_t l = 0; l < STFT_LANES; l++)
		at[l] = l * (s->n / 2);
	for (size_t c = 0; c < s->ch; c++) {
		stft_power(s->stft, s->buf + c * s->span, at, count, s->batch);
		for (size_t k = 0; k < s->bins; k++) {
			const float *p = s->batch + k * STFT_LANES;
			float part[4] = { 0 };
			size_t l = 0;

			for (; l + 4 <= count; l += 4)
				for (size_t i = 0; i < 4; i++)
					part[i] += p[l + i];
			for (size_t i = 0; l + i < count; i++)
				part[i] += p[l + i];
			s->power[k] += ((double)part[0] + (double)part[1]) + ((double)part[2] + (double)part[3]);
		}
		s->windows += (int64_t)count;
	}
}

void
spectrum_add(struct spectrum *s, const float *x, int64_t frames)
{
	size_t step = STFT_LANES * (s->n / 2);

	for (size_t left = (size_t)frames; left > 0;) {
		size_t n = s->span - s->have < left ? s->span - s->have : left;

		for (size_t c = 0; c < s->ch; c++)
			scan_channel(x, n, s->ch, c, s->buf + c * s->span + s->have);
		s->have += n;
		left -= n;
		x += n * s->ch;
		if (s->have < s->span)
			break;
		add_windows(s, STFT_LANES);
		s->have -= step;
		for (size_t c = 0; c < s->ch; c++)
			memmove(s->buf + c * s->span, s->buf + c * s->span + step, s->have * sizeof *s->buf);
	}
}

/* What is left at the end; then the average, scaled. */
static int
finish(struct spectrum *s)
{
	double scale;

	if (s->windows == 0 && s->have > 0 && s->have < s->n) {
		/* shorter than a window: one of its own length */
		struct stft *own = stft_new(s->n, s->have);

		if (!own)
			return -1;
		stft_free(s->stft);
		s->stft = own;
		add_windows(s, 1);
	} else if (s->have >= s->n) {
		add_windows(s, (s->have - s->n) / (s->n / 2) + 1);
	}
	scale = stft_window_square(s->stft) * (double)s->n * (double)s->windows;
	for (size_t k = 0; s->windows && k < s->bins; k++)
		s->power[k] *= scale > 0 ? (k == 0 || k == s->bins - 1 ? 1 : 2) / scale : 0;
	return 0;
}

/* Power between two frequencies. */
static double
power_between(const struct spectrum *s, double lo, double hi)
{
	double width = (double)s->rate_hz / (double)s->n, sum = 0;

	for (size_t k = 0; k < s->bins; k++) {
		double a = ((double)k - 0.5) * width, b = a + width;

		a = a > lo ? a : lo;
		b = b < hi ? b : hi;
		if (a < b)
			sum += s->power[k] * (b - a) / width;
	}
	return sum;
}

/* The frequency below which a share of the power from low_hz to top lies. */
static double
rolloff(const struct spectrum *s, double share, double top)
{
	double width = (double)s->rate_hz / (double)s->n, sum = 0, want = share * power_between(s, low_hz, top);

	for (size_t k = 0; k < s->bins; k++) {
		double a = ((double)k - 0.5) * width, b = a + width, p;

		a = a > low_hz ? a : low_hz;
		b = b < top ? b : top;
		if (a >= b)
			continue;
		p = s->power[k] * (b - a) / width;
		if (sum + p >= want)
			return p > 0 ? a + (b - a) * (want - sum) / p : a;
		sum += p;
	}
	return top;
}

/* Centroid, spread and flatness, over the bins whose centre is in range. */
static void
shape(const struct spectrum *s, double top, struct spectrum_values *v)
{
	double width = (double)s->rate_hz / (double)s->n, n = 0;
	double a = 0, fa = 0, ffa = 0, power = 0, logs = 0;

	for (size_t k = 0; k < s->bins; k++) {
		double f = (double)k * width, amp = sqrt(s->power[k]);

		if (f < low_hz || f > top)
			continue;
		a += amp;
		fa += f * amp;
		power += s->power[k];
		n++;
	}
	v->centroid_hz = fa / a;
	for (size_t k = 0; k < s->bins; k++) {
		double f = (double)k * width;

		if (f < low_hz || f > top)
			continue;
		ffa += (f - v->centroid_hz) * (f - v->centroid_hz) * sqrt(s->power[k]);
		/* empty bins count as 120 dB under the mean, or one of them would make all 0 */
		logs += log(fmax(s->power[k], 1e-12 * power / n));
	}
	v->spread_hz = sqrt(ffa / a);
	v->flatness = exp(logs / n) / (power / n);
}

/* The straight line of least squares through the density of the third octaves in dB, over octaves. */
static double
slope(const struct spectrum_values *v)
{
	double n = 0, x = 0, y = 0, xx = 0, xy = 0, top = -INFINITY;

	for (int b = 0; b < SPECTRUM_BANDS; b++)
		top = fmax(top, v->third_octave_dbfs[b]); /* fmax ignores NAN */
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double octave = (b - 16) / 10.0 * log2(10), db = v->third_octave_dbfs[b] - 10 * log10(2) * octave;

		if (!(v->third_octave_dbfs[b] > top - slope_range_db))
			continue;
		n++;
		x += octave;
		y += db;
		xx += octave * octave;
		xy += octave * db;
	}
	return n >= SLOPE_BANDS ? (n * xy - x * y) / (n * xx - x * x) : NAN;
}

int
spectrum_end(struct spectrum *s, struct spectrum_values *v, struct err *e)
{
	double top = s->rate_hz / 2.0 < high_hz ? s->rate_hz / 2.0 : high_hz, all;

	if (finish(s))
		return err_set(e, ERR_NOMEM, "out of memory");
	v->slope_db_octave = NAN;
	v->centroid_hz = v->spread_hz = v->rolloff_85_hz = v->rolloff_95_hz = v->flatness = NAN;
	v->bass_ratio = v->mid_ratio = v->treble_ratio = NAN;
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double centre = 1000 * pow(10, (b - 16) / 10.0), edge = pow(10, 0.05), p;

		p = centre * edge <= s->rate_hz / 2.0 ? power_between(s, centre / edge, centre * edge) : 0;
		v->third_octave_dbfs[b] = p > 0 ? 10 * log10(p) : NAN;
	}
	all = power_between(s, low_hz, top);
	if (!(all > 0))
		return 0;
	v->bass_ratio = power_between(s, low_hz, bass_top_hz) / all;
	v->mid_ratio = power_between(s, bass_top_hz, mid_top_hz) / all;
	v->treble_ratio = power_between(s, mid_top_hz, top) / all;
	v->rolloff_85_hz = rolloff(s, 0.85, top);
	v->rolloff_95_hz = rolloff(s, 0.95, top);
	shape(s, top, v);
	v->slope_db_octave = slope(v);
	return 0;
}

const double *
spectrum_power(const struct spectrum *s, size_t *n, double *bin_hz)
{
	*n = s->bins;
	*bin_hz = (double)s->rate_hz / (double)s->n;
	return s->power;
}

void
spectrum_free(struct spectrum *s)
{
	if (!s)
		return;
	stft_free(s->stft);
	mem_free(s->batch);
	mem_free(s->power);
	mem_free(s->buf);
	free(s);
}
