/* shape.c - trimming, filtering, minimum phase, alignment and level of impulse responses. */
#include "cab/shape.h"
#include "base/mem.h"
#include "dsp/bessel.h"
#include "dsp/db.h"
#include "dsp/fft.h"
#include "dsp/turn.h"
#include "fx/fx_math.h"
#include "fx/svf.h"

#include <math.h>
#include <string.h>

static const double ln2 = 0.69314718055994531, tau = 6.2831853071795865;

int
shape_new(struct shape *h, int64_t frames, int channels, int rate_hz, struct err *e)
{
	*h = (struct shape){ .frames = frames, .channels = channels, .rate_hz = rate_hz };
	h->x = mem_zalloc((size_t)frames, (size_t)channels * sizeof *h->x);
	return h->x ? 0 : err_set(e, ERR_NOMEM, "out of memory for an impulse response");
}

void
shape_free(struct shape *h)
{
	mem_free(h->x);
	h->x = NULL;
}

void
shape_measure(const struct shape *h, struct shape_facts *f)
{
	*f = (struct shape_facts){ .start_frame = h->frames, .onset_frame = h->frames };
	for (int c = 0; c < h->channels; c++) {
		double energy = 0;

		for (int64_t t = 0; t < h->frames; t++) {
			double v = fabs(h->x[c * h->frames + t]);

			f->peak = v > f->peak ? v : f->peak;
			energy += v * v;
		}
		f->energy = energy > f->energy ? energy : f->energy;
	}
	for (int c = 0; c < h->channels && f->peak > 0; c++) {
		const double *x = h->x + c * h->frames;
		int64_t t = 0;

		while (t < f->start_frame && fabs(x[t]) < f->peak / 1000)
			t++;
		f->start_frame = t < f->start_frame ? t : f->start_frame;
		while (t < f->onset_frame && fabs(x[t]) < f->peak / 10)
			t++;
		f->onset_frame = t < f->onset_frame ? t : f->onset_frame;
	}
}

int
shape_cut(struct shape *h, int64_t from, int64_t frames, struct err *e)
{
	struct shape s;

	if (!from && frames == h->frames)
		return 0;
	if (shape_new(&s, frames, h->channels, h->rate_hz, e))
		return -1;
	for (int c = 0; c < h->channels; c++)
		for (int64_t t = 0; t < frames && from + t < h->frames; t++)
			s.x[c * frames + t] = h->x[c * h->frames + from + t];
	shape_free(h);
	*h = s;
	return 0;
}

void
shape_fade(struct shape *h, int64_t n)
{
	n = n < h->frames ? n : h->frames;
	for (int c = 0; c < h->channels; c++)
		for (int64_t k = 0; k < n; k++) {
			double u = (double)(n - 1 - k) / (double)n;

			h->x[c * h->frames + h->frames - n + k] *= u * u * (3 - 2 * u);
		}
}

int
shape_filter(struct shape *h, int high, double hz, struct err *e)
{
	const double root_half = 0.70710678118654752, time_constants = 20;
	int64_t ring = (int64_t)ceil(time_constants * h->rate_hz / (tau * root_half * hz));
	struct svf f;

	if (shape_cut(h, 0, h->frames + ring, e))
		return -1;
	svf_set(&f, high ? SVF_HIGH_CUT : SVF_LOW_CUT, hz, 0, root_half, h->rate_hz);
	for (int c = 0; c < h->channels; c++) {
		struct svf_state s = { 0 };
		double *x = h->x + c * h->frames;

		for (int64_t t = 0; t < h->frames; t += 4096)
			svf_run(&f, &s, x + t, (int)(h->frames - t < 4096 ? h->frames - t : 4096));
	}
	return 0;
}

/* ---- transforms ---------------------------------------------------------------------- */

/* Room for a transform of n points. */
struct work { struct fft *fft; size_t n; double *x, *z; };

static void
work_free(struct work *w)
{
	fft_free(w->fft);
	mem_free(w->x);
	mem_free(w->z);
}

static int
work_new(struct work *w, size_t n, struct err *e)
{
	w->n = n;
	w->fft = n ? fft_new(n) : NULL;
	w->x = mem_zalloc(n, sizeof *w->x);
	w->z = mem_zalloc(n + 2, sizeof *w->z);
	if (w->fft && w->x && w->z)
		return 0;
	work_free(w);
	return err_set(e, ERR_NOMEM, "out of memory for an impulse response");
}

/* The spectrum of the first n frames of channel c into z; w->x is overwritten. */
static void
spectrum_of(struct work *w, const struct shape *h, int c, int64_t n, double *z)
{
	memcpy(w->x, h->x + c * h->frames, (size_t)n * sizeof *w->x);
	memset(w->x + n, 0, (w->n - (size_t)n) * sizeof *w->x);
	fft_real(w->fft, w->x, z);
}

