/* nam_rnn.c - LSTM and GRU layers with a linear head; and the FIR filter of Linear models. */
#include "nam/nam_net.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Of LSTM gates i f g o and of GRU gates z r c: the one that tanh bends. */
enum { CELL_GATE = 2 };

struct rnn_layer {
	int inputs, units;             /* units: padded, see padded() */
	const float *w, *bias, *rec_bias, *h0, *c0;
};

struct rnn {
	struct nam_net net;
	int n_layers, hidden, gru;
	struct rnn_layer *layers;
	const float *head, *head_b;    /* [out][hidden]; NULL: the units are the output */
};

struct rnn_state {
	struct nam_state s;
	float **h, **c;
	float *in, **out;              /* frames of a tile: the input, and the units of each layer */
	float *lane_in, *lane_h, *lane_c, *lane_out[2], *lane_z; /* of NAM_LANES streams, see run_lanes() */
};

enum {
	TILE = 128,
	SIDE_BY_SIDE = 4, /* streams at once: the CPU overlaps no more */
	ABREAST = 16,     /* layers of each at once */
	LANES_FROM = 13,  /* streams that make it worth to give each a lane of 16; measured */
	LANE_TILE = 16    /* frames of lanes at once: a vector of each stream */
};

/* Units as the kernels want them: two gates of 8 fit in a vector of 16. */
static size_t
padded(size_t units)
{
	return units <= 8 ? 8 : (units + 15) / 16 * 16;
}

/* What the kernel needs to know of layers first..end-1 of one stream. */
static int
rnn_items(struct rnn_state *s, const float *in, int first, int end, size_t n, struct nam_rnn *q)
{
	const struct rnn *r = (const struct rnn *)s->s.net;

	for (int i = first; i < end; i++) {
		const struct rnn_layer *l = &r->layers[i];

		*q++ = (struct nam_rnn){ .inputs = l->inputs, .units = l->units, .real_units = r->hidden,
			.w = l->w, .bias = l->bias, .rec_bias = l->rec_bias, .in = i ? s->out[i - 1] : in,
			.in_stride = (size_t)(i ? l->units : r->net.in_channels), .h = s->h[i], .c = s->c[i],
			.out = s->out[i], .n = n, .lag = (size_t)(i - first) };
	}
	return end - first;
}

static void
rnn_head(const struct rnn_state *s, struct nam_planes out, size_t n)
{
	const struct rnn *r = (const struct rnn *)s->s.net;
	const size_t stride = r->n_layers ? (size_t)r->layers[0].units : (size_t)r->net.in_channels;
	const float *x = r->n_layers ? s->out[r->n_layers - 1] : s->in;

	for (int o = 0; o < r->net.out_channels && r->head; o++)
		s->s.k->dense(out.p + (size_t)o * out.stride, x, stride, r->head + (size_t)o * (size_t)r->hidden,
		    r->hidden, r->head_b[o], n);
	if (!r->head)
		s->s.k->planes(out.p, out.stride, x, stride, r->net.out_channels, n);
}

/* Up to SIDE_BY_SIDE streams, all their layers together. */
static void
run_side_by_side(struct nam_state *const *states, size_t streams, const struct nam_planes *in,
    const struct nam_planes *out, size_t n)
{
	const struct rnn *r = (const struct rnn *)states[0]->net;
	const size_t channels = (size_t)r->net.in_channels;
	struct nam_rnn q[SIDE_BY_SIDE * ABREAST];

	for (size_t i = 0; i < streams; i++) {
		float *x = ((struct rnn_state *)states[i])->in;

		if (channels == 1 && r->n_layers)
			continue;       /* a plane is as good */
		for (size_t t = 0; t < n; t++)
			for (size_t c = 0; c < channels; c++)
				*x++ = in[i].p[c * in[i].stride + t];
	}
	for (int first = 0, end; first < r->n_layers; first = end) {
		int items = 0;

		end = r->n_layers - first < ABREAST ? r->n_layers : first + ABREAST;
		for (size_t i = 0; i < streams; i++) {
			struct rnn_state *s = (struct rnn_state *)states[i];

			items += rnn_items(s, channels == 1 ? in[i].p : s->in, first, end, n, q + items);
		}
		(r->gru ? states[0]->k->gru : states[0]->k->lstm)(q, items);
	}
	for (size_t i = 0; i < streams; i++)
		rnn_head((struct rnn_state *)states[i], out[i], n);
}

