/* nam_render.h - one recording through a model: what nam-render does, for one job.
 *
 *	nam_options_init(&o);  o.model = "amp.nam";  o.input = "di.wav";  o.output = "amp.wav";
 *	nam_options_check(&o, &e);
 *	nam_open(&m, o.model, nam_options_slim(&o), &e);
 *	nam_render_open(&r, &o, m, NULL, &e);
 *	nam_render_run(r, NULL, 0, NULL, &e);
 *	nam_render_commit(r, NULL, &e);
 *	nam_render_free(r);  nam_close(m);
 *
 * The way of a sample: the input, its gain, conversion to the model's rate, the model, conversion back, DC blocker,
 * output gain, the output.  Every channel that is rendered has its own stream of all of it.  Frame i of the output
 * belongs to frame i of the input at every rate.  Before the first frame there was silence for ever, so neither the
 * model's idle output nor a filter makes a click. */
#ifndef NAM_RENDER_H
#define NAM_RENDER_H
#include "audio/audio.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "render/nam_crew.h"

#define NAM_MAX_GAIN_DB 120.0        /* of an option, either way */

/* What can be asked for: the options of nam-render, and the keys of its jobs.  NaN: not given. */
struct nam_options {
	const char *model, *input, *output;  /* borrowed; "-" is a standard stream */
	double slim;                         /* 0..1 */
	int channel;                         /* from 1; 0: all, each through the model on its own */
	double input_gain_db, output_gain_db;
	double input_dbu, output_dbu;        /* RMS level of the sine that is 0 dBFS peak, at the interface */
	const char *level;                   /* "raw", "loudness" or "calibrated" */
	double level_target_db;
	double dc_block_hz;                  /* 0: off */
	const char *resample;                /* "best", "fast" or "off" */
	const char *tail;                    /* "cut", "full" or seconds */
	const char *encoding;                /* "f32", "s16", "s24", or NULL: by the name of the output */
};

void nam_options_init(struct nam_options *o); /* the defaults */
/* Whether each value is one of those above, and none of them needs another that is not there.  ERR_INPUT, a message
 * that begins with the key ("tail: ..."). */
int nam_options_check(const struct nam_options *o, struct err *e);
/* The same of the values alone: for defaults, which jobs complete. */
int nam_options_check_values(const struct nam_options *o, struct err *e);
double nam_options_slim(const struct nam_options *o); /* for nam_open() */

/* An input that is read once for many jobs, in memory. */
struct nam_input {
	struct au_buf buf;
	char sha256[65];
};

struct nam_render;

/* Opens the input and the output.  The options must have been checked; all that is handed in must outlive the
 * render.  model: of o->model.  in: the samples of o->input, or NULL to stream them from there.
 * -1: what the job asks cannot be had from this model and this input (a message that begins with the key, where one
 * can be changed), or a file cannot be opened. */
int nam_render_open(struct nam_render **r, const struct nam_options *o, const struct nam_model *model,
                    const struct nam_input *in, struct err *e);
void nam_render_free(struct nam_render *r);  /* without a commit no output is left; NULL is fine */

/* All of it, on GPUs (NULL: none) and up to threads threads (0: one for each CPU).  p: told of the frames written; NULL is fine. */
int nam_render_run(struct nam_render *r, const struct nam_gpus *gpus, int threads, struct progress *p, struct err *e);

/* The same as a part of other work: the flow to hand to a crew.  done is called when it has ended, after which
 * nam_render_result() says how. */
struct nam_flow *nam_render_flow(struct nam_render *r, void (*done)(void *ctx), void *ctx);
int nam_render_result(const struct nam_render *r, struct err *e);

/* After it has run: */
/* Write the output's last bytes and give it its name.  hex: NULL, or gets its SHA-256. */
int nam_render_commit(struct nam_render *r, char *hex, struct err *e);
/* A "nam-render/1" object; with the input's SHA-256, for which a stream is hashed.  NULL and *e on error. */
json_t *nam_render_report(struct nam_render *r, struct err *e);
/* The inputs, the output and the facts for its line. */
int nam_render_prov(struct nam_render *r, struct prov *prov, const char *out_sha256, struct err *e);

/* What a user should know, a JSON array of strings; as long as r lives. */
const json_t *nam_render_warnings(const struct nam_render *r);
/* Of the input, -1 unknown; and of the output so far, while nothing runs. */
int64_t nam_render_frames_in(const struct nam_render *r);
int64_t nam_render_frames_out(const struct nam_render *r);
int nam_render_rate_hz(const struct nam_render *r);
#endif
