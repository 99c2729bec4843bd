/* gts.c - the old definitions, in double precision. */
#include "metrics/gts.h"
#include "base/mem.h"
#include "dsp/fft.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* |X[k]|^2, k = 0..n/2, of any n (Bluestein 1970): x[t] c[t] convolved with conj(c), c[t] = exp(-i pi t^2 / n); the two
 * complex signals as four real ones. */
static int
powers(const float *x, size_t n, double *power)
{
	size_t m = fft_size_for(2 * n);
	struct fft *f = fft_new(m);
	double *in = mem_zalloc(m, sizeof *in), *s[4] = { NULL };
	int ret = -1;

	for (int i = 0; i < 4; i++)
		s[i] = mem_zalloc(m + 2, sizeof *s[i]);
	if (!f || !in || !s[0] || !s[1] || !s[2] || !s[3])
		goto out;
	for (int i = 0; i < 4; i++) {
		memset(in, 0, m * sizeof *in);
		for (size_t t = 0; t < n; t++) {
			double a = M_PI * (double)((uint64_t)t * t % (2 * (uint64_t)n)) / (double)n;
			double v = i % 2 ? -sin(a) : cos(a);

			if (i < 2) {
				in[t] = (double)x[t] * v;
			} else {
				in[t] = i == 3 ? -v : v;
				if (t)
					in[m - t] = in[t];
			}
		}
		fft_real(f, in, s[i]);
	}
	for (size_t k = 0; k < m + 2; k += 2) {
		double ar = s[0][k], ai = s[0][k + 1], br = s[1][k], bi = s[1][k + 1];
		double cr = s[2][k], ci = s[2][k + 1], dr = s[3][k], di = s[3][k + 1];

		s[0][k] = ar * cr - ai * ci - (br * dr - bi * di);
		s[0][k + 1] = ar * ci + ai * cr - (br * di + bi * dr);
		s[1][k] = ar * dr - ai * di + (br * cr - bi * ci);
		s[1][k + 1] = ar * di + ai * dr + (br * ci + bi * cr);
	}
	fft_real_inverse(f, s[0], in);
	for (size_t k = 0; k <= n / 2; k++)
		power[k] = in[k] * in[k];
	fft_real_inverse(f, s[1], in);
	for (size_t k = 0; k <= n / 2; k++)
		power[k] += in[k] * in[k];
	ret = 0;
out:
	fft_free(f);
	mem_free(in);
	for (int i = 0; i < 4; i++)
		mem_free(s[i]);
	return ret;
}

static int
spectral(const float *x, size_t n, int rate_hz, struct gts_values *v)
{
	double *p = mem_zalloc(n / 2 + 1, sizeof *p), sum = 0, weighted = 0, band[3] = { 0 }, all;

	if (!p || powers(x, n, p)) {
		mem_free(p);
		return -1;
	}
	for (size_t k = 0; k <= n / 2; k++) {
		double hz = (double)k * rate_hz / (double)n, a = sqrt(p[k]);

		sum += a;
		weighted += hz * a;
		if (hz >= 20 && hz <= 20000)
			band[hz < 250 ? 0 : hz < 2000 ? 1 : 2] += p[k];
	}
	mem_free(p);
	all = band[0] + band[1] + band[2];
	v->spectral_centroid_hz = sum > 0 ? weighted / sum : 0;
	v->bass_energy_ratio = all > 0 ? band[0] / all : 0;
	v->mid_energy_ratio = all > 0 ? band[1] / all : 0;
	v->treble_energy_ratio = all > 0 ? band[2] / all : 0;
	return 0;
}

static int
dynamic_range(const float *x, size_t n, int rate_hz, double *db)
{
	size_t w = (size_t)rate_hz / 20 > 0 ? (size_t)rate_hz / 20 : 1;
	struct stats s = { 0 };
	double low;
	int ret = 0;

	*db = 0;
	if (n < w)
		w = n; /* one window, of what there is: too few */
	for (size_t i = 0; i + w <= n && !ret; i += w) {
		double sum = 0;

		for (size_t k = i; k < i + w; k++)
			sum += (double)x[k] * (double)x[k];
		if (sum > 0)
			ret = stats_add(&s, sqrt(sum / (double)w));
	}
	low = stats_percentile(&s, 5);
	if (s.n >= 2 && low > 0)
		*db = 20 * log10(stats_percentile(&s, 95) / low);
	stats_free(&s);
	return ret;
}

