/* lv2.c - LV2 plugins as effects. */
#include "fx/lv2.h"

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
#include "base/mem.h"
#include "base/str.h"
#include "cli/jsonl.h"

#include <lilv/lilv.h>
#include <lv2/atom/atom.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/core/lv2.h>
#include <lv2/options/options.h>
#include <lv2/parameters/parameters.h>
#include <lv2/port-props/port-props.h>
#include <lv2/presets/presets.h>
#include <lv2/urid/urid.h>
#include <lv2/worker/worker.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL = FX_MIX + 1, OWN, STEP = 32, ATOM_BYTES = 65536, MAX_WORK_BYTES = 1 << 20, MAX_URIDS = 65536,
	SETTLE_BLOCKS = 16 /* until then a plugin may not know its latency */ };

/* lilv is for one thread at a time: all calls to it hold this.  Running an instance is not one. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LilvWorld *world;                 /* of all plugins; lives until exit */

/* ---- numbers for URIs ------------------------------------------------------------------ */

static pthread_mutex_t urid_lock = PTHREAD_MUTEX_INITIALIZER;
static char **urids;
static uint32_t n_urids;

static LV2_URID
map_uri(LV2_URID_Map_Handle h, const char *uri)
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

static LV2_URID_Map map = { NULL, map_uri };
static LV2_URID_Unmap unmap = { NULL, unmap_uri };

/* ---- a plugin, described --------------------------------------------------------------- */

enum port_kind { P_NOTHING, P_CONTROL_IN, P_CONTROL_OUT, P_AUDIO_IN, P_AUDIO_OUT, P_SIDE_IN, P_ATOM_IN, P_ATOM_OUT };

struct port {
	enum port_kind kind;
	int param;               /* P_CONTROL_IN */
	int by_rate;             /* its value is in parts of the rate */
};

struct plugin {
	struct fx_effect fx;     /* first: a pointer to the one is one to the other */
	const LilvPlugin *lilv;
	char *uri;
	struct fx_param *param;
	struct port *port;
	uint32_t ports;
	int ins, outs, latency_port; /* of audio; -1 */
	LV2_URID sequence, chunk;
	int step;                /* frames of a block while a control moves; 0: one, and any number while all rest */
};

