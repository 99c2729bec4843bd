/* nam_gpus.h - flows of nam_crew.h through GPUs: the same bits as on the CPU.
 *
 * What a crew of threads does with halves of a signal, this does with windows.  A flow is read in windows of up to 2^21
 * frames; those of feed-forward models are cut into pieces, each of which runs its receptive field again, as many as the device runs
 * streams at once.  A recurrent model has one piece for each channel and hands its state on.  Every device has two
 * lanes, threads that take as many pieces of any flows as there are, up to 2^24 frames, so that the copies of one overlap the
 * sums of the other.  Threads of the CPU read, convert and write meanwhile.
 *
 * Copies: four bytes a frame each way, 2.9 GB/s at 15000 times real time, a twentieth of what PCIe 5 carries.  A channel of a window
 * is brought to a device once, for all of its pieces and for all flows that have the same source (nam_flow): one recording through
 * fifty models goes there once.  So does a model, for all flows.
 *
 * Memory: windows of at most 1 GiB together (one at least), some 2^24 frames out of each lane on both sides, and the streams a
 * device runs at once, 1 MiB each for the standard model.  Beside what is in use a device keeps inputs, an eighth of its memory and at most
 * 2 GiB, and models, 256 MiB; those go first that were not used for longest, and all when its memory is short.
 *
 * Precision.  The bits are those of the CPU, unless the caller asks for `fast`: then the layers of plain WaveNets of up to 16 channels
 * (nam_plan.h, LAYERS) go through tensor cores, in bfloat16 with 16 bits of each factor, sums in float, and with a tanh to 3e-7.  The error
 * for 16 models of that kind and 3 s of guitar is -68 dB (random weights), -72 dB (a pedal) and less.  All else stays exact, and flow->precision
 * says which it was.
 *
 * Errors.  Out of device memory: the device gives back what is not in use, the lane takes half as much from then on, down to pieces of 2048
 * frames (of recurrent models one after the other) with no more input than they need; then one lane has to do; then the flow fails.  A
 * device that is lost gives its pieces to the others.  When there are none left, the flows fail, with `or_cpu` go
 * on on the CPU.  So do, from the start, flows whose model cannot be put on a device. */
#ifndef NAM_GPUS_H
#define NAM_GPUS_H
#include "gpu/gpu.h"
#include "render/nam_crew.h"

struct nam_gpus {
	const struct gpu_ops *ops;
	int n, device[GPU_MAX_DEVICES];
	int or_cpu;
	int fast;                    /* the caller's: approximations where the models have layers for them; see below */
	size_t keep_bytes[GPU_MAX_DEVICES]; /* of inputs on a device, beside those in use */
	char name[200];              /* "cuda:0 NVIDIA H200", of several: "cuda:0,1 NVIDIA H200" */
};

/* device: as in --device.  Returns 1 and *g when there are devices to use, 0 and why not when it is the CPU (auto; empty for cpu),
 * -1 and *e when it is wrong or what it names is not there. */
int nam_gpus_find(struct nam_gpus *g, const char *device, char *why, size_t len, struct err *e);

struct nam_gpu_crew;

/* As nam_crew_new() and the others; g must outlive the flows, which have its name. */
struct nam_gpu_crew *nam_gpu_crew_new(const struct nam_gpus *g, int threads, int max_flows,
                                      enum nam_crew_next (*next)(void *ctx, struct nam_flow **flow), void *ctx,
                                      struct err *e);
void nam_gpu_crew_run(struct nam_gpu_crew *c);
void nam_gpu_crew_wake(struct nam_gpu_crew *c);
void nam_gpu_crew_free(struct nam_gpu_crew *c); /* NULL is fine */
#endif
