/* test_specdist.c - spectral distances against a plain transform in double precision, and what theory knows. */
#include "../tap.h"
#include "metrics/specdist.h"
#include <string.h>

enum { RATE = 48000, N = 7000, BINS = 1025 };

static float x[2 * N], y[2 * N], both_x[2 * N], both_y[2 * N];
static struct err e;

static unsigned long long seed = 1;
static double
noise(void) /* uniform, -1..1 */
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 11) / (double)(1ull << 52) - 1;
}

static struct specdist_values
distance(const float *a, const float *b, int64_t frames, int channels, int64_t block)
{
	struct specdist *s;
	struct specdist_values v;

	if (specdist_new(&s, RATE, channels, &e))
		abort();
	for (int64_t at = 0; at < frames; at += block)
		for (int p = 0; p < SPECDIST_PARTS; p++)
			specdist_add(s, p, a + at * channels, b + at * channels, block < frames - at ? block : frames - at);
	specdist_end(s, &v);
	specdist_free(s);
	return v;
}

/* |X|^2 of a Hann window of `window` samples in a transform of n, bin by bin. */
static void
power(const float *s, size_t window, size_t n, double *p)
{
	static double c[2048], d[2048];

	for (size_t i = 0; i < n; i++) {
		c[i] = cos(2 * M_PI * (double)i / (double)n);
		d[i] = sin(2 * M_PI * (double)i / (double)n);
	}
	for (size_t k = 0; k <= n / 2; k++) {
		double re = 0, im = 0;

		for (size_t i = 0; i < window; i++) {
			double w = s[i] * pow(sin(M_PI * (double)i / (double)window), 2);

			re += w * c[k * i % n];
			im += w * d[k * i % n];
		}
		p[k] = re * re + im * im;
	}
}

static double
mel_hz(double mel)
{
	return mel < 15 ? mel * 200 / 3 : 1000 * pow(6.4, (mel - 15) / 27);
}

/* All of it again, as the header says it, without a fast transform, blocks, or anything kept. */
static struct specdist_values
plain(void)
{
	static const size_t size[4] = { 1024, 2048, 512, 2048 }, hop[4] = { 120, 240, 50, 512 }, window[4] = { 600, 1200, 240, 2048 };
	struct specdist_values v = { 0, 0, 0, 0, 0 };
	static double p[BINS], q[BINS];

	for (int s = 0; s < 4; s++) {
		double dd = 0, xx = 0, logs = 0, count = 0;

		for (size_t at = 0; at + window[s] <= N; at += hop[s], count++) {
			double square = 0, mel = 0;

			power(x + at, window[s], size[s], p);
			power(y + at, window[s], size[s], q);
			for (size_t k = 0; s < 3 && k <= size[s] / 2; k++) {
				double m = sqrt(fmax(p[k], 1e-8)), n = sqrt(fmax(q[k], 1e-8));

				dd += (m - n) * (m - n);
				xx += m * m;
				logs += fabs(log(m) - log(n));
			}
			if (s < 3)
				continue;
			for (size_t k = 0; k < BINS; k++) {
				double full = 2048.0 / 4 * 2048 / 4; /* of a sine of full scale */

				p[k] /= full;
				q[k] /= full;
				square += pow(10 * log10(fmax(p[k], 1e-10)) - 10 * log10(fmax(q[k], 1e-10)), 2);
			}
			v.log_spectral_db += sqrt(square / BINS);
			for (int b = 0; b < 80; b++) {
				double low = 20 * 3 / 200.0, high = 15 + 27 * log(20000 / 1000.0) / log(6.4), edge[3], a = 0, c = 0;

				for (int i = 0; i < 3; i++)
					edge[i] = mel_hz(low + (high - low) * (b + i) / 81) / RATE * 2048;
				for (int k = 0; k < BINS; k++) {
					double w = fmax(0, fmin((k - edge[0]) / (edge[1] - edge[0]), (edge[2] - k) / (edge[2] - edge[1])));

					a += w * p[k];
					c += w * q[k];
				}
				mel += fabs(10 * log10(fmax(a, 1e-10)) - 10 * log10(fmax(c, 1e-10)));
			}
			v.mel_db += mel / 80;
		}
		if (s < 3) {
			v.convergence += sqrt(dd / xx) / 3;
			v.log_magnitude += logs / (count * (double)(size[s] / 2 + 1)) / 3;
		} else {
			v.log_spectral_db /= count;
			v.mel_db /= count;
		}
	}
	v.mr_stft = v.convergence + v.log_magnitude;
	return v;
}

