/* align.c - correlation in blocks, two transforms side by side. */
#include "metrics/align.h"
#include "base/mem.h"
#include "base/scan.h"
#include "dsp/bessel.h"
#include "dsp/fft.h"
#include "dsp/fft_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Lane 0 is ref, lane 1 test. */
typedef double V __attribute__((vector_size(16)));
#define LANES 2
#define W 2
#define FFT_FORWARD
#include "dsp/fft_kernel.h"

static const double least_strength = 0.4; /* of a part that knows its delay */
enum {
	LAGS = 32,           /* to each side that the interpolated correlation is made of */
	CANDIDATES = 32,     /* peaks of the correlation that are looked at between the lags */
	LEAST_BLOCK = 65536, /* frames for each transform, beside the lags */
	MAX_POINTS = 64
};

struct align {
	size_t ch, n, have;   /* frames of a transform; of these are here */
	int64_t max;          /* lags to each side, with those for the interpolation */
	int64_t frames, done; /* fed, and in the sums */
	struct fft *fft;
	float *ref, *test;    /* ch x n each: the same n frames of both */
	double *z;            /* n x 2 lanes */
	double *sum, *part;   /* n + 2 each: the cross spectrum of all blocks but the last, and of that */
	double part_ref, part_test; /* energies in it, unscaled */
	double *lags;         /* n */
	double ref_square, test_square;
	struct align_result found; /* parts so far */
	size_t blocks, every; /* gone by; of these each so many tells its delay */
};

