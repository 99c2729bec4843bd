/* http.c - many HTTPS requests at once to one service, politely and with limits. */
#include "net/http_impl.h"
#include "base/par.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_POLL_MS = 1000 };
static const double burst = 20;

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

void
http_stop(struct xfer *x)
{
	if (x->running) {
		curl_multi_remove_handle(x->h->multi, x->easy);
		x->running = 0;
		x->h->running--;
	}
	curl_slist_free_all(x->headers);
	x->headers = NULL;
}

void
http_xfer_free(struct xfer *x)
{
	if (!x)
		return;
	http_stop(x);
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
		http_xfer_free(x);
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
		http_xfer_free(x);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	while (*at)
		at = &(*at)->next;
	*at = x;
	h->active++;
	return 0;
}

const char *
http_shown(const char *url, char out[256])
{
	snprintf(out, 256, "%.*s", (int)strcspn(url, "?#"), url);
	return out;
}

void BASE_PRINTF(2, 3)
http_note(const struct http *h, const char *fmt, ...)
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
		if (http_begin(x)) {
			http_finish(x, &x->e);
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
			http_ended((struct xfer *)(void *)x, c);
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
