/* test_nam_info - what the library says of a model, and its check of what a file claims. */
#include "nam/nam.h"
#include "nam/nam_check.h"
#include "nam/nam_json.h"
#include "audio/audio.h"
#include "base/sha256.h"
#include "cli/jsonl.h"
#include "../tap.h"

#include <stdlib.h>
#include <string.h>

#define TINY "\"architecture\":\"Linear\",\"config\":{\"receptive_field\":1,\"bias\":false},\"weights\":[0.5]"

static void
test_info(void)
{
	const char *text = "{\"version\":\"0.5.4\",\"sample_rate\":44100,\"metadata\":{\"name\":\"Plexi\",\"gear_type\":\"amp\","
	    "\"loudness\":-18.5,\"gain\":0.25,\"input_level_dbu\":null}," TINY "}";
	const struct nam_info *i;
	struct nam_model *m;
	struct err e;

	if (nam_open_mem(&m, text, strlen(text), "t", -1, &e)) {
		ok(0, e.msg);
		return;
	}
	i = nam_model_info(m);
	ok(!strcmp(i->architecture, "Linear") && !strcmp(i->selected, "Linear") && !strcmp(i->file_version, "0.5.4"),
	    "info: architecture and version");
	ok(i->rate_hz == 44100 && i->weights == 1 && i->macs == 1 && i->receptive_field == 1, "info: numbers");
	ok(i->name && !strcmp(i->name, "Plexi") && !strcmp(i->gear_type, "amp") && !i->gear_make, "info: words");
	ok(i->loudness_db == -18.5 && i->gain == 0.25 && isnan(i->input_level_dbu), "info: levels");
	nam_close(m);
}

static struct nam_model *
open_text(const char *text)
{
	struct nam_model *m;
	struct err e;

	if (nam_open_mem(&m, text, strlen(text), "t", -1, &e))
		printf("# %s\n", e.msg);
	return m;
}

/* The model's structure as one line of JSON. */
static void
structure_is(const char *text, const char *want, const char *name)
{
	struct nam_model *m = open_text(text);
	json_t *o = m ? nam_info_json("t.nam", m) : NULL;
	char *got = o ? jl_text(json_object_get(o, "structure")) : NULL;

	ok(got && !strcmp(got, want), name);
	if (got && strcmp(got, want))
		printf("# %s\n", got);
	free(got);
	json_decref(o);
	nam_close(m);
}

