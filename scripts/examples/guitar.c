/* guitar - play a score on a physically modelled electric guitar.
 *
 *     guitar SCORE OUT.wav
 *
 * Each string is a sum of its modes of vibration, in two directions.  A mode
 * is a damped oscillator; its pitch follows the stiff string (partials a
 * little sharp), its damping the losses of air, wire and fingers.  The plectrum
 * is a force at one point that rises and then lets go, a palm on the bridge
 * is damping at one point, a finger that stops the note is damping everywhere.
 * Two coils hear the velocity of the string above them, and their inductance
 * with the cable makes the resonance of the pickup.  README.md has the score's
 * format and where the numbers come from. */
#include "wav.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

enum {
	STRINGS = 6,
	MODES = 120,
	BLOCK = 32,            /* frames between changes of pitch and damping */
	EVENTS = 4096
};

static const double scale_m = 0.648;                  /* nut to bridge */
static const int open_midi[STRINGS] = { 40, 45, 50, 55, 59, 64 };
/* Stiffness B of f_n = n f0 sqrt(1 + B n^2), and how much of the losses rises
 * with frequency: wound strings lose their treble sooner. */
static const double stiffness[STRINGS] = { 7e-5, 5e-5, 4e-5, 7e-5, 4e-5, 2e-5 };
static const double loss_khz[STRINGS] = { 1.30, 1.15, 1.00, 0.80, 0.75, 0.70 };

struct event {
	double at_s, length_s;
	int string, fret;
	double velocity;               /* 0..1; 0 for a string that is stopped */
	double palm;                   /* 0..1, weight of the palm on the bridge */
	double vibrato, bend, slide;   /* semitones */
	int hammer;
};

struct mode {
	double re, im;                 /* velocity, and displacement x pulsation */
	double c, s;                   /* one frame's turn and decay */
	double w;                      /* pulsation, rad/s */
	double pick, hear;             /* the mode's shape at plectrum and coils */
	double jitter;                 /* of damping: neck and body are not even */
};

struct string {
	struct mode m[2][MODES];       /* [0] towards the body, [1] along it */
	int modes;
	const struct event *e;         /* the note that sounds */
	double fret;                   /* where it is stopped, bends included */
	double energy;                 /* of the last block, for the tension */
	double force_per_mass, noise;
	long pluck_at, load, release;  /* frames: start of the force, its parts */
	int sounding;
};

static struct {
	double bpm, pickup_m, coils_m, pick_m, resonance_hz, q, peak_dbfs, seconds, hum_dbfs, hiss_dbfs, palm;
} set = { 120, 0.045, 0.018, 0.060, 3100, 1.9, -8, 12, -92, -96, 1 };

static struct event events[EVENTS];
static int n_events;
static uint64_t dice = 0x9E3779B97F4A7C15ull;

/* One line "beat shape beats velocity [words]": a note for each string of the
 * shape, the plectrum taking them one after another. */
static void
add_line(const char *path, int line, char *s)
{
	double beat, beats, velocity, palm = 0, strum_ms = 7, vib = 0, bend = 0, slide = 0, at;
	int used = 0, up = 0, hammer = 0, order = 0;
	char shape[16], *word;

	if (sscanf(s, "%lf %15s %lf %lf%n", &beat, shape, &beats, &velocity, &used) != 4 ||
	    strlen(shape) != STRINGS)
		die("%s:%d: expected 'beat shape beats velocity [words]'", path, line);
	for (word = strtok(s + used, " \t\n"); word; word = strtok(NULL, " \t\n")) {
		if (!strcmp(word, "pm"))
			palm = set.palm;
		else if (!strcmp(word, "up"))
			up = 1;
		else if (!strcmp(word, "ham"))
			hammer = 1;
		else if (sscanf(word, "pm=%lf", &palm) != 1 && sscanf(word, "strum=%lf", &strum_ms) != 1 &&
		         sscanf(word, "vib=%lf", &vib) != 1 && sscanf(word, "bend=%lf", &bend) != 1 &&
		         sscanf(word, "slide=%lf", &slide) != 1)
			die("%s:%d: unknown word '%s'", path, line, word);
	}
	at = beat * 60 / set.bpm + (rnd(&dice) - 0.5) * 0.006;
	for (int i = 0; i < STRINGS; i++) {
		int k = up ? STRINGS - 1 - i : i;
		struct event *e = &events[n_events];
		int c = tolower((unsigned char)shape[k]);

		if (c == 'x' || c == '-')
			continue;
		if (n_events == EVENTS)
			die("%s:%d: more than %d notes", path, line, EVENTS);
		e->string = k;
		e->fret = isdigit(c) ? c - '0' : c - 'a' + 10;
		if (!isalnum(c) || e->fret > 24)
			die("%s:%d: '%c' is no fret", path, line, c);
		e->at_s = fmax(0.002, at + order * strum_ms / 1000 * (0.85 + 0.3 * rnd(&dice)));
		e->length_s = beats * 60 / set.bpm;
		e->velocity = velocity * (0.92 + 0.16 * rnd(&dice)) * (1 - 0.03 * order);
		e->palm = palm;
		e->vibrato = vib;
		e->bend = bend;
		e->slide = slide;
		e->hammer = hammer;
		n_events++;
		order++;
	}
}

