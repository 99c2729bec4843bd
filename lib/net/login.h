/* login.h - a person signs in: in a browser here, or with a code on another machine.
 *
 * Loopback (RFC 8252, RFC 7636): a browser is sent to the service and comes back to a port of this machine with a code, which is
 * exchanged for the pair of tokens together with a secret that never left this process.  Device (RFC 8628): a short code is
 * typed at the service on any machine, and asked for here until it was. */
#ifndef NET_LOGIN_H
#define NET_LOGIN_H
#include "base/err.h"
#include "net/auth.h"

struct login_options {
	double wait_s;           /* for the browser; the device flow waits as long as its code lives */
	int no_browser;          /* only say where to go */
	/* Tell the person what to do: the page to open, and the code to type there or NULL. */
	void (*tell)(void *ctx, const char *url, const char *code);
	void *ctx;
};

/* ERR_AUTH: not done, refused or too late.  ERR_INPUT: no client id. */
int login_loopback(struct auth *a, const struct service *v, const struct login_options *o, struct err *e);
int login_device(struct auth *a, const struct service *v, const struct login_options *o, struct err *e);
/* Forget the session here.  1: there was one, 0: none, -1: *e. */
int logout(const struct service *v, struct err *e);

/* RFC 7636: base64url(SHA256(verifier)) without padding; out: 44 bytes. */
void login_challenge(const char *verifier, char *out);
/* A key's value in "a=b&c=d", decoded, malloc'd; NULL: not there. */
char *login_query(const char *query, const char *key);
#endif
