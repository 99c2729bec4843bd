/* conv_kernel.h - one batch of the convolution, written once for every width; no include guard.
 *
 * The includer defines W (1, 2, 4 or 8), the type V of W doubles that + - * work on, v_set1(c), v_load(p), v_store(p, v),
 * v_fma(a, b, c) = a * b + c, v_fnma(a, b, c) = c - a * b, v_floats(p) and v_put_floats(p, v), which round from and to W
 * floats at any address, v_turn8(x), which transposes V x[8][8 / W] as an 8 x 8 matrix of doubles, and CONV_FN.
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

#define NAMES8(z) z##0r, z##0i, z##1r, z##1i, z##2r, z##2i, z##3r, z##3i, z##4r, z##4i, z##5r, z##5i, z##6r, z##6i, z##7r, z##7i
#define GET(z, p, a) (a##r = v_load((z) + (p) * ROW), a##i = v_load((z) + (p) * ROW + 8))
#define PUT(z, p, a) (v_store((z) + (p) * ROW, a##r), v_store((z) + (p) * ROW + 8, a##i))

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

/* ---- from and to the signal ------------------------------------------------------------ */

/* The first stage of the way there, whose twiddles are all 1; a gives the real, b the imaginary parts. */
static void
first4(double *z, size_t m, const float *a, const float *b)
{
	size_t q = m / 4;

	for (size_t j = 0; j < q; j++)
		for (size_t h = 0; h < 8; h += W) {
			const float *pa = a + j * 8 + h, *pb = b + j * 8 + h;
			V z0r = v_floats(pa), z0i = v_floats(pb);
			V z1r = v_floats(pa + 8 * q), z1i = v_floats(pb + 8 * q);
			V z2r = v_floats(pa + 16 * q), z2i = v_floats(pb + 16 * q);
			V z3r = v_floats(pa + 24 * q), z3i = v_floats(pb + 24 * q);
			double *to = z + j * ROW + h;

			PLAIN(z0, z2);
			PLAIN(z1, z3);
			PLAIN(z0, z1);
			PLAIN_N(z2, z3);
			PUT(to, 0, z0);
			PUT(to, q, z1);
			PUT(to, 2 * q, z2);
			PUT(to, 3 * q, z3);
		}
}

static void
first8(double *z, size_t m, const float *a, const float *b)
{
	const V s = v_set1(root_half), one = v_set1(1.0);
	size_t q = m / 8;

	for (size_t j = 0; j < q; j++)
		for (size_t h = 0; h < 8; h += W) {
			const float *pa = a + j * 8 + h, *pb = b + j * 8 + h;
			V z0r = v_floats(pa), z0i = v_floats(pb);
			V z1r = v_floats(pa + 8 * q), z1i = v_floats(pb + 8 * q);
			V z2r = v_floats(pa + 16 * q), z2i = v_floats(pb + 16 * q);
			V z3r = v_floats(pa + 24 * q), z3i = v_floats(pb + 24 * q);
			V z4r = v_floats(pa + 32 * q), z4i = v_floats(pb + 32 * q);
			V z5r = v_floats(pa + 40 * q), z5i = v_floats(pb + 40 * q);
			V z6r = v_floats(pa + 48 * q), z6i = v_floats(pb + 48 * q);
			V z7r = v_floats(pa + 56 * q), z7i = v_floats(pb + 56 * q);
			double *to = z + j * ROW + h;

			PLAIN(z0, z4);
			PLAIN(z1, z5);
			PLAIN(z2, z6);
			PLAIN(z3, z7);
			PLAIN(z0, z2);
			PLAIN_N(z4, z6);
			PLAIN(z1, z3);
			PLAIN_N(z5, z7);
			PLAIN(z0, z1);
			PLAIN_N(z2, z3);
			THERE(ADD_SUB, z4, z5, s, one);
			THERE(ADD_SUB_N, z6, z7, s, one);
			PUT(to, 0, z0);
			PUT(to, q, z1);
			PUT(to, 2 * q, z2);
			PUT(to, 3 * q, z3);
			PUT(to, 4 * q, z4);
			PUT(to, 5 * q, z5);
			PUT(to, 6 * q, z6);
			PUT(to, 7 * q, z7);
		}
}

/* Four bins of a radix-4 stage back; w as struct conv_plan's back. */
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

