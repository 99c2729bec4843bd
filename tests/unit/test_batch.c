/* test_batch.c - jobs as lines: their answers, in order, whatever the threads do. */
#include "../tap.h"
#include "cli/batch.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char out[1 << 20];
static struct err e;

/* Jobs with "ms" take that long; a "fail" fails with its text. */
static json_t *
run(void *ctx, size_t number, const json_t *job, struct err *why)
{
	long ms = (long)json_integer_value(json_object_get(job, "ms"));
	const char *fail = json_string_value(json_object_get(job, "fail"));

	nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
	if (fail) {
		err_set(why, ERR_INPUT, "%s", fail);
		return NULL;
	}
	return json_pack("{s:I,s:s,s:I}", "ms", (json_int_t)ms, "ctx", (const char *)ctx, "number", (json_int_t)number);
}

/* All of text through a batch; the answers to out. */
static struct batch_result
batch(const char *text, size_t len, int threads)
{
	FILE *in = tmpfile(), *to = tmpfile();
	char word[] = "here";
	struct batch b = { .schema = "test-batch/1", .threads = threads, .run = run, .ctx = word };
	struct batch_result r;
	size_t n;

	if (!in || !to || fwrite(text, 1, len, in) != len || fflush(in))
		abort();
	rewind(in);
	if (batch_run(&b, fileno(in), fileno(to), &r, &e))
		abort();
	rewind(to);
	n = fread(out, 1, sizeof out - 1, to);
	out[n] = '\0';
	fclose(in);
	fclose(to);
	return r;
}

/* Line n (from 0) of out. */
static json_t *
line(int n)
{
	const char *s = out;

	while (n-- > 0 && s)
		s = (s = strchr(s, '\n')) ? s + 1 : NULL;
	return s ? json_loads(s, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

static int
says(int n, const char *status, const char *error)
{
	json_t *o = line(n);
	const char *is = json_string_value(json_object_get(o, "error"));
	int ret = !strcmp(json_string_value(json_object_get(o, "status")), status) &&
	          json_integer_value(json_object_get(o, "job")) == n + 1 && (error ? is && strstr(is, error) : !is);

	if (!ret)
		printf("# line %d: %s\n", n, is ? is : "no error");
	json_decref(o);
	return ret;
}

static void
order(void)
{
	char text[8192];
	size_t len = 0;
	int right = 1;

	for (int i = 0; i < 60; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "{\"id\":%d,\"ms\":%d}\n", i, i * 37 % 11);
	for (int threads = 1; threads <= 7; threads += 3) {
		struct batch_result r = batch(text, len, threads);

		right &= r.jobs == 60 && r.failed == 0;
		for (int i = 0; i < 60; i++) {
			json_t *o = line(i);

			right &= json_integer_value(json_object_get(o, "id")) == i &&
			         json_integer_value(json_object_get(json_object_get(o, "report"), "ms")) == i * 37 % 11 &&
			         json_integer_value(json_object_get(json_object_get(o, "report"), "number")) == i + 1;
			json_decref(o);
		}
	}
	ok(right, "60 jobs of different length on 1, 4 and 7 threads: every answer in its place");
}

static void
bad(void)
{
	static const char text[] = "{\"id\":[1,\"x\"],\"fail\":\"no\"}\n\n \t\r\n{\"ms\":1\n[]\n{\"ms\":1,\"ms\":2}\n{\"a\":\"\\u0000\"}\n{}";
	static char longer[3 * BATCH_MAX_LINE];
	struct batch_result r = batch(text, sizeof text - 1, 3);
	json_t *o = line(0);

	ok(r.jobs == 6 && r.failed == 5, "bad jobs are counted, empty lines are not");
	ok(json_array_size(json_object_get(o, "id")) == 2 && json_is_null(json_object_get(o, "report")), "the id of a failed one");
	json_decref(o);
	ok(says(0, "failed", "no") && says(1, "failed", "not JSON: column") && says(2, "failed", "not a JSON object") &&
	   says(3, "failed", "duplicate") && says(4, "failed", "NUL"), "each with its reason");
	ok(says(5, "done", NULL), "a last line without a newline is a job");
	memset(longer, ' ', sizeof longer);
	longer[0] = '{';
	longer[sizeof longer - 5] = '}';
	memcpy(longer + sizeof longer - 4, "\n{}\n", 4);
	r = batch(longer, sizeof longer, 2);
	ok(r.jobs == 2 && r.failed == 1 && says(0, "failed", "65535 bytes") && says(1, "done", NULL),
	   "a line that is too long is one job that fails");
	r = batch("", 0, 2);
	ok(r.jobs == 0 && !*out, "no jobs, no answers");
}

static void *
talker(void *arg)
{
	char word[] = "x";
	struct batch b = { .schema = "test-batch/1", .threads = 2, .run = run, .ctx = word };
	struct batch_result r;
	int fd = *(int *)arg;

	return batch_run(&b, fd, fd, &r, NULL) || r.jobs != 3 ? NULL : arg;
}

static void
talk(void)
{
	int fd[2], answers = 0;
	pthread_t id;
	void *ret = NULL;
	char text[4096];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) || pthread_create(&id, NULL, talker, &fd[1]))
		abort();
	for (int i = 0; i < 3; i++) {
		if (write(fd[0], "{}", 2) != 2 || write(fd[0], "\n", 1) != 1)
			abort();
		for (ssize_t n = 0; !n || text[n - 1] != '\n';)
			if ((n = read(fd[0], text, sizeof text)) <= 0)
				abort();
		answers++;
	}
	shutdown(fd[0], SHUT_WR);
	pthread_join(id, &ret);
	ok(answers == 3 && ret, "an answer comes before the next job is sent");
	close(fd[0]);
	close(fd[1]);
}

