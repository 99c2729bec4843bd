/* tone-fetch - models and IRs from TONE3000, into a checked local store. */
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "net/cache.h"
#include "net/fetch.h"
#include "net/licence.h"
#include "net/list.h"
#include "net/login.h"
#include "net/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct session_options reach = { .retry_wait_s = 1, .max_wait_s = 120, .timeout_s = 30, .tries = 5, .parallel = 8 };
static struct fetch_options get;
static struct list_filter filter;
static struct cache_options keep = { .max_age_days = -1, .max_bytes = -1 };
static const char *table = "auto";
static int device, no_browser;
static const double browser_wait_s = 300;

static const struct opt opts[] = {
	{ 'o', "output", OPT_STR, &get.dir, "DIR", "get: copy files there, TONE-MODEL.EXT, each with its record" },
	{ 'm', "model", OPT_LIST, &get.models, "ID", "get: only this model of the tone; many" },
	{ 0, "refresh", OPT_FLAG, &get.refresh, NULL, "get: fetch also what the store has" },
	{ 0, "offline", OPT_FLAG, &get.offline, NULL, "get: ask the store and nobody else" },
	{ 'a', "architecture", OPT_STR, &filter.architecture, "WORD", "1, 2 or custom (all that there are)" },
	{ 0, "query", OPT_STR, &filter.query, "TEXT", "lists: what to look for" },
	{ 'g', "gear", OPT_LIST, &filter.gears, "WORD", "lists: amp, amp-cab, pedal, outboard, cab, space, ..." },
	{ 0, "sort", OPT_STR, &filter.sort, "WORD", "lists: the service's order (see the man page)" },
	{ 'f', "format", OPT_STR, &filter.format, "WORD", "search: nam, ir, aida-x, ...; so the following:" },
	{ 0, "size", OPT_LIST, &filter.sizes, "WORD", "standard, lite, feather, nano or custom; many" },
	{ 0, "make", OPT_LIST, &filter.makes, "NAME", "of the modelled gear; many" },
	{ 0, "tag", OPT_LIST, &filter.tags, "NAME", "many" },
	{ 0, "creator", OPT_LIST, &filter.creators, "USER", "many" },
	{ 0, "calibrated", OPT_FLAG, &filter.calibrated, NULL, "only models with known levels" },
	{ 0, "verified", OPT_FLAG, &filter.verified, NULL, "only by verified creators" },
	{ 'n', "limit", OPT_INT64, &filter.limit, "N", "lists: so many at most (all)" },
	{ 0, "table", OPT_STR, &table, "WHEN", "lists: a table, not JSON: auto (on a terminal), always, never" },
	{ 0, "device", OPT_FLAG, &device, NULL, "login: with a code typed on another machine" },
	{ 0, "no-browser", OPT_FLAG, &no_browser, NULL, "login: say where to go, open nothing" },
	{ 0, "max-age", OPT_DOUBLE, &keep.max_age_days, "DAYS", "cache gc: what was not used for longer may go" },
	{ 0, "max-bytes", OPT_INT64, &keep.max_bytes, "N", "cache gc: the least recently used go until N are left" },
	{ 0, "dry-run", OPT_FLAG, &keep.dry, NULL, "cache gc: only count" },
	{ 0, "as", OPT_STR, &keep.as, "TONE/MODEL", "cache add: which model the file is" },
	{ 'j', "parallel", OPT_INT, &reach.parallel, "N", "downloads at once, 1 to 32 (8)" },
	{ 0, "rate", OPT_DOUBLE, &reach.per_minute, "N", "requests a minute, at most 100 (100)" },
	{ 0, "tries", OPT_INT, &reach.tries, "N", "of each request that may work later (5)" },
	{ 0, "retry-wait", OPT_DOUBLE, &reach.retry_wait_s, "S", "before the second try, doubled each time (1)" },
	{ 0, "max-wait", OPT_DOUBLE, &reach.max_wait_s, "S", "a longer Retry-After is not waited for: exit 75 (120)" },
	{ 0, "timeout", OPT_DOUBLE, &reach.timeout_s, "S", "give up a connection that hardly moves (30)" },
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"login [--device] | logout | whoami\n"
	"       tone-fetch created|favorited|downloaded|trending|latest|search|users|makes|tags [options]\n"
	"       tone-fetch show|models TONE [options]\n"
	"       tone-fetch get [options] [TONE|TONE/MODEL|URL]...\n"
	"       tone-fetch cache ls|stat|verify|gc|add FILE...|export DIR [TONE/MODEL]...",
	"Models and IRs from TONE3000, validated, into a local store.",
	opts,
	"  tone-fetch login\n"
	"  tone-fetch favorited --gear amp | tone-fetch get -a 2 -o models\n"
	"  nam-render -m $(tone-fetch get 51949/293886 | jq -r .file) -o out.wav di.wav\n",
};

