/* relevel.c - two passes: measure, then copy at another level. */
#include "metrics/relevel.h"
#include "audio/replay.h"
#include "base/mem.h"
#include "metrics/loudness.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SAMPLES = 65536 };

struct relevel {
	char *name;
	struct relevel_opts opts;
	struct replay *in;
	struct au_info info;
	float *buf;          /* BLOCK_SAMPLES */
	int64_t frames;      /* of the first pass */
	char sha256[65];
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

const char *
relevel_sha256(const struct relevel *r)
{
	return r->sha256;
}

/* Loudness of the region and true peak of the whole. */
struct meters {
	struct loudness *region, *whole; /* whole is NULL when the region is the whole */
	int64_t at, start, end;
	int rate_hz, channels;
};

static void
meters_free(struct meters *m)
{
	loudness_free(m->region);
	loudness_free(m->whole);
}

static int
meters_new(struct meters *m, const struct relevel *r, struct err *e)
{
	int64_t start = r->opts.start_frame, length = r->opts.length_frames;
	int flags = LOUDNESS_INTEGRATED | (r->opts.dual_mono ? LOUDNESS_DUAL_MONO : 0);
	int part = start > 0 || length >= 0;

	*m = (struct meters){ .start = start, .rate_hz = r->info.rate_hz, .channels = r->info.channels };
	m->end = length < 0 || length > INT64_MAX - start ? INT64_MAX : start + length;
	if (part && loudness_new(&m->whole, m->rate_hz, m->channels, LOUDNESS_TRUE_PEAK, e))
		return -1;
	return loudness_new(&m->region, m->rate_hz, m->channels, part ? flags : flags | LOUDNESS_TRUE_PEAK, e);
}

static int
meters_add(struct meters *m, const float *x, int64_t frames, struct err *e)
{
	int64_t from = m->start > m->at ? m->start - m->at : 0;
	int64_t to = m->end - m->at < frames ? m->end - m->at : frames;

	m->at += frames;
	if (from < to && loudness_add(m->region, x + from * m->channels, to - from, e))
		return -1;
	return m->whole ? loudness_add(m->whole, x, frames, e) : 0;
}

static int
meters_end(struct meters *m, struct relevel_values *v, struct err *e)
{
	struct loudness_values part, whole;

	if (loudness_end(m->region, &part, e) || (m->whole && loudness_end(m->whole, &whole, e)))
		return -1;
	v->lufs = loudness_for_level(&part, m->rate_hz, &v->kind);
	v->true_peak_dbtp = m->whole ? whole.true_peak_dbtp : part.true_peak_dbtp;
	v->frames = m->at;
	return 0;
}

static void
step(const struct relevel *r, int64_t frames)
{
	if (r->opts.step)
		r->opts.step(r->opts.ctx, frames);
}

/* The region must be inside the input, whose end is now known. */
static int
check_region(const struct relevel *r, const struct meters *m, struct err *e)
{
	if (m->start > 0 && m->start >= m->at)
		return err_set(e, ERR_INPUT, "'%s' has %" PRId64 " frames, the region starts at %" PRId64, r->name,
		               m->at, m->start);
	if (r->opts.length_frames >= 0 && m->end > m->at)
		return err_set(e, ERR_INPUT, "'%s' has %" PRId64 " frames, the region of %" PRId64 " + %" PRId64
		               " ends after it", r->name, m->at, m->start, r->opts.length_frames);
	return 0;
}

int
relevel_measure(struct relevel *r, struct relevel_values *v, struct err *e)
{
	struct meters m;
	int64_t n;
	int ret = -1;

	if (meters_new(&m, r, e) || replay_begin(r->in, !r->opts.measure_only, e))
		goto out;
	while ((n = replay_read(r->in, r->buf, BLOCK_SAMPLES / r->info.channels, e)) > 0) {
		if (meters_add(&m, r->buf, n, e))
			goto out;
		step(r, m.at);
	}
	r->frames = m.at;
	if (n < 0 || check_region(r, &m, e) || meters_end(&m, v, e))
		goto out;
	ret = replay_sha256(r->in, r->sha256, e);
out:
	meters_free(&m);
	return ret;
}

int
relevel_apply(struct relevel *r, double gain, struct au_out *out, struct relevel_values *v, struct err *e)
{
	struct meters m = { 0 };
	int64_t n;
	int ret = -1;

	if (meters_new(&m, r, e) || replay_begin(r->in, 0, e))
		goto out;
	while ((n = replay_read(r->in, r->buf, BLOCK_SAMPLES / r->info.channels, e)) > 0) {
		for (int64_t i = 0; i < n * r->info.channels; i++) {
			r->buf[i] = (float)(r->buf[i] * gain);
			if (!isfinite(r->buf[i])) {
				err_set(e, ERR_INPUT, "a sample of '%s' would be larger than float32 can hold", r->name);
				goto out;
			}
		}
		if (au_write(out, r->buf, n, e) || meters_add(&m, r->buf, n, e))
			goto out;
		step(r, r->frames + m.at);
	}
	if (n < 0)
		goto out;
	ret = meters_end(&m, v, e);
out:
	meters_free(&m);
	return ret;
}

void
relevel_close(struct relevel *r)
{
	if (!r)
		return;
	replay_close(r->in);
	mem_free(r->buf);
	free(r->name);
	free(r);
}
