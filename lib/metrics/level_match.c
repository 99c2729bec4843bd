/* level_match.c - several measured signals in, the target that suits them all out. */
#include "audio/audio.h"
#include "base/file.h"
#include "cli/jsonl.h"
#include "metrics/level_options.h"
#include "metrics/match.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct set {
	const struct level_options *o;
	struct level_want want;
	size_t n, who;           /* who: the file that sets the limit, or n */
	double *level, *peak, target;
	char **file;
	int mono_as;             /* -1: no mono file so far; else whether they were counted twice */
};

/* A measure begins with a brace, and no audio does.  A pipe gives what it has once: it is taken for a measure. */
static int
is_json(const char *name)
{
	struct stat st;
	int fd = strcmp(name, "-") && !stat(name, &st) && S_ISREG(st.st_mode) ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	char c = '{';

	if (fd < 0)
		return 1;
	while (read(fd, &c, 1) == 1 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
		;
	close(fd);
	return c == '{' || c == '[';
}

static json_t *
measure(const struct set *s, const char *name, struct err *e)
{
	struct level_options o = LEVEL_OPTIONS_NONE;
	json_t *report;

	if (is_json(name))
		return level_load(name, "audio-level/1", e);
	o.input = name;
	o.measure = 1;
	o.dual_mono = s->want.dual_mono;
	o.di = s->o->di;
	o.gate_dbfs = s->o->gate_dbfs;
	o.start_frame = s->o->start_frame;
	o.length_frames = s->o->length_frames;
	return level_run(&o, NULL, &report, e) ? NULL : report;
}

static int
add(struct set *s, size_t i, const char *name, struct err *e)
{
	json_t *o = measure(s, name, e);
	const char *input = json_string_value(json_object_get(o, "input"));
	int ret = -1, mono_as = json_integer_value(json_object_get(o, "channels")) != 1 ? -1 :
	    json_is_true(json_object_get(o, "dual_mono"));

	if (!o)
		return -1;
	if (!input)
		err_set(e, ERR_INPUT, "'%s' names no input", name);
	else if (level_number(o, level_key(s->want.by), &s->level[i]) ||
	    level_number(o, level_key(RELEVEL_TRUE_PEAK), &s->peak[i]))
		err_set(e, ERR_INPUT, "'%s' has no %s: '%s' is silent%s, and no gain can match it", name, level_key(s->want.by),
		    input, s->want.by == RELEVEL_SHORT_TERM || s->want.by == RELEVEL_MOMENTARY ? " or too short" : "");
	else if (mono_as >= 0 && s->mono_as >= 0 && mono_as != s->mono_as)
		err_set(e, ERR_INPUT, "'%s' was measured %s --dual-mono, another was not: measure all alike", name,
		    mono_as ? "with" : "without");
	else if (!(s->file[i] = strdup(input)))
		err_set(e, ERR_NOMEM, "out of memory");
	else
		ret = 0;
	s->mono_as = mono_as >= 0 ? mono_as : s->mono_as;
	json_decref(o);
	return ret;
}

static json_t *
set_json(const struct set *s)
{
	json_t *o = jl_new("level-match/1"), *list = json_array();
	enum relevel_by by = s->want.by;
	int lufs = by <= RELEVEL_SHORT_TERM;

	for (size_t i = 0; i < s->n; i++) {
		json_t *f = json_object();

		jl_str(f, "file", s->file[i]);
		jl_num(f, "level", s->level[i]);
		jl_num(f, "loudness_lufs", lufs ? s->level[i] : NAN);
		jl_num(f, "true_peak_dbtp", s->peak[i]);
		jl_num(f, "gain_db", s->target - s->level[i]);
		json_array_append_new(list, f);
	}
	jl_str(o, "measure", relevel_by_name(by));
	jl_num(o, "target", s->target);
	jl_num(o, "wanted", s->want.target);
	jl_num(o, "target_lufs", lufs ? s->target : NAN);
	jl_num(o, "wanted_lufs", lufs ? s->want.target : NAN);
	jl_num(o, "ceiling_dbtp", s->want.ceiling_dbtp);
	jl_bool(o, "dual_mono", s->mono_as == 1);
	jl_str(o, "limited_by", s->who < s->n ? s->file[s->who] : NULL);
	jl_set(o, "files", list);
	return o;
}

/* The target alone goes to the output and what it was chosen from to the report, so that make, which
 * depends on the target, sees no change when another file joins and the target stays. */
static int
write_set(const struct level_options *opts, json_t *o, struct err *e)
{
	static const char *const why[] = { "limited_by", "files" };
	json_t *target;
	char *text;
	size_t len;
	int r;

	if (!opts->output || !strcmp(opts->output, "-"))
		return jl_write(json_incref(o), opts->report ? opts->report : "-", e);
	target = json_copy(o);
	for (size_t i = 0; i < sizeof why / sizeof *why; i++)
		json_object_del(target, why[i]);
	text = jl_text(target);
	json_decref(target);
	if (!text)
		return err_set(e, ERR_NOMEM, "out of memory");
	len = strlen(text);
	text[len] = '\n'; /* in place of the NUL: the length says where it ends */
	r = file_write_if_changed(opts->output, text, len + 1, e) < 0 ? -1 : 0;
	free(text);
	/* last, so that where the report is, the target is too */
	return r || !opts->report ? r : jl_write(json_incref(o), opts->report, e);
}

int
level_match(const struct level_options *o, char *const *names, size_t n, json_t **report, struct err *e)
{
	struct set s = { .o = o, .n = n, .mono_as = -1 };
	struct level_options asked = *o;
	double target;
	int ret = -1, ways;

	level_way_given(o, &ways, &target);
	if (!ways)
		asked.lufs = INFINITY;

	*report = NULL;
	s.level = calloc(n, sizeof *s.level);
	s.peak = calloc(n, sizeof *s.peak);
	s.file = calloc(n, sizeof *s.file);
	if (!s.level || !s.peak || !s.file) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (level_want(&s.want, &asked, e))
		goto out;
	for (size_t i = 0; i < n; i++)
		if (add(&s, i, names[i], e))
			goto out;
	if (s.want.target == INFINITY) { /* none is asked for: nothing is to be made louder */
		for (size_t i = 0; i < n; i++)
			s.want.target = s.level[i] < s.want.target ? s.level[i] : s.want.target;
	}
	s.target = match_target(s.level, s.peak, n, s.want.target, s.want.ceiling_dbtp, &s.who);
	*report = set_json(&s);
	ret = write_set(o, *report, e);
	if (ret) {
		json_decref(*report);
		*report = NULL;
	}
out:
	for (size_t i = 0; s.file && i < n; i++)
		free(s.file[i]);
	free(s.file);
	free(s.level);
	free(s.peak);
	return ret;
}
