/* test_nam - the arithmetic of models: accuracy, and the same bits on every way. */
#include "nam/nam.h"
#include "nam/nam_kernel.h"
#include "nam/nam_stream.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "../tap.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { FRAMES = 1500 };

static uint32_t noise_state = 1;

static float
noise(void)
{
	noise_state = noise_state * 1664525u + 1013904223u;
	return (float)((double)(noise_state >> 8) / 16777216.0 - 0.5);
}

/* ---- curves ------------------------------------------------------------------------ */

static double
ulps(float got, double want)
{
	int e;

	frexp(want, &e);
	return fabs((double)got - want) / ldexp(1, e - 24);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double silu(double x) { return x / (1 + exp(-x)); }
static double softsign(double x) { return x / (1 + fabs(x)); }
static double hardtanh(double x) { return x < -1 ? -1 : x > 1 ? 1 : x; }
static double relu(double x) { return x > 0 ? x : 0; }
static double leaky(double x) { return x > 0 ? x : (double)0.01f * x; }
static double elu(double x) { return x > 0 ? x : exp(x) - 1; }
static double hardswish(double x) { return x * fmin(fmax(x + 3, 0), 6) / 6; }

static double
leaky_hardtanh(double x)
{
	return x < -0.5 ? (x + 0.5) * 0.25 - 0.5 : x > 0.75 ? (x - 0.75) * 0.125 + 0.75 : x;
}

static double
fasttanh(double x)
{
	const double a = 2.45550750702956, b = 0.893229853513558, c = 0.821226666969744;
	const double d = 2.44506634652299, e = 0.814642734961073;

	return x * (a + a * fabs(x) + (b + c * fabs(x)) * x * x) /
	    (d + (d + x * x) * fabs(x + e * x * fabs(x)));
}

/* Not by fmax(), because gcc 12 for AArch64 stops with an internal error where it makes vectors of it. */
static double
worse(double worst, float got, double want)
{
	double d = fabs((double)got - want);

	return d > worst ? d : worst;
}

static void
test_curves(const struct nam_kernel *k)
{
	static const struct {
		const char *name;
		enum nam_act_type type;
		double (*f)(double);
		double limit;   /* ulp */
	} curve[] = {
		{ "Tanh", NAM_ACT_TANH, tanh, 1.5 }, { "Sigmoid", NAM_ACT_SIGMOID, sigmoid, 2 },
		{ "SiLU", NAM_ACT_SILU, silu, 3 }, { "Softsign", NAM_ACT_SOFTSIGN, softsign, 1.5 },
		{ "Hardtanh", NAM_ACT_HARDTANH, hardtanh, 0 }, { "ReLU", NAM_ACT_RELU, relu, 0 },
		{ "LeakyReLU", NAM_ACT_LEAKY_RELU, leaky, 0.5 },
		{ "Fasttanh", NAM_ACT_FASTTANH, fasttanh, 6 },
		{ "LeakyHardtanh", NAM_ACT_LEAKY_HARDTANH, leaky_hardtanh, 2 },
	};
	const float leaky_p[4] = { 0.01f }, hard_p[4] = { -0.5f, 0.75f, 0.25f, 0.125f };
	float x[4096 + NAM_PAD], y[4096 + NAM_PAD];
	char name[96];
	double worst, above;
	int nan = 1;

	for (size_t c = 0; c < sizeof curve / sizeof *curve; c++) {
		worst = above = 0;
		/* all magnitudes from 1e-30 to 80, both signs, 40,000 of them */
		for (int i = 0; i < 10; i++) {
			for (int j = 0; j < 4096; j++)
				x[j] = y[j] = (float)(((j & 1) ? 1 : -1) *
				    exp(-69 + 73.4 * (i * 4096 + j + 0.5) / 40960));
			k->act(curve[c].type, curve[c].type == NAM_ACT_LEAKY_HARDTANH ? hard_p : leaky_p, y, 4096);
			for (int j = 0; j < 4096; j++) {
				double want = curve[c].f((double)x[j]);

				if (fabs(want) > 1e-34)
					worst = fmax(worst, ulps(y[j], want));
				above = fmax(above, fabs((double)y[j]));
			}
		}
		snprintf(name, sizeof name, "%s: %s within %g ulp", k->isa, curve[c].name, curve[c].limit);
		ok(worst <= curve[c].limit, name);
		if (worst > curve[c].limit)
			printf("# %g ulp\n", worst);
		if (curve[c].type == NAM_ACT_TANH) {
			snprintf(name, sizeof name, "%s: |tanh| never above 1", k->isa);
			ok(above <= 1, name);
		}
	}
	worst = 0;
	for (int j = 0; j < 4096; j++)
		x[j] = y[j] = noise() * 20;
	k->act(NAM_ACT_HARDSWISH, leaky_p, y, 4096);
	for (int j = 0; j < 4096; j++)
		worst = worse(worst, y[j], hardswish((double)x[j]));
	for (int j = 0; j < 4096; j++)
		y[j] = x[j];
	k->act(NAM_ACT_ELU, leaky_p, y, 4096);
	for (int j = 0; j < 4096; j++)
		worst = worse(worst, y[j], elu((double)x[j]));
	snprintf(name, sizeof name, "%s: Hardswish and ELU", k->isa);
	ok(worst < 3e-6, name);

	/* a broken model must show in the output, not hide behind a clamp */
	x[0] = NAN;
	x[1] = INFINITY;
	for (int t = NAM_ACT_TANH; t <= NAM_ACT_ELU; t++) {
		memcpy(y, x, 2 * sizeof *x);
		k->act((enum nam_act_type)t, leaky_p, y, 2);
		nan &= isnan(y[0]) != 0;
	}
	snprintf(name, sizeof name, "%s: NaN stays NaN in every curve", k->isa);
	ok(nan, name);
}

/* ---- sums -------------------------------------------------------------------------- */

/* nam_rows in double precision must be near, and each version must give generic's bits. */
static void
test_rows(const struct nam_kernel *k)
{
	enum { ROWS = 97, OUTS = 21, N = 110 };
	/* around the ends of groups */
	static const int many[] = { 1, 2, 3, 4, 7, 16, 25, 32, 33, 47, 48, 49, 65, 79, 80, ROWS };
	static const int widths[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, OUTS };
	static float plane[N + 2 * NAM_PAD], w[ROWS * OUTS], bias[OUTS];
	static float out[2][OUTS][N + NAM_PAD], head[2][OUTS][N + NAM_PAD], add[OUTS][N + NAM_PAD];
	const float *x[ROWS];
	int same = 1, near = 1;
	char name[96];

	for (size_t i = 0; i < sizeof plane / sizeof *plane; i++)
		plane[i] = noise();
	for (int i = 0; i < ROWS * OUTS; i++)
		w[i] = noise();
	for (int i = 0; i < ROWS; i++)
		x[i] = plane + 1 + i % NAM_PAD;
	for (int o = 0; o < OUTS; o++) {
		bias[o] = noise();
		for (int t = 0; t < N; t++)
			add[o][t] = noise();
	}
	for (size_t i = 0; i < sizeof many / sizeof *many; i++)
		for (size_t j = 0; j < sizeof widths / sizeof *widths; j++)
			for (size_t n = 1; n <= N; n += n < 20 ? 18 : 30)
				for (int e = NAM_STORE; e <= NAM_LEAKY_SUM; e++) {
					const int rows = many[i], outs = widths[j];

					for (int v = 0; v < 2; v++) {
						struct nam_rows q = { .x = x, .w = w,
							.bias = e == NAM_STORE ? NULL : bias, .rows = rows,
							.outs = outs, .out = out[v][0], .out_stride = N + NAM_PAD,
							.add = add[0], .add_stride = N + NAM_PAD,
							.head = head[v][0], .head_stride = N + NAM_PAD, .n = n,
							.slope = 0.25f, .epilogue = (enum nam_epilogue)e };

						memcpy(head[v], add, sizeof add);
						(v ? k : &nam_kernel_generic)->rows(&q);
					}
					for (int o = 0; o < outs; o++) {
						same &= !memcmp(out[0][o], out[1][o], n * sizeof(float));
						if (e >= NAM_TANH_SUM)
							same &= !memcmp(head[0][o], head[1][o], n * sizeof(float));
						if (e == NAM_STORE) {
							double sum = 0;

							for (int r = 0; r < rows; r++)
								sum += (double)w[r * outs + o] * (double)x[r][n - 1];
							near &= fabs((double)out[1][o][n - 1] - sum) < 1e-5;
						}
					}
				}
	snprintf(name, sizeof name, "%s: sums of rows are right", k->isa);
	ok(near, name);
	snprintf(name, sizeof name, "%s: sums of rows are generic's bits", k->isa);
	ok(same, name);
}

/* ---- whole models ------------------------------------------------------------------ */

#define FILE_HEAD "{\"version\":\"0.7.0\",\"sample_rate\":48000,\"architecture\":"
/* without a rate the pre-roll of an LSTM is 64 frames instead of half a second */
#define NO_RATE "{\"version\":\"0.7.0\",\"architecture\":"
#define FILM "{\"active\":true,\"shift\":true,\"groups\":1}"
#define SCALE "{\"active\":true,\"shift\":false,\"groups\":1}"
#define A1(c1, c2, extra) FILE_HEAD "\"WaveNet\",\"config\":{\"head\":null,\"head_scale\":0.5,\"layers\":[" \
	"{\"input_size\":1,\"condition_size\":1,\"channels\":" #c1 ",\"head_size\":" #c2 ",\"head_bias\":false," \
	"\"kernel_size\":3,\"dilations\":[1,2,4,8,64]," extra "}," \
	"{\"input_size\":" #c1 ",\"condition_size\":1,\"channels\":" #c2 ",\"head_size\":1,\"head_bias\":true," \
	"\"kernel_size\":3,\"dilations\":[128,3,1]," extra "}]},\"weights\":["
#define ONE(channels, more) FILE_HEAD "\"WaveNet\",\"config\":{\"head_scale\":0.5,\"layers\":[{\"input_size\":1," \
	"\"condition_size\":1,\"channels\":" #channels "," more "}]},\"weights\":["
#define FILMS ONE(4, "\"bottleneck\":6,\"head_size\":1,\"head_bias\":true,\"kernel_sizes\":[2,3,5]," \
	"\"dilations\":[1,3,7],\"activation\":[\"SiLU\",{\"type\":\"PReLU\",\"negative_slopes\":[0.1,0.2]}," \
	"\"Softsign\"],\"gating_mode\":[\"gated\",\"blended\",\"none\"],\"secondary_activation\":[\"Hardswish\"," \
	"\"Sigmoid\",\"\"],\"groups_input\":2,\"layer1x1\":{\"active\":true,\"groups\":2}," \
	"\"head1x1\":{\"active\":true,\"out_channels\":3,\"groups\":1},\"conv_pre_film\":" FILM \
	",\"conv_post_film\":" SCALE ",\"input_mixin_pre_film\":" FILM ",\"input_mixin_post_film\":" SCALE \
	",\"activation_pre_film\":" FILM ",\"activation_post_film\":" SCALE ",\"layer1x1_post_film\":" FILM \
	",\"head1x1_post_film\":" SCALE)
