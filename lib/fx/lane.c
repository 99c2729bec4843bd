/* lane.c - parameters that move in time. */
#include "fx/spec.h"
#include "fx/fx_math.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double max_seconds = 1e6;

static int
wrong(const struct fx_info *info, const char *what, size_t len, const char *why, struct err *e)
{
	return err_set(e, ERR_INPUT, "automation of %s: '%.*s': %s", info->name, len > 80 ? 80 : (int)len, what, why);
}

/* TIME:VALUE[:SHAPE], in place. */
static int
parse_point(struct fx_point *pt, const struct fx_info *info, const struct fx_param *p, char *text, struct err *e)
{
	static const char *const shapes[] = { "linear", "hold", "exp", "log", "s", NULL };
	static const char units[] = "sbf";
	char *value = strchr(text, ':'), *shape = value ? strchr(value + 1, ':') : NULL, *end;
	const char *unit;

	if (!value)
		return wrong(info, text, strlen(text), "a point is TIME:VALUE or TIME:VALUE:SHAPE", e);
	*value++ = '\0';
	pt->at = strtod(text, &end);
	unit = end > text && *end && !end[1] ? strchr(units, *end) : NULL;
	if (!unit || strspn(text, "0123456789.eE+-") < (size_t)(end - text))
		return wrong(info, text, strlen(text), "a time is a number and s (seconds), b (beats) or f (frames)", e);
	pt->unit = (enum fx_time)(unit - units);
	if (!(pt->at >= 0 && pt->at <= (pt->unit == FX_FRAMES ? 384000 * max_seconds : max_seconds)))
		return wrong(info, text, strlen(text), "the time is out of range (0 to a million seconds)", e);
	pt->shape = p->kind == FX_NUMBER ? FX_LINEAR : FX_HOLD;
	if (shape) {
		int k = 0;

		*shape++ = '\0';
		while (shapes[k] && strcmp(shapes[k], shape) != 0)
			k++;
		if (!shapes[k])
			return wrong(info, shape, strlen(shape), "a shape is linear, hold, exp, log or s", e);
		pt->shape = (enum fx_shape)k;
		if (p->kind == FX_WORD && pt->shape != FX_HOLD)
			return wrong(info, shape, strlen(shape), "from word to word there is only hold", e);
	}
	return fx_value_parse(info, p, value, &pt->value, e);
}

static int
parse_item(struct fx_lane *lane, const struct fx_info *info, char *item, struct err *e)
{
	static const char smooth[] = "smooth_ms=";
	struct fx_point *more;
	char *end;

	if (!strncmp(item, smooth, sizeof smooth - 1)) {
		const char *number = item + sizeof smooth - 1;

		if (info->param[lane->param].kind == FX_WORD)
			return wrong(info, item, strlen(item), "words cannot be smoothed", e);
		lane->smooth_ms = strtod(number, &end);
		if (end == number || *end || strspn(number, "0123456789.eE+-") < strlen(number) ||
		    !(lane->smooth_ms >= 0 && lane->smooth_ms <= 10000))
			return wrong(info, item, strlen(item), "smooth_ms is a number, 0..10000", e);
		return 0;
	}
	if (lane->points == FX_MAX_POINTS)
		return err_set(e, ERR_INPUT, "automation of %s: more than %d points", info->name, FX_MAX_POINTS);
	if ((lane->points & (lane->points - 1)) == 0) {          /* 0, 1, 2, 4, ...: it is full */
		more = realloc(lane->point, (lane->points ? 2 * lane->points : 1) * sizeof *more);
		if (!more)
			return err_set(e, ERR_NOMEM, "out of memory");
		lane->point = more;
	}
	return parse_point(&lane->point[lane->points++], info, &info->param[lane->param], item, e);
}

