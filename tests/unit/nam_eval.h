/* nam_eval.h - what the tests of random models share: numbers drawn, layers evaluated in double precision over whole
 * signals, a model compared with that.  Written from the formulas of the formats; shares nothing with lib/nam. */
#ifndef NAM_EVAL_H
#define NAM_EVAL_H
#include "nam/nam.h"
#include "base/str.h"
#include "plan_run.h"
#include "../tap.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { FRAMES = 150 };

static uint64_t seed = 88172645463325252u;

static inline uint64_t
draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 20;
}

static inline int pick(int lo, int hi) { return lo + (int)(draw() % (uint64_t)(hi - lo + 1)); }
static inline int chance(int percent) { return pick(1, 100) <= percent; }

static inline double /* a float, so that the file has it exactly */
uniform(double size)
{
	return (double)(float)(((double)(draw() & 0xffffff) / 0x800000 - 1) * size);
}

/* ---- signals and convolutions ------------------------------------------------------ */

struct sig {
	int channels, frames;
	double *v;              /* [frame][channel] */
};

static inline struct sig
sig_new(int channels, int frames)
{
	struct sig s = { channels, frames, calloc((size_t)channels * (size_t)frames + 1, sizeof(double)) };

	if (!s.v)
		exit(1);
	return s;
}

static inline double at(struct sig s, int t, int c) { return t < 0 ? 0 : s.v[t * s.channels + c]; }
static inline double *to(struct sig s, int t, int c) { return &s.v[t * s.channels + c]; }

/* rows x cols x taps as drawn; fewer rows and cols are used when a model is slimmed. */
struct conv {
	int in, out, taps, dilation, groups;
	int file_in, file_out;
	double *w, *b;
};

static inline void
list_value(struct str *s, double v)
{
	str_addf(s, "%s%.9g", s->len && s->s[s->len - 1] != '[' ? "," : "", v);
}

static inline struct conv
conv_draw(struct str *file, int in, int out, int taps, int dilation, int groups, int bias)
{
	struct conv c = { in, out, taps, dilation, groups, in, out, NULL, NULL };
	const int per = in / groups * taps;

	c.w = calloc((size_t)(out * per) + 1, sizeof *c.w);
	c.b = bias ? calloc((size_t)out, sizeof *c.b) : NULL;
	for (int i = 0; i < out * per; i++)
		list_value(file, c.w[i] = uniform(1.6 / sqrt(per)));
	for (int i = 0; bias && i < out; i++)
		list_value(file, c.b[i] = uniform(0.4));
	return c;
}

static inline void
conv_free(struct conv *c)
{
	free(c->w);
	free(c->b);
}

static inline struct sig
conv_run(const struct conv *c, struct sig x)
{
	struct sig y = sig_new(c->out, x.frames);
	const int gi = c->in / c->groups, go = c->out / c->groups;

	for (int t = 0; t < x.frames; t++)
		for (int o = 0; o < c->out; o++) {
			double sum = c->b ? c->b[o] : 0;

			for (int i = 0; i < gi; i++)
				for (int k = 0; k < c->taps; k++)
					sum += c->w[(o * (c->groups > 1 ? gi : c->file_in) + i) * c->taps + k] *
					    at(x, t - (c->taps - 1 - k) * c->dilation, o / go * gi + i);
			*to(y, t, o) = sum;
		}
	return y;
}

/* x becomes what f makes of it. */
static inline void
replace(struct sig *x, struct sig by)
{
	free(x->v);
	*x = by;
}

static inline struct sig
copy_of(struct sig x)
{
	struct sig y = sig_new(x.channels, x.frames);

	memcpy(y.v, x.v, sizeof *y.v * (size_t)x.channels * (size_t)x.frames);
	return y;
}

static inline void
add_to(struct sig x, struct sig y)
{
	for (int i = 0; i < x.channels * x.frames; i++)
		x.v[i] += y.v[i];
}

static inline double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* ---- recurrent layers --------------------------------------------------------------- */

struct rnn {                       /* [gate * units + unit][in + units], LSTM: gates i f g o; GRU: z r c */
	int in, units, gru;
	double *w, *b, *rb, *h0, *c0;  /* rb: GRU's recurrent bias */
};

