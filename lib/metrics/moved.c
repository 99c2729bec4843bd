/* moved.c - frames dropped, and a fractional delay by convolution. */
#include "metrics/moved.h"
#include "base/mem.h"
#include "dsp/conv.h"
#include "metrics/align.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SAMPLES = 65536 };

struct moved {
	const struct diff_input *in;
	size_t ch;
	int64_t drop, block;         /* frames still to leave out; of a block of in */
	struct conv_ir *ir;
	struct conv *conv;           /* NULL: whole frames only */
	float *raw;                  /* a block of in, of which raw_n frames from raw_at on are left */
	int64_t raw_at, raw_n;
	const float *out;            /* moved frames that are left */
	int64_t out_n;
	int ended;                   /* in is */
};

int
moved_open(struct moved **out, const struct diff_input *in, int channels, int64_t at, double fraction, int again, struct err *e)
{
	struct moved *m = calloc(1, sizeof *m);
	double h[ALIGN_TAPS];
	struct conv_path path[CONV_MAX_CHANNELS];

	*out = NULL;
	if (!m)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->in = in;
	m->ch = (size_t)channels;
	m->drop = at;
	m->block = BLOCK_SAMPLES / channels;
	m->raw = mem_zalloc((size_t)m->block * m->ch, sizeof *m->raw);
	if (!m->raw) {
		moved_close(m);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (fraction > 0) {
		m->drop += ALIGN_TAPS / 2;
		align_taps(fraction, h);
		for (int c = 0; c < channels; c++)
			path[c] = (struct conv_path){ c, c, h };
		if (conv_ir_new(&m->ir, ALIGN_TAPS, channels, channels, path, m->ch, e) || conv_new(&m->conv, m->ir, e)) {
			moved_close(m);
			return -1;
		}
	}
	if (in->begin(in->ctx, again, e)) {
		moved_close(m);
		return -1;
	}
	*out = m;
	return 0;
}

/* Make sure that out or the end is there. */
static int
more(struct moved *m, struct err *e)
{
	int64_t n;

	while (m->out_n == 0) {
		if (m->raw_n == 0 && !m->ended) {
			m->raw_at = 0;
			m->raw_n = m->in->read(m->in->ctx, m->raw, m->block, e);
			if (m->raw_n < 0)
				return -1;
			m->ended = m->raw_n < m->block;
		}
		if (m->raw_n > 0 && m->conv) {
			n = conv_process(m->conv, m->raw + (size_t)m->raw_at * m->ch, m->raw_n, &m->out, &m->out_n);
			m->raw_at += n;
			m->raw_n -= n;
		} else if (m->raw_n > 0) {
			m->out = m->raw;
			m->out_n = m->raw_n;
			m->raw_n = 0;
		} else {
			if (m->conv)
				conv_flush(m->conv, &m->out, &m->out_n);
			if (m->out_n == 0)
				break;
		}
		n = m->drop < m->out_n ? m->drop : m->out_n;
		m->drop -= n;
		m->out += (size_t)n * m->ch;
		m->out_n -= n;
	}
	return 0;
}

int64_t
moved_read(struct moved *m, float *x, int64_t frames, struct err *e)
{
	int64_t got = 0;

	while (got < frames) {
		int64_t n;

		if (more(m, e))
			return -1;
		if (m->out_n == 0)
			break;
		n = frames - got < m->out_n ? frames - got : m->out_n;
		memcpy(x + (size_t)got * m->ch, m->out, (size_t)n * m->ch * sizeof *x);
		m->out += (size_t)n * m->ch;
		m->out_n -= n;
		got += n;
	}
	return got;
}

int
moved_finish(struct moved *m, struct err *e)
{
	while (!m->ended) {
		int64_t n = m->in->read(m->in->ctx, m->raw, m->block, e);

		if (n < 0)
			return -1;
		m->ended = n < m->block;
	}
	return 0;
}

void
moved_close(struct moved *m)
{
	if (!m)
		return;
	conv_free(m->conv);
	conv_ir_free(m->ir);
	mem_free(m->raw);
	free(m);
}
