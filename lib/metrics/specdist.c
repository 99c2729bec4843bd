/* specdist.c - short-time spectra of both signals, window by window. */
#include "metrics/specdist.h"
#include "base/isa.h"
#include "base/mem.h"
#include "dsp/fft.h"
#include "metrics/scan.h"
#include "metrics/specdist_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SCALES = 3, DB_PART = SCALES, LANES = SPECDIST_LANES, MELS = SPECDIST_MELS };
static const struct { size_t n, hop, window; } shape[SPECDIST_PARTS] = {
	{ 1024, 120, 600 }, { 2048, 240, 1200 }, { 512, 50, 240 }, { 2048, 512, 2048 }
};
static const double least_power = 1e-8; /* of |X|^2, as in auraloss; also in specdist_kernel.h */
static const double low_hz = 20, high_hz = 20000;

/* One resolution. */
struct part {
	struct specdist_job job;
	struct fft *fft;
	float *tw, *half, *hann;
	float *buf[2];               /* ref and test: channels x span samples */
	size_t span, have;           /* of a batch of windows; of these are here */
	int64_t windows;             /* of all channels together */
};

struct specdist {
	size_t ch;
	specdist_fn *fn;
	struct part part[SPECDIST_PARTS];
	struct specdist_band band[MELS];
	float *weight;
};

static specdist_fn *
kernel(enum isa isa)
{
	switch (isa) {
#ifdef __x86_64__
	case ISA_AVX512:
		return specdist_avx512;
	case ISA_AVX2:
		return specdist_avx2;
#endif
#ifdef __aarch64__
	case ISA_NEON:
		return specdist_neon;
#endif
	default:
		return specdist_generic;
	}
}

/* Slaney's scale: linear up to 1 kHz, then logarithmic. */
static double
mel_of(double hz)
{
	return hz < 1000 ? hz * 3 / 200 : 15 + 27 * log(hz / 1000) / log(6.4);
}

static double
hz_of(double mel)
{
	return mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27);
}

static float *
as_float(const double *v, size_t n)
{
	float *f = mem_zalloc(n, sizeof *f);

	for (size_t i = 0; f && i < n; i++)
		f[i] = (float)v[i];
	return f;
}

static int
part_init(struct part *p, int i, size_t ch)
{
	struct specdist_job *j = &p->job;
	size_t n = shape[i].n;

	j->window = shape[i].window;
	j->hop = shape[i].hop;
	p->span = j->window + (LANES - 1) * j->hop;
	p->fft = fft_new(n);
	if (!p->fft)
		return -1;
	p->tw = as_float(p->fft->tw, 2 * p->fft->m);
	p->half = as_float(p->fft->half, 2 * (p->fft->m / 2 + 1));
	p->hann = mem_zalloc(j->window, sizeof *p->hann);
	for (int s = 0; s < 2; s++) {
		j->z[s] = mem_zalloc(n, LANES * sizeof(float));
		p->buf[s] = mem_zalloc(p->span, ch * sizeof *p->buf[s]);
		if (i == DB_PART)
			j->power[s] = mem_zalloc(n / 2 + 1, LANES * sizeof(float));
		if (!j->z[s] || !p->buf[s] || (i == DB_PART && !j->power[s]))
			return -1;
	}
	if (!p->tw || !p->half || !p->hann)
		return -1;
	for (size_t k = 0; k < j->window; k++)
		p->hann[k] = (float)(0.5 - 0.5 * cos(2 * M_PI * (double)k / (double)j->window));
	j->fft = p->fft;
	j->tw = p->tw;
	j->half = p->half;
	j->hann = p->hann;
	/* so that a sine of full scale has the power 1 */
	j->scale = (float)(16 / ((double)j->window * (double)j->window));
	return 0;
}

/* The triangles, from the edge before to the edge after. */
static int
bands_init(struct specdist *s, int rate_hz)
{
	double top = rate_hz / 2.0 < high_hz ? rate_hz / 2.0 : high_hz, edge[MELS + 2];
	size_t n = shape[DB_PART].n, used = 0;

	for (int m = 0; m < MELS + 2; m++)
		edge[m] = hz_of(mel_of(low_hz) + (mel_of(top) - mel_of(low_hz)) * m / (MELS + 1)) * (double)n / rate_hz;
	s->weight = mem_zalloc(n + 4 * MELS, sizeof *s->weight); /* each bin is in two bands at the most */
	if (!s->weight)
		return -1;
	for (int m = 0; m < MELS; m++) {
		struct specdist_band *b = &s->band[m];

		b->from = (size_t)ceil(edge[m]);
		b->weight = s->weight + used;
		for (b->to = b->from; b->to <= n / 2 && (double)b->to < edge[m + 2]; b->to++) {
			double k = (double)b->to;

			s->weight[used++] = (float)(k < edge[m + 1] ? (k - edge[m]) / (edge[m + 1] - edge[m])
			                                            : (edge[m + 2] - k) / (edge[m + 2] - edge[m + 1]));
		}
	}
	s->part[DB_PART].job.band = s->band;
	return 0;
}

