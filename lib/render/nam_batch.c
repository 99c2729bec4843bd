/* nam_batch.c - many renders in one process. */
#include "render/nam_batch.h"
#include "base/file.h"
#include "base/par.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "render/nam_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_LINE = 65536, MAX_AHEAD = 1024, POLL_MS = 200 };

struct job {
	struct job *next;
	size_t number;               /* from 1 */
	json_t *line;                /* the strings of the options live here; NULL: it is no object */
	struct nam_options o;
	char tail[32];
	uint64_t model_key, input, output; /* keys of the names; 0: none */
	struct err e;
	int failed, done;
	struct nam_cached *model, *samples;
	struct nam_render *render;
	struct prov *prov;
	json_t *report, *prov_line;
	struct batch *batch;
};

/* An output that some job has begun to make. */
struct name {
	uint64_t key;                /* 0: a free slot */
	uint32_t job;
	enum { PENDING, MADE, NOT_MADE } state;
};

struct batch {
	int in;
	int out;
	struct nam_options defaults;
	const char *prov_file;
	struct outfile prov_out;
	struct progress *progress;
	struct nam_crew *crew;
	struct nam_cache *models, *inputs;
	size_t max_ahead;

	pthread_mutex_t lock;        /* of all below, and of done in jobs */
	pthread_cond_t room;
	struct job *first, *last;    /* not answered yet, in order */
	struct job *todo;            /* the first of them that has not begun */
	size_t ahead;
	int eof, stop;
	struct name *names;
	size_t n_names, cap_names;   /* cap a power of two */
	struct nam_batch_result result;
	struct err e;                /* why stop */
};

/* ---- names of outputs ------------------------------------------------------------------ */

/* Of what a name stands for, be it there or not yet; the same for ./x and x.  Never 0. */
static uint64_t
key_of(const char *name)
{
	char hex[65], *real = realpath(name, NULL), *dir = NULL;
	uint64_t key;

	if (!real) {
		const char *base = path_base(name);
		char *path = str_printf("%.*s", (int)(base - name), name);

		dir = path ? realpath(*path ? path : ".", NULL) : NULL;
		real = dir ? str_printf("%s/%s", dir, base) : NULL;
		free(path);
		free(dir);
	}
	sha256_bytes(real ? real : name, strlen(real ? real : name), hex);
	free(real);
	hex[16] = '\0';
	key = strtoull(hex, NULL, 16);
	return key ? key : 1;
}

static struct name *
name_slot(struct name *names, size_t cap, uint64_t key)
{
	size_t i = key & (cap - 1);

	while (names[i].key && names[i].key != key)
		i = (i + 1) & (cap - 1);
	return &names[i];
}

static struct name *
find_name(const struct batch *b, uint64_t key)
{
	struct name *n = b->cap_names ? name_slot(b->names, b->cap_names, key) : NULL;

	return n && n->key ? n : NULL;
}

/* The name is the job's now, be it new or that of a job that failed. */
static int
add_name(struct batch *b, uint64_t key, size_t job)
{
	struct name *n;

	if (2 * (b->n_names + 1) > b->cap_names) {
		size_t cap = b->cap_names ? 2 * b->cap_names : 256;
		struct name *names = calloc(cap, sizeof *names);

		if (!names)
			return -1;
		for (size_t i = 0; i < b->cap_names; i++)
			if (b->names[i].key)
				*name_slot(names, cap, b->names[i].key) = b->names[i];
		free(b->names);
		b->names = names;
		b->cap_names = cap;
	}
	n = name_slot(b->names, b->cap_names, key);
	b->n_names += n->key == 0;
	*n = (struct name){ key, (uint32_t)job, PENDING };
	return 0;
}

/* ---- jobs ------------------------------------------------------------------------------ */