static int
by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->at_s != y->at_s ? (x->at_s > y->at_s) - (x->at_s < y->at_s) : x->string - y->string;
}

static void
read_score(const char *path)
{
	static const struct { const char *name; double *to; } words[] = {
		{ "tempo", &set.bpm }, { "pickup", &set.pickup_m }, { "coils", &set.coils_m },
		{ "pick", &set.pick_m }, { "resonance", &set.resonance_hz }, { "q", &set.q },
		{ "peak", &set.peak_dbfs }, { "seconds", &set.seconds }, { "hum", &set.hum_dbfs },
		{ "hiss", &set.hiss_dbfs }, { "palm", &set.palm },
	};
	FILE *f = fopen(path, "r");
	char s[256], name[32];
	double v;
	size_t i;

	if (!f)
		die("cannot open '%s': %s", path, strerror(errno));
	for (int line = 1; fgets(s, sizeof s, f); line++) {
		s[strcspn(s, "#\n")] = 0;
		if (s[strspn(s, " \t")] == 0)
			continue;
		if (!isalpha((unsigned char)s[0])) {
			add_line(path, line, s);
			continue;
		}
		if (sscanf(s, "%31s %lf", name, &v) != 2)
			die("%s:%d: expected 'name value'", path, line);
		for (i = 0; i < sizeof words / sizeof *words && strcmp(name, words[i].name); i++)
			;
		if (i == sizeof words / sizeof *words)
			die("%s:%d: unknown setting '%s'", path, line, name);
		*words[i].to = v;
	}
	fclose(f);
	qsort(events, (size_t)n_events, sizeof *events, by_time);
}

static double
open_hz(int k)
{
	return 440 * exp2((open_midi[k] - 69) / 12.0);
}

static double
sinc(double x)
{
	return fabs(x) < 1e-9 ? 1 : sin(x) / x;
}

/* Shapes of the modes at plectrum and coils for the length now sounding. */
static void
place(struct string *s, double fret, double pick_m)
{
	double len = scale_m * exp2(-fret / 12);

	for (int d = 0; d < 2; d++)
		for (int n = 1; n <= s->modes; n++) {
			struct mode *m = &s->m[d][n - 1];
			double k = n * PI / len;

			/* a plectrum and a coil are a few millimetres wide, and
			 * the string rises less along the body than towards it */
			m->pick = sin(k * fmin(pick_m, len * 0.5)) * sinc(k * 0.0015) * (d ? 0.45 : 0.9);
			m->hear = 0.5 * (sin(k * (set.pickup_m - set.coils_m / 2)) +
			                 sin(k * (set.pickup_m + set.coils_m / 2))) *
			          sinc(k * 0.0035) * (d ? 0.22 : 1);
		}
}

/* Turn and decay of every mode for the next block.  Losses in 1/s: air and
 * supports, wire, then whatever touches the string. */
