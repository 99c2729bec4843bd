/* playing.c - a gate that writes down when it opens and closes. */
#include "metrics/playing.h"
#include "base/mem.h"
#include "base/scan.h"
#include "dsp/db.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SAMPLES = 32768, STRETCH = 32 };

struct gate {
	double open, close;          /* full scale 1.0 */
	int64_t hold, at, last;      /* frames; last: the last one that kept it open */
	int is_open;
};

static int
begin(struct playing *p, int64_t at, struct err *e)
{
	struct relevel_part *part;

	if (!(p->n & (p->n - 1))) { /* doubled at each power of 2 */
		part = realloc(p->part, (p->n ? 2 * p->n : 1) * sizeof *part);
		if (!part)
			return err_set(e, ERR_NOMEM, "out of memory");
		p->part = part;
	}
	p->part[p->n++] = (struct relevel_part){ at, 0 };
	return 0;
}

static void
end(struct playing *p, int64_t at)
{
	p->part[p->n - 1].length_frames = at - p->part[p->n - 1].start_frame;
}

/* A stretch in which the gate can do no more than count on. */
static int
stays(struct gate *g, const float *x, int64_t frames, int channels)
{
	double peak = (double)scan_peak(x, (size_t)(frames * channels));

	if (g->is_open ? peak >= g->close || g->at + frames - 1 - g->last >= g->hold : peak >= g->open)
		return 0;
	g->at += frames;
	return 1;
}

static int
add(struct playing *p, struct gate *g, const float *x, int64_t frames, int channels, struct err *e)
{
	for (int64_t t = 0; t < frames; t++, g->at++) {
		float peak = 0;

		if (t % STRETCH == 0 && frames - t >= STRETCH && stays(g, x, STRETCH, channels)) {
			x += STRETCH * channels;
			t += STRETCH - 1;
			g->at--; /* the loop counts one */
			continue;
		}

		for (int c = 0; c < channels; c++, x++)
			peak = fabsf(*x) > peak ? fabsf(*x) : peak;
		if (!g->is_open && (double)peak >= g->open) {
			g->is_open = 1;
			g->last = g->at;
			if (begin(p, g->at, e))
				return -1;
		}
		if (!g->is_open)
			continue;
		if ((double)peak >= g->close)
			g->last = g->at;
		if (g->at - g->last >= g->hold) {
			g->is_open = 0;
			end(p, g->at);
		}
	}
	return 0;
}

static int
read_all(struct playing *p, struct au_in *in, struct gate *g, int hash, struct err *e)
{
	int channels = au_info(in)->channels;
	float *x = mem_zalloc(BLOCK_SAMPLES, sizeof *x);
	int64_t n = -1;

	if (!x)
		return err_set(e, ERR_NOMEM, "out of memory");
	while ((n = au_read(in, x, BLOCK_SAMPLES / channels, e)) > 0)
		if (add(p, g, x, n, channels, e))
			break;
	mem_free(x);
	if (n != 0)
		return -1;
	if (g->is_open)
		end(p, g->at);
	return hash ? au_in_sha256(in, p->sha256, e) : 0;
}

int
playing_find(struct playing *p, const char *name, double threshold_dbfs, int hash, struct err *e)
{
	struct gate g = { dsp_gain_of_db(threshold_dbfs), dsp_gain_of_db(threshold_dbfs - PLAYING_HYSTERESIS_DB), 0, 0, 0, 0 };
	struct au_in *in;
	int bad;

	*p = (struct playing){ 0 };
	if (au_open(&in, name, e))
		return -1;
	p->rate_hz = au_info(in)->rate_hz;
	g.hold = llround(PLAYING_HOLD_MS / 1000 * p->rate_hz);
	bad = read_all(p, in, &g, hash, e);
	au_close(in);
	if (!bad && !p->n)
		bad = err_set(e, ERR_INPUT, "'%s' never reaches %g dBFS: it plays nowhere", name, threshold_dbfs);
	if (bad)
		playing_free(p);
	return bad;
}

void
playing_to_rate(struct playing *p, int rate_hz)
{
	double ratio = (double)rate_hz / p->rate_hz;

	for (size_t i = 0; rate_hz != p->rate_hz && i < p->n; i++) {
		int64_t from = (int64_t)floor((double)p->part[i].start_frame * ratio);
		int64_t to = (int64_t)ceil((double)(p->part[i].start_frame + p->part[i].length_frames) * ratio);

		if (i > 0 && from < p->part[i - 1].start_frame + p->part[i - 1].length_frames)
			from = p->part[i - 1].start_frame + p->part[i - 1].length_frames;
		p->part[i] = (struct relevel_part){ from, to - from };
	}
	p->rate_hz = rate_hz;
}

void
playing_free(struct playing *p)
{
	free(p->part);
	*p = (struct playing){ 0 };
}
