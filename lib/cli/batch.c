/* batch.c - a reader, a ring of jobs, and threads that take the oldest one that waits. */
#include "cli/batch.h"
#include "base/par.h"
#include "cli/diag.h"
#include "cli/jsonl.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AHEAD = 8 }; /* jobs for each thread that are read and not answered */

enum state { WAITS, RUNS, DONE };
struct job {
	enum state state;
	json_t *line, *report; /* line: NULL when it is no object, and e says why */
	struct err e;
};

/* Job number n lies in ring[n % size]; answered <= begun <= read. */
struct ring {
	const struct batch *b;
	int out, stop, ended;
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct job *job;
	size_t size, answered, begun, read, failed;
	struct err e; /* why stop */
};

static int
write_all(int fd, const char *text, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "cannot write standard output");
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
answer(struct ring *r, struct job *j, size_t number, struct err *e)
{
	json_t *o = jl_new(r->b->schema), *id = json_object_get(j->line, "id");
	char *text;
	int ret;

	jl_int(o, "job", (long long)number);
	jl_set(o, "id", id ? json_incref(id) : NULL);
	jl_str(o, "status", j->report ? "done" : "failed");
	jl_str(o, "error", j->report ? NULL : j->e.msg);
	jl_set(o, "report", j->report);
	r->failed += !j->report;
	j->report = NULL;
	text = jl_text(o);
	json_decref(o);
	json_decref(j->line);
	j->line = NULL;
	if (!text)
		return err_set(e, ERR_NOMEM, "out of memory");
	ret = write_all(r->out, text, strlen(text), e) || write_all(r->out, "\n", 1, e) ? -1 : 0;
	free(text);
	return ret;
}

/* With the lock held: the answers whose turn it is. */
static void
answers(struct ring *r)
{
	while (r->answered < r->begun && r->job[r->answered % r->size].state == DONE) {
		struct job *j = &r->job[r->answered++ % r->size];

		if (!r->stop && answer(r, j, r->answered, &r->e))
			r->stop = 1;
		json_decref(j->report);
		json_decref(j->line);
		j->report = j->line = NULL;
		if (r->b->progress)
			progress_step(r->b->progress, (double)r->answered);
	}
	pthread_cond_broadcast(&r->change);
}

static void *
work(void *arg)
{
	struct ring *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct job *j;
		size_t number;

		while (!r->stop && !r->ended && r->begun == r->read)
			pthread_cond_wait(&r->change, &r->lock);
		if (r->stop || r->begun == r->read)
			break;
		j = &r->job[r->begun++ % r->size];
		number = r->begun;
		j->state = RUNS;
		if (j->line) {
			pthread_mutex_unlock(&r->lock);
			j->report = r->b->run(r->b->ctx, number, j->line, &j->e);
			pthread_mutex_lock(&r->lock);
		}
		j->state = DONE;
		answers(r);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* One line is a job; waits for room. */
static void
take(struct ring *r, const char *text, size_t len)
{
	json_error_t je;
	struct job j = { .state = WAITS };

	if (strspn(text, " \t\r") >= len)
		return;
	if (len >= BATCH_MAX_LINE) {
		err_set(&j.e, ERR_INPUT, "a line of more than %d bytes is no job", BATCH_MAX_LINE - 1);
	} else {
		j.line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
		if (!j.line)
			err_set(&j.e, ERR_INPUT, "not JSON: column %d: %s", je.column, jl_why(&je));
	}
	if (j.line && !json_is_object(j.line)) {
		json_decref(j.line);
		j.line = NULL;
		err_set(&j.e, ERR_INPUT, "not a JSON object");
	}
	pthread_mutex_lock(&r->lock);
	while (!r->stop && r->read - r->answered == r->size)
		pthread_cond_wait(&r->change, &r->lock);
	if (r->stop) {
		json_decref(j.line);
	} else {
		r->job[r->read++ % r->size] = j;
		pthread_cond_broadcast(&r->change);
	}
	pthread_mutex_unlock(&r->lock);
}

static int
stopped(struct ring *r)
{
	int stop;

	pthread_mutex_lock(&r->lock);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return stop;
}

/* Lines up to BATCH_MAX_LINE; of a longer one the rest is thrown away, so that it is one job that fails. */
static int
read_lines(struct ring *r, int in, struct err *e)
{
	char *buf = malloc(BATCH_MAX_LINE + 1), *end;
	size_t have = 0;
	int skip = 0, ret = -1;

	if (!buf)
		return err_set(e, ERR_NOMEM, "out of memory");
	while (!stopped(r)) {
		ssize_t n = read(in, buf + have, BATCH_MAX_LINE - have);
		size_t at = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(e, "cannot read standard input");
			goto out;
		}
		if (n == 0)
			break;
		have += (size_t)n;
		for (; (end = memchr(buf + at, '\n', have - at)); at = (size_t)(end - buf) + 1) {
			*end = '\0';
			if (!skip)
				take(r, buf + at, (size_t)(end - buf) - at);
			skip = 0;
		}
		have -= at;
		memmove(buf, buf + at, have);
		if (have == BATCH_MAX_LINE) {
			buf[have] = '\0';
			if (!skip)
				take(r, buf, have);
			skip = 1;
			have = 0;
		}
	}
	buf[have] = '\0';
	if (have && !skip)
		take(r, buf, have);
	ret = 0;
out:
	free(buf);
	return ret;
}

