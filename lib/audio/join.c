/* join.c - one replay after the other, and a region over them. */
#include "audio/join.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct join {
	struct replay **in;
	size_t n, at;            /* at: the one that is read */
	int again, region;       /* region: of more than one */
	struct au_info info;
	int64_t start, length;   /* the region; length -1: to the end */
	int64_t seen, given;     /* of this pass: frames of all, of the region */
};

int
join_open(struct join **out, const char *const *names, size_t n, struct err *e)
{
	struct join *j = calloc(1, sizeof *j);

	*out = NULL;
	if (!j || n > JOIN_MAX || !(j->in = calloc(n, sizeof *j->in))) {
		join_close(j);
		return n > JOIN_MAX ? err_set(e, ERR_INPUT, "at most %d inputs can be joined, not %zu", JOIN_MAX, n) :
		    err_set(e, ERR_NOMEM, "out of memory");
	}
	j->length = -1;
	for (; j->n < n; j->n++) {
		const struct au_info *i;

		if (replay_open(&j->in[j->n], names[j->n], e))
			goto fail;
		i = replay_info(j->in[j->n]);
		if (j->n == 0) {
			j->info = *i;
			continue;
		}
		if (i->rate_hz != j->info.rate_hz || i->channels != j->info.channels) {
			err_set(e, ERR_INPUT, "'%s' has %d channels at %d Hz, '%s' has %d at %d Hz: conform them before they are "
			    "joined", names[0], j->info.channels, j->info.rate_hz, names[j->n], i->channels, i->rate_hz);
			j->n++;
			goto fail;
		}
		j->info.frames = i->frames < 0 || j->info.frames < 0 ? -1 : j->info.frames + i->frames;
	}
	*out = j;
	return 0;
fail:
	join_close(j);
	return -1;
}

const struct au_info *
join_info(const struct join *j)
{
	return &j->info;
}

/* The marks of an input of so many frames (-1: not known) that begins at frame `at` of all (-1: not known). */
static int
add_marks(struct marks *to, const struct marks *from, int64_t frames, int64_t at, const struct marks_move *how, struct err *e)
{
	struct marks_move own = { .length = frames, .whole_end = 1, .in_hz = 1, .out_hz = 1, .before = at };
	struct marks m = { 0 };
	int bad = 0;

	if (at < 0) {
		to->lost += from->n;
		to->lost_loops += from->loops;
		return 0;
	}
	bad = marks_take(&m, from, &own, e) || marks_take(to, &m, how, e);
	marks_free(&m);
	return bad ? -1 : 0;
}

int
join_meta(const struct join *j, struct meta *m, const struct marks_move *how, struct err *e)
{
	struct marks none = { 0 };
	struct meta first = *replay_meta(j->in[0]);
	int64_t at = 0;

	first.marks = none;                     /* the rest is borrowed */
	if (meta_copy(m, &first, NULL, e))
		return -1;
	for (size_t i = 0; i < j->n; i++) {
		int64_t frames = replay_frames(j->in[i]);

		if (add_marks(&m->marks, &replay_meta(j->in[i])->marks, frames, at, how, e)) {
			meta_free(m);
			return -1;
		}
		at = at < 0 || frames < 0 ? -1 : at + frames;
	}
	return 0;
}

size_t
join_inputs(const struct join *j)
{
	return j->n;
}

static int
too_short(const struct join *j, int64_t frames, struct err *e)
{
	return err_set(e, ERR_INPUT, "the %zu inputs have %" PRId64 " frames together, the part asked for is not within",
	    j->n, frames);
}

int
join_region(struct join *j, int64_t start, int64_t length, struct err *e)
{
	if (j->n == 1)
		return replay_region(j->in[0], start, length, e);
	j->start = start;
	j->length = length < 0 ? -1 : length;
	j->region = start > 0 || length >= 0;
	if (j->info.frames >= 0 && ((start > 0 && start >= j->info.frames) || length > j->info.frames - start))
		return too_short(j, j->info.frames, e);
	return 0;
}

int
join_begin(struct join *j, int again, struct err *e)
{
	j->at = 0;
	j->again = again;
	j->seen = j->given = 0;
	return replay_begin(j->in[0], again, e);
}

/* Of all inputs, whatever the region. */
static int64_t
read_all(struct join *j, float *x, int64_t frames, struct err *e)
{
	int64_t n;

	while ((n = replay_read(j->in[j->at], x, frames, e)) == 0 && j->at + 1 < j->n)
		if (replay_begin(j->in[++j->at], j->again, e))
			return -1;
	j->seen += n > 0 ? n : 0;
	return n;
}

int64_t
join_read(struct join *j, float *x, int64_t frames, struct err *e)
{
	int64_t n, from, to, before;

	if (!j->region)
		return read_all(j, x, frames, e);
	for (;;) { /* to the end of all inputs, also after the region: pipes want to be read */
		before = j->seen;
		n = read_all(j, x, frames, e);
		if (n < 0)
			return -1;
		if (n == 0)
			return j->given == 0 || j->given < j->length ? too_short(j, j->seen, e) : 0;
		from = j->start > before ? j->start - before : 0;
		to = j->length >= 0 && j->start + j->length - before < n ? j->start + j->length - before : n;
		if (from < to)
			break;
	}
	memmove(x, x + from * j->info.channels, (size_t)((to - from) * j->info.channels) * sizeof *x);
	j->given += to - from;
	return to - from;
}

int64_t
join_frames(const struct join *j)
{
	int64_t sum = 0, n;

	for (size_t i = 0; i < j->n; i++) {
		if ((n = replay_frames(j->in[i])) < 0)
			return -1;
		sum += n;
	}
	return sum;
}

int64_t
join_input_frames(const struct join *j, size_t i)
{
	return replay_frames(j->in[i]);
}

int
join_input_sha256(struct join *j, size_t i, char hex[65], struct err *e)
{
	return replay_sha256(j->in[i], hex, e);
}

void
join_close(struct join *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->n; i++)
		replay_close(j->in[i]);
	free(j->in);
	free(j);
}
