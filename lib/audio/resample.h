/* resample.h - sample rate conversion by libsamplerate at its best quality
 * (SRC_SINC_BEST_QUALITY: 97 % bandwidth, 144 dB class), delay compensated.
 *
 * Streaming: rs_process() in blocks gives the samples rs_all() gives. */
#ifndef AUDIO_RESAMPLE_H
#define AUDIO_RESAMPLE_H
#include "audio/audio.h"

struct resampler;
int rs_new(struct resampler **r, int channels, int in_hz, int out_hz, struct err *e);
/* Feed n frames (n 0 with end 1 flushes); *out points to *got frames that stay valid until the
 * next call.  end is 1 with the last block.  In total ceil(frames * out / in) frames come out. */
int rs_process(struct resampler *r, const float *in, int64_t n, int end,
               const float **out, int64_t *got, struct err *e);
void rs_free(struct resampler *r);

/* Resample a whole buffer in place of itself; no-op when the rate is already out_hz. */
int rs_all(struct au_buf *b, int out_hz, struct err *e);
#endif
