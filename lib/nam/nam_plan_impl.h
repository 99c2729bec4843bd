/* nam_plan_impl.h - the steps of a plan, as a block of threads does them; see nam_plan.h.
 *
 * The CUDA backend compiles it for the device, nam_plan_host.c as plain C in which a block is a loop over its threads: one
 * source, one order of operations, the same bits.  Whoever includes it has included nam_math_impl.h with V a float, and
 * defines VM_FN (how functions are declared), VM_LOAD4(to, from), a copy of four floats from an address aligned for that, and VM_EXP and
 * VM_DIVIDE, which may be approximate and are only for plans that are fast.
 *
 * A step has one or more phases.  Within a phase no thread reads what another writes; all threads finish a phase before any begins
 * the next.  Thread i of n has the frames i, i + n, i + 2n, ... of a tile, in all steps but the recurrent ones. */
#include "nam/nam_plan.h"
#include <math.h>

/* Of a stream at work; the same for all threads of its block. */
struct nam_vm {
	const struct nam_plan *plan;
	float *mem;                  /* plan->floats */
	float *stage;                /* 2 x NAM_PLAN_MAX_WEIGHTS, near the threads; aligned to 16 bytes */
	int32_t g;                   /* the first frame of the tile; below 2^30 */
	int n, threads;              /* frames of the tile */
};

enum { VM_FRAMES = 4, VM_OUTS = 4 };  /* most frames of a thread in LAYERS; sums of a thread at once in ROWS */

/* What a thread keeps from phase to phase of LAYERS. */
struct nam_vm_thread {
	float y[VM_FRAMES][NAM_PLAN_MAX_CHANNELS], head[VM_FRAMES][NAM_PLAN_MAX_CHANNELS];
};

VM_FN int
vm_ring(int i, int len)
{
	i += i < 0 ? len : 0;
	return i < len ? i : i - len;
}

/* Frame t of the tile, back frames before it, of channel 0. */
VM_FN float *
vm_frame(const struct nam_vm *m, struct nam_plan_signal s, int t, int back)
{
	return m->mem + s.at + vm_ring(m->g % s.len + t - back, s.len);
}

VM_FN int
vm_group_end(int first, int rows)
{
	return rows - first < NAM_GROUP + NAM_GROUP / 2 ? rows : first + NAM_GROUP;
}

/* ---- sums -------------------------------------------------------------------------------- */

struct vm_sums {
	float acc[VM_OUTS], sum[VM_OUTS];
	int row, end, rows, folds;
};

VM_FN void
vm_sums_row(struct vm_sums *q, const float *w, int o, int outs, float x)
{
	if (q->row == q->end) {
		for (int k = 0; k < VM_OUTS; k++) {
			q->sum[k] = q->folds ? v_add(q->sum[k], q->acc[k]) : q->acc[k];
			q->acc[k] = 0.0f;
		}
		q->folds = 1;
		q->end = vm_group_end(q->row, q->rows);
	}
	w += (size_t)q->row * (size_t)outs;
	for (int k = 0; k < VM_OUTS; k++)
		q->acc[k] = v_fma(w[o + k < outs ? o + k : outs - 1], x, q->acc[k]);
	q->row++;
}

VM_FN void
vm_rows(const struct nam_vm *m, const struct nam_plan_step *s, int thread)
{
	const float *w = m->plan->weights + s->w, *b = s->b < 0 ? NULL : m->plan->weights + s->b;

	for (int t = thread; t < m->n; t += m->threads) {
		const float *mix = s->mixes ? vm_frame(m, s->mix, t, 0) : NULL;
		float *out = vm_frame(m, s->out, t, 0), *add = s->fn == NAM_STORE ? out : vm_frame(m, s->add, t, 0);

		for (int o = 0; o < s->outs; o += VM_OUTS) {
			struct vm_sums q = { { 0 }, { 0 }, 0, 0, 0, 0 };

			q.rows = s->taps * s->ins + s->mixes;
			q.end = vm_group_end(0, q.rows);
			for (int k = 0; k < s->taps; k++) {
				const float *x = vm_frame(m, s->in, t, (s->taps - 1 - k) * s->dilation);

				for (int c = 0; c < s->ins; c++)
					vm_sums_row(&q, w, o, s->outs, x[(size_t)c * (size_t)s->in.len]);
			}
			for (int c = 0; c < s->mixes; c++)
				vm_sums_row(&q, w, o, s->outs, mix[(size_t)c * (size_t)s->mix.len]);
			for (int k = 0; k < VM_OUTS && o + k < s->outs; k++) {
				float x = q.folds ? v_add(q.sum[k], q.acc[k]) : q.acc[k];
				float *a = add + (size_t)(o + k) * (size_t)s->add.len;

				x = v_add(x, b ? b[o + k] : -0.0f);
				if (s->fn == NAM_ADD) {
					x = v_add(*a, x);
				} else if (s->fn != NAM_STORE) {
					x = s->fn == NAM_TANH_SUM ? m_tanh(x) : v_max(x, v_mul(x, s->p[0]));
					*a = v_add(*a, x);
				}
				out[(size_t)(o + k) * (size_t)s->out.len] = x;
			}
		}
	}
}

