/* lv2.c - LV2 plugins described: their ports as parameters, their presets. */
#include "fx/lv2_plugin.h"

#ifndef HAVE_LILV

struct fx_effect *
fx_lv2_effect(const char *uri, struct err *e)
{
	err_set(e, ERR_UNSUPPORTED, "lv2: '%.200s' cannot be used: this build has no LV2 (it was made without lilv)", uri);
	return NULL;
}

void
fx_lv2_free(struct fx_effect *fx)
{
	(void)fx;
}

const char *
fx_lv2_uri(const struct fx_effect *fx)
{
	(void)fx;
	return NULL;
}

int
fx_lv2_preset(const struct fx_effect *fx, const char *name, double *v, struct err *e)
{
	(void)fx;
	(void)v;
	return err_set(e, ERR_UNSUPPORTED, "lv2: no preset '%.60s': this build has no LV2", name);
}

#else
#include "base/str.h"

#include <lv2/atom/atom.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/core/lv2.h>
#include <lv2/options/options.h>
#include <lv2/port-props/port-props.h>
#include <lv2/presets/presets.h>
#include <lv2/worker/worker.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEP = 32, MAX_URIDS = 65536 };

pthread_mutex_t fx_lv2_lock = PTHREAD_MUTEX_INITIALIZER;
static LilvWorld *world;                 /* of all plugins; lives until exit */

/* ---- numbers for URIs ------------------------------------------------------------------ */

static pthread_mutex_t urid_lock = PTHREAD_MUTEX_INITIALIZER;
static char **urids;
static uint32_t n_urids;

LV2_URID
fx_lv2_map_uri(LV2_URID_Map_Handle h, const char *uri)
{
	LV2_URID id = 0;
	char **more, *copy;

	(void)h;
	pthread_mutex_lock(&urid_lock);
	for (uint32_t i = 0; i < n_urids && !id; i++)
		id = strcmp(urids[i], uri) ? 0 : i + 1;
	if (!id && n_urids < MAX_URIDS) {
		more = realloc(urids, (n_urids + 1) * sizeof *more);
		urids = more ? more : urids;
		copy = more ? str_printf("%s", uri) : NULL;
		if (copy) {
			urids[n_urids++] = copy;
			id = n_urids;
		}
	}
	pthread_mutex_unlock(&urid_lock);
	return id;
}

static const char *
unmap_uri(LV2_URID_Unmap_Handle h, LV2_URID id)
{
	const char *uri;

	(void)h;
	pthread_mutex_lock(&urid_lock);
	uri = id && id <= n_urids ? urids[id - 1] : NULL;
	pthread_mutex_unlock(&urid_lock);
	return uri;
}

LV2_URID_Map fx_lv2_map = { NULL, fx_lv2_map_uri };
LV2_URID_Unmap fx_lv2_unmap = { NULL, unmap_uri };

/* ---- a plugin, described --------------------------------------------------------------- */

static int
nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

static int
port_is(const LilvPlugin *l, const LilvPort *port, const char *class)
{
	LilvNode *n = lilv_new_uri(world, class);
	int r = lilv_port_is_a(l, port, n);

	lilv_node_free(n);
	return r;
}

static int
port_has(const LilvPlugin *l, const LilvPort *port, const char *property)
{
	LilvNode *n = lilv_new_uri(world, property);
	int r = lilv_port_has_property(l, port, n);

	lilv_node_free(n);
	return r;
}

