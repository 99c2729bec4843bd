/* diff.c - how far one signal is from another, in passes over both. */
#include "metrics/diff.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/scan.h"
#include "metrics/align.h"
#include "metrics/errsum.h"
#include "metrics/loudness.h"
#include "metrics/moved.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_SAMPLES = 1 << 18,
	WINDOWS = 16,      /* in which the drift is looked for */
	WINDOW_LAGS = 512, /* how far it may lead */
	LEAST_WINDOWS = 3,  /* that know their delay */
	MOST_DRIFT = 16384  /* frames from the middle to an end */
};
static const double least_delay = 1e-6; /* frames; what is less is rounding */
static const double exact_power = 1e-11; /* of the signal: a residual that rounding of the sums may be */
static const double band_range_db = 80;
static const double most_part_spread = 20; /* frames: blocks of some seconds are blurred by what they look for */
static const double least_drift = 2; /* frames from the middle to an end: what is less does not blur the whole */
static const double most_spread = 1; /* frames: windows that contradict each other tell no drift */
static const double window_strength = 0.5; /* correlation from which on a window knows its delay */

struct job {
	const struct diff_input *ref, *test;
	const struct diff_options *o;
	int rate_hz, channels;
	size_t ch;
	int64_t block;       /* frames */
	float *x, *y;        /* a block of each */
	int64_t nx, ny, common; /* frames that are in them */
	double gain;         /* on y */
	int64_t seen;        /* frames of all passes */
	/* the parts that look at a block */
	struct align *align;
	struct loudness *loud[2];
	struct spectrum *bands[2];
	struct specdist *dist;
	struct errsum sum;
	struct err failed[2]; /* of loudness */
	int bad[2];
};

static double
db(double power_ratio)
{
	return 10 * log10(power_ratio); /* 0: -infinity, NAN: NAN */
}

static void
progress(struct job *j, int64_t frames)
{
	j->seen += frames;
	if (j->o->step)
		j->o->step(j->o->ctx, j->seen);
}

/* One part of the work on a block: what is heard of each signal, the correlation, the errors, the short-time spectra. */
static void
look(void *ctx, size_t i, int thread)
{
	struct job *j = ctx;

	(void)thread;
	switch (i) {
	case 0:
		align_add(j->align, j->x, j->y, j->nx > j->ny ? j->nx : j->ny);
		break;
	case 1:
		j->bad[0] |= loudness_add(j->loud[0], j->x, j->nx, &j->failed[0]);
		break;
	case 2:
		j->bad[1] |= loudness_add(j->loud[1], j->y, j->ny, &j->failed[1]);
		break;
	case 3:
		spectrum_add(j->bands[0], j->x, j->nx);
		break;
	case 4:
		spectrum_add(j->bands[1], j->y, j->ny);
		break;
	case 5:
		errsum_add(&j->sum, j->x, j->y, j->common, 1);
		break;
	default:
		specdist_add(j->dist, (int)i - 6, j->x, j->y, j->common);
	}
}

/* The same for a fitted pair: y is as loud as x now. */
static void
look_fitted(void *ctx, size_t i, int thread)
{
	struct job *j = ctx;

	(void)thread;
	if (i < SPECDIST_PARTS)
		specdist_add(j->dist, (int)i, j->x, j->y, j->common);
	else
		errsum_add(&j->sum, j->x, j->y, j->common, 1);
}

/* A block of the input; sets *end after the last. */
static int64_t
fill(const struct diff_input *in, float *x, int64_t frames, int *end, struct err *e)
{
	int64_t n = *end ? 0 : in->read(in->ctx, x, frames, e);

	*end = n < frames;
	return n;
}

/* The first pass: both from their beginnings, silence after the end of the shorter. */
static int
first_pass(struct job *j, struct diff_values *v, struct err *e)
{
	int end[2] = { 0, 0 };

	if (j->ref->begin(j->ref->ctx, 1, e) || j->test->begin(j->test->ctx, 1, e))
		return -1;
	for (;;) {
		int64_t n;

		j->nx = fill(j->ref, j->x, j->block, &end[0], e);
		j->ny = j->nx < 0 ? -1 : fill(j->test, j->y, j->block, &end[1], e);
		if (j->nx < 0 || j->ny < 0)
			return -1;
		n = j->nx > j->ny ? j->nx : j->ny;
		if (n == 0)
			break;
		j->common = j->nx < j->ny ? j->nx : j->ny;
		memset(j->x + (size_t)j->nx * j->ch, 0, (size_t)(n - j->nx) * j->ch * sizeof *j->x);
		memset(j->y + (size_t)j->ny * j->ch, 0, (size_t)(n - j->ny) * j->ch * sizeof *j->y);
		par_for(j->o->threads, 6 + SPECDIST_PARTS, look, j);
		for (int s = 0; s < 2; s++)
			if (j->bad[s]) {
				if (e)
					*e = j->failed[s];
				return -1;
			}
		v->ref_frames += j->nx;
		v->test_frames += j->ny;
		progress(j, n);
	}
	return 0;
}

