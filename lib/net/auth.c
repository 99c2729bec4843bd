/* auth.c - the bearer token of a session. */
#include "net/auth.h"
#include "base/str.h"
#include "cli/jsonl.h"
#include "net/token.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EARLY_S = 60, MAX_ANSWER = 65536, DEFAULT_LIFE_S = 3600 };

struct auth {
	const struct service *v;
	struct http *h;
	struct token t;
	int loaded;
	char warning[512];
};

int
auth_new(struct auth **out, const struct service *v, const struct http_options *o, struct err *e)
{
	struct http_options mine = { .origin = v->origin, .ca_file = v->ca_file, .parallel = 1, .tries = 1,
		.stall_s = o->stall_s, .note = o->note, .note_ctx = o->note_ctx };
	struct auth *a = calloc(1, sizeof *a);

	*out = NULL;
	if (!a || http_new(&a->h, &mine, e)) {
		free(a);
		return a ? -1 : err_set(e, ERR_NOMEM, "out of memory");
	}
	a->v = v;
	*out = a;
	return 0;
}

void
auth_free(struct auth *a)
{
	if (!a)
		return;
	http_free(a->h);
	token_free(&a->t);
	free(a);
}

const char *
auth_warning(struct auth *a)
{
	return a->warning[0] ? a->warning : NULL;
}

json_t *
auth_post(struct auth *a, const char *path, const char *form, long *status, struct err *e)
{
	char *url = str_printf("%s%s", a->v->origin, path), *body = NULL;
	json_t *o = NULL;
	size_t len;

	if (!url)
		err_set(e, ERR_NOMEM, "out of memory");
	else if (!http_do(a->h, url, form, HTTP_ANY_STATUS, MAX_ANSWER, status, &body, &len, e)) {
		o = json_loadb(body, len, 0, NULL);
		if (!json_is_object(o)) {
			json_decref(o);
			o = json_object();
		}
		if (!o)
			err_set(e, ERR_NOMEM, "out of memory");
	}
	free(body);
	free(url);
	return o;
}

const char *
auth_refusal(const json_t *answer)
{
	const char *s = json_string_value(json_object_get(answer, "error"));

	s = s ? s : json_string_value(json_object_get(answer, "error_code"));
	return s ? s : "";
}

int
auth_keep(struct auth *a, struct token_file *f, const char *client_id, const json_t *answer, const char *refresh,
          struct err *e)
{
	const char *access = json_string_value(json_object_get(answer, "access_token"));
	const char *fresh = json_string_value(json_object_get(answer, "refresh_token"));
	const json_t *life = json_object_get(answer, "expires_in");
	const double life_s = json_is_number(life) ? json_number_value(life) : DEFAULT_LIFE_S;
	struct token t = { 0 };

	if (!access || !*access) {
		token_abandon(f);
		return err_set(e, ERR_DAMAGED, "the service answered the login without a token");
	}
	t.origin = str_printf("%s", a->v->origin);
	t.client_id = str_printf("%s", client_id);
	t.access = str_printf("%s", access);
	t.refresh = fresh || refresh ? str_printf("%s", fresh ? fresh : refresh) : NULL;
	t.expires_s = (long long)time(NULL) + (long long)(life_s > 0 && life_s < 1e9 ? life_s : DEFAULT_LIFE_S);
	if (!t.origin || !t.client_id || !t.access || ((fresh || refresh) && !t.refresh)) {
		token_abandon(f);
		token_free(&t);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (token_save(f, &t, e)) {
		token_free(&t);
		return -1;
	}
	token_free(&a->t);
	a->t = t;
	a->loaded = 1;
	return 0;
}

static int
load(struct auth *a, struct err *e)
{
	int r = token_load(&a->t, a->v->config_dir, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, ERR_AUTH, "not logged in; try: tone-fetch login");
	if (e->msg[0])
		memcpy(a->warning, e->msg, sizeof a->warning);
	if (strcmp(a->t.origin, a->v->origin) != 0)
		return err_set(e, ERR_AUTH, "the token is of '%s' and does not go to '%s'; log in there", a->t.origin,
		    a->v->origin);
	a->loaded = 1;
	return 0;
}

/* Good to send: not about to expire, and not the one that was just refused.  After a jump of the clock the service says. */
static int
usable(const struct auth *a, const char *rejected)
{
	return (!rejected || strcmp(a->t.access, rejected) != 0) && a->t.expires_s - EARLY_S > (long long)time(NULL);
}

/* Under the lock: the file as it is now, else a new pair. */
static int
renew(struct auth *a, const char *rejected, struct err *e)
{
	char *refresh = NULL, *client = NULL, *form = NULL;
	struct token_file f;
	json_t *o = NULL;
	long status = 0;
	struct err e2;
	int r = -1;

	if (load(a, e))
		return -1;
	if (usable(a, rejected))
		return 0;       /* another process was faster */
	if (!a->t.refresh)
		return err_set(e, ERR_AUTH, "the session has ended; log in again: tone-fetch login");
	refresh = http_escape(a->t.refresh);
	client = http_escape(a->t.client_id);
	form = refresh && client ? str_printf("grant_type=refresh_token&refresh_token=%s&client_id=%s", refresh, client) : NULL;
	if (!form)
		err_set(e, ERR_NOMEM, "out of memory");
	else if (!token_prepare(&f, a->v->config_dir, e)) {
		o = auth_post(a, "/api/v1/oauth/token", form, &status, e);
		if (o && status == 200) {
			r = auth_keep(a, &f, a->t.client_id, o, a->t.refresh, e);
		} else {
			token_abandon(&f);
			if (o && status != 400 && status != 401)
				err_set(e, ERR_RETRY, "the service cannot renew the token now (%ld); it is kept", status);
			else if (o) {
				/* where locks do not work, another may have renewed it meanwhile */
				char *old = a->t.refresh;

				a->t.refresh = NULL;
				r = load(a, &e2) || !a->t.refresh || !strcmp(old, a->t.refresh) ? -1 : 0;
				if (r)
					token_remove(a->v->config_dir, &e2);
				if (r)
					err_set(e, ERR_AUTH, "the session has ended (%.60s); log in again: tone-fetch login",
					    auth_refusal(o));
				free(old);
			}
		}
	}
	free(form);
	free(client);
	free(refresh);
	json_decref(o);
	return r;
}

int
auth_bearer(void *ctx, const char *rejected, const char **token, struct err *e)
{
	struct auth *a = ctx;
	int lock, r;

	*token = a->v->api_key;
	if (a->v->api_key)
		return rejected ? err_set(e, ERR_AUTH, "the service does not know the API key") : 0;
	if (!a->loaded && load(a, e))
		return -1;
	if (!usable(a, rejected)) {
		lock = token_lock(a->v->config_dir, e);
		if (lock < 0)
			return -1;
		r = renew(a, rejected, e);
		token_unlock(lock);
		if (r)
			return -1;
	}
	*token = a->t.access;
	return 0;
}
