/* probe.c - look at every file a description names before any work is done. */
#include "audio/audio.h"
#include "base/str.h"
#include "nam/nam.h"
#include "shoot/desc.h"
#include "shoot/tone.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shortest segment that has a loudness: one 400 ms gating block (ITU-R BS.1770). */
static const double min_s = 0.4;

static void
probe_di(struct desc *d, size_t i, struct desc_problems *p)
{
	struct desc_di *di = &d->di[i];
	int picture = d->rate_hz / d->fps;
	double have_s, want_s;
	struct au_in *in;
	struct err e;
	char at[64];

	snprintf(at, sizeof at, "/dis/%zu/file", i);
	if (au_open(&in, di->file, &e)) {
		desc_problem(p, 0, at, "%s", e.msg);
		return;
	}
	if (au_info(in)->frames < 0) {
		desc_problem(p, 0, at, "'%s' has no length in its header; make a whole file of it with audio-prep",
		    di->file);
		au_close(in);
		return;
	}
	have_s = (double)au_info(in)->frames / au_info(in)->rate_hz - di->start_s;
	au_close(in);
	want_s = di->length_s < 0 ? have_s : di->length_s;
	snprintf(at, sizeof at, "/dis/%zu", i);
	/* half a millisecond of grace: lengths are written by people */
	if (want_s > have_s + 0.0005) {
		desc_problem(p, 0, at, "asks for %.3f s from %.3f s on, but '%s' ends at %.3f s; shorten 'length_s' or "
		    "leave it out", want_s, di->start_s, di->file, have_s + di->start_s);
		return;
	}
	want_s = want_s < have_s ? want_s : have_s;
	di->frames = (int64_t)floor(want_s * d->rate_hz + 1e-6) / picture * picture;
	if (want_s < min_s || di->frames < picture)
		desc_problem(p, 0, at, "is %.3f s long; a loudness needs at least %.1f s", want_s < 0 ? 0 : want_s, min_s);
}

/* The file of a stage that is named by its service, and what is known of it there.  0: there is one. */
static int
find_tone(const char *at, struct desc_stage *s, struct desc_problems *p)
{
	struct tone t;
	struct err e;

	if (!s->source)
		return 0;
	if (tone_find(&t, s->source, &e)) {
		desc_problem(p, 0, at, "%s", e.msg);
		return -1;
	}
	if (!t.may_pass_on)
		desc_problem(p, 1, at, "the licence of '%s' (%s) does not say that the file may be passed on: share what was made with "
		    "it, not the file", s->source, t.licence ? t.licence : "not known");
	free(s->file);
	s->file = t.file;
	t.file = NULL;
	if (t.name && !s->named) {
		free(s->name);
		s->name = t.name;
		t.name = NULL;
		s->named = 1;           /* what its page says goes before what the file says */
	}
	free(s->credit);
	s->credit = t.credit;
	t.credit = NULL;
	tone_free(&t);
	return 0;
}

/* What the file says of itself goes on the card. */
static void
take_credit(struct desc_stage *s, const struct nam_info *info)
{
	char *name = info->name && *info->name && !s->named ? str_printf("%s", info->name) : NULL;

	if (name) {
		free(s->name);
		s->name = name;
	}
	if (s->credit)          /* the service has said it */
		return;
	if ((info->modeled_by && *info->modeled_by) || (info->license && *info->license))
		s->credit = str_printf("%s%s%s%s%s", s->name, info->modeled_by && *info->modeled_by ? " by " : "",
		    info->modeled_by ? info->modeled_by : "", info->license && *info->license ? ", " : "",
		    info->license ? info->license : "");
}

static void
probe_model(const struct desc *d, const struct desc_chain *c, const char *at, struct desc_stage *s, int ir_follows,
            struct desc_problems *p)
{
	const struct nam_info *info;
	struct nam_model *m;
	struct err e;
	double rate;

