/* conv_live.h - convolution for live use: no latency is added, in blocks of any size.
 *
 * Output frame t comes out with input frame t.  The first 64 taps are a direct sum; the rest lies in partitions of 64, then
 * 1024, then 16384 taps, each as long as the time that has to pass before it is heard, so that its transform can wait until
 * its block of the signal is whole.  Of the work of a layer of partitions only one transform there and back and one
 * product fall due at the end of a block; the products with earlier blocks are made in equal shares, every 64 frames.
 *
 * All is done at fixed places of the stream, in double precision and in a fixed order: the bits of the output depend neither on
 * the block sizes nor on the machine.  They are not those of dsp/conv.h, whose transforms are larger; both are within about
 * -150 dB of the direct sum's rms.  For files dsp/conv.h is many times faster. */
#ifndef DSP_CONV_LIVE_H
#define DSP_CONV_LIVE_H
#include "dsp/conv.h"

/* One stream with its responses; one thread at a time.  About 32 bytes for each tap of each path, and 16 for each
 * tap and input. */
struct conv_live;

/* As conv_ir_new(): the same paths and the same errors. */
int conv_live_new(struct conv_live **l, int64_t taps, int ins, int outs, const struct conv_path *paths, size_t n_paths,
                  struct err *e);
void conv_live_free(struct conv_live *l); /* NULL is fine */

/* n frames of in[n * ins] -> n frames of out[n * outs], at once.  They may be the same when ins is outs.  Does not
 * allocate, lock or fail. */
void conv_live_process(struct conv_live *l, const float *in, int64_t n, float *out);

/* Back to silence.  After the last frame, taps - 1 frames of silence bring the tail. */
void conv_live_reset(struct conv_live *l);
#endif
