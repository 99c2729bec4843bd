/* prep.h - the arithmetic of conforming audio: channels, DC, gain, fades, silence, dither.
 *
 * All work on interleaved float32 blocks, keep no samples, and give the same result however the
 * stream is cut into blocks.  Sums are made in double and rounded to float32 once. */
#ifndef DSP_PREP_H
#define DSP_PREP_H
#include "audio/audio.h"
#include "base/err.h"
#include <stdint.h>

/* What a first pass over the audio finds out.  Start from {0}, channels set. */
struct prep_stats {
	int channels;
	int64_t frames;
	int differ;                        /* some frame has channels that are not all equal */
	double sum[AU_MAX_CHANNELS], energy[AU_MAX_CHANNELS];
	double cross;                      /* sum of left * right */
	double mixed;                      /* energy of the sum of all channels */
};
void prep_stats_add(struct prep_stats *s, const float *x, int64_t frames);

/* Which channels come out. */
enum prep_rule {
	PREP_KEEP,      /* all, as they are */
	PREP_PICK,      /* one */
	PREP_MID,       /* (left + right) / 2 */
	PREP_SUM        /* the sum of all */
};

struct prep_map {
	enum prep_rule rule;
	int in_channels, out_channels;
	int pick;                          /* PREP_PICK: 0 is the first */
	double dc[AU_MAX_CHANNELS];        /* subtracted from each output channel */
	double gain;                       /* factor after that; negative inverts */
	/* for reports; NAN where they do not apply */
	double correlation;                /* of left and right, -1..1 */
	double mix_loss_db;                /* how far the energy of the mean of all channels is under the mean of
	                                    * their energies: 0 alike, prep_unrelated_db(), infinite cancelled */
	const char *why;                   /* one or two words: "identical channels", ... */
};

/* Fill *m for a choice that needs no look at the audio: NULL (keep), "left", "right", or a number
 * from 1.  Returns 1 when the choice ("mono", "mid", "sum") needs prep_map_decide() with the
 * stats of the audio; -1 when it does not fit the channels or is no choice. */
int prep_map_init(struct prep_map *m, const char *choice, int channels, struct err *e);

/* Is the word a choice at all? */
int prep_is_choice(const char *choice);

/* mono: the only channel; the left one when all are identical; the one that sounds when the other
 * is silent; else mid.  Mid needs two channels, and it is an error when it (or the sum)
 * loses 7 dB or more than prep_unrelated_db() to cancellation. */
int prep_map_decide(struct prep_map *m, const char *choice, const struct prep_stats *s, struct err *e);

/* mix_loss_db of channels that have nothing in common: 3 dB for two. */
double prep_unrelated_db(int channels);

/* The mean of each output channel into m->dc. */
void prep_map_dc(struct prep_map *m, const struct prep_stats *s);

/* frames of in -> out (may be in).  With no DC and a gain of 1 picked and kept samples are
 * copied bit for bit. */
void prep_map_apply(const struct prep_map *m, const float *in, int64_t frames, float *out);

/* First and last frame of which a sample reaches the threshold.  Start from {-1, -1}. */
struct prep_sound { int64_t first, last; };
void prep_sound_add(struct prep_sound *s, const float *x, int64_t frames, int channels,
                    int64_t at, double threshold);

/* Fade frames at..at+frames of a stream of `total` frames, in place: 3 t^2 - 2 t^3 over the first
 * `in` and the last `out` frames; the first and the last frame of the stream become 0.
 * total is only used when out > 0. */
void prep_fade(float *x, int64_t frames, int channels, int64_t at, int64_t total,
               int64_t in, int64_t out);

/* Round to `bits` (16 or 24) bits with triangular dither of +-1 step; out may be in.  The
 * noise depends on the place in the stream (first sample is number `at`) and nothing else.
 * What is within full scale stays there; what is above it is left above, for the writer to count. */
void prep_dither(const float *in, float *out, int64_t samples, int64_t at, int bits);
#endif
