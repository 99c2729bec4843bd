/* Names, origins, licences, challenges, answers and the store, without a network. */
#include "../tap.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "net/api.h"
#include "net/fetch.h"
#include "net/http.h"
#include "net/licence.h"
#include "net/list.h"
#include "net/login.h"
#include "net/store.h"
#include "net/validate.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_names(void)
{
	static const struct { const char *name, *tone, *model; } good[] = {
		{ "51949", "51949", "" }, { "tone3000:51949", "51949", "" }, { "51949/293886", "51949", "293886" },
		{ "tone3000:51949/293886", "51949", "293886" }, { "https://www.tone3000.com/tones/plexi-51-51949", "51949", "" },
		{ "https://tone3000.com/tones/plexi-51949/?x=1-2", "51949", "" }, { "HTTPS://WWW.TONE3000.COM/tones/7", "7", "" },
		{ "https://www.tone3000.com/api/v1/models/293886/download/x.nam", "", "293886" },
		{ "{\"id\": 5}", "5", "" }, { "{\"id\": \"5\", \"tone_id\": 6}", "6", "5" },
		{ "{\"tone_id\": \"6\", \"model_id\": \"5\", \"id\": \"x\"}", "6", "5" }, { "{\"model_id\": 5}", "", "5" },
	};
	static const char *const bad[] = { "", "x", "-1", "0x10", "1/", "/1", "1/2/3", "1 2", "../1", "1/..", "1234567890123456789",
		"http://www.tone3000.com/tones/x-1", "https://www.tone3000.com.evil.example/tones/x-1",
		"https://evil.example/?https://www.tone3000.com/tones/x-1", "https://www.tone3000.com@evil.example/tones/x-1",
		"https://www.tone3000.com/tones/x", "https://www.tone3000.com/brucew", "https://www.tone3000.com/tones/x1",
		"{", "{}", "{\"id\": -5}", "{\"id\": 5.5}", "{\"id\": \"../5\"}", "{\"id\": null}", "{\"id\": 5, \"tone_id\": \"x\"}",
		"{\"id\": 99999999999999999999}", "tone3000:", "tone3000:x/1" };
	char tone[STORE_ID_MAX], model[STORE_ID_MAX];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(!fetch_parse(good[i].name, NULL, tone, model) && !strcmp(tone, good[i].tone) && !strcmp(model, good[i].model),
		    good[i].name);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(fetch_parse(bad[i], NULL, tone, model) == -1, bad[i]);
	ok(!fetch_parse("https://127.0.0.1:99/tones/a-3", "https://127.0.0.1:99", tone, model), "the stand-in's own address");
}

static void
test_origins(void)
{
	static const struct { const char *url, *origin; } t[] = {
		{ "https://www.tone3000.com/a?b#c", "https://www.tone3000.com" }, { "HTTPS://WWW.Tone3000.COM:443", "https://www.tone3000.com" },
		{ "https://a:8443/x", "https://a:8443" }, { "https://[::1]:5/", "https://[::1]:5" },
		{ "https://a.example\\@b.example/", NULL }, { "http://www.tone3000.com/", NULL }, { "https://u@www.tone3000.com/", NULL },
		{ "https://u:p@www.tone3000.com/", NULL }, { "file:///etc/passwd", NULL }, { "ftp://a/", NULL }, { "//a/", NULL },
		{ "/x", NULL }, { "", NULL }, { "https://", NULL }, { "javascript:x", NULL },
	};
	char out[320];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const int r = http_origin(t[i].url, out, sizeof out);

		ok(t[i].origin ? !r && !strcmp(out, t[i].origin) : r == -1 || !strstr(out, "tone3000"), t[i].url);
	}
	ok(http_origin("https://a-long-name.example/", out, 10) == -1, "an origin that does not fit is none");
}

static void
test_words(void)
{
	char challenge[44], *v;

	login_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", challenge);
	ok(!strcmp(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), "RFC 7636, appendix B");
	v = login_query("a=1&code=x%2By+z%00w&codec=3", "code");
	ok(v && !strcmp(v, "x+y zw"), "a query's value, decoded, no NUL");
	free(v);
	v = login_query("code=", "code");
	ok(v && !*v, "an empty value");
	free(v);
	ok(!login_query("xcode=1&a=code=2", "code"), "no such key");
	ok(!strcmp(licence_redistribution("t3k"), "no") && !strcmp(licence_redistribution("cc-by-nc-nd"), "non-commercial") &&
	    !strcmp(licence_redistribution("cco"), "yes") && !licence_redistribution("x") && !licence_redistribution(NULL), "licences");
	ok(!strcmp(validate_ext("nam", "https://x/y.WAV?z=.nam"), "wav"), "extension: of the path, in lower case");
	ok(!strcmp(validate_ext("ir", "https://x/download"), "wav") && !strcmp(validate_ext("?", "https://x/a.exe"), "bin") &&
	    !strcmp(validate_ext("nam", "https://x/..%2fetc"), "nam"), "extension: else of the format, else bin");
}

