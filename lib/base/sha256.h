/* sha256.h - SHA-256 (FIPS 180-4) of streams and files, as 64 lower-case hex digits. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H
#include "base/err.h"
#include <stddef.h>

struct sha256;                                 /* owned by one thread */
struct sha256 *sha256_new(void);               /* NULL: out of memory */
void sha256_add(struct sha256 *h, const void *data, size_t len);
void sha256_hex(struct sha256 *h, char hex[65]); /* of all so far; adding may go on */
void sha256_free(struct sha256 *h);

int sha256_file(const char *name, char hex[65], struct err *e);
void sha256_bytes(const void *data, size_t len, char hex[65]);
#endif
