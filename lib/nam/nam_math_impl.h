/* nam_math_impl.h - exp, sigmoid, tanh and the activations, in IEEE operations of one fixed order.
 *
 * Whoever includes it defines a vector type V and the v_ operations on it: nam_kernel_ISA.c for SIMD, the
 * CUDA backend for one float a thread.  The same source is the reason why all give the same bits.
 * v_index(y), a VI: bits 21 to 24 of y as an integer.  V_TABLE(16 bit patterns) makes a
 * V_TABLE_TYPE; v_table(t, i) is the float of pattern i of *t.
 * ALWAYS may be defined before, to say how these functions are declared.
 *
 * v_min(a, b) is a < b ? a : b and v_max(a, b) is a > b ? a : b everywhere: with the
 * constant first, a NaN passes through, so that it reaches the output and is reported. */
#include "nam/nam_kernel.h"

enum { M_MANY = 3 }; /* most vectors that functions ending in _n take */

#ifndef UNROLL
#define UNROLL
#endif
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

/* tanh on 16 intervals of |x|, each a polynomial of degree 5 in u = |x| - centre.  The interval is in the
 * bits 21 to 24 of 2 + 3.32 |x|: four to an octave, so they are short where tanh bends and long where it
 * does not.  A centre is a float whose tanh lies next to a float (Gal, "Computing elementary
 * functions: a new approach for achieving high accuracy and good performance", 1986): the
 * constant term has no error, and the sum rounds once.  Minimax fits; their own error is at most 0.38
 * ulp, and 0.05 ulp in the mean.  Bit patterns, because lanes may want them combined. */
static const V_TABLE_TYPE tanh_table[] = {
	V_TABLE(0x00000000, 0x3e677c73, 0x3ec10c2a, 0x3f06c03c, 0x3f40f9fe, 0x3f871025, 0x3fad73c7, 0x3fd41f4f,
	    0x40073e46, 0x402d9048, 0x4054209b, 0x407a52a0, 0x409a6f2c, 0x40c0cf17, 0x40e70527, 0x41051592), /* centre */
	V_TABLE(0x00000000, 0x3e639f32, 0x3eb8642d, 0x3ef7179c, 0x3f232de7, 0x3f48a7ea, 0x3f60106e, 0x3f6e09fb,
	    0x3f78a12d, 0x3f7dc080, 0x3f7f5304, 0x3f7fcb84, 0x3f7ff793, 0x3f7fff3c, 0x3f7fffee, 0x3f7ffffe), /* 1 */
	V_TABLE(0x3f800000, 0x3f7359c5, 0x3f5ecbf6, 0x3f44605c, 0x3f17fc84, 0x3ec57268, 0x3e6f8cf9, 0x3e0aa5c3,
	    0x3d687530, 0x3c8f3e50, 0x3bacc19f, 0x3ad1da7a, 0x3986d230, 0x37c4049a, 0x360ff02a, 0x347fe873), /* u */
	V_TABLE(0x355316e6, 0xbe585fca, 0xbea079a9, 0xbebd8b0a, 0xbec1c20c, 0xbe9ac371, 0xbe51ab65, 0xbe00ebb6,
	    0xbd61c210, 0xbc8df800, 0xbbac465e, 0xbad1a729, 0xb9866f40, 0xb7c37b8a, 0xb60eda97, 0xb47fa620), /* u^2 */
	V_TABLE(0xbeaab0c8, 0xbe8a312d, 0xbe3579b7, 0xbd9dcc35, 0x3d31683d, 0x3dddf57b, 0x3dcf53cc, 0x3d935296,
	    0x3d0dc987, 0x3c39f636, 0x3b647a8c, 0x3a8b906a, 0x3932fe89, 0x37824638, 0x35bfa7cf, 0x342c5263), /* u^3 */
	V_TABLE(0x3a5753b1, 0x3e051a4e, 0x3e2bca01, 0x3e24219a, 0x3dc9c008, 0x3c86778d, 0xbca3ba11, 0xbccb4028,
	    0xbc7ad287, 0xbbb5c1aa, 0xbae5af51, 0xba0d6d28, 0xb8bffc9b, 0xb70bb7b9, 0xb5553dfe, 0xb3b2c190), /* u^4 */
	V_TABLE(0x3e0395ae, 0x3dabb6f9, 0x3c93cc45, 0xbd07c5e7, 0xbd8168e1, 0xbd242f8c, 0xbc332519, 0x3b0730b3,
	    0x3b92dc72, 0x3b068ac9, 0x3a340460, 0x395ecac5, 0x381b619c, 0x365fe100, 0x34a1eb97, 0x32eae0ef), /* u^5 */
};

