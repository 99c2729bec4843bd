/* nam_file.c - read and check .nam files into struct nam_desc: the model object, its kinds, models inside it. */
#include "nam/nam_file.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the other architectures ------------------------------------------------------- */

static int
parse_lstm(const struct nam_reader *r, const struct nam_value *c, struct nam_desc *d)
{
	if (nam_get_int(r, c, "num_layers", INT_MIN, 0, NAM_MAX_LIST, &d->n_layers) ||
	    nam_get_int(r, c, "input_size", INT_MIN, 1, NAM_MAX_CHANNELS, &d->input_size) ||
	    nam_get_int(r, c, "hidden_size", INT_MIN, 1, NAM_MAX_CHANNELS, &d->hidden) ||
	    nam_get_int(r, c, "in_channels", 1, 1, NAM_MAX_CHANNELS, &d->in_channels) ||
	    nam_get_int(r, c, "out_channels", 1, 1, NAM_MAX_CHANNELS, &d->out_channels))
		return -1;
	if (d->input_size != d->in_channels)
		return nam_bad(r, ERR_INPUT, "input_size is %d, not the %d of what comes in", d->input_size,
		    d->in_channels);
	if (!d->n_layers && d->in_channels != d->out_channels)
		return nam_bad(r, ERR_INPUT, "no layers between %d and %d channels", d->in_channels,
		    d->out_channels);
	return 0;
}

static int
parse_convnet(const struct nam_reader *r, const struct nam_value *c, struct nam_desc *d)
{
	if (nam_get_int(r, c, "channels", INT_MIN, 1, NAM_MAX_CHANNELS, &d->channels) ||
	    nam_get_ints(r, c, "dilations", 1, 0, NAM_MAX_DILATION, &d->n_dilations, &d->dilations) ||
	    nam_get_bool(r, c, "batchnorm", -1, &d->batchnorm) ||
	    nam_parse_act(r, nam_get(c, "activation"), "activation", &d->act) ||
	    nam_get_int(r, c, "groups", 1, 1, NAM_MAX_CHANNELS, &d->groups) ||
	    nam_get_int(r, c, "in_channels", 1, 1, NAM_MAX_CHANNELS, &d->in_channels) ||
	    nam_get_int(r, c, "out_channels", 1, 1, NAM_MAX_CHANNELS, &d->out_channels))
		return -1;
	return nam_divides(r, "groups", d->groups, d->in_channels, d->channels) ||
	    nam_divides(r, "groups", d->groups, d->channels, d->channels) ? -1 : 0;
}

static int
parse_linear(const struct nam_reader *r, const struct nam_value *c, struct nam_desc *d)
{
	int in, out;

	d->in_channels = d->out_channels = 1;
	if (nam_get_int(r, c, "receptive_field", INT_MIN, 1, INT_MAX, &d->taps) ||
	    nam_get_bool(r, c, "bias", -1, &d->bias) ||
	    nam_get_int(r, c, "in_channels", 1, 1, NAM_MAX_CHANNELS, &in) ||
	    nam_get_int(r, c, "out_channels", 1, 1, NAM_MAX_CHANNELS, &out))
		return -1;
	if (in != 1 || out != 1)
		return nam_bad(r, ERR_UNSUPPORTED, "Linear from %d to %d channels is not supported", in, out);
	return 0;
}

/* ---- models inside models ---------------------------------------------------------- */

int
nam_add_child(struct nam_reader *r, const struct nam_value *o, struct nam_desc *d, const char *what)
{
	struct nam_desc **list, *child;
	struct nam_reader inner = *r;

	inner.slim = -1;
	inner.info = NULL;
	inner.where[0] = 0;
	inner.depth++;
	if (inner.depth > NAM_MAX_DEPTH)
		return nam_bad(r, ERR_INPUT, "more than %d models inside models", NAM_MAX_DEPTH);
	if (nam_parse_model(&inner, o, &child)) {
		/* r->name is at the front of the message already */
		if (r->e && strlen(r->e->msg) + strlen(what) + 8 < sizeof r->e->msg)
			err_prefix(r->e, "%s of ", what);
		return -1;
	}
	list = realloc(d->children, ((size_t)d->n_children + 1) * sizeof *list);
	if (!list) {
		nam_desc_free(child);
		return nam_no_memory(r);
	}
	d->children = list;
	list[d->n_children++] = child;
	return 0;
}

