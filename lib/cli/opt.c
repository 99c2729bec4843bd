/* opt.c - command-line options from one table. */
#include "cli/opt.h"
#include "base/file.h"
#include "base/isa.h"
#include "base/str.h"
#include "cli/diag.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int opt_quiet, opt_verbose, opt_argc;
const char *opt_progress = "auto";
char *const *opt_argv;

static const struct opt *table;
static unsigned char *given;    /* of each in the table, whether it was */

static void
help(FILE *f, const struct opt_spec *s)
{
	fprintf(f, "usage: %s %s\n%s\n\n", diag_prog, s->synopsis, s->about);
	for (const struct opt *o = s->opts; o->name; o++) {
		char left[64];

		snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->c ? '-' : ' ',
		    o->c ? o->c : ' ', o->c ? ',' : ' ', o->name,
		    o->arg ? " " : "", o->arg ? o->arg : "");
		fprintf(f, "  %-28s %s\n", left, o->help);
	}
	fputs("  -h, --help                   print this help\n"
	      "  -V, --version                print the version\n", f);
	if (s->examples)
		fprintf(f, "\nexamples:\n%s", s->examples);
}

static void
list_add(struct opt_list *l, const char *val)
{
	const char **v = realloc(l->v, (size_t)(l->n + 1) * sizeof *v);

	if (!v) {
		diag_error("out of memory");
		exit(ST_FAIL);
	}
	l->v = v;
	l->v[l->n++] = val;
}

static void
set(const struct opt *o, const char *val)
{
	char *end = NULL;

	given[o - table] = 1;
	errno = 0;
	switch (o->kind) {
	case OPT_FLAG:
		*(int *)o->to = 1;
		return;
	case OPT_COUNT:
		++*(int *)o->to;
		return;
	case OPT_STR:
		*(const char **)o->to = val;
		return;
	case OPT_LIST:
		list_add(o->to, val);
		return;
	case OPT_DOUBLE: {
		double v = strtod(val, &end);

		if (!isfinite(v))
			errno = ERANGE;
		*(double *)o->to = v;
		break;
	}
	case OPT_INT: {
		long v = strtol(val, &end, 10);

		if (v < INT_MIN || v > INT_MAX)
			errno = ERANGE;
		*(int *)o->to = (int)v;
		break;
	}
	case OPT_INT64:
		*(long long *)o->to = strtoll(val, &end, 10);
		break;
	}
	if (errno || end == val || *end)
		diag_usage("--%s: '%s' is not a number in range", o->name, val);
}

static int
takes_arg(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_COUNT;
}

static const struct opt *
find(const struct opt *o, char c, const char *name, size_t len)
{
	for (; o->name; o++)
		if (c ? o->c == c : strlen(o->name) == len && !strncmp(o->name, name, len))
			return o;
	return NULL;
}

static void
builtin(const struct opt_spec *s, const char *arg)
{
	if (!strcmp(arg, "--help") || !strcmp(arg, "-h"))
		help(stdout, s);
	else if (!strcmp(arg, "--version") || !strcmp(arg, "-V"))
		printf("%s %s\n", diag_prog, VERSION);
	else if (!strcmp(arg, "--opts"))
		for (const struct opt *o = s->opts; o->name; o++)
			printf("%s\t%c\t%s\t%s\n", o->name, o->c ? o->c : '-',
			    o->arg ? o->arg : "-", o->help);
	else
		return;
	exit(diag_close_stdout(ST_OK));
}

/* Started with `<&-` or `>&-`, the next file opened would become our standard input or output, and
 * messages or results would land in it.  A descriptor of the wrong direction takes the place: using it still
 * fails with EBADF, not using it is fine. */
static void
keep_standard_fds(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[fd]) < 0)
			exit(ST_FAIL);
}

