/* session.c - all that a command needs to speak with the service. */
#include "net/session.h"

#include <stdlib.h>
#include <string.h>

int
session_check(const struct session_options *o, struct err *e)
{
	const char *base = getenv("TONE3000_BASE_URL");

	if (o->parallel < 1 || o->parallel > 32)
		return err_set(e, ERR_INPUT, "--parallel: %d is not within 1..32", o->parallel);
	if (o->per_minute < 0 || (o->per_minute > SESSION_MAX_PER_MINUTE && !(base && *base)))
		return err_set(e, ERR_INPUT, "--rate: %g is not within 1..%d: the service allows no more", o->per_minute,
		    SESSION_MAX_PER_MINUTE);
	if (o->tries < 1 || o->tries > 20)
		return err_set(e, ERR_INPUT, "--tries: %d is not within 1..20", o->tries);
	if (!(o->retry_wait_s >= 0) || !(o->max_wait_s >= 0) || !(o->timeout_s >= 1) || o->timeout_s > 3600)
		return err_set(e, ERR_INPUT, "--retry-wait and --max-wait are seconds from 0, --timeout from 1 to 3600");
	return 0;
}

int
session_open(struct session *s, const struct session_options *o, struct err *e)
{
	struct http_options h = { .per_minute = o->per_minute, .parallel = o->parallel, .tries = o->tries,
		.retry_wait_s = o->retry_wait_s, .max_wait_s = o->max_wait_s, .stall_s = o->timeout_s, .bearer = auth_bearer,
		.note = o->note };

	memset(s, 0, sizeof *s);
	if (store_open(&s->store, NULL, e))
		return -1;
	if (o->offline)
		return 0;
	if (service_read(&s->v, e) || auth_new(&s->auth, &s->v, &h, e))
		return -1;
	if (h.per_minute <= 0 && !s->v.stand_in)
		h.per_minute = SESSION_MAX_PER_MINUTE;
	h.origin = s->v.origin;
	h.ca_file = s->v.ca_file;
	h.bearer_ctx = s->auth;
	if (http_new(&s->http, &h, e))
		return -1;
	s->api.h = s->http;
	s->api.origin = s->v.origin;
	return 0;
}

void
session_close(struct session *s)
{
	http_free(s->http);
	auth_free(s->auth);
	service_free(&s->v);
	store_close(s->store);
	memset(s, 0, sizeof *s);
}

int
session_status(const struct err *e)
{
	switch (e->code) {
	case ERR_AUTH: return 4;
	case ERR_ABSENT: return 5;
	case ERR_REFUSED: return 6;
	case ERR_DAMAGED: return 7;
	case ERR_RETRY: return 75;
	default: return 1;
	}
}

int
session_worse(int a, int b)
{
	static const int order[] = { 0, 75, 5, 6, 7, 4, 1 };
	size_t ia = 0, ib = 0;

	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		ia = a == order[i] ? i : ia;
		ib = b == order[i] ? i : ib;
	}
	return ia > ib ? a : b;
}