/* ---- one frame, one channel -------------------------------------------------------------- */

VM_FN float
vm_point(const struct nam_plan *p, const struct nam_plan_step *s, int c, float out, float a, float b, float d)
{
	const float *w = p->weights;

	switch (s->code) {
	case NAM_PLAN_ACT: {
		float slope[4] = { s->p[0], s->p[1], s->p[2], s->p[3] };

		if (s->w >= 0)
			slope[0] = w[s->w + c];
		return m_act((enum nam_act_type)s->fn, slope, out);
	}
	case NAM_PLAN_MIX:
		switch (s->fn) {
		case NAM_OP_ADD: return v_add(a, b);
		case NAM_OP_MUL: return v_mul(a, b);
		case NAM_OP_FMA: return v_fma(a, b, d);
		default: return v_fma(a, b, v_mul(v_sub(1.0f, a), d));
		}
	case NAM_PLAN_AFFINE:
		return v_fma(a, w[s->w + c], w[s->b + c]);
	case NAM_PLAN_SCALE:
		return v_fma(a, s->p[0], -0.0f);
	case NAM_PLAN_COPY:
		return a;
	default:
		return 0.0f;
	}
}

VM_FN void
vm_points(const struct nam_vm *m, const struct nam_plan_step *s, int thread)
{
	for (int t = thread; t < m->n; t += m->threads) {
		float *out = vm_frame(m, s->out, t, 0);
		const float *a = s->in.len ? vm_frame(m, s->in, t, 0) : out;
		const float *b = s->mix.len ? vm_frame(m, s->mix, t, 0) : a, *d = s->add.len ? vm_frame(m, s->add, t, 0) : a;

		for (int c = 0; c < s->outs; c++)
			out[(size_t)c * (size_t)s->out.len] = vm_point(m->plan, s, c, out[(size_t)c * (size_t)s->out.len],
			    a[(size_t)c * (size_t)s->in.len], b[(size_t)c * (size_t)s->mix.len],
			    d[(size_t)c * (size_t)s->add.len]);
	}
}

/* e^x for x <= 0 as nam_stack.c has it. */
VM_FN double
vm_exp_of(double x)
{
	const double inverse_factorial[12] = { 1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040,
		1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800 };
	double k, r, p = 1.0 / 479001600;

	if (!(x > -700))
		return x != x ? x : 0;
	k = floor(fma(x, 1.4426950408889634, 0.5));
	r = fma(k, -0.69314718055994529, x);
	r = fma(k, -2.3190468138462996e-17, r);
	for (int n = 12; n > 0; n--)
		p = fma(p, r, inverse_factorial[n - 1]);
	return ldexp(p, (int)k);
}

VM_FN void
vm_softmax(const struct nam_vm *m, const struct nam_plan_step *s, int thread)
{
	for (int t = thread; t < m->n; t += m->threads) {
		float *x = vm_frame(m, s->out, t, 0);
		const size_t stride = (size_t)s->out.len;
		double most = (double)x[0], sum = 0;

		for (int c = 1; c < s->outs; c++) {
			const double v = (double)x[(size_t)c * stride];

			most = v > most ? v : most;
		}
		for (int c = 0; c < s->outs; c++)
			sum += vm_exp_of((double)x[(size_t)c * stride] - most);
		for (int c = 0; c < s->outs; c++)
			x[(size_t)c * stride] = (float)(vm_exp_of((double)x[(size_t)c * stride] - most) / sum);
	}
}

