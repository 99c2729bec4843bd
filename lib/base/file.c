/* file.c - whole files in, atomic files out. */
#include "base/file.h"
#include "base/str.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names of open temporary files, so that a signal handler can remove them.  A slot holds a
 * malloc'd string that is only freed after the slot was cleared. */
static _Atomic(char *) temps[1024];

static void
temp_add(char *name)
{
	for (size_t i = 0; i < sizeof temps / sizeof *temps; i++) {
		char *none = NULL;

		if (atomic_compare_exchange_strong(&temps[i], &none, name))
			return;
	}
	/* more than that at once: those only lose the clean-up on a signal */
}

static void
temp_drop(const char *name)
{
	for (size_t i = 0; i < sizeof temps / sizeof *temps; i++)
		if (atomic_load(&temps[i]) == name)
			atomic_store(&temps[i], NULL);
}

void
file_remove_temps(void)
{
	for (size_t i = 0; i < sizeof temps / sizeof *temps; i++) {
		const char *name = atomic_load(&temps[i]);

		if (name)
			unlink(name);
	}
}

int
file_read(const char *name, size_t max, char **data, size_t *len, struct err *e)
{
	int is_stdin = !strcmp(name, "-");
	int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct str b = { 0 };
	char buf[65536];
	ssize_t n;

	*data = NULL;
	*len = 0;
	if (fd < 0)
		return err_sys(e, "cannot open '%s'", name);
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		err_sys(e, "cannot read '%s'", name);
		goto fail;
	}
	/* a file that says it is too large is not read to find out */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max) {
		err_set(e, ERR_INPUT, "'%s' is larger than %zu bytes, the most that is read of such a file", name, max);
		goto fail;
	}
	str_addn(&b, "", 0);
	while ((n = read(fd, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(e, "cannot read '%s'", name);
			goto fail;
		}
		if ((size_t)n > max - b.len) {
			err_set(e, ERR_INPUT, "'%s' is larger than %zu bytes, the most that is read of such a file",
			    name, max);
			goto fail;
		}
		str_addn(&b, buf, (size_t)n);
	}
	if (b.failed) {
		err_set(e, ERR_NOMEM, "cannot read '%s': out of memory", name);
		goto fail;
	}
	if (!is_stdin)
		close(fd);
	*data = b.s;
	*len = b.len;
	return 0;
fail:
	if (!is_stdin)
		close(fd);
	str_free(&b);
	return -1;
}

int
file_same(const char *a, const char *b)
{
	struct stat x, y;

	return a && b && strcmp(a, "-") != 0 && strcmp(b, "-") != 0 && !stat(a, &x) && !stat(b, &y) && S_ISREG(x.st_mode) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int
file_mkdirs(const char *path, struct err *e)
{
	char *p = str_printf("%s", path);
	struct stat st;
	int r = 0;

	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (char *s = p + 1; !r; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = '\0';
		if (mkdir(p, 0777) && errno != EEXIST)
			r = err_sys(e, "cannot create the directory '%s'", p);
		else if (!stat(p, &st) && !S_ISDIR(st.st_mode))
			r = err_set(e, ERR_IO, "cannot create the directory '%s': a file is in the way", p);
		*s = c;
		if (!c)
			break;
	}
	free(p);
	return r;
}

static int
write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int
file_write(const char *name, const char *data, size_t len, struct err *e)
{
	struct outfile o;

	if (outfile_open(&o, name, e))
		return -1;
	if (write_all(o.fd, data, len)) {
		err_sys(e, "cannot write '%s'", o.name ? name : "standard output");
		outfile_abort(&o);
		return -1;
	}
	return outfile_commit(&o, e);
}

int
file_write_if_changed(const char *name, const char *data, size_t len, struct err *e)
{
	struct stat st;
	char *old;
	size_t n;

	if (!stat(name, &st) && S_ISREG(st.st_mode) && (size_t)st.st_size == len &&
	    !file_read(name, len, &old, &n, NULL)) {
		int same = n == len && !memcmp(old, data, len);

		free(old);
		if (same)
			return 0;
	}
	return file_write(name, data, len, e) ? -1 : 1;
}

/* Create (or take over) the temporary file and lock it: two writers of one output would each truncate, rename
 * or remove the other's.  One that a killed process left behind is nobody's, and used again.  Returns the
 * descriptor, -1 on error. */
static int
temp_open(const char *tmp, const char *name, struct err *e)
{
	struct stat held, there;

	for (;;) {
		int fd = open(tmp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);

		if (fd < 0)
			return err_sys(e, "cannot create '%s'", name);
		/* a file system without locks is no reason to write nothing */
		if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
			close(fd);
			return err_set(e, ERR_RETRY, "cannot create '%s': it is being written already", name);
		}
		if (!fstat(fd, &held) && !stat(tmp, &there) && held.st_ino == there.st_ino &&
		    held.st_dev == there.st_dev) {
			if (ftruncate(fd, 0)) {
				err_sys(e, "cannot create '%s'", name);
				close(fd);
				return -1;
			}
			return fd;
		}
		close(fd);      /* its writer renamed or removed it between our open and our lock */
	}
}

