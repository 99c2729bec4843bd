/* audio-level - bring audio to a loudness by one gain, and say which. */
#include "audio/audio.h"
#include "base/file.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "metrics/match.h"
#include "metrics/relevel.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_JSON = 1 << 20 };
static const double verify_lu = 0.1;  /* how far the written loudness may be from the target */
static const double max_gain_db = 120;

static double lufs = NAN, gain_db = NAN;
static const char *ceiling_arg, *target_file, *out_name, *encoding_arg, *report_file, *prov_file;
static int measure_only, match_mode, dual_mono;
static long long start_frame, length_frames = LLONG_MIN; /* negative: to the end */

static double ceiling_dbtp;           /* INFINITY: none */
static enum au_encoding encoding = AU_DEFAULT;

static const struct opt opts[] = {
	{ 'l', "lufs", OPT_DOUBLE, &lufs, "LUFS", "bring the integrated loudness to LUFS" },
	{ 'c', "ceiling", OPT_STR, &ceiling_arg, "DBTP", "true peak that must not be passed, or none (-1)" },
	{ 'g', "gain-db", OPT_DOUBLE, &gain_db, "DB", "apply this gain; 0 copies bit for bit" },
	{ 't', "target", OPT_STR, &target_file, "FILE", "bring to the target that --match wrote" },
	{ 'm', "measure", OPT_FLAG, &measure_only, NULL, "measure only; the object goes to --report or stdout" },
	{ 0, "match", OPT_FLAG, &match_mode, NULL, "choose one target for several measured files" },
	{ 'o', "output", OPT_STR, &out_name, "FILE", "write FILE; - is standard output (default)" },
	{ 'e', "encoding", OPT_STR, &encoding_arg, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 0, "dual-mono", OPT_FLAG, &dual_mono, NULL, "a mono input is played on two speakers (+3.01 LU)" },
	{ 0, "start-frame", OPT_INT64, &start_frame, "N", "measure loudness from frame N on (0)" },
	{ 0, "length-frames", OPT_INT64, &length_frames, "N", "measure loudness of N frames (to the end)" },
	REPORT_OPT(report_file),
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"--lufs N | --gain-db G | --target FILE | --measure [-o OUT] [IN]\n"
	"       audio-level --match --lufs N [-o OUT.json] MEASURE.json...",
	"Bring audio to a loudness (ITU-R BS.1770) by one gain, or choose a common one.",
	opts,
	"  audio-level --lufs -18 -o loud.wav di.wav\n"
	"  audio-level --measure --report a.json a.wav; audio-level --measure --report b.json b.wav\n"
	"  audio-level --match --lufs -16 -o level.json a.json b.json\n"
	"  audio-level --target level.json -o a.flac a.wav\n",
};

static json_t *
region_object(void)
{
	json_t *o;

	if (start_frame == 0 && length_frames < 0)
		return NULL;
	o = json_object();
	jl_int(o, "start_frame", start_frame);
	jl_set(o, "length_frames", length_frames < 0 ? NULL : json_integer(length_frames));
	return o;
}

/* after NULL: nothing was written. */
static int
report(const char *name, const struct relevel *r, const struct relevel_values *before, double target,
       double gain, const struct relevel_values *after, struct err *e)
{
	const struct au_info *info = relevel_info(r);
	json_t *o = jl_new("audio-level/1");

	jl_str(o, "input", name);
	jl_str(o, "sha256", relevel_sha256(r));
	jl_str(o, "output", after ? out_name : NULL);
	jl_int(o, "rate_hz", info->rate_hz);
	jl_int(o, "channels", info->channels);
	jl_int(o, "frames", before->frames);
	jl_bool(o, "dual_mono", dual_mono && info->channels == 1);
	jl_set(o, "region", region_object());
	jl_str(o, "loudness_kind", before->kind);
	jl_num(o, "measured_lufs", before->lufs);
	jl_num(o, "measured_true_peak_dbtp", before->true_peak_dbtp);
	jl_num(o, "ceiling_dbtp", after ? ceiling_dbtp : NAN);
	jl_num(o, "target_lufs", target);
	jl_num(o, "gain_db", gain);
	jl_num(o, "loudness_lufs", after ? after->lufs : NAN);
	jl_num(o, "true_peak_dbtp", after ? after->true_peak_dbtp : NAN);
	jl_set(o, "clipped_samples", after ? json_integer(0) : NULL); /* clipping is an error */
	return jl_write(o, report_file ? report_file : "-", e);
}

