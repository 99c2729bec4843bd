/* diag.h - messages on stderr and the exit statuses all commands share.
 * For cmd/ only: code in lib/ reports through struct err. */
#ifndef CLI_DIAG_H
#define CLI_DIAG_H
#include "base/err.h"

enum {
	ST_OK = 0,     /* done */
	ST_FAIL = 1,   /* could not do it: bad input, I/O, out of memory */
	ST_USAGE = 2,  /* the command line is wrong */
	ST_NO = 3,     /* it ran, and the answer is no (a check failed, no match) */
	ST_RETRY = 75  /* may work later: network, rate limit, device busy */
};

extern const char *diag_prog; /* set by opt_parse() from argv[0] */
extern int diag_level;        /* -1 quiet, 0 normal, 1 verbose */

void diag_info(const char *fmt, ...) BASE_PRINTF(1, 2);  /* only with -v */
void diag_warn(const char *fmt, ...) BASE_PRINTF(1, 2);  /* not with -q */
void diag_error(const char *fmt, ...) BASE_PRINTF(1, 2);
void diag_usage(const char *fmt, ...) BASE_PRINTF(1, 2)  /* and exits 2 */
	__attribute__((noreturn));

/* diag_error() with the message of e; returns the status that goes with its code. */
int diag_err(const struct err *e);

/* The worse of two statuses: a failure outranks "try later", which outranks "no". */
int diag_worst(int a, int b);

/* Close stdout and report what was lost; the last thing main() does.
 * Returns status, or ST_FAIL if something was lost. */
int diag_close_stdout(int status);
#endif
