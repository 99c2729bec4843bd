/* match.c - one loudness for several signals. */
#include "metrics/match.h"

#include <math.h>

static const double slack_db = 1e-6;

double
match_highest_lufs(double loudness_lufs, double true_peak_dbtp, double ceiling_dbtp)
{
	return ceiling_dbtp - (true_peak_dbtp - loudness_lufs);
}

int
match_fits(double true_peak_dbtp, double ceiling_dbtp)
{
	return true_peak_dbtp <= ceiling_dbtp + slack_db;
}

double
match_round_down(double lufs)
{
	/* division, not a factor of 0.1: -12.3 must come out as -12.3 */
	return floor(lufs * 10 + slack_db) / 10;
}

double
match_target(const double *loudness_lufs, const double *true_peak_dbtp, size_t n,
             double wanted_lufs, double ceiling_dbtp, size_t *limited_by)
{
	double highest = INFINITY;
	size_t who = n;

	for (size_t i = 0; i < n; i++) {
		double h = match_highest_lufs(loudness_lufs[i], true_peak_dbtp[i], ceiling_dbtp);

		if (h < highest) {
			highest = h;
			who = i;
		}
	}
	if (highest + slack_db >= wanted_lufs) {
		highest = wanted_lufs;
		who = n;
	} else {
		highest = match_round_down(highest);
	}
	if (limited_by)
		*limited_by = who;
	return highest;
}
