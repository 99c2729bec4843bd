/* session.h - all that a command needs to speak with the service: where it is, the token, connections, the store. */
#ifndef NET_SESSION_H
#define NET_SESSION_H
#include "base/err.h"
#include "net/api.h"
#include "net/auth.h"
#include "net/http.h"
#include "net/service.h"
#include "net/store.h"

struct session_options {
	double per_minute;       /* 0: what the service allows; no limit with a stand-in */
	double retry_wait_s, max_wait_s, timeout_s;
	int tries, parallel;
	int offline;             /* the store alone */
	void (*note)(void *ctx, const char *text);
};

struct session {
	struct service v;
	struct auth *auth;
	struct http *http;
	struct api api;
	struct store *store;
};

enum { SESSION_MAX_PER_MINUTE = 100 };

/* What is wrong with the options, as a sentence that begins with the option; 0 when nothing is. */
int session_check(const struct session_options *o, struct err *e);
int session_open(struct session *s, const struct session_options *o, struct err *e);
void session_close(struct session *s); /* also after a failed open */

/* The exit status for an error (tone-fetch(1)): 4 login, 5 not found, 6 refused, 7 damaged, 75 later, else 1. */
int session_status(const struct err *e);
/* Of two statuses the one that needs more of the user. */
int session_worse(int a, int b);
#endif
