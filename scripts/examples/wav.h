/* wav.h - the little of WAV that the example tools need: mono or stereo in,
 * 24-bit integer or 32-bit float out.  Apart from the project's own reader so
 * that a bare C compiler can make the examples again. */
#ifndef EXAMPLES_WAV_H
#define EXAMPLES_WAV_H
#include <stddef.h>
#include <stdint.h>

enum { WAV_RATE = 48000 };           /* Hz, of every file made here */

/* Write frames x channels interleaved samples, full scale 1.0.  bits: 24 for
 * integers (rounded to the nearest) or 32 for IEEE float.  Any failure, a
 * sample past full scale among them, ends the program with a message. */
void wav_write(const char *path, const double *x, size_t frames, int channels, int bits);

/* Read the first channel of a 16, 24 or 32-bit integer or 32-bit float file at
 * WAV_RATE.  The caller frees the result.  A failure ends the program. */
double *wav_read(const char *path, size_t *frames);

/* "prog: error: ..." and exit status 1. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* malloc of zeroed memory that does not come back empty. */
void *zalloc(size_t n, size_t size);

/* A number in [0, 1) from a 64-bit state (the xorshift64* generator of Vigna,
 * 2016); the same sequence on every machine.  The state must not be 0. */
double rnd(uint64_t *state);
#endif
