/* service.c - where the service is, and the keys for it. */
#include "net/service.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_KEY = 512 };

static const char *
env(const char *name)
{
	const char *s = getenv(name);

	return s && *s ? s : NULL;
}

/* https://HOST[:PORT] of this machine, nothing behind it. */
static int
is_loopback(const char *url)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]" };

	if (strncmp(url, "https://", 8) != 0)
		return 0;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		const size_t n = strlen(hosts[i]);
		const char *rest = url + 8 + n;

		if (strncmp(url + 8, hosts[i], n) != 0)
			continue;
		if (!*rest || (*rest == ':' && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1)))
			return 1;
	}
	return 0;
}

static int
read_key(const struct service *v, const char *variable, const char *file, const char *prefix, int secret, char **key,
         struct err *e)
{
	const char *s = env(variable), *from = s ? variable : file;
	char *name = str_printf("%s/%s", v->config_dir, file), *text = NULL;
	struct stat st;
	size_t len, n;
	int r = -1;

	if (!name) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (!s) {
		if (stat(name, &st)) {
			r = errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "cannot read '%s'", name);
			goto out;
		}
		if (secret && (st.st_mode & 077)) {
			err_set(e, ERR_INPUT, "others may read '%s': make it private with chmod 600, and a new key at the service", name);
			goto out;
		}
		if (file_read(name, MAX_KEY, &text, &len, e))
			goto out;
		s = text;
	}
	n = strcspn(s, " \t\r\n");
	if (n <= strlen(prefix) || strncmp(s, prefix, strlen(prefix)) != 0 || s[n + strspn(s + n, " \t\r\n")] ||
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") < n) {
		err_set(e, ERR_INPUT, "%s holds no key that begins with %s", from, prefix);
		goto out;
	}
	*key = str_printf("%.*s", (int)n, s);
	r = *key ? 0 : err_set(e, ERR_NOMEM, "out of memory");
out:
	free(text);
	free(name);
	return r;
}

int
service_read(struct service *v, struct err *e)
{
	const char *base = env("TONE3000_BASE_URL"), *ca = env("TONE3000_CA_FILE"), *xdg = env("XDG_CONFIG_HOME"),
	    *home = env("HOME");

	memset(v, 0, sizeof *v);
	if (base && !is_loopback(base))
		return err_set(e, ERR_INPUT, "TONE3000_BASE_URL is for tests: https://127.0.0.1[:PORT] or another loopback address, "
		    "nothing behind it");
	v->stand_in = base != NULL;
	v->origin = str_printf("%s", base ? base : "https://www.tone3000.com");
	v->ca_file = ca ? str_printf("%s", ca) : NULL;
	if (xdg && *xdg == '/')
		v->config_dir = str_printf("%s/tone-fetch", xdg);
	else if (home && *home == '/')
		v->config_dir = str_printf("%s/.config/tone-fetch", home);
	else
		return err_set(e, ERR_INPUT, "no place for the token: set HOME or XDG_CONFIG_HOME");
	if (!v->origin || !v->config_dir || (ca && !v->ca_file))
		return err_set(e, ERR_NOMEM, "out of memory");
	return read_key(v, "TONE3000_CLIENT_ID", "client-id", "t3k_pub_", 0, &v->client_id, e) ||
	    read_key(v, "TONE3000_API_KEY", "api-key", "t3k_cs_", 1, &v->api_key, e) ? -1 : 0;
}

void
service_free(struct service *v)
{
	free(v->origin);
	free(v->ca_file);
	free(v->config_dir);
	free(v->client_id);
	free(v->api_key);
	memset(v, 0, sizeof *v);
}