static void
spectrum(struct work *w, const struct shape *h, int c)
{
	spectrum_of(w, h, c, h->frames, w->z);
}

static double
power_of(const double *z)
{
	return z[0] * z[0] + z[1] * z[1];
}

/* The spectrum of channel c, in place and in the order of fft_real_here(). */
static void
spectrum_here(const struct fft *f, const struct shape *h, int c, double *z)
{
	size_t length = (size_t)h->frames;

	memcpy(z, h->x + c * h->frames, length * sizeof *z);
	memset(z + length, 0, (fft_size(f) + 2 - length) * sizeof *z);
	fft_real_here(f, z);
}

/* From a spectrum whose largest power is `most` to the signal of minimum phase: the logarithm of the magnitude, its Hilbert
 * transform by way of the cepstrum, and back. */
static void
to_minimum_phase(const struct fft *f, double *z, double most)
{
	const double floor_power = 1e-18, half_turns = 0x1p50;
	size_t n = fft_size(f);

	for (size_t k = 0; k <= n / 2; k++) {
		z[2 * k] = 0.5 * ln2 * fx_log2(fmax(power_of(z + 2 * k), most * floor_power));
		z[2 * k + 1] = 0;
	}
	fft_real_inverse_here(f, z);
	for (size_t t = 1; t < n / 2; t++) {
		z[t] *= 2;
		z[n - t] = 0;
	}
	fft_real_here(f, z);
	for (size_t k = 0; k <= n / 2; k++) {
		double g = fx_exp2(z[2 * k] / ln2), turns = z[2 * k + 1] / tau, c, s;

		turns -= floor(turns);
		dsp_turn((uint64_t)(turns * half_turns), 50, &c, &s);
		z[2 * k] = g * c;
		z[2 * k + 1] = g * s;
	}
	fft_real_inverse_here(f, z);
}

int
shape_minimum_phase(struct shape *h, double *error_db, struct err *e)
{
	size_t n = 65536, length = (size_t)h->frames;
	double *wanted, *z, worst = 0;
	struct fft *f;
	int r = -1;

	while (n < 16 * length && (n < (size_t)1 << 22 || n < 2 * length))
		n *= 2;
	/* in place, because this is where a long response takes most memory */
	f = fft_new(n);
	z = mem_zalloc(n + 2, sizeof *z);
	wanted = mem_zalloc(n / 2 + 1, sizeof *wanted);
	if (!f || !z || !wanted) {
		err_set(e, ERR_NOMEM, "out of memory for an impulse response");
		goto out;
	}
	for (int c = 0; c < h->channels; c++) {
		double most = 0;

		spectrum_here(f, h, c, z);
		for (size_t k = 0; k <= n / 2; k++) {
			wanted[k] = power_of(z + 2 * k);
			most = fmax(most, wanted[k]);
		}
		if (most == 0)          /* a silent channel stays one */
			continue;
		to_minimum_phase(f, z, most);
		memcpy(h->x + c * h->frames, z, length * sizeof *h->x);
		spectrum_here(f, h, c, z);
		for (size_t k = 0; k <= n / 2; k++)
			if (wanted[k] > 1e-6 * most)
				worst = fmax(worst, fabs(10 * log10(power_of(z + 2 * k) / wanted[k])));
	}
	*error_db = worst;
	r = 0;
out:
	mem_free(wanted);
	mem_free(z);
	fft_free(f);
	return r;
}

/* ---- alignment ------------------------------------------------------------------------ */

enum { STEPS = 256, SIDE = 32 }; /* of a frame; taps of the sinc to each side */

/* 64 taps that interpolate at step / 256 after tap SIDE - 1. */
static void
sinc(int step, double taps[2 * SIDE])
{
	const double beta = 9, f = (double)step / STEPS;
	double sine, cosine, sum = 0;

	dsp_turn((uint64_t)step, 9, &cosine, &sine);
	for (int m = 0; m < 2 * SIDE; m++) {
		double at = m - (SIDE - 1) - f, u = at / SIDE;
		double window = u * u < 1 ? dsp_bessel_i0(beta * sqrt(1 - u * u)) / dsp_bessel_i0(beta) : 0;

		/* sin(pi at) = -+ sin(pi f) */
		taps[m] = at == 0 ? 1 : ((m - (SIDE - 1)) % 2 ? 1 : -1) * sine / (tau / 2 * at) * window;
		sum += taps[m];
	}
	for (int m = 0; m < 2 * SIDE; m++)
		taps[m] /= sum;
}

