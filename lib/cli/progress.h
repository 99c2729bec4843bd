/* progress.h - how far long work is, on stderr.
 *
 * One line rewritten about six times a second when stderr is a terminal (or
 * --progress=always); with --progress=json one {"schema":"event/1","event":"progress",...} line each second
 * and at the end; nothing otherwise. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

struct progress {
	const char *label;
	double total, next_s, start_s;
	int mode;
};

/* label: what is worked on, borrowed until progress_end().  total: in any unit; 0 unknown. */
void progress_begin(struct progress *p, const char *label, double total);
void progress_step(struct progress *p, double done); /* cheap enough to call per block */
void progress_end(struct progress *p, double done);
#endif
