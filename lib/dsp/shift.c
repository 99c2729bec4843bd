/* shift.c - whole frames by counting, the rest by a short filter. */
#include "dsp/shift.h"
#include "base/mem.h"
#include "dsp/bessel.h"
#include "dsp/conv.h"
#include "dsp/turn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HALF = SHIFT_TAPS / 2, PART_BITS = 40 };
static const double beta = 0.1102 * (160 - 8.7); /* Kaiser's, for 160 dB */

struct shift {
	int channels;
	int64_t lead;            /* frames of silence before the first */
	int64_t drop;            /* frames that are still to be left out */
	struct conv_ir *ir;      /* NULL: a whole number of frames */
	struct conv *conv;
	float *out;
	int64_t have, room;      /* frames of out */
};

/* h[k] is the signal's weight at HALF - 1 - k frames before the output; part is within 0..1 and not 0. */
static void
design(double *h, uint64_t part)
{
	double f = (double)part / (double)(UINT64_C(1) << PART_BITS), c, s, w[SHIFT_TAPS], sum = 0;

	dsp_turn(part, PART_BITS + 1, &c, &s); /* sin(pi f); each tap has it with another sign */
	for (int k = 0; k < SHIFT_TAPS; k++) {
		double t = k - (HALF - 1) - f, u = t / HALF;

		w[k] = u * u < 1 ? (k % 2 ? s : -s) / t * dsp_bessel_i0(beta * sqrt(1 - u * u)) : 0;
		sum += w[k];
	}
	for (int k = 0; k < SHIFT_TAPS; k++)
		h[k] = w[k] / sum; /* a constant stays one */
}

int
shift_new(struct shift **out, int channels, double frames, struct err *e)
{
	struct shift *s = calloc(1, sizeof *s);
	double whole = floor(frames);
	uint64_t part = (uint64_t)rint((frames - whole) * (double)(UINT64_C(1) << PART_BITS));
	int64_t move = (int64_t)whole;
	struct conv_path path[CONV_MAX_CHANNELS];
	double h[SHIFT_TAPS];

	*out = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->channels = channels;
	if (part == UINT64_C(1) << PART_BITS) {
		part = 0;
		move++;
	}
	if (part) {
		design(h, part);
		move -= HALF - 1; /* what the filter itself delays */
		for (int c = 0; c < channels; c++)
			path[c] = (struct conv_path){ c, c, h };
		if (conv_ir_new(&s->ir, SHIFT_TAPS, channels, channels, path, (size_t)channels, e) ||
		    conv_new(&s->conv, s->ir, e)) {
			shift_free(s);
			return -1;
		}
	}
	s->lead = move > 0 ? move : 0;
	s->drop = move < 0 ? -move : 0;
	*out = s;
	return 0;
}

int64_t
shift_lead(const struct shift *s)
{
	return s->lead;
}

/* n frames more, less what is to be left out. */
static int
put(struct shift *s, const float *x, int64_t n, struct err *e)
{
	int64_t skip = s->drop < n ? s->drop : n, room = 2 * s->room;
	size_t bytes;
	float *p;

	s->drop -= skip;
	n -= skip;
	if (n <= 0)
		return 0;
	if (s->have + n > s->room) {
		room = s->have + n > room ? s->have + n : room;
		if (size_mul((size_t)room, (size_t)s->channels * sizeof *p, &bytes) || !(p = realloc(s->out, bytes)))
			return err_set(e, ERR_NOMEM, "out of memory");
		s->out = p;
		s->room = room;
	}
	memcpy(s->out + s->have * s->channels, x + skip * s->channels, (size_t)(n * s->channels) * sizeof *p);
	s->have += n;
	return 0;
}

static int
filter(struct shift *s, const float *in, int64_t n, int end, struct err *e)
{
	const float *y;
	int64_t got;

	while (n > 0) {
		int64_t took = conv_process(s->conv, in, n, &y, &got);

		if (put(s, y, got, e))
			return -1;
		in += took * s->channels;
		n -= took;
	}
	if (!end)
		return 0;
	do {
		conv_flush(s->conv, &y, &got);
		if (put(s, y, got, e))
			return -1;
	} while (got > 0);
	return 0;
}

int
shift_process(struct shift *s, const float *in, int64_t n, int end, float **out, int64_t *got, struct err *e)
{
	s->have = 0;
	if (s->conv ? filter(s, in, n, end, e) : put(s, in, n, e))
		return -1;
	*out = s->out;
	*got = s->have;
	return 0;
}

void
shift_free(struct shift *s)
{
	if (!s)
		return;
	conv_free(s->conv);
	conv_ir_free(s->ir);
	free(s->out);
	free(s);
}
