/* http.c - many HTTPS requests at once to one service, politely and with limits. */
#include "net/http.h"
#include "base/par.h"
#include "base/str.h"

#include <ctype.h>
#include <curl/curl.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { MAX_HOPS = 5, MAX_ERROR_BODY = 65536, MAX_POLL_MS = 1000 };
static const double connect_s = 15, burst = 20;

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

static void
global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

int
http_origin(const char *url, char *out, size_t cap)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
	int r = -1, n;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
	    strcasecmp(scheme, "https") != 0 || curl_url_get(u, CURLUPART_HOST, &host, 0) || !*host ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) || !curl_url_get(u, CURLUPART_USER, &user, 0))
		goto out;
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	n = strcmp(port, "443") ? snprintf(out, cap, "https://%s:%s", host, port) : snprintf(out, cap, "https://%s", host);
	r = n > 0 && (size_t)n < cap ? 0 : -1;
out:
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(user);
	curl_url_cleanup(u);
	return r;
}

char *
http_escape(const char *text)
{
	char *quoted = curl_easy_escape(NULL, text, 0), *copy = quoted ? str_printf("%s", quoted) : NULL;

	curl_free(quoted);
	return copy;
}

int
http_new(struct http **out, const struct http_options *o, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *h = calloc(1, sizeof *h);

	*out = NULL;
	pthread_once(&once, global_init);
	if (!h)
		return err_set(e, ERR_NOMEM, "out of memory");
	h->o = *o;
	h->origin = str_printf("%s", o->origin);
	h->ca_file = o->ca_file ? str_printf("%s", o->ca_file) : NULL;
	h->multi = curl_multi_init();
	h->tokens = burst;
	h->filled_s = par_clock_s();
	if (!h->origin || (o->ca_file && !h->ca_file) || !h->multi) {
		http_free(h);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)o->parallel);
	*out = h;
	return 0;
}

static void
stop(struct xfer *x)
{
	if (x->running) {
		curl_multi_remove_handle(x->h->multi, x->easy);
		x->running = 0;
		x->h->running--;
	}
	curl_slist_free_all(x->headers);
	x->headers = NULL;
}

static void
xfer_free(struct xfer *x)
{
	if (!x)
		return;
	stop(x);
	if (x->easy)
		curl_easy_cleanup(x->easy);
	str_free(&x->body);
	free(x->url);
	free(x->form);
	free(x->at);
	free(x->token);
	free(x);
}

void
http_free(struct http *h)
{
	struct xfer *next;

	if (!h)
		return;
	for (struct xfer *x = h->list; x; x = next) {
		next = x->next;
		xfer_free(x);
	}
	if (h->multi)
		curl_multi_cleanup(h->multi);
	free(h->origin);
	free(h->ca_file);
	free(h);
}

size_t
http_active(const struct http *h)
{
	return h->active;
}

int
http_add(struct http *h, const struct http_request *r, struct err *e)
{
	struct xfer *x = calloc(1, sizeof *x), **at = &h->list;

	if (x) {
		x->h = h;
		x->r = *r;
		x->url = str_printf("%s", r->url);
		x->at = str_printf("%s", r->url);
		x->form = r->form ? str_printf("%s", r->form) : NULL;
		x->easy = curl_easy_init();
	}
	if (!x || !x->url || !x->at || (r->form && !x->form) || !x->easy) {
		xfer_free(x);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	while (*at)
		at = &(*at)->next;
	*at = x;
	h->active++;
	return 0;
}

/* The URL as it may be printed: a query may hold a signature. */
static const char *
shown(const char *url, char out[256])
{
	snprintf(out, 256, "%.*s", (int)strcspn(url, "?#"), url);
	return out;
}

static void BASE_PRINTF(2, 3)
note(const struct http *h, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!h->o.note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	h->o.note(h->o.note_ctx, text);
}

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

static void
read_headers(struct xfer *x)
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
		note(x->h, "the service calls this use deprecated: %s", s);
	}
}

