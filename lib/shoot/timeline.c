/* timeline.c - read, place and write the segments of a shootout. */
#include "shoot/timeline.h"
#include "audio/audio.h"
#include "base/file.h"
#include "cli/jsonl.h"

#include <stdlib.h>
#include <string.h>

/* A key that must be a whole number in [min, max]. */
static int
get_int(const json_t *o, const char *key, int64_t min, int64_t max, int64_t *out, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return err_set(e, ERR_INPUT, "\"%s\" is missing", key);
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return err_set(e, ERR_INPUT, "\"%s\" must be a whole number from %lld to %lld", key,
		    (long long)min, (long long)max);
	*out = json_integer_value(v);
	return 0;
}

/* A key that may be missing, but if it is there it is text. */
static int
get_str(const json_t *o, const char *key, const char **out, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	*out = NULL;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return err_set(e, ERR_INPUT, "\"%s\" must be text", key);
	*out = json_string_value(v);
	return 0;
}

static int
want_schema(const json_t *o, const char *schema, struct err *e)
{
	const char *s = json_string_value(json_object_get(o, "schema"));

	if (!s || strcmp(s, schema))
		return err_set(e, ERR_INPUT, "\"schema\" must be \"%s\"%s%.40s%s", schema,
		    s ? ", not \"" : "", s ? s : "", s ? "\"" : "");
	return 0;
}

static int64_t
most_frames(void)
{
	return (int64_t)TL_MAX_S * AU_MAX_RATE_HZ;
}

/* One object into one segment.  Keeps a reference to o only on success. */
static int
parse_segment(struct tl_segment *s, json_t *o, struct err *e)
{
	const char *kind;

	memset(s, 0, sizeof *s);
	s->at_frame = -1;
	if (want_schema(o, "segment/1", e) || get_str(o, "kind", &kind, e))
		return -1;
	if (!kind || (strcmp(kind, "segment") && strcmp(kind, "title")))
		return err_set(e, ERR_INPUT, "\"kind\" must be \"segment\" or \"title\"");
	s->is_title = !strcmp(kind, "title");
	if (get_str(o, "label", &s->label, e) || get_str(o, "name", &s->name, e) ||
	    get_str(o, "title", &s->title, e) || get_str(o, "di", &s->di, e) ||
	    get_str(o, "file", &s->file, e) || get_str(o, "level", &s->level, e) ||
	    get_str(o, "card", &s->card, e) ||
	    get_int(o, "length_frames", 1, most_frames(), &s->length_frames, e))
		return -1;
	if (s->is_title) {
		if (s->file)
			return err_set(e, ERR_INPUT, "a title is silent and takes no \"file\"");
	} else {
		if (!s->file || !*s->file || !strcmp(s->file, "-"))
			return err_set(e, ERR_INPUT, "\"file\" must name the segment's audio file");
		if (get_int(o, "start_frame", 0, most_frames(), &s->start_frame, e))
			return -1;
	}
	s->o = json_incref(o);
	return 0;
}

static int
add_segment(struct timeline *t, json_t *o, struct err *e)
{
	if (t->n == TL_MAX_SEGMENTS)
		return err_set(e, ERR_INPUT, "more than %d segments", TL_MAX_SEGMENTS);
	if (!(t->n & (t->n - 1))) {              /* 0, 1, 2, 4, 8, ... : full */
		size_t cap = t->n ? 2 * t->n : 1;
		struct tl_segment *p = realloc(t->seg, cap * sizeof *p);

		if (!p)
			return err_set(e, ERR_NOMEM, "out of memory");
		t->seg = p;
	}
	if (parse_segment(&t->seg[t->n], o, e))
		return -1;
	t->n++;
	return 0;
}

/* Audio frames per picture into t; the rule of the header. */
static int
set_rates(struct timeline *t, int rate_hz, int channels, int num, int den, struct err *e)
{
	int64_t per = (int64_t)rate_hz * den;

	if (per % num || per < num)
		return err_set(e, ERR_INPUT,
		    "%d Hz at %d%s%.0d pictures a second is %.3f audio frames per picture, not a whole "
		    "number, and sound and picture would drift apart; take %s", rate_hz, num,
		    den > 1 ? "/" : "", den > 1 ? den : 0, (double)per / num,
		    rate_hz % 24 ? "25, 30, 50 or 60" : "24, 25, 30, 50 or 60");
	t->rate_hz = rate_hz;
	t->channels = channels;
	t->fps_num = num;
	t->fps_den = den;
	t->frames_per_picture = (int)(per / num);
	return 0;
}