/* Loudness and third octaves of both, after the first pass. */
static int
heard(struct job *j, struct diff_values *v, struct err *e)
{
	struct loudness_values lv;
	struct spectrum_values s[2];
	double top = -INFINITY, sum = 0, *lufs[2] = { &v->ref_loudness_lufs, &v->test_loudness_lufs };
	int n = 0;

	for (int k = 0; k < 2; k++) {
		if (loudness_end(j->loud[k], &lv, e))
			return -1;
		*lufs[k] = loudness_for_level(&lv, j->rate_hz, NULL);
		if (spectrum_end(j->bands[k], &s[k], e))
			return -1;
	}
	v->loudness_difference_lu = v->test_loudness_lufs - v->ref_loudness_lufs;
	for (int i = 0; i < SPECTRUM_BANDS; i++)
		top = fmax(top, fmax(s[0].third_octave_dbfs[i], s[1].third_octave_dbfs[i])); /* fmax ignores NAN */
	for (int i = 0; i < SPECTRUM_BANDS; i++) {
		double x = s[0].third_octave_dbfs[i], y = s[1].third_octave_dbfs[i];

		if (!(x > top - band_range_db) || !(y > top - band_range_db))
			continue;
		v->ltas_difference_db[i] = y - x - v->loudness_difference_lu;
		sum += v->ltas_difference_db[i] * v->ltas_difference_db[i];
		n += !isnan(v->ltas_difference_db[i]);
	}
	if (n)
		v->ltas_rms_difference_db = sqrt(sum / n);
	return 0;
}

/* Where the two overlap when test is later by delay, whole frames and a fraction. */
struct overlap {
	int64_t ref_at, test_at, frames;
	double fraction; /* 0..1, after test_at */
};

static struct overlap
overlap_of(const struct diff_values *v, int64_t whole, double fraction)
{
	struct overlap o = { .ref_at = whole < 0 ? -whole : 0, .test_at = whole > 0 ? whole : 0, .fraction = fraction };
	int64_t a = v->ref_frames - o.ref_at, b = v->test_frames - o.test_at;

	o.frames = a < b ? a : b;
	o.frames = o.frames > 0 ? o.frames : 0;
	return o;
}

/* A pass over an overlap: each(ctx) for each block, which is in j->x and j->y, then. */
static int
pass(struct job *j, const struct overlap *o, int again, int (*each)(struct job *, void *, struct err *), void *ctx, struct err *e)
{
	struct moved *x = NULL, *y = NULL;
	int ret = -1;

	if (moved_open(&x, j->ref, j->channels, o->ref_at, 0, again, e) ||
	    moved_open(&y, j->test, j->channels, o->test_at, o->fraction, again, e))
		goto out;
	for (int64_t at = 0; at < o->frames; at += j->common) {
		int64_t want = o->frames - at < j->block ? o->frames - at : j->block;

		j->nx = moved_read(x, j->x, want, e);
		j->ny = j->nx < 0 ? -1 : moved_read(y, j->y, want, e);
		if (j->nx < 0 || j->ny < 0)
			goto out;
		j->common = want;
		if (j->nx != want || j->ny != want) {
			err_set(e, ERR_INPUT, "a file became shorter while it was read");
			goto out;
		}
		if (each(j, ctx, e))
			goto out;
		progress(j, want);
	}
	/* to their ends: a pipe is read on, a file is seen whole */
	ret = moved_finish(x, e) || moved_finish(y, e) ? -1 : 0;
out:
	moved_close(x);
	moved_close(y);
	return ret;
}

/* Energies and product of an overlap, and the delays of its windows. */
struct fit {
	double xx, yy, xy;
	int64_t at;                      /* frames gone by */
	struct align *window;            /* NULL: the drift is not looked for */
	int64_t length, every, in;       /* of a window; from one to the next; frames that are in this one */
	double from[WINDOWS], delay[WINDOWS]; /* of those that know their delay */
	size_t count, known;             /* windows that are over, and that know */
};

/* The part of the block that is in the windows; they do not overlap. */
static void
look_for_drift(struct job *j, struct fit *f)
{
	while (f->count < WINDOWS) {
		int64_t from = (int64_t)f->count * f->every + f->in - f->at, n = f->length - f->in;
		struct align_result r;

		if (from >= j->common)
			break;
		n = n < j->common - from ? n : j->common - from;
		align_add(f->window, j->x + (size_t)from * j->ch, j->y + (size_t)from * j->ch, n);
		f->in += n;
		if (f->in < f->length)
			break;
		align_end(f->window, &r);
		if (r.strength >= window_strength) {
			f->from[f->known] = (double)((int64_t)f->count * f->every);
			f->delay[f->known++] = r.delay;
		}
		align_reset(f->window);
		f->count++;
		f->in = 0;
	}
}