static void
test_structure(void)
{
	structure_is("{\"version\":\"0.5.4\"," TINY "}", "{\"architecture\":\"Linear\",\"in_channels\":1,\"out_channels\":1,"
	    "\"receptive_field\":1,\"bias\":false}", "structure: Linear");
	structure_is("{\"version\":\"0.7.0\",\"architecture\":\"LSTM\",\"config\":{\"num_layers\":1,\"input_size\":1,\"hidden_size\":1},"
	    "\"weights\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}", "{\"architecture\":\"LSTM\",\"in_channels\":1,\"out_channels\":1,"
	    "\"num_layers\":1,\"input_size\":1,\"hidden_size\":1}", "structure: LSTM");
	structure_is("{\"version\":\"0.7.0\",\"architecture\":\"ConvNet\",\"config\":{\"channels\":1,\"dilations\":[4],\"batchnorm\":"
	    "false,\"activation\":\"ReLU\"},\"weights\":[1,1,1,1,1]}", "{\"architecture\":\"ConvNet\",\"in_channels\":1,"
	    "\"out_channels\":1,\"channels\":1,\"dilations\":[4],\"batchnorm\":false,\"activation\":\"ReLU\",\"groups\":1}",
	    "structure: ConvNet");
	/* what differs from layer to layer is a list, what does not is said once; the last weight is the head's scale */
	structure_is("{\"version\":\"0.7.0\",\"architecture\":\"WaveNet\",\"config\":{\"head_scale\":9,\"layers\":[{\"input_size\":1,"
	    "\"condition_size\":1,\"channels\":1,\"kernel_sizes\":[1,2],\"dilations\":[1,3],\"activation\":[\"Tanh\",{\"type\":"
	    "\"LeakyReLU\",\"negative_slope\":0.5}],\"gating_mode\":[\"none\",\"gated\"],\"secondary_activation\":[\"\",\"ReLU\"],"
	    "\"conv_pre_film\":{\"shift\":false},\"head_size\":1,\"head_bias\":true,\"slimmable\":{\"method\":"
	    "\"slice_channels_uniform\"}}]},\"weights\":[1, 1,1,1,1,1,1,1, 1,1,1,1,1,1,1,1,1,1,1,1, 1,1,0.25]}",
	    "{\"architecture\":\"WaveNet\",\"in_channels\":1,\"out_channels\":1,\"layer_arrays\":[{\"layers\":2,\"channels\":1,"
	    "\"bottleneck\":1,\"input_size\":1,\"condition_size\":1,\"kernel_size\":[1,2],\"dilations\":[1,3],\"activation\":[\"Tanh\","
	    "{\"type\":\"LeakyReLU\",\"negative_slope\":0.5}],\"gating_mode\":[\"none\",\"gated\"],\"secondary_activation\":[null,"
	    "\"ReLU\"],\"groups_input\":1,\"groups_input_mixin\":1,\"layer1x1\":{\"groups\":1},\"head1x1\":null,\"film\":"
	    "{\"conv_pre_film\":{\"shift\":false,\"groups\":1}},\"head\":{\"out_channels\":1,\"kernel_size\":1,\"head_dilation\":1,"
	    "\"bias\":true},\"allowed_channels\":[1]}],\"head_scale\":0.25}", "structure: WaveNet");
	structure_is("{\"in_shape\":[2],\"in_skip\":1,\"out_gain\":-90,\"layers\":[{\"type\":\"conv1d\",\"shape\":[2],\"kernel_size\":2,"
	    "\"dilation\":3,\"activation\":\"softmax\",\"weights\":[[[[1,2],[3,4]],[[5,6],[7,8]]]]},{\"type\":\"prelu\",\"shape\":[2],"
	    "\"weights\":[[[0.5,0.25]]]}]}", "{\"architecture\":\"RTNeural\",\"in_channels\":1,\"out_channels\":2,\"layers\":[{\"type\":"
	    "\"conv\",\"in\":1,\"out\":2,\"kernel_size\":2,\"dilation\":3,\"activation\":\"softmax\"},{\"type\":\"activation\",\"in\":2,"
	    "\"out\":2,\"activation\":{\"type\":\"PReLU\",\"negative_slopes\":[0.5,0.25]}}],\"in_skip\":true,\"in_gain_db\":0.0,"
	    "\"out_gain_db\":null}", "structure: RTNeural");
}

/* Macs, tanh and weights of the standard shape are published figures. */
static void
test_cost(void)
{
	static const char dilations[] = "[1,2,4,8,16,32,64,128,256,512]";
	char *text = malloc(100000), *p = text;
	struct nam_model *m;

	if (!text) {
		ok(0, "memory");
		return;
	}
	p += sprintf(p, "{\"version\":\"0.5.0\",\"architecture\":\"WaveNet\",\"config\":{\"head\":null,\"head_scale\":0.02,\"layers\":["
	    "{\"input_size\":1,\"condition_size\":1,\"channels\":16,\"head_size\":8,\"kernel_size\":3,\"dilations\":%s,\"activation\":"
	    "\"Tanh\",\"gated\":false,\"head_bias\":false},{\"input_size\":16,\"condition_size\":1,\"channels\":8,\"head_size\":1,"
	    "\"kernel_size\":3,\"dilations\":%s,\"activation\":\"Tanh\",\"gated\":false,\"head_bias\":true}]},\"weights\":[",
	    dilations, dilations);
	for (int i = 0; i < 13802; i++)
		p += sprintf(p, "%s0", i ? "," : "");
	sprintf(p, "]}");
	if ((m = open_text(text))) {
		const struct nam_info *i = nam_model_info(m);

		ok(i->weights == 13802 && i->macs == 13321, "cost: weights and multiply-adds of the standard WaveNet");
		ok(i->transcendentals == 240, "cost: its tanh");
		ok(i->receptive_field == 4093 && i->state_bytes == 4 * 24 * 2046, "cost: how far it looks back, and what it keeps");
		nam_close(m);
	} else {
		ok(0, "cost of the standard WaveNet");
	}
	free(text);
}

