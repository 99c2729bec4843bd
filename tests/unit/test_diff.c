/* test_diff.c - differences of signals that are made with known delay, gain, polarity and error. */
#include "../tap.h"
#include "metrics/diff.h"
#include <string.h>

enum { RATE = 48000, N = RATE * 2, MAX = RATE };

static float a[2 * N + 4096], b[2 * N + 4096];
static struct err e;
static struct diff_values v;

static unsigned long long seed = 1;
static double
noise(void) /* uniform, -1..1 */
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 11) / (double)(1ull << 52) - 1;
}

/* A signal in memory. */
struct signal {
	const float *x;
	int64_t frames, at;
	size_t ch;
};

static int
begin(void *ctx, int again, struct err *why)
{
	(void)again, (void)why;
	((struct signal *)ctx)->at = 0;
	return 0;
}

static int64_t
get(void *ctx, float *x, int64_t frames, struct err *why)
{
	struct signal *s = ctx;
	int64_t n = frames < s->frames - s->at ? frames : s->frames - s->at;

	(void)why;
	memcpy(x, s->x + (size_t)s->at * s->ch, (size_t)n * s->ch * sizeof *x);
	s->at += n;
	return n;
}

static float left[2 * N + 4096]; /* what null was given */
static size_t left_n;

static int
keep(void *ctx, const float *x, int64_t frames, struct err *why)
{
	(void)why;
	memcpy(left + left_n, x, (size_t)frames * *(size_t *)ctx * sizeof *x);
	left_n += (size_t)frames * *(size_t *)ctx;
	return 0;
}

static int
compare_by(int64_t na, int64_t nb, int channels, int64_t max_delay, int threads)
{
	size_t ch = (size_t)channels;
	struct signal x = { a, na, 0, ch }, y = { b, nb, 0, ch };
	struct diff_input ref = { begin, get, &x }, test = { begin, get, &y };
	struct diff_options o = { .max_delay_frames = max_delay, .threads = threads, .null = keep, .ctx = &ch };

	left_n = 0;
	return diff_compare(&ref, &test, RATE, channels, &o, &v, &e);
}

static void
compare(int64_t na, int64_t nb, int channels)
{
	if (compare_by(na, nb, channels, MAX, 2))
		abort();
}

/* A sum of 60 sines under 20 kHz that never repeats, with a smooth start and end, at any time: x(t - shift). */
static void
band_limited(float *x, double shift)
{
	double hz[60];

	seed = 7;
	for (int k = 0; k < 60; k++)
		hz[k] = 10050 + 9950 * noise();
	for (int i = 0; i < N; i++) {
		double t = i - shift, g = 0.5 - 0.5 * cos(2 * M_PI * t / N), sum = 0;

		for (int k = 0; k < 60; k++)
			sum += sin(2 * M_PI * hz[k] / RATE * t + k * k);
		x[i] = (float)(0.02 * g * sum);
	}
}

static void
whole_delays(void)
{
	static const int delays[] = { 0, -1, 480, -20000, MAX };
	int right = 1, deep = 1;

	for (size_t k = 0; k < sizeof delays / sizeof *delays; k++) {
		int d = delays[k];

		for (int i = 0; i < N; i++)
			a[i] = (float)(0.3 * noise());
		for (int i = 0; i < N; i++)
			b[i] = i - d >= 0 && i - d < N ? -0.5f * a[i - d] : 0;
		compare(N, N, 1);
		right &= v.delay_frames == d && v.polarity == -1 && fabs(v.gain_db - 6.0206) < 1e-4 &&
		         v.fitted_frames == N - abs(d) && fabs(v.correlation + 1) < 1e-6;
		deep &= v.null_depth_db > 140; /* -0.5 is exact: nothing is left */
	}
	ok(right, "delay, polarity and gain of noise, up to a second both ways");
	ok(deep, "and it cancels");
}

static void
fractions(void)
{
	static const double shifts[] = { 0.5, 0.1, -0.37, 7.25, -1000.9 };
	double worst = 0, shallow = INFINITY;

	band_limited(a, 0);
	for (int k = 0; k < 5; k++) {
		band_limited(b, shifts[k]);
		compare(N, N, 1);
		worst = fmax(worst, fabs(v.delay_frames - shifts[k]));
		if (fabs(shifts[k]) < 100) /* at 1000 frames the ends no longer match */
			shallow = fmin(shallow, v.null_depth_db);
	}
	ok_near(worst, 0, 1e-3, "delays between the samples");
	ok(shallow > 95, "cancel by more than 95 dB");
	printf("# worst delay error %.2g frames, null depth %.1f dB\n", worst, shallow);
}

