/* desc.h - the description of a shootout ("shootout/1", see shootout-formats(5)): which DIs go
 * through which chains, at what loudness, shown how.
 *
 * desc_load() reads the JSON and reports every mistake it finds, each with its JSON pointer
 * (RFC 6901), not only the first.  desc_probe() then looks at the files that are named.  Both
 * must pass before any work is done. */
#ifndef SHOOT_DESC_H
#define SHOOT_DESC_H
#include "base/err.h"
#include "fx/fx.h"
#include <jansson.h>
#include <stdint.h>

enum { DESC_MAX_DIS = 1000, DESC_MAX_CHAINS = 1000, DESC_MAX_STAGES = 16, DESC_MAX_BYTES = 8 << 20 };

struct desc_di {
	char *id;             /* [a-z0-9-]+: names files and make targets */
	char *name, *file;    /* file: absolute */
	double start_s, length_s; /* length_s < 0: to the end */
	int64_t frames;       /* at rate_hz, a whole number of pictures; set by desc_probe() */
};

enum desc_kind { DESC_NAM, DESC_IR, DESC_FX };

struct desc_stage {
	enum desc_kind kind;
	char *name;           /* what people read: given, else the model's own, else from the file */
	int named;            /* given */
	char *credit;         /* who made it, under what licence, as the file (DESC_NAM) or the service says; or NULL */
	char *file;           /* absolute; NULL for DESC_FX */
	char *source;         /* "tone3000:TONE/MODEL": desc_probe() finds or fetches the file; NULL for files */
	double input_gain_db, gain_db; /* before and after (DESC_IR: gain_db only) */
	double mix;           /* DESC_IR: 0 dry .. 1 wet */
	char *norm;           /* DESC_IR: "none", "energy", "peak" */
	struct fx_spec *fx;   /* DESC_FX: the one effect */
	int stereo;           /* DESC_FX: one channel becomes two */
};

struct desc_chain {
	char *id, *name;
	struct desc_stage *stage;
	size_t stages;
	int two_cabs, no_cab; /* the author means it */
};

struct desc {
	json_t *json;         /* as loaded, files made absolute */
	char *name, *title, *author;
	int rate_hz;
	double lufs, ceiling_dbtp;
	double tempo_bpm;     /* of effects; 0: not told */
	struct desc_di *di;
	size_t dis;
	struct desc_chain *chain;
	size_t chains;
	int fps, width, height;
	double title_s;
	char *preset;         /* of the video encoder */
};

/* One mistake: where ("/chains/0/stages/1/ir") and what, with what to do. */
struct desc_problem {
	char *where, *what;
	int is_warning;
};

struct desc_problems {
	struct desc_problem *v;
	size_t n, errors;
};

/* Read NAME ("-": standard input).  Relative files are taken from NAME's folder.  Returns 0 with *d
 * (release with desc_free()), or -1: with *e when it is not JSON at all, or with problems in *p
 * (errors > 0).  Warnings may be in *p either way. */
int desc_load(struct desc **d, const char *name, struct desc_problems *p, struct err *e);
void desc_free(struct desc *d);

/* Find or fetch what is named by the service it is from, open every DI, model and IR, check rates and lengths, fill frames.  Returns 0, or -1 with problems. */
int desc_probe(struct desc *d, struct desc_problems *p);

void desc_problem(struct desc_problems *p, int is_warning, const char *where, const char *fmt, ...)
	BASE_PRINTF(4, 5);
void desc_problems_free(struct desc_problems *p);

/* "A", "B", ... "Z", "AA", ... for chain i. */
void desc_label(size_t i, char out[8]);
#endif
