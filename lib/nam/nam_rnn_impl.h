/* nam_rnn_impl.h - the kernels of recurrent layers and their heads; the last part of nam_kernel_impl.h. */

/* ---- recurrent layers: lanes over units -------------------------------------------- */

/* The sums of `gates` gates for VL units, from what z holds on: w is column 0 of the first gate at those units;
 * columns lie `step` floats apart, gates q->units.  A value of h is fetched once for all gates. */
ALWAYS void
rnn_hidden(const struct nam_rnn *q, V *z, const int gates, const float *w, size_t step, const float *h)
{
	const size_t units = (size_t)q->units;
	const int n = q->real_units;
	V a[4][4];
	int j = 0;

	UNROLL
	for (int g = 0; g < gates; g++) {
		a[g][0] = z[g];
		a[g][1] = a[g][2] = a[g][3] = v_set1(0.0f);
	}
	for (; j + 4 <= n; j += 4)
		UNROLL
		for (int i = 0; i < 4; i++, w += step) {
			V k = v_set1(h[j + i]);

			UNROLL
			for (int g = 0; g < gates; g++)
				a[g][i] = v_fma(k, v_load(w + (size_t)g * units), a[g][i]);
		}
	UNROLL
	for (int i = 0; i < 3; i++, w += step) {
		if (j + i >= n)
			break;
		V k = v_set1(h[j + i]);

		UNROLL
		for (int g = 0; g < gates; g++)
			a[g][i] = v_fma(k, v_load(w + (size_t)g * units), a[g][i]);
	}
	UNROLL
	for (int g = 0; g < gates; g++)
		z[g] = v_add(v_add(a[g][0], a[g][1]), v_add(a[g][2], a[g][3]));
}

/* Bias and inputs of `gates` gates. */
ALWAYS void
rnn_inputs(const struct nam_rnn *q, V *z, const int gates, const float *bias, const float *w, size_t step,
    const float *in)
{
	const size_t units = (size_t)q->units;

	UNROLL
	for (int g = 0; g < gates; g++)
		z[g] = v_load(bias + (size_t)g * units);
	for (int i = 0; i < q->inputs; i++, w += step) {
		V k = v_set1(in[i]);

		UNROLL
		for (int g = 0; g < gates; g++)
			z[g] = v_fma(k, v_load(w + (size_t)g * units), z[g]);
	}
}

/* One frame: state h before, out after. */
ALWAYS void
lstm_step(const struct nam_rnn *q, const float *in, const float *h, float *out)
{
	const size_t units = (size_t)q->units, step = 4 * units;

	for (size_t u = 0; u < units; u += VL) {
		const float *w = q->w + u, *rec = w + (size_t)q->inputs * step;
		V z[4], c;

		/* the output gate last: nothing waits for it until the cell is ready */
		rnn_inputs(q, z, 3, q->bias + u, w, step, in);
		rnn_hidden(q, z, 3, rec, step, h);
		m_cell_tanh_n(z, 3);
		rnn_inputs(q, z + 3, 1, q->bias + u + 3 * units, w + 3 * units, step, in);
		rnn_hidden(q, z + 3, 1, rec + 3 * units, step, h);
		c = v_mul(m_gate(z[0]), z[2]);
		c = v_fma(m_gate(z[1]), v_load(q->c + u), c);
		v_store(q->c + u, c);
		m_cell_tanh_n(&c, 1);
		m_cell_tanh_n(z + 3, 1);
		v_store(out + u, v_mul(m_gate(z[3]), c));
	}
}

ALWAYS void
gru_step(const struct nam_rnn *q, const float *in, const float *h, float *out)
{
	const size_t units = (size_t)q->units, step = 3 * units;

	for (size_t u = 0; u < units; u += VL) {
		const float *w = q->w + u, *rec = w + (size_t)q->inputs * step;
		V z[3], cell, a;

		rnn_inputs(q, z + 1, 2, q->bias + u + units, w + units, step, in);
		cell = z[2]; /* the inputs of the cell stay apart */
		z[2] = v_load(q->rec_bias + u);
		rnn_hidden(q, z + 1, 2, rec + units, step, h);
		m_cell_tanh_n(z + 1, 1);
		a = v_fma(m_gate(z[1]), z[2], cell);
		m_cell_tanh_n(&a, 1);
		/* the update gate last: nothing waits for it until the cell is ready */
		rnn_inputs(q, z, 1, q->bias + u, w, step, in);
		rnn_hidden(q, z, 1, rec, step, h);
		m_cell_tanh_n(z, 1);
		z[0] = m_gate(z[0]);
		v_store(out + u, v_fma(v_sub(v_set1(1.0f), z[0]), a, v_mul(z[0], v_load(h + u))));
	}
}

