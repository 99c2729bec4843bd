/* marks.c - places in a recording. */
#include "audio/marks.h"
#include "audio/chunk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CUE_BYTES = 24, LOOP_BYTES = 24, SMPL_HEAD = 36, SAMPLE_PERIOD = 8 /* place in smpl */ };

static int
nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* Room for one more: doubled at each power of 2. */
static int
grow(void **list, size_t n, size_t size, struct err *e)
{
	void *more;

	if (n & (n - 1))
		return 0;
	more = realloc(*list, (n ? 2 * n : 1) * size);
	if (!more)
		return nomem(e);
	*list = more;
	return 0;
}

/* A copy of a text of at most len bytes, within what words may take; NULL with 0 when there is none. */
static int
keep_text(struct marks *m, char **to, const char *s, size_t len, struct err *e)
{
	if (!s || *to)
		return 0;
	len = strnlen(s, len);
	if (!len || len > MARKS_MAX_BYTES - m->bytes)
		return 0;
	*to = strndup(s, len);
	if (!*to)
		return nomem(e);
	m->bytes += len;
	return 0;
}

int
marks_add(struct marks *m, uint32_t id, int64_t at, const char *label, struct err *e)
{
	if (m->n >= MARKS_MAX) {
		m->lost++;
		return 0;
	}
	if (grow((void **)&m->mark, m->n, sizeof *m->mark, e))
		return -1;
	m->mark[m->n] = (struct mark){ .id = id, .at = at };
	m->n++;
	return keep_text(m, &m->mark[m->n - 1].label, label, SIZE_MAX, e);
}

int
marks_add_loop(struct marks *m, const struct mark_loop *loop, struct err *e)
{
	if (m->loops >= MARKS_MAX) {
		m->lost_loops++;
		return 0;
	}
	if (grow((void **)&m->loop, m->loops, sizeof *m->loop, e))
		return -1;
	m->loop[m->loops++] = *loop;
	return 0;
}

/* ---- from chunks ----------------------------------------------------------------------- */

static int
by_id(const void *a, const void *b)
{
	const struct mark *x = *(struct mark *const *)a, *y = *(struct mark *const *)b;

	return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : (x > y) - (x < y);
}

