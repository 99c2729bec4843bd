/* measure_json.c - the values under their names, and why some are null. */
#include "cli/jsonl.h"
#include "metrics/measure_impl.h"

#include <math.h>
#include <stdio.h>

/* One group of the object. */
struct group {
	const char *name;
	json_t *o, *reasons;
};

static void
put(struct group *g, const char *key, double v, const char *reason)
{
	char path[96];

	jl_num(g->o, key, v);
	if (isfinite(v))
		return;
	snprintf(path, sizeof path, "%s.%s", g->name, key);
	jl_str(g->reasons, path, reason);
}

static struct group
group_new(json_t *o, const char *name, json_t *reasons)
{
	struct group g = { name, json_object(), reasons };

	jl_set(o, name, g.o);
	return g;
}

static void
put_loudness(const struct measure *m, json_t *o, json_t *reasons)
{
	const struct loudness_values *v = &m->lv;
	struct group g = group_new(o, "loudness", reasons);
	const char *silent = "silent", *gated = isnan(v->ungated_lufs) ? silent : "all under the gate of -70 LUFS";
	const char *brief = v->frames < (int64_t)m->rate_hz * 2 / 5 ? "shorter than 0.4 s" : gated;
	const char *short3 = v->frames < 3 * (int64_t)m->rate_hz ? "shorter than 3 s" : silent;
	const char *short4 = v->frames < 4 * (int64_t)m->rate_hz ? "shorter than 4 s" : gated;
	const char *loud3 = v->frames < 3 * (int64_t)m->rate_hz ? "shorter than 3 s" : gated;

	put(&g, "integrated_lufs", v->integrated_lufs, brief);
	put(&g, "threshold_lufs", v->threshold_lufs, brief);
	put(&g, "ungated_lufs", v->ungated_lufs, silent);
	put(&g, "max_momentary_lufs", v->max_momentary_lufs, brief);
	put(&g, "max_short_term_lufs", v->max_short_term_lufs, short3);
	put(&g, "range_lu", v->range_lu, short4);
	put(&g, "true_peak_dbtp", v->true_peak_dbtp, silent);
	put(&g, "plr_db", v->true_peak_dbtp - v->integrated_lufs, brief);
	put(&g, "psr_min_db", v->psr_min_db, loud3);
	put(&g, "psr_median_db", v->psr_median_db, loud3);
	put(&g, "psr_max_db", v->psr_max_db, loud3);
}

static void
put_levels(const struct measure *m, json_t *o, json_t *reasons)
{
	const struct level_values *v = &m->level_v;
	struct group g;

	if (m->want.groups & MEASURE_LEVELS) {
		g = group_new(o, "levels", reasons);
		put(&g, "rms_dbfs", v->rms_dbfs, "silent");
		put(&g, "peak_dbfs", v->peak_dbfs, "silent");
		put(&g, "crest_factor_db", v->crest_factor_db, "silent");
		put(&g, "dc_offset_fs", v->dc_offset_fs, "no samples");
	}
	if (m->want.groups & MEASURE_DYNAMICS) {
		g = group_new(o, "dynamics", reasons);
		put(&g, "dynamic_range_db", v->dynamic_range_db, "fewer than 2 windows of 50 ms that are not silent");
		put(&g, "dr14_db", v->dr14_db, "shorter than 6 s, or a channel is silent");
	}
}

static void
put_faults(const struct measure *m, json_t *o, json_t *reasons)
{
	const struct level_values *v = &m->level_v;
	struct group g = group_new(o, "faults", reasons);
	const char *no_hum = m->hum_v.windows < 3 ? "shorter than 2 s" : "no line there stands out";

	jl_int(g.o, "not_a_number_samples", m->not_numbers);
	jl_int(g.o, "clipped_runs", v->clipped_runs);
	jl_int(g.o, "clipped_samples", v->clipped_samples);
	jl_int(g.o, "longest_clipped_run_frames", v->longest_clipped_run_frames);
	jl_int(g.o, "samples_over_full_scale", v->samples_over_full_scale);
	jl_int(g.o, "inter_sample_overs", m->lv.inter_sample_overs);
	put(&g, "leading_silence_s", v->leading_silence_s, "no samples");
	put(&g, "trailing_silence_s", v->trailing_silence_s, "no samples");
	put(&g, "silent_ratio", v->silent_ratio, "shorter than 50 ms");
	if (m->want.di)
		put(&g, "noise_floor_dbfs", m->noise_floor_dbfs, "the DI is not silent for 4 windows of 50 ms, or the tone is digital silence there");
	else
		put(&g, "noise_floor_dbfs", v->noise_floor_dbfs, "fewer than 20 windows of 50 ms that are not silent");
	jl_str(g.o, "noise_floor_from", m->want.di ? "di" : "windows");
	put(&g, "hum_50hz_dbfs", m->hum_v.hum_50hz_dbfs, no_hum);
	put(&g, "hum_60hz_dbfs", m->hum_v.hum_60hz_dbfs, no_hum);
}

