/* http.h - many HTTPS requests at once to one service, politely and with limits.
 *
 * An http has one origin (scheme, host and port): the service's.  The bearer token goes to that origin and to no other:
 * redirects are followed here, hop by hop, and each hop decides anew.  Only https is spoken, certificates
 * are verified, a redirect to another scheme or with a user name in it is refused.
 *
 * Requests run side by side in the thread that calls http_step(), http_wait() or http_do(); callbacks come from there and may add requests.
 * What may work later (no connection, a stall, a body cut short, 408, 429, 500, 502, 503, 504) is tried again, first after
 * retry_wait_s, then twice that and so on, less up to half at random; Retry-After is obeyed, and a 429 stops all requests
 * meanwhile.  A 401 has the token renewed once.  A token bucket keeps the requests to the origin below per_minute.
 *
 * Bytes are counted as they come, decoded, so that neither a wrong length nor compression passes max_bytes. */
#ifndef NET_HTTP_H
#define NET_HTTP_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct http;

struct http_options {
	const char *origin;      /* "https://www.tone3000.com" */
	const char *ca_file;     /* certificates to trust; NULL: the system's */
	double per_minute;       /* requests to the origin; 0: no limit */
	int parallel;            /* connections to one host */
	int tries;               /* of each request, at least 1 */
	double retry_wait_s;     /* before the second try */
	double max_wait_s;       /* a longer Retry-After ends the request with ERR_RETRY */
	double stall_s;          /* a connection on which hardly anything moves for so long is given up */
	/* The token for the origin: *token borrowed until the next call, NULL for none.  rejected: the service has just answered
	 * 401 to this one (NULL: no).  -1 and *e: the request ends with that. */
	int (*bearer)(void *ctx, const char *rejected, const char **token, struct err *e);
	void *bearer_ctx;
	void (*note)(void *ctx, const char *text); /* a retry, a redirect, a deprecated use: for -v; may be NULL */
	void *note_ctx;
};

struct http_answer {
	long status;
	char type[64];           /* Content-Type, lower case, no parameters */
	char etag[128];          /* with its quotes; "" for none or a weak one */
	int64_t length;          /* Content-Length; -1 none */
	int64_t range_start, range_total; /* Content-Range; -1 none */
	int encoded;             /* a Content-Encoding other than identity */
	char *body;              /* NUL-terminated; NULL when it went to request.data */
	size_t body_len;
	int permanent;           /* set by data(): no other try */
};

enum {
	HTTP_BEARER = 1,         /* send the token; no token is ERR_AUTH */
	HTTP_ANONYMOUS = 2,      /* with HTTP_BEARER: no token is fine */
	HTTP_ANY_STATUS = 4      /* the caller reads statuses itself: they are no errors and nothing is tried again */
};

struct http_request {
	const char *url;         /* copied */
	const char *form;        /* POST this, application/x-www-form-urlencoded, copied; NULL: GET */
	int flags;
	size_t max_bytes;        /* of the body */
	/* Before every try: where to resume (0: from the start) and the entity tag that must still hold.  NULL: always whole. */
	void (*prepare)(void *ctx, int64_t *resume_from, const char **etag);
	/* The body of a 200 or 206 as it comes; a (headers) is filled.  first: 1 on the first call of each try, also when the body
	 * is empty (then n is 0).  -1 and *e ends the try.  NULL: it is collected in answer.body. */
	int (*data)(void *ctx, struct http_answer *a, int first, const char *data, size_t n, struct err *e);
	/* At the end; exactly once.  e is NULL when the status is 2xx (any with HTTP_ANY_STATUS). */
	void (*done)(void *ctx, const struct http_answer *a, const struct err *e);
	void *ctx;
};

int http_new(struct http **h, const struct http_options *o, struct err *e);
void http_free(struct http *h);   /* requests that still run end without done(); NULL is fine */

/* Start a request; it moves in http_step().  Returns 0, or -1 with *e: done() is not called then. */
int http_add(struct http *h, const struct http_request *r, struct err *e);
/* How many have begun and not ended. */
size_t http_active(const struct http *h);
/* Move all requests, waiting for the network up to timeout_s. */
int http_step(struct http *h, double timeout_s, struct err *e);
/* Let a http_step() that waits, or the next one, return at once.  From any thread. */
void http_wake(struct http *h);

/* One request with its answer collected; the others move on meanwhile.  *body is the caller's to free. */
int http_do(struct http *h, const char *url, const char *form, int flags, size_t max_bytes, long *status, char **body,
            size_t *len, struct err *e);

/* The origin of an https URL ("https://host:port", lower case, no default port) to out; -1: not https, a user name in
 * it, or no URL at all. */
int http_origin(const char *url, char *out, size_t cap);
/* Malloc'd text for a query or a form; NULL: out of memory. */
char *http_escape(const char *text);
#endif