VM_FN void
vm_fir(const struct nam_vm *m, const struct nam_plan_step *s, int thread)
{
	const float *w = m->plan->weights + s->w, *in = m->mem + s->in.at;
	const int base = m->g % s->in.len;

	for (int t = thread; t < m->n; t += m->threads) {
		double a = s->b < 0 ? 0 : (double)m->plan->weights[s->b];

		for (int j = s->taps; j-- > 0;)
			a = fma((double)w[j], (double)in[vm_ring(base + t - j, s->in.len)], a);
		*vm_frame(m, s->out, t, 0) = (float)a;
	}
}

VM_FN void
vm_dense(const struct nam_vm *m, const struct nam_plan_step *s, int thread)
{
	for (int t = thread; t < m->n; t += m->threads) {
		const float *x = vm_frame(m, s->in, t, 0);
		float *out = vm_frame(m, s->out, t, 0);

		for (int o = 0; o < s->outs; o++) {
			const float *w = m->plan->weights + s->w + (size_t)o * (size_t)s->ins;
			float a = m->plan->weights[s->b + o];

			for (int j = 0; j < s->ins; j++)
				a = v_fma(w[j], x[(size_t)j * (size_t)s->in.len], a);
			out[(size_t)o * (size_t)s->out.len] = a;
		}
	}
}

/* ---- recurrent layers: a phase is a frame, a thread has units ------------------------------ */

/* Gate g of unit u: bias and inputs. */
VM_FN float
vm_rnn_inputs(const struct nam_vm *m, const struct nam_plan_step *s, const float *x, int gates, int g, int u)
{
	const float *w = m->plan->weights + s->w + (size_t)g * (size_t)s->rows + u;
	float z = m->plan->weights[s->b + g * s->rows + u];

	for (int i = 0; i < s->ins; i++)
		z = v_fma(x[(size_t)i * (size_t)s->in.len], w[(size_t)i * (size_t)gates * (size_t)s->rows], z);
	return z;
}

/* z, and the sums over the units before. */
VM_FN float
vm_rnn_hidden(const struct nam_vm *m, const struct nam_plan_step *s, const float *h, int gates, int g, int u, float z)
{
	const size_t step = (size_t)gates * (size_t)s->rows, stride = (size_t)s->out.len;
	const float *w = m->plan->weights + s->w + (size_t)s->ins * step + (size_t)g * (size_t)s->rows + u;
	float a0 = z, a1 = 0.0f, a2 = 0.0f, a3 = 0.0f;
	int j = 0;

	for (; j + 4 <= s->outs; j += 4, w += 4 * step, h += 4 * stride) {
		a0 = v_fma(h[0], w[0], a0);
		a1 = v_fma(h[stride], w[step], a1);
		a2 = v_fma(h[2 * stride], w[2 * step], a2);
		a3 = v_fma(h[3 * stride], w[3 * step], a3);
	}
	if (j < s->outs)
		a0 = v_fma(h[0], w[0], a0);
	if (j + 1 < s->outs)
		a1 = v_fma(h[stride], w[step], a1);
	if (j + 2 < s->outs)
		a2 = v_fma(h[2 * stride], w[2 * step], a2);
	return v_add(v_add(a0, a1), v_add(a2, a3));
}

VM_FN void
vm_lstm(const struct nam_vm *m, const struct nam_plan_step *s, int t, int thread)
{
	const float *x = vm_frame(m, s->in, t, 0), *h = vm_frame(m, s->out, t, 1);
	const float *before = vm_frame(m, s->add, t, 1);
	float *out = vm_frame(m, s->out, t, 0), *cells = vm_frame(m, s->add, t, 0);

	for (int u = thread; u < s->outs; u += m->threads) {
		float z[4], c;

		for (int g = 0; g < 4; g++)
			z[g] = vm_rnn_hidden(m, s, h, 4, g, u, vm_rnn_inputs(m, s, x, 4, g, u));
		m_cell_tanh_n(z, 3);
		c = v_mul(m_gate(z[0]), z[2]);
		c = v_fma(m_gate(z[1]), before[(size_t)u * (size_t)s->add.len], c);
		cells[(size_t)u * (size_t)s->add.len] = c;
		m_cell_tanh_n(&c, 1);
		m_cell_tanh_n(z + 3, 1);
		out[(size_t)u * (size_t)s->out.len] = v_mul(m_gate(z[3]), c);
	}
}

