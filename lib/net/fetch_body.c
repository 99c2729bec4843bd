/* fetch_body.c - one body to a file: ranges, hashes, lengths. */
#include "net/fetch_impl.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Below WORTH_BYTES a file is fetched anew sooner than what is left of it is found. */
enum { OVERLAP = 4096, MAX_TAG = 4096, WORTH_BYTES = 65536 };

static int
restart(struct fetch_body *b, struct err *e)
{
	b->total = -1;
	b->etag[0] = '\0';
	if (!b->have && b->hash)
		return 0;
	sha256_free(b->hash);
	b->hash = sha256_new();
	b->have = b->at = b->from = 0;
	if (!b->hash)
		return err_set(e, ERR_NOMEM, "out of memory");
	return ftruncate(b->fd, 0) ? err_sys(e, "cannot write '%s'", b->name) : 0;
}

/* NAME.etag beside a partial file: "URL\nETAG\nTOTAL\n" */
static void
note_tag(struct fetch_body *b)
{
	char *name = str_printf("%s.etag", b->name), *text = str_printf("%s\n%s\n%lld\n", b->url, b->etag, (long long)b->total);
	FILE *f = name && text ? fopen(name, "w") : NULL;

	b->tagged = f != NULL;
	if (f) {
		fputs(text, f);
		fclose(f);
	}
	free(name);
	free(text);
}

static void
drop(const char *partial)
{
	char *tag = str_printf("%s.etag", partial);

	unlink(partial);
	if (tag)
		unlink(tag);
	free(tag);
}

/* Copy what is left into our own file, so that whoever may still write the old one does no harm. */
static void
take_up(struct fetch_body *b, const char *old)
{
	char *tag = str_printf("%s.etag", old), *text = NULL, buf[65536], *line[3] = { 0 }, *rest;
	int fd = open(old, O_RDONLY | O_CLOEXEC);
	size_t len;
	ssize_t n;

	if (fd < 0 || !tag || file_read(tag, MAX_TAG, &text, &len, NULL))
		goto out;
	rest = text;
	for (int i = 0; i < 3 && rest; i++) {
		line[i] = rest;
		rest = strchr(rest, '\n');
		if (rest)
			*rest++ = '\0';
	}
	if (!line[2] || strcmp(line[0], b->url) != 0 || line[1][0] != '"' || strlen(line[1]) >= sizeof b->etag)
		goto out;
	while ((n = read(fd, buf, sizeof buf)) > 0) {
		if (pwrite(b->fd, buf, (size_t)n, b->have) != n)
			break;
		sha256_add(b->hash, buf, (size_t)n);
		b->have += n;
	}
	strcpy(b->etag, line[1]);
	b->total = strtoll(line[2], NULL, 10);
	if (n != 0 || b->total < b->have)
		restart(b, NULL);
	else
		note_tag(b);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	free(tag);
	drop(old);
}

int
fetch_body_open(struct fetch_body *b, const struct store *s, const char *key, const char *url, struct err *e)
{
	char *old;

	memset(b, 0, sizeof *b);
	b->fd = -1;
	b->s = s;
	b->total = -1;
	snprintf(b->key, sizeof b->key, "%s", key);
	b->url = str_printf("%s", url);
	b->hash = sha256_new();
	if (!b->url || !b->hash) {
		fetch_body_close(b, 0);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	old = store_left_over(s, key);
	b->name = store_partial(s, key, &b->fd, e);
	if (b->name && old)
		take_up(b, old);
	free(old);
	if (b->name)
		return 0;
	fetch_body_close(b, 0);
	return -1;
}

void
fetch_body_prepare(struct fetch_body *b, int64_t *resume_from, const char **etag)
{
	b->from = 0;
	if (b->have > OVERLAP && b->etag[0]) {
		b->from = b->have - OVERLAP;
		*etag = b->etag;
	}
	*resume_from = b->from;
}

/* Where this answer's body begins; -1: it cannot be used, try anew from the start. */
static int
first_bytes(struct fetch_body *b, struct http_answer *a, struct err *e)
{
	const int64_t have_total = b->total;

	if (a->encoded) {
		a->permanent = 1;
		return err_set(e, ERR_DAMAGED, "the file comes compressed, which was not asked for");
	}
	if (!strcmp(a->type, "text/html")) {
		a->permanent = 1;
		return err_set(e, ERR_DAMAGED, "a page (text/html) came instead of the file");
	}
	if (a->status == 200) {
		if (restart(b, e))
			return -1;
		b->total = a->length;
		strcpy(b->etag, a->etag);
		if (b->etag[0] && b->total >= WORTH_BYTES)
			note_tag(b);
		return 0;
	}
	if (a->status == 206 && b->from && a->range_start == b->from && (a->range_total < 0 || have_total < 0 ||
	    a->range_total == have_total) && (!a->etag[0] || !strcmp(a->etag, b->etag))) {
		b->at = b->from;
		b->total = have_total >= 0 ? have_total : a->range_total;
		return 0;
	}
	if (restart(b, e))
		return -1;
	return err_set(e, ERR_RETRY, "the service has no such part of the file any more (%ld)", a->status);
}

int
fetch_body_data(struct fetch_body *b, struct http_answer *a, int first, const char *data, size_t n, struct err *e)
{
	char old[OVERLAP];

	if (first && first_bytes(b, a, e))
		return -1;
	while (n && b->at < b->have) {
		size_t same = b->have - b->at < (int64_t)n ? (size_t)(b->have - b->at) : n;

		same = same < sizeof old ? same : sizeof old;
		if (pread(b->fd, old, same, b->at) != (ssize_t)same || memcmp(old, data, same) != 0) {
			if (restart(b, e))
				return -1;
			return err_set(e, ERR_RETRY, "the service has another file now than the one that was begun");
		}
		b->at += (int64_t)same;
		data += same;
		n -= same;
	}
	while (n) {
		ssize_t w = pwrite(b->fd, data, n, b->at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			a->permanent = 1;
			return err_sys(e, "cannot write '%s'", b->name);
		}
		sha256_add(b->hash, data, (size_t)w);
		b->at += w;
		b->have = b->at;
		data += w;
		n -= (size_t)w;
	}
	return 0;
}

int
fetch_body_end(struct fetch_body *b, char hex[65], struct err *e)
{
	if (b->total >= 0 && b->have != b->total)
		return err_set(e, ERR_DAMAGED, "%lld bytes came of %lld", (long long)b->have, (long long)b->total);
	sha256_hex(b->hash, hex);
	return 0;
}

void
fetch_body_close(struct fetch_body *b, int keep)
{
	char *tag = b->name ? str_printf("%s.etag", b->name) : NULL;

	if (b->fd >= 0)
		close(b->fd);
	if (b->name && !keep)
		unlink(b->name);
	/* what a try left that may go on: only with the tag */
	if (tag && b->tagged && !(keep && !access(b->name, F_OK)))
		unlink(tag);
	free(tag);
	sha256_free(b->hash);
	free(b->url);
	free(b->name);
	memset(b, 0, sizeof *b);
	b->fd = -1;
}