int
fx_lane_parse(struct fx_lane *lane, const struct fx_info *info, const char *text, struct err *e)
{
	size_t name = strcspn(text, "=");
	char *copy, *item, *next;
	int r = 0;

	memset(lane, 0, sizeof *lane);
	if (!text[name])
		return wrong(info, text, name, "it is PARAMETER=POINTS", e);
	lane->param = fx_param_find(info, text, name, e);
	if (lane->param < 0)
		return -1;
	copy = str_printf("%s", text + name + 1);
	lane->text = str_printf("%s", text);
	for (item = copy; item && lane->text && !r; item = next) {
		next = strchr(item, ',');
		if (next)
			*next++ = '\0';
		r = parse_item(lane, info, item, e);
	}
	if (!copy || !lane->text)
		r = err_set(e, ERR_NOMEM, "out of memory");
	else if (!r && !lane->points)
		r = wrong(info, text, strlen(text), "there is no point", e);
	free(copy);
	if (r) {
		free(lane->point);
		free(lane->text);
		memset(lane, 0, sizeof *lane);
	}
	return r;
}

/* ---- running --------------------------------------------------------------------------- */

int
fx_lane_start(struct fx_lane_run *r, const struct fx_block *b, const struct fx_lane *lane, int rate_hz, double bpm,
    struct err *e)
{
	const struct fx_param *p = &b->fx->info.param[lane->param];

	*r = (struct fx_lane_run){ .lane = lane, .now = -1, .whole = p->kind != FX_NUMBER };
	r->frame = calloc(lane->points, sizeof *r->frame);
	if (!r->frame)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < lane->points; i++) {
		const struct fx_point *pt = &lane->point[i];
		double s = pt->unit == FX_BEATS ? pt->at * 60 / bpm : pt->at;

		r->frame[i] = pt->unit == FX_FRAMES ? (int64_t)pt->at : (int64_t)(s * rate_hz + 0.5);
		if (i && r->frame[i] < r->frame[i - 1])
			return err_set(e, ERR_INPUT, "automation of %s: %s: point %zu is before the one before it",
			    b->fx->info.name, p->name, i + 1);
	}
	r->c = 1 - fx_decay(lane->smooth_ms / 1000, rate_hz);
	return 0;
}

static double
shaped(enum fx_shape shape, double u)
{
	static const double bits60 = 9.965784284662087;         /* 60 dB: 1000 = 2 to this */

	switch (shape) {
	case FX_LINEAR:
		return u;
	case FX_HOLD:
		return 0;
	case FX_EXP:
		return (fx_exp2(bits60 * u) - 1) / 999;
	case FX_LOG:
		return 1 - (fx_exp2(bits60 * (1 - u)) - 1) / 999;
	case FX_S:
		return u * u * (3 - 2 * u);
	}
	return u;
}

/* Without smoothing.  *same: for so many frames it stays. */
static double
target(struct fx_lane_run *r, int64_t t, int64_t *same)
{
	const struct fx_lane *l = r->lane;
	const struct fx_point *a, *b;

	while (r->next < l->points && r->frame[r->next] <= t)
		r->next++;
	*same = r->next < l->points ? r->frame[r->next] - t : INT64_MAX;
	if (r->next == 0)
		return l->point[0].value;
	a = &l->point[r->next - 1];
	if (r->next == l->points)
		return a->value;
	b = a + 1;
	if (b->shape == FX_HOLD || a->value == b->value)
		return a->value;
	*same = 1;
	return a->value + (b->value - a->value) * shaped(b->shape, (double)(t - r->frame[r->next - 1]) /
	    (double)(r->frame[r->next] - r->frame[r->next - 1]));
}

double
fx_lane_value(struct fx_lane_run *r, int64_t t, int64_t *same)
{
	double v = r->y, near = 1e-9;

	*same = 1;
	if (r->c >= 1) {
		v = target(r, t, same);
		return r->whole ? floor(v + 0.5) : v;
	}
	if (r->now < 0)
		r->y = target(r, t, same);
	/* the filter sees each frame once; where it has arrived it stays */
	for (int64_t f = r->now < 0 ? t : r->now + 1; f <= t; f++) {
		v = target(r, f, same);
		if (r->y == v && *same > t - f) {
			*same -= t - f;
			break;
		}
		r->y += r->c * (v - r->y);
		if (fabs(r->y - v) <= near * (fabs(v) + near))
			r->y = v;
	}
	r->now = t;
	if (r->y != v)
		*same = 1;
	return r->whole ? floor(r->y + 0.5) : r->y;
}
