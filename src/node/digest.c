/* The plain SHA-256 functions need none of OpenSSL's providers: an idle agent stays small. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "node/digest.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"

static char *finish(const void *ctx, SHA256_CTX *sha)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256_Final(digest, sha);
	return hex_encode(ctx, digest, sizeof(digest));
}

static int add_text(const char *text, size_t n, void *sha)
{
	SHA256_Update(sha, text, n);
	return 0;
}

char *digest_json(const void *ctx, const json_t *value)
{
	SHA256_CTX sha;

	SHA256_Init(&sha);
	json_dump_callback(value, add_text, &sha, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	return finish(ctx, &sha);
}

char *digest_argv(const void *ctx, const char *const *argv)
{
	SHA256_CTX sha;

	SHA256_Init(&sha);
	for (; *argv; argv++)
		SHA256_Update(&sha, *argv, strlen(*argv) + 1);
	return finish(ctx, &sha);
}
