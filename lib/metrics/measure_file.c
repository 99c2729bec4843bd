/* measure_file.c - one pass over a file for all of its parts. */
#include "metrics/measure_file.h"
#include "audio/audio.h"
#include "base/mem.h"
#include "base/scan.h"
#include "cli/jsonl.h"
#include "metrics/gts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { BLOCK_SAMPLES = 1 << 18 };
#define MOST_FS 1e9 /* beyond, powers of floats end */

/* The next frames of a file. */
struct source {
	const char *name;
	struct au_in *in;
	struct au_info info;
	float *buf;
	int64_t at, n, used;      /* frame that buf begins with; frames in it; of these gone by */
	int dirty;                /* buf has samples that are no numbers */
	void (*step)(void *ctx, int64_t frames, int64_t of);
	void *ctx;
};

static int
source_open(struct source *s, const char *name, struct err *e)
{
	*s = (struct source){ .name = name };
	if (au_open(&s->in, name, e))
		return -1;
	s->info = *au_info(s->in);
	s->buf = mem_zalloc(BLOCK_SAMPLES, sizeof *s->buf);
	if (s->buf)
		return 0;
	au_close(s->in);
	return err_set(e, ERR_NOMEM, "out of memory");
}

static void
source_close(struct source *s)
{
	au_close(s->in);
	mem_free(s->buf);
}

static double
peak_of_numbers(const float *x, size_t n)
{
	double peak = 0;

	for (size_t i = 0; i < n; i++)
		if (isfinite(x[i]) && fabs((double)x[i]) > peak)
			peak = fabs((double)x[i]);
	return peak;
}

/* Up to `most` frames; 0 at the end. */
static int64_t
source_next(struct source *s, int64_t most, float **x, struct err *e)
{
	double peak = 0;
	int64_t n;

	if (s->used == s->n) {
		s->at += s->n;
		s->used = 0;
		s->n = au_read(s->in, s->buf, BLOCK_SAMPLES / s->info.channels, e);
		if (s->n <= 0) {
			n = s->n;
			s->n = 0;
			return n;
		}
		peak = (double)scan_peak(s->buf, (size_t)(s->n * s->info.channels));
		s->dirty = !isfinite(peak);
		if (s->dirty)
			peak = peak_of_numbers(s->buf, (size_t)(s->n * s->info.channels));
		if (peak > MOST_FS)
			return err_set(e, ERR_INPUT, "'%s' has a sample of more than %g times full scale: scale it, as audio-level does", s->name,
			               MOST_FS);
		if (s->step)
			s->step(s->ctx, s->at + s->n, s->info.frames);
	}
	n = s->n - s->used < most ? s->n - s->used : most;
	*x = s->buf + s->used * s->info.channels;
	s->used += n;
	return n;
}

/* Counts what is no number, and takes it as 0. */
static void
mend(float *x, int64_t n, struct measure *m)
{
	for (int64_t i = 0; i < n; i++)
		if (!isfinite(x[i])) {
			x[i] = 0;
			measure_not_numbers(m, 1);
		}
}

/* One part, from where the file is; *frames becomes its length. */
static int
feed(struct source *s, const struct measure_region *r, struct measure *m, int64_t *frames, struct err *e)
{
	float *x;
	int64_t n, left = r->length < 0 ? INT64_MAX : r->length;

	*frames = 0;
	while (s->at + s->used < r->start)
		if ((n = source_next(s, r->start - s->at - s->used, &x, e)) <= 0)
			break;
	while (left > 0 && s->at + s->used >= r->start) {
		n = source_next(s, left, &x, e);
		if (n > 0 && s->dirty)
			mend(x, n * s->info.channels, m);
		if (n < 0 || (n > 0 && measure_add(m, x, n, e)))
			return -1;
		if (n == 0)
			break;
		*frames += n;
		left -= n;
	}
	if ((r->start > 0 && *frames == 0) || (r->length >= 0 && left > 0))
		return err_set(e, ERR_INPUT, "'%s' has %" PRId64 " frames, the region ends or starts after them", s->name, s->at + s->used);
	return 0;
}

