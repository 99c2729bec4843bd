/* nam_kernel_impl.h - the source of all kernels; each nam_kernel_ISA.c defines its vector type
 * V of VL floats (D of DL doubles) and the v_ and d_ operations, then includes this.
 *
 * v_min(a, b) is a < b ? a : b and v_max(a, b) is a > b ? a : b on every ISA: with the
 * constant first, a NaN passes through, so that it reaches the output and is reported. */
#include "nam/nam_kernel.h"

#define ALWAYS static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* ---- elementary functions --------------------------------------------------------- */

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

/* ---- planes ----------------------------------------------------------------------- */

/* ob outputs x tv vectors of time, sums in registers; ob, tv and epilogue are constants of each
 * inlined copy.  Here: the sums of rows first..end-1. */
ALWAYS void
rows_group(const struct nam_rows *q, int o0, int t, const int ob, const int tv, int first, int end,
    V acc[OB_MAX][4])
{
	const float *w = q->w + (size_t)first * (size_t)q->outs + o0;

	UNROLL
	for (int o = 0; o < ob; o++)
		UNROLL
		for (int v = 0; v < tv; v++)
			acc[o][v] = v_set1(0.0f);
	for (int r = first; r < end; r++, w += q->outs) {
		const float *x = q->x[r] + q->xpos + t;
		V in[4];

		UNROLL
		for (int v = 0; v < tv; v++)
			in[v] = v_load(x + v * VL);
		UNROLL
		for (int o = 0; o < ob; o++) {
			V k = v_set1(w[o]);

			UNROLL
			for (int v = 0; v < tv; v++)
				acc[o][v] = v_fma(k, in[v], acc[o][v]);
		}
	}
}

ALWAYS void
rows_block(const struct nam_rows *q, int o0, int t, const int ob, const int tv,
    const enum nam_epilogue epilogue)
{
	const int rows = q->rows;
	V sum[OB_MAX][4], acc[OB_MAX][4];

	rows_group(q, o0, t, ob, tv, 0, rows < NAM_GROUP ? rows : NAM_GROUP, sum);
	for (int r = NAM_GROUP; r < rows; r += NAM_GROUP) {
		rows_group(q, o0, t, ob, tv, r, rows - r < NAM_GROUP ? rows : r + NAM_GROUP, acc);
		UNROLL
		for (int o = 0; o < ob; o++)
			UNROLL
			for (int v = 0; v < tv; v++)
				sum[o][v] = v_add(sum[o][v], acc[o][v]);
	}
	UNROLL
	for (int o = 0; o < ob; o++) {
		float *out = q->out + (size_t)(o0 + o) * q->out_stride + t;
		const float *add = q->add + (size_t)(o0 + o) * q->add_stride + t;
		float *head = q->head + (size_t)(o0 + o) * q->head_stride + t;

		UNROLL
		for (int v = 0; v < tv; v++) {
			V s = sum[o][v];

			if (q->bias)
				s = v_add(s, v_set1(q->bias[o0 + o]));
			if (epilogue == NAM_ADD)
				s = v_add(v_load(add + v * VL), s);
			else if (epilogue == NAM_TANH_SUM)
				s = m_tanh(s);
			else if (epilogue == NAM_LEAKY_SUM)
				s = v_gt(s, v_set1(0.0f), s, v_mul(s, v_set1(q->slope)));
			v_store(out + v * VL, s);
			if (epilogue == NAM_TANH_SUM || epilogue == NAM_LEAKY_SUM)
				v_store(head + v * VL, v_add(v_load(head + v * VL), s));
		}
	}
}

ALWAYS void
rows_time(const struct nam_rows *q, int o0, const int ob, const enum nam_epilogue epilogue)
{
	const int tv = TV_OF(ob), n = (int)q->n;
	int t = 0;

	for (; t + (tv - 1) * VL < n; t += tv * VL)
		rows_block(q, o0, t, ob, tv, epilogue);
	for (; t < n; t += VL)
		rows_block(q, o0, t, ob, 1, epilogue);
}

#define ROWS_FUNCTION(name, epilogue) \
	static void \
	name(const struct nam_rows *q) \
	{ \
		int left = (q->outs + OB_MAX - 1) / OB_MAX, ob; \
		for (int o = 0; o < q->outs; o += ob, left--) { \
			ob = (q->outs - o + left - 1) / left; /* even shares */ \
			switch (ob) { \
			case 1: rows_time(q, o, 1, epilogue); break; \
			case 2: rows_time(q, o, 2, epilogue); break; \
			case 3: rows_time(q, o, 3, epilogue); break; \
			ROWS_CASES(epilogue) \
			} \
		} \
	}