/* Whether the body is what was asked for, and not what an error or a redirect says. */
static int
wanted(const struct xfer *x)
{
	return x->r.data && (x->a.status == 200 || x->a.status == 206);
}

static int
give(struct xfer *x, const char *data, size_t n)
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
	read_headers(x);
	x->got += n;
	if (wanted(x) || (x->a.status >= 200 && x->a.status < 300)) {
		if (x->got > x->r.max_bytes) {
			x->bad = 1;
			x->a.permanent = 1;
			err_set(&x->e, ERR_DAMAGED, "'%s' is larger than %zu bytes, the most that is taken", shown(x->at, url),
			    x->r.max_bytes);
			return 0;
		}
		if (wanted(x))
			return give(x, data, n) ? 0 : n;
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

/* A failure here ends the request: x->e says why. */
static int
begin(struct xfer *x)
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

		return err_set(&x->e, ERR_DAMAGED, "'%.200s' is no address to ask: https only", shown(x->at, url));
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

/* ---- the end of a try ---- */

static void
finish(struct xfer *x, const struct err *e)
{
	struct xfer **at = &x->h->list;

	stop(x);
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	x->h->active--;
	x->a.body = x->body.s;
	x->a.body_len = x->body.len;
	if (x->r.done)
		x->r.done(x->r.ctx, &x->a, e);
	xfer_free(x);
}

/* Once more after a while, or the end with *e. */
static void
again(struct xfer *x, double asked_s, const struct err *e)
{
	struct http *h = x->h;
	double wait = h->o.retry_wait_s * pow(2, x->tries - 1);
	unsigned noise = 0;
	struct err late;
	char url[256];

	if (x->tries >= h->o.tries) {
		finish(x, e);
		return;
	}
	if (asked_s > h->o.max_wait_s) {
		err_set(&late, ERR_RETRY, "%.400s; it asks to wait %.0f s", e->msg, asked_s);
		finish(x, &late);
		return;
	}
	if (getrandom(&noise, sizeof noise, GRND_NONBLOCK) < 0)
		noise = 0;
	wait = fmin(wait, h->o.max_wait_s) * (1 - 0.5 * noise / 4294967296.0);
	/* what the service asks for is the least; the noise keeps its clients from coming back all at once */
	wait = asked_s > 0 ? asked_s + fmin(1, wait) * 0.25 : wait;
	note(h, "%s: %.200s; try %d of %d in %.1f s", shown(x->at, url), e->msg, x->tries + 1, h->o.tries, wait);
	stop(x);
	x->not_before_s = par_clock_s() + wait;
	if (x->a.status == 429)
		h->pause_s = fmax(h->pause_s, x->not_before_s);
	x->hops = 0;
	free(x->at);
	x->at = str_printf("%s", x->url);
	if (!x->at)
		finish(x, e);
}

static int
passing(CURLcode c)
{
	switch (c) {
	case CURLE_COULDNT_RESOLVE_PROXY: case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT: case CURLE_PARTIAL_FILE: case CURLE_RECV_ERROR: case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING: case CURLE_HTTP2: case CURLE_HTTP2_STREAM: case CURLE_SSL_CONNECT_ERROR:
		return 1;
	default:
		return 0;
	}
}

static void
redirect(struct xfer *x)
{
	char *to = NULL, origin[320], url[256];
	struct err e;

	curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &to);
	if (x->form || !to || ++x->hops > MAX_HOPS || http_origin(to, origin, sizeof origin)) {
		err_set(&e, ERR_DAMAGED, "'%s' redirects %s", shown(x->at, url), x->form ? "a form, which is not followed" :
		    !to ? "to nowhere" : x->hops > MAX_HOPS ? "too often" : "to an address that is not https: not followed");
		finish(x, &e);
		return;
	}
	to = str_printf("%s", to);
	stop(x);
	if (!to) {
		err_set(&e, ERR_NOMEM, "out of memory");
		finish(x, &e);
		return;
	}
	free(x->at);
	x->at = to;
	x->tries--;             /* the same try */
	x->not_before_s = 0;
}

