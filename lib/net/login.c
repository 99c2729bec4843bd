/* login.c - a person signs in. */
#include "net/login.h"
#include "base/par.h"
#include "base/proc.h"
#include "base/sha256.h"
#include "base/str.h"
#include "net/token.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_HEAD = 16384, HEAD_WAIT_MS = 2000 };

/* base64url without padding, RFC 4648 */
static void
base64url(const unsigned char *in, size_t n, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned long v = 0;
	int bits = 0;

	for (size_t i = 0; i < n; i++) {
		v = v << 8 | in[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*out++ = digits[v >> (bits - 6) & 63];
	}
	if (bits)
		*out++ = digits[v << (6 - bits) & 63];
	*out = '\0';
}

static int
random_word(char out[44], struct err *e)
{
	unsigned char bytes[32];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return err_sys(e, "the system has no random numbers");
	base64url(bytes, sizeof bytes, out);
	return 0;
}

void
login_challenge(const char *verifier, char *out)
{
	unsigned char bytes[32];
	char hex[65];

	sha256_bytes(verifier, strlen(verifier), hex);
	for (size_t i = 0; i < sizeof bytes; i++) {
		const char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		bytes[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	base64url(bytes, sizeof bytes, out);
}

char *
login_query(const char *query, const char *key)
{
	const size_t n = strlen(key);
	struct str b = { 0 };

	for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&') {
		if (strncmp(p, key, n) != 0 || p[n] != '=')
			continue;
		str_addn(&b, "", 0);
		for (p += n + 1; *p && *p != '&'; p++) {
			char c = *p == '+' ? ' ' : *p;

			if (*p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
				const char two[3] = { p[1], p[2], '\0' };

				c = (char)strtoul(two, NULL, 16);
				p += 2;
			}
			if (c)
				str_addn(&b, &c, 1);
		}
		break;
	}
	if (b.failed)
		str_free(&b);
	return b.s;
}

/* The form for the token endpoint: alternating keys and values, ends with NULL. */
static char *
make_form(const char *const *words)
{
	struct str b = { 0 };

	for (size_t i = 0; words[i]; i += 2) {
		char *value = http_escape(words[i + 1]);

		if (!value)
			b.failed = 1;
		else
			str_addf(&b, "%s%s=%s", i ? "&" : "", words[i], value);
		free(value);
	}
	if (b.failed)
		str_free(&b);
	return b.s;
}

static int
has_client(const struct service *v, struct err *e)
{
	return v->client_id ? 0 : err_set(e, ERR_INPUT, "no client id: make a publishable key at the service (Settings, API "
	    "Keys) and put it into TONE3000_CLIENT_ID or '%s/client-id'", v->config_dir);
}

/* Exchange what words say for a pair of tokens and keep it.  *answer: what the service said instead, when it refused. */
static int
exchange(struct auth *a, const struct service *v, const char *const *words, long *status, json_t **answer, struct err *e)
{
	char *form = make_form(words);
	struct token_file f;
	json_t *o = NULL;
	int r = -1, lock = -1;

	*answer = NULL;
	if (!form)
		return err_set(e, ERR_NOMEM, "out of memory");
	lock = token_lock(v->config_dir, e);
	if (lock >= 0 && !token_prepare(&f, v->config_dir, e)) {
		o = auth_post(a, "/api/v1/oauth/token", form, status, e);
		if (o && *status == 200) {
			r = auth_keep(a, &f, v->client_id, o, NULL, e);
		} else {
			token_abandon(&f);
			*answer = json_incref(o);
		}
	}
	token_unlock(lock);
	json_decref(o);
	free(form);
	return r;
}

/* ---- loopback ---- */

static int
listen_here(int *port, struct err *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)&at, &len)) {
		err_sys(e, "cannot listen on 127.0.0.1");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(at.sin_port);
	return fd;
}

static void
open_browser(const char *url)
{
	const char *env = getenv("BROWSER");
	char *browser = str_printf("%.*s", env && *env ? (int)strcspn(env, ":") : 8, env && *env ? env : "xdg-open");
	/* it may stay in the foreground: nobody waits for it */
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "\"$0\" \"$1\" >/dev/null 2>&1 &" }, browser,
		(char *)url, NULL };
	struct proc p;
	struct err e;

	if (browser && !proc_start(&p, argv, 0, &e))
		proc_wait(&p, &e);
	free(browser);
}

