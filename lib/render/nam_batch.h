/* nam_batch.h - many renders in one process: jobs in as JSON lines, answers out, in order.
 *
 * A job is one line, an object with "model", "input" and "output" (file names), any of the options
 * of nam_render.h under their names, and "id", which is any JSON and comes back as it is.  The answer is a
 * "nam-batch/1" object (shootout-formats(5)).  A job that cannot be done gets its answer and the next one goes on.
 *
 * Jobs run side by side on all threads (nam_crew.h): feed-forward ones a thread each, or all threads on one as long as
 * there are no more; those of one recurrent model up to 32 on a thread, in lockstep.  A job begins as soon as
 * its line is there and a thread is free; its answer is written as soon as it and all before it are done, so that
 * another program can talk with this one line by line.
 *
 * The result is that of one job after the other: a job waits for earlier ones that make what it reads or read what it
 * makes.  An output that is there from an earlier job is an error; one that failed leaves its name to others, but what
 * should read it fails too.
 *
 * Models that were opened stay open, and inputs stay in memory, for later jobs, as long as the files do not change: models
 * of 512 MiB together, inputs of 256 MiB, those go first that were not used for longest.  An input of more than 64 MiB,
 * or for which there is no room, is streamed.  Besides these and the flows in work, memory goes for at most 1024
 * jobs that are read and not answered (fewer on few threads), of 64 KiB of text, and 32 bytes for each output,
 * because one that is named twice is an error. */
#ifndef NAM_BATCH_H
#define NAM_BATCH_H
#include "render/nam_render.h"

struct nam_batch_result { size_t jobs, failed; };

/* Read jobs from descriptor in until its end, write answers to descriptor out.  defaults: for what a job does not say;
 * checked.  gpus: NULL is none.  threads: 0 is one for each CPU.  prov_file: gets a provenance line for each output, in the order of the jobs, or
 * NULL.  p: counts answers.  -1: the batch itself failed: no memory, out or prov_file cannot be written; nothing is
 * begun where out is not open for writing. */
int nam_batch_run(int in, int out, const struct nam_options *defaults, const struct nam_gpus *gpus, int threads,
                  const char *prov_file,
                  struct progress *p, struct nam_batch_result *result, struct err *e);
#endif
