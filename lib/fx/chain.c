/* chain.c - run a chain of effects. */
#include "fx/spec.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	struct fx_unit u;
	double **dry;            /* per channel: latency frames, then those of the piece; NULL: nobody mixes */
	double *dry_room;
	struct fx_lane_run *run;
	size_t runs;
	int64_t late;            /* frames by which what it gets is late */
};

struct fx {
	const struct fx_spec *spec;
	int rate_hz, channels;
	struct unit *unit;
	size_t units;
	size_t unit_of[FX_MAX_BLOCKS]; /* of each block; one past the last: bypassed */
	int64_t latency, tail;
	double **x, **at;        /* per channel: a grid's block; where a piece of it begins */
	double *room;
	float *in;               /* a grid's block that is not full yet */
	int have;
	int64_t pos;             /* frames that went through the effects */
	int64_t fed, out;
};

static int
nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

int
fx_take_memory(struct fx_unit *u, double bytes, struct err *e)
{
	u->bytes = bytes;
	return bytes > FX_MAX_MIB * 1048576.0 ? err_set(e, ERR_NOMEM, "%s: that takes %.0f MiB of memory; at most %d can "
	    "be had", u->fx->info.name, bytes / 1048576, FX_MAX_MIB) : 0;
}

/* channels pointers, each to n numbers of one room. */
static double **
make_rows(double **room, int channels, size_t n)
{
	double **rows = calloc((size_t)channels, sizeof *rows);
	size_t size;

	*room = size_mul((size_t)channels, n, &size) ? NULL : mem_zalloc(size, sizeof **room);
	for (int c = 0; rows && *room && c < channels; c++)
		rows[c] = *room + (size_t)c * n;
	return rows;
}

static int
is_bypassed(const struct fx_block *b)
{
	for (size_t k = 0; k < b->lanes; k++)
		if (b->lane[k].param == FX_BYPASS)
			return 0;
	return b->v[FX_BYPASS] != 0;
}

/* Whether the dry signal is ever heard. */
static int
needs_dry(const struct fx_unit *u)
{
	return u->top[FX_BYPASS] != 0 || u->fx->mix == FX_SEND || (u->fx->mix == FX_INSERT && u->low[FX_MIX] < 100);
}

static int
start_lanes(struct unit *n, const struct fx_block *b, double bpm, struct err *e)
{
	n->run = calloc(b->lanes + 1, sizeof *n->run);
	if (!n->run)
		return nomem(e);
	for (; n->runs < b->lanes; n->runs++) {
		const struct fx_lane *l = &b->lane[n->runs];
		double *low = &n->u.low[l->param], *top = &n->u.top[l->param];
		int64_t same;

		*low = *top = l->point[0].value;
		for (size_t i = 1; i < l->points; i++) {
			*low = fmin(*low, l->point[i].value);
			*top = fmax(*top, l->point[i].value);
		}
		if (fx_lane_start(&n->run[n->runs], b, l, n->u.rate_hz, bpm, e)) {
			free(n->run[n->runs].frame);
			return -1;
		}
		n->u.v[l->param] = fx_lane_value(&n->run[n->runs], 0, &same);
	}
	return 0;
}

static int
open_unit(struct fx *fx, struct unit *n, size_t block, struct err *e)
{
	const struct fx_block *b = &fx->spec->block[block];
	struct fx_unit *u = &n->u;
	size_t params = (size_t)b->fx->info.params;

	u->rate_hz = fx->rate_hz;
	u->channels = fx->channels;
	u->v = calloc(3 * params, sizeof *u->v);
	u->state = mem_zalloc(1, b->fx->state);
	u->fx = u->v && u->state ? b->fx : NULL;    /* from here on it is to be closed */
	if (!u->fx)
		return nomem(e);
	u->low = u->v + params;
	u->top = u->low + params;
	for (size_t k = 0; k < params; k++)
		u->v[k] = u->low[k] = u->top[k] = fx_block_value(fx->spec, block, (int)k);
	if (start_lanes(n, b, fx->spec->bpm > 0 ? fx->spec->bpm : 120, e) || (b->fx->open && b->fx->open(u, e)))
		return -1;
	b->fx->update(u);
	if (needs_dry(u)) {
		n->dry = make_rows(&n->dry_room, fx->channels, (size_t)u->latency + FX_GRID);
		if (!n->dry || !n->dry_room)
			return nomem(e);
	}
	return 0;
}

