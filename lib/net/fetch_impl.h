/* fetch_impl.h - what the files of fetch share; private to lib/net.
 *
 *   fetch          names to jobs, the order of results
 *   fetch_name     what a name means
 *   fetch_body     one body to a file: ranges, hashes, lengths */
#ifndef NET_FETCH_IMPL_H
#define NET_FETCH_IMPL_H
#include "base/sha256.h"
#include "net/http.h"
#include "net/store.h"

/* A file that is coming. */
struct fetch_body {
	const struct store *s;
	char key[STORE_ID_MAX];
	char *url, *name;        /* of the download; of the file in partial/ */
	int fd;
	struct sha256 *hash;     /* of the first `have` bytes */
	int64_t have, at, from;  /* bytes that are there; where the next ones go; where this try was to resume */
	int64_t total;           /* -1: not known */
	char etag[128];
	int tagged;              /* NAME.etag is there, for another process */
};

/* Make the file in partial/; takes up what a process that is gone has left of the same url. */
int fetch_body_open(struct fetch_body *b, const struct store *s, const char *key, const char *url, struct err *e);
/* What http_request's callbacks of these names do. */
void fetch_body_prepare(struct fetch_body *b, int64_t *resume_from, const char **etag);
int fetch_body_data(struct fetch_body *b, struct http_answer *a, int first, const char *data, size_t n, struct err *e);
/* After the last byte: is it whole?  hex is its SHA-256. */
int fetch_body_end(struct fetch_body *b, char hex[65], struct err *e);
/* Close; keep: the name stays (another has it now, or what is there may be taken up later). */
void fetch_body_close(struct fetch_body *b, int keep);
#endif
