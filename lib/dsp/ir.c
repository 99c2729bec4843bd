/* ir.c - impulse responses: reading, conforming, measuring. */
#include "dsp/ir.h"
#include "audio/resample.h"
#include "base/mem.h"
#include "dsp/rate.h"
#include <math.h>
#include <string.h>

enum { FIRST_FRAMES = 1 << 16 };

/* Room for cap frames in h, with what is there kept. */
static int
grow(struct au_buf *h, int64_t cap, struct err *e)
{
	size_t channels = (size_t)h->channels;
	float *x = mem_zalloc((size_t)cap, channels * sizeof *x);

	if (!x)
		return err_set(e, ERR_NOMEM, "out of memory for an impulse response");
	if (h->x)
		memcpy(x, h->x, (size_t)h->frames * channels * sizeof *x);
	mem_free(h->x);
	h->x = x;
	return 0;
}

static int
check_shape(const char *name, const struct au_info *info, struct err *e)
{
	if (info->frames > (int64_t)IR_MAX_SECONDS * info->rate_hz)
		return err_set(e, ERR_INPUT, "'%s' is %.1f seconds long: an impulse response may have %d", name,
		    (double)info->frames / info->rate_hz, IR_MAX_SECONDS);
	if (info->frames > IR_MAX_SAMPLES / info->channels)
		return err_set(e, ERR_INPUT, "'%s' has %lld frames of %d channels: an impulse response may have %d "
		    "samples in all", name, (long long)info->frames, info->channels, (int)IR_MAX_SAMPLES);
	return 0;
}

static int
check_samples(const char *name, const struct au_buf *h, struct err *e)
{
	size_t n = (size_t)h->frames * (size_t)h->channels;

	if (!n)
		return err_set(e, ERR_INPUT, "'%s' has no samples", name);
	for (size_t i = 0; i < n; i++)
		if (h->x[i] != 0)
			return 0;
	return err_set(e, ERR_INPUT, "'%s' is silent: as an impulse response it would silence everything", name);
}

/* All of in, which may be a pipe of unknown length. */
static int
read_all(struct ir *ir, const char *name, struct au_in *in, struct err *e)
{
	const struct au_info *info = au_info(in);
	int64_t seconds = (int64_t)IR_MAX_SECONDS * info->rate_hz, samples = IR_MAX_SAMPLES / info->channels;
	int64_t most = seconds < samples ? seconds : samples;
	int64_t cap = info->frames >= 0 ? info->frames : FIRST_FRAMES, n;

	for (cap++;; cap = 2 * cap > most ? most + 1 : 2 * cap) {
		if (grow(&ir->h, cap, e))
			return -1;
		while (ir->h.frames < cap && (n = au_read(in, ir->h.x + ir->h.frames * ir->h.channels,
		    cap - ir->h.frames, e)) != 0) {
			if (n < 0)
				return -1;
			ir->h.frames += n;
		}
		if (ir->h.frames < cap)
			return 0;
		if (ir->h.frames > most)
			return err_set(e, ERR_INPUT, "'%s' is longer than %.4g seconds: too long for an "
			    "impulse response", name, (double)most / info->rate_hz);
	}
}

int
ir_load(struct ir *ir, const char *name, struct err *e)
{
	struct au_in *in;
	int r = -1;

	memset(ir, 0, sizeof *ir);
	if (au_open(&in, name, e))
		return -1;
	ir->h.channels = au_info(in)->channels;
	ir->h.rate_hz = ir->file_rate_hz = au_info(in)->rate_hz;
	if (!check_shape(name, au_info(in), e) && !read_all(ir, name, in, e) &&
	    !check_samples(name, &ir->h, e))
		r = au_in_sha256(in, ir->sha256, e);
	ir->file_frames = ir->h.frames;
	au_close(in);
	if (r)
		ir_free(ir);
	return r;
}

void
ir_free(struct ir *ir)
{
	au_buf_free(&ir->h);
}

/* One channel after the other through dsp/rate.h.  1: it does not do this pair. */
static int
conform_exactly(struct au_buf *h, int rate_hz, struct err *e)
{
	size_t n = (size_t)h->frames, channels = (size_t)h->channels, frames;
	float *from = NULL, *to = NULL, *x = NULL;
	struct rate *r;
	int status = -1;

	if (rate_new(&r, h->rate_hz, rate_hz, RATE_BEST, e))
		return e && e->code == ERR_NOMEM ? -1 : 1;
	frames = (size_t)rate_frames(r, n);
	from = mem_zalloc(n, sizeof *from);
	to = mem_zalloc(rate_room(r, n), sizeof *to);
	x = mem_zalloc(frames, channels * sizeof *x);
	if (!from || !to || !x) {
		err_set(e, ERR_NOMEM, "out of memory for an impulse response");
		goto out;
	}
	for (size_t c = 0; c < channels; c++) {
		for (size_t t = 0; t < n; t++)
			from[t] = h->x[t * channels + c];
		rate_reset(r);
		rate_process(r, from, n, 1, to);
		for (size_t t = 0; t < frames; t++)
			x[t * channels + c] = to[t];
	}
	mem_free(h->x);
	h->x = x;
	x = NULL;
	h->frames = (int64_t)frames;
	h->rate_hz = rate_hz;
	status = 0;
out:
	mem_free(from);
	mem_free(to);
	mem_free(x);
	rate_free(r);
	return status;
}

int
ir_conform(struct ir *ir, int rate_hz, struct err *e)
{
	double scale = (double)ir->h.rate_hz / rate_hz;
	struct err local;
	size_t n;
	int r;

	if (ir->h.rate_hz == rate_hz)
		return 0;
	if ((r = conform_exactly(&ir->h, rate_hz, e ? e : &local)) < 0 || (r && rs_all(&ir->h, rate_hz, e)))
		return -1;
	n = (size_t)ir->h.frames * (size_t)ir->h.channels;
	for (size_t i = 0; i < n; i++)
		ir->h.x[i] = (float)(ir->h.x[i] * scale);
	return 0;
}

void
ir_measure(const struct au_buf *h, int channel, struct ir_facts *f)
{
	const float *x = h->x + channel;
	double rest = 0;
	int64_t n = h->frames, step = h->channels;

	memset(f, 0, sizeof *f);
	for (int64_t t = 0; t < n; t++) {
		double v = x[t * step];

		if (fabs(v) > f->peak) {
			f->peak = fabs(v);
			f->peak_frame = t;
			f->polarity = v < 0 ? -1 : 1;
		}
		f->energy += v * v;
		f->dc_gain += v;
	}
	while (f->onset_frame < n && fabs((double)x[f->onset_frame * step]) < f->peak / 10)
		f->onset_frame++;
	for (f->length_60db_frames = n; f->length_60db_frames > 0; f->length_60db_frames--) {
		double v = x[(f->length_60db_frames - 1) * step];

		rest += v * v;
		if (rest > 1e-6 * f->energy)
			break;
	}
}