int
fx_open(struct fx **out, const struct fx_spec *s, int rate_hz, int channels, struct err *e)
{
	struct fx *fx = calloc(1, sizeof *fx);
	double tail_s = 0, bytes = 0;

	*out = NULL;
	if (!fx)
		return nomem(e);
	fx->spec = s;
	fx->rate_hz = rate_hz;
	fx->channels = channels;
	fx->unit = calloc(s->blocks + 1, sizeof *fx->unit);
	fx->x = make_rows(&fx->room, channels, FX_GRID);
	fx->at = calloc((size_t)channels, sizeof *fx->at);
	fx->in = mem_zalloc((size_t)channels * FX_GRID, sizeof *fx->in);
	if (!fx->unit || !fx->x || !fx->room || !fx->at || !fx->in) {
		fx_close(fx);
		return nomem(e);
	}
	for (size_t i = 0; i < s->blocks; i++) {
		struct unit *n = &fx->unit[fx->units];

		fx->unit_of[i] = FX_MAX_BLOCKS;
		if (is_bypassed(&s->block[i]))
			continue;
		fx->unit_of[i] = fx->units++;
		n->late = fx->latency;
		if (open_unit(fx, n, i, e)) {
			fx_close(fx);
			return -1;
		}
		fx->latency += n->u.latency;
		bytes += n->u.bytes;
		if (bytes > FX_MAX_MIB * 1048576.0) {
			err_set(e, ERR_NOMEM, "these effects take more than %d MiB of memory together", FX_MAX_MIB);
			fx_close(fx);
			return -1;
		}
		tail_s += n->u.fx->tail_s ? n->u.fx->tail_s(&n->u) : 0;
	}
	fx->tail = isinf(tail_s) ? -1 : (int64_t)ceil(tail_s * rate_hz);
	*out = fx;
	return 0;
}

void
fx_close(struct fx *fx)
{
	if (!fx)
		return;
	for (size_t i = 0; fx->unit && i < fx->units; i++) {
		struct unit *n = &fx->unit[i];

		if (n->u.fx && n->u.fx->close)
			n->u.fx->close(&n->u);
		for (size_t k = 0; k < n->runs; k++)
			free(n->run[k].frame);
		free(n->run);
		free(n->dry);
		mem_free(n->dry_room);
		mem_free(n->u.state);
		free(n->u.v);
	}
	free(fx->unit);
	free(fx->x);
	free(fx->at);
	mem_free(fx->room);
	mem_free(fx->in);
	free(fx);
}

int64_t
fx_tail_frames(const struct fx *fx)
{
	return fx->tail;
}

int64_t
fx_latency_frames(const struct fx *fx)
{
	return fx->latency;
}

json_t *
fx_facts(const struct fx *fx, size_t i)
{
	const struct unit *n = fx->unit_of[i] < fx->units ? &fx->unit[fx->unit_of[i]] : NULL;

	return n && n->u.fx->facts ? n->u.fx->facts(&n->u) : NULL;
}

/* ---- one piece of a block through one effect ------------------------------------------- */

static void
mix(struct unit *m, double *const *x, int n)
{
	const struct fx_unit *u = &m->u;
	double wet = u->v[FX_MIX] / 100, dry = u->fx->mix == FX_SEND ? u->v[FX_DRY] / 100 : 0;

	for (int c = 0; c < u->channels; c++) {
		double *y = x[c], *d = m->dry[c];

		if (u->v[FX_BYPASS] != 0 || (u->fx->mix == FX_INSERT && wet == 0)) {
			memcpy(y, d, (size_t)n * sizeof *y);
		} else if (u->fx->mix == FX_SEND) {
			for (int i = 0; i < n; i++)
				y[i] = dry * d[i] + wet * y[i];
		} else if (u->fx->mix == FX_INSERT && wet < 1) {
			for (int i = 0; i < n; i++)
				y[i] = d[i] + wet * (y[i] - d[i]);
		}
		memmove(d, d + n, (size_t)u->latency * sizeof *d);
	}
}