/* A gain for the target, or a status that says why there is none. */
static int
choose_gain(const char *name, const struct relevel_values *l, double target, double *gain)
{
	if (!isnan(gain_db)) {
		*gain = gain_db;
		if (isnan(l->true_peak_dbtp) || match_fits(l->true_peak_dbtp + gain_db, ceiling_dbtp))
			return ST_OK;
		diag_error("'%s' would reach %+.2f dBTP with a gain of %g dB, above the ceiling of %g dBTP; "
		           "the highest gain that fits is %.1f dB", name, l->true_peak_dbtp + gain_db,
		           gain_db, ceiling_dbtp, match_round_down(ceiling_dbtp - l->true_peak_dbtp));
		return ST_NO;
	}
	if (isnan(l->lufs)) {
		diag_error("'%s' is silent%s: no gain can bring it to %g LUFS", name,
		           isnan(l->true_peak_dbtp) ? "" :
		           start_frame > 0 || length_frames >= 0 ? " in the measured region" :
		           " by the gate of ITU-R BS.1770 (all is under -70 LUFS)", target);
		return ST_FAIL;
	}
	*gain = target - l->lufs;
	if (!match_fits(l->true_peak_dbtp + *gain, ceiling_dbtp)) {
		diag_error("'%s' at %g LUFS would reach %+.2f dBTP, above the ceiling of %g dBTP; the highest "
		           "target that fits is %.1f LUFS (--ceiling none lifts the ceiling)", name, target,
		           l->true_peak_dbtp + *gain, ceiling_dbtp,
		           match_round_down(match_highest_lufs(l->lufs, l->true_peak_dbtp, ceiling_dbtp)));
		return ST_NO;
	}
	if (fabs(*gain) > max_gain_db) {
		diag_error("'%s' would need a gain of %+.1f dB; at most %g dB are applied", name, *gain, max_gain_db);
		return ST_FAIL;
	}
	return ST_OK;
}

/* What was written is what was wanted, or nothing is written. */
static int
verify(const struct au_out *out, const struct relevel_values *after, double target)
{
	if (au_clipped(out)) {
		diag_error("%" PRId64 " samples of '%s' would clip; lower the target, or write float32 "
		           "(--encoding f32, or a name that ends in .wav)", au_clipped(out), out_name);
		return ST_FAIL;
	}
	if (!isnan(target) && !(fabs(after->lufs - target) <= verify_lu)) {
		diag_error("'%s' would be at %.2f LUFS instead of %g: it is too near the gate of -70 LUFS for "
		           "one gain", out_name, after->lufs, target);
		return ST_FAIL;
	}
	return ST_OK;
}

static int
provenance(struct prov *prov, const char *name, const char *sha256, const char *out_sha256, double gain,
           struct err *e)
{
	if (prov_input(prov, "audio", name, sha256, e) ||
	    (target_file && prov_input(prov, "target", target_file, NULL, e)) ||
	    prov_output(prov, "audio", out_name, out_sha256, e) ||
	    (report_file && strcmp(report_file, "-") && prov_output(prov, "report", report_file, NULL, e)))
		return -1;
	prov_set(prov, "gain_db", json_real(gain));
	return prov_write(prov, e);
}

static void
show(void *ctx, int64_t frames)
{
	progress_step(ctx, (double)frames);
}

/* One input in; the level of it, or a copy at another level, out. */
static int
level(const char *name, double target)
{
	struct progress p;
	struct relevel_opts ro = { start_frame, length_frames, measure_only, dual_mono, show, &p };
	struct relevel_values before, after;
	struct relevel *r = NULL;
	struct au_out *out = NULL;
	struct prov *prov = prov_new(prov_file);
	struct err e;
	char hex[65];
	double gain = NAN;
	int64_t frames;
	int status = ST_FAIL;

	progress_begin(&p, name, 0);
	if (!prov) {
		diag_error("out of memory");
		goto out;
	}
	if (relevel_open(&r, name, &ro, &e))
		goto failed;
	frames = relevel_info(r)->frames;
	progress_begin(&p, name, frames < 0 ? 0 : (measure_only ? 1 : 2) * (double)frames);
	if (relevel_measure(r, &before, &e) || (measure_only && report(name, r, &before, NAN, NAN, NULL, &e)))
		goto failed;
	status = measure_only ? ST_OK : choose_gain(name, &before, target, &gain);
	if (measure_only || status != ST_OK)
		goto out;
	diag_info("'%s': %.2f LUFS, %.2f dBTP, gain %+.2f dB", name, before.lufs, before.true_peak_dbtp, gain);
	if (au_create(&out, out_name, relevel_info(r)->rate_hz, relevel_info(r)->channels, encoding, &e) ||
	    relevel_apply(r, pow(10, gain / 20), out, &after, &e))
		goto failed;
	status = verify(out, &after, target);
	if (status != ST_OK)
		goto out;
	/* the report first: where the audio is, its report is */
	if (report_file && report(name, r, &before, target, gain, &after, &e))
		goto failed;
	if (au_commit(out, hex, &e)) {
		out = NULL;
		if (report_file && strcmp(report_file, "-"))
			unlink(report_file);
		goto failed;
	}
	out = NULL;
	if (!provenance(prov, name, relevel_sha256(r), hex, gain, &e))
		goto out;
failed:
	status = diag_err(&e);
out:
	progress_end(&p, p.total);
	au_abort(out);
	relevel_close(r);
	prov_free(prov);
	return status;
}

