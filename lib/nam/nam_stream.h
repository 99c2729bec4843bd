/* nam_stream.h - what the tests need of streams beyond nam.h; private to lib/nam and tests. */
#ifndef NAM_STREAM_H
#define NAM_STREAM_H
#include "nam/nam.h"
#include "nam/nam_kernel.h"

/* nam_stream_new() on one version of the kernels. */
int nam_stream_new_on(struct nam_stream **s, const struct nam_model *m, const struct nam_kernel *k,
                      struct err *e);
/* Start again, with the pre-roll computed directly (what nam_reset() does), with the frames of
 * silence run one after another, which must end in the same bits, or without any. */
enum nam_preroll { NAM_PREROLL_DIRECT, NAM_PREROLL_RUN, NAM_PREROLL_NONE };
void nam_stream_preroll(struct nam_stream *s, enum nam_preroll how);
#endif
