/* test_fx - chains of effects: what goes through untouched, blocks, descriptions, automation. */
#include "fx/fx.h"
#include "fx/fx_math.h"
#include "../tap.h"

#include <string.h>

enum { FRAMES = 5000 };

static double
more(double a, double b) /* with fmax() gcc 12 for AArch64 stops with an internal error */
{
	return a > b ? a : b;
}

static double
noise(uint32_t *s)
{
	*s = *s * 1664525 + 1013904223;
	return (double)(int32_t)*s / 2147483648.0;
}

static struct fx_spec *
chain(const char *const *texts)
{
	struct fx_spec *s;
	struct err e;

	if (fx_spec_new(&s, &e))
		return NULL;
	for (; *texts; texts++)
		if (strchr(*texts, ':') && strchr(*texts, ':') > strchr(*texts, '=') && strchr(*texts, '=') ?
		    fx_spec_automate(s, *texts, &e) : fx_spec_add(s, *texts, &e)) {
			printf("# %s\n", e.msg);
			fx_spec_free(s);
			return NULL;
		}
	return s;
}

/* All of x through the chain in blocks of `block`, with a tail; returns the frames that came out, or -1. */
static int64_t
run(const struct fx_spec *s, int rate_hz, int channels, const float *x, int64_t frames, int64_t block, int64_t tail,
    float *out)
{
	int64_t made = 0, got;
	struct fx *fx;
	struct err e;

	if (!s || fx_open(&fx, s, rate_hz, channels, &e))
		return -1;
	for (int64_t at = 0; at < frames; at += block) {
		got = fx_process(fx, x + at * channels, block < frames - at ? block : frames - at, out + made * channels, &e);
		if (got < 0)
			return -1;
		made += got;
	}
	while ((got = fx_finish(fx, tail, out + made * channels, &e)) > 0)
		made += got;
	fx_close(fx);
	return got < 0 ? -1 : made;
}

static int
refused(const char *text, const char *why)
{
	struct fx_spec *s;
	struct err e = { 0 };
	int r;

	fx_spec_new(&s, &e);
	r = fx_spec_add(s, text, &e) && strstr(e.msg, why);
	if (!r)
		printf("# %s: %s\n", text, e.msg);
	fx_spec_free(s);
	return r;
}

static void
test_math(void)
{
	double worst_log = 0, worst_exp = 0, worst_tan = 0;

	for (int i = -3000; i < 3000; i++) {
		double x = pow(1.07, i / 10.0) * (1 + 1e-3 * (i & 7)), t = i / 10.3;

		worst_log = more(worst_log, fabs(fx_log2(x) - log2(x)));
		worst_exp = more(worst_exp, fabs(fx_exp2(t) / exp2(t) - 1));
	}
	for (int i = 1; i < 490; i++) {
		double x = i / 1000.0;

		worst_tan = more(worst_tan, fabs(fx_tanpi(x) / tan(3.14159265358979324 * x) - 1));
	}
	ok(worst_tan < 1e-13, "tan(pi x) to 1e-13, relative");
	ok(worst_log < 1e-13, "log2 to 1e-13");
	ok(worst_exp < 1e-13, "exp2 to 1e-13, relative");
	ok(fx_exp2(0) == 1 && fx_log2(1) == 0 && fx_log2(8) == 3 && fx_exp2(-10) == 1.0 / 1024, "whole powers are exact");
}

static void
test_copies(const float *x)
{
	static const char *const nothing[] = { NULL }, *const zero[] = { "gain:0", "boost:gain_db=0", "eq", NULL },
	    *const bypassed[] = { "gain:gain_db=20,bypass=1", "eq:mid_scoop,bypass=1", NULL },
	    *const dry[] = { "eq:mid_scoop,mix_pct=0", NULL },
	    *const twice[] = { "gain:invert=1", "gain:invert=1", NULL };
	const char *const *const all[] = { nothing, zero, bypassed, dry, twice };
	static const char *const names[] = { "no effects", "0 dB", "bypassed", "dry", "inverted twice" };
	static float y[3 * (FRAMES + 600)];

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct fx_spec *s = chain(all[i]);
		int64_t n = run(s, 44100, 3, x, FRAMES, 1000, 0, y);

		ok(n == FRAMES && !memcmp(x, y, FRAMES * 3 * sizeof *x), names[i]);
		fx_spec_free(s);
	}
}