/* A number of an object that came from outside. */
static int
number_of(const json_t *o, const char *key, double *v)
{
	const json_t *n = json_object_get(o, key);

	*v = json_number_value(n);
	return json_is_number(n) && fabs(*v) < 1000 ? 0 : -1;
}

static json_t *
load(const char *name, const char *schema, struct err *e)
{
	json_t *o = jl_load(name, MAX_JSON, e);
	const char *is = json_string_value(json_object_get(o, "schema"));

	if (o && (!is || strcmp(is, schema))) {
		err_set(e, ERR_INPUT, "'%s' is no %s object", name, schema);
		json_decref(o);
		return NULL;
	}
	return o;
}

/* The measured values of one file.  *mono_as: -1 not mono, else whether it was counted twice. */
static int
load_measure(const char *name, char **file, double *loudness, double *peak, int *mono_as, struct err *e)
{
	json_t *o = load(name, "audio-level/1", e);
	const char *input = json_string_value(json_object_get(o, "input"));
	int ret = -1;

	if (!o)
		return -1;
	*mono_as = json_integer_value(json_object_get(o, "channels")) != 1 ? -1 :
	           json_is_true(json_object_get(o, "dual_mono"));
	if (!input)
		err_set(e, ERR_INPUT, "'%s' names no input", name);
	else if (number_of(o, "measured_lufs", loudness) || number_of(o, "measured_true_peak_dbtp", peak))
		err_set(e, ERR_INPUT, "'%s' has no loudness: '%s' is silent, and no gain can match it", name, input);
	else if (!(*file = strdup(input)))
		err_set(e, ERR_NOMEM, "out of memory");
	else
		ret = 0;
	json_decref(o);
	return ret;
}

/* The target alone goes to --output and what it was chosen from to --report, so that make, which
 * depends on the target, sees no change when another file joins and the target stays. */
static int
write_match(json_t *o, struct err *e)
{
	static const char *const why[] = { "limited_by", "files" };
	json_t *target;
	char *text;
	size_t len;
	int r;

	if (!strcmp(out_name, "-"))
		return jl_write(json_incref(o), report_file ? report_file : "-", e);
	target = json_copy(o);
	for (size_t i = 0; i < sizeof why / sizeof *why; i++)
		json_object_del(target, why[i]);
	text = jl_text(target);
	json_decref(target);
	if (!text)
		return err_set(e, ERR_NOMEM, "out of memory");
	len = strlen(text);
	text[len] = '\n'; /* in place of the NUL: the length says where it ends */
	r = file_write_if_changed(out_name, text, len + 1, e) < 0 ? -1 : 0;
	free(text);
	/* last, so that where the report is, the target is too */
	return r || !report_file ? r : jl_write(json_incref(o), report_file, e);
}

