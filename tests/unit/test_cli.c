/* test_cli.c - options, JSON lines, provenance. */
#include "base/file.h"
#include "cli/diag.h"
#include "cli/jsonl.h"
#include "cli/opt.h"
#include "cli/prov.h"
#include "../tap.h"
#include <string.h>
#include <unistd.h>

static int flag, count, whole;
static long long big;
static double real_;
static const char *text;
static struct opt_list list;

static const struct opt opts[] = {
	{ 'f', "flag", OPT_FLAG, &flag, NULL, "a flag" },
	{ 'c', "count", OPT_COUNT, &count, NULL, "counts" },
	{ 'i', "int", OPT_INT, &whole, "N", "a whole number" },
	{ 0, "big", OPT_INT64, &big, "N", "a large one" },
	{ 'd', "double", OPT_DOUBLE, &real_, "X", "a number" },
	{ 's', "str", OPT_STR, &text, "TEXT", "a text" },
	{ 'l', "list", OPT_LIST, &list, "TEXT", "may be repeated" },
	OPT_COMMON,
	{ 0 }
};
static const struct opt_spec spec = { "", "", opts, NULL };

static int
same_text(json_t *o, const char *want)
{
	char *got = jl_text(o);
	int same = got && !strcmp(got, want);

	if (!same)
		printf("# got %s\n", got ? got : "(null)");
	free(got);
	json_decref(o);
	return same;
}

static int
refused(const char *json, const char *why)
{
	struct err e = { 0 };
	json_t *v;

	file_write_if_changed("j", json, strlen(json), &e);
	v = jl_load("j", 1000, &e);
	if (v || !strstr(e.msg, why))
		printf("# %s\n", v ? "taken" : e.msg);
	json_decref(v);
	return !v && strstr(e.msg, why);
}

int
main(void)
{
	char dir[] = "/tmp/test-cli-XXXXXX";
	char *argv[] = { (char[]){ "/x/prog" }, (char[]){ "one" }, (char[]){ "-fcc" }, (char[]){ "-d-2.5" },
		(char[]){ "-i" }, (char[]){ "-7" }, (char[]){ "--big=9000000000" }, (char[]){ "-lA" }, (char[]){ "--list" },
		(char[]){ "B" }, (char[]){ "-q" }, (char[]){ "-" }, (char[]){ "--str" }, (char[]){ "x y" }, (char[]){ "--" },
		(char[]){ "-two" }, NULL };
	struct prov *p;
	struct err e = { 0 };
	json_t *o;
	char *data = NULL;
	size_t n = 0;

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	ok(opt_parse(16, argv, &spec) == 3, "three operands");
	ok(!strcmp(argv[1], "one") && !strcmp(argv[2], "-") && !strcmp(argv[3], "-two") && !argv[4], "and which");
	ok(flag && count == 2 && whole == -7 && big == 9000000000 && real_ == -2.5 && !strcmp(text, "x y"), "values");
	ok(list.n == 2 && !strcmp(list.v[0], "A") && !strcmp(list.v[1], "B"), "a repeated option");
	ok(diag_level == -1 && !strcmp(diag_prog, "prog"), "-q, and the program's name");
	ok(opt_argc == 16 && !strcmp(opt_argv[1], "one") && !strcmp(opt_argv[2], "-fcc"), "argv as it was");

	ok(diag_worst(ST_OK, ST_NO) == ST_NO && diag_worst(ST_FAIL, ST_NO) == ST_FAIL &&
	    diag_worst(ST_RETRY, ST_NO) == ST_RETRY, "the worse of two statuses");
	o = json_object();
	jl_num(o, "nan", NAN);
	jl_num(o, "inf", -INFINITY);
	jl_num(o, "tenth", 0.1);
	jl_num(o, "one", 1);
	jl_str(o, "none", NULL);
	jl_str(o, "bad", "a\xff\xc3(");
	jl_int(o, "int", 1LL << 53);
	jl_bool(o, "yes", 2);
	ok(same_text(o, "{\"nan\":null,\"inf\":null,\"tenth\":0.1,\"one\":1.0,\"none\":null,"
	    "\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd(\",\"int\":9007199254740992,\"yes\":true}"),
	    "JSON: null for what JSON cannot say, order kept, bad UTF-8 replaced");
	ok(refused("{\"a\":1,\n\"a\":2}", "line 2"), "a duplicate key is refused, with its line");
	ok(refused("[1", "j"), "so is cut JSON");
	ok(refused("", "j"), "and nothing");

	p = prov_new(NULL);
	ok(p && !prov_wanted(p) && !prov_input(p, "x", "no such file", NULL, &e) && !prov_write(p, &e),
	    "without --provenance nothing is hashed or written");
	prov_free(p);
	p = prov_new("prov.json");
	ok(prov_input(p, "x", "no such file", NULL, &e) == -1, "a missing input is an error");
	ok(!prov_input(p, "audio", "j", NULL, &e) && !prov_output(p, "audio", "-", "00", &e) && !prov_write(p, &e) &&
	    !file_read("prov.json", 10000, &data, &n, &e), "a provenance line is written");
	ok(data && strstr(data, "\"schema\":\"provenance/1\"") && strstr(data, "\"argv\":[\"prog\",\"one\",\"-fcc\"") &&
	    strstr(data, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") && data[n - 1] == '\n',
	    "with arguments and hashes");
	free(data);
	prov_free(p);
	if (chdir("/") == 0 && fork() == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	return done();
}
