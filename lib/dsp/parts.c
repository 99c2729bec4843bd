/* parts.c - one output after the other. */
#include "dsp/parts.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The end of a %d or %0Nd at s, or NULL; *width is N or 0. */
static const char *
directive(const char *s, int *width)
{
	*width = 0;
	if (s[1] == 'd')
		return s + 2;
	if (s[1] != '0' || s[2] < '1' || s[2] > '9' || s[3] != 'd')
		return NULL;
	*width = s[2] - '0';
	return s + 4;
}

/* A malloc'd name; NULL when it is no pattern, or out of memory. */
static char *
part_name(const char *pattern, size_t number)
{
	struct str b = { 0 };
	int found = 0, width;

	for (const char *s = pattern; *s;) {
		const char *end = *s == '%' ? directive(s, &width) : NULL;

		if (end) {
			str_addf(&b, "%0*zu", width, number);
			found++;
			s = end;
		} else if (*s == '%' && s[1] != '%') {
			found = 2;
			break;
		} else {
			str_addn(&b, s, 1);
			s += *s == '%' ? 2 : 1;
		}
	}
	if (found != 1 || b.failed) {
		str_free(&b);
		return NULL;
	}
	return b.s;
}

int
parts_is_pattern(const char *name)
{
	char *s = part_name(name, 1);

	free(s);
	return s != NULL;
}

/* Where the part ends that the next frame is in. */
static int64_t
end_of_part(const struct parts *p)
{
	size_t i = 0;

	if (p->every > 0)
		return (p->at / p->every + 1) * p->every;
	while (i < p->n_cuts && p->cut[i] <= p->at)
		i++;
	return i < p->n_cuts ? p->cut[i] : INT64_MAX;
}

/* The output of the part that begins here, with its own time, and its marks of all. */
static int
create_out(struct parts *p, struct part *part, struct err *e)
{
	int64_t end = p->many ? end_of_part(p) : INT64_MAX;
	struct meta_change later = { .before_frames = -p->at, .in_hz = 1, .out_hz = 1 };
	struct marks_move how = { .start = p->at, .length = end == INT64_MAX ? -1 : end - p->at, .whole_end = end == p->total,
		.in_hz = 1, .out_hz = 1 };
	struct meta m = { 0 };
	int bad = (p->meta && meta_copy(&m, p->meta, &how, e)) || meta_change(&m, &later, e) ||
	    au_create_with(&p->out, part->name, p->rate_hz, p->channels, p->encoding, &m, e);

	part->cues = m.marks.n;
	part->loops = m.marks.loops;
	meta_free(&m);
	return bad ? -1 : 0;
}

/* The next file. */
static int
create(struct parts *p, struct err *e)
{
	struct part *part;

	if (p->n == PARTS_MAX)
		return err_set(e, ERR_INPUT, "the audio would be cut into more than %d parts", PARTS_MAX);
	if (!(p->n & (p->n - 1))) { /* doubled at each power of 2 */
		part = realloc(p->part, (p->n ? 2 * p->n : 1) * sizeof *part);
		if (!part)
			return err_set(e, ERR_NOMEM, "out of memory");
		p->part = part;
	}
	part = &p->part[p->n];
	*part = (struct part){ .name = p->many ? part_name(p->output, p->n + 1) : strdup(p->output), .start_frame = p->at };
	if (!part->name)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (create_out(p, part, e)) {
		free(part->name);
		return -1;
	}
	p->n++;
	return 0;
}

int
parts_open(struct parts *p, struct err *e)
{
	p->many = p->n_cuts > 0 || p->every > 0;
	if (p->many)
		return parts_is_pattern(p->output) ? 0 : err_set(e, ERR_INPUT, "output: '%s' has no place for the number "
		    "of a part; put %%d or %%03d into it", p->output);
	return create(p, e);
}

static int
no_clip(const struct parts *p, struct err *e)
{
	int64_t n = au_clipped(p->out);

	return n ? err_set(e, ERR_INPUT, "%" PRId64 " samples of '%s' would clip; lower --gain-db, or write float32 (a name "
	    "that ends in .wav, --encoding f32)", n, p->part[p->n - 1].name) : 0;
}

static int
finish(struct parts *p, struct err *e)
{
	struct part *part = &p->part[p->n - 1];
	struct au_out *out = p->out;

	p->out = NULL;
	part->length_frames = p->at - part->start_frame;
	if (!au_commit(out, p->hash ? part->sha256 : NULL, e))
		return 0;
	free(part->name);
	p->n--;
	return -1;
}

int
parts_write(void *ctx, const float *x, int64_t frames, struct err *e)
{
	struct parts *p = ctx;

	while (frames > 0) {
		int64_t end = p->many ? end_of_part(p) : INT64_MAX, n = frames < end - p->at ? frames : end - p->at;

		if ((!p->out && create(p, e)) || au_write(p->out, x, n, e))
			return -1;
		x += n * p->channels;
		p->at += n;
		frames -= n;
		if (p->at == end && (no_clip(p, e) || finish(p, e)))
			return -1;
	}
	return 0;
}

int
parts_end(struct parts *p, struct err *e)
{
	return p->out ? no_clip(p, e) : 0;
}

int
parts_commit(struct parts *p, struct err *e)
{
	return p->out ? finish(p, e) : 0;
}

void
parts_abort(struct parts *p)
{
	size_t whole = p->out ? p->n - 1 : p->n; /* the last one is not under its name yet */

	for (size_t i = 0; p->many && i < whole; i++)
		unlink(p->part[i].name);
	au_abort(p->out);
	p->out = NULL;
}

void
parts_free(struct parts *p)
{
	au_abort(p->out);
	for (size_t i = 0; i < p->n; i++)
		free(p->part[i].name);
	free(p->part);
	p->out = NULL;
	p->part = NULL;
	p->n = 0;
}
