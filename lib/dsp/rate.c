/* rate.c - the filter, its phases, and buffering. */
#include "dsp/rate.h"
#include "base/isa.h"
#include "base/mem.h"
#include "dsp/rate_impl.h"
#include "dsp/turn.h"

#include <stdlib.h>
#include <string.h>

/* A filter of `taps` frames of the lower rate.  It is down 6 dB at cutoff / 400 of that rate, half way between the edge
 * of the pass band and half the rate; beta is Kaiser's 0.1102 (A - 8.7) for A dB in the stop band. */
struct shape {
	uint64_t taps, cutoff;
	double beta;
};

static const struct shape shapes[] = {
	[RATE_BEST] = { 240, 191, 0.1102 * (160 - 8.7) },
	[RATE_FAST] = { 80, 182, 0.1102 * (103 - 8.7) },
};

enum {
	BESSEL_TERMS = 34,  /* even, and enough for beta up to 17 in double */
	MIN_OUTS = 256      /* of a lane in a batch: the frames that its filter overlaps are read again for each */
};

struct rate {
	uint64_t up, down;   /* out_hz / in_hz in lowest terms */
	rate_fn *fn;
	struct rate_job job; /* in and z are ours, out is set for each batch */
	struct rate_group *group;
	double *c;           /* what the groups point into */
	float *in;           /* room frames, the oldest first */
	float *out;          /* a batch, for the end of the stream */
	size_t room, lead, fill; /* lead: frames of silence before the first */
	uint64_t in_frames, out_frames;
};

/* The modified Bessel function of order 0 of 2 sqrt(q): sum of q^k / k!^2, the even and the odd k apart because
 * they do not wait for each other. */
static double
bessel(const double term[], double q)
{
	double even = 0, odd = 0, q2 = q * q;

	for (int k = BESSEL_TERMS - 2; k >= 0; k -= 2) {
		even = even * q2 + term[k];
		odd = odd * q2 + term[k + 1];
	}
	return even + odd * q;
}

/* The right half of the filter on the grid of times that frames of both rates fall on; n = 0 is the middle
 * and n = half is where it ends.  `unit` steps of the grid are one frame of the lower rate.  Unscaled. */
static void
prototype(double *g, uint64_t half, uint64_t unit, const struct shape *s)
{
	double term[BESSEL_TERMS] = { 1 }, q = s->beta * s->beta / 4, end = (double)half;

	for (int k = 1; k < BESSEL_TERMS; k++)
		term[k] = term[k - 1] / ((double)k * (double)k);
	for (uint64_t n = 0; n < half; n++) {
		uint64_t turn = 400 * unit, part = s->cutoff * n % turn;
		double u = (double)n / end, c, sn;

		dsp_turn((uint64_t)((double)part / (double)turn * 0x1p52), 52, &c, &sn);
		/* sin(a n) / n, and a at n = 0 */
		g[n] = n ? sn / (double)n : 0x1.921fb54442d18p+2 * (double)s->cutoff / (double)turn;
		g[n] *= bessel(term, q * (1 - u * u));
	}
}

/* Output j has its taps where |i up - j down| < half for input i.  With the lead of silence in front, the first: */
static uint64_t
first_row(const struct rate *r, uint64_t half, uint64_t j)
{
	uint64_t ahead = (half + r->up - 1) / r->up * r->up;

	return (j * r->down + ahead - half) / r->up;
}

/* One past the last row. */
static uint64_t
end_row(const struct rate *r, uint64_t half, uint64_t j)
{
	return (j * r->down + half - 1) / r->up + r->lead + 1;
}

/* Coefficients of output j into c, every RATE_GROUP-th, c[0] being row `row`.  Their sum is made 1, so that
 * a constant has no images at all. */
static void
phase(const struct rate *r, const double *g, uint64_t half, uint64_t j, uint64_t row, double *c)
{
	uint64_t from = first_row(r, half, j), end = end_row(r, half, j), at = j * r->down + r->lead * r->up;
	double sum = 0;

	for (uint64_t i = from; i < end; i++)
		sum += g[i * r->up > at ? i * r->up - at : at - i * r->up];
	for (uint64_t i = from; i < end; i++)
		c[(i - row) * RATE_GROUP] = g[i * r->up > at ? i * r->up - at : at - i * r->up] / sum;
}

/* Tables and buffers.  A period of the table is as many periods of the phases as fill its groups, where that is not
 * many; a batch is as many of those as make a lane long enough. */