/* A step waits for the one before it most of the time; those of other layers and streams fill the wait. */
#define RNN_FUNCTION(name, step) \
	static void \
	name(const struct nam_rnn *q, int count) \
	{ \
		size_t end = 0; \
		for (int i = 0; i < count; i++) \
			end = q[i].n + q[i].lag > end ? q[i].n + q[i].lag : end; \
		for (size_t now = 0; now < end; now++) \
			for (int i = 0; i < count; i++) { \
				const size_t t = now - q[i].lag, units = (size_t)q[i].units; \
				if (t < q[i].n) /* before its start t is huge */ \
					step(&q[i], q[i].in + t * q[i].in_stride, \
					    t ? q[i].out + (t - 1) * units : q[i].h, q[i].out + t * units); \
			} \
		for (int i = 0; i < count; i++) \
			for (size_t u = 0; u < (size_t)q[i].units && q[i].n; u++) \
				q[i].h[u] = q[i].out[(q[i].n - 1) * (size_t)q[i].units + u]; \
	}
RNN_FUNCTION(k_lstm, lstm_step)
RNN_FUNCTION(k_gru, gru_step)

/* ---- recurrent layers: lanes over streams ------------------------------------------ */

/* One gate of `RU` units from u on, for the streams of one vector; h NULL: inputs only.  The sums and
 * their order are those of rnn_inputs() and rnn_hidden(). */
ALWAYS void
lanes_gate(const struct nam_rnn_lanes *q, V *z, size_t at, size_t step, const float *bias, int inputs,
    const float *in, const float *h)
{
	const float *w = q->w + at;
	const int n = h ? q->real_units : 0;
	V a[RU][4];
	int j = 0;

	UNROLL
	for (int u = 0; u < RU; u++) {
		a[u][0] = v_set1(bias[u]);
		a[u][1] = a[u][2] = a[u][3] = v_set1(0.0f);
	}
	for (int i = 0; i < inputs; i++) {
		V x = v_load(in + i * NAM_LANES);

		UNROLL
		for (int u = 0; u < RU; u++)
			a[u][0] = v_fma(v_set1(w[(size_t)i * step + (size_t)u]), x, a[u][0]);
	}
	w += (size_t)q->inputs * step;
	for (; j + 4 <= n; j += 4)
		UNROLL
		for (int i = 0; i < 4; i++, w += step) {
			V x = v_load(h + (j + i) * NAM_LANES);

			UNROLL
			for (int u = 0; u < RU; u++)
				a[u][i] = v_fma(v_set1(w[u]), x, a[u][i]);
		}
	UNROLL
	for (int i = 0; i < 3; i++, w += step) {
		if (j + i >= n)
			break;
		V x = v_load(h + (j + i) * NAM_LANES);

		UNROLL
		for (int u = 0; u < RU; u++)
			a[u][i] = v_fma(v_set1(w[u]), x, a[u][i]);
	}
	UNROLL
	for (int u = 0; u < RU; u++)
		z[u] = v_add(v_add(a[u][0], a[u][1]), v_add(a[u][2], a[u][3]));
}

/* All units of one gate of one frame, to z: units x lanes. */
ALWAYS void
lanes_sums(const struct nam_rnn_lanes *q, float *z, size_t at, size_t step, const float *bias, int inputs,
    const float *in, const float *h)
{
	for (size_t u = 0; u < (size_t)q->real_units; u += RU)
		for (size_t l = 0; l < NAM_LANES; l += VL) {
			V s[RU];

			lanes_gate(q, s, at + u, step, bias + u, inputs, in + l, h ? h + l : NULL);
			UNROLL
			for (size_t k = 0; k < RU; k++)
				v_store(z + (u + k) * NAM_LANES + l, s[k]);
		}
}