#define COND NO_RATE "\"WaveNet\",\"config\":{\"head_scale\":0.5,\"head\":{\"channels\":3,\"out_channels\":1," \
	"\"kernel_sizes\":[3,2],\"activation\":\"ReLU\"},\"condition_dsp\":%s,\"layers\":[{\"input_size\":1," \
	"\"condition_size\":1,\"channels\":3,\"head\":{\"out_channels\":2,\"kernel_size\":4,\"bias\":true," \
	"\"head_dilation\":3},\"kernel_size\":3,\"dilations\":[1,9],\"activation\":\"Tanh\"}]},\"weights\":["
#define LSTM(layers, hidden) NO_RATE "\"LSTM\",\"config\":{\"num_layers\":" #layers ",\"input_size\":1," \
	"\"hidden_size\":" #hidden "},\"weights\":["
#define CONVNET NO_RATE "\"ConvNet\",\"config\":{\"channels\":5,\"dilations\":[1,2,4,300],\"batchnorm\":true," \
	"\"activation\":\"Tanh\"},\"weights\":["
#define LINEAR FILE_HEAD "\"Linear\",\"config\":{\"receptive_field\":700,\"bias\":true},\"weights\":["
#define GRU "{\"in_shape\":[null,null,1],\"in_gain\":3,\"out_gain\":-2,\"in_skip\":1,\"layers\":[{\"type\":\"gru\"," \
	"\"shape\":[null,null,2],\"weights\":[[[0.1,0.2,-0.3,0.4,0.5,0.6]],[[0.3,-0.2,0.1,0.5,-0.4,0.2]," \
	"[0.2,0.7,-0.6,0.1,0.3,-0.5]],[[0.1,0,0.2,0.1,0,-0.1],[0.05,0.1,0,0.3,-0.2,0.1]]]},{\"type\":\"dense\"," \
	"\"shape\":[null,null,1],\"activation\":\"tanh\",\"weights\":[[[0.8],[-0.9]],[0.02]]}]}"

