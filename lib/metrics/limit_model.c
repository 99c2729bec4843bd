/* limit_model.c - the limiter's gain on a coarse grid, and what it leaves of the energy of each 100 ms. */
#include "metrics/limit_model.h"
#include "audio/audio.h"
#include "base/mem.h"
#include "base/scan.h"
#include "dsp/db.h"
#include "metrics/kweight.h"
#include "metrics/limiter.h"
#include "metrics/truepeak_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OLD = TRUEPEAK_TAPS_2, CHUNK_CELLS = 16, MOST_CELLS = 1 << 20, MOST_WAY = 8, STEPS = 10 };
enum { HOPS_M = 4, HOPS_S = 30 };                   /* of momentary and short-term loudness */
static const double keep_fs = 0.08;                 /* a peak that is no more than this times the largest is never limited */
static const double absolute_gate_lufs = -70, relative_gate = 0.1, near_db = 0.001, least_slope = 0.1;
enum { MOST_STEPS = 40 };

struct limit_model {
	size_t channels;
	int rate_hz;
	struct truepeak_filter f;
	truepeak_fn *fn;
	double most;                 /* the largest gain of the filter */
	enum limit_model_of of;
	struct kweight *filter;      /* NULL: plain energies */
	double (*state)[KWEIGHT_STATE];
	size_t piece, have;          /* frames: of the grid before it was made coarser; in the rows */
	float *row;                  /* a row for each channel: OLD frames and a chunk */
	size_t count[CHUNK_CELLS];   /* frames that count, of each piece of the chunk */
	double top;                  /* the true peak so far */

	float *peak, *energy;        /* cells of the grid: the true peak, the energy of what counts */
	size_t cells, room;
	size_t in_cell, in_have;     /* pieces in a cell; in the last one so far */
	int64_t counted, hop;        /* frames */
	uint32_t *hop_end;           /* the cell after the last of each 100 ms that count */
	size_t hops, hops_room;