/* The request line's target of one connection, malloc'd; NULL: nothing that is a GET. */
static char *
read_target(int fd)
{
	char head[MAX_HEAD + 1];
	size_t n = 0;
	const double end_s = par_clock_s() + HEAD_WAIT_MS / 1000.0;

	for (;;) {
		const int left_ms = (int)(1000 * (end_s - par_clock_s()));
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t got;

		if (n == MAX_HEAD || left_ms <= 0 || poll(&p, 1, left_ms) <= 0)
			return NULL;
		got = recv(fd, head + n, MAX_HEAD - n, 0);
		if (got <= 0)
			return NULL;
		n += (size_t)got;
		head[n] = '\0';
		if (strstr(head, "\r\n\r\n"))
			break;
	}
	if (strncmp(head, "GET /", 5) != 0)
		return NULL;
	return str_printf("%.*s", (int)strcspn(head + 4, " \r\n"), head + 4);
}

static void
reply(int fd, int status, const char *text)
{
	char *page = str_printf("HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
	    "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n<!DOCTYPE html><title>tone-fetch</title><p>%s\n",
	    status, status == 200 ? "OK" : "Not here", text);
	char rest[1024];
	size_t n = page ? strlen(page) : 0;

	for (size_t at = 0; at < n;) {
		ssize_t w = send(fd, page + at, n - at, MSG_NOSIGNAL);

		if (w <= 0)
			break;
		at += (size_t)w;
	}
	free(page);
	shutdown(fd, SHUT_WR);
	(void)!recv(fd, rest, sizeof rest, MSG_DONTWAIT);
}

/* Serve one connection.  1: it is the callback, with *code (or NULL and *e); 0: something else. */
static int
serve(int fd, const char *state, char **code, struct err *e)
{
	char *target = read_target(fd), *query = target ? strchr(target, '?') : NULL, *got, *error, *canceled;
	int mine = 0;

	*code = NULL;
	if (!target)
		return 0;
	if (strncmp(target, "/callback?", 10) != 0) {
		reply(fd, 404, "There is nothing here.");
		free(target);
		return 0;
	}
	got = login_query(++query, "state");
	error = login_query(query, "error");
	canceled = login_query(query, "canceled");
	if (!got || strcmp(got, state) != 0) {
		reply(fd, 400, "This is not the login that was begun here.");
	} else {
		mine = 1;
		*code = error ? NULL : login_query(query, "code");
		if (*code && !**code) {
			free(*code);
			*code = NULL;
		}
		if (!*code)
			err_set(e, ERR_AUTH, "the login was %s%.60s", error ? "refused: " : canceled ? "canceled" : "answered without a code",
			    error ? error : "");
		if (!*code)
			reply(fd, 200, "Not logged in. You can close this window.");
	}
	free(got);
	free(error);
	free(canceled);
	free(target);
	return mine;
}

/* Wait for the browser to come back, exchange the code. */
static int
await_callback(struct auth *a, const struct service *v, int fd, const char *state, const char *verifier,
               const char *redirect, double wait_s, struct err *e)
{
	const double end_s = par_clock_s() + wait_s;
	int r = -1, over = 0;
	char *code = NULL;

	while (!over) {
		const double left_s = end_s - par_clock_s();
		struct pollfd p = { fd, POLLIN, 0 };
		json_t *answer = NULL;
		long status = 0;
		int c;

		if (left_s <= 0)
			return err_set(e, ERR_AUTH, "nobody has logged in within %.0f s", wait_s);
		if (poll(&p, 1, (int)(1000 * fmin(left_s, 60))) <= 0)
			continue;
		c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c < 0)
			continue;
		over = serve(c, state, &code, e);
		if (code) {
			const char *words[] = { "grant_type", "authorization_code", "code", code, "code_verifier", verifier,
				"redirect_uri", redirect, "client_id", v->client_id, NULL };

			r = exchange(a, v, words, &status, &answer, e);
			if (answer)
				err_set(e, status >= 500 ? ERR_RETRY : ERR_AUTH, "the service refuses the login (%ld %.60s)", status,
				    auth_refusal(answer));
			reply(c, 200, r ? "Not logged in. You can close this window." : "Logged in. You can close this window.");
			json_decref(answer);
		}
		free(code);
		code = NULL;
		close(c);
	}
	return r;
}

