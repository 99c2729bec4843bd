/* proc.h - run another program without a shell. */
#ifndef BASE_PROC_H
#define BASE_PROC_H
#include "base/err.h"
#include "base/str.h"
#include <stdio.h>
#include <sys/types.h>

struct proc {
	pid_t pid;
	FILE *in;   /* to its standard input; NULL unless PROC_IN */
	FILE *out;  /* from its standard output; NULL unless PROC_OUT */
	char name[64];
};

enum {
	PROC_IN = 1,       /* we write its standard input (else it reads /dev/null) */
	PROC_OUT = 2,      /* we read its standard output (else it has ours) */
	PROC_ERR_OUT = 4   /* its standard error goes where its standard output goes */
};

/* Start argv[0] (searched in PATH) with argv, NULL-terminated.  A program that cannot be
 * started is ERR_IO with its name.  End with proc_wait(). */
int proc_start(struct proc *p, char *const argv[], int flags, struct err *e);
/* Close the pipes and wait.  Returns the exit status (128 + n for signal n), or -1. */
int proc_wait(struct proc *p, struct err *e);
/* Start, collect standard output (at most 64 MiB) in *out, wait.  Returns the exit status or -1. */
int proc_capture(char *const argv[], struct str *out, struct err *e);

/* Folder of the running executable ("/usr/local/bin"), for finding sibling programs; "" if unknown. */
const char *proc_self_dir(void);
#endif
