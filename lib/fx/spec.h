/* spec.h - the inside of a described chain; private to lib/fx (use fx.h). */
#ifndef FX_SPEC_H
#define FX_SPEC_H
#include "fx/effect.h"

enum fx_time { FX_SECONDS, FX_BEATS, FX_FRAMES };
enum fx_shape { FX_LINEAR, FX_HOLD, FX_EXP, FX_LOG, FX_S };

struct fx_point {
	double at, value;
	enum fx_time unit;
	enum fx_shape shape;     /* how it is reached from the point before */
};

struct fx_lane {
	int param;
	struct fx_point *point;
	size_t points;
	double smooth_ms;
	char *text;              /* without the effect: "mix_pct=0s:0,1s:30" */
};

struct fx_block {
	const struct fx_effect *fx;
	struct fx_effect *plugin; /* the same, of LV2; or NULL */
	const struct fx_preset *preset;
	char *plugin_preset;
	double *v;
	unsigned char *given;    /* said, and not by the preset */
	struct fx_lane *lane;
	size_t lanes;
};

struct fx_spec {
	struct fx_block block[FX_MAX_BLOCKS];
	size_t blocks;
	double bpm;              /* 0: not told */
};

int fx_lane_parse(struct fx_lane *lane, const struct fx_info *info, const char *text, struct err *e);
/* The value of a text for a parameter. */
int fx_value_parse(const struct fx_info *info, const struct fx_param *p, const char *text, double *v, struct err *e);
int fx_value_check(const struct fx_info *info, const struct fx_param *p, double v, struct err *e);
/* The parameter of a name; -1 with *e. */
int fx_param_find(const struct fx_info *info, const char *name, size_t len, struct err *e);

/* A parameter's value with the chain's tempo heard. */
double fx_block_value(const struct fx_spec *s, size_t i, int param);

/* A lane while it runs. */
struct fx_lane_run {
	const struct fx_lane *lane;
	int64_t *frame;          /* of each point */
	size_t next;             /* first point that is still to come */
	int64_t now;
	double y, c;             /* smoothed value, and its coefficient; 0: no smoothing */
	int whole;
};
/* Times to frames; -1: they are not in order. */
int fx_lane_start(struct fx_lane_run *r, const struct fx_block *b, const struct fx_lane *lane, int rate_hz, double bpm,
                  struct err *e);
/* The value at frame t, which is not before that of the last call; *same: for so many frames it stays. */
double fx_lane_value(struct fx_lane_run *r, int64_t t, int64_t *same);
#endif
