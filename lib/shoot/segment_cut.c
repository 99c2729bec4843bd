/* segment_cut.c - make the master: all segments one after the other. */
#include "shoot/segment_cut.h"
#include "base/mem.h"
#include "cli/jsonl.h"
#include "dsp/turn.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 16384 };

static void
in_segment(struct err *e, const struct timeline *t, const struct tl_segment *s)
{
	err_prefix(e, "segment %td ('%.60s'): ", s - t->seg + 1, s->name ? s->name : "");
}

int
segment_probe(const struct timeline *t, int channels, int *rate_hz, struct err *e)
{
	const char *first = NULL;

	*rate_hz = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct tl_segment *s = &t->seg[i];
		struct au_in *in;
		struct au_info info;

		if (s->is_title)
			continue;
		if (au_open(&in, s->file, e)) {
			in_segment(e, t, s);
			return -1;
		}
		info = *au_info(in);
		au_close(in);
		if (!first) {
			first = s->file;
			*rate_hz = info.rate_hz;
		}
		if (info.rate_hz != *rate_hz)
			err_set(e, ERR_INPUT, "'%s' has %d Hz, '%s' has %d Hz; bring them to one rate with "
			    "audio-prep", s->file, info.rate_hz, first, *rate_hz);
		else if (info.channels != 1 && info.channels != channels)
			err_set(e, ERR_INPUT, "'%s' has %d channels, the master has %d; say --channels, or "
			    "make it mono with audio-prep", s->file, info.channels, channels);
		else if (info.frames >= 0 && s->start_frame + s->length_frames > info.frames)
			err_set(e, ERR_INPUT, "frames %lld to %lld are asked for but '%s' has only %lld",
			    (long long)s->start_frame, (long long)(s->start_frame + s->length_frames),
			    s->file, (long long)info.frames);
		else
			continue;
		in_segment(e, t, s);
		return -1;
	}
	if (!first)
		return err_set(e, ERR_INPUT, "no segment has an audio file, so the sample rate is not known");
	return 0;
}

int
segment_merge_levels(struct timeline *t, struct err *e)
{
	static const char *const keys[] = { "gain_db", "loudness_lufs", "true_peak_dbtp", "target_lufs" };

	for (size_t i = 0; i < t->n; i++) {
		struct tl_segment *s = &t->seg[i];
		json_t *report;

		if (!s->level)
			continue;
		report = jl_load(s->level, 1 << 20, e);
		if (!report)
			goto fail;
		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
			json_t *v = json_object_get(report, keys[k]);

			if (!v)
				continue;
			if (!json_is_number(v) && !json_is_null(v)) {
				err_set(e, ERR_INPUT, "\"%s\" in '%s' is not a number", keys[k], s->level);
				json_decref(report);
				goto fail;
			}
			jl_set(s->o, keys[k], json_incref(v));
		}
		json_decref(report);
		continue;
fail:
		in_segment(e, t, s);
		return -1;
	}
	return 0;
}

int64_t
segment_fade_frames(double fade_ms, int rate_hz, int64_t length)
{
	int64_t n = (int64_t)llround(fade_ms * rate_hz / 1000);

	return n < length / 2 ? n : length / 2;
}

double
segment_fade_gain(int64_t i, int64_t n)
{
	double c, s;

	if (i >= n)
		return 1;
	/* a quarter turn over n frames, in 2^-43 of a turn: the same bits with every C library */
	dsp_turn(((2 * (uint64_t)i + 1) << 43) / (8 * (uint64_t)n), 43, &c, &s);
	return s * s;
}

struct cutter {
	const struct timeline *t;
	struct au_out *out;
	float *in_buf, *out_buf;   /* BLOCK frames each */
	double fade_ms;
	void (*step)(void *ctx, int64_t frames);
	void *ctx;
};

