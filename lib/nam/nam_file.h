/* nam_file.h - what the readers of model files share; private to lib/nam.
 *
 *   nam_tree           JSON text to values
 *   nam_read           values with their limits, and what is wrong with them
 *   nam_file           the model object, its kinds but WaveNet, models inside models
 *   nam_file_wavenet   the configuration of a WaveNet
 *   nam_slim           a slimmable WaveNet made smaller
 *   nam_meta           words and levels of the metadata
 *   nam_rtneural       RTNeural, AIDA-X and GuitarML files
 *   nam_desc           sizes and cost of what was read */
#ifndef NAM_FILE_H
#define NAM_FILE_H
#include "nam/nam_desc.h"
#include "nam/nam_tree.h"
#include <stdio.h>

/* What a small text can ask much memory for. */
struct nam_total {
	size_t floats;           /* kept so far: RTNeural weights, groups spread out; slopes, once a layer */
	size_t layers;           /* of WaveNets */
};

struct nam_reader {
	const char *name;        /* of the file, for messages */
	struct err *e;
	struct nam_info *info;   /* NULL inside another model */
	char where[64];          /* in the file, for messages; "" at the top */
	double slim;
	int depth;
	struct nam_total *total; /* of all models in the file */
};

/* ---- nam_read.c ---- */

/* Fill the error "model 'NAME': WHERE: ...", on one line whatever the file says; returns -1. */
int nam_bad(const struct nam_reader *r, enum err_code code, const char *fmt, ...) BASE_PRINTF(3, 4);
int nam_no_memory(const struct nam_reader *r);

/* A whole number lo..hi of object o; fallback INT_MIN: it must be there.  A key that is null
 * counts as absent where it may be absent. */
int nam_get_int(const struct nam_reader *r, const struct nam_value *o, const char *key, int fallback, int lo,
                int hi, int *out);
/* fallback -1: the key must be there. */
int nam_get_bool(const struct nam_reader *r, const struct nam_value *o, const char *key, int fallback,
                 int *out);
/* A list of n_min..NAM_MAX_LIST whole numbers; *list is malloc'd, also on error. */
int nam_get_ints(const struct nam_reader *r, const struct nam_value *o, const char *key, int n_min, int lo,
                 int hi, int *n, int **list);
/* A list of numbers that are finite as float32, malloc'd (also on error). */
int nam_get_floats(const struct nam_reader *r, const struct nam_value *list, const char *what, float **out,
                   size_t *n);
/* "Tanh" or {"type": "LeakyReLU", "negative_slope": 0.01}; a->slopes is malloc'd, also on error. */
int nam_parse_act(const struct nam_reader *r, const struct nam_value *v, const char *key, struct nam_act *a);
/* groups must divide in and out. */
int nam_divides(const struct nam_reader *r, const char *what, int groups, int in, int out);

/* ---- models ---- */

/* One model object; containers give the chosen submodel. */
int nam_parse_model(struct nam_reader *r, const struct nam_value *o, struct nam_desc **d);
int nam_add_child(struct nam_reader *r, const struct nam_value *o, struct nam_desc *d, const char *what);
int nam_parse_wavenet(struct nam_reader *r, const struct nam_value *config, struct nam_desc *d);
/* Cut d to slim, 0..1. */
int nam_slim_wavenet(const struct nam_reader *r, struct nam_desc *d, double slim);

/* ---- nam_meta.c ---- */

int nam_parse_rate(const struct nam_reader *r, const struct nam_value *v, double *rate);
/* To r->info, when there is one; refuses what the players refuse. */
int nam_parse_metadata(const struct nam_reader *r, const struct nam_value *meta);
/* The same for AIDA-X, whose words are others. */
int nam_parse_aida_metadata(const struct nam_reader *r, const struct nam_value *meta);

/* ---- nam_rtneural.c ---- */

int nam_is_rtneural(const struct nam_value *root);
int nam_parse_rtneural(struct nam_reader *r, const struct nam_value *root, struct nam_desc **d);
#endif