static void
full(void)
{
	FILE *in = tmpfile(), *to = fopen("/dev/full", "w");
	struct batch b = { .schema = "test-batch/1", .threads = 2, .run = run, .ctx = out };
	struct batch_result r;

	if (!in || !to)
		abort();
	for (int i = 0; i < 100; i++)
		fputs("{}\n", in);
	fflush(in);
	rewind(in);
	ok(batch_run(&b, fileno(in), fileno(to), &r, &e) == -1 && strstr(e.msg, "standard output"), "a full disk ends it");
	fclose(in);
	fclose(to);
}

static void
keys(void)
{
	struct values { const char *text; double number; int whole, truth; long long big; const json_t *any; } v =
		{ "default", 1, 2, 0, 0, NULL };
	static const struct batch_key k[] = {
		{ "text", BATCH_TEXT, offsetof(struct values, text) }, { "number", BATCH_NUMBER, offsetof(struct values, number) },
		{ "whole", BATCH_WHOLE, offsetof(struct values, whole) }, { "truth", BATCH_TRUTH, offsetof(struct values, truth) },
		{ "big", BATCH_INT64, offsetof(struct values, big) },
		{ "any", BATCH_ANY, offsetof(struct values, any) }, { 0 }
	};
	static const char *const wrong[] = { "{\"text\":1}", "{\"number\":\"1\"}", "{\"whole\":1.5}", "{\"truth\":1}", "{\"more\":1}",
		"{\"whole\":99999999999}", "{\"big\":1.0}" };
	json_t *o = json_loads("{\"id\":1,\"number\":3,\"whole\":-4,\"truth\":true,\"big\":99999999999,\"any\":[1],\"text\":null}", 0, NULL);
	int refused = 0;

	ok(!batch_keys(o, k, &v, &e) && v.number == 3 && v.whole == -4 && v.truth == 1 && v.big == 99999999999 && json_is_array(v.any) &&
	   !strcmp(v.text, "default"), "keys are set by their types, null leaves the default");
	json_decref(o);
	for (int i = 0; i < 7; i++) {
		o = json_loads(wrong[i], 0, NULL);
		refused += batch_keys(o, k, &v, &e) == -1 && (strstr(e.msg, ": not ") || strstr(e.msg, "unknown key 'more'"));
		json_decref(o);
	}
	ok(refused == 7, "another type or key is refused");
}

int
main(void)
{
	order();
	bad();
	talk();
	full();
	keys();
	return done();
}
