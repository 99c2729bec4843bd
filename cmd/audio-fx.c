/* audio-fx - put audio through a chain of effects. */
#include "base/par.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "fx/fx_file.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CHAIN_BYTES = 8 << 20 };
static const double min_bpm = 20, max_bpm = 400;

static struct fx_job job = { .output = "-", .tail_s = -1 };
static struct opt_list effects, lanes;
static const char *chain_file, *tail_arg = "full", *encoding_arg, *report_file, *prov_file;
static double tempo_bpm;
static int list;

static const struct opt opts[] = {
	{ 'x', "fx", OPT_LIST, &effects, "EFFECT", "add an effect: NAME[:PRESET][,PARAM=VALUE...]; in order, many" },
	{ 'c', "chain", OPT_STR, &chain_file, "FILE", "begin with the effects of FILE, JSON" },
	{ 'a', "automate", OPT_LIST, &lanes, "MOVE", "move a parameter: EFFECT.PARAM=TIME:VALUE[:SHAPE],..." },
	{ 0, "tempo", OPT_DOUBLE, &tempo_bpm, "BPM", "beats a minute, for times in beats (120)" },
	{ 'o', "output", OPT_STR, &job.output, "FILE", "write FILE; - is standard output (default)" },
	{ 't', "tail", OPT_STR, &tail_arg, "TAIL", "full, cut or SECONDS after the input's end (full)" },
	{ 0, "stereo", OPT_FLAG, &job.stereo, NULL, "make two channels of one before the effects" },
	{ 'e', "encoding", OPT_STR, &encoding_arg, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 0, "list", OPT_FLAG, &list, NULL, "print effects, parameters, ranges, presets; one JSON object a line" },
	REPORT_OPT(report_file),
	PROV_OPT(prov_file),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[-qv] [-x EFFECT]... [-o OUT] [options] [IN]\n       audio-fx --list",
	"Put audio through a chain of effects; with none an exact copy.  --list says what there is.",
	opts,
	"  audio-fx -x gate:-55 -x eq:mid_scoop,high_gain_db=2 -x reverb:hall -o out.wav in.wav\n"
	"  audio-fx -x gain -a gain.gain_db=0s:-60,2s:0:s -o faded.wav in.wav\n"
	"  audio-fx --list | jq -r '.effect as $e | .params[] | [$e, .name, .min, .max, .default] | @tsv'\n",
};

static int
print_list(void)
{
	const struct fx_info *info;

	for (size_t i = 0; (info = fx_info(i)) != NULL; i++)
		if (jl_print(fx_info_json(info), stdout)) {
			diag_error("cannot write standard output");
			return ST_FAIL;
		}
	return ST_OK;
}

/* {"schema": "fx-chain/1", "tempo_bpm": 120, "effects": [...]} */
static int
read_chain(struct fx_spec *s, const char *name, struct err *e)
{
	json_t *o = jl_load(name, MAX_CHAIN_BYTES, e), *list_of = json_object_get(o, "effects"), *v;
	const char *schema = json_string_value(json_object_get(o, "schema")), *key;
	double bpm = json_number_value(json_object_get(o, "tempo_bpm"));
	int r = o ? 0 : -1;
	size_t i;

	if (!r && (!schema || strcmp(schema, "fx-chain/1") != 0))
		r = err_set(e, ERR_INPUT, "'%s' is no chain: its \"schema\" is not \"fx-chain/1\"", name);
	else if (!r && !json_is_array(list_of))
		r = err_set(e, ERR_INPUT, "'%s': \"effects\" is not a list", name);
	else if (!r && json_object_get(o, "tempo_bpm") && !(bpm >= min_bpm && bpm <= max_bpm))
		r = err_set(e, ERR_INPUT, "'%s': \"tempo_bpm\" is not a number within %g..%g", name, min_bpm, max_bpm);
	if (!r && bpm > 0)
		fx_spec_tempo(s, bpm);
	json_object_foreach(o, key, v)
		if (!r && strcmp(key, "schema") && strcmp(key, "effects") && strcmp(key, "tempo_bpm"))
			r = err_set(e, ERR_INPUT, "'%s': unknown key '%.60s'", name, key);
	json_array_foreach(list_of, i, v)
		if (!r && (r = fx_spec_add_json(s, v, e)) != 0)
			err_prefix(e, "'%s', effect %zu: ", name, i + 1);
	json_decref(o);
	return r;
}

