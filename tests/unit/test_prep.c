/* test_prep.c - channel choices, fades, dither and decibels. */
#include "dsp/db.h"
#include "dsp/ir.h"
#include "dsp/prep.h"
#include "../tap.h"

#include <string.h>

static struct err e;

static void
test_db(void)
{
	double worst = 0;

	ok(dsp_gain_of_db(0) == 1, "0 dB is exactly 1");
	for (double d = -300; d <= 300; d += 0.37)
		worst = fmax(worst, fabs(dsp_gain_of_db(d) / pow(10, d / 20) - 1));
	ok_near(worst, 0, 2e-15, "decibels agree with pow()");
}

static void
test_choices(void)
{
	struct prep_map m;

	ok(!prep_map_init(&m, NULL, 3, &e) && m.out_channels == 3 && m.rule == PREP_KEEP, "no choice keeps all");
	ok(!prep_map_init(&m, "right", 2, &e) && m.pick == 1 && m.out_channels == 1, "right is the second");
	ok(!prep_map_init(&m, "7", 8, &e) && m.pick == 6, "numbers count from 1");
	ok(prep_map_init(&m, "right", 1, &e) == -1, "a mono signal has no right");
	ok(prep_map_init(&m, "9", 8, &e) == -1, "there is no ninth of eight");
	ok(prep_map_init(&m, "mono", 2, &e) == 1, "mono has to look at the audio");
	ok(!prep_is_choice("0") && !prep_is_choice("65") && !prep_is_choice("2x") && !prep_is_choice("both") &&
	    prep_is_choice("64") && prep_is_choice("sum"), "what is a choice and what is not");
}

/* Decide on n frames of x. */
static int
decide(struct prep_map *m, const char *choice, const float *x, int64_t n, int channels)
{
	struct prep_stats s = { .channels = channels };

	prep_map_init(m, choice, channels, &e);
	prep_stats_add(&s, x, n / 2);
	prep_stats_add(&s, x + n / 2 * channels, n - n / 2);
	return prep_map_decide(m, choice, &s, &e);
}

static void
test_decisions(void)
{
	static const float same[] = { 0.5f, 0.5f, -0.25f, -0.25f, 0, 0 };
	static const float left[] = { 0.5f, 0, -0.25f, 0, 0.125f, 0 }, right[] = { 0, 0.5f, 0, 1, 0, 0.25f };
	static const float anti[] = { 0.5f, -0.5f, -0.25f, 0.26f, 1, -1 };
	static const float free2[] = { 1, 1, 1, -1, 1, 1, 1, -1 };
	static const float three[] = { 1, 1, 1, 0, 0, 0.5f };
	struct prep_map m;
	float out[4];

	ok(!decide(&m, "mono", same, 3, 2) && m.rule == PREP_PICK && m.pick == 0, "identical channels: the left");
	ok(!decide(&m, "mono", left, 3, 2) && m.rule == PREP_PICK && m.pick == 0, "only the left sounds: the left");
	ok(!decide(&m, "mono", right, 3, 2) && m.rule == PREP_PICK && m.pick == 1, "only the right sounds: the right");
	ok(decide(&m, "mono", anti, 3, 2) == -1 && strstr(e.msg, "cancel"), "channels that cancel are refused");
	ok(decide(&m, "mid", anti, 3, 2) == -1 && decide(&m, "sum", anti, 3, 2) == -1, "for mid and sum as well");
	ok(!decide(&m, "mono", free2, 4, 2) && m.rule == PREP_MID, "different channels: mid");
	ok_near(m.correlation, 0, 1e-12, "unrelated channels: correlation 0");
	ok_near(m.mix_loss_db, 3.0103, 1e-3, "and 3 dB less");
	prep_map_apply(&m, free2, 4, out);
	ok(out[0] == 1 && out[1] == 0 && out[2] == 1 && out[3] == 0, "mid is the mean");
	ok(!decide(&m, "sum", free2, 4, 2), "their sum is fine");
	prep_map_apply(&m, free2, 4, out);
	ok(out[0] == 2 && out[1] == 0, "the sum is the sum");
	ok(decide(&m, "mono", three, 2, 3) == -1, "three different channels have no middle");
	ok(!decide(&m, "mono", three, 1, 3) && m.pick == 0, "three identical ones do");
	ok(!decide(&m, "sum", three, 2, 3), "any number has a sum");
}

