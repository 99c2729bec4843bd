/* shootout - from one description to a finished shootout. */
#include "base/file.h"
#include "base/par.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "shoot/desc.h"
#include "shoot/doctor.h"
#include "shoot/new.h"
#include "shoot/plan.h"
#include "shoot/run.h"
#include "shoot/status.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *out_name, *db_name, *title;
static struct opt_list dis, irs;
static int jobs, as_json, as_table, render;

static const struct opt opts[] = {
	{ 'o', "output", OPT_STR, &out_name, "RUN", "run directory (check, plan, run); description (new)" },
	{ 'j', "jobs", OPT_INT, &jobs, "N", "run: steps at a time (one per CPU)" },
	{ 0, "db", OPT_STR, &db_name, "FILE", "plan, run: database to import into (RUN/shootout.db)" },
	{ 'd', "di", OPT_LIST, &dis, "FILE", "new: a DI recording; may be repeated" },
	{ 'i', "ir", OPT_LIST, &irs, "FILE", "new: a cabinet IR; may be repeated" },
	{ 't', "title", OPT_STR, &title, "TEXT", "new: name of the shootout" },
	{ 0, "json", OPT_FLAG, &as_json, NULL, "status, run, doctor: JSON (default when not a terminal)" },
	{ 0, "table", OPT_FLAG, &as_table, NULL, "status, run, doctor: a table for people" },
	{ 0, "render", OPT_FLAG, &render, NULL, "verify: also make everything again and compare" },
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"COMMAND [OPTION...] [FILE|RUN]",
	"Compare guitar tones: the same DIs through many chains, at one loudness, as a video.\n\n"
	"  new MODEL...   write a first description of DIs x models x IRs\n"
	"  check FILE     say what is wrong with a description, before any work\n"
	"  plan FILE      write the run directory with its Makefile\n"
	"  run FILE       plan, and do what is not done yet\n"
	"  status RUN     how far a run is, and its tones\n"
	"  verify RUN     hash every file again and compare with the manifest\n"
	"  doctor         what this machine has: programs, libraries, GPU",
	opts,
	"  shootout new -d riff.wav -i v30.wav plexi.nam jcm800.nam -o shootout.json\n"
	"  shootout check shootout.json\n"
	"  shootout run shootout.json -o run && xdg-open run/shootout.mp4\n"
	"  make -C run -j8             # the same by hand\n",
};

static int
want_table(void)
{
	return as_table || (!as_json && isatty(STDOUT_FILENO));
}

/* ---- new ---- */

/* Names in a description start from its own folder. */
static int
cmd_new(char **models, int n)
{
	int here = !out_name || !strcmp(out_name, "-") || !strchr(out_name, '/'), bad;
	const char **lists[3] = { dis.v, (const char **)models, irs.v };
	int counts[3] = { dis.n, n, irs.n };
	struct err e;
	json_t *d;

	for (int k = 0; k < 3; k++)
		for (int i = 0; i < counts[k]; i++)
			if (!(lists[k][i] = new_name(lists[k][i], !here, &e)))
				return diag_err(&e);
	d = new_description(title ? title : "Tone shootout", dis.v, (size_t)dis.n, lists[1], (size_t)n, irs.v,
	    (size_t)irs.n, &e);
	if (!d)
		diag_usage("%s", e.msg);
	bad = new_write(d, out_name, &e);
	json_decref(d);
	return bad ? diag_err(&e) : ST_OK;
}

/* ---- check, plan ---- */

static int
print_problems(const char *file, const struct desc_problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		(p->v[i].is_warning ? diag_warn : diag_error)("%s: %s: %s", file,
		    p->v[i].where && *p->v[i].where ? p->v[i].where : "/", p->v[i].what ? p->v[i].what : "");
	return p->errors ? ST_FAIL : ST_OK;
}

/* Load and probe; on success *d is the caller's. */
static int
load(const char *file, struct desc **d)
{
	struct desc_problems p;
	struct err e = { 0 };
	int status;

	if (desc_load(d, file, &p, &e)) {
		status = p.errors ? print_problems(file, &p) : diag_err(&e);
		desc_problems_free(&p);
		return status;
	}
	desc_probe(*d, &p);
	status = print_problems(file, &p);
	desc_problems_free(&p);
	if (status) {
		desc_free(*d);
		*d = NULL;
	}
	return status;
}

static int
cmd_check(const char *file)
{
	struct desc *d;
	struct err e;
	int status = load(file, &d);

	if (out_name && plan_check_dir(out_name, &e))
		status = diag_worst(status, diag_err(&e));
	if (!status)
		diag_info("'%s' is fine: %zu DIs through %zu chains", file, d->dis, d->chains);
	desc_free(d);
	return status;
}

/* *changed: files written; 0 says the plan was there already. */
static int
cmd_plan(const char *file, const char *run, int *changed)
{
	struct plan_opts o = { .run = run, .bin = proc_self_dir() };
	struct desc *d;
	struct err e;
	char *db = NULL;
	char cwd[PATH_MAX];
	int status = load(file, &d), lock = -1;

	if (status)
		return status;
	if (db_name && *db_name != '/')
		o.db = db = getcwd(cwd, sizeof cwd) ? str_printf("%s/%s", cwd, db_name) : NULL;
	else
		o.db = db_name;
	if (plan_check_dir(run, &e) || file_mkdirs(run, &e) || (lock = run_lock(run, &e)) < 0 ||
	    plan_write(d, &o, changed, &e))
		status = diag_err(&e);
	if (lock >= 0)
		close(lock);
	free(db);
	desc_free(d);
	return status;
}

/* ---- run ---- */