static int
run_piece(struct unit *m, double *const *x, int n, struct err *e)
{
	struct fx_unit *u = &m->u;

	for (int c = 0; m->dry && c < u->channels; c++)
		memcpy(m->dry[c] + u->latency, x[c], (size_t)n * sizeof *x[c]);
	if (u->fx->process(u, x, n, e))
		return -1;
	if (m->dry)
		mix(m, x, n);
	return 0;
}

/* Values for frame t of the input; returns for how many frames they stay. */
static int64_t
move(struct unit *m, int64_t t)
{
	int64_t least = INT64_MAX, same;
	int moved = 0;

	for (size_t k = 0; k < m->runs; k++) {
		double v = fx_lane_value(&m->run[k], t, &same), *to = &m->u.v[m->run[k].lane->param];

		moved |= v != *to;
		*to = v;
		least = same < least ? same : least;
	}
	if (moved)
		m->u.fx->update(&m->u);
	return least;
}

static int
run_unit(struct fx *fx, struct unit *m, struct err *e)
{
	int step = m->u.fx->step;

	if (!m->runs) {
		if (run_piece(m, fx->x, FX_GRID, e))
			return -1;
	} else {
		for (int i = 0, n; i < FX_GRID; i += n) {
			int64_t t = fx->pos + i - m->late, same = move(m, t < 0 ? 0 : t);

			same = t < 0 ? 1 : same;
			n = step ? step : same > FX_GRID - i ? FX_GRID - i : (int)same;
			for (int c = 0; c < fx->channels; c++)
				fx->at[c] = fx->x[c] + i;
			if (run_piece(m, fx->at, n, e))
				return -1;
		}
	}
	if (m->u.fx->settle)
		m->u.fx->settle(&m->u);
	return 0;
}

/* The full block in fx->in through all effects, and back to where it was. */
static int
run_grid(struct fx *fx, struct err *e)
{
	const int ch = fx->channels;
	int bad = 0;

	for (int c = 0; c < ch; c++)
		for (int i = 0; i < FX_GRID; i++)
			fx->x[c][i] = fx->in[i * ch + c];
	for (size_t k = 0; k < fx->units; k++)
		if (run_unit(fx, &fx->unit[k], e))
			return -1;
	for (int c = 0; c < ch; c++)
		for (int i = 0; i < FX_GRID; i++) {
			float y = (float)fx->x[c][i];

			bad |= !isfinite(y);
			fx->in[i * ch + c] = y;
		}
	fx->pos += FX_GRID;
	fx->have = 0;
	return bad ? err_set(e, ERR_INPUT, "the output would be beyond the range of float32 before %.3f s; lower a gain",
	    (double)fx->pos / fx->rate_hz) : 0;
}

/* What of the block that was just made comes out, at most `most` frames. */
static int64_t
take(struct fx *fx, float *out, int64_t most)
{
	int64_t from = fx->latency - (fx->pos - FX_GRID), n;

	from = from < 0 ? 0 : from > FX_GRID ? FX_GRID : from;
	n = FX_GRID - from < most ? FX_GRID - from : most;
	memcpy(out, fx->in + from * fx->channels, (size_t)(n * fx->channels) * sizeof *out);
	fx->out += n;
	return n;
}

int64_t
fx_process(struct fx *fx, const float *in, int64_t n, float *out, struct err *e)
{
	int64_t made = 0;

	fx->fed += n;
	while (n > 0) {
		int64_t m = n < FX_GRID - fx->have ? n : FX_GRID - fx->have;

		memcpy(fx->in + (int64_t)fx->have * fx->channels, in, (size_t)(m * fx->channels) * sizeof *in);
		fx->have += (int)m;
		in += m * fx->channels;
		n -= m;
		if (fx->have < FX_GRID)
			break;
		if (run_grid(fx, e))
			return -1;
		made += take(fx, out + made * fx->channels, INT64_MAX);
	}
	return made;
}

int64_t
fx_finish(struct fx *fx, int64_t tail_frames, float *out, struct err *e)
{
	int64_t total = fx->fed ? fx->fed + tail_frames : 0, made = 0;

	while (!made && fx->out < total) {
		memset(fx->in + (int64_t)fx->have * fx->channels, 0,
		    (size_t)((FX_GRID - fx->have) * fx->channels) * sizeof *fx->in);
		if (run_grid(fx, e))
			return -1;
		made = take(fx, out, total - fx->out);
	}
	return made;
}
