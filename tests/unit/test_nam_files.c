/* test_nam_files - what the readers of model files take, and what they refuse with which words. */
#include "nam/nam.h"
#include "base/str.h"
#include "../tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define FILE_HEAD "{\"version\":\"0.7.0\",\"sample_rate\":48000,\"architecture\":"
#define NO_RATE "{\"version\":\"0.7.0\",\"architecture\":"
#define ONE(channels, more) FILE_HEAD "\"WaveNet\",\"config\":{\"head_scale\":0.5,\"layers\":[{\"input_size\":1," \
	"\"condition_size\":1,\"channels\":" #channels "," more "}]},\"weights\":["

/* ---- files ------------------------------------------------------------------------- */

static void
refused(const char *text, enum err_code code, const char *why)
{
	struct nam_model *m;
	struct err e = { 0 };
	char name[128];
	int bad = nam_open_mem(&m, text, strlen(text), "t.nam", -1, &e);

	snprintf(name, sizeof name, "refused: %s", why);
	ok(bad && e.code == code && strstr(e.msg, why) && strstr(e.msg, "model 't.nam'") &&
	    !strchr(e.msg, '\n') && !m, name);
	if (!bad || !strstr(e.msg, why))
		printf("# %s\n", bad ? e.msg : "accepted");
	if (!bad)
		nam_close(m);
}

static void
accepted(const char *text, const char *what)
{
	struct nam_model *m;
	struct err e;
	char name[128];
	int bad = nam_open_mem(&m, text, strlen(text), "t.nam", -1, &e);

	snprintf(name, sizeof name, "accepted: %s", what);
	ok(!bad, name);
	if (bad)
		printf("# %s\n", e.msg);
	else
		nam_close(m);
}

#define TINY "\"architecture\":\"Linear\",\"config\":{\"receptive_field\":1,\"bias\":false},\"weights\":[1]"
#define V(version) "{\"version\":" version "," TINY "}"
#define LAYER(more) ONE(1, "\"head_size\":1,\"head_bias\":false,\"activation\":\"Tanh\"," more) "]}"

