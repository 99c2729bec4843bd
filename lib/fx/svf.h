/* svf.h - second-order filters that may be moved while they run.
 *
 * The responses are those of R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter coefficients"
 * (bilinear transform, prewarped at the frequency), made by the trapezoidal state variable filter of A.
 * Simper, "Solving the continuous SVF equations using trapezoidal integration" (2013): same transfer functions, but
 * stable and quiet when frequency or gain move from sample to sample, and exact at low frequencies. */
#ifndef FX_SVF_H
#define FX_SVF_H

enum svf_type { SVF_OFF, SVF_BELL, SVF_LOW_SHELF, SVF_HIGH_SHELF, SVF_LOW_CUT, SVF_HIGH_CUT, SVF_NOTCH, SVF_BAND_PASS };

struct svf { double a1, a2, a3, m0, m1, m2; int first; };
struct svf_state { double s1, s2; };

/* hz within 0..rate/2, both excluded; gain_db for bell and shelves; q > 0.  SVF_OFF passes. */
void svf_set(struct svf *f, enum svf_type type, double hz, double gain_db, double q, double rate_hz);
/* First order, 6 dB/octave; type is SVF_LOW_CUT or SVF_HIGH_CUT. */
void svf_set_first(struct svf *f, enum svf_type type, double hz, double rate_hz);
void svf_run(const struct svf *f, struct svf_state *s, double *x, int n);
/* Two channels side by side: a filter waits for itself most of the time. */
void svf_run2(const struct svf *f, struct svf_state *s, struct svf_state *t, double *x, double *y, int n);
#endif