/* State of layer i of all streams to lanes, or back. */
static void
swap_state(struct nam_state *const *states, size_t streams, size_t lanes, int i, float *h, float *c, int back)
{
	const struct rnn *r = (const struct rnn *)states[0]->net;

	for (size_t k = 0; k < streams; k++) {
		struct rnn_state *s = (struct rnn_state *)states[k];

		for (size_t u = 0; u < (size_t)r->hidden; u++) {
			float *lane_h = h + u * lanes + k, *lane_c = c + u * lanes + k;

			if (back) {
				s->h[i][u] = *lane_h;
				s->c[i][u] = *lane_c;
			} else {
				*lane_h = s->h[i][u];
				*lane_c = s->c[i][u];
			}
		}
	}
}

/* n is LANE_TILE nearly always; a copy of a known size is a move of a register. */
static void
copy_frames(float *to, const float *from, size_t n)
{
	if (n == LANE_TILE)
		memcpy(to, from, LANE_TILE * sizeof *to);
	else
		memcpy(to, from, n * sizeof *to);
}

/* Frames from..from + n of the inputs to lanes, or of lanes to the outputs; of streams, LANE_TILE frames each, it makes
 * something with one distance between them first. */
static void
inputs_to_lanes(const struct nam_kernel *k, float *lane_in, size_t lanes, const struct nam_planes *in, size_t streams,
    size_t channels, size_t from, size_t n)
{
	float x[NAM_LANES * LANE_TILE] = { 0 };

	for (size_t c = 0; c < channels; c++) {
		for (size_t i = 0; i < streams; i++)
			copy_frames(x + i * LANE_TILE, in[i].p + c * in[i].stride + from, n);
		k->planes(lane_in + c * lanes, channels * lanes, x, LANE_TILE, (int)n, lanes);
	}
}

static void
lanes_to_output(const struct nam_kernel *k, const float *lane, size_t step, const struct nam_planes *out, size_t streams,
    size_t o, size_t from, size_t n)
{
	float y[NAM_LANES * LANE_TILE + NAM_PAD];

	k->planes(y, LANE_TILE, lane, step, (int)streams, n);
	for (size_t i = 0; i < streams; i++)
		copy_frames(out[i].p + o * out[i].stride + from, y + i * LANE_TILE, n);
}