static void
put_spectrum(const struct measure *m, json_t *o, json_t *reasons)
{
	const struct spectrum_values *v = &m->spectrum_v;
	struct group g = group_new(o, "spectrum", reasons);
	const char *silent = "nothing from 20 Hz to 20 kHz";
	json_t *hz = json_array(), *level = json_array();

	put(&g, "centroid_hz", v->centroid_hz, silent);
	put(&g, "spread_hz", v->spread_hz, silent);
	put(&g, "slope_db_per_octave", v->slope_db_octave, isnan(v->centroid_hz) ? silent : "fewer than 3 third octaves have sound");
	put(&g, "rolloff_85_hz", v->rolloff_85_hz, silent);
	put(&g, "rolloff_95_hz", v->rolloff_95_hz, silent);
	put(&g, "flatness_ratio", v->flatness, silent);
	put(&g, "bass_energy_ratio", v->bass_ratio, silent);
	put(&g, "mid_energy_ratio", v->mid_ratio, silent);
	put(&g, "treble_energy_ratio", v->treble_ratio, silent);
	for (int b = 0; b < SPECTRUM_BANDS; b++) {
		double x = v->third_octave_dbfs[b];

		json_array_append_new(hz, json_real(spectrum_band_hz[b]));
		json_array_append_new(level, isfinite(x) ? json_real(x) : json_null());
		if (!isfinite(x))
			jl_str(reasons, "spectrum.third_octave_dbfs", "a band is silent, or past half the sample rate");
	}
	jl_set(g.o, "third_octave_hz", hz);
	jl_set(g.o, "third_octave_dbfs", level);
}

static void
put_envelope(const struct measure *m, json_t *o, json_t *reasons)
{
	const struct envelope_values *v = &m->envelope_v;
	struct group g = group_new(o, "envelope", reasons);

	jl_str(g.o, "onsets_from", m->want.di ? "di" : "signal");
	jl_int(g.o, "onsets", v->onsets);
	put(&g, "transient_density_per_s", v->transient_density_per_s, "no samples");
	put(&g, "attack_median_ms", v->attack_median_ms, "no onset has a whole rise of 3 dB");
	jl_int(g.o, "attacks", v->attacks);
	put(&g, "decay_rate_db_s", v->decay_rate_db_s, "no onset is followed by 100 ms without another");
	jl_int(g.o, "decays", v->decays);
	put(&g, "sustain_median_db", v->sustain_median_db, "no onset is followed by 250 ms without another");
	jl_int(g.o, "sustains", v->sustains);
}

static void
put_stereo(const struct measure *m, json_t *o, json_t *reasons)
{
	struct group g = group_new(o, "stereo", reasons);

	const char *other = m->channels == 2 ? NULL : "not two channels";

	put(&g, "correlation", m->level_v.correlation, other ? other : "a channel is silent");
	put(&g, "width_ratio", m->level_v.width_ratio, other ? other : "silent");
	put(&g, "balance_db", m->level_v.balance_db, other ? other : "a channel is silent");
}

static json_t *
real_or_null(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *
loudness_over_time(const struct measure *m)
{
	json_t *o = json_object(), *momentary = json_array(), *short_term = json_array(), *peak = json_array();
	size_t n;
	const struct loudness_point *p = loudness_series(m->loudness, &n);

	jl_num(o, "step_ms", 10000.0 * (m->rate_hz / 100) / m->rate_hz); /* 100 at rates of whole hundreds */
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(momentary, real_or_null((double)p[i].momentary_lufs));
		json_array_append_new(short_term, real_or_null((double)p[i].short_term_lufs));
		json_array_append_new(peak, real_or_null((double)p[i].true_peak_dbtp));
	}
	jl_set(o, "momentary_lufs", momentary);
	jl_set(o, "short_term_lufs", short_term);
	jl_set(o, "true_peak_dbtp", peak);
	return o;
}

static json_t *
every_onset(const struct measure *m)
{
	json_t *list = json_array();
	size_t n;
	const struct envelope_onset *p = envelope_onsets(m->envelope, &n);

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		jl_num(o, "time_s", p[i].hop / 100.0);
		jl_num(o, "peak_dbfs", 20 * log10((double)p[i].peak));
		jl_num(o, "attack_ms", (double)p[i].attack_ms);
		jl_num(o, "decay_db_s", (double)p[i].decay_db_s);
		jl_num(o, "sustain_db", (double)p[i].sustain_db);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
whole_spectrum(const struct measure *m)
{
	json_t *o = json_object(), *level = json_array();
	size_t n;
	double bin_hz;
	const double *p = spectrum_power(m->spectrum, &n, &bin_hz);

	jl_num(o, "bin_hz", bin_hz);
	for (size_t k = 0; k < n; k++)
		json_array_append_new(level, real_or_null(10 * log10(p[k])));
	jl_set(o, "level_dbfs", level);
	return o;
}

int
measure_json(const struct measure *m, json_t *o, struct err *e)
{
	json_t *reasons = json_object(), *series;
	unsigned g = m->want.groups;

	if (g & MEASURE_LOUDNESS)
		put_loudness(m, o, reasons);
	if (m->level)
		put_levels(m, o, reasons);
	if (g & MEASURE_FAULTS)
		put_faults(m, o, reasons);
	if (m->spectrum)
		put_spectrum(m, o, reasons);
	if (m->envelope)
		put_envelope(m, o, reasons);
	if (g & MEASURE_STEREO)
		put_stereo(m, o, reasons);
	if (m->want.series) {
		jl_set(o, "series", series = json_object());
		if (g & MEASURE_LOUDNESS)
			jl_set(series, "loudness", loudness_over_time(m));
		if (m->envelope)
			jl_set(series, "onsets", every_onset(m));
		if (m->spectrum)
			jl_set(series, "spectrum", whole_spectrum(m));
	}
	jl_set(o, "reasons", reasons);
	return o && reasons ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}