int
align_new(struct align **out, int channels, int64_t max_lag, struct err *e)
{
	struct align *a;
	size_t samples;

	*out = NULL;
	if (max_lag < 0 || max_lag > ALIGN_MAX_LAG)
		return err_set(e, ERR_INPUT, "a delay of up to %lld frames cannot be looked for: at most %d",
		               (long long)max_lag, ALIGN_MAX_LAG);
	if (!(a = calloc(1, sizeof *a)))
		return err_set(e, ERR_NOMEM, "out of memory");
	a->ch = (size_t)channels;
	a->max = max_lag + LAGS;
	/* short windows are for few lags only: a block as long as the lags at the least */
	a->n = fft_size_for((size_t)(2 * a->max) + (a->max < LEAST_BLOCK / 8 ? LEAST_BLOCK / 8 : LEAST_BLOCK));
	a->fft = fft_new(a->n);
	if (!size_mul(a->n, a->ch, &samples)) {
		a->ref = mem_zalloc(samples, sizeof *a->ref);
		a->test = mem_zalloc(samples, sizeof *a->test);
	}
	a->z = mem_zalloc(2 * a->n, sizeof *a->z);
	a->sum = mem_zalloc(a->n + 2, sizeof *a->sum);
	a->part = mem_zalloc(a->n + 2, sizeof *a->part);
	a->lags = mem_zalloc(a->n, sizeof *a->lags);
	if (!a->fft || !a->ref || !a->test || !a->z || !a->sum || !a->part || !a->lags) {
		align_free(a);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	align_reset(a);
	*out = a;
	return 0;
}

void
align_reset(struct align *a)
{
	a->have = (size_t)a->max; /* before the first frame there is silence */
	a->frames = a->done = 0;
	a->ref_square = a->test_square = 0;
	memset(a->sum, 0, (a->n + 2) * sizeof *a->sum);
	a->found = (struct align_result){ 0 };
	a->blocks = 0;
	a->every = 1;
	for (size_t c = 0; c < a->ch; c++) {
		memset(a->ref + c * a->n, 0, a->have * sizeof *a->ref);
		memset(a->test + c * a->n, 0, a->have * sizeof *a->test);
	}
}

void
align_free(struct align *a)
{
	if (!a)
		return;
	fft_free(a->fft);
	mem_free(a->ref);
	mem_free(a->test);
	mem_free(a->z);
	mem_free(a->sum);
	mem_free(a->part);
	mem_free(a->lags);
	free(a);
}

/* Bins k and m - k of both signals from the packed transform (fft_plan.h), and conj(ref) test into the block's; twice the
 * bins, hence a quarter. */
static void
cross(struct align *a)
{
	const struct fft *f = a->fft;
	size_t m = f->m;

	for (size_t k = 0; k <= m / 2; k++) {
		const double *p = a->z + 4 * (size_t)f->pos[k], *q = a->z + 4 * (size_t)f->pos[(m - k) & (m - 1)];
		double c = f->half[2 * k], s = f->half[2 * k + 1];
		double re[2][2], im[2][2]; /* [k or m - k][lane] */

		for (int l = 0; l < 2; l++) {
			double er = p[l] + q[l], ei = p[2 + l] - q[2 + l];
			double or = p[2 + l] + q[2 + l], oi = q[l] - p[l];
			double tr = or * c - oi * s, ti = or * s + oi * c;

			re[0][l] = er + tr, im[0][l] = ei + ti;
			re[1][l] = er - tr, im[1][l] = ti - ei;
		}
		for (size_t h = 0; h < (k == m - k ? 1 : 2); h++) {
			double *to = a->part + 2 * (h ? m - k : k);

			to[0] += 0.25 * (re[h][0] * re[h][1] + im[h][0] * im[h][1]);
			to[1] += 0.25 * (re[h][0] * im[h][1] - im[h][0] * re[h][1]);
			a->part_ref += re[h][0] * re[h][0] + im[h][0] * im[h][0];
			a->part_test += re[h][1] * re[h][1] + im[h][1] * im[h][1];
		}
	}
}

static double
sinc(double t)
{
	return fabs(t) < 1e-9 ? 1 : sin(M_PI * t) / (M_PI * t);
}

/* The correlation between lags; n lags in r. */
static double
between(const double *r, int64_t n, double at)
{
	int64_t mid = (int64_t)floor(at);
	double sum = 0;

	for (int64_t i = mid - LAGS + 1; i <= mid + LAGS; i++)
		if (i >= 0 && i < n) {
			double t = at - (double)i;

			sum += r[i] * sinc(t) * (0.5 + 0.5 * cos(M_PI * t / (LAGS + 1)));
		}
	return sum;
}

/* Where |r| is largest within a sample of its largest lag; golden section. */
static double
refine(const double *r, int64_t n, int64_t peak)
{
	const double part = (sqrt(5) - 1) / 2;
	double sign = r[peak] < 0 ? -1 : 1, a = (double)peak - 1, b = (double)peak + 1;

	for (int i = 0; i < 60; i++) {
		double c = b - part * (b - a), d = a + part * (b - a);

		if (sign * between(r, n, c) >= sign * between(r, n, d))
			b = d;
		else
			a = c;
	}
	return (a + b) / 2;
}

/* The lag whose interpolated peak is highest, of the most largest ones; most is up to CANDIDATES. */
static int64_t
find_peak(const double *r, int64_t n, int64_t mid, int most, double *at, double *highest)
{
	int64_t best[CANDIDATES], peak = mid;
	double top = 0;
	int count = 0;

	for (int64_t i = LAGS; i < n - LAGS; i++)
		if (fabs(r[i]) > top) {
			top = fabs(r[i]);
			peak = i;
		}
	for (int64_t i = LAGS; i < n - LAGS && top > 0; i++) {
		int j;

		if (fabs(r[i]) < 0.6 * top || fabs(r[i]) < fabs(r[i - 1]) || fabs(r[i]) < fabs(r[i + 1]))
			continue;
		/* keep them sorted, largest first */
		for (j = count < most ? count++ : most; j > 0 && fabs(r[best[j - 1]]) < fabs(r[i]); j--)
			if (j < most)
				best[j] = best[j - 1];
		if (j < most)
			best[j] = i;
	}
	*at = (double)peak; /* where it only rises towards the last lag */
	*highest = count ? 0 : top;
	for (int j = 0; j < count; j++) {
		double t = refine(r, n, best[j]), height = fabs(between(r, n, t));

		if (height > *highest * (1 + 1e-9) ||
		    (height > *highest * (1 - 1e-9) && llabs(best[j] - mid) < llabs(peak - mid))) {
			*highest = height;
			peak = best[j];
			*at = t;
		}
	}
	return peak;
}

/* The block is over: its own delay, and its spectrum to the others'. */
static void
end_part(struct align *a)
{
	struct align_result *f = &a->found;
	/* of real signals the bins but the first and last stand for two; twice the bins, and as many frames */
	double scale = sqrt(a->part_ref) * sqrt(a->part_test) / (2 * (double)a->n), at, height;

	if (a->blocks++ % a->every == 0 && scale > 0) {
		fft_real_inverse(a->fft, a->part, a->lags);
		find_peak(a->lags, 2 * a->max + 1, a->max, 1, &at, &height);
		if (height > least_strength * scale && f->parts < ALIGN_PARTS) {
			f->part_at[f->parts] = (double)a->done + (double)(a->n - 2 * (size_t)a->max) / 2;
			f->part_delay[f->parts++] = at - (double)a->max;
		}
		if (f->parts == ALIGN_PARTS) {
			a->every *= 2;
			for (f->parts = 0; 2 * f->parts < ALIGN_PARTS; f->parts++) {
				f->part_at[f->parts] = f->part_at[2 * f->parts];
				f->part_delay[f->parts] = f->part_delay[2 * f->parts];
			}
		}
	}
	for (size_t k = 0; k < a->n + 2; k++)
		a->sum[k] += a->part[k];
	memset(a->part, 0, (a->n + 2) * sizeof *a->part);
	a->part_ref = a->part_test = 0;
}

/* The n frames that are here: n - 2 max of ref from the middle against all of test. */
static void
block(struct align *a)
{
	size_t m = a->n / 2, max = (size_t)a->max, keep = 2 * max;

	for (size_t c = 0; c < a->ch; c++) {
		float *ref = a->ref + c * a->n, *test = a->test + c * a->n;

		for (size_t t = 0; t < m; t++) {
			double *z = a->z + 4 * t;

			z[0] = 2 * t < a->n - keep ? ref[2 * t + max] : 0;
			z[1] = test[2 * t];
			z[2] = 2 * t + 1 < a->n - keep ? ref[2 * t + 1 + max] : 0;
			z[3] = test[2 * t + 1];
		}
		dif(a->z, m, a->fft->tw);
		cross(a);
		memmove(ref, ref + a->n - keep, keep * sizeof *ref);
		memmove(test, test + a->n - keep, keep * sizeof *test);
	}
	end_part(a);
	a->have = keep;
	a->done += (int64_t)(a->n - keep);
}

/* NULL, NULL: silence. */
static void
add(struct align *a, const float *ref, const float *test, size_t frames)
{
	while (frames > 0) {
		size_t n = a->n - a->have < frames ? a->n - a->have : frames;

		for (size_t c = 0; c < a->ch; c++) {
			float *x = a->ref + c * a->n + a->have, *y = a->test + c * a->n + a->have;

			if (ref) {
				scan_channel(ref, n, a->ch, c, x);
				scan_channel(test, n, a->ch, c, y);
			} else {
				memset(x, 0, n * sizeof *x);
				memset(y, 0, n * sizeof *y);
			}
		}
		a->have += n;
		frames -= n;
		ref = ref ? ref + n * a->ch : NULL;
		test = test ? test + n * a->ch : NULL;
		if (a->have == a->n)
			block(a);
	}
}

void
align_add(struct align *a, const float *ref, const float *test, int64_t frames)
{
	double sum = 0;

	scan_sums(ref, (size_t)frames * a->ch, &sum, &a->ref_square);
	scan_sums(test, (size_t)frames * a->ch, &sum, &a->test_square);
	add(a, ref, test, (size_t)frames);
	a->frames += frames;
}

void
align_end(struct align *a, struct align_result *r)
{
	double height, at, scale = sqrt(a->ref_square) * sqrt(a->test_square);

	*r = (struct align_result){ 0 };
	if (!(scale > 0))
		return;
	while (a->done < a->frames) /* silence, until the last frame of ref was in the middle */
		add(a, NULL, NULL, a->n - a->have);
	*r = a->found;
	fft_real_inverse(a->fft, a->sum, a->lags);
	r->whole = find_peak(a->lags, 2 * a->max + 1, a->max, CANDIDATES, &at, &height) - a->max;
	r->delay = at - (double)a->max;
	r->strength = height / scale;
}

void
align_taps(double fraction, double h[ALIGN_TAPS])
{
	const double beta = 12;

	for (int k = 0; k < ALIGN_TAPS; k++) {
		double t = k - ALIGN_TAPS / 2 + 1 - fraction, u = t / (ALIGN_TAPS / 2.0);

		h[ALIGN_TAPS - 1 - k] = fabs(u) < 1 ? sinc(t) * dsp_bessel_i0(beta * sqrt(1 - u * u)) / dsp_bessel_i0(beta) : 0;
	}
}

static int
ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double
align_median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, ascending);
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

double
align_slope(const double *x, const double *y, size_t n, double *spread)
{
	double v[MAX_POINTS * (MAX_POINTS - 1) / 2], slope, base;
	size_t count = 0;

	n = n < MAX_POINTS ? n : MAX_POINTS;
	*spread = NAN;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (x[i] != x[j])
				v[count++] = (y[i] - y[j]) / (x[i] - x[j]);
	if (!count)
		return NAN;
	slope = align_median(v, count);
	for (size_t i = 0; i < n; i++)
		v[i] = y[i] - slope * x[i];
	base = align_median(v, n);
	for (size_t i = 0; i < n; i++)
		v[i] = fabs(y[i] - slope * x[i] - base);
	*spread = align_median(v, n);
	return slope;
}