/* Up to NAM_LANES streams, each in a lane; in the scratch memory of the first. */
static void
run_lanes(struct nam_state *const *states, size_t streams, const struct nam_planes *in,
    const struct nam_planes *out, size_t n)
{
	const struct rnn *r = (const struct rnn *)states[0]->net;
	const struct nam_kernel *kernel = states[0]->k;
	struct rnn_state *s = (struct rnn_state *)states[0];
	const size_t channels = (size_t)r->net.in_channels;
	const size_t lanes = streams <= NAM_LANES / 2 ? NAM_LANES / 2 : NAM_LANES;
	const size_t units = (size_t)r->layers[0].units, frame = units * lanes;
	float y[LANE_TILE * NAM_LANES];

	for (int i = 0; i < r->n_layers; i++)
		swap_state(states, streams, lanes, i, s->lane_h + (size_t)i * frame, s->lane_c + (size_t)i * frame, 0);
	for (size_t from = 0, now; from < n; from += now) {
		const float *x = s->lane_in;
		size_t stride = channels * lanes;

		now = n - from < LANE_TILE ? n - from : LANE_TILE;
		inputs_to_lanes(kernel, s->lane_in, lanes, in, streams, channels, from, now);
		for (int i = 0; i < r->n_layers; i++) {
			const struct rnn_layer *l = &r->layers[i];
			struct nam_rnn_lanes q = { .lanes = lanes, .inputs = l->inputs, .units = l->units,
				.real_units = r->hidden, .w = l->w, .bias = l->bias, .rec_bias = l->rec_bias,
				.in = x, .in_stride = stride, .h = s->lane_h + (size_t)i * frame,
				.c = s->lane_c + (size_t)i * frame, .out = s->lane_out[i % 2], .z = s->lane_z,
				.n = now };

			(r->gru ? kernel->gru_lanes : kernel->lstm_lanes)(&q);
			x = q.out;
			stride = frame;
		}
		for (size_t o = 0; o < (size_t)r->net.out_channels; o++) {
			if (r->head)
				kernel->dense_lanes(y, x, stride, r->head + o * (size_t)r->hidden, r->hidden,
				    r->head_b[o], now, lanes);
			lanes_to_output(kernel, r->head ? y : x + o * lanes, r->head ? lanes : stride, out, streams, o,
			    from, now);
		}
	}
	for (int i = 0; i < r->n_layers; i++)
		swap_state(states, streams, lanes, i, s->lane_h + (size_t)i * frame, s->lane_c + (size_t)i * frame, 1);
}

/* Recurrent nets are never primed: they run the silence. */
static void
rnn_run_many(struct nam_state *const *states, size_t streams, const struct nam_planes *in,
    const struct nam_planes *out, size_t n)
{
	const struct rnn *r = (const struct rnn *)states[0]->net;

	for (size_t i = 0, many; i < streams; i += many) {
		const size_t left = streams - i;

		if (left >= LANES_FROM && r->n_layers > 0) {
			many = left < NAM_LANES / 2 + LANES_FROM ? NAM_LANES / 2 : NAM_LANES;
			many = left < many ? left : many;
			run_lanes(states + i, many, in + i, out + i, n);
		} else {
			many = left < SIDE_BY_SIDE ? left : SIDE_BY_SIDE;
			run_side_by_side(states + i, many, in + i, out + i, n);
		}
	}
}

static void
rnn_run(struct nam_state *state, struct nam_planes in, struct nam_planes out, size_t n, int prime)
{
	(void)prime;
	rnn_run_many(&state, 1, &in, &out, n);
}

static void
rnn_plan(const struct nam_net *net, struct nam_planner *p, struct nam_plan_signal in, struct nam_plan_signal out)
{
	const struct rnn *r = (const struct rnn *)net;
	const int gates = r->gru ? 3 : 4;
	struct nam_plan_signal cur = in;
	struct nam_plan_step *s;
	int32_t w, b, rec;

	for (int i = 0; i < r->n_layers; i++) {
		const struct rnn_layer *l = &r->layers[i];
		struct nam_plan_signal units = nam_plan_planes(p, r->hidden, 1), cells = units;

		if (!r->gru)
			cells = nam_plan_planes(p, r->hidden, 1);
		if (l->h0) {
			nam_plan_start(p, units, l->h0, r->hidden);
			nam_plan_start(p, cells, l->c0, r->hidden);
		}
		w = nam_plan_floats(p, l->w, (size_t)(l->inputs + r->hidden) * (size_t)gates * (size_t)l->units);
		b = nam_plan_floats(p, l->bias, (size_t)gates * (size_t)l->units);
		rec = nam_plan_floats(p, l->rec_bias, (size_t)l->units);
		s = nam_plan_add(p, r->gru ? NAM_PLAN_GRU : NAM_PLAN_LSTM);
		s->ins = l->inputs;
		s->outs = r->hidden;
		s->rows = l->units;
		s->w = w;
		s->b = b;
		s->mix_w = rec;
		s->in = cur;
		s->out = units;
		s->add = cells;
		cur = units;
	}
	if (!r->head) {
		nam_plan_copy(p, cur, out, net->out_channels);
		return;
	}
	w = nam_plan_floats(p, r->head, (size_t)net->out_channels * (size_t)r->hidden);
	b = nam_plan_floats(p, r->head_b, (size_t)net->out_channels);
	s = nam_plan_add(p, NAM_PLAN_DENSE);
	s->ins = r->hidden;
	s->outs = net->out_channels;
	s->w = w;
	s->b = b;
	s->in = cur;
	s->out = out;
}

