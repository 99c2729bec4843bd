/* slot.c - one effect in its place in a chain. */
#include "fx/slot.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
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

/* ---- lanes ----------------------------------------------------------------------------- */

enum place { STILL, INSIDE, MIXED, A_WORD, A_TAIL };

/* What a lane moves. */
static enum place
place_of(const struct fx_effect *fx, const struct fx_lane *l)
{
	static const int last_mixed[] = { [FX_PLAIN] = FX_BYPASS, [FX_INSERT] = FX_MIX, [FX_SEND] = FX_DRY };
	size_t i = 1;

	while (i < l->points && l->point[i].value == l->point[0].value)
		i++;
	return i >= l->points ? STILL : l->param <= last_mixed[fx->mix] ? MIXED : fx->tail_param && l->param == fx->tail_param ?
	    A_TAIL : fx->info.param[l->param].kind == FX_WORD ? A_WORD : INSIDE;
}

/* Start all lanes of a place, and say in *n how many. */
static struct fx_lane_run *
start_lanes(size_t *n, const struct fx_spec *s, size_t block, enum place place, int rate_hz, struct err *e)
{
	const struct fx_block *b = &s->block[block];
	struct fx_lane_run *run = calloc(b->lanes + 1, sizeof *run);

	*n = 0;
	if (!run)
		nomem(e);
	for (size_t k = 0; run && k < b->lanes; k++) {
		if (place_of(b->fx, &b->lane[k]) != place)
			continue;
		if (fx_lane_start(&run[*n], b, &b->lane[k], rate_hz, s->bpm > 0 ? s->bpm : 120, e)) {
			for (size_t i = 0; i <= *n; i++)
				free(run[i].frame);
			free(run);
			*n = 0;
			return NULL;
		}
		++*n;
	}
	return run;
}

static void
free_lanes(struct fx_lane_run *run, size_t n)
{
	for (size_t k = 0; k < n; k++)
		free(run[k].frame);
	free(run);
}

/* A lane's value at frame t, which is before the first one while latency is filled; *same as of fx_lane_value(). */
static double
value_at(struct fx_lane_run *r, int64_t t, int64_t *same)
{
	double v = fx_lane_value(r, t < 0 ? 0 : t, same);

	if (t < 0)
		*same = *same < INT64_MAX + t ? *same - t : INT64_MAX;
	return v;
}

/* Set all values for frame t, each parameter as late as its place is; returns for how many frames they stay. */
static int64_t
move(struct fx_lane_run *run, size_t n, double *v, const int64_t *behind, int64_t t, int *moved)
{
	int64_t least = INT64_MAX, same;

	*moved = 0;
	for (size_t k = 0; k < n; k++) {
		int param = run[k].lane->param;
		double now = value_at(&run[k], t - (behind ? behind[param] : 0), &same);

		*moved |= now != v[param];
		v[param] = now;
		least = same < least ? same : least;
	}
	return least;
}

/* ---- opening --------------------------------------------------------------------------- */

/* Room for the values of an effect, and the values before anything moves. */
static int
set_values(struct fx_unit *u, const struct fx_spec *s, size_t block, int rate_hz, int channels, struct err *e)
{
	const struct fx_block *b = &s->block[block];
	size_t params = (size_t)b->fx->info.params;

	u->rate_hz = rate_hz;
	u->channels = channels;
	u->v = calloc(3 * params, sizeof *u->v);
	u->behind = calloc(params, sizeof *u->behind);
	u->state = mem_zalloc(1, b->fx->state);
	u->fx = u->v && u->behind && u->state ? b->fx : NULL;   /* from here on it is to be closed */
	if (!u->fx)
		return nomem(e);
	u->low = u->v + params;
	u->top = u->low + params;
	for (size_t k = 0; k < params; k++)
		u->v[k] = u->low[k] = u->top[k] = fx_block_value(s, block, (int)k);
	for (size_t k = 0; k < b->lanes; k++) {
		const struct fx_lane *l = &b->lane[k];
		double *low = &u->low[l->param], *top = &u->top[l->param];

		u->v[l->param] = *low = *top = l->point[0].value;
		for (size_t i = 1; i < l->points; i++) {
			*low = fmin(*low, l->point[i].value);
			*top = fmax(*top, l->point[i].value);
		}
	}
	return 0;
}