static void
test_blocks(const char *name, const char *const *texts, const float *x, int rate_hz, int channels)
{
	static float y[2][8 * (FRAMES + 4000)];
	static const int blocks[] = { 1, 7, 255, 256, 257, 4096 };
	struct fx_spec *s = chain(texts);
	int64_t n = run(s, rate_hz, channels, x, FRAMES, 512, 777, y[0]);
	int same = n == FRAMES + 777;

	for (size_t i = 0; same && i < sizeof blocks / sizeof *blocks; i++)
		same = run(s, rate_hz, channels, x, FRAMES, blocks[i], 777, y[1]) == n &&
		    !memcmp(y[0], y[1], (size_t)(n * channels) * sizeof *x);
	ok(same, name);
	fx_spec_free(s);
}

/* The bits are those of every other machine and compiler: FNV-1a over the samples. */
static void
test_same_bits(const float *x)
{
	static const struct { uint64_t hash; const char *name, *texts[8]; } chains[] = {
		{ 0xa73dd3ecf9420081, "equaliser", { "eq:mid_scoop,low_cut_hz=80,high_cut_hz=9000,high_gain_db=3", "gain:-3.3" } },
		{ 0xacbacb3eb75857a6, "gate and compressor", { "gate:-30", "comp:sustain,rms_ms=7" } },
		{ 0x52cecca0c95bcbd3, "saturation", { "saturate:crunch", "saturate:warm", "saturate:clip,oversample=2" } },
		{ 0xe923b05caa1e6e00, "delay and reverb", { "delay:tape", "reverb:plate", "reverb:hall" } },
		{ 0x4080dd2527391768, "automation", { "eq:mid_gain_db=6", "delay", "reverb", "eq.mid_hz=0s:300,0.05s:3000:exp,smooth_ms=2",
		    "delay.time_ms=0s:5,0.05s:60:s", "reverb.size_pct=0f:0,4000f:80:log" } },
	};
	static float y[2 * (FRAMES + 6000)];

	for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
		struct fx_spec *s = chain(chains[i].texts);
		int64_t n = run(s, 48000, 2, x, FRAMES, 512, 5000, y);
		uint64_t h = 14695981039346656037u;
		char name[120];

		for (size_t k = 0; k < (size_t)n * 2 * sizeof *y; k++)
			h = (h ^ ((const unsigned char *)y)[k]) * 1099511628211u;
		snprintf(name, sizeof name, "%s: the bits of every machine", chains[i].name);
		ok(n == FRAMES + 5000 && h == chains[i].hash, name);
		if (h != chains[i].hash)
			printf("# 0x%016llx\n", (unsigned long long)h);
		fx_spec_free(s);
	}
}