int
specdist_new(struct specdist **out, int rate_hz, int channels, struct err *e)
{
	struct specdist *s = calloc(1, sizeof *s);
	int bad = !s;

	*out = NULL;
	if (s) {
		s->ch = (size_t)channels;
		s->fn = kernel(isa_choose());
	}
	for (int i = 0; i < SPECDIST_PARTS && !bad; i++)
		bad = part_init(&s->part[i], i, s->ch);
	if (bad || bands_init(s, rate_hz)) {
		specdist_free(s);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	*out = s;
	return 0;
}

void
specdist_free(struct specdist *s)
{
	if (!s)
		return;
	for (int i = 0; i < SPECDIST_PARTS; i++) {
		struct part *p = &s->part[i];

		fft_free(p->fft);
		mem_free(p->tw);
		mem_free(p->half);
		mem_free(p->hann);
		for (int k = 0; k < 2; k++) {
			mem_free(p->job.z[k]);
			mem_free(p->job.power[k]);
			mem_free(p->buf[k]);
		}
	}
	mem_free(s->weight);
	free(s);
}

/* The first count windows that are here. */
static void
add_windows(struct specdist *s, struct part *p, size_t count)
{
	p->job.count = count;
	for (size_t c = 0; c < s->ch; c++) {
		for (int k = 0; k < 2; k++)
			p->job.in[k] = p->buf[k] + c * p->span;
		s->fn(&p->job);
		p->windows += (int64_t)count;
	}
}

void
specdist_add(struct specdist *s, int part, const float *x, const float *y, int64_t frames)
{
	struct part *p = &s->part[part];
	size_t step = LANES * p->job.hop;

	for (size_t left = (size_t)frames; left > 0;) {
		size_t n = p->span - p->have < left ? p->span - p->have : left;

		for (size_t c = 0; c < s->ch; c++) {
			scan_channel(x, n, s->ch, c, p->buf[0] + c * p->span + p->have);
			scan_channel(y, n, s->ch, c, p->buf[1] + c * p->span + p->have);
		}
		p->have += n;
		left -= n;
		x += n * s->ch;
		y += n * s->ch;
		if (p->have < p->span)
			break;
		add_windows(s, p, LANES);
		p->have = p->span - step;
		for (size_t c = 0; c < s->ch; c++)
			for (int k = 0; k < 2; k++)
				memmove(p->buf[k] + c * p->span, p->buf[k] + c * p->span + step, p->have * sizeof *p->buf[k]);
	}
}

void
specdist_end(struct specdist *s, struct specdist_values *v)
{
	struct part *db = &s->part[DB_PART];

	*v = (struct specdist_values){ 0, 0, 0, NAN, NAN };
	for (int i = 0; i < SPECDIST_PARTS; i++) {
		struct part *p = &s->part[i];
		size_t count = p->have < p->job.window ? 0 : (p->have - p->job.window) / p->job.hop + 1;

		if (p->have == 0 || (count == 0 && p->windows > 0))
			continue;
		for (size_t c = 0; c < s->ch; c++)
			for (int k = 0; k < 2; k++)
				memset(p->buf[k] + c * p->span + p->have, 0, (p->span - p->have) * sizeof *p->buf[k]);
		add_windows(s, p, count ? count : 1);
	}
	for (int i = 0; i < SCALES; i++) {
		const struct part *p = &s->part[i];
		double bins = (double)p->windows * (double)(p->fft->m + 1), *sum = s->part[i].job.sum;

		v->convergence += sum[1] > bins * least_power * 1.001 ? sqrt(sum[0] / sum[1]) / SCALES : NAN;
		v->log_magnitude += sum[2] / bins / SCALES;
	}
	v->mr_stft = v->convergence + v->log_magnitude;
	if (db->windows) {
		v->log_spectral_db = db->job.sum[0] / (double)db->windows;
		v->mel_db = db->job.sum[1] / (double)db->windows;
	}
}