static int
prepare(struct rate *r, const struct shape *s)
{
	uint64_t unit = r->up > r->down ? r->up : r->down, half = s->taps * unit / 2, times = 1;
	struct rate_job *job = &r->job;
	size_t groups, all = 0, at = 0;
	double *g = NULL;
	int status = -1;

	r->lead = (size_t)((half + r->up - 1) / r->up - 1);
	if (r->up < 64)
		while (times * r->up % RATE_GROUP)
			times++;
	job->outs = (size_t)(times * r->up);
	job->step = (size_t)(times * r->down);
	job->periods = (MIN_OUTS + job->outs - 1) / job->outs;
	job->hop = job->periods * job->step;
	groups = (job->outs + RATE_GROUP - 1) / RATE_GROUP;
	if (!(r->group = calloc(groups, sizeof *r->group)))
		goto out;
	for (size_t i = 0; i < groups; i++) {
		size_t last = i + 1 < groups ? (i + 1) * RATE_GROUP : job->outs;

		r->group[i].row = (size_t)first_row(r, half, i * RATE_GROUP);
		r->group[i].taps = (size_t)end_row(r, half, last - 1) - r->group[i].row;
		all += r->group[i].taps;
	}
	job->rows = (job->periods - 1) * job->step + r->group[groups - 1].row + r->group[groups - 1].taps;
	if (job->rows < job->hop)
		job->rows = job->hop;
	r->room = (RATE_LANES - 1) * job->hop + job->rows;
	g = mem_zalloc((size_t)half, sizeof *g);
	r->c = mem_zalloc(all, RATE_GROUP * sizeof *r->c);
	job->z = mem_zalloc(job->rows, RATE_LANES * sizeof *job->z);
	r->in = mem_zalloc(r->room, sizeof *r->in);
	r->out = mem_zalloc(RATE_LANES * job->periods, job->outs * sizeof *r->out);
	if (!g || !r->c || !job->z || !r->in || !r->out)
		goto out;
	prototype(g, half, unit, s);
	for (size_t i = 0; i < groups; at += r->group[i++].taps) {
		double *c = r->c + at * RATE_GROUP;

		for (size_t j = 0; j < RATE_GROUP && i * RATE_GROUP + j < job->outs; j++)
			phase(r, g, half, i * RATE_GROUP + j, r->group[i].row, c + j);
		r->group[i].c = c;
	}
	job->group = r->group;
	job->in = r->in;
	status = 0;
out:
	mem_free(g);
	return status;
}

static rate_fn *
kernel(void)
{
	switch (isa_choose()) {
#if defined __x86_64__
	case ISA_AVX512:
		return rate_avx512;
	case ISA_AVX2:
		return rate_avx2;
#elif defined __aarch64__
	case ISA_NEON:
		return rate_neon;
#endif
	default:
		return rate_generic;
	}
}

int
rate_new(struct rate **out, int in_hz, int out_hz, enum rate_quality quality, struct err *e)
{
	int a = in_hz, b = out_hz;
	struct rate *r;

	*out = NULL;
	if (in_hz < 1 || out_hz < 1)
		return err_set(e, ERR_UNSUPPORTED, "cannot convert from %d Hz to %d Hz: rates are above 0", in_hz, out_hz);
	while (b) {
		int rest = a % b;

		a = b;
		b = rest;
	}
	if (in_hz / a > RATE_MAX_TERM || out_hz / a > RATE_MAX_TERM ||
	    in_hz > (int64_t)out_hz * RATE_MAX_RATIO || out_hz > (int64_t)in_hz * RATE_MAX_RATIO)
		return err_set(e, ERR_UNSUPPORTED, "cannot convert from %d Hz to %d Hz: in lowest terms that is %d to %d, "
		    "and neither may be above %d, nor %d times the other: convert the file with audio-prep --sample-rate %d first",
		    in_hz, out_hz, in_hz / a, out_hz / a, (int)RATE_MAX_TERM, (int)RATE_MAX_RATIO, out_hz);
	if (!(r = calloc(1, sizeof *r)))
		return err_set(e, ERR_NOMEM, "out of memory");
	r->down = (uint64_t)(in_hz / a);
	r->up = (uint64_t)(out_hz / a);
	r->fn = kernel();
	if (in_hz != out_hz && prepare(r, &shapes[quality])) {
		rate_free(r);
		return err_set(e, ERR_NOMEM, "out of memory for converting from %d Hz to %d Hz", in_hz, out_hz);
	}
	rate_reset(r);
	*out = r;
	return 0;
}

void
rate_free(struct rate *r)
{
	if (!r)
		return;
	mem_free(r->out);
	mem_free(r->in);
	mem_free(r->job.z);
	mem_free(r->c);
	free(r->group);
	free(r);
}

void
rate_reset(struct rate *r)
{
	r->in_frames = r->out_frames = 0;
	r->fill = r->lead;
	if (r->lead)
		memset(r->in, 0, r->lead * sizeof *r->in);
}

uint64_t
rate_frames(const struct rate *r, uint64_t n)
{
	return n / r->down * r->up + (n % r->down * r->up + r->down - 1) / r->down;
}

size_t
rate_ring(const struct rate *r)
{
	return r->lead ? r->lead + 1 : 0;
}

size_t
rate_room(const struct rate *r, size_t n)
{
	if (n > SIZE_MAX / 2 / RATE_MAX_RATIO)
		return SIZE_MAX;
	return (size_t)rate_frames(r, n + r->room) + 1;
}

/* One batch of what is in r->in. */
static void
batch(struct rate *r, float *out)
{
	size_t taken = RATE_LANES * r->job.hop;

	r->job.out = out;
	r->fn(&r->job);
	r->fill = r->room - taken;
	memmove(r->in, r->in + taken, r->fill * sizeof *r->in);
}

size_t
rate_process(struct rate *r, const float *in, size_t n, int end, float *out)
{
	size_t full = RATE_LANES * r->job.periods * r->job.outs, made = 0;
	uint64_t total;

	if (r->up == r->down) {
		if (n)
			memcpy(out, in, n * sizeof *out);
		return n;
	}
	r->in_frames += n;
	while (n) {
		size_t take = r->room - r->fill < n ? r->room - r->fill : n;

		memcpy(r->in + r->fill, in, take * sizeof *in);
		r->fill += take;
		in += take;
		n -= take;
		if (r->fill == r->room) {
			batch(r, out + made);
			made += full;
		}
	}
	r->out_frames += made;
	total = rate_frames(r, r->in_frames);
	while (end && r->out_frames < total) {
		size_t left = total - r->out_frames < full ? (size_t)(total - r->out_frames) : full;

		memset(r->in + r->fill, 0, (r->room - r->fill) * sizeof *r->in);
		batch(r, r->out);
		memcpy(out + made, r->out, left * sizeof *out);
		made += left;
		r->out_frames += left;
	}
	return made;
}