#define JSON "{\"in_shape\":[null,null,1],\"layers\":[{\"type\":\"conv1d\",\"shape\":[null,null,3],\"kernel_size\":3," \
	"\"dilation\":40,\"activation\":\"softmax\",\"weights\":[[[[3,-2,1]],[[-1,2,0.5]],[[4,-5,2]]],[0.1,0.2,-0.3]]}," \
	"{\"type\":\"conv2d\",\"shape\":[null,null,3,2],\"padding\":\"same\",\"strides\":1,\"kernel_size_time\":2," \
	"\"kernel_size_feature\":2,\"dilation\":3,\"num_features_in\":3,\"num_filters_in\":1,\"num_filters_out\":2," \
	"\"activation\":\"elu\",\"weights\":[[[[[0.3,-0.7]],[[0.9,0.4]]],[[[-0.5,0.6]],[[0.8,-0.1]]]],[0.1,-0.2]]}," \
	"{\"type\":\"batchnorm2d\",\"shape\":[null,null,3,2],\"epsilon\":0.001,\"num_features_in\":3,\"num_filters_in\":2," \
	"\"weights\":[[1.5,0.5],[0.1,0.2],[0.3,-0.4],[0.7,1.3]]},{\"type\":\"prelu\",\"shape\":[null,null,6]," \
	"\"weights\":[[[0.1,0.2,0.3,0.4,0.5,0.6]]]},{\"type\":\"dense\",\"shape\":[null,null,1],\"activation\":\"sigmoid\"," \
	"\"weights\":[[[0.6],[-0.8],[0.4],[0.9],[-0.3],[0.7]],[0.05]]}]}"