static void
test_answers(void)
{
	struct err e;
	char id[STORE_ID_MAX];
	const char *bad[] = { "", "[]", "3", "{", "{\"a\":99999999999999999999}", "<html>" };
	const char *good = "{\"id\":5,\"schema\":\"evil\",\"user\":{\"id\":7},\"n\":\"a\\u0000b\",\"z\":[null]}";
	json_t *o, *line;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!api_parse(bad[i], strlen(bad[i]), "x", &e) && e.code == ERR_DAMAGED, "no object");
	o = api_parse(good, strlen(good), "x", &e);
	line = api_line("tone/1", o);
	ok(line && !strcmp(json_string_value(json_object_get(line, "id")), "5") &&
	    !strcmp(json_string_value(json_object_get(line, "schema")), "tone/1") &&
	    !strcmp(json_string_value(json_object_get(json_object_get(line, "user"), "id")), "7") &&
	    json_string_length(json_object_get(line, "n")) == 3, "ids become text, our keys stay ours, the rest passes");
	json_decref(line);
	json_decref(o);
	o = json_integer(0);
	ok(api_id(o, id) == -1, "0 is no id");
	json_decref(o);
	o = json_string("12");
	ok(!api_id(o, id) && !strcmp(id, "12"), "digits are one");
	json_decref(o);
	ok(api_id(NULL, id) == -1, "nothing is none");
	o = json_pack("{s:s,s:s,s:i}", "id", "5", "title", "a\x1b[31mred\nnext", "models_count", 3);
	{
		char *row = list_row(list_find("favorited"), o);

		ok(row && !strchr(row, 0x1b) && strchr(row, '\n') == row + strlen(row) - 1, "a row is one line, without commands to the terminal");
		free(row);
	}
	json_decref(o);
}

static json_t *
record_of(const char *tone, const char *model, const char *bytes)
{
	json_t *o = jl_new("tone-file/1");
	char hex[65];

	sha256_bytes(bytes, strlen(bytes), hex);
	jl_str(o, "tone_id", tone);
	jl_str(o, "model_id", model);
	jl_str(o, "ext", "nam");
	jl_str(o, "sha256", hex);
	return o;
}

static void
test_store(const char *dir)
{
	struct store *s;
	struct err e;
	char *tmp, *path = NULL, *left;
	json_t *o, *got;
	int fd;

	ok(!store_open(&s, dir, &e), "a store");
	ok(!store_get(s, "1", "2", &path, &e) && e.code == ERR_ABSENT, "empty");
	o = record_of("1", "2", "hello");
	tmp = store_partial(s, "2", &fd, &e);
	ok(tmp && write(fd, "hello", 5) == 5 && !close(fd) && !store_put(s, tmp, o, &e), "put");
	ok(access(tmp, F_OK), "the partial file is gone");
	free(tmp);
	got = store_get(s, "1", "2", &path, &e);
	ok(got && strstr(path, "/objects/2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.nam"), "get, by its hash");
	json_decref(got);
	ok(!store_get(s, "9", "2", &tmp, &e), "not of another tone");
	ok(!store_record(s, "1", "../2"), "an id is digits");
	chmod(path, 0644);
	ok(!file_write(path, "hellO", 5, &e) && !store_get(s, "1", "2", &tmp, &e) && e.code == ERR_DAMAGED, "damage is found");
	ok(access(path, F_OK), "and taken out");
	free(path);
	json_object_set_new(o, "ext", json_string("../x"));
	ok(!store_path(s, o), "no path of an extension that is none");
	json_decref(o);
	/* a process that is gone has left something; one that lives has not */
	path = str_printf("%s/partial/3.%s.%d.00", dir, "x", 999999999);
	ok(path && !file_write(path, "x", 1, &e) && !store_left_over(s, "3"), "of another machine: not ours to judge");
	free(path);
	tmp = store_partial(s, "3", &fd, &e);
	left = store_left_over(s, "3");
	ok(tmp && !left, "of a process that lives: not left over");
	close(fd);
	free(tmp);
	store_close(s);
}

int
main(void)
{
	char dir[] = "/tmp/test_net.XXXXXX", *rm;

	test_names();
	test_origins();
	test_words();
	test_answers();
	if (!mkdtemp(dir))
		return 1;
	test_store(dir);
	rm = str_printf("rm -rf %s", dir);
	if (rm && system(rm))
		printf("# %s stays\n", dir);
	free(rm);
	return done();
}
