/* ir.h - impulse responses of cabinets and rooms: reading, conforming, measuring. */
#ifndef DSP_IR_H
#define DSP_IR_H
#include "audio/audio.h"
#include "base/err.h"
#include <stdint.h>

enum {
	IR_MAX_SECONDS = 60,
	IR_MAX_CHANNELS = AU_MAX_CHANNELS,
	IR_MAX_SAMPLES = 2 * IR_MAX_SECONDS * AU_MAX_RATE_HZ /* of all channels */
};

struct ir {
	struct au_buf h;         /* the response, interleaved */
	int file_rate_hz;        /* as it was in the file */
	int64_t file_frames;
	char sha256[65];         /* of the file */
};

/* Read a response of 1 frame to 60 seconds.  Refused: more than that, no
 * frames, nothing but zeros, samples that are no numbers.  "-" is standard input. */
int ir_load(struct ir *ir, const char *name, struct err *e);
void ir_free(struct ir *ir);

/* Bring the response to rate_hz, by dsp/rate.h or, for pairs that it does not do, audio/resample.h.  It is multiplied by
 * old rate / new rate, so that it keeps its frequency response: an impulse response is a density over time,
 * and twice as many samples carry half each.  A response already at rate_hz is left as it is, bit for bit. */
int ir_conform(struct ir *ir, int rate_hz, struct err *e);

/* What there is to say of one channel. */
struct ir_facts {
	double peak;             /* largest |h|, full scale 1.0 */
	int64_t peak_frame;      /* where it is first reached */
	int polarity;            /* 1 or -1: sign of the sample there; 0 for silence */
	double energy;           /* sum of h^2 */
	int64_t onset_frame;     /* first |h| >= peak / 10 (20 dB under the peak) */
	int64_t length_60db_frames; /* fewest frames from the start that hold all but 1e-6 of the energy */
	double dc_gain;          /* sum of h: the gain at 0 Hz, signed */
};
void ir_measure(const struct au_buf *h, int channel, struct ir_facts *f);

#endif
