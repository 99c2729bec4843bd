/* nam_plan_host.h - a plan on the CPU, from the source that devices run: slow, and to the bit what nam_process() gives. */
#ifndef NAM_PLAN_HOST_H
#define NAM_PLAN_HOST_H
#include "nam/nam_plan.h"

/* n frames through a stream, as a block of so many threads; LAYERS take no more than VM_FRAMES = 4 frames of a tile each.
 * state: n_image floats, what was before and after; NULL: a new stream.  out gets the frames from skip on. */
int nam_plan_run(const struct nam_plan *p, int threads, float *state, const float *in, size_t n, size_t skip, float *out,
                 struct err *e);
/* Fill the image of a plan whose image has the state without any past. */
int nam_plan_preroll(struct nam_plan *p, struct err *e);
#endif