/* Noise as weights of a JSON layer: rows x columns, in as many brackets as there are dimensions. */
static void
add_noise(struct str *s, int rows, int columns)
{
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < columns; c++)
			str_addf(s, "%s%.9g%s", c ? "," : r ? ",[" : "[", (double)noise(), c == columns - 1 ? "]" : "");
}

static char *
gru_text(int units)
{
	struct str s = { 0 };

	str_addf(&s, "{\"in_shape\":[null,null,1],\"layers\":[{\"type\":\"gru\",\"shape\":[null,null,%d],\"weights\":[[", units);
	add_noise(&s, 1, 3 * units);
	str_add(&s, "],[");
	add_noise(&s, units, 3 * units);
	str_add(&s, "],[");
	add_noise(&s, 2, 3 * units);
	str_add(&s, "]]},{\"type\":\"dense\",\"shape\":[null,null,1],\"weights\":[[");
	add_noise(&s, units, 1);
	str_add(&s, "],[0.1]]}]}");
	return s.s;
}

/* The text of a model: head, as many weights as it asks for, and its end.  The count comes
 * from the reader's own message about a file with none. */
static char *
model_text(const char *head, float size)
{
	struct str s = { 0 };
	struct nam_model *m;
	struct err e;
	const char *at;
	size_t len = strlen(head);
	long n = 0;

	if (head[len - 1] != '[') /* it has its weights */
		return str_printf("%s", head);
	str_addf(&s, "%s]}", head);
	if (!nam_open_mem(&m, s.s, s.len, "t", -1, &e)) {
		nam_close(m);
		return s.s;
	}
	at = strstr(e.msg, "asks for ");
	if (!at)
		printf("# %s\n", e.msg);
	else
		n = strtol(at + 9, NULL, 10);
	str_free(&s);
	str_add(&s, head);
	for (long i = 0; i < n; i++)
		/* positive where a variance is expected too */
		str_addf(&s, "%s%.9g", i ? "," : "", strstr(head, "batchnorm") ?
		    0.2 + (double)noise() * 0.3 : (double)(noise() * size));
	str_add(&s, "]}");
	return s.s;
}

static void
hash_of(const struct nam_model *m, const struct nam_kernel *k, const float *x, size_t n, size_t block,
    char hex[65], int *finite)
{
	struct nam_stream *s;
	struct err e;
	float *y = calloc(n, sizeof *y);

	strcpy(hex, "no stream");
	if (y && !nam_stream_new_on(&s, m, k, &e)) {
		for (size_t t = 0; t < n; t += block)
			nam_process(s, x + t, y + t, n - t < block ? n - t : block);
		for (size_t t = 0; t < n; t++)
			*finite &= isfinite(y[t]) != 0;
		sha256_bytes(y, n * sizeof *y, hex);
		nam_stream_free(s);
	}
	free(y);
}

