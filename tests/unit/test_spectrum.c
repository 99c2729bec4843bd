/* test_spectrum.c - the average spectrum against closed forms and a plain DFT. */
#include "../tap.h"
#include "metrics/spectrum.h"
#include <string.h>

enum { MAX = 48000 * 20 };
static float x[MAX];
static struct err e;
static struct spectrum_values v;

static struct spectrum *
measure(int rate, int channels, int64_t frames, int64_t block)
{
	struct spectrum *s;

	if (spectrum_new(&s, rate, channels, &e))
		abort();
	for (int64_t i = 0; i < frames; i += block)
		spectrum_add(s, x + i * channels, frames - i < block ? frames - i : block);
	if (spectrum_end(s, &v, &e))
		abort();
	return s;
}

static void
take(int rate, int channels, int64_t frames)
{
	spectrum_free(measure(rate, channels, frames, 4096));
}

static void
sines(int rate, int n, const double *amplitude, const double *hz)
{
	memset(x, 0, sizeof x);
	for (int s = 0; s < n; s++)
		for (int i = 0; i < MAX; i++)
			x[i] += (float)(amplitude[s] * sin(2 * M_PI * hz[s] * i / rate));
}

static unsigned long long seed = 1;
static double
noise(void) /* uniform, -1..1 */
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 11) / (double)(1ull << 52) - 1;
}

/* Largest relative error of the bins against a DFT written out: 8 kHz, windows of 2048. */
static double
against_dft(int channels)
{
	enum { RATE = 8000, N = 2048, WINDOWS = 3 };
	static double want[N / 2 + 1];
	double worst = 0, top = 0, sum = 0, width;
	size_t bins;
	struct spectrum *s;
	const double *p;

	memset(want, 0, sizeof want);
	for (int i = 0; i < N * 4; i++)
		x[i] = (float)noise();
	for (int i = 0; i < N; i++)
		sum += pow(0.5 - 0.5 * cos(2 * M_PI * i / N), 2);
	for (int c = 0; c < channels; c++)
		for (int w = 0; w < WINDOWS; w++)
			for (int k = 0; k <= N / 2; k += 31) { /* some bins are enough */
				double re = 0, im = 0;

				for (int i = 0; i < N; i++) {
					double h = 0.5 - 0.5 * cos(2 * M_PI * i / N);
					double a = h * x[(w * N / 2 + i) * channels + c];

					re += a * cos(2 * M_PI * (double)((long)k * i % N) / N);
					im -= a * sin(2 * M_PI * (double)((long)k * i % N) / N);
				}
				want[k] += (k == 0 || k == N / 2 ? 1 : 2) * (re * re + im * im) / sum / N / WINDOWS / channels;
			}
	s = measure(RATE, channels, N * 2 + 100, 777); /* 100 frames after the third window do not count */
	p = spectrum_power(s, &bins, &width);
	if (bins != N / 2 + 1 || fabs(width - (double)RATE / N) > 1e-12)
		worst = INFINITY;
	for (int k = 0; k <= N / 2; k += 31) {
		top = fmax(top, want[k]);
		worst = fmax(worst, fabs(p[k] - want[k]));
	}
	spectrum_free(s);
	return worst / top;
}