static int
parse_container(struct nam_reader *r, const struct nam_value *c, struct nam_desc *d)
{
	const struct nam_value *list = nam_get(c, "submodels"), *s;
	const size_t n = nam_size(list);

	if (!nam_is_list(list) || n < 1 || n > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"submodels\" is not a list of models");
	if (!(d->max_value = calloc(n, sizeof *d->max_value)))
		return nam_no_memory(r);
	s = nam_at(list, 0);
	for (size_t i = 0; i < n; i++, s = nam_next(s)) {
		const struct nam_value *v = nam_get(s, "max_value");
		char what[32];
		double rate;

		snprintf(what, sizeof what, "submodels[%zu]", i);
		if (!nam_is_number(v))
			return nam_bad(r, ERR_INPUT, "%s has no \"max_value\"", what);
		d->max_value[i] = nam_number(v);
		if (i && d->max_value[i] <= d->max_value[i - 1])
			return nam_bad(r, ERR_INPUT, "\"max_value\" of the submodels does not ascend");
		if (nam_add_child(r, nam_get(s, "model"), d, what))
			return -1;
		rate = d->children[i]->rate_hz;
		if (rate > 0 && d->rate_hz > 0 && rate != d->rate_hz)
			return nam_bad(r, ERR_INPUT, "%s is for %g Hz, the container for %g Hz", what, rate,
			    d->rate_hz);
	}
	if (d->max_value[n - 1] < 1.0)
		return nam_bad(r, ERR_INPUT, "the last \"max_value\" is %g, not 1", d->max_value[n - 1]);
	return 0;
}

static int
parse_sequential(struct nam_reader *r, const struct nam_value *c, struct nam_desc *d)
{
	const struct nam_value *list = nam_get(c, "models"), *entry, *m;
	size_t n;

	if (!list)
		list = nam_get(c, "layers");
	n = nam_size(list);
	if (!nam_is_list(list) || n < 1 || n > NAM_MAX_LIST)
		return nam_bad(r, ERR_INPUT, "\"models\" is not a list of models");
	entry = nam_at(list, 0);
	for (size_t i = 0; i < n; i++, entry = nam_next(entry)) {
		char what[32];
		double rate;

		snprintf(what, sizeof what, "models[%zu]", i);
		m = entry;
		if (nam_is_object(nam_get(m, "model")))
			m = nam_get(m, "model");
		if (nam_add_child(r, m, d, what))
			return -1;
		rate = d->children[i]->rate_hz;
		if (rate > 0 && d->rate_hz > 0 && rate != d->rate_hz)
			return nam_bad(r, ERR_INPUT, "%s is for %g Hz, what is before it for %g Hz", what,
			    rate, d->rate_hz);
		if (rate > 0)
			d->rate_hz = rate;
		if (i && d->children[i]->in_channels != d->children[i - 1]->out_channels)
			return nam_bad(r, ERR_INPUT, "%s takes %d channels, the one before gives %d", what,
			    d->children[i]->in_channels, d->children[i - 1]->out_channels);
	}
	d->in_channels = d->children[0]->in_channels;
	d->out_channels = d->children[n - 1]->out_channels;
	return 0;
}

/* Replace *d by the submodel for slim (-1: the last). */
static void
choose_submodel(struct nam_desc **d, double slim)
{
	struct nam_desc *c = *d, *pick;
	int i = 0;

	if (slim < 0)
		i = c->n_children - 1;
	while (i < c->n_children - 1 && !(slim < c->max_value[i]))
		i++;
	pick = c->children[i];
	if (pick->rate_hz <= 0)
		pick->rate_hz = c->rate_hz;
	c->children[i] = NULL;
	nam_desc_free(c);
	*d = pick;
}

/* ---- a model ----------------------------------------------------------------------- */