/* nam_process_many() of few and of many streams, each from another place of x on and in odd blocks. */
static int
same_together(const struct nam_model *m, const struct nam_kernel *k, const float *x)
{
#ifdef __SANITIZE_ADDRESS__ /* every access is watched there: less of it */
	enum { MOST = 34, N = 40, BLOCK = 30 };
	static const size_t counts[] = { 2, 14, MOST };
#else
	enum { MOST = 47, N = 150, BLOCK = 140 };
	static const size_t counts[] = { 2, 14, 16, 21, 29, MOST }; /* 47: 32 and 15; the first two for all models */
#endif
	static float want[MOST][N], out[MOST][N];
	const size_t n_counts = nam_model_info(m)->recurrent ? sizeof counts / sizeof *counts : 2;
	const size_t most = counts[n_counts - 1];
	struct nam_stream *s[MOST] = { NULL };
	const float *from[MOST];
	float *to[MOST];
	struct err e;
	int same = 1;

	for (size_t i = 0; i < most && same; i++) {
		same &= !nam_stream_new_on(&s[i], m, k, &e);
		if (same)
			nam_process(s[i], x + 3 * i, want[i], N);
	}
	for (size_t c = 0; same && c < n_counts; c++) {
		for (size_t i = 0; i < counts[c]; i++)
			nam_reset(s[i]);
		for (size_t t = 0; t < N; t += BLOCK) {
			for (size_t i = 0; i < counts[c]; i++) {
				from[i] = x + 3 * i + t;
				to[i] = out[i] + t;
			}
			nam_process_many(s, counts[c], from, to, N - t < BLOCK ? N - t : BLOCK);
		}
		same &= !memcmp(want, out, counts[c] * sizeof *out);
	}
	for (size_t i = 0; i < most; i++)
		nam_stream_free(s[i]);
	return same;
}

static void
test_model(const char *label, const char *head, float size, const char *golden)
{
#ifdef __SANITIZE_ADDRESS__
	static const size_t blocks[] = { FRAMES, 64 };
#else
	static const size_t blocks[] = { FRAMES, 1, 7, 64, 1000 };
#endif
	static float x[FRAMES], y[2][FRAMES];
	struct nam_model *m;
	struct nam_stream *s;
	struct err e;
	char *text, want[65], hex[65], name[128];
	int same = 1, finite = 1;

	noise_state = 7;
	text = model_text(head, size);
	for (int t = 0; t < FRAMES; t++) /* the beginning of a note, so that the state at t = 0 matters */
		x[t] = noise() * (1200.0f / (800.0f + (float)t));
	if (!text || nam_open_mem(&m, text, strlen(text), label, -1, &e)) {
		ok(0, label);
		printf("# %s\n", text ? e.msg : "no text");
		free(text);
		return;
	}
	free(text);
	hash_of(m, nam_kernel_at(0), x, FRAMES, FRAMES, want, &finite);
	snprintf(name, sizeof name, "%s: finite", label);
	ok(finite, name);
	if (golden) {
		snprintf(name, sizeof name, "%s: the bits of every machine", label);
		ok(!strcmp(want, golden), name);
		if (strcmp(want, golden))
			printf("# %s\n", want);
	}
	for (size_t v = 0; nam_kernel_at(v); v++) {
		same = 1;
		for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
			hash_of(m, nam_kernel_at(v), x, FRAMES, blocks[b], hex, &finite);
			same &= !strcmp(hex, want);
		}
		snprintf(name, sizeof name, "%s: %s gives the same bits in blocks of any size", label,
		    nam_kernel_at(v)->isa);
		ok(same, name);
	}
	for (size_t v = 0; nam_kernel_at(v); v++) {
		snprintf(name, sizeof name, "%s: %s gives many streams what it gives each", label, nam_kernel_at(v)->isa);
		ok(same_together(m, nam_kernel_at(v), x), name);
	}
	if (nam_stream_new(&s, m, &e)) {
		ok(0, label);
		printf("# %s\n", e.msg);
	} else {
		nam_process(s, x, y[0], FRAMES);
		nam_reset(s);
		nam_process(s, x, y[1], FRAMES);
		snprintf(name, sizeof name, "%s: reset starts again", label);
		ok(!memcmp(y[0], y[1], sizeof y[0]), name);
		nam_stream_preroll(s, NAM_PREROLL_RUN);
		nam_process(s, x, y[1], FRAMES);
		snprintf(name, sizeof name, "%s: silence that is run ends in the same bits", label);
		ok(!memcmp(y[0], y[1], sizeof y[0]), name);
		memcpy(y[1], x, sizeof x);
		nam_reset(s);
		nam_process(s, y[1], y[1], FRAMES);
		snprintf(name, sizeof name, "%s: in place", label);
		ok(!memcmp(y[0], y[1], sizeof y[0]), name);
		nam_stream_free(s);
	}
	nam_close(m);
}

