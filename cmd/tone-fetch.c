/* tone-fetch - models and IRs from TONE3000, into a checked local store. */
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "net/auth.h"
#include "net/fetch.h"
#include "net/licence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Statuses besides those of all commands, in the man page. */
enum { ST_LOGIN = 4, ST_ABSENT = 5, ST_REFUSED = 6, ST_DAMAGED = 7 };

static struct fetch_options get = { .parallel = 8 };
static struct opt_list models;
static double per_minute = 100, retry_wait_s = 1, max_wait_s = 120, timeout_s = 30;
static int tries = 5, rate_given;
static const double max_per_minute = 100;

static const struct opt opts[] = {
	{ 'o', "output", OPT_STR, &get.dir, "DIR", "get: copy files there, TONE-MODEL.EXT, each with its record" },
	{ 'm', "model", OPT_LIST, &models, "ID", "get: only this model of the tone; many" },
	{ 'a', "architecture", OPT_STR, &get.architecture, "WORD", "1, 2 or custom (all that there are)" },
	{ 0, "refresh", OPT_FLAG, &get.refresh, NULL, "get: fetch also what the store has" },
	{ 0, "offline", OPT_FLAG, &get.offline, NULL, "ask the store and nobody else" },
	{ 'j', "parallel", OPT_INT, &get.parallel, "N", "downloads at once, 1 to 32 (8)" },
	{ 0, "rate", OPT_DOUBLE, &per_minute, "N", "requests a minute, at most 100 (100)" },
	{ 0, "tries", OPT_INT, &tries, "N", "of each request that may work later (5)" },
	{ 0, "retry-wait", OPT_DOUBLE, &retry_wait_s, "S", "before the second try, doubled each time (1)" },
	{ 0, "max-wait", OPT_DOUBLE, &max_wait_s, "S", "a longer Retry-After is not waited for: exit 75 (120)" },
	{ 0, "timeout", OPT_DOUBLE, &timeout_s, "S", "give up a connection that hardly moves (30)" },
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"get [options] [TONE|TONE/MODEL|URL]...",
	"Models and IRs from TONE3000, validated, into a local store.",
	opts,
	"  tone-fetch get 51949/293886\n"
	"  tone-fetch get --architecture 2 -o models https://www.tone3000.com/tones/plexi-51-51949\n"
	"  nam-render -m $(tone-fetch get 51949/293886 | jq -r .file) -o out.wav di.wav\n",
};

/* What a command works with. */
struct session {
	struct service v;
	struct auth *auth;
	struct http *http;
	struct api api;
	struct store *store;
	int status;
};

static int
status_of(const struct err *e)
{
	switch (e->code) {
	case ERR_AUTH: return ST_LOGIN;
	case ERR_ABSENT: return ST_ABSENT;
	case ERR_REFUSED: return ST_REFUSED;
	case ERR_DAMAGED: return ST_DAMAGED;
	case ERR_RETRY: return ST_RETRY;
	default: return ST_FAIL;
	}
}

/* Several names end differently: the status is the one that needs most of the user. */
static void
note_status(struct session *s, int status)
{
	static const int order[] = { ST_OK, ST_RETRY, ST_ABSENT, ST_REFUSED, ST_DAMAGED, ST_LOGIN, ST_FAIL };
	int now = 0, had = 0;

	for (int i = 0; i < (int)(sizeof order / sizeof *order); i++) {
		now = status == order[i] ? i : now;
		had = s->status == order[i] ? i : had;
	}
	if (now > had)
		s->status = status;
}

static void
failed(void *ctx, const char *what, const struct err *e)
{
	if (what)
		diag_error("%.200s: %s", what, e->msg);
	else
		diag_error("%s", e->msg);
	note_status(ctx, status_of(e));
}

static void
say(void *ctx, const char *text)
{
	(void)ctx;
	if (strstr(text, "deprecated"))
		diag_warn("%s", text);
	else
		diag_info("%s", text);
}