static void
test_words(void)
{
	struct fx_spec *s, *t;
	struct err e;
	json_t *v;
	char *text;
	size_t good = 0, n = 0;

	ok(refused("flanger", "unknown effect 'flanger'; the effects are: gain"), "unknown effect: which there are");
	ok(refused("eq:mid_scop", "unknown preset 'mid_scop'; the presets are: highpass_80hz"), "unknown preset");
	ok(refused("eq:mid_gain_bd=3", "did you mean 'mid_gain_db'"), "unknown parameter: a guess");
	ok(refused("boost:25", "gain_db 25 dB is not within 0..24 dB"), "out of range: the range");
	ok(refused("gain:nan", "no PARAMETER=VALUE") && refused("gain:gain_db=nan", "not a number") &&
	    refused("gain:gain_db=0x10", "not a number") && refused("gain:gain_db=inf", "not a number"), "numbers are decimal");
	ok(refused("gain:3ms", "only its unit, dB"), "a wrong unit");
	ok(refused("eq:low_cut_slope=13", "is not one of 6, 12"), "a wrong word");
	ok(refused("gain:invert=0.5", "0 or 1"), "a switch is 0 or 1");
	ok(refused("gain:gain_db=1,gain_db=2", "twice"), "twice");
	ok(refused("", "unknown effect ''") && refused("gain:", "") && refused("gain:,", "") && refused("gain:gain_db", ""),
	    "empty words");
	fx_spec_new(&s, &e);
	ok(!fx_spec_add(s, "gain:+6dB", &e) && fx_spec_value(s, 0, 1) == 6, "a bare number with a plus and its unit");
	ok(!fx_spec_add(s, "eq:mid_scoop,mid_gain_db=-3.25,low_cut_slope=24,mix_pct=50%", &e), "preset, values, a unit");
	text = fx_spec_text(s, 1);
	ok(text && !strcmp(text, "eq:mid_scoop,mix_pct=50,low_cut_slope=24,mid_gain_db=-3.25"), "and back to text");
	fx_spec_new(&t, &e);
	v = json_loads("{\"effect\": \"eq\", \"preset\": \"mid_scoop\", \"mid_gain_db\": -3.25, \"low_cut_slope\": 24,"
	    " \"mix_pct\": 50}", 0, NULL);
	for (int k = 0; !fx_spec_add_json(t, v, &e) && k < 30; k++)
		n += fx_spec_value(t, 0, k) != fx_spec_value(s, 1, k);
	ok(fx_spec_count(t) > 0 && n == 0, "the same from JSON");
	json_decref(v);
	free(text);
	fx_spec_free(s);
	fx_spec_free(t);
	/* every preset can be used, and every default is within its range */
	n = 0;
	for (size_t i = 0; fx_info(i); i++) {
		const struct fx_info *info = fx_info(i);

		for (const struct fx_preset *p = info->preset; p && p->name; p++) {
			char line[128];

			n++;
			snprintf(line, sizeof line, "%s:%s", info->name, p->name);
			fx_spec_new(&s, &e);
			good += !fx_spec_add(s, line, &e);
			fx_spec_free(s);
		}
		for (int k = 0; k < info->params; k++) {
			const struct fx_param *p = &info->param[k];

			n++;
			good += p->def >= p->min && p->def <= p->max && *p->help && p->min < p->max;
		}
	}
	ok(n == good && n > 40, "presets and defaults are within their ranges");
}

/* What a lane of gain does to ones, in dB. */
static int64_t
moved(const char *lane, double bpm, float *y)
{
	const char *const texts[] = { "gain", NULL };
	static float one[FRAMES];
	struct fx_spec *s = chain(texts);
	struct err e = { 0 };
	int64_t n = -1;

	for (int i = 0; i < FRAMES; i++)
		one[i] = 1;
	if (bpm > 0)
		fx_spec_tempo(s, bpm);
	if (!fx_spec_automate(s, lane, &e))
		n = run(s, 8000, 1, one, FRAMES, 100, 0, y);
	else
		printf("# %s\n", e.msg);
	fx_spec_free(s);
	for (int i = 0; i < FRAMES; i++)
		y[i] = (float)(20 * log10(y[i]));
	return n;
}