/* What a command works with, and how it ended so far. */
static struct session session;
static int status;

/* Answers so far, of a number that is not known; on a terminal they show for themselves. */
static struct progress progress;
static double answers;

static void
begin(const char *label)
{
	if (strcmp(opt_progress, "auto") != 0 || !isatty(STDOUT_FILENO))
		progress_begin(&progress, label, 0);
}

static void
failed(void *ctx, const char *what, const struct err *e)
{
	(void)ctx;
	progress_step(&progress, ++answers);
	diag_error("%.200s%s%s", what ? what : "", what ? ": " : "", e->msg);
	status = session_worse(status, session_status(e));
}

static void
say(void *ctx, const char *text)
{
	(void)ctx;
	(strstr(text, "deprecated") ? diag_warn : diag_info)("%s", text);
}

static int
print_object(void *ctx, json_t *o, struct err *e)
{
	(void)ctx;
	return jl_print(json_incref(o), stdout) ? err_set(e, ERR_IO, "cannot write standard output") : 0;
}

/* ---- login, logout ---- */

static void
tell(void *ctx, const char *url, const char *code)
{
	(void)ctx;
	fflush(stdout);
	fprintf(stderr, code ? "Open %s\nand type the code %s\n" : "Log in at\n%s\n", url, code);
}

static int
log_in(int n, char *arg[], struct err *e)
{
	const struct login_options o = { .wait_s = browser_wait_s, .no_browser = no_browser, .tell = tell };
	const int here = getenv("DISPLAY") || getenv("WAYLAND_DISPLAY") || getenv("BROWSER") || no_browser;

	(void)n;
	(void)arg;
	if (session.v.api_key)
		diag_warn("the API key is used before any login");
	if ((device || !here ? login_device : login_loopback)(session.auth, &session.v, &o, e))
		return -1;
	diag_info("logged in");
	return 0;
}

static int
log_out(int n, char *arg[], struct err *e)
{
	const int r = logout(&session.v, e);

	(void)n;
	(void)arg;
	if (r == 0)
		diag_info("there was no login");
	return r < 0 ? -1 : 0;
}

/* ---- lists ---- */

static const struct list *list;

static int
print_line(void *ctx, json_t *line, struct err *e)
{
	const int rows = !strcmp(table, "always") || (!strcmp(table, "auto") && isatty(STDOUT_FILENO));
	int *count = ctx, bad;
	char *head, *row;

	progress_step(&progress, ++answers);
	if (!rows)
		return print_object(NULL, line, e);
	head = (*count)++ ? NULL : list_head(list);
	row = list_row(list, line);
	bad = !row || fputs(head ? head : "", stdout) < 0 || fputs(row, stdout) < 0 || fflush(stdout);
	free(head);
	free(row);
	return bad ? err_set(e, ERR_IO, "cannot write standard output") : 0;
}

