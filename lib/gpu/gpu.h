/* gpu.h - the optional GPU backend: a table of functions in a shared object that is loaded at
 * run time.  Without it, without a driver or without a device every command works on the CPU.
 *
 * Each operation has a plain C twin and gives the same bits as it. */
#ifndef GPU_GPU_H
#define GPU_GPU_H
#include "nam/nam_plan.h"
#include <stddef.h>
#include <stdint.h>

#define GPU_ABI 4 /* raise it with every change below, and of struct nam_plan */

struct gpu_device {
	char name[128];
	uint64_t memory_bytes;
	int major, minor;   /* compute capability */
	int processors;
};

struct gpu_model;            /* a plan on a device */
struct gpu_lane;             /* work that goes to a device one after the other; several lanes overlap copies and sums */

struct gpu_input;            /* frames on a device, for any models and lanes of it */

/* n frames through a stream of their own.  Memory of the host, borrowed for the call. */
struct gpu_job {
	const struct gpu_model *model;
	const struct gpu_input *in;
	size_t at, n, skip;  /* frames at to at + n of the input */
	float *out;          /* the n - skip frames behind the first skip */
	float *state;        /* n_image floats of the plan: before, and after a call that is done; NULL: a new stream */
};

enum { GPU_TILE = 512 };     /* nam_plan.tile of plans for a device */

/* After GPU_LOST the device is of no more use to this process; nothing of a failed call may be used. */
enum gpu_status { GPU_DONE, GPU_NO_MEMORY, GPU_LOST };

/* All functions return 0, or -1 with the reason in why[len]. */
struct gpu_ops {
	int abi;            /* GPU_ABI of the plugin; read before anything else */
	const char *name;   /* "cuda" */
	/* Up to max devices into d; *n gets how many there are.  None at all is -1. */
	int (*probe)(struct gpu_device *d, int max, int *n, char *why, size_t len);
	/* One activation over n floats of host memory, borrowed, in place.  Twin: nam_kernel.act. */
	int (*act)(enum nam_act_type type, const float p[4], float *x, size_t n, char *why, size_t len);

	/* The plan is copied.  By any thread; a model may be in use by all lanes of its device. */
	enum gpu_status (*load)(struct gpu_model **m, int device, const struct nam_plan *p, char *why, size_t len);
	void (*unload)(struct gpu_model *m);                  /* NULL is fine */
	enum gpu_status (*open)(struct gpu_lane **l, int device, char *why, size_t len);
	void (*close)(struct gpu_lane *l);                    /* NULL is fine */
	/* Streams of that model that the device runs at once: fewer jobs leave it idle. */
	int (*width)(const struct gpu_lane *l, const struct gpu_model *m);
	/* n frames of the host to the lane's device; returns when they are there.  Dropped by any thread, when no call uses it. */
	enum gpu_status (*put)(struct gpu_input **x, struct gpu_lane *l, const float *in, size_t n, char *why, size_t len);
	void (*drop)(struct gpu_input *x);                    /* NULL is fine */
	/* All jobs, of any models and inputs of the lane's device; returns when they are done.  A lane has one caller at a
	 * time.  Twin: nam_plan_run(). */
	enum gpu_status (*run)(struct gpu_lane *l, const struct gpu_job *jobs, int n, char *why, size_t len);
};

/* The symbol a plugin exports: const struct gpu_ops shootout_gpu; */
#define GPU_SYMBOL "shootout_gpu"

/* Load $SHOOTOUT_GPU, or shootout-cuda.so from ../lib beside the program or from PLUGINDIR, and probe
 * it.  Returns a table that stays valid until exit, or NULL with the reason in why. */
const struct gpu_ops *gpu_load(char *why, size_t len);

/* "cuda", "cuda:1", "cuda:0,2" or "cuda:all" as a list of device numbers; cuda is device 0.  Returns how many, or -1 and
 * why. */
enum { GPU_MAX_DEVICES = 64 };
int gpu_devices_of(const char *text, int there, int device[GPU_MAX_DEVICES], char *why, size_t len);
#endif
