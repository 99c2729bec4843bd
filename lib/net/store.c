/* store.c - model files and IRs kept under their SHA-256. */
#include "net/store.h"
#include "net/store_impl.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/jsonl.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_RECORD = 1 << 20 };

int
store_open(struct store **out, const char *dir, struct err *e)
{
	const char *cache = getenv("MODEL_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct store *s = calloc(1, sizeof *s);
	char cwd[4096];

	*out = NULL;
	if (!dir && cache && *cache)
		dir = cache;
	if (s && dir && *dir != '/' && getcwd(cwd, sizeof cwd))
		s->dir = str_printf("%s/%s", cwd, dir);
	else if (s && dir)
		s->dir = str_printf("%s", dir);
	else if (s && xdg && *xdg == '/')
		s->dir = str_printf("%s/tone-fetch", xdg);
	else if (s && home && *home == '/')
		s->dir = str_printf("%s/.cache/tone-fetch", home);
	else if (s) {
		free(s);
		return err_set(e, ERR_INPUT, "no place for the store: set MODEL_CACHE_DIR or HOME");
	}
	if (!s || !s->dir || gethostname(s->host, sizeof s->host - 1)) {
		store_close(s);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	for (char *p = s->host; *p; p++)
		*p = isalnum((unsigned char)*p) ? *p : '-';
	*out = s;
	return 0;
}

void
store_close(struct store *s)
{
	if (s)
		free(s->dir);
	free(s);
}

const char *
store_dir(const struct store *s)
{
	return s->dir;
}

int
store_is_id(const char *text)
{
	const size_t n = strspn(text, "0123456789");

	return n > 0 && n <= 18 && !text[n];
}

int
store_parse_name(const char *text, char *tone, char *model)
{
	const char *slash;

	if (!strncmp(text, "tone3000:", 9))
		text += 9;
	slash = strchr(text, '/');
	if (!slash || slash - text >= STORE_ID_MAX || strlen(slash + 1) >= STORE_ID_MAX)
		return -1;
	memcpy(tone, text, (size_t)(slash - text));
	tone[slash - text] = '\0';
	strcpy(model, slash + 1);
	return store_is_id(tone) && store_is_id(model) ? 0 : -1;
}

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int
is_hash(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static int
is_ext(const char *s)
{
	const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789");

	return n > 0 && n < 12 && !s[n];
}

json_t *
store_record(const struct store *s, const char *tone, const char *model)
{
	char *name = store_is_id(model) ? str_printf("%s/models/%s.json", s->dir, model) : NULL;
	char *text = NULL;
	json_t *o = NULL;
	size_t len;

	/* names come from the service, a NUL in one as well */
	if (name && !file_read(name, MAX_RECORD, &text, &len, NULL))
		o = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	free(text);
	free(name);
	/* a damaged record is one that is not there: what it said can be asked again */
	if (o && (strcmp(text_of(o, "schema"), "tone-file/1") != 0 || strcmp(text_of(o, "model_id"), model) != 0 ||
	    (tone && strcmp(text_of(o, "tone_id"), tone) != 0) || !is_hash(text_of(o, "sha256")) || !is_ext(text_of(o, "ext")))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

char *
store_path(const struct store *s, const json_t *record)
{
	const char *hash = text_of(record, "sha256"), *ext = text_of(record, "ext");

	return is_hash(hash) && is_ext(ext) ? str_printf("%s/objects/%.2s/%s.%s", s->dir, hash, hash, ext) : NULL;
}

int
store_check(const struct store *s, const json_t *record, struct err *e)
{
	char *path = store_path(s, record), hex[65];
	struct stat st;
	int r = -1;

	if (!path)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (lstat(path, &st) || !S_ISREG(st.st_mode))
		err_set(e, ERR_DAMAGED, "'%s' is gone from the store", path);
	else if (!sha256_file(path, hex, e))
		r = !strcmp(hex, text_of(record, "sha256")) ? 0 :
		    err_set(e, ERR_DAMAGED, "'%s' is not what was put there: its SHA-256 is another", path);
	free(path);
	return r;
}

int
store_use(const struct store *s, const json_t *record, struct err *e)
{
	struct err mine;
	int r = store_check(s, record, &mine);
	char *path = store_path(s, record);

	if (path && !r)
		utimensat(AT_FDCWD, path, NULL, 0);     /* a store that is read-only keeps the old time */
	else if (path && mine.code == ERR_DAMAGED)
		unlink(path);
	free(path);
	if (r && e)
		*e = mine;
	return r;
}

json_t *
store_get(const struct store *s, const char *tone, const char *model, char **path, struct err *e)
{
	json_t *o = store_record(s, tone, model);

	*path = NULL;
	if (!o) {
		err_set(e, ERR_ABSENT, "model %s of tone %s is not in the store '%s'", model, tone ? tone : "(any)", s->dir);
		return NULL;
	}
	if (!store_use(s, o, e) && !(*path = store_path(s, o)))
		err_set(e, ERR_NOMEM, "out of memory");
	if (*path)
		return o;
	json_decref(o);
	return NULL;
}

/* ---- writing ---- */

int
store_mkdir(const struct store *s, const char *sub, struct err *e)
{
	char *path = str_printf("%s/%s", s->dir, sub);
	int r = !path ? err_set(e, ERR_NOMEM, "out of memory") : access(path, W_OK) ? file_mkdirs(path, e) : 0;

	if (r)
		err_prefix(e, "the store: ");
	free(path);
	return r;
}

/* KEY.HOST.PID.RANDOM: who writes it can be asked whether he still lives, on that machine. */
char *
store_partial(const struct store *s, const char *key, int *fd, struct err *e)
{
	unsigned r = 0;
	char *name;

	*fd = -1;
	if (store_mkdir(s, "partial", e))
		return NULL;
	for (int i = 0; i < 16 && *fd < 0; i++) {
		if (getrandom(&r, sizeof r, 0) != sizeof r)
			r = (unsigned)time(NULL) + (unsigned)i;
		name = str_printf("%s/partial/%s.%s.%ld.%08x", s->dir, key, s->host, (long)getpid(), r);
		if (!name) {
			err_set(e, ERR_NOMEM, "out of memory");
			return NULL;
		}
		*fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (*fd >= 0)
			return name;
		if (errno != EEXIST) {
			err_sys(e, "cannot create '%s'", name);
			free(name);
			return NULL;
		}
		free(name);
	}
	err_set(e, ERR_IO, "no free name in '%s/partial'", s->dir);
	return NULL;
}

/* Whether the process of a partial file is surely gone. */
static int
is_orphan(const struct store *s, const char *name)
{
	const char *host = strchr(name, '.'), *pid = host ? strchr(host + 1, '.') : NULL;
	long n = pid ? strtol(pid + 1, NULL, 10) : 0;

	return n > 1 && (size_t)(pid - host - 1) == strlen(s->host) && !strncmp(host + 1, s->host, strlen(s->host)) &&
	    kill((pid_t)n, 0) && errno == ESRCH;
}

char *
store_left_over(const struct store *s, const char *key)
{
	char *dir = str_printf("%s/partial", s->dir), *found = NULL;
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *de;

	while (d && !found && (de = readdir(d)) != NULL)
		if (!strncmp(de->d_name, key, strlen(key)) && de->d_name[strlen(key)] == '.' && !strstr(de->d_name, ".etag") &&
		    is_orphan(s, de->d_name))
			found = str_printf("%s/%s", dir, de->d_name);
	if (d)
		closedir(d);
	free(dir);
	return found;
}

/* Text to a file that appears when it is whole. */
static int
put_text(const struct store *s, const char *to, const char *key, const char *text, struct err *e)
{
	int fd, bad;
	char *tmp = store_partial(s, key, &fd, e);

	if (!tmp)
		return -1;
	bad = write(fd, text, strlen(text)) != (ssize_t)strlen(text);
	bad |= close(fd);
	if (bad || rename(tmp, to)) {
		err_sys(e, "cannot write '%s'", to);
		unlink(tmp);
		bad = 1;
	}
	free(tmp);
	return bad ? -1 : 0;
}

int
store_put(const struct store *s, const char *tmp, json_t *record, struct err *e)
{
	const char *model = text_of(record, "model_id");
	char sub[16], *path = store_path(s, record), *name = str_printf("%s/models/%s.json", s->dir, model);
	char *text = NULL, *line = NULL;
	int r = -1;

	if (!path || !name || !store_is_id(model)) {
		err_set(e, ERR_INPUT, "a record without a model or a hash");
		goto out;
	}
	snprintf(sub, sizeof sub, "objects/%.2s", text_of(record, "sha256"));
	if (store_mkdir(s, sub, e) || store_mkdir(s, "models", e))
		goto out;
	/* the object first: a record always has one, but for damage */
	if (chmod(tmp, 0444) || rename(tmp, path)) {
		err_sys(e, "cannot name '%s'", path);
		goto out;
	}
	text = jl_text(record);
	line = text ? str_printf("%s\n", text) : NULL;
	r = line ? put_text(s, name, model, line, e) : err_set(e, ERR_NOMEM, "out of memory");
out:
	if (r)
		unlink(tmp);
	free(text);
	free(line);
	free(path);
	free(name);
	return r;
}

int
store_root(const struct store *s, const char *link, struct err *e)
{
	char hex[65], *path, *tmp;
	int r;

	sha256_bytes(link, strlen(link), hex);
	path = str_printf("%s/roots/%.32s", s->dir, hex);
	tmp = str_printf("%s/roots/%.32s.%s.%ld", s->dir, hex, s->host, (long)getpid());
	r = !path || !tmp ? err_set(e, ERR_NOMEM, "out of memory") : store_mkdir(s, "roots", e);
	if (!r) {
		unlink(tmp);
		if (symlink(link, tmp) || rename(tmp, path))
			r = err_sys(e, "cannot create '%s'", path);
	}
	free(path);
	free(tmp);
	return r;
}

int
store_each(const struct store *s, int (*fn)(void *ctx, json_t *record, struct err *e), void *ctx, struct err *e)
{
	char *dir = str_printf("%s/models", s->dir), id[STORE_ID_MAX];
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *de;
	int r = 0;

	if (!d && dir && errno != ENOENT)
		r = err_sys(e, "cannot read '%s'", dir);
	while (d && !r && (de = readdir(d)) != NULL) {
		const char *dot = strchr(de->d_name, '.');
		json_t *o;

		if (!dot || strcmp(dot, ".json") != 0 || dot - de->d_name >= STORE_ID_MAX)
			continue;
		memcpy(id, de->d_name, (size_t)(dot - de->d_name));
		id[dot - de->d_name] = '\0';
		o = store_record(s, NULL, id);
		if (o)
			r = fn(ctx, o, e);
		json_decref(o);
	}
	if (d)
		closedir(d);
	free(dir);
	return r;
}
