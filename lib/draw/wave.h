/* wave.h - what a card shows of a piece of audio: its waveform and its spectrum. */
#ifndef DRAW_WAVE_H
#define DRAW_WAVE_H
#include "base/err.h"
#include <stdint.h>

/* Third-octave bands with the base-ten centres of IEC 61260-1: 1000 * 10^(k/10) Hz, here
 * 31.5 Hz (k = -15) to 16 kHz (k = 12). */
enum { WAVE_BANDS = 28, WAVE_FIRST_BAND = -15 };

struct wave {
	int columns;               /* one for each pixel of the waveform */
	float *min, *max;          /* per column, over all channels; full scale is 1.0 */
	double band_db[WAVE_BANDS]; /* power of a band relative to that of all bands; -INFINITY: none */
	double peak;               /* largest |sample| */
	double length_s;
};

/* Read length_frames of an audio file from start_frame on (length -1: to its end).  A file that
 * ends before is ERR_INPUT.  Constant memory.  On success wave_free() it.
 *
 * The spectrum is the mean of Hann windows of 16384 samples, half overlapped, of the mean of
 * the channels.  Levels are relative to the whole, so that gain does not move them: cards of
 * tones at different levels can be compared. */
int wave_read(struct wave *w, const char *file, int64_t start_frame, int64_t length_frames,
              int columns, struct err *e);
void wave_free(struct wave *w);
#endif
