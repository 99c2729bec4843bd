/* truepeak_kernel.h - the interpolation, written once for every width; no include guard.
 *
 * The includer defines W, the type V of W doubles, v_zero(), v_set1(c), v_load(p) of W floats as doubles (any
 * alignment), v_max(a, b), v_abs(a), v_mul(a, b), v_add(a, b), v_store(p, a), and TRUEPEAK_FN and TRUEPEAK_BLOCKS, the
 * names of the functions.  With N it also defines the type E of N floats and e_zero(), e_set1(), e_load(), e_max(), e_abs(),
 * e_fma(a, b, c) = a * b + c, e_store(), and e_reach(a, c), which has bit l set where lane l is c or more. */

enum { MOST = 64, IN_BLOCK = TRUEPEAK_BLOCK };
#ifdef N
enum { AT_ONCE = 2 * N };
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

/* The results at 2 N frames but for the roundings of float.  They only decide whether the exact ones are needed, so the
 * order and the kind of their additions are free. */
static inline void
near(const float *x, const float *c, const size_t taps, const size_t phases, E y[2])
{
	E a[2] = { e_zero(), e_zero() }, b[2] = { e_zero(), e_zero() }, d[2] = { e_zero(), e_zero() };

#pragma GCC unroll 12
	for (size_t k = 0; k < taps; k++) {
		E v = e_load(x - k), w = e_load(x + N - k);

		a[0] = e_fma(v, e_set1(c[k]), a[0]);
		a[1] = e_fma(w, e_set1(c[k]), a[1]);
		if (phases > 1) {
			b[0] = e_fma(v, e_set1(c[taps + k]), b[0]);
			b[1] = e_fma(w, e_set1(c[taps + k]), b[1]);
			d[0] = e_fma(v, e_set1(c[2 * taps + k]), d[0]);
			d[1] = e_fma(w, e_set1(c[2 * taps + k]), d[1]);
		}
	}
	for (int i = 0; i < 2; i++) {
		y[i] = e_abs(a[i]);
		if (phases > 1)
			y[i] = e_max(y[i], e_max(e_abs(b[i]), e_abs(d[i])));
	}
}

static inline void
estimate(const float *x, const struct truepeak_filter *f, E y[2])
{
	if (f->phases > 1)
		near(x, f->e, TRUEPEAK_TAPS_4, TRUEPEAK_PHASES, y);
	else
		near(x, f->e, TRUEPEAK_TAPS_2, 1, y);
}

/* n is a multiple of AT_ONCE, at most MOST. */
static double
peak_at_once(const float *x, size_t n, const struct truepeak_filter *f, double least, double doubt)
{
	E about[MOST / N], all = e_zero();
	float y[N], most = 0, near_most;
	double top = 0;

	for (size_t i = 0; i < n; i += AT_ONCE) {
		estimate(x + i, f, about + i / N);
		all = e_max(all, e_max(about[i / N], about[i / N + 1]));
	}
	e_store(y, all);
	for (size_t l = 0; l < N; l++)
		most = y[l] > most ? y[l] : most;
	if ((double)most + doubt <= least)
		return 0;
	/* the largest is where the estimate is no more than twice the doubt under the largest estimate */
	near_most = (float)((double)most - 2.5 * doubt);
	for (size_t i = 0; i < n; i += N)
		if (e_reach(about[i / N], near_most)) {
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

	for (size_t m; n % AT_ONCE == 0 && n > 0; n -= m, x += m) {
		double p;

		m = n < MOST ? n : MOST;
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
	const float near_least = (float)(least - 1.5 * doubt);

	for (; k + AT_ONCE / IN_BLOCK <= n; k += AT_ONCE / IN_BLOCK) {
		unsigned long long bits = 0, one = (1ull << IN_BLOCK) - 1;
		E about[2];

		estimate(x + k * IN_BLOCK, f, about);
		for (size_t i = 0; i < 2; i++)
			bits |= (unsigned long long)e_reach(about[i], near_least) << i * N;
		for (size_t b = 0; b < AT_ONCE / IN_BLOCK; b++)
			peak[k + b] = bits >> b * IN_BLOCK & one ? exact(x + (k + b) * IN_BLOCK, IN_BLOCK, f) : 0;
	}
#else
	(void)least, (void)doubt;
#endif
	for (; k < n; k++)
		peak[k] = exact(x + k * IN_BLOCK, IN_BLOCK, f);
}