/* A control input as the next parameter. */
static int
add_param(struct lv2_plugin *p, const LilvPort *port, struct lv2_port *to, float min, float max, float def)
{
	static const char *const taken[] = { "bypass", "mix_pct", "tail_s", "effect", "preset", "uri", "name", "stereo",
		"automation", NULL };
	struct fx_param *q = &p->param[p->fx.info.params];
	const char *symbol = lilv_node_as_string(lilv_port_get_symbol(p->lilv, port)), *after = "";
	LilvNode *name = lilv_port_get_name(p->lilv, port);

	for (int i = 0; taken[i]; i++)
		after = strcmp(taken[i], symbol) ? after : "_";
	q->name = str_printf("%s%s", symbol, after);
	q->help = str_printf("%s", name ? lilv_node_as_string(name) : symbol);
	lilv_node_free(name);
	if (!q->name || !q->help)
		return -1;
	q->unit = "";
	q->kind = port_has(p->lilv, port, LV2_CORE__toggled) ? FX_SWITCH :
	    port_has(p->lilv, port, LV2_CORE__integer) ? FX_WHOLE : FX_NUMBER;
	q->min = isfinite(min) ? (double)min : -1e6;
	q->max = isfinite(max) ? (double)max : 1e6;
	q->def = isfinite(def) ? (double)def : isfinite(min) ? (double)min : 0;
	if (q->kind == FX_SWITCH) {
		q->min = 0;
		q->max = 1;
		q->def = q->def > 0;
	}
	q->min = q->min < q->def ? q->min : q->def;
	q->max = q->max > q->def ? q->max : q->def;
	to->kind = P_CONTROL_IN;
	to->param = p->fx.info.params++;
	to->by_rate = port_has(p->lilv, port, LV2_CORE__sampleRate);
	return 0;
}

static int
describe_ports(struct lv2_plugin *p, struct err *e)
{
	uint32_t n = lilv_plugin_get_num_ports(p->lilv);
	float *min = calloc(3 * (size_t)n + 1, sizeof *min);

	p->ports = n;
	p->port = calloc((size_t)n + 1, sizeof *p->port);
	p->param = calloc((size_t)n + LV2_OWN, sizeof *p->param);
	if (!min || !p->port || !p->param) {
		free(min);
		return nomem(e);
	}
	p->param[FX_BYPASS] = (struct fx_param)FX_P_BYPASS;
	p->param[FX_MIX] = (struct fx_param){ "mix_pct", "%", FX_NUMBER, 0, 100, 100, NULL,
		"0 is the dry signal alone, 100 the wet one alone" };
	p->param[LV2_TAIL] = (struct fx_param){ "tail_s", "s", FX_NUMBER, 0, 600, 1, NULL, "how long it sounds on" };
	p->fx.info.params = LV2_OWN;
	lilv_plugin_get_port_ranges_float(p->lilv, min, min + n, min + 2 * (size_t)n);
	for (uint32_t i = 0; i < n; i++) {
		const LilvPort *port = lilv_plugin_get_port_by_index(p->lilv, i);
		struct lv2_port *to = &p->port[i];
		int in = port_is(p->lilv, port, LV2_CORE__InputPort), optional = port_has(p->lilv, port,
		    LV2_CORE__connectionOptional);

		if (port_is(p->lilv, port, LV2_CORE__ControlPort)) {
			to->kind = P_CONTROL_OUT;
			if (in && (p->fx.info.params >= FX_MAX_PARAMS || add_param(p, port, to, min[i], min[n + i],
			    min[2 * (size_t)n + i]))) {
				free(min);
				return err_set(e, ERR_UNSUPPORTED, "lv2: '%.200s' has too many parameters", p->uri);
			}
		} else if (port_is(p->lilv, port, LV2_CORE__AudioPort)) {
			to->kind = !in ? P_AUDIO_OUT : optional || port_has(p->lilv, port, LV2_CORE_PREFIX "isSideChain") ?
			    P_SIDE_IN : P_AUDIO_IN;
			p->ins += to->kind == P_AUDIO_IN;
			p->outs += to->kind == P_AUDIO_OUT;
		} else if (port_is(p->lilv, port, LV2_ATOM__AtomPort)) {
			to->kind = in ? P_ATOM_IN : P_ATOM_OUT;
		} else if (!optional) {
			free(min);
			return err_set(e, ERR_UNSUPPORTED, "lv2: '%.200s' has a port of a kind that cannot be served: %.60s",
			    p->uri, lilv_node_as_string(lilv_port_get_symbol(p->lilv, port)));
		}
	}
	p->latency_port = lilv_plugin_has_latency(p->lilv) ? (int)lilv_plugin_get_latency_port_index(p->lilv) : -1;
	free(min);
	return 0;
}