static int
parse_head(struct timeline *t, const json_t *o, int64_t *segments, struct err *e)
{
	int64_t rate = 0, channels = 0, num = 0, den = 0;

	if (want_schema(o, "timeline/1", e) ||
	    get_int(o, "rate_hz", AU_MIN_RATE_HZ, AU_MAX_RATE_HZ, &rate, e) ||
	    get_int(o, "channels", 1, AU_MAX_CHANNELS, &channels, e) ||
	    get_int(o, "frames", 1, (int64_t)TL_MAX_S * rate, &t->frames, e) ||
	    get_int(o, "fps_num", 1, 1000000, &num, e) || get_int(o, "fps_den", 1, 1000000, &den, e) ||
	    get_int(o, "segments", 1, TL_MAX_SEGMENTS, segments, e))
		return -1;
	if (num < den || num > 240 * den)
		return err_set(e, ERR_INPUT, "fps_num / fps_den must be 1 to 240");
	return set_rates(t, (int)rate, (int)channels, (int)num, (int)den, e);
}

/* The places the last segment claims must be the ones that follow from those before it. */
static int
check_place(struct timeline *t, int64_t *at, struct err *e)
{
	struct tl_segment *s = &t->seg[t->n - 1];
	int64_t spp = t->frames_per_picture;

	if (get_int(s->o, "at_frame", 0, most_frames(), &s->at_frame, e) ||
	    get_int(s->o, "video_frame", 0, most_frames(), &s->video_frame, e) ||
	    get_int(s->o, "video_frames", 1, most_frames(), &s->video_frames, e))
		return -1;
	if (s->at_frame != *at)
		return err_set(e, ERR_INPUT, "\"at_frame\" is %lld but the segments before end at %lld",
		    (long long)s->at_frame, (long long)*at);
	if (s->length_frames != s->video_frames * spp || s->at_frame != s->video_frame * spp)
		return err_set(e, ERR_INPUT, "audio and video frames do not fit together at %lld audio "
		    "frames per picture", (long long)spp);
	*at += s->length_frames;
	if (*at > t->frames)
		return err_set(e, ERR_INPUT, "the segments are longer than the master's %lld frames",
		    (long long)t->frames);
	t->video_frames = *at / spp;
	return 0;
}

/* One line of either format; *at and *segments are the timeline's running state. */
static int
one_line(struct timeline *t, int with_head, int64_t *segments, int64_t *at, json_t *o, struct err *e)
{
	if (!json_is_object(o))
		return err_set(e, ERR_INPUT, "not a JSON object");
	if (with_head && !t->rate_hz)
		return parse_head(t, o, segments, e);
	if (add_segment(t, o, e))
		return -1;
	return with_head ? check_place(t, at, e) : 0;
}

static int
read_lines(struct timeline *t, const char *name, int with_head, struct err *e)
{
	int64_t segments = 0, at = 0;
	char *data = NULL, *p, *end;
	size_t len, line = 0;
	int ret = -1;

	memset(t, 0, sizeof *t);
	if (file_read(name, TL_MAX_BYTES, &data, &len, e))
		return -1;
	for (p = data, end = data + len; p < end; ) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		json_error_t je;
		json_t *o;

		line++;
		if (n > TL_MAX_LINE) {
			err_set(e, ERR_INPUT, "'%s' line %zu is longer than %d bytes", name, line, TL_MAX_LINE);
			goto out;
		}
		if (n && strspn(p, " \t\r") < n) {
			o = json_loadb(p, n, JSON_REJECT_DUPLICATES, &je);
			if (!o) {
				err_set(e, ERR_INPUT, "'%s' line %zu is not JSON: %s", name, line, jl_why(&je));
				goto out;
			}
			if (one_line(t, with_head, &segments, &at, o, e)) {
				json_decref(o);
				err_prefix(e, "'%s' line %zu: ", name, line);
				goto out;
			}
			json_decref(o);
		}
		p += n + (nl != NULL);
	}
	if (with_head && !t->rate_hz)
		err_set(e, ERR_INPUT, "'%s' is empty; a timeline starts with a \"timeline/1\" line", name);
	else if (!t->n)
		err_set(e, ERR_INPUT, "'%s' has no segments", name);
	else if (with_head && (segments != (int64_t)t->n || at != t->frames))
		err_set(e, ERR_INPUT, "'%s' is cut short: it has %zu of %lld segments, %lld of %lld frames",
		    name, t->n, (long long)segments, (long long)at, (long long)t->frames);
	else
		ret = 0;