enum type { TEXT, NUMBER, WHOLE };
static const struct key {
	const char *name;
	enum type type;
	size_t at;
} keys[] = {
	{ "model", TEXT, offsetof(struct nam_options, model) },
	{ "input", TEXT, offsetof(struct nam_options, input) },
	{ "output", TEXT, offsetof(struct nam_options, output) },
	{ "slim", NUMBER, offsetof(struct nam_options, slim) },
	{ "channel", WHOLE, offsetof(struct nam_options, channel) },
	{ "input_gain_db", NUMBER, offsetof(struct nam_options, input_gain_db) },
	{ "output_gain_db", NUMBER, offsetof(struct nam_options, output_gain_db) },
	{ "input_dbu", NUMBER, offsetof(struct nam_options, input_dbu) },
	{ "output_dbu", NUMBER, offsetof(struct nam_options, output_dbu) },
	{ "level", TEXT, offsetof(struct nam_options, level) },
	{ "level_target_db", NUMBER, offsetof(struct nam_options, level_target_db) },
	{ "dc_block_hz", NUMBER, offsetof(struct nam_options, dc_block_hz) },
	{ "resample", TEXT, offsetof(struct nam_options, resample) },
	{ "tail", TEXT, offsetof(struct nam_options, tail) },
	{ "encoding", TEXT, offsetof(struct nam_options, encoding) },
};
static const size_t type_size[] = { sizeof(const char *), sizeof(double), sizeof(int) };

static int
set_option(struct job *j, const struct key *k, const json_t *v)
{
	char *to = (char *)&j->o + k->at;
	struct nam_options plain;

	nam_options_init(&plain);
	if (json_is_null(v)) {
		memcpy(to, (char *)&plain + k->at, type_size[k->type]);
	} else if (k->type == TEXT && json_is_string(v)) {
		*(const char **)(void *)to = json_string_value(v);
	} else if (!strcmp(k->name, "tail") && json_is_number(v)) {
		snprintf(j->tail, sizeof j->tail, "%.17g", json_number_value(v));
		j->o.tail = j->tail;
	} else if (k->type == NUMBER && json_is_number(v)) {
		*(double *)(void *)to = json_number_value(v);
	} else if (k->type == WHOLE && json_is_integer(v) && llabs(json_integer_value(v)) < 1000000) {
		*(int *)(void *)to = (int)json_integer_value(v);
	} else {
		return err_set(&j->e, ERR_INPUT, "%s: not %s", k->name, k->type == TEXT ? "a text" :
		    k->type == WHOLE ? "a whole number" : "a number");
	}
	return 0;
}

static int
check_files(struct job *j)
{
	const struct { const char *key, *name; } files[] = {
		{ "model", j->o.model }, { "input", j->o.input }, { "output", j->o.output }
	};

	for (size_t i = 0; i < 3; i++) {
		if (!files[i].name || !*files[i].name)
			return err_set(&j->e, ERR_INPUT, "%s: missing", files[i].key);
		if (!strcmp(files[i].name, "-"))
			return err_set(&j->e, ERR_INPUT, "%s: the standard streams carry the jobs and the answers; name a "
			    "file", files[i].key);
	}
	return 0;
}

static int
parse_job(struct job *j, const char *text, size_t len)
{
	json_error_t je;
	const char *name;
	json_t *v;

	j->line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (!j->line)
		return err_set(&j->e, ERR_INPUT, "not JSON: column %d: %s", je.column, jl_why(&je));
	if (!json_is_object(j->line)) {
		json_decref(j->line);
		j->line = NULL;
		return err_set(&j->e, ERR_INPUT, "not a JSON object");
	}
	json_object_foreach(j->line, name, v) {
		const struct key *k = keys, *end = keys + sizeof keys / sizeof *keys;

		if (!strcmp(name, "id"))
			continue;
		while (k < end && strcmp(name, k->name) != 0)
			k++;
		if (k == end)
			return err_set(&j->e, ERR_INPUT, "unknown key '%.100s'", name);
		if (set_option(j, k, v))
			return -1;
	}
	return check_files(j) || nam_options_check(&j->o, &j->e) ? -1 : 0;
}

static void
job_free(struct job *j)
{
	json_decref(j->line);
	json_decref(j->report);
	json_decref(j->prov_line);
	prov_free(j->prov);
	nam_render_free(j->render);
	free(j);
}

/* ---- answers --------------------------------------------------------------------------- */

static void
stop(struct batch *b, const struct err *e)
{
	if (!b->stop)
		b->e = *e;
	b->stop = 1;
	pthread_cond_broadcast(&b->room);
}

