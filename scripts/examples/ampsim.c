/* ampsim - guitar amplifiers by simulation of their circuits.
 *
 *     ampsim AMP IN.wav OUT.wav        (ampsim alone lists the amps)
 *
 * An amp is a chain: triode stages that each solve their own node equations,
 * linear networks of resistors and capacitors between them (volume and tone
 * controls), a phase splitter with two power tubes, transformer and speaker
 * load.  All runs at eight times the file's rate, trapezoidal in time, Newton's
 * method at each step.  Grids draw current when driven positive, so coupling
 * capacitors charge up and stages block as they do in the real thing.
 *
 * Triodes and pentodes: N. Koren, "Improved vacuum tube models for SPICE
 * simulations" (1996).  Grid current: K. Dempwolf and U. Zoelzer, "A physically
 * motivated triode model for circuit simulations", DAFx 2011.  The circuits
 * are ours; their values are of the usual kinds, no amp is a copy of one. */
#include "wav.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

enum {
	OVER = 8,                 /* oversampling */
	NODES = 8, PARTS = 14,    /* of one linear network */
	LINKS = 12,               /* of one amp */
	SECTIONS = 6              /* second-order sections of the rate filters */
};

static const double dt = 1.0 / (WAV_RATE * OVER);
static const double input_volts = 2.0;       /* at full scale of the DI */

/* ---- tubes ---------------------------------------------------------- */

/* log(1 + e^x) and its slope */
static double
softplus(double x, double *slope)
{
	double e;

	if (x > 35) {
		*slope = 1;
		return x;
	}
	e = exp(x);
	*slope = e / (1 + e);
	return log1p(e);
}

/* Plate current of half a 12AX7, and its slopes over grid and plate volts. */
static double
triode(double vg, double vp, double *dg, double *dp)
{
	const double mu = 100, ex = 1.4, kg = 1060, kp = 600, kvb = 300;
	double s, l, sig, e, i;

	vp = fmax(vp, 1e-3);
	s = sqrt(kvb + vp * vp);
	l = softplus(kp * (1 / mu + vg / s), &sig);
	e = vp / kp * l;
	if (e < 1e-12) {
		*dg = *dp = 0;
		return 0;
	}
	i = 2 / kg * exp(ex * log(e));
	*dg = ex * i / e * vp * sig / s;
	*dp = ex * i / e * (l / kp - vp * vp * vg * sig / (s * s * s));
	return i;
}

/* Grid current at vgk volts; g scales it with the size of the tube. */
static double
grid(double vgk, double g, double *slope)
{
	const double c = 13.9, xi = 1.354, g0 = 6.06e-4;
	double l, sig, i;

	*slope = 0;
	if (vgk < -1.5)
		return 0;
	l = softplus(c * vgk, &sig) / c;
	i = g * g0 * exp(xi * log(l));
	*slope = xi * i / l * sig;
	return i;
}

struct pentode { double mu, ex, kg, kp, kvb; };

static const struct pentode el34 = { 11, 1.35, 650, 60, 24 };
static const struct pentode beam = { 8.7, 1.35, 1460, 48, 12 };    /* 6L6GC */
static const struct pentode kt88 = { 8.8, 1.35, 730, 32, 16 };

/* Plate current at grid vg, screen vs, plate vp, and its slope over vp. */
static double
pentode(const struct pentode *t, double vg, double vs, double vp, double *dp)
{
	double sig, e = vs / t->kp * softplus(t->kp * (1 / t->mu + vg / vs), &sig);
	double k = e < 1e-12 ? 0 : 2 / t->kg * exp(t->ex * log(e)), r = vp / t->kvb;

	*dp = vp > 0 ? k / t->kvb / (1 + r * r) : 0;
	return vp > 0 ? k * atan(r) : 0;
}

/* ---- linear networks ------------------------------------------------ */

/* Node 0 is ground, node 1 the source, the output is the highest node. */
struct part { char kind; int a, b; double value; };   /* 'R' ohm, 'C' farad */

struct net {
	struct part part[PARTS];
	int nodes, parts;
	double inv[NODES][NODES];      /* conductances of nodes 2.., inverted */
	double v[NODES], hist[PARTS];  /* volts; current sources that stand for capacitors */
};

static double
conductance(const struct part *p)
{
	return p->kind == 'C' ? 2 * p->value / dt : 1 / fmax(p->value, 1);
}

