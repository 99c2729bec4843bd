/* fetch.c - models and IRs by name: names to jobs, the order of results. */
#include "net/fetch.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "net/fetch_impl.h"
#include "net/licence.h"
#include "net/validate.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 100, MAX_WAITING = 256 };
static const size_t max_file = 64 << 20;

struct job {
	struct fetch *f;
	struct job *next;
	char what[64];           /* for messages */
	json_t *record;
	char *path;
	int cached, over, bad;
	struct err e;
	struct fetch_body body;
	struct job *next_check;
	int checked;             /* under f->lock: the checker is through with it */
};

struct fetch {
	struct store *s;
	const struct api *a;
	struct fetch_options o;
	struct job *first, **last; /* in the order of the names */
	size_t waiting, running;
	/* A thread validates what has come while the next files come. */
	pthread_t checker;
	pthread_mutex_t lock;    /* of the four below, and checked and next_check of jobs */
	pthread_cond_t work, ready;
	struct job *to_check, **last_check;
	int has_checker, quit;
	char tone_id[STORE_ID_MAX]; /* the last tone asked for, and what it is */
	json_t *tone;
};

static void
job_free(struct job *j)
{
	if (!j)
		return;
	if (j->body.name)
		fetch_body_close(&j->body, 0);
	json_decref(j->record);
	free(j->path);
	free(j);
}

static void
fail(struct fetch *f, const char *what, const struct err *e)
{
	f->o.failed(f->o.ctx, what, e);
}

/* ---- results, in order ---- */

static int
is_over(struct fetch *f, struct job *j)
{
	if (!j->over) {
		pthread_mutex_lock(&f->lock);
		j->over = j->checked;
		pthread_mutex_unlock(&f->lock);
	}
	return j->over;
}

static int
emit(struct fetch *f, struct err *e)
{
	int r = 0;

	while (f->first && is_over(f, f->first) && !r) {
		struct job *j = f->first;
		char *copy = NULL;

		if (!j->bad && f->o.dir && store_export(f->s, j->record, f->o.dir, &copy, &j->e))
			j->bad = 1;
		if (j->bad)
			fail(f, j->what, &j->e);
		else
			r = f->o.out(f->o.ctx, j->record, copy ? copy : j->path, j->cached, e);
		free(copy);
		f->first = j->next;
		if (!f->first)
			f->last = &f->first;
		f->waiting--;
		job_free(j);
	}
	return r;
}

/* Let downloads move until at most `running` run and `waiting` results wait. */
static int
settle(struct fetch *f, size_t running, size_t waiting, struct err *e)
{
	int r = emit(f, e);

	while (!r && (f->running > running || f->waiting > waiting)) {
		if (f->running) {
			r = http_step(f->a->h, 1, e);
		} else {        /* all have come: the first one is being checked */
			pthread_mutex_lock(&f->lock);
			while (!f->first->checked)
				pthread_cond_wait(&f->ready, &f->lock);
			pthread_mutex_unlock(&f->lock);
		}
		if (!r)
			r = emit(f, e);
	}
	return r;
}

static struct job *
add_job(struct fetch *f, json_t *record, const char *tone, const char *model)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j) {
		json_decref(record);
		return NULL;
	}
	j->f = f;
	j->body.fd = -1;
	j->record = record;
	snprintf(j->what, sizeof j->what, "tone3000:%s/%s", tone, model);
	*f->last = j;
	f->last = &j->next;
	f->waiting++;
	return j;
}