/* o in one line; name is for the message, NULL: standard output. */
static int
write_line(int fd, const char *name, const json_t *o, struct err *e)
{
	char *text = jl_text(o);
	size_t len = text ? strlen(text) : 0, done = 0;

	if (text)
		text[len++] = '\n';     /* in place of its NUL */
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(text);
			return name ? err_sys(e, "cannot write '%s'", name) : err_sys(e, "cannot write standard output");
		}
		done += (size_t)n;
	}
	free(text);
	return text ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

static void
answer(struct batch *b, struct job *j)
{
	json_t *o = jl_new("nam-batch/1"), *id = json_object_get(j->line, "id");
	struct err e;

	b->result.jobs++;
	b->result.failed += (size_t)j->failed;
	jl_int(o, "job", (long long)j->number);
	jl_set(o, "id", id ? json_incref(id) : NULL);
	jl_str(o, "status", j->failed ? "failed" : "done");
	jl_str(o, "error", j->failed ? j->e.msg : NULL);
	jl_set(o, "report", json_incref(j->report));
	if (!b->stop && (write_line(b->out, NULL, o, &e) ||
	    (j->prov_line && write_line(b->prov_out.fd, b->prov_file, j->prov_line, &e))))
		stop(b, &e);
	json_decref(o);
	if (b->stop)
		return;
	if (b->progress)
		progress_step(b->progress, (double)b->result.jobs);
}

/* A job has ended, one way or the other: answer what can be answered. */
static void
finish(struct job *j)
{
	struct batch *b = j->batch;
	struct name *n;

	pthread_mutex_lock(&b->lock);
	j->done = 1;
	n = j->output ? find_name(b, j->output) : NULL;
	if (n)
		n->state = j->failed ? NOT_MADE : MADE;
	while (b->first && b->first->done) {
		struct job *first = b->first;

		answer(b, first);
		b->first = first->next;
		b->last = b->first ? b->last : NULL;
		b->ahead--;
		job_free(first);
	}
	pthread_cond_broadcast(&b->room);
	pthread_mutex_unlock(&b->lock);
	nam_crew_wake(b->crew);
}

/* ---- work ------------------------------------------------------------------------------ */

static int
begin(struct job *j)
{
	struct batch *b = j->batch;

	j->prov = prov_new(b->prov_file);
	if (!j->prov)
		return err_set(&j->e, ERR_NOMEM, "out of memory");
	j->model = nam_cache_get(b->models, j->o.model, nam_options_slim(&j->o), &j->e);
	if (!j->model)
		return -1;
	j->samples = nam_cache_get(b->inputs, j->o.input, 0, &j->e);
	if (!j->samples)
		return -1;
	return nam_render_open(&j->render, &j->o, nam_cached_what(j->model), nam_cached_what(j->samples), &j->e);
}

static int
complete(struct job *j)
{
	char hex[65] = "";

	if (nam_render_result(j->render, &j->e) || !(j->report = nam_render_report(j->render, &j->e)) ||
	    nam_render_commit(j->render, prov_wanted(j->prov) ? hex : NULL, &j->e) ||
	    nam_render_prov(j->render, j->prov, hex, &j->e))
		return -1;
	prov_set(j->prov, "job", json_incref(j->line));
	j->prov_line = prov_take(j->prov);
	return 0;
}

static void
release(struct job *j)
{
	nam_render_free(j->render);
	j->render = NULL;
	nam_cache_put(j->batch->models, j->model);
	nam_cache_put(j->batch->inputs, j->samples);
	prov_free(j->prov);
	j->prov = NULL;
	if (j->failed) {
		json_decref(j->report);
		j->report = NULL;
	}
}

static void
rendered(void *ctx)
{
	struct job *j = ctx;

	j->failed = complete(j) != 0;
	release(j);
	finish(j);
}

/* Whether a job that has begun and not ended reads what j will write. */
static int
is_read(const struct batch *b, const struct job *j)
{
	const struct job *r = b->first;

	while (r != j && (r->done || (r->input != j->output && r->model_key != j->output)))
		r = r->next;
	return r != j;
}

/* Whether j, before which all have begun, has to wait for one of them: what it reads is being made, or
 * what it makes is being read, or being made and perhaps in vain. */
static int
has_to_wait(const struct batch *b, const struct job *j)
{
	const uint64_t named[] = { j->model_key, j->input, j->output };

	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		const struct name *n = find_name(b, named[i]);

		if (n && n->state == PENDING)
			return 1;
	}
	return is_read(b, j);
}

