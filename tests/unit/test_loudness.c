/* test_loudness.c - the cases of EBU Tech 3341 and 3342 that can be synthesised.
 *
 * Levels are peaks of a 1 kHz sine in dBFS, the same in both channels of a stereo signal, at
 * 48 kHz, if a case says nothing else.  Numbers and tolerances are the documents'. */
#include "../tap.h"
#include "metrics/loudness.h"
#include <stdlib.h>
#include <string.h>

enum { RATE = 48000 };

/* A signal under construction. */
static float *x;
static int64_t frames, cap;
static int channels = 2;
static struct err e;

static void
start(int ch)
{
	channels = ch;
	frames = 0;
}

static float *
grow(int64_t n)
{
	if ((frames + n) * channels > cap) {
		cap = (frames + n) * channels * 2;
		x = realloc(x, (size_t)cap * sizeof *x);
		if (!x)
			abort();
	}
	frames += n;
	return x + (frames - n) * channels;
}

/* seconds of a sine with a peak per channel; the phase runs on from the signal's start. */
static void
tone_each(double seconds, double hz, const double *peak)
{
	int64_t at = frames, n = (int64_t)lround(seconds * RATE);
	float *p = grow(n);

	for (int64_t i = 0; i < n; i++)
		for (int c = 0; c < channels; c++)
			*p++ = (float)(peak[c] * sin(2 * M_PI * hz * (double)(at + i) / RATE));
}

static void
tone(double seconds, double dbfs)
{
	double peak[2];

	peak[0] = peak[1] = dbfs > -200 ? pow(10, dbfs / 20) : 0;
	tone_each(seconds, 1000, peak);
}

static struct loudness_values
measure_at(int rate_hz, int flags, int64_t block)
{
	struct loudness_values v;
	struct loudness *l;

	if (loudness_new(&l, rate_hz, channels, flags, &e))
		abort();
	for (int64_t i = 0; i < frames; i += block)
		if (loudness_add(l, x + i * channels, frames - i < block ? frames - i : block, &e))
			abort();
	if (loudness_end(l, &v, &e))
		abort();
	loudness_free(l);
	return v;
}

static struct loudness_values
measure(int flags)
{
	return measure_at(RATE, flags, 4800);
}

static void
integrated(const char *name)
{
	ok_near(measure(LOUDNESS_INTEGRATED).integrated_lufs, -23, 0.1, name);
}

static void
tech_3341(void)
{
	static const double surround[5] = { 0.039810717, 0.039810717, 0.063095734, 0.031622777, 0.031622777 };
	struct loudness_values v;
	double worst;

	start(2), tone(20, -23), v = measure(LOUDNESS_ALL);
	ok_near(v.integrated_lufs, -23, 0.1, "3341-1: integrated");
	ok_near(v.max_momentary_lufs, -23, 0.1, "3341-1: momentary");
	ok_near(v.max_short_term_lufs, -23, 0.1, "3341-1: short-term");
	start(2), tone(20, -33), v = measure(LOUDNESS_ALL);
	ok_near(v.integrated_lufs, -33, 0.1, "3341-2: integrated");
	ok_near(v.max_momentary_lufs, -33, 0.1, "3341-2: momentary");
	ok_near(v.max_short_term_lufs, -33, 0.1, "3341-2: short-term");
	start(2), tone(10, -36), tone(60, -23), tone(10, -36), integrated("3341-3: the relative gate");
	start(2), tone(10, -72), tone(10, -36), tone(60, -23), tone(10, -36), tone(10, -72);
	integrated("3341-4: the absolute gate");
	start(2), tone(20, -26), tone(20.1, -20), tone(20, -26), integrated("3341-5: overlapping blocks");
	start(5), tone_each(20, 1000, surround), integrated("3341-6: surround weights");

	start(2);
	for (int i = 0; i < 5; i++)
		tone(1.34, -20), tone(1.66, -30);
	ok_near(measure(LOUDNESS_MAX).max_short_term_lufs, -23, 0.1, "3341-9: short-term of a pattern of 3 s");
	worst = 0;
	for (int i = 0; i < 20; i++) {
		double d;

		start(2), tone(i * 0.15, -999), tone(3, -23), tone(1, -999);
		d = fabs(measure(LOUDNESS_MAX).max_short_term_lufs + 23);
		worst = d > worst ? d : worst;
	}
	ok_near(worst, 0, 0.1, "3341-10: largest short-term, 20 offsets");
	start(2);
	for (int i = 0; i < 25; i++)
		tone(0.18, -20), tone(0.22, -30);
	ok_near(measure(LOUDNESS_MAX).max_momentary_lufs, -23, 0.1, "3341-12: momentary of a pattern of 0.4 s");
	worst = 0;
	for (int i = 0; i < 20; i++) {
		double d;

		start(2), tone(i * 0.02, -999), tone(0.4, -23), tone(1, -999);
		d = fabs(measure(LOUDNESS_MAX).max_momentary_lufs + 23);
		worst = d > worst ? d : worst;
	}
	ok_near(worst, 0, 0.1, "3341-13: largest momentary, 20 offsets");
}

