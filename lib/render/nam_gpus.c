/* nam_gpus.c - which devices there are and which to use. */
#include "render/nam_gpus.h"

#include <stdio.h>
#include <string.h>

#define MAX_KEEP_BYTES ((size_t)2 << 30)

static int
all_there(struct nam_gpus *g, struct gpu_device *d, int *there, char *why, size_t len)
{
	g->ops = gpu_load(why, len);
	if (!g->ops || g->ops->probe(d, GPU_MAX_DEVICES, there, why, len))
		return -1;
	return 0;
}

static void
give_name(struct nam_gpus *g, const struct gpu_device *d)
{
	int n = snprintf(g->name, sizeof g->name, "%.20s", g->ops->name);

	for (int i = 0; i < g->n && n < (int)sizeof g->name - 10; i++)
		n += snprintf(g->name + n, sizeof g->name - (size_t)n, "%c%d", i ? ',' : ':', g->device[i]);
	if (n < (int)sizeof g->name)
		snprintf(g->name + n, sizeof g->name - (size_t)n, " %.100s", d[g->device[0]].name);
}

int
nam_gpus_find(struct nam_gpus *g, const char *device, char *why, size_t len, struct err *e)
{
	struct gpu_device d[GPU_MAX_DEVICES];
	const int choose = !strcmp(device, "auto");
	int there = 0;

	*g = (struct nam_gpus){ .or_cpu = choose };
	*why = '\0';
	if (!strcmp(device, "cpu"))
		return 0;
	g->n = gpu_devices_of(choose ? "cuda:all" : device, GPU_MAX_DEVICES, g->device, why, len);
	if (g->n < 0)
		return err_set(e, ERR_INPUT, "device: %s", why);
	if (all_there(g, d, &there, why, len))
		return choose ? 0 : err_set(e, ERR_UNSUPPORTED, "device: no GPU: %s", why);
	g->n = gpu_devices_of(choose ? "cuda:all" : device, there, g->device, why, len);
	if (g->n < 1)
		return err_set(e, ERR_INPUT, "device: %s", why);
	for (int i = 0; i < g->n; i++) {
		const uint64_t part = d[g->device[i]].memory_bytes / 8;

		g->keep_bytes[i] = part < MAX_KEEP_BYTES ? (size_t)part : MAX_KEEP_BYTES;
	}
	give_name(g, d);
	return 1;
}