/* Point p of the last stage to the signal: what lies before the first frame wanted is left out. */
#define GIVE(p, zz) do { \
	if ((p) >= from) { \
		v_put_floats(a + ((p) - from) * 8 + h, zz##r); \
		v_put_floats(b + ((p) - from) * 8 + h, zz##i); \
	} \
} while (0)

/* The last stage back. */
static void
last4(const double *z, size_t m, const double *w, size_t from, float *a, float *b)
{
	size_t q = m / 4;

	for (size_t j = 0; j < q; j++, w += 6)
		for (size_t h = 0; h < 8; h += W) {
			V z0r, z0i, z1r, z1i, z2r, z2i, z3r, z3i;

			GET(z + h, j, z0);
			GET(z + h, j + q, z1);
			GET(z + h, j + 2 * q, z2);
			GET(z + h, j + 3 * q, z3);
			BACK4(z, w);
			GIVE(j, z0);
			GIVE(j + q, z1);
			GIVE(j + 2 * q, z2);
			GIVE(j + 3 * q, z3);
		}
}

static void
last8(const double *z, size_t m, const double *w, size_t from, float *a, float *b)
{
	size_t q = m / 8;

	for (size_t j = 0; j < q; j++, w += 8)
		for (size_t h = 0; h < 8; h += W) {
			V NAMES8(z);

			GET(z + h, j, z0);
			GET(z + h, j + q, z1);
			GET(z + h, j + 2 * q, z2);
			GET(z + h, j + 3 * q, z3);
			GET(z + h, j + 4 * q, z4);
			GET(z + h, j + 5 * q, z5);
			GET(z + h, j + 6 * q, z6);
			GET(z + h, j + 7 * q, z7);
			IDFT8(z, v_set1(w[0]), v_set1(w[1]), v_set1(w[2]), v_set1(w[3]), v_set1(w[4]), v_set1(w[5]),
			    v_set1(w[6]), v_set1(w[7]));
			GIVE(j, z0);
			GIVE(j + q, z1);
			GIVE(j + 2 * q, z2);
			GIVE(j + 3 * q, z3);
			GIVE(j + 4 * q, z4);
			GIVE(j + 5 * q, z5);
			GIVE(j + 6 * q, z6);
			GIVE(j + 7 * q, z7);
		}
}

/* ---- stages between -------------------------------------------------------------------- */

/* One radix-4 stage there over one block of s rows, whose twiddles are w[6] for all of them. */
static void
there4(double *z, size_t s, const double *w)
{
	const V c2 = v_set1(w[0]), t2 = v_set1(w[1]), t1 = v_set1(w[2]), t3 = v_set1(w[3]);
	const V c31 = v_set1(w[4]), c1 = v_set1(w[5]);
	size_t q = s / 4;

	for (size_t j = 0; j < q; j++)
		for (size_t h = 0; h < 8; h += W) {
			V z0r, z0i, z1r, z1i, z2r, z2i, z3r, z3i, x1, y1, x3, y3, q1r, q1i, q3r, q3i;

			GET(z + h, j, z0);
			GET(z + h, j + q, z1);
			GET(z + h, j + 2 * q, z2);
			GET(z + h, j + 3 * q, z3);
			x1 = v_fma(t1, z1i, z1r), y1 = v_fnma(t1, z1r, z1i);
			x3 = v_fma(t3, z3i, z3r), y3 = v_fnma(t3, z3r, z3i);
			q1r = v_fma(c31, x3, x1), q1i = v_fma(c31, y3, y1);
			q3r = v_fnma(c31, x3, x1), q3i = v_fnma(c31, y3, y1);
			THERE(ADD_SUB, z0, z2, c2, t2);
			ADD_SUB(z0, z1, q1r, q1i, c1);
			ADD_SUB_N(z2, z3, q3r, q3i, c1);
			PUT(z + h, j, z0);
			PUT(z + h, j + q, z1);
			PUT(z + h, j + 2 * q, z2);
			PUT(z + h, j + 3 * q, z3);
		}
}

#define GET8(z, j, q, a) do { \
	GET(z, j, a##0); GET(z, (j) + (q), a##1); GET(z, (j) + 2 * (q), a##2); GET(z, (j) + 3 * (q), a##3); \
	GET(z, (j) + 4 * (q), a##4); GET(z, (j) + 5 * (q), a##5); GET(z, (j) + 6 * (q), a##6); GET(z, (j) + 7 * (q), a##7); \
} while (0)
#define PUT8(z, j, q, a) do { \
	PUT(z, j, a##0); PUT(z, (j) + (q), a##1); PUT(z, (j) + 2 * (q), a##2); PUT(z, (j) + 3 * (q), a##3); \
	PUT(z, (j) + 4 * (q), a##4); PUT(z, (j) + 5 * (q), a##5); PUT(z, (j) + 6 * (q), a##6); PUT(z, (j) + 7 * (q), a##7); \
} while (0)

/* The same with radix 8. */
static void
there8(double *z, size_t s, const double *w)
{
	const V w0 = v_set1(w[0]), w1 = v_set1(w[1]), w2 = v_set1(w[2]), w3 = v_set1(w[3]);
	const V w4 = v_set1(w[4]), w5 = v_set1(w[5]), w6 = v_set1(w[6]), w7 = v_set1(w[7]);
	size_t q = s / 8;

	for (size_t j = 0; j < q; j++)
		for (size_t h = 0; h < 8; h += W) {
			V NAMES8(z);

			GET8(z + h, j, q, z);
			DFT8(z, w0, w1, w2, w3, w4, w5, w6, w7);
			PUT8(z + h, j, q, z);
		}
}

static void
back8(double *z, size_t s, const double *w)
{
	size_t q = s / 8;

	for (size_t j = 0; j < q; j++, w += 8)
		for (size_t h = 0; h < 8; h += W) {
			V NAMES8(z);

			GET8(z + h, j, q, z);
			IDFT8(z, v_set1(w[0]), v_set1(w[1]), v_set1(w[2]), v_set1(w[3]), v_set1(w[4]), v_set1(w[5]),
			    v_set1(w[6]), v_set1(w[7]));
			PUT8(z + h, j, q, z);
		}
}

static void
back4(double *z, size_t s, const double *w)
{
	size_t q = s / 4;

	for (size_t j = 0; j < q; j++, w += 6)
		for (size_t h = 0; h < 8; h += W) {
			V z0r, z0i, z1r, z1i, z2r, z2i, z3r, z3i;

			GET(z + h, j, z0);
			GET(z + h, j + q, z1);
			GET(z + h, j + 2 * q, z2);
			GET(z + h, j + 3 * q, z3);
			BACK4(z, w);
			PUT(z + h, j, z0);
			PUT(z + h, j + q, z1);
			PUT(z + h, j + 2 * q, z2);
			PUT(z + h, j + 3 * q, z3);
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

/* Eight rows -> 64 bins.  down: the block's eight constants; across: eight rows of eight. */
INLINE void
tile_there(struct tile *t, const double *z, const double *down, const double *across)
{
	V NAMES8(z);

	for (size_t h = 0; h < H; h++) {
		const double *at = z + h * W;

		GET(at, 0, z0);
		GET(at, 1, z1);
		GET(at, 2, z2);
		GET(at, 3, z3);
		GET(at, 4, z4);
		GET(at, 5, z5);
		GET(at, 6, z6);
		GET(at, 7, z7);
		DFT8(z, v_set1(down[0]), v_set1(down[1]), v_set1(down[2]), v_set1(down[3]), v_set1(down[4]),
		    v_set1(down[5]), v_set1(down[6]), v_set1(down[7]));
		TO_TILE(t, h, z);
	}
	v_turn8(t->r);
	v_turn8(t->i);
	for (size_t h = 0; h < H; h++) {
		const double *w = across + h * W;

		FROM_TILE(z, t, h);
		DFT8(z, v_load(w), v_load(w + 8), v_load(w + 16), v_load(w + 24), v_load(w + 32), v_load(w + 40),
		    v_load(w + 48), v_load(w + 56));
		TO_TILE(t, h, z);
	}
}

INLINE void
tile_back(double *z, struct tile *t, const double *across)
{
	const V s = v_set1(root_half), one = v_set1(1.0);
	V NAMES8(z);

	for (size_t h = 0; h < H; h++) {
		const double *w = across + h * W;

		FROM_TILE(z, t, h);
		IDFT8_AFTER(z, v_load(w), v_load(w + 8), v_load(w + 16), v_load(w + 24), v_load(w + 32), v_load(w + 40),
		    v_load(w + 48), v_load(w + 56));
		TO_TILE(t, h, z);
	}
	v_turn8(t->r);
	v_turn8(t->i);
	for (size_t h = 0; h < H; h++) {
		double *at = z + h * W;

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
		PUT(at, 0, z0);
		PUT(at, 1, z1);
		PUT(at, 2, z2);
		PUT(at, 3, z3);
		PUT(at, 4, z4);
		PUT(at, 5, z5);
		PUT(at, 6, z6);
		PUT(at, 7, z7);
	}
}

INLINE void
tile_times(struct tile *t, const double *g)
{
#define TIMES(k) do { \
	V gr_ = v_load(g + (k) * ROW + h * W), gi_ = v_load(g + (k) * ROW + 8 + h * W); \
	V xr_ = t->r[k][h], xi_ = t->i[k][h]; \
	t->r[k][h] = v_fnma(xi_, gi_, xr_ * gr_); \
	t->i[k][h] = v_fma(xi_, gr_, xr_ * gi_); \
} while (0)
	for (size_t h = 0; h < H; h++) {
		TIMES(0);
		TIMES(1);
		TIMES(2);
		TIMES(3);
		TIMES(4);
		TIMES(5);
		TIMES(6);
		TIMES(7);
	}
#undef TIMES
}

INLINE void
tile_keep(double *x, const struct tile *t)
{
	V NAMES8(z);

	for (size_t h = 0; h < H; h++) {
		double *at = x + h * W;

		FROM_TILE(z, t, h);
		PUT(at, 0, z0);
		PUT(at, 1, z1);
		PUT(at, 2, z2);
		PUT(at, 3, z3);
		PUT(at, 4, z4);
		PUT(at, 5, z5);
		PUT(at, 6, z6);
		PUT(at, 7, z7);
	}
}

/* The sum of all terms, each g * x. */
INLINE void
tile_sum(struct tile *t, const struct conv_job *j, size_t at)
{
	for (size_t h = 0; h < H; h++)
		for (size_t k = 0; k < 8; k++) {
			size_t place = at + k * ROW + h * W;
			V r = v_set1(0.0), i = v_set1(0.0);

			for (size_t n = 0; n < j->terms; n++) {
				V gr = v_load(j->h[n] + place), gi = v_load(j->h[n] + place + 8);
				V xr = v_load(j->xs[n] + place), xi = v_load(j->xs[n] + place + 8);

				r = v_fma(xr, gr, r), i = v_fma(xr, gi, i);
				r = v_fnma(xi, gi, r), i = v_fma(xi, gr, i);
			}
			t->r[k][h] = r;
			t->i[k][h] = i;
		}
}

static void
tile(const struct conv_job *j, double *z, size_t b)
{
	const struct conv_plan *p = j->plan;
	struct tile t;

	if (j->in[0])
		tile_there(&t, z, p->down + 8 * b, p->across + 64 * b);
	if (j->x)
		tile_keep(j->x + 8 * ROW * b, &t);
	if (!j->terms)
		return;
	if (j->xs)
		tile_sum(&t, j, 8 * ROW * b);
	else
		tile_times(&t, j->h[0] + 8 * ROW * b);
	tile_back(z, &t, p->across + 64 * b);
}

/* Block b of s rows, all the way there and back.  Depth first, so that every cache is used for as many stages as it
 * holds. */
static void
block(const struct conv_job *j, double *z, size_t s, size_t b, unsigned stage)
{
	const struct conv_plan *p = j->plan;
	size_t radix = p->radix[stage];

	if (stage == p->stages) {
		tile(j, z, b);
		return;
	}
	if (j->in[0] && radix == 8)
		there8(z, s, p->down + 8 * b);
	else if (j->in[0])
		there4(z, s, p->there + 6 * b);
	for (size_t r = 0; r < radix; r++)
		block(j, z + r * (s / radix) * ROW, s / radix, radix * b + r, stage + 1);
	if (j->terms && radix == 8)
		back8(z, s, p->back[stage]);
	else if (j->terms)
		back4(z, s, p->back[stage]);
}

void
CONV_FN(const struct conv_job *j)
{
	const struct conv_plan *p = j->plan;
	size_t root = p->radix[0], part = p->rows / root, skip = j->skip / 8;

	if (j->in[0] && root == 8)
		first8(j->z, p->rows, j->in[0], j->in[1]);
	else if (j->in[0])
		first4(j->z, p->rows, j->in[0], j->in[1]);
	for (size_t r = 0; r < root; r++)
		block(j, j->z + r * part * ROW, part, r, 1);
	if (j->terms && root == 8)
		last8(j->z, p->rows, p->back[0], skip, j->out[0], j->out[1]);
	else if (j->terms)
		last4(j->z, p->rows, p->back[0], skip, j->out[0], j->out[1]);
}
