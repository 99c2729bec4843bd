/* gpu_load.c - find, open and check the GPU backend. */
#include "gpu/gpu.h"
#include "base/proc.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *
find(char path[4200])
{
	const char *env = getenv("SHOOTOUT_GPU");

	if (env)
		return env;
	snprintf(path, 4200, "%s/../lib/shootout-cuda.so", proc_self_dir());
	if (access(path, R_OK))
		snprintf(path, 4200, "%s/shootout-cuda.so", PLUGINDIR);
	return path;
}

const struct gpu_ops *
gpu_load(char *why, size_t len)
{
	struct gpu_device d;
	const struct gpu_ops *ops;
	char path[4200];
	void *h;
	int n;

	/* RTLD_NOW: a missing symbol is an answer here, not a crash later */
	h = dlopen(find(path), RTLD_NOW | RTLD_LOCAL);
	if (!h || !(ops = dlsym(h, GPU_SYMBOL))) {
		snprintf(why, len, "%s", dlerror());
		return NULL;
	}
	if (ops->abi != GPU_ABI) {
		snprintf(why, len, "the GPU backend has interface %d, this program %d; install both from one version",
		    ops->abi, GPU_ABI);
		return NULL;
	}
	return ops->probe(&d, 1, &n, why, len) ? NULL : ops;
	/* never dlclose(): the CUDA runtime keeps threads and atexit handlers */
}