static void
test_apply(void)
{
	static const float in[] = { 0.1f, -0.0f, 3e-40f, -1 };
	struct prep_map m;
	struct prep_stats s = { .channels = 2 };
	float x[4];

	prep_map_init(&m, NULL, 2, &e);
	prep_map_apply(&m, in, 2, x);
	ok(!memcmp(x, in, sizeof in), "nothing to do: the same bits, -0 and subnormals too");
	prep_stats_add(&s, in, 2);
	prep_map_dc(&m, &s);
	ok_near(m.dc[0], 0.05, 1e-8, "the mean of the first channel");
	m.gain = -2;
	prep_map_apply(&m, in, 2, x);
	ok_near((double)x[0], -0.1, 1e-7, "mean off, doubled, inverted");
	ok_near((double)x[3], 1, 1e-7, "and the other channel by its own mean");
}

static void
test_sound(void)
{
	static const float x[] = { 0, 0.01f, 0, -0.5f, 0, 0, 0.1f, 0.2f, 0, 0 };
	struct prep_sound s = { -1, -1 };

	prep_sound_add(&s, x, 5, 2, 0, 0.6);
	ok(s.first == -1, "nothing reaches the threshold");
	prep_sound_add(&s, x, 2, 2, 0, 0.2);
	prep_sound_add(&s, x + 4, 3, 2, 2, 0.2);
	ok(s.first == 1 && s.last == 3, "the first and the last frame that do");
}

static void
test_fade(void)
{
	float a[100], b[100];

	for (int i = 0; i < 100; i++)
		a[i] = b[i] = 1;
	prep_fade(a, 50, 2, 0, 50, 10, 20);
	ok(a[0] == 0 && a[1] == 0 && a[98] == 0 && a[99] == 0, "a fade begins and ends at 0");
	ok(a[2 * 10] == 1 && a[2 * 29] == 1, "and leaves the middle alone");
	ok_near((double)a[2 * 5], 0.5, 1e-7, "half way is a half");
	for (int i = 0; i < 50; i += 7)
		prep_fade(b + 2 * i, i + 7 < 50 ? 7 : 50 - i, 2, i, 50, 10, 20);
	ok(!memcmp(a, b, sizeof a), "the same in any blocks");
}

static void
test_dither(void)
{
	enum { N = 200000 };
	static float x[N], y[N];
	double sum = 0, power = 0;
	int whole = 1;

	for (int i = 0; i < N; i++)
		x[i] = 0.3f / 32768;
	prep_dither(x, y, N, 0, 16);
	for (int i = 0; i < N; i++) {
		double v = (double)y[i] * 32768;

		whole &= v == rint(v) && fabs(v) <= 2;
		sum += v;
		power += (v - 0.3) * (v - 0.3);
	}
	ok(whole, "steps of 16 bits");
	ok_near(sum / N, 0.3, 0.01, "on average what is under a step is kept");
	/* rounding 1/12 and triangle 2/12 of a step squared, for every value alike */
	ok_near(power / N, 0.25, 0.01, "the error has the power theory says");
	prep_dither(x, x, 1000, 0, 16);
	prep_dither(x + 1000, x + 1000, N - 1000, 1000, 16);
	ok(!memcmp(x, y, sizeof x), "the same in any blocks, and in place");
	for (int i = 0; i < N; i++)
		x[i] = i % 2 ? 1 : -1;
	prep_dither(x, y, N, 0, 24);
	whole = 1;
	for (int i = 0; i < N; i++)
		whole &= y[i] >= -1 && y[i] < 1;
	ok(whole, "full scale does not clip");
	x[0] = 1.5f;
	prep_dither(x, y, 1, 0, 24);
	ok(y[0] > 1, "what is over full scale stays there to be counted");
}

static void
test_ir(void)
{
	float x[] = { 0, 0, 0.02f, -0.5f, 0.25f, 1e-5f, 0, 0 };
	struct au_buf h = { x, 8, 48000, 1 };
	struct ir_facts f;

	ir_measure(&h, 0, &f);
	ok(f.peak == 0.5 && f.peak_frame == 3 && f.polarity == -1, "peak, where and which sign");
	ok(f.onset_frame == 3 && f.length_60db_frames == 5, "onset and useful length");
	ok_near(f.energy, 0.3129, 1e-6, "energy");
	ok_near(f.dc_gain, -0.22999, 1e-6, "gain at 0 Hz");
	h.channels = 2, h.frames = 4;
	ir_measure(&h, 0, &f);
	ok(f.peak == 0.25 && f.peak_frame == 2 && f.polarity == 1, "channels are apart");
}

int
main(void)
{
	test_db();
	test_choices();
	test_decisions();
	test_apply();
	test_sound();
	test_fade();
	test_dither();
	test_ir();
	return done();
}
