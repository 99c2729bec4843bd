/* audio-metrics - measure audio files, one JSON object a line. */
#include "audio/audio.h"
#include "base/file.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "metrics/envelope.h"
#include "metrics/level.h"
#include "metrics/loudness.h"
#include "metrics/spectrum.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SAMPLES = 65536 };
enum { LOUDNESS = 1, LEVELS = 2, DYNAMICS = 4, FAULTS = 8, SPECTRUM = 16, ENVELOPE = 32, STEREO = 64, ALL = 127 };

static const char *const group_names[] = {
	"loudness", "levels", "dynamics", "faults", "spectrum", "envelope", "stereo", NULL
};

static const char *only, *out_name, *prov_file;
static int dual_mono, groups = ALL;
static long long start_frame, length_frames = LLONG_MIN; /* negative: to the end */

static const struct opt opts[] = {
	{ 0, "only", OPT_STR, &only, "GROUP,...", "of loudness levels dynamics faults spectrum envelope stereo" },
	{ 0, "dual-mono", OPT_FLAG, &dual_mono, NULL, "a mono input is played on two speakers (+3.01 LU)" },
	{ 0, "start-frame", OPT_INT64, &start_frame, "N", "measure from frame N on (0)" },
	{ 0, "length-frames", OPT_INT64, &length_frames, "N", "measure N frames (to the end)" },
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write the lines to FILE, when all files are measured" },
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[--only GROUP,...] [--start-frame N] [--length-frames N] [-o OUT] [FILE...]",
	"Measure loudness, levels, faults, spectrum and envelope; one JSON object per FILE.",
	opts,
	"  audio-metrics tone.wav | jq .loudness.integrated_lufs\n"
	"  audio-metrics --only spectrum a.flac b.flac | jq -r '[.file, .spectrum.centroid_hz] | @tsv'\n"
	"  nam-render -m amp.nam di.wav | audio-metrics\n",
};

/* What the groups asked for need. */
struct meters {
	struct loudness *loudness;
	struct level *level;
	struct spectrum *spectrum;
	struct envelope *envelope;
};

static int
meters_new(struct meters *m, const struct au_info *i, struct err *e)
{
	int dual = dual_mono ? LOUDNESS_DUAL_MONO : 0;

	*m = (struct meters){ 0 };
	/* faults need the overs between the samples, which are the loudness meter's */
	if (groups & (LOUDNESS | FAULTS) && loudness_new(&m->loudness, i->rate_hz, i->channels,
	                                                 (groups & LOUDNESS ? LOUDNESS_ALL : LOUDNESS_TRUE_PEAK) | dual, e))
		return -1;
	if (groups & (LEVELS | DYNAMICS | FAULTS | STEREO) && !(m->level = level_new(i->rate_hz, i->channels)))
		return err_set(e, ERR_NOMEM, "out of memory");
	if (groups & SPECTRUM && spectrum_new(&m->spectrum, i->rate_hz, i->channels, e))
		return -1;
	return groups & ENVELOPE ? envelope_new(&m->envelope, i->rate_hz, i->channels, NULL, 0, e) : 0;
}

static int
meters_add(struct meters *m, const float *x, int64_t n, struct err *e)
{
	if ((m->loudness && loudness_add(m->loudness, x, n, e)) || (m->level && level_add(m->level, x, n, e)) ||
	    (m->envelope && envelope_add(m->envelope, x, n, e)))
		return -1;
	if (m->spectrum)
		spectrum_add(m->spectrum, x, n);
	return 0;
}

static void
meters_free(struct meters *m)
{
	loudness_free(m->loudness);
	level_free(m->level);
	spectrum_free(m->spectrum);
	envelope_free(m->envelope);
}

/* One group of the object, and why its nulls are null. */
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
put_loudness(json_t *o, json_t *reasons, const struct loudness_values *v, int rate_hz)
{
	struct group g = group_new(o, "loudness", reasons);
	const char *silent = "silent", *gated = isnan(v->ungated_lufs) ? silent : "all under the gate of -70 LUFS";
	const char *brief = v->frames < (int64_t)rate_hz * 2 / 5 ? "shorter than 0.4 s" : gated;
	const char *short3 = v->frames < 3 * (int64_t)rate_hz ? "shorter than 3 s" : silent;
	const char *short4 = v->frames < 4 * (int64_t)rate_hz ? "shorter than 4 s" : gated;

	put(&g, "integrated_lufs", v->integrated_lufs, brief);
	put(&g, "threshold_lufs", v->threshold_lufs, brief);
	put(&g, "ungated_lufs", v->ungated_lufs, silent);
	put(&g, "max_momentary_lufs", v->max_momentary_lufs, brief);
	put(&g, "max_short_term_lufs", v->max_short_term_lufs, short3);
	put(&g, "range_lu", v->range_lu, short4);
	put(&g, "true_peak_dbtp", v->true_peak_dbtp, silent);
	put(&g, "plr_db", v->true_peak_dbtp - v->integrated_lufs, brief);
}

