/* nam_net.c - memory, histories and packing that all kinds of nets share. */
#include "nam/nam_net.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *
keep(struct nam_mem *m, size_t n, size_t size)
{
	void **list, *p;

	if (m->failed)
		return NULL;
	if (m->n == m->cap) {
		list = realloc(m->block, (m->cap + 64) * sizeof *list);
		if (!list) {
			m->failed = 1;
			return NULL;
		}
		m->block = list;
		m->cap += 64;
	}
	p = mem_zalloc(n, size);
	if (!p)
		m->failed = 1;
	else
		m->block[m->n++] = p;
	return p;
}

float *
nam_mem_floats(struct nam_mem *m, size_t n)
{
	if (m->failed || n > NAM_MAX_FLOATS || m->floats + n > NAM_MAX_FLOATS) {
		m->failed = m->failed ? m->failed : 2;
		return NULL;
	}
	m->floats += n;
	return keep(m, n, sizeof(float));
}

void *
nam_mem_array(struct nam_mem *m, size_t n, size_t size)
{
	return keep(m, n, size);
}

int
nam_mem_check(const struct nam_mem *m, struct err *e)
{
	if (m->failed == 2)
		return err_set(e, ERR_INPUT, "the model asks for more than %zu MiB of memory",
		    NAM_MAX_FLOATS * sizeof(float) >> 20);
	return m->failed ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}

void
nam_mem_free(struct nam_mem *m)
{
	while (m->n)
		mem_free(m->block[--m->n]);
	free(m->block);
	m->block = NULL;
	m->cap = m->floats = 0;
}

struct nam_net *
nam_net_alloc(size_t size, struct err *e)
{
	struct nam_net *net = calloc(1, size);

	if (!net)
		err_set(e, ERR_NOMEM, "out of memory");
	else
		net->tile = NAM_TILE;
	return net;
}

void
nam_net_free(struct nam_net *net)
{
	if (!net)
		return;
	if (net->free)
		net->free(net);
	nam_mem_free(&net->mem);
	free(net);
}

size_t
nam_run_length(size_t longest_past)
{
	/* moving the past costs past / length copies per frame: keep that under 8 per channel */
	return 4 * NAM_TILE + longest_past / 8 / NAM_TILE * NAM_TILE;
}

void
nam_run_init(struct nam_run *r, struct nam_mem *m, int channels, size_t past, size_t length)
{
	size_t before = (past + 15) / 16 * 16, stride = before + length + 2 * NAM_PAD;

	/* An odd number of cache lines, so that the channels do not fall on the same sets. */
	stride = (stride + 15) / 16;
	stride = (stride | 1) * 16;
	r->channels = channels;
	r->past = past;
	r->stride = stride;
	r->p = nam_mem_floats(m, stride * (size_t)channels);
	if (r->p)
		r->p += before;
}

void
nam_run_zero(struct nam_run *r, size_t length)
{
	for (int c = 0; c < r->channels; c++)
		memset(r->p + (size_t)c * r->stride - r->past, 0,
		    (r->past + length + NAM_PAD) * sizeof *r->p);
}

void
nam_run_fill(struct nam_run *r, size_t pos)
{
	for (int c = 0; c < r->channels; c++) {
		float *p = r->p + (size_t)c * r->stride + pos;

		for (size_t i = 1; i <= r->past; i++)
			p[-(ptrdiff_t)i] = *p;
	}
}

void
nam_run_back(struct nam_run *r, size_t pos)
{
	for (int c = 0; c < r->channels && r->past; c++) {
		float *p = r->p + (size_t)c * r->stride - r->past;

		memmove(p, p + pos, r->past * sizeof *p);
	}
}

void
nam_run_rows(const struct nam_run *r, const float **rows, int taps, size_t dilation)
{
	if (!rows || !r->p)
		return;
	for (int k = 0; k < taps; k++)
		for (int c = 0; c < r->channels; c++)
			*rows++ = r->p + (size_t)c * r->stride - (size_t)(taps - 1 - k) * dilation;
}

const float *
nam_pack_conv(float *w, const float *file, int in, int out, int taps, int groups)
{
	const int gi = in / groups, go = out / groups;

	for (int g = 0; g < groups; g++)
		for (int o = g * go; o < (g + 1) * go; o++)
			for (int i = g * gi; i < (g + 1) * gi; i++)
				for (int k = 0; k < taps; k++, file++)
					if (w)
						w[((size_t)k * (size_t)in + (size_t)i) * (size_t)out +
						    (size_t)o] = *file;
	return file;
}
