/* nam_rnn_impl.h - the kernels of recurrent layers and their heads; the last part of nam_kernel_impl.h. */

/* ---- recurrent layers: lanes over units -------------------------------------------- */

/* The sums of `vectors` vectors over the inputs and n hidden units, to z: w is column 0 of the first of them; columns lie
 * `step` floats apart, vectors `gap`.  A value is fetched once for all of them.  n 0: bias and inputs. */
ALWAYS void
rnn_sums(V *z, const int vectors, const float *bias, const float *w, size_t step, size_t gap, const float *in,
    int inputs, const float *h, const int n)
{
	V a[4][4];
	int j = 0;

	UNROLL
	for (int g = 0; g < vectors; g++) {
		a[g][0] = v_load(bias + (size_t)g * gap);
		a[g][1] = a[g][2] = a[g][3] = v_set1(0.0f);
	}
	for (int i = 0; i < inputs; i++, w += step) {
		V k = v_set1(in[i]);

		UNROLL
		for (int g = 0; g < vectors; g++)
			a[g][0] = v_fma(k, v_load(w + (size_t)g * gap), a[g][0]);
	}
	UNROLL
	for (; j + 4 <= n; j += 4)
		UNROLL
		for (int i = 0; i < 4; i++, w += step) {
			V k = v_set1(h[j + i]);

			UNROLL
			for (int g = 0; g < vectors; g++)
				a[g][i] = v_fma(k, v_load(w + (size_t)g * gap), a[g][i]);
		}
	UNROLL
	for (int i = 0; i < 3; i++, w += step) {
		if (j + i >= n)
			break;
		V k = v_set1(h[j + i]);

		UNROLL
		for (int g = 0; g < vectors; g++)
			a[g][i] = v_fma(k, v_load(w + (size_t)g * gap), a[g][i]);
	}
	UNROLL
	for (int g = 0; g < vectors; g++)
		z[g] = n ? v_add(v_add(a[g][0], a[g][1]), v_add(a[g][2], a[g][3])) : a[g][0];
}

/* p = |tanh x| as m_cell_tanh_n() has it.  For less time to the result, at the price of an operation: the interval does
 * not wait for the limit of |x|, and the caller puts the sign on what p is multiplied with. */
ALWAYS void
rnn_tanh_n(V *p, const V *x, const int n)
{
	VI i[M_MANY];
	V u[M_MANY];

	UNROLL
	for (int k = 0; k < n; k++)
		u[k] = v_abs(x[k]);
	UNROLL
	for (int k = 0; k < n; k++) /* 31.9 is in the last interval, as is what 9.03 gives */
		i[k] = v_index(v_min_bits(v_fma(u[k], v_set1(3.32f), v_set1(2.0f)), v_set1(31.9f)));
	UNROLL
	for (int k = 0; k < n; k++)
		u[k] = v_min(v_set1(9.03f), u[k]);
	m_cell_terms_n(p, u, i, n);
}

/* m_gate() of a sum z with p = |tanh z|. */
ALWAYS V
rnn_gate(V p, V z)
{
	return v_fma(p, v_sign_of(v_set1(0.5f), z), v_set1(0.5f));
}

/* One frame: state h before, out after; n units, padded to `units`. */
ALWAYS void
lstm_step(const struct nam_rnn *q, const float *in, const float *h, float *out, const int n, const size_t units)
{
	for (size_t u = 0; u < units; u += VL) {
		V z[4], p[4], c, t;

		rnn_sums(z, 4, q->bias + u, q->w + u, 4 * units, units, in, q->inputs, h, n);
		rnn_tanh_n(p, z, 3);
		c = v_mul(rnn_gate(p[0], z[0]), v_sign_of(p[2], z[2]));
		c = v_fma(rnn_gate(p[1], z[1]), v_load(q->c + u), c);
		rnn_tanh_n(&t, &c, 1);
		v_store(q->c + u, c);
		/* the output gate last: nothing waits for it until the cell is ready */
		rnn_tanh_n(p + 3, z + 3, 1);
		v_store(out + u, v_mul(v_sign_of(rnn_gate(p[3], z[3]), c), t));
	}
}