VM_FN void
vm_gru(const struct nam_vm *m, const struct nam_plan_step *s, int t, int thread)
{
	const float *x = vm_frame(m, s->in, t, 0), *h = vm_frame(m, s->out, t, 1);
	float *out = vm_frame(m, s->out, t, 0);

	for (int u = thread; u < s->outs; u += m->threads) {
		float z[3], cell, a;

		for (int g = 0; g < 3; g++)
			z[g] = vm_rnn_inputs(m, s, x, 3, g, u);
		cell = z[2];
		z[2] = vm_rnn_hidden(m, s, h, 3, 2, u, m->plan->weights[s->mix_w + u]);
		z[1] = vm_rnn_hidden(m, s, h, 3, 1, u, z[1]);
		m_cell_tanh_n(z + 1, 1);
		a = v_fma(m_gate(z[1]), z[2], cell);
		m_cell_tanh_n(&a, 1);
		z[0] = vm_rnn_hidden(m, s, h, 3, 0, u, z[0]);
		m_cell_tanh_n(z, 1);
		z[0] = m_gate(z[0]);
		out[(size_t)u * (size_t)s->out.len] = v_fma(v_sub(1.0f, z[0]), a, v_mul(z[0], h[(size_t)u * (size_t)s->out.len]));
	}
}

/* An LSTM of one input and H units, one for each of the first H threads.  They hand h on in `stage`, and step by step through
 * their rings. */
struct nam_vm_cell {
	float w[4][33], b[4], c, x;
	int in, out;
};

/* Phase 0 fetches, phase i is frame i - 1. */
VM_FN void
vm_cells(const struct nam_vm *m, const struct nam_plan_step *s, int phase, int u, struct nam_vm_cell *th, const int H)
{
	const float *w = m->plan->weights + s->w + u, *b = m->plan->weights + s->b + u;
	const float *h = m->stage + (phase & 1) * H, *in = m->mem + s->in.at;
	float *next = m->stage + ((phase + 1) & 1) * H, z[4], c;

	if (u >= H)
		return;
	if (phase == 0) {
		UNROLL for (int g = 0; g < 4; g++) {
			th->b[g] = b[g * s->rows];
			UNROLL for (int j = 0; j <= H; j++)
				th->w[g][j] = w[(j * 4 + g) * s->rows];
		}
		th->c = vm_frame(m, s->add, 0, 1)[(size_t)u * (size_t)s->add.len];
		next[u] = vm_frame(m, s->out, 0, 1)[(size_t)u * (size_t)s->out.len];
		th->in = m->g % s->in.len;
		th->out = m->g % s->out.len;
		th->x = in[th->in];
		return;
	}
	UNROLL for (int g = 0; g < 4; g++) {
		float a[4] = { v_fma(th->x, th->w[g][0], th->b[g]), 0.0f, 0.0f, 0.0f };

		UNROLL for (int j = 0; j < H; j += 4) {
			float k[4];

			VM_LOAD4(k, h + j);
			UNROLL for (int i = 0; i < 4; i++)
				a[i] = v_fma(k[i], th->w[g][1 + j + i], a[i]);
		}
		z[g] = v_add(v_add(a[0], a[1]), v_add(a[2], a[3]));
	}
	/* the next frame's input is under way meanwhile */
	th->in = vm_ring(th->in + 1, s->in.len);
	th->x = in[th->in];
	m_cell_tanh_n(z, 3);
	c = v_fma(m_gate(z[1]), th->c, v_mul(m_gate(z[0]), z[2]));
	th->c = c;
	m_cell_tanh_n(&c, 1);
	m_cell_tanh_n(z + 3, 1);
	c = v_mul(m_gate(z[3]), c);
	next[u] = c;
	m->mem[(size_t)s->out.at + (size_t)u * (size_t)s->out.len + (size_t)th->out] = c;
	th->out = vm_ring(th->out + 1, s->out.len);
	if (phase == m->n)
		vm_frame(m, s->add, m->n - 1, 0)[(size_t)u * (size_t)s->add.len] = th->c;
}

/* ---- plain layers, C channels and F frames of each thread known when this is compiled --------- */

VM_FN void
vm_stage(const struct nam_vm *m, const struct nam_plan_step *layer, int i, int thread, const int C)
{
	const float *from = m->plan->weights + layer->w;
	float *to = m->stage + (i & 1) * NAM_PLAN_MAX_WEIGHTS;
	const int n = nam_plan_layer_weights(C, layer->taps);

	for (int k = thread; k < n; k += m->threads)
		to[k] = from[k];
}

