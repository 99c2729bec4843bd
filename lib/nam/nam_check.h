/* nam_check.h - does a model file do what its metadata says?
 *
 * The trainer of NAM files plays one second of a fixed recording through the model it has made and notes,
 * in the file's metadata,
 *   loudness  20 log10 of the RMS of the output,
 *   gain      how much the amp distorts, 0 to 1: the RMS at 11 input gains from 0 to 1, summed, between
 *             half of 11 times the RMS at gain 1 (0: the output follows the input) and all of it (1: it
 *             is as loud however soft the input).
 * nam_check() does the same.  The recording (nam/models/_resources/loudness_input.wav of the neural-amp-modeler
 * package, 48 kHz) is not part of this project; another gives other figures. */
#ifndef NAM_NAM_CHECK_H
#define NAM_NAM_CHECK_H
#include "base/err.h"
#include "nam/nam.h"
#include <jansson.h>

/* How far a measured figure may be from the one in the file.  Nine real feed-forward models and the
 * trainer's recording agree to 2e-6 dB and 2e-7.  Recurrent models are measured by the trainer from a state that
 * it has learnt and does not put into the file: three real ones are 0.009, 0.010 and 0.23 dB off (the
 * last is soft, -38 dB, so that the first milliseconds weigh much) and 0.002, 0.003 and 0.097 in gain. */
#define NAM_CHECK_LOUDNESS_DB 0.01
#define NAM_CHECK_GAIN 0.001
#define NAM_CHECK_RECURRENT_LOUDNESS_DB 0.5
#define NAM_CHECK_RECURRENT_GAIN 0.15

/* SHA-256 of the trainer's recording. */
#define NAM_CHECK_INPUT_SHA256 \
	"84f3c44ddb228909d7ed7bbfeb4c12d0bb761cfd24c2b1925a96071df9392be5"

struct nam_check {
	double loudness_db, gain;    /* measured; NaN: the output is silence */
	double loudness_tolerance_db, gain_tolerance;
	int loudness_ok, gain_ok;    /* 1; 0 differs; -1 the file claims nothing */
};

/* x: n samples of the recording, mono, full scale 1.0, at rate_hz, which must be the
 * model's (48000 when it says none).  The metadata is of the model at its full size; one opened smaller is
 * measured as it is and held against the same claims.
 * ERR_INPUT: wrong rate, no samples, or the model's output is not finite.  11 renders of x. */
int nam_check(struct nam_check *c, const struct nam_model *m, const float *x, size_t n, double rate_hz,
              struct err *e);
/* 1: what the file claims is so, or it claims nothing; 0: something differs.  Says something of the file only when the
 * recording was the trainer's. */
int nam_check_ok(const struct nam_check *c);
/* Whether a recording's file, by its SHA-256, is the trainer's. */
int nam_check_is_trainers(const char *sha256);

/* A "nam-check/1" object, described in shootout-formats(5); file and input are names to report, slim the size asked
 * for (negative: none), input_sha256 that of the recording's file: with another than the trainer's "ok" is null and
 * no claim has a verdict.  The caller frees it; NULL: out of memory. */
json_t *nam_check_json(const struct nam_check *c, const char *file, const struct nam_model *m, double slim,
                       const char *input, const char *input_sha256);
#endif
