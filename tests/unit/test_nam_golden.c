/* test_nam_golden - real models against double-precision renders of another implementation.
 *
 * $TESTDATA/nam/manifest.json lists models, inputs and references, and for each render how far
 * the ordinary float32 player is from the reference (peer_esr_db: error energy over
 * reference energy).  We must be no farther than that + 1 dB, for recurrent models + 3 dB: one
 * float32 renderer's rounding is as good as another's, but not better on every file.
 *
 * RTNeural and AIDA-X files are compared with the vectors that came with them. */
#include "nam/nam.h"
#include "nam/nam_stream.h"
#include "audio/audio.h"
#include "base/file.h"
#include "../tap.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static char root[512];

static char *
path(const char *file)
{
	static char buf[4][1024];
	static int i;

	i = (i + 1) % 4;
	snprintf(buf[i], sizeof buf[i], "%s/%s", root, file);
	return buf[i];
}

/* The samples of a WAV with 64-bit floats (the readers of lib/audio give 32). */
static double *
load_f64(const char *name, size_t *n)
{
	struct err e;
	char *data;
	size_t len, at = 12;
	double *x = NULL;

	*n = 0;
	if (file_read(name, 64 << 20, &data, &len, &e))
		return NULL;
	while (at + 8 <= len) {
		uint32_t size;

		memcpy(&size, data + at + 4, 4);
		if (!memcmp(data + at, "data", 4) && size <= len - at - 8) {
			*n = size / sizeof *x;
			x = malloc(size);
			if (x)
				memcpy(x, data + at + 8, size);
			break;
		}
		at += 8 + (size_t)size + (size & 1);
	}
	free(data);
	return x;
}

/* Error in dB of what the model makes of x against want; NAN when it does not run. */
static double
esr_db(const char *model, double slim, const struct au_buf *in, const double *want, size_t n,
    int *recurrent)
{
	struct nam_model *m;
	struct nam_stream *s;
	struct err e;
	double err = 0, ref = 0;
	float *y;

	if (nam_open(&m, model, slim, &e)) {
		printf("# %s\n", e.msg);
		return NAN;
	}
	*recurrent = nam_model_info(m)->recurrent;
	y = calloc(n, sizeof *y);
	if (!y || nam_stream_new(&s, m, &e)) {
		free(y);
		nam_close(m);
		return NAN;
	}
	nam_process(s, in->x, y, n);
	for (size_t i = 0; i < n; i++) {
		err += ((double)y[i] - want[i]) * ((double)y[i] - want[i]);
		ref += want[i] * want[i];
	}
	nam_stream_free(s);
	nam_close(m);
	free(y);
	return err > 0 ? 10 * log10(err / ref) : -300;
}

static void
compare(const json_t *r, const json_t *inputs)
{
	const char *model = json_string_value(json_object_get(r, "model"));
	const char *input = json_string_value(json_object_get(r, "input"));
	const json_t *slim = json_object_get(r, "slim");
	const double peer = json_number_value(json_object_get(r, "peer_esr_db"));
	char name[256], file[512];
	struct au_buf in = { 0 };
	struct err e;
	double *want, got;
	int recurrent = 0;
	size_t n;

	snprintf(file, sizeof file, "nam/models/%s", model);
	if (json_object_get(r, "rejected_by_peer")) {
		struct nam_model *m;

		snprintf(name, sizeof name, "%.100s is refused", model);
		ok(nam_open(&m, path(file), -1, &e) < 0, name);
		printf("# %s\n", e.msg);
		return;
	}
	snprintf(name, sizeof name, "%.100s slim %g", model, json_is_number(slim) ?
	    json_number_value(slim) : -1);
	{
		char wav[512];

		snprintf(wav, sizeof wav, "nam/%s", json_string_value(json_object_get(
		    json_object_get(inputs, input), "file")));
		if (au_load(&in, path(wav), 1 << 24, &e)) {
			ok(0, name);
			printf("# %s\n", e.msg);
			return;
		}
		snprintf(wav, sizeof wav, "nam/%s", json_string_value(json_object_get(r, "golden")));
		want = load_f64(path(wav), &n);
	}
	if (!want || n != (size_t)in.frames) {
		ok(0, name);
		printf("# reference has %zu frames, input %lld\n", n, (long long)in.frames);
	} else {
		got = esr_db(path(file), json_is_number(slim) ? json_number_value(slim) : -1, &in, want, n,
		    &recurrent);
		ok(got <= peer + (recurrent ? 3 : 1), name);
		printf("# ESR %.2f dB, peer %.2f dB\n", got, peer);
	}
	free(want);
	au_buf_free(&in);
}

/* Largest difference of a JSON model, started from zero as RTNeural does, from want; -1: not run.
 */