#define EACH_OUT UNROLL for (int o = 0; o < C; o++)
#define EACH_FRAME UNROLL for (int f = 0; f < F; f++)

VM_FN void
vm_fold(float acc[VM_FRAMES][NAM_PLAN_MAX_CHANNELS], float sum[VM_FRAMES][NAM_PLAN_MAX_CHANNELS], int folds, const int C,
    const int F)
{
	EACH_FRAME
		EACH_OUT {
			sum[f][o] = folds ? v_add(sum[f][o], acc[f][o]) : acc[f][o];
			acc[f][o] = 0.0f;
		}
}

/* Fast: a product of two floats as three of their halves, in bfloat16, whose product is exact in float; what is left out is 2^-16 of it.
 * A multiplication of matrices does the same in another order of additions (cuda/fast.cuh); this is its twin. */
VM_FN float
vm_bfloat(float x)
{
	unsigned u;

	memcpy(&u, &x, sizeof u);
	if (x - x != 0.0f) /* infinite, or no number */
		return x;
	u = (u + 0x7fffu + (u >> 16 & 1)) & 0xffff0000u; /* the nearest, ties to even */
	memcpy(&x, &u, sizeof u);
	return x;
}

VM_FN float
vm_fast_fma(float w, float x, float a)
{
	const float w1 = vm_bfloat(w), x1 = vm_bfloat(x);

	a = v_fma(w1, vm_bfloat(x - x1), a);
	a = v_fma(vm_bfloat(w - w1), x1, a);
	return v_fma(w1, x1, a);
}

/* To 3e-7. */
VM_FN float
vm_fast_tanh(float x)
{
	return 1.0f - VM_DIVIDE(2.0f, 1.0f + VM_EXP(2.0f * x));
}

VM_FN void
vm_layer_row(float acc[VM_FRAMES][NAM_PLAN_MAX_CHANNELS], const float *w, const float *x, const int C, const int F,
    const int fast)
{
	float k[NAM_PLAN_MAX_CHANNELS];

	if (C % 4 == 0)
		UNROLL for (int o = 0; o < C; o += 4)
			VM_LOAD4(k + o, w + o);
	else
		EACH_OUT
			k[o] = w[o];
	EACH_OUT
		EACH_FRAME
			acc[f][o] = fast ? vm_fast_fma(k[o], x[f], acc[f][o]) : v_fma(k[o], x[f], acc[f][o]);
}

VM_FN void
vm_layer(const struct nam_vm *m, const struct nam_plan_step *s, const float *stage, int thread, struct nam_vm_thread *th,
    const int C, const int F, const int fast)
{
	const int rows = s->taps * C + 1, base = m->g % s->in.len;
	const size_t len = (size_t)s->in.len;
	float acc[VM_FRAMES][NAM_PLAN_MAX_CHANNELS], sum[VM_FRAMES][NAM_PLAN_MAX_CHANNELS], x[VM_FRAMES];
	const float *w = stage, *in = m->mem + s->in.at;
	int row = 0, folds = 0, end = vm_group_end(0, rows);

	EACH_FRAME
		EACH_OUT
			acc[f][o] = sum[f][o] = 0.0f;
	for (int k = 0; k < s->taps; k++) {
		const int now = k == s->taps - 1;        /* in registers already */
		int i[VM_FRAMES];

		EACH_FRAME
			i[f] = vm_ring(base + thread + f * m->threads - (s->taps - 1 - k) * s->dilation, s->in.len);
		UNROLL for (int c = 0; c < C; c++) {
			/* a group ends with a tap where its rows divide 32 */
			if ((c == 0 || NAM_GROUP % C) && row == end) {
				vm_fold(acc, sum, folds, C, F);
				folds = 1;
				end = vm_group_end(row, rows);
			}
			EACH_FRAME
				x[f] = now ? th->y[f][c] : in[(size_t)c * len + (size_t)i[f]];
			vm_layer_row(acc, w, x, C, F, fast);
			w += C;
			row++;
		}
	}
	EACH_FRAME /* no group is one row alone */
		x[f] = *vm_frame(m, s->mix, thread + f * m->threads, 0);
	vm_layer_row(acc, w, x, C, F, 0);
	w += C;
	EACH_FRAME
		EACH_OUT {
			float z = v_add(folds ? v_add(sum[f][o], acc[f][o]) : acc[f][o], w[o]);

			z = s->fn == NAM_TANH_SUM ? fast ? vm_fast_tanh(z) : m_tanh(z) : v_max(z, v_mul(z, s->p[0]));
			th->head[f][o] = v_add(th->head[f][o], z);
			sum[f][o] = z;
			acc[f][o] = 0.0f;
		}
	if (s->out.at < 0)
		return;
	w += C;
	UNROLL for (int c = 0; c < C; c++) {
		EACH_FRAME
			x[f] = sum[f][c];
		vm_layer_row(acc, w, x, C, F, fast);
		w += C;
	}
	EACH_FRAME {
		const int t = thread + f * m->threads;
		float *out = vm_frame(m, s->out, t, 0);

		EACH_OUT {
			th->y[f][o] = v_add(th->y[f][o], v_add(acc[f][o], w[o]));
			if (t < m->n)
				out[(size_t)o * (size_t)s->out.len] = th->y[f][o];
		}
	}
}

