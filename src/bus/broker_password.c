#include "bus/broker_password.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"

#define PASSWORD_BYTES 24
#define SALT_BYTES 4
#define SHA256_BYTES 32

struct error *broker_password_keep(const void *ctx, const char *path, char **ret_password)
{
	char *password, *line;
	struct error *e;

	if (file_exists(path))
		return file_read_secret(ctx, path, ret_password);
	password = hex_random(ctx, PASSWORD_BYTES);
	line = mem_printf(password, "%s\n", password);
	e = file_write_atomic(path, line, strlen(line), 0600);
	if (e) {
		mem_free(password);
		return e;
	}
	mem_free(line);
	*ret_password = password;
	return NULL;
}

static char *base64(const void *ctx, const uint8_t *bytes, size_t n)
{
	char *text = mem_zalloc_(ctx, 4 * ((n + 2) / 3) + 1, "base64");

	EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);
	return text;
}

struct error *broker_password_hash(const void *ctx, const char *password, char **ret_hash)
{
	size_t len = strlen(password);
	uint8_t *salted = mem_zalloc_(ctx, SALT_BYTES + len, "salted"), out[SALT_BYTES + SHA256_BYTES];
	char *salt = hex_random(ctx, SALT_BYTES);
	struct error *e = hex_decode(salt, salted, SALT_BYTES);

	mem_free(salt);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes to hash, no text */
	memcpy(salted + SALT_BYTES, password, len);
	memcpy(out, salted, SALT_BYTES);
	if (!e && !EVP_Digest(salted, SALT_BYTES + len, out + SALT_BYTES, NULL, EVP_sha256(), NULL))
		e = error_new(ERROR_FAILED, "SHA-256 is not available");
	mem_free(salted);
	if (!e)
		*ret_hash = base64(ctx, out, sizeof(out));
	return e;
}

char *broker_password_basic(const void *ctx, const char *user, const char *password)
{
	char *pair = mem_printf(NULL, "%s:%s", user, password);
	char *encoded = base64(pair, (const uint8_t *)pair, strlen(pair));
	char *value = mem_printf(ctx, "Basic %s", encoded);

	mem_free(pair);
	return value;
}
