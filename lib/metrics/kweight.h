/* kweight.h - the K-weighting of ITU-R BS.1770-4, at any rate, and the energy behind it.
 *
 * Two biquads, a shelf of +4 dB from some 1.5 kHz on and a high-pass at 38 Hz, from their analogue prototypes as De Man ("Evaluation of
 * implementations of the EBU R128 loudness measurement", AES 145, 2018) gives them, so that rates other than 48 kHz have the same
 * response; at 48 kHz they are the standard's coefficients to the digits it prints.  Double precision.
 *
 * A recursive filter waits for itself at each sample.  Here eight outputs at a time are a fixed sum of eight inputs and the four
 * numbers of state before them, which vectors can take side by side; the order of additions is the same at every vector width, so the
 * bits are too. */
#ifndef METRICS_KWEIGHT_H
#define METRICS_KWEIGHT_H
#include <stddef.h>

enum { KWEIGHT_STATE = 4, KWEIGHT_BLOCK = 8 };

struct kweight; /* the filter of one rate; read only, for any number of channels and threads */

/* rate_hz: at least 100.  NULL: out of memory. */
struct kweight *kweight_new(int rate_hz);
void kweight_free(struct kweight *k); /* NULL is fine */

/* The sum of the squares of n weighted samples of one channel, x[n], full scale 1.0.  state: of the channel, 0 before its first sample.
 * The sum's last bits depend on where a signal is cut into calls; cut it at fixed places. */
double kweight_energy(const struct kweight *k, double state[KWEIGHT_STATE], const float *x, size_t n);
#endif
