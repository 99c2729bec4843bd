/* ir.c - impulse responses: reading, conforming, measuring. */
#include "dsp/ir.h"
#include "audio/resample.h"
#include "base/mem.h"
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
	if (info->channels > IR_MAX_CHANNELS)
		return err_set(e, ERR_UNSUPPORTED, "'%s' has %d channels: an impulse response must be mono or "
		    "stereo", name, info->channels);
	if (info->frames > (int64_t)IR_MAX_SECONDS * info->rate_hz)
		return err_set(e, ERR_INPUT, "'%s' is %.1f seconds long: an impulse response may have %d", name,
		    (double)info->frames / info->rate_hz, IR_MAX_SECONDS);
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
	int64_t most = (int64_t)IR_MAX_SECONDS * info->rate_hz;
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
			return err_set(e, ERR_INPUT, "'%s' is longer than %d seconds: too long for an "
			    "impulse response", name, IR_MAX_SECONDS);
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

int
ir_conform(struct ir *ir, int rate_hz, struct err *e)
{
	double scale = (double)ir->h.rate_hz / rate_hz;
	size_t n;

	if (ir->h.rate_hz == rate_hz)
		return 0;
	if (rs_all(&ir->h, rate_hz, e))
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

int
ir_norm_of(const char *word)
{
	return !strcmp(word, "none") ? IR_NORM_NONE : !strcmp(word, "energy") ? IR_NORM_ENERGY :
	    !strcmp(word, "peak") ? IR_NORM_PEAK : -1;
}

double
ir_norm_gain(const struct au_buf *h, enum ir_norm norm)
{
	double most = 0;

	if (norm == IR_NORM_NONE)
		return 1;
	for (int c = 0; c < h->channels; c++) {
		struct ir_facts f;

		ir_measure(h, c, &f);
		most = fmax(most, norm == IR_NORM_PEAK ? f.peak : sqrt(f.energy));
	}
	return 1 / most;
}
