/* cabinet - impulse responses of guitar cabinets from a model of their parts.
 *
 *     cabinet NAME OUT.wav             (cabinet alone lists them)
 *
 * Each loudspeaker is a cone of rings of point sources.  Low notes move it as a
 * whole; the higher the note, the less of the rim follows, and bending waves
 * colour what does (breakup).  The box adds its resonance with the cone, standing
 * waves inside and diffraction at its edges; an open back lets the rear wave
 * come round, out of phase.  Every point is heard at the microphone after its
 * own distance, so that position, distance, the neighbouring speakers and the
 * floor make the comb they make in a room.  A short diffuse tail is the room.
 * The sum is built in the frequency domain and turned into samples once. */
#include "wav.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

enum { N = 16384, LENGTH = 7680, RINGS = 9, SPOKES = 12, MODES = 9, LEAD = 12 };

static const double sound = 343;       /* m/s */
static const double cone_m = 0.128;    /* radius of a 12-inch cone */

struct point { double x, y, z; };      /* m; the baffle is z = 0, the floor y = -height */

struct mic {
	struct point at;
	double bump_hz, bump_db;       /* the presence of a dynamic capsule */
	double top_hz;                 /* where it falls off */
	double near_db;                /* proximity at 60 Hz */
	double gain;
};

struct cabinet {
	const char *name, *what;
	int speakers, mics;
	struct point speaker[4];
	struct mic mic[2];
	double fs, q;                  /* speaker in its box */
	double mode_hz[MODES], mode_q[MODES], mode_db[MODES];   /* breakup */
	double rim_hz;                 /* where the rim begins to lag */
	double top_hz;                 /* where the cone as a whole falls off */
	double w, h, d;                /* of the box */
	double height;                 /* of the box's middle above the floor */
	int open;
	double room_db, room_s;        /* diffuse tail against the direct sound, its T60 */
};

static const struct cabinet cabinets[] = {
	{ .name = "american-1x12-open", .what = "open back 1x12, bright; dynamic mic near the dust cap",
	  .speakers = 1, .mics = 1, .speaker = { { 0, 0, 0 } },
	  .mic = { { { 0.035, 0.01, 0.040 }, 5600, 5, 11000, 4, 1 } },
	  .fs = 86, .q = 1.05,
	  .mode_hz = { 410, 760, 1180, 1720, 2350, 2980, 3700, 4450, 5300 },
	  .mode_q = { 3, 4, 4, 4, 4, 5, 5, 6, 6 }, .mode_db = { -24, -19, -14, -7, 0, 4, 5, 6, 6 },
	  .rim_hz = 2100, .top_hz = 5600, .w = 0.46, .h = 0.42, .d = 0.24, .height = 0.32, .open = 1,
	  .room_db = -38, .room_s = 0.14 },
	{ .name = "british-4x12-closed", .what = "closed 4x12, thick mids; dynamic mic between cap and rim",
	  .speakers = 4, .mics = 1,
	  .speaker = { { 0, 0, 0 }, { -0.335, 0, 0 }, { 0, 0.325, 0 }, { -0.335, 0.325, 0 } },
	  .mic = { { { 0.062, -0.02, 0.050 }, 5200, 4.5, 10500, 5, 1 } },
	  .fs = 112, .q = 1.35,
	  .mode_hz = { 380, 640, 980, 1450, 1980, 2480, 3050, 3650, 4400 },
	  .mode_q = { 3, 4, 4, 4, 4, 4, 5, 5, 6 }, .mode_db = { -22, -17, -11, -4, 4, 8, 8, 7, 5 },
	  .rim_hz = 1900, .top_hz = 5000, .w = 0.74, .h = 0.72, .d = 0.32, .height = 0.26,
	  .room_db = -40, .room_s = 0.12 },
	{ .name = "oversize-2x12-stereo", .what = "closed 2x12, deep; dynamic mic left, ribbon at 25 cm right",
	  .speakers = 2, .mics = 2, .speaker = { { 0, 0, 0 }, { 0.36, 0, 0 } },
	  .mic = { { { -0.045, 0.01, 0.035 }, 5400, 5, 11000, 5, 1 },
		   { { 0.40, 0.03, 0.25 }, 3000, 1, 7500, 4, 1 } },
	  .fs = 92, .q = 1.2,
	  .mode_hz = { 350, 700, 1080, 1600, 2150, 2700, 3300, 4000, 4800 },
	  .mode_q = { 3, 4, 4, 4, 4, 5, 5, 5, 6 }, .mode_db = { -22, -19, -13, -7, 0, 5, 6, 7, 6 },
	  .rim_hz = 2000, .top_hz = 5300, .w = 0.78, .h = 0.52, .d = 0.36, .height = 0.30,
	  .room_db = -36, .room_s = 0.15 },
};