/* Malloc'd name of the file that an output goes to: behind a symbolic link it is the link's target that is
 * replaced, and the link stays. */
static char *
behind_link(const char *name)
{
	struct stat st;
	char *real = NULL;

	if (!lstat(name, &st) && S_ISLNK(st.st_mode))
		real = realpath(name, NULL);
	return real ? real : str_printf("%s", name);
}

int
outfile_open(struct outfile *o, const char *name, struct err *e)
{
	struct stat st;

	memset(o, 0, sizeof *o);
	o->fd = -1;
	if (!name || !strcmp(name, "-")) {
		o->fd = STDOUT_FILENO;
		return 0;
	}
	if (!*name)
		return err_set(e, ERR_INPUT, "cannot create an output without a name");
	o->name = behind_link(name);
	if (!o->name)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (!stat(name, &st) && S_ISDIR(st.st_mode)) {
		err_set(e, ERR_IO, "cannot create '%s': it is a directory", name);
		goto fail;
	}
	if (!stat(name, &st) && !S_ISREG(st.st_mode)) {
		o->fd = open(name, O_WRONLY | O_CLOEXEC);
		if (o->fd < 0) {
			err_sys(e, "cannot open '%s'", name);
			goto fail;
		}
		return 0;
	}
	o->tmp = str_printf("%s.tmp", o->name);
	if (!o->tmp) {
		err_set(e, ERR_NOMEM, "out of memory");
		goto fail;
	}
	o->fd = temp_open(o->tmp, name, e);
	if (o->fd < 0) {
		free(o->tmp);
		o->tmp = NULL;
		goto fail;
	}
	temp_add(o->tmp);
	return 0;
fail:
	free(o->name);
	o->name = NULL;
	return -1;
}

int
outfile_commit(struct outfile *o, struct err *e)
{
	int r = 0, lock;

	if (!o->name) {         /* standard output stays open for the caller */
		o->fd = -1;
		return 0;
	}
	/* the lock goes with the last descriptor: keep one until the name is final */
	lock = o->tmp ? fcntl(o->fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (close(o->fd))
		r = err_sys(e, "cannot write '%s'", o->name);
	o->fd = -1;
	if (!r && o->tmp && rename(o->tmp, o->name))
		r = err_sys(e, "cannot rename '%s' to '%s'", o->tmp, o->name);
	if (r)
		outfile_abort(o);
	if (lock >= 0)
		close(lock);
	if (r)
		return r;
	if (o->tmp)
		temp_drop(o->tmp);
	free(o->tmp);
	free(o->name);
	memset(o, 0, sizeof *o);
	o->fd = -1;
	return 0;
}

void
outfile_abort(struct outfile *o)
{
	if (o->tmp) {           /* while it is still locked, thus ours */
		unlink(o->tmp);
		temp_drop(o->tmp);
	}
	if (o->name && o->fd >= 0)
		close(o->fd);
	free(o->tmp);
	free(o->name);
	memset(o, 0, sizeof *o);
	o->fd = -1;
}

int
outname_open(struct outname *o, const char *name, struct err *e)
{
	char ext[16];
	struct stat st;

	o->name = o->tmp = NULL;
	o->fd = -1;
	if (!*name)
		return err_set(e, ERR_INPUT, "cannot create an output without a name");
	if (!stat(name, &st) && !S_ISREG(st.st_mode))
		return err_set(e, ERR_IO, "cannot create '%s': it exists and is not a regular file", name);
	path_ext(name, ext);
	o->name = behind_link(name);
	o->tmp = o->name ? str_printf("%s.tmp%s%s", o->name, *ext ? "." : "", ext) : NULL;
	if (!o->name || !o->tmp)
		err_set(e, ERR_NOMEM, "out of memory");
	else
		o->fd = temp_open(o->tmp, name, e);
	if (o->fd < 0) {
		free(o->name);
		free(o->tmp);
		o->name = o->tmp = NULL;
		return -1;
	}
	temp_add(o->tmp);
	return 0;
}

static void
outname_end(struct outname *o)
{
	if (o->tmp)
		temp_drop(o->tmp);
	if (o->fd >= 0 && o->name)
		close(o->fd);
	free(o->tmp);
	free(o->name);
	o->name = o->tmp = NULL;
	o->fd = -1;
}

int
outname_commit(struct outname *o, struct err *e)
{
	if (rename(o->tmp, o->name)) {
		err_sys(e, "cannot rename '%s' to '%s'", o->tmp, o->name);
		outname_abort(o);
		return -1;
	}
	outname_end(o);
	return 0;
}

void
outname_abort(struct outname *o)
{
	if (o->tmp)
		unlink(o->tmp);
	outname_end(o);
}
