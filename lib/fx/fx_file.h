/* fx_file.h - one audio file through a chain of effects: what audio-fx does, for one job.
 *
 *	fx_file_open(&f, &job, &e);
 *	fx_file_run(f, NULL, &e);
 *	fx_file_commit(f, NULL, &e);
 *	fx_file_free(f); */
#ifndef FX_FX_FILE_H
#define FX_FX_FILE_H
#include "audio/audio.h"
#include "cli/progress.h"
#include "cli/prov.h"
#include "fx/fx.h"

enum { FX_MAX_TAIL_S = 86400 };

struct fx_job {
	const char *input, *output;  /* "-" is a standard stream */
	const struct fx_spec *spec;
	double tail_s;               /* after the input's end; negative: until the effects have died away */
	int stereo;                  /* one channel in becomes two */
	enum au_encoding encoding;
};

/* "full" (-1), "cut" (0) or a number of seconds; -1 when it is none of these. */
int fx_tail_parse(const char *text, double *tail_s);

struct fx_file;
/* Opens input, chain and output; job is borrowed until fx_file_free().  -1: also when the tail never ends. */
int fx_file_open(struct fx_file **f, const struct fx_job *job, struct err *e);
/* All of it; p may be NULL.  A sample that the encoding would clip is an error. */
int fx_file_run(struct fx_file *f, struct progress *p, struct err *e);
/* After that: an "audio-fx/1" object, with the input's SHA-256; NULL with *e. */
json_t *fx_file_report(struct fx_file *f, struct err *e);
/* Write the last bytes and give the output its name; hex (65 bytes) may be NULL, else gets its SHA-256. */
int fx_file_commit(struct fx_file *f, char *hex, struct err *e);
/* Input, output and effects for its provenance line. */
int fx_file_prov(struct fx_file *f, struct prov *prov, const char *out_sha256, struct err *e);
int64_t fx_file_frames(const struct fx_file *f);     /* of the output so far */
int fx_file_rate_hz(const struct fx_file *f);
void fx_file_free(struct fx_file *f);                /* without a commit nothing is left; NULL is fine */
#endif