static void
test_automation(void)
{
	static const char *const bad[] = { "gain", "gain.gain_db", "gain.gain_db=", "gain.gain_db=5", "gain.gain_db=1s:200",
		"gain.gain_db=1x:2", "gain.gain_db=1s:2:wild", "gain.gain_db=-1s:2", "gain.gain_db=nans:2", "3.gain_db=0s:1",
		"0.gain_db=0s:1", "comp.mix_pct=0s:1", "gain.loud=0s:1", "gain.gain_db=smooth_ms=5",
		"gain.gain_db=0s:1,smooth_ms=-5", "gain.gain_db=0s:1,", "gain.invert=0s:2", "gain.gain_db=1e300s:2",
		"eq.low_cut_slope=0s:6,1s:48:linear", "eq.low_cut_slope=0s:6,1s:48,smooth_ms=3", "eq.band1_type=0s:bells" };
	static float y[FRAMES + 256];
	struct fx_spec *s;
	struct fx *fx;
	struct err e;
	size_t n = 0;

	ok(moved("gain.gain_db=1000f:-20,3000f:20", 0, y) == FRAMES, "a lane of gain");
	ok_near(y[0], -20, 1e-4, "before the first point");
	ok_near(y[1000], -20, 1e-4, "at the first point");
	ok_near(y[1001], -20 + 40.0 / 2000, 1e-4, "one frame later");
	ok_near(y[2000], 0, 1e-4, "half way, linear");
	ok_near(y[2999], 20 - 40.0 / 2000, 1e-4, "one frame before the last point");
	ok_near(y[4999], 20, 1e-4, "after the last point");
	moved("1.gain_db=0.125s:-6,0.25s:6:hold", 0, y);
	ok(fabs(y[1999] + 6) < 1e-4 && fabs(y[2000] - 6) < 1e-4, "hold: a step at its frame");
	moved("gain.gain_db=0f:0,2000f:-60:exp", 0, y);
	ok_near(y[1000], -60 * (sqrt(1000.0) - 1) / 999, 1e-4, "exp, half way");
	moved("gain.gain_db=0f:0,2000f:-60:log", 0, y);
	ok_near(y[1000], -60 * (1 - (sqrt(1000.0) - 1) / 999), 1e-4, "log, half way");
	moved("gain.gain_db=0f:0,2000f:-60:s", 0, y);
	ok_near(y[500], -60 * 0.15625, 1e-4, "s, at a quarter");
	moved("gain.gain_db=0b:0,0.5b:-10:hold", 150, y);
	ok(fabs(y[1599]) < 1e-4 && fabs(y[1600] + 10) < 1e-4, "half a beat at 150 is 0.2 s");
	moved("gain.gain_db=1000f:0,1000f:-10,smooth_ms=10", 0, y);
	ok_near(y[1080 - 1], -10 * (1 - exp(-1)), 1e-3, "smoothing: 63 % after its time");
	ok_near(y[4000], -10, 1e-5, "and it arrives");
	fx_spec_new(&s, &e);
	fx_spec_add(s, "gain", &e);
	fx_spec_add(s, "eq", &e);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int r = fx_spec_automate(s, bad[i], &e) != 0;

		n += (size_t)r;
		if (!r)
			printf("# taken: %s\n", bad[i]);
	}
	ok(n == sizeof bad / sizeof *bad, "what is no lane is refused");
	ok(!fx_spec_automate(s, "gain.gain_db=2s:0,1s:1", &e) && fx_open(&fx, s, 8000, 1, &e) &&
	    strstr(e.msg, "point 2 is before"), "points out of order are refused");
	fx_spec_free(s);
}

/* Whether a chain whose parameter moves at frame `at` is, sample for sample, up to there what it is with the one value, and from
 * `from` on what it is with the other. */
static int
goes_over(const float *x, const char *before, const char *after, const char *moves, const char *move, int at, int from)
{
	static float y[3][2 * (FRAMES + 1000)];
	const char *const texts[3][3] = { { before }, { after }, { moves, move } };
	int64_t n[3], differ = 0;

	for (int i = 0; i < 3; i++) {
		struct fx_spec *s = chain(texts[i]);

		n[i] = run(s, 48000, 2, x, FRAMES, 500, 300, y[i]);
		fx_spec_free(s);
	}
	for (int i = 2 * at; i < 2 * from; i++)
		differ += y[2][i] != y[0][i];
	return n[0] == FRAMES + 300 && n[1] == n[0] && n[2] == n[0] && !memcmp(y[0], y[2], (size_t)at * 2 * sizeof **y) &&
	    !memcmp(y[1] + (ptrdiff_t)2 * from, y[2] + (ptrdiff_t)2 * from, (size_t)(n[0] - from) * 2 * sizeof **y) &&
	    memcmp(y[0] + (ptrdiff_t)2 * from, y[2] + (ptrdiff_t)2 * from, (size_t)(n[0] - from) * 2 * sizeof **y) &&
	    (differ > 0 || at == from);
}

