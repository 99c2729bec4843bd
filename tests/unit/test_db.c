/* test_db.c - lib/db below the command line: ids, what goes in comes out, refusals, transactions. */
#include "db/db.h"
#include "db/entry.h"
#include "db/run.h"
#include "../tap.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static const char desc[] = "{\"schema\":\"shootout/1\",\"name\":\"One\",\"rate_hz\":48000,"
	"\"dis\":[{\"id\":\"a__b\",\"file\":\"/x/di.wav\"}],\"chains\":[{\"id\":\"c\",\"stages\":[{\"nam\":\"m.nam\"}]}]}\n";
static const char timeline[] = "{\"schema\":\"timeline/1\",\"rate_hz\":48000,\"channels\":1,\"frames\":10,\"segments\":1}\n"
	"\n{\"schema\":\"segment/1\",\"kind\":\"segment\",\"name\":\"a__b__c\",\"at_frame\":0,\"length_frames\":10,"
	"\"gain_db\":0.1234567890123}\n";
static const char metrics[] = "{\"schema\":\"audio-metrics/1\",\"file\":\"a__b__c.flac\",\"x\":{\"y\":[1.5,null,{\"z\":-1e-300}]}}";
static const char manifest[] = "{\"schema\":\"provenance/1\",\"tool\":\"t\",\"seconds\":1.0,\"inputs\":[],\"outputs\":[]}\n";

static void
put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		perror(path);
}

static void
put_all(void)
{
	put("shootout.json", desc);
	put("timeline.jsonl", timeline);
	put("metrics.jsonl", metrics);
	put("manifest.jsonl", manifest);
}

/* The run in dir, or NULL with *e. */
static struct db_run *
get(struct err *e)
{
	struct db_run *r;
	size_t n;

	return db_runs_read(&r, &n, dir, e) ? NULL : r;
}

static int
same_id(const char *a, const char *file, const char *text)
{
	struct db_run *r;
	struct err e = { 0 };
	int same;

	put_all();
	put(file, text);
	r = get(&e);
	same = r && !strcmp(r->id, a);
	if (!r)
		printf("# %s\n", e.msg);
	db_runs_free(r, 1);
	return same;
}

static void
test_run(char id[65])
{
	struct err e = { 0 };
	struct db_run *r;

	put_all();
	r = get(&e);
	ok(r && strlen(r->id) == 64, "a run is read");
	if (!r)
		return;
	memcpy(id, r->id, 65);
	ok(r->n[DB_TIMELINE] == 2 && r->part[DB_TIMELINE][1].no == 3, "a blank line counts, but is none");
	ok(strstr(r->part[DB_TIMELINE][1].text, "0.1234567890123}"), "a decimal number survives");
	db_runs_free(r, 1);
	ok(same_id(id, "shootout.json", "{\"chains\": [{\"stages\":[{\"nam\":\"m.nam\"}],\"id\":\"c\"}],\"rate_hz\":48000,\n"
	    "\"schema\":\"shootout/1\",\n\"name\":\"One\",\"dis\":[{\"id\":\"a__b\",\"file\":\"/y/di.wav\"}]}"),
	    "order of keys, space and folders are not content");
	ok(same_id(id, "manifest.jsonl", "{\"schema\":\"provenance/1\",\"tool\":\"t\",\"seconds\":2.0,\"inputs\":[],\"outputs\":[]}"),
	    "neither is the time it took");
	ok(!same_id(id, "metrics.jsonl", ""), "metrics are");
	ok(!same_id(id, "manifest.jsonl", "{\"schema\":\"provenance/1\",\"tool\":\"t\",\"outputs\":[{\"file\":\"x\",\"sha256\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000000\"}]}"), "and what came out");
	put_all();
}

/* Neither crash nor accept: texts that are none of ours, in each file. */
static void
test_hostile(void)
{
	static const char *const files[] = { "shootout.json", "timeline.jsonl", "metrics.jsonl", "manifest.jsonl" };
	static const char *const texts[] = {
		"{", "[]", "1", "\"x\"", "{}", "{\"schema\":1}", "{\"schema\":\"shootout/1\"}",
		"{\"schema\":\"shootout/1\",\"name\":\"\",\"dis\":{},\"chains\":{}}",
		"{\"schema\":\"shootout/1\",\"name\":\"n\",\"dis\":[1],\"chains\":[null]}",
		"{\"schema\":\"shootout/1\",\"name\":\"n\",\"dis\":[{\"id\":\"a\"}],\"chains\":[{\"id\":[]}]}",
		"{\"schema\":\"timeline/1\"}\n{\"schema\":\"timeline/1\"}", "{\"schema\":\"segment/1\"}",
		"{\"schema\":\"audio-metrics/1\"}", "{\"schema\":\"provenance/1\",\"inputs\":[1]}",
		"{\"schema\":\"provenance/1\",\"inputs\":[{\"file\":\"x\",\"sha256\":\"AA\"}]}", "{\"schema\":\"input/1\"}",
		"{\"a\":1e999}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\u0000\"}", "\xff\xfe", "{\"a\":1,\"a\":2}", "{}{}",
	};
	int bad = 0;

	for (size_t f = 0; f < 4; f++)
		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
			struct err e = { 0 };
			struct db_run *r;

			put_all();
			put(files[f], texts[i]);
			r = get(&e);
			if (r || e.code != ERR_INPUT || !strstr(e.msg, files[f])) {
				printf("# %s: %s: %s\n", files[f], texts[i], e.msg);
				bad++;
			}
			db_runs_free(r, 1);
		}
	ok(!bad, "88 texts that are no part of a run are refused with the file's name");
	put_all();
}