int
main(void)
{
	const double one[] = { 1 }, khz[] = { 1000 }, three[] = { 0.1, 0.1, 0.1 }, in_bands[] = { 100, 500, 5000 };
	struct spectrum_values w;
	struct spectrum *s;
	const double *p;
	double sum = 0, worst = 0, width;
	size_t bins;

	ok_near(against_dft(1), 0, 1e-6, "bins are those of a plain DFT");
	ok_near(against_dft(2), 0, 1e-6, "two channels: the mean of their power");

	sines(48000, 1, one, khz), take(48000, 1, MAX);
	ok_near(v.third_octave_dbfs[16], -3.0103, 0.001, "a sine of full scale at 1 kHz: -3.01 dBFS in its band");
	ok(v.third_octave_dbfs[15] < -60 && v.third_octave_dbfs[17] < -60, "and next to nothing beside it");
	ok_near(v.centroid_hz, 1000, 30, "its centroid");
	ok_near(v.rolloff_85_hz, 1000, 6, "its roll-off");
	ok(v.flatness < 1e-6, "a sine is not flat");
	ok_near(v.mid_ratio, 1, 1e-6, "all in the mids");
	sines(48000, 3, three, in_bands), take(48000, 1, MAX);
	ok_near(v.bass_ratio, 1.0 / 3, 1e-4, "three equal sines: a third in the bass");
	ok_near(v.mid_ratio, 1.0 / 3, 1e-4, "a third in the mids");
	ok_near(v.treble_ratio, 1.0 / 3, 1e-4, "a third in the treble");
	ok_near(v.rolloff_85_hz, 5000, 6, "85 % is in the third");
	sines(44100, 1, one, khz), take(44100, 1, MAX);
	ok_near(v.third_octave_dbfs[16], -3.0103, 0.001, "the same at 44.1 kHz");
	ok(isnan(v.third_octave_dbfs[29]), "where the band at 20 kHz does not fit");

	for (int i = 0; i < MAX; i++)
		x[i] = (float)(0.5 * noise());
	s = measure(48000, 1, MAX, 1000);
	w = v;
	p = spectrum_power(s, &bins, &width);
	for (size_t k = 0; k < bins; k++)
		sum += p[k];
	ok_near(10 * log10(sum), 10 * log10(0.25 / 3), 0.05, "the bins add up to the mean square");
	spectrum_free(s);
	ok_near(v.centroid_hz, 10010, 60, "white noise: the centroid is the middle of 20 Hz to 20 kHz");
	ok_near(v.spread_hz, 19980 / sqrt(12), 60, "its spread that of a uniform distribution");
	ok_near(v.rolloff_85_hz, 20 + 0.85 * 19980, 60, "85 % below");
	ok_near(v.rolloff_95_hz, 20 + 0.95 * 19980, 60, "95 % below");
	ok(v.flatness > 0.97 && v.flatness <= 1, "it is flat");
	for (int b = 8; b + 1 < SPECTRUM_BANDS; b++) /* 160 Hz and up: enough bins to be steady */
		worst = fmax(worst, fabs(v.third_octave_dbfs[b + 1] - v.third_octave_dbfs[b] - 1));
	ok_near(worst, 0, 0.6, "third octaves of white noise rise by 1 dB");
	ok_near(v.slope_db_octave, 0, 0.05, "its density is even: slope 0");
	take(48000, 1, MAX);
	ok(!memcmp(&v, &w, sizeof v), "any block size, the same bits");
	for (int i = 1; i < MAX; i++)
		x[i] = (float)(0.999 * x[i - 1] + 0.01 * noise());
	take(16000, 1, MAX); /* up to half of half the rate, where it is still straight, nearly all bands lie */
	ok_near(v.slope_db_octave, -6, 0.4, "brown noise falls by 6 dB an octave");

	sines(48000, 1, one, khz), take(48000, 1, 2000);
	ok_near(v.third_octave_dbfs[16], -3.0103, 0.1, "shorter than a window");
	take(48000, 1, 1);
	ok(isnan(v.centroid_hz), "one sample has no spectrum");
	memset(x, 0, sizeof x), take(48000, 2, 20000);
	ok(isnan(v.centroid_hz) && isnan(v.bass_ratio) && isnan(v.third_octave_dbfs[3]), "nor has silence");
	take(48000, 1, 0);
	ok(isnan(v.centroid_hz), "nor nothing");
	for (int i = 0; i < 20000; i++)
		x[i] = 0.5f;
	take(48000, 1, 20000);
	ok(!(v.bass_ratio > 0.01 && v.third_octave_dbfs[0] > -60), "DC is not bass");
	return done();
}
