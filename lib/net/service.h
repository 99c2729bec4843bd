/* service.h - where the service is, and the keys for it. */
#ifndef NET_SERVICE_H
#define NET_SERVICE_H
#include "base/err.h"

struct service {
	char *origin;     /* "https://www.tone3000.com" */
	int stand_in;     /* it is another: a test's, on this machine */
	char *ca_file;    /* or NULL: the system's */
	char *config_dir; /* of the token and the keys */
	char *client_id;  /* publishable key, t3k_pub_...; or NULL */
	char *api_key;    /* secret key, t3k_cs_...; or NULL */
};

/* Read the environment and the key files.
 * TONE3000_CLIENT_ID, else the file client-id in the configuration folder; TONE3000_API_KEY, else the file api-key there, which must
 * be readable by its owner only.  A key of one kind in the place of the other is refused: the secret one would be sent where
 * it does not belong.
 * TONE3000_BASE_URL names another service, for tests: https on a loopback address (localhost, 127.0.0.1, [::1]) and nothing
 * else, so that no setting sends a key to another machine.  TONE3000_CA_FILE: the certificates to trust.
 * The configuration folder is XDG_CONFIG_HOME/tone-fetch or ~/.config/tone-fetch. */
int service_read(struct service *v, struct err *e);
void service_free(struct service *v);
#endif
