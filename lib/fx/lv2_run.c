/* lv2_run.c - LV2 plugins running: instances, their blocks, work and latency. */
#include "fx/lv2_plugin.h"

#ifdef HAVE_LILV
#include "base/mem.h"

#include <lv2/atom/atom.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/options/options.h>
#include <lv2/parameters/parameters.h>
#include <lv2/worker/worker.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ATOM_BYTES = 65536, MAX_WORK_BYTES = 1 << 20, SETTLE_BLOCKS = 16 /* until then a plugin may not know its latency */ };

static int
nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

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
start_instance(const struct lv2_plugin *p, const struct lv2 *l, struct instance *i, int rate_hz)
{
	static const LV2_Feature bounded = { LV2_BUF_SIZE__boundedBlockLength, NULL },
	    fixed = { LV2_BUF_SIZE__fixedBlockLength, NULL }, power = { LV2_BUF_SIZE__powerOf2BlockLength, NULL };
	const int32_t block = l->block, least = l->least, bytes = ATOM_BYTES;
	const float rate = (float)rate_hz;
	const LV2_URID an_int = fx_lv2_map_uri(NULL, LV2_ATOM__Int);
	const LV2_Options_Option options[] = {
		{ LV2_OPTIONS_INSTANCE, 0, fx_lv2_map_uri(NULL, LV2_BUF_SIZE__minBlockLength), sizeof least, an_int, &least },
		{ LV2_OPTIONS_INSTANCE, 0, fx_lv2_map_uri(NULL, LV2_BUF_SIZE__maxBlockLength), sizeof block, an_int, &block },
		{ LV2_OPTIONS_INSTANCE, 0, fx_lv2_map_uri(NULL, LV2_BUF_SIZE__nominalBlockLength), sizeof block, an_int, &block },
		{ LV2_OPTIONS_INSTANCE, 0, fx_lv2_map_uri(NULL, LV2_BUF_SIZE__sequenceSize), sizeof bytes, an_int, &bytes },
		{ LV2_OPTIONS_INSTANCE, 0, fx_lv2_map_uri(NULL, LV2_PARAMETERS__sampleRate), sizeof rate,
		    fx_lv2_map_uri(NULL, LV2_ATOM__Float), &rate },
		{ LV2_OPTIONS_INSTANCE, 0, 0, 0, 0, NULL }
	};
	const LV2_Feature mapper = { LV2_URID__map, &fx_lv2_map }, unmapper = { LV2_URID__unmap, &fx_lv2_unmap },
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
connect_ports(const struct lv2_plugin *p, const struct lv2 *l, const struct instance *i)
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
run_block(const struct lv2_plugin *p, const struct lv2 *l, struct instance *i, uint32_t n)
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
	const struct lv2_plugin *p = fx_lv2_plugin(u->fx);
	struct lv2 *l = u->state;

	for (uint32_t k = 0; k < p->ports; k++)
		if (p->port[k].kind == P_CONTROL_IN)
			l->control[k] = (float)(u->v[p->port[k].param] * (p->port[k].by_rate ? u->rate_hz : 1));
}

/* An instance that is thrown away says how late the others are. */
static int
find_latency(struct fx_unit *u, struct err *e)
{
	const struct lv2_plugin *p = fx_lv2_plugin(u->fx);
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
	const struct lv2_plugin *p = fx_lv2_plugin(u->fx);
	struct lv2 *l = u->state;
	size_t atoms = 0;
	int moves = 0;

	if (p->ins != p->outs || p->ins < 1 || u->channels % p->ins)
		return err_set(e, ERR_INPUT, "lv2: '%.200s' takes %d channels and gives %d; the signal has %d%s", p->uri,
		    p->ins, p->outs, u->channels, u->channels == 1 && p->ins == 2 && p->outs == 2 ?
		    " (stereo makes two of one)" : "");
	for (int i = LV2_OWN; i < p->fx.info.params; i++)
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

	pthread_mutex_lock(&fx_lv2_lock);
	r = start(u, e);
	pthread_mutex_unlock(&fx_lv2_lock);
	return r;
}

static void
close_lv2(struct fx_unit *u)
{
	struct lv2 *l = u->state;

	pthread_mutex_lock(&fx_lv2_lock);
	for (int i = 0; i < l->instances; i++) {
		lilv_instance_deactivate(l->inst[i].lilv);
		lilv_instance_free(l->inst[i].lilv);
		free(l->inst[i].answers.bytes);
	}
	pthread_mutex_unlock(&fx_lv2_lock);
	mem_free(l->inst);
	mem_free(l->control);
	mem_free(l->audio);
	mem_free(l->atoms);
}

static int
check_output(const struct fx_unit *u, const float *y, int n, struct err *e)
{
	const struct lv2_plugin *p = fx_lv2_plugin(u->fx);
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
	const struct lv2_plugin *p = fx_lv2_plugin(u->fx);
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

const struct fx_effect fx_lv2_calls = {
	.info = { "lv2", "An LV2 plugin.", NULL, 0, NULL, NULL },
	.mix = FX_INSERT, .state = sizeof(struct lv2), .tail_param = LV2_TAIL, .open = open_lv2, .update = update_lv2,
	.process = process_lv2, .close = close_lv2,
};
#endif