/* After the wait: is there what j reads, and may it have its output? */
static int
claim(struct batch *b, struct job *j)
{
	const struct { uint64_t key; const char *name; } reads[] = {
		{ j->model_key, j->o.model }, { j->input, j->o.input }
	};
	const struct name *n = find_name(b, j->output);

	if (n && n->state == MADE) {
		j->output = 0;          /* it stays the other's */
		return err_set(&j->e, ERR_INPUT, "'%s' is the output of job %u already", j->o.output, (unsigned)n->job);
	}
	for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
		n = find_name(b, reads[i].key);
		if (n && n->state == NOT_MADE && !j->failed)
			j->failed = err_set(&j->e, ERR_INPUT, "'%s' is the output of job %u, which failed", reads[i].name,
			    (unsigned)n->job) != 0;
	}
	if (add_name(b, j->output, j->number)) {
		j->output = 0;
		return err_set(&j->e, ERR_NOMEM, "out of memory");
	}
	return j->failed;
}

/* The next job that has not begun, or NULL and why not. */
static struct job *
take_job(struct batch *b, enum nam_crew_next *why)
{
	struct job *j;

	pthread_mutex_lock(&b->lock);
	j = b->stop ? NULL : b->todo;
	*why = b->stop || (b->eof && !j) ? NAM_CREW_NO_MORE : NAM_CREW_NONE_YET;
	if (j && !j->failed && has_to_wait(b, j))
		j = NULL;               /* it is asked again when a job has ended */
	if (j) {
		b->todo = j->next;
		j->failed = j->failed || claim(b, j);
	}
	pthread_mutex_unlock(&b->lock);
	return j;
}

static enum nam_crew_next
next_flow(void *ctx, struct nam_flow **flow)
{
	struct batch *b = ctx;
	enum nam_crew_next why;
	struct job *j;

	while ((j = take_job(b, &why)) != NULL) {
		if (!j->failed && !begin(j)) {
			*flow = nam_render_flow(j->render, rendered, j);
			return NAM_CREW_FLOW;
		}
		j->failed = 1;
		release(j);
		finish(j);
	}
	return why;
}

/* ---- reading --------------------------------------------------------------------------- */