static int
put(struct cutter *c, int64_t done, int64_t n, struct err *e)
{
	if (au_write(c->out, c->out_buf, n, e))
		return -1;
	if (c->step)
		c->step(c->ctx, done + n);
	return 0;
}

static int
cut_silence(struct cutter *c, const struct tl_segment *s, struct err *e)
{
	memset(c->out_buf, 0, (size_t)BLOCK * (size_t)c->t->channels * sizeof *c->out_buf);
	for (int64_t at = 0; at < s->length_frames; at += BLOCK) {
		int64_t n = s->length_frames - at < BLOCK ? s->length_frames - at : BLOCK;

		if (put(c, s->at_frame + at, n, e))
			return -1;
	}
	return 0;
}

static int
ended(const struct tl_segment *s, struct err *e)
{
	return err_set(e, ERR_INPUT, "'%s' ends before frame %lld", s->file,
	    (long long)(s->start_frame + s->length_frames));
}

/* Frames at..at+n-1 of the segment from in_buf (`have` channels) to out_buf, faded. */
static void
shape(const struct cutter *c, const struct tl_segment *s, int have, int64_t at, int64_t n)
{
	int64_t fade = segment_fade_frames(c->fade_ms, c->t->rate_hz, s->length_frames);
	int channels = c->t->channels;

	for (int64_t i = 0; i < n; i++) {
		double g = segment_fade_gain(at + i, fade) *
		    segment_fade_gain(s->length_frames - 1 - (at + i), fade);

		for (int ch = 0; ch < channels; ch++) {
			float x = c->in_buf[i * have + (have == 1 ? 0 : ch)];

			/* untouched outside the fades, to the bit */
			c->out_buf[i * channels + ch] = g < 1 ? (float)(g * (double)x) : x;
		}
	}
}

static int
cut_sound(struct cutter *c, const struct tl_segment *s, struct err *e)
{
	struct au_in *in;
	int have, ret = -1;

	if (au_open(&in, s->file, e))
		return -1;
	have = au_info(in)->channels;
	if (au_info(in)->rate_hz != c->t->rate_hz || (have != 1 && have != c->t->channels)) {
		err_set(e, ERR_INPUT, "'%s' changed while it was read", s->file);
		goto out;
	}
	for (int64_t at = 0; at < s->start_frame; ) {
		int64_t n = s->start_frame - at < BLOCK ? s->start_frame - at : BLOCK;

		n = au_read(in, c->in_buf, n, e);
		if (n <= 0) {
			if (!n)
				ended(s, e);
			goto out;
		}
		at += n;
	}
	for (int64_t at = 0; at < s->length_frames; ) {
		int64_t n = s->length_frames - at < BLOCK ? s->length_frames - at : BLOCK;

		n = au_read(in, c->in_buf, n, e);
		if (n <= 0) {
			if (!n)
				ended(s, e);
			goto out;
		}
		shape(c, s, have, at, n);
		if (put(c, s->at_frame + at, n, e))
			goto out;
		at += n;
	}
	ret = 0;
out:
	au_close(in);
	return ret;
}

int
segment_cut(const struct timeline *t, double fade_ms, struct au_out *out,
            void (*step)(void *ctx, int64_t frames), void *ctx, struct err *e)
{
	struct cutter c = { t, out, NULL, NULL, fade_ms, step, ctx };
	int ret = -1;

	c.in_buf = mem_zalloc((size_t)BLOCK * AU_MAX_CHANNELS, sizeof *c.in_buf);
	c.out_buf = mem_zalloc((size_t)BLOCK * AU_MAX_CHANNELS, sizeof *c.out_buf);
	if (!c.in_buf || !c.out_buf) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct tl_segment *s = &t->seg[i];

		if (s->is_title ? cut_silence(&c, s, e) : cut_sound(&c, s, e)) {
			in_segment(e, t, s);
			goto out;
		}
	}
	ret = 0;
out:
	mem_free(c.in_buf);
	mem_free(c.out_buf);
	return ret;
}