/* A meter that runs: the largest value so far, after each of 20 tones, each 1 dB louder than the one before. */
static double
live(double tone_s, double step_s)
{
	double worst = 0;

	start(2);
	for (int i = 0; i < 20; i++) {
		struct loudness_values v;
		double d;

		tone(i * step_s, -999), tone(tone_s, -38 + i), tone(tone_s - i * step_s, -999);
		v = measure(LOUDNESS_MAX);
		d = fabs((tone_s > 1 ? v.max_short_term_lufs : v.max_momentary_lufs) - (-38 + i));
		worst = d > worst ? d : worst;
	}
	return worst;
}

static void
tech_3341_live(void)
{
	ok_near(live(3, 0.15), 0, 0.1, "3341-11: the largest short-term so far");
	ok_near(live(0.4, 0.02), 0, 0.1, "3341-14: the largest momentary so far");
}

/* Cases 20 to 23: fs / 6 at 0.5 with one period of fs / 4 at 1.0, made at four times the rate, low-passed and decimated
 * from one of four samples on. */
static double
decimated(int offset)
{
	enum { PAD = 400, HALF = 192 }; /* of the filter, at the high rate */
	static double high[4 * RATE + 2 * PAD];
	int64_t n = RATE / 2;
	double cut = 22000 / (4.0 * RATE);
	float *p;

	for (int64_t i = 0; i < 4 * n + 2 * PAD; i++) {
		int64_t t = i - PAD, on = 24 * (n / 12), off = on + 16; /* where the louder period is */
		int64_t edge = t < 4 * n - t ? t : 4 * n - t;
		double fade = edge <= 0 ? 0 : edge < RATE / 25 ? (double)edge / (RATE / 25) : 1;

		high[i] = fade * (t < on ? 0.5 * sin(2 * M_PI * (double)t / 24) :
		                  t < off ? sin(2 * M_PI * (double)(t - on) / 16) :
		                  0.5 * sin(2 * M_PI * (double)(t - off) / 24));
	}
	start(1);
	p = grow(n);
	for (int64_t i = 0; i < n; i++) {
		double sum = 0;

		for (int k = -HALF; k <= HALF; k++) {
			double s = k ? sin(2 * M_PI * cut * k) / (M_PI * k) : 2 * cut;

			sum += s * (0.5 + 0.5 * cos(M_PI * k / HALF)) * high[PAD + 4 * i + offset + k];
		}
		p[i] = (float)sum;
	}
	return measure(LOUDNESS_TRUE_PEAK).true_peak_dbtp;
}

/* A sine of rate / div with fades of 10 ms. */
static double
true_peak(double div, double degrees, double peak)
{
	int64_t n = RATE, fade = RATE / 100;
	float *p;

	start(1);
	p = grow(n);
	for (int64_t i = 0; i < n; i++) {
		int64_t edge = i < n - 1 - i ? i : n - 1 - i;
		double g = edge < fade ? (double)edge / (double)fade : 1;

		p[i] = (float)(g * peak * sin(2 * M_PI * (double)i / div + degrees * M_PI / 180));
	}
	return measure(LOUDNESS_TRUE_PEAK).true_peak_dbtp;
}

