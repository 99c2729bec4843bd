/* prep.c - the arithmetic of conforming audio. */
#include "dsp/prep.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double most_loss_db = 7; /* more than what unrelated channels lose */

void
prep_stats_add(struct prep_stats *s, const float *x, int64_t frames)
{
	int n = s->channels;

	for (int64_t t = 0; t < frames; t++, x += n) {
		double all = 0;

		for (int c = 0; c < n; c++) {
			all += (double)x[c];
			s->sum[c] += (double)x[c];
			s->energy[c] += (double)x[c] * (double)x[c];
			s->differ |= x[c] != x[0];
		}
		if (n == 2)
			s->cross += (double)x[0] * (double)x[1];
		s->mixed += all * all;
	}
	s->frames += frames;
}

static int
is_number(const char *choice, int *n)
{
	char *end;
	long v = strtol(choice, &end, 10);

	if (*choice < '0' || *choice > '9' || *end || v < 1 || v > AU_MAX_CHANNELS)
		return 0;
	*n = (int)v;
	return 1;
}

int
prep_is_choice(const char *choice)
{
	static const char *const words[] = { "left", "right", "mono", "mid", "sum" };
	int n;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(choice, words[i]))
			return 1;
	return is_number(choice, &n);
}

static void
set_pick(struct prep_map *m, int channel, const char *why)
{
	m->rule = PREP_PICK;
	m->pick = channel;
	m->out_channels = 1;
	m->why = why;
}

int
prep_map_init(struct prep_map *m, const char *choice, int channels, struct err *e)
{
	int n = 0;

	memset(m, 0, sizeof *m);
	m->rule = PREP_KEEP;
	m->in_channels = m->out_channels = channels;
	m->gain = 1;
	m->correlation = m->mix_loss_db = NAN;
	m->why = "all channels";
	if (!choice)
		return 0;
	if (!strcmp(choice, "left"))
		n = 1;
	else if (!strcmp(choice, "right"))
		n = 2;
	else if (!is_number(choice, &n))
		return prep_is_choice(choice) ? 1 :
		    err_set(e, ERR_INPUT, "'%s' is no choice of channels", choice);
	if (n > channels)
		return err_set(e, ERR_INPUT, "channel %d of %d is asked for", n, channels);
	set_pick(m, n - 1, "chosen channel");
	return 0;
}

static int
check_loss(struct prep_map *m, const struct prep_stats *s, struct err *e)
{
	double all = 0;

	for (int c = 0; c < s->channels; c++)
		all += s->energy[c];
	if (s->channels < 2 || all <= 0)
		return 0;
	if (s->channels == 2 && s->energy[0] > 0 && s->energy[1] > 0)
		m->correlation = s->cross / sqrt(s->energy[0] * s->energy[1]);
	m->mix_loss_db = 10 * log10(s->channels * all / s->mixed);
	if (m->mix_loss_db < most_loss_db + prep_unrelated_db(s->channels))
		return 0;
	if (s->channels > 2)
		return err_set(e, ERR_INPUT, "the %d channels cancel (%.1f dB are lost): take one of them, with --channels 1 to %d",
		    s->channels, m->mix_loss_db, s->channels);
	return err_set(e, ERR_INPUT, "left and right cancel (correlation %.3f, %.1f dB are lost): take one "
	    "of them, with --channels left or right", m->correlation, m->mix_loss_db);
}

double
prep_unrelated_db(int channels)
{
	return 10 * log10(channels);
}

int
prep_map_decide(struct prep_map *m, const char *choice, const struct prep_stats *s, struct err *e)
{
	int mono = !strcmp(choice, "mono");

	if (!strcmp(choice, "sum")) {
		m->rule = PREP_SUM;
		m->out_channels = 1;
		m->why = "sum";
		return check_loss(m, s, e);
	}
	if (s->channels == 1 || (mono && !s->differ)) {
		set_pick(m, 0, s->channels == 1 ? "only channel" : "identical channels");
		return 0;
	}
	if (s->channels != 2)
		return err_set(e, ERR_UNSUPPORTED, "%d different channels have no middle: choose one with "
		    "--channels 1 to %d, or take their sum", s->channels, s->channels);
	if (mono && (s->energy[0] == 0 || s->energy[1] == 0)) {
		set_pick(m, s->energy[0] == 0, "other channel silent");
		return 0;
	}
	m->rule = PREP_MID;
	m->out_channels = 1;
	m->why = "mid";
	return check_loss(m, s, e);
}

/* One output channel of one frame. */
static double
mixed(const struct prep_map *m, const float *x, int c)
{
	double v = 0;

	switch (m->rule) {
	case PREP_KEEP:
		return (double)x[c];
	case PREP_PICK:
		return (double)x[m->pick];
	case PREP_MID:
		return ((double)x[0] + (double)x[1]) / 2;
	case PREP_SUM:
		for (int i = 0; i < m->in_channels; i++)
			v += (double)x[i];
	}
	return v;
}

void
prep_map_dc(struct prep_map *m, const struct prep_stats *s)
{
	double all = 0;

	if (!s->frames)
		return;
	for (int c = 0; c < s->channels; c++)
		all += s->sum[c];
	for (int c = 0; c < m->out_channels; c++) {
		double sum = m->rule == PREP_KEEP ? s->sum[c] : m->rule == PREP_PICK ? s->sum[m->pick] :
		    m->rule == PREP_MID ? all / 2 : all;

		m->dc[c] = sum / (double)s->frames;
	}
}

void
prep_map_apply(const struct prep_map *m, const float *in, int64_t frames, float *out)
{
	for (int64_t t = 0; t < frames; t++, in += m->in_channels)
		for (int c = 0; c < m->out_channels; c++)
			*out++ = (float)((mixed(m, in, c) - m->dc[c]) * m->gain);
}

void
prep_sound_add(struct prep_sound *s, const float *x, int64_t frames, int channels, int64_t at,
    double threshold)
{
	for (int64_t t = 0; t < frames; t++)
		for (int c = 0; c < channels; c++)
			if (fabs((double)*x++) >= threshold) {
				s->first = s->first < 0 ? at + t : s->first;
				s->last = at + t;
			}
}

/* 0 at place 0, 1 at place n and after. */
static double
ramp(int64_t place, int64_t n)
{
	double t;

	if (place >= n)
		return 1;
	t = (double)place / (double)n;
	return t * t * (3 - 2 * t);
}

void
prep_fade(float *x, int64_t frames, int channels, int64_t at, int64_t total, int64_t in, int64_t out)
{
	for (int64_t t = 0; t < frames; t++, at++, x += channels) {
		double g = ramp(at, in);

		if (out > 0)
			g *= ramp(total - 1 - at, out);
		if (g < 1)
			for (int c = 0; c < channels; c++)
				x[c] = (float)((double)x[c] * g);
	}
}

/* The splitmix64 finalizer of Steele, Lea and Flood (2014), over a counter. */
static uint64_t
scramble(uint64_t z)
{
	z = (z + 1) * 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void
prep_dither(const float *in, float *out, int64_t samples, int64_t at, int bits)
{
	double scale = bits == 16 ? 32768 : 8388608;

	for (int64_t i = 0; i < samples; i++) {
		uint64_t r = scramble((uint64_t)(at + i));
		double tri = ((double)(r >> 32) + (double)(r & 0xffffffff) + 1) / 4294967296.0 - 1;
		double v = rint((double)in[i] * scale + tri);

		if (fabs((double)in[i]) <= 1)
			v = v > scale - 1 ? scale - 1 : v < -scale ? -scale : v;
		out[i] = (float)(v / scale);
	}
}