static int
add_job(struct batch *b, const char *text, size_t len, int too_long)
{
	static const char blank[] = " \t\r";
	struct job *j = calloc(1, sizeof *j);
	struct err e;

	if (!j) {
		err_set(&e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	j->batch = b;
	j->o = b->defaults;
	for (size_t i = 0; !too_long && i <= len; i++) {
		if (i == len) {         /* an empty line is no job */
			free(j);
			return 0;
		}
		if (!strchr(blank, text[i]) || !text[i])
			break;
	}
	if (too_long)
		j->failed = err_set(&j->e, ERR_INPUT, "the line is longer than %d bytes", MAX_LINE) != 0;
	else
		j->failed = parse_job(j, text, len) != 0;
	if (!j->failed) {
		j->model_key = key_of(j->o.model);
		j->input = key_of(j->o.input);
		j->output = key_of(j->o.output);
	}
	pthread_mutex_lock(&b->lock);
	while (b->ahead >= b->max_ahead && !b->stop)
		pthread_cond_wait(&b->room, &b->lock);
	j->number = (b->last ? b->last->number : b->result.jobs) + 1;
	if (b->last)
		b->last->next = j;
	else
		b->first = j;
	b->last = j;
	b->todo = b->todo ? b->todo : j;
	b->ahead++;
	pthread_mutex_unlock(&b->lock);
	nam_crew_wake(b->crew);
	return 0;
fail:
	pthread_mutex_lock(&b->lock);
	stop(b, &e);
	pthread_mutex_unlock(&b->lock);
	return -1;
}

static int
stopped(struct batch *b)
{
	int s;

	pthread_mutex_lock(&b->lock);
	s = b->stop;
	pthread_mutex_unlock(&b->lock);
	return s;
}

/* A thread of its own: it may wait for the next line while the others work. */
static void *
read_jobs(void *arg)
{
	struct batch *b = arg;
	static const size_t chunk = 4096;
	char *line = malloc(MAX_LINE + 1), *more = malloc(chunk);
	size_t len = 0;
	int too_long = 0;
	ssize_t n = 0;
	struct err e;

	if (!line || !more)
		n = err_set(&e, ERR_NOMEM, "out of memory");
	while (n >= 0 && !stopped(b)) {
		struct pollfd p = { .fd = b->in, .events = POLLIN };

		if (poll(&p, 1, POLL_MS) == 0)
			continue;
		n = read(b->in, more, chunk);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n == 0)
			break;
		else if (n < 0)
			err_sys(&e, "cannot read standard input");
		for (ssize_t i = 0; i < n; i++) {
			if (more[i] != '\n') {
				too_long |= len == MAX_LINE;
				if (len < MAX_LINE)
					line[len++] = more[i];
				continue;
			}
			if (add_job(b, line, len, too_long))
				break;
			len = 0;
			too_long = 0;
		}
	}
	if (n >= 0 && len && !stopped(b))
		add_job(b, line, len, too_long);
	pthread_mutex_lock(&b->lock);
	b->eof = 1;
	if (n < 0)
		stop(b, &e);
	pthread_mutex_unlock(&b->lock);
	nam_crew_wake(b->crew);
	free(line);
	free(more);
	return NULL;
}

/* Every flow has an output open, and maybe an input: as many as descriptors and lanes allow. */
static int
choose_flows(int threads)
{
	const rlim_t enough = 8192;
	struct rlimit l;
	int flows = threads * 33;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return 16;
	if (l.rlim_cur != RLIM_INFINITY && l.rlim_cur < enough) {
		l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max > enough ? enough : l.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &l) || getrlimit(RLIMIT_NOFILE, &l))
			return 16;
	}
	if (l.rlim_cur != RLIM_INFINITY && (rlim_t)flows > l.rlim_cur / 4)
		flows = (int)(l.rlim_cur / 4);
	return flows < 1 ? 1 : flows > MAX_AHEAD ? MAX_AHEAD : flows;
}

int
nam_batch_run(int in, int out, const struct nam_options *defaults, const struct nam_gpus *gpus, int threads,
    const char *prov_file, struct progress *p, struct nam_batch_result *result, struct err *e)
{
	struct batch b = { .in = in, .out = out, .defaults = *defaults, .prov_file = prov_file, .progress = p };
	pthread_t reader;
	int status = -1, flows, mode;

	*result = (struct nam_batch_result){ 0 };
	mode = fcntl(out, F_GETFL);
	if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY) {       /* opt_parse() puts that where it was closed */
		errno = EBADF;
		return err_sys(e, "cannot write standard output");
	}
	threads = threads > 0 ? threads : par_cpus();
	flows = choose_flows(threads);
	b.max_ahead = (size_t)flows + 256 < MAX_AHEAD ? (size_t)flows + 256 : MAX_AHEAD;
	pthread_mutex_init(&b.lock, NULL);
	pthread_cond_init(&b.room, NULL);
	if (prov_file && outfile_open(&b.prov_out, prov_file, e)) {
		b.prov_file = NULL;
		goto out;
	}
	b.models = nam_cache_models(e);
	b.inputs = nam_cache_inputs(e);
	b.crew = b.models && b.inputs ? nam_crew_new(gpus, threads, flows, next_flow, &b, e) : NULL;
	if (!b.crew)
		goto out;
	if (pthread_create(&reader, NULL, read_jobs, &b)) {
		err_set(e, ERR_NOMEM, "cannot start a thread");
		goto out;
	}
	nam_crew_run(b.crew);
	pthread_join(reader, NULL);
	*result = b.result;
	*e = b.e;
	status = b.stop ? -1 : 0;
	if (!status && prov_file) {
		status = outfile_commit(&b.prov_out, e);
		b.prov_file = NULL;
	}
out:
	if (b.prov_file)
		outfile_abort(&b.prov_out);
	while (b.first) {               /* after a stop */
		struct job *j = b.first;

		b.first = j->next;
		job_free(j);
	}
	nam_crew_free(b.crew);
	nam_cache_free(b.models);
	nam_cache_free(b.inputs);
	free(b.names);
	pthread_mutex_destroy(&b.lock);
	pthread_cond_destroy(&b.room);
	return status;
}