int
batch_run(const struct batch *b, int in, int out, struct batch_result *result, struct err *e)
{
	int threads = b->threads > 0 ? b->threads : par_cpus(), started = 0, ret;
	struct ring r = { .b = b, .out = out, .size = AHEAD * (size_t)threads };
	pthread_t *id = calloc((size_t)threads, sizeof *id);

	*result = (struct batch_result){ 0 };
	r.job = calloc(r.size, sizeof *r.job);
	if (!id || !r.job) {
		free(id);
		free(r.job);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	pthread_mutex_init(&r.lock, NULL);
	pthread_cond_init(&r.change, NULL);
	while (started < threads && !pthread_create(&id[started], NULL, work, &r))
		started++;
	ret = started ? read_lines(&r, in, e) : err_set(e, ERR_NOMEM, "no thread can be started");
	pthread_mutex_lock(&r.lock);
	r.ended = 1;
	pthread_cond_broadcast(&r.change);
	pthread_mutex_unlock(&r.lock);
	for (int t = 0; t < started; t++)
		pthread_join(id[t], NULL);
	for (size_t n = r.answered; n < r.read; n++) { /* of a batch that stopped */
		json_decref(r.job[n % r.size].line);
		json_decref(r.job[n % r.size].report);
	}
	*result = (struct batch_result){ r.answered, r.failed };
	if (!ret && r.stop) {
		if (e)
			*e = r.e;
		ret = -1;
	}
	pthread_mutex_destroy(&r.lock);
	pthread_cond_destroy(&r.change);
	free(id);
	free(r.job);
	return ret;
}

int
batch_threads(int asked)
{
	const char *env = getenv("SHOOTOUT_THREADS");
	char *end;
	long n;

	if (asked < 0 || asked > BATCH_MAX_THREADS)
		diag_usage("--threads: %d is not within 0..%d", asked, BATCH_MAX_THREADS);
	if (asked || !env || !*env)
		return asked;
	n = strtol(env, &end, 10);
	if (!*end && n >= 1 && n <= BATCH_MAX_THREADS)
		return (int)n;
	diag_warn("SHOOTOUT_THREADS is '%s', not a number within 1..%d: ignored", env, BATCH_MAX_THREADS);
	return 0;
}

int
batch_main(const struct batch *b)
{
	struct batch with = *b;
	struct batch_result r;
	struct progress p;
	struct err e;
	int bad;

	progress_begin(&p, "jobs", 0);
	with.progress = &p;
	with.threads = batch_threads(with.threads);
	bad = batch_run(&with, STDIN_FILENO, STDOUT_FILENO, &r, &e);
	progress_end(&p, (double)r.jobs);
	if (bad)
		return diag_err(&e);
	if (r.failed)
		diag_error("%zu of %zu jobs failed; their answers say why", r.failed, r.jobs);
	return r.failed ? ST_FAIL : ST_OK;
}

static int
set(const struct batch_key *k, const json_t *v, void *to, struct err *e)
{
	static const char *const what[] = { "a text", "a number", "a whole number", "a whole number",
		"true or false" };
	char *p = (char *)to + k->at;

	if (json_is_null(v))
		return 0;
	if (k->type == BATCH_TEXT && json_is_string(v))
		*(const char **)(void *)p = json_string_value(v);
	else if (k->type == BATCH_NUMBER && json_is_number(v))
		*(double *)(void *)p = json_number_value(v);
	else if (k->type == BATCH_WHOLE && json_is_integer(v) && llabs(json_integer_value(v)) < 1000000000)
		*(int *)(void *)p = (int)json_integer_value(v);
	else if (k->type == BATCH_INT64 && json_is_integer(v))
		*(long long *)(void *)p = json_integer_value(v);
	else if (k->type == BATCH_TRUTH && json_is_boolean(v))
		*(int *)(void *)p = json_is_true(v);
	else if (k->type == BATCH_ANY)
		*(const json_t **)(void *)p = v;
	else
		return err_set(e, ERR_INPUT, "%s: not %s", k->name, what[k->type]);
	return 0;
}

int
batch_keys(const json_t *job, const struct batch_key *keys, void *to, struct err *e)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)job, name, v) {
		const struct batch_key *k = keys;

		if (!strcmp(name, "id"))
			continue;
		while (k->name && strcmp(name, k->name) != 0)
			k++;
		if (!k->name)
			return err_set(e, ERR_INPUT, "unknown key '%.100s'", name);
		if (set(k, v, to, e))
			return -1;
	}
	return 0;
}
