/* diff_files.c - files as the inputs of diff.h. */
#include "metrics/diff_files.h"
#include "audio/replay.h"
#include "base/par.h"
#include "base/scan.h"
#include "cli/jsonl.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MATRIX = 1000 };
#define DIFF_MOST_FS 1e9 /* beyond, powers of floats end */

static int
begin(void *ctx, int again, struct err *e)
{
	return replay_begin(ctx, again, e);
}

/* As many as there are, and after the last the end of the pass. */
static int64_t
read_all(void *ctx, float *x, int64_t frames, struct err *e)
{
	size_t ch = (size_t)replay_info(ctx)->channels;
	int64_t got = 0, n = 1;

	for (; n > 0 && got < frames; got += n)
		if ((n = replay_read(ctx, x + (size_t)got * ch, frames - got, e)) < 0)
			return -1;
	if ((double)scan_peak(x, (size_t)got * ch) > DIFF_MOST_FS)
		return err_set(e, ERR_INPUT, "a sample of more than %g times full scale: scale the file, as audio-level does", DIFF_MOST_FS);
	return got;
}

struct sink {
	const struct diff_files *o;
	struct au_out *null;
};

static int
write_null(void *ctx, const float *x, int64_t frames, struct err *e)
{
	return au_write(((struct sink *)ctx)->null, x, frames, e);
}

static void
step(void *ctx, int64_t frames)
{
	const struct sink *s = ctx;

	if (s->o->step)
		s->o->step(s->o->ctx, frames);
}

/* Whether a file's samples may differ where their floats do not. */
static int
finer(const struct au_info *i)
{
	return strcmp(i->encoding, "u8") != 0 && strcmp(i->encoding, "s16") != 0 && strcmp(i->encoding, "s24") != 0 &&
	       strcmp(i->encoding, "f32") != 0;
}

int
diff_pair(struct diff_pair *p, const struct diff_files *o)
{
	struct replay *ref = NULL, *test = NULL;
	struct sink sink = { .o = o };
	struct diff_options options = { .threads = o->threads, .step = step, .ctx = &sink };
	struct diff_input x = { begin, read_all, NULL }, y = x;
	const struct au_info *a, *b;
	int ret = -1;

	p->e.code = ERR_NONE;
	if (replay_open(&ref, p->ref, &p->e) || replay_open(&test, p->test, &p->e))
		goto out;
	a = replay_info(ref);
	b = replay_info(test);
	if (a->rate_hz != b->rate_hz || a->channels != b->channels) {
		err_set(&p->e, ERR_INPUT, "'%s' has %d Hz and %d channels, '%s' has %d Hz and %d channels: bring both to one shape "
		        "with audio-prep", p->ref, a->rate_hz, a->channels, p->test, b->rate_hz, b->channels);
		goto out;
	}
	if (p->exact && (finer(a) || finer(b))) {
		err_set(&p->e, ERR_UNSUPPORTED, "'%s' has samples of %s, which are compared as 32-bit floats, so exactly cannot be told: "
		        "use cmp, or no --tolerance", finer(a) ? p->ref : p->test, finer(a) ? a->encoding : b->encoding);
		goto out;
	}
	p->rate_hz = a->rate_hz;
	p->channels = a->channels;
	if (o->null) {
		if (au_create(&sink.null, o->null, a->rate_hz, a->channels, AU_DEFAULT, &p->e))
			goto out;
		options.null = write_null;
	}
	options.max_delay_frames = (int64_t)(o->max_delay_s * a->rate_hz);
	x.ctx = ref;
	y.ctx = test;
	if (diff_compare(&x, &y, p->rate_hz, p->channels, &options, &p->v, &p->e))
		goto out;
	if (replay_sha256(ref, p->ref_sha256, &p->e) || replay_sha256(test, p->test_sha256, &p->e))
		goto out;
	ret = 0;
	if (sink.null) {
		ret = au_commit(sink.null, NULL, &p->e);
		sink.null = NULL;
	}
out:
	au_abort(sink.null);
	replay_close(ref);
	replay_close(test);
	return ret;
}

int
diff_nearer(const char *key)
{
	struct diff_number n[DIFF_MAX_NUMBERS];
	struct diff_values none = { 0 };
	size_t count = diff_numbers(&none, 1, n);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(n[i].key, key))
			return n[i].nearer;
	return 0;
}

struct matrix {
	const char *const *file;
	size_t n;
	const char *key;
	struct diff_files o;
	struct cell { double v; const char *reason; } *cell; /* n x n */
	char (*sha256)[65];
	pthread_mutex_t lock;
	atomic_int failed;
	struct err e;
};

