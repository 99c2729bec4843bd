/* diff.c - how far one signal is from another. */
#include "metrics/diff.h"
#include "base/mem.h"
#include "dsp/fft.h"
#include "metrics/loudness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_DELAY = 1 << 20,
	NEAR = 32,           /* lags to each side that the interpolated correlation is made of */
	TAPS = 128,          /* of the fractional delay */
	CANDIDATES = 32,     /* peaks of the correlation that are looked at between the lags */
	BLOCK = 4096         /* frames at a time, for loudness and the fractional delay */
};
static const double kaiser_beta = 12;
static const double least_delay = 1e-6; /* frames; what is less is rounding */
static const double band_range_db = 80;

struct job {
	struct diff_signal ref, test;
	int rate_hz;
	size_t ch;
};

static double
db(double power_ratio)
{
	return 10 * log10(power_ratio); /* 0: -infinity, NAN: NAN */
}

/* Cross-correlation at lags -max..max, over all channels: r[max + l] = sum ref[n] test[n + l]. */
static int
correlate(const struct job *j, int64_t max, double *r, struct err *e)
{
	int64_t len = j->ref.frames < j->test.frames ? j->ref.frames : j->test.frames;
	int64_t want = 2 * max + (len < 2 * max + 65536 ? len : 2 * max + 65536);
	size_t n = fft_size_for((size_t)(want > 2 ? want : 2));
	int64_t block = (int64_t)n - 2 * max;
	struct fft *fft = n ? fft_new(n) : NULL;
	double *in = mem_zalloc(n, sizeof *in), *x = mem_zalloc(n + 2, sizeof *x);
	double *y = mem_zalloc(n + 2, sizeof *y), *sum = mem_zalloc(n + 2, sizeof *sum);
	int ret = -1;

	if (!n || !fft || !in || !x || !y || !sum) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	for (int64_t at = 0; at < j->ref.frames; at += block) {
		for (size_t c = 0; c < j->ch; c++) {
			for (int64_t i = 0; i < (int64_t)n; i++) {
				int64_t f = at + i;

				in[i] = i < block && f < j->ref.frames ? j->ref.x[(size_t)f * j->ch + c] : 0;
			}
			fft_real(fft, in, x);
			for (int64_t i = 0; i < (int64_t)n; i++) {
				int64_t f = at + i - max;

				in[i] = f >= 0 && f < j->test.frames ? j->test.x[(size_t)f * j->ch + c] : 0;
			}
			fft_real(fft, in, y);
			for (size_t k = 0; k < n + 2; k += 2) { /* conj(x) y */
				sum[k] += x[k] * y[k] + x[k + 1] * y[k + 1];
				sum[k + 1] += x[k] * y[k + 1] - x[k + 1] * y[k];
			}
		}
	}
	fft_real_inverse(fft, sum, in);
	memcpy(r, in, (size_t)(2 * max + 1) * sizeof *r);
	ret = 0;
out:
	fft_free(fft);
	mem_free(in);
	mem_free(x);
	mem_free(y);
	mem_free(sum);
	return ret;
}

static double
sinc(double t)
{
	return fabs(t) < 1e-9 ? 1 : sin(M_PI * t) / (M_PI * t);
}

/* The correlation between lags, by a Hann-windowed sinc; n lags in r. */
static double
between(const double *r, int64_t n, double at)
{
	int64_t mid = (int64_t)floor(at);
	double sum = 0;

	for (int64_t i = mid - NEAR + 1; i <= mid + NEAR; i++)
		if (i >= 0 && i < n) {
			double t = at - (double)i;

			sum += r[i] * sinc(t) * (0.5 + 0.5 * cos(M_PI * t / (NEAR + 1)));
		}
	return sum;
}

/* Where |r| is largest within a sample of its largest lag; golden section. */
static double
refine(const double *r, int64_t n, int64_t peak)
{
	const double part = (sqrt(5) - 1) / 2;
	double sign = r[peak] < 0 ? -1 : 1, a = (double)peak - 1, b = (double)peak + 1;

	for (int i = 0; i < 60; i++) {
		double c = b - part * (b - a), d = a + part * (b - a);

		if (sign * between(r, n, c) >= sign * between(r, n, d))
			b = d;
		else
			a = c;
	}
	return (a + b) / 2;
}

/* The lag whose interpolated peak is highest.  A sharp peak halfway between two lags loses up to 36 % at
 * either, so that a note's next period may look better: the largest peaks are all refined.  Of equal ones
 * (a steady tone) the nearest to mid, no delay, is taken. */