static inline struct sig
rnn_run(const struct rnn *r, struct sig x)
{
	struct sig y = sig_new(r->units, x.frames);
	double h[16] = { 0 }, c[16] = { 0 }, z[64], u[64];
	const int n = r->units, gates = r->gru ? 3 : 4;

	for (int i = 0; i < n && r->h0; i++) {
		h[i] = r->h0[i];
		c[i] = r->c0[i];
	}
	for (int t = 0; t < x.frames; t++) {
		for (int g = 0; g < gates * n; g++) {
			z[g] = r->b[g];
			u[g] = r->rb ? r->rb[g] : 0;
			for (int i = 0; i < r->in; i++)
				z[g] += r->w[g * (r->in + n) + i] * at(x, t, i);
			for (int i = 0; i < n; i++)
				u[g] += r->w[g * (r->in + n) + r->in + i] * h[i];
		}
		for (int i = 0; i < n; i++) {
			if (r->gru) {
				const double zz = sigmoid(z[i] + u[i]), rr = sigmoid(z[n + i] + u[n + i]);

				h[i] = (1 - zz) * tanh(z[2 * n + i] + rr * u[2 * n + i]) + zz * h[i];
			} else {
				c[i] = sigmoid(z[n + i] + u[n + i]) * c[i] + sigmoid(z[i] + u[i]) * tanh(z[2 * n + i] + u[2 * n + i]);
				h[i] = sigmoid(z[3 * n + i] + u[3 * n + i]) * tanh(c[i]);
			}
			*to(y, t, i) = h[i];
		}
	}
	return y;
}

static inline void
numbers(double *v, int n, double size)
{
	for (int i = 0; i < n; i++)
		v[i] = uniform(size);
}

static inline double *
draw_numbers(int n, double size)
{
	double *v = calloc((size_t)n + 1, sizeof *v);

	if (!v)
		exit(1);
	numbers(v, n, size);
	return v;
}

static inline void
list_numbers(struct str *s, const double *v, int n)
{
	for (int i = 0; i < n; i++)
		list_value(s, v[i]);
}

static inline void
rnn_free(struct rnn *r)
{
	free(r->w);
	free(r->b);
	free(r->rb);
	free(r->h0);
	free(r->c0);
}

/* ---- comparing --------------------------------------------------------------------- */

/* Largest difference of the model from what evaluate() makes of x behind as much silence as the model runs, over the
 * largest output (at least 0.01); huge when it does not run. */
static inline double
difference(const char *text, double slim, struct sig (*evaluate)(const void *, struct sig), const void *what)
{
	static float x[FRAMES], y[FRAMES];
	struct nam_model *m = NULL;
	struct nam_stream *s = NULL;
	struct sig in, out;
	struct err e;
	double worst = 0, largest = 0.01;
	int before;

	if (nam_open_mem(&m, text, strlen(text), "t", slim, &e) || nam_stream_new(&s, m, &e)) {
		printf("# %s\n# %.4000s\n", e.msg, text);
		nam_close(m);
		return 1e9;
	}
	for (int t = 0; t < FRAMES; t++)
		x[t] = (float)uniform(0.8);
	nam_process(s, x, y, FRAMES);
	if (plan_differs(m, x, y, FRAMES)) {
		printf("# its plan gives other bits\n# %.4000s\n", text);
		worst = 1e9;
	}
	before = (int)((nam_model_info(m)->receptive_field + 63) / 64 * 64);
	in = sig_new(1, before + FRAMES);
	for (int t = 0; t < FRAMES; t++)
		*to(in, before + t, 0) = (double)x[t];
	out = evaluate(what, in);
	for (int t = 0; t < FRAMES; t++) {
		const double want = at(out, before + t, 0);

		largest = fmax(largest, fabs(want));
		worst = fmax(worst, fabs((double)y[t] - want));
	}
	free(in.v);
	free(out.v);
	nam_stream_free(s);
	nam_close(m);
	return isfinite(worst) ? worst / largest : 1e9;
}

static inline void
report(const char *name, int n, double worst, double limit)
{
	char text[128];

	snprintf(text, sizeof text, "%d random %s within %g of the largest output", n, name, limit);
	ok(worst <= limit, text);
	printf("# %.2g\n", worst);
}
#endif