static void
on_event(void *ctx, const json_t *event, const char *line)
{
	int live = *(const int *)ctx, seconds, n, total;
	const char *text;

	if (line) {
		fprintf(stderr, "%s%s\n", live ? "\r\033[K" : "", line);
		return;
	}
	if (!strcmp(opt_progress, "json")) {
		jl_print(json_deep_copy(event), stderr);
		return;
	}
	if (strcmp(json_string_value(json_object_get(event, "event")), "step")) {
		fputs(live ? "\r\033[K" : "", stderr);
		return;
	}
	n = (int)json_integer_value(json_object_get(event, "step"));
	total = (int)json_integer_value(json_object_get(event, "steps"));
	seconds = (int)json_real_value(json_object_get(event, "seconds"));
	text = json_string_value(json_object_get(event, "text"));
	if (live)
		fprintf(stderr, "\r\033[K[%d/%d] %d:%02d %s", n, total, seconds / 60, seconds % 60, text);
	else
		diag_info("[%d/%d] %s", n, total, text);
	fflush(stderr);
}

/* An object as a line of JSON, or as the table that is made of it.  Frees o. */
static int
print_object(json_t *o, void (*table)(const json_t *o, struct str *out))
{
	struct str s = { 0 };

	if (!want_table())
		return jl_print(o, stdout) ? ST_FAIL : ST_OK;
	table(o, &s);
	fputs(s.s ? s.s : "", stdout);
	str_free(&s);
	json_decref(o);
	return ST_OK;
}

static int
print_status(const char *run)
{
	struct err e;
	json_t *o = status_load(run, &e);

	return o ? print_object(o, status_table) : diag_err(&e);
}

static int
do_steps(const char *run)
{
	double start_s = par_clock_s();
	struct err e = { 0 };
	int lock = run_lock(run, &e), steps, status;
	int live = !strcmp(opt_progress, "always") ||
	    (!strcmp(opt_progress, "auto") && diag_level >= 0 && isatty(STDERR_FILENO));

	if (lock < 0)
		return diag_err(&e);
	status = run_make(run, jobs > 0 ? jobs : par_cpus(), on_event, &live, &steps, &e);
	close(lock);
	if (status < 0)
		return diag_err(&e);
	if (status) {
		diag_error("a step failed (see above); what is done is kept: mend it and run the same command again");
		return ST_FAIL;
	}
	if (steps)
		diag_info("%d steps done in %.1f s", steps, par_clock_s() - start_s);
	else
		diag_info("nothing to do: '%s' is up to date", run);
	return ST_OK;
}

static int
cmd_run(const char *file, const char *run)
{
	int changed, status = cmd_plan(file, run, &changed);

	return status ? status : (status = do_steps(run)) ? status : print_status(run);
}

/* ---- verify ---- */

static void
bad_file(void *ctx, const char *file, const char *why)
{
	(void)ctx;
	diag_error("'%s' %s", file, why);
}

static int
cmd_verify(const char *run)
{
	char *desc = str_printf("%s/shootout.json", run), *again = str_printf("%s/verify", run);
	size_t files = 0;
	struct err e;
	int bad = run_verify(run, bad_file, NULL, &files, &e), status, changed;

	status = bad < 0 ? diag_err(&e) : bad ? ST_NO : ST_OK;
	if (bad >= 0)
		diag_info("%zu files hashed, %d are not what the manifest says", files, bad);
	if (render && bad >= 0 && desc && again) {
		db_name = NULL;
		status = diag_worst(status, cmd_plan(desc, again, &changed));
		if (status == ST_OK || status == ST_NO)
			status = diag_worst(status, do_steps(again));
		bad = status == ST_OK || status == ST_NO ? run_compare(run, again, bad_file, NULL, &files, &e) : 0;
		if (bad)
			status = diag_worst(status, bad < 0 ? diag_err(&e) : ST_NO);
		else if (status == ST_OK)
			diag_info("%zu files came out the same again; they are in '%s'", files, again);
	}
	free(desc);
	free(again);
	return status;
}

/* ---- doctor ---- */

static int
cmd_doctor(void)
{
	json_t *o = doctor_look(), *v;
	int status = json_array_size(json_object_get(o, "missing")) ? ST_NO : ST_OK;
	size_t i;

	json_array_foreach(json_object_get(o, "missing"), i, v)
		diag_error("'%s' is missing; a run needs it", json_string_value(v));
	return diag_worst(status, print_object(o, doctor_table));
}

static int
command(const char *cmd, char **args, int n)
{
	int changed = 0, status;

	if (!strcmp(cmd, "new"))
		return cmd_new(args, n);
	if (!strcmp(cmd, "doctor") && n == 0)
		return cmd_doctor();
	if (n != 1)
		diag_usage("%s takes one operand, not %d", cmd, n);
	if (!strcmp(cmd, "check"))
		return cmd_check(args[0]);
	if (!strcmp(cmd, "status"))
		return print_status(args[0]);
	if (!strcmp(cmd, "verify"))
		return cmd_verify(args[0]);
	if (strcmp(cmd, "plan") && strcmp(cmd, "run"))
		diag_usage("unknown command '%s'", cmd);
	if (!out_name)
		diag_usage("%s needs --output RUN, the run directory", cmd);
	if (!strcmp(cmd, "run"))
		return cmd_run(args[0], out_name);
	status = cmd_plan(args[0], out_name, &changed);
	if (!status)
		diag_info("%d files of the plan in '%s' are new", changed, out_name);
	return status;
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec);

	if (n < 1)
		diag_usage("which command? new, check, plan, run, status, verify or doctor");
	if (jobs < 0)
		diag_usage("--jobs must be at least 1");
	if (as_json && as_table)
		diag_usage("--json and --table exclude each other");
	return diag_close_stdout(command(argv[1], argv + 2, n - 1));
}
