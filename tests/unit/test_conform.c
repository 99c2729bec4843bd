/* test_conform.c - an input conformed in passes: the samples are those of the arithmetic done at once. */
#include "dsp/conform.h"
#include "base/sha256.h"
#include "../tap.h"

#include <string.h>
#include <unistd.h>

enum { RATE = 48000, FRAMES = 100000 }; /* several blocks */
static float x[FRAMES * 2];
static char folder[] = "/tmp/conform.XXXXXX";

static void
save(const char *name, int64_t frames)
{
	struct au_out *o;
	struct err e;

	if (au_create(&o, name, RATE, 2, AU_F32, &e) || au_write(o, x, frames, &e) || au_commit(o, NULL, &e))
		printf("# %s\n", e.msg);
}

/* Copy a file, its header changed so that it does not tell the length. */
static void
save_open(const char *from, const char *to)
{
	static char data[sizeof x + 1000];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n = in ? fread(data, 1, sizeof data, in) : 0;

	for (size_t at = 0; at + 8 < 200; at++)
		if (!memcmp(data + at, "data", 4))
			memset(data + at + 4, 0xff, 4);
	if (!in || !out || fwrite(data, 1, n, out) != n)
		printf("# cannot copy %s\n", from);
	if (in)
		fclose(in);
	if (out)
		fclose(out);
}

/* Two unlike channels with a DC; faint before frame 20000 and after frame 79999. */
static void
take(double right)
{
	for (int i = 0; i < FRAMES; i++) {
		double loud = i < 20000 || i >= 80000 ? 1e-4 : 0.5;

		x[2 * i] = (float)(0.125 + loud * cos(i * 0.01));
		x[2 * i + 1] = (float)(0.0625 + right * loud * cos(i * 0.01) + 0.3 * loud * sin(i * 0.37));
	}
	save("a.wav", FRAMES);
	save_open("a.wav", "open.wav");
}

struct result {
	int opened, planned, written;
	struct conform_facts f;  /* less its pointers: */
	struct prep_map map;
	struct au_info in;
	double total;
	int64_t steps;           /* the frames of the last step */
	char hex[65];
	struct au_buf out;
	struct err e;
};

static void
count(void *ctx, int64_t frames)
{
	struct result *r = ctx;

	r->steps = frames >= r->steps ? frames : -1;
}

static int
to_file(void *ctx, const float *y, int64_t frames, struct err *e)
{
	return au_write(ctx, y, frames, e);
}

/* NAME to out.wav and into memory; r->out.x is the caller's. */
static struct result
conform(const char *name, struct conform_opts o, enum au_encoding enc)
{
	static struct result r;
	struct conform *c;
	struct au_out *out = NULL;
	int64_t frames;

	memset(&r, 0, sizeof r);
	o.step = count;
	o.ctx = &r;
	r.opened = !conform_open(&c, &name, 1, &o, &r.e);
	if (!r.opened) {
		ok(c == NULL, "what cannot be opened is NULL");
		return r;
	}
	r.total = conform_total_frames(c);
	r.planned = !conform_plan(c, &r.e);
	conform_facts(c, &r.f);
	if (r.planned && !au_create(&out, "out.wav", r.f.out_rate_hz, r.f.out_channels, enc, &r.e))
		r.written = !conform_write(c, &(struct conform_sink){ to_file, out }, &r.e) &&
		    !conform_input(c, 0, &frames, r.hex, &r.e);
	conform_facts(c, &r.f);
	r.map = *r.f.map;
	r.in = *r.f.in;
	r.f.map = NULL;
	r.f.in = NULL;
	if (!r.written)
		au_abort(out);
	else if (au_commit(out, NULL, &r.e) || au_load(&r.out, "out.wav", 1 << 20, &r.e))
		r.written = 0;
	conform_close(c);
	return r;
}

static int
says(const struct err *e, const char *text)
{
	if (!strstr(e->msg, text))
		printf("# %s\n", e->msg);
	return strstr(e->msg, text) != NULL;
}