#if OB_MAX == 8
#define ROWS_CASES(epilogue) \
	case 4: rows_time(q, o, 4, epilogue); break; \
	case 5: rows_time(q, o, 5, epilogue); break; \
	case 6: rows_time(q, o, 6, epilogue); break; \
	case 7: rows_time(q, o, 7, epilogue); break; \
	default: rows_time(q, o, 8, epilogue); break;
#elif OB_MAX == 6
#define ROWS_CASES(epilogue) \
	case 4: rows_time(q, o, 4, epilogue); break; \
	case 5: rows_time(q, o, 5, epilogue); break; \
	default: rows_time(q, o, 6, epilogue); break;
#else
#define ROWS_CASES(epilogue) \
	default: rows_time(q, o, 4, epilogue); break;
#endif

ROWS_FUNCTION(rows_store, NAM_STORE)
ROWS_FUNCTION(rows_add, NAM_ADD)
ROWS_FUNCTION(rows_tanh, NAM_TANH_SUM)
ROWS_FUNCTION(rows_leaky, NAM_LEAKY_SUM)

static void
k_rows(const struct nam_rows *q)
{
	struct nam_rows r = *q;

	/* pointers that a version does not use still enter its address arithmetic */
	if (!r.add)
		r.add = r.out;
	if (!r.head)
		r.head = r.out;
	switch (r.epilogue) {
	case NAM_STORE: rows_store(&r); break;
	case NAM_ADD: rows_add(&r); break;
	case NAM_TANH_SUM: rows_tanh(&r); break;
	case NAM_LEAKY_SUM: rows_leaky(&r); break;
	}
}

#define ACT_CASE(type) \
	case type: \
		for (size_t t = 0; t < n; t += VL) \
			v_store(x + t, m_act(type, p, v_load(x + t))); \
		break;

static void
k_act(enum nam_act_type type, const float p[4], float *x, size_t n)
{
	switch (type) {
	case NAM_ACT_NONE: break;
	ACT_CASE(NAM_ACT_TANH)
	ACT_CASE(NAM_ACT_HARDTANH)
	ACT_CASE(NAM_ACT_FASTTANH)
	ACT_CASE(NAM_ACT_RELU)
	ACT_CASE(NAM_ACT_LEAKY_RELU)
	ACT_CASE(NAM_ACT_PRELU)
	ACT_CASE(NAM_ACT_SIGMOID)
	ACT_CASE(NAM_ACT_SILU)
	ACT_CASE(NAM_ACT_HARDSWISH)
	ACT_CASE(NAM_ACT_LEAKY_HARDTANH)
	ACT_CASE(NAM_ACT_SOFTSIGN)
	ACT_CASE(NAM_ACT_ELU)
	}
}

static void
k_op(enum nam_op op, float *out, const float *a, const float *b, const float *c, size_t n)
{
	for (size_t t = 0; t < n; t += VL) {
		V x = v_load(a + t), y = v_load(b + t);

		switch (op) {
		case NAM_OP_ADD:
			x = v_add(x, y);
			break;
		case NAM_OP_MUL:
			x = v_mul(x, y);
			break;
		case NAM_OP_FMA:
			x = v_fma(x, y, v_load(c + t));
			break;
		case NAM_OP_BLEND:
			x = v_fma(x, y, v_mul(v_sub(v_set1(1.0f), x), v_load(c + t)));
			break;
		}
		v_store(out + t, x);
	}
}

static void
k_affine(float *out, const float *a, float scale, float shift, size_t n)
{
	for (size_t t = 0; t < n; t += VL)
		v_store(out + t, v_fma(v_load(a + t), v_set1(scale), v_set1(shift)));
}

static void
k_fir(float *y, const float *x, const double *w, size_t taps, double bias, size_t n)
{
	for (size_t t = 0; t < n; t += 4 * DL) {
		D a0 = d_set1(bias), a1 = a0, a2 = a0, a3 = a0;

		for (size_t j = taps; j-- > 0;) {
			const float *p = x + t - j;
			D k = d_set1(w[j]);

			a0 = d_fma(k, d_load(p), a0);
			a1 = d_fma(k, d_load(p + DL), a1);
			a2 = d_fma(k, d_load(p + 2 * DL), a2);
			a3 = d_fma(k, d_load(p + 3 * DL), a3);
		}
		d_store(y + t, a0);
		d_store(y + t + DL, a1);
		d_store(y + t + 2 * DL, a2);
		d_store(y + t + 3 * DL, a3);
	}
}

/* ---- recurrent layers: lanes over units -------------------------------------------- */

/* The sum of one gate for VL units from u on; w: column 0 of the gate at unit u, columns
 * `step` floats apart. */
ALWAYS V
rnn_inputs(const struct nam_rnn *q, V a, const float *w, size_t step, const float *in)
{
	for (int i = 0; i < q->inputs; i++)
		a = v_fma(v_set1(in[i]), v_load(w + (size_t)i * step), a);
	return a;
}

