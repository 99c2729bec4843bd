/* plan.h - turn a description into a run directory that holds its own Makefile.
 *
 * RUN/Makefile    one rule a step, each exactly the command line a person would type in RUN
 * RUN/shootout.json   the description, its files made absolute
 * RUN/in/         symbolic links with plain names to the DIs, models and IRs, so that no name from
 *                 outside ever stands in the Makefile or on a command line
 * RUN/plan/       segments, card texts, inputs with SHA-256, and cmd/NAME.cmd: the command of each step with
 *                 the hashes of what it reads; written only when it changes, and every rule depends on its own, so
 *                 that a changed chain redoes that chain and nothing else
 *                 plan/made lists what the steps make, so that the next plan can remove what it no longer does
 * RUN/work/       stages, levels, metrics, one provenance line a step
 * RUN/audio, RUN/cards, RUN/shootout.mp4, RUN/shootout.db, and metrics, timeline and manifest .jsonl: results */
#ifndef SHOOT_PLAN_H
#define SHOOT_PLAN_H
#include "shoot/desc.h"

struct plan_opts {
	const char *run;      /* the run directory; made if it is not there */
	const char *bin;      /* folder of the programs, put first in PATH; "" leaves PATH alone */
	const char *db;       /* database to import into; NULL: RUN/shootout.db */
};

/* Write all of it; d has passed desc_probe().  A file whose content would stay the same is not
 * touched.  *changed counts those written.  A RUN that holds something else than a run (it exists, is not
 * empty and has no shootout.json) is refused. */
int plan_write(const struct desc *d, const struct plan_opts *o, int *changed, struct err *e);

/* The same refusal and "can it be written", without writing a plan. */
int plan_check_dir(const char *run, struct err *e);
#endif