/* The first mark of an id in a sorted list. */
static struct mark *
find(struct mark *const *sorted, size_t n, uint32_t id)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (sorted[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && sorted[lo]->id == id ? sorted[lo] : NULL;
}

/* One of labl, note and ltxt, size bytes behind the id of its mark. */
static int
add_words(struct marks *m, struct mark *k, const unsigned char *name, const unsigned char *data, size_t size, struct err *e)
{
	if (!memcmp(name, "labl", 4))
		return keep_text(m, &k->label, (const char *)data, size, e);
	if (!memcmp(name, "note", 4))
		return keep_text(m, &k->note, (const char *)data, size, e);
	if (memcmp(name, "ltxt", 4) != 0 || size < 16 || k->region)
		return 0;
	k->region = 1;
	k->length = chunk_le32(data);
	memcpy(k->kind, data + 4, sizeof k->kind);
	return keep_text(m, &k->text, (const char *)data + 16, size - 16, e);
}

/* The words and the marks are there: together with them. */
static int
join_words(struct marks *m, struct err *e)
{
	struct mark **sorted;
	int r = 0;

	if (!m->n || !m->adtl)
		return 0;
	sorted = calloc(m->n, sizeof *sorted);
	if (!sorted)
		return nomem(e);
	for (size_t i = 0; i < m->n; i++)
		sorted[i] = &m->mark[i];
	qsort(sorted, m->n, sizeof *sorted, by_id);
	for (size_t at = 0, size; !r && at + 12 <= m->adtl_len; at += 8 + size + (size & 1)) {
		const unsigned char *p = m->adtl + at;
		struct mark *k;

		size = chunk_le32(p + 4);
		if (size > m->adtl_len - at - 8)
			break;
		k = size >= 4 ? find(sorted, m->n, chunk_le32(p + 8)) : NULL;
		if (k)
			r = add_words(m, k, p, p + 12, size - 4, e);
	}
	free(sorted);
	free(m->adtl);
	m->adtl = NULL;
	return r;
}

int
marks_add_cue(struct marks *m, const unsigned char *data, size_t len, struct err *e)
{
	size_t n = len >= 4 ? chunk_le32(data) : 0;

	if (m->n)
		return 0;
	n = n < (len - 4) / CUE_BYTES ? n : (len - 4) / CUE_BYTES;
	for (size_t i = 0; len >= 4 && i < n; i++) {
		const unsigned char *p = data + 4 + i * CUE_BYTES;

		/* a place in a playlist of waves and silences is none of ours */
		if (!memcmp(p + 8, "data", 4) && marks_add(m, chunk_le32(p), chunk_le32(p + 20), NULL, e))
			return -1;
	}
	return join_words(m, e);
}

int
marks_add_adtl(struct marks *m, const unsigned char *data, size_t len, struct err *e)
{
	if (m->adtl)
		return 0;
	m->adtl = malloc(len + 1);
	if (!m->adtl)
		return nomem(e);
	memcpy(m->adtl, data, len);
	m->adtl_len = len;
	return join_words(m, e);
}

int
marks_add_smpl(struct marks *m, const unsigned char *data, size_t len, struct err *e)
{
	size_t n;

	if (m->has_sampler || len < SMPL_HEAD)
		return 0;
	m->has_sampler = 1;
	memcpy(m->sampler, data, sizeof m->sampler);
	n = chunk_le32(data + 28);
	n = n < (len - SMPL_HEAD) / LOOP_BYTES ? n : (len - SMPL_HEAD) / LOOP_BYTES;
	for (size_t i = 0; i < n; i++) {
		const unsigned char *p = data + SMPL_HEAD + i * LOOP_BYTES;
		struct mark_loop loop = { chunk_le32(p), chunk_le32(p + 4), chunk_le32(p + 16), chunk_le32(p + 20),
			chunk_le32(p + 8), chunk_le32(p + 12) };

		if (loop.first <= loop.last && marks_add_loop(m, &loop, e))
			return -1;
	}
	return 0;
}

void
marks_add_inst(struct marks *m, const unsigned char *data, size_t len)
{
	if (m->has_inst || len < sizeof m->inst)
		return;
	m->has_inst = 1;
	memcpy(m->inst, data, sizeof m->inst);
}

/* ---- to new places --------------------------------------------------------------------- */

/* Where frame p of what is kept comes to be. */
static int64_t
moved(const struct marks_move *how, double p)
{
	return (int64_t)floor(p * how->out_hz / how->in_hz + 0.5) + how->before;
}

/* The same for one that must be there: not behind the last frame, which a higher place may be rounded to. */
static int64_t
moved_within(const struct marks_move *how, double p)
{
	int64_t to = moved(how, p), last;

	if (how->length < 0)
		return to;
	last = (int64_t)ceil((double)how->length * how->out_hz / how->in_hz) - 1 + how->before;
	return to < last ? to : last;
}

/* -1: it is not there any more. */
static int
move_mark(struct mark *k, const struct marks_move *how)
{
	double at = (double)(k->at - how->start) + how->delay, end = at + (double)k->length;
	double most = how->length < 0 ? INFINITY : (double)how->length;

	if (k->region && k->length > 0) {
		at = at < 0 ? 0 : at;
		end = end > most ? most : end;
		if (at >= end)
			return -1;
		k->at = moved_within(how, at);
		k->length = moved(how, end) - k->at;
		return 0;
	}
	if (at < 0 || at > most || (at == most && !how->whole_end))
		return -1;
	k->at = at == most ? (int64_t)ceil(at * how->out_hz / how->in_hz) + how->before : moved_within(how, at);
	return 0;
}

static int
move_loop(struct mark_loop *l, const struct marks_move *how)
{
	double first = (double)(l->first - how->start) + how->delay, end = first + (double)(l->last - l->first + 1);

	if (first < 0 || (how->length >= 0 && end > (double)how->length))
		return -1;
	l->first = moved_within(how, first);
	l->last = moved(how, end) - 1;
	return l->last < l->first ? -1 : 0;
}

/* The id after all that are there. */
static uint32_t
next_id(const struct marks *m)
{
	uint32_t top = 0;

	for (size_t i = 0; i < m->n; i++)
		top = m->mark[i].id > top ? m->mark[i].id : top;
	for (size_t i = 0; i < m->loops; i++)
		top = m->loop[i].id > top ? m->loop[i].id : top;
	return m->n + m->loops && top < UINT32_MAX ? top + 1 : 0;
}

static int
take_mark(struct marks *to, const struct mark *from, const struct mark *k, uint32_t id, struct err *e)
{
	struct mark *new;

	if (marks_add(to, id, k->at, from->label, e))
		return -1;
	new = &to->mark[to->n - 1];
	new->region = k->region;
	new->length = k->length;
	memcpy(new->kind, k->kind, sizeof new->kind);
	return keep_text(to, &new->note, from->note, SIZE_MAX, e) || keep_text(to, &new->text, from->text, SIZE_MAX, e) ? -1 : 0;
}

static void
take_sampler(struct marks *to, const struct marks *from, const struct marks_move *how)
{
	if (from->has_inst && !to->has_inst) {
		to->has_inst = 1;
		memcpy(to->inst, from->inst, sizeof to->inst);
	}
	if (!from->has_sampler || to->has_sampler)
		return;
	to->has_sampler = 1;
	memcpy(to->sampler, from->sampler, sizeof to->sampler);
	if (how->in_hz != how->out_hz) {        /* nanoseconds from frame to frame */
		uint32_t ns = (uint32_t)(1e9 / how->out_hz + 0.5);

		for (int i = 0; i < 4; i++)
			to->sampler[SAMPLE_PERIOD + i] = (unsigned char)(ns >> 8 * i);
	}
}

int
marks_take(struct marks *to, const struct marks *from, const struct marks_move *how, struct err *e)
{
	uint32_t first = next_id(to);

	to->lost += from->lost;
	to->lost_loops += from->lost_loops;
	for (size_t i = 0; i < from->n; i++) {
		struct mark k = from->mark[i];

		if (move_mark(&k, how) || k.at + k.length > UINT32_MAX || to->n >= MARKS_MAX || k.id > UINT32_MAX - first)
			to->lost++;
		else if (take_mark(to, &from->mark[i], &k, k.id + first, e))
			return -1;
	}
	for (size_t i = 0; i < from->loops; i++) {
		struct mark_loop l = from->loop[i];

		l.id += first;
		if (move_loop(&l, how) || l.last > UINT32_MAX)
			to->lost_loops++;
		else if (marks_add_loop(to, &l, e))
			return -1;
	}
	take_sampler(to, from, how);
	return 0;
}

void
marks_to_points(struct marks *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->mark[i].note);
		free(m->mark[i].text);
		m->mark[i] = (struct mark){ .id = m->mark[i].id, .at = m->mark[i].at, .label = m->mark[i].label };
	}
}