static int
print_list(int n, char *arg[], struct err *e)
{
	const char *unknown;
	int count = 0, r;

	(void)n;
	unknown = list_unknown(list, &filter);
	if (unknown)
		diag_usage("--%s%s is no filter of this list", unknown, filter.gears.n > 1 ? " more than once" : "");
	if (list_is_search(list))
		diag_warn("the service's terms keep search for products with its commercial agreement; the other lists are free");
	begin("entries");
	r = list_run(list, &session.api, list_wants_id(list) ? arg[0] : NULL, &filter, print_line, &count, e);
	progress_end(&progress, answers);
	return r;
}

/* ---- get ---- */

static int
print_file(void *ctx, const json_t *record, const char *path, int cached, struct err *e)
{
	json_t *o = json_copy((json_t *)record);
	const char *licence = json_string_value(json_object_get(o, "license"));

	(void)ctx;
	progress_step(&progress, ++answers);
	jl_bool(o, "cached", cached);
	jl_str(o, "file", path);
	if (licence && !licence_redistribution(licence))
		diag_info("%s: the licence '%.40s' is not known here; read it before you pass the file on", path, licence);
	return jl_print(o, stdout) ? err_set(e, ERR_IO, "cannot write standard output") : 0;
}

static int
get_names(int n, char *names[], struct err *e)
{
	struct fetch *f;
	int r;

	if (!n && isatty(STDIN_FILENO))
		diag_usage("no ids: name some, or pipe them in");
	get.architecture = filter.architecture;
	get.parallel = reach.parallel;
	get.out = print_file;
	get.failed = failed;
	begin("files");
	r = fetch_new(&f, session.store, get.offline ? NULL : &session.api, &get, e);
	if (!r)
		r = fetch_names(f, n, names, stdin, e);
	if (!r)
		r = fetch_wait(f, e);
	fetch_free(f);
	progress_end(&progress, answers);
	return r;
}

static int
use_cache(int n, char *arg[], struct err *e)
{
	keep.file = print_file;
	keep.line = print_object;
	keep.failed = failed;
	return cache_run(session.store, n, arg, &keep, e);
}

static int (*choose(int n, char *arg[]))(int n, char *arg[], struct err *e)
{
	const char *name = n ? arg[0] : "";
	struct err e;

	if (session_check(&reach, &e))
		diag_usage("%s", e.msg);
	for (int i = 0; i < get.models.n; i++)
		if (!store_is_id(get.models.v[i]))
			diag_usage("--model: '%s' is no id", get.models.v[i]);
	if (get.offline && get.refresh)
		diag_usage("--refresh asks the service, --offline does not");
	if (strcmp(table, "auto") && strcmp(table, "always") && strcmp(table, "never"))
		diag_usage("--table: '%s' is not auto, always or never", table);
	reach.offline = get.offline;
	reach.note = say;
	if (!strcmp(name, "get"))
		return get_names;
	if (!strcmp(name, "cache")) {
		reach.offline = 1;
		if (cache_check(n - 1, arg + 1, &keep, &e))
			diag_usage("%s", e.msg);
		return use_cache;
	}
	list = list_find(name);
	if (get.offline)
		diag_usage("--offline is for get");
	if (n - 1 != (list && list_wants_id(list)))
		diag_usage(n ? "%s: %s" : "which command? login, get, favorited, ...%.0s%.0s", name, list && list_wants_id(list) ?
		    "which tone? one id" : "an unknown command, or a name too many");
	if (list && list_wants_id(list) && !store_is_id(arg[1]))
		diag_usage("'%.40s' is no id of a tone", arg[1]);
	if (!list && strcmp(name, "login") && strcmp(name, "logout"))
		diag_usage("unknown command '%.40s'", name);
	return list ? print_list : !strcmp(name, "login") ? log_in : log_out;
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec);
	int (*run)(int, char **, struct err *) = choose(n, argv + 1);
	struct err e = { 0 };

	if (session_open(&session, &reach, &e) || run(n - 1, argv + 2, &e))
		failed(NULL, NULL, &e);
	if (session.auth && auth_warning(session.auth))
		diag_warn("%s", auth_warning(session.auth));
	session_close(&session);
	return diag_close_stdout(status);
}