int
shape_delay(struct shape *h, double frames, struct err *e)
{
	int64_t steps = llround(frames * STEPS), whole = steps >= 0 ? steps / STEPS : -((STEPS - 1 - steps) / STEPS);
	int f = (int)(steps - whole * STEPS), ring = f ? SIDE : 0;
	int64_t length = h->frames + whole + ring > 1 ? h->frames + whole + ring : 1;
	double taps[2 * SIDE] = { 0 };
	struct shape s;

	if (!steps)
		return 0;
	if (shape_new(&s, length, h->channels, h->rate_hz, e))
		return -1;
	if (f)
		sinc(STEPS - f, taps);
	for (int c = 0; c < h->channels; c++)
		for (int64_t t = 0; t < length; t++) {
			/* y[t] = h(t - whole - f / 256): between t - whole - 1 and the next */
			int64_t at = t - whole;
			const double *x = h->x + c * h->frames;
			double *y = s.x + c * length + t;

			if (!f) {
				*y = at >= 0 && at < h->frames ? x[at] : 0;
				continue;
			}
			for (int m = 0; m < 2 * SIDE; m++) {
				int64_t i = at - SIDE + m;

				if (i >= 0 && i < h->frames)
					*y += taps[m] * x[i];
			}
		}
	shape_free(h);
	*h = s;
	return 0;
}

/* The correlation at lag + step / 256; r is a ring. */
static double
correlation_at(const struct work *w, int64_t lag, const double taps[2 * SIDE])
{
	double sum = 0;

	for (int m = 0; m < 2 * SIDE; m++)
		sum += taps[m] * w->x[(size_t)(lag - (SIDE - 1) + m) & (w->n - 1)];
	return sum;
}

/* Refine a peak at a whole lag. */
static void
refine(const struct work *w, int64_t lag, struct shape_match *m)
{
	double best = fabs(w->x[(size_t)lag & (w->n - 1)]), taps[2 * SIDE];

	m->lag = (double)lag;
	m->correlation = w->x[(size_t)lag & (w->n - 1)];
	for (int step = 1 - STEPS; step < STEPS; step++) {
		int64_t whole = step < 0 ? lag - 1 : lag;
		double r;

		if (!step)
			continue;
		sinc(step < 0 ? step + STEPS : step, taps);
		r = correlation_at(w, whole, taps);
		if (fabs(r) > best) {
			best = fabs(r);
			m->lag = (double)lag + (double)step / STEPS;
			m->correlation = r;
		}
	}
}

static double
energy_of(const double *x, int64_t n)
{
	double sum = 0;

	for (int64_t t = 0; t < n; t++)
		sum += x[t] * x[t];
	return sum;
}

int
shape_compare(const struct shape *a, const struct shape *b, struct shape_match *m, struct err *e)
{
	const int64_t some = 2 * (int64_t)a->rate_hz;
	int64_t na = a->frames < some ? a->frames : some, nb = b->frames < some ? b->frames : some;
	int channels = a->channels > b->channels ? a->channels : b->channels;
	size_t n = fft_size_for((size_t)(na + nb + 2 * SIDE));
	int64_t most = a->rate_hz / 2, best = 0;
	double ea = 0, eb = 0, *sum, *other;
	struct work w;
	int r = -1;

	if (work_new(&w, n, e))
		return -1;
	sum = mem_zalloc(n + 2, sizeof *sum);
	other = mem_zalloc(n + 2, sizeof *other);
	if (!sum || !other) {
		err_set(e, ERR_NOMEM, "out of memory for an impulse response");
		goto out;
	}
	for (int c = 0; c < channels; c++) {
		const int ca = a->channels > 1 ? c : 0, cb = b->channels > 1 ? c : 0;

		spectrum_of(&w, a, ca, na, w.z);
		spectrum_of(&w, b, cb, nb, other);
		for (size_t k = 0; k <= n / 2; k++) {
			const double *p = w.z + 2 * k, *q = other + 2 * k;

			sum[2 * k] += p[0] * q[0] + p[1] * q[1];
			sum[2 * k + 1] += p[0] * q[1] - p[1] * q[0];
		}
		ea += energy_of(a->x + ca * a->frames, na);
		eb += energy_of(b->x + cb * b->frames, nb);
	}
	fft_real_inverse(w.fft, sum, w.x);
	most = most < (int64_t)n / 2 - SIDE ? most : (int64_t)n / 2 - SIDE;
	for (int64_t lag = -most; lag <= most; lag++)
		if (fabs(w.x[(size_t)lag & (n - 1)]) > fabs(w.x[(size_t)best & (n - 1)]))
			best = lag;
	refine(&w, best, m);
	m->correlation = ea > 0 && eb > 0 ? m->correlation / sqrt(ea * eb) : 0;
	r = 0;
out:
	mem_free(sum);
	mem_free(other);
	work_free(&w);
	return r;
}

/* ---- level ---------------------------------------------------------------------------- */

