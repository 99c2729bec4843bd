/* shootout-db - keep shootouts in one SQLite file: put runs in, list, search, show, take out. */
#include "base/str.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "db/db.h"
#include "db/entry.h"
#include "db/run.h"
#include "db/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *db_name, *search;
static int as_table, as_json;
static double wait_s = 30;
static struct db *db;   /* what -d names, once it is open */

static const struct opt opts[] = {
	{ 'd', "database", OPT_STR, &db_name, "DB", "the database file" },
	{ 's', "search", OPT_STR, &search, "TEXT", "list: only where all words of TEXT occur" },
	{ 't', "table", OPT_FLAG, &as_table, NULL, "list: a table for people (default on a terminal)" },
	{ 'j', "json", OPT_FLAG, &as_json, NULL, "list: JSON lines (default otherwise)" },
	{ 'w', "wait", OPT_DOUBLE, &wait_s, "SECONDS", "wait that long for a locked database (30)" },
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"-d DB COMMAND [ARG...]",
	"Keep shootouts in a database: put finished runs in, list, search, show and export them.\n\n"
	"commands:\n"
	"  create             make the database, or bring an older one up to date\n"
	"  import RUN...      add finished runs: folders, exports, or - for an export on standard input;\n"
	"                     the database is made when it is not there\n"
	"  list               every shootout, newest first\n"
	"  show ID|NAME...    all that is known of a shootout\n"
	"  export [ID|NAME...]  lines that import reads back; without a name all shootouts\n"
	"  check              look for damage",
	opts,
	"  shootout-db -d tones.db import british-amps.run\n"
	"  shootout-db -d tones.db list --search 'plexi v30'\n"
	"  shootout-db -d tones.db show 'British amps' | jq '.metrics[].values'\n"
	"  shootout-db -d tones.db export | gzip >backup.jsonl.gz\n",
};

/* What a command reads under the database's lock goes here first and to standard output when the
 * lock is gone: a pager that nobody scrolls must not keep others from writing. */
static struct str answer;

/* Returns status, or what went wrong here. */
static int
answer_end(int status)
{
	if (db)
		db_rollback(db); /* nothing was changed */
	if (answer.failed) {
		diag_error("out of memory");
		status = ST_FAIL;
	} else if (answer.len) {
		fwrite(answer.s, 1, answer.len, stdout); /* diag_close_stdout() tells of errors */
	}
	str_free(&answer);
	return status;
}

/* Add o with who made it and its kind in front; takes o. */
static void
add(const char *kind, json_t *o)
{
	json_t *line = jl_new(DB_SCHEMA);
	char *text;

	jl_str(line, "kind", kind);
	json_object_update(line, o);
	text = jl_text(line);
	str_addf(&answer, "%s\n", text ? text : "");
	answer.failed |= !text;
	free(text);
	json_decref(line);
	json_decref(o);
}

static int
create(char **args)
{
	(void)args;             /* opening did it */
	diag_info("'%s' is ready", db_name);
	return ST_OK;
}

struct import { struct progress progress; size_t sources, runs; };

static void
imported(void *ctx, size_t done)
{
	struct import *i = ctx;

	progress_step(&i->progress, (double)i->sources + (double)done / (double)i->runs);
}

/* All runs of one source, or none.  The database is opened (and made) when there is something to put in. */
static int
import_source(const char *source, struct import *i, json_t *told)
{
	struct db_run *runs;
	json_t *receipts;
	struct err e;
	int bad = db_runs_read(&runs, &i->runs, source, &e) || (!db && db_open(&db, db_name, DB_WRITE, wait_s, &e)) ||
	    db_import_all(db, runs, i->runs, source, imported, i, &receipts, &e);

	db_runs_free(runs, i->runs);
	if (bad) {
		progress_end(&i->progress, (double)i->sources); /* the message gets a line of its own */
		return diag_err(&e);
	}
	json_array_extend(told, receipts);
	json_decref(receipts);
	return ST_OK;
}

static int
import(char **args)
{
	json_t *told = json_array(), *o;
	struct import im = { .sources = 0 };
	int status = ST_OK, n = 0;
	size_t i;

	while (args[n])
		n++;
	if (!n)
		diag_usage("import needs the folder of a run, an export, or -");
	progress_begin(&im.progress, "import", n);
	for (; *args; args++, im.sources++)
		status = diag_worst(status, import_source(*args, &im, told));
	progress_end(&im.progress, n);
	json_array_foreach(told, i, o)
		add("import", json_incref(o));
	json_decref(told);
	return answer_end(status);
}

static int
put_row(void *ctx, json_t *o)
{
	(void)ctx;
	db_table_row(&answer, o);
	json_decref(o);
	return 0;
}