static void
net_init(struct net *n)
{
	double g[NODES][2 * NODES] = { { 0 } };
	int m;

	n->nodes = 2;
	for (n->parts = 0; n->parts < PARTS && n->part[n->parts].kind; n->parts++) {
		const struct part *p = &n->part[n->parts];

		n->nodes = p->a >= n->nodes ? p->a + 1 : n->nodes;
		n->nodes = p->b >= n->nodes ? p->b + 1 : n->nodes;
		for (int k = 0; k < 2; k++) {
			int a = k ? p->b : p->a, b = k ? p->a : p->b;

			if (a > 1)
				g[a - 2][a - 2] += conductance(p);
			if (a > 1 && b > 1)
				g[a - 2][b - 2] -= conductance(p);
		}
	}
	m = n->nodes - 2;
	for (int i = 0; i < m; i++)
		g[i][m + i] = 1;
	/* Gauss and Jordan; a conductance matrix needs no pivoting */
	for (int i = 0; i < m; i++) {
		double d = g[i][i];

		for (int k = 0; k < 2 * m; k++)
			g[i][k] /= d;
		for (int j = 0; j < m; j++) {
			double c = g[j][i];

			for (int k = 0; k < 2 * m && j != i; k++)
				g[j][k] -= c * g[i][k];
		}
	}
	for (int i = 0; i < m; i++)
		memcpy(n->inv[i], &g[i][m], (size_t)m * sizeof(double));
}

static double
net_step(struct net *n, double x)
{
	double b[NODES] = { 0 };
	int m = n->nodes - 2;

	for (int i = 0; i < n->parts; i++) {
		const struct part *p = &n->part[i];
		double j = n->hist[i], g = conductance(p);

		b[p->a] += j + (p->b == 1 ? g * x : 0);
		b[p->b] += -j + (p->a == 1 ? g * x : 0);
	}
	n->v[1] = x;
	for (int i = 0; i < m; i++) {
		double v = 0;

		for (int k = 0; k < m; k++)
			v += n->inv[i][k] * b[k + 2];
		n->v[i + 2] = v;
	}
	for (int i = 0; i < n->parts; i++) {
		const struct part *p = &n->part[i];

		if (p->kind == 'C')   /* trapezoidal: the current of now, turned over */
			n->hist[i] = 2 * conductance(p) * (n->v[p->a] - n->v[p->b]) - n->hist[i];
	}
	return n->v[n->nodes - 1];
}

/* ---- a triode stage ------------------------------------------------- */

struct stage {
	double rs, cc, rg, cm;         /* source, coupling (0: none), leak, Miller */
	double rp, rk, ck, vb;         /* plate, cathode (ck 0: none), supply */
	double vg, vp, vk;             /* where the last step ended */
	double vcc, hm, hk;            /* coupling capacitor's source, histories */
};

/* One step from the open-circuit volts x of what drives the stage to its plate. */
static double
stage_step(struct stage *s, double x)
{
	double rc = s->cc > 0 ? dt / (2 * s->cc) : 0, gs = 1 / (s->rs + rc);
	double gm = 2 * s->cm / dt, gk = 2 * s->ck / dt, i;

	for (int it = 0; it < 25; it++) {
		double ig, ip, g1, a, b, f1, f2, f3, j11, j13, j21, j22, j23, j31, j32, j33, det, d1, d2, d3;

		ig = grid(s->vg - s->vk, 1, &g1);
		ip = triode(s->vg - s->vk, s->vp - s->vk, &a, &b);
		f1 = gs * (x - s->vg - s->vcc) - s->vg / s->rg - gm * s->vg + s->hm - ig;
		f2 = (s->vb - s->vp) / s->rp - ip;
		f3 = ip + ig - s->vk / s->rk - gk * s->vk + s->hk;
		j11 = -gs - 1 / s->rg - gm - g1;
		j13 = g1;
		j21 = -a;
		j22 = -1 / s->rp - b;
		j23 = a + b;
		j31 = a + g1;
		j32 = b;
		j33 = -a - b - g1 - 1 / s->rk - gk;
		det = j11 * (j22 * j33 - j23 * j32) + j13 * (j21 * j32 - j22 * j31);
		d1 = (f1 * (j22 * j33 - j23 * j32) + j13 * (f2 * j32 - j22 * f3)) / det;
		d2 = (j11 * (f2 * j33 - j23 * f3) - f1 * (j21 * j33 - j23 * j31) +
		      j13 * (j21 * f3 - f2 * j31)) / det;
		d3 = (j11 * (j22 * f3 - f2 * j32) + f1 * (j21 * j32 - j22 * j31)) / det;
		s->vg -= fmax(-4, fmin(4, d1));
		s->vp = fmin(s->vb, fmax(0.1, s->vp - fmax(-60, fmin(60, d2))));
		s->vk -= fmax(-2, fmin(2, d3));
		if (fabs(d1) < 1e-6 && fabs(d2) < 1e-4 && fabs(d3) < 1e-6)
			break;
	}
	i = gs * (x - s->vg - s->vcc);
	if (s->cc > 0)
		s->vcc += 2 * rc * i;
	s->hm = 2 * gm * s->vg - s->hm;
	s->hk = 2 * gk * s->vk - s->hk;
	return s->vp;
}

