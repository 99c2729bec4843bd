/* test_nam_plan - plans of real models: what devices run, here on the CPU, gives the bits of nam_process(). */
#include "nam/nam.h"
#include "base/str.h"
#include "../tap.h"
#include "plan_run.h"
#include <glob.h>
#include <stdint.h>

/* Receptive fields are up to 6347 frames: the last of these come after one. */
enum { FRAMES = 7000 };
static float x[FRAMES], y[FRAMES], z[FRAMES];

static void
fill(void)
{
	uint32_t r = 1;

	for (int t = 0; t < FRAMES; t++) {
		r = r * 1664525u + 1013904223u;
		x[t] = (float)(0.6 * sin(t * 0.05) * sin(t * 0.0007) + 0.1 * ((double)(r >> 8) / (1 << 24) - 0.5));
	}
}

static void
try_model(const char *path, double slim, int *layers)
{
	const char *base = strrchr(path, '/');
	struct nam_model *m;
	struct nam_stream *s;
	struct nam_plan *p = NULL;
	char name[300];
	struct err e;
	int same = 0, n = FRAMES;

	if (nam_open(&m, path, slim, &e))       /* hostile ones, and parts of other files */
		return;
	snprintf(name, sizeof name, "%s%s", base ? base + 1 : path, slim < 0 ? "" : ", slim");
	if (!nam_stream_new(&s, m, &e) && (p = nam_plan_new(m, 512, &e)) != NULL) {
		/* the small ones beyond their receptive field, so that a piece has no start in it */
		if ((double)nam_model_info(m)->macs * p->receptive_field > 8e6)
			n = 600;
		else if (p->receptive_field < 4000)
			n = p->receptive_field + 700;
		nam_process(s, x, y, (size_t)n);
		same = !plan_run(p, 128, x, z, (size_t)n, (size_t)n - 300) && plan_same(y, z, (size_t)n);
		*layers += p->wide[0] > 0;
		printf("# %d steps, %d floats, layers of %d and %d\n", p->n_steps, p->floats, p->wide[0], p->wide[1]);
	}
	ok(same, name);
	nam_plan_free(p);
	nam_stream_free(s);
	nam_close(m);
}

/* An LSTM with so many units, for a way of its own. */
static void
try_lstm(int units, int cells)
{
	const int weights = 4 * units * (units + 1) + 4 * units + 2 * units + units + 1;
	struct nam_model *m = NULL;
	struct nam_stream *s = NULL;
	struct nam_plan *p = NULL;
	struct str text = { 0 };
	uint32_t r = 7;
	struct err e;
	char name[64];
	int same = 0;

	str_addf(&text, "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":{\"num_layers\":1,\"input_size\":1,"
	    "\"hidden_size\":%d},\"sample_rate\":2000,\"weights\":[", units);
	for (int i = 0; i < weights; i++) {
		r = r * 1664525u + 1013904223u;
		str_addf(&text, "%s%.6f", i ? "," : "", (double)(r >> 8) / (1 << 24) - 0.5);
	}
	str_add(&text, "]}");
	if (!nam_open_mem(&m, text.s, text.len, "t", -1, &e) && !nam_stream_new(&s, m, &e) &&
	    (p = nam_plan_new(m, 512, &e)) != NULL) {
		nam_process(s, x, y, 2000);
		same = p->cells == cells && !plan_run(p, 32, x, z, 2000, 700) && plan_same(y, z, 2000) &&
		    !plan_run(p, 8, x, z, 2000, 700) && plan_same(y, z, 2000);
	}
	snprintf(name, sizeof name, "an LSTM of %d units, on many threads and on few", units);
	ok(same, name);
	nam_plan_free(p);
	nam_stream_free(s);
	nam_close(m);
	str_free(&text);
}

int
main(void)
{
	static const char *const where[] = { "nam/models/*.nam", "nam/aidax/*.json" };
	const char *data = getenv("TESTDATA");
	int models = 0, layers = 0;

	fill();
	try_lstm(16, 16);
	try_lstm(32, 32);
	try_lstm(24, 0);
	for (size_t i = 0; i < 2; i++) {
		char pattern[1024];
		glob_t g;

		snprintf(pattern, sizeof pattern, "%s/%s", data ? data : ".", where[i]);
		if (glob(pattern, 0, NULL, &g) == 0)
			for (size_t k = 0; k < g.gl_pathc; k++, models++) {
				try_model(g.gl_pathv[k], -1, &layers);
				if (strstr(g.gl_pathv[k], "slimmable"))
					try_model(g.gl_pathv[k], 0, &layers);
			}
		globfree(&g);
	}
	if (!models)
		skip("real models through their plans", "no $TESTDATA/nam");
	else
		ok(layers > 4, "some of them by layers in registers");
	return done();
}
