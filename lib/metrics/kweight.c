/* kweight.c - the two filters, and what they make of a block. */
#include "metrics/kweight.h"
#include "base/isa.h"
#include "base/mem.h"
#include "metrics/kweight_impl.h"

#include <math.h>
#include <string.h>

struct biquad { double b0, b1, b2, a1, a2; };

struct kweight {
	struct kweight_block block;
	struct biquad shelf, high_pass;
	kweight_fn *fn;
};

static const double shelf_hz = 1681.974450955533, shelf_q = 0.7071752369554196, shelf_db = 3.999843853973347;
static const double shelf_band = 0.4996667741545416; /* of the gain, in the middle of the slope */
static const double high_pass_hz = 38.13547087602444, high_pass_q = 0.5003270373238773;

static void
design(struct kweight *k, int rate_hz)
{
	double w = tan(M_PI * shelf_hz / rate_hz), gain = pow(10, shelf_db / 20), band = pow(gain, shelf_band);
	double a0 = 1 + w / shelf_q + w * w;

	k->shelf = (struct biquad){ (gain + band * w / shelf_q + w * w) / a0, 2 * (w * w - gain) / a0,
		(gain - band * w / shelf_q + w * w) / a0, 2 * (w * w - 1) / a0, (1 - w / shelf_q + w * w) / a0 };
	w = tan(M_PI * high_pass_hz / rate_hz);
	a0 = 1 + w / high_pass_q + w * w;
	k->high_pass = (struct biquad){ 1, -2, 1, 2 * (w * w - 1) / a0, (1 - w / high_pass_q + w * w) / a0 };
}

/* One sample through a biquad, transposed direct form II. */
static double
one(const struct biquad *f, double *s, double x)
{
	double y = f->b0 * x + s[0];

	s[0] = f->b1 * x - f->a1 * y + s[1];
	s[1] = f->b2 * x - f->a2 * y;
	return y;
}

static double
weigh(const struct kweight *k, double *s, double x)
{
	return one(&k->high_pass, s + 2, one(&k->shelf, s, x));
}

/* What a block does is what it does to each input and each state alone. */
static void
tabulate(struct kweight *k)
{
	struct kweight_block *b = &k->block;

	for (size_t i = 0; i < KWEIGHT_BLOCK; i++) {
		double s[KWEIGHT_STATE] = { 0 };

		for (size_t t = 0; t < KWEIGHT_BLOCK; t++)
			b->now[i][t] = weigh(k, s, t == i);
		memcpy(b->in[i], s, sizeof s);
	}
	for (size_t i = 0; i < KWEIGHT_STATE; i++) {
		double s[KWEIGHT_STATE] = { 0 };

		s[i] = 1;
		for (size_t t = 0; t < KWEIGHT_BLOCK; t++)
			b->later[i][t] = weigh(k, s, 0);
		memcpy(b->stay[i], s, sizeof s);
	}
}

static kweight_fn *
choose(void)
{
#ifdef __x86_64__
	switch (isa_choose()) {
	case ISA_AVX512:
		return kweight_avx512;
	case ISA_AVX2:
		return kweight_avx2;
	default:
		break;
	}
#endif
	return kweight_generic;
}

struct kweight *
kweight_new(int rate_hz)
{
	struct kweight *k = mem_zalloc(1, sizeof *k);

	if (!k)
		return NULL;
	design(k, rate_hz);
	tabulate(k);
	k->fn = choose();
	return k;
}

void
kweight_free(struct kweight *k)
{
	mem_free(k);
}

double
kweight_energy(const struct kweight *k, double state[KWEIGHT_STATE], const float *x, size_t n)
{
	size_t blocks = n / KWEIGHT_BLOCK;
	double sum = k->fn(&k->block, state, x, blocks);

	for (size_t i = blocks * KWEIGHT_BLOCK; i < n; i++) {
		double y = weigh(k, state, (double)x[i]);

		sum += y * y;
	}
	/* in silence the state dies away; numbers that end in denormals cost a hundred times the others */
	for (size_t i = 0; i < KWEIGHT_STATE; i++)
		if (fabs(state[i]) < 1e-100)
			state[i] = 0;
	return sum;
}