static void
reference(void)
{
	struct specdist_values v, w;

	for (int i = 0; i < N; i++) {
		x[i] = (float)(0.3 * sin(0.05 * i) * exp(-i / 3000.0) + 0.01 * noise());
		y[i] = (float)(tanh(3 * x[i]) * 0.4 + 0.003 * noise());
	}
	v = distance(x, y, N, 1, 1000);
	w = plain();
	printf("# %g + %g, %g dB, mel %g dB\n", v.convergence, v.log_magnitude, v.log_spectral_db, v.mel_db);
	ok_near(v.convergence / w.convergence, 1, 1e-5, "convergence: as a plain double-precision transform has it");
	ok_near(v.log_magnitude / w.log_magnitude, 1, 1e-5, "log magnitude");
	ok_near(v.mr_stft / w.mr_stft, 1, 1e-5, "their sum");
	ok_near(v.log_spectral_db / w.log_spectral_db, 1, 1e-5, "log-spectral distance");
	ok_near(v.mel_db / w.mel_db, 1, 1e-5, "mel distance");
}

static void
known(void)
{
	struct specdist_values v, w;
	int same = 1;

	for (int i = 0; i < N; i++) {
		x[i] = (float)noise();
		y[i] = 0.5f * x[i];
	}
	v = distance(x, y, N, 1, N);
	ok_near(v.convergence, 0.5, 1e-6, "half of it: the difference is half");
	ok_near(v.log_magnitude, log(2), 1e-5, "and ln 2 in every bin");
	ok_near(v.log_spectral_db, 20 * log10(2), 1e-4, "6.02 dB");
	ok_near(v.mel_db, 20 * log10(2), 1e-4, "in every band");
	for (int64_t block = 1; block < N; block = block * 7 + 3) {
		w = distance(x, y, N, 1, block);
		same &= !memcmp(&v, &w, sizeof v);
	}
	ok(same, "the same bits for every block size");
	for (int i = 0; i < N; i++) {
		both_x[2 * i] = both_x[2 * i + 1] = x[i];
		both_y[2 * i] = both_y[2 * i + 1] = y[i];
	}
	w = distance(both_x, both_y, N, 2, 999);
	ok_near(w.mr_stft, v.mr_stft, 1e-9, "two equal channels are as far apart as one");
	ok_near(w.log_spectral_db, v.log_spectral_db, 1e-9, "in all measures");
	v = distance(x, x, N, 1, N);
	ok(v.mr_stft == 0 && v.log_spectral_db == 0 && v.mel_db == 0, "the same: 0");
}

static void
edges(void)
{
	struct specdist_values v;

	memset(y, 0, sizeof y);
	v = distance(y, y, N, 1, N);
	ok(isnan(v.convergence) && isnan(v.mr_stft) && v.log_magnitude == 0 && v.mel_db == 0, "silence twice: nothing to converge to");
	v = distance(x, y, N, 1, N);
	ok(fabs(v.convergence - 1) < 1e-3 && isfinite(v.log_magnitude) && v.mel_db > 40, "against silence: all is missing");
	v = distance(x, x, 0, 1, 1);
	ok(isnan(v.mr_stft) && isnan(v.log_spectral_db), "no samples");
	v = distance(x, y, 1, 1, 1);
	ok(!isnan(v.log_magnitude) && !isnan(v.log_spectral_db), "one sample");
}

int
main(void)
{
	reference();
	known();
	edges();
	return done();
}
