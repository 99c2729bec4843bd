/* y4m.h - pictures as video frames: BT.709, limited range, 4:2:0, and the moving playhead.
 *
 * The conversion is ours because ffmpeg's default for RGB is BT.601, which shifts the hue of HD
 * video, and because only the columns that change are worth converting. */
#ifndef VIDEO_Y4M_H
#define VIDEO_Y4M_H
#include "base/err.h"
#include "draw/theme.h"
#include <stddef.h>
#include <stdint.h>

/* ITU-R BT.709-6, 8 bit: y 16..235, cb and cr 16..240.  rgb is 0xRRGGBB. */
void y4m_colour(uint32_t rgb, uint8_t *y, uint8_t *cb, uint8_t *cr);

/* A frame of planar 4:2:0: y is w x h, then cb and cr of w/2 x h/2, without padding.  Chroma is sited
 * left (MPEG-2, H.264 default): even columns, between two rows.  w and h are even. */
struct y4m_frame {
	uint8_t *y, *cb, *cr;  /* one block of memory, `bytes` long, that starts at y */
	size_t bytes;
	int w, h;
};
int y4m_frame_new(struct y4m_frame *f, int w, int h, struct err *e);
void y4m_frame_free(struct y4m_frame *f);

/* Convert a picture of f->w x f->h pixels 0x..RRGGBB, stride in pixels. */
void y4m_from_rgb(struct y4m_frame *f, const uint32_t *rgb, size_t stride);

/* The frames of one card: inside `wave` what is left of the playhead is as drawn, the rest dimmed. */
struct y4m_player {
	struct y4m_frame lit, dim, out;  /* out is the frame to write */
	struct theme_rect wave;
	int at;                          /* column of the playhead in wave; -1 none */
};
int y4m_player_new(struct y4m_player *p, int w, int h, struct err *e);
void y4m_player_free(struct y4m_player *p);

/* Take a new card; play 0: a still picture, without playhead. */
void y4m_player_card(struct y4m_player *p, const uint32_t *rgb, size_t stride, int play);

/* Move the playhead to `frame` of `frames`, never back; touches only the columns between. */
void y4m_player_seek(struct y4m_player *p, int64_t frame, int64_t frames);

/* Header of the stream; buf of at least 128 bytes.  Each frame follows "FRAME\n".  Returns its length. */
size_t y4m_header(char *buf, int w, int h, int fps_num, int fps_den);
#endif
