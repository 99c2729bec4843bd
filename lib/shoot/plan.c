/* plan.c - turn a description into a run directory: which steps a shootout has. */
#include "cli/jsonl.h"
#include "shoot/plan_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
num(struct str *s, const char *option, double v)
{
	str_addf(s, " %s %.10g", option, v);
}

/* The conformed DI; NULL with *p->e when out of memory. */
static const char *
di_file(struct planner *p, const struct desc_di *di)
{
	int fresh;
	const char *file = plan_node(p, di->id, di->id, &fresh);

	if (!file)
		err_set(p->e, ERR_NOMEM, "out of memory");
	return file;
}

static void
prep_rule(struct planner *p, const struct desc_di *di)
{
	const struct plan_input *in = plan_input(p, "di", di->file, NULL);
	struct str cmd = { 0 }, need = { 0 };
	const char *out = in ? di_file(p, di) : NULL;

	if (!out) {
		plan_fail(p);
		return;
	}
	str_addf(&cmd, "audio-prep --channels mono --sample-rate %d", p->d->rate_hz);
	if (di->start_s > 0)
		num(&cmd, "--start", di->start_s);
	if (di->length_s >= 0)
		num(&cmd, "--length", di->length_s);
	plan_prov(p, &cmd, out);
	str_addf(&cmd, " -o %s %s", out, in->link);
	str_addf(&need, "# %s\n", in->sha256);
	plan_prov_rule(p, "", out, in->link, di->id, cmd.s, need.s);
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
stage_command(struct planner *p, const struct desc_stage *s, struct str *cmd, const struct plan_input **in)
{
	*in = NULL;
	switch (s->kind) {
	case DESC_NAM:
		if (!(*in = plan_input(p, "nam", s->file, s->source)))
			return NULL;
		str_addf(cmd, "nam-render -m %s", (*in)->link);
		if (s->input_gain_db != 0)
			num(cmd, "--input-gain-db", s->input_gain_db);
		if (s->gain_db != 0)
			num(cmd, "--output-gain-db", s->gain_db);
		return (*in)->slug;
	case DESC_IR:
		if (!(*in = plan_input(p, "ir", s->file, s->source)))
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
	int r = from ? 0 : plan_fail(p);

	str_addf(&key, "%s", di->id);
	str_addf(&name, "%s", di->id);
	str_addf(&at, "%s", from ? from : "");
	for (size_t i = 0; i < c->stages && !r; i++) {
		struct str cmd = { 0 }, need = { 0 }, salt = { 0 };
		const struct plan_input *in;
		const char *slug = stage_command(p, &c->stage[i], &cmd, &in), *file;
		int fresh;

		str_addf(&key, "\n%s", cmd.s ? cmd.s : "");
		str_addf(&name, "--%s", slug ? slug : "");
		file = slug && !key.failed && !name.failed ? plan_node(p, key.s, name.s, &fresh) : NULL;
		if (!file) {
			if (slug)
				err_set(p->e, ERR_NOMEM, "out of memory");
			r = plan_fail(p);
		} else if (fresh) {
			plan_prov(p, &cmd, file);
			str_addf(&cmd, " -o %s %s", file, at.s);
			str_addf(&need, "%s%s%s", at.s, in ? " " : "", in ? in->link : "");
			if (in)
				str_addf(&salt, "# %s\n", in->sha256);
			str_free(&at);
			str_addf(&at, "%s", path_base(file));
			plan_prov_rule(p, "", file, need.s, at.s, cmd.s, salt.s);
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
	plan_rule(p, out.s, last, id, cmd.s, NULL);
	str_free(&cmd);
	str_free(&out);

	str_addf(&out, "audio/%s.flac", id);
	str_addf(&need, "%s work/target.json", last);
	str_addf(&cmd, "audio-level --target work/target.json %s --report work/%s.level.json", region, id);
	num(&cmd, "--ceiling", d->ceiling_dbtp);
	plan_prov(p, &cmd, out.s);
	str_addf(&cmd, " -o %s %s", out.s, last);
	str_addf(&level, "work/%s.level.json ", id);
	plan_prov_rule(p, level.s ? level.s : "", out.s, need.s, id, cmd.s, NULL);
	str_free(&level);
	str_free(&cmd);
	str_free(&need);
	str_free(&out);

	str_addf(&out, "work/%s.metrics.json", id);
	str_addf(&need, "audio/%s.flac", id);
	str_addf(&cmd, "audio-metrics %s -o %s audio/%s.flac", region, out.s, id);
	plan_rule(p, out.s, need.s, id, cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);
	str_free(&out);

	plan_add_json(p, &card, plan_card(d, di, ci));
	str_addf(&out, "plan/%s.card.json", id);
	str_addf(&p->made, "%s\n", out.s);
	plan_put(p, out.s, &card);
	str_free(&out);
	str_addf(&out, "cards/%s.png", id);
	str_addf(&need, "audio/%s.flac plan/%s.card.json", id, id);
	str_addf(&cmd, "shootout-card --size %dx%d --audio audio/%s.flac --start-frame 0 --length-frames %lld "
	    "--level work/%s.level.json", d->width, d->height, id, (long long)di->frames, id);
	plan_prov(p, &cmd, out.s);
	str_addf(&cmd, " -o %s plan/%s.card.json", out.s, id);
	plan_prov_rule(p, "", out.s, need.s, id, cmd.s, NULL);
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
	plan_add_json(p, &card, plan_title_card(d));
	plan_put(p, "plan/title.card.json", &card);
	o = json_object();
	jl_str(o, "schema", "segment/1");
	jl_str(o, "kind", "title");
	jl_str(o, "name", "title");
	jl_str(o, "title", d->title);
	jl_int(o, "length_frames", frames);
	jl_str(o, "card", "cards/title.png");
	plan_add_json(p, segments, o);
	str_addf(&cmd, "shootout-card --size %dx%d", d->width, d->height);
	plan_prov(p, &cmd, "cards/title.png");
	str_add(&cmd, " -o cards/title.png plan/title.card.json");
	plan_prov_rule(p, "", "cards/title.png", "plan/title.card.json", "title", cmd.s, NULL);
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
	plan_rule(p, "work/match.json", list.s + 1, "loudness target", cmd.s, NULL);
	/* the target file is only touched when the target moves, so that one new chain leaves the others alone */
	str_add(&p->mk, "\n# written by the rule above, and only when the target moves\n"
	    "work/target.json: work/match.json\n\t@test -e $@ || { rm -f work/match.json; "
	    "echo '$@ is gone; run make again' >&2; exit 1; }\n");
	str_free(&cmd);
	str_free(&list);

	EACH(&need, "audio/", ".flac");
	str_addf(&cmd, "shootout-cut --fps %d --channels 2 -t timeline.jsonl", d->fps);
	plan_prov(p, &cmd, "work/master.wav");
	str_add(&cmd, " -o work/master.wav plan/segments.jsonl");
	str_add(&need, " plan/segments.jsonl");
	plan_prov_rule(p, "timeline.jsonl ", "work/master.wav", need.s + 1, "master", cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);

	str_add(&need, "timeline.jsonl work/master.wav");
	EACH(&need, "cards/", ".png");
	if (d->title_s * d->fps >= 1)
		str_add(&need, " cards/title.png");
	str_addf(&cmd, "shootout-video -t timeline.jsonl -a work/master.wav --preset %s --chapters-text description.txt",
	    d->preset);
	plan_prov(p, &cmd, "shootout.mp4");
	str_add(&cmd, " -o shootout.mp4");
	plan_prov_rule(p, "description.txt ", "shootout.mp4", need.s, "video", cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);

	EACH(&need, "work/", ".metrics.json");
	str_addf(&cmd, "@cat %s >metrics.jsonl.tmp && mv metrics.jsonl.tmp metrics.jsonl", need.s + 1);
	plan_rule(p, "metrics.jsonl", need.s + 1, "metrics", cmd.s, NULL);
	str_free(&cmd);
	str_free(&need);

	str_addf(&cmd, "@cat plan/inputs.jsonl%s >manifest.jsonl.tmp && mv manifest.jsonl.tmp manifest.jsonl",
	    p->provs.s ? p->provs.s : "");
	plan_rule(p, "manifest.jsonl", "shootout.mp4 plan/inputs.jsonl", "manifest", cmd.s, NULL);
	str_free(&cmd);

	/* a database of others is not ours to have make look at */
	str_addf(&cmd, "shootout-db -q -d %s import . >/dev/null\n@touch %s", p->o->db ? "in/db" : "shootout.db",
	    db_target(p->o));
	plan_rule(p, db_target(p->o), "shootout.json metrics.jsonl timeline.jsonl manifest.jsonl", "database", cmd.s,
	    p->o->db ? p->o->db : NULL);
	str_free(&cmd);
#undef EACH
	/* make looks at each file of a rule only when it is asked for it, and in this order: a step that was killed
	 * half way runs before what stands on it is looked at */
	str_addf(&p->mk, "\n\n# ---- everything ----\nall:%s \\\n"
	    "  shootout.mp4 metrics.jsonl timeline.jsonl manifest.jsonl %s\n", p->beside.s ? p->beside.s : "", db_target(p->o));
}

int
plan_write(const struct desc *d, const struct plan_opts *o, int *changed, struct err *e)
{
	struct planner p = { .d = d, .o = o, .e = e };
	struct str tones = { 0 }, segments = { 0 }, copy = { 0 };
	char *text;
	int fresh;

	if (plan_check_dir(o->run, e) || plan_make_folders(&p))
		return -1;
	/* first of all, so that a run directory is known as one even if the rest fails */
	text = json_dumps(d->json, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
	str_addf(&copy, "%s\n", text ? text : "");
	free(text);
	plan_put(&p, "shootout.json", &copy);
	if (o->db && !p.failed) {
		struct plan_input db = { .file = (char *)(uintptr_t)o->db, .link = (char[]){ "in/db" } };

		if (plan_link(&p, &db))
			plan_fail(&p);
	}
	plan_begin_makefile(&p);
	if (!plan_node(&p, "", "master", &fresh))    /* taken: a DI may be called that, too */
		plan_fail(&p), err_set(e, ERR_NOMEM, "out of memory");
	title_rules(&p, &segments);
	for (size_t i = 0; i < d->dis && !p.failed; i++) {
		str_addf(&p.mk, "\n\n# ---- %s ----", d->di[i].id);
		prep_rule(&p, &d->di[i]);
		for (size_t k = 0; k < d->chains && !p.failed; k++) {
			struct str last = { 0 }, id = { 0 };

			str_addf(&id, "%s__%s", d->di[i].id, d->chain[k].id);
			if (!stage_rules(&p, &d->di[i], &d->chain[k], &last)) {
				tone_rules(&p, &d->di[i], k, id.s, last.s);
				plan_add_json(&p, &segments, plan_segment(d, &d->di[i], k, id.s));
				str_addf(&tones, " %s", id.s);
			}
			str_free(&last);
			str_free(&id);
		}
	}
	if (!p.failed) {
		plan_put(&p, "plan/segments.jsonl", &segments);
		joint_rules(&p, tones.s);
		plan_put_inputs(&p);
	}
	if (!p.failed)
		plan_put(&p, "Makefile", &p.mk);
	if (!p.failed) {
		plan_remove_stale(&p);
		plan_put(&p, "plan/made", &p.made);
	}
	str_free(&tones);
	str_free(&segments);
	plan_free(&p);
	*changed = p.changed;
	return p.failed ? -1 : 0;
}
