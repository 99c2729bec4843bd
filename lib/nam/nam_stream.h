/* nam_stream.h - what the tests need of streams beyond nam.h; private to lib/nam and tests. */
#ifndef NAM_STREAM_H
#define NAM_STREAM_H
#include "nam/nam.h"
#include "nam/nam_kernel.h"

/* nam_stream_new() on one version of the kernels. */
int nam_stream_new_on(struct nam_stream **s, const struct nam_model *m, const struct nam_kernel *k,
                      struct err *e);
/* Start again; by_running 1: run the frames of silence one after another, which must end in
 * the same bits as the direct way. */
void nam_stream_preroll(struct nam_stream *s, int by_running);
#endif