/* ---- splitter, power tubes, transformer ----------------------------- */

struct power {
	const struct pentode *tube;
	double vb, bias, raa;          /* supply, grid bias (> 0), plate to plate load */
	double cc, drive;              /* coupling; share of the splitter's swing used */
	double r_supply, c_supply;     /* what makes the supply sag */
	double low_hz, high_hz;        /* transformer */
	double bump_hz, bump_db, rise_hz, rise_db;   /* speaker load and presence */
	double k, p1, p2;              /* splitter: cathode and plates */
	double g[2], vcc[2], u, v;     /* grids, coupling, swing, supply now */
	double lo, hi, b[2][5], z[2][2];
};

/* A peak (shelf = 0) or high shelf after the usual bilinear designs. */
static void
eq_init(double *b, double hz, double db, double q, int shelf)
{
	double a = pow(10, db / 40), w = 2 * PI * hz * dt, c = cos(w), al = sin(w) / (2 * q), a0;

	if (shelf) {
		double r = 2 * sqrt(a) * al;

		a0 = (a + 1) - (a - 1) * c + r;
		b[0] = a * ((a + 1) + (a - 1) * c + r) / a0;
		b[1] = -2 * a * ((a - 1) + (a + 1) * c) / a0;
		b[2] = a * ((a + 1) + (a - 1) * c - r) / a0;
		b[3] = 2 * ((a - 1) - (a + 1) * c) / a0;
		b[4] = ((a + 1) - (a - 1) * c - r) / a0;
	} else {
		a0 = 1 + al / a;
		b[0] = (1 + al * a) / a0;
		b[1] = b[3] = -2 * c / a0;
		b[2] = (1 - al * a) / a0;
		b[4] = (1 - al / a) / a0;
	}
}

static double
biquad(const double *b, double *z, double x)
{
	double y = b[0] * x + z[0];

	z[0] = b[1] * x - b[3] * y + z[1];
	z[1] = b[2] * x - b[4] * y;
	return y;
}

/* A pair of 12AX7 halves with a common cathode: one grid at x, one still. */
static void
split(struct power *p, double x, double *a, double *b)
{
	const double r1 = 82e3, r2 = 100e3, tail = 10.5e3, vg = 24, vb = 300;

	for (int it = 0; it < 25; it++) {
		double g1, d1, g2, d2, i1, i2, f, fk, j;

		i1 = triode(vg + x - p->k, p->p1 - p->k, &g1, &d1);
		i2 = triode(vg - p->k, p->p2 - p->k, &g2, &d2);
		/* the plates follow from the cathode: Newton on it alone */
		f = ((vb - p->p1) / r1 - i1) / (1 / r1 + d1);
		p->p1 += f;
		fk = ((vb - p->p2) / r2 - i2) / (1 / r2 + d2);
		p->p2 += fk;
		i1 += d1 * f;
		i2 += d2 * fk;
		j = -(g1 + d1) / (1 + r1 * d1) - (g2 + d2) / (1 + r2 * d2) - 1 / tail;
		fk = (i1 + i2 - p->k / tail) / j;
		p->k -= fmax(-3, fmin(3, fk));
		if (fabs(fk) < 1e-6 && fabs(f) < 1e-4)
			break;
	}
	*a = p->p1;
	*b = p->p2;
}

