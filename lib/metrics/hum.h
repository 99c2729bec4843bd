/* hum.h - mains hum at 50 or 60 Hz and the next harmonics.
 *
 * The mean of all channels (hum that is upside down in one is not seen) is brought to some 1 kHz, and windows of 1 s (Hann) every 0.5 s give the power at 50, 100, 150 and 200 Hz,
 * at 60, 120, 180 and 240 Hz, and 4 and 7 Hz beside each.  Notes come and go, hum stays: what counts of each is its
 * 10th percentile over the windows.  A line is one if that is 6 dB above the mean of its neighbours'.
 *
 * Streaming; constant memory but for 320 bytes per second. */
#ifndef METRICS_HUM_H
#define METRICS_HUM_H
#include "base/err.h"
#include <stdint.h>

struct hum_values {
	double hum_50hz_dbfs, hum_60hz_dbfs; /* RMS of the lines there are; NAN: none stands out, or under 2 s */
	int64_t windows;
};

struct hum;
struct hum *hum_new(int rate_hz, int channels); /* NULL: out of memory */
int hum_add(struct hum *h, const float *x, int64_t frames, struct err *e); /* any block sizes, the same values */
int hum_end(struct hum *h, struct hum_values *v, struct err *e);           /* once, last */
void hum_free(struct hum *h);                                              /* NULL is fine */
#endif