static double
json_error(const char *model, const float *x, const double *want, size_t n)
{
	struct nam_model *m = NULL;
	struct nam_stream *s = NULL;
	struct err e;
	float *y = calloc(n, sizeof *y);
	double worst = -1;

	if (!y || nam_open(&m, model, -1, &e) || nam_stream_new(&s, m, &e)) {
		printf("# %s\n", y ? e.msg : "out of memory");
		goto out;
	}
	nam_stream_preroll(s, NAM_PREROLL_NONE);
	nam_process(s, x, y, n);
	worst = 0;
	for (size_t i = 0; i < n; i++)
		worst = fmax(worst, fabs((double)y[i] - want[i]));
out:
	nam_stream_free(s);
	nam_close(m);
	free(y);
	return worst;
}

/* AIDA-X files bring 2048 samples of input and output. */
static void
self_test(const char *file)
{
	json_t *o = json_load_file(path(file), 0, NULL);
	const json_t *in = json_object_get(o, "input_batch"), *out = json_object_get(o, "output_batch");
	const size_t n = json_array_size(in);
	float *x = calloc(n + 1, sizeof *x);
	double *want = calloc(n + 1, sizeof *want);

	for (size_t i = 0; x && want && i < n; i++) {
		x[i] = (float)json_number_value(json_array_get(json_array_get(in, i), 0));
		want[i] = json_number_value(json_array_get(json_array_get(out, i), 0));
		if (!json_is_array(json_array_get(in, i))) {
			x[i] = (float)json_number_value(json_array_get(in, i));
			want[i] = json_number_value(json_array_get(out, i));
		}
	}
	if (x && want && n) {
		double worst = json_error(path(file), x, want, n);

		ok(worst >= 0 && worst < 3e-6, file);
		printf("# largest difference %.2g over %zu samples\n", worst, n);
	}
	free(x);
	free(want);
	json_decref(o);
}

/* RTNeural's own vectors: one number a line. */
static void
vectors(const char *model, const char *x_file, const char *y_file)
{
	static float x[4096];
	static double y[4096];
	FILE *fx = fopen(path(x_file), "r"), *fy = fopen(path(y_file), "r");
	char line[128];
	size_t n = 0, k = 0;
	double worst;

	while (fx && n < 4096 && fgets(line, sizeof line, fx))
		x[n++] = strtof(line, NULL);
	while (fy && k < 4096 && fgets(line, sizeof line, fy))
		y[k++] = strtod(line, NULL);
	worst = json_error(path(model), x, y, n);
	ok(n > 0 && n == k && worst >= 0 && worst < 1e-6, model);
	printf("# largest difference %.2g over %zu samples\n", worst, n);
	if (fx)
		fclose(fx);
	if (fy)
		fclose(fy);
}

static void
json_models(void)
{
	json_t *manifest = json_load_file(path("nam/aidax/manifest.json"), 0, NULL);
	const json_t *files = json_object_get(manifest, "files");

	if (!manifest) {
		skip("RTNeural and AIDA-X models against their own vectors", "no $TESTDATA/nam/aidax");
		return;
	}
	for (size_t i = 0; i < json_array_size(files); i++) {
		const char *name = json_string_value(json_object_get(json_array_get(files, i), "file"));
		char file[300];

		snprintf(file, sizeof file, "nam/aidax/%s", name ? name : "");
		if (strstr(file, "tw40"))
			self_test(file);
	}
	vectors("nam/aidax/lstm_1d.json", "nam/aidax/lstm_1d_x_python.csv", "nam/aidax/lstm_1d_y_python.csv");
	vectors("nam/aidax/gru_1d.json", "nam/aidax/gru_1d_x_python.csv", "nam/aidax/gru_1d_y_python.csv");
	vectors("nam/aidax/lstm.json", "nam/aidax/lstm_x_python.csv", "nam/aidax/lstm_y_python.csv");
	vectors("nam/aidax/gru.json", "nam/aidax/gru_x_python.csv", "nam/aidax/gru_y_python.csv");
	json_decref(manifest);
}

int
main(void)
{
	const char *data = getenv("TESTDATA");
	json_t *manifest, *renders;

	snprintf(root, sizeof root, "%s", data ? data : "../shared/data");
	manifest = json_load_file(path("nam/manifest.json"), 0, NULL);
	if (!manifest) {
		skip("real models against double-precision references", "no $TESTDATA/nam/manifest.json");
		return done();
	}
	renders = json_object_get(manifest, "renders");
	for (size_t i = 0; i < json_array_size(renders); i++)
		compare(json_array_get(renders, i), json_object_get(manifest, "inputs"));
	json_decref(manifest);
	json_models();
	return done();
}