int
shape_norm_of(const char *word)
{
	static const char *const words[] = { "none", "energy", "peak", "loudness", "nam-plugin", "juce" };

	for (int i = 0; i < (int)(sizeof words / sizeof *words); i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

/* |K|^2 of ITU-R BS.1770 at hz: its two filters for 48 kHz, whose response is meant at every rate. */
static double
k_weight(double hz)
{
	static const double b[2][3] = { { 1.53512485958697, -2.69169618940638, 1.19839281085285 }, { 1, -2, 1 } };
	static const double a[2][3] = { { 1, -1.69065929318241, 0.73248077421585 },
		{ 1, -1.99004745483398, 0.99007225036621 } };
	double g = 1, c1, s1, c2, s2;
	uint64_t turn = (uint64_t)(hz / 48000 * 0x1p40);

	dsp_turn(turn, 40, &c1, &s1);
	dsp_turn(2 * turn, 40, &c2, &s2);
	for (int i = 0; i < 2; i++) {
		double nr = b[i][0] + b[i][1] * c1 + b[i][2] * c2, ni = b[i][1] * s1 + b[i][2] * s2;
		double dr = a[i][0] + a[i][1] * c1 + a[i][2] * c2, di = a[i][1] * s1 + a[i][2] * s2;

		g *= (nr * nr + ni * ni) / (dr * dr + di * di);
	}
	return g;
}

/* How much louder pink noise from 20 Hz to 20 kHz becomes, as a factor; of the loudest channel. */
static int
loudness_factor(const struct shape *h, double *factor, struct err *e)
{
	size_t n = fft_size_for((size_t)(h->frames > 65536 ? h->frames : 65536));
	double most = 0;
	struct work w;

	if (work_new(&w, n, e))
		return -1;
	for (int c = 0; c < h->channels; c++) {
		double in = 0, out = 0;

		spectrum(&w, h, c);
		for (size_t k = 1; k < n / 2; k++) {
			double hz = (double)k * h->rate_hz / (double)n, weight;

			if (hz < 20 || hz > 20000)
				continue;
			weight = k_weight(hz) / hz;
			in += weight;
			out += weight * power_of(w.z + 2 * k);
		}
		most = fmax(most, sqrt(out / in));
	}
	*factor = most;
	work_free(&w);
	return 0;
}

double
shape_norm_gain(const struct shape *h, enum shape_norm norm, int file_rate_hz, struct err *e)
{
	const double juce = 0.125, juce_least = 1e-8, nam_db = -18, nam_hz = 48000;
	struct shape_facts f;
	double factor;

	shape_measure(h, &f);
	if (!(f.energy > 0))
		return err_set(e, ERR_INPUT, "nothing but silence is left of the impulse response"), 0;
	switch (norm) {
	case SHAPE_NONE:
		break;
	case SHAPE_ENERGY:
		return 1 / sqrt(f.energy);
	case SHAPE_PEAK:
		return 1 / f.peak;
	case SHAPE_LOUDNESS:
		if (loudness_factor(h, &factor, e))
			return 0;
		if (!(factor > 0))
			return err_set(e, ERR_INPUT, "norm: the impulse response has no loudness"), 0;
		return 1 / factor;
	case SHAPE_NAM_PLUGIN:
		return dsp_gain_of_db(nam_db) * nam_hz / file_rate_hz;
	case SHAPE_JUCE:
		return f.energy < juce_least ? 1 : juce / sqrt(f.energy);
	}
	return 1;
}

int
shape_response(const struct shape *h, int channel, const double *hz, double *db, int n, struct err *e)
{
	const double sixth = 1.1224620483093730; /* 2^(1/6): half a third octave */
	size_t points = fft_size_for((size_t)(h->frames > 65536 ? h->frames : 65536));
	double bin_hz = (double)h->rate_hz / (double)points;
	struct work w;

	if (work_new(&w, points, e))
		return -1;
	spectrum(&w, h, channel);
	for (int i = 0; i < n; i++) {
		size_t from = (size_t)ceil(hz[i] / sixth / bin_hz), to = (size_t)floor(hz[i] * sixth / bin_hz);
		double sum = 0;

		to = to < points / 2 ? to : points / 2;
		for (size_t k = from; k <= to; k++)
			sum += power_of(w.z + 2 * k);
		db[i] = from > to || hz[i] >= h->rate_hz / 2.0 ? NAN : 10 * log10(sum / (double)(to - from + 1));
	}
	work_free(&w);
	return 0;
}

int
shape_spectrum(const struct shape *h, int channel, double *db, size_t bins, struct err *e)
{
	struct work w;

	if (work_new(&w, 2 * (bins - 1), e))
		return -1;
	spectrum(&w, h, channel);
	for (size_t k = 0; k < bins; k++)
		db[k] = 10 * log10(power_of(w.z + 2 * k));
	work_free(&w);
	return 0;
}
