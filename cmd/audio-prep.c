/* audio-prep - conform audio: channels, cut, join, split, fades, silence, delay, rate, bit depth. */
#include "cli/batch.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "dsp/prep_job.h"

#include <string.h>
#include <unistd.h>

static struct prep_options want = PREP_OPTIONS_NONE;
static int batch_mode, threads;

static const struct opt opts[] = {
	{ 'o', "output", OPT_STR, &want.output, "FILE", "write FILE; - is standard output (default)" },
	{ 0, "concat", OPT_FLAG, &want.concat, NULL, "join all inputs, in their order" },
	{ 'c', "channels", OPT_STR, &want.c.channels, "CH", "mono, left, right, mid, sum or a number from 1 (all)" },
	{ 's', "start", OPT_DOUBLE, &want.c.start_s, "SECONDS", "leave out what is before" },
	{ 'l', "length", OPT_DOUBLE, &want.c.length_s, "SECONDS", "take this much" },
	{ 0, "start-frame", OPT_INT64, &want.start_frame, "N", "the same in frames, the first is 0" },
	{ 0, "length-frames", OPT_INT64, &want.length_frames, "N", "the same in frames" },
	{ 't', "trim-silence", OPT_DOUBLE, &want.c.trim_dbfs, "DBFS", "cut both ends up to where DBFS is reached" },
	{ 0, "remove-dc", OPT_FLAG, &want.c.remove_dc, NULL, "subtract the mean of each channel" },
	{ 'g', "gain-db", OPT_DOUBLE, &want.c.gain_db, "DB", "apply a gain (0)" },
	{ 0, "invert", OPT_FLAG, &want.c.invert, NULL, "turn the polarity around" },
	{ 0, "delay", OPT_DOUBLE, &want.c.delay_ms, "MS", "move later (or, negative, earlier), the length stays" },
	{ 0, "delay-frames", OPT_DOUBLE, &want.c.delay_frames, "N", "the same in frames, also parts of one" },
	{ 0, "fade-in", OPT_DOUBLE, &want.c.fade_in_ms, "MS", "fade in over MS milliseconds" },
	{ 0, "fade-out", OPT_DOUBLE, &want.c.fade_out_ms, "MS", "fade out over MS milliseconds" },
	{ 'r', "sample-rate", OPT_INT, &want.c.rate_hz, "HZ", "resample to HZ" },
	{ 0, "resampler", OPT_STR, &want.c.resampler, "HOW", "best (default), medium, fast or exact" },
	{ 0, "pad-start", OPT_DOUBLE, &want.c.pad_start_s, "SECONDS", "put silence before" },
	{ 0, "pad-end", OPT_DOUBLE, &want.c.pad_end_s, "SECONDS", "put silence after" },
	{ 'e', "encoding", OPT_STR, &want.encoding, "ENC", "f32, s16 or s24 (by the file name)" },
	{ 'd', "dither", OPT_FLAG, &want.dither, NULL, "triangular dither; needs --encoding s16 or s24" },
	{ 0, "split-every", OPT_DOUBLE, &want.split_every_s, "SECONDS", "cut into files of this length; -o part-%03d.wav" },
	{ 0, "split-at", OPT_STR, &want.split_at, "S,S,...", "cut into files at these seconds" },
	{ 0, "no-metadata", OPT_FLAG, &want.no_metadata, NULL, "carry no bext, iXML, texts and cues of the input on" },
	{ 0, "batch", OPT_FLAG, &batch_mode, NULL, "jobs from standard input, one JSON object a line; answers likewise" },
	{ 'j', "threads", OPT_INT, &threads, "N", "jobs of a batch side by side; 0: one for each CPU (default)" },
	REPORT_OPT(want.report),
	PROV_OPT(want.provenance),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[-qv] [-o OUT] [options] [IN]\n       audio-prep --concat [-o OUT] [options] IN...\n"
	"       audio-prep --batch [options] <JOBS",
	"Conform audio: channels, cut, join, split, delay, rate, bit depth; no option: a copy.",
	opts,
	"  audio-prep -c mono --trim-silence -50 --fade-out 20 -r 48000 -o di.wav take.flac\n"
	"  ffmpeg -v error -i song.m4a -f wav - | audio-prep -c left -o left.wav\n"
	"  audio-prep -e s16 --dither -o cd.wav tone.wav\n"
	"  audio-prep --split-every 30 -o part-%02d.wav take.flac\n",
};

static int
prepare(void)
{
	json_t *report = NULL;
	struct progress p;
	char warning[256];
	struct err e;
	int bad;

	progress_begin(&p, want.inputs[0], 0);
	bad = prep_run(&want, &p, diag_level > 0 ? &report : NULL, warning, &e);
	progress_end(&p, p.total);
	if (*warning)
		diag_warn("%s", warning);
	if (report) {
		json_int_t start = json_integer_value(json_object_get(report, "start_frame"));

		diag_info("'%s': %s, frames %lld to %lld, %lld frames out at %lld Hz", want.inputs[0],
		    json_string_value(json_object_get(report, "channels_rule")), (long long)start,
		    (long long)(start + json_integer_value(json_object_get(report, "length_frames"))),
		    (long long)json_integer_value(json_object_get(report, "out_frames")),
		    (long long)json_integer_value(json_object_get(report, "out_rate_hz")));
	}
	json_decref(report);
	return bad ? diag_err(&e) : ST_OK;
}

static int
run_batch(void)
{
	struct batch b = { .schema = "audio-prep-batch/1", .threads = threads, .run = prep_batch_job, .ctx = &want };

	return batch_main(&b);
}

static void
check_options(int n)
{
	struct err e;

	if (threads && !batch_mode)
		diag_usage("--threads is for --batch only");
	if (batch_mode) {
		if (n || want.output || want.report || want.provenance)
			diag_usage("--batch takes inputs, outputs and where reports go from its jobs");
		return;
	}
	if (prep_check(&want, &e))
		diag_usage("%s", opt_as_option(&e)->msg);
	for (size_t i = 0; i < want.n_inputs; i++)
		if (!strcmp(want.inputs[i], "-") && isatty(STDIN_FILENO))
			diag_usage("no input: name a file, or pipe one in");
	if ((!want.output || !strcmp(want.output, "-")) && isatty(STDOUT_FILENO))
		diag_usage("standard output is a terminal: name a file with -o, or pipe it on");
}

int
main(int argc, char *argv[])
{
	static const char *const piped[] = { "-" };
	int n = opt_parse(argc, argv, &spec);

	want.inputs = n ? (const char *const *)argv + 1 : piped;
	want.n_inputs = n ? (size_t)n : 1;
	check_options(n);
	return diag_close_stdout(batch_mode ? run_batch() : prepare());
}