out:
	free(data);
	return ret;
}

int
timeline_read_segments(struct timeline *t, const char *name, struct err *e)
{
	return read_lines(t, name, 0, e);
}

int
timeline_read(struct timeline *t, const char *name, struct err *e)
{
	return read_lines(t, name, 1, e);
}

void
timeline_free(struct timeline *t)
{
	for (size_t i = 0; i < t->n; i++)
		json_decref(t->seg[i].o);
	free(t->seg);
	memset(t, 0, sizeof *t);
}

int
timeline_fps(const char *text, int *num, int *den)
{
	char *end;
	long n = strtol(text, &end, 10), d = 1;

	if (end == text)
		return -1;
	if (*end == '/') {
		text = end + 1;
		d = strtol(text, &end, 10);
		if (end == text)
			return -1;
	}
	if (*end || n < 1 || d < 1 || n > 1000000 || d > 1000000 || n < d || n > 240 * d)
		return -1;
	for (long a = n, b = d; ; ) {            /* Euclid */
		long r = a % b;

		if (!r) {
			n /= b;
			d /= b;
			break;
		}
		a = b;
		b = r;
	}
	*num = (int)n;
	*den = (int)d;
	return 0;
}

int
timeline_layout(struct timeline *t, int rate_hz, int channels, int fps_num, int fps_den,
                struct err *e)
{
	int64_t at = 0;

	if (set_rates(t, rate_hz, channels, fps_num, fps_den, e))
		return -1;
	for (size_t i = 0; i < t->n; i++) {
		struct tl_segment *s = &t->seg[i];

		s->trimmed_frames = s->length_frames % t->frames_per_picture;
		s->length_frames -= s->trimmed_frames;
		if (!s->length_frames)
			return err_set(e, ERR_INPUT, "segment %zu ('%.60s') is shorter than one picture "
			    "(%d frames)", i + 1, s->name ? s->name : "", t->frames_per_picture);
		s->at_frame = at;
		s->video_frame = at / t->frames_per_picture;
		s->video_frames = s->length_frames / t->frames_per_picture;
		at += s->length_frames;
		if (at > (int64_t)TL_MAX_S * rate_hz)
			return err_set(e, ERR_INPUT, "the segments are longer than %d hours together",
			    TL_MAX_S / 3600);
		jl_int(s->o, "at_frame", s->at_frame);
		jl_int(s->o, "length_frames", s->length_frames);
		jl_int(s->o, "video_frame", s->video_frame);
		jl_int(s->o, "video_frames", s->video_frames);
		if (s->trimmed_frames)
			jl_int(s->o, "trimmed_frames", s->trimmed_frames);
	}
	t->frames = at;
	t->video_frames = at / t->frames_per_picture;
	return 0;
}

static void
add_line(const json_t *o, struct str *out)
{
	char *text = jl_text(o);

	if (!text)
		out->failed = 1;
	else
		str_add(out, text);
	str_add(out, "\n");
	free(text);
}

int
timeline_text(const struct timeline *t, json_t *head, struct str *out, struct err *e)
{
	jl_str(head, "kind", "timeline");
	jl_int(head, "rate_hz", t->rate_hz);
	jl_int(head, "channels", t->channels);
	jl_int(head, "frames", t->frames);
	jl_int(head, "fps_num", t->fps_num);
	jl_int(head, "fps_den", t->fps_den);
	jl_int(head, "frames_per_picture", t->frames_per_picture);
	jl_int(head, "video_frames", t->video_frames);
	jl_int(head, "segments", (long long)t->n);
	add_line(head, out);
	for (size_t i = 0; i < t->n; i++)
		add_line(t->seg[i].o, out);
	return out->failed ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}
