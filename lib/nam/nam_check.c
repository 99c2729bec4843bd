/* nam_check.c - does a model file do what its metadata says? */
#include "nam/nam_check.h"
#include "cli/jsonl.h"

#include <math.h>
#include <string.h>

enum { GAINS = 11, BLOCK_FRAMES = 1024 };

/* RMS of the model's output for gain * x. */
static int
render_rms(struct nam_stream *s, const float *x, size_t n, float gain, double *rms, struct err *e)
{
	float y[BLOCK_FRAMES];
	double sum = 0;

	nam_reset(s);
	for (size_t t = 0; t < n; t += BLOCK_FRAMES) {
		const size_t k = n - t < BLOCK_FRAMES ? n - t : BLOCK_FRAMES;

		for (size_t i = 0; i < k; i++)
			y[i] = gain * x[t + i];
		nam_process(s, y, y, k);
		for (size_t i = 0; i < k; i++)
			sum += (double)y[i] * (double)y[i];
	}
	*rms = sqrt(sum / (double)n);
	if (!isfinite(*rms))
		return err_set(e, ERR_INPUT, "the model gives no numbers for the check's recording: it is broken");
	return 0;
}

/* A silent model (measured NaN) agrees with no claim. */
static int
verdict(double measured, double claimed, double tolerance)
{
	if (isnan(claimed))
		return -1;
	return fabs(measured - claimed) <= tolerance;
}

int
nam_check(struct nam_check *c, const struct nam_model *m, const float *x, size_t n, double rate_hz,
    struct err *e)
{
	const struct nam_info *i = nam_model_info(m);
	const double want_hz = i->rate_hz > 0 ? i->rate_hz : 48000;
	struct nam_stream *s;
	double rms[GAINS], sum = 0, most;

	memset(c, 0, sizeof *c);
	if (fabs(rate_hz - want_hz) > 0.5)
		return err_set(e, ERR_INPUT, "the check's recording is at %g Hz and the model %s %g Hz", rate_hz,
		    i->rate_hz > 0 ? "for" : "says no rate, which means", want_hz);
	if (!n)
		return err_set(e, ERR_INPUT, "the check's recording is empty");
	if (nam_stream_new(&s, m, e))
		return -1;
	for (int g = 0; g < GAINS; g++) {
		if (render_rms(s, x, n, (float)g / (GAINS - 1), &rms[g], e)) {
			nam_stream_free(s);
			return -1;
		}
		sum += rms[g];
	}
	nam_stream_free(s);
	most = GAINS * rms[GAINS - 1];
	c->loudness_db = most > 0 ? 20 * log10(rms[GAINS - 1]) : NAN;
	c->gain = most > 0 ? fmin(fmax((sum - most / 2) / (most / 2), 0), 1) : NAN;
	c->loudness_tolerance_db = i->recurrent ? NAM_CHECK_RECURRENT_LOUDNESS_DB : NAM_CHECK_LOUDNESS_DB;
	c->gain_tolerance = i->recurrent ? NAM_CHECK_RECURRENT_GAIN : NAM_CHECK_GAIN;
	c->loudness_ok = verdict(c->loudness_db, i->loudness_db, c->loudness_tolerance_db);
	c->gain_ok = verdict(c->gain, i->gain, c->gain_tolerance);
	return 0;
}

int
nam_check_ok(const struct nam_check *c)
{
	return c->loudness_ok != 0 && c->gain_ok != 0;
}

int
nam_check_is_trainers(const char *sha256)
{
	return !strcmp(sha256, NAM_CHECK_INPUT_SHA256);
}

static json_t *
value_json(double measured, double claimed, double tolerance, int verdict_is, int trainers)
{
	const char *word = verdict_is < 0 ? "not claimed" : !trainers ? "not checked" : verdict_is ? "ok" : "differs";
	json_t *o = json_object();

	jl_num(o, "measured", measured);
	jl_num(o, "claimed", claimed);
	jl_num(o, "difference", measured - claimed);
	jl_num(o, "tolerance", tolerance);
	jl_str(o, "verdict", word);
	return o;
}

json_t *
nam_check_json(const struct nam_check *c, const char *file, const struct nam_model *m, double slim,
    const char *input, const char *input_sha256)
{
	const struct nam_info *i = nam_model_info(m);
	const int trainers = nam_check_is_trainers(input_sha256);
	json_t *o = jl_new("nam-check/1");

	jl_str(o, "file", file);
	jl_str(o, "sha256", nam_model_sha256(m));
	jl_num(o, "sample_rate_hz", i->rate_hz > 0 ? i->rate_hz : NAN);
	jl_num(o, "slim", slim < 0 ? NAN : slim);
	jl_str(o, "input", input);
	jl_str(o, "input_sha256", input_sha256);
	jl_bool(o, "input_is_trainers", trainers);
	jl_set(o, "loudness_db", value_json(c->loudness_db, i->loudness_db, c->loudness_tolerance_db, c->loudness_ok,
	    trainers));
	jl_set(o, "gain", value_json(c->gain, i->gain, c->gain_tolerance, c->gain_ok, trainers));
	jl_set(o, "ok", trainers ? json_boolean(nam_check_ok(c)) : json_null());
	jl_str(o, "device", "cpu");
	jl_str(o, "isa", nam_isa());
	return o;
}
