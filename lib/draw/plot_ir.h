/* plot_ir.h - a picture of an impulse response. */
#ifndef DRAW_PLOT_IR_H
#define DRAW_PLOT_IR_H
#include "base/err.h"

/* Draw the response in the file ir_name to NAME (.svg or .png), as a file that appears when it is whole: its gain over
 * frequency, its samples until 60 dB of its energy have passed, and how that energy decays (backward integration).  A curve for each
 * channel, up to eight of them.  Needs text_init(). */
int plot_ir(const char *name, const char *ir_name, struct err *e);
#endif
