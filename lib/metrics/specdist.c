/* specdist.c - short-time spectra of both signals, window by window. */
#include "metrics/specdist.h"
#include "base/isa.h"
#include "base/mem.h"
#include "base/scan.h"
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
	struct stft *stft;
	size_t window, hop;
	float *power[2];
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

static int
part_init(struct part *p, int i, size_t ch)
{
	p->window = shape[i].window;
	p->hop = shape[i].hop;
	p->span = p->window + (LANES - 1) * p->hop;
	p->stft = stft_new(shape[i].n, p->window);
	if (!p->stft)
		return -1;
	p->job.bins = stft_bins(p->stft);
	for (int s = 0; s < 2; s++) {
		p->power[s] = mem_zalloc(p->job.bins, LANES * sizeof *p->power[s]);
		p->buf[s] = mem_zalloc(p->span, ch * sizeof *p->buf[s]);
		if (!p->power[s] || !p->buf[s])
			return -1;
		p->job.power[s] = p->power[s];
	}
	/* so that a sine of full scale has the power 1 */
	p->job.scale = (float)(16 / ((double)p->window * (double)p->window));
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

		stft_free(p->stft);
		for (int k = 0; k < 2; k++) {
			mem_free(p->power[k]);
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
	size_t at[LANES];

	for (size_t l = 0; l < LANES; l++)
		at[l] = l * p->hop;
	p->job.count = count;
	for (size_t c = 0; c < s->ch; c++) {
		for (int k = 0; k < 2; k++)
			stft_power(p->stft, p->buf[k] + c * p->span, at, count, p->power[k]);
		s->fn(&p->job);
		p->windows += (int64_t)count;
	}
}

void
specdist_add(struct specdist *s, int part, const float *x, const float *y, int64_t frames)
{
	struct part *p = &s->part[part];
	size_t step = LANES * p->hop;

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
		size_t count = p->have < p->window ? 0 : (p->have - p->window) / p->hop + 1;

		if (p->have == 0 || (count == 0 && p->windows > 0))
			continue;
		for (size_t c = 0; c < s->ch; c++)
			for (int k = 0; k < 2; k++)
				memset(p->buf[k] + c * p->span + p->have, 0, (p->span - p->have) * sizeof *p->buf[k]);
		add_windows(s, p, count ? count : 1);
	}
	for (int i = 0; i < SCALES; i++) {
		const struct part *p = &s->part[i];
		double bins = (double)p->windows * (double)p->job.bins, *sum = s->part[i].job.sum;

		v->convergence += sum[1] > bins * least_power * 1.001 ? sqrt(sum[0] / sum[1]) / SCALES : NAN;
		v->log_magnitude += sum[2] / bins / SCALES;
	}
	v->mr_stft = v->convergence + v->log_magnitude;
	if (db->windows) {
		v->log_spectral_db = db->job.sum[0] / (double)db->windows;
		v->mel_db = db->job.sum[1] / (double)db->windows;
	}
}
