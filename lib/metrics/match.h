/* match.h - one loudness that several signals can be brought to by gain alone.
 *
 * A gain moves loudness and true peak by the same dB, so the highest loudness a
 * signal can have under a ceiling follows from two numbers. */
#ifndef METRICS_MATCH_H
#define METRICS_MATCH_H
#include <stddef.h>

/* Loudness the signal has when its true peak stands at the ceiling. */
double match_highest_lufs(double loudness_lufs, double true_peak_dbtp, double ceiling_dbtp);

/* Whether a true peak may stand under a ceiling: both come through text with 10 digits. */
int match_fits(double true_peak_dbtp, double ceiling_dbtp);

/* Rounded down to 0.1, for people and so that a second measurement still fits. */
double match_round_down(double lufs);

/* The loudness all n signals are brought to: wanted_lufs, or, when a signal would then pass
 * ceiling_dbtp (INFINITY: no ceiling), the highest that lets every one stay under it, rounded
 * down to 0.1 LU.  *limited_by (may be NULL) is the index of the signal that sets the limit, or n. */
double match_target(const double *loudness_lufs, const double *true_peak_dbtp, size_t n,
                    double wanted_lufs, double ceiling_dbtp, size_t *limited_by);
#endif