static double
power_grid(struct power *p, int side, double x)
{
	const double rs = 60e3, rg = 220e3;
	double rc = dt / (2 * p->cc), gs = 1 / (rs + rc), g;

	for (int it = 0; it < 25; it++) {
		double ig = grid(p->g[side], 3, &g);
		double d = (gs * (x - p->g[side] - p->vcc[side]) - (p->g[side] + p->bias) / rg - ig) /
		           (gs + 1 / rg + g);

		p->g[side] += fmax(-5, fmin(5, d));
		if (fabs(d) < 1e-6)
			break;
	}
	p->vcc[side] += 2 * rc * gs * (x - p->g[side] - p->vcc[side]);
	return p->g[side];
}

static void
power_init(struct power *p)
{
	p->v = p->vb;
	p->k = 25;
	p->p1 = p->p2 = 200;
	p->g[0] = p->g[1] = -p->bias;
	eq_init(p->b[0], p->bump_hz, p->bump_db, 1.2, 0);
	eq_init(p->b[1], p->rise_hz, p->rise_db, 0.6, 1);
}

/* Volts at the splitter's grid in, volts at the speaker out (about +-1). */
static double
power_step(struct power *p, double x)
{
	double a, b, g1, g2, i1 = 0, i2 = 0, y;

	split(p, x, &a, &b);
	g1 = power_grid(p, 0, a * p->drive);
	g2 = power_grid(p, 1, b * p->drive);
	for (int it = 0; it < 40; it++) {
		double d1, d2, f;

		i1 = pentode(p->tube, g1, p->v, p->v - p->u, &d1);
		i2 = pentode(p->tube, g2, p->v, p->v + p->u, &d2);
		f = (p->u - (i1 - i2) * p->raa / 4) / (1 + (d1 + d2) * p->raa / 4);
		p->u -= fmax(-80, fmin(80, f));
		if (fabs(f) < 1e-5)
			break;
	}
	p->v += dt / p->c_supply * ((p->vb - p->v) / p->r_supply - i1 - i2);
	p->lo += 2 * PI * p->low_hz * dt * (p->u - p->lo);
	p->hi += (1 - exp(-2 * PI * p->high_hz * dt)) * (p->u - p->lo - p->hi);
	y = biquad(p->b[0], p->z[0], p->hi);
	return biquad(p->b[1], p->z[1], y) / p->vb;
}

/* ---- amps ----------------------------------------------------------- */

struct link {
	enum { END, STAGE, NET, SCALE } kind;
	struct stage s;
	struct net n;
	double scale;
};

struct amp {
	const char *name, *what;
	double out;                    /* gain to the file */
	struct link chain[LINKS];
	struct power power;
};

#define K *1e3
#define M *1e6
#define U *1e-6
#define N *1e-9
#define P *1e-12
#define TRIODE(...) { .kind = STAGE, .s = { __VA_ARGS__ } }
#define PARTS_(...) { .kind = NET, .n = { .part = { __VA_ARGS__ } } }
/* A pot of r ohm at position t from its foot, between a and b, wiper w. */
#define POT(r, t, a, w, b) { 'R', a, w, (r) * (1 - (t)) }, { 'R', w, b, (r) * (t) }
/* The three-knob stack: node 2 behind the source resistance, out at the
 * treble wiper, node 7. */
#define STACK(src, ct, slope, cb, cm, rt, rb, rm, t, b, m) \
	{ 'R', 1, 2, src }, { 'C', 2, 3, ct }, { 'R', 2, 4, slope }, { 'C', 4, 5, cb }, \
	{ 'C', 4, 6, cm }, POT(rt, t, 3, 7, 5), { 'R', 5, 6, (rb) * (b) }, { 'R', 6, 0, (rm) * (m) }, \
	{ 'R', 7, 0, 1 M }

static struct amp amps[] = {
	{ .name = "harbor", .what = "clean: two stages, scooped stack between them, stiff beam-tube power",
	  .out = 0.40,
	  .chain = {
		TRIODE(.rs = 34 K, .rg = 1 M, .cm = 150 P, .rp = 100 K, .rk = 1.5 K, .ck = 25 U, .vb = 260),
		PARTS_(STACK(40 K, 250 P, 100 K, 100 N, 47 N, 250 K, 250 K, 10 K, 0.55, 0.45, 0.60)),
		{ .kind = SCALE, .scale = 0.075 },      /* volume */
		TRIODE(.rs = 100 K, .cc = 100 N, .rg = 1 M, .cm = 100 P, .rp = 100 K, .rk = 1.5 K, .ck = 25 U, .vb = 270),
		PARTS_({ 'R', 1, 2, 40 K }, { 'C', 2, 3, 22 N }, POT(1 M, 0.16, 3, 4, 0)),
	  },
	  .power = { .tube = &beam, .vb = 420, .bias = 38, .raa = 4200, .cc = 100 N, .drive = 1,
		.r_supply = 60, .c_supply = 60 U, .low_hz = 35, .high_hz = 15e3,
		.bump_hz = 95, .bump_db = 3, .rise_hz = 2800, .rise_db = 4 } },

