/* relevel.c - two passes: measure, then copy at another level. */
#include "metrics/relevel.h"
#include "audio/replay.h"
#include "base/mem.h"
#include "base/scan.h"
#include "metrics/limit_model.h"
#include "metrics/loudness.h"
#include "metrics/truepeak.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SAMPLES = 16384, LANES = 8 };

struct relevel {
	char *name;
	struct relevel_opts opts;
	struct replay *in;
	struct au_info info;
	float *buf;          /* BLOCK_SAMPLES */
	int64_t done;        /* frames of all passes that are over */
	struct limit_model *model;
	double before[RELEVEL_KINDS]; /* levels of the input */
};

int
relevel_open(struct relevel **out, const char *name, const struct relevel_opts *opts, struct err *e)
{
	struct relevel *r = calloc(1, sizeof *r);

	*out = NULL;
	if (!r || !(r->name = strdup(name)) || !(r->buf = mem_zalloc(BLOCK_SAMPLES, sizeof *r->buf))) {
		relevel_close(r);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	r->opts = *opts;
	if (replay_open(&r->in, name, e)) {
		relevel_close(r);
		return -1;
	}
	r->info = *replay_info(r->in);
	*out = r;
	return 0;
}

const struct au_info *
relevel_info(const struct relevel *r)
{
	return &r->info;
}

const struct meta *
relevel_meta(const struct relevel *r)
{
	return replay_meta(r->in);
}

int
relevel_sha256(struct relevel *r, char hex[65], struct err *e)
{
	return replay_sha256(r->in, hex, e);
}

/* ---- what is measured in a pass ---- */

static const struct { const char *name, *unit; } kinds[RELEVEL_KINDS] = {
	[RELEVEL_INTEGRATED] = { "integrated", "LUFS" }, [RELEVEL_MOMENTARY] = { "momentary", "LUFS" },
	[RELEVEL_SHORT_TERM] = { "short_term", "LUFS" }, [RELEVEL_RMS] = { "rms", "dBFS" },
	[RELEVEL_PEAK] = { "peak", "dBFS" }, [RELEVEL_TRUE_PEAK] = { "true_peak", "dBTP" },
};

const char *
relevel_by_name(enum relevel_by by)
{
	return kinds[by].name;
}

const char *
relevel_unit(enum relevel_by by)
{
	return kinds[by].unit;
}

int
relevel_by_of(const char *name)
{
	for (int i = 0; i < RELEVEL_KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return i;
	return -1;
}

/* Loudness and RMS of the parts, peaks of the whole. */
struct meters {
	struct loudness *parts;         /* with the true peak when there are no parts but all */
	struct truepeak *whole;         /* else this */
	struct limit_model *model;      /* or this */
	const struct relevel_part *part;
	size_t n_parts, next;           /* next: of the parts, the one that is not over yet */
	int64_t at, counted;
	int rate_hz, channels;
	double sum, square;
	float peak;
};

static void
meters_free(struct meters *m)
{
	loudness_free(m->parts);
	truepeak_free(m->whole);
	limit_model_free(m->model);
}

static int
meters_new(struct meters *m, const struct relevel *r, int model, struct err *e)
{
	static const enum limit_model_of of[RELEVEL_KINDS] = { [RELEVEL_INTEGRATED] = LIMIT_MODEL_INTEGRATED,
		[RELEVEL_MOMENTARY] = LIMIT_MODEL_MOMENTARY, [RELEVEL_SHORT_TERM] = LIMIT_MODEL_SHORT_TERM,
		[RELEVEL_RMS] = LIMIT_MODEL_ENERGY };
	int flags = LOUDNESS_INTEGRATED | LOUDNESS_MAX | (r->opts.dual_mono ? LOUDNESS_DUAL_MONO : 0);

	*m = (struct meters){ .part = r->opts.parts, .n_parts = r->opts.n_parts, .rate_hz = r->info.rate_hz,
		.channels = r->info.channels };
	if (model) {
		flags |= LOUDNESS_SERIES;
		if (limit_model_new(&m->model, m->rate_hz, m->channels, of[r->opts.limit_by], e))
			return -1;
	} else if (!m->n_parts) {
		flags |= LOUDNESS_TRUE_PEAK;
	} else if (truepeak_new(&m->whole, m->rate_hz, m->channels, e)) {
		return -1;
	}
	return loudness_new(&m->parts, m->rate_hz, m->channels, flags, e);
}

static int64_t
end_of(const struct relevel_part *p)
{
	return p->length_frames < 0 || p->length_frames > INT64_MAX - p->start_frame ? INT64_MAX :
	    p->start_frame + p->length_frames;
}

static int
count(struct meters *m, const float *x, int64_t frames, struct err *e)
{
	scan_sums(x, (size_t)(frames * m->channels), &m->sum, &m->square);
	m->counted += frames;
	return loudness_add(m->parts, x, frames, e);
}

/* What the model knows has to come in order, the frames of parts and the others. */
static int
look(struct meters *m, const float *x, int64_t from, int64_t to, int counted, struct err *e)
{
	return m->model && from < to && limit_model_add(m->model, x + from * m->channels, to - from, counted, e) ? -1 : 0;
}

static int
meters_add(struct meters *m, const float *x, int64_t frames, struct err *e)
{
	float peak = scan_peak(x, (size_t)(frames * m->channels));
	int64_t seen = 0;

	m->peak = peak > m->peak ? peak : m->peak;
	if (!m->n_parts) {
		m->at += frames;
		return count(m, x, frames, e) || look(m, x, 0, frames, 1, e) ? -1 : 0;
	}
	for (; m->next < m->n_parts; m->next++) {
		const struct relevel_part *p = &m->part[m->next];
		int64_t from = p->start_frame > m->at ? p->start_frame - m->at : 0;
		int64_t to = end_of(p) - m->at < frames ? end_of(p) - m->at : frames;

		if (from < to) {
			if (look(m, x, seen, from, 0, e) || look(m, x, from, to, 1, e) ||
			    count(m, x + from * m->channels, to - from, e))
				return -1;
			seen = to;
		}
		if (end_of(p) > m->at + frames)
			break;
	}
	m->at += frames;
	if (m->whole)
		truepeak_add(m->whole, x, frames);
	return look(m, x, seen, frames, 0, e);
}

static int
meters_end(struct meters *m, struct relevel_values *v, struct err *e)
{
	struct loudness_values part;
	int64_t overs;
	double peak = 0, n = (double)m->counted * m->channels;

	if (loudness_end(m->parts, &part, e))
		return -1;
	v->level[RELEVEL_INTEGRATED] = loudness_for_level(&part, m->rate_hz, &v->kind);
	v->level[RELEVEL_MOMENTARY] = part.max_momentary_lufs;
	v->level[RELEVEL_SHORT_TERM] = part.max_short_term_lufs;
	v->level[RELEVEL_RMS] = m->square > 0 ? 10 * log10(m->square / n) : NAN;
	v->level[RELEVEL_PEAK] = m->peak > 0 ? 20 * log10((double)m->peak) : NAN;
	v->level[RELEVEL_TRUE_PEAK] = part.true_peak_dbtp;
	if (m->model) {
		size_t points;
		const struct loudness_point *series = loudness_series(m->parts, &points);

		if (limit_model_end(m->model, series, points, &peak, e))
			return -1;
	} else if (m->whole) {
		peak = truepeak_end(m->whole, &overs);
	}
	if (m->model || m->whole)
		v->level[RELEVEL_TRUE_PEAK] = peak > 0 ? 20 * log10(peak) : NAN;
	v->frames = m->at;
	v->counted_frames = m->counted;
	return 0;
}

/* ---- the passes ---- */

static void
step(const struct relevel *r, int64_t frames)
{
	if (r->opts.step)
		r->opts.step(r->opts.ctx, frames);
}

/* The parts must be inside the input, whose end is now known. */
static int
check_parts(const struct relevel *r, const struct meters *m, struct err *e)
{
	if (r->opts.cut_parts && m->n_parts && m->counted == 0)
		return err_set(e, ERR_INPUT, "'%s' has %" PRId64 " frames, and all that is to be measured is after them", r->name,
		    m->at);
	for (size_t i = 0; !r->opts.cut_parts && i < m->n_parts; i++) {
		const struct relevel_part *p = &m->part[i];

		if (p->start_frame > 0 && p->start_frame >= m->at)
			return err_set(e, ERR_INPUT, "'%s' has %" PRId64 " frames, the region starts at %" PRId64, r->name,
			    m->at, p->start_frame);
		if (p->length_frames >= 0 && end_of(p) > m->at)
			return err_set(e, ERR_INPUT, "'%s' has %" PRId64 " frames, the region of %" PRId64 " + %" PRId64
			    " ends after it", r->name, m->at, p->start_frame, p->length_frames);
	}
	return 0;
}

int
relevel_measure(struct relevel *r, struct relevel_values *v, struct err *e)
{
	struct meters m;
	int64_t n;
	int ret = -1;

	if (meters_new(&m, r, r->opts.limit, e) || replay_begin(r->in, !r->opts.measure_only, e))
		goto out;
	while ((n = replay_read(r->in, r->buf, BLOCK_SAMPLES / r->info.channels, e)) > 0) {
		if (meters_add(&m, r->buf, n, e))
			goto out;
		step(r, m.at);
	}
	r->done = m.at;
	if (n < 0 || check_parts(r, &m, e) || meters_end(&m, v, e))
		goto out;
	memcpy(r->before, v->level, sizeof r->before);
	r->model = m.model;
	m.model = NULL;
	ret = 0;
out:
	meters_free(&m);
	return ret;
}

/* What one pass after the first needs. */
struct pass {
	const struct relevel_set *set;
	struct meters m;
	struct limiter *limiter;     /* NULL: none */
	struct au_out *out;          /* NULL: nowhere */
};

static int
too_large(const struct relevel *r, struct err *e)
{
	return err_set(e, ERR_INPUT, "a sample of '%s' would be larger than float32 can hold", r->name);
}

static int
put(struct relevel *r, struct pass *p, const float *x, int64_t n, struct err *e)
{
	size_t all = (size_t)(n * r->info.channels);

	if (!r->opts.blind && meters_add(&p->m, x, n, e))
		return -1;
	/* a gain makes infinities, at the worst */
	if (!isfinite(r->opts.blind ? scan_peak(x, all) : p->m.peak))
		return too_large(r, e);
	return p->out ? au_write(p->out, x, n, e) : 0;
}

/* n frames of r->buf; the last have n 0. */
static int
change(struct relevel *r, struct pass *p, int64_t n, struct err *e)
{
	const float *y = r->buf;
	size_t all = (size_t)(n * r->info.channels);
	int64_t got = n;

	if (p->set->gain != 1)
		for (size_t i = 0; i < all; i += LANES) /* also what is after the end: there is room */
			for (size_t k = i; k < i + LANES; k++)
				r->buf[k] = (float)(r->buf[k] * p->set->gain);
	if (p->limiter && limiter_process(p->limiter, y, n, n == 0, &y, &got, e))
		return -1;
	return got ? put(r, p, y, got, e) : 0;
}

int
relevel_apply(struct relevel *r, const struct relevel_set *set, struct au_out *out, struct relevel_values *v,
              struct limiter_facts *f, struct err *e)
{
	struct pass p = { .set = set, .out = out };
	int64_t n, at = 0;
	int ret = -1;

	/* a limiter takes numbers only */
	if (isfinite(set->limit) && r->before[RELEVEL_PEAK] + 20 * log10(set->gain) > 20 * log10(FLT_MAX))
		return too_large(r, e);
	if ((!r->opts.blind && meters_new(&p.m, r, 0, e)) || (isfinite(set->limit) &&
	    limiter_new(&p.limiter, r->info.rate_hz, r->info.channels, set->limit, e)) || replay_begin(r->in, 0, e))
		goto out;
	while ((n = replay_read(r->in, r->buf, BLOCK_SAMPLES / r->info.channels, e)) > 0) {
		if (change(r, &p, n, e))
			goto out;
		at += n;
		step(r, r->done + at);
	}
	if (n < 0 || (p.limiter && change(r, &p, 0, e)) || (!r->opts.blind && meters_end(&p.m, v, e)))
		goto out;
	r->done += at;
	if (f)
		*f = (struct limiter_facts){ 0 };
	if (f && p.limiter)
		limiter_facts(p.limiter, f);
	ret = 0;
out:
	limiter_free(p.limiter);
	meters_free(&p.m);
	return ret;
}

int
relevel_limited_gain(struct relevel *r, double level, double limit_dbtp, double *gain_db, double *reached)
{
	double before = r->before[r->opts.limit_by];
	int no = limit_model_gain(r->model, level - before, limit_dbtp, gain_db, reached);

	*reached += before;
	return no;
}

void
relevel_close(struct relevel *r)
{
	if (!r)
		return;
	replay_close(r->in);
	limit_model_free(r->model);
	mem_free(r->buf);
	free(r->name);
	free(r);
}
