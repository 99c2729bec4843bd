/* specdist_kernel.h - a batch of windows, written once for every width; no include guard.
 *
 * The includer defines W, the types V of W floats and I of W 32-bit integers, v_max(a, b), v_min(a, b), v_sqrt(a), v_bits(a) (V to I, the
 * same bits), v_from(i) (back), v_of(i) (integers to floats), v_set(c), i_set(c), and SPECDIST_FN, the name of the function. */
#define LANES SPECDIST_LANES
#include <math.h>
#include <string.h>

static const float least_power = 1e-8f, floor_power = 1e-10f;

#define ROW(p, k, h) (*(const V *)(const void *)((p) + (k) * LANES + (h) * W))

/* |ln(a / b)| of positive numbers, to some 1e-7: ln m = 2 artanh((m - 1) / (m + 1)), m from sqrt(1/2) to sqrt(2). */
static inline V
log_ratio(V a, V b)
{
	V q = v_max(a, b) / v_min(a, b);
	I bits = v_bits(q), e = (bits - i_set(0x3f3504f3)) >> 23;
	V m = v_from(bits - (e << 23)), s = (m - v_set(1)) / (m + v_set(1)), t = s * s;

	return v_of(e) * v_set(0.693147181f) +
	       v_set(2) * s * (v_set(1) + t * (v_set(1 / 3.0f) + t * (v_set(0.2f) + t * (v_set(1 / 7.0f) + t * v_set(1 / 9.0f)))));
}

static inline void
compare(V x, V y, V sum[3])
{
	V d;

	x = v_max(x, v_set(least_power));
	y = v_max(y, v_set(least_power));
	d = v_sqrt(x) - v_sqrt(y);
	sum[0] += d * d;
	sum[1] += x;
	sum[2] += log_ratio(x, y);
}

static void
magnitudes(struct specdist_job *j)
{
	for (size_t h = 0; h < LANES / W; h++) {
		V sum[3] = { v_set(0), v_set(0), v_set(0) };
		float lane[3][W];

		for (size_t k = 0; k < j->bins; k++)
			compare(ROW(j->power[0], k, h), ROW(j->power[1], k, h), sum);
		memcpy(lane, sum, sizeof lane);
		for (size_t l = 0; l < W && h * W + l < j->count; l++) {
			j->sum[0] += (double)lane[0][l];
			j->sum[1] += (double)lane[1][l];
			j->sum[2] += 0.5 * (double)lane[2][l]; /* of powers: half of it is that of magnitudes */
		}
	}
}

static void
decibels(struct specdist_job *j)
{
	V scale = v_set(j->scale), least = v_set(floor_power), db = v_set(4.34294482f);

	for (size_t h = 0; h < LANES / W; h++) {
		V square = v_set(0), mel = v_set(0);
		float lane[2][W];

		for (size_t k = 0; k < j->bins; k++) {
			V x = v_max(scale * ROW(j->power[0], k, h), least), y = v_max(scale * ROW(j->power[1], k, h), least);
			V d = db * log_ratio(x, y);

			square += d * d;
		}
		for (size_t b = 0; b < SPECDIST_MELS; b++) {
			const struct specdist_band *band = &j->band[b];
			V x = v_set(0), y = v_set(0);

			for (size_t k = band->from; k < band->to; k++) {
				x += v_set(band->weight[k - band->from]) * ROW(j->power[0], k, h);
				y += v_set(band->weight[k - band->from]) * ROW(j->power[1], k, h);
			}
			mel += db * log_ratio(v_max(scale * x, least), v_max(scale * y, least));
		}
		memcpy(lane[0], &square, sizeof lane[0]);
		memcpy(lane[1], &mel, sizeof lane[1]);
		for (size_t l = 0; l < W && h * W + l < j->count; l++) {
			j->sum[0] += sqrt((double)lane[0][l] / (double)j->bins);
			j->sum[1] += (double)lane[1][l] / SPECDIST_MELS;
		}
	}
}

void
SPECDIST_FN(struct specdist_job *j)
{
	if (j->band)
		decibels(j);
	else
		magnitudes(j);
}
