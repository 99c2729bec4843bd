/* wave.c - the waveform and the spectrum of a piece of audio. */
#include "draw/wave.h"
#include "audio/audio.h"
#include "base/mem.h"
#include "dsp/fft.h"

#include <math.h>
#include <string.h>

enum { WINDOW = 16384, HOP = WINDOW / 2, BLOCK = 8192 };

struct analyser {
	struct fft *fft;
	double *window, *ring, *shaped; /* WINDOW each */
	double *bins;                  /* WINDOW + 2 */
	double *power;                 /* WINDOW / 2 + 1, summed over the windows */
	int fill;
};

static void
one_window(struct analyser *a)
{
	for (int i = 0; i < WINDOW; i++)
		a->shaped[i] = a->ring[i] * a->window[i];
	fft_real(a->fft, a->shaped, a->bins);
	for (int k = 0; k <= WINDOW / 2; k++)
		a->power[k] += a->bins[2 * k] * a->bins[2 * k] + a->bins[2 * k + 1] * a->bins[2 * k + 1];
	memmove(a->ring, a->ring + HOP, HOP * sizeof *a->ring);
	a->fill = HOP;
}

static void
feed(struct analyser *a, double x)
{
	a->ring[a->fill++] = x;
	if (a->fill == WINDOW)
		one_window(a);
}

/* The rest, with silence after it, so that the end counts as much as the middle. */
static void
feed_end(struct analyser *a)
{
	for (int i = 0; i < WINDOW; i++)
		feed(a, 0);
}

/* Power between two frequencies; bins at the edges count in part. */
static double
power_between(const struct analyser *a, double lo_hz, double hi_hz, double bin_hz)
{
	double sum = 0;
	int last = (int)fmin(hi_hz / bin_hz + 1, WINDOW / 2);

	for (int k = (int)(lo_hz / bin_hz); k <= last; k++) {
		double from = fmax(lo_hz / bin_hz, k - 0.5), to = fmin(hi_hz / bin_hz, k + 0.5);

		if (to > from)
			sum += a->power[k] * (to - from);
	}
	return sum;
}

static void
bands(struct wave *w, const struct analyser *a, int rate_hz)
{
	double power[WAVE_BANDS], all = 0;

	for (int b = 0; b < WAVE_BANDS; b++) {
		double centre = 1000 * pow(10, (WAVE_FIRST_BAND + b) / 10.0);

		power[b] = power_between(a, centre * pow(10, -0.05), centre * pow(10, 0.05),
		    (double)rate_hz / WINDOW);
		all += power[b];
	}
	for (int b = 0; b < WAVE_BANDS; b++)
		w->band_db[b] = power[b] > 0 ? 10 * log10(power[b] / all) : -INFINITY;
}

static void
see(struct wave *w, int64_t at, int64_t length, const float *frame, int channels)
{
	/* frame `at` belongs to every column it touches; one when there are fewer columns */
	int64_t first = at * w->columns / length, last = ((at + 1) * w->columns - 1) / length;

	for (int64_t c = first; c <= last && c < w->columns; c++)
		for (int k = 0; k < channels; k++) {
			w->min[c] = fminf(w->min[c], frame[k]);
			w->max[c] = fmaxf(w->max[c], frame[k]);
		}
}

static int
read_frames(struct wave *w, struct analyser *a, struct au_in *in, const char *file, int64_t start,
            int64_t length, float *buf, struct err *e)
{
	int channels = au_info(in)->channels;

	for (int64_t at = -start; at < length; ) {
		int64_t left = at < 0 ? -at : length - at;
		int64_t n = au_read(in, buf, left < BLOCK ? left : BLOCK, e);

		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(e, ERR_INPUT, "'%s' ends before frame %lld", file,
			    (long long)(start + length));
		for (int64_t i = 0; at >= 0 && i < n; i++) {
			double sum = 0;

			for (int c = 0; c < channels; c++)
				sum += (double)buf[i * channels + c];
			feed(a, sum / channels);
			see(w, at + i, length, buf + i * channels, channels);
		}
		at += n;
	}
	return 0;
}

static int
analyser_new(struct analyser *a)
{
	memset(a, 0, sizeof *a);
	a->fft = fft_new(WINDOW);
	a->window = mem_zalloc(WINDOW, sizeof *a->window);
	a->ring = mem_zalloc(WINDOW, sizeof *a->ring);
	a->shaped = mem_zalloc(WINDOW, sizeof *a->shaped);
	a->bins = mem_zalloc(WINDOW + 2, sizeof *a->bins);
	a->power = mem_zalloc(WINDOW / 2 + 1, sizeof *a->power);
	if (!a->fft || !a->window || !a->ring || !a->shaped || !a->bins || !a->power)
		return -1;
	for (int i = 0; i < WINDOW; i++)
		a->window[i] = 0.5 - 0.5 * cos(2 * 3.14159265358979323846 * i / WINDOW);
	return 0;
}

static void
analyser_free(struct analyser *a)
{
	fft_free(a->fft);
	mem_free(a->window);
	mem_free(a->ring);
	mem_free(a->shaped);
	mem_free(a->bins);
	mem_free(a->power);
}

int
wave_read(struct wave *w, const char *file, int64_t start_frame, int64_t length_frames, int columns,
          struct err *e)
{
	struct au_in *in = NULL;
	struct analyser a;
	float *buf = NULL;
	int ret = -1;

	memset(w, 0, sizeof *w);
	memset(&a, 0, sizeof a);
	if (au_open(&in, file, e))
		return -1;
	if (length_frames < 0) {
		if (au_info(in)->frames < 0) {
			err_set(e, ERR_INPUT, "'%s' is a pipe of unknown length; say --length-frames", file);
			goto out;
		}
		length_frames = au_info(in)->frames - start_frame;
	}
	if (length_frames < 1 || (au_info(in)->frames >= 0 && start_frame > au_info(in)->frames - length_frames)) {
		err_set(e, ERR_INPUT, "'%s' has %lld frames, none or not enough from frame %lld on", file,
		    (long long)au_info(in)->frames, (long long)start_frame);
		goto out;
	}
	w->columns = columns;
	w->min = mem_zalloc((size_t)columns, sizeof *w->min);
	w->max = mem_zalloc((size_t)columns, sizeof *w->max);
	buf = mem_zalloc((size_t)BLOCK * (size_t)au_info(in)->channels, sizeof *buf);
	if (!w->min || !w->max || !buf || analyser_new(&a)) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (read_frames(w, &a, in, file, start_frame, length_frames, buf, e))
		goto out;
	feed_end(&a);
	bands(w, &a, au_info(in)->rate_hz);
	for (int c = 0; c < columns; c++)
		w->peak = fmax(w->peak, fmax((double)w->max[c], -(double)w->min[c]));
	w->length_s = (double)length_frames / au_info(in)->rate_hz;
	ret = 0;
out:
	if (ret)
		wave_free(w);
	analyser_free(&a);
	mem_free(buf);
	au_close(in);
	return ret;
}

void
wave_free(struct wave *w)
{
	mem_free(w->min);
	mem_free(w->max);
	w->min = w->max = NULL;
}