static void
test_files(void)
{
	struct str s = { 0 };

	accepted(V("\"0.5.0\""), "version 0.5.0");
	accepted(V("\"0.7.9\""), "version 0.7.9");
	accepted("\xef\xbb\xbf" V("\"0.5.4\"") " and more", "a byte order mark, text behind");
	accepted(FILE_HEAD "\"Sequential\",\"config\":{\"models\":[" V("\"0.7.0\"") ",{\"model\":" V("\"0.7.0\"")
	    "}]},\"weights\":[]}", "Sequential");
	refused("{\"version\":\"0.4.0\",\"version\":\"0.5.4\"," TINY "}", ERR_INPUT, "line 1, column 21: this key is there twice");
	refused("{}", ERR_INPUT, "no NAM, RTNeural, AIDA-X or GuitarML model");
	refused("{\"model_data\":{\"model\":\"SimpleRNN\",\"unit_type\":\"LSTM\",\"input_size\":2,\"hidden_size\":1}}",
	    ERR_UNSUPPORTED, "1 knobs beside the audio");
	refused("{\"model_data\":{\"unit_type\":\"GRU\",\"input_size\":1,\"hidden_size\":1,\"num_layers\":2}}", ERR_UNSUPPORTED,
	    "2 recurrent layers");
	refused("{\"model_data\":{\"model\":\"ConvNet\",\"unit_type\":\"LSTM\"}}", ERR_UNSUPPORTED, "only SimpleRNN");
	refused("{\"model_data\":{\"unit_type\":\"RNN\"}}", ERR_UNSUPPORTED, "\"RNN\" is not LSTM or GRU");
	refused("", ERR_INPUT, "not JSON");
	refused("[]", ERR_INPUT, "not a JSON object");
	refused(V("5"), ERR_INPUT, "\"version\" is not a string");
	refused(V("\"0.5\""), ERR_INPUT, "is not like 0.5.4");
	refused(V("\"0.5.4.1\""), ERR_INPUT, "is not like 0.5.4");
	refused(V("\"0.4.9\""), ERR_UNSUPPORTED, "0.4.9 is not supported");
	refused(V("\"1.5.0\""), ERR_UNSUPPORTED, "1.5.0 is not supported");
	refused(V("\"0.8.0\""), ERR_UNSUPPORTED, "0.8.0 is not supported");
	refused("{" TINY "}", ERR_INPUT, "\"version\" is missing");
	refused("{\"version\":\"0.5.4\",\"sample_rate\":\"48k\"," TINY "}", ERR_INPUT, "\"sample_rate\"");
	refused("{\"version\":\"0.5.4\",\"metadata\":{\"loudness\":\"-18\"}," TINY "}", ERR_INPUT, "\"loudness\"");
	refused(FILE_HEAD "\"Transformer\",\"config\":{},\"weights\":[]}", ERR_UNSUPPORTED, "\"Transformer\"");
	refused(FILE_HEAD "\"Linear\",\"config\":{\"receptive_field\":2000000000,\"bias\":true},\"weights\":[1]}",
	    ERR_INPUT, "more than 33554432 weights");
	refused(FILE_HEAD "\"Linear\",\"config\":{\"receptive_field\":1,\"bias\":true},\"weights\":[1]}", ERR_INPUT,
	    "asks for 2 weights; the file has 1");
	refused(FILE_HEAD "\"Linear\",\"config\":{\"receptive_field\":1,\"bias\":false},\"weights\":[1e39]}", ERR_INPUT,
	    "too large for a weight");
	refused(FILE_HEAD "\"Linear\",\"config\":{\"receptive_field\":1,\"bias\":false},\"weights\":[null]}", ERR_INPUT,
	    "weights[0] is not a number");
	refused(FILE_HEAD "\"LSTM\",\"config\":{\"num_layers\":1,\"input_size\":1,\"hidden_size\":100000},"
	    "\"weights\":[]}", ERR_INPUT, "\"hidden_size\" is 100000");
	refused(FILE_HEAD "\"SlimmableContainer\",\"config\":{\"submodels\":[]},\"weights\":[]}", ERR_INPUT,
	    "\"submodels\"");
	refused(FILE_HEAD "\"SlimmableContainer\",\"config\":{\"submodels\":[{\"max_value\":0.5,\"model\":" V("\"0.7.0\"")
	    "}]},\"weights\":[]}", ERR_INPUT, "the last \"max_value\" is 0.5");
	refused(LAYER("\"kernel_size\":3,\"dilations\":[1,-2]"), ERR_INPUT, "\"dilations\" is -2");
	refused(LAYER("\"kernel_size\":3,\"dilations\":[]"), ERR_INPUT, "\"dilations\" has 0 entries");
	refused(LAYER("\"kernel_size\":0,\"dilations\":[1]"), ERR_INPUT, "\"kernel_size\" is 0");
	refused(LAYER("\"kernel_size\":2.5,\"dilations\":[1]"), ERR_INPUT, "\"kernel_size\" is 2.5");
	refused(LAYER("\"kernel_size\":3,\"kernel_sizes\":[3],\"dilations\":[1]"), ERR_INPUT, "either \"kernel_size\"");
	refused(LAYER("\"kernel_size\":3,\"dilations\":[1],\"groups_input\":0"), ERR_INPUT, "\"groups_input\" is 0");
	refused(LAYER("\"kernel_size\":3,\"dilations\":[1],\"groups_input\":2"), ERR_INPUT, "2 groups do not divide");
	refused(LAYER("\"kernel_size\":3,\"dilations\":[1],\"gating_mode\":\"tied\""), ERR_UNSUPPORTED, "tied");
	refused(LAYER("\"kernel_size\":3,\"dilations\":[1],\"bottleneck\":2,\"layer1x1\":{\"active\":false,\"groups\":1}"),
	    ERR_INPUT, "bottleneck must equal channels");
	refused(LAYER("\"kernel_size\":3,\"dilations\":[1],\"slimmable\":{\"method\":\"prune\"}"), ERR_UNSUPPORTED, "prune");
	refused(ONE(1, "\"head_size\":1,\"head_bias\":false,\"activation\":\"Snake\",\"kernel_size\":1,\"dilations\":[1]")
	    "]}", ERR_UNSUPPORTED, "\"Snake\"");
	refused(FILE_HEAD "\"WaveNet\",\"config\":{\"in_channels\":2,\"head_scale\":1,\"layers\":[{\"input_size\":2,"
	    "\"condition_size\":2,\"channels\":1,\"head_size\":1,\"head_bias\":false,\"activation\":\"Tanh\","
	    "\"kernel_size\":1,\"dilations\":[1]}]},\"weights\":[1,1,1,1,1,1,1,1,1,1]}", ERR_UNSUPPORTED, "2 input channels");
	refused("{\"in_shape\":[4],\"layers\":[{\"type\":\"dense\",\"shape\":[1],\"weights\":[]}]}", ERR_UNSUPPORTED,
	    "takes 4 inputs");
	refused("{\"in_shape\":[1,1,2,1],\"layers\":[{\"type\":\"dense\",\"shape\":[1],\"weights\":[[[1],[2]]]}]}",
	    ERR_UNSUPPORTED, "takes 2 inputs");
	refused("{\"in_shape\":[2],\"layers\":[{\"type\":\"activation\",\"shape\":[2],\"activation\":\"tanh\"}]}",
	    ERR_UNSUPPORTED, "2 inputs into a layer");
	refused("{\"in_shape\":[1],\"layers\":[{\"type\":\"maxpooling\",\"shape\":[2],\"weights\":[]}]}", ERR_UNSUPPORTED,
	    "layer type \"maxpooling\" is not known");
	refused("{\"in_shape\":[1],\"layers\":[{\"type\":\"dense\",\"shape\":[1],\"activation\":\"swish\",\"weights\":"
	    "[[[1]]]}]}", ERR_UNSUPPORTED, "activation \"swish\" is not known");
	refused("{\"in_shape\":[1],\"layers\":[{\"type\":\"conv2d\",\"shape\":[1],\"weights\":[]}]}", ERR_INPUT,
	    "\"padding\"");
	refused("{\"in_shape\":[1],\"in_skip\":2,\"layers\":[{\"type\":\"dense\",\"shape\":[1],\"weights\":[[[1]]]}]}",
	    ERR_UNSUPPORTED, "a skip of 2");
	refused("{\"in_shape\":[1],\"layers\":[{\"type\":\"batchnorm\",\"shape\":[1],\"epsilon\":0,\"weights\":[[1],[0]]}]}",
	    ERR_INPUT, "the variance of channel 0");
	refused("{\"in_shape\":[1],\"layers\":[{\"type\":\"dense\",\"shape\":[2],\"weights\":[[[1,2]]]},{\"type\":\"prelu\","
	    "\"shape\":[2],\"weights\":[[[1,2,3]]]}]}", ERR_INPUT, "3 slopes for 2 channels");
	/* groups are spread out with zeros: 64 layers of 2 KB would be 128 MiB */
	str_add(&s, "{\"in_shape\":[1],\"layers\":[{\"type\":\"dense\",\"shape\":[2048],\"weights\":[[[0");
	for (int i = 1; i < 2048; i++)
		str_add(&s, ",0");
	str_add(&s, "]]]}");
	for (int k = 0; k < 64; k++) {
		str_add(&s, ",{\"type\":\"conv1d\",\"shape\":[2048],\"kernel_size\":1,\"groups\":2048,\"weights\":[[[[0");
		for (int i = 1; i < 2048; i++)
			str_add(&s, ",0");
		str_add(&s, "]]]]}");
	}
	str_add(&s, "]}");
	if (s.s)
		refused(s.s, ERR_INPUT, "layers[8]: asks for more than 33554432 weights");
	str_free(&s);
	/* one unit takes the room of 16 */
	str_add(&s, "{\"in_shape\":[1],\"layers\":[");
	for (int k = 0; k < 300; k++) {
		str_addf(&s, "%s{\"type\":\"dense\",\"shape\":[2048],\"weights\":[[[0", k ? "," : "");
		for (int i = 1; i < 2048; i++)
			str_add(&s, ",0");
		str_add(&s, "]]]},{\"type\":\"lstm\",\"shape\":[1],\"weights\":[[");
		for (int i = 0; i < 2048; i++)
			str_add(&s, i ? ",[0,0,0,0]" : "[0,0,0,0]");
		str_add(&s, "],[[0,0,0,0]],[0,0,0,0]]}");
	}
	str_add(&s, "]}");
	if (s.s)
		refused(s.s, ERR_INPUT, "asks for more than 33554432 weights");
	str_free(&s);
	/* what a layer works on is small, but there may be many and they may be wide */
	str_add(&s, "{\"in_shape\":[1],\"layers\":[{\"type\":\"dense\",\"shape\":[2048],\"weights\":[[[0");
	for (int i = 1; i < 2048; i++)
		str_add(&s, ",0");
	str_add(&s, "]]]}");
	for (int i = 1; i < 4096; i++)
		str_add(&s, ",{\"type\":\"activation\",\"shape\":[2048],\"activation\":\"relu\"}");
	str_add(&s, "]}");
	if (s.s)
		refused(s.s, ERR_INPUT, "more memory than");
	str_free(&s);
	/* 17 arrays of 4096 layers in 8 KB each; and slopes that each of 4096 layers would keep a copy of */
	for (int kind = 0; kind < 2; kind++) {
		str_add(&s, FILE_HEAD "\"WaveNet\",\"config\":{\"head_scale\":1,\"layers\":[");
		for (int a = 0; a < 17; a++) {
			str_addf(&s, "%s{\"input_size\":1,\"condition_size\":1,\"channels\":1,\"head_size\":1,\"head_bias\":false,"
			    "\"kernel_size\":1,\"activation\":%s", a ? "," : "", kind ?
			    "{\"type\":\"PReLU\",\"negative_slopes\":[0" : "\"Tanh\",\"dilations\":[0");
			for (int i = 1; kind && i < 2048; i++)
				str_add(&s, ",0");
			str_add(&s, kind ? "]},\"dilations\":[0" : "");
			for (int i = 1; i < 4096; i++)
				str_add(&s, ",0");
			str_add(&s, "]}");
		}
		str_add(&s, "]},\"weights\":[]}");
		if (s.s)
			refused(s.s, ERR_INPUT, kind ? "layers[4]: asks for more than 33554432 slopes" :
			    "layers[16]: more than 65536 layers");
		str_free(&s);
	}
	/* a recurrent condition makes the convolution's past a pre-roll that is run */
	refused(FILE_HEAD "\"WaveNet\",\"config\":{\"head_scale\":1,\"condition_dsp\":" FILE_HEAD "\"LSTM\",\"config\":{\"num_layers\":"
	    "1,\"input_size\":1,\"hidden_size\":1},\"weights\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]},\"layers\":[{\"input_size\":1,"
	    "\"condition_size\":1,\"channels\":1,\"head_size\":1,\"head_bias\":false,\"activation\":\"Tanh\",\"kernel_size\":2,"
	    "\"dilations\":[12000000]}]},\"weights\":[1,1,1,1,1,1,1,1,1]}", ERR_UNSUPPORTED, "12024000 frames of pre-roll");
	/* a dilation alone takes memory, no weight does; nothing of it is taken */
	refused(ONE(4, "\"head_size\":1,\"head_bias\":false,\"activation\":\"Tanh\",\"kernel_size\":2,\"dilations\":[10000000]")
	    "1,1,1,1, 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1, 1,1,1,1, 1,1,1,1,"
	    "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1, 1,1,1,1, 1,1,1,1, 1,1,1,1, 1]}", ERR_INPUT, "a dilation or kernel is too large");
	str_add(&s, FILE_HEAD "\"Sequential\",\"config\":{\"models\":[");
	for (int i = 0; i < 40; i++)
		str_addf(&s, "%s%s", i ? "," : "", NO_RATE "\"ConvNet\",\"config\":{\"channels\":1,\"dilations\":[1000000],"
		    "\"batchnorm\":false,\"activation\":\"ReLU\"},\"weights\":[1,1,1,1,1]}");
	str_add(&s, "]},\"weights\":[]}");
	if (s.s)
		refused(s.s, ERR_INPUT, "a dilation or kernel is too large");
	str_free(&s);
	refused("{\"in_shape\":[1],\"layers\":[{\"type\":\"lstm\",\"shape\":[2],\"weights\":[[[1]],[[1]],[1]]}]}",
	    ERR_INPUT, "do not fit 2 units");
	for (int i = 0; i < 200; i++)
		str_add(&s, FILE_HEAD "\"Sequential\",\"config\":{\"models\":[");
	str_add(&s, V("\"0.7.0\""));
	for (int i = 0; i < 200; i++)
		str_add(&s, "]},\"weights\":[]}");
	if (s.s)
		refused(s.s, ERR_INPUT, "more than 100 models inside models");
	str_free(&s);
}

