/* segment_cut.h - make the master: all segments one after the other, sample by sample.
 *
 * Joining is done here, in PCM, because joining encoded audio is not exact: eight AAC parts
 * concatenated by ffmpeg end up 238 ms late, and its concat filter inserts silence at each cut. */
#ifndef SHOOT_SEGMENT_CUT_H
#define SHOOT_SEGMENT_CUT_H
#include "audio/audio.h"
#include "shoot/timeline.h"

/* Look at the audio file of every segment: all must have one sample rate (*rate_hz) and 1 channel
 * or `channels`, and hold the frames their segment asks for.  At least one segment must have one. */
int segment_probe(const struct timeline *t, int channels, int *rate_hz, struct err *e);

/* Put what the level report of each segment says (audio-level --report; keys gain_db, loudness_lufs,
 * true_peak_dbtp, target_lufs; numbers or null, any may be missing) into its object. */
int segment_merge_levels(struct timeline *t, struct err *e);

/* Frames of a fade of fade_ms in a segment of `length` frames: at most half of it. */
int64_t segment_fade_frames(double fade_ms, int rate_hz, int64_t length);

/* Gain of frame i of a fade in of n frames: raised cosine, sin^2(pi (i + 1/2) / 2n).  The fade out is
 * its mirror image.  1 outside the fade. */
double segment_fade_gain(int64_t i, int64_t n);

/* Write the segments to out, which has t->rate_hz and t->channels.  The sound of each segment is
 * faded in and out within its own length, so that no cut clicks and no frame is lost or added; a
 * mono file goes to all channels.  step(ctx, frames) is called per block with the frames so far.
 * Constant memory. */
int segment_cut(const struct timeline *t, double fade_ms, struct au_out *out,
                void (*step)(void *ctx, int64_t frames), void *ctx, struct err *e);
#endif
