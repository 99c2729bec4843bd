/* truepeak_kernel.h - the interpolation, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W doubles, v_zero(), v_set1(c), v_load(p) of W floats as doubles (any
 * alignment), v_max(a, b), v_abs(a), v_mul(a, b), v_add(a, b), v_store(p, a), and TRUEPEAK_FN and TRUEPEAK_BLOCKS, the
 * names of the functions.  With N it also defines the type E of N floats and e_zero(), e_set1(), e_load(), e_max(), e_abs(),
 * e_fma(a, b, c) = a * b + c, e_store(), and e_over(a, c), which has bit l set where lane l is over c. */

enum { MOST_AT_ONCE = 64, IN_BLOCK = TRUEPEAK_BLOCK };

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

static double
exact(const float *x, size_t n, const struct truepeak_filter *f)
{
	double y[W], top = 0;

	v_store(y, f->phases > 1 ? largest(x, n, f->c, TRUEPEAK_TAPS_4, TRUEPEAK_PHASES)
	                         : largest(x, n, f->c, TRUEPEAK_TAPS_2, 1));
	for (size_t l = 0; l < W; l++)
		top = y[l] > top ? y[l] : top;
	return top;
}

#ifdef N

/* The results at N frames but for the roundings of float.  They only decide whether the exact ones are needed, so the
 * order and the kind of their additions are free. */
static inline E
near(const float *x, const float *c, const size_t taps, const size_t phases)
{
	E a = e_zero(), b = e_zero(), d = e_zero();

#pragma GCC unroll 12
	for (size_t k = 0; k < taps; k++) {
		E v = e_load(x - k);

		a = e_fma(v, e_set1(c[k]), a);
		if (phases > 1) {
			b = e_fma(v, e_set1(c[taps + k]), b);
			d = e_fma(v, e_set1(c[2 * taps + k]), d);
		}
	}
	a = e_abs(a);
	return phases > 1 ? e_max(a, e_max(e_abs(b), e_abs(d))) : a;
}

static inline E
estimate(const float *x, const struct truepeak_filter *f)
{
	return f->phases > 1 ? near(x, f->e, TRUEPEAK_TAPS_4, TRUEPEAK_PHASES) : near(x, f->e, TRUEPEAK_TAPS_2, 1);
}

/* n is at most MOST_AT_ONCE. */
static double
peak_at_once(const float *x, size_t n, const struct truepeak_filter *f, double least, double doubt)
{
	E about[MOST_AT_ONCE / N], all = e_zero();
	float y[N], most = 0, over;
	double top = 0;

	for (size_t i = 0; i < n; i += N)
		all = e_max(all, about[i / N] = estimate(x + i, f));
	e_store(y, all);
	for (size_t l = 0; l < N; l++)
		most = y[l] > most ? y[l] : most;
	if ((double)most + doubt <= least)
		return 0;
	/* the largest is where the estimate is no more than twice the doubt under the largest estimate */
	over = (float)((double)most - 2.5 * doubt);
	for (size_t i = 0; i < n; i += N)
		if (e_over(about[i / N], over)) {
			double p = exact(x + i, N, f);

			top = p > top ? p : top;
		}
	return top;
}

#endif

double
TRUEPEAK_FN(const float *x, size_t n, const struct truepeak_filter *f, double least, double doubt)
{
#ifdef N
	double top = 0;

	for (size_t m; n % N == 0 && n > 0; n -= m, x += m) {
		double p;

		m = n < MOST_AT_ONCE ? n : MOST_AT_ONCE;
		p = peak_at_once(x, m, f, top > least ? top : least, doubt);
		top = p > top ? p : top;
	}
	return n ? exact(x, n, f) : top;
#else
	(void)least, (void)doubt;
	return exact(x, n, f);
#endif
}

void
TRUEPEAK_BLOCKS(const float *x, size_t n, const struct truepeak_filter *f, double least, double doubt, double *peak)
{
	size_t k = 0;
#ifdef N
	const size_t at_once = N > IN_BLOCK ? N / IN_BLOCK : 1;
	const float over = (float)(least - 1.5 * doubt);

	for (; k + at_once <= n; k += at_once) {
		unsigned long long bits = 0, one = (1ull << IN_BLOCK) - 1;

		for (size_t i = 0; i < at_once * IN_BLOCK; i += N)
			bits |= (unsigned long long)e_over(estimate(x + k * IN_BLOCK + i, f), over) << i;
		for (size_t b = 0; b < at_once; b++)
			peak[k + b] = bits >> b * IN_BLOCK & one ? exact(x + (k + b) * IN_BLOCK, IN_BLOCK, f) : 0;
	}
#else
	(void)least, (void)doubt;
#endif
	for (; k < n; k++)
		peak[k] = exact(x + k * IN_BLOCK, IN_BLOCK, f);
}
