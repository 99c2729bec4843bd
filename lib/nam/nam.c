/* nam.c - models and streams for the outside. */
#include "nam/nam.h"
#include "nam/nam_desc.h"
#include "nam/nam_net.h"
#include "nam/nam_stream.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct nam_model {
	struct nam_info info;
	struct nam_desc *desc;    /* without its weights: the net has them */
	struct nam_net *net;
	char sha256[65];
	uint64_t serial;
};

struct nam_stream {
	const struct nam_model *model;
	struct nam_state *state;
	struct nam_planes in, out;
};

/* Recurrent models run their pre-roll; a hostile file must not make that endless.  A frame costs something without
 * any multiply-adds, too.  The most that is accepted takes 1 to 4 s with AVX-512 and 16 s in plain C. */
#define MAX_PREROLL_MACS 1e10
#define FRAME_MACS 1000

enum { PLAYER_BLOCK = 64 };

static _Atomic uint64_t serials;

static size_t
count_weights(const struct nam_desc *d)
{
	size_t n = d->n_weights;

	for (int i = 0; i < d->n_children; i++)
		n += count_weights(d->children[i]);
	for (int i = 0; i < d->n_json; i++)
		n += d->json[i].n_w;
	return n;
}

int
nam_open_mem(struct nam_model **model, const char *data, size_t len, const char *name, double slim,
    struct err *e)
{
	struct nam_desc *d = NULL;
	struct nam_model *m = calloc(1, sizeof *m);
	struct nam_info *i;

	*model = NULL;
	if (!m)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->serial = atomic_fetch_add(&serials, 1);
	i = &m->info;
	snprintf(i->format, sizeof i->format, "nam");
	i->loudness_db = i->gain = i->input_level_dbu = i->output_level_dbu = i->validation_esr = NAN;
	i->latency_frames = NAN;
	i->checks_passed = -1;
	if (nam_desc_parse(&d, i, data, len, name, slim, e))
		goto fail;
	snprintf(i->selected, sizeof i->selected, "%s", nam_kind_name(d->kind));
	i->rate_hz = d->rate_hz;
	i->weights = count_weights(d);
	i->out_channels = d->out_channels;
	if (d->in_channels != 1) {
		err_set(e, ERR_UNSUPPORTED, "model '%s': takes %d input channels; only mono models are supported",
		    name, d->in_channels);
		goto fail;
	}
	if (!(m->net = nam_net_new(d, e))) {
		err_prefix(e, "model '%s': ", name);
		goto fail;
	}
	i->receptive_field = m->net->receptive_field;
	i->recurrent = m->net->recurrent;
	i->macs = m->net->macs;
	if (i->recurrent && ((double)i->macs + FRAME_MACS) * (double)i->receptive_field > MAX_PREROLL_MACS) {
		err_set(e, ERR_UNSUPPORTED, "model '%s': %zu multiply-adds per frame and %zu frames of pre-roll are more "
		    "than a recurrent model may have", name, i->macs, i->receptive_field);
		goto fail;
	}
	sha256_bytes(data, len, m->sha256);
	nam_desc_drop_weights(d);
	m->desc = d;
	*model = m;
	return 0;
fail:
	nam_desc_free(d);
	nam_close(m);
	return -1;
}

int
nam_open(struct nam_model **m, const char *path, double slim, struct err *e)
{
	char *data;
	size_t len;
	int status;

	*m = NULL;
	if (file_read(path, NAM_MAX_FILE, &data, &len, e))
		return -1;
	status = nam_open_mem(m, data, len, path, slim, e);
	free(data);
	return status;
}

const struct nam_info *
nam_model_info(const struct nam_model *m)
{
	return &m->info;
}

const struct nam_desc *
nam_model_desc(const struct nam_model *m)
{
	return m->desc;
}

const struct nam_net *
nam_model_net(const struct nam_model *m)
{
	return m->net;
}

const char *
nam_model_sha256(const struct nam_model *m)
{
	return m->sha256;
}

uint64_t
nam_model_serial(const struct nam_model *m)
{
	return m->serial;
}