static void
test_json(void)
{
	struct nam_model *m = open_text("{\"version\":\"0.5.4\",\"sample_rate\":44100,\"metadata\":{\"name\":\"Plexi\",\"date\":{\"year\":2025,"
	    "\"month\":11,\"day\":2,\"hour\":3,\"minute\":4,\"second\":5},\"training\":{\"validation_esr\":0.25,\"data\":{\"latency\":"
	    "{\"manual\":null,\"calibration\":{\"recommended\":-17}},\"checks\":{\"passed\":true}}}}," TINY "}");
	json_t *o = m ? nam_info_json("x.nam", m) : NULL, *s = m ? nam_info_json_short("x.nam", m) : NULL;

	ok(o && !strcmp(json_string_value(json_object_get(o, "date")), "2025-11-02T03:04:05") &&
	    json_number_value(json_object_get(o, "validation_esr")) == 0.25 &&
	    json_number_value(json_object_get(o, "training_latency_frames")) == -17 &&
	    json_is_true(json_object_get(o, "training_checks_passed")) && json_is_null(json_object_get(o, "loudness_db")) &&
	    json_number_value(json_object_get(o, "flops_per_s")) == 2 * 44100, "JSON: all of it");
	ok(s && !strcmp(json_string_value(json_object_get(s, "file")), "x.nam") && !json_object_get(s, "schema") &&
	    !json_object_get(s, "structure") && !strcmp(json_string_value(json_object_get(s, "name")), "Plexi"), "JSON: the short one");
	json_decref(o);
	json_decref(s);
	nam_close(m);
	m = open_text("{\"in_shape\":[2],\"metadata\":{\"samplerate\":\"44100\",\"author\":\"a\",\"based\":\"b\",\"source\":\"c\",\"style\":"
	    "\"d\",\"dataset\":\"e\",\"license\":\"f\",\"esr\":0.5},\"layers\":[{\"type\":\"dense\",\"shape\":[1],\"weights\":[[[1],[2]]]}]}");
	ok(m && nam_model_info(m)->rate_hz == 44100 && !strcmp(nam_model_info(m)->modeled_by, "a") &&
	    !strcmp(nam_model_info(m)->based_on, "b") && !strcmp(nam_model_info(m)->source, "c") &&
	    !strcmp(nam_model_info(m)->style, "d") && !strcmp(nam_model_info(m)->dataset, "e") &&
	    !strcmp(nam_model_info(m)->license, "f") && nam_model_info(m)->validation_esr == 0.5 &&
	    nam_model_info(m)->params == 1, "info: AIDA-X");
	nam_close(m);
}

/* ---- the check --------------------------------------------------------------------- */

/* Half of a square wave of 0.5: -12.04 dB; as loud as its input, so no gain. */
static void
test_check(void)
{
	static const struct { const char *loudness, *gain; int loudness_ok, gain_ok; } claim[] = {
		{ "-12.0412", "0.0", 1, 1 }, { "-12.1", "0.0", 0, 1 }, { "-12.0412", "0.01", 1, 0 }, { "null", "null", -1, -1 },
		{ "-12.0412", "null", 1, -1 },
	};
	float x[480];
	char text[512], name[128], sha[65];
	struct nam_check c;
	struct nam_model *m;
	struct err e;
	json_t *o;

	for (int t = 0; t < 480; t++)
		x[t] = t % 20 < 10 ? 0.5f : -0.5f;
	for (size_t i = 0; i < sizeof claim / sizeof *claim; i++) {
		snprintf(text, sizeof text, "{\"version\":\"0.5.4\",\"sample_rate\":48000,\"metadata\":{\"loudness\":%s,\"gain\":%s}," TINY
		    "}", claim[i].loudness, claim[i].gain);
		snprintf(name, sizeof name, "check: a claim of %s dB and gain %s", claim[i].loudness, claim[i].gain);
		m = open_text(text);
		ok(m && !nam_check(&c, m, x, 480, 48000, &e) && fabs(c.loudness_db + 12.0412) < 1e-5 && fabs(c.gain) < 1e-6 &&
		    c.loudness_ok == claim[i].loudness_ok && c.gain_ok == claim[i].gain_ok &&
		    nam_check_ok(&c) == (claim[i].loudness_ok != 0 && claim[i].gain_ok != 0), name);
		nam_close(m);
	}
	/* |x| through a softsign is flatter than its input: 11 gains by hand */
	m = open_text("{\"version\":\"0.7.0\",\"architecture\":\"ConvNet\",\"config\":{\"channels\":1,\"dilations\":[1],\"batchnorm\":false,"
	    "\"activation\":\"Softsign\"},\"weights\":[0,8,0,1,0]}");
	if (m) {
		double sum = 0, most = 11 * (4.0 / 5);

		for (int g = 0; g <= 10; g++)
			sum += 0.4 * g / (1 + 0.4 * g);
		ok(!nam_check(&c, m, x, 480, 48000, &e) && fabs(c.gain - (sum - most / 2) / (most / 2)) < 1e-5 &&
		    fabs(c.loudness_db - 20 * log10(0.8)) < 1e-5, "check: the gain of a softsign");
		o = nam_check_json(&c, "a.nam", m, -1, "b.wav", NAM_CHECK_INPUT_SHA256);
		ok(json_is_true(json_object_get(o, "input_is_trainers")) && json_is_true(json_object_get(o, "ok")) &&
		    !strcmp(json_string_value(json_object_get(json_object_get(o, "gain"), "verdict")), "not claimed") &&
		    json_is_null(json_object_get(json_object_get(o, "gain"), "claimed")), "check: JSON of one without claims");
		json_decref(o);
		sha256_bytes(x, sizeof x, sha);
		o = nam_check_json(&c, "a.nam", m, -1, "b.wav", sha);
		ok(json_is_false(json_object_get(o, "input_is_trainers")), "check: another recording is named so");
		ok(json_is_null(json_object_get(o, "ok")) && json_is_null(json_object_get(o, "slim")) &&
		    !strcmp(json_string_value(json_object_get(json_object_get(o, "gain"), "verdict")), "not claimed"),
		    "check: and gives no verdict");
		json_decref(o);
		ok(nam_check(&c, m, x, 480, 44100, &e) < 0 && strstr(e.msg, "44100 Hz"), "check: the rate must be the model's");
		ok(nam_check(&c, m, x, 0, 48000, &e) < 0 && strstr(e.msg, "empty"), "check: an empty recording");
		memset(x, 0, sizeof x);
		ok(!nam_check(&c, m, x, 480, 48000, &e) && isnan(c.loudness_db) && isnan(c.gain) && nam_check_ok(&c),
		    "check: silence has no loudness");
		nam_close(m);
	} else {
		ok(0, "check: a softsign");
	}
}

