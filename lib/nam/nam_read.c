/* nam_read.c - values of a model file: numbers, flags, lists, activations. */
#include "base/utf8.h"
#include "nam/nam_file.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int
nam_bad(const struct nam_reader *r, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	char *clean;

	va_start(ap, fmt);
	err_vset(r->e, code, fmt, ap);
	va_end(ap);
	if (r->where[0])
		err_prefix(r->e, "%s: ", r->where);
	err_prefix(r->e, "model '%s': ", r->name);
	clean = r->e ? utf8_clean_str(r->e->msg, sizeof r->e->msg) : NULL;
	if (clean)
		snprintf(r->e->msg, sizeof r->e->msg, "%s", clean);
	free(clean);
	return -1;
}

int
nam_no_memory(const struct nam_reader *r)
{
	return nam_bad(r, ERR_NOMEM, "out of memory");
}

/* A whole number lo..hi; key is for messages. */
static int
int_value(const struct nam_reader *r, const struct nam_value *v, const char *key, int lo, int hi, int *out)
{
	double x = nam_number(v);

	if (!nam_is_number(v))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not a number", key);
	if (!(x >= lo && x <= hi) || x != floor(x))
		return nam_bad(r, ERR_INPUT, "\"%s\" is %.10g, not a whole number from %d to %d",
		    key, x, lo, hi);
	*out = (int)x;
	return 0;
}

int
nam_get_int(const struct nam_reader *r, const struct nam_value *o, const char *key, int fallback, int lo,
    int hi, int *out)
{
	const struct nam_value *v = nam_get(o, key);

	if (!v || (nam_is_null(v) && fallback != INT_MIN)) {
		*out = fallback;
		return fallback == INT_MIN ? nam_bad(r, ERR_INPUT, "\"%s\" is missing", key) : 0;
	}
	return int_value(r, v, key, lo, hi, out);
}

int
nam_get_bool(const struct nam_reader *r, const struct nam_value *o, const char *key, int fallback, int *out)
{
	const struct nam_value *v = nam_get(o, key);

	*out = fallback;
	if (!v)
		return fallback < 0 ? nam_bad(r, ERR_INPUT, "\"%s\" is missing", key) : 0;
	if (!nam_is_bool(v))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not true or false", key);
	*out = nam_is_true(v);
	return 0;
}

/* A float that stays finite as float32; fallback when absent. */
static int
get_float(const struct nam_reader *r, const struct nam_value *o, const char *key, float fallback, float *out)
{
	const struct nam_value *v = nam_get(o, key);

	*out = fallback;
	if (!v)
		return 0;
	if (!nam_is_number(v) || !isfinite((float)nam_number(v)))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not a finite number", key);
	*out = (float)nam_number(v);
	return 0;
}

int
nam_get_ints(const struct nam_reader *r, const struct nam_value *o, const char *key, int n_min, int lo, int hi,
    int *n, int **list)
{
	const struct nam_value *v = nam_get(o, key);
	size_t len = nam_size(v);

	*n = 0;
	*list = NULL;
	if (!nam_is_list(v))
		return nam_bad(r, ERR_INPUT, "\"%s\" is not a list", key);
	if (len < (size_t)n_min || len > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"%s\" has %zu entries, not %d to %d", key, len, n_min,
		    NAM_MAX_LIST);
	if (!(*list = calloc(len ? len : 1, sizeof **list)))
		return nam_no_memory(r);
	*n = (int)len;
	v = nam_at(v, 0);
	for (size_t i = 0; i < len; i++, v = nam_next(v))
		if (int_value(r, v, key, lo, hi, &(*list)[i]))
			return -1;
	return 0;
}

