#include "node/job/digest.h"

#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/kdf.h"

static char *digest_bytes(const void *ctx, const void *bytes, size_t n)
{
	uint8_t digest[32];

	sha256(bytes, n, digest);
	return hex_encode(ctx, digest, sizeof(digest));
}

char *digest_json(const void *ctx, const json_t *value)
{
	char *text = json_text_flags(NULL, value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	char *digest = digest_bytes(ctx, text, strlen(text));

	mem_free(text);
	return digest;
}

char *digest_argv(const void *ctx, const char *const *argv)
{
	size_t n = 0, at = 0;
	char *bytes, *digest;

	for (size_t i = 0; argv[i]; i++)
		n += strlen(argv[i]) + 1;
	bytes = mem_array(NULL, char, n + 1);
	for (size_t i = 0; argv[i]; i++) {
		size_t part = strlen(argv[i]) + 1;

		memcpy(bytes + at, argv[i], part);
		at += part;
	}
	digest = digest_bytes(ctx, bytes, n);
	mem_free(bytes);
	return digest;
}
