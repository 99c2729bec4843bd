/* test_level_match.c - one target for several signals. */
#include "../tap.h"
#include "metrics/match.h"
#include <stdlib.h>

/* Any set of signals: after the gain to the common target all fit, and 0.1 LU more would not. */
static int
holds(unsigned seed)
{
	double loudness[8], peak[8], target;
	size_t n, who;

	srand(seed);
	n = 1 + (size_t)rand() % 8;
	for (size_t i = 0; i < n; i++) {
		loudness[i] = -60 + rand() % 6000 / 100.0;
		peak[i] = loudness[i] + 3 + rand() % 2000 / 100.0;
	}
	target = match_target(loudness, peak, n, 0, -1, &who);
	for (size_t i = 0; i < n; i++)
		if (!match_fits(peak[i] + target - loudness[i], -1))
			return 0;
	if (who == n)
		return 0; /* all have peaks 3 dB and more over their loudness: 0 LUFS never fits */
	return !match_fits(peak[who] + target + 0.1 + 1e-5 - loudness[who], -1);
}

int
main(void)
{
	const double loudness[] = { -20, -30, -25 }, peak[] = { -3, -20, -14.97 };
	size_t who;
	int good = 1;

	ok_near(match_highest_lufs(-20, -3, -1), -18, 1e-12, "2 dB of room under the ceiling");
	ok_near(match_target(loudness, peak, 3, -23, -1, &who), -23, 0, "all fit: the wanted target, exactly");
	ok(who == 3, "nothing limits it");
	ok_near(match_target(loudness, peak, 3, -10, -1, &who), -18, 1e-9, "the loudest peak limits");
	ok(who == 0, "and is named");
	ok_near(match_target(loudness + 2, peak + 2, 1, -5, -1, &who), -11.1, 1e-9, "-11.03 is rounded down to -11.1");
	ok_near(match_target(loudness, peak, 3, -10, INFINITY, &who), -10, 0, "no ceiling, no limit");
	ok_near(match_target(loudness, peak, 3, -18, -1, &who), -18, 0, "a target that just fits");
	ok(who == 3, "is not limited");
	ok(match_target(loudness, peak, 3, -10, -1, NULL) < -17, "who may be NULL");
	ok(match_round_down(-12.3) == -12.3 && match_round_down(-12.31) == -12.4, "what has one decimal keeps it");
	for (unsigned s = 1; s <= 1000; s++)
		good &= holds(s);
	ok(good, "1000 sets: the target fits all, and is the highest of its tenth");
	return done();
}
