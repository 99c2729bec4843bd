/* conv.h - convolution with impulse responses of any length, streaming.
 *
 * Overlap-save in double precision on our FFT; long responses are cut into equal partitions
 * whose spectra are summed.  Eight blocks of the signal go through the transforms side by side,
 * one in each SIMD lane, and each lane does the same scalar operations at every vector
 * width.  The grid of blocks starts at the first frame and depends on the length of the response
 * alone.  So the output has the same bits whatever the instruction set is and however the
 * caller cuts the stream, and the same for a file and a pipe.  Against a direct sum in double
 * precision the error is that of the last rounding to float32: about -150 dB of the output's rms.
 * A stretch of silence longer than a block and the response comes out as exact zeros.
 *
 * This is the engine for files: it works on eight blocks at a time and so answers late
 * (conv_batch_frames()), though never shifted: output frame t belongs to input frame t. */
#ifndef DSP_CONV_H
#define DSP_CONV_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum {
	CONV_MAX_SECONDS = 60,
	CONV_MAX_TAPS = CONV_MAX_SECONDS * 384000, /* frames of a response */
	CONV_MAX_CHANNELS = 64
};

/* The spectra of one impulse response; read only, any number of streams and threads may share it.
 * About 16 bytes for each tap of each channel, at least 64 KiB. */
struct conv_ir;

/* h: taps * channels, interleaved, borrowed for the call.  The response used is wet * h with `dry`
 * added to its first frame: a wet/dry mix without a second path.  taps 1..CONV_MAX_TAPS,
 * channels 1..CONV_MAX_CHANNELS; anything else, or no memory, is -1. */
int conv_ir_new(struct conv_ir **ir, const float *h, int64_t taps, int channels,
                double wet, double dry, struct err *e);
void conv_ir_free(struct conv_ir *ir); /* NULL is fine; after the last stream that uses it */

/* One stream of a signal with `channels` channels.  A response of one channel serves every
 * channel of the signal; one with as many channels as the signal goes channel by channel; a signal
 * of one channel becomes as many as the response has.  Other pairs are -1, ERR_UNSUPPORTED.
 * ir is borrowed until conv_free(). */
struct conv;
int conv_new(struct conv **c, const struct conv_ir *ir, int channels, struct err *e);
void conv_free(struct conv *c); /* NULL is fine */

int conv_out_channels(const struct conv *c);
int64_t conv_batch_frames(const struct conv *c); /* frames that are worked on together */

/* Feed up to n frames of in[n * channels].  Returns how many were taken: all, or fewer when a
 * batch became full, and then *out points to *got frames (else *got is 0) that are valid until
 * the next call.  Call again with the rest.  Does not allocate. */
int64_t conv_process(struct conv *c, const float *in, int64_t n, const float **out, int64_t *got);

/* After the last frame: call until *got is 0.  In all, frames + taps - 1 frames come out (none when
 * none went in).  Nothing may be fed afterwards. */
void conv_flush(struct conv *c, const float **out, int64_t *got);

/* Additions and multiplications for one frame of one output channel; what a benchmark divides by. */
double conv_flops(const struct conv_ir *ir);

/* Name of the kernels that conv_new() takes: that of isa_choose() in base/isa.h. */
const char *conv_isa(void);
#endif
