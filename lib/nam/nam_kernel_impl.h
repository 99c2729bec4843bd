/* nam_kernel_impl.h - the source of all kernels; each nam_kernel_ISA.c defines its vector type
 * V of VL floats (D of DL doubles) and the v_ and d_ operations, then includes this.
 * v_min_bits(): the lower bit pattern.  With 16 lanes: v_load_low() and v_store_low() of the first 8, v_high() makes the
 * last 8 the first.  v_columns(p, stride, x): lane t of x[k] is p[t * stride + k]. */
#include "nam/nam_kernel.h"

#ifdef __clang__
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define UNROLL /* the checks of unrolled code would take clang many minutes to compile */
#define UNROLL_ROWS
#else
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_ROWS UNROLL
#endif
#else
#define UNROLL _Pragma("GCC unroll 8")
#define UNROLL_ROWS _Pragma("GCC unroll 19")
#endif

#include "nam/nam_math_impl.h"

/* ---- planes ----------------------------------------------------------------------- */

/* ob outputs x tv vectors of time, sums in registers; ob and tv are constants of each inlined copy, and so are the rows where
 * they are few (else few is 0).  One row more: */
ALWAYS const float *
rows_row(const struct nam_rows *q, int r, int t, const float *w, const int ob, const int tv,
    V acc[OB_MAX][TV_MAX])
{
	const float *x = q->x[r] + t;
	V in[TV_MAX];

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
	return w + q->outs;
}

ALWAYS void
rows_block(const struct nam_rows *q, int o0, int t, const int ob, const int tv, const int few)
{
	const float *w = q->w + o0;
	const int rows = few ? few : q->rows;
	V sum[OB_MAX][TV_MAX], acc[OB_MAX][TV_MAX];

	for (int first = 0, end; ; first = end) {
		/* what is left when it is no two groups: all of it, from the bias on */
		end = rows - first < NAM_GROUP + NAM_GROUP / 2 ? rows : first + NAM_GROUP;
		UNROLL
		for (int o = 0; o < ob; o++) {
			V from = v_set1(0.0f);

			UNROLL
			for (int v = 0; v < tv; v++)
				acc[o][v] = from;
		}
		UNROLL_ROWS
		for (int r = 0; r < few; r++)
			w = rows_row(q, r, t, w, ob, tv, acc);
		for (int r = few ? end : first; r < end; r++)
			w = rows_row(q, r, t, w, ob, tv, acc);
		if (first)
			UNROLL
			for (int o = 0; o < ob; o++)
				UNROLL
				for (int v = 0; v < tv; v++)
					acc[o][v] = v_add(sum[o][v], acc[o][v]);
		if (end == rows)
			break;
		UNROLL
		for (int o = 0; o < ob; o++)
			UNROLL
			for (int v = 0; v < tv; v++)
				sum[o][v] = acc[o][v];
	}
	UNROLL
	for (int o = 0; o < ob; o++) {
		float *out = q->out + (size_t)(o0 + o) * q->out_stride + t;

		UNROLL
		for (int v = 0; v < tv; v++)
			acc[o][v] = v_add(acc[o][v], v_set1(q->bias ? q->bias[o0 + o] : -0.0f));
		if (q->epilogue == NAM_ADD) {
			const float *add = q->add + (size_t)(o0 + o) * q->add_stride + t;

			UNROLL
			for (int v = 0; v < tv; v++)
				acc[o][v] = v_add(v_load(add + v * VL), acc[o][v]);
		} else if (q->epilogue == NAM_LEAKY_SUM) {
			float *head = q->head + (size_t)(o0 + o) * q->head_stride + t;

			UNROLL
			for (int v = 0; v < tv; v++) {
				V s = acc[o][v];

				acc[o][v] = s = v_max(s, v_mul(s, v_set1(q->slope)));
				v_store(head + v * VL, v_add(v_load(head + v * VL), s));
			}
		}
		UNROLL
		for (int v = 0; v < tv; v++)
			v_store(out + v * VL, acc[o][v]);
	}
}

ALWAYS void
rows_time(const struct nam_rows *q, int o0, const int ob, const int few)
{
	const int tv = TV_OF(ob), n = (int)q->n;
	int t = 0;

	for (; t + (tv - 1) * VL < n; t += tv * VL)
		rows_block(q, o0, t, ob, tv, few);
	for (; t < n; t += VL)
		rows_block(q, o0, t, ob, 1, few);
}

/* A pass of its own: while the sums fill the registers, the table of tanh does not fit in. */
static void
rows_tanh_sum(const struct nam_rows *q)
{
	for (int o = 0; o < q->outs; o++) {
		float *out = q->out + (size_t)o * q->out_stride, *head = q->head + (size_t)o * q->head_stride;

		size_t t = 0;
		V s[M_MANY];

		for (; t + (M_MANY - 1) * VL < q->n; t += M_MANY * VL) {
			UNROLL
			for (int k = 0; k < M_MANY; k++)
				s[k] = v_load(out + t + k * VL);
			m_tanh_n(s, M_MANY);
			UNROLL
			for (int k = 0; k < M_MANY; k++) {
				v_store(out + t + k * VL, s[k]);
				v_store(head + t + k * VL, v_add(v_load(head + t + k * VL), s[k]));
			}
		}
		for (; t < q->n; t += VL) {
			s[0] = m_tanh(v_load(out + t));
			v_store(out + t, s[0]);
			v_store(head + t, v_add(v_load(head + t), s[0]));
		}
	}
}

/* A loop that always ends after the same few rows still ends too late to keep the ports busy; so what narrow nets have most
 * of is written out: convolutions of 3 or 6 taps with the mixin, and 1x1. */
#define ROWS_CASE(ob, few) \
	case (ob) << 8 | (few): \
		rows_time(q, o, ob, few); \
		break;
#define ROWS_ANY(ob) \
	case ob: \
		rows_time(q, o, ob, 0); \
		break;

static void
rows_outs(const struct nam_rows *q, int o, int ob)
{
	switch (q->rows < 20 ? ob << 8 | q->rows : ob) {
	ROWS_CASE(2, 2)
	ROWS_CASE(2, 7)
	ROWS_CASE(3, 3)
	ROWS_CASE(3, 6)
	ROWS_CASE(3, 19)
	ROWS_CASE(4, 4)
	ROWS_CASE(4, 8)
	ROWS_CASE(4, 13)
#if OB_MAX > 4
	ROWS_CASE(6, 6)
	ROWS_CASE(8, 8)
#endif
	default:
		switch (ob) {
		ROWS_ANY(1)
		ROWS_ANY(2)
		ROWS_ANY(3)
		ROWS_ANY(4)
#if OB_MAX > 4
		ROWS_ANY(5)
		ROWS_ANY(6)
		ROWS_ANY(7)
		ROWS_ANY(8)
#endif
		}
	}
}

static void
k_rows(const struct nam_rows *q)
{
	int left = (q->outs + OB_MAX - 1) / OB_MAX, ob;

	for (int o = 0; o < q->outs; o += ob, left--) {
		ob = (q->outs - o + left - 1) / left; /* even shares */
		rows_outs(q, o, ob);
	}
	if (q->epilogue == NAM_TANH_SUM)
		rows_tanh_sum(q);
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

#include "nam/nam_rnn_impl.h"

const struct nam_kernel ISA_TABLE = {
	ISA_NAME, k_rows, k_act, k_op, k_affine, k_lstm, k_gru, k_lstm_lanes, k_gru_lanes, k_planes,
	k_dense, k_dense_lanes, k_fir
};
