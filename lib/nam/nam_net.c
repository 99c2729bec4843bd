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

void
nam_ring_init(struct nam_ring *r, struct nam_mem *m, int channels, size_t past, size_t tile)
{
	const size_t apart = (tile / 16 + 1) | 1;
	size_t lines;

	r->channels = channels;
	r->past = past;
	r->again = ((past < tile ? past : tile) + 15) / 16 * 16;
	r->pos = 0;
	/* Whole tiles, or a tile would rarely end where the ring does; some more than needed, because the copy is made
	 * once a round. */
	r->length = past ? ((past + tile + NAM_PAD) / tile + 3) * tile : 0;
	/* Tiles of channels one after the other fill the first cache, whose ways are 64 lines: none falls where another is. */
	lines = (r->again + r->length + tile + NAM_PAD + 15) / 16;
	r->stride = (lines + (apart + 64 - lines % 64) % 64) * 16;
	r->p = nam_mem_floats(m, r->stride * (size_t)channels);
	if (r->p)
		r->p += r->again;
}

void
nam_ring_zero(struct nam_ring *r)
{
	memset(r->p - r->again, 0, r->stride * (size_t)r->channels * sizeof *r->p);
	r->pos = 0;
}

void
nam_ring_fill(struct nam_ring *r)
{
	for (int c = 0; c < r->channels && r->past; c++) {
		float *p = r->p + (size_t)c * r->stride;
		const float x = p[r->pos];

		for (size_t t = 0; t < r->again + r->length; t++)
			(p - r->again)[t] = x;
	}
}

const float **
nam_ring_rows(const struct nam_ring *r, const float **rows, int taps, size_t dilation)
{
	for (int k = taps - 1; k >= 0; k--) {
		const size_t back = (size_t)k * dilation;
		const float *p = r->p + (ptrdiff_t)(r->pos + (r->pos + r->again < back ? r->length : 0) - back);

		for (int c = 0; c < r->channels; c++, p += r->stride)
			*rows++ = p;
	}
	return rows;
}

void
nam_ring_round(struct nam_ring *r)
{
	r->pos -= r->length;
	for (int c = 0; c < r->channels; c++) {
		float *p = r->p + (size_t)c * r->stride, *end = p + r->length;

		memcpy(p - r->again, end - r->again, (r->again + r->pos) * sizeof *p);
	}
}

void
nam_run_init(struct nam_run *r, struct nam_mem *m, size_t past)
{
	const size_t before = (past + 15) / 16 * 16;

	r->past = past;
	r->pos = 0;
	/* moving the past costs past / length copies per frame: keep that under 8 */
	r->length = 4 * NAM_TILE + past / 8 / NAM_TILE * NAM_TILE;
	r->p = nam_mem_floats(m, before + r->length + NAM_TILE + 2 * NAM_PAD);
	if (r->p)
		r->p += before;
}

void
nam_run_zero(struct nam_run *r)
{
	memset(r->p - r->past, 0, (r->past + r->length + NAM_PAD) * sizeof *r->p);
	r->pos = 0;
}

float *
nam_run_now(struct nam_run *r)
{
	if (r->pos + NAM_TILE > r->length) {
		memmove(r->p - r->past, r->p - r->past + r->pos, r->past * sizeof *r->p);
		r->pos = 0;
	}
	return r->p + r->pos;
}

void
nam_run_fill(struct nam_run *r)
{
	float *p = r->p + r->pos;

	for (size_t i = 1; i <= r->past; i++)
		p[-(ptrdiff_t)i] = *p;
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