/* Phase 0 fetches, phase i is layer i - 1.  A tile has at most F x threads frames. */
VM_FN void
vm_layers(const struct nam_vm *m, const struct nam_plan_step *s, int phase, int thread, struct nam_vm_thread *th, const int C,
    const int F, const int fast)
{
	const struct nam_plan_step *layer = s + phase; /* the one of this phase, when phase > 0 */

	if (phase < s->taps)
		vm_stage(m, layer + 1, phase, thread, C);
	if (phase > 0)
		vm_layer(m, layer, m->stage + ((phase - 1) & 1) * NAM_PLAN_MAX_WEIGHTS, thread, th, C, F, fast);
	EACH_FRAME {
		const int t = thread + f * m->threads;
		const float *y = vm_frame(m, s->in, t, 0);
		float *head = vm_frame(m, s->add, t, 0);

		if (phase == 0)
			EACH_OUT {
				th->y[f][o] = t < m->n ? y[(size_t)o * (size_t)s->in.len] : 0.0f;
				th->head[f][o] = t < m->n && !s->fn ? head[(size_t)o * (size_t)s->add.len] : 0.0f;
			}
		if (phase == s->taps && t < m->n)
			EACH_OUT
				head[(size_t)o * (size_t)s->add.len] = th->head[f][o];
	}
}
#undef EACH_OUT
#undef EACH_FRAME

/* ---- all of it --------------------------------------------------------------------------- */

VM_FN int
vm_phases(const struct nam_plan_step *s, int n)
{
	return s->code == NAM_PLAN_LSTM || s->code == NAM_PLAN_GRU ? n : s->code == NAM_PLAN_LAYERS ? s->taps + 1 : 1;
}

/* Steps that follow a step and belong to it. */
VM_FN int
vm_step_length(const struct nam_plan_step *s)
{
	return s->code == NAM_PLAN_LAYERS ? 1 + s->taps : 1;
}

/* All steps but LAYERS. */
VM_FN void
vm_phase(const struct nam_vm *m, const struct nam_plan_step *s, int phase, int thread)
{
	switch (s->code) {
	case NAM_PLAN_ROWS: vm_rows(m, s, thread); break;
	case NAM_PLAN_SOFTMAX: vm_softmax(m, s, thread); break;
	case NAM_PLAN_FIR: vm_fir(m, s, thread); break;
	case NAM_PLAN_DENSE: vm_dense(m, s, thread); break;
	case NAM_PLAN_LSTM: vm_lstm(m, s, phase, thread); break;
	case NAM_PLAN_GRU: vm_gru(m, s, phase, thread); break;
	default: vm_points(m, s, thread); break;
	}
}

/* The pasts before the tile from image, or to it. */
VM_FN void
vm_image(const struct nam_vm *m, float *image, int save, int thread)
{
	for (int k = 0; k < m->plan->n_pasts; k++) {
		const struct nam_plan_past *p = &m->plan->pasts[k];

		for (int i = thread; i < p->past * p->channels; i += m->threads) {
			const int c = i / p->past, back = p->past - i % p->past;
			float *x = vm_frame(m, p->s, 0, back) + (size_t)c * (size_t)p->s.len;

			if (save)
				image[p->from + i] = *x;
			else
				*x = image[p->from + i];
		}
	}
}