/* tanh of n vectors in place.  The rounding of tanh is half of what separates a float32 render from the exact one: this one errs by
 * 0.31 ulp rms (a perfectly rounded one by 0.29), at most 1.1 ulp; it is odd and never above 1. */
#define EACH UNROLL for (int k = 0; k < n; k++)
ALWAYS void
m_tanh_n(V *x, const int n)
{
	VI i[M_MANY];
	V u[M_MANY], p[M_MANY];

	/* 1 from 9.03 on; steps of n side by side, so that none waits for the one before */
	EACH u[k] = v_min(v_set1(9.03f), v_abs(x[k]));
	EACH i[k] = v_index(v_fma(u[k], v_set1(3.32f), v_set1(2.0f)));
	EACH u[k] = v_sub(u[k], v_table(&tanh_table[0], i[k]));
	EACH p[k] = v_fma(v_table(&tanh_table[6], i[k]), u[k], v_table(&tanh_table[5], i[k]));
	EACH p[k] = v_fma(p[k], u[k], v_table(&tanh_table[4], i[k]));
	EACH p[k] = v_fma(p[k], u[k], v_table(&tanh_table[3], i[k]));
	EACH p[k] = v_fma(p[k], u[k], v_table(&tanh_table[2], i[k]));
	EACH p[k] = v_fma(p[k], u[k], v_table(&tanh_table[1], i[k]));
	EACH x[k] = v_sign_of(p[k], x[k]);
}

/* The same polynomials in pairs, for recurrent cells, which wait for each result: a fifth less time to it,
 * for one operation and one rounding more (0.4 ulp rms).  p = |tanh x|, from u = |x|, limited, and its interval. */
ALWAYS void
m_cell_terms_n(V *p, V *u, const VI *i, const int n)
{
	V q[M_MANY], r[M_MANY];

	EACH u[k] = v_sub(u[k], v_table(&tanh_table[0], i[k]));
	EACH r[k] = v_fma(v_table(&tanh_table[6], i[k]), u[k], v_table(&tanh_table[5], i[k]));
	EACH q[k] = v_fma(v_table(&tanh_table[4], i[k]), u[k], v_table(&tanh_table[3], i[k]));
	EACH p[k] = v_fma(v_table(&tanh_table[2], i[k]), u[k], v_table(&tanh_table[1], i[k]));
	EACH u[k] = v_mul(u[k], u[k]);
	EACH q[k] = v_fma(r[k], u[k], q[k]);
	EACH p[k] = v_fma(q[k], u[k], p[k]);
}

ALWAYS void
m_cell_tanh_n(V *x, const int n)
{
	VI i[M_MANY];
	V u[M_MANY], p[M_MANY];

	EACH u[k] = v_min(v_set1(9.03f), v_abs(x[k]));
	EACH i[k] = v_index(v_fma(u[k], v_set1(3.32f), v_set1(2.0f)));
	m_cell_terms_n(p, u, i, n);
	EACH x[k] = v_sign_of(p[k], x[k]);
}
#undef EACH

ALWAYS V
m_tanh(V x)
{
	m_tanh_n(&x, 1);
	return x;
}

/* 1 / (1 + e^-x), to 2 ulp. */
ALWAYS V
m_sigmoid(V x)
{
	const V one = v_set1(1.0f);

	return v_div(one, v_add(one, m_exp(v_sub(v_set1(0.0f), x))));
}

/* The sigmoid of 2 x from tanh x, for recurrent cells: they halve its weights, which is exact, and get its
 * result in half the time.  The absolute error is at most 6e-8 also where the result is small; a gate needs no
 * more. */
ALWAYS V
m_gate(V tanh_x)
{
	return v_fma(v_set1(0.5f), tanh_x, v_set1(0.5f));
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