void
nam_close(struct nam_model *m)
{
	if (!m)
		return;
	nam_net_free(m->net);
	nam_desc_free(m->desc);
	nam_info_clear(&m->info);
	free(m);
}

/* ---- streams ----------------------------------------------------------------------- */

void
nam_stream_preroll(struct nam_stream *s, enum nam_preroll how)
{
	const struct nam_net *net = s->model->net;
	size_t tiles;

	net->zero(s->state);
	memset(s->in.p, 0, (NAM_TILE + NAM_PAD) * sizeof *s->in.p);
	if (how == NAM_PREROLL_NONE)
		return;
	if (how == NAM_PREROLL_DIRECT && !net->recurrent) {
		net->run(s->state, s->in, s->out, 1, 1);
		return;
	}
	/* whole blocks, as the trainer's player does */
	tiles = (net->receptive_field + PLAYER_BLOCK - 1) / PLAYER_BLOCK;
	for (size_t i = 0; i < tiles; i++)
		net->run(s->state, s->in, s->out, PLAYER_BLOCK, 0);
}

int
nam_stream_new_on(struct nam_stream **stream, const struct nam_model *m, const struct nam_kernel *k,
    struct err *e)
{
	struct nam_stream *s = calloc(1, sizeof *s);

	*stream = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->model = m;
	s->in.stride = s->out.stride = NAM_TILE + NAM_PAD;
	s->in.p = mem_zalloc(s->in.stride, sizeof *s->in.p);
	s->out.p = mem_zalloc(s->out.stride * (size_t)m->net->out_channels, sizeof *s->out.p);
	if (!s->in.p || !s->out.p) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	if (m->net->state_new(&s->state, m->net, k, e))
		goto fail;
	nam_stream_preroll(s, NAM_PREROLL_DIRECT);
	*stream = s;
	return 0;
fail:
	nam_stream_free(s);
	return -1;
}

int
nam_stream_new(struct nam_stream **s, const struct nam_model *m, struct err *e)
{
	return nam_stream_new_on(s, m, nam_kernel(), e);
}

void
nam_reset(struct nam_stream *s)
{
	nam_stream_preroll(s, NAM_PREROLL_DIRECT);
}

void
nam_process(struct nam_stream *s, const float *in, float *out, size_t n)
{
	while (n > 0) {
		size_t k = n < s->model->net->tile ? n : s->model->net->tile;

		memcpy(s->in.p, in, k * sizeof *in);
		s->model->net->run(s->state, s->in, s->out, k, 0);
		memcpy(out, s->out.p, k * sizeof *out);
		in += k;
		out += k;
		n -= k;
	}
}

void
nam_process_many(struct nam_stream *const *s, size_t n_streams, const float *const *in,
    float *const *out, size_t n)
{
	enum { MANY = NAM_LANES };
	struct nam_state *state[MANY];
	struct nam_planes from[MANY], to[MANY];

	for (size_t i = 0; i < n_streams && !s[0]->model->net->run_many; i++)
		nam_process(s[i], in[i], out[i], n);
	for (size_t i = 0, many; i < n_streams && s[0]->model->net->run_many; i += many) {
		const size_t tile = s[i]->model->net->tile;

		many = n_streams - i < MANY ? n_streams - i : MANY;
		for (size_t k = 0; k < many; k++) {
			state[k] = s[i + k]->state;
			from[k] = s[i + k]->in;
			to[k] = s[i + k]->out;
		}
		for (size_t t = 0, now; t < n; t += now) {
			now = n - t < tile ? n - t : tile;
			for (size_t k = 0; k < many; k++)
				memcpy(from[k].p, in[i + k] + t, now * sizeof(float));
			s[i]->model->net->run_many(state, many, from, to, now);
			for (size_t k = 0; k < many; k++)
				memcpy(out[i + k] + t, to[k].p, now * sizeof(float));
		}
	}
}

void
nam_stream_free(struct nam_stream *s)
{
	if (!s)
		return;
	s->model->net->state_free(s->state);
	mem_free(s->in.p);
	mem_free(s->out.p);
	free(s);
}

const char *
nam_isa(void)
{
	return nam_kernel()->isa;
}