/* The voice, of the first `voices`, that has the words of v, or `voices`. */
static size_t
voice_of(const struct fx_slot *n, size_t voices, const double *v)
{
	for (size_t i = 0; i < voices; i++) {
		size_t k = 0;

		while (k < n->words && n->voice[i].u.v[n->word[k].lane->param] == v[n->word[k].lane->param])
			k++;
		if (k == n->words)
			return i;
	}
	return voices;
}

/* A voice for each set of words that the points name; the first is that of the beginning. */
static int
add_voices(struct fx_slot *n, const struct fx_spec *s, size_t block, int rate_hz, int channels, struct err *e)
{
	const struct fx_effect *fx = s->block[block].fx;
	double *v = calloc((size_t)fx->info.params, sizeof *v);
	int64_t same = 0;
	int moved, r = v ? 0 : nomem(e);

	for (int64_t t = 0; !r && same < INT64_MAX; t += same < INT64_MAX ? same : 0) {
		struct fx_unit *u = &n->voice[n->voices].u;

		same = move(n->word, n->words, v, NULL, t, &moved);
		if (n->voices && voice_of(n, n->voices, v) < n->voices)
			continue;
		if (n->voices == FX_MAX_VOICES) {
			r = err_set(e, ERR_INPUT, "automation of %s: its words move through more than %d sets", fx->info.name,
			    FX_MAX_VOICES);
			break;
		}
		n->voices++;
		r = set_values(u, s, block, rate_hz, channels, e);
		for (size_t k = 0; !r && k < n->words; k++) {
			int p = n->word[k].lane->param;

			u->v[p] = u->low[p] = u->top[p] = v[p];
		}
	}
	for (size_t k = 0; k < n->words; k++)
		n->word[k].next = 0;    /* back to the beginning: words are not smoothed */
	free(v);
	return r;
}

static int
open_voice(struct fx_voice *o, const struct fx_spec *s, size_t block, struct err *e)
{
	struct fx_unit *u = &o->u;
	int moved;

	o->run = start_lanes(&o->runs, s, block, INSIDE, u->rate_hz, e);
	if (!o->run)
		return -1;
	move(o->run, o->runs, u->v, NULL, 0, &moved);
	if (u->fx->open && u->fx->open(u, e))
		return -1;
	u->fx->update(u);
	return 0;
}

/* Whether the dry signal is ever heard. */
static int
needs_dry(const struct fx_unit *u)
{
	return u->top[FX_BYPASS] != 0 || u->fx->mix == FX_SEND || (u->fx->mix == FX_INSERT && u->low[FX_MIX] < 100);
}

/* What several voices need beside each other. */
static int
open_fade(struct fx_slot *n, int rate_hz, int channels, struct err *e)
{
	for (size_t i = 0; i < n->voices; i++) {
		struct fx_voice *o = &n->voice[i];

		if (o->u.latency < n->latency &&
		    (!(o->held = make_rows(&o->held_room, channels, (size_t)(n->latency - o->u.latency) + FX_GRID)) ||
		    !o->held_room))
			return nomem(e);
	}
	n->fade = n->faded = (int64_t)(FX_FADE_MS / 1000.0 * rate_hz + 0.5);
	n->from = calloc(n->voices, sizeof *n->from);
	n->weight = calloc(n->voices, sizeof *n->weight);
	n->in = make_rows(&n->in_room, channels, FX_GRID);
	n->out = make_rows(&n->out_room, channels, FX_GRID);
	return n->from && n->weight && n->in && n->in_room && n->out && n->out_room ? 0 : nomem(e);
}

int
fx_slot_open(struct fx_slot *n, const struct fx_spec *s, size_t block, int rate_hz, int channels, int64_t late,
    struct err *e)
{
	struct fx_lane_run *tail;
	size_t tails;

	*n = (struct fx_slot){ .late = late };
	n->voice = mem_zalloc(FX_MAX_VOICES, sizeof *n->voice);
	n->at = calloc((size_t)channels, sizeof *n->at);
	if (!n->voice || !n->at)
		return nomem(e);
	if (!(n->word = start_lanes(&n->words, s, block, A_WORD, rate_hz, e)) ||
	    !(n->mix = start_lanes(&n->mixes, s, block, MIXED, rate_hz, e)) ||
	    !(tail = start_lanes(&tails, s, block, A_TAIL, rate_hz, e)))
		return -1;
	n->tail = tail[0];
	free(tail);
	if (add_voices(n, s, block, rate_hz, channels, e))
		return -1;
	for (size_t i = 0; i < n->voices; i++) {
		if (open_voice(&n->voice[i], s, block, e))
			return -1;
		if (fx_slot_bytes(n) > FX_MAX_MIB * 1048576.0)
			return err_set(e, ERR_NOMEM, "%s, for each word that automation names, takes more than %d MiB of memory",
			    s->block[block].fx->info.name, FX_MAX_MIB);
		n->latency = n->voice[i].u.latency > n->latency ? n->voice[i].u.latency : n->latency;
	}
	if (n->voices > 1 && open_fade(n, rate_hz, channels, e))
		return -1;
	if (needs_dry(&n->voice[0].u)) {
		n->dry = make_rows(&n->dry_room, channels, (size_t)n->latency + FX_GRID);
		if (!n->dry || !n->dry_room)
			return nomem(e);
	}
	return 0;
}