/* Several measures in, the target that suits them all out. */
static int
match(char **names, size_t n)
{
	double *loudness = calloc(n, sizeof *loudness), *peak = calloc(n, sizeof *peak), target;
	char **files = calloc(n, sizeof *files);
	json_t *o = NULL, *list = json_array();
	int status = ST_FAIL, mono_as = -1;
	size_t who;
	struct err e;

	if (!loudness || !peak || !files || !list) {
		diag_error("out of memory");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		int as;

		if (load_measure(names[i], &files[i], &loudness[i], &peak[i], &as, &e)) {
			status = diag_err(&e);
			goto out;
		}
		if (as >= 0 && mono_as >= 0 && as != mono_as) {
			diag_error("'%s' was measured %s --dual-mono, another was not: measure all alike", names[i],
			           as ? "with" : "without");
			goto out;
		}
		mono_as = as >= 0 ? as : mono_as;
	}
	target = match_target(loudness, peak, n, lufs, ceiling_dbtp, &who);
	for (size_t i = 0; i < n; i++) {
		json_t *f = json_object();

		jl_str(f, "file", files[i]);
		jl_num(f, "loudness_lufs", loudness[i]);
		jl_num(f, "true_peak_dbtp", peak[i]);
		jl_num(f, "gain_db", target - loudness[i]);
		json_array_append_new(list, f);
	}
	o = jl_new("level-match/1");
	jl_num(o, "target_lufs", target);
	jl_num(o, "wanted_lufs", lufs);
	jl_num(o, "ceiling_dbtp", ceiling_dbtp);
	jl_bool(o, "dual_mono", mono_as == 1);
	jl_str(o, "limited_by", who < n ? files[who] : NULL);
	jl_set(o, "files", list);
	list = NULL;
	diag_info("target %g LUFS%s%s%s", target, who < n ? ", limited by '" : "", who < n ? files[who] : "",
	          who < n ? "'" : "");
	status = write_match(o, &e) ? diag_err(&e) : ST_OK;
out:
	for (size_t i = 0; files && i < n; i++)
		free(files[i]);
	free(files);
	free(loudness);
	free(peak);
	json_decref(o);
	json_decref(list);
	return status;
}

/* The target that match() wrote.  Returns a status. */
static int
load_target(double *target)
{
	struct err e;
	json_t *o = load(target_file, "level-match/1", &e);
	int status = ST_FAIL;
	double ceiling;

	if (!o)
		return diag_err(&e);
	if (number_of(o, "target_lufs", target) ||
	    (!json_is_null(json_object_get(o, "ceiling_dbtp")) && number_of(o, "ceiling_dbtp", &ceiling))) {
		diag_error("'%s' has no target_lufs and ceiling_dbtp that make sense", target_file);
		goto out;
	}
	if (!ceiling_arg)
		ceiling_dbtp = json_is_null(json_object_get(o, "ceiling_dbtp")) ? INFINITY : ceiling;
	if (json_is_true(json_object_get(o, "dual_mono")))
		dual_mono = 1;
	status = ST_OK;
out:
	json_decref(o);
	return status;
}

static void
check_options(int n)
{
	int ways = !isnan(lufs) + !isnan(gain_db) + !!target_file + measure_only;
	char *end = NULL;

	if (match_mode && (isnan(lufs) || ways != 1 || n < 1 || prov_file || encoding_arg ||
	                   dual_mono || start_frame || length_frames >= 0))
		diag_usage("--match takes --lufs, --ceiling, -o, --report and measured files only");
	if (!match_mode && ways != 1)
		diag_usage("give one of --lufs, --gain-db, --target and --measure");
	if (!match_mode && n > 1)
		diag_usage("one input at a time");
	if (measure_only && (out_name || ceiling_arg || encoding_arg || prov_file))
		diag_usage("--measure writes no audio: it takes --report, --dual-mono and a region only");
	if (start_frame < 0 || (length_frames < 1 && length_frames != LLONG_MIN))
		diag_usage("a region starts at frame 0 or later and has at least 1 frame");
	if ((!isnan(lufs) && fabs(lufs) > 100) || (!isnan(gain_db) && fabs(gain_db) > max_gain_db))
		diag_usage("a loudness is -100 to 100 LUFS, a gain -120 to 120 dB");
	if (encoding_arg) {
		int v = au_encoding_of(encoding_arg);

		if (v < 0)
			diag_usage("--encoding is f32, s16 or s24, not '%s'", encoding_arg);
		encoding = (enum au_encoding)v;
	}
	/* a copy at a fixed gain is held to a ceiling only when one is asked for */
	ceiling_dbtp = isnan(gain_db) ? -1 : INFINITY;
	if (ceiling_arg && !strcmp(ceiling_arg, "none")) {
		ceiling_dbtp = INFINITY;
	} else if (ceiling_arg) {
		ceiling_dbtp = strtod(ceiling_arg, &end);
		if (end == ceiling_arg || *end || !(fabs(ceiling_dbtp) <= 100))
			diag_usage("--ceiling is a number in dBTP or none, not '%s'", ceiling_arg);
	}
	out_name = out_name ? out_name : "-";
	if (!match_mode && !measure_only && !strcmp(out_name, "-") && report_file && !strcmp(report_file, "-"))
		diag_usage("audio and report cannot both go to standard output");
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec), status = ST_OK;
	double target;

	check_options(n);
	target = lufs;
	if (match_mode)
		return diag_close_stdout(match(argv + 1, (size_t)n));
	if (target_file)
		status = load_target(&target);
	if (status == ST_OK)
		status = level(n ? argv[1] : "-", target);
	return diag_close_stdout(status);
}
