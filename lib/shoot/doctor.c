/* doctor.c - what this machine has for a shootout. */
#include "shoot/doctor.h"
#include "base/par.h"
#include "base/proc.h"
#include "cli/jsonl.h"
#include "gpu/gpu.h"
#include "metrics/loudness.h"
#include "nam/nam.h"
#include <ebur128.h>
#include <math.h>
#include <openssl/crypto.h>
#include <samplerate.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double most_lu = 0.001;

static json_t *
libraries(void)
{
	json_t *o = json_object();
	int major, minor, patch;
	char text[32];

	ebur128_get_version(&major, &minor, &patch);
	snprintf(text, sizeof text, "%d.%d.%d", major, minor, patch);
	jl_str(o, "jansson", jansson_version_str());
	jl_str(o, "libcrypto", OpenSSL_version(OPENSSL_VERSION));
	jl_str(o, "libebur128", text);
	jl_str(o, "libsamplerate", src_get_version());
	jl_str(o, "libsndfile", sf_version_string());
	return o;
}

/* How far the integrated loudness of a test signal, two channels of notes and pauses, is from libebur128's, which is no
 * part of our meter; NAN: could not be measured. */
static double
loudness_differs_lu(void)
{
	enum { RATE_HZ = 48000, SECONDS = 8, BLOCK = RATE_HZ / 10 };
	ebur128_state *theirs = ebur128_init(2, RATE_HZ, EBUR128_MODE_I);
	struct loudness *ours = NULL;
	struct loudness_values v;
	double want = NAN, d = NAN;
	float x[2 * BLOCK];
	int bad = !theirs || loudness_new(&ours, RATE_HZ, 2, LOUDNESS_INTEGRATED, NULL);

	for (int block = 0; block < SECONDS * 10 && !bad; block++) {
		for (int i = 0; i < BLOCK; i++) {
			double t = (double)i / RATE_HZ, on = block % 20 < 14;

			x[2 * i] = (float)(on * 0.4 * exp(-9 * t) * sin(2 * M_PI * 110 * t));
			x[2 * i + 1] = (float)(on * 0.2 * sin(2 * M_PI * 3000 * t));
		}
		bad = ebur128_add_frames_float(theirs, x, BLOCK) || loudness_add(ours, x, BLOCK, NULL);
	}
	if (!bad && !ebur128_loudness_global(theirs, &want) && !loudness_end(ours, &v, NULL))
		d = fabs(v.integrated_lufs - want);
	if (theirs)
		ebur128_destroy(&theirs);
	loudness_free(ours);
	return d;
}

/* First line of `name option`; NULL when it cannot be run. */
static char *
first_line(const char *name, const char *option)
{
	char *argv[] = { str_printf("%s", name), str_printf("%s", option), NULL };
	struct str out = { 0 };
	char *line = NULL;

	if (argv[0] && argv[1] && proc_capture(argv, &out, NULL) == 0)
		line = str_printf("%.*s", (int)strcspn(out.s, "\n"), out.s);
	str_free(&out);
	free(argv[0]);
	free(argv[1]);
	return line;
}

static json_t *
programs(json_t *missing)
{
	static const struct { const char *name, *option; } others[] = {
		{ "make", "--version" }, { "ffmpeg", "-version" }, { "ffprobe", "-version" } };
	static const char *const ours[] = { "audio-fx", "audio-level", "audio-metrics", "audio-prep", "ir-convolve", "nam-render",
		"shootout-card", "shootout-cut", "shootout-db", "shootout-video" };
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		char *line = first_line(others[i].name, others[i].option);

		jl_str(o, others[i].name, line);
		if (!line)
			json_array_append_new(missing, json_string(others[i].name));
		free(line);
	}
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
		/* beside this program, as `shootout run` takes them */
		char *path = str_printf("%s/%s", proc_self_dir(), ours[i]), *line;

		line = path ? first_line(path, "--version") : NULL;
		jl_str(o, ours[i], line ? line + strlen(ours[i]) + (line[strlen(ours[i])] == ' ') : NULL);
		if (!line)
			json_array_append_new(missing, json_string(ours[i]));
		free(line);
		free(path);
	}
	return o;
}

static void
gpus(json_t *o)
{
	struct gpu_device d[16];
	json_t *list = json_array();
	char why[256] = "", cc[32];
	const struct gpu_ops *g = gpu_load(why, sizeof why);
	int n = 0;

	if (g && g->probe(d, 16, &n, why, sizeof why))
		n = 0;
	for (int i = 0; i < n && i < 16; i++) {
		json_t *one = json_object();

		snprintf(cc, sizeof cc, "%d.%d", d[i].major, d[i].minor);
		jl_str(one, "name", d[i].name);
		jl_int(one, "memory_bytes", (long long)d[i].memory_bytes);
		jl_str(one, "compute_capability", cc);
		json_array_append_new(list, one);
	}
	jl_set(o, "gpu", list);
	jl_str(o, "gpu_reason", n ? NULL : why);
}

json_t *
doctor_look(void)
{
	json_t *o = jl_new("shootout-doctor/1"), *missing = json_array();
	double lu = loudness_differs_lu();

	jl_int(o, "cpus", par_cpus());
	jl_str(o, "isa", nam_isa());
	jl_set(o, "libraries", libraries());
	jl_set(o, "programs", programs(missing));
	jl_num(o, "loudness_differs_lu", lu);
	if (!(lu <= most_lu))
		json_array_append_new(missing, json_string("a loudness meter that agrees with libebur128"));
	gpus(o);
	jl_set(o, "missing", missing);
	return o;
}

static void
add_versions(struct str *out, const char *head, json_t *o)
{
	const char *name;
	json_t *v;

	str_addf(out, "%s\n", head);
	json_object_foreach(o, name, v)
		str_addf(out, "  %-15s %.60s\n", name, json_is_string(v) ? json_string_value(v) : "missing");
}

void
doctor_table(const json_t *o, struct str *out)
{
	const char *reason = json_string_value(json_object_get(o, "gpu_reason"));
	size_t i;
	json_t *v;

	str_addf(out, "shootout %s, %lld CPUs, instruction set %s\n", VERSION,
	    json_integer_value(json_object_get(o, "cpus")), json_string_value(json_object_get(o, "isa")));
	add_versions(out, "programs", json_object_get(o, "programs"));
	add_versions(out, "libraries", json_object_get(o, "libraries"));
	str_addf(out, "loudness\n  %.6f LU from libebur128 on a test signal\n", json_number_value(json_object_get(o, "loudness_differs_lu")));
	str_add(out, "GPU\n");
	json_array_foreach(json_object_get(o, "gpu"), i, v)
		str_addf(out, "  %s, compute capability %s\n", json_string_value(json_object_get(v, "name")),
		    json_string_value(json_object_get(v, "compute_capability")));
	if (reason)
		str_addf(out, "  none: %s\n", reason);
}