static int
fit_block(struct job *j, void *ctx, struct err *e)
{
	struct fit *f = ctx;
	size_t n = (size_t)j->common * j->ch;
	double sum = 0;

	scan_sums(j->x, n, &sum, &f->xx);
	scan_sums(j->y, n, &sum, &f->yy);
	f->xy += scan_product(j->x, j->y, n);
	(void)e;
	if (f->window)
		look_for_drift(j, f);
	f->at += j->common;
	return 0;
}

static double
residual(const struct fit *f) /* of the best gain, as a share of ref */
{
	return (f->xx - f->xy / f->yy * f->xy) / f->xx;
}

/* Parts per million by which test is slower, from the windows of a pass. */
static double
drift(const struct fit *f)
{
	double slope, spread = NAN;

	if (f->known < LEAST_WINDOWS)
		return NAN;
	slope = align_slope(f->from, f->delay, f->known, &spread);
	return spread <= most_spread ? 1e6 * slope : NAN;
}

/* When the blocks tell of a drift, the delay is that in the middle instead of where a blurred correlation has its peak.  Returns by
 * how much it is another at the ends. */
static int64_t
see_drift(struct align_result *r, const struct diff_values *v)
{
	double spread, slope = align_slope(r->part_at, r->part_delay, r->parts, &spread), base[ALIGN_PARTS];
	double half = 0.5 * (double)(v->ref_frames < v->test_frames ? v->ref_frames : v->test_frames), apart = fabs(slope) * half;

	if (r->parts < LEAST_WINDOWS || !(spread <= most_part_spread) || !(apart > least_drift) || apart > MOST_DRIFT)
		return 0;
	for (size_t i = 0; i < r->parts; i++)
		base[i] = r->part_delay[i] + slope * (half - r->part_at[i]);
	r->delay = align_median(base, r->parts);
	r->whole = (int64_t)floor(r->delay + 0.5);
	return (int64_t)ceil(apart);
}

/* Delay, gain, polarity and drift.  *o becomes the overlap to apply, with a length of 0 when nothing can be fitted. */
static int
fit(struct job *j, struct diff_values *v, struct overlap *o, struct err *e)
{
	struct align_result r;
	struct fit f = { 0 }, g = { 0 };
	struct overlap between;
	int64_t apart; /* frames that the drift makes from the middle to an end */
	int ret = -1;

	o->frames = 0;
	align_end(j->align, &r);
	if (!(r.strength > 0))
		return 0;
	apart = see_drift(&r, v);
	*o = overlap_of(v, r.whole, 0);
	f.length = j->rate_hz / 5; /* in a longer one a drift blurs the peak */
	f.every = (o->frames - f.length) / (WINDOWS - 1);
	if (f.every >= f.length && align_new(&f.window, j->channels, WINDOW_LAGS + apart, e))
		return -1;
	if (pass(j, o, 1, fit_block, &f, e))
		goto out;
	v->drift_ppm = drift(&f);
	v->delay_frames = (double)r.whole;
	if (residual(&f) > exact_power && fabs(r.delay - (double)r.whole) > least_delay) {
		between = overlap_of(v, (int64_t)floor(r.delay), r.delay - floor(r.delay));
		if (pass(j, &between, 1, fit_block, &g, e))
			goto out;
		if (residual(&g) < residual(&f)) {
			f.xx = g.xx, f.yy = g.yy, f.xy = g.xy;
			*o = between;
			v->delay_frames = r.delay;
		}
	}
	ret = 0;
	if (!(f.xx > 0 && f.yy > 0 && f.xy != 0)) {
		o->frames = 0;
		v->delay_frames = NAN;
		goto out;
	}
	j->gain = f.xy / f.yy;
	v->polarity = j->gain < 0 ? -1 : 1;
	v->correlation = f.xy / sqrt(f.xx) / sqrt(f.yy);
	v->gain_db = db(j->gain * j->gain);
	v->fitted_frames = o->frames;
out:
	align_free(f.window);
	return ret;
}

/* The difference, for the file that was asked for. */
static int
write_null(struct job *j, int64_t frames, struct err *e)
{
	for (size_t i = 0; i < (size_t)frames * j->ch; i++)
		j->x[i] -= j->y[i];
	return j->o->null(j->o->ctx, j->x, frames, e);
}

