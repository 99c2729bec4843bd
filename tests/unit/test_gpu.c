/* test_gpu.c - the GPU backend gives the bits of the CPU; skipped, with the reason, where there is none. */
#include "gpu/gpu.h"
#include "nam/nam_kernel.h"
#include "../tap.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1 << 20 };
static float cpu[N], gpu[N];

/* Floats of every size and sign: random bits, without NaN and infinity. */
static void
fill(void)
{
	uint32_t r = 1;

	for (size_t i = 0; i < N; i++) {
		uint32_t u;

		do {
			r = r * 1664525u + 1013904223u;
			u = r ^ r >> 15;
			/* half of them where curves bend */
			if (i & 1)
				u = (u & 0x80ffffff) | (118 + u % 14) << 23;
		} while ((u & 0x7f800000) == 0x7f800000);
		memcpy(&cpu[i], &u, 4);
	}
}

int
main(void)
{
	static const char *const names[] = { "none", "tanh", "hardtanh", "fasttanh", "relu", "leaky relu", "prelu",
		"sigmoid", "silu", "hardswish", "leaky hardtanh", "softsign", "elu" };
	static const float p[4] = { -0.5f, 0.75f, 0.25f, 0.125f };
	char why[256] = "";
	char *plugin = getenv("SHOOTOUT_GPU") ? strdup(getenv("SHOOTOUT_GPU")) : NULL;
	const struct gpu_ops *g;

	setenv("SHOOTOUT_GPU", "/no/such/plugin.so", 1);
	ok(!gpu_load(why, sizeof why) && strstr(why, "/no/such/plugin.so"), "no backend: a reason, no crash");
	unsetenv("SHOOTOUT_GPU");
	if (plugin)
		setenv("SHOOTOUT_GPU", plugin, 1);
	g = gpu_load(why, sizeof why);
	for (int type = NAM_ACT_NONE; type <= NAM_ACT_ELU; type++) {
		if (!g) {
			skip(names[type], why);
			continue;
		}
		fill();
		memcpy(gpu, cpu, sizeof gpu);
		nam_kernel()->act((enum nam_act_type)type, p, cpu, N);
		ok(!g->act((enum nam_act_type)type, p, gpu, N, why, sizeof why) && !memcmp(cpu, gpu, sizeof gpu), names[type]);
	}
	free(plugin);
	return done();
}