/* Moving average of |x| over taps samples, as numpy's convolve has it with mode "same". */
static void
smooth(const float *x, size_t n, size_t taps, double *to)
{
	int64_t ahead = (int64_t)(taps - 1) / 2;
	double sum = 0;

	taps = taps ? taps : 1;
	for (int64_t i = -(int64_t)taps; i < (int64_t)n; i++) {
		int64_t in = i + ahead, gone = in - (int64_t)taps;

		sum += in >= 0 && in < (int64_t)n ? fabs((double)x[in]) : 0;
		sum -= gone >= 0 && gone < (int64_t)n ? fabs((double)x[gone]) : 0;
		if (i >= 0)
			to[i] = sum / (double)taps;
	}
}

static void
transients(const double *smoothed, size_t n, int rate_hz, double rms, struct gts_values *v)
{
	double level = rms * pow(10, 6.0 / 20), count = 0;
	int64_t apart = rate_hz / 20, last = -apart - 1;

	for (size_t i = 1; i < n && rms > 0; i++)
		if (smoothed[i] > level && !(smoothed[i - 1] > level) && (int64_t)i - last >= apart) {
			count++;
			last = (int64_t)i;
		}
	v->transient_density = count / v->duration_s;
}

static void
attack(const float *x, size_t n, int rate_hz, double peak, struct gts_values *v)
{
	size_t first = n / 100 > 0 ? n / 100 : 1, start, end;
	double noise = 0, least;

	first = first < (size_t)(0.01 * rate_hz) ? first : (size_t)(0.01 * rate_hz);
	for (size_t i = 0; i < first; i++)
		noise += fabs((double)x[i]) / (double)first;
	least = fmax(3 * noise, 0.01 * peak);
	for (start = 0; start < n && !(fabs((double)x[start]) > least); start++)
		;
	if (start == n)
		return;
	for (end = start; end < n && !(fabs((double)x[end]) > 0.9 * peak); end++)
		;
	if (end == n)
		for (end = 0; fabs((double)x[end]) < peak; end++)
			;
	v->attack_time_ms = ((double)end - (double)start) / rate_hz * 1000;
}

static int
sustain(const double *smoothed, size_t n, int rate_hz, struct gts_values *v)
{
	size_t top = 0, w = rate_hz / 10 > 2 ? (size_t)rate_hz / 10 : 2, half = w / 2;
	struct stats s = { 0 };
	int ret = 0;

	for (size_t i = 0; i < n; i++)
		top = smoothed[i] > smoothed[top] ? i : top;
	for (size_t i = top; i + w <= n && !ret; i += w) {
		double a = 0, b = 0;

		for (size_t k = 0; k < half; k++)
			a += smoothed[i + k] / (double)half;
		for (size_t k = half; k < w; k++)
			b += smoothed[i + k] / (double)(w - half);
		if (a > 0 && b > 0)
			ret = stats_add(&s, 20 * log10(b / a) / ((double)half / rate_hz));
	}
	if (s.n)
		v->sustain_decay_rate_db_s = stats_percentile(&s, 50);
	stats_free(&s);
	return ret;
}

int
gts_measure(const float *x, size_t n, int rate_hz, struct gts_values *v, struct err *e)
{
	double square = 0, peak = 0, rms, *smoothed;
	int bad;

	*v = (struct gts_values){ .duration_s = (double)n / rate_hz };
	if (n < 1 || n > GTS_MAX_SAMPLES)
		return err_set(e, ERR_INPUT, "%zu samples: the old measures are of 1 to %d; cut the file with audio-prep", n,
		               GTS_MAX_SAMPLES);
	smoothed = mem_zalloc(n, sizeof *smoothed);
	if (!smoothed)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		square += (double)x[i] * (double)x[i];
		peak = fmax(peak, fabs((double)x[i]));
	}
	rms = sqrt(square / (double)n);
	v->rms_dbfs = 20 * log10(rms);
	v->peak_dbfs = 20 * log10(peak);
	v->crest_factor_db = rms > 0 ? v->peak_dbfs - v->rms_dbfs : 0;
	v->lufs_integrated = v->rms_dbfs - 0.691;
	smooth(x, n, (size_t)(0.005 * rate_hz), smoothed);
	transients(smoothed, n, rate_hz, rms, v);
	attack(x, n, rate_hz, peak, v);
	smooth(x, n, (size_t)(0.01 * rate_hz), smoothed);
	bad = dynamic_range(x, n, rate_hz, &v->dynamic_range_db) || spectral(x, n, rate_hz, v) ||
	      (peak > 0 && sustain(smoothed, n, rate_hz, v));
	mem_free(smoothed);
	return bad ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}