int
login_loopback(struct auth *a, const struct service *v, const struct login_options *o, struct err *e)
{
	char state[44], verifier[44], challenge[44], *redirect = NULL, *escaped = NULL, *url = NULL;
	int port = 0, fd, r = -1;

	if (has_client(v, e) || random_word(state, e) || random_word(verifier, e))
		return -1;
	login_challenge(verifier, challenge);
	fd = listen_here(&port, e);
	if (fd < 0)
		return -1;
	redirect = str_printf("http://127.0.0.1:%d/callback", port);
	escaped = redirect ? http_escape(redirect) : NULL;
	url = escaped ? str_printf("%s/api/v1/oauth/authorize?client_id=%s&redirect_uri=%s&response_type=code&code_challenge=%s"
	    "&code_challenge_method=S256&state=%s", v->origin, v->client_id, escaped, challenge, state) : NULL;
	if (!url) {
		err_set(e, ERR_NOMEM, "out of memory");
	} else {
		o->tell(o->ctx, url, NULL);
		if (!o->no_browser)
			open_browser(url);
		r = await_callback(a, v, fd, state, verifier, redirect, o->wait_s, e);
	}
	close(fd);
	free(redirect);
	free(escaped);
	free(url);
	return r;
}

/* ---- device ---- */

static double
seconds(const json_t *o, const char *key, double fallback, double most)
{
	const json_t *v = json_object_get(o, key);
	const double s = json_is_number(v) ? json_number_value(v) : fallback;

	return s >= 0 && s <= most ? s : fallback;
}

static void
sleep_s(double s)
{
	struct timespec t = { (time_t)s, (long)((s - floor(s)) * 1e9) };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* Ask until the code was typed. */
static int
poll_device(struct auth *a, const struct service *v, const json_t *begun, struct err *e)
{
	const char *device = json_string_value(json_object_get(begun, "device_code"));
	const char *words[] = { "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", device,
		"client_id", v->client_id, NULL };
	double every_s = seconds(begun, "interval", 5, 600);
	const double end_s = par_clock_s() + seconds(begun, "expires_in", 600, 86400);

	every_s = fmax(every_s, 0.1);
	while (par_clock_s() < end_s) {
		json_t *answer;
		long status = 0;
		char word[64];
		int r;

		sleep_s(every_s);
		r = exchange(a, v, words, &status, &answer, e);
		if (!r)
			return 0;
		/* without an answer or with one of a broken service: later */
		snprintf(word, sizeof word, "%s", answer && status < 500 ? auth_refusal(answer) : answer ? "authorization_pending" : "");
		if (!answer && e->code != ERR_RETRY)
			return -1;
		json_decref(answer);
		if (!strcmp(word, "slow_down"))
			every_s += 5;
		else if (!strcmp(word, "access_denied"))
			return err_set(e, ERR_AUTH, "the login was refused");
		else if (*word && strcmp(word, "authorization_pending") != 0)
			return err_set(e, ERR_AUTH, "the code was not typed in time, or not taken (%s)", word);
	}
	return err_set(e, ERR_AUTH, "the code was not typed in time");
}

int
login_device(struct auth *a, const struct service *v, const struct login_options *o, struct err *e)
{
	const char *words[] = { "client_id", v->client_id, NULL }, *url, *code;
	char *form;
	json_t *begun;
	long status = 0;
	int r = -1;

	if (has_client(v, e))
		return -1;
	form = make_form(words);
	begun = form ? auth_post(a, "/api/v1/oauth/device_authorization", form, &status, e) : NULL;
	if (!form)
		err_set(e, ERR_NOMEM, "out of memory");
	free(form);
	if (!begun)
		return -1;
	url = json_string_value(json_object_get(begun, "verification_uri_complete"));
	url = url ? url : json_string_value(json_object_get(begun, "verification_uri"));
	code = json_string_value(json_object_get(begun, "user_code"));
	if (status != 200)
		err_set(e, status == 429 || status >= 500 ? ERR_RETRY : ERR_AUTH, "the service does not begin a login (%ld %.60s)", status,
		    auth_refusal(begun));
	else if (!url || !code || !json_is_string(json_object_get(begun, "device_code")))
		err_set(e, ERR_DAMAGED, "the service answered the login without a code");
	else {
		o->tell(o->ctx, url, code);
		r = poll_device(a, v, begun, e);
	}
	json_decref(begun);
	return r;
}

int
logout(const struct service *v, struct err *e)
{
	int lock = token_lock(v->config_dir, e), r;

	if (lock < 0)
		return -1;
	r = token_remove(v->config_dir, e);
	token_unlock(lock);
	return r;
}
