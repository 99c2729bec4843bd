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
		worst = fmax(worst, fabs((double)y[j] - hardswish((double)x[j])));
	for (int j = 0; j < 4096; j++)
		y[j] = x[j];
	k->act(NAM_ACT_ELU, leaky_p, y, 4096);
	for (int j = 0; j < 4096; j++)
		worst = fmax(worst, fabs((double)y[j] - elu((double)x[j])));
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
	enum { ROWS = 70, OUTS = 21, N = NAM_TILE };
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
		x[i] = plane + i % NAM_PAD;
	for (int o = 0; o < OUTS; o++) {
		bias[o] = noise();
		for (int t = 0; t < N; t++)
			add[o][t] = noise();
	}
	for (int rows = 1; rows <= ROWS; rows += rows < 20 ? 1 : 9)
		for (int outs = 1; outs <= OUTS; outs++)
			for (size_t n = 1; n <= N; n += n < 20 ? 6 : 15)
				for (int e = NAM_STORE; e <= NAM_LEAKY_SUM; e++) {
					for (int v = 0; v < 2; v++) {
						struct nam_rows q = { .x = x, .xpos = 1, .w = w,
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
								sum += (double)w[r * outs + o] * (double)x[r][1 + n - 1];
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

static void
test_model(const char *label, const char *head, float size, const char *golden)
{
	static const size_t blocks[] = { FRAMES, 1, 7, 64, 1000 };
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
		snprintf(name, sizeof name, "%s: %s gives the same bits in blocks of 1, 7, 64, 1000 and all", label,
		    nam_kernel_at(v)->isa);
		ok(same, name);
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

/* ---- by hand ----------------------------------------------------------------------- */

/* Run text over x; 0 and the output, or -1. */
static int
run(const char *text, double slim, const float *x, float *y, size_t n)
{
	struct nam_model *m = NULL;
	struct nam_stream *s = NULL;
	struct err e;
	int status = -1;

	if (nam_open_mem(&m, text, strlen(text), "t", slim, &e) || nam_stream_new(&s, m, &e)) {
		printf("# %s\n", e.msg);
	} else {
		nam_process(s, x, y, n);
		status = 0;
	}
	nam_stream_free(s);
	nam_close(m);
	return status;
}

static void
test_by_hand(void)
{
	float x[8] = { 1, 0, 0, 0.5f, -1, 0, 0, 0 }, y[8];
	double c = 0, h = 0, worst = 0, d;

	/* w[0] is the current sample */
	ok(!run(FILE_HEAD "\"Linear\",\"config\":{\"receptive_field\":3,\"bias\":true},\"weights\":[1,0.5,0.25,0.125]}",
	    -1, x, y, 8) && y[0] == 1.125f && y[1] == 0.625f && y[2] == 0.375f && y[3] == 0.625f, "Linear");
	/* one LSTM unit; initial state zero, 48 kHz: 24000 frames of silence first */
	if (!run(FILE_HEAD "\"LSTM\",\"config\":{\"num_layers\":1,\"input_size\":1,\"hidden_size\":1},\"weights\":["
	    "0.5,0.1, 0.4,0.2, 0.9,-0.3, 0.7,0.6,  0.1,0.2,0.3,0.4,  0,0,  2,0.25]}", -1, x, y, 8)) {
		for (int t = -24000; t < 8; t++) {
			double in = t < 0 ? 0 : (double)x[t];
			double i = sigmoid(0.5 * in + 0.1 * h + 0.1), f = sigmoid(0.4 * in + 0.2 * h + 0.2);
			double g = tanh(0.9 * in - 0.3 * h + 0.3), o = sigmoid(0.7 * in + 0.6 * h + 0.4);

			c = f * c + i * g;
			h = o * tanh(c);
			if (t >= 0)
				worst = fmax(worst, fabs((double)y[t] - (2 * h + 0.25)));
		}
		ok_near(worst, 0, 4e-7, "LSTM, one unit");
	} else {
		ok(0, "LSTM, one unit");
	}
	/* one layer, one channel: rechannel 2; conv 0.5 (oldest), -1, bias 0.1; mixin 0.3; 1x1 (unheard);
	 * head rechannel 4, bias 0.05; head_scale 0.5.  z = 0.5 * 2x' - 2x + 0.1 + 0.3x */
	ok(!run(ONE(1, "\"head_size\":1,\"head_bias\":true,\"kernel_size\":2,\"dilations\":[3],\"activation\":"
	    "\"Tanh\"") "2, 0.5,-1, 0.1, 0.3, 7,8, 4, 0.05, 0.5]}", -1, x, y, 8), "WaveNet runs");
	worst = 0;
	for (int t = 0; t < 8; t++) {
		d = t >= 3 ? (double)x[t - 3] : 0;
		worst = fmax(worst, fabs((double)y[t] - 0.5 * (4 * tanh(d - 1.7 * (double)x[t] + 0.1) + 0.05)));
	}
	ok_near(worst, 0, 3e-7, "WaveNet, one layer: taps oldest first, dilation, mixin, head");
	/* gated: the second half through the sigmoid */
	ok(!run(ONE(1, "\"head_size\":1,\"head_bias\":false,\"kernel_size\":1,\"dilations\":[1],\"gated\":true,"
	    "\"activation\":\"Tanh\"") "1, 2,3, 0.1,0.2, 0,0, 5,6, 1, 1]}", -1, x, y, 8), "gated WaveNet runs");
	worst = 0;
	for (int t = 0; t < 8; t++)
		worst = fmax(worst, fabs((double)y[t] - tanh(2 * (double)x[t] + 0.1) *
		    sigmoid(3 * (double)x[t] + 0.2)));
	ok_near(worst, 0, 2e-7, "gated WaveNet");
	/* blended: a f(z) + (1 - a) z */
	ok(!run(ONE(1, "\"head_size\":1,\"head_bias\":false,\"kernel_size\":1,\"dilations\":[1],\"gating_mode\":"
	    "\"blended\",\"activation\":\"ReLU\"") "1, 2,3, 0.1,0.2, 0,0, 5,6, 1, 1]}", -1, x, y, 8),
	    "blended WaveNet runs");
	worst = 0;
	for (int t = 0; t < 8; t++) {
		double a = sigmoid(3 * (double)x[t] + 0.2), z = 2 * (double)x[t] + 0.1;

		worst = fmax(worst, fabs((double)y[t] - (a * relu(z) + (1 - a) * z)));
	}
	ok_near(worst, 0, 3e-7, "blended WaveNet");
	/* batchnorm: gamma / sqrt(eps + var) (x - mean) + beta */
	ok(!run(FILE_HEAD "\"ConvNet\",\"config\":{\"channels\":1,\"dilations\":[2],\"batchnorm\":true,\"activation\":"
	    "\"ReLU\"},\"weights\":[0.5,2, 0.1,4,3,0.2,0.0, 1.5,0.25]}", -1, x, y, 8), "ConvNet runs");
	worst = 0;
	for (int t = 0; t < 8; t++) {
		d = 0.5 * (t >= 2 ? (double)x[t - 2] : 0) + 2 * (double)x[t];
		worst = fmax(worst, fabs((double)y[t] - (1.5 * relu(1.5 * (d - 0.1) + 0.2) + 0.25)));
	}
	ok_near(worst, 0, 1e-6, "ConvNet with batchnorm");
	/* in_gain 20 dB, skip, out_gain -90 dB and below is silence */
	ok(!run("{\"in_shape\":[null,null,1],\"in_gain\":20,\"in_skip\":1,\"out_gain\":-6.020599913,\"layers\":[{\"type\":"
	    "\"dense\",\"shape\":[null,null,1],\"activation\":\"\",\"weights\":[[[0.5]],[0.1]]}]}", -1, x, y, 8) &&
	    fabs((double)y[0] - 0.5 * (10 + 5.1)) < 1e-5 && fabs((double)y[1] - 0.05) < 1e-6,
	    "AIDA-X: gains and skip");
	ok(!run("{\"in_shape\":[1],\"out_gain\":-90,\"layers\":[{\"type\":\"dense\",\"shape\":[1],\"weights\":"
	    "[[[0.5]],[0.1]]}]}", -1, x, y, 8) && y[0] == 0, "AIDA-X: -90 dB is silence");
	ok(!run("{\"in_shape\":[1],\"layers\":[{\"type\":\"conv1d\",\"shape\":[1],\"kernel_size\":[2],\"dilation\":[2],"
	    "\"weights\":[[[[0.25]],[[2]]],[0.5]]},{\"type\":\"activation\",\"shape\":[1],\"activation\":\"relu\"}]}",
	    -1, x, y, 8) && y[0] == 2.5f && y[1] == 0.5f && y[2] == 0.75f && y[4] == 0, "RTNeural conv1d");
}

/* The GRU against its formulas: GRU of the texts above, without the gains. */
static void
test_gru(void)
{
	static const double w[6] = { 0.1, 0.2, -0.3, 0.4, 0.5, 0.6 };
	static const double u[2][6] = { { 0.3, -0.2, 0.1, 0.5, -0.4, 0.2 }, { 0.2, 0.7, -0.6, 0.1, 0.3, -0.5 } };
	static const double b[2][6] = { { 0.1, 0, 0.2, 0.1, 0, -0.1 }, { 0.05, 0.1, 0, 0.3, -0.2, 0.1 } };
	const double g_in = pow(10, 3 / 20.0), g_out = pow(10, -2 / 20.0);
	float x[64], y[64];
	double h[2] = { 0 }, worst = 0;

	for (int t = 0; t < 64; t++)
		x[t] = noise();
	ok(!run(GRU, -1, x, y, 64), "GRU runs");
	for (int t = -2048; t < 64; t++) {
		double in = t < 0 ? 0 : g_in * (double)x[t], a[6], r[6], next[2];

		for (int i = 0; i < 6; i++) {
			a[i] = w[i] * in + b[0][i];
			r[i] = u[0][i] * h[0] + u[1][i] * h[1] + b[1][i];
		}
		for (int i = 0; i < 2; i++) {
			double z = sigmoid(a[i] + r[i]), k = sigmoid(a[2 + i] + r[2 + i]);

			next[i] = (1 - z) * tanh(a[4 + i] + k * r[4 + i]) + z * h[i];
		}
		h[0] = next[0];
		h[1] = next[1];
		if (t >= 0)
			worst = fmax(worst, fabs((double)y[t] - g_out * (in + tanh(0.8 * h[0] - 0.9 * h[1] + 0.02))));
	}
	ok_near(worst, 0, 1e-6, "GRU with gains and skip");
}

static void
test_slim(void)
{
	/* 2 channels cut to 1 must be the model of 1 channel that keeps the first weights */
	const char *two = ONE(2, "\"head_size\":1,\"head_bias\":false,\"kernel_size\":2,\"dilations\":[1],\"activation\":"
	    "\"Tanh\",\"slimmable\":{\"method\":\"slice_channels_uniform\",\"kwargs\":{\"allowed_channels\":[1,2]}}")
	    "2,9, 0.5,-1,9,9,9,9,9,9, 0.1,9, 0.3,9, 0.2,9,9,9, 0.4,9, 4,9, 0.5]}";
	const char *one = ONE(1, "\"head_size\":1,\"head_bias\":false,\"kernel_size\":2,\"dilations\":[1],\"activation\":"
	    "\"Tanh\"") "2, 0.5,-1, 0.1, 0.3, 0.2, 0.4, 4, 0.5]}";
	float x[8] = { 1, 0, 0.5f, -1 }, a[8], b[8];
	struct nam_model *m;
	struct err e;

	ok(!run(two, 0, x, a, 8) && !run(one, -1, x, b, 8) && !memcmp(a, b, sizeof a), "slimmed to one channel");
	ok(!run(two, 0.5, x, a, 8) && !run(two, -1, x, b, 8) && !memcmp(a, b, sizeof a), "slim 0.5 of two is both");
	ok(nam_open_mem(&m, one, strlen(one), "t", 0.5, &e) < 0 && strstr(e.msg, "not slimmable"),
	    "slim of a model that is not slimmable is refused");
}

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
	accepted("{\"version\":\"0.4.0\",\"version\":\"0.5.4\"," TINY "}", "the last of equal keys");
	accepted(FILE_HEAD "\"Sequential\",\"config\":{\"models\":[" V("\"0.7.0\"") ",{\"model\":" V("\"0.7.0\"")
	    "}]},\"weights\":[]}", "Sequential");
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
	refused("{\"in_shape\":[3],\"layers\":[{\"type\":\"dense\",\"shape\":[1],\"weights\":[]}]}", ERR_UNSUPPORTED,
	    "takes 3 inputs");
	refused("{\"in_shape\":[1],\"layers\":[{\"type\":\"conv2d\",\"shape\":[1],\"weights\":[]}]}", ERR_UNSUPPORTED,
	    "\"conv2d\"");
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

int
main(void)
{
	char *inner, *text;

	for (size_t i = 0; nam_kernel_at(i); i++) {
		test_curves(nam_kernel_at(i));
		if (i)
			test_rows(nam_kernel_at(i));
	}
	/* the hashes are of this arithmetic; a change of them is a change of every render */
	test_model("A1 16 x 8, Tanh", A1(16, 8, "\"activation\":\"Tanh\",\"gated\":false"), 1,
	    "23dabd768756e1ac487e956e1ce19166a11e1c135049be2b7ffde56d1572b145");
	test_model("A1 7 x 3, gated", A1(7, 3, "\"activation\":\"Tanh\",\"gated\":true"), 1, NULL);
	test_model("A1 18 x 5, ReLU", A1(18, 5, "\"activation\":\"ReLU\""), 0.7f, NULL);
	test_model("A2 3", ONE(3, "\"bottleneck\":3,\"kernel_sizes\":[6,6,15],\"dilations\":[1,239,13],\"activation\":"
	    "{\"type\":\"LeakyReLU\",\"negative_slope\":0.01},\"head\":{\"out_channels\":1,\"kernel_size\":16,"
	    "\"bias\":true}"), 1, "e91a891d17f5097c99215423332c33e92d0dac5eeb824c01a350da255823840b");
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
	test_model("LSTM 2 x 18", LSTM(2, 18), 1, "bf4243c57144d89028ceb7d99071a89779fcfa8bc99e4a0bccf0e35601185fc2");
	test_model("LSTM 1 x 3", LSTM(1, 3), 1, NULL);
	test_model("ConvNet", CONVNET, 1, NULL);
	test_model("Linear", LINEAR, 0.2f, NULL);
	test_model("GRU JSON", GRU, 1, NULL);
	test_by_hand();
	test_gru();
	test_slim();
	test_files();
	test_info();
	return done();
}