static void
test_copy(void)
{
	struct conform_opts o = CONFORM_NOTHING;
	struct result r = conform("a.wav", o, AU_F32);
	char hex[65];

	ok(r.written && r.out.frames == FRAMES && !memcmp(r.out.x, x, sizeof x), "nothing asked for: bit for bit");
	ok(r.f.copy && r.f.in_frames == FRAMES && r.f.out_frames == FRAMES && r.f.length_frames == FRAMES,
	    "and the facts say so");
	ok(r.total == FRAMES && r.steps == FRAMES, "one pass, all of it in steps");
	ok(!sha256_file("a.wav", hex, &r.e) && !strcmp(hex, r.hex), "the hash of the input");
	au_buf_free(&r.out);
	o.start_s = 0.5;
	o.length_frames = 70001;
	r = conform("a.wav", o, AU_F32);
	ok(r.written && r.out.frames == 70001 && !memcmp(r.out.x, x + 2 * 24000, 70001 * 2 * sizeof *x),
	    "a region, in seconds and in frames");
	ok(!r.f.copy && r.f.start_frame == 24000 && r.f.in_frames == FRAMES && r.total == 70001, "is no copy");
	au_buf_free(&r.out);
}

/* What three passes must give, made of the whole in memory. */
static float *
at_once(int64_t *frames)
{
	static float y[FRAMES];
	struct prep_stats st = { .channels = 2 };
	struct prep_sound sound = { -1, -1 };
	struct prep_map m;
	struct err e;

	prep_stats_add(&st, x, FRAMES);
	prep_map_init(&m, "mono", 2, &e);
	prep_map_decide(&m, "mono", &st, &e);
	prep_map_dc(&m, &st);
	prep_map_apply(&m, x, FRAMES, y);
	prep_sound_add(&sound, y, FRAMES, 1, 0, 0.01);
	*frames = sound.last - sound.first + 1;
	m.gain = -1;
	prep_map_apply(&m, x + 2 * sound.first, *frames, y);
	prep_fade(y, *frames, 1, 0, *frames, 480, 960);
	return y;
}

static void
test_passes(void)
{
	struct conform_opts o = CONFORM_NOTHING;
	struct result r;
	int64_t frames;
	float *y = at_once(&frames);
	int keep = dup(STDIN_FILENO);
	FILE *cat;

	o.channels = "mono";
	o.remove_dc = o.invert = 1;
	o.trim_dbfs = -40;
	o.fade_in_ms = 10;
	o.fade_out_ms = 20;
	r = conform("a.wav", o, AU_F32);
	ok(r.written && r.out.frames == frames && !memcmp(r.out.x, y, (size_t)frames * sizeof *y),
	    "mono, DC, trim, polarity, fades in three passes: as at once");
	ok(r.f.start_frame == r.f.trimmed_start_frames && r.f.length_frames == frames &&
	    r.f.trimmed_start_frames + frames + r.f.trimmed_end_frames == FRAMES, "the places add up");
	ok(r.f.fade_in_frames == 480 && r.f.fade_out_frames == 960 && r.map.rule == PREP_MID && r.map.gain == -1,
	    "and so do the other facts");
	ok(r.total == 3 * FRAMES && r.steps == 3 * FRAMES, "three passes are announced and made");
	au_buf_free(&r.out);

	cat = popen("cat open.wav", "r");
	if (!cat || dup2(fileno(cat), STDIN_FILENO) < 0)
		perror("cat");
	r = conform("-", o, AU_F32);
	dup2(keep, STDIN_FILENO);
	close(keep);
	if (cat)
		ok(pclose(cat) == 0, "a pipe is read to its end");
	ok(r.written && r.out.frames == frames && !memcmp(r.out.x, y, (size_t)frames * sizeof *y),
	    "the same from a pipe of unknown length");
	ok(r.total == 0 && r.steps == 3 * FRAMES && r.in.frames == -1 && r.f.in_frames == FRAMES,
	    "whose length is known after it");
	au_buf_free(&r.out);
}

