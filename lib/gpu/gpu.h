/* gpu.h - the optional GPU backend: a table of functions in a shared object that is loaded at
 * run time.  Without it, without a driver or without a device every command works on the CPU.
 *
 * Each operation has a plain C twin and gives the same bits as it. */
#ifndef GPU_GPU_H
#define GPU_GPU_H
#include "nam/nam_kernel.h"
#include <stddef.h>
#include <stdint.h>

#define GPU_ABI 1 /* raise it with every change below */

struct gpu_device {
	char name[128];
	uint64_t memory_bytes;
	int major, minor;   /* compute capability */
	int processors;
};

/* All functions return 0, or -1 with the reason in why[len]. */
struct gpu_ops {
	int abi;            /* GPU_ABI of the plugin; read before anything else */
	const char *name;   /* "cuda" */
	/* Up to max devices into d; *n gets how many there are.  None at all is -1. */
	int (*probe)(struct gpu_device *d, int max, int *n, char *why, size_t len);
	/* One activation over n floats of host memory, borrowed, in place.  Twin: nam_kernel.act. */
	int (*act)(enum nam_act_type type, const float p[4], float *x, size_t n, char *why, size_t len);
};

/* The symbol a plugin exports: const struct gpu_ops shootout_gpu; */
#define GPU_SYMBOL "shootout_gpu"

/* Load $SHOOTOUT_GPU, or shootout-cuda.so from ../lib beside the program or from PLUGINDIR, and probe
 * it.  Returns a table that stays valid until exit, or NULL with the reason in why. */
const struct gpu_ops *gpu_load(char *why, size_t len);
#endif