static int64_t
find_peak(const double *r, int64_t n, int64_t mid, double *at)
{
	int64_t best[CANDIDATES], peak = mid;
	double top = 0, highest = 0;
	int count = 0;

	for (int64_t i = NEAR; i < n - NEAR; i++)
		top = fmax(top, fabs(r[i]));
	for (int64_t i = NEAR; i < n - NEAR && top > 0; i++) {
		int j;

		if (fabs(r[i]) < 0.6 * top || fabs(r[i]) < fabs(r[i - 1]) || fabs(r[i]) < fabs(r[i + 1]))
			continue;
		/* keep them sorted, largest first */
		for (j = count < CANDIDATES ? count++ : CANDIDATES; j > 0 && fabs(r[best[j - 1]]) < fabs(r[i]); j--)
			if (j < CANDIDATES)
				best[j] = best[j - 1];
		if (j < CANDIDATES)
			best[j] = i;
	}
	*at = (double)mid;
	for (int j = 0; j < count; j++) {
		double t = refine(r, n, best[j]), height = fabs(between(r, n, t));

		if (height > highest * (1 + 1e-9) ||
		    (height > highest * (1 - 1e-9) && llabs(best[j] - mid) < llabs(peak - mid))) {
			highest = height;
			peak = best[j];
			*at = t;
		}
	}
	return peak;
}

/* Modified Bessel function of the first kind, order 0. */
static double
bessel_i0(double x)
{
	double sum = 1, term = 1;

	for (int k = 1; k < 100 && term > 1e-17 * sum; k++) {
		term *= (x / (2 * k)) * (x / (2 * k));
		sum += term;
	}
	return sum;
}

/* out[f] = x[f + fraction], 0 <= fraction < 1, for every frame; silence outside. */
static void
shift(const struct diff_signal *s, size_t ch, double fraction, float *out)
{
	double taps[TAPS], acc[BLOCK], buf[BLOCK + TAPS];

	for (int k = 0; k < TAPS; k++) { /* tap k takes frame f + k - TAPS / 2 + 1 */
		double t = k - TAPS / 2 + 1 - fraction, u = t / (TAPS / 2.0);

		taps[k] = fabs(u) < 1 ? sinc(t) * bessel_i0(kaiser_beta * sqrt(1 - u * u)) / bessel_i0(kaiser_beta) : 0;
	}
	for (int64_t at = 0; at < s->frames; at += BLOCK) {
		int64_t n = s->frames - at < BLOCK ? s->frames - at : BLOCK;

		for (size_t c = 0; c < ch; c++) {
			for (int64_t i = 0; i < BLOCK + TAPS; i++) {
				int64_t f = at + i - TAPS / 2 + 1;

				buf[i] = f >= 0 && f < s->frames ? s->x[(size_t)f * ch + c] : 0;
			}
			memset(acc, 0, sizeof acc);
			for (int k = 0; k < TAPS; k++)
				for (int i = 0; i < BLOCK; i++) /* taps outside: the lanes are frames */
					acc[i] += taps[k] * buf[i + k];
			for (int64_t i = 0; i < n; i++)
				out[(size_t)(at + i) * ch + c] = (float)acc[i];
		}
	}
}

struct fit {
	int64_t ref_at, frames; /* the overlap, in ref */
	double gain, residual, signal, other, correlation, max;
};

/* Best gain on test, which is delayed by whole frames, and what is left. */
static struct fit
fit_gain(const struct job *j, const float *test, int64_t delay)
{
	struct fit f = { .ref_at = delay < 0 ? -delay : 0 };
	int64_t test_at = delay > 0 ? delay : 0;
	int64_t a = j->ref.frames - f.ref_at, b = j->test.frames - test_at;
	const float *x = j->ref.x + (size_t)f.ref_at * j->ch, *y = test + (size_t)test_at * j->ch;
	double xy = 0;
	size_t n;

	f.frames = a < b ? a : b;
	f.frames = f.frames > 0 ? f.frames : 0;
	n = (size_t)f.frames * j->ch;
	for (size_t i = 0; i < n; i++) {
		xy += (double)x[i] * y[i];
		f.other += (double)y[i] * y[i];
		f.signal += (double)x[i] * x[i];
	}
	f.gain = xy / f.other;
	f.correlation = xy / sqrt(f.signal * f.other);
	for (size_t i = 0; i < n; i++) {
		double d = x[i] - f.gain * y[i];

		f.residual += d * d;
		f.max = fabs(d) > f.max ? fabs(d) : f.max;
	}
	return f;
}

static void
compare_raw(const struct job *j, struct diff_values *v)
{
	int64_t frames = j->ref.frames < j->test.frames ? j->ref.frames : j->test.frames;
	size_t n = (size_t)frames * j->ch;
	double error = 0, signal = 0;

	v->compared_frames = frames;
	v->max_difference_frame = frames ? 0 : -1;
	for (size_t i = 0; i < n; i++) {
		double d = (double)j->ref.x[i] - j->test.x[i];

		error += d * d;
		signal += (double)j->ref.x[i] * j->ref.x[i];
		if (fabs(d) > v->max_difference_fs) {
			v->max_difference_fs = fabs(d);
			v->max_difference_frame = (int64_t)(i / j->ch);
		}
	}
	v->esr_db = signal > 0 ? db(error / signal) : NAN;
	v->rms_difference_dbfs = n ? db(error / (double)n) : NAN;
	v->sample_exact = j->ref.frames == j->test.frames && error == 0 && v->max_difference_fs == 0;
}

