/* sha256.c - SHA-256 by OpenSSL's libcrypto. */
#include "base/sha256.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sha256 {
	EVP_MD_CTX *ctx, *copy; /* copy: sha256_hex() finishes a copy, adding goes on */
};

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	h->copy = EVP_MD_CTX_new();
	if (!h->ctx || !h->copy || !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL)) {
		sha256_free(h);
		return NULL;
	}
	return h;
}

void
sha256_add(struct sha256 *h, const void *data, size_t len)
{
	EVP_DigestUpdate(h->ctx, data, len);
}

static void
hex_of(const unsigned char *d, char hex[65])
{
	for (int i = 0; i < 32; i++) {
		hex[2 * i] = "0123456789abcdef"[d[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[d[i] & 15];
	}
	hex[64] = '\0';
}

void
sha256_hex(struct sha256 *h, char hex[65])
{
	unsigned char d[EVP_MAX_MD_SIZE] = { 0 };

	EVP_MD_CTX_copy_ex(h->copy, h->ctx);
	EVP_DigestFinal_ex(h->copy, d, NULL);
	hex_of(d, hex);
}

void
sha256_free(struct sha256 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_CTX_free(h->copy);
	free(h);
}

int
sha256_file(const char *name, char hex[65], struct err *e)
{
	struct sha256 *h = sha256_new();
	int fd = open(name, O_RDONLY | O_CLOEXEC), r = -1;
	static const size_t cap = 1 << 18;
	char *buf = malloc(cap);
	ssize_t n;

	hex[0] = '\0';
	if (!h || !buf) {
		err_set(e, ERR_NOMEM, "cannot hash '%s': out of memory", name);
		goto out;
	}
	if (fd < 0) {
		err_sys(e, "cannot open '%s'", name);
		goto out;
	}
	while ((n = read(fd, buf, cap)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(e, "cannot read '%s'", name);
			goto out;
		}
		sha256_add(h, buf, (size_t)n);
	}
	sha256_hex(h, hex);
	r = 0;
out:
	if (fd >= 0)
		close(fd);
	free(buf);
	sha256_free(h);
	return r;
}

void
sha256_bytes(const void *data, size_t len, char hex[65])
{
	unsigned char d[EVP_MAX_MD_SIZE] = { 0 };

	EVP_Digest(data, len, d, NULL, EVP_sha256(), NULL);
	hex_of(d, hex);
}
