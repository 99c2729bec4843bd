/* opt.h - command-line options from one table.
 *
 * The table is the only list of options: parsing, --help and --opts (one option
 * a line, for the completions and the man page check) all read it. */
#ifndef CLI_OPT_H
#define CLI_OPT_H
#include "base/err.h"

enum opt_kind {
	OPT_FLAG,   /* int *: becomes 1 */
	OPT_COUNT,  /* int *: counts */
	OPT_STR,    /* const char ** */
	OPT_DOUBLE, /* double *; finite */
	OPT_INT,    /* int * */
	OPT_INT64,  /* long long * */
	OPT_LIST    /* struct opt_list *: may be given several times */
};

struct opt_list {
	const char **v; /* n strings of argv, in order; lives until exit */
	int n;
};

struct opt {
	char c;            /* short name, or 0 */
	const char *name;  /* long name */
	enum opt_kind kind;
	void *to;
	const char *arg;   /* name of the argument, or NULL */
	const char *help;
};

struct opt_spec {
	const char *synopsis;   /* after the program name */
	const char *about;      /* one sentence */
	const struct opt *opts; /* ends with a NULL name */
	const char *examples;   /* lines that end in \n, indented by two */
};

/* Options every command has; put OPT_COMMON last in the table, before { 0 }.
 * -q -v set diag_level; --progress is for lib/cli/progress.h. */
extern int opt_quiet, opt_verbose;
extern const char *opt_progress; /* "auto", "always", "never" or "json" */
#define OPT_COMMON \
	{ 0, "progress", OPT_STR, &opt_progress, "WHEN", "auto, always, never or json (events on stderr)" }, \
	{ 'q', "quiet", OPT_FLAG, &opt_quiet, NULL, "print errors only" }, \
	{ 'v', "verbose", OPT_COUNT, &opt_verbose, NULL, "say what is done on stderr" }

/* The first call of main(): names the program from argv[0], keeps descriptors 0 to 2 from
 * being given to files where the caller closed them, installs the signal handlers that remove
 * temporary files, parses argv (options and operands may mix until "--"), sets diag_level.
 * Negative numbers are arguments, not options, where an option wants one.  Moves the operands to argv[1..], argv[n + 1] = NULL, returns n.
 * Exits: 0 after --help, --version or --opts; 2 for a wrong command line. */
int opt_parse(int argc, char **argv, const struct opt_spec *spec);

/* The first option of the table that the command line had and that is not one of allowed (names, ends with NULL) nor of
 * OPT_COMMON; NULL when there is none.  For modes in which other options would mean nothing. */
const char *opt_beside(const char *const *allowed);

/* Messages of the library about a setting begin with the key that a batch has for it ("start_frame: ..."); where that is
 * an option of the table it becomes one ("--start-frame: ...").  Returns e. */
struct err *opt_as_option(struct err *e);

/* The command line as it was before opt_parse() moved the operands; for provenance. */
extern int opt_argc;
extern char *const *opt_argv;
#endif