static int
check_features(struct lv2_plugin *p, struct err *e)
{
	static const char *const served[] = { LV2_URID__map, LV2_URID__unmap, LV2_OPTIONS__options, LV2_WORKER__schedule,
		LV2_BUF_SIZE__boundedBlockLength, LV2_BUF_SIZE__fixedBlockLength, LV2_BUF_SIZE__powerOf2BlockLength,
		LV2_CORE__isLive, LV2_CORE__inPlaceBroken, LV2_CORE__hardRTCapable, NULL };
	LilvNodes *need = lilv_plugin_get_required_features(p->lilv);
	LilvNode *name;
	int r = 0, least;

	LILV_FOREACH (nodes, i, need) {
		const char *uri = lilv_node_as_uri(lilv_nodes_get(need, i));
		int k = 0;

		while (served[k] && strcmp(served[k], uri) != 0)
			k++;
		if (!served[k])
			r = err_set(e, ERR_UNSUPPORTED, "lv2: '%.200s' needs a host with %.200s", p->uri, uri);
		if (!strcmp(uri, LV2_BUF_SIZE__fixedBlockLength) || !strcmp(uri, LV2_BUF_SIZE__powerOf2BlockLength))
			p->step = STEP;
	}
	lilv_nodes_free(need);
	/* some say how little they take */
	name = lilv_new_uri(world, LV2_BUF_SIZE__minBlockLength);
	need = lilv_plugin_get_value(p->lilv, name);
	least = need && lilv_node_is_int(lilv_nodes_get_first(need)) ? lilv_node_as_int(lilv_nodes_get_first(need)) : 1;
	for (int step = STEP; step <= FX_GRID && p->step < least && least > 1; step *= 2)
		p->step = step;
	lilv_nodes_free(need);
	lilv_node_free(name);
	return r;
}

static const LilvPlugin *
find(const char *uri)
{
	const LilvPlugin *l;
	LilvNode *n;

	if (!world) {
		world = lilv_world_new();
		if (world)
			lilv_world_load_all(world);
	}
	n = world ? lilv_new_uri(world, uri) : NULL;
	l = n ? lilv_plugins_get_by_uri(lilv_world_get_all_plugins(world), n) : NULL;
	lilv_node_free(n);
	return l;
}

struct fx_effect *
fx_lv2_effect(const char *uri, struct err *e)
{
	struct lv2_plugin *p = calloc(1, sizeof *p);
	LilvNode *name;
	int bad;

	if (!p || !(p->uri = str_printf("%s", uri))) {
		free(p);
		nomem(e);
		return NULL;
	}
	p->fx = fx_lv2_calls;
	p->sequence = fx_lv2_map_uri(NULL, LV2_ATOM__Sequence);
	p->chunk = fx_lv2_map_uri(NULL, LV2_ATOM__Chunk);
	pthread_mutex_lock(&fx_lv2_lock);
	p->lilv = strchr(uri, ':') ? find(uri) : NULL;
	if (!p->lilv)
		bad = err_set(e, ERR_INPUT, "lv2: there is no plugin '%.200s' (lv2ls, of lilv-utils, names those that are "
		    "installed)", uri);
	else
		bad = check_features(p, e) || describe_ports(p, e);
	if (!bad) {
		name = lilv_plugin_get_name(p->lilv);
		p->fx.info.about = str_printf("%s", name ? lilv_node_as_string(name) : uri);
		lilv_node_free(name);
		p->fx.info.param = p->param;
		bad = p->fx.info.about ? 0 : nomem(e);
	}
	pthread_mutex_unlock(&fx_lv2_lock);
	if (!bad)
		return &p->fx;
	fx_lv2_free(&p->fx);
	return NULL;
}

