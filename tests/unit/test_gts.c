/* test_gts.c - the old measures against values that their own code gave, and plain cases. */
#include "../tap.h"
#include "audio/audio.h"
#include "metrics/gts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct err e;

static void
compare(const json_t *want, const char *group, const char *key, double is, const char *file)
{
	double v = json_number_value(json_object_get(json_object_get(want, group), key));
	char name[128];

	snprintf(name, sizeof name, "%s: %s", file, key);
	ok_near(is, v, 1e-4 * fabs(v) + 1e-9, name);
}

static void
reference(const char *dir)
{
	char path[4096];
	json_t *all, *want;
	const char *file;

	snprintf(path, sizeof path, "%s/gts/reference/gts_metrics_reference.json", dir);
	all = json_load_file(path, 0, NULL);
	if (!all) {
		skip("the values of the web system", "no TESTDATA");
		return;
	}
	json_object_foreach(all, file, want) {
		struct au_buf b;
		struct gts_values v;

		snprintf(path, sizeof path, "%s/gts/reference/%s.wav", dir, file);
		if (au_load(&b, path, GTS_MAX_SAMPLES, &e) || gts_measure(b.x, (size_t)b.frames, b.rate_hz, &v, &e))
			abort();
		compare(want, "core", "rms_dbfs", v.rms_dbfs, file);
		compare(want, "core", "peak_dbfs", v.peak_dbfs, file);
		compare(want, "core", "crest_factor_db", v.crest_factor_db, file);
		compare(want, "core", "dynamic_range_db", v.dynamic_range_db, file);
		compare(want, "spectral", "spectral_centroid_hz", v.spectral_centroid_hz, file);
		compare(want, "spectral", "bass_energy_ratio", v.bass_energy_ratio, file);
		compare(want, "spectral", "mid_energy_ratio", v.mid_energy_ratio, file);
		compare(want, "spectral", "treble_energy_ratio", v.treble_energy_ratio, file);
		compare(want, "advanced", "transient_density", v.transient_density, file);
		compare(want, "advanced", "attack_time_ms", v.attack_time_ms, file);
		compare(want, "advanced", "sustain_decay_rate_db_s", v.sustain_decay_rate_db_s, file);
		compare(want, "advanced", "lufs_fallback_noscipy", v.lufs_integrated, file);
		au_buf_free(&b);
	}
	json_decref(all);
}

int
main(void)
{
	enum { N = 10000 };
	static float x[N];
	struct gts_values v;

	/* a sine of a whole number of periods: all of one bin, in one band */
	for (int i = 0; i < N; i++)
		x[i] = (float)(0.5 * sin(2 * M_PI * 100 * i / N));
	ok(!gts_measure(x, N, 48000, &v, &e), "10000 samples, no power of two");
	ok_near(v.spectral_centroid_hz, 480, 0.1, "centroid of a sine");
	ok_near(v.mid_energy_ratio, 1, 1e-9, "in the mids");
	ok_near(v.rms_dbfs, -9.0309, 1e-3, "RMS");
	ok_near(v.lufs_integrated, -9.0309 - 0.691, 1e-3, "loudness is RMS and an offset");
	memset(x, 0, sizeof x);
	ok(!gts_measure(x, N, 48000, &v, &e) && v.rms_dbfs < -1e300 && v.crest_factor_db == 0 && v.dynamic_range_db == 0 &&
	   v.spectral_centroid_hz == 0 && v.attack_time_ms == 0 && v.sustain_decay_rate_db_s == 0, "silence");
	x[0] = 1;
	ok(!gts_measure(x, 1, 48000, &v, &e) && v.peak_dbfs == 0, "one sample");
	ok(gts_measure(x, 0, 48000, &v, &e) == -1, "nothing is refused");
	reference(getenv("TESTDATA") ? getenv("TESTDATA") : "../shared/data");
	return done();
}