int
nam_get_floats(const struct nam_reader *r, const struct nam_value *list, const char *what, float **out,
    size_t *n)
{
	size_t len = nam_size(list);
	const struct nam_value *v;
	float *w;

	*n = 0;
	*out = NULL;
	if (!nam_is_list(list))
		return nam_bad(r, ERR_INPUT, "%s is not a list of numbers", what);
	if (!(w = calloc(len ? len : 1, sizeof *w)))
		return nam_no_memory(r);
	*out = w;
	*n = len;
	v = nam_at(list, 0);
	for (size_t i = 0; i < len; i++, v = nam_next(v)) {
		w[i] = (float)nam_number(v);
		if (!nam_is_number(v))
			return nam_bad(r, ERR_INPUT, "%s[%zu] is not a number", what, i);
		if (!isfinite(w[i]))
			return nam_bad(r, ERR_INPUT, "%s[%zu] is %g, too large for a weight", what, i,
			    nam_number(v));
	}
	return 0;
}

/* Names are the file format's own. */
int
nam_parse_act(const struct nam_reader *r, const struct nam_value *v, const char *key, struct nam_act *a)
{
	static const struct { const char *name; enum nam_act_type type; } names[] = {
		{ "Tanh", NAM_ACT_TANH }, { "Hardtanh", NAM_ACT_HARDTANH },
		{ "Fasttanh", NAM_ACT_FASTTANH }, { "ReLU", NAM_ACT_RELU },
		{ "LeakyReLU", NAM_ACT_LEAKY_RELU }, { "PReLU", NAM_ACT_PRELU },
		{ "Sigmoid", NAM_ACT_SIGMOID }, { "SiLU", NAM_ACT_SILU },
		{ "Hardswish", NAM_ACT_HARDSWISH },
		{ "LeakyHardtanh", NAM_ACT_LEAKY_HARDTANH },
		{ "LeakyHardTanh", NAM_ACT_LEAKY_HARDTANH },
		{ "Softsign", NAM_ACT_SOFTSIGN },
	};
	const char *name = nam_string(nam_is_object(v) ? nam_get(v, "type") : v);
	const struct nam_value *slopes = nam_get(v, "negative_slopes");
	size_t i = 0, n;

	if (!name)
		return nam_bad(r, ERR_INPUT, "\"%s\" names no activation", key);
	while (i < sizeof names / sizeof *names && strcmp(names[i].name, name))
		i++;
	if (i == sizeof names / sizeof *names)
		return nam_bad(r, ERR_UNSUPPORTED, "activation \"%.40s\" is not known", name);
	a->type = names[i].type;
	switch (a->type) {
	case NAM_ACT_PRELU:
		if (!nam_get(v, "negative_slope") && slopes) {
			if (nam_get_floats(r, slopes, "negative_slopes", &a->slopes, &n))
				return -1;
			if (n == 0 || n > NAM_MAX_CHANNELS)
				return nam_bad(r, ERR_INPUT, "negative_slopes has %zu entries", n);
			if (n > NAM_MAX_FLOATS - r->total->floats)
				return nam_bad(r, ERR_INPUT, "asks for more than %d slopes", NAM_MAX_FLOATS);
			r->total->floats += n;
			a->n_slopes = (int)n;
		}
		/* fall through */
	case NAM_ACT_LEAKY_RELU:
		return get_float(r, v, "negative_slope", 0.01f, &a->p[0]);
	case NAM_ACT_LEAKY_HARDTANH:
		return get_float(r, v, "min_val", -1.0f, &a->p[0]) ||
		    get_float(r, v, "max_val", 1.0f, &a->p[1]) ||
		    get_float(r, v, "min_slope", 0.01f, &a->p[2]) ||
		    get_float(r, v, "max_slope", 0.01f, &a->p[3]) ? -1 : 0;
	default:
		return 0;
	}
}

int
nam_divides(const struct nam_reader *r, const char *what, int groups, int in, int out)
{
	if (in % groups || out % groups)
		return nam_bad(r, ERR_INPUT, "%s: %d groups do not divide %d inputs and %d outputs",
		    what, groups, in, out);
	return 0;
}
