/* plan.c - turn a description into a run directory that holds its own Makefile. */
#include "shoot/plan.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "shoot/tone.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file from outside: linked as in/KIND/SLUG.EXT. */
struct input {
	char *file, *link, *slug;
	char sha256[65];
};

/* A stage's output, shared by every chain that starts with the same stages. */
struct node {
	char *key;            /* commands from the DI on, one a line */
	char *file;           /* work/riff--plexi.wav */
};

struct planner {
	const struct desc *d;
	const struct plan_opts *o;
	struct err *e;
	struct input *in;
	size_t ins;
	struct node *node;
	size_t nodes;
	struct str mk;        /* the Makefile */
	struct str provs;     /* files of the manifest, in order */
	struct str beside;    /* what steps write beside their target, provenance included */
	struct str made;      /* every file the plan's steps make, as words */
	int changed, failed;
};

static int
fail(struct planner *p)
{
	p->failed = 1;
	return -1;
}

static void
put(struct planner *p, const char *name, const char *text, size_t len)
{
	char *path = str_printf("%s/%s", p->o->run, name);
	int r = path ? file_write_if_changed(path, text, len, p->e) : err_set(p->e, ERR_NOMEM, "out of memory");

	if (r < 0)
		fail(p);
	else
		p->changed += r;
	free(path);
}

static void
put_str(struct planner *p, const char *name, struct str *s)
{
	if (s->failed)
		fail(p), err_set(p->e, ERR_NOMEM, "out of memory");
	else if (!p->failed)
		put(p, name, s->s ? s->s : "", s->len);
	str_free(s);
}

/* One JSON object as a line; frees o. */
static void
add_json(struct planner *p, struct str *s, json_t *o)
{
	char *text = jl_text(o);

	if (text)
		str_addf(s, "%s\n", text);
	else
		fail(p), err_set(p->e, ERR_NOMEM, "out of memory");
	free(text);
	json_decref(o);
}

/* Append a string to a list, with jl_str's care of bad UTF-8. */
static void
add_text(json_t *list, const char *text)
{
	json_t *one = json_object();

	jl_str(one, "text", text);
	json_array_append(list, json_object_get(one, "text"));
	json_decref(one);
}

/* ---- inputs ---- */

/* Make (or correct) the symbolic link; the time of a right one is left alone. */
static int
link_input(struct planner *p, const struct input *in)
{
	char *path = str_printf("%s/%s", p->o->run, in->link), *tmp = str_printf("%s/%s.tmp", p->o->run, in->link);
	char old[4096];
	ssize_t n = path ? readlink(path, old, sizeof old - 1) : -1;
	int r = 0;

	if (!path || !tmp)
		r = err_set(p->e, ERR_NOMEM, "out of memory");
	if (!r && !(n >= 0 && (size_t)n == strlen(in->file) && !memcmp(old, in->file, (size_t)n))) {
		unlink(tmp);
		if (symlink(in->file, tmp) || rename(tmp, path))
			r = err_sys(p->e, "cannot create '%s'", path);
		p->changed++;
	}
	free(path);
	free(tmp);
	return r;
}

