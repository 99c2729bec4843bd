/* resample.c - sample rate conversion by libsamplerate. */
#include "audio/resample.h"
#include "base/mem.h"
#include <samplerate.h>
#include <stdlib.h>
#include <string.h>

struct resampler {
	SRC_STATE *src;
	int channels, in_hz, out_hz;
	int64_t fed, made;       /* frames in and out so far */
	float *buf;
	int64_t cap;             /* frames */
};

int
rs_new(struct resampler **out, int channels, int in_hz, int out_hz, enum rs_quality quality, struct err *e)
{
	static const int sinc[] = { SRC_SINC_BEST_QUALITY, SRC_SINC_MEDIUM_QUALITY, SRC_SINC_FASTEST };
	struct resampler *r = calloc(1, sizeof *r);
	double ratio = (double)out_hz / in_hz;
	int why = 0;

	*out = NULL;
	if (!r)
		return err_set(e, ERR_NOMEM, "out of memory");
	r->channels = channels;
	r->in_hz = in_hz;
	r->out_hz = out_hz;
	if (!src_is_valid_ratio(ratio)) {
		rs_free(r);
		return err_set(e, ERR_UNSUPPORTED, "cannot resample from %d to %d Hz: the rates are too far apart",
		    in_hz, out_hz);
	}
	r->src = src_new(sinc[quality], channels, &why);
	if (!r->src) {
		rs_free(r);
		return err_set(e, ERR_NOMEM, "cannot resample: %s", src_strerror(why));
	}
	*out = r;
	return 0;
}

static int
reserve(struct resampler *r, int64_t frames, struct err *e)
{
	size_t bytes;
	float *p;

	if (frames <= r->cap)
		return 0;
	frames = frames < 2 * r->cap ? 2 * r->cap : frames;
	if (size_mul((size_t)frames, (size_t)r->channels * sizeof *p, &bytes) || !(p = realloc(r->buf, bytes)))
		return err_set(e, ERR_NOMEM, "cannot resample: out of memory");
	r->buf = p;
	r->cap = frames;
	return 0;
}

int
rs_process(struct resampler *r, const float *in, int64_t n, int end, const float **out, int64_t *got, struct err *e)
{
	static const float none[AU_MAX_CHANNELS];
	SRC_DATA d = { 0 };
	int64_t have = 0, want;
	int why;

	*out = r->buf;
	*got = 0;
	r->fed += n;
	d.src_ratio = (double)r->out_hz / r->in_hz;
	d.data_in = n ? in : none;
	d.input_frames = n;
	d.end_of_input = end;
	do {
		if (reserve(r, have + 4096 + (int64_t)((double)d.input_frames * d.src_ratio), e))
			return -1;
		d.data_out = r->buf + have * r->channels;
		d.output_frames = r->cap - have;
		if ((why = src_process(r->src, &d)) != 0)
			return err_set(e, ERR_NOMEM, "cannot resample: %s", src_strerror(why));
		d.data_in += d.input_frames_used * r->channels;
		d.input_frames -= d.input_frames_used;
		have += d.output_frames_gen;
	} while (d.input_frames > 0 || d.output_frames_gen > 0);
	/* libsamplerate's count at the end is off by a frame now and then: ours is exact */
	if (end) {
		want = (r->fed * r->out_hz + r->in_hz - 1) / r->in_hz - r->made;
		if (want > have) {
			if (reserve(r, want, e))
				return -1;
			memset(r->buf + have * r->channels, 0,
			    (size_t)(want - have) * (size_t)r->channels * sizeof *r->buf);
		}
		have = want > 0 ? want : 0;
	}
	r->made += have;
	*out = r->buf;
	*got = have;
	return 0;
}

void
rs_free(struct resampler *r)
{
	if (!r)
		return;
	if (r->src)
		src_delete(r->src);
	free(r->buf);
	free(r);
}

int
rs_all(struct au_buf *b, int out_hz, struct err *e)
{
	struct resampler *r;
	const float *out;
	int64_t got;
	float *x;

	if (b->rate_hz == out_hz)
		return 0;
	if (rs_new(&r, b->channels, b->rate_hz, out_hz, RS_BEST, e))
		return -1;
	if (rs_process(r, b->x, b->frames, 1, &out, &got, e))
		goto fail;
	x = mem_zalloc((size_t)got * (size_t)b->channels, sizeof *x);
	if (!x) {
		err_set(e, ERR_NOMEM, "cannot resample: out of memory");
		goto fail;
	}
	memcpy(x, out, (size_t)got * (size_t)b->channels * sizeof *x);
	mem_free(b->x);
	b->x = x;
	b->frames = got;
	b->rate_hz = out_hz;
	rs_free(r);
	return 0;
fail:
	rs_free(r);
	return -1;
}