/* The files of $TESTDATA that are broken, hostile or at the edge: which are read, and that the others get a reason on
 * one line. */
static void
test_hostile(void)
{
	static const char *const read[] = { "bom", "container_nested_50", "lin_ok", "lstm_zero_layers",
		"meta_level_null", "meta_null", "sr_44100", "sr_48000.4", "sr_zero", "trailing", "ver_0.5.0", "ver_0.5.4",
		"ver_0.5.99", "ver_0.6.0", "ver_0.6.5", "ver_0.7.0", "ver_0.7.1", "ver_0.7.9", "wn_zero_dilation" };
	const size_t n_read = sizeof read / sizeof *read;
	const char *data = getenv("TESTDATA");
	char folder[512], path[1024], name[384];
	struct dirent *f;
	size_t found = 0;
	DIR *d;

	snprintf(folder, sizeof folder, "%s/nam/hostile", data ? data : "../shared/data");
	if (!(d = opendir(folder))) {
		skip("hostile files", "no $TESTDATA/nam/hostile");
		return;
	}
	while ((f = readdir(d))) {
		const size_t len = strlen(f->d_name);
		struct nam_model *m;
		struct err e = { 0 };
		size_t i = 0;
		int bad;

		if (len < 5 || strcmp(f->d_name + len - 4, ".nam"))
			continue;
		while (i < n_read && (strlen(read[i]) != len - 4 || strncmp(read[i], f->d_name, len - 4)))
			i++;
		found += i < n_read;
		snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
		bad = nam_open(&m, path, -1, &e);
		snprintf(name, sizeof name, "%s is %s", f->d_name, i < n_read ? "read" : "refused with a reason");
		ok(i < n_read ? !bad : bad && e.code != ERR_NONE && strstr(e.msg, f->d_name) && !strchr(e.msg, '\n'), name);
		if (bad)
			printf("# %s\n", e.msg);
		else
			nam_close(m);
	}
	closedir(d);
	ok(found == n_read, "all that should be read was there");
}