/* What an answer that is none says of itself: error_description, error, msg, or nothing. */
static void
reason(const struct xfer *x, char out[160])
{
	static const char *const keys[] = { "\"error_description\"", "\"error\"", "\"msg\"", "\"message\"" };
	const char *s = NULL;
	size_t n = 0;

	out[0] = '\0';
	if (!x->body.s || strcmp(x->a.type, "application/json") != 0)
		return;
	for (size_t i = 0; !s && i < sizeof keys / sizeof *keys; i++) {
		s = strstr(x->body.s, keys[i]);
		if (s) {
			s += strlen(keys[i]);
			s += strspn(s, " \t\r\n:");
			s = *s == '"' ? s + 1 : NULL;
		}
	}
	if (!s || (x->token && strstr(s, x->token)))    /* it may quote what it was sent */
		return;
	out[n++] = ':';
	out[n++] = ' ';
	for (; *s && *s != '"' && *s != '\\' && n + 1 < 160; s++)
		if ((unsigned char)*s >= ' ')
			out[n++] = *s;
	out[n] = '\0';
}

static void
bad_status(struct xfer *x)
{
	const long s = x->a.status;
	const int later = s == 408 || s == 429 || s == 500 || s == 502 || s == 503 || s == 504;
	char url[256], why[160];
	curl_off_t after = 0;
	struct err e;

	shown(x->at, url);
	reason(x, why);
	if (later) {
		curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &after);
		if (s == 429)
			err_set(&e, ERR_RETRY, "'%s': too many requests (429)%s", url, why);
		else
			err_set(&e, ERR_RETRY, "'%s': the service has trouble (%ld)%s", url, s, why);
		again(x, (double)after, &e);
		return;
	}
	if (s == 401)
		err_set(&e, ERR_AUTH, "'%s': the service wants a login (401)%s; try: tone-fetch login", url, why);
	else if (s == 402 || s == 403 || s == 451)
		err_set(&e, ERR_REFUSED, "'%s': refused (%ld)%s; the owner, the terms or the plan of this account do not allow it",
		    url, s, why);
	else if (s == 404 || s == 410)
		err_set(&e, ERR_ABSENT, "'%s': not found (%ld)%s", url, s, why);
	else
		err_set(&e, ERR_INPUT, "'%s': the service answers %ld%s", url, s, why);
	finish(x, &e);
}

static void
ended(struct xfer *x, CURLcode c)
{
	const char *unused;
	char url[256];
	struct err e;

	read_headers(x);
	shown(x->at, url);
	if (x->bad) {
		if (x->a.permanent || x->e.code != ERR_RETRY)
			finish(x, &x->e);
		else
			again(x, 0, &x->e);
		return;
	}
	if (c != CURLE_OK) {
		err_set(&e, passing(c) ? ERR_RETRY : c == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_IO, "'%s': %s", url,
		    *x->why ? x->why : curl_easy_strerror(c));
		if (passing(c) && !x->form)
			again(x, 0, &e);
		else
			finish(x, &e);
		return;
	}
	if (x->a.status >= 301 && x->a.status <= 308 && x->a.status != 304 && x->a.status != 305 && x->a.status != 306) {
		redirect(x);
		return;
	}
	if (x->a.status == 401 && x->token && !x->renewed && x->h->o.bearer && !(x->r.flags & HTTP_ANY_STATUS)) {
		x->renewed = 1;
		stop(x);
		x->tries--;
		if (x->h->o.bearer(x->h->o.bearer_ctx, x->token, &unused, &e))
			finish(x, &e);
		return;
	}
	if (x->r.flags & HTTP_ANY_STATUS) {
		finish(x, NULL);
		return;
	}
	/* 416: what was to be resumed is no longer there; data() is told and starts anew */
	if (x->a.status == 416 && x->r.data) {
		if (x->r.data(x->r.ctx, &x->a, 1, "", 0, &x->e))
			again(x, 0, &x->e);
		else
			bad_status(x);
		return;
	}
	if (x->a.status < 200 || x->a.status > 299) {
		bad_status(x);
		return;
	}
	if (wanted(x) && x->first && give(x, "", 0)) {
		if (x->a.permanent || x->e.code != ERR_RETRY)
			finish(x, &x->e);
		else
			again(x, 0, &x->e);
		return;
	}
	finish(x, NULL);
}

