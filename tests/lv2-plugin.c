/* lv2-plugin.c - LV2 plugins for the tests: one that behaves, and some that do not.  tests/cli/audio-fx-lv2.t builds it. */
#include <lv2/core/lv2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LATE = 100 };
struct self { const float *in, *gain; float *out, *latency; float line[LATE]; int at, seen, kind; };

static LV2_Handle
instantiate(const LV2_Descriptor *d, double rate, const char *path, const LV2_Feature *const *features)
{
	struct self *s = calloc(1, sizeof *s);

	(void)rate;
	(void)path;
	(void)features;
	if (s)
		s->kind = d->URI[strlen(d->URI) - 1];
	return s;
}

static void
connect_port(LV2_Handle h, uint32_t port, void *data)
{
	struct self *s = h;

	switch (port) {
	case 0: s->in = data; break;
	case 1: s->out = data; break;
	case 2: s->gain = data; break;
	case 3: s->latency = data; break;
	}
}

/* d: late by 100 frames, and says so; n: NaN in frame 1000; m: changes its latency; b, x: tell their block's length. */
static void
run(LV2_Handle h, uint32_t n)
{
	struct self *s = h;

	for (uint32_t i = 0; i < n; i++) {
		float old = s->line[s->at];

		s->line[s->at] = s->in[i];
		s->at = (s->at + 1) % LATE;
		s->out[i] = s->kind == 'b' || s->kind == 'x' ? (float)n / 1024 : old * *s->gain;
		if (s->kind == 'n' && s->seen == 1000)
			s->out[i] = NAN;
		s->seen++;
	}
	*s->latency = s->kind == 'b' || s->kind == 'x' ? 0 : s->kind == 'm' && s->seen > 5000 ? 7 : LATE;
}

static void
cleanup(LV2_Handle h)
{
	free(h);
}

#define PLUGIN(x) { "urn:shootout:test-" x, instantiate, connect_port, NULL, run, NULL, cleanup, NULL }

LV2_SYMBOL_EXPORT const LV2_Descriptor *
lv2_descriptor(uint32_t i)
{
	static const LV2_Descriptor all[] = { PLUGIN("d"), PLUGIN("n"), PLUGIN("m"), PLUGIN("b"), PLUGIN("f"), PLUGIN("x") };

	return i < sizeof all / sizeof *all ? &all[i] : NULL;
}
