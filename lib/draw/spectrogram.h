/* spectrogram.h - how the spectrum of a signal of any length changes, for a picture of at most so many columns.
 *
 * Streaming; constant memory: when all columns are used, two become one. */
#ifndef DRAW_SPECTROGRAM_H
#define DRAW_SPECTROGRAM_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { SPECTROGRAM_ROWS = 160, SPECTROGRAM_COLUMNS = 1024 };

struct spectrogram;
struct spectrogram *spectrogram_new(int rate_hz, int channels); /* NULL: out of memory */
void spectrogram_add(struct spectrogram *s, const float *x, int64_t frames);
/* Once, last.  v[row * columns + column] in dB of a sine of full scale; rows are evenly spaced in the logarithm of the frequency from
 * *low_hz to *high_hz.  Owned by s; NULL with no columns for a signal shorter than a window. */
const float *spectrogram_end(struct spectrogram *s, size_t *columns, double *low_hz, double *high_hz);
void spectrogram_free(struct spectrogram *s); /* NULL is fine */
#endif