static int
keep(void *ctx, json_t *o)
{
	*(json_t **)ctx = o;
	return 1;
}

static int
add_line(void *ctx, const char *line)
{
	return fprintf(ctx, "%s\n", line) < 0;
}

static void
test_db(const char *name, const char *id)
{
	struct err e = { 0 };
	struct db *d, *other;
	struct db_run *r = get(&e);
	json_t *o = NULL, *list;
	long long row = 0;
	int replaced = 9;

	ok(db_open(&d, name, DB_READ, 0, &e) && e.code == ERR_IO, "nothing to read yet");
	ok(!db_open(&d, name, DB_WRITE, 0, &e), "a database is made");
	if (!d || !r) {
		printf("# %s\n", e.msg);
		return;
	}
	ok(!db_begin(d, &e) && !db_import(d, r, &replaced, &e) && !replaced, "import");
	db_rollback(d);
	ok(!db_find(d, "One", &row, &e), "rolled back: it is not there");
	ok(!db_begin(d, &e) && !db_import(d, r, &replaced, &e) && !db_commit(d, &e), "import and commit");
	ok(!db_begin(d, &e) && !db_import(d, r, &replaced, &e) && replaced && !db_commit(d, &e), "again: replaced");
	ok(db_find(d, "One", &row, &e) == 1 && db_find(d, id, &row, &e) == 1, "found by name and by id");
	ok(db_list(d, NULL, keep, &o, &e) == 0 && o, "a walk that is ended stops");
	json_decref(o);

	ok(!db_open(&other, name, DB_READ, 0, &e), "a second connection");
	ok(!db_begin(d, &e), "the first one locks");
	ok(db_list(other, "one", keep, &o, &e) == 0, "the second reads");
	json_decref(o);
	db_close(other);
	ok(!db_open(&other, name, DB_WRITE, 0.05, &e) && db_begin(other, &e) && e.code == ERR_RETRY,
	    "but must not write: try later");
	db_close(other);
	db_rollback(d);

	ok(!db_show(d, row, &o, &e), "show");
	list = json_object_get(json_array_get(json_object_get(o, "metrics"), 0), "values");
	ok(json_object_size(list) == 3 && json_number_value(json_object_get(list, "x.y.0")) == 1.5 &&
	    json_is_null(json_object_get(list, "x.y.1")) && json_number_value(json_object_get(list, "x.y.2.z")) == -1e-300,
	    "numbers and null by path");
	json_decref(o);
	ok(!db_check(d, &o, &e) && json_is_true(json_object_get(o, "ok")), "check");
	json_decref(o);
	ok(!db_show(d, row + 1000, &o, &e) && !json_array_size(json_object_get(o, "dis")), "a row that is not there is empty");
	json_decref(o);

	db_runs_free(r, 1);
	db_close(d);
}

static void
test_export(const char *name, const char *id)
{
	char path[128];
	struct err e = { 0 };
	struct db *d;
	struct db_run *r = NULL;
	long long row = 0;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/e.jsonl", dir);
	f = fopen(path, "w");
	if (!f || db_open(&d, name, DB_READ, 0, &e)) {
		ok(0, "open for export");
		return;
	}
	ok(db_find(d, id, &row, &e) == 1 && !db_export(d, row, "test", "1", add_line, f, &e), "export");
	fclose(f);
	db_close(d);
	ok(!db_runs_read(&r, &n, path, &e) && n == 1 && !strcmp(r->id, id), "reads back with the same id");
	db_runs_free(r, n);
}

int
main(void)
{
	static const char *const files[] = { "shootout.json", "timeline.jsonl", "metrics.jsonl", "manifest.jsonl",
		"e.jsonl", "t.db" };
	char name[128], id[65] = "";

	snprintf(dir, sizeof dir, "%s/test_db.XXXXXX", access("/tmp", W_OK) ? "." : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	snprintf(name, sizeof name, "%s/t.db", dir);
	test_run(id);
	test_hostile();
	test_db(name, id);
	test_export(name, id);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(name, sizeof name, "%s/%s", dir, files[i]);
		unlink(name);
	}
	rmdir(dir);
	return done();
}