ALWAYS void
gru_step(const struct nam_rnn *q, const float *in, const float *h, float *out, const int n, const size_t units)
{
	const size_t step = 3 * units;

	for (size_t u = 0; u < units; u += VL) {
		const float *w = q->w + u, *bias = q->bias + u;
		V z, r, rec, cell, p, t;

		rnn_sums(&cell, 1, bias + 2 * units, w + 2 * units, step, 0, in, q->inputs, h, 0);
		rnn_sums(&r, 1, bias + units, w + units, step, 0, in, q->inputs, h, n);
		rnn_sums(&rec, 1, q->rec_bias + u, w + (size_t)q->inputs * step + 2 * units, step, 0, in, 0, h, n);
		rnn_sums(&z, 1, bias, w, step, 0, in, q->inputs, h, n);
		rnn_tanh_n(&p, &r, 1);
		cell = v_fma(rnn_gate(p, r), rec, cell);
		rnn_tanh_n(&t, &cell, 1);
		/* the update gate last: nothing waits for it until the cell is ready */
		rnn_tanh_n(&p, &z, 1);
		z = rnn_gate(p, z);
		v_store(out + u, v_fma(v_sign_of(v_sub(v_set1(1.0f), z), cell), t, v_mul(z, v_load(h + u))));
	}
}

#if VL == 16
/* The same where gates are 8 units wide: two in a vector. */
ALWAYS void
lstm_step_8(const struct nam_rnn *q, const float *in, const float *h, float *out, const int n)
{
	V z[2], p[2], gate, c, t;

	rnn_sums(z, 2, q->bias, q->w, 32, 16, in, q->inputs, h, n); /* i and f, g and o */
	rnn_tanh_n(p, z, 2);
	gate = rnn_gate(p[0], z[0]);
	c = v_mul(gate, v_sign_of(p[1], z[1]));
	c = v_fma(v_high(gate), v_load_low(q->c), c);
	rnn_tanh_n(&t, &c, 1);
	v_store_low(q->c, c);
	gate = v_high(rnn_gate(p[1], z[1]));
	v_store_low(out, v_mul(v_sign_of(gate, c), t));
}

ALWAYS void
gru_step_8(const struct nam_rnn *q, const float *in, const float *h, float *out, const int n)
{
	V z, rec, cell, p, t;

	rnn_sums(&cell, 1, q->bias + 16, q->w + 16, 24, 0, in, q->inputs, h, 0);
	rnn_sums(&z, 1, q->bias, q->w, 24, 0, in, q->inputs, h, n); /* z and r */
	rnn_sums(&rec, 1, q->rec_bias, q->w + (size_t)q->inputs * 24 + 16, 24, 0, in, 0, h, n);
	rnn_tanh_n(&p, &z, 1);
	z = rnn_gate(p, z);
	cell = v_fma(v_high(z), rec, cell);
	rnn_tanh_n(&t, &cell, 1);
	v_store_low(out, v_fma(v_sign_of(v_sub(v_set1(1.0f), z), cell), t, v_mul(z, v_load_low(h))));
}
#else
#define lstm_step_8(q, in, h, out, n) lstm_step(q, in, h, out, n, 8)
#define gru_step_8(q, in, h, out, n) gru_step(q, in, h, out, n, 8)
#endif

/* A step waits for the one before it most of the time; those of other layers and streams fill the wait.
 * n: the units of all of them if it is the same number, 0 if it is not.  Copies for the usual numbers do in the order
 * of their instructions what others do in loops. */
