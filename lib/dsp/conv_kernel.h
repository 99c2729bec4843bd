/* conv_kernel.h - one batch of the convolution, written once for every width; no include guard.
 *
 * The includer defines W (1, 2, 4 or 8), the type V of W doubles that + - * work on, v_set1(c), v_load(p), v_store(p, v),
 * v_fma(a, b, c) = a * b + c, v_fnma(a, b, c) = c - a * b, v_floats(p) and v_put_floats(p, v), which round from and to W
 * floats at any address, v_reverse(v), v_turn8(x), which transposes V x[8][8 / W] as an 8 x 8 matrix of doubles, and CONV_FN.
 *
 * Below, a "row" is a point of the vertical transforms: 8 real and 8 imaginary parts.  Where a twiddle factor
 * w = cos(a) (1 - i tan(a)) meets a butterfly, its tangent goes into one multiply-add and its cosine into the next: six
 * operations instead of ten. */
enum { H = 8 / W, ROW = 16 };
#define INLINE static inline __attribute__((always_inline))

/* (a, b) = (a + w b, a - w b); N: with -w i instead of w, and P with +w i. */
#define ADD_SUB(a, b, x, y, c) do { \
	b##r = v_fnma(c, x, a##r), b##i = v_fnma(c, y, a##i); \
	a##r = v_fma(c, x, a##r), a##i = v_fma(c, y, a##i); \
} while (0)
#define ADD_SUB_N(a, b, x, y, c) do { \
	b##r = v_fnma(c, y, a##r), b##i = v_fma(c, x, a##i); \
	a##r = v_fma(c, y, a##r), a##i = v_fnma(c, x, a##i); \
} while (0)
#define ADD_SUB_P(a, b, x, y, c) do { \
	b##r = v_fma(c, y, a##r), b##i = v_fnma(c, x, a##i); \
	a##r = v_fnma(c, y, a##r), a##i = v_fma(c, x, a##i); \
} while (0)
#define THERE(as, a, b, c, t) do { \
	V x_ = v_fma(t, b##i, b##r), y_ = v_fnma(t, b##r, b##i); \
	as(a, b, x_, y_, c); \
} while (0)
#define BACK(as, a, b, c, t) do { \
	V x_ = v_fnma(t, b##i, b##r), y_ = v_fma(t, b##r, b##i); \
	as(a, b, x_, y_, c); \
} while (0)
/* The same with w = 1, -i and i. */
#define PLAIN(a, b) do { \
	V x_ = b##r, y_ = b##i; \
	b##r = a##r - x_, b##i = a##i - y_; \
	a##r = a##r + x_, a##i = a##i + y_; \
} while (0)
#define PLAIN_N(a, b) do { \
	V x_ = b##r, y_ = b##i; \
	b##r = a##r - y_, b##i = a##i + x_; \
	a##r = a##r + y_, a##i = a##i - x_; \
} while (0)
#define PLAIN_P(a, b) do { \
	V x_ = b##r, y_ = b##i; \
	b##r = a##r + y_, b##i = a##i - x_; \
	a##r = a##r - y_, a##i = a##i + x_; \
} while (0)
/* (a, b) = (a + b, conj(w) (a - b)); P: with conj(w) i. */
#define AFTER(a, b, c, t) do { \
	V x_ = a##r - b##r, y_ = a##i - b##i; \
	a##r = a##r + b##r, a##i = a##i + b##i; \
	b##r = (c) * v_fnma(t, y_, x_), b##i = (c) * v_fma(t, x_, y_); \
} while (0)
#define AFTER_P(a, b, c, t) do { \
	V x_ = a##r - b##r, y_ = a##i - b##i; \
	a##r = a##r + b##r, a##i = a##i + b##i; \
	b##r = (c) * v_fnma(t, x_, -y_), b##i = (c) * v_fnma(t, y_, x_); \
} while (0)