static double
distance(struct point a, struct point b)
{
	return sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y) + (a.z - b.z) * (a.z - b.z));
}

/* s / w0, the variable of the filters below */
static double complex
over(double hz, double f0)
{
	return I * hz / f0;
}

static double complex
low2(double hz, double f0, double q)
{
	double complex s = over(hz, f0);

	return 1 / (s * s + s / q + 1);
}

/* A sound that leaves p at time 0 as heard at the microphone. */
static double complex
path(double hz, double d, double t0)
{
	return cexp(-2 * PI * I * hz * (d / sound - t0)) / d;
}

/* The cone seen from the microphone: points on rings, each with its share of
 * the area, its depth and its lag. */
static double complex
cone(const struct cabinet *c, struct point at, struct point m, double hz, double t0)
{
	double complex sum = 0;
	double area = 0;

	for (int r = 0; r < RINGS; r++) {
		double radius = cone_m * (r + 0.5) / RINGS, share = radius;
		/* bending waves need longer to the rim and lose height on the way */
		double reach = c->rim_hz * pow(cone_m / radius, 1.4);
		double complex lag = 1 / (1 + over(hz, reach));

		for (int s = 0; s < SPOKES; s++) {
			double a = 2 * PI * s / SPOKES;
			struct point p = { at.x + radius * cos(a), at.y + radius * sin(a),
				           at.z - 0.045 * (1 - radius / cone_m) };

			sum += share * lag * path(hz, distance(p, m), t0);
			area += share;
		}
	}
	return sum / area;
}

/* A recessed cone is heard less by a microphone that looks at it from the side. */
static double
oblique(struct point p, struct point m)
{
	return 0.5 + 0.5 * (m.z + 0.02) / distance(p, m);
}

/* What one speaker's motor and cone do to every sound it makes. */
static double complex
driver(const struct cabinet *c, double hz)
{
	double complex s = over(hz, c->fs), h = s * s / (s * s + s / c->q + 1), m = 1;

	for (int k = 0; k < MODES; k++) {       /* resonances in parallel, signs by turns */
		double complex z = over(hz, c->mode_hz[k]);

		m += (k % 2 ? -1 : 1) * pow(10, c->mode_db[k] / 20) * (z / c->mode_q[k]) /
		     (z * z + z / c->mode_q[k] + 1) * 2.6;
	}
	/* standing waves in the box press on the cone from behind */
	for (int k = 0; k < 6; k++) {
		double len = k % 3 == 0 ? c->w : k % 3 == 1 ? c->h : c->d;
		double complex z = over(hz, (1 + k / 3) * sound / (2 * len));

		m -= (c->open ? 0.06 : 0.13) * (z / 9) / (z * z + z / 9 + 1);
	}
	/* the voice coil's mass and the dust cap: steep above the top */
	return h * m * low2(hz, c->top_hz, 1.2) / (1 + over(hz, c->top_hz * 1.4));
}

static double complex
microphone(const struct mic *m, double hz)
{
	double a = pow(10, m->bump_db / 40);
	double complex z = over(hz, m->bump_hz), s = over(hz, 60);
	double complex bump = (z * z + z * a / 1.3 + 1) / (z * z + z / (1.3 * a) + 1);

	return bump * low2(hz, m->top_hz, 0.7) * (s + pow(10, m->near_db / 20)) / (s + 1) *
	       (over(hz, 28) / (over(hz, 28) + 1)) * m->gain;
}

static double complex
response(const struct cabinet *c, const struct mic *m, double hz, double t0)
{
	double complex sum = 0;
	struct point floor = m->at;

	floor.y = -2 * c->height - m->at.y;     /* the microphone's image below the floor */
	for (int k = 0; k < c->speakers; k++) {
		struct point p = c->speaker[k], edge;

		sum += fmin(1, oblique(p, m->at)) * cone(c, p, m->at, hz, t0);
		sum += 0.35 * cone(c, p, floor, hz, t0) * low2(hz, 3500, 0.6);
		/* diffraction: the four edges send it on, inverted and weak */
		for (int e = 0; e < 4; e++) {
			edge = p;
			if (e < 2)
				edge.x = (e ? 0.5 : -0.5) * c->w;
			else
				edge.y = (e == 2 ? 0.5 : -0.5) * c->h;
			sum -= 0.10 * low2(hz, 2500, 0.6) *
			       path(hz, distance(p, edge) + distance(edge, m->at), t0);
		}
		if (c->open)                    /* round the sides from the back */
			sum -= 0.55 * low2(hz, 900, 0.7) *
			       path(hz, c->d + c->w / 2 + distance((struct point){ c->w / 2, 0, 0 }, m->at), t0);
	}
	return sum * driver(c, hz) * microphone(m, hz);
}