static void
errors(void)
{
	double max = 0, sum = 0, signal = 0;
	int at = 0;

	for (int i = 0; i < N; i++) {
		a[i] = (float)(0.3 * noise());
		b[i] = a[i] + (float)(0.003 * noise());
		signal += (double)a[i] * a[i];
		sum += pow((double)a[i] - b[i], 2);
		if (fabs((double)a[i] - b[i]) > max) {
			max = fabs((double)a[i] - b[i]);
			at = i;
		}
	}
	compare(N, N, 1);
	ok_near(v.raw.esr_db, -40, 0.1, "noise 40 dB down: an ESR of -40 dB");
	ok_near(v.raw.esr_db, 10 * log10(sum / signal), 1e-9, "it is sum of squared differences over sum of squares");
	ok_near(v.raw.rms_dbfs, 10 * log10(sum / N), 1e-9, "RMS difference");
	ok(v.raw.max_fs == max && v.max_difference_frame == at, "largest difference, and where");
	ok_near(v.fitted.esr_db, v.raw.esr_db, 0.01, "nothing to fit");
	ok(!v.sample_exact, "not exact");
	memcpy(b, a, N * sizeof *a);
	compare(N, N, 1);
	ok(v.sample_exact && v.raw.esr_db < -1e300 && v.fitted.esr_db < -1e300 && v.delay_frames == 0 && v.gain_db == 0,
	   "the same samples");
	b[5000] = nextafterf(b[5000], 1);
	compare(N, N, 1);
	ok(!v.sample_exact && v.raw.esr_db < -150 && v.max_difference_frame == 5000, "one bit of one sample differs");
	compare(N, N - 1, 1);
	ok(!v.sample_exact && v.compared_frames == N - 1, "another length is not exact");
	for (int i = 0; i < N; i++) {
		a[2 * i] = b[2 * i + 1] = (float)noise();
		a[2 * i + 1] = b[2 * i] = (float)noise();
	}
	compare(N, N, 2);
	ok(v.fitted.esr_db > -1, "swapped channels do not cancel");
	for (int i = N; i-- > 0;) {
		b[2 * i] = i >= 3 ? a[2 * (i - 3)] : 0;
		b[2 * i + 1] = i >= 3 ? a[2 * (i - 3) + 1] : 0;
	}
	compare(N, N, 2);
	ok(v.delay_frames == 3 && v.null_depth_db > 140, "two channels are moved together");
}

/* Against sums written down plainly. */
static void
other_errors(void)
{
	double pe = 0, px = 0, worst = 0, var = 0;

	for (int i = 0; i < N; i++) {
		a[i] = (float)(0.3 * noise());
		b[i] = (float)(0.5 * a[i] + 0.01 * noise());
	}
	for (int i = 1; i < N; i++) {
		double d = (double)a[i] - b[i], before = (double)a[i - 1] - b[i - 1], x = a[i] - 0.85 * a[i - 1];

		pe += (d - 0.85 * before) * (d - 0.85 * before);
		px += x * x;
	}
	compare(N, N, 1);
	ok_near(v.raw.esr_preemphasis_db, 10 * log10(pe / px), 1e-9, "pre-emphasised ESR");
	/* noise of 0.01 beside a signal of 0.15 */
	ok_near(v.raw.si_sdr_db, 20 * log10(15), 0.1, "SI-SDR: gain does not count");
	ok_near(v.fitted.si_sdr_db, v.raw.si_sdr_db, 1e-3, "nor what is fitted");
	ok_near(v.fitted.esr_db, -v.raw.si_sdr_db, 0.03, "it is the fitted ESR but for means and a few parts in 1000");
	ok(left_n == N, "the null is as long as the reference");
	for (int i = 0; i < N; i++) {
		double g = pow(10, v.gain_db / 20);

		worst = i > 100 && i < N - 100 ? fmax(worst, fabs(left[i] - (a[i] - g * b[i]))) : worst;
		var += (double)left[i] * left[i] / (double)v.fitted_frames;
	}
	ok_near(worst, 0, 0.01, "it is what is left of the reference");
	ok_near(v.fitted.rms_dbfs, 10 * log10(var), 1e-5, "and the fitted values are its");
	for (int i = 0; i < N; i++)
		b[i] += 0.25f;
	compare(N, N, 1);
	ok_near(v.raw.si_sdr_db, 20 * log10(15), 0.1, "nor DC");
	memset(b, 0, sizeof b);
	memcpy(b + 1000, a, (N - 1000) * sizeof *b);
	compare(N, N, 1);
	worst = 0;
	for (int i = 0; i < N; i++)
		worst = fmax(worst, fabs(left[i]));
	ok(left_n == N && worst == 0 && v.fitted_frames == N - 1000, "a delayed copy leaves nothing, and silence where it has no samples");
}

