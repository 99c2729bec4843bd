/* store_impl.h - what the files of the store share; private to lib/net. */
#ifndef NET_STORE_IMPL_H
#define NET_STORE_IMPL_H
#include "net/store.h"

struct store {
	char *dir;       /* absolute */
	char host[65];   /* letters, digits and '-' */
};

/* mkdir -p of a folder in the store. */
int store_mkdir(const struct store *s, const char *sub, struct err *e);
#endif