ALWAYS void
rnn_step(const struct nam_rnn *q, const float *in, const float *h, float *out, const int gru, const int n)
{
	const int units = n ? n : q->real_units;

	if (n == 8 || (n == 0 && q->units == 8)) {
		if (gru)
			gru_step_8(q, in, h, out, units);
		else
			lstm_step_8(q, in, h, out, units);
	} else {
		const size_t padded = n ? (size_t)(n + 15) / 16 * 16 : (size_t)q->units;

		if (gru)
			gru_step(q, in, h, out, units, padded);
		else
			lstm_step(q, in, h, out, units, padded);
	}
}

ALWAYS void
rnn_steps(const struct nam_rnn *q, int count, size_t end, const int gru, const int n)
{
	for (size_t now = 0; now < end; now++)
		for (int i = 0; i < count; i++) {
			const size_t t = now - q[i].lag, units = (size_t)q[i].units;

			if (t < q[i].n) /* before its start t is huge */
				rnn_step(&q[i], q[i].in + t * q[i].in_stride, t ? q[i].out + (t - 1) * units : q[i].h,
				    q[i].out + t * units, gru, n);
		}
}

ALWAYS void
rnn_layers(const struct nam_rnn *q, int count, const int gru)
{
	size_t end = 0;
	int n = q->real_units;

	for (int i = 0; i < count; i++) {
		end = q[i].n + q[i].lag > end ? q[i].n + q[i].lag : end;
		n = q[i].real_units == n ? n : 0;
	}
	switch (n) {
	case 8: rnn_steps(q, count, end, gru, 8); break;
	case 12: rnn_steps(q, count, end, gru, 12); break;
	case 16: rnn_steps(q, count, end, gru, 16); break;
	default: rnn_steps(q, count, end, gru, 0); break;
	}
	for (int i = 0; i < count; i++)
		for (size_t u = 0; u < (size_t)q[i].units && q[i].n; u++)
			q[i].h[u] = q[i].out[(q[i].n - 1) * (size_t)q[i].units + u];
}

static void
k_lstm(const struct nam_rnn *q, int count)
{
	rnn_layers(q, count, 0);
}

static void
k_gru(const struct nam_rnn *q, int count)
{
	rnn_layers(q, count, 1);
}

/* ---- recurrent layers: lanes over streams ------------------------------------------ */

/* One hidden unit more in the sums of RU units, chain i of a pair, for lv vectors of streams. */
ALWAYS void
lanes_column(const struct nam_rnn_lanes *q, const float *w, size_t step, int j, const float *h, const size_t lanes,
    const int lv, const int i, V a[RU][LV][2])
{
	const float *column = w + (size_t)(q->inputs + j) * step;
	V x[LV];

	UNROLL
	for (int v = 0; v < lv; v++)
		x[v] = v_load(h + (size_t)j * lanes + v * VL);
	UNROLL
	for (int u = 0; u < RU; u++) {
		V k = v_set1(column[u]);

		UNROLL
		for (int v = 0; v < lv; v++)
			a[u][v][i] = v_fma(k, x[v], a[u][v][i]);
	}
}

/* Sums of RU units from place `at` of a column on, for lv vectors of streams; h NULL: bias and inputs.  They and their
 * order are those of rnn_sums().  Two of the four chains at a time, which leaves registers for more units, so that a load
 * serves more sums. */