/* Remove half-written files, then die of the signal as if it had not been caught. */
static void
on_signal(int sig)
{
	file_remove_temps();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
install_handlers(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ };

	for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		struct sigaction old, sa;

		memset(&sa, 0, sizeof sa);
		sa.sa_handler = on_signal;
		sigemptyset(&sa.sa_mask);
		/* what the parent ignores (nohup) stays ignored */
		if (!sigaction(sigs[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &sa, NULL);
	}
}

static int
parse(int argc, char **argv, const struct opt_spec *s)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		char *a = argv[i];

		if (a[0] != '-' || !a[1]) {             /* operand, or "-" */
			argv[1 + n++] = a;
			continue;
		}
		if (!strcmp(a, "--")) {
			while (++i < argc)
				argv[1 + n++] = argv[i];
			break;
		}
		builtin(s, a);
		if (a[1] == '-') {                      /* --name, --name=v */
			const char *eq = strchr(a, '=');
			size_t len = eq ? (size_t)(eq - a - 2) : strlen(a + 2);
			const struct opt *o = find(s->opts, 0, a + 2, len);

			if (!o)
				diag_usage("unknown option '%s'", a);
			if (eq && !takes_arg(o))
				diag_usage("--%s takes no argument", o->name);
			if (takes_arg(o) && !eq && ++i == argc)
				diag_usage("--%s needs %s", o->name, o->arg);
			set(o, eq ? eq + 1 : takes_arg(o) ? argv[i] : NULL);
			continue;
		}
		for (char *p = a + 1; *p; p++) {        /* -abc, -ovalue, -o value */
			const struct opt *o = find(s->opts, *p, NULL, 0);

			if (!o)
				diag_usage("unknown option '-%c' in '%s'", *p, a);
			if (!takes_arg(o)) {
				set(o, NULL);
				continue;
			}
			if (!p[1] && ++i == argc)
				diag_usage("--%s needs %s", o->name, o->arg);
			set(o, p[1] ? p + 1 : argv[i]);
			break;
		}
	}
	argv[1 + n] = NULL;
	return n;
}

/* A name that is only not to be had here lowers nothing, as base/isa.h says; one that is no name is a slip. */
static void
check_isa(void)
{
	const char *name = getenv("SHOOTOUT_ISA");

	for (enum isa i = ISA_GENERIC; name && *name && i <= ISA_AVX512; i++)
		if (!strcmp(name, isa_name(i)))
			return;
	if (name && *name)
		diag_warn("SHOOTOUT_ISA is '%s', not generic, neon, avx2 or avx512: ignored", name);
}

int
opt_parse(int argc, char **argv, const struct opt_spec *s)
{
	static const char *const modes[] = { "auto", "always", "never", "json" };
	char **copy = calloc((size_t)argc + 1, sizeof *copy);
	size_t options = 0;
	int n, known = 0;

	keep_standard_fds();
	diag_prog = path_base(argc > 0 ? argv[0] : "?");
	table = s->opts;
	while (table[options].name)
		options++;
	given = calloc(options + 1, sizeof *given);
	if (!copy || !given) {
		diag_error("out of memory");
		exit(ST_FAIL);
	}
	memcpy(copy, argv, (size_t)argc * sizeof *copy);
	opt_argv = copy;
	opt_argc = argc;
	install_handlers();
	n = parse(argc, argv, s);
	diag_level = opt_quiet ? -1 : opt_verbose;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		known |= !strcmp(opt_progress, modes[i]);
	if (!known)
		diag_usage("--progress: '%s' is not auto, always, never or json", opt_progress);
	check_isa();
	return n;
}

const char *
opt_beside(const char *const *allowed)
{
	for (const struct opt *o = table; o->name; o++) {
		const char *const *a = allowed;

		if (!given[o - table] || o->to == &opt_quiet || o->to == &opt_verbose || o->to == &opt_progress)
			continue;
		while (*a && strcmp(*a, o->name) != 0)
			a++;
		if (!*a)
			return o->name;
	}
	return NULL;
}

struct err *
opt_as_option(struct err *e)
{
	for (const struct opt *o = table; o->name; o++) {
		const size_t len = strlen(o->name);
		size_t n = 0;

		while (n < len && (e->msg[n] == o->name[n] || (e->msg[n] == '_' && o->name[n] == '-')))
			n++;
		if (n < len || e->msg[n] != ':')
			continue;
		memcpy(e->msg, o->name, len);
		err_prefix(e, "--");
		break;
	}
	return e;
}
