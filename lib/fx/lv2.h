/* lv2.h - LV2 plugins as effects, through lilv; private to lib/fx (use fx.h).
 *
 * The control inputs of a plugin become parameters under their symbols, after "bypass", "mix_pct" and "tail_s".  The plugin
 * sees blocks of FX_GRID frames, whatever the caller's blocks are, and of one frame while a control moves (of 32 or more where
 * it wants no such).  One that takes and gives one channel gets an instance for each channel; one of two gets pairs.  In a
 * build without lilv, and for what is not there or cannot be served, there is an error. */
#ifndef FX_LV2_H
#define FX_LV2_H
#include "fx/effect.h"

/* The plugin of a URI; release with fx_lv2_free(). */
struct fx_effect *fx_lv2_effect(const char *uri, struct err *e);
void fx_lv2_free(struct fx_effect *fx); /* NULL is fine */
const char *fx_lv2_uri(const struct fx_effect *fx);

/* Set the values of a preset, by its URI or its label; -1: there is none, with those that are. */
int fx_lv2_preset(const struct fx_effect *fx, const char *name, double *v, struct err *e);
#endif