static void
tune(struct string *s, int k, double f0, double len, double palm, double stop, double touch_m)
{
	for (int d = 0; d < 2; d++)
		for (int n = 1; n <= s->modes; n++) {
			struct mode *m = &s->m[d][n - 1];
			/* the bridge gives way along the body a little less */
			double f = n * f0 * sqrt(1 + stiffness[k] * n * n) * (d ? 1 + 0.25 / f0 : 1);
			double khz = f / 1000, loss, p, t;

			loss = ((d ? 0.45 : 0.80) + loss_khz[k] * khz + 0.10 * khz * khz) * m->jitter;
			/* the palm lies on 4 to 22 mm from the bridge */
			p = 0.5 - 0.5 * cos(2 * PI * n * 0.013 / len) * sinc(2 * PI * n * 0.009 / len);
			loss += palm * (14 + 280 * p + 12 * khz);
			loss += stop * (38 + 30 * khz);
			if (touch_m > 0) {
				t = sin(n * PI * touch_m / len);
				loss += 260 * t * t;
			}
			m->w = 2 * PI * f;
			if (f > 0.36 * WAV_RATE)   /* out of the guitar's range */
				loss = 4000;
			p = exp(-loss / WAV_RATE);
			m->c = p * cos(m->w / WAV_RATE);
			m->s = p * sin(m->w / WAV_RATE);
		}
}

/* Begin note e on string k. */
static void
pluck(struct string *s, int k, const struct event *e, long now)
{
	double v = e->velocity, len, x, f0, y;
	double keep = e->hammer ? 0.6 : s->e && s->e->fret == e->fret ? 1 : 0.15;
	double pick_m = set.pick_m * (0.9 + 0.2 * rnd(&dice)) - 0.012 * e->palm;

	s->fret = e->fret;
	f0 = open_hz(k) * exp2(s->fret / 12);
	len = scale_m * exp2(-s->fret / 12);
	s->modes = (int)fmin(MODES, 15500 / f0);
	for (int d = 0; d < 2; d++)
		for (int n = 0; n < MODES; n++) {
			s->m[d][n].re *= n < s->modes ? keep : 0;
			s->m[d][n].im *= n < s->modes ? keep : 0;
		}
	if (e->hammer)
		pick_m = len * 0.04;
	place(s, s->fret, pick_m);
	x = fmin(pick_m, len * 0.5) / len;
	/* the string is drawn aside by y, in metres; the force that holds it
	 * there is T y / (x (1-x) L), over a modal mass of half the string's */
	y = 0.0016 * v * (e->hammer ? 0.25 : 1) * (0.45 + 0.55 * v);
	s->force_per_mass = 8 * f0 * f0 * y / (x * (1 - x));
	s->noise = 0.15;
	s->pluck_at = now;
	s->load = (long)((0.0025 + 0.004 * (1 - v) + 0.002 * (k < 3)) * WAV_RATE);
	s->release = (long)((0.00006 + 0.00026 * (1 - v)) * WAV_RATE) + 1;
	s->e = e;
	s->sounding = 1;
}

/* The plectrum's push at a frame: rises, then lets go. */
static double
push(const struct string *s, long now)
{
	long t = now - s->pluck_at;

	if (t < 0 || t >= s->load + s->release)
		return 0;
	if (t < s->load) {
		double r = (double)t / (double)s->load;

		return r * r * (3 - 2 * r) * (1 + s->noise * (rnd(&dice) - 0.5) * r);
	}
	return 1 - (double)(t - s->load + 1) / (double)(s->release + 1);
}

/* How far the fretting hand has moved the pitch, in semitones, t_s into e. */
static double
hand(const struct event *e, double t_s)
{
	double st = 0, r;

	if (e->bend != 0) {
		r = fmin(1, fmax(0, (t_s - 0.07) / 0.16));
		st += e->bend * r * r * (3 - 2 * r);
	}
	if (e->slide != 0) {
		r = fmin(1, fmax(0, (t_s - 0.05) / 0.09));
		st += e->slide * (1 - r * r * (3 - 2 * r));
	}
	if (e->vibrato != 0)
		st += e->vibrato * 0.5 * (1 - cos(2 * PI * 5.3 * fmax(0, t_s - 0.25))) *
		      fmin(1, fmax(0, (t_s - 0.25) / 0.4));
	return st;
}

