/* spectrum.c - Welch's long-term average spectrum. */
#include "metrics/spectrum.h"
#include "base/mem.h"
#include "dsp/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double low_hz = 20, bass_top_hz = 250, mid_top_hz = 2000, high_hz = 20000;

const double spectrum_band_hz[SPECTRUM_BANDS] = {
	25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630,
	800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000
};

struct spectrum {
	int rate_hz, channels;
	size_t n, bins;        /* window length, n / 2 + 1 */
	struct fft *fft;
	double *window, *in, *out, *power;
	float *buf;            /* n frames x channels */
	size_t have;           /* frames in buf */
	int64_t windows;
};

int
spectrum_new(struct spectrum **out, int rate_hz, int channels, struct err *e)
{
	struct spectrum *s = calloc(1, sizeof *s);

	*out = s;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->rate_hz = rate_hz;
	s->channels = channels;
	s->n = fft_size_for((size_t)rate_hz / 6);
	s->bins = s->n / 2 + 1;
	s->fft = fft_new(s->n);
	s->window = mem_zalloc(s->n, sizeof *s->window);
	s->in = mem_zalloc(s->n, sizeof *s->in);
	s->out = mem_zalloc(s->n + 2, sizeof *s->out);
	s->power = mem_zalloc(s->bins, sizeof *s->power);
	s->buf = mem_zalloc(s->n, sizeof *s->buf * (size_t)channels);
	if (!s->fft || !s->window || !s->in || !s->out || !s->power || !s->buf) {
		spectrum_free(s);
		*out = NULL;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

/* Periodic Hann over len of the n samples. */
static void
hann(double *w, size_t len, size_t n)
{
	for (size_t i = 0; i < n; i++)
		w[i] = i < len ? 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)len) : 0;
}

/* Add the power of the window in buf. */
static void
add_window(struct spectrum *s, size_t len)
{
	double sum = 0, scale;

	if (s->windows == 0)
		hann(s->window, len, s->n);
	for (size_t i = 0; i < len; i++)
		sum += s->window[i] * s->window[i];
	scale = sum > 0 ? 1 / (sum * (double)s->n * s->channels) : 0;
	for (int c = 0; c < s->channels; c++) {
		for (size_t i = 0; i < s->n; i++)
			s->in[i] = i < len ? s->window[i] * s->buf[i * (size_t)s->channels + (size_t)c] : 0;
		fft_real(s->fft, s->in, s->out);
		for (size_t k = 0; k < s->bins; k++) {
			double p = s->out[2 * k] * s->out[2 * k] + s->out[2 * k + 1] * s->out[2 * k + 1];

			s->power[k] += (k == 0 || k == s->bins - 1 ? 1 : 2) * scale * p;
		}
	}
	s->windows++;
}

void
spectrum_add(struct spectrum *s, const float *x, int64_t frames)
{
	size_t ch = (size_t)s->channels, half = s->n / 2;

	for (size_t left = (size_t)frames; left > 0;) {
		size_t n = s->n - s->have < left ? s->n - s->have : left;

		memcpy(s->buf + s->have * ch, x, n * ch * sizeof *x);
		s->have += n;
		left -= n;
		x += n * ch;
		if (s->have == s->n) {
			add_window(s, s->n);
			memmove(s->buf, s->buf + half * ch, half * ch * sizeof *s->buf);
			s->have = half;
		}
	}
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

void
spectrum_end(struct spectrum *s, struct spectrum_values *v)
{
	double top = s->rate_hz / 2.0 < high_hz ? s->rate_hz / 2.0 : high_hz, all;

	if (s->windows == 0 && s->have > 0)
		add_window(s, s->have);
	for (size_t k = 0; s->windows > 1 && k < s->bins; k++)
		s->power[k] /= (double)s->windows;
	v->centroid_hz = v->spread_hz = v->rolloff_85_hz = v->rolloff_95_hz = v->flatness = NAN;
	v->bass_ratio = v->mid_ratio = v->treble_ratio = NAN;
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double centre = 1000 * pow(10, (b - 16) / 10.0), edge = pow(10, 0.05), p;

		p = centre * edge <= s->rate_hz / 2.0 ? power_between(s, centre / edge, centre * edge) : 0;
		v->third_octave_dbfs[b] = p > 0 ? 10 * log10(p) : NAN;
	}
	all = power_between(s, low_hz, top);
	if (!(all > 0))
		return;
	v->bass_ratio = power_between(s, low_hz, bass_top_hz) / all;
	v->mid_ratio = power_between(s, bass_top_hz, mid_top_hz) / all;
	v->treble_ratio = power_between(s, mid_top_hz, top) / all;
	v->rolloff_85_hz = rolloff(s, 0.85, top);
	v->rolloff_95_hz = rolloff(s, 0.95, top);
	shape(s, top, v);
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
	fft_free(s->fft);
	mem_free(s->window);
	mem_free(s->in);
	mem_free(s->out);
	mem_free(s->power);
	mem_free(s->buf);
	free(s);
}
