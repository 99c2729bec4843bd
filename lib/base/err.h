/* err.h - how functions in lib/ say what went wrong.
 *
 * A function that can fail returns 0 or -1 (or NULL) and fills a struct err the
 * caller owns.  The message is one sentence in lower case without a full stop:
 * what failed, the subject in quotes, the cause, and what to do about it. */
#ifndef BASE_ERR_H
#define BASE_ERR_H
#include <stdarg.h>

enum err_code {
	ERR_NONE = 0,
	ERR_INPUT,       /* the input is not what it should be: broken, hostile, wrong rate */
	ERR_UNSUPPORTED, /* well formed, but this program cannot do it */
	ERR_IO,          /* the system refused: open, read, write, rename */
	ERR_NOMEM,       /* out of memory, or more than the stated bound */
	ERR_RETRY,       /* may work later: network, busy device, locked database */
	ERR_AUTH,        /* a service wants a login */
	ERR_ABSENT,      /* a service, or a store that is asked alone, has no such thing */
	ERR_REFUSED,     /* a service has it and does not give it: its terms, the plan, the owner */
	ERR_DAMAGED      /* what came, or what was kept, is not what it should be */
};

struct err {
	enum err_code code;
	char msg[512];
};

#define BASE_PRINTF(a, b) __attribute__((format(printf, a, b)))

/* Fill *e; e may be NULL.  Always returns -1, so: return err_set(e, ...); */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) BASE_PRINTF(3, 4);
int err_vset(struct err *e, enum err_code code, const char *fmt, va_list ap) BASE_PRINTF(3, 0);

/* The same with ": " and strerror(errno) after it, code ERR_IO. */
int err_sys(struct err *e, const char *fmt, ...) BASE_PRINTF(2, 3);

/* Put text before the message that is there ("track 3: ..."). */
void err_prefix(struct err *e, const char *fmt, ...) BASE_PRINTF(2, 3);
#endif
