/* nam_file.h - what the readers of model files share; private to lib/nam. */
#ifndef NAM_FILE_H
#define NAM_FILE_H
#include "nam/nam_desc.h"
#include <jansson.h>

struct nam_reader {
	const char *name;        /* of the file, for messages */
	struct err *e;
	struct nam_info *info;   /* NULL inside another model */
	char where[64];          /* in the file, for messages; "" at the top */
	double slim;
	int depth;
};

/* Fill the error "model 'NAME': WHERE: ..."; returns -1. */
int nam_bad(const struct nam_reader *r, enum err_code code, const char *fmt, ...) BASE_PRINTF(3, 4);
int nam_no_memory(const struct nam_reader *r);

/* A whole number lo..hi of object o; fallback INT_MIN: it must be there. */
int nam_get_int(const struct nam_reader *r, const json_t *o, const char *key, int fallback, int lo,
                int hi, int *out);
/* A list of finite numbers, malloc'd (also on error). */
int nam_get_floats(const struct nam_reader *r, const json_t *list, const char *what, float **out,
                   size_t *n);
int nam_parse_rate(const struct nam_reader *r, const json_t *v, double *rate);
int nam_meta_string(const json_t *m, const char *key, char **out); /* keeps what is there */

/* One model object; containers give the chosen submodel. */
int nam_parse_model(struct nam_reader *r, const json_t *o, struct nam_desc **d);
int nam_add_child(struct nam_reader *r, const json_t *o, struct nam_desc *d, const char *what);

/* RTNeural and AIDA-X files (nam_rtneural.c). */
int nam_is_rtneural(const json_t *root);
int nam_parse_rtneural(struct nam_reader *r, const json_t *root, struct nam_desc **d);
#endif