static void
rnn_zero(struct nam_state *state)
{
	struct rnn_state *s = (struct rnn_state *)state;
	const struct rnn *r = (const struct rnn *)s->s.net;

	for (int i = 0; i < r->n_layers; i++) {
		const size_t bytes = (size_t)r->layers[i].units * sizeof(float);

		memset(s->h[i], 0, bytes);
		memset(s->c[i], 0, bytes);
		if (r->layers[i].h0) {
			memcpy(s->h[i], r->layers[i].h0, bytes);
			memcpy(s->c[i], r->layers[i].c0, bytes);
		}
	}
}

static void
rnn_state_free(struct nam_state *s)
{
	if (!s)
		return;
	nam_mem_free(&s->mem);
	free(s);
}

static int
rnn_state_new(struct nam_state **state, const struct nam_net *net, const struct nam_kernel *k,
    struct err *e)
{
	const struct rnn *r = (const struct rnn *)net;
	struct rnn_state *s = calloc(1, sizeof *s);
	struct nam_mem *m;
	const size_t units = padded((size_t)r->hidden);

	*state = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	m = &s->s.mem;
	s->s.net = net;
	s->s.k = k;
	s->h = nam_mem_array(m, (size_t)r->n_layers, sizeof *s->h);
	s->c = nam_mem_array(m, (size_t)r->n_layers, sizeof *s->c);
	s->in = nam_mem_floats(m, TILE * (size_t)net->in_channels + NAM_PAD);
	s->out = nam_mem_array(m, (size_t)r->n_layers, sizeof *s->out);
	s->lane_in = nam_mem_floats(m, LANE_TILE * NAM_LANES * (size_t)net->in_channels);
	s->lane_h = nam_mem_floats(m, (size_t)r->n_layers * units * NAM_LANES);
	s->lane_c = nam_mem_floats(m, (size_t)r->n_layers * units * NAM_LANES);
	s->lane_z = nam_mem_floats(m, 4 * NAM_LANES * units);
	s->lane_out[0] = nam_mem_floats(m, LANE_TILE * NAM_LANES * units);
	s->lane_out[1] = nam_mem_floats(m, LANE_TILE * NAM_LANES * units);
	for (int i = 0; i < r->n_layers && !m->failed; i++) {
		s->h[i] = nam_mem_floats(m, units);
		s->c[i] = nam_mem_floats(m, units);
		s->out[i] = nam_mem_floats(m, TILE * units);
	}
	if (nam_mem_check(m, e)) {
		rnn_state_free(&s->s);
		return -1;
	}
	rnn_zero(&s->s);
	*state = &s->s;
	return 0;
}

static struct rnn *
rnn_alloc(int layers, int in, int hidden, int out, int gru, struct err *e)
{
	struct rnn *r = (struct rnn *)nam_net_alloc(sizeof *r, e);

	if (!r)
		return NULL;
	r->net.state_new = rnn_state_new;
	r->net.state_free = rnn_state_free;
	r->net.zero = rnn_zero;
	r->net.run = rnn_run;
	r->net.plan = rnn_plan;
	r->net.run_many = rnn_run_many;
	r->net.tile = TILE;
	r->net.in_channels = in;
	r->net.out_channels = out;
	r->net.recurrent = 1;
	r->net.receptive_field = 1;
	r->hidden = hidden;
	r->gru = gru;
	r->layers = nam_mem_array(&r->net.mem, (size_t)layers, sizeof *r->layers);
	return r;
}

