/* token.h - the token file: who may read it, how it changes, and who may change it at once.
 *
 * CONFIG/token.json, mode 0600 in a folder of mode 0700, is replaced by rename, never written over.  Who renews the pair holds a
 * lock on CONFIG/token.lock, and prepares the new file (its name, its space on the disk) before the service is asked:
 * the service kills the old pair when it answers, so that what cannot be kept must not be asked for. */
#ifndef NET_TOKEN_H
#define NET_TOKEN_H
#include "base/err.h"

struct token {
	char *origin;       /* of the service that gave it: it goes to no other */
	char *client_id;    /* it was given to */
	char *access, *refresh; /* refresh may be NULL */
	long long expires_s; /* of access, Unix time */
};

/* *t is freed first.  1: loaded, 0: there is none, -1: *e.  A file that others may read is made private, and a warning put to
 * e->msg (empty else). */
int token_load(struct token *t, const char *config_dir, struct err *e);
void token_free(struct token *t); /* and back to {0} */

/* The lock, waited for up to 60 s (ERR_RETRY); -1 and *e.  Released by token_unlock(). */
int token_lock(const char *config_dir, struct err *e);
void token_unlock(int lock);

/* A new token file in the making.  Signals that would end the program wait until it ends, in
 * token_save() or token_abandon(). */
struct token_file {
	int fd;
	char *name, *tmp;
	void *mask;
};
int token_prepare(struct token_file *f, const char *config_dir, struct err *e);
int token_save(struct token_file *f, const struct token *t, struct err *e); /* fsync'd */
void token_abandon(struct token_file *f);

/* 1: there was one and it is gone, 0: there was none. */
int token_remove(const char *config_dir, struct err *e);
#endif
