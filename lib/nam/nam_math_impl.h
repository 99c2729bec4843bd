/* nam_math_impl.h - exp, sigmoid, tanh and the activations, in IEEE operations of one fixed order.
 *
 * Whoever includes it defines a vector type V and the v_ operations on it: nam_kernel_ISA.c for SIMD, the
 * CUDA backend for one float a thread.  The same source is the reason why all give the same bits.
 * ALWAYS may be defined before, to say how these functions are declared.
 *
 * v_min(a, b) is a < b ? a : b and v_max(a, b) is a > b ? a : b everywhere: with the
 * constant first, a NaN passes through, so that it reaches the output and is reported. */
#include "nam/nam_kernel.h"

#ifndef ALWAYS
#define ALWAYS static inline __attribute__((always_inline))
#endif

/* 1.5 * 2^23 + 127: adding it rounds to an integer n and leaves n + 127 in the low bits. */
#define ROUND_MAGIC 12583039.0f
#define LOG2E 1.44269504f
#define LN2_HI 0.693145752f   /* 15 bits: n * LN2_HI is exact */
#define LN2_LO 1.42860677e-06f

/* e^x to 1 ulp; x is limited to [-87.33, 88.37], so that the result is normal and finite. */
ALWAYS V
m_exp(V x)
{
	V k, n, r, g;

	x = v_min(v_set1(88.37f), v_max(v_set1(-87.33f), x));
	k = v_fma(x, v_set1(LOG2E), v_set1(ROUND_MAGIC));
	n = v_sub(k, v_set1(ROUND_MAGIC));
	r = v_fnma(n, v_set1(LN2_HI), x);
	r = v_fnma(n, v_set1(LN2_LO), r);
	/* (e^r - 1 - r) / r^2 on |r| <= ln2 / 2, Chebyshev fit, error 7e-8 */
	g = v_fma(v_set1(0.00139265504f), r, v_set1(0.00836347272f));
	g = v_fma(g, r, v_set1(0.0416665524f));
	g = v_fma(g, r, v_set1(0.166665752f));
	g = v_fma(g, r, v_set1(0.5f));
	g = v_fma(v_mul(r, r), g, r);
	k = v_shift23(k); /* 2^n */
	return v_fma(k, g, k);
}

ALWAYS V
m_sigmoid(V x)
{
	const V one = v_set1(1.0f);

	return v_div(one, v_add(one, m_exp(v_sub(v_set1(0.0f), x))));
}

/* tanh x = q = (1 - e) / (1 + e), e = exp(-2 |x|) = s (1 - p) with s = 2^n: a polynomial, two
 * Newton steps for the quotient (a division instruction costs four times as much), then its
 * remainder from parts that are exact, a = 1 - s and b = s p:
 *   (1 - e) - q (1 + e) = a - q (1 + s) + b + q b.
 * The rounding of tanh is half of what separates a float32 render from the exact one: this
 * one errs by 0.30 ulp rms (a perfectly rounded one by 0.29), at most 1.5 ulp; it is odd and
 * never above 1. */
ALWAYS V
m_tanh(V x)
{
	const V one = v_set1(1.0f);
	V m, k, n, r, p, s, a, b, num, den, y, e, t, q;

	m = v_min(v_set1(9.02f), v_abs(x));
	k = v_fma(m, v_set1(-2 * LOG2E), v_set1(ROUND_MAGIC));
	n = v_sub(k, v_set1(ROUND_MAGIC));
	/* 2 |x| = 2 r - n ln2.  One constant is enough: its error counts by 2^n only. */
	r = v_fma(n, v_set1(0.346573590f), m);
	/* p = -expm1(-2r) = r (2 - r (2 - r (4/3 - ...))), Chebyshev fit on |r| <= ln2 / 4 */
	p = v_fma(v_set1(0.0891323303f), r, v_set1(-0.267640764f));
	p = v_fma(p, r, v_set1(0.666664802f));
	p = v_fma(p, r, v_set1(-1.33332587f));
	p = v_fma(p, r, v_set1(2.0f));
	p = v_fnma(v_mul(r, r), p, v_add(r, r));
	s = v_shift23(k); /* 2^n */
	a = v_sub(one, s);
	b = v_mul(s, p);
	num = v_add(a, b);
	den = v_sub(v_set1(2.0f), num);
	/* 1 / den on [1, 2], error 1.7e-3, cubed by e + e^2 */
	y = v_fma(v_set1(-0.221837088f), den, v_set1(1.33102253f));
	y = v_fma(y, den, v_set1(-2.93934142f));
	y = v_fma(y, den, v_set1(2.82842288f));
	e = v_fnma(den, y, one);
	t = v_fma(e, e, e);
	q = v_mul(num, y);
	q = v_fma(q, t, q);
	t = v_add(v_fnma(q, v_add(one, s), a), b);
	t = v_fma(q, b, t);
	return v_sign_of(v_fma(t, y, q), x);
}

/* The approximation that models name "Fasttanh". */
ALWAYS V
m_fasttanh(V x)
{
	const V a = v_set1(2.45550750702956f);
	V ax = v_abs(x), x2 = v_mul(x, x), num, den;

	num = v_fma(v_set1(0.821226666969744f), ax, v_set1(0.893229853513558f));
	num = v_fma(num, x2, v_fma(a, ax, a));
	den = v_abs(v_fma(v_mul(v_set1(0.814642734961073f), x), ax, x));
	den = v_fma(v_add(v_set1(2.44506634652299f), x2), den, v_set1(2.44506634652299f));
	return v_div(v_mul(x, num), den);
}

ALWAYS V
m_act(enum nam_act_type type, const float p[4], V x)
{
	const V zero = v_set1(0.0f), one = v_set1(1.0f);

	switch (type) {
	case NAM_ACT_NONE:
		return x;
	case NAM_ACT_TANH:
		return m_tanh(x);
	case NAM_ACT_HARDTANH:
		return v_min(one, v_max(v_set1(-1.0f), x));
	case NAM_ACT_FASTTANH:
		return m_fasttanh(x);
	case NAM_ACT_RELU:
		return v_max(zero, x);
	case NAM_ACT_LEAKY_RELU:
	case NAM_ACT_PRELU:
		return v_gt(x, zero, x, v_mul(x, v_set1(p[0])));
	case NAM_ACT_SIGMOID:
		return m_sigmoid(x);
	case NAM_ACT_SILU:
		return v_mul(x, m_sigmoid(x));
	case NAM_ACT_HARDSWISH:
		return v_mul(v_mul(x, v_min(v_set1(6.0f), v_max(zero, v_add(x, v_set1(3.0f))))),
		    v_set1(1.0f / 6.0f));
	case NAM_ACT_LEAKY_HARDTANH:
		x = v_gt(v_set1(p[0]), x,
		    v_fma(v_sub(x, v_set1(p[0])), v_set1(p[2]), v_set1(p[0])),
		    v_gt(x, v_set1(p[1]),
			v_fma(v_sub(x, v_set1(p[1])), v_set1(p[3]), v_set1(p[1])), x));
		return x;
	case NAM_ACT_SOFTSIGN:
		return v_div(x, v_add(one, v_abs(x)));
	case NAM_ACT_ELU:
		return v_gt(x, zero, x, v_sub(m_exp(x), one));
	}
	return x;
}