static const struct plugin *
plugin_of(const struct fx_effect *fx)
{
	return (const struct plugin *)(const void *)fx;
}

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
add_param(struct plugin *p, const LilvPort *port, struct port *to, float min, float max, float def)
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
describe_ports(struct plugin *p, struct err *e)
{
	uint32_t n = lilv_plugin_get_num_ports(p->lilv);
	float *min = calloc(3 * (size_t)n + 1, sizeof *min);

	p->ports = n;
	p->port = calloc((size_t)n + 1, sizeof *p->port);
	p->param = calloc((size_t)n + OWN, sizeof *p->param);
	if (!min || !p->port || !p->param) {
		free(min);
		return nomem(e);
	}
	p->param[FX_BYPASS] = (struct fx_param)FX_P_BYPASS;
	p->param[FX_MIX] = (struct fx_param){ "mix_pct", "%", FX_NUMBER, 0, 100, 100, NULL,
		"0 is the dry signal alone, 100 the wet one alone" };
	p->param[TAIL] = (struct fx_param){ "tail_s", "s", FX_NUMBER, 0, 600, 1, NULL, "how long it sounds on" };
	p->fx.info.params = OWN;
	lilv_plugin_get_port_ranges_float(p->lilv, min, min + n, min + 2 * (size_t)n);
	for (uint32_t i = 0; i < n; i++) {
		const LilvPort *port = lilv_plugin_get_port_by_index(p->lilv, i);
		struct port *to = &p->port[i];
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
check_features(struct plugin *p, struct err *e)
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

static const struct fx_effect lv2_calls;

struct fx_effect *
fx_lv2_effect(const char *uri, struct err *e)
{
	struct plugin *p = calloc(1, sizeof *p);
	LilvNode *name;
	int bad;

	if (!p || !(p->uri = str_printf("%s", uri))) {
		free(p);
		nomem(e);
		return NULL;
	}
	p->fx = lv2_calls;
	p->sequence = map_uri(NULL, LV2_ATOM__Sequence);
	p->chunk = map_uri(NULL, LV2_ATOM__Chunk);
	pthread_mutex_lock(&lock);
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
	pthread_mutex_unlock(&lock);
	if (!bad)
		return &p->fx;
	fx_lv2_free(&p->fx);
	return NULL;
}

void
fx_lv2_free(struct fx_effect *fx)
{
	struct plugin *p = (struct plugin *)(void *)fx;

	if (!p)
		return;
	for (int i = OWN; p->param && i < p->fx.info.params; i++) {
		free((char *)(uintptr_t)p->param[i].name);
		free((char *)(uintptr_t)p->param[i].help);
	}
	if (p->fx.info.about != lv2_calls.info.about)
		free((char *)(uintptr_t)p->fx.info.about);
	free(p->param);
	free(p->port);
	free(p->uri);
	free(p);
}

const char *
fx_lv2_uri(const struct fx_effect *fx)
{
	return plugin_of(fx)->uri;
}

/* ---- presets --------------------------------------------------------------------------- */

struct preset_values { const struct plugin *p; double *v; };

static void
set_port(const char *symbol, void *ctx, const void *value, uint32_t size, uint32_t type)
{
	struct preset_values *s = ctx;
	double v;

	(void)size;
	if (type == map_uri(NULL, LV2_ATOM__Float))
		v = (double)*(const float *)value;
	else if (type == map_uri(NULL, LV2_ATOM__Double))
		v = *(const double *)value;
	else if (type == map_uri(NULL, LV2_ATOM__Int) || type == map_uri(NULL, LV2_ATOM__Bool))
		v = *(const int32_t *)value;
	else
		return;
	for (int i = OWN; i < s->p->fx.info.params; i++) {
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
	struct preset_values s = { plugin_of(fx), v };
	LilvNode *class, *label;
	LilvNodes *all, *labels;
	LilvState *state = NULL;
	struct str have = { 0 };
	int r = -1;

	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ')    /* a plan writes the name on a command line */
			return err_set(e, ERR_INPUT, "lv2: the name of the preset has a control character");
	pthread_mutex_lock(&lock);
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
			state = lilv_state_new_from_world(world, &map, one);
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
	pthread_mutex_unlock(&lock);
	str_free(&have);
	return r;
}

/* ---- an instance ----------------------------------------------------------------------- */

struct work { char *bytes; size_t len; int lost; };

struct instance {
	LilvInstance *lilv;
	const LV2_Worker_Interface *worker;
	struct work answers;
	LV2_Worker_Schedule schedule;
};

struct lv2 {
	struct instance *inst;
	int instances, block, least; /* frames of a block, and of the smallest */
	float *control;          /* of every port, shared by the instances but the outputs */
	float *audio;            /* FX_GRID each: ins, outs, one of silence */
	char *atoms;             /* ATOM_BYTES for each port that wants it */
	int64_t done;
};

static LV2_Worker_Status
respond(LV2_Worker_Respond_Handle h, uint32_t size, const void *data)
{
	struct work *w = &((struct instance *)h)->answers;
	char *more = w->len + size + sizeof size > MAX_WORK_BYTES ? NULL : realloc(w->bytes, w->len + size + sizeof size);

	if (!more) {
		w->lost = 1;
		return LV2_WORKER_ERR_NO_SPACE;
	}
	w->bytes = more;
	memcpy(more + w->len, &size, sizeof size);
	memcpy(more + w->len + sizeof size, data, size);
	w->len += size + sizeof size;
	return LV2_WORKER_SUCCESS;
}

/* There is no hurry here: the work is done at once, and its answers wait for the end of the block. */
static LV2_Worker_Status
schedule_work(LV2_Worker_Schedule_Handle h, uint32_t size, const void *data)
{
	struct instance *i = h;

	return i->worker && i->worker->work ? i->worker->work(lilv_instance_get_handle(i->lilv), respond, i, size, data) :
	    LV2_WORKER_ERR_UNKNOWN;
}

static void
deliver(struct instance *i)
{
	for (size_t at = 0; at < i->answers.len;) {
		uint32_t size;

		memcpy(&size, i->answers.bytes + at, sizeof size);
		at += sizeof size;
		if (i->worker->work_response)
			i->worker->work_response(lilv_instance_get_handle(i->lilv), size, i->answers.bytes + at);
		at += size;
	}
	i->answers.len = 0;
	if (i->worker && i->worker->end_run)
		i->worker->end_run(lilv_instance_get_handle(i->lilv));
}

static int
start_instance(const struct plugin *p, const struct lv2 *l, struct instance *i, int rate_hz)
{
	static const LV2_Feature bounded = { LV2_BUF_SIZE__boundedBlockLength, NULL },
	    fixed = { LV2_BUF_SIZE__fixedBlockLength, NULL }, power = { LV2_BUF_SIZE__powerOf2BlockLength, NULL };
	const int32_t block = l->block, least = l->least, bytes = ATOM_BYTES;
	const float rate = (float)rate_hz;
	const LV2_URID an_int = map_uri(NULL, LV2_ATOM__Int);
	const LV2_Options_Option options[] = {
		{ LV2_OPTIONS_INSTANCE, 0, map_uri(NULL, LV2_BUF_SIZE__minBlockLength), sizeof least, an_int, &least },
		{ LV2_OPTIONS_INSTANCE, 0, map_uri(NULL, LV2_BUF_SIZE__maxBlockLength), sizeof block, an_int, &block },
		{ LV2_OPTIONS_INSTANCE, 0, map_uri(NULL, LV2_BUF_SIZE__nominalBlockLength), sizeof block, an_int, &block },
		{ LV2_OPTIONS_INSTANCE, 0, map_uri(NULL, LV2_BUF_SIZE__sequenceSize), sizeof bytes, an_int, &bytes },
		{ LV2_OPTIONS_INSTANCE, 0, map_uri(NULL, LV2_PARAMETERS__sampleRate), sizeof rate,
		    map_uri(NULL, LV2_ATOM__Float), &rate },
		{ LV2_OPTIONS_INSTANCE, 0, 0, 0, 0, NULL }
	};
	const LV2_Feature mapper = { LV2_URID__map, &map }, unmapper = { LV2_URID__unmap, &unmap },
	    option = { LV2_OPTIONS__options, (void *)(uintptr_t)options }, worker = { LV2_WORKER__schedule, &i->schedule };
	/* of blocks of all lengths nothing is promised but the largest: there the list ends */
	const LV2_Feature *const features[] = { &mapper, &unmapper, &option, &worker, &bounded,
		least == block ? &fixed : NULL, &power, NULL };

	i->schedule = (LV2_Worker_Schedule){ i, schedule_work };
	i->lilv = lilv_plugin_instantiate(p->lilv, rate_hz, features);
	if (!i->lilv)
		return -1;
	i->worker = lilv_instance_get_extension_data(i->lilv, LV2_WORKER__interface);
	return 0;
}

/* Connect what audio is told where; channel c of the ins and outs is at row c of l->audio. */
static void
connect_ports(const struct plugin *p, const struct lv2 *l, const struct instance *i)
{
	int in = 0, out = p->ins, atoms = 0;

	for (uint32_t k = 0; k < p->ports; k++) {
		void *to = NULL;

		switch (p->port[k].kind) {
		case P_NOTHING:
			break;
		case P_CONTROL_IN:
		case P_CONTROL_OUT:
			to = &l->control[k];
			break;
		case P_AUDIO_IN:
			to = l->audio + (ptrdiff_t)FX_GRID * in++;
			break;
		case P_AUDIO_OUT:
			to = l->audio + (ptrdiff_t)FX_GRID * out++;
			break;
		case P_SIDE_IN:
			to = l->audio + (ptrdiff_t)FX_GRID * (p->ins + p->outs);
			break;
		case P_ATOM_IN:
		case P_ATOM_OUT:
			to = l->atoms + (ptrdiff_t)ATOM_BYTES * atoms++;
			break;
		}
		lilv_instance_connect_port(i->lilv, k, to);
	}
}

/* One block: empty sequences in, room for others out. */
static void
run_block(const struct plugin *p, const struct lv2 *l, struct instance *i, uint32_t n)
{
	int atoms = 0;

	for (uint32_t k = 0; k < p->ports; k++)
		if (p->port[k].kind == P_ATOM_IN || p->port[k].kind == P_ATOM_OUT) {
			LV2_Atom_Sequence *s = (LV2_Atom_Sequence *)(void *)(l->atoms + (ptrdiff_t)ATOM_BYTES * atoms++);

			memset(s, 0, sizeof *s);
			s->atom.size = p->port[k].kind == P_ATOM_IN ? sizeof s->body : ATOM_BYTES - sizeof s->atom;
			s->atom.type = p->port[k].kind == P_ATOM_IN ? p->sequence : p->chunk;
		}
	lilv_instance_run(i->lilv, n);
	if (i->worker)
		deliver(i);
}

static void
update_lv2(struct fx_unit *u)
{
	const struct plugin *p = plugin_of(u->fx);
	struct lv2 *l = u->state;

	for (uint32_t k = 0; k < p->ports; k++)
		if (p->port[k].kind == P_CONTROL_IN)
			l->control[k] = (float)(u->v[p->port[k].param] * (p->port[k].by_rate ? u->rate_hz : 1));
}

/* An instance that is thrown away says how late the others are. */
static int
find_latency(struct fx_unit *u, struct err *e)
{
	const struct plugin *p = plugin_of(u->fx);
	struct instance probe = { 0 };
	struct lv2 *l = u->state;
	float late;

	if (p->latency_port < 0)
		return 0;
	if (start_instance(p, l, &probe, u->rate_hz))
		return err_set(e, ERR_INPUT, "lv2: '%.200s' does not start", p->uri);
	connect_ports(p, l, &probe);
	lilv_instance_activate(probe.lilv);
	for (int i = 0; i < SETTLE_BLOCKS; i++)
		run_block(p, l, &probe, (uint32_t)l->block);
	lilv_instance_deactivate(probe.lilv);
	lilv_instance_free(probe.lilv);
	free(probe.answers.bytes);
	late = l->control[p->latency_port];
	if (!(late >= 0 && late <= 60 * (float)u->rate_hz))
		return err_set(e, ERR_INPUT, "lv2: '%.200s' says that it is %g frames late", p->uri, (double)late);
	u->latency = (int64_t)(late + 0.5f);
	return 0;
}

static int
start(struct fx_unit *u, struct err *e)
{
	const struct plugin *p = plugin_of(u->fx);
	struct lv2 *l = u->state;
	size_t atoms = 0;
	int moves = 0;

	if (p->ins != p->outs || p->ins < 1 || u->channels % p->ins)
		return err_set(e, ERR_INPUT, "lv2: '%.200s' takes %d channels and gives %d; the signal has %d%s", p->uri,
		    p->ins, p->outs, u->channels, u->channels == 1 && p->ins == 2 && p->outs == 2 ?
		    " (stereo makes two of one)" : "");
	for (int i = OWN; i < p->fx.info.params; i++)
		moves |= u->low[i] != u->top[i];
	u->step = moves ? p->step : 0;
	l->block = u->step ? u->step : FX_GRID;
	l->least = moves && !u->step ? 1 : l->block;
	for (uint32_t k = 0; k < p->ports; k++)
		atoms += p->port[k].kind == P_ATOM_IN || p->port[k].kind == P_ATOM_OUT;
	l->control = mem_zalloc((size_t)p->ports + 1, sizeof *l->control);
	l->audio = mem_zalloc((size_t)(p->ins + p->outs + 1) * FX_GRID, sizeof *l->audio);
	l->atoms = mem_zalloc(atoms + 1, ATOM_BYTES);
	l->inst = mem_zalloc((size_t)(u->channels / p->ins), sizeof *l->inst);
	if (!l->control || !l->audio || !l->atoms || !l->inst)
		return nomem(e);
	update_lv2(u);
	if (find_latency(u, e))
		return -1;
	for (; l->instances < u->channels / p->ins; l->instances++) {
		struct instance *i = &l->inst[l->instances];

		if (start_instance(p, l, i, u->rate_hz))
			return err_set(e, ERR_INPUT, "lv2: '%.200s' does not start", p->uri);
		connect_ports(p, l, i);
		lilv_instance_activate(i->lilv);
	}
	return 0;
}

static int
open_lv2(struct fx_unit *u, struct err *e)
{
	int r;

	pthread_mutex_lock(&lock);
	r = start(u, e);
	pthread_mutex_unlock(&lock);
	return r;
}

static void
close_lv2(struct fx_unit *u)
{
	struct lv2 *l = u->state;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < l->instances; i++) {
		lilv_instance_deactivate(l->inst[i].lilv);
		lilv_instance_free(l->inst[i].lilv);
		free(l->inst[i].answers.bytes);
	}
	pthread_mutex_unlock(&lock);
	mem_free(l->inst);
	mem_free(l->control);
	mem_free(l->audio);
	mem_free(l->atoms);
}

static int
check_output(const struct fx_unit *u, const float *y, int n, struct err *e)
{
	const struct plugin *p = plugin_of(u->fx);
	const struct lv2 *l = u->state;

	for (int i = 0; i < n; i++)
		if (!isfinite(y[i]))
			return err_set(e, ERR_INPUT, "lv2: '%.200s' made a sample that is not a number, at %.3f s", p->uri,
			    (double)(l->done + i) / u->rate_hz);
	return 0;
}

static int
process_lv2(struct fx_unit *u, double *const *x, int n, struct err *e)
{
	const struct plugin *p = plugin_of(u->fx);
	struct lv2 *l = u->state;

	for (int k = 0; k < l->instances; k++) {
		for (int c = 0; c < p->ins; c++)
			for (int i = 0; i < n; i++)
				l->audio[c * FX_GRID + i] = (float)x[k * p->ins + c][i];
		run_block(p, l, &l->inst[k], (uint32_t)n);
		if (l->inst[k].answers.lost)
			return err_set(e, ERR_INPUT, "lv2: '%.200s' gives its worker more than %d bytes to say", p->uri,
			    MAX_WORK_BYTES);
		for (int c = 0; c < p->outs; c++) {
			const float *y = l->audio + (ptrdiff_t)FX_GRID * (p->ins + c);

			if (check_output(u, y, n, e))
				return -1;
			for (int i = 0; i < n; i++)
				x[k * p->ins + c][i] = (double)y[i];
		}
		if (p->latency_port >= 0 && l->done >= (int64_t)SETTLE_BLOCKS * FX_GRID &&
		    !(fabs((double)l->control[p->latency_port] - (double)u->latency) <= 0.5))
			return err_set(e, ERR_INPUT, "lv2: '%.200s' was %lld frames late and is %g now: automation may not "
			    "change that", p->uri, (long long)u->latency, (double)l->control[p->latency_port]);
	}
	l->done += n;
	return 0;
}

static const struct fx_effect lv2_calls = {
	.info = { "lv2", "An LV2 plugin.", NULL, 0, NULL, NULL },
	.mix = FX_INSERT, .state = sizeof(struct lv2), .tail_param = TAIL, .open = open_lv2, .update = update_lv2,
	.process = process_lv2, .close = close_lv2,
};
#endif
