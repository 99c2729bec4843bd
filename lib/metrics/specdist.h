/* specdist.h - how far two signals are apart in their short-time spectra.
 *
 * Multi-resolution STFT distance as auraloss has it by default (Yamamoto et al. 2020; Steinmetz and Reiss 2020): Hann windows of 600,
 * 1200 and 240 samples in transforms of 1024, 2048 and 512, every 120, 240 and 50 samples, |X| = sqrt(max(re^2 + im^2, 1e-8)).
 * Of each, convergence is the Frobenius norm of | |ref| - |test| | over that of |ref|, log magnitude the mean of
 * | ln |ref| - ln |test| |; each is averaged over the three, and the distance is their sum.
 *
 * Log-spectral distance (Gray and Markel 1976): Hann windows of 2048 every 512 samples, the root mean square over the bins
 * of the difference in dB, averaged over windows.  Mel distance: of the same windows, the mean absolute difference in dB of
 * the powers of 80 bands (Slaney's scale, 20 Hz to 20 kHz or half the rate, triangles that overlap by half).  Both see
 * nothing under -100 dB of full scale, where a sine of full scale is 0 dB.
 *
 * Windows lie wholly in the signals; a signal shorter than a window is followed by silence to its end.  Channels are signals of their
 * own.  At other rates than 48 kHz lengths are the same numbers of samples. */
#ifndef METRICS_SPECDIST_H
#define METRICS_SPECDIST_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct specdist_values { /* NAN: ref is silent (convergence and the sum), or nothing was compared */
	double mr_stft, convergence, log_magnitude;
	double log_spectral_db, mel_db;
};

struct specdist;

/* -1: out of memory. */
int specdist_new(struct specdist **s, int rate_hz, int channels, struct err *e);
void specdist_free(struct specdist *s); /* NULL is fine */

/* A block of both is the same call for each part 0..SPECDIST_PARTS - 1; parts may run at the same time on several threads.
 * x, y: frames x channels, interleaved, borrowed.  Any block sizes give the same bits. */
enum { SPECDIST_PARTS = 4 };
void specdist_add(struct specdist *s, int part, const float *x, const float *y, int64_t frames);
void specdist_end(struct specdist *s, struct specdist_values *v); /* once, last */
#endif
