#include "node/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"

static void need(bool ok)
{
	if (ok)
		return;
	fputs("OpenSSL: out of memory, or no SHA-256\n", stderr);
	abort();
}

static EVP_MD_CTX *begin(void)
{
	EVP_MD_CTX *sha = EVP_MD_CTX_new();

	need(sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL));
	return sha;
}

static char *finish(const void *ctx, EVP_MD_CTX *sha)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	need(EVP_DigestFinal_ex(sha, digest, &n));
	EVP_MD_CTX_free(sha);
	return hex_encode(ctx, digest, n);
}

static int add_text(const char *text, size_t n, void *sha)
{
	need(EVP_DigestUpdate(sha, text, n));
	return 0;
}

char *digest_json(const void *ctx, const json_t *value)
{
	EVP_MD_CTX *sha = begin();

	json_dump_callback(value, add_text, sha, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	return finish(ctx, sha);
}

char *digest_argv(const void *ctx, const char *const *argv)
{
	EVP_MD_CTX *sha = begin();

	for (; *argv; argv++)
		need(EVP_DigestUpdate(sha, *argv, strlen(*argv) + 1));
	return finish(ctx, sha);
}