/* Add block frames of string k to out. */
static void
play(struct string *s, int k, double *out, long now, int frames)
{
	const struct event *e = s->e;
	double t_s = (double)now / WAV_RATE - e->at_s, cents, f0, len, stop, energy = 0;
	double thin = pow(open_hz(k) / open_hz(0), -0.72), ref = 2 * PI * open_hz(k) * 0.0016;
	int loading = now - s->pluck_at < s->load && !e->hammer;

	/* a string that swings wide is longer, so tighter and sharper */
	cents = 22 * fmin(1, s->energy / (ref * ref));
	f0 = open_hz(k) * exp2((s->fret + hand(e, t_s)) / 12 + cents / 1200);
	len = scale_m * exp2(-s->fret / 12);
	stop = fmin(1, fmax(0, (t_s - e->length_s) / 0.02));
	tune(s, k, f0, len, e->palm, stop, loading ? set.pick_m : 0);
	for (int i = 0; i < frames; i++) {
		double push_v = push(s, now + i) * s->force_per_mass / WAV_RATE, v = 0, y = 0;

		for (int d = 0; d < 2; d++)
			for (int n = 0; n < s->modes; n++) {
				struct mode *m = &s->m[d][n];
				double re = m->re + push_v * m->pick, im = m->im;

				m->re = re * m->c - im * m->s;
				m->im = re * m->s + im * m->c;
				v += m->re * m->hear;
				y += m->im * m->hear / m->w;
			}
		/* the magnet pulls harder on a string that is near */
		out[i] += thin * v * (1 + 60 * y);
	}
	for (int d = 0; d < 2; d++)
		for (int n = 0; n < s->modes; n++)
			energy += s->m[d][n].re * s->m[d][n].re + s->m[d][n].im * s->m[d][n].im;
	s->energy = energy;
	s->sounding = energy > 1e-12 || now < s->pluck_at + s->load;
}

/* Second-order low-pass with a resonance: the coil, its cable and its load. */
static void
coil(double *x, size_t n)
{
	double w = tan(PI * set.resonance_hz / WAV_RATE), q = 1 / set.q;
	double a0 = 1 + w * q + w * w, b = w * w / a0;
	double a1 = 2 * (w * w - 1) / a0, a2 = (1 - w * q + w * w) / a0;
	double x1 = 0, x2 = 0, y1 = 0, y2 = 0, h = 0, hp = 1 - exp(-2 * PI * 12 / WAV_RATE);

	for (size_t i = 0; i < n; i++) {
		double y = b * (x[i] + 2 * x1 + x2) - a1 * y1 - a2 * y2;

		x2 = x1;
		x1 = x[i];
		y2 = y1;
		y1 = y;
		h += hp * (y - h);
		x[i] = y - h;           /* the DI box passes no DC */
	}
}

/* What a quiet room adds: mains hum with its harmonics, hiss. */
static void
room(double *x, size_t n)
{
	double hum = pow(10, set.hum_dbfs / 20), hiss = pow(10, set.hiss_dbfs / 20) * sqrt(12.0);

	for (size_t i = 0; i < n; i++) {
		double t = 2 * PI * 50 * (double)i / WAV_RATE;

		x[i] += hum * (sin(t) + 0.5 * sin(3 * t + 1) + 0.3 * sin(5 * t + 2));
		x[i] += hiss * (rnd(&dice) - 0.5);
	}
}

int
main(int argc, char *argv[])
{
	static struct string strings[STRINGS];
	size_t frames;
	double *out, peak = 0;
	int next = 0;

	if (argc != 3) {
		fputs("usage: guitar SCORE OUT.wav\n", stderr);
		return 2;
	}
	read_score(argv[1]);
	frames = (size_t)(set.seconds * WAV_RATE);
	out = zalloc(frames + BLOCK, sizeof *out);
	for (int k = 0; k < STRINGS; k++)
		for (int n = 0; n < MODES; n++)
			for (int d = 0; d < 2; d++)
				strings[k].m[d][n].jitter = 0.75 + 0.5 * rnd(&dice);
	for (size_t at = 0; at < frames; at += BLOCK) {
		while (next < n_events && events[next].at_s * WAV_RATE < (double)(at + BLOCK)) {
			pluck(&strings[events[next].string], events[next].string, &events[next], (long)at);
			next++;
		}
		for (int k = 0; k < STRINGS; k++)
			if (strings[k].sounding)
				play(&strings[k], k, out + at, (long)at, BLOCK);
	}
	coil(out, frames);
	for (size_t i = 0; i < frames; i++)
		peak = fmax(peak, fabs(out[i]));
	for (size_t i = 0; i < frames && peak > 0; i++)
		out[i] *= pow(10, set.peak_dbfs / 20) / peak;
	room(out, frames);
	wav_write(argv[2], out, frames, 1, 24);
	free(out);
	return 0;
}