static void
put_levels(json_t *o, json_t *reasons, const struct level_values *v, int64_t overs)
{
	struct group g;

	if (groups & LEVELS) {
		g = group_new(o, "levels", reasons);
		put(&g, "rms_dbfs", v->rms_dbfs, "silent");
		put(&g, "peak_dbfs", v->peak_dbfs, "silent");
		put(&g, "crest_factor_db", v->crest_factor_db, "silent");
		put(&g, "dc_offset_fs", v->dc_offset_fs, "no samples");
	}
	if (groups & DYNAMICS) {
		g = group_new(o, "dynamics", reasons);
		put(&g, "dynamic_range_db", v->dynamic_range_db, "fewer than 2 windows of 50 ms that are not silent");
	}
	if (groups & FAULTS) {
		g = group_new(o, "faults", reasons);
		jl_int(g.o, "clipped_runs", v->clipped_runs);
		jl_int(g.o, "clipped_samples", v->clipped_samples);
		jl_int(g.o, "longest_clipped_run_frames", v->longest_clipped_run_frames);
		jl_int(g.o, "samples_over_full_scale", v->samples_over_full_scale);
		jl_int(g.o, "inter_sample_overs", overs);
		put(&g, "leading_silence_s", v->leading_silence_s, "no samples");
		put(&g, "trailing_silence_s", v->trailing_silence_s, "no samples");
		put(&g, "silent_ratio", v->silent_ratio, "shorter than 50 ms");
	}
}

