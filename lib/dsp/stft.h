/* stft.h - power spectra of many windows of one signal at a time.
 *
 * Periodic Hann windows, sixteen in the lanes of one transform of floats, each lane with the same operations at every vector
 * width: the same bits on every machine.  Rounding is some -135 dB of the strongest bin of a window. */
#ifndef DSP_STFT_H
#define DSP_STFT_H
#include <stddef.h>

enum { STFT_LANES = 16 };

struct stft; /* tables and room for one batch; one thread at a time */

/* Windows of `window` samples, followed by silence to n, a power of two from 16 to 2^20.  NULL: out of memory. */
struct stft *stft_new(size_t n, size_t window);
void stft_free(struct stft *s); /* NULL is fine */

size_t stft_bins(const struct stft *s);          /* n / 2 + 1 */
double stft_window_square(const struct stft *s); /* sum of the squares of the window */

/* |X|^2, unscaled, of count <= STFT_LANES windows; window l is x[at[l]] and what follows.  power[k * STFT_LANES + l] is bin k of
 * window l; those of the lanes without a window are some numbers.  power is aligned to 64. */
void stft_power(struct stft *s, const float *x, const size_t *at, size_t count, float *power);
#endif
