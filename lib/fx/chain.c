/* chain.c - run a chain of effects. */
#include "fx/slot.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fx {
	const struct fx_spec *spec;
	int rate_hz, channels;
	struct fx_slot *slot;
	size_t slots;
	size_t slot_of[FX_MAX_BLOCKS]; /* of each block; one past the last: bypassed */
	int64_t latency;
	double **x;              /* per channel: a grid's block */
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

static int
is_bypassed(const struct fx_block *b)
{
	for (size_t k = 0; k < b->lanes; k++)
		if (b->lane[k].param == FX_BYPASS)
			return 0;
	return b->v[FX_BYPASS] != 0;
}

static int
open_slots(struct fx *fx, struct err *e)
{
	double bytes = 0;

	for (size_t i = 0; i < fx->spec->blocks; i++) {
		struct fx_slot *n = &fx->slot[fx->slots];

		fx->slot_of[i] = FX_MAX_BLOCKS;
		if (is_bypassed(&fx->spec->block[i]))
			continue;
		fx->slot_of[i] = fx->slots++;
		if (fx_slot_open(n, fx->spec, i, fx->rate_hz, fx->channels, fx->latency, e))
			return -1;
		fx->latency += n->latency;
		bytes += fx_slot_bytes(n);
		if (bytes > FX_MAX_MIB * 1048576.0)
			return err_set(e, ERR_NOMEM, "these effects take more than %d MiB of memory together", FX_MAX_MIB);
	}
	return 0;
}

int
fx_open(struct fx **out, const struct fx_spec *s, int rate_hz, int channels, struct err *e)
{
	struct fx *fx = calloc(1, sizeof *fx);

	*out = NULL;
	if (!fx)
		return nomem(e);
	fx->spec = s;
	fx->rate_hz = rate_hz;
	fx->channels = channels;
	fx->slot = calloc(s->blocks + 1, sizeof *fx->slot);
	fx->x = calloc((size_t)channels, sizeof *fx->x);
	fx->room = mem_zalloc((size_t)channels * FX_GRID, sizeof *fx->room);
	fx->in = mem_zalloc((size_t)channels * FX_GRID, sizeof *fx->in);
	if (!fx->slot || !fx->x || !fx->room || !fx->in) {
		fx_close(fx);
		return nomem(e);
	}
	for (int c = 0; c < channels; c++)
		fx->x[c] = fx->room + (size_t)c * FX_GRID;
	if (open_slots(fx, e)) {
		fx_close(fx);
		return -1;
	}
	*out = fx;
	return 0;
}

void
fx_close(struct fx *fx)
{
	if (!fx)
		return;
	for (size_t i = 0; fx->slot && i < fx->slots; i++)
		fx_slot_close(&fx->slot[i]);
	free(fx->slot);
	free(fx->x);
	mem_free(fx->room);
	mem_free(fx->in);
	free(fx);
}

int64_t
fx_tail_frames(const struct fx *fx)
{
	double sum = 0;

	for (size_t i = 0; i < fx->slots; i++)
		sum += fx_slot_tail_s(&fx->slot[i], fx->fed);
	return isinf(sum) ? -1 : (int64_t)ceil(sum * fx->rate_hz);
}

int64_t
fx_latency_frames(const struct fx *fx)
{
	return fx->latency;
}

json_t *
fx_facts(const struct fx *fx, size_t i)
{
	const struct fx_unit *u = fx->slot_of[i] < fx->slots ? &fx->slot[fx->slot_of[i]].voice[0].u : NULL;

	return u && u->fx->facts ? u->fx->facts(u, fx->fed) : NULL;
}

/* ---- running --------------------------------------------------------------------------- */

/* The full block in fx->in through all effects, and back to where it was. */
static int
run_grid(struct fx *fx, struct err *e)
{
	const int ch = fx->channels;
	float zero = 0;

	for (int c = 0; c < ch; c++)
		for (int i = 0; i < FX_GRID; i++)
			fx->x[c][i] = fx->in[i * ch + c];
	for (size_t k = 0; k < fx->slots; k++)
		if (fx_slot_run(&fx->slot[k], fx->x, fx->pos, e))
			return -1;
	for (int c = 0; c < ch; c++)
		for (int i = 0; i < FX_GRID; i++) {
			float y = (float)fx->x[c][i];

			zero += 0 * y;          /* what is no number stays so */
			fx->in[i * ch + c] = y;
		}
	fx->pos += FX_GRID;
	fx->have = 0;
	return zero != 0 ? err_set(e, ERR_INPUT, "the output would be beyond the range of float32 before %.3f s; lower a gain",
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