/* Within +0.2 and -0.4 dB. */
static void
peak_case(double got, double want, const char *name)
{
	ok_near(got, want - 0.1, 0.3, name);
}

static void
true_peaks(void)
{
	struct loudness_values v;
	float *p;

	peak_case(true_peak(4, 0, 0.5), -6, "3341-15: fs/4");
	peak_case(true_peak(4, 45, 0.5), -6, "3341-16: fs/4 between the samples");
	peak_case(true_peak(6, 60, 0.5), -6, "3341-17: fs/6");
	peak_case(true_peak(8, 67.5, 0.5), -6, "3341-18: fs/8");
	peak_case(true_peak(4, 45, 1.41), 3, "3341-19: over full scale");
	v = measure(LOUDNESS_TRUE_PEAK);
	ok(v.inter_sample_overs > 90 && v.inter_sample_overs <= 100, "its overs are between the samples");
	true_peak(4, 45, 1.0);
	ok(measure(LOUDNESS_TRUE_PEAK).inter_sample_overs == 0, "a true peak of 1.0 is no over");
	for (int i = 0; i < 4; i++) {
		char name[60];

		snprintf(name, sizeof name, "3341-%d: a short peak, from sample %d on", 20 + i, i);
		peak_case(decimated(i), 0, name);
	}
	/* a pair of full samples that the file ends in: the interpolator needs what follows */
	start(1);
	p = grow(RATE);
	memset(p, 0, RATE * sizeof *p);
	p[RATE - 2] = p[RATE - 1] = 0.9f;
	ok(measure(LOUDNESS_TRUE_PEAK).true_peak_dbtp > 20 * log10(0.9) + 1, "a peak at the very end is seen");
}

static void
range(const double *levels, int n, double want, const char *name)
{
	start(2);
	for (int i = 0; i < n; i++)
		tone(20, levels[i]);
	ok_near(measure(LOUDNESS_RANGE).range_lu, want, 1, name);
}

static void
tech_3342(void)
{
	range((double[]){ -20, -30 }, 2, 10, "3342-1");
	range((double[]){ -20, -15 }, 2, 5, "3342-2");
	range((double[]){ -40, -20 }, 2, 20, "3342-3");
	range((double[]){ -50, -35, -20, -35, -50 }, 5, 15, "3342-4");
	range((double[]){ -20, -30, -20, -30 }, 4, 10, "3342-1 twice: the same range");
}

