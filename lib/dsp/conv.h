/* conv.h - convolution with impulse responses of any length, streaming.
 *
 * Overlap-save in double precision on transforms of our own.  Two blocks of the signal go through one
 * transform, one as its real and one as its imaginary part; SIMD lanes hold different points, and every point gets the same
 * operations in the same order at every vector width.  The grid of blocks starts at the first frame and depends on the
 * length of the response alone.  So the output has the same bits whatever the instruction set is and however
 * the caller cuts the stream, and the same for a file and a pipe.  Against a direct sum in double precision the
 * error is that of the last rounding to float32: about -150 dB of the output's rms.  A stretch of
 * silence longer than a block and the response comes out as exact zeros.
 *
 * This is the engine for files: it works on two blocks at a time, and on two such batches at once, and so answers late
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

/* One way through a matrix: output channel `out` gets input channel `in` convolved with h.  Paths to one output are
 * summed in their order. */
struct conv_path {
	int in, out;
	const double *h;         /* taps samples; the same pointer in two paths: the same response, kept once */
};

/* The spectra of a matrix of responses; read only, any number of streams and threads may share it.  About 24 bytes
 * (10 to 64) for each tap of each response, at least 33 KiB. */
struct conv_ir;

/* All h have the same length of 1..CONV_MAX_TAPS; ins and outs are 1..CONV_MAX_CHANNELS, every path is within them, every
 * output has one.  Everything is borrowed for the call.  -1: not so (ERR_UNSUPPORTED), or no memory. */
int conv_ir_new(struct conv_ir **ir, int64_t taps, int ins, int outs, const struct conv_path *paths, size_t n_paths,
                struct err *e);
void conv_ir_free(struct conv_ir *ir); /* NULL is fine; after the last stream that uses it */

/* One stream of `ins` channels in and `outs` out.  ir is borrowed until conv_free(). */
struct conv;
int conv_new(struct conv **c, const struct conv_ir *ir, struct err *e);
void conv_free(struct conv *c); /* NULL is fine */

int64_t conv_batch_frames(const struct conv *c); /* frames that come out together; up to two such batches are kept */

/* Feed up to n frames of in[n * ins].  Returns how many were taken: all, or fewer when a batch became full, and
 * then *out may point to *got frames of outs channels (else *got is 0) that are valid until the
 * next call.  Call again with the rest.  Does not allocate. */
int64_t conv_process(struct conv *c, const float *in, int64_t n, const float **out, int64_t *got);

/* Where the next frames of a mono signal may be put, *room of them, to be fed from there without a copy; NULL for more
 * channels.  Valid until the next call. */
float *conv_space(struct conv *c, int64_t *room);

/* After the last frame: call until *got is 0.  In all, frames + taps - 1 frames come out (none when
 * none went in).  Nothing may be fed afterwards. */
void conv_flush(struct conv *c, const float **out, int64_t *got);

/* Batches on their own, for threads that share a signal: the same bits, in any order, each thread with a struct conv that is used
 * for nothing else.  A batch of `frames` depends on `lead` frames before it too; a struct conv takes about so many bytes.  -1: the
 * response is so long that it takes partitions, which need one batch after the other. */
struct conv_piece { int64_t lead, frames; size_t bytes; };
int conv_pieces(const struct conv_ir *ir, struct conv_piece *p);
/* in: lead + frames frames, zeros before the start and after the end of the signal -> `frames` of output, valid until the next call.
 * A batch begins at a multiple of `frames`.  Does not allocate. */
const float *conv_piece(struct conv *c, const float *in);

/* Name of the kernels that conv_new() takes: that of isa_choose() in base/isa.h. */
const char *conv_isa(void);
#endif
