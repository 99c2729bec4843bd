/* rate.h - sample rate conversion with the same bits on every machine, streaming, mono.
 *
 * A polyphase FIR: a sinc under a Kaiser window, linear phase, delay compensated.  Output frame j is the
 * signal at the time of input frame j * in_hz / out_hz, and n frames in give ceil(n * out_hz / in_hz) out; before
 * the first frame and after the last there is silence.  The filter is designed in double precision from IEEE
 * basic operations alone (no libm), an output is one chain of fused multiply-adds in double, oldest frame first,
 * rounded to float once, and SIMD lanes hold different outputs.  So the bits depend neither on the instruction set,
 * the compiler nor on how the caller cuts the stream.  A constant comes out as the same constant.
 *
 * Frequencies below are parts of the lower of the two rates; levels are of the filter in double.  The float output
 * adds its own rounding, about -150 dB of the signal, which is noise.
 *
 *	               pass band, flat within      stop band (aliases and images), down   taps per output
 *	RATE_BEST      0 .. 0.455, 0.000001 dB     from 0.5, 159 dB                       240
 *	RATE_FAST      0 .. 0.41, 0.0001 dB        from 0.5, 103 dB                        80
 *
 * (so BEST is flat up to 20.06 kHz at 44.1 kHz, and 0.002 dB down at 0.46.)  When the rate goes down, the taps are
 * in_hz / out_hz times as many.
 *
 * Which pairs: with out_hz / in_hz = L / M in lowest terms, L and M of at most RATE_MAX_TERM and neither above
 * RATE_MAX_RATIO times the other.  These are all pairs of 8, 11.025, 12, 16, 22.05, 24, 32, 44.1, 48, 64, 88.2, 96,
 * 176.4, 192, 352.8 and 384 kHz.  The tables take about 8 * taps * max(L, M) bytes: 0.3 MB for 44.1 to 48 kHz, at most
 * 11 MB.  To make them takes 1 ms for that pair, 60 ms at most.
 *
 * This is a converter for files: it works on eight stretches of the signal at a time and so answers late (after
 * some thousand frames), though never shifted. */
#ifndef DSP_RATE_H
#define DSP_RATE_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum {
	RATE_MAX_TERM = 5120,
	RATE_MAX_RATIO = 48
};

enum rate_quality { RATE_BEST, RATE_FAST };

/* One converter with its tables; one thread at a time. */
struct rate;

/* From in_hz to out_hz.  With equal rates every sample goes through bit for bit and at once.  -1: rates that
 * are not positive or a pair outside the bounds above (ERR_UNSUPPORTED, names both rates and a way out), or no memory; *r is NULL. */
int rate_new(struct rate **r, int in_hz, int out_hz, enum rate_quality quality, struct err *e);
void rate_free(struct rate *r); /* NULL is fine */

/* Back to before the first frame, for another stream. */
void rate_reset(struct rate *r);

/* Frames that come out of a whole stream of n: ceil(n * out_hz / in_hz). */
uint64_t rate_frames(const struct rate *r, uint64_t n);

/* Frames of the input, rounded up, that a click is heard before and after its own: half of the filter.  0 at
 * equal rates. */
size_t rate_ring(const struct rate *r);

/* The most frames that one rate_process() with up to n frames can give, whatever came before. */
size_t rate_room(const struct rate *r, size_t n);

/* Feed all n frames of in (n may be 0) and write the frames that are ready to out, which has room for
 * rate_room(r, n) and does not overlap in.  Returns how many there are.  With end the rest comes too, so that all calls
 * together have given rate_frames() of what was fed; then only rate_reset() or rate_free() may follow.
 * Samples are finite.  Does not allocate. */
size_t rate_process(struct rate *r, const float *in, size_t n, int end, float *out);
#endif
