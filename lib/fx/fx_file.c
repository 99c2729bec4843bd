/* fx_file.c - one audio file through a chain of effects. */
#include "fx/fx_file.h"
#include "base/mem.h"
#include "cli/jsonl.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FRAMES = 1024 };

struct fx_file {
	const struct fx_job *job;
	struct au_in *in;
	struct au_out *out;
	struct fx *fx;
	int channels;                /* of the chain and the output */
	int64_t tail;
	float *x, *y;                /* BLOCK_FRAMES in, as many and a grid's out */
	int64_t in_frames, out_frames;
	float peak;
	char sha256[65];
};

int
fx_tail_parse(const char *text, double *tail_s)
{
	char *end;

	*tail_s = -1;
	if (!strcmp(text, "full"))
		return 0;
	*tail_s = 0;
	if (!strcmp(text, "cut"))
		return 0;
	*tail_s = strtod(text, &end);
	return end == text || *end || !(*tail_s >= 0 && *tail_s <= FX_MAX_TAIL_S) ? -1 : 0;
}

int
fx_file_open(struct fx_file **out, const struct fx_job *job, struct err *e)
{
	struct fx_file *f = calloc(1, sizeof *f);
	const struct au_info *a;

	*out = NULL;
	if (!f)
		return err_set(e, ERR_NOMEM, "out of memory");
	f->job = job;
	if (au_open(&f->in, job->input, e))
		goto fail;
	a = au_info(f->in);
	f->channels = job->stereo && a->channels == 1 ? 2 : a->channels;
	f->x = mem_zalloc((size_t)f->channels * BLOCK_FRAMES, sizeof *f->x);
	f->y = mem_zalloc((size_t)f->channels * (BLOCK_FRAMES + FX_GRID), sizeof *f->y);
	if (!f->x || !f->y) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	if (fx_open(&f->fx, job->spec, a->rate_hz, f->channels, e))
		goto fail;
	f->tail = job->tail_s < 0 ? fx_tail_frames(f->fx) : llround(job->tail_s * a->rate_hz);
	if (f->tail < 0) {
		err_set(e, ERR_INPUT, "these effects never die away (a feedback of 100 %%); say how long with "
		    "--tail SECONDS");
		goto fail;
	}
	if (au_create(&f->out, job->output, a->rate_hz, f->channels, job->encoding, e))
		goto fail;
	*out = f;
	return 0;
fail:
	fx_file_free(f);
	return -1;
}

void
fx_file_free(struct fx_file *f)
{
	if (!f)
		return;
	au_abort(f->out);
	fx_close(f->fx);
	au_close(f->in);
	mem_free(f->x);
	mem_free(f->y);
	free(f);
}

/* The largest of n samples and of peak; several side by side, so that one need not wait for the one before. */
static float
most(const float *x, int64_t n, float peak)
{
	enum { SIDE_BY_SIDE = 8 };
	float p[SIDE_BY_SIDE] = { 0 };
	int64_t i = 0;

	for (; i + SIDE_BY_SIDE <= n; i += SIDE_BY_SIDE)
		for (int k = 0; k < SIDE_BY_SIDE; k++)
			p[k] = fabsf(x[i + k]) > p[k] ? fabsf(x[i + k]) : p[k];
	for (; i < n; i++)
		p[0] = fabsf(x[i]) > p[0] ? fabsf(x[i]) : p[0];
	for (int k = 0; k < SIDE_BY_SIDE; k++)
		peak = p[k] > peak ? p[k] : peak;
	return peak;
}

static int
put(struct fx_file *f, int64_t n, struct err *e)
{
	f->peak = most(f->y, n * f->channels, f->peak);
	f->out_frames += n;
	return au_write(f->out, f->y, n, e);
}

int
fx_file_run(struct fx_file *f, struct progress *p, struct err *e)
{
	int widen = f->channels > au_info(f->in)->channels;
	int64_t n, got;

	while ((n = au_read(f->in, f->x, BLOCK_FRAMES, e)) > 0) {
		for (int64_t i = widen ? n - 1 : -1; i >= 0; i--)
			f->x[2 * i] = f->x[2 * i + 1] = f->x[i];
		got = fx_process(f->fx, f->x, n, f->y, e);
		if (got < 0 || put(f, got, e))
			return -1;
		f->in_frames += n;
		if (p)
			progress_step(p, (double)f->in_frames);
	}
	if (n < 0)
		return -1;
	if (f->job->tail_s < 0)
		f->tail = fx_tail_frames(f->fx); /* now that it is known where it ends */
	while ((got = fx_finish(f->fx, f->tail, f->y, e)) > 0)
		if (put(f, got, e))
			return -1;
	if (got < 0)
		return -1;
	if (au_clipped(f->out))
		return err_set(e, ERR_INPUT, "%" PRId64 " samples of '%s' would clip (the peak is %+.2f dBFS); lower a gain, "
		    "or write float32 (a name that ends in .wav, an encoding of f32)", au_clipped(f->out), f->job->output,
		    20 * log10(f->peak));
	return 0;
}

static int
hash(struct fx_file *f, struct err *e)
{
	return *f->sha256 ? 0 : au_in_sha256(f->in, f->sha256, e);
}

json_t *
fx_file_report(struct fx_file *f, struct err *e)
{
	const struct au_info *a = au_info(f->in);
	json_t *o, *effects, *v;
	size_t i;

	if (hash(f, e))
		return NULL;
	o = jl_new("audio-fx/1");
	effects = fx_spec_json(f->job->spec);
	json_array_foreach(effects, i, v)
		jl_set(v, "facts", fx_facts(f->fx, i));
	jl_str(o, "input", f->job->input);
	jl_str(o, "sha256", f->sha256);
	jl_str(o, "output", f->job->output);
	jl_int(o, "rate_hz", a->rate_hz);
	jl_int(o, "channels", a->channels);
	jl_int(o, "frames", f->in_frames);
	jl_int(o, "out_channels", f->channels);
	jl_int(o, "out_frames", f->out_frames);
	jl_int(o, "latency_frames", fx_latency_frames(f->fx));
	jl_set(o, "effects", effects);
	jl_num(o, "peak_dbfs", 20 * log10(f->peak));
	jl_int(o, "clipped_samples", 0); /* clipping is an error */
	if (!o)
		err_set(e, ERR_NOMEM, "out of memory");
	return o;
}

int
fx_file_commit(struct fx_file *f, char *hex, struct err *e)
{
	int r = au_commit(f->out, hex, e);

	f->out = NULL;
	return r;
}

int
fx_file_prov(struct fx_file *f, struct prov *prov, const char *out_sha256, struct err *e)
{
	if (!prov_wanted(prov))
		return 0;
	if (hash(f, e) || prov_input(prov, "audio", f->job->input, f->sha256, e) ||
	    prov_output(prov, "audio", f->job->output, out_sha256, e))
		return -1;
	prov_set(prov, "effects", fx_spec_json(f->job->spec));
	return 0;
}

int64_t
fx_file_frames(const struct fx_file *f)
{
	return f->out_frames;
}

int
fx_file_rate_hz(const struct fx_file *f)
{
	return au_info(f->in)->rate_hz;
}