/* Three numbers with dots between, nothing else.  0.5.0 to 0.7.x are read. */
static int
check_version(const struct nam_reader *r, const struct nam_value *v)
{
	const char *s = nam_string(v), *p = s;
	long part[3] = { 0 };

	if (!s)
		return nam_bad(r, ERR_INPUT, "\"version\" is not a string");
	for (int i = 0; i < 3; i++) {
		char *end;

		if (*p < '0' || *p > '9' || strspn(p, "0123456789") > 9)
			return nam_bad(r, ERR_INPUT, "version \"%.40s\" is not like 0.5.4", s);
		part[i] = strtol(p, &end, 10);
		p = end;
		if (*p++ != (i < 2 ? '.' : '\0'))
			return nam_bad(r, ERR_INPUT, "version \"%.40s\" is not like 0.5.4", s);
	}
	if (part[0] > 0 || part[1] > 7 || part[1] < 5)
		return nam_bad(r, ERR_UNSUPPORTED, "file version %.40s is not supported (0.5.0 to 0.7.x are)",
		    s);
	if (r->info) {
		snprintf(r->info->file_version, sizeof r->info->file_version, "%s", s);
		r->info->newer_version = part[1] == 7 && part[2] > 0;
	}
	return 0;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The smallest value that chooses entry i of n. */
static double
slim_step(int i, int n)
{
	const double x = (double)i / n;

	return floor(x * n) < i ? nextafter(x, 1) : x;
}

/* Where the size changes, in any array. */
static int
note_slim(const struct nam_reader *r, const struct nam_desc *d)
{
	struct nam_info *info = r->info;
	unsigned char seen[NAM_MAX_LIST + 1] = { 0 }; /* lists of equal length change at the same values */
	size_t most = d->kind == NAM_CONTAINER ? (size_t)d->n_children : 0, n = 0;
	double *x;

	for (int a = 0; a < d->n_arrays; a++) {
		most += seen[d->arrays[a].n_allowed] ? 0 : (size_t)d->arrays[a].n_allowed;
		seen[d->arrays[a].n_allowed] = 1;
	}
	if (!info || most == 0)
		return 0;
	info->slimmable = 1;
	if (!(x = info->slim = malloc(most * sizeof *x)))
		return nam_no_memory(r);
	for (int i = 0; d->kind == NAM_CONTAINER && i < d->n_children - 1; i++)
		x[n++] = d->max_value[i];
	for (int len = 1; len <= NAM_MAX_LIST; len++)
		for (int i = 1; seen[len] && i < len; i++)
			x[n++] = slim_step(i, len);
	qsort(x, n, sizeof *x, by_size);
	for (size_t i = 0; i < n; i++)
		if (!info->n_slim || x[i] > x[info->n_slim - 1])
			x[info->n_slim++] = x[i];
	return 0;
}

static int
read_weights(const struct nam_reader *r, const struct nam_value *o, struct nam_desc *d)
{
	const size_t want = nam_desc_weights(d), have = nam_size(nam_get(o, "weights"));

	if (want == SIZE_MAX)
		return nam_bad(r, ERR_INPUT, "the configuration asks for more than %d weights; the file has %zu",
		    NAM_MAX_FLOATS, have);
	if (want != have)
		return nam_bad(r, ERR_INPUT, "the configuration asks for %zu weights; the file has %zu", want,
		    have);
	if (nam_get_floats(r, nam_get(o, "weights"), "weights", &d->weights, &d->n_weights))
		return -1;
	if (d->kind == NAM_WAVENET)
		d->head_scale = (double)d->weights[d->n_weights - 1];
	return 0;
}

static int
can_slim(const struct nam_desc *d)
{
	int n = d->kind == NAM_CONTAINER;

	for (int i = 0; i < d->n_arrays; i++)
		n += d->arrays[i].n_allowed;
	return n > 0;
}

int
nam_parse_model(struct nam_reader *r, const struct nam_value *o, struct nam_desc **out)
{
	static const struct {
		const char *name;
		enum nam_kind kind;
		int (*parse)(struct nam_reader *, const struct nam_value *, struct nam_desc *);
	} architectures[] = {
		{ "WaveNet", NAM_WAVENET, nam_parse_wavenet },
		{ "SlimmableContainer", NAM_CONTAINER, parse_container },
		{ "Sequential", NAM_SEQUENTIAL, parse_sequential },
		{ "sequential", NAM_SEQUENTIAL, parse_sequential },
		{ "LSTM", NAM_LSTM, NULL }, { "ConvNet", NAM_CONVNET, NULL },
		{ "Linear", NAM_LINEAR, NULL },
	};
	const char *arch = nam_string(nam_get(o, "architecture"));
	const struct nam_value *c = nam_get(o, "config");
	struct nam_desc *d;
	size_t k = 0;
	int bad;

	*out = NULL;
	if (!nam_is_object(o))
		return nam_bad(r, ERR_INPUT, "not a JSON object");
	if (!nam_get(o, "version") || !arch || !nam_get(o, "weights"))
		return nam_bad(r, ERR_INPUT, "\"%s\" is missing", !nam_get(o, "version") ? "version" :
		    !arch ? "architecture" : "weights");
	if (check_version(r, nam_get(o, "version")) || nam_parse_metadata(r, nam_get(o, "metadata")))
		return -1;
	if (!nam_is_object(c))
		return nam_bad(r, ERR_INPUT, "\"config\" is not an object");
	while (k < sizeof architectures / sizeof *architectures && strcmp(arch, architectures[k].name))
		k++;
	if (k == sizeof architectures / sizeof *architectures)
		return nam_bad(r, ERR_UNSUPPORTED, "architecture \"%.40s\" is not known", arch);
	if (r->info)
		snprintf(r->info->architecture, sizeof r->info->architecture, "%s", arch);
	if (!(d = calloc(1, sizeof *d)))
		return nam_no_memory(r);
	d->kind = architectures[k].kind;
	bad = nam_parse_rate(r, nam_get(o, "sample_rate"), &d->rate_hz);
	if (!bad)
		bad = d->kind == NAM_LSTM ? parse_lstm(r, c, d) :
		    d->kind == NAM_CONVNET ? parse_convnet(r, c, d) :
		    d->kind == NAM_LINEAR ? parse_linear(r, c, d) : architectures[k].parse(r, c, d);
	if (!bad && d->kind != NAM_CONTAINER && d->kind != NAM_SEQUENTIAL)
		bad = read_weights(r, o, d);
	if (!bad)
		bad = note_slim(r, d);
	if (!bad) {
		if (r->slim >= 0 && r->slim < 1 && !can_slim(d))
			bad = nam_bad(r, ERR_INPUT, "one size only: the model is not slimmable");
		else if (r->slim >= 0 && d->kind == NAM_WAVENET)
			bad = nam_slim_wavenet(r, d, r->slim);
	}
	if (bad) {
		nam_desc_free(d);
		return -1;
	}
	if (d->kind == NAM_CONTAINER)
		choose_submodel(&d, r->slim);
	*out = d;
	return 0;
}

int
nam_desc_parse(struct nam_desc **d, struct nam_info *info, const char *data, size_t len,
    const char *name, double slim, struct err *e)
{
	struct nam_total total = { 0 };
	struct nam_reader r = { .name = name, .e = e, .info = info, .slim = slim, .total = &total };
	struct nam_tree *tree;
	struct nam_cost cost;
	struct err je;
	int status;

	*d = NULL;
	if (len > NAM_MAX_FILE)
		return nam_bad(&r, ERR_INPUT, "larger than %d MiB", NAM_MAX_FILE >> 20);
	if (!(tree = nam_tree_parse(data, len, &je)))
		return nam_bad(&r, je.code, "%s", je.msg);
	if (!nam_is_object(nam_tree_root(tree)))
		status = nam_bad(&r, ERR_INPUT, "not a JSON object");
	else if (nam_is_rtneural(nam_tree_root(tree)))
		status = nam_parse_rtneural(&r, nam_tree_root(tree), d);
	else if (!nam_get(nam_tree_root(tree), "architecture") && !nam_get(nam_tree_root(tree), "version"))
		status = nam_bad(&r, ERR_INPUT, "no NAM, RTNeural, AIDA-X or GuitarML model: has neither \"architecture\" nor "
		    "\"layers\" nor \"model_data\"");
	else
		status = nam_parse_model(&r, nam_tree_root(tree), d);
	nam_tree_free(tree);
	if (status)
		return -1;
	nam_desc_cost(*d, &cost);
	if (cost.stream_floats > NAM_MAX_STREAM || cost.weights > NAM_MAX_FLOATS) {
		status = cost.weights > NAM_MAX_FLOATS ?
		    nam_bad(&r, ERR_INPUT, "asks for more than %d weights", NAM_MAX_FLOATS) :
		    nam_bad(&r, ERR_INPUT, "asks for %.4g MiB for a stream, more memory than the %d that one may have: "
		    "a dilation or kernel is too large, or layers are too many or too wide", (double)cost.stream_floats / (1 << 18),
		    NAM_MAX_STREAM >> 18);
		nam_desc_free(*d);
		*d = NULL;
		return status;
	}
	info->transcendentals = cost.transcendentals;
	info->state_bytes = cost.state_floats * sizeof(float);
	return 0;
}