/* Pair i of the n (n - 1) / 2, row by row. */
static void
one_pair(void *ctx, size_t i, int thread)
{
	struct matrix *m = ctx;
	struct diff_number n[DIFF_MAX_NUMBERS];
	struct diff_pair *p;
	size_t a = 0, b, count;
	struct diff_files o = m->o;

	(void)thread;
	for (; i >= m->n - 1 - a; a++)
		i -= m->n - 1 - a;
	b = a + 1 + i;
	o.threads = 1;
	p = m->failed ? NULL : calloc(1, sizeof *p);
	if (p) {
		p->ref = m->file[a];
		p->test = m->file[b];
	}
	if (!p || diff_pair(p, &o)) {
		pthread_mutex_lock(&m->lock);
		if (!m->failed && p)
			m->e = p->e;
		else if (!m->failed)
			err_set(&m->e, ERR_NOMEM, "out of memory");
		m->failed = 1;
		pthread_mutex_unlock(&m->lock);
		free(p);
		return;
	}
	count = diff_numbers(&p->v, p->rate_hz, n);
	pthread_mutex_lock(&m->lock);
	memcpy(m->sha256[a], p->ref_sha256, sizeof m->sha256[a]);
	memcpy(m->sha256[b], p->test_sha256, sizeof m->sha256[b]);
	pthread_mutex_unlock(&m->lock);
	for (size_t k = 0; k < count; k++)
		if (!strcmp(n[k].key, m->key))
			m->cell[a * m->n + b] = m->cell[b * m->n + a] = (struct cell){ n[k].v, n[k].reason };
	free(p);
}

/* The others in the order of their distance from file a; those without one last. */
static json_t *
nearest(const struct matrix *m, size_t a)
{
	int sign = diff_nearer(m->key);
	json_t *list = json_array();
	char *taken = calloc(m->n, 1);

	for (size_t k = 0; taken && k + 1 < m->n; k++) {
		size_t best = m->n;

		for (size_t b = 0; b < m->n; b++) {
			double v = sign * m->cell[a * m->n + b].v, w = best < m->n ? sign * m->cell[a * m->n + best].v : NAN;

			if (b != a && !taken[b] && (best == m->n || v > w || (isnan(w) && !isnan(v))))
				best = b;
		}
		taken[best] = 1;
		json_array_append_new(list, json_integer((json_int_t)best));
	}
	free(taken);
	return list;
}

static json_t *
matrix_json(const struct matrix *m)
{
	json_t *o = jl_new("diff-matrix/1"), *files = json_array(), *rows = json_array(), *order = json_array(), *why = json_array();

	for (size_t a = 0; a < m->n; a++) {
		json_t *f = json_object(), *row = json_array();

		jl_str(f, "file", m->file[a]);
		jl_str(f, "sha256", m->sha256[a]);
		json_array_append_new(files, f);
		for (size_t b = 0; b < m->n; b++) {
			const struct cell *c = &m->cell[a * m->n + b];

			json_array_append_new(row, a != b && isfinite(c->v) ? json_real(c->v) : json_null());
			if (a < b && !isfinite(c->v))
				json_array_append_new(why, json_pack("{s:[I,I],s:s}", "pair", (json_int_t)a, (json_int_t)b,
				    "reason", c->reason ? c->reason : "not defined"));
		}
		json_array_append_new(rows, row);
		json_array_append_new(order, nearest(m, a));
	}
	jl_str(o, "by", m->key);
	jl_set(o, "files", files);
	jl_set(o, "distances", rows);
	jl_set(o, "nearest", order);
	jl_set(o, "reasons", why);
	return o;
}

json_t *
diff_matrix(const char *const *file, size_t n, const char *key, const struct diff_files *o, struct err *e)
{
	struct matrix m = { .file = file, .n = n, .key = key, .o = *o };
	json_t *ret = NULL;

	if (n < 2 || n > MAX_MATRIX) {
		err_set(e, ERR_INPUT, "a matrix is of 2 to %d files, not %zu", MAX_MATRIX, n);
		return NULL;
	}
	m.cell = calloc(n * n, sizeof *m.cell);
	m.sha256 = calloc(n, sizeof *m.sha256);
	if (!m.cell || !m.sha256) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	pthread_mutex_init(&m.lock, NULL);
	par_for(o->threads, n * (n - 1) / 2, one_pair, &m);
	pthread_mutex_destroy(&m.lock);
	if (m.failed)
		*e = m.e;
	else if (!(ret = matrix_json(&m)))
		err_set(e, ERR_NOMEM, "out of memory");
out:
	free(m.cell);
	free(m.sha256);
	return ret;
}
