/* db.h - decibels to factors, the same bits on every machine (libm's pow() may differ). */
#ifndef DSP_DB_H
#define DSP_DB_H

/* 10^(db / 20) to within 1e-15, for -300..300 dB; exactly 1 at 0 dB. */
double dsp_gain_of_db(double db);
#endif