/* source: where it is from, when that is no file's name; or NULL */
static const struct input *
input(struct planner *p, const char *kind, const char *file, const char *source)
{
	char slug[40], ext[16], try[56];
	struct input *in;
	int taken = 1;

	for (size_t i = 0; i < p->ins; i++)
		if (!strcmp(p->in[i].file, file) && !strncmp(p->in[i].link + 3, kind, strlen(kind)))
			return &p->in[i];
	in = realloc(p->in, (p->ins + 1) * sizeof *in);
	if (!in) {
		err_set(p->e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	p->in = in;
	in = &p->in[p->ins];
	memset(in, 0, sizeof *in);
	path_ext(file, ext);
	path_slug(source ? source : path_base(file), slug, sizeof slug);
	if (*ext && strlen(slug) > strlen(ext) + 1 && !strcmp(slug + strlen(slug) - strlen(ext), ext))
		slug[strlen(slug) - strlen(ext) - 1] = '\0';
	for (size_t i = 0; i < strlen(ext); i++)        /* an extension of other letters has no meaning to us */
		if (!((ext[i] >= 'a' && ext[i] <= 'z') || (ext[i] >= '0' && ext[i] <= '9')))
			ext[0] = '\0';
	for (int k = 1; taken; k++) {
		snprintf(try, sizeof try, k > 1 ? "%s-%d" : "%s", slug, k);
		free(in->link);
		in->link = str_printf("in/%s/%s%s%s", kind, try, *ext ? "." : "", ext);
		if (!in->link)
			break;
		taken = 0;
		for (size_t i = 0; i < p->ins; i++)
			taken |= !strcmp(p->in[i].link, in->link);
	}
	in->file = str_printf("%s", file);
	in->slug = str_printf("%s", try);
	p->ins++;
	if (!in->link || !in->file || !in->slug) {
		err_set(p->e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (sha256_file(file, in->sha256, p->e) || link_input(p, in))
		return NULL;
	if (source) {           /* the store keeps what a run leads to */
		char *link = str_printf("%s/%s", p->o->run, in->link);
		int r = link ? tone_in_use(link, p->e) : err_set(p->e, ERR_NOMEM, "out of memory");

		free(link);
		if (r)
			return NULL;
	}
	return in;
}

/* ---- rules ---- */

/* A rule: target(s), what it needs, what to say, the command (several lines are joined by \n), and text that is no
 * part of the command but whose change must redo it (hashes of inputs). */
static void
rule(struct planner *p, const char *targets, const char *needs, const char *say, const char *command, const char *salt)
{
	const char *first = path_base(targets);
	size_t len = strcspn(first, " ");
	struct str cmd = { 0 };
	char *name;

	/* "a b &:": path_base() found the last one; the name only has to be the rule's own */
	name = str_printf("plan/cmd/%.*s.cmd", (int)len, first);
	if (!name) {
		fail(p), err_set(p->e, ERR_NOMEM, "out of memory");
		return;
	}
	str_addf(&cmd, "%s\n# shootout %s\n%s", command, VERSION, salt ? salt : "");
	str_addf(&p->made, "%s %s\n", targets, name);
	str_addf(&p->mk, "\n%s%s %s %s\n\t$(STEP) ", targets, strchr(targets, ' ') ? " &:" : ":", needs, name);
	if (*command != '@')            /* "@cat ...": its own name says nothing */
		str_addf(&p->mk, "%.*s ", (int)strcspn(command, " "), command);
	str_addf(&p->mk, "%s\n", say);
	for (const char *line = command; *line;) {
		size_t n = strcspn(line, "\n");

		str_addf(&p->mk, "\t%.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	put_str(p, name, &cmd);
	free(name);
}

/* "--provenance work/prov/NAME.json" for the target, which also joins the manifest. */
static void
prov(struct planner *p, struct str *cmd, const char *target)
{
	str_addf(cmd, " --provenance work/prov/%s.json", path_base(target));
	str_addf(&p->provs, " work/prov/%s.json", path_base(target));
}

/* rule() for a command with prov().  What it writes beside the target (`beside`, "" or "NAME ") belongs to
 * the rule and is asked for by `all`: killed after the one and before the other, the step has to run again. */
static void
prov_rule(struct planner *p, const char *beside, const char *target, const char *needs, const char *say,
          const char *command, const char *salt)
{
	struct str all = { 0 };

	str_addf(&all, "work/prov/%s.json %s%s", path_base(target), beside, target);
	str_addf(&p->beside, " %swork/prov/%s.json", beside, path_base(target));
	if (all.failed || p->beside.failed)
		fail(p), err_set(p->e, ERR_NOMEM, "out of memory");
	else
		rule(p, all.s, needs, say, command, salt);
	str_free(&all);
}

static void
num(struct str *s, const char *option, double v)
{
	str_addf(s, " %s %.10g", option, v);
}

/* The output file for a key; *fresh when no chain had it before. */
static const char *
node(struct planner *p, const char *key, const char *want, int *fresh)
{
	struct node *n;
	char *file = NULL;
	int taken = 1;

	*fresh = 0;
	for (size_t i = 0; i < p->nodes; i++)
		if (!strcmp(p->node[i].key, key))
			return p->node[i].file;
	n = realloc(p->node, (p->nodes + 1) * sizeof *n);
	if (!n)
		return NULL;
	p->node = n;
	for (int k = 1; taken; k++) {
		free(file);
		file = k > 1 ? str_printf("work/%s-%d.wav", want, k) : str_printf("work/%s.wav", want);
		if (!file)
			return NULL;
		taken = 0;
		for (size_t i = 0; i < p->nodes; i++)
			taken |= !strcmp(p->node[i].file, file);
	}
	n = &p->node[p->nodes++];
	n->key = str_printf("%s", key);
	n->file = file;
	*fresh = 1;
	return n->key ? file : NULL;
}

/* The conformed DI; NULL with *p->e when out of memory. */
static const char *
di_file(struct planner *p, const struct desc_di *di)
{
	int fresh;
	const char *file = node(p, di->id, di->id, &fresh);

	if (!file)
		err_set(p->e, ERR_NOMEM, "out of memory");
	return file;
}

static void
prep_rule(struct planner *p, const struct desc_di *di)
{
	const struct input *in = input(p, "di", di->file, NULL);
	struct str cmd = { 0 }, need = { 0 };
	const char *out = in ? di_file(p, di) : NULL;

	if (!out) {
		fail(p);
		return;
	}
	str_addf(&cmd, "audio-prep --channels mono --sample-rate %d", p->d->rate_hz);
	if (di->start_s > 0)
		num(&cmd, "--start", di->start_s);
	if (di->length_s >= 0)
		num(&cmd, "--length", di->length_s);
	prov(p, &cmd, out);
	str_addf(&cmd, " -o %s %s", out, in->link);
	str_addf(&need, "# %s\n", in->sha256);
	prov_rule(p, "", out, in->link, di->id, cmd.s, need.s);
	str_free(&cmd);
	str_free(&need);
}

/* Text as one word of a shell in a Makefile; what it is made of was parsed, so it has no line break. */
static void
add_word(struct str *s, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=,.:+%/-";

	if (strspn(text, plain) == strlen(text)) {
		str_add(s, text);
		return;
	}
	str_add(s, "'");
	for (; *text; text++)
		str_add(s, *text == '\'' ? "'\\''" : *text == '$' ? "$$" : (char[]){ *text, '\0' });
	str_add(s, "'");
}

static const char *
effect_command(struct planner *p, const struct desc_stage *s, struct str *cmd)
{
	char *text = fx_spec_text(s->fx, 0), *move;

	if (!text) {
		err_set(p->e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	str_add(cmd, "audio-fx -x ");
	add_word(cmd, text);
	free(text);
	for (size_t k = 0; (move = fx_spec_lane_text(s->fx, 0, k)) != NULL; k++) {
		str_add(cmd, " -a ");
		add_word(cmd, move);
		free(move);
	}
	if (p->d->tempo_bpm > 0)
		num(cmd, "--tempo", p->d->tempo_bpm);
	if (s->stereo)
		str_add(cmd, " --stereo");
	return fx_spec_info(s->fx, 0)->name;
}

static const char *
stage_command(struct planner *p, const struct desc_stage *s, struct str *cmd, const struct input **in)
{
	*in = NULL;
	switch (s->kind) {
	case DESC_NAM:
		if (!(*in = input(p, "nam", s->file, s->source)))
			return NULL;
		str_addf(cmd, "nam-render -m %s", (*in)->link);
		if (s->input_gain_db != 0)
			num(cmd, "--input-gain-db", s->input_gain_db);
		if (s->gain_db != 0)
			num(cmd, "--output-gain-db", s->gain_db);
		return (*in)->slug;
	case DESC_IR:
		if (!(*in = input(p, "ir", s->file, s->source)))
			return NULL;
		str_addf(cmd, "ir-convolve -i %s", (*in)->link);
		if (strcmp(s->norm, "none"))
			str_addf(cmd, " --norm %s", s->norm);
		if (s->gain_db != 0)
			num(cmd, "--gain-db", s->gain_db);
		if (s->mix < 1)
			num(cmd, "--mix", s->mix);
		return (*in)->slug;
	case DESC_FX:
		break;
	}
	return effect_command(p, s, cmd);
}

/* The stages of one chain for one DI; *last gets the file of the last one. */
static int
stage_rules(struct planner *p, const struct desc_di *di, const struct desc_chain *c, struct str *last)
{
	struct str key = { 0 }, name = { 0 }, at = { 0 };
	const char *from = di_file(p, di);
	int r = from ? 0 : fail(p);

	str_addf(&key, "%s", di->id);
	str_addf(&name, "%s", di->id);
	str_addf(&at, "%s", from ? from : "");
	for (size_t i = 0; i < c->stages && !r; i++) {
		struct str cmd = { 0 }, need = { 0 }, salt = { 0 };
		const struct input *in;
		const char *slug = stage_command(p, &c->stage[i], &cmd, &in), *file;
		int fresh;

		str_addf(&key, "\n%s", cmd.s ? cmd.s : "");
		str_addf(&name, "--%s", slug ? slug : "");
		file = slug && !key.failed && !name.failed ? node(p, key.s, name.s, &fresh) : NULL;
		if (!file) {
			if (slug)
				err_set(p->e, ERR_NOMEM, "out of memory");
			r = fail(p);
		} else if (fresh) {
			prov(p, &cmd, file);
			str_addf(&cmd, " -o %s %s", file, at.s);
			str_addf(&need, "%s%s%s", at.s, in ? " " : "", in ? in->link : "");
			if (in)
				str_addf(&salt, "# %s\n", in->sha256);
			str_free(&at);
			str_addf(&at, "%s", path_base(file));
			prov_rule(p, "", file, need.s, at.s, cmd.s, salt.s);
		}
		str_free(&at);
		str_addf(&at, "%s", file ? file : "");
		str_free(&cmd);
		str_free(&need);
		str_free(&salt);
	}
	str_addf(last, "%s", at.s);
	str_free(&key);
	str_free(&name);
	str_free(&at);
	return r;
}

static json_t *
segment_json(const struct desc *d, const struct desc_di *di, size_t ci, const char *id)
{
	const struct desc_chain *c = &d->chain[ci];
	struct str chain = { 0 }, file = { 0 };
	json_t *o = json_object(), *credits = json_array();
	char label[8];

	desc_label(ci, label);
	for (size_t i = 0; i < c->stages; i++) {
		str_addf(&chain, "%s%s", i ? " \xe2\x86\x92 " : "", c->stage[i].name);
		if (c->stage[i].credit)
			add_text(credits, c->stage[i].credit);
	}
	jl_str(o, "schema", "segment/1");
	jl_str(o, "kind", "segment");
	jl_str(o, "label", label);
	jl_str(o, "name", id);
	jl_str(o, "title", c->name);
	jl_str(o, "di", di->name);
	jl_str(o, "chain", chain.s);
	jl_set(o, "credits", credits);
	str_addf(&file, "audio/%s.flac", id);
	jl_str(o, "file", file.s);
	jl_int(o, "start_frame", 0);
	jl_int(o, "length_frames", di->frames);
	str_free(&file);
	str_addf(&file, "work/%s.level.json", id);
	jl_str(o, "level", file.s);
	str_free(&file);
	str_addf(&file, "cards/%s.png", id);
	jl_str(o, "card", file.s);
	str_free(&file);
	str_free(&chain);
	return o;
}

static json_t *
card_json(const struct desc *d, const struct desc_di *di, size_t ci)
{
	const struct desc_chain *c = &d->chain[ci];
	json_t *o = json_object(), *stages = json_array(), *credits = json_array();
	char label[8];

	desc_label(ci, label);
	jl_str(o, "schema", "card/1");
	jl_str(o, "kind", "segment");
	jl_str(o, "label", label);
	jl_str(o, "title", c->name);
	jl_str(o, "di", di->name);
	for (size_t i = 0; i < c->stages; i++) {
		add_text(stages, c->stage[i].name);
		if (c->stage[i].credit)
			add_text(credits, c->stage[i].credit);
	}
	jl_set(o, "chain", stages);
	jl_str(o, "subtitle", d->title);
	jl_set(o, "credits", credits);
	return o;
}

static json_t *
title_card_json(const struct desc *d)
{
	json_t *o = json_object(), *lines = json_array();

	jl_str(o, "schema", "card/1");
	jl_str(o, "kind", "title");
	jl_str(o, "title", d->title);
	if (d->author)
		jl_str(o, "subtitle", d->author);
	for (size_t i = 0; i < d->chains; i++) {
		struct str s = { 0 };
		char label[8];

		desc_label(i, label);
		str_addf(&s, "%s  %s", label, d->chain[i].name);
		add_text(lines, s.s ? s.s : "");
		str_free(&s);
	}
	jl_set(o, "lines", lines);
	return o;
}

/* From the chain's last stage to metrics and card: one tone, which is one DI through one chain. */
static void
tone_rules(struct planner *p, const struct desc_di *di, size_t ci, const char *id, const char *last)
{
	const struct desc *d = p->d;
	struct str cmd = { 0 }, need = { 0 }, card = { 0 }, out = { 0 }, level = { 0 };
	char region[96];

	/* mono is heard from two loudspeakers: --dual-mono says so to the meter; stereo ignores it */
	snprintf(region, sizeof region, "--dual-mono --start-frame 0 --length-frames %lld", (long long)di->frames);
	str_addf(&p->mk, "\n# ---- %s ----", id);
	str_addf(&out, "work/%s.measure.json", id);
	str_addf(&cmd, "audio-level --measure %s --report %s %s", region, out.s, last);
	rule(p, out.s, last, id, cmd.s, NULL);
	str_free(&cmd);
	str_free(&out);

	str_addf(&out, "audio/%s.flac", id);
	str_addf(&need, "%s work/target.json", last);
	str_addf(&cmd, "audio-level --target work/target.json %s --report work/%s.level.json", region, id);
	num(&cmd, "--ceiling", d->ceiling_dbtp);
	prov(p, &cmd, out.s);
	str_addf(&cmd, " -o %s %s", out.s, last);
	str_addf(&level, "work/%s.level.json ", id);
	prov_rule(p, level.s ? level.s : "", out.s, need.s, id, cmd.s, NULL);
	str_free(&level);
	str_free(&cmd);
	str_free(&need);
	str_free(&out);

	str_addf(&out, "work/%s.metrics.json", id);
	str_addf(&need, "audio/%s.flac", id);
	str_addf(&cmd, "audio-metrics %s -o %s audio/%s.flac", region, out.s, id);
	rule(p, out.s, need.s, id, cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);
	str_free(&out);

	add_json(p, &card, card_json(d, di, ci));
	str_addf(&out, "plan/%s.card.json", id);
	str_addf(&p->made, "%s\n", out.s);
	put_str(p, out.s, &card);
	str_free(&out);
	str_addf(&out, "cards/%s.png", id);
	str_addf(&need, "audio/%s.flac plan/%s.card.json", id, id);
	str_addf(&cmd, "shootout-card --size %dx%d --audio audio/%s.flac --start-frame 0 --length-frames %lld "
	    "--level work/%s.level.json", d->width, d->height, id, (long long)di->frames, id);
	prov(p, &cmd, out.s);
	str_addf(&cmd, " -o %s plan/%s.card.json", out.s, id);
	prov_rule(p, "", out.s, need.s, id, cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);
	str_free(&out);
}

static void
title_rules(struct planner *p, struct str *segments)
{
	const struct desc *d = p->d;
	int64_t picture = d->rate_hz / d->fps, frames = (int64_t)llround(d->title_s * d->fps) * picture;
	struct str card = { 0 }, cmd = { 0 };
	json_t *o;

	if (frames < picture)
		return;
	add_json(p, &card, title_card_json(d));
	put_str(p, "plan/title.card.json", &card);
	o = json_object();
	jl_str(o, "schema", "segment/1");
	jl_str(o, "kind", "title");
	jl_str(o, "name", "title");
	jl_str(o, "title", d->title);
	jl_int(o, "length_frames", frames);
	jl_str(o, "card", "cards/title.png");
	add_json(p, segments, o);
	str_addf(&cmd, "shootout-card --size %dx%d", d->width, d->height);
	prov(p, &cmd, "cards/title.png");
	str_add(&cmd, " -o cards/title.png plan/title.card.json");
	prov_rule(p, "", "cards/title.png", "plan/title.card.json", "title", cmd.s, NULL);
	str_free(&cmd);
}

static const char *
db_target(const struct plan_opts *o)
{
	return o->db ? "work/db.stamp" : "shootout.db";
}

/* What joins the tones: common target, master, video, the .jsonl files, the database. */
static void
joint_rules(struct planner *p, const char *tones)
{
	const struct desc *d = p->d;
	struct str need = { 0 }, cmd = { 0 }, list = { 0 };

	/* tones is " id id ..."; each list below is that with a prefix and a suffix */
#define EACH(dst, before, after) do { \
	for (const char *t_ = tones; *t_;) { \
		size_t n_ = strcspn(++t_, " "); \
		str_addf(dst, " %s%.*s%s", before, (int)n_, t_, after); \
		t_ += n_; \
	} } while (0)
	str_add(&p->mk, "\n\n# ---- all tones ----");
	EACH(&list, "work/", ".measure.json");
	str_add(&cmd, "audio-level --match");
	num(&cmd, "--lufs", d->lufs);
	num(&cmd, "--ceiling", d->ceiling_dbtp);
	str_addf(&cmd, " -o work/target.json --report work/match.json%s", list.s);
	rule(p, "work/match.json", list.s + 1, "loudness target", cmd.s, NULL);
	/* the target file is only touched when the target moves, so that one new chain leaves the others alone */
	str_add(&p->mk, "\n# written by the rule above, and only when the target moves\n"
	    "work/target.json: work/match.json\n\t@test -e $@ || { rm -f work/match.json; "
	    "echo '$@ is gone; run make again' >&2; exit 1; }\n");
	str_free(&cmd);
	str_free(&list);

	EACH(&need, "audio/", ".flac");
	str_addf(&cmd, "shootout-cut --fps %d --channels 2 -t timeline.jsonl", d->fps);
	prov(p, &cmd, "work/master.wav");
	str_add(&cmd, " -o work/master.wav plan/segments.jsonl");
	str_add(&need, " plan/segments.jsonl");
	prov_rule(p, "timeline.jsonl ", "work/master.wav", need.s + 1, "master", cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);

	str_add(&need, "timeline.jsonl work/master.wav");
	EACH(&need, "cards/", ".png");
	if (d->title_s * d->fps >= 1)
		str_add(&need, " cards/title.png");
	str_addf(&cmd, "shootout-video -t timeline.jsonl -a work/master.wav --preset %s --chapters-text description.txt",
	    d->preset);
	prov(p, &cmd, "shootout.mp4");
	str_add(&cmd, " -o shootout.mp4");
	prov_rule(p, "description.txt ", "shootout.mp4", need.s, "video", cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);

	EACH(&need, "work/", ".metrics.json");
	str_addf(&cmd, "@cat %s >metrics.jsonl.tmp && mv metrics.jsonl.tmp metrics.jsonl", need.s + 1);
	rule(p, "metrics.jsonl", need.s + 1, "metrics", cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);

	str_addf(&cmd, "@cat plan/inputs.jsonl%s >manifest.jsonl.tmp && mv manifest.jsonl.tmp manifest.jsonl",
	    p->provs.s ? p->provs.s : "");
	rule(p, "manifest.jsonl", "shootout.mp4 plan/inputs.jsonl", "manifest", cmd.s, NULL);
	str_free(&cmd);

	/* a database of others is not ours to have make look at */
	str_addf(&cmd, "shootout-db -q -d %s import . >/dev/null\n@touch %s", p->o->db ? "in/db" : "shootout.db",
	    db_target(p->o));
	rule(p, db_target(p->o), "shootout.json metrics.jsonl timeline.jsonl manifest.jsonl", "database", cmd.s,
	    p->o->db ? p->o->db : NULL);
	str_free(&cmd);
#undef EACH
	/* make looks at each file of a rule only when it is asked for it, and in this order: a step that was killed
	 * half way runs before what stands on it is looked at */
	str_addf(&p->mk, "\n\n# ---- everything ----\nall:%s \\\n"
	    "  shootout.mp4 metrics.jsonl timeline.jsonl manifest.jsonl %s\n", p->beside.s ? p->beside.s : "", db_target(p->o));
}

static void
begin_makefile(struct planner *p)
{
	str_addf(&p->mk,
	    "# Plan of a shootout, made by: shootout plan (version %s).\n"
	    "# Each rule is one command line: run `make` here, or `make -j8`, or any line by hand in this folder.\n"
	    "# plan/cmd/ holds each step's command; a step is redone when that file, or what it reads, is newer.\n", VERSION);
	if (*p->o->bin) {
		str_add(&p->mk, "export PATH := ");
		for (const char *c = p->o->bin; *c; c++) {
			if (*c == '$')
				str_add(&p->mk, "$");
			if (*c == '#')
				str_add(&p->mk, "\\");
			str_addn(&p->mk, c, 1);
		}
		str_add(&p->mk, ":$(PATH)\n");
	}
	str_add(&p->mk,
	    "STEP ?= @:\n"
	    ".DEFAULT_GOAL := all\n"
	    ".DELETE_ON_ERROR:\n"
	    ".PHONY: all\n");
}

static void
write_inputs(struct planner *p)
{
	struct str s = { 0 };

	for (size_t i = 0; i < p->ins; i++) {
		json_t *o = jl_new("input/1");

		jl_str(o, "file", p->in[i].link);
		jl_str(o, "source", p->in[i].file);
		jl_str(o, "sha256", p->in[i].sha256);
		add_json(p, &s, o);
	}
	put_str(p, "plan/inputs.jsonl", &s);
}

/* The words of a text as the keys of an object. */
static json_t *
word_set(const char *text)
{
	json_t *set = json_object();

	for (const char *w = text; w && *w;) {
		size_t n = strcspn(w, " \n");
		char *word = n ? str_printf("%.*s", (int)n, w) : NULL;

		if (word)
			json_object_set_new(set, word, json_true());
		free(word);
		w += n + (w[n] != '\0');
	}
	return set;
}

/* Remove what the last plan here made and this one does not: a chain that is gone leaves no tone behind. */
static void
remove_stale(struct planner *p)
{
	static const size_t max = (size_t)64 << 20;
	char *path = str_printf("%s/plan/made", p->o->run), *old = NULL;
	json_t *now = word_set(p->made.s), *before;
	const char *file;
	json_t *v;
	size_t len;

	if (path && !file_read(path, max, &old, &len, NULL)) {
		before = word_set(old);
		json_object_foreach(before, file, v) {
			char *full;

			if (json_object_get(now, file) || *file == '/' || strstr(file, ".."))
				continue;
			full = str_printf("%s/%s", p->o->run, file);
			if (full && !unlink(full))
				p->changed++;
			free(full);
		}
		json_decref(before);
	}
	json_decref(now);
	free(old);
	free(path);
}

int
plan_check_dir(const char *run, struct err *e)
{
	static const char *const ours[] = { ".", "..", ".lock", "lost+found" };
	char *desc = str_printf("%s/shootout.json", run), *parent;
	struct dirent *de;
	DIR *dir;
	int r = 0, others = 0;

	if (!desc)
		return err_set(e, ERR_NOMEM, "out of memory");
	dir = opendir(run);
	if (!dir && errno == ENOENT) {
		/* the nearest folder that is there must let us create it */
		parent = str_printf("%s", run);
		while (parent && access(parent, F_OK) && strrchr(parent, '/') && strrchr(parent, '/') != parent)
			*strrchr(parent, '/') = '\0';
		if (parent && access(parent, F_OK))
			strcpy(parent, *parent == '/' ? "/" : ".");
		if (parent && access(parent, W_OK | X_OK))
			r = err_sys(e, "cannot create the run directory '%s' in '%s'", run, parent);
		free(parent);
	} else if (!dir) {
		r = err_sys(e, "cannot use '%s' as the run directory", run);
	} else {
		while ((de = readdir(dir)) != NULL) {
			int known = 0;

			for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
				known |= !strcmp(de->d_name, ours[i]);
			others += !known;
		}
		closedir(dir);
		if (others && access(desc, F_OK))
			r = err_set(e, ERR_INPUT, "'%s' is not empty and is no run directory (it has no shootout.json); "
			    "name another", run);
		else if (access(run, W_OK | X_OK))
			r = err_sys(e, "cannot write to the run directory '%s'", run);
	}
	free(desc);
	return r;
}

static int
make_folders(struct planner *p)
{
	static const char *const dirs[] = { "plan/cmd", "in/di", "in/nam", "in/ir", "work/prov", "audio", "cards" };

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		char *path = str_printf("%s/%s", p->o->run, dirs[i]);
		int r = path ? file_mkdirs(path, p->e) : err_set(p->e, ERR_NOMEM, "out of memory");

		free(path);
		if (r)
			return r;
	}
	return 0;
}

int
plan_write(const struct desc *d, const struct plan_opts *o, int *changed, struct err *e)
{
	struct planner p = { .d = d, .o = o, .e = e };
	struct str tones = { 0 }, segments = { 0 }, copy = { 0 };
	char *text;
	int fresh;

	if (plan_check_dir(o->run, e) || make_folders(&p))
		return -1;
	/* first of all, so that a run directory is known as one even if the rest fails */
	text = json_dumps(d->json, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
	str_addf(&copy, "%s\n", text ? text : "");
	free(text);
	put_str(&p, "shootout.json", &copy);
	if (o->db && !p.failed) {
		struct input db = { .file = (char *)(uintptr_t)o->db, .link = (char[]){ "in/db" } };

		if (link_input(&p, &db))
			fail(&p);
	}
	begin_makefile(&p);
	if (!node(&p, "", "master", &fresh))    /* taken: a DI may be called that, too */
		fail(&p), err_set(e, ERR_NOMEM, "out of memory");
	title_rules(&p, &segments);
	for (size_t i = 0; i < d->dis && !p.failed; i++) {
		str_addf(&p.mk, "\n\n# ---- %s ----", d->di[i].id);
		prep_rule(&p, &d->di[i]);
		for (size_t k = 0; k < d->chains && !p.failed; k++) {
			struct str last = { 0 }, id = { 0 };

			str_addf(&id, "%s__%s", d->di[i].id, d->chain[k].id);
			if (!stage_rules(&p, &d->di[i], &d->chain[k], &last)) {
				tone_rules(&p, &d->di[i], k, id.s, last.s);
				add_json(&p, &segments, segment_json(d, &d->di[i], k, id.s));
				str_addf(&tones, " %s", id.s);
			}
			str_free(&last);
			str_free(&id);
		}
	}
	if (!p.failed) {
		put_str(&p, "plan/segments.jsonl", &segments);
		joint_rules(&p, tones.s);
		write_inputs(&p);
	}
	if (!p.failed)
		put_str(&p, "Makefile", &p.mk);
	if (!p.failed) {
		remove_stale(&p);
		put_str(&p, "plan/made", &p.made);
	}
	str_free(&p.mk);
	str_free(&p.provs);
	str_free(&p.beside);
	str_free(&p.made);
	str_free(&tones);
	str_free(&segments);
	for (size_t i = 0; i < p.ins; i++) {
		free(p.in[i].file);
		free(p.in[i].link);
		free(p.in[i].slug);
	}
	for (size_t i = 0; i < p.nodes; i++) {
		free(p.node[i].key);
		free(p.node[i].file);
	}
	free(p.in);
	free(p.node);
	*changed = p.changed;
	return p.failed ? -1 : 0;
}
