/* scan.h - one look at many samples: the largest, the sums.
 *
 * Sums are double and taken in eight parts (sample i goes to part i % 8), added up in one order, so that they have
 * the same bits whatever the compiler makes of them. */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H
#include <stddef.h>

/* Largest absolute value of n samples; 0 for none, infinite or NAN if one is. */
float scan_peak(const float *x, size_t n);

/* Adds the sum of n samples to *sum and that of their squares to *square. */
void scan_sums(const float *x, size_t n, double *sum, double *square);

/* The sum of the products of two signals of n samples. */
double scan_product(const float *x, const float *y, size_t n);

/* Channel c of frames x channels, interleaved, to y[frames]. */
void scan_channel(const float *x, size_t frames, size_t channels, size_t c, float *y);
#endif