/* What costs most for its size: 16 MB of empty lists, numbers or keys. */
static void
test_large(void)
{
	static const struct { const char *name, *head, *unit, *tail, *why; } large[] = {
		{ "empty lists", "{\"a\":[", "[],", "1]}", "has neither" },
		{ "numbers", "{\"version\":\"0.5.4\",\"architecture\":\"Linear\",\"config\":{\"receptive_field\":1,"
		    "\"bias\":false},\"weights\":[", "1,", "1]}", "the file has 8000001" },
		{ "keys", "{", "\"\":1,", "\"\":1}", "this key is there twice" },
		{ "open lists", "", "[", "", "too deep" },
		/* a walk by index over these would take minutes */
		{ "numbers, then a list", "{\"version\":\"0.5.4\",\"architecture\":\"Linear\",\"config\":{\"receptive_field\":8000001,"
		    "\"bias\":false},\"weights\":[", "1,", "[]]}", "weights[8000000] is not a number" },
		{ "rows", "{\"in_shape\":[1],\"layers\":[{\"type\":\"conv1d\",\"shape\":[1],\"kernel_size\":1000003,\"weights\":[[",
		    "[[1.000000000]],", "[[1]],[[1]],[[null]]]]}]}", "a weight is not" },
		{ "digits", "{\"version\":", "1", "}", "too large" },
	};
	const size_t size = 16000000;
	char *text = malloc(size + 256);

	for (size_t i = 0; text && i < sizeof large / sizeof *large; i++) {
		const size_t unit = strlen(large[i].unit), times = size / unit;
		struct nam_model *m;
		struct err e = { 0 };
		char name[128], *p = text + sprintf(text, "%s", large[i].head);
		int bad;

		for (size_t k = 0; k < times; k++, p += unit)
			memcpy(p, large[i].unit, unit);
		strcpy(p, large[i].tail);
		bad = nam_open_mem(&m, text, strlen(text), "t", -1, &e);
		snprintf(name, sizeof name, "refused: 16 MB of %s: %s", large[i].name, large[i].why);
		ok(bad && strstr(e.msg, large[i].why), name);
		if (!bad || !strstr(e.msg, large[i].why))
			printf("# %s\n", bad ? e.msg : "accepted");
		if (!bad)
			nam_close(m);
	}
	free(text);
}