void
fx_slot_close(struct fx_slot *n)
{
	for (size_t i = 0; i < n->voices; i++) {
		struct fx_voice *o = &n->voice[i];

		if (o->u.fx && o->u.fx->close)
			o->u.fx->close(&o->u);
		free_lanes(o->run, o->runs);
		free(o->held);
		mem_free(o->held_room);
		mem_free(o->u.state);
		free(o->u.v);
		free(o->u.behind);
	}
	mem_free(n->voice);
	free_lanes(n->mix, n->mixes);
	free_lanes(n->word, n->words);
	free(n->tail.frame);
	free(n->dry);
	mem_free(n->dry_room);
	free(n->at);
	free(n->from);
	free(n->weight);
	free(n->in);
	mem_free(n->in_room);
	free(n->out);
	mem_free(n->out_room);
	*n = (struct fx_slot){ 0 };
}

double
fx_slot_bytes(const struct fx_slot *n)
{
	double sum = 0;

	for (size_t i = 0; i < n->voices; i++)
		sum += n->voice[i].u.bytes;
	return sum;
}

double
fx_slot_tail_s(struct fx_slot *n, int64_t frames)
{
	double most = 0, s;
	int64_t same;

	if (n->tail.frame && frames > 0)
		return fx_lane_value(&n->tail, frames - 1, &same);
	for (size_t i = 0; i < n->voices; i++) {
		const struct fx_unit *u = &n->voice[i].u;

		s = u->fx->tail_param ? u->top[u->fx->tail_param] : u->fx->tail_s ? u->fx->tail_s(u) : 0;
		most = s > most ? s : most;
	}
	return most;
}

/* ---- running --------------------------------------------------------------------------- */

/* A block through one voice, t being the input's frame that it begins with. */
static int
run_voice(struct fx_slot *slot, struct fx_voice *o, double *const *x, int64_t t, struct err *e)
{
	struct fx_unit *u = &o->u;
	int moved;

	for (int i = 0, n; i < FX_GRID; i += n) {
		int64_t same = move(o->run, o->runs, u->v, u->behind, t + i, &moved);

		if (moved)
			u->fx->update(u);
		n = o->runs && u->step ? u->step : same > FX_GRID - i ? FX_GRID - i : (int)same;
		if (o->runs && u->fx->note) {
			u->fx->note(u, i, n);
			if (i + n < FX_GRID)
				continue;
			i = 0;
			n = FX_GRID;
		}
		for (int c = 0; c < u->channels; c++)
			slot->at[c] = x[c] + i;
		if (u->fx->process(u, slot->at, n, e))
			return -1;
	}
	if (u->fx->settle)
		u->fx->settle(u);
	return 0;
}

/* As late as the latest voice. */
static void
hold(struct fx_voice *o, double *const *x, int64_t frames)
{
	for (int c = 0; o->held && c < o->u.channels; c++) {
		memcpy(o->held[c] + frames, x[c], FX_GRID * sizeof *x[c]);
		memcpy(x[c], o->held[c], FX_GRID * sizeof *x[c]);
		memmove(o->held[c], o->held[c] + FX_GRID, (size_t)frames * sizeof *x[c]);
	}
}

/* The weight of a voice k frames into the fade: 3 u^2 - 2 u^3, from where it was. */
static double
weight(const struct fx_slot *n, size_t voice, int64_t k)
{
	double u = (double)k / (double)n->fade, s = u * u * (3 - 2 * u);

	if (k >= n->fade)
		return voice == n->now;
	return (1 - s) * n->from[voice] + (voice == n->now ? s : 0);
}

