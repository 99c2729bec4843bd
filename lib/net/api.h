/* api.h - the service's JSON: objects, pages of lists, ids.  Read tolerantly: unknown keys and words are fine. */
#ifndef NET_API_H
#define NET_API_H
#include "base/err.h"
#include "net/http.h"
#include <jansson.h>

struct api {
	struct http *h;
	const char *origin;
};

enum { API_MAX_PAGE_BYTES = 8 << 20 };

/* GET origin + path, an object; the caller's to decref.  What is no JSON is ERR_DAMAGED.  flags: of http.h, besides HTTP_BEARER. */
json_t *api_get(const struct api *a, const char *path, int flags, struct err *e);

/* The text of an answer to an object; NULL and *e.  For api_get() and the fuzzer. */
json_t *api_parse(const char *body, size_t len, const char *what, struct err *e);

/* An id of the service, a whole number or digits, to out (20 bytes); -1: it is none. */
int api_id(const json_t *id, char *out);

/* Call fn for each object of a list, page after page, until it is through, limit objects were given (0: all), or fn returns other
 * than 0, which is returned.  path has its filters ("/api/v1/models?tone_id=5" or "/api/v1/tones/latest") but no page; page_size 0: a list
 * without pages.  One page is in memory at a time.  -1: *e. */
int api_each(const struct api *a, const char *path, int page_size, long long limit, int flags,
             int (*fn)(void *ctx, json_t *item, struct err *e), void *ctx, struct err *e);

/* {"schema": schema, "tool", "version"} and then what the service said, its ids ("id", "tone_id", "user_id", and "id" inside
 * "user") as text; a key of the service does not replace one of the three.  The caller's; NULL: out of memory. */
json_t *api_line(const char *schema, const json_t *item);
#endif
