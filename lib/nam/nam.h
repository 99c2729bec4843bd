/* nam.h - Neural Amp Modeler (.nam) and RTNeural / AIDA-X (.json, .aidax) models.
 *
 * Open a model, make a stream, process blocks:
 *
 *     struct nam_model *m;
 *     struct nam_stream *s;
 *     if (nam_open(&m, "amp.nam", -1, &e) || nam_stream_new(&s, m, &e)) ...
 *     nam_process(s, in, out, n);      // any n, as often as wanted
 *     nam_stream_free(s);
 *     nam_close(m);
 *
 * A model is immutable and may be used by any number of threads; a stream belongs to one thread at
 * a time.  Audio is mono float32, full scale 1.0, at the model's rate (nam_info.rate_hz).  There is no
 * latency: frame i of the output answers frames up to i of the input.
 *
 * A stream starts as the trainer's player does, after as much silence as the model remembers
 * ("pre-roll"), so that its first frames have no click.  For feed-forward models the state after
 * endless silence is computed directly (one frame per layer); recurrent models run the silence.
 *
 * The output depends on the model and the input only: the same bits for every block size, CPU,
 * instruction set and compiler (see nam_kernel.h).
 *
 * Models: NAM files 0.5.0 to 0.7.x with WaveNet (gated, blended, FiLM, head1x1, bottleneck, groups,
 * condition_dsp, post-stack head, slimmable), LSTM, ConvNet, Linear, SlimmableContainer and
 * Sequential; RTNeural JSON with all its layer types, with AIDA-X's in_skip, in_gain,
 * out_gain and up to two knobs (which stay at 0); GuitarML's LSTM and GRU.  What a file asks beyond
 * that is ERR_UNSUPPORTED with the name of it; a broken file is ERR_INPUT with the place. */
#ifndef NAM_NAM_H
#define NAM_NAM_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct nam_model;
struct nam_stream;

/* Facts of a model.  Strings are NULL, numbers NaN, where the file does not say. */
struct nam_info {
	char format[8];           /* "nam" or "json" */
	char file_version[32];    /* "0.5.4"; "" for json */
	int newer_version;        /* 1: 0.7.1 or later, features may be missing */
	char architecture[24];    /* as in the file: "WaveNet", "SlimmableContainer", "LSTM", ... */
	char selected[24];        /* of the model that runs: a container's submodel */
	double rate_hz;           /* -1: unknown (older files; 48000 is meant) */
	size_t weights;           /* numbers in the model that runs, models inside it included */
	size_t receptive_field;   /* frames; recurrent models: frames of pre-roll */
	int recurrent;
	int params;               /* inputs of the file beside the audio (AIDA-X knobs); they stay at
	                           * 0, where the player starts them */
	size_t macs;              /* multiply-adds per frame */
	size_t transcendentals;   /* per frame: values that go through tanh, sigmoid, exp or a quotient */
	size_t state_bytes;       /* what one stream remembers from one frame to the next; what is
	                           * allocated for it is more */
	int out_channels;         /* of the file; the first one is rendered */
	int slimmable;
	int n_slim;               /* where --slim changes the size: that many values, rising */
	double *slim;
	double loudness_db, gain, input_level_dbu, output_level_dbu;
	double validation_esr;    /* error of the training: energy of it over the signal's */
	double latency_frames;    /* of the recording it was trained on, taken out by the trainer */
	int checks_passed;        /* the trainer's checks of that recording: 1, 0, -1 not said */
	char date[32];            /* of the training, "2025-11-21T21:17:02"; "" not said */
	char *name, *modeled_by, *gear_type, *gear_make, *gear_model, *tone_type, *license;
	char *trainer, *source, *style, *based_on, *dataset;
};

/* slim: 0 (smallest) to 1 for slimmable models, -1 for full size; less than 1 for a model that
 * is not slimmable is ERR_INPUT; 1 is the full size of any.  Messages name the file.  At most 16 MiB of file. */
int nam_open(struct nam_model **m, const char *path, double slim, struct err *e);
/* The same from memory; name is for messages.  data is not kept. */
int nam_open_mem(struct nam_model **m, const char *data, size_t len, const char *name,
                 double slim, struct err *e);
const struct nam_info *nam_model_info(const struct nam_model *m); /* lives as long as m */
const char *nam_model_sha256(const struct nam_model *m);          /* of the file, 64 hex digits */
uint64_t nam_model_serial(const struct nam_model *m);             /* no other model of this process has or had it */
void nam_close(struct nam_model *m); /* after its streams; NULL is fine */

/* Allocates all the memory the stream will use and runs the pre-roll.  m must outlive it. */
int nam_stream_new(struct nam_stream **s, const struct nam_model *m, struct err *e);
/* in and out: n floats each; they may be the same.  Never fails, allocates or locks. */
void nam_process(struct nam_stream *s, const float *in, float *out, size_t n);
/* nam_process() on each of n_streams streams of one model, in[i] to out[i], n frames each: the same
 * samples.  A recurrent model waits for itself most of the time; here its streams fill each
 * other's waits: two and more are a third faster than alone, 32 one and a half to three and a half times as fast.
 * No stream twice. */
void nam_process_many(struct nam_stream *const *s, size_t n_streams, const float *const *in,
                      float *const *out, size_t n);
/* Back to the state after nam_stream_new(). */
void nam_reset(struct nam_stream *s);
void nam_stream_free(struct nam_stream *s); /* NULL is fine */

/* Instruction set in use: "generic", "avx2", "avx512" or "neon". */
const char *nam_isa(void);
#endif