static void
edges(void)
{
	static const double one = 1;
	static const double lfe[6] = { 0, 0, 0, 1, 0, 0 };
	struct loudness_values v, w;
	struct loudness *l;
	const char *kind;
	int fine = 1;

	start(1), tone_each(10, 997, &one);
	ok_near(measure(LOUDNESS_INTEGRATED).integrated_lufs, -3.01, 0.01, "BS.1770: 0 dBFS in one channel is -3.01");
	ok_near(measure(LOUDNESS_INTEGRATED | LOUDNESS_DUAL_MONO).integrated_lufs, 0, 0.01, "on two speakers: 0");
	start(2), tone(10, -23);
	w = measure(LOUDNESS_INTEGRATED);
	v = measure(LOUDNESS_INTEGRATED | LOUDNESS_DUAL_MONO);
	ok(v.integrated_lufs == w.integrated_lufs, "dual mono does not touch stereo");
	v = measure_at(RATE, LOUDNESS_ALL, 7);
	w = measure_at(RATE, LOUDNESS_ALL, frames);
	ok(!memcmp(&v, &w, sizeof v) || (v.integrated_lufs == w.integrated_lufs && v.true_peak_dbtp ==
	   w.true_peak_dbtp && v.max_momentary_lufs == w.max_momentary_lufs), "any block size, the same values");
	ok_near(w.ungated_lufs, -23, 0.05, "ungated: the same for a steady tone");
	ok(w.frames == frames, "frames are counted");

	start(2), tone(0.3, -23), v = measure(LOUDNESS_ALL);
	ok(isnan(v.integrated_lufs) && isnan(v.max_momentary_lufs) && isnan(v.range_lu), "0.3 s: not defined");
	ok_near(v.ungated_lufs, -23, 0.1, "0.3 s: the ungated value is");
	ok_near(loudness_for_level(&v, RATE, &kind), v.ungated_lufs, 0, "and it levels by that");
	ok(!strcmp(kind, "ungated"), "and says so");
	start(2), tone(0.4, -23);
	loudness_for_level((v = measure(LOUDNESS_ALL), &v), RATE, &kind);
	ok(isfinite(v.integrated_lufs) && !strcmp(kind, "integrated"), "0.4 s: integrated");
	start(2), tone(5, -80), v = measure(LOUDNESS_ALL);
	ok(isnan(v.integrated_lufs) && isnan(v.range_lu) && isfinite(v.ungated_lufs), "under the gate");
	ok(isnan(loudness_for_level(&v, RATE, NULL)), "under the gate: nothing to level by");
	start(2), tone(5, -999), v = measure(LOUDNESS_ALL);
	ok(isnan(v.integrated_lufs) && isnan(v.ungated_lufs) && isnan(v.true_peak_dbtp), "silence has no loudness");
	start(2), v = measure(LOUDNESS_ALL);
	ok(isnan(v.integrated_lufs) && isnan(v.ungated_lufs) && v.frames == 0, "nor has nothing");
	start(6), tone_each(2, 1000, lfe);
	ok(isnan(measure(LOUDNESS_ALL).integrated_lufs), "the fourth of six is the LFE: not counted");
	start(8);
	for (double p[8] = { 0, 0, 0, 0, 0, 0, 0, 1 }; frames == 0;)
		tone_each(5, 997, p);
	ok_near(measure(LOUDNESS_ALL).integrated_lufs, -3.01, 0.01, "the eighth of eight counts");
	start(2), tone(6, -20), v = measure(LOUDNESS_ALL);
	ok_near(v.psr_min_db, 0, 0.1, "a steady sine in two channels: the peak is 0 dB over the loudness");
	ok(fabs(v.psr_max_db - v.psr_min_db) < 0.05 && fabs(v.psr_median_db - v.psr_min_db) < 0.05, "all the time");
	start(2), tone(3, -20), tone(3, -30), tone(3, -999), v = measure(LOUDNESS_ALL);
	ok(v.psr_max_db > 9 && v.psr_min_db < 0.1 && v.psr_median_db < v.psr_max_db,
	   "the peak of 3 s over the loudness of the same 3 s");
	start(2), tone(2, -20), v = measure(LOUDNESS_ALL);
	ok(isnan(v.psr_min_db), "2 s have none");
	start(2), tone(3.05, -20);
	if (loudness_new(&l, RATE, 2, LOUDNESS_ALL | LOUDNESS_SERIES, &e) || loudness_add(l, x, frames, &e) ||
	    loudness_end(l, &v, &e))
		abort();
	{
		size_t n;
		const struct loudness_point *s = loudness_series(l, &n);

		ok(n == 30 && isnan(s[2].momentary_lufs) && isnan(s[28].short_term_lufs), "series: a point every 100 ms");
		ok(fabs(s[3].momentary_lufs + 20) < 0.1 && fabs(s[29].short_term_lufs + 20) < 0.1 &&
		   fabs(s[9].true_peak_dbtp + 20) < 0.1, "of the windows that end there");
	}
	loudness_free(l);
	start(1), tone_each(4, 48, &one); /* 48 periods of a second: 8 Hz to 384 Hz at these rates */
	for (int rate = 8000; rate <= 384000; rate *= 2) {
		v = measure_at(rate, LOUDNESS_ALL, 4096);
		fine &= isfinite(v.integrated_lufs) && fabs(v.true_peak_dbtp) < 0.1;
	}
	ok(fine, "every rate from 8 to 384 kHz");
	ok(loudness_new(&l, 0, 1, LOUDNESS_ALL, &e) && !l, "0 Hz is refused");
	loudness_free(NULL);
}

int
main(void)
{
	tech_3341();
	tech_3341_live();
	true_peaks();
	tech_3342();
	edges();
	free(x);
	return done();
}