/* ---- the loop ---- */

/* Seconds until the bucket has a token; 0 takes one. */
static double
take_token(struct http *h, double now)
{
	const double rate = h->o.per_minute <= burst ? h->o.per_minute : h->o.per_minute - burst;

	if (h->o.per_minute <= 0)
		return 0;
	/* a full bucket and a minute's filling together are what the limit allows in a minute */
	h->tokens = fmin(fmin(burst, h->o.per_minute), h->tokens + (now - h->filled_s) * rate / 60);
	h->filled_s = now;
	if (h->tokens < 1)
		return (1 - h->tokens) * 60 / rate;
	h->tokens -= 1;
	return 0;
}

/* Start what may start; returns seconds until something else may. */
static double
start_waiting(struct http *h)
{
	double now = par_clock_s(), next = MAX_POLL_MS / 1000.0, wait;
	struct xfer *following;

	for (struct xfer *x = h->list; x && h->running < h->o.parallel; x = following) {
		following = x->next;
		if (x->running)
			continue;
		wait = fmax(h->pause_s, x->not_before_s) - now;
		if (wait <= 0 && !x->hops)
			wait = take_token(h, now);
		if (wait > 0) {
			next = fmin(next, wait);
			continue;
		}
		if (begin(x)) {
			finish(x, &x->e);
			return 0;       /* the list may be another now */
		}
	}
	return next;
}

int
http_step(struct http *h, double timeout_s, struct err *e)
{
	const double next = fmin(start_waiting(h), timeout_s);
	int still, left;
	CURLMcode mc;
	CURLMsg *m;

	if (!h->active)
		return 0;
	mc = curl_multi_perform(h->multi, &still);
	if (!mc && still == h->running && next > 0) {   /* nothing has ended */
		mc = curl_multi_poll(h->multi, NULL, 0, (int)ceil(1000 * next), NULL);
		if (!mc)
			mc = curl_multi_perform(h->multi, &still);
	}
	if (mc)
		return err_set(e, ERR_IO, "cannot wait for the network: %s", curl_multi_strerror(mc));
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		char *x = NULL;
		CURLcode c = m->data.result;

		if (m->msg == CURLMSG_DONE && !curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x))
			ended((struct xfer *)(void *)x, c);
	}
	return 0;
}

void
http_wake(struct http *h)
{
	curl_multi_wakeup(h->multi);
}

struct simple {
	long status;
	char *body;
	size_t len;
	struct err e;
	int over, bad;
};

static void
simple_done(void *ctx, const struct http_answer *a, const struct err *e)
{
	struct simple *s = ctx;

	s->over = 1;
	s->status = a->status;
	s->bad = e != NULL;
	if (e) {
		s->e = *e;
		return;
	}
	s->len = a->body_len;
	s->body = malloc(s->len + 1);
	if (!s->body) {
		s->bad = 1;
		err_set(&s->e, ERR_NOMEM, "out of memory");
		return;
	}
	if (s->len)
		memcpy(s->body, a->body, s->len);
	s->body[s->len] = '\0';
}

int
http_do(struct http *h, const char *url, const char *form, int flags, size_t max_bytes, long *status, char **body,
        size_t *len, struct err *e)
{
	struct simple s = { 0 };
	struct http_request r = { .url = url, .form = form, .flags = flags, .max_bytes = max_bytes, .done = simple_done,
		.ctx = &s };

	*body = NULL;
	if (http_add(h, &r, e))
		return -1;
	while (!s.over)
		if (http_step(h, 1, e))
			return -1;
	if (status)
		*status = s.status;
	if (s.bad) {
		if (e)
			*e = s.e;
		return -1;
	}
	*body = s.body;
	*len = s.len;
	return 0;
}