int
main(void)
{
	static const struct { int units; const char *golden; } grus[] = {
		{ 8, "b9d272062816873dd36184b00b8520f5d0987ad27d8fa6ed71db9cc5d7d4d570" },
		{ 12, "445f60a619a317bf7d3f4e3c8e2d843fc50b4b26b799bdee721da1811e929c5c" },
		{ 16, NULL }, { 5, NULL }
	};
	char *inner, *text, label[32];

	for (size_t i = 0; nam_kernel_at(i); i++) {
		test_curves(nam_kernel_at(i));
		if (i)
			test_rows(nam_kernel_at(i));
	}
	/* the hashes are of this arithmetic; a change of them is a change of every render */
	test_model("A1 16 x 8, Tanh", A1(16, 8, "\"activation\":\"Tanh\",\"gated\":false"), 1,
	    "a67b53a627d391bedc8c03c3ffb2a1620ad77499c8b307eb3f778682c5aabf49");
	test_model("A1 7 x 3, gated", A1(7, 3, "\"activation\":\"Tanh\",\"gated\":true"), 1, NULL);
	test_model("A1 18 x 5, ReLU", A1(18, 5, "\"activation\":\"ReLU\""), 0.7f, NULL);
	test_model("A2 3", ONE(3, "\"bottleneck\":3,\"kernel_sizes\":[6,6,15],\"dilations\":[1,239,13],\"activation\":"
	    "{\"type\":\"LeakyReLU\",\"negative_slope\":0.01},\"head\":{\"out_channels\":1,\"kernel_size\":16,"
	    "\"bias\":true}"), 1, "dec12f4b551e41e913aaed5ada09883e8d3289c31390e0e1c8fc95b06245d03a");
	test_model("FiLM, gates, groups, head1x1", FILMS, 0.8f, NULL);
	inner = model_text(CONVNET, 1);
	text = inner ? str_printf(COND, inner) : NULL;
	if (text)
		test_model("condition_dsp, post-stack head", text, 1, NULL);
	free(text);
	free(inner);
	inner = model_text(LSTM(1, 2), 1);
	text = inner ? str_printf(COND, inner) : NULL;
	if (text)
		test_model("condition_dsp that is an LSTM", text, 1, NULL);
	free(text);
	free(inner);
	test_model("LSTM 2 x 18", LSTM(2, 18), 1, "4b2f46bcf90bb9e4f5e53cc1943d3f2679f7f39803a0b6dc2281351f237f9e38");
	test_model("LSTM 1 x 3", LSTM(1, 3), 1, NULL);
	test_model("LSTM 2 x 8", LSTM(2, 8), 1, "8aa4e9a75fb26cb7541c9719a0ce3c99745aac7c5a74d431d6379d0aec3d6c5d");
	test_model("LSTM 1 x 12", LSTM(1, 12), 1, "8c9dbc59ea5a85626e128d0ef5089c3325eba3ac8c3401f5c2e786abca96074f");
	test_model("LSTM 1 x 16", LSTM(1, 16), 1, "3fb4cdf2e26d42484daf3f7adb8f0e9829911df6fa5a5c17b2dabfc7bbb0b97f");
	for (size_t i = 0; i < sizeof grus / sizeof *grus; i++) {
		noise_state = 3;
		text = gru_text(grus[i].units);
		snprintf(label, sizeof label, "GRU of %d", grus[i].units);
		test_model(label, text, 1, grus[i].golden);
		free(text);
	}
	test_model("ConvNet", CONVNET, 1, NULL);
	test_model("Linear", LINEAR, 0.2f, NULL);
	test_model("GRU JSON", GRU, 1, NULL);
	test_model("RTNeural JSON, softmax and two dimensions", JSON, 1,
	    "dea9bee14d98ff391a09a1f99d5eb882714dd1b4c5fbafae7af9469028e1d206");
	return done();
}