void
marks_drop_loops(struct marks *m)
{
	m->lost_loops += m->loops;
	m->loops = 0;
	m->has_sampler = m->has_inst = 0;
}

void
marks_drop(struct marks *m)
{
	m->lost += m->n;
	for (size_t i = 0; i < m->n; i++) {
		free(m->mark[i].label);
		free(m->mark[i].note);
		free(m->mark[i].text);
	}
	free(m->mark);
	m->mark = NULL;
	m->n = m->bytes = 0;
}

void
marks_free(struct marks *m)
{
	marks_drop(m);
	free(m->loop);
	free(m->adtl);
	*m = (struct marks){ 0 };
}

/* ---- to chunks ------------------------------------------------------------------------- */

static void
put_words(struct str *b, const char *id, uint32_t mark, const void *head, size_t head_len, const char *text)
{
	struct str one = { 0 };

	chunk_put32(&one, mark);
	str_addn(&one, head, head_len);
	str_addn(&one, text ? text : "", text ? strlen(text) + 1 : 0);
	b->failed |= one.failed;
	if (!one.failed)
		chunk_put(b, id, one.s, one.len);
	str_free(&one);
}

static void
put_cues(const struct marks *m, struct str *b)
{
	struct str cue = { 0 }, adtl = { 0 };

	chunk_put32(&cue, (uint32_t)m->n);
	str_add(&adtl, "adtl");
	for (size_t i = 0; i < m->n; i++) {
		const struct mark *k = &m->mark[i];

		chunk_put32(&cue, k->id);
		chunk_put32(&cue, (uint32_t)k->at);
		str_addn(&cue, "data\0\0\0\0\0\0\0", 12);
		chunk_put32(&cue, (uint32_t)k->at);
		if (k->label)
			put_words(&adtl, "labl", k->id, "", 0, k->label);
		if (k->note)
			put_words(&adtl, "note", k->id, "", 0, k->note);
		if (k->region) {
			unsigned char head[4 + sizeof k->kind];

			for (int j = 0; j < 4; j++)
				head[j] = (unsigned char)(k->length >> 8 * j);
			memcpy(head + 4, k->kind, sizeof k->kind);
			put_words(&adtl, "ltxt", k->id, head, sizeof head, k->text);
		}
	}
	b->failed |= cue.failed | adtl.failed;
	if (!b->failed)
		chunk_put(b, "cue ", cue.s, cue.len);
	if (!b->failed && adtl.len > 4)
		chunk_put(b, "LIST", adtl.s, adtl.len);
	str_free(&cue);
	str_free(&adtl);
}

static void
put_sampler(const struct marks *m, struct str *b)
{
	struct str s = { 0 };

	str_addn(&s, (const char *)m->sampler, sizeof m->sampler);
	chunk_put32(&s, (uint32_t)m->loops);
	chunk_put32(&s, 0);
	for (size_t i = 0; i < m->loops; i++) {
		const struct mark_loop *l = &m->loop[i];

		chunk_put32(&s, l->id);
		chunk_put32(&s, l->type);
		chunk_put32(&s, (uint32_t)l->first);
		chunk_put32(&s, (uint32_t)l->last);
		chunk_put32(&s, l->fraction);
		chunk_put32(&s, l->count);
	}
	b->failed |= s.failed;
	if (!s.failed)
		chunk_put(b, "smpl", s.s, s.len);
	str_free(&s);
}

void
marks_chunks(const struct marks *m, struct str *b)
{
	if (m->n)
		put_cues(m, b);
	if (m->has_sampler)
		put_sampler(m, b);
	if (m->has_inst)
		chunk_put(b, "inst", m->inst, sizeof m->inst);
}