ALWAYS void
lanes_block(const struct nam_rnn_lanes *q, float *z, size_t at, size_t step, const float *bias, int inputs,
    const float *in, const float *h, const size_t lanes, const int lv)
{
	const float *w = q->w + at;
	const int n = h ? q->real_units : 0;
	V sum[RU][LV], a[RU][LV][2];

	UNROLL
	for (int pair = 0; pair < 2; pair++) {
		int j = 2 * pair;

		UNROLL
		for (int u = 0; u < RU; u++)
			UNROLL
			for (int v = 0; v < lv; v++) {
				a[u][v][0] = pair ? v_set1(0.0f) : v_set1(bias[u]);
				a[u][v][1] = v_set1(0.0f);
			}
		for (int i = 0; i < inputs && !pair; i++)
			UNROLL
			for (int v = 0; v < lv; v++) {
				V x = v_load(in + (size_t)i * lanes + v * VL);

				UNROLL
				for (int u = 0; u < RU; u++)
					a[u][v][0] = v_fma(v_set1(w[(size_t)i * step + (size_t)u]), x, a[u][v][0]);
			}
		for (; j + 1 < n; j += 4) {
			lanes_column(q, w, step, j, h, lanes, lv, 0, a);
			lanes_column(q, w, step, j + 1, h, lanes, lv, 1, a);
		}
		if (j < n)
			lanes_column(q, w, step, j, h, lanes, lv, 0, a);
		UNROLL
		for (int u = 0; u < RU; u++)
			UNROLL
			for (int v = 0; v < lv; v++) {
				V s = h ? v_add(a[u][v][0], a[u][v][1]) : a[u][v][0];

				if (pair == 0)
					sum[u][v] = s;
				else
					v_store(z + (size_t)u * lanes + v * VL, h ? v_add(sum[u][v], s) : sum[u][v]);
			}
	}
}

/* All units of one gate of one frame, to z: units x lanes. */
ALWAYS void
lanes_sums(const struct nam_rnn_lanes *q, float *z, size_t at, size_t step, const float *bias, int inputs,
    const float *in, const float *h, const size_t lanes)
{
	const size_t lv = lanes / VL < LV ? lanes / VL : LV;

	for (size_t u = 0; u < (size_t)q->real_units; u += RU)
		for (size_t l = 0; l < lanes; l += lv * VL)
			lanes_block(q, z + u * lanes + l, at + u, step, bias + u, inputs, in + l, h ? h + l : NULL, lanes,
			    (int)lv);
}

ALWAYS void
lstm_lanes(const struct nam_rnn_lanes *q, const size_t lanes)
{
	const size_t units = (size_t)q->units, frame = units * lanes, many = (size_t)q->real_units * lanes;
	const float *h = q->h, *z = q->z;
	float *out = q->out, *c = q->c;

	for (size_t t = 0; t < q->n; t++, h = out, out += frame) {
		for (size_t g = 0; g < 4; g++)
			lanes_sums(q, q->z + g * frame, g * units, 4 * units, q->bias + g * units, q->inputs,
			    q->in + t * q->in_stride, h, lanes);
		/* loops of their own: the table of tanh stays in registers, and the chains are short
		 * enough for the next ones to start beside them */
		for (size_t i = 0; i < many; i += VL) {
			V s[3] = { v_load(z + i), v_load(z + i + frame), v_load(z + i + 2 * frame) };

			m_cell_tanh_n(s, 3);
			v_store(c + i, v_fma(m_gate(s[1]), v_load(c + i), v_mul(m_gate(s[0]), s[2])));
		}
		for (size_t i = 0; i < many; i += VL) {
			V s[2] = { v_load(c + i), v_load(z + i + 3 * frame) };

			m_cell_tanh_n(s, 2);
			v_store(out + i, v_mul(m_gate(s[1]), s[0]));
		}
	}
	for (size_t i = 0; i < frame && q->n; i++)
		q->h[i] = h[i];
}