static void
test_steps(const float *x)
{
	static const struct { const char *name, *before, *after, *moves, *move; int at, from; } steps[] = {
		{ "reverb's type: from the one room to the other within 5 ms", "reverb:type=room", "reverb:type=hall", "reverb",
		    "1.type=0f:room,2000f:hall", 2000, 2240 },
		{ "oversampling, from 2 to 8 times", "saturate:crunch,oversample=2", "saturate:crunch", "saturate:crunch",
		    "1.oversample=0f:2,2000f:8", 2000, 2240 },
		{ "and from 8 to 1", "saturate:crunch", "saturate:crunch,oversample=1", "saturate:crunch",
		    "1.oversample=0f:8,1001f:2,2000f:1", 1001, 2240 },
		{ "the curve", "saturate:curve=soft", "saturate:curve=hard", "saturate", "1.curve=0f:soft,3001f:hard", 3001, 3241 },
		{ "the type of a band, from off", "eq", "eq:band1_type=bell,band1_gain_db=6", "eq:band1_gain_db=6",
		    "1.band1_type=100f:off,513f:bell", 513, 753 },
		{ "words in the middle of a fade", "saturate:curve=soft", "saturate:curve=tube", "saturate",
		    "1.curve=0f:soft,3000f:hard,3100f:tube", 3000, 3340 },
		{ "the gate's lookahead, more: a frame a frame", "gate:-6.03,hysteresis_db=0,hold_ms=0,release_ms=5,lookahead_ms=1",
		    "gate:-6.03,hysteresis_db=0,hold_ms=0,release_ms=5,lookahead_ms=3", "gate:-6.03,hysteresis_db=0,hold_ms=0,release_ms=5",
		    "1.lookahead_ms=0f:1,2000f:3:hold", 2000, 2096 },
		{ "less", "gate:-6.03,hysteresis_db=0,hold_ms=0,release_ms=5,lookahead_ms=3",
		    "gate:-6.03,hysteresis_db=0,hold_ms=0,release_ms=5", "gate:-6.03,hysteresis_db=0,hold_ms=0,release_ms=5", "1.lookahead_ms=0f:3,2000f:0:hold",
		    2000, 2144 },
		{ "the compressor's", "comp:ratio=20", "comp:ratio=20,lookahead_ms=20", "comp:ratio=20",
		    "1.lookahead_ms=0f:0,2000f:20:hold", 2000, 2960 },
		{ "the makeup counts when the signal comes out", "comp:lookahead_ms=5", "comp:lookahead_ms=5,makeup_db=6",
		    "comp:lookahead_ms=5", "1.makeup_db=2000f:0,2001f:6:hold", 2001, 2001 },
		{ "the output of saturate, too", "saturate", "saturate:output_db=-9", "saturate", "1.output_db=0f:0,777f:-9:hold", 777, 777 },
		{ "the drive, from frame to frame", "saturate:drive_db=6,oversample=1", "saturate:oversample=1,curve=soft",
		    "saturate:oversample=1", "1.drive_db=0f:6,2001f:12:hold", 2001, 2001 },
		{ "and through the filters", "saturate:drive_db=6", "saturate", "saturate", "1.drive_db=0f:6,2001f:12:hold", 1922, 2080 },
		{ "the mix of saturate", "saturate:mix_pct=0", "saturate", "saturate", "1.mix_pct=0f:0,2001f:100:hold", 2001, 2001 },
		{ "and a bypass", "saturate", "gain", "saturate", "1.bypass=0f:0,2001f:1", 2001, 2001 },
	};
	const char *const still[] = { "gate:-6", "1.lookahead_ms=0f:2,100f:2", NULL }, *const same[] = { "gate:-6,lookahead_ms=2", NULL };
	static float y[2][2 * (FRAMES + 300)];
	struct fx_spec *s = chain(still), *t = chain(same);

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		ok(goes_over(x, steps[i].before, steps[i].after, steps[i].moves, steps[i].move, steps[i].at, steps[i].from),
		    steps[i].name);
	ok(run(s, 48000, 2, x, FRAMES, 500, 0, y[0]) == FRAMES && run(t, 48000, 2, x, FRAMES, 500, 0, y[1]) == FRAMES &&
	    !memcmp(y[0], y[1], (size_t)FRAMES * 2 * sizeof **y), "points that say the same move nothing");
	fx_spec_free(s);
	fx_spec_free(t);
}

