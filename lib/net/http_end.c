/* http_end.c - what follows from a try: another one later, another hop, a new token, or the end. */
#include "net/http_impl.h"
#include "base/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { MAX_HOPS = 5 };

void
http_finish(struct xfer *x, const struct err *e)
{
	struct xfer **at = &x->h->list;

	http_stop(x);
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	x->h->active--;
	x->a.body = x->body.s;
	x->a.body_len = x->body.len;
	if (x->r.done)
		x->r.done(x->r.ctx, &x->a, e);
	http_xfer_free(x);
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
		http_finish(x, e);
		return;
	}
	if (asked_s > h->o.max_wait_s) {
		err_set(&late, ERR_RETRY, "%.400s; it asks to wait %.0f s", e->msg, asked_s);
		http_finish(x, &late);
		return;
	}
	if (getrandom(&noise, sizeof noise, GRND_NONBLOCK) < 0)
		noise = 0;
	wait = fmin(wait, h->o.max_wait_s) * (1 - 0.5 * noise / 4294967296.0);
	/* what the service asks for is the least; the noise keeps its clients from coming back all at once */
	wait = asked_s > 0 ? asked_s + fmin(1, wait) * 0.25 : wait;
	http_note(h, "%s: %.200s; try %d of %d in %.1f s", http_shown(x->at, url), e->msg, x->tries + 1, h->o.tries, wait);
	http_stop(x);
	x->not_before_s = par_clock_s() + wait;
	if (x->a.status == 429)
		h->pause_s = fmax(h->pause_s, x->not_before_s);
	x->hops = 0;
	free(x->at);
	x->at = str_printf("%s", x->url);
	if (!x->at)
		http_finish(x, e);
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
		err_set(&e, ERR_DAMAGED, "'%s' redirects %s", http_shown(x->at, url), x->form ? "a form, which is not followed" :
		    !to ? "to nowhere" : x->hops > MAX_HOPS ? "too often" : "to an address that is not https: not followed");
		http_finish(x, &e);
		return;
	}
	to = str_printf("%s", to);
	http_stop(x);
	if (!to) {
		err_set(&e, ERR_NOMEM, "out of memory");
		http_finish(x, &e);
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

	http_shown(x->at, url);
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
	http_finish(x, &e);
}

void
http_ended(struct xfer *x, CURLcode c)
{
	const char *unused;
	char url[256];
	struct err e;

	http_read_headers(x);
	http_shown(x->at, url);
	if (x->bad) {
		if (x->a.permanent || x->e.code != ERR_RETRY)
			http_finish(x, &x->e);
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
			http_finish(x, &e);
		return;
	}
	if (x->a.status >= 301 && x->a.status <= 308 && x->a.status != 304 && x->a.status != 305 && x->a.status != 306) {
		redirect(x);
		return;
	}
	if (x->a.status == 401 && x->token && !x->renewed && x->h->o.bearer && !(x->r.flags & HTTP_ANY_STATUS)) {
		x->renewed = 1;
		http_stop(x);
		x->tries--;
		if (x->h->o.bearer(x->h->o.bearer_ctx, x->token, &unused, &e))
			http_finish(x, &e);
		return;
	}
	if (x->r.flags & HTTP_ANY_STATUS) {
		http_finish(x, NULL);
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
	if (http_wanted(x) && x->first && http_give(x, "", 0)) {
		if (x->a.permanent || x->e.code != ERR_RETRY)
			http_finish(x, &x->e);
		else
			again(x, 0, &x->e);
		return;
	}
	http_finish(x, NULL);
}