ALWAYS void
gru_lanes(const struct nam_rnn_lanes *q, const size_t lanes)
{
	const size_t units = (size_t)q->units, frame = units * lanes, step = 3 * units;
	const size_t many = (size_t)q->real_units * lanes;
	const float *h = q->h, *z = q->z;
	float *out = q->out;

	for (size_t t = 0; t < q->n; t++, h = out, out += frame) {
		const float *in = q->in + t * q->in_stride;

		for (size_t g = 0; g < 2; g++)
			lanes_sums(q, q->z + g * frame, g * units, step, q->bias + g * units, q->inputs, in, h, lanes);
		lanes_sums(q, q->z + 2 * frame, 2 * units, step, q->bias + 2 * units, q->inputs, in, NULL, lanes);
		lanes_sums(q, q->z + 3 * frame, 2 * units, step, q->rec_bias, 0, in, h, lanes);
		/* the reset gate and the cell's sum, two vectors side by side: of padding, too, if they are odd */
		for (size_t i = 0; i < many; i += 2 * VL) {
			float *cell = q->z + i + 2 * frame;
			V s[2] = { v_load(z + i + frame), v_load(z + i + frame + VL) };

			m_cell_tanh_n(s, 2);
			v_store(cell, v_fma(m_gate(s[0]), v_load(cell + frame), v_load(cell)));
			v_store(cell + VL, v_fma(m_gate(s[1]), v_load(cell + frame + VL), v_load(cell + VL)));
		}
		for (size_t i = 0; i < many; i += VL) {
			V s[2] = { v_load(z + i), v_load(z + i + 2 * frame) };

			m_cell_tanh_n(s, 2);
			s[0] = m_gate(s[0]);
			v_store(out + i, v_fma(v_sub(v_set1(1.0f), s[0]), s[1], v_mul(s[0], v_load(h + i))));
		}
	}
	for (size_t i = 0; i < frame && q->n; i++)
		q->h[i] = h[i];
}

static void
k_lstm_lanes(const struct nam_rnn_lanes *q)
{
	if (q->lanes == NAM_LANES)
		lstm_lanes(q, NAM_LANES);
	else
		lstm_lanes(q, NAM_LANES / 2);
}

static void
k_gru_lanes(const struct nam_rnn_lanes *q)
{
	if (q->lanes == NAM_LANES)
		gru_lanes(q, NAM_LANES);
	else
		gru_lanes(q, NAM_LANES / 2);
}

static void
k_dense_lanes(float *y, const float *x, size_t stride, const float *w, int inputs, float bias, size_t n, size_t lanes)
{
	for (size_t t = 0; t < n; t++, x += stride, y += lanes)
		for (size_t l = 0; l < lanes; l += VL) {
			V a = v_set1(bias);

			for (int j = 0; j < inputs; j++)
				a = v_fma(v_set1(w[j]), v_load(x + (size_t)j * lanes + l), a);
			v_store(y + l, a);
		}
}

/* The first `columns` floats of n frames, each to a plane. */
static void
k_planes(float *y, size_t y_stride, const float *x, size_t stride, int columns, size_t n)
{
	size_t t = 0;

	for (; t + VL <= n; t += VL)
		for (int j = 0; j < columns; j += 4) {
			V k[4];

			v_columns(x + t * stride + j, stride, k);
			UNROLL
			for (int i = 0; i < 4; i++) {
				if (j + i >= columns)
					break;
				v_store(y + (size_t)(j + i) * y_stride + t, k[i]);
			}
		}
	for (; t < n; t++)
		for (int j = 0; j < columns; j++)
			y[(size_t)j * y_stride + t] = x[t * stride + (size_t)j];
}

static void
k_dense(float *y, const float *x, size_t stride, const float *w, int inputs, float bias, size_t n)
{
	size_t t = 0;

	for (; t + VL <= n; t += VL) {
		V a = v_set1(bias);

		for (int j = 0; j < inputs; j += 4) {
			V k[4];

			v_columns(x + t * stride + j, stride, k);
			UNROLL
			for (int i = 0; i < 4; i++) {
				if (j + i >= inputs)
					break;
				a = v_fma(v_set1(w[j + i]), k[i], a);
			}
		}
		v_store(y + t, a);
	}
	for (; t < n; t++) {
		float a = bias;

		for (int j = 0; j < inputs; j++)
			a = fmaf(w[j], x[t * stride + (size_t)j], a);
		y[t] = a;
	}
}