void
fx_lv2_free(struct fx_effect *fx)
{
	struct lv2_plugin *p = (struct lv2_plugin *)(void *)fx;

	if (!p)
		return;
	for (int i = LV2_OWN; p->param && i < p->fx.info.params; i++) {
		free((char *)(uintptr_t)p->param[i].name);
		free((char *)(uintptr_t)p->param[i].help);
	}
	if (p->fx.info.about != fx_lv2_calls.info.about)
		free((char *)(uintptr_t)p->fx.info.about);
	free(p->param);
	free(p->port);
	free(p->uri);
	free(p);
}

const char *
fx_lv2_uri(const struct fx_effect *fx)
{
	return fx_lv2_plugin(fx)->uri;
}

/* ---- presets --------------------------------------------------------------------------- */

struct preset_values { const struct lv2_plugin *p; double *v; };

static void
set_port(const char *symbol, void *ctx, const void *value, uint32_t size, uint32_t type)
{
	struct preset_values *s = ctx;
	double v;

	(void)size;
	if (type == fx_lv2_map_uri(NULL, LV2_ATOM__Float))
		v = (double)*(const float *)value;
	else if (type == fx_lv2_map_uri(NULL, LV2_ATOM__Double))
		v = *(const double *)value;
	else if (type == fx_lv2_map_uri(NULL, LV2_ATOM__Int) || type == fx_lv2_map_uri(NULL, LV2_ATOM__Bool))
		v = *(const int32_t *)value;
	else
		return;
	for (int i = LV2_OWN; i < s->p->fx.info.params; i++) {
		const struct fx_param *q = &s->p->param[i];
		size_t len = strlen(symbol);

		/* a name that was taken has a _ behind its symbol */
		if (!strncmp(q->name, symbol, len) && (!q->name[len] || !strcmp(q->name + len, "_")))
			s->v[i] = v < q->min ? q->min : v > q->max ? q->max : v;
	}
}

int
fx_lv2_preset(const struct fx_effect *fx, const char *name, double *v, struct err *e)
{
	struct preset_values s = { fx_lv2_plugin(fx), v };
	LilvNode *class, *label;
	LilvNodes *all, *labels;
	LilvState *state = NULL;
	struct str have = { 0 };
	int r = -1;

	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ')    /* a plan writes the name on a command line */
			return err_set(e, ERR_INPUT, "lv2: the name of the preset has a control character");
	pthread_mutex_lock(&fx_lv2_lock);
	class = lilv_new_uri(world, LV2_PRESETS__Preset);
	label = lilv_new_uri(world, LILV_NS_RDFS "label");
	all = lilv_plugin_get_related(s.p->lilv, class);
	LILV_FOREACH (nodes, i, all) {
		const LilvNode *one = lilv_nodes_get(all, i);
		const char *text;

		lilv_world_load_resource(world, one);
		labels = lilv_world_find_nodes(world, one, label, NULL);
		text = labels ? lilv_node_as_string(lilv_nodes_get_first(labels)) : lilv_node_as_uri(one);
		str_addf(&have, ", %s", text);
		if (!state && (!strcmp(text, name) || !strcmp(lilv_node_as_uri(one), name)))
			state = lilv_state_new_from_world(world, &fx_lv2_map, one);
		lilv_nodes_free(labels);
	}
	if (!state) {
		err_set(e, ERR_INPUT, "lv2: unknown preset '%.60s'; the presets are: %.300s", name,
		    have.s ? have.s + 2 : "none");
	} else if (lilv_state_get_num_properties(state)) {
		err_set(e, ERR_UNSUPPORTED, "lv2: the preset '%.60s' has more than values of parameters, which cannot be "
		    "served", name);
	} else {
		lilv_state_emit_port_values(state, set_port, &s);
		r = 0;
	}
	lilv_state_free(state);
	lilv_nodes_free(all);
	lilv_node_free(class);
	lilv_node_free(label);
	pthread_mutex_unlock(&fx_lv2_lock);
	str_free(&have);
	return r;
}
#endif