	if (nam_open(&m, s->file, -1, &e)) {
		desc_problem(p, 0, at, "%s", e.msg);
		return;
	}
	info = nam_model_info(m);
	rate = info->rate_hz > 0 ? info->rate_hz : 48000;       /* older files do not say, and mean that */
	if (fabs(rate - d->rate_hz) > 0.5)
		desc_problem(p, 0, at, "'%s' runs at %g Hz, the shootout at %d Hz; set \"rate_hz\": %g, or use a model "
		    "of that rate", s->file, rate, d->rate_hz, rate);
	if (info->gear_type && strstr(info->gear_type, "cab") && ir_follows && !c->two_cabs)
		desc_problem(p, 0, at, "'%s' says it holds a cab already (gear_type %.20s), and an IR follows; remove "
		    "the IR, or say \"two_cabs\": true in the chain if you mean it", s->file, info->gear_type);
	if (info->gear_type && (!strcmp(info->gear_type, "amp") || !strcmp(info->gear_type, "pedal_amp")) && !ir_follows &&
	    !c->no_cab)
		desc_problem(p, 0, at, "'%s' says it is an amp without a cab (gear_type %.20s), and no IR follows; add "
		    "{\"ir\": FILE}, or say \"no_cab\": true in the chain if you mean it", s->file, info->gear_type);
	take_credit(s, info);
	nam_close(m);
}

/* Returns the IR's channels, 0 when it cannot be used. */
static int
probe_ir(const char *at, const struct desc_stage *s, struct desc_problems *p)
{
	struct au_in *in;
	struct err e;
	int channels;

	if (au_open(&in, s->file, &e)) {
		desc_problem(p, 0, at, "%s", e.msg);
		return 0;
	}
	channels = au_info(in)->channels;
	if (au_info(in)->frames == 0)
		desc_problem(p, 0, at, "'%s' holds no sound", s->file);
	if (channels > 2)
		desc_problem(p, 0, at, "'%s' has %d channels; an IR here is mono or stereo", s->file, channels);
	au_close(in);
	return channels;
}

/* An effect must make sense at this rate, and end. */
static void
probe_effect(const struct desc *d, const char *at, const struct desc_stage *s, int channels, struct desc_problems *p)
{
	struct fx *fx;
	struct err e;

	if (d->tempo_bpm > 0)
		fx_spec_tempo(s->fx, d->tempo_bpm);
	if (fx_open(&fx, s->fx, d->rate_hz, channels, &e)) {
		desc_problem(p, 0, at, "%s", e.msg);
		return;
	}
	if (fx_tail_frames(fx) < 0)
		desc_problem(p, 0, at, "never dies away; use a feedback below 100 %%");
	fx_close(fx);
}

/* What the chain makes of one channel: a model after a stereo IR would get two. */
static void
probe_chain(const struct desc *d, size_t i, struct desc_problems *p)
{
	const struct desc_chain *c = &d->chain[i];
	const char *stereo_by = NULL;
	char at[96];

	for (size_t k = 0; k < c->stages; k++) {
		struct desc_stage *s = &c->stage[k];
		int ir_follows = 0;

		snprintf(at, sizeof at, "/chains/%zu/stages/%zu", i, k);
		for (size_t j = k + 1; j < c->stages; j++)
			ir_follows |= c->stage[j].kind == DESC_IR;
		if (find_tone(at, s, p))
			continue;
		if (s->kind == DESC_NAM)
			probe_model(d, c, at, s, ir_follows, p);
		if (s->kind == DESC_NAM && stereo_by)
			desc_problem(p, 0, at, "a model takes one channel, but '%s' before it makes two; put the model "
			    "first or keep it mono", stereo_by);
		if (s->kind == DESC_IR && probe_ir(at, s, p) == 2)
			stereo_by = s->file;
		if (s->kind == DESC_FX && s->stereo && !stereo_by)
			stereo_by = s->name;
		if (s->kind == DESC_FX)
			probe_effect(d, at, s, stereo_by ? 2 : 1, p);
	}
}

int
desc_probe(struct desc *d, struct desc_problems *p)
{
	size_t before = p->errors;

	for (size_t i = 0; i < d->dis; i++)
		probe_di(d, i, p);
	for (size_t i = 0; i < d->chains; i++)
		probe_chain(d, i, p);
	return p->errors > before ? -1 : 0;
}