	double *window;              /* energies of the windows that end with each hop */
	size_t windows;
	double *before, *after;      /* plain energies of each hop and what is left of them; one more for the rest */
	double base;                 /* the level without gain */
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* Frames that the limiter's gain is on its way down. */
static double
way_frames(int rate_hz)
{
	return LIMITER_AHEAD_MS / 1000 * rate_hz + 2 * TRUEPEAK_BLOCK;
}

int
limit_model_new(struct limit_model **out, int rate_hz, int channels, enum limit_model_of of, struct err *e)
{
	struct limit_model *m = calloc(1, sizeof *m);

	*out = m;
	if (!m)
		return no_memory(e);
	m->channels = (size_t)channels;
	m->rate_hz = rate_hz;
	m->most = truepeak_design(&m->f, rate_hz);
	m->fn = truepeak_choose();
	m->piece = (size_t)(way_frames(rate_hz) / 4 / TRUEPEAK_BLOCK + 0.5) * TRUEPEAK_BLOCK;
	m->piece = m->piece ? m->piece : TRUEPEAK_BLOCK;
	m->hop = STEPS * (rate_hz / 100);
	m->in_cell = 1;
	m->of = of;
	m->filter = of == LIMIT_MODEL_ENERGY ? NULL : kweight_new(rate_hz);
	m->state = mem_zalloc(m->channels, sizeof *m->state);
	m->row = mem_zalloc((OLD + CHUNK_CELLS * m->piece) * m->channels, sizeof *m->row);
	if (!m->row || !m->state || (of != LIMIT_MODEL_ENERGY && !m->filter)) {
		limit_model_free(m);
		*out = NULL;
		return no_memory(e);
	}
	return 0;
}

/* ---- the look at the signal ---- */

/* Two cells become one. */
static void
make_coarser(struct limit_model *m)
{
	for (size_t i = 0; i < m->cells / 2; i++) {
		float a = m->peak[2 * i], b = m->peak[2 * i + 1];

		m->peak[i] = a > b ? a : b;
		m->energy[i] = m->energy[2 * i] + m->energy[2 * i + 1];
	}
	for (size_t k = 0; k < m->hops; k++)
		m->hop_end[k] = (m->hop_end[k] + 1) / 2;
	m->cells /= 2;
	m->in_cell *= 2;
	m->in_have = m->in_cell; /* the last one is full */
}

static int
next_cell(struct limit_model *m, struct err *e)
{
	if (m->cells == MOST_CELLS)
		make_coarser(m);
	if (m->cells == m->room) {
		size_t room = m->room ? 2 * m->room : 4096;
		float *peak = realloc(m->peak, room * sizeof *peak), *energy;

		m->peak = peak ? peak : m->peak;
		energy = peak ? realloc(m->energy, room * sizeof *energy) : NULL;
		if (!energy)
			return no_memory(e);
		m->energy = energy;
		m->room = room;
	}
	m->peak[m->cells] = m->energy[m->cells] = 0;
	m->cells++;
	m->in_have = 0;
	return 0;
}

/* Frames that count have come, all of the last cell or before. */
static int
end_hops(struct limit_model *m, int64_t frames, struct err *e)
{
	m->counted += frames;
	while (m->counted >= m->hop * ((int64_t)m->hops + 1)) {
		if (m->hops == m->hops_room) {
			size_t room = m->hops_room ? 2 * m->hops_room : 256;
			uint32_t *p = realloc(m->hop_end, room * sizeof *p);

			if (!p)
				return no_memory(e);
			m->hop_end = p;
			m->hops_room = room;
		}
		m->hop_end[m->hops++] = (uint32_t)m->cells;
	}
	return 0;
}

/* The true peak of n frames of a channel, or their sample peak where nothing needs more. */
static double
peak_of(const struct limit_model *m, const float *x, size_t n)
{
	double sample = (double)scan_peak(x, n), least = keep_fs * m->top, most, between;

	least = sample > least ? sample : least;
	most = m->most * fmax(sample, (double)scan_peak(x - OLD, OLD));
	if (!m->f.phases || most <= least)
		return sample;
	between = (double)(float)m->fn(x, n, &m->f, least, truepeak_doubt(most));
	return between > least ? between : sample;
}

/* The rows are full, or these are the last. */
static int
end_chunk(struct limit_model *m, struct err *e)
{
	const size_t row = OLD + CHUNK_CELLS * m->piece;

	for (size_t at = 0, n; at < m->have; at += n) {
		size_t counts = m->count[at / m->piece];
		double energy = 0;

		n = m->have - at < m->piece ? m->have - at : m->piece;
		if ((!m->cells || m->in_have == m->in_cell) && next_cell(m, e))
			return -1;
		for (size_t c = 0; c < m->channels; c++) {
			const float *x = m->row + c * row + OLD + at;
			double p = peak_of(m, x, n);
			float *peak = &m->peak[m->cells - 1];

			m->top = p > m->top ? p : m->top;
			*peak = (float)p > *peak ? (float)p : *peak;
			energy += m->filter ? kweight_energy(m->filter, m->state[c], x, n) : scan_product(x, x, n);
		}
		m->energy[m->cells - 1] += (float)(energy * (double)counts / (double)n);
		m->in_have++;
		if (end_hops(m, (int64_t)counts, e))
			return -1;
	}
	for (size_t c = 0; c < m->channels; c++)
		memmove(m->row + c * row, m->row + c * row + m->have, OLD * sizeof *m->row);
	memset(m->count, 0, sizeof m->count);
	m->have = 0;
	return 0;
}

int
limit_model_add(struct limit_model *m, const float *x, int64_t frames, int counted, struct err *e)
{
	const size_t chunk = CHUNK_CELLS * m->piece;

	for (size_t left = (size_t)frames; left > 0;) {
		size_t n = m->piece - m->have % m->piece < left ? m->piece - m->have % m->piece : left;

		for (size_t c = 0; c < m->channels; c++)
			scan_channel(x, n, m->channels, c, m->row + c * (OLD + chunk) + OLD + m->have);
		m->count[m->have / m->piece] += counted ? n : 0;
		m->have += n;
		left -= n;
		x += n * m->channels;
		if (m->have == chunk && end_chunk(m, e))
			return -1;
	}
	return 0;
}

/* ---- what a limiter leaves ---- */

struct grid {
	size_t way;                  /* cells that the gain is on its way down */
	double weight[MOST_WAY + 1]; /* of the average over them, the newest first */
	double release;              /* limiter.c's, of a cell */
};

static void
lay_grid(const struct limit_model *m, struct grid *g)
{
	double frames = (double)(m->piece * m->in_cell), way = way_frames(m->rate_hz) / frames, sum = 0;

	g->way = way < 1 ? 1 : way > MOST_WAY ? MOST_WAY : (size_t)(way + 0.5);
	g->release = 1 - exp(-frames / (LIMITER_RELEASE_MS / 1000 * m->rate_hz));
	for (size_t k = 0; k <= g->way; k++) {
		g->weight[k] = 1 - cos(2 * M_PI * ((double)k + 0.5) / (double)(g->way + 1));
		sum += g->weight[k];
	}
	for (size_t k = 0; k <= g->way; k++)
		g->weight[k] /= sum;
}

/* The energies of the hops after a limiter whose ceiling is 1 / drive, or without one where drive is 0. */
static void
limit_hops(struct limit_model *m, double drive)
{
	struct grid g;
	double need[MOST_WAY + 1], missing[MOST_WAY + 1] = { 0 }, held = 1, left = 0;
	size_t hop = 0, still = 0;

	lay_grid(m, &g);
	for (size_t k = 0; k <= g.way; k++)
		need[k] = 1;
	for (size_t i = 0; i < m->cells + g.way; i++) {
		double peak = i < m->cells ? (double)m->peak[i] * drive : 0, least, gain = 1;

		if (peak > 1 || still <= 2 * g.way) {
			for (size_t k = g.way; k > 0; k--) {
				need[k] = need[k - 1];
				missing[k] = missing[k - 1];
			}
			need[0] = peak > 1 ? 1 / peak : 1;
			/* a peak is in the middle of its cell: half of the last one is let go */
			least = need[g.way] + (1 - need[g.way]) * g.release / 2;
			for (size_t k = 0; k < g.way; k++)
				least = need[k] < least ? need[k] : least;
			held += (1 - held) * g.release;
			held = held > 1 - 1e-6 ? 1 : held;
			held = least < held ? least : held;
			missing[0] = 1 - held;
			still = least == 1 && held == 1 ? still + 1 : 0;
			for (size_t k = 0; k <= g.way; k++)
				gain -= g.weight[k] * missing[k];
		}
		if (i < g.way)
			continue;
		while (hop < m->hops && i - g.way >= m->hop_end[hop]) {
			m->after[hop++] = left;
			left = 0;
		}
		left += gain * gain * (double)m->energy[i - g.way];
	}
	for (; hop <= m->hops; hop++, left = 0)
		m->after[hop] = left;
}

/* What is left of the energy of the windows of `hops` that end with hop i. */
static double
left_of(const struct limit_model *m, size_t i, size_t hops)
{
	double before = 0, after = 0;

	for (size_t k = 0; k < hops; k++) {
		before += m->before[i - k];
		after += m->after[i - k];
	}
	return before > 0 ? after / before : 1;
}

static double
lufs_of(double energy)
{
	return 10 * log10(energy) - 0.691;
}

/* As loudness.c has it. */
static double
integrated(const struct limit_model *m, double gain)
{
	double gate = pow(10, (absolute_gate_lufs + 0.691) / 10), sum = 0, n = 0;

	for (int pass = 0; pass < 2; pass++) {
		if (pass)
			gate = fmax(gate, relative_gate * sum / n);
		sum = n = 0;
		for (size_t i = HOPS_M - 1; i < m->windows; i++) {
			double energy = m->window[i] * left_of(m, i, HOPS_M) * gain * gain;

			sum += energy >= gate ? energy : 0;
			n += energy >= gate;
		}
	}
	return lufs_of(sum / n);
}

static double
largest(const struct limit_model *m, size_t hops, double gain)
{
	double most = 0;

	for (size_t i = hops - 1; i < m->windows; i++)
		most = fmax(most, m->window[i] * left_of(m, i, hops));
	return lufs_of(most * gain * gain);
}

/* The level after limit_hops(). */
static double
level(const struct limit_model *m, double gain)
{
	double sum = 0;

	switch (m->of) {
	case LIMIT_MODEL_INTEGRATED:
		if (m->windows >= HOPS_M)
			return integrated(m, gain);
		break; /* too short for a gate */
	case LIMIT_MODEL_MOMENTARY:
		return largest(m, HOPS_M, gain);
	case LIMIT_MODEL_SHORT_TERM:
		return largest(m, HOPS_S, gain);
	default:
		break;
	}
	for (size_t i = 0; i <= m->hops; i++)
		sum += m->after[i];
	return 10 * log10(sum * gain * gain);
}

int
limit_model_end(struct limit_model *m, const struct loudness_point *series, size_t n, double *peak, struct err *e)
{
	static const float silence[AU_MAX_CHANNELS];
	size_t more = OLD + (TRUEPEAK_BLOCK - m->have % TRUEPEAK_BLOCK) % TRUEPEAK_BLOCK;

	/* silence lets out what the filter still holds */
	while (more--)
		if (limit_model_add(m, silence, 1, 0, e))
			return -1;
	if (end_chunk(m, e))
		return -1;
	*peak = m->top;
	m->windows = n < m->hops ? n : m->hops;
	m->before = calloc(m->hops + 1, sizeof *m->before);
	m->after = calloc(m->hops + 1, sizeof *m->after);
	m->window = calloc(n + 1, sizeof *m->window);
	if (!m->before || !m->after || !m->window)
		return no_memory(e);
	for (size_t i = 0; i < m->windows; i++) {
		double lufs = (double)(m->of == LIMIT_MODEL_SHORT_TERM ? series[i].short_term_lufs : series[i].momentary_lufs);

		m->window[i] = isnan(lufs) ? 0 : pow(10, (lufs + 0.691) / 10);
	}
	limit_hops(m, 0);
	memcpy(m->before, m->after, (m->hops + 1) * sizeof *m->before);
	m->base = level(m, 1);
	return 0;
}

double
limit_model_change(struct limit_model *m, double gain, double limit)
{
	limit_hops(m, gain / limit);
	return level(m, gain) - m->base;
}

int
limit_model_gain(struct limit_model *m, double change_db, double limit_db, double *gain_db, double *change)
{
	double highest = limit_db + LIMIT_MODEL_MOST_DB - 20 * log10(m->top), limit = dsp_gain_of_db(limit_db);
	double gain = change_db < highest ? change_db : highest, was_gain = NAN, was_change = NAN;

	for (int i = 0; i < MOST_STEPS; i++) {
		double miss, slope, next;

		*change = limit_model_change(m, dsp_gain_of_db(gain), limit);
		*gain_db = gain;
		miss = change_db - *change;
		if (fabs(miss) <= near_db)
			return 0;
		if (!(gain < highest && isfinite(miss)) && !(miss < 0))
			return 1;
		/* of the level over the gain: 1 without limiter, near 0 at its end */
		slope = (*change - was_change) / (gain - was_gain);
		was_change = *change;
		was_gain = gain;
		next = gain + miss / (slope > least_slope && slope < 1 ? slope : slope <= least_slope ? least_slope : 1);
		gain = next < highest ? next : highest;
	}
	return 0; /* a gate is on its way; who measures will see */
}

void
limit_model_free(struct limit_model *m)
{
	if (!m)
		return;
	mem_free(m->row);
	mem_free(m->state);
	kweight_free(m->filter);
	free(m->peak);
	free(m->energy);
	free(m->hop_end);
	free(m->window);
	free(m->before);
	free(m->after);
	free(m);
}