static void
test_output(void)
{
	struct conform_opts o = CONFORM_NOTHING;
	struct result r;
	int silent = 1, steps = 1;

	o.channels = "left";
	o.rate_hz = 24000;
	o.pad_start_s = 0.1;
	o.pad_end_s = 3; /* more than a block */
	o.dither_bits = 16;
	r = conform("a.wav", o, AU_S16);
	ok(r.written && r.f.pad_start_frames == 2400 && r.f.pad_end_frames == 72000 &&
	    r.out.frames == 2400 + FRAMES / 2 + 72000 && r.out.frames == r.f.out_frames, "half the rate, padded");
	for (int64_t i = 0; r.written && i < r.out.frames; i++) {
		silent &= (i >= 2400 && i < 2400 + FRAMES / 2) || r.out.x[i] == 0;
		steps &= r.out.x[i] * 32768 == rintf(r.out.x[i] * 32768);
	}
	ok(r.written && silent && steps, "steps of 16 bits, and no dither on silence put in");
	ok_near(r.f.peak, 0.625, 0.01, "the peak");
	ok(!r.f.copy && r.f.out_rate_hz == 24000 && r.f.out_channels == 1, "is no copy");
	au_buf_free(&r.out);
	o = (struct conform_opts)CONFORM_NOTHING;
	o.pad_end_s = 1;
	r = conform("a.wav", o, AU_F32);
	ok(r.written && !r.f.copy && r.out.frames == FRAMES + RATE && !memcmp(r.out.x, x, sizeof x),
	    "padding alone leaves the samples, and is no copy");
	au_buf_free(&r.out);
}

static void
test_errors(void)
{
	struct conform_opts o = CONFORM_NOTHING;
	struct result r;

	r = conform("gone.wav", o, AU_F32);
	ok(!r.opened && r.e.code == ERR_IO && says(&r.e, "'gone.wav'"), "no such file");
	save("none.wav", 0);
	r = conform("none.wav", o, AU_F32);
	ok(!r.opened && says(&r.e, "'none.wav' has no frames"), "no frames");
	o.channels = "3";
	r = conform("a.wav", o, AU_F32);
	ok(!r.opened && says(&r.e, "cannot use 'a.wav': channel 3 of 2"), "no such channel");
	o = (struct conform_opts)CONFORM_NOTHING;
	o.start_frame = FRAMES;
	r = conform("a.wav", o, AU_F32);
	ok(!r.opened && says(&r.e, "starts at frame 100000"), "a region behind the end");
	o.start_frame = -1;
	o.length_s = 1e-9;
	r = conform("a.wav", o, AU_F32);
	ok(!r.opened && says(&r.e, "is not one frame"), "a region of nothing");
	o.length_s = NAN;
	o.fade_in_ms = o.fade_out_ms = 1500;
	r = conform("a.wav", o, AU_F32);
	ok(r.opened && !r.planned && says(&r.e, "the fades of 144000 frames"), "fades that do not fit");
	o.fade_in_ms = o.fade_out_ms = 0;
	o.gain_db = 300;
	for (int i = 0; i < 4000; i++)
		x[i] = 1e30f;
	save("huge.wav", 2000);
	r = conform("huge.wav", o, AU_F32);
	ok(r.planned && !r.written && says(&r.e, "beyond the range of float32"), "past float32");
}

/* What the choice of channels found is told when a later step fails, and only what was accepted. */
static void
test_loss(void)
{
	struct conform_opts o = CONFORM_NOTHING;
	struct result r;

	o.channels = "mid";
	o.remove_dc = 1;
	o.trim_dbfs = 0;
	for (int i = 0; i < FRAMES; i++)
		x[2 * i] = (float)cos(i * 0.1) / 2, x[2 * i + 1] = -x[2 * i] / 4;
	save("near.wav", FRAMES);
	r = conform("near.wav", o, AU_F32);
	ok(!r.planned && says(&r.e, "never reaches 0 dBFS"), "silence only");
	ok_near(r.map.mix_loss_db, 10 * log10((1.0625 / 2) / (0.5625 / 4)), 1e-6, "and yet the loss of the mix is known");
	ok(r.map.correlation < -0.999 && r.steps == 2 * FRAMES, "and the correlation");
	for (int i = 0; i < FRAMES; i++)
		x[2 * i + 1] = -x[2 * i];
	save("anti.wav", FRAMES);
	r = conform("anti.wav", o, AU_F32);
	ok(!r.planned && says(&r.e, "cannot use 'anti.wav': left and right cancel"), "channels that cancel");
	ok(isnan(r.map.mix_loss_db) && isnan(r.map.correlation), "are no mix with a loss");
}

int
main(void)
{
	static const char *const made[] = { "a.wav", "open.wav", "out.wav", "none.wav", "huge.wav", "near.wav",
		"anti.wav" };

	if (!mkdtemp(folder) || chdir(folder)) {
		perror(folder);
		return 1;
	}
	take(0.5);
	test_copy();
	test_passes();
	test_output();
	test_errors();
	test_loss();
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		unlink(made[i]);
	if (rmdir(folder))
		perror(folder);
	return done();
}
