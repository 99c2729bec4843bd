/* segment_text.c - a timeline as chapters. */
#include "shoot/segment_text.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 100 };   /* characters; sites show about half of it */

static void
add_clean(struct str *out, const char *s, size_t max_chars)
{
	char *clean = utf8_clean_str(s, max_chars);

	if (clean)
		str_add(out, clean);
	else
		out->failed = 1;
	free(clean);
}

static int
has(const char *s)
{
	return s && *s;
}

void
segment_chapter_name(const struct tl_segment *s, struct str *out)
{
	const char *title = has(s->title) ? s->title : has(s->name) ? s->name : s->is_title ? "Title" : "Tone";

	if (!s->is_title && has(s->label)) {
		add_clean(out, s->label, 8);
		str_add(out, ": ");
	}
	add_clean(out, title, MAX_NAME);
	if (!s->is_title && has(s->di)) {
		str_add(out, " (");
		add_clean(out, s->di, MAX_NAME / 2);
		str_add(out, ")");
	}
}

void
segment_video_title(const struct timeline *t, struct str *out)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->seg[i].is_title && has(t->seg[i].title)) {
			add_clean(out, t->seg[i].title, MAX_NAME);
			return;
		}
	str_add(out, "Shootout");
}

static void
add_escaped(struct str *out, const struct str *text)
{
	if (text->failed)
		out->failed = 1;
	for (size_t i = 0; i < text->len; i++) {
		if (strchr("=;#\\\n", text->s[i]))
			str_add(out, "\\");
		str_addn(out, &text->s[i], 1);
	}
}

int
segment_ffmetadata(const struct timeline *t, struct str *out, struct err *e)
{
	struct str name = { 0 };

	str_add(out, ";FFMETADATA1\ntitle=");
	segment_video_title(t, &name);
	add_escaped(out, &name);
	str_free(&name);
	str_add(out, "\n");
	for (size_t i = 0; i < t->n; i++) {
		const struct tl_segment *s = &t->seg[i];

		str_addf(out, "[CHAPTER]\nTIMEBASE=1/%d\nSTART=%lld\nEND=%lld\ntitle=", t->rate_hz,
		    (long long)s->at_frame, (long long)(s->at_frame + s->length_frames));
		segment_chapter_name(s, &name);
		add_escaped(out, &name);
		str_free(&name);
		str_add(out, "\n");
	}
	return out->failed ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}

/* Angle brackets are refused by sites. */
static void
add_plain(struct str *out, const char *s)
{
	for (; s && *s; s++)
		if (*s == '<')
			str_add(out, "\xe2\x80\xb9");
		else if (*s == '>')
			str_add(out, "\xe2\x80\xba");
		else
			str_addn(out, s, 1);
}

static void
add_time(struct str *out, long long s, int hours)
{
	if (hours)
		str_addf(out, "%lld:%02lld:%02lld ", s / 3600, s / 60 % 60, s % 60);
	else
		str_addf(out, "%lld:%02lld ", s / 60, s % 60);
}

static void
add_credits(const struct timeline *t, struct str *out)
{
	json_t *seen = json_object();
	int first = 1;

	for (size_t i = 0; i < t->n; i++) {
		const json_t *list = json_object_get(t->seg[i].o, "credits"), *v;
		size_t k;

		json_array_foreach(list, k, v) {
			const char *text = json_string_value(v);
			struct str line = { 0 };

			if (!has(text) || json_object_get(seen, text))
				continue;
			json_object_set_new(seen, text, json_true());
			str_add(out, first ? "\n" : "");
			first = 0;
			add_clean(&line, text, 4 * MAX_NAME);
			add_plain(out, line.s);
			str_add(out, "\n");
			out->failed |= line.failed;
			str_free(&line);
		}
	}
	json_decref(seen);
}

int
segment_description(const struct timeline *t, struct str *out, struct segment_chapters *c, struct err *e)
{
	struct str name = { 0 };
	int hours = t->frames >= (int64_t)3600 * t->rate_hz;
	int64_t start = 0;

	segment_video_title(t, &name);
	add_plain(out, name.s);
	out->failed |= name.failed;
	str_free(&name);
	str_add(out, "\n\n");
	c->n = 0;
	c->shortest_s = INFINITY;
	for (size_t i = 0; i < t->n; i++) {
		const struct tl_segment *s = &t->seg[i];
		int64_t end = s->at_frame + s->length_frames;
		double length_s = (double)(end - start) / t->rate_hz;

		if (s->is_title && length_s < SEGMENT_LEAST_CHAPTER_S && i + 1 < t->n && !s[1].is_title)
			continue;               /* start stays: the next begins here */
		c->n++;
		c->shortest_s = fmin(c->shortest_s, length_s);
		add_time(out, llround((double)start / t->rate_hz), hours);
		segment_chapter_name(s, &name);
		add_plain(out, name.s);
		out->failed |= name.failed;
		str_free(&name);
		str_add(out, "\n");
		start = end;
	}
	add_credits(t, out);
	return out->failed ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}
