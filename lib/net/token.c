/* token.c - the token file. */
#include "net/token.h"
#include "base/file.h"
#include "base/par.h"
#include "base/str.h"
#include "cli/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FILE = 65536, ROOM = 16384 };
static const double lock_wait_s = 60;

void
token_free(struct token *t)
{
	free(t->origin);
	free(t->client_id);
	free(t->access);
	free(t->refresh);
	memset(t, 0, sizeof *t);
}

static char *
copy(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? str_printf("%s", s) : NULL;
}

int
token_load(struct token *t, const char *dir, struct err *e)
{
	char *name = str_printf("%s/token.json", dir);
	json_t *o = NULL;
	struct stat st;
	int r = -1;

	token_free(t);
	e->msg[0] = '\0';
	if (!name) {
		err_set(e, ERR_NOMEM, "out of memory");
	} else if (stat(name, &st)) {
		r = errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "cannot read '%s'", name);
	} else if ((o = jl_load(name, MAX_FILE, e)) != NULL) {
		t->origin = copy(o, "origin");
		t->client_id = copy(o, "client_id");
		t->access = copy(o, "access_token");
		t->refresh = copy(o, "refresh_token");
		t->expires_s = json_integer_value(json_object_get(o, "expires_s"));
		r = t->origin && t->client_id && t->access ? 1 :
		    err_set(e, ERR_AUTH, "'%s' holds no token; log in again: tone-fetch login", name);
		if (r == 1 && (st.st_mode & 077) && !chmod(name, 0600))
			err_set(e, ERR_NONE, "others could read '%s'; it is private now, but a new login is safer", name);
	} else if (e->code == ERR_INPUT) {
		e->code = ERR_AUTH;
	}
	json_decref(o);
	free(name);
	return r;
}

static int
make_dir(const char *dir, struct err *e)
{
	char *parent = str_printf("%s", dir), *slash = parent ? strrchr(parent, '/') : NULL;
	int r = slash ? 0 : err_set(e, ERR_NOMEM, "out of memory");

	if (slash)
		*slash = '\0';
	if (!r && *parent)
		r = file_mkdirs(parent, e);
	if (!r && mkdir(dir, 0700) && errno != EEXIST)
		r = err_sys(e, "cannot create the directory '%s'", dir);
	free(parent);
	return r;
}

int
token_lock(const char *dir, struct err *e)
{
	const double end_s = par_clock_s() + lock_wait_s;
	char *name = str_printf("%s/token.lock", dir);
	const struct timespec nap = { 0, 20000000 };
	int fd = -1;

	if (!name)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (!make_dir(dir, e)) {
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			err_sys(e, "cannot open '%s'", name);
	}
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;          /* a file system without locks: the token that another has renewed is adopted all the same */
		if (par_clock_s() > end_s) {
			err_set(e, ERR_RETRY, "another process has held '%s' for %.0f s", name, lock_wait_s);
			close(fd);
			fd = -1;
			break;
		}
		nanosleep(&nap, NULL);
	}
	free(name);
	return fd;
}

void
token_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

static void
release(struct token_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->mask)
		sigprocmask(SIG_SETMASK, f->mask, NULL);
	free(f->mask);
	free(f->name);
	free(f->tmp);
	memset(f, 0, sizeof *f);
	f->fd = -1;
}

int
token_prepare(struct token_file *f, const char *dir, struct err *e)
{
	static const int hold[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	char zeros[ROOM] = { 0 };
	sigset_t set;

	memset(f, 0, sizeof *f);
	f->fd = -1;
	if (make_dir(dir, e))
		return -1;
	f->name = str_printf("%s/token.json", dir);
	f->tmp = str_printf("%s/token.json.%ld", dir, (long)getpid());
	f->mask = malloc(sizeof(sigset_t));
	if (!f->name || !f->tmp || !f->mask) {
		err_set(e, ERR_NOMEM, "out of memory");
		free(f->mask);
		f->mask = NULL;
		release(f);
		return -1;
	}
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof hold / sizeof *hold; i++)
		sigaddset(&set, hold[i]);
	sigprocmask(SIG_BLOCK, &set, f->mask);
	unlink(f->tmp);
	f->fd = open(f->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (f->fd < 0 || write(f->fd, zeros, sizeof zeros) != (ssize_t)sizeof zeros || fsync(f->fd)) {
		err_sys(e, "cannot write '%s'", f->tmp);
		token_abandon(f);
		return -1;
	}
	return 0;
}

void
token_abandon(struct token_file *f)
{
	if (f->fd >= 0)
		unlink(f->tmp);
	release(f);
}

int
token_save(struct token_file *f, const struct token *t, struct err *e)
{
	json_t *o = json_object();
	char *text;
	size_t n;

	jl_str(o, "origin", t->origin);
	jl_str(o, "client_id", t->client_id);
	jl_str(o, "access_token", t->access);
	jl_str(o, "refresh_token", t->refresh);
	jl_int(o, "expires_s", t->expires_s);
	text = jl_text(o);
	json_decref(o);
	n = text ? strlen(text) : 0;
	if (!text || n > ROOM) {
		err_set(e, text ? ERR_INPUT : ERR_NOMEM, text ? "the token is too long" : "out of memory");
	} else if (pwrite(f->fd, text, n, 0) != (ssize_t)n || ftruncate(f->fd, (off_t)n) || fsync(f->fd) ||
	    rename(f->tmp, f->name)) {
		err_sys(e, "cannot write '%s'", f->name);
	} else {
		close(f->fd);
		f->fd = -1;
		n = 0;
	}
	if (f->fd >= 0)
		unlink(f->tmp);
	free(text);
	release(f);
	return n ? -1 : 0;
}

int
token_remove(const char *dir, struct err *e)
{
	char *name = str_printf("%s/token.json", dir);
	int r = !name ? err_set(e, ERR_NOMEM, "out of memory") : !unlink(name) ? 1 : errno == ENOENT || errno == ENOTDIR ? 0 :
	    err_sys(e, "cannot remove '%s'", name);

	free(name);
	return r;
}
