/* http_try.c - one try of a request: what is sent, and the answer as it comes. */
#include "net/http_impl.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_ERROR_BODY = 65536 };
static const double connect_s = 15;

/* ---- the answer as it comes ---- */

static const char *
header(const struct xfer *x, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(x->easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

static int64_t
number(const char *s, const char **end)
{
	int64_t v = 0;

	if (!isdigit((unsigned char)*s))
		return -1;
	for (; isdigit((unsigned char)*s); s++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v))
			return -1;
	*end = s;
	return v;
}

/* "bytes 100-199/200" */
static void
read_range(struct http_answer *a, const char *s)
{
	const char *p;

	if (!s || strncasecmp(s, "bytes ", 6) != 0 || (a->range_start = number(s + 6, &p)) < 0)
		return;
	p = strchr(p, '/');
	if (p)
		a->range_total = number(p + 1, &p);
}

void
http_read_headers(struct xfer *x)
{
	struct http_answer *a = &x->a;
	const char *s;

	if (x->headers_read)
		return;
	x->headers_read = 1;
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &a->status);
	s = header(x, "Content-Type");
	for (size_t i = 0; s && s[i] && s[i] != ';' && s[i] != ' ' && i + 1 < sizeof a->type; i++)
		a->type[i] = (char)tolower((unsigned char)s[i]);
	s = header(x, "ETag");
	if (s && *s == '"' && strlen(s) < sizeof a->etag)
		strcpy(a->etag, s);
	s = header(x, "Content-Length");
	if (s)
		a->length = number(s, &s);
	read_range(a, header(x, "Content-Range"));
	s = header(x, "Content-Encoding");
	a->encoded = s && strcasecmp(s, "identity") != 0;
	s = header(x, "X-Tone3000-Deprecations");
	if (!s && header(x, "Deprecation"))
		s = "unnamed";
	if (s && strcmp(x->h->deprecated, s) != 0 && strlen(s) < sizeof x->h->deprecated) {
		strcpy(x->h->deprecated, s);
		http_note(x->h, "the service calls this use deprecated: %s", s);
	}
}

int
http_wanted(const struct xfer *x)
{
	return x->r.data && (x->a.status == 200 || x->a.status == 206);
}

int
http_give(struct xfer *x, const char *data, size_t n)
{
	int r = x->r.data(x->r.ctx, &x->a, x->first, data, n, &x->e);

	x->first = 0;
	x->bad |= r != 0;
	return r;
}

static size_t
on_data(char *data, size_t one, size_t n, void *ctx)
{
	struct xfer *x = ctx;
	char url[256];

	n *= one;
	http_read_headers(x);
	x->got += n;
	if (http_wanted(x) || (x->a.status >= 200 && x->a.status < 300)) {
		if (x->got > x->r.max_bytes) {
			x->bad = 1;
			x->a.permanent = 1;
			err_set(&x->e, ERR_DAMAGED, "'%s' is larger than %zu bytes, the most that is taken", http_shown(x->at, url),
			    x->r.max_bytes);
			return 0;
		}
		if (http_wanted(x))
			return http_give(x, data, n) ? 0 : n;
	} else if (x->body.len + n > MAX_ERROR_BODY) {
		return n;
	}
	str_addn(&x->body, data, n);
	return x->body.failed ? 0 : n;
}

/* ---- begin a try ---- */

/* A header value must stay one. */
static int
visible(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return 0;
	return 1;
}

static int
add_header(struct xfer *x, const char *name, const char *value)
{
	char *line = str_printf("%s: %s", name, value);
	struct curl_slist *l = line ? curl_slist_append(x->headers, line) : NULL;

	free(line);
	x->headers = l ? l : x->headers;
	return l ? 0 : err_set(&x->e, ERR_NOMEM, "out of memory");
}

/* The token, when this hop goes to the origin. */
static int
add_bearer(struct xfer *x, const char *origin)
{
	const char *token = NULL;
	char *value;
	int r;

	free(x->token);
	x->token = NULL;
	if (!(x->r.flags & HTTP_BEARER) || strcmp(origin, x->h->origin) != 0)
		return 0;
	if (x->h->o.bearer && x->h->o.bearer(x->h->o.bearer_ctx, NULL, &token, &x->e)) {
		if (!(x->r.flags & HTTP_ANONYMOUS) || x->e.code != ERR_AUTH)
			return -1;
		token = NULL;
	}
	if (!token)
		return x->r.flags & HTTP_ANONYMOUS ? 0 : err_set(&x->e, ERR_AUTH, "not logged in");
	if (!visible(token))
		return err_set(&x->e, ERR_AUTH, "the token holds characters that no token has; log in again");
	x->token = str_printf("%s", token);
	value = str_printf("Bearer %s", token);
	r = x->token && value ? add_header(x, "Authorization", value) : err_set(&x->e, ERR_NOMEM, "out of memory");
	free(value);
	return r;
}

static int
set_options(struct xfer *x)
{
	const struct http *h = x->h;
	CURL *c = x->easy;
	int bad = 0;

	curl_easy_reset(c);
	bad |= curl_easy_setopt(c, CURLOPT_URL, x->at) != 0;
	bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") != 0;
	bad |= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) != 0;
	bad |= curl_easy_setopt(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) != 0;
	bad |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != 0;
	bad |= h->ca_file && curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file) != 0;
	curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "tone-fetch/" VERSION);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(1000 * fmin(connect_s, h->o.stall_s)));
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 64L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)fmax(1, ceil(h->o.stall_s)));
	if (!x->r.data)         /* an answer, not a file */
		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(4000 * h->o.stall_s));
	if (!x->r.data)
		curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_PRIVATE, x);
	if (x->form)
		bad |= curl_easy_setopt(c, CURLOPT_POSTFIELDS, x->form) != 0;
	return bad ? err_set(&x->e, ERR_UNSUPPORTED, "this libcurl cannot do what is needed to ask safely") : 0;
}

int
http_begin(struct xfer *x)
{
	char origin[320], range[32];
	const char *etag = NULL;
	int64_t from = 0;

	memset(&x->a, 0, sizeof x->a);
	x->a.length = x->a.range_start = x->a.range_total = -1;
	x->got = 0;
	x->first = 1;
	x->headers_read = x->bad = 0;
	x->why[0] = x->e.msg[0] = '\0';
	str_free(&x->body);
	if (http_origin(x->at, origin, sizeof origin)) {
		char url[256];

		return err_set(&x->e, ERR_DAMAGED, "'%.200s' is no address to ask: https only", http_shown(x->at, url));
	}
	if (set_options(x) || add_bearer(x, origin))
		return -1;
	if (x->r.prepare)
		x->r.prepare(x->r.ctx, &from, &etag);
	if (from > 0) {
		snprintf(range, sizeof range, "%lld-", (long long)from);
		curl_easy_setopt(x->easy, CURLOPT_RANGE, range);
		if (etag && *etag && add_header(x, "If-Range", etag))
			return -1;
	}
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	if (curl_multi_add_handle(x->h->multi, x->easy))
		return err_set(&x->e, ERR_NOMEM, "out of memory");
	x->running = 1;
	x->tries++;
	x->h->running++;
	return 0;
}