#define NAMES4(z) z##0r, z##0i, z##1r, z##1i, z##2r, z##2i, z##3r, z##3i
#define NAMES8(z) NAMES4(z), z##4r, z##4i, z##5r, z##5i, z##6r, z##6i, z##7r, z##7i
/* Points z0, z1, ... of a column, `step` doubles apart. */
#define GET(p, a) (a##r = v_load(p), a##i = v_load((p) + 8))
#define PUT(p, a) (v_store(p, a##r), v_store((p) + 8, a##i))
#define GET4(p, step, z) do { \
	const double *p_ = (p); \
	GET(p_, z##0); GET(p_ + (step), z##1); GET(p_ + 2 * (step), z##2); GET(p_ + 3 * (step), z##3); \
} while (0)
#define GET8(p, step, z) do { \
	const double *q_ = (p) + 4 * (step); \
	GET4(p, step, z); \
	GET(q_, z##4); GET(q_ + (step), z##5); GET(q_ + 2 * (step), z##6); GET(q_ + 3 * (step), z##7); \
} while (0)
#define PUT4(p, step, z) do { \
	double *p_ = (p); \
	PUT(p_, z##0); PUT(p_ + (step), z##1); PUT(p_ + 2 * (step), z##2); PUT(p_ + 3 * (step), z##3); \
} while (0)
#define PUT8(p, step, z) do { \
	double *q_ = (p) + 4 * (step); \
	PUT4(p, step, z); \
	PUT(q_, z##4); PUT(q_ + (step), z##5); PUT(q_ + 2 * (step), z##6); PUT(q_ + 3 * (step), z##7); \
} while (0)

