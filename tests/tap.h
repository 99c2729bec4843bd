/* tap.h - the least a unit test needs: ok(), ok_near(), skip(), done(). */
#ifndef TAP_H
#define TAP_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
static int tap_n, tap_bad;
#define ok(cond, name) \
	(printf("%sok %d - %s\n", (cond) ? "" : (tap_bad++, "not "), ++tap_n, (name)))
#define ok_near(got, want, tol, name) do { \
	double g_ = (got), w_ = (want); \
	ok(fabs(g_ - w_) <= (tol), name); \
	if (!(fabs(g_ - w_) <= (tol))) \
		printf("# got %.9g, want %.9g +- %g\n", g_, w_, (double)(tol)); \
} while (0)
#define skip(name, why) printf("ok %d - %s # skip %s\n", ++tap_n, (name), (why))
#define done() (printf("1..%d\n", tap_n), tap_bad != 0)
#endif