/* In-place radix-2 transform; sign +1 is the inverse, unscaled. */
static void
fft(double complex *x, size_t n, int sign)
{
	for (size_t i = 1, j = 0; i < n; i++) {
		size_t bit = n >> 1;
		double complex t;

		for (; j & bit; bit >>= 1)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			t = x[i];
			x[i] = x[j];
			x[j] = t;
		}
	}
	for (size_t len = 2; len <= n; len *= 2)
		for (size_t k = 0; k < len / 2; k++) {
			double complex w = cexp(sign * 2 * PI * I * (double)k / (double)len);

			for (size_t i = k; i < n; i += len) {
				double complex u = x[i], v = w * x[i + len / 2];

				x[i] = u + v;
				x[i + len / 2] = u - v;
			}
		}
}

/* Samples of one microphone's response into y[LENGTH]. */
static void
make(const struct cabinet *c, const struct mic *m, double *y, uint64_t seed)
{
	double complex *x = zalloc(N, sizeof *x);
	double first = 1e9, energy = 0, lo = 0, lo2 = 0, hi = 0;

	for (int k = 0; k < c->speakers; k++)
		first = fmin(first, distance(c->speaker[k], m->at));
	for (int k = 1; k < N / 2; k++) {
		double hz = (double)k * WAV_RATE / N;

		x[k] = response(c, m, hz, first / sound - (double)LEAD / WAV_RATE);
		x[N - k] = conj(x[k]);
	}
	fft(x, N, 1);
	for (int i = 0; i < LENGTH; i++) {
		y[i] = creal(x[i]) / N;
		energy += y[i] * y[i];
	}
	free(x);
	/* the room: noise between 150 Hz and 3 kHz that dies away */
	for (int i = 150; i < LENGTH; i++) {
		double t = (double)(i - 150) / WAV_RATE, a = pow(10, -3 * t / c->room_s) * fmin(1, t / 0.004);

		lo += 0.32 * (2 * rnd(&seed) - 1 - lo);
		lo2 += 0.32 * (lo - lo2);
		hi += 0.02 * (lo2 - hi);
		y[i] += a * (lo2 - hi) * sqrt(energy) * pow(10, c->room_db / 20);
	}
	for (int i = LENGTH * 7 / 10; i < LENGTH; i++)   /* end in silence */
		y[i] *= 0.5 + 0.5 * cos(PI * (i - LENGTH * 7 / 10 + 1) / (LENGTH - LENGTH * 7 / 10));
}

/* The gain for pink noise between 80 Hz and 6 kHz, about what a guitar amp sends. */
static double
loudness(const double *y)
{
	double complex *x = zalloc(N, sizeof *x);
	double power = 0, weight = 0;

	for (int i = 0; i < LENGTH; i++)
		x[i] = y[i];
	fft(x, N, -1);
	for (int k = 80 * N / WAV_RATE; k < 6000 * N / WAV_RATE; k++) {
		double a = cabs(x[k]);

		power += a * a / k;
		weight += 1.0 / k;
	}
	free(x);
	return sqrt(power / weight);
}

int
main(int argc, char *argv[])
{
	size_t count = sizeof cabinets / sizeof *cabinets, k;
	double y[2][LENGTH], *out;
	const struct cabinet *c;

	if (argc != 3) {
		fputs("usage: cabinet NAME OUT.wav\n", stderr);
		for (k = 0; k < count; k++)
			fprintf(stderr, "  %-22s %s\n", cabinets[k].name, cabinets[k].what);
		return 2;
	}
	for (k = 0; k < count && strcmp(argv[1], cabinets[k].name); k++)
		;
	if (k == count)
		die("no cabinet is called '%s'", argv[1]);
	c = &cabinets[k];
	out = zalloc(LENGTH * 2, sizeof *out);
	for (int m = 0; m < c->mics; m++) {
		double g;

		make(c, &c->mic[m], y[m], 77 + (uint64_t)m);
		g = 0.7 / loudness(y[m]);       /* 3 dB of room for its peaks */
		for (int i = 0; i < LENGTH; i++)
			out[i * c->mics + m] = g * y[m][i];
	}
	wav_write(argv[2], out, LENGTH, c->mics, 32);
	free(out);
	return 0;
}
