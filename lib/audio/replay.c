/* replay.c - an input whose samples are read more than once. */
#include "audio/replay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct replay {
	char *name;
	struct au_in *in;
	struct au_info info;
	struct stat was;         /* of a regular file before it was opened first */
	int regular;
	FILE *spool;             /* a pipe's region, as long as it is needed */
	int pass;                /* 1 is the first */
	int64_t start, length;   /* the region; length -1: to the end */
	int64_t seen;            /* frames read from the input in this pass, all of it */
	int64_t given;           /* frames of the region given in this pass */
	int64_t first_given;     /* in the whole first pass; -1 before its end */
};

int
replay_open(struct replay **out, const char *name, struct err *e)
{
	struct replay *r = calloc(1, sizeof *r);

	*out = NULL;
	if (!r || !(r->name = strdup(name))) {
		replay_close(r);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	r->length = r->first_given = -1;
	r->regular = strcmp(name, "-") && !stat(name, &r->was) && S_ISREG(r->was.st_mode);
	if (au_open(&r->in, name, e)) {
		replay_close(r);
		return -1;
	}
	r->info = *au_info(r->in);
	*out = r;
	return 0;
}

const struct au_info *
replay_info(const struct replay *r)
{
	return &r->info;
}

const struct meta *
replay_meta(const struct replay *r)
{
	return au_meta(r->in);
}

static int
too_late(const struct replay *r, int64_t frames, struct err *e)
{
	return err_set(e, ERR_INPUT, "'%s' has %" PRId64 " frames, the part asked for starts at frame %" PRId64, r->name,
	    frames, r->start);
}

static int
too_long(const struct replay *r, int64_t frames, struct err *e)
{
	int64_t end = r->length > INT64_MAX - r->start ? INT64_MAX : r->start + r->length;

	return err_set(e, ERR_INPUT, "'%s' has %" PRId64 " frames, the part asked for ends at frame %" PRId64, r->name,
	    frames, end);
}

int
replay_region(struct replay *r, int64_t start, int64_t length, struct err *e)
{
	int64_t frames = r->info.frames;

	r->start = start;
	r->length = length < 0 ? -1 : length;
	if (frames >= 0 && start > 0 && start >= frames)
		return too_late(r, frames, e);
	if (frames >= 0 && length > frames - start)
		return too_long(r, frames, e);
	return 0;
}

static const char *
spool_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/tmp";
}

static int
spool_open(struct replay *r, struct err *e)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/shootout.XXXXXX", spool_dir());
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "cannot make a temporary file in '%s' (TMPDIR chooses another folder)", spool_dir());
	unlink(path);
	r->spool = fdopen(fd, "w+b");
	if (!r->spool) {
		err_sys(e, "cannot make a temporary file in '%s'", spool_dir());
		close(fd);
		return -1;
	}
	return 0;
}

static int
cannot_keep(const struct replay *r, struct err *e)
{
	return err_sys(e, "cannot keep '%s' in a temporary file in '%s' (TMPDIR chooses another folder)", r->name,
	    spool_dir());
}

static int
changed(const struct replay *r, struct err *e)
{
	return err_set(e, ERR_INPUT, "'%s' changed while it was read", r->name);
}

/* The name still stands for the file of the first pass, and nobody wrote to that. */
static int
check_same(const struct replay *r, struct err *e)
{
	const struct stat *a = &r->was;
	struct stat b;

	if (stat(r->name, &b) || a->st_dev != b.st_dev || a->st_ino != b.st_ino || a->st_size != b.st_size ||
	    a->st_mtim.tv_sec != b.st_mtim.tv_sec || a->st_mtim.tv_nsec != b.st_mtim.tv_nsec)
		return changed(r, e);
	return 0;
}

int
replay_begin(struct replay *r, int again, struct err *e)
{
	const struct au_info *now;

	r->given = 0;
	if (r->pass++ == 0)
		return !r->regular && again ? spool_open(r, e) : 0;
	if (!r->regular && !r->spool)
		return err_set(e, ERR_IO, "cannot read '%s' again: it was not kept", r->name);
	if (!r->regular)
		return fseeko(r->spool, 0, SEEK_SET) ?
		    err_sys(e, "cannot read '%s' back from a temporary file", r->name) : 0;
	au_close(r->in);
	r->in = NULL;
	r->seen = 0;
	/* before, for a clear message when it is gone or half written; after, because it counts */
	if (check_same(r, e) || au_open(&r->in, r->name, e) || check_same(r, e))
		return -1;
	now = au_info(r->in);
	if (now->channels != r->info.channels || now->rate_hz != r->info.rate_hz)
		return changed(r, e);
	return 0;
}

static int64_t
read_input(struct replay *r, float *x, int64_t frames, struct err *e)
{
	int64_t n = au_read(r->in, x, frames, e);

	r->seen += n > 0 ? n : 0;
	return n;
}

/* The next frames of the region from the input itself. */
static int64_t
read_region(struct replay *r, float *x, int64_t frames, struct err *e)
{
	int64_t n;

	while (r->seen < r->start) {
		n = read_input(r, x, r->start - r->seen < frames ? r->start - r->seen : frames, e);
		if (n <= 0)
			return n < 0 ? -1 : too_late(r, r->seen, e);
	}
	if (r->length >= 0 && r->length - r->given < frames)
		frames = r->length - r->given;
	n = frames > 0 ? read_input(r, x, frames, e) : 0;
	return n == 0 && r->given < r->length ? too_long(r, r->seen, e) : n;
}

/* The region was given whole: x is free for use. */
static int
end_pass(struct replay *r, float *x, int64_t frames, struct err *e)
{
	int64_t n = 1;

	if (r->pass > 1) {
		if (r->given != r->first_given)
			return changed(r, e);
		return r->regular ? check_same(r, e) : 0;
	}
	while (!r->regular && n > 0)
		n = read_input(r, x, frames, e);
	if (n < 0)
		return -1;
	r->first_given = r->given;
	return r->spool && fflush(r->spool) ? cannot_keep(r, e) : 0;
}

int64_t
replay_read(struct replay *r, float *x, int64_t frames, struct err *e)
{
	size_t frame = sizeof *x * (size_t)r->info.channels;
	int64_t n;

	if (r->spool && r->pass > 1) {
		n = (int64_t)fread(x, frame, (size_t)frames, r->spool);
		if (ferror(r->spool))
			return err_sys(e, "cannot read '%s' back from a temporary file", r->name);
	} else {
		n = read_region(r, x, frames, e);
		if (n > 0 && r->spool && fwrite(x, frame, (size_t)n, r->spool) != (size_t)n)
			return cannot_keep(r, e);
	}
	if (n > 0)
		r->given += n;
	return n == 0 ? end_pass(r, x, frames, e) : n;
}

int64_t
replay_frames(const struct replay *r)
{
	if (r->info.frames >= 0)
		return r->info.frames;
	return r->first_given < 0 ? -1 : r->seen;
}

int
replay_sha256(struct replay *r, char hex[65], struct err *e)
{
	return au_in_sha256(r->in, hex, e);
}

void
replay_close(struct replay *r)
{
	if (!r)
		return;
	au_close(r->in);
	if (r->spool)
		fclose(r->spool);
	free(r->name);
	free(r);
}