/* What the file is; its hash is not known before its end. */
static json_t *
object_of(const struct source *s, const struct measure_region *r, const struct measure_want *want)
{
	json_t *o = jl_new("audio-metrics/1");

	jl_str(o, "file", s->name);
	jl_set(o, "sha256", NULL);
	jl_str(o, "format", s->info.format);
	jl_str(o, "encoding", s->info.encoding);
	jl_int(o, "rate_hz", s->info.rate_hz);
	jl_int(o, "channels", s->info.channels);
	jl_int(o, "frames", 0);
	jl_num(o, "duration_s", 0);
	jl_set(o, "region", NULL);
	if (r->segment)
		jl_set(o, "segment", json_deep_copy(r->segment));
	jl_bool(o, "dual_mono", want->dual_mono && s->info.channels == 1);
	return o;
}

static void
set_length(json_t *o, const struct source *s, const struct measure_region *r, int64_t frames)
{
	jl_int(o, "frames", frames);
	jl_num(o, "duration_s", (double)frames / s->info.rate_hz);
	if (r->start > 0 || r->length >= 0) {
		json_t *region = json_object();

		jl_int(region, "start_frame", r->start);
		jl_int(region, "length_frames", frames);
		jl_set(o, "region", region);
	}
}

json_t *
measure_file(const char *name, const struct measure_region *r, size_t n, const struct measure_want *want,
             void (*step)(void *ctx, int64_t frames, int64_t of), void *ctx, char sha256[65], struct err *e)
{
	struct source s;
	json_t *list = json_array(), *o;
	size_t i;
	int bad = 0;

	if (source_open(&s, name, e)) {
		json_decref(list);
		return NULL;
	}
	s.step = step;
	s.ctx = ctx;
	if (want->groups & MEASURE_FAULTS)
		au_allow_not_numbers(s.in);
	if ((want->rate_hz && want->rate_hz != s.info.rate_hz) || (want->channels && want->channels != s.info.channels))
		bad = err_set(e, ERR_INPUT, "'%s' has %d Hz and %d channels, its timeline %d Hz and %d: it is the master of another",
		              name, s.info.rate_hz, s.info.channels, want->rate_hz, want->channels);
	if (!bad && want->di && want->di->rate_hz != s.info.rate_hz && (r->start > 0 || r->length >= 0))
		bad = err_set(e, ERR_INPUT, "'%s' has %d Hz and its DI %d: a region in frames is of both only at one rate", name,
		              s.info.rate_hz, want->di->rate_hz);
	for (i = 0; i < n && !bad; i++) {
		struct measure *m = NULL;
		int64_t frames;

		o = object_of(&s, &r[i], want);
		bad = measure_new(&m, s.info.rate_hz, s.info.channels, want, e) || feed(&s, &r[i], m, &frames, e);
		if (!bad) {
			set_length(o, &s, &r[i], frames);
			bad = measure_end(m, o, e);
		}
		measure_free(m);
		json_array_append_new(list, o);
	}
	if (!bad)
		bad = au_in_sha256(s.in, sha256, e);
	source_close(&s);
	if (bad) {
		json_decref(list);
		return NULL;
	}
	json_array_foreach(list, i, o)
		jl_str(o, "sha256", sha256);
	return list;
}

int
measure_file_di(struct measure_di *di, const char *name, const struct measure_region *r, char sha256[65], struct err *e)
{
	const struct measure_want want = { .groups = MEASURE_ENVELOPE | MEASURE_LEVELS };
	struct source s;
	struct measure *m = NULL;
	int64_t frames;
	int ret = -1;

	*di = (struct measure_di){ 0 };
	if (source_open(&s, name, e))
		return -1;
	if (!measure_new(&m, s.info.rate_hz, s.info.channels, &want, e) && !feed(&s, r, m, &frames, e) &&
	    !measure_end_di(m, di, e))
		ret = au_in_sha256(s.in, sha256, e);
	measure_free(m);
	source_close(&s);
	if (ret)
		measure_di_free(di);
	return ret;
}