	{ .name = "crown", .what = "crunch: bright input, hot second stage, stack after it, power tubes pushed",
	  .out = 0.32,
	  .chain = {
		TRIODE(.rs = 68 K, .rg = 1 M, .cm = 150 P, .rp = 100 K, .rk = 2.7 K, .ck = 0.68 U, .vb = 290),
		PARTS_({ 'R', 1, 2, 40 K }, { 'C', 2, 3, 22 N }, { 'C', 3, 4, 470 P }, POT(1 M, 0.22, 3, 4, 0)),
		TRIODE(.rs = 270 K, .rg = 2.2 M, .cm = 90 P, .rp = 100 K, .rk = 0.82 K, .ck = 0, .vb = 290),
		PARTS_(STACK(1 K, 470 P, 33 K, 22 N, 22 N, 220 K, 1 M, 25 K, 0.60, 0.35, 0.65)),
		PARTS_({ 'R', 1, 2, 30 K }, { 'C', 2, 3, 22 N }, POT(1 M, 0.11, 3, 4, 0)),
	  },
	  .power = { .tube = &el34, .vb = 440, .bias = 37, .raa = 3400, .cc = 22 N, .drive = 1,
		.r_supply = 110, .c_supply = 50 U, .low_hz = 45, .high_hz = 12e3,
		.bump_hz = 110, .bump_db = 4, .rise_hz = 2400, .rise_db = 5 } },

	{ .name = "anvil", .what = "high gain: four stages, one of them a cold clipper, tight lows, master low",
	  .out = 0.34,
	  .chain = {
		TRIODE(.rs = 68 K, .rg = 1 M, .cm = 150 P, .rp = 220 K, .rk = 1.8 K, .ck = 1 U, .vb = 300),
		PARTS_({ 'R', 1, 2, 68 K }, { 'C', 2, 3, 2.2 N }, { 'C', 3, 4, 1 N }, { 'R', 3, 4, 470 K },
		       POT(1 M, 0.16, 4, 5, 0)),
		TRIODE(.rs = 220 K, .rg = 2.2 M, .cm = 60 P, .rp = 100 K, .rk = 1.8 K, .ck = 0.68 U, .vb = 300),
		PARTS_({ 'R', 1, 2, 40 K }, { 'C', 2, 3, 22 N }, { 'R', 3, 4, 470 K }, { 'C', 3, 4, 470 P },
		       { 'R', 4, 0, 220 K }),
		TRIODE(.rs = 140 K, .rg = 2.2 M, .cm = 40 P, .rp = 100 K, .rk = 10 K, .ck = 0, .vb = 300),
		PARTS_({ 'R', 1, 2, 60 K }, { 'C', 2, 3, 22 N }, { 'R', 3, 4, 470 K }, { 'R', 4, 0, 470 K }),
		TRIODE(.rs = 230 K, .rg = 2.2 M, .cm = 60 P, .rp = 100 K, .rk = 1.5 K, .ck = 0, .vb = 320),
		PARTS_(STACK(1 K, 470 P, 47 K, 22 N, 22 N, 220 K, 1 M, 25 K, 0.60, 0.30, 0.50)),
		PARTS_({ 'R', 1, 2, 30 K }, { 'C', 2, 3, 22 N }, POT(1 M, 0.030, 3, 4, 0)),
	  },
	  .power = { .tube = &beam, .vb = 460, .bias = 44, .raa = 3600, .cc = 47 N, .drive = 1,
		.r_supply = 60, .c_supply = 80 U, .low_hz = 45, .high_hz = 11e3,
		.bump_hz = 100, .bump_db = 5, .rise_hz = 2600, .rise_db = 4 } },