static int
put_entry(void *ctx, json_t *o)
{
	(void)ctx;
	add("entry", o);
	return 0;
}

static int
list(char **args)
{
	int table = as_table || (!as_json && isatty(STDOUT_FILENO));
	long long n;
	struct err e;

	if (*args)
		diag_usage("list takes no operand; to search say --search '%s'", *args);
	if (db_begin(db, &e))
		return diag_err(&e);
	if (table)
		str_add(&answer, db_table_head);
	n = db_list(db, search, table ? put_row : put_entry, NULL, &e);
	return answer_end(n < 0 ? diag_err(&e) : search && !n ? ST_NO : ST_OK);
}

/* ST_OK and the row of what the user named; else a message and the status. */
static int
find(const char *name, long long *row)
{
	struct err e;
	int r = db_find(db, name, row, &e);

	if (!r)
		diag_error("'%s' has no shootout '%s': 'list' says what there is", db_name, name);
	return r < 0 ? diag_err(&e) : r ? ST_OK : ST_NO;
}

static int
show_row(long long row)
{
	struct err e;
	json_t *o;

	if (db_show(db, row, &o, &e))
		return diag_err(&e);
	add("shootout", o);
	return ST_OK;
}

static int
put_line(void *ctx, const char *line)
{
	(void)ctx;
	str_addf(&answer, "%s\n", line);
	return answer.failed;
}

static int
export_row(long long row)
{
	struct err e;
	int r = db_export(db, row, diag_prog, VERSION, put_line, NULL, &e);

	return r < 0 ? diag_err(&e) : r ? ST_FAIL : ST_OK; /* r > 0: answer_end() tells */
}

/* One shootout, by what the user called it or (name NULL) by its row. */
static int
one(const char *name, long long row, int (*print_row)(long long row))
{
	struct err e;
	int status = ST_OK;

	if (db_begin(db, &e))
		return diag_err(&e);
	if (name)
		status = find(name, &row);
	return answer_end(status ? status : print_row(row));
}

static int
show(char **args)
{
	int status = ST_OK;

	if (!*args)
		diag_usage("show needs the id or the name of a shootout");
	for (; *args; args++)
		status = diag_worst(status, one(*args, 0, show_row));
	return status;
}

static int
export(char **args)
{
	int status = ST_OK;
	long long *rows;
	struct err e;
	size_t n;

	for (char **a = args; *a; a++)
		status = diag_worst(status, one(*a, 0, export_row));
	if (*args)
		return status;
	if (db_rows(db, &rows, &n, &e))
		return diag_err(&e);
	for (size_t i = 0; i < n && !status; i++)
		status = one(NULL, rows[i], export_row);
	free(rows);
	return status;
}

static int
check(char **args)
{
	json_t *o;
	struct err e;
	int fine;

	if (*args)
		diag_usage("check takes no operand");
	if (db_check(db, &o, &e))
		return diag_err(&e);
	fine = json_is_true(json_object_get(o, "ok"));
	add("check", o);
	return answer_end(fine ? ST_OK : ST_NO);
}

static const struct {
	const char *name;
	int mode;               /* enum db_mode; -1: opens it itself */
	int (*run)(char **args);
} commands[] = {
	{ "create", DB_WRITE, create },
	{ "import", -1, import },
	{ "list", DB_READ, list },
	{ "show", DB_READ, show },
	{ "export", DB_READ, export },
	{ "check", DB_READ, check },
};

int
main(int argc, char *argv[])
{
	size_t n = (size_t)opt_parse(argc, argv, &spec), c = 0;
	struct err e;
	int status;

	while (n && c < sizeof commands / sizeof *commands && strcmp(argv[1], commands[c].name))
		c++;
	if (!n || c == sizeof commands / sizeof *commands)
		diag_usage(n ? "there is no command '%s'" : "a command is needed, such as list", argv[1]);
	if (!db_name)
		diag_usage("say which database: -d DB");
	if (commands[c].run == create && argv[2])
		diag_usage("create takes no operand; the database is what -d names");
	if (search && (commands[c].run != list || !search[strspn(search, " \t\r\n")]))
		diag_usage("--search TEXT belongs to list and needs a word");
	if ((as_table || as_json) && (commands[c].run != list || (as_table && as_json)))
		diag_usage("--table or --json belongs to list");
	if (wait_s < 0 || wait_s > 86400)
		diag_usage("--wait must be 0 to 86400 seconds");
	if (commands[c].mode >= 0 && db_open(&db, db_name, (enum db_mode)commands[c].mode, wait_s, &e))
		return diag_close_stdout(diag_err(&e));
	status = commands[c].run(argv + 2);
	db_close(db);
	return diag_close_stdout(status);
}
