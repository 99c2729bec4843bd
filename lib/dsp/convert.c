/* convert.c - libsamplerate as it is; our own converter channel by channel. */
#include "dsp/convert.h"
#include "audio/resample.h"
#include "base/mem.h"
#include "dsp/rate.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = { [RS_BEST] = "best", [RS_MEDIUM] = "medium", [RS_FAST] = "fast", "exact" };
enum { NAMES = sizeof names / sizeof *names, EXACT = NAMES - 1 };

struct convert {
	int channels;
	struct resampler *rs;    /* or NULL, and: */
	struct rate **rate;      /* one for each channel */
	float *in, *part, *out;  /* one channel in and out; all channels out */
	size_t in_room, out_room;
};

static int
index_of(const char *name)
{
	int i = 0;

	while (i < NAMES && strcmp(names[i], name) != 0)
		i++;
	return i;
}

int
convert_is_name(const char *name)
{
	return index_of(name) < NAMES;
}

int
convert_new(struct convert **out, const char *name, int channels, int in_hz, int out_hz, struct err *e)
{
	struct convert *c = calloc(1, sizeof *c);
	int which = name ? index_of(name) : RS_BEST, bad = 0;

	*out = NULL;
	if (!c)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->channels = channels;
	if (which != EXACT) {
		bad = rs_new(&c->rs, channels, in_hz, out_hz, (enum rs_quality)which, e);
	} else if (!(c->rate = calloc((size_t)channels, sizeof *c->rate))) {
		bad = err_set(e, ERR_NOMEM, "out of memory");
	}
	for (int i = 0; c->rate && !bad && i < channels; i++)
		bad = rate_new(&c->rate[i], in_hz, out_hz, RATE_BEST, e);
	if (bad) {
		convert_free(c);
		return -1;
	}
	*out = c;
	return 0;
}

static int
reserve(struct convert *c, size_t n, struct err *e)
{
	size_t room = rate_room(c->rate[0], n), all;

	if (n <= c->in_room && room <= c->out_room)
		return 0;
	free(c->in);
	free(c->part);
	free(c->out);
	c->in_room = c->out_room = 0;
	c->in = malloc((n + 1) * sizeof *c->in);
	c->part = malloc((room + 1) * sizeof *c->part);
	c->out = size_mul(room + 1, (size_t)c->channels * sizeof *c->out, &all) ? NULL : malloc(all);
	if (!c->in || !c->part || !c->out)
		return err_set(e, ERR_NOMEM, "cannot resample: out of memory");
	c->in_room = n;
	c->out_room = room;
	return 0;
}

int
convert_process(struct convert *c, const float *in, int64_t n, int end, const float **out, int64_t *got, struct err *e)
{
	size_t ch = (size_t)c->channels, made = 0;

	if (c->rs)
		return rs_process(c->rs, in, n, end, out, got, e);
	if (reserve(c, (size_t)n, e))
		return -1;
	for (size_t i = 0; i < ch; i++) {
		for (size_t t = 0; t < (size_t)n; t++)
			c->in[t] = in[t * ch + i];
		made = rate_process(c->rate[i], c->in, (size_t)n, end, c->part);
		for (size_t t = 0; t < made; t++)
			c->out[t * ch + i] = c->part[t];
	}
	*out = c->out;
	*got = (int64_t)made;
	return 0;
}

void
convert_free(struct convert *c)
{
	if (!c)
		return;
	rs_free(c->rs);
	for (int i = 0; c->rate && i < c->channels; i++)
		rate_free(c->rate[i]);
	free(c->rate);
	free(c->in);
	free(c->part);
	free(c->out);
	free(c);
}
