/* Renders through the library, and what batches keep of models and inputs. */
#include "base/file.h"
#include "render/nam_cache.h"
#include "render/nam_render.h"
#include "../tap.h"

#include <string.h>
#include <unistd.h>

enum { BLOCK = 4096 };

static const char gain_text[] = "{\"version\":\"0.5.4\",\"architecture\":\"Linear\",\"sample_rate\":48000,"
    "\"config\":{\"receptive_field\":2,\"bias\":false},\"weights\":[0.5,0.25]}";

static void
put(const char *name, const char *text)
{
	struct err e;

	if (file_write(name, text, strlen(text), &e)) {
		printf("# %s\n", e.msg);
		exit(1);
	}
}

static void
put_wav(const char *name, int channels, int64_t frames)
{
	struct au_out *o;
	struct err e;
	int bad = au_create(&o, name, 48000, channels, AU_F32, &e);

	for (int64_t t = 0; !bad && t < frames; t += BLOCK) {
		float x[2 * BLOCK];

		for (int64_t i = 0; i < BLOCK; i++) {
			x[i * channels + channels - 1] = -1;
			x[i * channels] = (float)((t + i) % 100) / 128;
		}
		bad = au_write(o, x, frames - t < BLOCK ? frames - t : BLOCK, &e);
	}
	if (bad || au_commit(o, NULL, &e)) {
		printf("# %s\n", e.msg);
		exit(1);
	}
}

static int
refuses(void (*change)(struct nam_options *), const char *why)
{
	struct nam_options o;
	struct err e = { ERR_NONE, "" };
	int bad;

	nam_options_init(&o);
	if (nam_options_check(&o, &e))
		return 0;
	change(&o);
	bad = nam_options_check(&o, &e);
	if (!bad || !strstr(e.msg, why))
		printf("# %s\n", e.msg);
	return bad && strstr(e.msg, why) == e.msg;
}

static void level(struct nam_options *o) { o->level = "loud"; }
static void calibrated(struct nam_options *o) { o->level = "calibrated"; }
static void target(struct nam_options *o) { o->level_target_db = -20; }
static void gain(struct nam_options *o) { o->input_gain_db = NAN; }
static void tail(struct nam_options *o) { o->tail = "1e9"; }
static void tail_word(struct nam_options *o) { o->tail = ""; }
static void slim(struct nam_options *o) { o->slim = 1.5; }
static void dc(struct nam_options *o) { o->dc_block_hz = -1; }

static void
test_options(void)
{
	struct nam_options o;
	struct err e;

	ok(refuses(level, "level: 'loud'"), "options: a level that is none");
	ok(refuses(calibrated, "output_dbu: missing; level calibrated"), "options: calibrated without a level");
	ok(refuses(target, "level_target_db: only"), "options: a target that nothing uses");
	ok(refuses(gain, "input_gain_db: "), "options: no number");
	ok(refuses(tail, "tail: "), "options: a tail of years");
	ok(refuses(tail_word, "tail: "), "options: a tail of nothing");
	ok(refuses(slim, "slim: 1.5"), "options: too fat");
	ok(refuses(dc, "dc_block_hz: "), "options: below DC");
	nam_options_init(&o);
	o.level = "calibrated";
	ok(!nam_options_check_values(&o, &e), "options: defaults that a job completes");
	o.level = "loud";
	ok(nam_options_check_values(&o, &e) < 0, "options: defaults of no value");
}

/* Frame t of the result of gain.nam, an input of put_wav(). */
static double
want(int64_t t, int channel)
{
	double now = channel ? -1 : (double)(t % 100) / 128, before = channel ? -1 : (double)((t + 99) % 100) / 128;

	return 0.5 * now + 0.25 * (t ? before : 0);
}

static void
test_render(const struct nam_input *in, const char *what)
{
	struct nam_options o;
	struct nam_render *r = NULL;
	struct nam_model *m = NULL;
	struct au_buf b = { 0 };
	struct err e;
	int good = 0;
	json_t *report;

	nam_options_init(&o);
	o.model = "gain.nam";
	o.input = "in.wav";
	o.output = "out.wav";
	if (nam_open(&m, o.model, nam_options_slim(&o), &e) || nam_render_open(&r, &o, m, in, &e) ||
	    nam_render_run(r, NULL, 2, NULL, &e)) {
		printf("# %s\n", e.msg);
	} else {
		report = nam_render_report(r, &e);
		good = report && json_integer_value(json_object_get(report, "out_frames")) == 5000 &&
		    !access("out.wav.tmp", F_OK) && access("out.wav", F_OK) && !nam_render_commit(r, NULL, &e) &&
		    !au_load(&b, "out.wav", 10000, &e) && b.frames == 5000 && b.channels == 2;
		json_decref(report);
	}
	for (int64_t t = 0; good && t < b.frames; t++)
		good = fabs((double)b.x[2 * t] - want(t, 0)) < 1e-7 && fabs((double)b.x[2 * t + 1] - want(t, 1)) < 1e-7;
	ok(good, what);
	au_buf_free(&b);
	nam_render_free(r);
	nam_close(m);
	unlink("out.wav");
}

static void
test_cache(void)
{
	struct err e;
	struct nam_cache *c = nam_cache_inputs(&e), *models = nam_cache_models(&e);
	struct nam_cached *a = nam_cache_get(c, "in.wav", 0, &e), *b = nam_cache_get(c, "in.wav", 0, &e);
	struct nam_cached *x = nam_cache_get(models, "gain.nam", -1, &e), *y;
	const struct nam_input *in = nam_cached_what(a);

	ok(a && a == b && in->buf.frames == 5000 && in->buf.channels == 2 && strlen(in->sha256) == 64, "an input is loaded once");
	test_render(in, "a render from memory");
	test_render(NULL, "and from the file: the same");
	put_wav("in.wav", 1, 10);
	y = nam_cache_get(c, "in.wav", 0, &e);
	ok(y && y != a && ((const struct nam_input *)nam_cached_what(y))->buf.frames == 10, "a file that changed is another");
	ok(in->buf.frames == 5000, "who has the old one keeps it");
	nam_cache_put(c, a);
	nam_cache_put(c, b);
	nam_cache_put(c, y);
	a = nam_cache_get(c, "in.wav", 0, &e);
	ok(a == y, "what nobody has stays");
	nam_cache_put(c, a);
	put_wav("big.wav", 2, (64 << 20) / 8 + 1);
	a = nam_cache_get(c, "big.wav", 0, &e);
	ok(a && !nam_cached_what(a), "more than 64 MiB is to be streamed");
	nam_cache_put(c, a);
	ok(!nam_cache_get(c, "missing.wav", 0, &e) && strstr(e.msg, "missing.wav"), "a missing one is an error");
	ok(!nam_cache_get(c, "gain.nam", 0, &e), "and so is what is no audio");
	y = nam_cache_get(models, "gain.nam", -1, &e);
	ok(x && x == y, "a model is opened once");
	nam_cache_put(models, x);
	nam_cache_put(models, y);
	ok(!nam_cache_get(models, "gain.nam", 0.5, &e), "in another size it is another");
	nam_cache_free(c);
	nam_cache_free(models);
}

int
main(void)
{
	char dir[] = "/tmp/test_nam_render.XXXXXX";
	static const char *const files[] = { "gain.nam", "in.wav", "big.wav" };

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	put("gain.nam", gain_text);
	put_wav("in.wav", 2, 5000);
	test_options();
	test_cache();
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlink(files[i]);
	if (chdir("/") || rmdir(dir))
		printf("# %s is not empty\n", dir);
	return done();
}
