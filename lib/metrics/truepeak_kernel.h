/* truepeak_kernel.h - the interpolation, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W doubles, v_zero(), v_set1(c), v_load(p) of W floats as doubles (any
 * alignment), v_max(a, b), v_abs(a), v_mul(a, b), v_add(a, b), v_store(p, a), and TRUEPEAK_FN, the name of the function.  With N it also defines the
 * type E of N floats and e_zero(), e_set1(), e_load(), e_max(), e_abs(), e_store() and e_fma(a, b, c) = a * b + c. */

#ifdef N
/* The largest result but for the roundings of float.  It only decides whether the exact one is needed, so the order and
 * the kind of its additions are free. */
static inline float
estimate(const float *x, size_t n, const float *c, const size_t taps, const size_t phases)
{
	E top = e_zero();
	float y[N], most = 0;

	for (size_t i = 0; i < n; i += N) {
		E a = e_zero(), b = e_zero(), d = e_zero();

#pragma GCC unroll 12
		for (size_t k = 0; k < taps; k++) {
			E v = e_load(x + i - k);

			a = e_fma(v, e_set1(c[k]), a);
			if (phases > 1) {
				b = e_fma(v, e_set1(c[taps + k]), b);
				d = e_fma(v, e_set1(c[2 * taps + k]), d);
			}
		}
		top = e_max(top, e_abs(a));
		if (phases > 1)
			top = e_max(top, e_max(e_abs(b), e_abs(d)));
	}
	e_store(y, top);
	for (size_t l = 0; l < N; l++)
		most = y[l] > most ? y[l] : most;
	return most;
}

#endif

/* All phases share a load.  taps and phases are constants at each call. */
static inline V
largest(const float *x, size_t n, const double *c, const size_t taps, const size_t phases)
{
	V top = v_zero();

	for (size_t i = 0; i < n; i += W) {
		V a = v_zero(), b = v_zero(), d = v_zero();

#pragma GCC unroll 12
		for (size_t k = 0; k < taps; k++) {
			V v = v_load(x + i - k);

			a = v_add(a, v_mul(v, v_set1(c[k])));
			if (phases > 1) {
				b = v_add(b, v_mul(v, v_set1(c[taps + k])));
				d = v_add(d, v_mul(v, v_set1(c[2 * taps + k])));
			}
		}
		top = v_max(top, v_abs(a));
		if (phases > 1)
			top = v_max(top, v_max(v_abs(b), v_abs(d)));
	}
	return top;
}

double
TRUEPEAK_FN(const float *x, size_t n, const struct truepeak_filter *f, double least, double doubt)
{
	double y[W], top = 0;

#ifdef N
	if (n % N == 0 && (double)(f->phases > 1 ? estimate(x, n, f->e, TRUEPEAK_TAPS_4, TRUEPEAK_PHASES)
	                                         : estimate(x, n, f->e, TRUEPEAK_TAPS_2, 1)) + doubt <= least)
		return 0;
#else
	(void)least, (void)doubt;
#endif
	v_store(y, f->phases > 1 ? largest(x, n, f->c, TRUEPEAK_TAPS_4, TRUEPEAK_PHASES)
	                         : largest(x, n, f->c, TRUEPEAK_TAPS_2, 1));
	for (size_t l = 0; l < W; l++)
		top = y[l] > top ? y[l] : top;
	return top;
}
