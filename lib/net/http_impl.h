/* http_impl.h - a request on its way; private to http*.c. */
#ifndef NET_HTTP_IMPL_H
#define NET_HTTP_IMPL_H
#include "base/str.h"
#include "net/http.h"
#include <curl/curl.h>

struct xfer {
	struct http *h;
	struct http_request r;
	char *url, *form, *at;   /* asked for; posted; where redirects have led */
	char *token;             /* sent with this try, or NULL */
	CURL *easy;
	struct curl_slist *headers;
	struct http_answer a;
	struct str body;
	struct err e;            /* why data() or a limit ended the try */
	size_t got;
	int first, headers_read, bad, renewed, tries, hops, running;
	double not_before_s;
	char why[CURL_ERROR_SIZE];
	struct xfer *next;
};

struct http {
	struct http_options o;
	char *origin, *ca_file;
	CURLM *multi;
	struct xfer *list;
	size_t active;
	int running;
	double tokens, filled_s, pause_s;
	char deprecated[128];    /* what was said of it already */
};

/* ---- http.c ---- */

void http_stop(struct xfer *x);         /* its try ends here */
void http_xfer_free(struct xfer *x);    /* NULL is fine */
const char *http_shown(const char *url, char out[256]); /* as it may be printed: a query may hold a signature */
void http_note(const struct http *h, const char *fmt, ...) BASE_PRINTF(2, 3);

/* ---- http_try.c: what is sent, and the answer as it comes ---- */

/* Start a try.  A failure here ends the request: x->e says why. */
int http_begin(struct xfer *x);
void http_read_headers(struct xfer *x); /* into x->a, once a try */
/* Whether the body is what was asked for, and not what an error or a redirect says. */
int http_wanted(const struct xfer *x);
int http_give(struct xfer *x, const char *data, size_t n); /* to the request's data() */

/* ---- http_end.c: what follows from a try ---- */

/* The try is over: another one, another hop, or the end. */
void http_ended(struct xfer *x, CURLcode c);
void http_finish(struct xfer *x, const struct err *e); /* the end of a request; e NULL: well */
#endif
