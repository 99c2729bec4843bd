/* rate_kernel.h - one batch of the rate conversion, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W doubles, v_zero(), v_set1(c), v_load(p), v_store(p, v) and v_fma(a, b, c) =
 * a * b + c (p aligned to 64 bytes), and RATE_FN, the name of the function. */

/* The rows: row t holds frame t of each lane. */
static void
load(const struct rate_job *j)
{
	for (size_t t = 0; t < j->rows; t++)
		for (size_t l = 0; l < RATE_LANES; l++)
			j->z[t * RATE_LANES + l] = (double)j->in[t + l * j->hop];
}

/* The outputs of a group for W lanes, as y[output * RATE_LANES].  Eight sums are enough to keep two multiply-add
 * units busy, and few enough for sixteen registers. */
static void
sums(const double *x, const struct rate_group *g, double *y)
{
	V a0 = v_zero(), a1 = v_zero(), a2 = v_zero(), a3 = v_zero();
	V a4 = v_zero(), a5 = v_zero(), a6 = v_zero(), a7 = v_zero();
	const double *c = g->c;

	for (size_t t = 0; t < g->taps; t++, x += RATE_LANES, c += RATE_GROUP) {
		V v = v_load(x);

		a0 = v_fma(v, v_set1(c[0]), a0);
		a1 = v_fma(v, v_set1(c[1]), a1);
		a2 = v_fma(v, v_set1(c[2]), a2);
		a3 = v_fma(v, v_set1(c[3]), a3);
		a4 = v_fma(v, v_set1(c[4]), a4);
		a5 = v_fma(v, v_set1(c[5]), a5);
		a6 = v_fma(v, v_set1(c[6]), a6);
		a7 = v_fma(v, v_set1(c[7]), a7);
	}
	v_store(y, a0);
	v_store(y + RATE_LANES, a1);
	v_store(y + 2 * RATE_LANES, a2);
	v_store(y + 3 * RATE_LANES, a3);
	v_store(y + 4 * RATE_LANES, a4);
	v_store(y + 5 * RATE_LANES, a5);
	v_store(y + 6 * RATE_LANES, a6);
	v_store(y + 7 * RATE_LANES, a7);
}

void
RATE_FN(const struct rate_job *j)
{
	_Alignas(64) double y[RATE_GROUP * RATE_LANES];
	size_t lane = j->periods * j->outs;

	load(j);
	for (size_t p = 0; p < j->periods; p++) {
		const double *x = j->z + p * j->step * RATE_LANES;
		float *out = j->out + p * j->outs;
		const struct rate_group *g = j->group;

		for (size_t at = 0; at < j->outs; at += RATE_GROUP, g++) {
			size_t n = j->outs - at < RATE_GROUP ? j->outs - at : RATE_GROUP;

			for (size_t h = 0; h < RATE_LANES; h += W)
				sums(x + g->row * RATE_LANES + h, g, y + h);
			for (size_t l = 0; l < RATE_LANES; l++)
				for (size_t i = 0; i < n; i++) /* adding 0 makes -0 into 0 */
					out[l * lane + at + i] = (float)y[i * RATE_LANES + l] + 0.0f;
		}
	}
}
