/* plot_metrics.h - a picture of what audio-metrics measures over frequency and time. */
#ifndef DRAW_PLOT_METRICS_H
#define DRAW_PLOT_METRICS_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { PLOT_METRICS_FILES = 8 };

/* Panels for n files of 1..PLOT_METRICS_FILES, which are read from frame start on, length frames (negative: to the end): their
 * third octaves, and their momentary loudness; for one file also its short-term loudness and its spectrogram.
 * name: .svg or .png.  Needs text_init(). */
int plot_metrics_check(const char *name, const char *const *file, size_t n, struct err *e); /* 0, or why it cannot be */
int plot_metrics(const char *name, const char *const *file, size_t n, int64_t start, int64_t length, struct err *e);
#endif