/* Noise up to some 1.5 kHz that never repeats, at any time: cubic through points 16 samples apart. */
static double
smooth(double t)
{
	static double knot[2 * N / 16 + 8];
	double x = t / 16, f = x - floor(x), *p;

	if (knot[0] == 0)
		for (size_t i = 0; i < sizeof knot / sizeof *knot; i++)
			knot[i] = noise();
	p = knot + (int)x + 1; /* Catmull-Rom */
	return p[0] + 0.5 * f * (p[1] - p[-1] + f * (2 * p[-1] - 5 * p[0] + 4 * p[1] - p[2] + f * (3 * (p[0] - p[1]) + p[2] - p[-1])));
}

static void
drifts(void)
{
	static const double ppm[] = { 0, 30, -100, 400 };
	int n = 2 * N;

	for (int k = 0; k < 4; k++) {
		char name[64];

		for (int i = 0; i < n; i++) {
			a[i] = (float)(0.2 * smooth(i));
			b[i] = (float)(0.2 * smooth(i / (1 + ppm[k] * 1e-6)));
		}
		compare_by(n, n, 1, 1000, 2);
		snprintf(name, sizeof name, "a drift of %g ppm", ppm[k]);
		ok_near(v.drift_ppm, ppm[k], 1, name);
	}
	for (int i = 0; i < n; i++)
		b[i] = (float)(0.1 * noise());
	compare(n, n, 1);
	ok(isnan(v.drift_ppm), "noise has none");
	compare(N, N, 1);
	ok(isnan(v.drift_ppm), "nor has a short signal");
}

static void
threads(void)
{
	struct diff_values one;

	for (int i = 0; i < 2 * N; i++) {
		a[i] = (float)(0.3 * noise());
		b[i] = (float)(0.2 * a[i] + 0.1 * noise());
	}
	if (compare_by(2 * N, 2 * N - 77, 1, 1000, 1))
		abort();
	one = v;
	for (int n = 2; n <= 3; n++)
		if (compare_by(2 * N, 2 * N - 77, 1, 1000, n))
			abort();
		else if (memcmp(&one, &v, sizeof v) != 0)
			break;
	ok(!memcmp(&one, &v, sizeof v), "the same bits from 1 to 3 threads");
}

/* Sines at band centres; test has 6 dB more at 4 kHz and all of it is 10 dB down. */
static void
heard(void)
{
	for (int i = 0; i < N; i++) {
		double lo = sin(2 * M_PI * 500 * i / RATE), mid = sin(2 * M_PI * 1000 * i / RATE);
		double hi = sin(2 * M_PI * 4000 * i / RATE);

		a[i] = (float)(0.2 * (lo + mid + hi));
		b[i] = (float)(0.2 * 0.31622777 * (lo + mid + 2 * hi));
	}
	compare(N, N, 1);
	ok_near(v.ltas_difference_db[22] - v.ltas_difference_db[16], 6.0206, 0.01, "third octaves: 6 dB more at 4 kHz");
	ok_near(v.ltas_difference_db[16], -10 - v.loudness_difference_lu, 0.01, "after the loudness difference");
	ok(isnan(v.ltas_difference_db[27]), "where there is nothing, none");
	ok(v.loudness_difference_lu > -10 && v.loudness_difference_lu < -4, "loudness difference");
	ok(v.ltas_rms_difference_db > 2 && v.ltas_rms_difference_db < 6, "and how uneven it is");
}

static void
edges(void)
{
	for (int i = 0; i < N; i++)
		a[i] = b[i] = (float)sin(2 * M_PI * 1000 * i / RATE);
	compare(N, N, 1);
	ok(v.delay_frames == 0, "a steady tone: of many delays the least");
	memset(b, 0, sizeof b);
	compare(N, N, 1);
	ok_near(v.raw.esr_db, 0, 1e-9, "a silent test: the error is the signal");
	ok(isnan(v.delay_frames) && isnan(v.gain_db) && isnan(v.fitted.esr_db) && v.polarity == 0, "nothing to fit");
	memset(a, 0, sizeof a);
	compare(N, N, 1);
	ok(v.sample_exact && isnan(v.raw.esr_db) && isnan(v.loudness_difference_lu), "silence twice is exact, without an ESR");
	compare(0, 0, 1);
	ok(v.sample_exact && v.compared_frames == 0 && v.max_difference_frame == -1, "nothing twice");
	compare(N, 0, 1);
	ok(!v.sample_exact && isnan(v.raw.esr_db), "nothing against something");
	a[0] = b[0] = 0.5f;
	compare(1, 1, 1);
	ok(v.sample_exact && v.delay_frames == 0, "one sample");
	ok(compare_by(1, 1, 1, (1 << 20) + 1, 1) && strstr(e.msg, "1048576"), "a delay that is too long is refused");
}

int
main(void)
{
	whole_delays();
	fractions();
	errors();
	other_errors();
	drifts();
	threads();
	heard();
	edges();
	return done();
}
