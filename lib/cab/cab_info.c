/* cab_info.c - what there is to say of one response. */
#include "cab/cab.h"
#include "cli/jsonl.h"
#include "dsp/ir.h"

#include <math.h>

/* The preferred numbers of ISO 266, 20 Hz to 20 kHz. */
static const double third_octaves[] = { 20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000,
	1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000 };
enum { BANDS = sizeof third_octaves / sizeof *third_octaves };

static double
db(double v)
{
	return 20 * log10(v);
}

static json_t *
channel_object(const struct ir_facts *f, int64_t frames, const double *response_db)
{
	json_t *o = json_object(), *list = json_array();

	jl_num(o, "peak_dbfs", db(f->peak));
	jl_int(o, "peak_frame", f->peak_frame);
	jl_int(o, "polarity", f->polarity);
	jl_num(o, "energy_db", 10 * log10(f->energy));
	jl_int(o, "onset_frame", f->onset_frame);
	jl_int(o, "length_60db_frames", f->length_60db_frames);
	jl_num(o, "dc_offset", f->dc_gain / (double)frames);
	jl_num(o, "dc_gain_db", db(fabs(f->dc_gain)));
	for (int i = 0; i < BANDS; i++)
		json_array_append_new(list, isfinite(response_db[i]) ? json_real(response_db[i]) : json_null());
	jl_set(o, "response_db", list);
	return o;
}

/* The facts of the whole: the largest, the first, the longest. */
static void
gather(struct ir_facts *all, const struct ir_facts *f)
{
	if (f->peak > all->peak) {
		all->peak = f->peak;
		all->peak_frame = f->peak_frame;
		all->polarity = f->polarity;
	}
	all->energy = fmax(all->energy, f->energy);
	if (f->polarity && f->onset_frame < all->onset_frame)
		all->onset_frame = f->onset_frame;
	if (f->length_60db_frames > all->length_60db_frames)
		all->length_60db_frames = f->length_60db_frames;
}

static json_t *
info_object(const char *name, const struct ir *ir, const struct ir_facts *all, json_t *channels)
{
	json_t *o = jl_new("ir-info/1"), *hz = json_array();

	jl_str(o, "file", name);
	jl_str(o, "sha256", ir->sha256);
	jl_int(o, "rate_hz", ir->h.rate_hz);
	jl_int(o, "channels", ir->h.channels);
	jl_int(o, "frames", ir->h.frames);
	jl_num(o, "duration_s", (double)ir->h.frames / ir->h.rate_hz);
	jl_num(o, "peak_dbfs", db(all->peak));
	jl_int(o, "peak_frame", all->peak_frame);
	jl_int(o, "polarity", all->polarity);
	jl_num(o, "energy_db", 10 * log10(all->energy));
	jl_int(o, "onset_frame", all->onset_frame);
	jl_int(o, "length_60db_frames", all->length_60db_frames);
	jl_num(o, "length_60db_s", (double)all->length_60db_frames / ir->h.rate_hz);
	for (int i = 0; i < BANDS; i++)
		json_array_append_new(hz, json_real(third_octaves[i]));
	jl_set(o, "response_hz", hz);
	jl_set(o, "per_channel", channels);
	return o;
}

json_t *
cab_info(const char *name, struct err *e)
{
	struct ir_facts f, all = { .onset_frame = INT64_MAX };
	json_t *channels = json_array(), *o = NULL;
	struct shape h = { 0 };
	double response_db[BANDS];
	struct ir ir;

	if (ir_load(&ir, name, e)) {
		json_decref(channels);
		return NULL;
	}
	if (shape_new(&h, ir.h.frames, 1, ir.h.rate_hz, e))
		goto out;
	for (int c = 0; c < ir.h.channels; c++) {
		for (int64_t t = 0; t < h.frames; t++)
			h.x[t] = (double)ir.h.x[t * ir.h.channels + c];
		if (shape_response(&h, 0, third_octaves, response_db, BANDS, e))
			goto out;
		ir_measure(&ir.h, c, &f);
		gather(&all, &f);
		json_array_append_new(channels, channel_object(&f, ir.h.frames, response_db));
	}
	o = info_object(name, &ir, &all, channels);
	channels = NULL;
out:
	json_decref(channels);
	shape_free(&h);
	ir_free(&ir);
	return o;
}
