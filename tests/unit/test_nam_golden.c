/* test_nam_golden - real models against double-precision renders of another implementation.
 *
 * $TESTDATA/nam/manifest.json lists models, inputs and references, and for each render how far
 * the ordinary float32 player is from the reference (peer_esr_db: error energy over
 * reference energy).  We must be no farther than that + 1 dB, for recurrent models + 3 dB: one
 * float32 renderer's rounding is as good as another's, but not better on every file. */
#include "nam/nam.h"
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
	return done();
}