/* Eight points in order -> eight bins in bit-reversed order; w holds cos, tan of 4a, 2a, a and a + 1/8 turn. */
#define DFT8(z, w0, w1, w2, w3, w4, w5, w6, w7) do { \
	THERE(ADD_SUB, z##0, z##4, w0, w1); THERE(ADD_SUB, z##1, z##5, w0, w1); \
	THERE(ADD_SUB, z##2, z##6, w0, w1); THERE(ADD_SUB, z##3, z##7, w0, w1); \
	THERE(ADD_SUB, z##0, z##2, w2, w3); THERE(ADD_SUB_N, z##4, z##6, w2, w3); \
	THERE(ADD_SUB, z##1, z##3, w2, w3); THERE(ADD_SUB_N, z##5, z##7, w2, w3); \
	THERE(ADD_SUB, z##0, z##1, w4, w5); THERE(ADD_SUB, z##4, z##5, w6, w7); \
	THERE(ADD_SUB_N, z##2, z##3, w4, w5); THERE(ADD_SUB_N, z##6, z##7, w6, w7); \
} while (0)
/* Back, the turns first: from bit-reversed order. */
#define IDFT8(z, w0, w1, w2, w3, w4, w5, w6, w7) do { \
	BACK(ADD_SUB, z##0, z##1, w0, w1); BACK(ADD_SUB, z##2, z##3, w0, w1); \
	BACK(ADD_SUB, z##4, z##5, w0, w1); BACK(ADD_SUB, z##6, z##7, w0, w1); \
	BACK(ADD_SUB, z##0, z##2, w2, w3); BACK(ADD_SUB_P, z##1, z##3, w2, w3); \
	BACK(ADD_SUB, z##4, z##6, w2, w3); BACK(ADD_SUB_P, z##5, z##7, w2, w3); \
	BACK(ADD_SUB, z##0, z##4, w4, w5); BACK(ADD_SUB, z##1, z##5, w6, w7); \
	BACK(ADD_SUB_P, z##2, z##6, w4, w5); BACK(ADD_SUB_P, z##3, z##7, w6, w7); \
} while (0)
/* Back, the turns last: from bit-reversed order. */
#define IDFT8_AFTER(z, w0, w1, w2, w3, w4, w5, w6, w7) do { \
	AFTER(z##0, z##1, w4, w5); AFTER(z##4, z##5, w6, w7); \
	AFTER_P(z##2, z##3, w4, w5); AFTER_P(z##6, z##7, w6, w7); \
	AFTER(z##0, z##2, w2, w3); AFTER_P(z##4, z##6, w2, w3); \
	AFTER(z##1, z##3, w2, w3); AFTER_P(z##5, z##7, w2, w3); \
	AFTER(z##0, z##4, w0, w1); AFTER(z##1, z##5, w0, w1); \
	AFTER(z##2, z##6, w0, w1); AFTER(z##3, z##7, w0, w1); \
} while (0)

static const double root_half = 0x1.6a09e667f3bcdp-1;

/* ---- stages ---------------------------------------------------------------------------- */

/* Each works on n columns of 4 or 8 points: those of a column lie `fs` doubles apart where they come from and `ts` where
 * they go to, which may be the same place. */

/* The first stage of the way there, whose twiddles are all 1: a gives the real, b the imaginary parts, q rows apart. */
INLINE void
first4(const float *a, const float *b, size_t q, double *to, size_t ts, size_t n)
{
	for (; n--; a += 8, b += 8, to += ROW)
		for (size_t h = 0; h < 8; h += W) {
			const float *pa = a + h, *pb = b + h;
			V z0r = v_floats(pa), z0i = v_floats(pb);
			V z1r = v_floats(pa + 8 * q), z1i = v_floats(pb + 8 * q);
			V z2r = v_floats(pa + 16 * q), z2i = v_floats(pb + 16 * q);
			V z3r = v_floats(pa + 24 * q), z3i = v_floats(pb + 24 * q);

			PLAIN(z0, z2);
			PLAIN(z1, z3);
			PLAIN(z0, z1);
			PLAIN_N(z2, z3);
			PUT4(to + h, ts, z);
		}
}

/* A radix-4 stage there, w[6] for all columns. */
INLINE void
there4(const double *from, size_t fs, double *to, size_t ts, size_t n, const double *w)
{
	const V c2 = v_set1(w[0]), t2 = v_set1(w[1]), t1 = v_set1(w[2]), t3 = v_set1(w[3]);
	const V c31 = v_set1(w[4]), c1 = v_set1(w[5]);

	for (; n--; from += ROW, to += ROW)
		for (size_t h = 0; h < 8; h += W) {
			V NAMES4(z), x1, y1, x3, y3, q1r, q1i, q3r, q3i;

			GET4(from + h, fs, z);
			x1 = v_fma(t1, z1i, z1r), y1 = v_fnma(t1, z1r, z1i);
			x3 = v_fma(t3, z3i, z3r), y3 = v_fnma(t3, z3r, z3i);
			q1r = v_fma(c31, x3, x1), q1i = v_fma(c31, y3, y1);
			q3r = v_fnma(c31, x3, x1), q3i = v_fnma(c31, y3, y1);
			THERE(ADD_SUB, z0, z2, c2, t2);
			ADD_SUB(z0, z1, q1r, q1i, c1);
			ADD_SUB_N(z2, z3, q3r, q3i, c1);
			PUT4(to + h, ts, z);
		}
}

/* With radix 8, w[8]. */
INLINE void
there8(const double *from, size_t fs, double *to, size_t ts, size_t n, const double *w)
{
	const V w0 = v_set1(w[0]), w1 = v_set1(w[1]), w2 = v_set1(w[2]), w3 = v_set1(w[3]);
	const V w4 = v_set1(w[4]), w5 = v_set1(w[5]), w6 = v_set1(w[6]), w7 = v_set1(w[7]);

	for (; n--; from += ROW, to += ROW)
		for (size_t h = 0; h < 8; h += W) {
			V NAMES8(z);

			GET8(from + h, fs, z);
			DFT8(z, w0, w1, w2, w3, w4, w5, w6, w7);
			PUT8(to + h, ts, z);
		}
}

/* Back; w holds six for each column, as struct conv_plan's back. */
#define BACK4(z, w) do { \
	const V t2_ = v_set1((w)[1]), t1_ = v_set1((w)[2]), t3_ = v_set1((w)[3]); \
	const V c2_ = v_set1((w)[0]), c31_ = v_set1((w)[4]), c1_ = v_set1((w)[5]); \
	V x1_ = v_fnma(t1_, z##2i, z##2r), y1_ = v_fma(t1_, z##2r, z##2i); \
	V x3_ = v_fnma(t3_, z##3i, z##3r), y3_ = v_fma(t3_, z##3r, z##3i); \
	V q1r_ = v_fma(c31_, x3_, x1_), q1i_ = v_fma(c31_, y3_, y1_); \
	V q3r_ = v_fnma(c31_, x3_, x1_), q3i_ = v_fnma(c31_, y3_, y1_); \
	BACK(ADD_SUB, z##0, z##1, c2_, t2_); \
	ADD_SUB(z##0, z##2, q1r_, q1i_, c1_); \
	ADD_SUB_P(z##1, z##3, q3r_, q3i_, c1_); \
} while (0)

INLINE void
back4(const double *from, size_t fs, double *to, size_t ts, size_t n, const double *w)
{
	for (; n--; from += ROW, to += ROW, w += 6)
		for (size_t h = 0; h < 8; h += W) {
			V NAMES4(z);

			GET4(from + h, fs, z);
			BACK4(z, w);
			PUT4(to + h, ts, z);
		}
}

/* And eight for each column. */
INLINE void
back8(const double *from, size_t fs, double *to, size_t ts, size_t n, const double *w)
{
	for (; n--; from += ROW, to += ROW, w += 8)
		for (size_t h = 0; h < 8; h += W) {
			V NAMES8(z);

			GET8(from + h, fs, z);
			IDFT8(z, v_set1(w[0]), v_set1(w[1]), v_set1(w[2]), v_set1(w[3]), v_set1(w[4]), v_set1(w[5]),
			    v_set1(w[6]), v_set1(w[7]));
			PUT8(to + h, ts, z);
		}
}

/* Row p of the last stage to the signal: what lies before row `skip` is left out. */
#define GIVE(p, zz) do { \
	if ((p) >= skip) { \
		v_put_floats(a + ((p) - skip) * 8 + h, zz##r); \
		v_put_floats(b + ((p) - skip) * 8 + h, zz##i); \
	} \
} while (0)

/* The last stage back, to rows j, j + q, j + 2 q and j + 3 q of a and b, and n such. */
INLINE void
last4(const double *from, size_t fs, size_t n, const double *w, size_t j, size_t q, size_t skip, float *a, float *b)
{
	for (; n--; from += ROW, j++, w += 6)
		for (size_t h = 0; h < 8; h += W) {
			V NAMES4(z);

			GET4(from + h, fs, z);
			BACK4(z, w);
			GIVE(j, z0);
			GIVE(j + q, z1);
			GIVE(j + 2 * q, z2);
			GIVE(j + 3 * q, z3);
		}
}

/* ---- tiles: the last three levels down the rows and the three across the lanes ----------- */

struct tile { V r[8][H], i[8][H]; };

#define FROM_TILE(z, t, h) ( \
	z##0r = (t)->r[0][h], z##0i = (t)->i[0][h], z##1r = (t)->r[1][h], z##1i = (t)->i[1][h], \
	z##2r = (t)->r[2][h], z##2i = (t)->i[2][h], z##3r = (t)->r[3][h], z##3i = (t)->i[3][h], \
	z##4r = (t)->r[4][h], z##4i = (t)->i[4][h], z##5r = (t)->r[5][h], z##5i = (t)->i[5][h], \
	z##6r = (t)->r[6][h], z##6i = (t)->i[6][h], z##7r = (t)->r[7][h], z##7i = (t)->i[7][h])
#define TO_TILE(t, h, z) ( \
	(t)->r[0][h] = z##0r, (t)->i[0][h] = z##0i, (t)->r[1][h] = z##1r, (t)->i[1][h] = z##1i, \
	(t)->r[2][h] = z##2r, (t)->i[2][h] = z##2i, (t)->r[3][h] = z##3r, (t)->i[3][h] = z##3i, \
	(t)->r[4][h] = z##4r, (t)->i[4][h] = z##4i, (t)->r[5][h] = z##5r, (t)->i[5][h] = z##5i, \
	(t)->r[6][h] = z##6r, (t)->i[6][h] = z##6i, (t)->r[7][h] = z##7r, (t)->i[7][h] = z##7i)

/* Eight rows -> eight bins of each lane, and then turned over: lanes become rows.  w: the block's eight constants. */
INLINE void
tile_down(struct tile *t, const double *z, const double *w)
{
	V NAMES8(z);

	for (size_t h = 0; h < H; h++) {
		GET8(z + h * W, ROW, z);
		DFT8(z, v_set1(w[0]), v_set1(w[1]), v_set1(w[2]), v_set1(w[3]), v_set1(w[4]), v_set1(w[5]), v_set1(w[6]),
		    v_set1(w[7]));
		TO_TILE(t, h, z);
	}
	v_turn8(t->r);
	v_turn8(t->i);
}

/* Back: turned over, eight bins -> eight rows. */
INLINE void
tile_up(double *z, struct tile *t)
{
	const V s = v_set1(root_half), one = v_set1(1.0);
	V NAMES8(z);

	v_turn8(t->r);
	v_turn8(t->i);
	for (size_t h = 0; h < H; h++) {
		FROM_TILE(z, t, h);
		PLAIN(z0, z1);
		PLAIN(z2, z3);
		PLAIN(z4, z5);
		PLAIN(z6, z7);
		PLAIN(z0, z2);
		PLAIN_P(z1, z3);
		PLAIN(z4, z6);
		PLAIN_P(z5, z7);
		PLAIN(z0, z4);
		BACK(ADD_SUB, z1, z5, s, one);
		PLAIN_P(z2, z6);
		BACK(ADD_SUB_P, z3, z7, s, one);
		PUT8(z + h * W, ROW, z);
	}
}

/* Row k of a response's tile g, the real or (g + 8) the imaginary part.  Of a mirrored one: of the conjugate. */
#define RESPONSE(g, k) (mirrored ? v_reverse(v_load((g) + (7 - (k)) * ROW + 8 - W - h)) : v_load((g) + (k) * ROW + h))
/* z##k times the response. */
#define TIMES(k) do { \
	V gr_ = RESPONSE(j->h[0] + kept, k), gi_ = RESPONSE(j->h[0] + kept + 8, k), xr_ = z##k##r, xi_ = z##k##i; \
	z##k##r = mirrored ? v_fma(xi_, gi_, xr_ * gr_) : v_fnma(xi_, gi_, xr_ * gr_); \
	z##k##i = mirrored ? v_fnma(xr_, gi_, xi_ * gr_) : v_fma(xr_, gi_, xi_ * gr_); \
} while (0)
/* z##k = the sum of all terms. */
#define SUM(k) do { \
	z##k##r = z##k##i = v_set1(0.0); \
	for (size_t n_ = 0; n_ < j->terms; n_++) { \
		const double *x_ = j->xs[n_] + at + (k) * ROW + h; \
		V gr_ = RESPONSE(j->h[n_] + kept, k), gi_ = RESPONSE(j->h[n_] + kept + 8, k), xr_ = v_load(x_), xi_ = v_load(x_ + 8); \
		z##k##r = v_fma(xr_, gr_, z##k##r), z##k##i = v_fma(xi_, gr_, z##k##i); \
		z##k##r = mirrored ? v_fma(xi_, gi_, z##k##r) : v_fnma(xi_, gi_, z##k##r); \
		z##k##i = mirrored ? v_fnma(xr_, gi_, z##k##i) : v_fma(xr_, gi_, z##k##i); \
	} \
} while (0)

/* Tile b across the lanes, the product, and back. */
INLINE void
tile_across(const struct conv_job *j, struct tile *t, size_t b, int mirrored)
{
	size_t at = 8 * ROW * b, kept = 8 * ROW * conv_kept(b);
	V NAMES8(z);

	for (size_t h = 0; h < 8; h += W) {
		const double *w = j->plan->across + 64 * b + h;

		if (j->in[0]) {
			FROM_TILE(z, t, h / W);
			DFT8(z, v_load(w), v_load(w + 8), v_load(w + 16), v_load(w + 24), v_load(w + 32), v_load(w + 40),
			    v_load(w + 48), v_load(w + 56));
			if (j->x)
				PUT8(j->x + at + h, ROW, z);
			if (!j->terms)
				continue;
			TIMES(0);
			TIMES(1);
			TIMES(2);
			TIMES(3);
			TIMES(4);
			TIMES(5);
			TIMES(6);
			TIMES(7);
		} else {
			SUM(0);
			SUM(1);
			SUM(2);
			SUM(3);
			SUM(4);
			SUM(5);
			SUM(6);
			SUM(7);
		}
		IDFT8_AFTER(z, v_load(w), v_load(w + 8), v_load(w + 16), v_load(w + 24), v_load(w + 32), v_load(w + 40),
		    v_load(w + 48), v_load(w + 56));
		TO_TILE(t, h / W, z);
	}
}

/* ---- the order of things ---------------------------------------------------------------- */

static void
there(unsigned radix, double *z, size_t q, size_t n, const double *w)
{
	if (radix == 8)
		there8(z, q * ROW, z, q * ROW, n, w);
	else
		there4(z, q * ROW, z, q * ROW, n, w);
}

static void
back(unsigned radix, double *z, size_t q, size_t n, const double *w)
{
	if (radix == 8)
		back8(z, q * ROW, z, q * ROW, n, w);
	else
		back4(z, q * ROW, z, q * ROW, n, w);
}

static const double *
turns_there(const struct conv_plan *p, unsigned stage, size_t b)
{
	return p->radix[stage] == 8 ? p->down + 8 * b : p->there + 6 * b;
}

/* The last stage there, all its tiles, and the first one back.  What is done to the tiles is done to all of them before the
 * next: turning them over keeps one port of the CPU busy and the rest the other, and it does not look far enough ahead to
 * find the rest in the next tile when that lies behind all of this one. */
static void
leaf(const struct conv_job *j, double *z, size_t b)
{
	const struct conv_plan *p = j->plan;
	unsigned stage = p->stages - 1, n = p->radix[stage];
	struct tile t[8];

	if (j->in[0]) {
		there(n, z, 8, 8, turns_there(p, stage, b));
		for (size_t k = 0; k < n; k++)
			tile_down(&t[k], z + 8 * ROW * k, p->down + 8 * (n * b + k));
	}
	for (size_t k = 0; k < n; k++) {
		for (size_t i = 0; i < j->ahead_lines; i++)
			__builtin_prefetch(j->ahead + 16 * ((n * b + k) * j->ahead_lines + i), 0, 2);
		if (conv_mirrored(n * b + k))
			tile_across(j, &t[k], n * b + k, 1);
		else
			tile_across(j, &t[k], n * b + k, 0);
	}
	if (!j->terms)
		return;
	for (size_t k = 0; k < n; k++)
		tile_up(z + 8 * ROW * k, &t[k]);
	back(n, z, 8, 8, p->back[stage]);
}

/* Block b of s rows, all the way there and back.  Depth first, so that every cache is used for as many stages as it
 * holds. */
static void
block(const struct conv_job *j, double *z, size_t s, size_t b, unsigned stage)
{
	const struct conv_plan *p = j->plan;
	size_t radix = p->radix[stage], q = s / radix;

	if (stage == p->stages - 1) {
		leaf(j, z, b);
		return;
	}
	if (j->in[0])
		there(p->radix[stage], z, q, q, turns_there(p, stage, b));
	for (size_t r = 0; r < radix; r++)
		block(j, z + r * q * ROW, q, radix * b + r, stage + 1);
	if (j->terms)
		back(p->radix[stage], z, q, q, p->back[stage]);
}

/* The ends: the last stages back, and in the same places the first ones there from `in` (or NULL).
 *
 * Two stages at once, a few columns at a time by way of a scratch that stays in the first cache: what is written passes
 * from there to the second cache at a third of the speed of what is read.  The blocks of r1 * r2 lie p->gap doubles apart, or else all
 * rows of a column would want the same few lines of the cache. */
enum { COLUMNS = 4 };

INLINE void
two_ends(const struct conv_job *job, int last, const float *const *in, size_t r)
{
	const struct conv_plan *p = job->plan;
	size_t q = p->rows / 4, s = q / r, step = COLUMNS * ROW, apart = s * ROW + p->gap;
	double scratch[32 * COLUMNS * ROW] __attribute__((aligned(64)));

	for (size_t j = 0; j < s; j += COLUMNS) {
		double *z = job->z + j * ROW;

		for (size_t k = 0; last && k < 4; k++)
			if (r == 8)
				back8(z + k * r * apart, apart, scratch + k * r * step, step, COLUMNS, p->back[1] + 8 * j);
			else
				back4(z + k * r * apart, apart, scratch + k * r * step, step, COLUMNS, p->back[1] + 6 * j);
		for (size_t k = 0; last && k < r; k++)
			last4(scratch + k * step, r * step, COLUMNS, p->back[0] + 6 * (j + k * s), j + k * s, q, job->skip / 8,
			    job->out[0], job->out[1]);
		for (size_t k = 0; in && k < r; k++)
			first4(in[0] + 8 * (j + k * s), in[1] + 8 * (j + k * s), q, scratch + k * step, r * step, COLUMNS);
		for (size_t k = 0; in && k < 4; k++)
			if (r == 8)
				there8(scratch + k * r * step, step, z + k * r * apart, apart, COLUMNS, p->down + 8 * k);
			else
				there4(scratch + k * r * step, step, z + k * r * apart, apart, COLUMNS, p->there + 6 * k);
	}
}

/* One stage. */
static void
one_end(const struct conv_job *job, int last, const float *const *in)
{
	const struct conv_plan *p = job->plan;
	size_t q = p->rows / 4;

	for (size_t j = 0; j < q; j += COLUMNS) {
		double *z = job->z + j * ROW;

		if (last)
			last4(z, q * ROW, COLUMNS, p->back[0] + 6 * j, j, q, job->skip / 8, job->out[0], job->out[1]);
		if (in)
			first4(in[0] + 8 * j, in[1] + 8 * j, q, z, q * ROW, COLUMNS);
	}
}

static void
ends(const struct conv_job *j, int last, const float *const *in)
{
	if (!j->plan->gap)
		one_end(j, last, in);
	else if (j->plan->radix[1] == 8)
		two_ends(j, last, in, 8);
	else
		two_ends(j, last, in, 4);
}

void
CONV_FN(const struct conv_job *j)
{
	const struct conv_plan *p = j->plan;
	unsigned first = p->gap ? 2 : 1;
	size_t blocks = first == 2 ? 4 * p->radix[1] : 4, s = p->rows / blocks;

	if (j->in[0] && !j->begun)
		ends(j, 0, j->in);
	for (size_t b = 0; b < blocks; b++)
		block(j, j->z + b * (s * ROW + p->gap), s, b, first);
	if (j->terms)
		ends(j, 1, j->next[0] ? j->next : NULL);
}
