/* rate_neon.c - the rate conversion, 2 lanes at a time. */
#ifndef __aarch64__
#error "this file is for AArch64; see the Makefile"
#endif
#include "dsp/rate_impl.h"
#include <arm_neon.h>
#define W 2
#define RATE_FN rate_neon
typedef float64x2_t V;
#define v_zero() vdupq_n_f64(0)
#define v_set1(c) vdupq_n_f64(c)
#define v_load(p) vld1q_f64(p)
#define v_store(p, v) vst1q_f64(p, v)
#define v_fma(a, b, c) vfmaq_f64(c, a, b)
#include "dsp/rate_kernel.h"
