/* lv2_plugin.h - an LV2 plugin as lv2.c describes it and lv2_run.c runs it; private to those. */
#ifndef FX_LV2_PLUGIN_H
#define FX_LV2_PLUGIN_H
#include "fx/lv2.h"

#ifdef HAVE_LILV
#include <lilv/lilv.h>
#include <lv2/urid/urid.h>
#include <pthread.h>

/* Parameters that are ours, before those of the plugin. */
enum { LV2_TAIL = FX_MIX + 1, LV2_OWN };

enum lv2_port_kind { P_NOTHING, P_CONTROL_IN, P_CONTROL_OUT, P_AUDIO_IN, P_AUDIO_OUT, P_SIDE_IN, P_ATOM_IN, P_ATOM_OUT };

struct lv2_port {
	enum lv2_port_kind kind;
	int param;               /* P_CONTROL_IN */
	int by_rate;             /* its value is in parts of the rate */
};

struct lv2_plugin {
	struct fx_effect fx;     /* first: a pointer to the one is one to the other */
	const LilvPlugin *lilv;
	char *uri;
	struct fx_param *param;
	struct lv2_port *port;
	uint32_t ports;
	int ins, outs, latency_port; /* of audio; -1 */
	LV2_URID sequence, chunk;
	int step;                /* frames of a block while a control moves; 0: one, and any number while all rest */
};

static inline const struct lv2_plugin *
fx_lv2_plugin(const struct fx_effect *fx)
{
	return (const struct lv2_plugin *)(const void *)fx;
}

/* lilv is for one thread at a time: all calls to it hold this.  Running an instance is not one. */
extern pthread_mutex_t fx_lv2_lock;

/* Numbers for URIs, for all plugins; both take any handle. */
LV2_URID fx_lv2_map_uri(LV2_URID_Map_Handle h, const char *uri);
extern LV2_URID_Map fx_lv2_map;
extern LV2_URID_Unmap fx_lv2_unmap;

extern const struct fx_effect fx_lv2_calls; /* what all plugins share: how they run */
#endif
#endif
