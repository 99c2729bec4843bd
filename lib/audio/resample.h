/* resample.h - sample rate conversion by libsamplerate, delay compensated.
 *
 * Measured by tests/unit/test_resample.c; frequencies are parts of the lower rate, levels relative to the signal:
 *
 *	           flat within 0.01 dB   stop band   aliases and images down
 *	RS_BEST    0 .. 0.47             from 0.5025 138 dB
 *	RS_MEDIUM  0 .. 0.425            from 0.5025 112 dB
 *	RS_FAST    0 .. 0.34             from 0.5025  96 dB
 *
 * A frame comes out at its time: the delay is under 0.001 frames.
 *
 * Streaming: rs_process() in blocks gives the samples rs_all() gives. */
#ifndef AUDIO_RESAMPLE_H
#define AUDIO_RESAMPLE_H
#include "audio/audio.h"

enum rs_quality { RS_BEST, RS_MEDIUM, RS_FAST };

struct resampler;
int rs_new(struct resampler **r, int channels, int in_hz, int out_hz, enum rs_quality quality, struct err *e);
/* Feed n frames (n 0 with end 1 flushes); *out points to *got frames that stay valid until the
 * next call.  end is 1 with the last block.  In total ceil(frames * out / in) frames come out. */
int rs_process(struct resampler *r, const float *in, int64_t n, int end,
               const float **out, int64_t *got, struct err *e);
void rs_free(struct resampler *r);

/* Resample a whole buffer at RS_BEST in place of itself; no-op when the rate is already out_hz. */
int rs_all(struct au_buf *b, int out_hz, struct err *e);
#endif