static void
k_lstm_lanes(const struct nam_rnn_lanes *q)
{
	const size_t units = (size_t)q->units, frame = units * NAM_LANES;
	const float *h = q->h, *z = q->z;
	float *out = q->out, *c = q->c;

	for (size_t t = 0; t < q->n; t++, h = out, out += frame) {
		for (size_t g = 0; g < 4; g++)
			lanes_sums(q, q->z + g * frame, g * units, 4 * units, q->bias + g * units, q->inputs,
			    q->in + t * q->in_stride, h);
		/* loops of their own: the table of tanh stays in registers, and the chains are short
		 * enough for the next ones to start beside them */
		for (size_t i = 0; i < (size_t)q->real_units * NAM_LANES; i += VL) {
			V s[3] = { v_load(z + i), v_load(z + i + frame), v_load(z + i + 2 * frame) };

			m_cell_tanh_n(s, 3);
			v_store(c + i, v_fma(m_gate(s[1]), v_load(c + i), v_mul(m_gate(s[0]), s[2])));
		}
		for (size_t i = 0; i < (size_t)q->real_units * NAM_LANES; i += VL) {
			V s[2] = { v_load(c + i), v_load(z + i + 3 * frame) };

			m_cell_tanh_n(s, 2);
			v_store(out + i, v_mul(m_gate(s[1]), s[0]));
		}
	}
	for (size_t i = 0; i < frame && q->n; i++)
		q->h[i] = h[i];
}

static void
k_gru_lanes(const struct nam_rnn_lanes *q)
{
	const size_t units = (size_t)q->units, frame = units * NAM_LANES, step = 3 * units;
	const float *h = q->h, *z = q->z;
	float *out = q->out;

	for (size_t t = 0; t < q->n; t++, h = out, out += frame) {
		const float *in = q->in + t * q->in_stride;

		for (size_t g = 0; g < 2; g++)
			lanes_sums(q, q->z + g * frame, g * units, step, q->bias + g * units, q->inputs, in, h);
		lanes_sums(q, q->z + 2 * frame, 2 * units, step, q->bias + 2 * units, q->inputs, in, NULL);
		lanes_sums(q, q->z + 3 * frame, 2 * units, step, q->rec_bias, 0, in, h);
		for (size_t i = 0; i < (size_t)q->real_units * NAM_LANES; i += VL) {
			V s[2] = { v_load(z + i), v_load(z + i + frame) }, c;

			m_cell_tanh_n(s, 2);
			c = v_fma(m_gate(s[1]), v_load(z + i + 3 * frame), v_load(z + i + 2 * frame));
			m_cell_tanh_n(&c, 1);
			s[0] = m_gate(s[0]);
			c = v_fma(v_sub(v_set1(1.0f), s[0]), c, v_mul(s[0], v_load(h + i)));
			v_store(out + i, c);
		}
	}
	for (size_t i = 0; i < frame && q->n; i++)
		q->h[i] = h[i];
}

static void
k_dense_lanes(float *y, const float *x, size_t stride, const float *w, int inputs, float bias, size_t n)
{
	for (size_t t = 0; t < n; t++, x += stride, y += NAM_LANES)
		for (size_t l = 0; l < NAM_LANES; l += VL) {
			V a = v_set1(bias);

			for (int j = 0; j < inputs; j++)
				a = v_fma(v_set1(w[j]), v_load(x + j * NAM_LANES + l), a);
			v_store(y + l, a);
		}
}

/* Frames lie apart here, so each sum is scalar; eight at a time hide the latency. */
static void
k_dense(float *y, const float *x, size_t stride, const float *w, int inputs, float bias, size_t n)
{
	enum { MANY = 8 };
	size_t t = 0;

	for (; t + MANY <= n; t += MANY) {
		const float *p = x + t * stride;
		float a[MANY];

		UNROLL
		for (size_t i = 0; i < MANY; i++)
			a[i] = bias;
		for (int j = 0; j < inputs; j++)
			UNROLL
			for (size_t i = 0; i < MANY; i++)
				a[i] = fmaf(w[j], p[i * stride + (size_t)j], a[i]);
		UNROLL
		for (size_t i = 0; i < MANY; i++)
			y[t + i] = a[i];
	}
	for (; t < n; t++) {
		float a = bias;

		for (int j = 0; j < inputs; j++)
			a = fmaf(w[j], x[t * stride + (size_t)j], a);
		y[t] = a;
	}
}