	{ .name = "mudlark", .what = "fuzzy lead: large coupling capacitors, dark, everything driven, supply sags",
	  .out = 0.30,
	  .chain = {
		TRIODE(.rs = 68 K, .rg = 1 M, .cm = 220 P, .rp = 100 K, .rk = 1.5 K, .ck = 25 U, .vb = 250),
		PARTS_({ 'R', 1, 2, 40 K }, { 'C', 2, 3, 100 N }, POT(1 M, 0.12, 3, 4, 0), { 'C', 4, 0, 120 P }),
		TRIODE(.rs = 250 K, .rg = 2.2 M, .cm = 120 P, .rp = 100 K, .rk = 1.5 K, .ck = 10 U, .vb = 250),
		PARTS_({ 'R', 1, 2, 40 K }, { 'C', 2, 3, 47 N }, { 'R', 3, 4, 330 K }, { 'R', 4, 0, 150 K },
		       { 'C', 4, 0, 220 P }),
		TRIODE(.rs = 100 K, .rg = 2.2 M, .cm = 120 P, .rp = 100 K, .rk = 1.0 K, .ck = 0, .vb = 260),
		PARTS_({ 'R', 1, 2, 40 K }, { 'C', 2, 3, 47 N }, { 'R', 3, 4, 100 K }, { 'C', 4, 0, 1.0 N },
		       POT(250 K, 0.060, 4, 5, 0)),
	  },
	  .power = { .tube = &kt88, .vb = 380, .bias = 36, .raa = 4000, .cc = 100 N, .drive = 1,
		.r_supply = 200, .c_supply = 40 U, .low_hz = 30, .high_hz = 9e3,
		.bump_hz = 80, .bump_db = 4, .rise_hz = 2500, .rise_db = 2 } },
};

/* ---- rate filters --------------------------------------------------- */

/* Butterworth low-pass at 18.5 kHz.  Causal on purpose: what a linear-phase
 * filter sounds before the note, no model of an amp could learn. */
static void
lowpass_init(double b[SECTIONS][5])
{
	double w = tan(PI * 18500 * dt);

	for (int i = 0; i < SECTIONS; i++) {
		double q = 2 * cos(PI * (2 * i + 1) / (4.0 * SECTIONS)), a0 = 1 + q * w + w * w;

		b[i][0] = b[i][2] = w * w / a0;
		b[i][1] = 2 * w * w / a0;
		b[i][3] = 2 * (w * w - 1) / a0;
		b[i][4] = (1 - q * w + w * w) / a0;
	}
}

static double
lowpass(double b[SECTIONS][5], double z[SECTIONS][2], double x)
{
	for (int i = 0; i < SECTIONS; i++)
		x = biquad(b[i], z[i], x);
	return x;
}

static double
amp_step(struct amp *a, double x)
{
	for (struct link *l = a->chain; l->kind != END; l++)
		x = l->kind == STAGE ? stage_step(&l->s, x) :
		    l->kind == NET ? net_step(&l->n, x) : l->scale * x;
	return a->out * power_step(&a->power, x);
}

int
main(int argc, char *argv[])
{
	static double b[SECTIONS][5], up[SECTIONS][2], down[SECTIONS][2];
	size_t frames, count = sizeof amps / sizeof *amps, i;
	double *x, y = 0;
	struct amp *a;

	if (argc != 4) {
		fputs("usage: ampsim AMP IN.wav OUT.wav\n", stderr);
		for (i = 0; i < count; i++)
			fprintf(stderr, "  %-8s %s\n", amps[i].name, amps[i].what);
		return 2;
	}
	for (i = 0; i < count && strcmp(argv[1], amps[i].name); i++)
		;
	if (i == count)
		die("no amp is called '%s'", argv[1]);
	a = &amps[i];
	x = wav_read(argv[2], &frames);
	lowpass_init(b);
	for (struct link *l = a->chain; l->kind != END; l++)
		if (l->kind == NET)
			net_init(&l->n);
		else if (l->kind == STAGE)
			l->s.vp = l->s.vb * 0.6;
	power_init(&a->power);
	/* warm up until the capacitors hold what they hold at rest */
	for (long k = 0; k < 2L * WAV_RATE * OVER; k++)
		amp_step(a, 0);
	for (size_t t = 0; t < frames; t++) {
		for (int k = 0; k < OVER; k++)
			y = lowpass(b, down, amp_step(a, lowpass(b, up, k ? 0 : OVER * input_volts * x[t])));
		x[t] = y;
	}
	wav_write(argv[3], x, frames, 1, 32);
	free(x);
	return 0;
}
