/* playing.h - where a recording plays: the parts that a gate leaves open.
 *
 * The gate opens at the first frame of which a sample reaches the threshold and closes when for PLAYING_HOLD_MS none has
 * been within PLAYING_HYSTERESIS_DB of it; that time still belongs to the part. */
#ifndef METRICS_PLAYING_H
#define METRICS_PLAYING_H
#include "base/err.h"
#include "metrics/relevel.h"

#define PLAYING_HOLD_MS 200.0
#define PLAYING_HYSTERESIS_DB 6.0

struct playing {
	int rate_hz;                 /* of the recording */
	struct relevel_part *part;   /* n, in its frames, apart from each other */
	size_t n;
	char sha256[65];             /* of its file, where that was wanted */
};

/* Read NAME to its end; hash: its SHA-256 too.  -1: it cannot be read, or never reaches the threshold (ERR_INPUT). */
int playing_find(struct playing *p, const char *name, double threshold_dbfs, int hash, struct err *e);
/* The same moments at another rate, rounded outwards. */
void playing_to_rate(struct playing *p, int rate_hz);
void playing_free(struct playing *p);
#endif