/* What the store has; 1: done. */
static int
from_store(struct fetch *f, const char *tone, const char *model, const char *url, struct err *e)
{
	char *path = NULL;
	json_t *record;
	const char *had;
	struct job *j;

	if (f->o.refresh && !f->o.offline)
		return 0;
	record = store_get(f->s, *tone ? tone : NULL, model, &path, e);
	if (!record)
		return 0;
	/* the owner has put another file in its place: files do not change under their address */
	had = json_string_value(json_object_get(record, "url"));
	if (url && had && strcmp(url, had) != 0) {
		json_decref(record);
		free(path);
		return 0;
	}
	j = add_job(f, record, json_string_value(json_object_get(record, "tone_id")), model);
	if (!j) {
		free(path);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	j->path = path;
	j->cached = j->over = 1;
	return 1;
}

/* ---- downloads ---- */

static void
take(json_t *o, const char *key, const json_t *from, const char *theirs)
{
	json_t *v = json_object_get(from, theirs);

	jl_set(o, key, json_is_string(v) ? json_incref(v) : NULL);
}

static json_t *
make_record(const json_t *tone, const json_t *model, const char *tone_id, const char *model_id, const char *url)
{
	const char *format = json_string_value(json_object_get(tone, "format"));
	const char *licence = json_string_value(json_object_get(tone, "license"));
	const json_t *user = json_object_get(tone, "user");
	json_t *o = jl_new("tone-file/1");
	time_t now = time(NULL);
	char date[32];
	struct tm tm;

	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	jl_str(o, "tone_id", tone_id);
	jl_str(o, "model_id", model_id);
	take(o, "title", tone, "title");
	take(o, "name", model, "name");
	take(o, "creator", user, json_is_string(json_object_get(user, "username")) ? "username" : "display_name");
	take(o, "license", tone, "license");
	jl_str(o, "redistribution", licence_redistribution(licence));
	take(o, "source", tone, "url");
	take(o, "gear", tone, "gear");
	take(o, "format", tone, "format");
	take(o, "architecture", model, "architecture_version");
	take(o, "size", model, "size");
	jl_str(o, "url", url);
	jl_str(o, "fetched_at", date);
	jl_str(o, "ext", validate_ext(format ? format : "", url));
	return o;
}

/* The file is whole on disk: validate it, give it its name. */
static int
accept_file(struct job *j, struct err *e)
{
	const char *as, *ext = json_string_value(json_object_get(j->record, "ext"));
	char hex[65];

	if (fetch_body_end(&j->body, hex, e) || validate_file(j->body.name, ext, &as, e))
		return -1;
	jl_str(j->record, "sha256", hex);
	jl_int(j->record, "bytes", j->body.have);
	jl_str(j->record, "validated", as);
	if (store_put(j->f->s, j->body.name, j->record, e))
		return -1;
	j->path = store_path(j->f->s, j->record);
	return j->path ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

static void
download_prepare(void *ctx, int64_t *resume_from, const char **etag)
{
	fetch_body_prepare(&((struct job *)ctx)->body, resume_from, etag);
}

static int
download_data(void *ctx, struct http_answer *a, int first, const char *data, size_t n, struct err *e)
{
	return fetch_body_data(&((struct job *)ctx)->body, a, first, data, n, e);
}

/* Validate and keep; on the checker's thread, or where there is none on ours. */
static void
check(struct job *j)
{
	j->bad = accept_file(j, &j->e) != 0;
	fetch_body_close(&j->body, !j->bad);
}

static void *
checker(void *ctx)
{
	struct fetch *f = ctx;

	pthread_mutex_lock(&f->lock);
	for (;;) {
		struct job *j = f->to_check;

		if (f->quit)
			break;
		if (!j) {
			pthread_cond_wait(&f->work, &f->lock);
			continue;
		}
		f->to_check = j->next_check;
		if (!f->to_check)
			f->last_check = &f->to_check;
		pthread_mutex_unlock(&f->lock);
		check(j);
		pthread_mutex_lock(&f->lock);
		j->checked = 1;         /* from here on it is not ours */
		pthread_cond_signal(&f->ready);
		http_wake(f->a->h);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void
download_done(void *ctx, const struct http_answer *a, const struct err *e)
{
	struct job *j = ctx;
	struct fetch *f = j->f;

	(void)a;
	f->running--;
	if (e) {
		j->e = *e;
		j->over = j->bad = 1;
		/* what was cut off and has a tag is for the next process that asks */
		fetch_body_close(&j->body, e->code == ERR_RETRY && j->body.tagged && j->body.have > 0);
	} else if (!f->has_checker) {
		check(j);
		j->over = 1;
	} else {
		pthread_mutex_lock(&f->lock);
		*f->last_check = j;
		f->last_check = &j->next_check;
		pthread_cond_signal(&f->work);
		pthread_mutex_unlock(&f->lock);
	}
}

static int
download(struct fetch *f, const json_t *tone, const json_t *model, const char *tone_id, const char *model_id,
         struct err *e)
{
	const char *url = json_string_value(json_object_get(model, "model_url"));
	char *own = url && *url ? NULL : str_printf("%s/api/v1/models/%s/download", f->a->origin, model_id);
	struct http_request r = { .url = own ? own : url, .flags = HTTP_BEARER, .max_bytes = max_file,
		.prepare = download_prepare, .data = download_data, .done = download_done };
	struct job *j;
	int got;

	if (!r.url)
		return err_set(e, ERR_NOMEM, "out of memory");
	got = from_store(f, tone_id, model_id, r.url, e);
	if (got || settle(f, (size_t)f->o.parallel - 1, MAX_WAITING, e)) {
		free(own);
		return got > 0 ? emit(f, e) : -1;
	}
	j = add_job(f, make_record(tone, model, tone_id, model_id, r.url), tone_id, model_id);
	if (!j) {
		free(own);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	r.ctx = j;
	if (fetch_body_open(&j->body, f->s, model_id, r.url, &j->e) || http_add(f->a->h, &r, &j->e))
		j->over = j->bad = 1;
	else
		f->running++;
	free(own);
	return 0;
}

/* ---- names ---- */

static const json_t *
tone_of(struct fetch *f, const char *id, struct err *e)
{
	char *path;

	if (f->tone && !strcmp(f->tone_id, id))
		return f->tone;
	json_decref(f->tone);
	path = str_printf("/api/v1/tones/%s", id);
	f->tone = path ? api_get(f->a, path, 0, e) : NULL;
	if (!path)
		err_set(e, ERR_NOMEM, "out of memory");
	free(path);
	snprintf(f->tone_id, sizeof f->tone_id, "%s", id);
	return f->tone;
}

static int
one_model(struct fetch *f, const char *name, const char *tone_id, const char *model_id, struct err *e)
{
	const json_t *tone;
	char *path, of[STORE_ID_MAX];
	json_t *model;
	struct err why = { 0 };
	int r = from_store(f, tone_id, model_id, NULL, &why);

	if (r)
		return r > 0 ? emit(f, e) : -1;
	if (f->o.offline) {
		fail(f, name, &why);
		return 0;
	}
	path = str_printf("/api/v1/models/%s", model_id);
	model = path ? api_get(f->a, path, 0, &why) : NULL;
	free(path);
	if (model && (api_id(json_object_get(model, "tone_id"), of) || (*tone_id && strcmp(of, tone_id) != 0)))
		err_set(&why, ERR_ABSENT, "model %s is of tone %s", model_id, of);
	else if (model && (tone = tone_of(f, of, &why)) != NULL) {
		r = download(f, tone, model, of, model_id, e);
		json_decref(model);
		return r;
	}
	json_decref(model);
	fail(f, name, &why);
	return 0;
}

struct listing {
	struct fetch *f;
	const char *tone_id;
	const json_t *tone;
	long long found;
	int ended;               /* out() or the network said so */
};

static int
is_asked_for(const struct fetch *f, const char *id)
{
	for (int i = 0; i < f->o.models.n; i++)
		if (!strcmp(f->o.models.v[i], id))
			return 1;
	return !f->o.models.n;
}

static int
on_model(void *ctx, json_t *model, struct err *e)
{
	struct listing *l = ctx;
	char id[STORE_ID_MAX];

	if (api_id(json_object_get(model, "id"), id) || !is_asked_for(l->f, id))
		return 0;
	l->found++;
	if (download(l->f, l->tone, model, l->tone_id, id, e))
		l->ended = 1;
	return l->ended ? -1 : 0;
}

static int
on_record(void *ctx, json_t *record, struct err *e)
{
	struct listing *l = ctx;
	const char *id = json_string_value(json_object_get(record, "model_id"));
	const char *of = json_string_value(json_object_get(record, "tone_id"));
	const char *kind = json_string_value(json_object_get(record, "architecture"));
	struct err why = { 0 };
	int r;

	if (!of || strcmp(of, l->tone_id) != 0 || !is_asked_for(l->f, id) || (l->f->o.architecture && kind &&
	    strcmp(kind, l->f->o.architecture) != 0))
		return 0;
	l->found++;
	r = from_store(l->f, of, id, NULL, &why);
	if (!r)
		fail(l->f, id, &why);
	else if (r < 0 || emit(l->f, e))
		l->ended = 1;
	return l->ended ? -1 : 0;
}

/* The lists of models a tone has: the service shows those of one architecture at a time, and for tones that are no NAM models
 * only when none is named. */
static int
list_models(struct listing *l, struct err *e)
{
	static const struct { const char *word, *count; } kinds[] = {
		{ "1", "a1_models_count" }, { "2", "a2_models_count" }, { "custom", "custom_models_count" },
	};
	const struct fetch_options *o = &l->f->o;
	const char *format = json_string_value(json_object_get(l->tone, "format"));
	const int is_nam = format && !strcmp(format, "nam");
	int r = 0;

	for (size_t i = 0; !r && i < (is_nam ? 3 : 1); i++) {
		const json_t *count = json_object_get(l->tone, kinds[i].count);
		char *path;

		if (is_nam && o->architecture ? strcmp(o->architecture, kinds[i].word) != 0 :
		    is_nam && json_is_integer(count) && json_integer_value(count) == 0)
			continue;
		path = is_nam ? str_printf("/api/v1/models?tone_id=%s&architecture=%s", l->tone_id, kinds[i].word) :
		    str_printf("/api/v1/models?tone_id=%s", l->tone_id);
		r = path ? api_each(l->f->a, path, PAGE, 0, 0, on_model, l, e) : err_set(e, ERR_NOMEM, "out of memory");
		free(path);
	}
	return r;
}

static int
whole_tone(struct fetch *f, const char *name, const char *tone_id, struct err *e)
{
	struct listing l = { .f = f, .tone_id = tone_id };
	struct err why = { 0 };
	int r = -1;

	if (f->o.offline)
		r = store_each(f->s, on_record, &l, &why);
	else if ((l.tone = json_incref((json_t *)tone_of(f, tone_id, &why))) != NULL)
		r = list_models(&l, &why);
	json_decref((json_t *)l.tone);
	if (l.ended) {
		*e = why;
		return -1;
	}
	if (!r && !l.found)
		r = err_set(&why, ERR_ABSENT, f->o.offline ? "the store has no model of tone %s" :
		    "tone %s has no such models", tone_id);
	if (r)
		fail(f, name, &why);
	return 0;
}

int
fetch_add(struct fetch *f, const char *name, struct err *e)
{
	char tone[STORE_ID_MAX], model[STORE_ID_MAX];
	struct err why;

	if (fetch_parse(name, f->a ? f->a->origin : NULL, tone, model)) {
		err_set(&why, ERR_INPUT, "is no id of a tone, TONE/MODEL, address of the service, or JSON line with ids");
		fail(f, name, &why);
		return 0;
	}
	return *model ? one_model(f, name, tone, model, e) : whole_tone(f, name, tone, e);
}

static int
fetch_lines(struct fetch *f, FILE *in, struct err *e)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int r = 0;

	while (!r && (len = getline(&line, &cap, in)) > 0) {
		while (len && strchr(" \t\r\n", line[len - 1]))
			line[--len] = '\0';
		if (len)
			r = fetch_add(f, line + strspn(line, " \t"), e);
	}
	free(line);
	return r ? r : ferror(in) ? err_sys(e, "cannot read the names") : 0;
}

int
fetch_names(struct fetch *f, int n, char *const names[], FILE *in, struct err *e)
{
	int r = 0;

	if (!n || (n == 1 && !strcmp(names[0], "-")))
		return fetch_lines(f, in, e);
	for (int i = 0; i < n && !r; i++)
		r = fetch_add(f, names[i], e);
	return r;
}

int
fetch_wait(struct fetch *f, struct err *e)
{
	return settle(f, 0, 0, e);
}

int
fetch_new(struct fetch **out, struct store *s, const struct api *a, const struct fetch_options *o, struct err *e)
{
	struct fetch *f = calloc(1, sizeof *f);
	sigset_t all, old;

	*out = f;
	if (!f)
		return err_set(e, ERR_NOMEM, "out of memory");
	f->s = s;
	f->a = a;
	f->o = *o;
	f->last = &f->first;
	f->last_check = &f->to_check;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->work, NULL);
	pthread_cond_init(&f->ready, NULL);
	if (!a)
		return 0;
	/* signals are for the thread that may hold them back, see token.h */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	f->has_checker = !pthread_create(&f->checker, NULL, checker, f);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return 0;
}

void
fetch_free(struct fetch *f)
{
	struct job *next;

	if (!f)
		return;
	if (f->has_checker) {
		pthread_mutex_lock(&f->lock);
		f->quit = 1;
		pthread_cond_signal(&f->work);
		pthread_mutex_unlock(&f->lock);
		pthread_join(f->checker, NULL);
	}
	for (struct job *j = f->first; j; j = next) {
		next = j->next;
		job_free(j);
	}
	json_decref(f->tone);
	pthread_cond_destroy(&f->ready);
	pthread_cond_destroy(&f->work);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
