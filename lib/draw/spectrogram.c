/* spectrogram.c - windows of 1/12 s at least, a quarter of one apart. */
#include "draw/spectrogram.h"
#include "base/mem.h"
#include "dsp/fft.h"
#include "dsp/stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = SPECTROGRAM_ROWS, COLUMNS = SPECTROGRAM_COLUMNS };

struct spectrogram {
	int rate_hz;
	size_t ch, n, hop, span, have, bins;
	struct stft *stft;
	float *buf, *power;          /* the mean of the channels; bins x lanes */
	double (*column)[ROWS];      /* sums of powers */
	size_t columns, per, in;     /* windows in a column, and in the last one */
	double low_hz, high_hz;
	float *v;
};

struct spectrogram *
spectrogram_new(int rate_hz, int channels)
{
	struct spectrogram *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->rate_hz = rate_hz;
	s->ch = (size_t)channels;
	s->n = fft_size_for((size_t)rate_hz / 12);
	s->hop = s->n / 4;
	s->span = s->n + (STFT_LANES - 1) * s->hop;
	s->bins = s->n / 2 + 1;
	s->per = 1;
	s->low_hz = 30;
	s->high_hz = rate_hz / 2.0 < 20000 ? rate_hz / 2.0 : 20000;
	s->stft = stft_new(s->n, s->n);
	s->buf = mem_zalloc(s->span, sizeof *s->buf);
	s->power = mem_zalloc(s->bins, STFT_LANES * sizeof *s->power);
	s->column = mem_zalloc(COLUMNS, sizeof *s->column);
	s->v = mem_zalloc(COLUMNS * ROWS, sizeof *s->v);
	if (!s->stft || !s->buf || !s->power || !s->column || !s->v) {
		spectrogram_free(s);
		return NULL;
	}
	return s;
}

/* Two columns become one. */
static void
halve(struct spectrogram *s)
{
	for (size_t c = 0; c < COLUMNS / 2; c++)
		for (size_t r = 0; r < ROWS; r++)
			s->column[c][r] = s->column[2 * c][r] + s->column[2 * c + 1][r];
	memset(s->column + COLUMNS / 2, 0, COLUMNS / 2 * sizeof *s->column);
	s->columns = COLUMNS / 2;
	s->per *= 2;
}

/* The strongest bin of a row, or the nearest where it has none. */
static double
row(const struct spectrogram *s, size_t r, size_t lane)
{
	double ratio = s->high_hz / s->low_hz, bin = (double)s->rate_hz / (double)s->n, top = 0;
	double a = s->low_hz * pow(ratio, (double)r / ROWS) / bin, b = s->low_hz * pow(ratio, (double)(r + 1) / ROWS) / bin;
	size_t from = (size_t)ceil(a), to = (size_t)b;

	if (from > to)
		from = to = (size_t)((a + b) / 2 + 0.5);
	for (size_t k = from; k <= to && k < s->bins; k++)
		top = fmax(top, (double)s->power[k * STFT_LANES + lane]);
	return top;
}

static void
add_windows(struct spectrogram *s, size_t count)
{
	size_t at[STFT_LANES];

	for (size_t l = 0; l < STFT_LANES; l++)
		at[l] = l * s->hop;
	stft_power(s->stft, s->buf, at, count, s->power);
	for (size_t l = 0; l < count; l++) {
		if (s->in == 0) {
			if (s->columns == COLUMNS)
				halve(s);
			s->columns++;
		}
		for (size_t r = 0; r < ROWS; r++)
			s->column[s->columns - 1][r] += row(s, r, l);
		s->in = (s->in + 1) % s->per;
	}
}

void
spectrogram_add(struct spectrogram *s, const float *x, int64_t frames)
{
	while (frames > 0) {
		size_t n = s->span - s->have;

		n = n < (size_t)frames ? n : (size_t)frames;
		for (size_t i = 0; i < n; i++, x += s->ch) {
			float sum = 0;

			for (size_t c = 0; c < s->ch; c++)
				sum += x[c];
			s->buf[s->have + i] = sum / (float)s->ch;
		}
		s->have += n;
		frames -= (int64_t)n;
		if (s->have < s->span)
			break;
		add_windows(s, STFT_LANES);
		s->have -= STFT_LANES * s->hop;
		memmove(s->buf, s->buf + STFT_LANES * s->hop, s->have * sizeof *s->buf);
	}
}

const float *
spectrogram_end(struct spectrogram *s, size_t *columns, double *low_hz, double *high_hz)
{
	double scale = 16 / ((double)s->n * (double)s->n);

	if (s->have >= s->n)
		add_windows(s, (s->have - s->n) / s->hop + 1);
	for (size_t c = 0; c < s->columns; c++)
		for (size_t r = 0; r < ROWS; r++) {
			double of = (double)(c + 1 == s->columns && s->in ? s->in : s->per);

			s->v[r * s->columns + c] = (float)(10 * log10(scale * s->column[c][r] / of + 1e-20));
		}
	*columns = s->columns;
	*low_hz = s->low_hz;
	*high_hz = s->high_hz;
	return s->columns ? s->v : NULL;
}

void
spectrogram_free(struct spectrogram *s)
{
	if (!s)
		return;
	stft_free(s->stft);
	mem_free(s->buf);
	mem_free(s->power);
	mem_free(s->column);
	mem_free(s->v);
	free(s);
}
