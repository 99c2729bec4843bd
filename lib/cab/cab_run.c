/* cab_run.c - one signal through its cabinet. */
#include "audio/audio.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/scan.h"
#include "cab/cab.h"
#include "cab/crew.h"
#include "cli/jsonl.h"
#include "cli/prov.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SAMPLES = 65536, LONG_FRAMES = 1 << 18, MOST_THREADS = 4 };

struct run {
	const struct cab_options *o;
	const char *input, *output;
	struct au_in *in;
	const struct cab *cab;
	struct conv *conv;
	struct au_out *out;
	float *buf;
	struct progress *progress;
	int64_t lead;            /* frames of what comes out that are left out at the start */
	int64_t in_frames, made_frames, out_frames, clipped;
	double peak;
	char sha256[65];
};

/* ---- frames ----------------------------------------------------------------------------- */

/* As messages call the output. */
static const char *
output_name(const struct run *r)
{
	return strcmp(r->output, "-") ? r->output : "standard output";
}

/* Write up to n frames, no more than `most` after the lead. */
static int
put(struct run *r, const float *x, int64_t n, int64_t most, struct err *e)
{
	int64_t skip = r->lead - r->made_frames, left = most - r->out_frames;
	float peak;

	skip = skip < 0 ? 0 : skip < n ? skip : n;
	r->made_frames += n;
	x += skip * r->cab->outs;
	n = n - skip < left ? n - skip : left;
	peak = n > 0 ? scan_peak(x, (size_t)n * (size_t)r->cab->outs) : 0;
	if (!isfinite(peak))
		return err_set(e, ERR_INPUT, "'%s' would be beyond the range of float32; lower --gain-db", output_name(r));
	r->peak = peak > r->peak ? peak : r->peak;
	r->out_frames += n;
	return au_write(r->out, x, n, e);
}

/* Frames that come out in all. */
static int64_t
wanted(const struct run *r)
{
	const char *tail = r->o->tail;
	int64_t after = !strcmp(tail, "full") ? r->cab->taps - 1 - (strcmp(r->o->delay, "compensate") ? 0 :
	    r->cab->onset_frame) : !strcmp(tail, "cut") ? 0 : llround(strtod(tail, NULL) * r->cab->rate_hz);

	return r->in_frames && r->in_frames + after > 0 ? r->in_frames + after : 0;
}

static void
went_in(struct run *r, int64_t n)
{
	r->in_frames += n;
	if (r->progress)
		progress_step(r->progress, (double)r->in_frames);
}

/* In this thread, but for what the system does. */
static int
convolve(struct run *r, struct err *e)
{
	int channels = r->cab->ins;
	const float *y;
	int64_t n, got, most, room;
	float *to = conv_space(r->conv, &room);

	/* mono is read to where it is wanted */
	while ((n = au_read(r->in, to ? to : r->buf, to ? room : BLOCK_SAMPLES / channels, e)) > 0) {
		for (int64_t at = 0; at < n;) {
			at += conv_process(r->conv, (to ? to : r->buf) + at * channels, n - at, &y, &got);
			if (got && put(r, y, got, INT64_MAX, e))
				return -1;
		}
		to = conv_space(r->conv, &room);
		went_in(r, n);
	}
	if (n < 0)
		return -1;
	most = wanted(r);
	for (conv_flush(r->conv, &y, &got); got && r->out_frames < most; conv_flush(r->conv, &y, &got))
		if (put(r, y, got, most, e))
			return -1;
	return 0;
}

/* ---- side by side: a batch for each thread -------------------------------------------------- */

struct piece {
	struct conv *conv;
	float *in;               /* lead and batch */
	const float *out;
	int64_t got, most;       /* frames of out, of which so many may be written in all */
};
struct pieces {
	struct run *r;
	struct conv_piece size;
	struct piece piece[MOST_THREADS];
	float *before;           /* the lead of the next piece */
	int64_t taken;           /* frames of output of the pieces so far */
	int ended;
};