/* Gate-wise rows to padded ones: to[row][gate][units] = from(gate, unit, row).  All gates but `whole` are halved,
 * as the kernels want them. */
static float *
pad_gates(struct nam_mem *m, const float *from, size_t rows, size_t gates, size_t whole, size_t hidden,
    size_t row_step, size_t gate_step, size_t unit_step)
{
	const size_t units = padded(hidden);
	float *to = nam_mem_floats(m, rows * gates * units + NAM_PAD);

	for (size_t r = 0; to && r < rows; r++)
		for (size_t g = 0; g < gates; g++)
			for (size_t u = 0; u < hidden; u++)
				to[(r * gates + g) * units + u] = (g == whole ? 1.0f : 0.5f) *
				    from[r * row_step + g * gate_step + u * unit_step];
	return to;
}

struct nam_net *
nam_rnn_new(const struct nam_desc *d, struct err *e)
{
	const size_t h = (size_t)d->hidden;
	const float *file = d->weights;
	struct rnn *r = rnn_alloc(d->n_layers, d->in_channels, d->hidden, d->out_channels, 0, e);
	struct nam_mem *m;
	size_t in = (size_t)d->input_size;
	float *w, *b;

	if (!r)
		return NULL;
	m = &r->net.mem;
	for (int i = 0; i < d->n_layers && !m->failed; i++) {
		struct rnn_layer *l = &r->layers[i];

		r->n_layers = i + 1;
		l->inputs = (int)in;
		l->units = (int)padded(h);
		/* the file has [gate][unit][input and hidden] */
		l->w = pad_gates(m, file, in + h, 4, CELL_GATE, h, 1, h * (in + h), in + h);
		r->net.macs += 4 * h * (in + h);
		file += 4 * h * (in + h);
		l->bias = pad_gates(m, file, 1, 4, CELL_GATE, h, 0, h, 1);
		file += 4 * h;
		l->h0 = pad_gates(m, file, 1, 1, 0, h, 0, 0, 1);
		file += h;
		l->c0 = pad_gates(m, file, 1, 1, 0, h, 0, 0, 1);
		file += h;
		in = h;
	}
	w = nam_mem_floats(m, (size_t)d->out_channels * h);
	b = nam_mem_floats(m, (size_t)d->out_channels);
	if (w && b) {
		memcpy(w, file, (size_t)d->out_channels * h * sizeof *w);
		memcpy(b, file + (size_t)d->out_channels * h, (size_t)d->out_channels * sizeof *b);
	}
	r->head = d->n_layers ? w : NULL; /* without layers the players pass the input on */
	r->head_b = b;
	r->net.macs += (size_t)d->out_channels * h;
	if (d->rate_hz > 0 && d->rate_hz * 0.5 >= 1)
		r->net.receptive_field = (size_t)(0.5 * d->rate_hz);
	if (nam_mem_check(m, e)) {
		nam_net_free(&r->net);
		return NULL;
	}
	return &r->net;
}

struct nam_net *
nam_rnn_from_json(const struct nam_json_layer *l, struct err *e)
{
	const int gru = l->type == NAM_JSON_GRU;
	const size_t h = (size_t)l->out, rows = (size_t)l->in + h, gates = gru ? 3 : 4;
	struct rnn *r = rnn_alloc(1, l->in, l->out, l->out, gru, e);
	struct nam_mem *m;
	const float *bias = l->w + rows * gates * h;
	float *b;

	if (!r)
		return NULL;
	m = &r->net.mem;
	if (r->layers) {
		r->n_layers = 1;
		r->layers[0].inputs = l->in;
		r->layers[0].units = (int)padded(h);
		r->layers[0].w = pad_gates(m, l->w, rows, gates, CELL_GATE, h, gates * h, h, 1);
		r->layers[0].bias = b = pad_gates(m, bias, 1, gates, CELL_GATE, h, 0, h, 1);
		if (gru) {
			/* only the candidate's recurrent bias stays apart: r multiplies it */
			const float *rec = bias + 3 * h;
			const size_t units = (size_t)r->layers[0].units;

			for (size_t u = 0; b && u < 2 * h; u++)
				b[u / h * units + u % h] += 0.5f * rec[u];
			r->layers[0].rec_bias = pad_gates(m, rec + 2 * h, 1, 1, 0, h, 0, 0, 1);
		}
	}
	r->net.macs = rows * gates * h;
	r->net.receptive_field = 2048; /* what AIDA-X runs after a reset */
	if (nam_mem_check(m, e)) {
		nam_net_free(&r->net);
		return NULL;
	}
	return &r->net;
}