static int
silence(struct job *j, int64_t frames, struct err *e)
{
	memset(j->x, 0, (size_t)j->block * j->ch * sizeof *j->x);
	for (; frames > 0; frames -= j->block)
		if (j->o->null(j->o->ctx, j->x, frames < j->block ? frames : j->block, e))
			return -1;
	return 0;
}

static int
error_block(struct job *j, void *ctx, struct err *e)
{
	const int *fitted = ctx;
	float gain = (float)j->gain;

	if (*fitted) {
		for (size_t i = 0; i < (size_t)j->common * j->ch; i++)
			j->y[i] *= gain;
		par_for(j->o->threads, SPECDIST_PARTS + 1, look_fitted, j);
	}
	return j->o->null ? write_null(j, j->common, e) : 0;
}

/* The last pass: what is left when the fit is applied. */
static int
last_pass(struct job *j, struct diff_values *v, const struct overlap *o, int fitted, struct err *e)
{
	struct overlap raw = overlap_of(v, 0, 0);

	o = fitted ? o : &raw;
	if (j->o->null && silence(j, o->ref_at, e))
		return -1;
	if (pass(j, o, 0, error_block, &fitted, e))
		return -1;
	return j->o->null ? silence(j, v->ref_frames - o->ref_at - o->frames, e) : 0;
}

static void
values_of_error(const struct errsum *s, struct specdist *dist, struct diff_error *v)
{
	v->esr_db = s->xx > 0 ? db(s->dd / s->xx) : NAN;
	v->esr_preemphasis_db = s->pxx > 0 ? db(s->pdd / s->pxx) : NAN;
	v->si_sdr_db = errsum_si_sdr_db(s);
	v->rms_dbfs = db(s->dd / (double)s->n);
	v->max_fs = s->max;
	specdist_end(dist, &v->spectral);
}

static void
undefined(struct diff_error *v)
{
	*v = (struct diff_error){ NAN, NAN, NAN, NAN, NAN, { NAN, NAN, NAN, NAN, NAN } };
}

static int
begin(struct job *j, struct err *e)
{
	j->block = BLOCK_SAMPLES / j->channels;
	j->x = mem_zalloc((size_t)j->block * j->ch, sizeof *j->x);
	j->y = mem_zalloc((size_t)j->block * j->ch, sizeof *j->y);
	if (!j->x || !j->y)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (int s = 0; s < 2; s++)
		if (loudness_new(&j->loud[s], j->rate_hz, j->channels, LOUDNESS_INTEGRATED, e) ||
		    spectrum_new(&j->bands[s], j->rate_hz, j->channels, e))
			return -1;
	errsum_init(&j->sum, j->channels);
	return specdist_new(&j->dist, j->rate_hz, j->channels, e);
}

static void
end(struct job *j)
{
	mem_free(j->x);
	mem_free(j->y);
	align_free(j->align);
	specdist_free(j->dist);
	for (int s = 0; s < 2; s++) {
		loudness_free(j->loud[s]);
		spectrum_free(j->bands[s]);
	}
}

int
diff_compare(const struct diff_input *ref, const struct diff_input *test, int rate_hz, int channels,
             const struct diff_options *options, struct diff_values *v, struct err *e)
{
	struct job j = { .ref = ref, .test = test, .o = options, .rate_hz = rate_hz, .channels = channels,
		.ch = (size_t)channels };
	struct overlap o;
	int ret = -1;

	*v = (struct diff_values){ .max_difference_frame = -1 };
	v->delay_frames = v->drift_ppm = v->correlation = v->gain_db = v->null_depth_db = v->ltas_rms_difference_db = NAN;
	undefined(&v->fitted);
	for (int i = 0; i < SPECTRUM_BANDS; i++)
		v->ltas_difference_db[i] = NAN;
	if (align_new(&j.align, channels, options->max_delay_frames, e) || begin(&j, e))
		goto out;
	if (first_pass(&j, v, e) || heard(&j, v, e))
		goto out;
	v->compared_frames = j.sum.n / channels;
	v->max_difference_frame = j.sum.max_at;
	v->sample_exact = v->ref_frames == v->test_frames && j.sum.same;
	values_of_error(&j.sum, j.dist, &v->raw);
	if (fit(&j, v, &o, e))
		goto out;
	specdist_free(j.dist);
	j.dist = NULL;
	errsum_init(&j.sum, channels);
	if (specdist_new(&j.dist, rate_hz, channels, e))
		goto out;
	if (last_pass(&j, v, &o, o.frames > 0, e))
		goto out;
	if (o.frames > 0) {
		values_of_error(&j.sum, j.dist, &v->fitted);
		v->null_depth_db = -v->fitted.esr_db;
	}
	ret = 0;
out:
	end(&j);
	return ret;
}