static int
take(void *ctx, int thread, struct err *e)
{
	struct pieces *ps = ctx;
	struct piece *p = &ps->piece[thread];
	struct run *r = ps->r;
	int64_t n = 0, left;
	size_t frame = (size_t)r->cab->ins * sizeof *p->in;
	float *to = p->in + ps->size.lead * r->cab->ins;

	if (!ps->ended && (n = au_read(r->in, to, ps->size.frames, e)) < 0)
		return -1;
	if (n > 0)
		went_in(r, n);
	ps->ended |= n < ps->size.frames;
	left = ps->ended ? r->in_frames + r->cab->taps - 1 - ps->taken : ps->size.frames;
	p->most = ps->ended ? wanted(r) : INT64_MAX;
	if (!r->in_frames || left <= 0 || (ps->ended && ps->taken - r->lead >= p->most))
		return 0;
	memset(to + n * r->cab->ins, 0, (size_t)(ps->size.frames - n) * frame);
	memcpy(p->in, ps->before, (size_t)ps->size.lead * frame);
	memcpy(ps->before, p->in + ps->size.frames * r->cab->ins, (size_t)ps->size.lead * frame);
	p->got = left < ps->size.frames ? left : ps->size.frames;
	ps->taken += p->got;
	return 1;
}

static void
work(void *ctx, int thread)
{
	struct piece *p = &((struct pieces *)ctx)->piece[thread];

	p->out = conv_piece(p->conv, p->in);
}

static int
give(void *ctx, int thread, struct err *e)
{
	struct pieces *ps = ctx;
	struct piece *p = &ps->piece[thread];

	return put(ps->r, p->out, p->got, p->most, e);
}

