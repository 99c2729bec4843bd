/* audio-fx - put audio through a chain of effects. */
#include "cli/batch.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "fx/fx_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fx_options want = FX_OPTIONS_NONE;
static struct opt_list effects, moves;
static int list, batch_mode, threads;

static const struct opt opts[] = {
	{ 'x', "fx", OPT_LIST, &effects, "EFFECT", "add NAME[:PRESET][,PARAM=VALUE...] or lv2:URI[,...]; in order, many" },
	{ 'c', "chain", OPT_STR, &want.chain, "FILE", "begin with the effects of FILE, JSON" },
	{ 'a', "automate", OPT_LIST, &moves, "MOVE", "move a parameter: EFFECT.PARAM=TIME:VALUE[:SHAPE],..." },
	{ 0, "tempo", OPT_DOUBLE, &want.tempo_bpm, "BPM", "beats a minute, for times in beats (120)" },
	{ 'o', "output", OPT_STR, &want.output, "FILE", "write FILE; - is standard output (default)" },
	{ 't', "tail", OPT_STR, &want.tail, "TAIL", "full, cut or SECONDS after the input's end (full)" },
	{ 0, "stereo", OPT_FLAG, &want.stereo, NULL, "make two channels of one before the effects" },
	{ 'e', "encoding", OPT_STR, &want.encoding, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 0, "list", OPT_FLAG, &list, NULL, "print all effects, or those of -x: parameters, ranges, presets; JSON" },
	{ 0, "batch", OPT_FLAG, &batch_mode, NULL, "jobs from standard input, one JSON object a line; answers likewise" },
	{ 'j', "threads", OPT_INT, &threads, "N", "jobs of a batch side by side; 0: one for each CPU (default)" },
	REPORT_OPT(want.report),
	PROV_OPT(want.provenance),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[-qv] [-x EFFECT]... [-o OUT] [options] [IN]\n       audio-fx --list\n"
	"       audio-fx --batch [options] <JOBS",
	"Put audio through a chain of effects; with none an exact copy.  --list says what there is.",
	opts,
	"  audio-fx -x gate:-55 -x eq:mid_scoop,high_gain_db=2 -x reverb:hall -o out.wav in.wav\n"
	"  audio-fx -x gain -a gain.gain_db=0s:-60,2s:0:s -o faded.wav in.wav\n"
	"  audio-fx --list | jq -r '.effect as $e | .params[] | [$e, .name, .min, .max, .default] | @tsv'\n",
};

/* All effects, or those of -x, which may be plugins. */
static int
print_list(void)
{
	struct fx_plan plan;
	struct err e;
	int in_file;
	size_t i;

	if (fx_plan(&plan, &want, &in_file, &e))
		diag_usage("%s", opt_as_option(&e)->msg);
	for (i = 0; effects.n ? i < fx_spec_count(plan.spec) : fx_info(i) != NULL; i++)
		if (jl_print(effects.n ? fx_spec_info_json(plan.spec, i) : fx_info_json(fx_info(i)), stdout)) {
			diag_error("cannot write standard output");
			break;
		}
	i = effects.n ? i < fx_spec_count(plan.spec) : fx_info(i) != NULL;
	fx_plan_free(&plan);
	return i ? ST_FAIL : ST_OK;
}

static int
render(void)
{
	json_t *report = NULL;
	struct progress p;
	struct fx_plan plan;
	struct err e;
	int in_file, bad;

	if (fx_plan(&plan, &want, &in_file, &e)) {
		if (!in_file)
			diag_usage("%s", opt_as_option(&e)->msg);
		return diag_err(&e);
	}
	progress_begin(&p, plan.job.input, 0);
	bad = fx_run(&plan, &want, &p, diag_level > 0 ? &report : NULL, &e);
	progress_end(&p, p.total);
	if (report)
		diag_info("'%s': %zu effects, %lld frames in, %lld out, peak %+.2f dBFS", plan.job.input,
		    fx_spec_count(plan.spec), (long long)json_integer_value(json_object_get(report, "frames")),
		    (long long)json_integer_value(json_object_get(report, "out_frames")),
		    json_number_value(json_object_get(report, "peak_dbfs")));
	json_decref(report);
	fx_plan_free(&plan);
	return bad ? diag_err(&e) : ST_OK;
}

static int
run_batch(void)
{
	struct batch b = { .schema = "audio-fx-batch/1", .threads = threads, .run = fx_batch_job, .ctx = &want };

	return batch_main(&b);
}

static const char *const *
texts(const struct opt_list *l)
{
	const char **v = calloc((size_t)l->n + 1, sizeof *v);   /* lives until exit */

	if (!v) {
		diag_error("out of memory");
		exit(ST_FAIL);
	}
	for (int i = 0; i < l->n; i++)
		v[i] = l->v[i];
	return v;
}

static void
check_options(int n)
{
	static const char *const with_list[] = { "list", "fx", NULL };

	if (list && (n || opt_beside(with_list)))
		diag_usage("--list takes --fx and nothing else");
	threads = batch_threads(threads);
	if (batch_mode && (n || want.output || want.report || want.provenance))
		diag_usage("--batch takes inputs, outputs and where reports go from its jobs");
	if (list || batch_mode)
		return;
	if (n > 1)
		diag_usage("one input at a time, not %d", n);
	if ((!want.input || !strcmp(want.input, "-")) && isatty(STDIN_FILENO))
		diag_usage("no input: name a file, or pipe one in");
	if ((!want.output || !strcmp(want.output, "-")) && isatty(STDOUT_FILENO))
		diag_usage("standard output is a terminal: name a file with -o, or pipe it on");
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec);

	want.input = n ? argv[1] : NULL;
	want.fx = texts(&effects);
	want.automate = texts(&moves);
	check_options(n);
	return diag_close_stdout(list ? print_list() : batch_mode ? run_batch() : render());
}
