/* auth.h - the bearer token of a session, renewed when it must be, among many processes.
 *
 * The pair of tokens rotates: renewing gives a new pair and kills the old.  So one process at a time renews, under the lock of
 * token.h, after it has read the file again: a pair that another process has just renewed is adopted.  The session ends, and its
 * file goes, only when the token endpoint answers 400 or 401 to a pair that is still the one in the file. */
#ifndef NET_AUTH_H
#define NET_AUTH_H
#include "base/err.h"
#include "net/http.h"
#include "net/service.h"
#include "net/token.h"
#include <jansson.h>

struct auth;

/* o: how to reach the token endpoint (its origin, ca_file, stall_s are used).  v is borrowed. */
int auth_new(struct auth **a, const struct service *v, const struct http_options *o, struct err *e);
void auth_free(struct auth *a);

/* http_options.bearer: ctx is the auth.  With an API key that, else the session's token; none is ERR_AUTH. */
int auth_bearer(void *ctx, const char *rejected, const char **token, struct err *e);

/* What token_load() had to warn of, once; NULL: nothing. */
const char *auth_warning(struct auth *a);

/* POST a form to the origin's path and read the JSON object of the answer, whatever the status.  What is no
 * JSON object gives an empty one.  NULL: *e. */
json_t *auth_post(struct auth *a, const char *path, const char *form, long *status, struct err *e);
/* The word of an answer that refuses ("invalid_grant"), of either shape the service has; "" for none. */
const char *auth_refusal(const json_t *answer);

/* Keep the pair of an answer {"access_token", "refresh_token", "expires_in"} as the session of client_id.  refresh: what to keep
 * when the answer has none. */
int auth_keep(struct auth *a, struct token_file *f, const char *client_id, const json_t *answer, const char *refresh,
              struct err *e);
#endif