static void
put_spectrum(json_t *o, json_t *reasons, const struct spectrum_values *v)
{
	struct group g = group_new(o, "spectrum", reasons);
	const char *silent = "silent from 20 Hz to 20 kHz";
	json_t *hz = json_array(), *level = json_array();

	put(&g, "centroid_hz", v->centroid_hz, silent);
	put(&g, "spread_hz", v->spread_hz, silent);
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
put_envelope(json_t *o, json_t *reasons, const struct envelope_values *v)
{
	struct group g = group_new(o, "envelope", reasons);

	jl_int(g.o, "onsets", v->onsets);
	put(&g, "transient_density_per_s", v->transient_density_per_s, "no samples");
	put(&g, "attack_median_ms", v->attack_median_ms, "no onset rises by 3 dB");
	jl_int(g.o, "attacks", v->attacks);
	put(&g, "decay_rate_db_s", v->decay_rate_db_s, "no onset is followed by 100 ms without another");
	jl_int(g.o, "decays", v->decays);
}

/* The object of one measured input; NULL with *e. */
static json_t *
object_of(const char *name, const char *sha256, const struct au_info *i, int64_t frames, struct meters *m,
          struct err *e)
{
	struct loudness_values lv = { 0 };
	struct level_values v = { 0 };
	struct spectrum_values s;
	struct envelope_values env;
	json_t *o, *reasons, *region = NULL;

	if ((m->loudness && loudness_end(m->loudness, &lv, e)) || (m->envelope && envelope_end(m->envelope, &env, e)))
		return NULL;
	o = jl_new("audio-metrics/1");
	reasons = json_object();
	jl_str(o, "file", name);
	jl_str(o, "sha256", sha256);
	jl_str(o, "format", i->format);
	jl_str(o, "encoding", i->encoding);
	jl_int(o, "rate_hz", i->rate_hz);
	jl_int(o, "channels", i->channels);
	jl_int(o, "frames", frames);
	jl_num(o, "duration_s", (double)frames / i->rate_hz);
	if (start_frame > 0 || length_frames >= 0) {
		region = json_object();
		jl_int(region, "start_frame", start_frame);
		jl_int(region, "length_frames", frames);
	}
	jl_set(o, "region", region);
	jl_bool(o, "dual_mono", dual_mono && i->channels == 1);
	if (groups & LOUDNESS)
		put_loudness(o, reasons, &lv, i->rate_hz);
	if (m->level) {
		if (level_end(m->level, &v, e))
			return NULL;
		put_levels(o, reasons, &v, lv.inter_sample_overs);
	}
	if (m->spectrum) {
		if (spectrum_end(m->spectrum, &s, e))
			return NULL;
		put_spectrum(o, reasons, &s);
	}
	if (m->envelope)
		put_envelope(o, reasons, &env);
	if (groups & STEREO && i->channels == 2) {
		struct group g = group_new(o, "stereo", reasons);

		put(&g, "correlation", v.correlation, "a channel is silent");
	}
	jl_set(o, "reasons", reasons);
	return o;
}

/* One input in, one line to f. */
static int
measure(const char *name, FILE *f, struct prov *prov)
{
	struct au_in *in = NULL;
	struct au_info info;
	struct meters m = { 0 };
	struct progress p;
	struct err e;
	char hex[65];
	int64_t n, at = 0, end = length_frames < 0 || length_frames > INT64_MAX - start_frame ? INT64_MAX
	                                                                  : start_frame + length_frames;
	int status = ST_FAIL;
	float *buf = malloc(BLOCK_SAMPLES * sizeof *buf);
	json_t *o;

	progress_begin(&p, name, 0);
	if (!buf) {
		diag_error("out of memory");
		goto out;
	}
	if (au_open(&in, name, &e) || meters_new(&m, au_info(in), &e)) {
		status = diag_err(&e);
		goto out;
	}
	info = *au_info(in);
	progress_begin(&p, name, info.frames > 0 ? (double)info.frames : 0);
	while (at < end && (n = au_read(in, buf, BLOCK_SAMPLES / info.channels, &e)) != 0) {
		int64_t from = start_frame > at ? start_frame - at : 0, to = end - at < n ? end - at : n;

		if (n < 0 || (from < to && meters_add(&m, buf + from * info.channels, to - from, &e))) {
			status = diag_err(&e);
			goto out;
		}
		at += n;
		progress_step(&p, (double)at);
	}
	if ((start_frame > 0 && at <= start_frame) || (length_frames >= 0 && at < end)) {
		diag_error("'%s' has %" PRId64 " frames, the region ends or starts after them", name, at);
		goto out;
	}
	if (au_in_sha256(in, hex, &e) || prov_input(prov, "audio", name, hex, &e) ||
	    !(o = object_of(name, hex, &info, (at < end ? at : end) - start_frame, &m, &e))) {
		status = diag_err(&e);
		goto out;
	}
	if (jl_print(o, f))
		diag_error("cannot write the object of '%s'", name);
	else
		status = ST_OK;
out:
	progress_end(&p, p.total);
	meters_free(&m);
	au_close(in);
	free(buf);
	return status;
}

/* All inputs, to a file that appears when all could be measured. */
static int
measure_to_file(char *const *names, int n)
{
	struct prov *prov = prov_new(prov_file);
	struct outfile out;
	struct err e;
	FILE *f = NULL;
	int status = ST_OK, fd;

	if (!prov) {
		diag_error("out of memory");
		return ST_FAIL;
	}
	if (outfile_open(&out, out_name, &e)) {
		prov_free(prov);
		return diag_err(&e);
	}
	fd = dup(out.fd);
	if (fd < 0 || !(f = fdopen(fd, "w"))) {
		diag_error("cannot write '%s'", out_name);
		status = ST_FAIL;
	}
	for (int i = 0; f && i < n; i++)
		status = diag_worst(status, measure(names[i], f, prov));
	if (f && fclose(f) && status == ST_OK) {
		diag_error("cannot write '%s'", out_name);
		status = ST_FAIL;
	}
	if (status != ST_OK)
		outfile_abort(&out);
	else if (outfile_commit(&out, &e) || prov_output(prov, "metrics", out_name, NULL, &e) ||
	         prov_write(prov, &e))
		status = diag_err(&e);
	prov_free(prov);
	return status;
}

static void
parse_groups(void)
{
	char word[64];
	const char *s = only;

	groups = 0;
	do {
		size_t len = strcspn(s, ",");
		int i;

		snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), s);
		for (i = 0; group_names[i] && strcmp(group_names[i], word); i++)
			;
		if (!group_names[i])
			diag_usage("--only has no group '%s'; there are loudness, levels, dynamics, faults, spectrum, "
			           "envelope and stereo", word);
		groups |= 1 << i;
		s += len;
	} while (*s++ == ',');
}

int
main(int argc, char *argv[])
{
	static char dash[] = "-", *use_stdin[] = { dash };
	int n = opt_parse(argc, argv, &spec), status = ST_OK;
	char **names = n ? argv + 1 : use_stdin;

	n = n ? n : 1;
	if (only)
		parse_groups();
	if (start_frame < 0 || (length_frames < 1 && length_frames != LLONG_MIN))
		diag_usage("a region starts at frame 0 or later and has at least 1 frame");
	if (out_name && strcmp(out_name, "-"))
		return diag_close_stdout(measure_to_file(names, n));
	if (prov_file)
		diag_usage("--provenance tells of a file: it needs -o");
	for (int i = 0; i < n; i++)
		status = diag_worst(status, measure(names[i], stdout, NULL)); /* go on after a bad file */
	return diag_close_stdout(status);
}