/* The chain of the command line.  What is wrong in a file is an error, what is wrong here a usage error. */
static int
make_chain(struct fx_spec **s)
{
	struct err e;

	if (fx_spec_new(s, &e) || (chain_file && read_chain(*s, chain_file, &e)))
		return diag_err(&e);
	if (tempo_bpm > 0)
		fx_spec_tempo(*s, tempo_bpm);
	for (int i = 0; i < effects.n; i++)
		if (fx_spec_add(*s, effects.v[i], &e))
			diag_usage("--fx %.200s: %s", effects.v[i], e.msg);
	for (int i = 0; i < lanes.n; i++)
		if (fx_spec_automate(*s, lanes.v[i], &e))
			diag_usage("--automate: %s", e.msg);
	return ST_OK;
}

/* The report first: where the audio is, its report is. */
static int
finish(struct fx_file *f, struct prov *prov, struct err *e)
{
	json_t *report = report_file ? fx_file_report(f, e) : NULL;
	char hex[65];

	if (report_file && (!report || jl_write(report, report_file, e)))
		return -1;
	if (fx_file_commit(f, hex, e)) {
		if (report_file && strcmp(report_file, "-"))
			unlink(report_file);
		return -1;
	}
	if (fx_file_prov(f, prov, hex, e) || (prov_wanted(prov) && report_file && strcmp(report_file, "-") &&
	    prov_output(prov, "report", report_file, NULL, e)))
		return -1;
	return prov_write(prov, e);
}

static int
render(void)
{
	struct prov *prov = prov_new(prov_file);
	struct fx_file *f = NULL;
	struct progress p;
	double start_s = par_clock_s(), took_s;
	struct err e;
	int status;

	progress_begin(&p, job.input, 0);
	if ((!prov && err_set(&e, ERR_NOMEM, "out of memory")) || fx_file_open(&f, &job, &e) ||
	    fx_file_run(f, &p, &e)) {
		status = diag_err(&e);
		goto out;
	}
	took_s = par_clock_s() - start_s;
	diag_info("%" PRId64 " frames in %.3f s, %.1f times real time", fx_file_frames(f), took_s,
	    (double)fx_file_frames(f) / fx_file_rate_hz(f) / took_s);
	status = finish(f, prov, &e) ? diag_err(&e) : ST_OK;
out:
	progress_end(&p, f ? (double)fx_file_frames(f) : 0);
	fx_file_free(f);
	prov_free(prov);
	return status;
}

static void
check_options(int n)
{
	static const char *const with_list[] = { "list", NULL };
	int enc = encoding_arg ? au_encoding_of(encoding_arg) : AU_DEFAULT;

	if (list && (n || opt_beside(with_list)))
		diag_usage("--list takes nothing else");
	if (list)
		return;
	if (n > 1)
		diag_usage("one input at a time, not %d", n);
	if (fx_tail_parse(tail_arg, &job.tail_s))
		diag_usage("--tail: '%s' is not full, cut or a number of seconds up to %d", tail_arg, FX_MAX_TAIL_S);
	if (tempo_bpm != 0 && !(tempo_bpm >= min_bpm && tempo_bpm <= max_bpm))
		diag_usage("--tempo: %g is not within %g..%g", tempo_bpm, min_bpm, max_bpm);
	if (enc < 0)
		diag_usage("--encoding: '%s' is not f32, s16 or s24", encoding_arg);
	job.encoding = (enum au_encoding)enc;
	if (chain_file && !strcmp(chain_file, "-") && !strcmp(job.input, "-"))
		diag_usage("standard input cannot be both the signal and the chain");
	if (!strcmp(job.input, "-") && isatty(STDIN_FILENO))
		diag_usage("no input: name a file, or pipe one in");
	if (!strcmp(job.output, "-") && isatty(STDOUT_FILENO))
		diag_usage("standard output is a terminal: name a file with -o, or pipe it on");
	if (!strcmp(job.output, "-") && report_file && !strcmp(report_file, "-"))
		diag_usage("standard output cannot be both the audio and the report");
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec), status;
	struct fx_spec *s = NULL;

	job.input = n ? argv[1] : "-";
	check_options(n);
	if (list)
		return diag_close_stdout(print_list());
	status = make_chain(&s);
	job.spec = s;
	status = status == ST_OK ? render() : status;
	fx_spec_free(s);
	return diag_close_stdout(status);
}
