/* convert.h - sample rate conversion of several channels, by a converter chosen by name; streaming.
 *
 *	best, medium, fast   libsamplerate (audio/resample.h)
 *	exact                ours at RATE_BEST (dsp/rate.h): steeper, and the same bits on every machine */
#ifndef DSP_CONVERT_H
#define DSP_CONVERT_H
#include "base/err.h"
#include <stdint.h>

int convert_is_name(const char *name);

struct convert;
/* name NULL: best.  -1: rates too far apart for it (ERR_UNSUPPORTED), or no memory. */
int convert_new(struct convert **c, const char *name, int channels, int in_hz, int out_hz, struct err *e);
/* As rs_process(): feed n frames (0 with end flushes); *out points to *got frames that stay valid until the next call.  In
 * total ceil(frames * out_hz / in_hz) frames come out. */
int convert_process(struct convert *c, const float *in, int64_t n, int end, const float **out, int64_t *got,
                    struct err *e);
void convert_free(struct convert *c); /* NULL is fine */
#endif
