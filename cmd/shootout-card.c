/* shootout-card - draw a title or segment card with waveform and spectrum as a PNG picture. */
#include "cli/diag.h"
#include "cli/opt.h"
#include "cli/prov.h"
#include "draw/card.h"
#include "draw/text.h"
#include "draw/theme.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *out_name = "-", *size = "1920x1080", *audio, *level, *prov_name;
static long long start_frame, length_frames = -1;

static const struct opt opts[] = {
	{ 'a', "audio", OPT_STR, &audio, "FILE", "draw the waveform and spectrum of FILE" },
	{ 0, "start-frame", OPT_INT64, &start_frame, "N", "first audio frame of the segment (0)" },
	{ 0, "length-frames", OPT_INT64, &length_frames, "N", "audio frames of the segment (to the end)" },
	{ 'l', "level", OPT_STR, &level, "FILE", "show gain and loudness of an audio-level report" },
	{ 'o', "output", OPT_STR, &out_name, "OUT.png", "picture to write (standard output)" },
	{ 0, "size", OPT_STR, &size, "WxH", "pixels, even numbers (1920x1080)" },
	PROV_OPT(prov_name),
	OPT_COMMON,
	{ 0 }
};

static const struct opt_spec spec = {
	"[-qv] [--size WxH] [--audio FILE] [--level FILE] [-o OUT.png] [CARD.json]",
	"Draw the card that CARD.json describes; its schema is card/1.",
	opts,
	"  shootout-card -o title.png title.json\n"
	"  shootout-card --audio a.flac --level a.level.json -o a.png a.card.json\n",
};

static int
write_prov(struct prov *p, const char *name, struct err *e)
{
	if (!prov_wanted(p))
		return 0;
	if ((strcmp(name, "-") && prov_input(p, "card", name, NULL, e)) ||
	    (audio && strcmp(audio, "-") && prov_input(p, "audio", audio, NULL, e)) ||
	    (level && prov_input(p, "level", level, NULL, e)) ||
	    (strcmp(out_name, "-") && prov_output(p, "picture", out_name, NULL, e)))
		return -1;
	return prov_write(p, e);
}

static int
draw(const char *name, int w, int h)
{
	struct prov *prov = prov_new(prov_name);
	struct card *c = NULL;
	cairo_surface_t *s = NULL;
	struct wave wave;
	struct err e;
	int have_wave = 0, status = ST_FAIL;

	if (text_init(&e) || card_load(&c, name, &e) || (level && card_load_levels(c, level, &e)))
		goto fail;
	if (audio && card_is_title(c)) {
		err_set(&e, ERR_INPUT, "'%s' is a title, which shows no audio", name);
		goto fail;
	}
	if (audio) {
		if (wave_read(&wave, audio, start_frame, length_frames, theme_wave_rect(w, h).w, &e))
			goto fail;
		have_wave = 1;
		if (wave.peak == 0)
			diag_warn("'%s' is silent", audio);
	}
	s = card_draw(c, have_wave ? &wave : NULL, w, h, &e);
	if (!s || card_write_png(s, out_name, &e) || write_prov(prov, name, &e))
		goto fail;
	if (text_missing_glyphs())
		diag_warn("%d characters of '%s' are in no installed font and became boxes; install a font that has "
		    "them, such as fonts-noto", text_missing_glyphs(), name);
	diag_info("%d x %d pixels", w, h);
	status = ST_OK;
	goto out;
fail:
	status = diag_err(&e);
out:
	if (have_wave)
		wave_free(&wave);
	cairo_surface_destroy(s);
	card_free(c);
	prov_free(prov);
	return status;
}

int
main(int argc, char *argv[])
{
	int n = opt_parse(argc, argv, &spec), w, h, end = 0;
	const char *name = n ? argv[1] : "-";

	if (n > 1)
		diag_usage("one card at a time; '%s' is too many", argv[2]);
	if (sscanf(size, "%5dx%5d%n", &w, &h, &end) != 2 || size[end] || w < THEME_MIN_W || w > THEME_MAX_W ||
	    h < THEME_MIN_H || h > THEME_MAX_H || w % 2 || h % 2)
		diag_usage("--size: '%s' is not WxH with even numbers from %dx%d to %dx%d", size, THEME_MIN_W,
		    THEME_MIN_H, THEME_MAX_W, THEME_MAX_H);
	if (start_frame < 0 || start_frame > 1LL << 48)
		diag_usage("--start-frame must not be negative");
	if (length_frames != -1 && (length_frames < 1 || length_frames > 1LL << 40))
		diag_usage("--length-frames must be at least 1");
	if (!audio && (start_frame || length_frames != -1))
		diag_usage("--start-frame and --length-frames need --audio");
	if (audio && !strcmp(audio, "-") && !strcmp(name, "-"))
		diag_usage("the card and the audio cannot both come from standard input");
	if (!strcmp(out_name, "-") && isatty(STDOUT_FILENO))
		diag_usage("no picture is written to a terminal; say -o OUT.png or use a pipe");
	return diag_close_stdout(draw(name, w, h));
}