ALWAYS V
rnn_hidden(const struct nam_rnn *q, V a0, const float *w, size_t step, const float *h)
{
	V a1 = v_set1(0.0f), a2 = a1, a3 = a1;
	int j = 0;

	for (; j + 4 <= q->real_units; j += 4, w += 4 * step) {
		a0 = v_fma(v_set1(h[j]), v_load(w), a0);
		a1 = v_fma(v_set1(h[j + 1]), v_load(w + step), a1);
		a2 = v_fma(v_set1(h[j + 2]), v_load(w + 2 * step), a2);
		a3 = v_fma(v_set1(h[j + 3]), v_load(w + 3 * step), a3);
	}
	if (j < q->real_units)
		a0 = v_fma(v_set1(h[j]), v_load(w), a0);
	if (j + 1 < q->real_units)
		a1 = v_fma(v_set1(h[j + 1]), v_load(w + step), a1);
	if (j + 2 < q->real_units)
		a2 = v_fma(v_set1(h[j + 2]), v_load(w + 2 * step), a2);
	return v_add(v_add(a0, a1), v_add(a2, a3));
}

static void
k_lstm(const struct nam_rnn *q)
{
	const size_t units = (size_t)q->units, step = 4 * units;
	const float *h = q->h;

	for (size_t t = 0; t < q->n; t++) {
		const float *in = q->in + t * q->in_stride;
		float *out = q->out + t * units;

		for (size_t u = 0; u < units; u += VL) {
			V z[4], c;

			UNROLL
			for (size_t g = 0; g < 4; g++) {
				const float *w = q->w + g * units + u;

				z[g] = rnn_inputs(q, v_load(q->bias + g * units + u), w, step, in);
				z[g] = rnn_hidden(q, z[g], w + (size_t)q->inputs * step, step, h);
			}
			c = v_mul(m_sigmoid(z[0]), m_tanh(z[2]));
			c = v_fma(m_sigmoid(z[1]), v_load(q->c + u), c);
			v_store(q->c + u, c);
			v_store(out + u, v_mul(m_sigmoid(z[3]), m_tanh(c)));
		}
		h = out;
	}
	for (size_t u = 0; u < units && q->n; u++)
		q->h[u] = h[u];
}

static void
k_gru(const struct nam_rnn *q)
{
	const size_t units = (size_t)q->units, step = 3 * units;
	const float *h = q->h;

	for (size_t t = 0; t < q->n; t++) {
		const float *in = q->in + t * q->in_stride;
		float *out = q->out + t * units;

		for (size_t u = 0; u < units; u += VL) {
			const float *rec = q->w + (size_t)q->inputs * step + u;
			V z, r, a, b;

			z = rnn_inputs(q, v_load(q->bias + u), q->w + u, step, in);
			z = m_sigmoid(rnn_hidden(q, z, rec, step, h));
			r = rnn_inputs(q, v_load(q->bias + units + u), q->w + units + u, step, in);
			r = m_sigmoid(rnn_hidden(q, r, rec + units, step, h));
			a = rnn_inputs(q, v_load(q->bias + 2 * units + u), q->w + 2 * units + u, step, in);
			b = rnn_hidden(q, v_load(q->rec_bias + u), rec + 2 * units, step, h);
			a = m_tanh(v_fma(r, b, a));
			a = v_mul(v_sub(v_set1(1.0f), z), a);
			v_store(out + u, v_fma(z, v_load(h + u), a));
		}
		h = out;
	}
	for (size_t u = 0; u < units && q->n; u++)
		q->h[u] = h[u];
}

/* Frames lie apart here, so each sum is scalar; four at a time hide the latency. */
static void
k_dense(float *y, const float *x, size_t stride, const float *w, int inputs, float bias, size_t n)
{
	size_t t = 0;

	for (; t + 4 <= n; t += 4) {
		const float *p = x + t * stride;
		float a0 = bias, a1 = bias, a2 = bias, a3 = bias;

		for (int j = 0; j < inputs; j++) {
			a0 = fmaf(w[j], p[j], a0);
			a1 = fmaf(w[j], p[stride + (size_t)j], a1);
			a2 = fmaf(w[j], p[2 * stride + (size_t)j], a2);
			a3 = fmaf(w[j], p[3 * stride + (size_t)j], a3);
		}
		y[t] = a0;
		y[t + 1] = a1;
		y[t + 2] = a2;
		y[t + 3] = a3;
	}
	for (; t < n; t++) {
		float a = bias;

		for (int j = 0; j < inputs; j++)
			a = fmaf(w[j], x[t * stride + (size_t)j], a);
		y[t] = a;
	}
}

const struct nam_kernel ISA_TABLE = {
	ISA_NAME, k_rows, k_act, k_op, k_affine, k_lstm, k_gru, k_dense, k_fir
};
