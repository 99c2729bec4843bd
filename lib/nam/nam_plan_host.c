/* nam_plan_host.c - a plan on the CPU: its blocks are loops over their threads. */
#include "nam/nam_plan_host.h"
#include "base/mem.h"
#include "nam/nam_scalar.h"

#include <stdlib.h>

#define UNROLL
#define VM_FN static inline
#define VM_LOAD4(to, from) memcpy(to, from, 4 * sizeof(float))
#define VM_EXP(x) expf(x)
#define VM_DIVIDE(a, b) ((a) / (b))
#include "nam/nam_math_impl.h"
#include "nam/nam_plan_impl.h"

struct host {
	struct nam_vm vm;
	struct nam_vm_thread *th;
	struct nam_vm_cell *cell;
};

static void
host_close(struct host *h)
{
	mem_free(h->vm.mem);
	mem_free(h->vm.stage);
	mem_free(h->th);
	mem_free(h->cell);
}

static int
host_open(struct host *h, const struct nam_plan *p, int threads, struct err *e)
{
	*h = (struct host){ .vm = { .plan = p, .threads = threads } };
	h->vm.mem = mem_zalloc((size_t)p->floats, sizeof(float));
	h->vm.stage = mem_zalloc(2 * NAM_PLAN_MAX_WEIGHTS, sizeof(float));
	h->th = mem_zalloc((size_t)threads, sizeof *h->th);
	h->cell = mem_zalloc((size_t)threads, sizeof *h->cell);
	if (h->vm.mem && h->vm.stage && h->th && h->cell)
		return 0;
	host_close(h);
	return err_set(e, ERR_NOMEM, "out of memory");
}

/* The past of what this step has made becomes its frame 0. */
static void
prime(const struct nam_vm *m, const struct nam_plan_step *s)
{
	for (int k = 0; k < m->plan->n_pasts; k++) {
		const struct nam_plan_past *p = &m->plan->pasts[k];

		if (p->s.at != s->out.at && p->s.at != s->add.at)
			continue;
		for (int c = 0; c < p->channels; c++)
			for (int back = 1; back <= p->past; back++) {
				float *x = vm_frame(m, p->s, 0, 0) + (size_t)c * (size_t)p->s.len;

				vm_frame(m, p->s, 0, back)[(size_t)c * (size_t)p->s.len] = *x;
			}
	}
}

/* One tile of vm->n frames; the input is there. */
static void
host_tile(struct host *h, int priming)
{
	struct nam_vm *m = &h->vm;
	const struct nam_plan_step *s = m->plan->steps, *end = s + m->plan->n_steps;

	for (; s < end; s += vm_step_length(s)) {
		const int cells = nam_plan_cells(s) <= m->threads ? nam_plan_cells(s) : 0;
		const int phases = vm_phases(s, m->n) + (cells > 0), frames = (m->n + m->threads - 1) / m->threads;

		for (int phase = 0; phase < phases; phase++) {
			for (int i = 0; i < m->threads; i++) {
				if (s->code == NAM_PLAN_LAYERS)
					vm_layers(m, s, phase, i, &h->th[i], s->outs, frames, m->plan->fast);
				else if (cells)
					vm_cells(m, s, phase, i, &h->cell[i], cells);
				else
					vm_phase(m, s, phase, i);
			}
			if (priming)
				prime(m, s->code == NAM_PLAN_LAYERS && phase > 0 ? s + phase : s);
		}
		if (priming && s->code == NAM_PLAN_LAYERS)
			prime(m, s); /* the head sum */
	}
}

int
nam_plan_run(const struct nam_plan *p, int threads, float *state, const float *in, size_t n, size_t skip, float *out,
    struct err *e)
{
	struct host h;

	if (host_open(&h, p, threads, e))
		return -1;
	for (int i = 0; i < threads; i++)
		vm_image(&h.vm, state ? state : p->image, 0, i);
	for (size_t t = 0; t < n; t += (size_t)h.vm.n) {
		h.vm.g = (int32_t)t;
		h.vm.n = n - t < (size_t)p->tile ? (int)(n - t) : p->tile;
		for (int i = 0; i < h.vm.n; i++)
			*vm_frame(&h.vm, p->in, i, 0) = in[t + (size_t)i];
		host_tile(&h, 0);
		for (int i = 0; i < h.vm.n; i++)
			if (t + (size_t)i >= skip)
				out[t + (size_t)i - skip] = *vm_frame(&h.vm, p->out, i, 0);
	}
	h.vm.g = (int32_t)n;
	for (int i = 0; state && i < threads; i++)
		vm_image(&h.vm, state, 1, i);
	host_close(&h);
	return 0;
}

enum { PLAYER_BLOCK = 64 };

int
nam_plan_preroll(struct nam_plan *p, struct err *e)
{
	const size_t frames = ((size_t)p->receptive_field + PLAYER_BLOCK - 1) / PLAYER_BLOCK * PLAYER_BLOCK;
	/* LAYERS want a quarter of a tile, a recurrent layer a thread for each unit */
	const int threads = p->wide[0] ? (p->tile + VM_FRAMES - 1) / VM_FRAMES : p->units ? p->units : 1;
	struct host h;
	float *zeros;
	int status;

	if (p->recurrent) {
		zeros = mem_zalloc(2 * frames, sizeof *zeros);
		status = zeros ? nam_plan_run(p, threads, p->image, zeros, frames, frames, zeros, e) :
		    err_set(e, ERR_NOMEM, "out of memory");
		mem_free(zeros);
		return status;
	}
	if (host_open(&h, p, 1, e))
		return -1;
	h.vm.n = 1;
	host_tile(&h, 1);
	vm_image(&h.vm, p->image, 1, 0);
	host_close(&h);
	return 0;
}