static int
open_session(struct session *s, struct err *e)
{
	struct http_options h = { .per_minute = per_minute, .parallel = get.parallel, .tries = tries,
		.retry_wait_s = retry_wait_s, .max_wait_s = max_wait_s, .stall_s = timeout_s, .bearer = auth_bearer, .note = say };

	if (store_open(&s->store, NULL, e) || get.offline)
		return get.offline && s->store ? 0 : -1;
	if (service_read(&s->v, e) || auth_new(&s->auth, &s->v, &h, e))
		return -1;
	if (s->v.stand_in && !rate_given)
		h.per_minute = 0;
	h.origin = s->v.origin;
	h.ca_file = s->v.ca_file;
	h.bearer_ctx = s->auth;
	if (http_new(&s->http, &h, e))
		return -1;
	s->api.h = s->http;
	s->api.origin = s->v.origin;
	return 0;
}

static void
close_session(struct session *s)
{
	if (s->auth && auth_warning(s->auth))
		diag_warn("%s", auth_warning(s->auth));
	http_free(s->http);
	auth_free(s->auth);
	service_free(&s->v);
	store_close(s->store);
}

/* ---- get ---- */

static int
print_file(void *ctx, const json_t *record, const char *path, int cached, struct err *e)
{
	json_t *o = json_copy((json_t *)record);
	const char *licence = json_string_value(json_object_get(o, "license"));

	(void)ctx;
	jl_bool(o, "cached", cached);
	jl_str(o, "file", path);
	if (licence && !licence_redistribution(licence))
		diag_info("%s: the licence '%.40s' is not known here; read it before you pass the file on", path, licence);
	return jl_print(o, stdout) ? err_set(e, ERR_IO, "cannot write standard output") : 0;
}

static int
get_names(struct session *s, int n, char *names[], struct err *e)
{
	struct fetch *f;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int r;

	get.models = models.v;
	get.n_models = models.n;
	get.out = print_file;
	get.failed = failed;
	get.ctx = s;
	r = fetch_new(&f, s->store, get.offline ? NULL : &s->api, &get, e);
	for (int i = 0; i < n && !r; i++)
		if (strcmp(names[i], "-") != 0)
			r = fetch_add(f, names[i], e);
	while (!r && (!n || (n == 1 && !strcmp(names[0], "-"))) && (len = getline(&line, &cap, stdin)) > 0) {
		while (len && strchr(" \t\r\n", line[len - 1]))
			line[--len] = '\0';
		if (len)
			r = fetch_add(f, line + strspn(line, " \t"), e);
	}
	if (!r)
		r = fetch_wait(f, e);
	free(line);
	fetch_free(f);
	return r;
}

static void
check_options(int n)
{
	const char *const base = getenv("TONE3000_BASE_URL");

	if (get.parallel < 1 || get.parallel > 32)
		diag_usage("--parallel: %d is not within 1..32", get.parallel);
	rate_given = per_minute < max_per_minute || per_minute > max_per_minute;
	if (!(per_minute > 0) || (per_minute > max_per_minute && !(base && *base)))
		diag_usage("--rate: %g is not within 0..%g: the service allows no more", per_minute, max_per_minute);
	if (tries < 1 || tries > 20)
		diag_usage("--tries: %d is not within 1..20", tries);
	if (!(retry_wait_s >= 0) || !(max_wait_s >= 0) || !(timeout_s >= 1) || timeout_s > 3600)
		diag_usage("--retry-wait and --max-wait are seconds from 0, --timeout from 1 to 3600");
	for (int i = 0; i < models.n; i++)
		if (!store_is_id(models.v[i]))
			diag_usage("--model: '%s' is no id", models.v[i]);
	if (get.offline && get.refresh)
		diag_usage("--refresh asks the service, --offline does not");
	if (!n)
		diag_usage("which command? get");
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec);
	struct session s = { 0 };
	struct err e = { 0 };

	check_options(n);
	if (strcmp(argv[1], "get") != 0)
		diag_usage("unknown command '%.40s'", argv[1]);
	if (n == 1 && isatty(STDIN_FILENO))
		diag_usage("no ids: name some, or pipe them in");
	if (open_session(&s, &e) || get_names(&s, n - 1, argv + 2, &e))
		failed(&s, NULL, &e);
	close_session(&s);
	return diag_close_stdout(s.status);
}
