/* turn.h - cosine and sine of a part of a turn, the same bits on every machine.
 *
 * libm's sin() and cos() may differ in the last bit from one C library or CPU to the
 * next; a table made with them would change every hash behind it.  These use only IEEE
 * operations in a fixed order. */
#ifndef DSP_TURN_H
#define DSP_TURN_H
#include <stdint.h>

/* *c = cos(2 pi k / 2^bits), *s = sin(2 pi k / 2^bits); bits 0..52, any k.
 * The absolute error is below 2^-53. */
void dsp_turn(uint64_t k, unsigned bits, double *c, double *s);
#endif