static int
compare_fitted(const struct job *j, int64_t max_delay, struct diff_values *v, struct err *e)
{
	int64_t longest = j->ref.frames > j->test.frames ? j->ref.frames : j->test.frames;
	int64_t max = max_delay < longest ? max_delay : longest, n, peak, whole;
	double *r, at, fraction;
	float *moved = NULL;
	struct fit f, g;
	int ret = -1;

	max += NEAR; /* so that the correlation can be interpolated at the last delay */
	n = 2 * max + 1;
	r = mem_zalloc((size_t)n, sizeof *r);
	if (!r)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (correlate(j, max, r, e))
		goto out;
	peak = find_peak(r, n, max, &at);
	ret = 0;
	if (r[peak] == 0)
		goto out; /* one of them is silent */
	whole = peak - max;
	at -= (double)max;
	f = fit_gain(j, j->test.x, whole);
	v->delay_frames = (double)whole;
	if (f.residual > 0 && fabs(at - (double)whole) > least_delay) {
		int64_t down = (int64_t)floor(at);

		fraction = at - (double)down;
		moved = mem_zalloc((size_t)j->test.frames * j->ch, sizeof *moved);
		if (!moved) {
			ret = err_set(e, ERR_NOMEM, "out of memory");
			goto out;
		}
		shift(&j->test, j->ch, fraction, moved);
		g = fit_gain(j, moved, down);
		if (g.residual / g.signal < f.residual / f.signal) {
			f = g;
			v->delay_frames = at;
		}
	}
	if (!(f.signal > 0 && f.other > 0))
		goto out;
	v->polarity = f.gain < 0 ? -1 : 1;
	v->correlation = f.correlation;
	v->gain_db = db(f.gain * f.gain);
	v->fitted_frames = f.frames;
	v->esr_fitted_db = db(f.residual / f.signal);
	v->null_depth_db = -v->esr_fitted_db;
	v->max_difference_fitted_fs = f.max;
	v->rms_difference_fitted_dbfs = db(f.residual / ((double)f.frames * (double)j->ch));
out:
	mem_free(r);
	mem_free(moved);
	return ret;
}

/* Loudness and third octaves of one signal. */
static int
listen(const struct job *j, struct diff_signal s, double *lufs, struct spectrum_values *bands, struct err *e)
{
	struct loudness_values lv;
	struct loudness *l = NULL;
	struct spectrum *sp = NULL;
	int ret = -1;

	if (loudness_new(&l, j->rate_hz, (int)j->ch, LOUDNESS_INTEGRATED, e) ||
	    spectrum_new(&sp, j->rate_hz, (int)j->ch, e))
		goto out;
	if (loudness_add(l, s.x, s.frames, e) || loudness_end(l, &lv, e))
		goto out;
	spectrum_add(sp, s.x, s.frames);
	spectrum_end(sp, bands);
	*lufs = loudness_for_level(&lv, j->rate_hz, NULL);
	ret = 0;
out:
	loudness_free(l);
	spectrum_free(sp);
	return ret;
}

static int
compare_heard(const struct job *j, struct diff_values *v, struct err *e)
{
	struct spectrum_values a, b;
	double top = -INFINITY, sum = 0;
	int n = 0;

	if (listen(j, j->ref, &v->ref_loudness_lufs, &a, e) || listen(j, j->test, &v->test_loudness_lufs, &b, e))
		return -1;
	v->loudness_difference_lu = v->test_loudness_lufs - v->ref_loudness_lufs;
	for (int i = 0; i < SPECTRUM_BANDS; i++)
		top = fmax(top, fmax(a.third_octave_dbfs[i], b.third_octave_dbfs[i])); /* fmax ignores NAN */
	for (int i = 0; i < SPECTRUM_BANDS; i++) {
		double x = a.third_octave_dbfs[i], y = b.third_octave_dbfs[i];

		if (!(x > top - band_range_db) || !(y > top - band_range_db))
			continue;
		v->ltas_difference_db[i] = y - x - v->loudness_difference_lu;
		sum += v->ltas_difference_db[i] * v->ltas_difference_db[i];
		n++;
	}
	if (n)
		v->ltas_rms_difference_db = sqrt(sum / n);
	return 0;
}

int
diff_compare(struct diff_signal ref, struct diff_signal test, int rate_hz, int channels,
             int64_t max_delay_frames, struct diff_values *v, struct err *e)
{
	struct job j = { ref, test, rate_hz, (size_t)channels };

	*v = (struct diff_values){ .max_difference_frame = -1 };
	v->delay_frames = v->correlation = v->gain_db = v->esr_fitted_db = v->null_depth_db = NAN;
	v->max_difference_fitted_fs = v->rms_difference_fitted_dbfs = v->ltas_rms_difference_db = NAN;
	for (int i = 0; i < SPECTRUM_BANDS; i++)
		v->ltas_difference_db[i] = NAN;
	if (max_delay_frames < 0 || max_delay_frames > MAX_DELAY)
		return err_set(e, ERR_INPUT, "a delay of up to %lld frames cannot be looked for: at most %d",
		               (long long)max_delay_frames, MAX_DELAY);
	compare_raw(&j, v);
	if (v->compared_frames > 0 && compare_fitted(&j, max_delay_frames, v, e))
		return -1;
	return compare_heard(&j, v, e);
}