/* All samples of the first channel, then of the second and so on. */
static float *
behind_each_other(const struct au_buf *b, size_t n)
{
	size_t ch = (size_t)b->channels;
	float *x = mem_zalloc(n, sizeof *x);

	for (size_t i = 0; x && i < n; i++)
		x[i % ch * (size_t)b->frames + i / ch] = b->x[i];
	return x;
}

static json_t *
gts_object(const char *name, const char *sha256, int rate_hz, const struct gts_values *v)
{
	json_t *o = jl_new("metrics-gts/1");

	jl_str(o, "file", name);
	jl_str(o, "sha256", sha256);
	jl_num(o, "duration_seconds", v->duration_s);
	jl_int(o, "sample_rate", rate_hz);
	jl_num(o, "rms_dbfs", v->rms_dbfs);
	jl_num(o, "peak_dbfs", v->peak_dbfs);
	jl_num(o, "crest_factor_db", v->crest_factor_db);
	jl_num(o, "dynamic_range_db", v->dynamic_range_db);
	jl_num(o, "spectral_centroid_hz", v->spectral_centroid_hz);
	jl_num(o, "bass_energy_ratio", v->bass_energy_ratio);
	jl_num(o, "mid_energy_ratio", v->mid_energy_ratio);
	jl_num(o, "treble_energy_ratio", v->treble_energy_ratio);
	jl_num(o, "lufs_integrated", v->lufs_integrated);
	jl_num(o, "transient_density", v->transient_density);
	jl_num(o, "attack_time_ms", v->attack_time_ms);
	jl_num(o, "sustain_decay_rate_db_s", v->sustain_decay_rate_db_s);
	return o;
}

json_t *
measure_file_gts(const char *name, char sha256[65], struct err *e)
{
	struct au_buf b = { 0 };
	struct gts_values v;
	struct au_in *in = NULL;
	json_t *o = NULL;
	float *x = NULL;
	size_t n;

	if (au_open(&in, name, e))
		return NULL;
	b.channels = au_info(in)->channels;
	b.rate_hz = au_info(in)->rate_hz;
	x = mem_zalloc(GTS_MAX_SAMPLES + AU_MAX_CHANNELS, sizeof *x); /* a frame more than may be, to tell */
	if (!x) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	for (int64_t got = 1, most = GTS_MAX_SAMPLES / b.channels + 1; got > 0 && b.frames < most; b.frames += got)
		if ((got = au_read(in, x + b.frames * b.channels, most - b.frames, e)) < 0)
			goto out;
	b.x = x;
	n = (size_t)b.frames * (size_t)b.channels;
	if (n <= GTS_MAX_SAMPLES && b.channels > 1) {
		x = behind_each_other(&b, n);
		mem_free(b.x);
		if (!x) {
			err_set(e, ERR_NOMEM, "out of memory");
			goto out;
		}
	}
	if (gts_measure(x, n, b.rate_hz, &v, e)) {
		err_prefix(e, "'%s': ", name);
		goto out;
	}
	if (au_in_sha256(in, sha256, e))
		goto out;
	o = gts_object(name, sha256, b.rate_hz, &v);
out:
	mem_free(x);
	au_close(in);
	return o;
}

json_t *
measure_shape(const struct measure_want *want, int with_segment, int gts, struct err *e)
{
	static const float silence[2];
	const struct gts_values none = { 0 };
	struct source s = { .name = "", .info = { .rate_hz = 48000, .channels = 2, .format = "", .encoding = "" } };
	json_t *segment = with_segment ? json_pack("{s:n,s:n,s:n,s:n,s:n}", "number", "label", "name", "title", "di") : NULL, *o;
	struct measure_region r = { 0, -1, segment };
	struct measure *m = NULL;

	if (gts)
		return gts_object("", "", 0, &none);
	o = object_of(&s, &r, want);
	json_decref(segment);
	/* a region that columns can be made of */
	jl_set(o, "region", json_pack("{s:n,s:n}", "start_frame", "length_frames"));
	if (measure_new(&m, s.info.rate_hz, s.info.channels, want, e) || measure_add(m, silence, 1, e) || measure_end(m, o, e)) {
		json_decref(o);
		o = NULL;
	}
	measure_free(m);
	return o;
}
