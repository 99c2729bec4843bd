/* bessel.h - what Kaiser windows are made of, the same bits on every machine. */
#ifndef DSP_BESSEL_H
#define DSP_BESSEL_H

/* The modified Bessel function of the first kind of order 0, by its series: to 1e-15 of it for |x| up to 30. */
double dsp_bessel_i0(double x);
#endif
