/* diag.c - messages on stderr. */
#include "cli/diag.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *diag_prog = "?";
int diag_level;

static void BASE_PRINTF(2, 0)
say(const char *kind, const char *fmt, va_list ap)
{
	char line[2048];
	int n;

	/* one write per message, so that lines of parallel programs do not mix */
	n = snprintf(line, sizeof line, "%s: %s", diag_prog, kind);
	if (n < 0 || (size_t)n >= sizeof line)
		n = 0;
	vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
	/* names come from outside: no line of their own, and no commands to the terminal */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	strcat(line, "\n");
	fflush(stdout);
	fputs(line, stderr);
}

#define DEFINE(name, cond, kind)                \
	void name(const char *fmt, ...)         \
	{                                       \
		va_list ap;                     \
		if (!(cond))                    \
			return;                 \
		va_start(ap, fmt);              \
		say(kind, fmt, ap);             \
		va_end(ap);                     \
	}
DEFINE(diag_info, diag_level > 0, "")
DEFINE(diag_warn, diag_level >= 0, "warning: ")
DEFINE(diag_error, 1, "error: ")

void
diag_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error: ", fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try '%s --help'.\n", diag_prog);
	exit(ST_USAGE);
}

int
diag_err(const struct err *e)
{
	diag_error("%s", e->msg);
	return e->code == ERR_RETRY ? ST_RETRY : ST_FAIL;
}

int
diag_worst(int a, int b)
{
	static const int order[] = { ST_OK, ST_NO, ST_RETRY, ST_FAIL, ST_USAGE };
	int ia = 0, ib = 0;

	for (int i = 0; i < (int)(sizeof order / sizeof *order); i++) {
		ia = a == order[i] ? i : ia;
		ib = b == order[i] ? i : ib;
	}
	return ia > ib ? a : b;
}

int
diag_close_stdout(int status)
{
	int bad = ferror(stdout);

	if (fclose(stdout) || bad) {
		diag_error("cannot write standard output: %s", strerror(errno));
		return ST_FAIL;
	}
	return status;
}