/* head with its one %d replaced, malloc'd. */
static char *
str_with(const char *head, int d)
{
	const char *at = strstr(head, "%d");

	return at ? str_printf("%.*s%d%s", (int)(at - head), head, d, at + 2) : NULL;
}

/* The largest dilation that is opened can be played, too. */
static void
test_largest(void)
{
	static const struct { const char *name, *head; } shape[] = {
		{ "WaveNet of 1 channel", ONE(1, "\"head_size\":1,\"head_bias\":false,\"activation\":\"Tanh\",\"kernel_size\":2,"
		    "\"dilations\":[%d]") "1,1,1,1,1,1,1,1,1]}" },
		{ "WaveNet of 3 channels, FiLM", ONE(3, "\"head_size\":1,\"head_bias\":false,\"activation\":\"Tanh\","
		    "\"kernel_size\":2,\"conv_pre_film\":{\"shift\":false},\"layer1x1\":{\"active\":false,\"groups\":1},"
		    "\"dilations\":[1,%d]") "1,1,1,"
		    "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1, 1,1,1,1,1,1,"
		    "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1, 1,1,1,1,1,1, 1,1,1,1]}" },
		{ "ConvNet", NO_RATE "\"ConvNet\",\"config\":{\"channels\":1,\"dilations\":[%d,3,5],\"batchnorm\":false,"
		    "\"activation\":\"ReLU\"},\"weights\":[1,1,1,1,1,1,1,1,1,1,1]}" },
		{ "RTNeural conv1d", "{\"in_shape\":[1],\"layers\":[{\"type\":\"conv1d\",\"shape\":[1],\"kernel_size\":2,\"dilation\":"
		    "%d,\"weights\":[[[[1]],[[1]]]]}]}" },
	};

	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
		int lo = 1, hi = 1 << 24;
		struct nam_model *m = NULL;
		struct nam_stream *s = NULL;
		struct err e;
		char name[160];

		while (lo < hi) {
			const int mid = lo + (hi - lo + 1) / 2;
			char *text = str_with(shape[i].head, mid);

			if (text && !nam_open_mem(&m, text, strlen(text), "t", -1, &e)) {
				lo = mid;
				nam_close(m);
			} else {
				hi = mid - 1;
			}
			free(text);
		}
		{
			char *text = str_with(shape[i].head, lo);

			m = NULL;
			snprintf(name, sizeof name, "%s: its largest dilation, %d, can be played", shape[i].name, lo);
			ok(lo > 1000000 && text && !nam_open_mem(&m, text, strlen(text), "t", -1, &e) && !nam_stream_new(&s, m, &e),
			    name);
			if (!s)
				printf("# %s\n", e.msg);
			nam_stream_free(s);
			nam_close(m);
			free(text);
		}
	}
}

int
main(void)
{
	test_files();
	test_hostile();
	test_large();
	test_largest();
	return done();
}