/* The weights of all voices in a block that begins at frame t. */
static void
fade(struct fx_slot *n, int64_t t)
{
	double v[FX_MAX_PARAMS] = { 0 };
	int64_t left = 0;
	int moved;

	for (int i = 0; i < FX_GRID; i++) {
		if (left == 0) {
			size_t now;

			left = move(n->word, n->words, v, NULL, t + i, &moved);
			now = voice_of(n, n->voices, v);
			if (now != n->now) {
				for (size_t k = 0; k < n->voices; k++)
					n->from[k] = weight(n, k, n->faded);
				n->now = now;
				n->faded = 0;
			}
		}
		for (size_t k = 0; k < n->voices; k++)
			n->weight[k][i] = weight(n, k, n->faded);
		n->faded += n->faded < n->fade;
		left -= left < INT64_MAX;
	}
	n->over = left == INT64_MAX && n->faded == n->fade;
}

/* y += w x, and what is heard alone stays as it is. */
static void
add(double *y, const double *x, const double *w)
{
	for (int i = 0; i < FX_GRID; i++) {
		if (w[i] == 1)
			y[i] = x[i];
		else if (w[i] != 0)
			y[i] += w[i] * x[i];
	}
}

static int
run_voices(struct fx_slot *n, double *const *x, int64_t t, struct err *e)
{
	int channels = n->voice[0].u.channels;

	fade(n, t - n->latency);
	for (int c = 0; c < channels; c++) {
		memcpy(n->in[c], x[c], FX_GRID * sizeof *x[c]);
		memset(x[c], 0, FX_GRID * sizeof *x[c]);
	}
	for (size_t k = 0; k < n->voices; k++) {
		struct fx_voice *o = &n->voice[k];

		for (int c = 0; c < channels; c++)
			memcpy(n->out[c], n->in[c], FX_GRID * sizeof *x[c]);
		if (run_voice(n, o, n->out, t, e))
			return -1;
		hold(o, n->out, n->latency - o->u.latency);
		for (int c = 0; c < channels; c++)
			add(x[c], n->out[c], n->weight[k]);
	}
	return 0;
}

/* Frames i to i + n of a block, wet in x, with the dry ones. */
static void
mix(const struct fx_slot *m, double *const *x, int i, int n)
{
	const struct fx_unit *u = &m->voice[0].u;
	double wet = u->v[FX_MIX] / 100, dry = u->fx->mix == FX_SEND ? u->v[FX_DRY] / 100 : 0;

	for (int c = 0; c < u->channels; c++) {
		double *y = x[c] + i;
		const double *d = m->dry[c] + i;

		if (u->v[FX_BYPASS] != 0 || (u->fx->mix == FX_INSERT && wet == 0)) {
			memcpy(y, d, (size_t)n * sizeof *y);
		} else if (u->fx->mix == FX_SEND) {
			for (int k = 0; k < n; k++)
				y[k] = dry * d[k] + wet * y[k];
		} else if (u->fx->mix == FX_INSERT && wet < 1) {
			for (int k = 0; k < n; k++)
				y[k] = d[k] + wet * (y[k] - d[k]);
		}
	}
}

/* What is heard of a frame counts when it comes out: as late as all that is mixed. */
static void
mix_block(struct fx_slot *m, double *const *x, int64_t t)
{
	struct fx_unit *u = &m->voice[0].u;
	int moved;

	for (int i = 0, n; i < FX_GRID; i += n) {
		int64_t same = move(m->mix, m->mixes, u->v, NULL, t + i, &moved);

		n = same > FX_GRID - i ? FX_GRID - i : (int)same;
		mix(m, x, i, n);
	}
	for (int c = 0; c < u->channels; c++)
		memmove(m->dry[c], m->dry[c] + FX_GRID, (size_t)m->latency * sizeof *x[c]);
}

int
fx_slot_run(struct fx_slot *n, double *const *x, int64_t pos, struct err *e)
{
	const struct fx_unit *u = &n->voice[0].u;
	int64_t t = pos - n->late;

	for (int c = 0; n->dry && c < u->channels; c++)
		memcpy(n->dry[c] + n->latency, x[c], FX_GRID * sizeof *x[c]);
	if (n->voices > 1 && !n->over) {
		if (run_voices(n, x, t, e))
			return -1;
	} else {
		if (run_voice(n, &n->voice[n->now], x, t, e))
			return -1;
		hold(&n->voice[n->now], x, n->latency - n->voice[n->now].u.latency);
	}
	if (n->dry)
		mix_block(n, x, t - n->latency);
	return 0;
}
