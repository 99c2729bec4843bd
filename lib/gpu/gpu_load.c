/* gpu_load.c - find, open and check the GPU backend. */
#include "gpu/gpu.h"
#include "base/proc.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int
gpu_devices_of(const char *text, int there, int device[GPU_MAX_DEVICES], char *why, size_t len)
{
	const char *p = text + strlen("cuda");
	int n = 0;

	if (strncmp(text, "cuda", strlen("cuda")) || (*p && *p != ':')) {
		snprintf(why, len, "'%s' is not auto, cpu, cuda, cuda:N,M or cuda:all", text);
		return -1;
	}
	there = there < GPU_MAX_DEVICES ? there : GPU_MAX_DEVICES;
	if (!strcmp(p, ":all"))
		while (n < there) {
			device[n] = n;
			n++;
		}
	else if (!*p)
		device[n++] = 0;
	while (*p && !n ? 1 : *p == ',') {
		char *end;
		long k;

		errno = 0;
		k = p[1] >= '0' && p[1] <= '9' ? strtol(p + 1, &end, 10) : -1;
		if (k < 0 || errno || (*end && *end != ',')) {
			snprintf(why, len, "'%s' is not cuda:N,M with numbers of devices", text);
			return -1;
		}
		if (k >= there) {
			snprintf(why, len, "there is no device %ld, only %d", k, there);
			return -1;
		}
		for (int i = 0; i < n; i++)
			if (device[i] == k) {
				snprintf(why, len, "'%s' names device %ld twice", text, k);
				return -1;
			}
		device[n++] = (int)k;
		p = end;
	}
	return n;
}
