/* test_nam_layers - every kind of layer against its formula: small cases by hand. */
#include "nam/nam.h"
#include "base/str.h"
#include "../tap.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define FILE_HEAD "{\"version\":\"0.7.0\",\"sample_rate\":48000,\"architecture\":"
#define ONE(channels, more) FILE_HEAD "\"WaveNet\",\"config\":{\"head_scale\":0.5,\"layers\":[{\"input_size\":1," \
	"\"condition_size\":1,\"channels\":" #channels "," more "}]},\"weights\":["
#define GRU "{\"in_shape\":[null,null,1],\"in_gain\":3,\"out_gain\":-2,\"in_skip\":1,\"layers\":[{\"type\":\"gru\"," \
	"\"shape\":[null,null,2],\"weights\":[[[0.1,0.2,-0.3,0.4,0.5,0.6]],[[0.3,-0.2,0.1,0.5,-0.4,0.2]," \
	"[0.2,0.7,-0.6,0.1,0.3,-0.5]],[[0.1,0,0.2,0.1,0,-0.1],[0.05,0.1,0,0.3,-0.2,0.1]]]},{\"type\":\"dense\"," \
	"\"shape\":[null,null,1],\"activation\":\"tanh\",\"weights\":[[[0.8],[-0.9]],[0.02]]}]}"

static uint32_t noise_state = 1;

static float
noise(void)
{
	noise_state = noise_state * 1664525u + 1013904223u;
	return (float)((double)(noise_state >> 8) / 16777216.0 - 0.5);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double relu(double x) { return x > 0 ? x : 0; }

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
	ok(!run(one, 1, x, a, 8) && !run(one, -1, x, b, 8) && !memcmp(a, b, sizeof a), "1 is the full size of any model");
}

#define PART(in, channels, more, sizes) "{\"input_size\":" #in ",\"condition_size\":1,\"channels\":" #channels ",\"kernel_size\":1," \
	"\"dilations\":[1],\"activation\":\"Tanh\",\"head_bias\":false," more ",\"slimmable\":{\"method\":" \
	"\"slice_channels_uniform\",\"kwargs\":{\"allowed_channels\":[" sizes "]}}}"
#define TWO(first, second) FILE_HEAD "\"WaveNet\",\"config\":{\"head_scale\":1,\"layers\":[" first "," second "]},\"weights\":["

/* text with n weights */
static int
open_with(struct nam_model **m, const char *text, int n, double slim, struct err *e)
{
	struct str s = { 0 };
	int status;

	str_add(&s, text);
	for (int i = 0; i < n; i++)
		str_add(&s, i ? ",0.1" : "0.1");
	str_add(&s, "]}");
	status = nam_open_mem(m, s.s, s.len, "t", slim, e);
	str_free(&s);
	return status;
}

static void
test_slim_arrays(void)
{
	const struct nam_info *i;
	struct nam_model *m;
	struct err e;

	/* the first array gives 1 channel to the head, the head1x1 of the second, which is never cut, adds 2 */
	ok(open_with(&m, TWO(PART(1, 4, "\"head_size\":2", "1,2,3,4"), PART(4, 2, "\"head_size\":1,\"head1x1\":{\"active\":true,"
	    "\"out_channels\":2,\"groups\":1}", "1,2")), 87, 0, &e) && strstr(e.msg, "not defined"),
	    "heads of different widths are refused");
	ok(!open_with(&m, TWO(PART(1, 4, "\"head_size\":4", "2,4"), PART(4, 4, "\"head_size\":1", "1,2,3,4")), 129, -1, &e),
	    "two arrays of other sizes");
	if (m) {
		i = nam_model_info(m);
		ok(i->slimmable && i->n_slim == 3 && i->slim[0] == 0.25 && i->slim[1] == 0.5 && i->slim[2] == 0.75,
		    "the sizes of both change at these");
		nam_close(m);
	}
}

int
main(void)
{
	test_by_hand();
	test_gru();
	test_slim();
	test_slim_arrays();
	return done();
}