/* A fade does not click: between two sines through different words no step is larger than theirs. */
static void
test_no_click(void)
{
	static float x[2 * FRAMES], y[2 * (FRAMES + 300)];
	const char *const texts[] = { "saturate:drive_db=18", "1.oversample=0f:1,1500f:8,3000f:2", "1.curve=0f:soft,2000f:hard,2500f:tube",
		NULL }, *const ahead[] = { "gate:-20,attack_ms=20,range_db=20", "1.lookahead_ms=0f:0,2000f:20:hold,4000f:3:hold", NULL };
	const char *const *const all[] = { texts, ahead };
	double most[2];

	for (int i = 0; i < 2 * FRAMES; i++)
		x[i] = (float)(0.3 * sin(2 * 3.14159265358979 * 100 * (i / 2) / 48000.0));
	for (int k = 0; k < 2; k++) {
		struct fx_spec *s = chain(all[k]);

		most[k] = run(s, 48000, 2, x, FRAMES, 500, 0, y) == FRAMES ? 0 : 9;
		for (int i = 200; i < 2 * FRAMES; i += 2)
			most[k] = more(most[k], fabs((double)y[i] - y[i - 2]));
		fx_spec_free(s);
	}
	ok(most[0] < 0.055, "words that move do not click");
	ok(most[1] < 0.006, "nor does a lookahead");
	printf("# steps of at most %g and %g\n", most[0], most[1]);
}

static void
test_range(void)
{
	static const char *const loud[] = { "gain:120", "gain:120", NULL };
	float big[4] = { 1e30f, 0, 0, 0 };
	static float y[1024];
	struct fx_spec *s = chain(loud);

	ok(run(s, 8000, 1, big, 4, 4, 0, y) == -1, "past float32 is an error");
	ok(run(s, 8000, 1, big, 0, 1, 50, y) == 0, "nothing in, nothing out");
	fx_spec_free(s);
}

int
main(void)
{
	static const char *const eq[] = { "gain:-3", "eq:mid_scoop,low_cut_hz=80,high_cut_hz=9000,high_gain_db=3", NULL },
	    *const all[] = { "gate:-50", "comp", "saturate:curve=tube", NULL }, *const wet[] = { "delay:tape", "reverb:hall", NULL },
	    *const wet_moving[] = { "delay:feedback_pct=70", "reverb:plate", "comp", "saturate", "gate",
	    "1.time_ms=0s:5,0.05s:60:s", "2.size_pct=0f:0,4000f:80", "3.threshold_db=0s:0,0.1s:-60", "4.drive_db=100f:0,3000f:30:log",
	    "4.curve=0f:soft,2000f:hard", "5.range_db=0f:0,3000f:80", NULL },
	    *const stepping[] = { "reverb:decay_s=0.2", "saturate", "gate", "comp", "eq:low_cut_hz=200", "1.type=0f:hall,999f:plate,1100f:room",
	    "2.oversample=0f:2,2000f:8,3000f:1", "2.drive_db=0f:0,3000f:20", "2.mix_pct=0f:0,4000f:100", "3.lookahead_ms=0f:1,500f:20,4000f:3",
	    "4.lookahead_ms=0f:0,4000f:10,smooth_ms=4", "4.makeup_db=0f:0,4000f:10", "5.low_cut_slope=0f:6,2500f:48", NULL },
	    *const moving[] = { "eq:mid_gain_db=6", "eq.mid_hz=0s:300,0.05s:3000:exp,smooth_ms=2",
	    "eq.mix_pct=0f:0,1000f:100", "gain", "gain.bypass=0f:0,2000f:1,2500f:0", "gain.gain_db=0f:0,4000f:-9:s", NULL };
	static float x[8 * FRAMES];
	uint32_t seed = 1;

	for (int i = 0; i < 8 * FRAMES; i++)
		x[i] = (float)(0.5 * noise(&seed));
	x[17] = -0.0f;
	x[18] = 1e-42f;
	x[19] = 1e30f;
	test_math();
	test_copies(x);
	x[19] = 0.5f;
	test_blocks("equaliser: the same bits for every block size", eq, x, 48000, 2);
	test_blocks("automation: the same bits for every block size", moving, x, 48000, 3);
	test_blocks("dynamics and saturation", all, x, 44100, 1);
	test_blocks("delay and reverb", wet, x, 48000, 2);
	test_blocks("delay and reverb of three channels at 8 kHz", wet, x, 8000, 3);
	test_blocks("all of them, automated", wet_moving, x, 48000, 2);
	test_blocks("words and lookahead, automated", stepping, x, 48000, 2);
	test_same_bits(x);
	test_words();
	test_automation();
	test_steps(x);
	test_no_click();
	test_range();
	return done();
}