static int
side_by_side(struct pieces *ps, int threads, struct err *e)
{
	struct run *r = ps->r;
	size_t frame = (size_t)r->cab->ins * sizeof *ps->before;
	struct crew crew = { .threads = threads, .take = take, .work = work, .give = give, .ctx = ps };
	int bad = 0;

	ps->before = mem_zalloc((size_t)ps->size.lead, frame);
	for (int i = 0; i < threads && !bad; i++) {
		struct piece *p = &ps->piece[i];

		p->in = mem_zalloc((size_t)(ps->size.lead + ps->size.frames), frame);
		if (!p->in || !ps->before)
			bad = err_set(e, ERR_NOMEM, "out of memory");
		else
			bad = conv_new(&p->conv, r->cab->spectra, e);
	}
	bad = bad || crew_run(&crew, e);
	for (int i = 0; i < threads; i++) {
		conv_free(ps->piece[i].conv);
		mem_free(ps->piece[i].in);
	}
	mem_free(ps->before);
	return bad ? -1 : 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* Threads that are worth it, and that fit in the memory: with the reading and writing of others in between, four convolve
 * as fast as one can write. */
static int
threads_for(const struct run *r, struct conv_piece *size)
{
	const size_t most = 48 << 20;
	int64_t frames = au_info(r->in)->frames;
	int threads = r->o->threads ? r->o->threads : par_cpus();
	size_t each;

	if (conv_pieces(r->cab->spectra, size) || (frames >= 0 && frames < LONG_FRAMES))
		return 1;
	each = size->bytes + (size_t)(size->lead + size->frames) * (size_t)r->cab->ins * sizeof(float);
	threads = threads < MOST_THREADS ? threads : MOST_THREADS;
	return (size_t)threads * each <= most ? threads : (int)(most / each);
}

static int
stream(struct run *r, struct err *e)
{
	struct pieces ps = { .r = r };
	int threads = threads_for(r, &ps.size);
	int64_t most;

	if (threads > 1 ? side_by_side(&ps, threads, e) :
	    conv_new(&r->conv, r->cab->spectra, e) || convolve(r, e))
		return -1;
	/* more tail than there is */
	most = wanted(r);
	memset(r->buf, 0, BLOCK_SAMPLES * sizeof *r->buf);
	while (r->out_frames < most)
		if (put(r, r->buf, BLOCK_SAMPLES / r->cab->outs, most, e))
			return -1;
	return 0;
}

/* ---- the report --------------------------------------------------------------------------- */

/* dB of a ratio of amplitudes; null in JSON for 0. */
static double
db(double v)
{
	return 20 * log10(v);
}

static json_t *
part_object(const struct cab_part *p, int whole)
{
	json_t *o = json_object();

	jl_str(o, "file", p->file);
	jl_str(o, "sha256", p->sha256);
	jl_int(o, "rate_hz", p->rate_hz);
	jl_int(o, "channels", p->channels);
	jl_int(o, "frames", p->frames);
	jl_int(o, "used_frames", p->used_frames);
	if (!whole)
		return o;
	jl_int(o, "polarity", p->polarity);
	jl_num(o, "gain_db", p->gain_db);
	jl_num(o, "minimum_phase_error_db", p->minimum_phase_error_db);
	jl_num(o, "lag_frames", p->lag_frames);
	jl_num(o, "correlation", p->correlation);
	jl_num(o, "delay_frames", p->delay_frames);
	jl_bool(o, "inverted", p->inverted);
	return o;
}

static json_t *
report_object(const struct run *r)
{
	const struct cab *c = r->cab;
	json_t *o = jl_new("ir-convolve/1"), *list = json_array();

	jl_str(o, "input", r->input);
	jl_str(o, "sha256", r->sha256);
	jl_str(o, "output", r->output);
	jl_int(o, "rate_hz", c->rate_hz);
	jl_int(o, "channels", c->ins);
	jl_int(o, "frames", r->in_frames);
	jl_int(o, "out_channels", c->outs);
	jl_int(o, "out_frames", r->out_frames);
	jl_set(o, "ir", part_object(&c->part[0], 0));
	for (int i = 0; i < c->parts; i++)
		json_array_append_new(list, part_object(&c->part[i], 1));
	jl_set(o, "irs", list);
	jl_str(o, "routing", c->routing);
	jl_int(o, "taps", c->taps);
	jl_str(o, "delay", r->o->delay);
	jl_int(o, "trimmed_frames", c->trimmed_frames);
	jl_int(o, "compensated_frames", strcmp(r->o->delay, "compensate") ? 0 : c->onset_frame);
	jl_int(o, "onset_frame", c->onset_frame);
	jl_bool(o, "minimum_phase", r->o->minimum_phase);
	jl_num(o, "low_cut_hz", r->o->low_cut_hz);
	jl_num(o, "high_cut_hz", r->o->high_cut_hz);
	jl_str(o, "norm", r->o->norm);
	jl_num(o, "norm_gain_db", db(c->norm_gain));
	jl_num(o, "gain_db", r->o->gain_db);
	jl_num(o, "mix", r->o->mix);
	jl_num(o, "peak_dbfs", db(r->peak));
	jl_int(o, "clipped_samples", r->clipped);
	jl_str(o, "isa", conv_isa());
	return o;
}

static int
provenance(struct prov *prov, const struct run *r, const char *out_sha256, struct err *e)
{
	const char *report = r->o->report;

	if (prov_input(prov, "audio", r->input, r->sha256, e))
		return -1;
	for (int i = 0; i < r->cab->parts; i++)
		if (prov_input(prov, "ir", r->cab->part[i].file, r->cab->part[i].sha256, e))
			return -1;
	if (prov_output(prov, "audio", r->output, out_sha256, e) ||
	    (report && strcmp(report, "-") && prov_output(prov, "report", report, NULL, e)))
		return -1;
	prov_set(prov, "isa", json_string(conv_isa()));
	prov_set(prov, "device", json_string("cpu"));
	return prov_write(prov, e);
}

/* ---- what a user should know ---------------------------------------------------------------- */

static void
tell(const struct run *r, void (*say)(int level, const char *text))
{
	const struct cab *c = r->cab;
	struct err t;

	for (int i = 0; i < c->parts; i++) {
		const struct cab_part *p = &c->part[i];

		if (p->rate_hz != c->rate_hz) {
			err_set(&t, ERR_NONE, "'%s' is resampled from %d to %d Hz: %" PRId64 " frames", p->file, p->rate_hz, c->rate_hz,
			    p->used_frames);
			say(1, t.msg);
		}
		if (fabs(p->correlation) < CAB_LEAST_CORRELATION) {
			err_set(&t, ERR_NONE, "'%s' has little in common with '%s' (correlation %.2f): it is left where and how it is",
			    p->file, c->part[0].file, p->correlation);
			say(0, t.msg);
			continue;
		}
		if (p->correlation < 0 && !p->inverted) {
			err_set(&t, ERR_NONE, "'%s' has the opposite polarity of '%s' (correlation %.2f) and takes away from it; "
			    "--fix-polarity turns it", p->file, c->part[0].file, p->correlation);
			say(0, t.msg);
		}
		if (!isnan(p->lag_frames)) {
			err_set(&t, ERR_NONE, "'%s' lies %+.3f frames from '%s', correlation %.3f: moved by %+.3f%s", p->file,
			    p->lag_frames, c->part[0].file, p->correlation, p->delay_frames, p->inverted ? ", inverted" : "");
			say(1, t.msg);
		}
	}
	err_set(&t, ERR_NONE, "%d Hz, %d channels to %d, response of %" PRId64 " frames, gain %+.2f dB, kernels for %s", c->rate_hz,
	    c->ins, c->outs, c->taps, db(c->norm_gain) + r->o->gain_db, conv_isa());
	say(1, t.msg);
}

/* ---- a run ---------------------------------------------------------------------------------- */

static int
set_up(struct run *r, struct cab_cache *cache, struct err *e)
{
	const struct au_info *a;

	if (au_open(&r->in, r->input, e))
		return -1;
	a = au_info(r->in);
	r->cab = cache ? cab_cache_get(cache, r->o, a->rate_hz, a->channels, e) : cab_new(r->o, a->rate_hz, a->channels, e);
	if (!r->cab)
		return -1;
	if (r->cab->outs > AU_MAX_CHANNELS)
		return err_set(e, ERR_UNSUPPORTED, "%d channels of output: at most %d", r->cab->outs, AU_MAX_CHANNELS);
	r->lead = strcmp(r->o->delay, "compensate") ? 0 : r->cab->onset_frame;
	if (!(r->buf = malloc(BLOCK_SAMPLES * sizeof *r->buf)))
		return err_set(e, ERR_NOMEM, "out of memory");
	return au_create(&r->out, r->output, a->rate_hz, r->cab->outs,
	    r->o->encoding ? (enum au_encoding)au_encoding_of(r->o->encoding) : AU_DEFAULT, e) ? -1 : 0;
}

/* The report first: where the audio is, its report is. */
static int
finish(struct run *r, struct prov *prov, json_t **report, struct err *e)
{
	const char *name = r->o->report;
	struct au_out *out = r->out;
	char hex[65];

	r->clipped = au_clipped(out);
	if (r->clipped)
		return err_set(e, ERR_INPUT, "%" PRId64 " samples of '%s' would clip (the peak is %+.2f dBFS); lower --gain-db, use "
		    "--norm, or write float32 (a name that ends in .wav)", r->clipped, output_name(r), db(r->peak));
	/* a hash costs as much as the convolution: not if nobody asks */
	if ((report || name || prov_wanted(prov)) && au_in_sha256(r->in, r->sha256, e))
		return -1;
	if (report && !(*report = report_object(r)))
		return err_set(e, ERR_NOMEM, "out of memory");
	if (name && jl_write(report ? json_incref(*report) : report_object(r), name, e))
		return -1;
	r->out = NULL;
	if (au_commit(out, prov_wanted(prov) ? hex : NULL, e)) {
		if (name && strcmp(name, "-"))
			unlink(name);
		return -1;
	}
	return prov_wanted(prov) ? provenance(prov, r, hex, e) : 0;
}

int
cab_run(const struct cab_options *o, struct cab_cache *cache, struct progress *progress,
    void (*say)(int level, const char *text), json_t **report, struct err *e)
{
	struct run r = { .o = o, .input = o->input ? o->input : "-", .output = o->output ? o->output : "-",
		.progress = progress };
	struct prov *prov = prov_new(o->provenance);
	int ret = -1;

	if (report)
		*report = NULL;
	if (progress)
		progress_begin(progress, r.input, 0);
	if (!prov) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (set_up(&r, cache, e))
		goto out;
	if (say)
		tell(&r, say);
	if (progress)
		progress_begin(progress, r.input, au_info(r.in)->frames < 0 ? 0 : (double)au_info(r.in)->frames);
	ret = stream(&r, e) || finish(&r, prov, report, e) ? -1 : 0;
	if (ret && report) {
		json_decref(*report);
		*report = NULL;
	}
out:
	if (progress)
		progress_end(progress, (double)r.in_frames);
	au_abort(r.out);
	conv_free(r.conv);
	if (cache)
		cab_cache_put(cache, r.cab);
	else
		cab_free((struct cab *)(uintptr_t)r.cab);
	au_close(r.in);
	prov_free(prov);
	free(r.buf);
	return ret;
}