/* ---- Linear ------------------------------------------------------------------------ */

struct fir {
	struct nam_net net;
	size_t taps;
	double bias;
	const double *w;
};

struct fir_state {
	struct nam_state s;
	struct nam_run x;
};

static void
fir_run(struct nam_state *state, struct nam_planes in, struct nam_planes out, size_t n, int prime)
{
	struct fir_state *s = (struct fir_state *)state;
	const struct fir *f = (const struct fir *)s->s.net;
	float *x = nam_run_now(&s->x);

	memcpy(x, in.p, n * sizeof *in.p);
	if (prime)
		nam_run_fill(&s->x);
	s->s.k->fir(out.p, x, f->w, f->taps, f->bias, n);
	if (!prime)
		s->x.pos += n;
}

static void
fir_plan(const struct nam_net *net, struct nam_planner *p, struct nam_plan_signal in, struct nam_plan_signal out)
{
	const struct fir *f = (const struct fir *)net;
	const struct nam_plan_signal x = nam_plan_planes(p, 1, f->taps - 1);
	const float bias = (float)f->bias;
	int32_t w = -1, b;
	struct nam_plan_step *s;

	for (size_t i = 0; i < f->taps; i++) { /* doubles made of floats */
		const float tap = (float)f->w[i];
		const int32_t at = nam_plan_floats(p, &tap, 1);

		w = i ? w : at;
	}
	b = nam_plan_floats(p, &bias, 1);
	nam_plan_copy(p, in, x, 1);
	s = nam_plan_add(p, NAM_PLAN_FIR);
	s->outs = 1;
	s->taps = (int32_t)f->taps;
	s->w = w;
	s->b = b;
	s->in = x;
	s->out = out;
}

static void
fir_zero(struct nam_state *state)
{
	nam_run_zero(&((struct fir_state *)state)->x);
}

static int
fir_state_new(struct nam_state **state, const struct nam_net *net, const struct nam_kernel *k,
    struct err *e)
{
	const struct fir *f = (const struct fir *)net;
	struct fir_state *s = calloc(1, sizeof *s);

	*state = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->s.net = net;
	s->s.k = k;
	nam_run_init(&s->x, &s->s.mem, f->taps - 1);
	if (nam_mem_check(&s->s.mem, e)) {
		rnn_state_free(&s->s);
		return -1;
	}
	*state = &s->s;
	return 0;
}

struct nam_net *
nam_fir_new(const struct nam_desc *d, struct err *e)
{
	struct fir *f = (struct fir *)nam_net_alloc(sizeof *f, e);
	double *w;

	if (!f)
		return NULL;
	f->net.state_new = fir_state_new;
	f->net.state_free = rnn_state_free;
	f->net.zero = fir_zero;
	f->net.run = fir_run;
	f->net.plan = fir_plan;
	f->net.in_channels = f->net.out_channels = 1;
	f->net.receptive_field = (size_t)d->taps;
	f->net.macs = f->taps = (size_t)d->taps;
	f->bias = d->bias ? (double)d->weights[d->taps] : 0;
	w = nam_mem_array(&f->net.mem, f->taps, sizeof *w);
	for (size_t i = 0; w && i < f->taps; i++)
		w[i] = (double)d->weights[i];
	f->w = w;
	if (nam_mem_check(&f->net.mem, e)) {
		nam_net_free(&f->net);
		return NULL;
	}
	return &f->net;
}
