/* film.c - cards played one after the other into an encoder. */
#include "video/film.h"
#include "draw/card.h"
#include "video/y4m.h"

struct reel {
	struct y4m_player player;
	struct encoder *enc;
	int64_t done;
	void (*step)(void *ctx, int64_t pictures);
	void *ctx;
};

static int
in_segment(struct err *e, size_t i, const struct film_card *c)
{
	err_prefix(e, "segment %zu ('%.60s'): ", i + 1, c->name ? c->name : "");
	return -1;
}

int
film_check(const struct film_card *cards, size_t n, int *width, int *height, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct film_card *c = &cards[i];
		int w, h;

		if (!c->png || !*c->png) {
			err_set(e, ERR_INPUT, "no \"card\" is named; draw one with shootout-card");
			return in_segment(e, i, c);
		}
		if (card_png_size(c->png, &w, &h, e))
			return in_segment(e, i, c);
		if (i == 0) {
			*width = w;
			*height = h;
		}
		if (w != *width || h != *height) {
			err_set(e, ERR_INPUT, "'%s' is %d x %d, the first card is %d x %d; make all with one --size",
			    c->png, w, h, *width, *height);
			return in_segment(e, i, c);
		}
	}
	return 0;
}

/* The pictures of one card. */
static int
play(struct reel *r, const struct film_card *c, struct err *e)
{
	struct y4m_player *p = &r->player;
	cairo_surface_t *png = card_read_png(c->png, p->out.w, p->out.h, e);

	if (!png)
		return -1;
	y4m_player_card(p, (const uint32_t *)(const void *)cairo_image_surface_get_data(png),
	    (size_t)cairo_image_surface_get_stride(png) / 4, c->play);
	cairo_surface_destroy(png);
	for (int64_t i = 0; i < c->frames; i++) {
		y4m_player_seek(p, i, c->frames);
		if (encode_write(r->enc, "FRAME\n", 6, e) || encode_write(r->enc, p->out.y, p->out.bytes, e))
			return -1;
		r->done++;
		if (r->step)
			r->step(r->ctx, r->done);
	}
	return 0;
}

int
film_encode(const struct film_card *cards, size_t n, const struct encode_spec *s,
            void (*step)(void *ctx, int64_t pictures), void *ctx, struct err *e)
{
	struct reel r = { .step = step, .ctx = ctx };
	struct err late;
	char head[128];
	int failed = -1;

	if (y4m_player_new(&r.player, s->width, s->height, e))
		return -1;
	if (encode_start(&r.enc, s, e))
		goto out;
	failed = encode_write(r.enc, head, y4m_header(head, s->width, s->height, s->fps_num, s->fps_den), e);
	for (size_t i = 0; !failed && i < n; i++)
		failed = play(&r, &cards[i], e);
	if (failed && e->code != ERR_IO) {      /* ours, not ffmpeg's */
		encode_abort(r.enc);
		goto out;
	}
	if (encode_finish(r.enc, &late)) {      /* why it stopped is more than that it did */
		*e = late;
		failed = -1;
	}
out:
	y4m_player_free(&r.player);
	return failed;
}