/* Real models against what their trainer wrote. */
static void
test_real(void)
{
	static const struct { const char *file; int ok; } real[] = {
		{ "krazyuniks__JCM800_capture_3", 1 }, { "mikeoliphant__BossLSTM-1x16", 1 }, { "mikeoliphant__BossWN-feather", 1 },
		{ "mikeoliphant__BossWN-nano", 1 }, { "oyama__example", 1 }, { "rickprice__BossLSTM-2x16", 1 }, { "sdatkinson__A2", 1 },
		{ "sdatkinson__lstm", 1 }, { "sdatkinson__wavenet", 1 }, { "sdatkinson__wavenet_minimal", 1 },
		{ "tone-3000__deluxe", 1 }, { "pelennor2170__Peter_N_HM-2_SWEDE_Feather_ESR-0.0097", 1 },
		/* made by scripts, with figures nobody measured */
		{ "fabiohl__BossWN-lite", 0 }, { "sdatkinson__wavenet_condition_dsp", 0 },
	};
	const char *data = getenv("TESTDATA");
	struct au_buf in = { 0 };
	struct err e;
	char path[1024], hex[65];

	snprintf(path, sizeof path, "%s/gts/reference/nam_trainer_loudness_input.wav", data ? data : "../shared/data");
	if (au_load(&in, path, 1 << 20, &e)) {
		skip("check: real models", "no $TESTDATA/gts/reference/nam_trainer_loudness_input.wav");
		return;
	}
	ok(!sha256_file(path, hex, &e) && !strcmp(hex, NAM_CHECK_INPUT_SHA256), "check: the trainer's recording");
	for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
		struct nam_check c = { 0 };
		struct nam_model *m = NULL;
		char name[256];
		int bad;

		snprintf(path, sizeof path, "%s/nam/models/%s.nam", data ? data : "../shared/data", real[i].file);
		snprintf(name, sizeof name, "check: %s %s", real[i].file, real[i].ok ? "does what it claims" : "does not");
		bad = nam_open(&m, path, -1, &e) || nam_check(&c, m, in.x, (size_t)in.frames, in.rate_hz, &e);
		ok(!bad && nam_check_ok(&c) == real[i].ok, name);
		if (bad)
			printf("# %s\n", e.msg);
		else
			printf("# %.6f dB (claimed %.6f), gain %.7f (%.7f)\n", c.loudness_db, nam_model_info(m)->loudness_db, c.gain,
			    nam_model_info(m)->gain);
		nam_close(m);
	}
	au_buf_free(&in);
}

int
main(void)
{
	test_info();
	test_structure();
	test_cost();
	test_json();
	test_check();
	test_real();
	return done();
}
