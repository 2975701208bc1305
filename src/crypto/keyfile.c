#include "crypto/keyfile.h"

#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keystore.h"
#include "crypto/secret.h"

static void wipe_text(char *text)
{
	if (text)
		secret_wipe(text, strlen(text));
	mem_free(text);
}

struct error *keyfile_write(const char *path, const struct secp_key *key)
{
	char *digits = hex_encode(NULL, key->secret, SECP_SECRET_BYTES);
	char *line = mem_printf(digits, "%s\n", digits);
	struct error *e = file_write_atomic(path, line, strlen(line), 0600);

	secret_wipe(line, strlen(line));
	wipe_text(digits);
	return e;
}

struct error *keyfile_make(const char *path, struct secp_key *ret_key)
{
	if (file_exists(path))
		return error_new(ERROR_EXISTS, "%s exists already", path);
	secp_key_new(ret_key);
	return keyfile_write(path, ret_key);
}

static struct error *read_digits(const char *path, struct secp_key *ret_key)
{
	uint8_t secret[SECP_SECRET_BYTES];
	char *text = NULL;
	struct error *e;

	TRY(file_read_secret(NULL, path, &text));
	if (!hex_is(text, (size_t)2 * SECP_SECRET_BYTES)) /* the digits are no text for a message */
		e = error_new(ERROR_INVALID, "%s: a key is 64 hexadecimal digits, or an Ethereum keystore file", path);
	else
		e = hex_decode(text, secret, sizeof(secret));
	if (!e)
		e = secp_key_from_secret(secret, ret_key);
	secret_wipe(secret, sizeof(secret));
	wipe_text(text);
	return e;
}

static struct error *open_keystore(const void *ctx, const char *text, size_t n, const struct passphrase_source *source,
				   struct secp_key *ret_key, char **ret_passphrase)
{
	static const struct passphrase_source nowhere = {.unattended = true};
	struct passphrase_question q = {.twice = false};
	char *address = NULL, *passphrase = NULL, *prompt;
	struct error *e;

	source = source ? source : &nowhere;
	TRY(keystore_address(NULL, text, n, &address)); /* before anybody is asked */
	q.address = address;
	q.prompt = prompt =
		mem_printf(address, "Passphrase of %s%s", address ? "0x" : "the keystore file", address ? address : "");
	e = passphrase_read(ctx, source, &q, &passphrase);
	if (!e) {
		e = keystore_open(text, n, passphrase, ret_key);
		if (e && e->code == ERROR_REFUSED)
			e = passphrase_was_wrong(source, &q, e);
	}
	if (e)
		mem_free(passphrase);
	else
		*ret_passphrase = passphrase;
	mem_free(address ? address : prompt);
	return e;
}

struct error *keyfile_unlock(const void *ctx, const char *path, const struct passphrase_source *source,
			     struct secp_key *ret_key, char **ret_passphrase)
{
	char *text = NULL;
	struct error *e;
	size_t n = 0;

	TRY(file_read(NULL, path, KEYSTORE_BYTES, &text, &n));
	e = open_keystore(ctx, text, n, source, ret_key, ret_passphrase);
	wipe_text(text);
	return e ? error_wrap(e, "%s", path) : NULL;
}

/* Whether it is a keystore file; else the digits of a bare key were in memory, and are wiped. */
static struct error *is_keystore(const char *path, bool *ret_keystore)
{
	char *text = NULL;

	TRY(file_read(NULL, path, KEYSTORE_BYTES, &text, NULL));
	*ret_keystore = text[strspn(text, " \t\r\n")] == '{';
	wipe_text(text);
	return NULL;
}

struct error *keyfile_read(const char *path, const struct passphrase_source *source, struct secp_key *ret_key)
{
	char *passphrase = NULL;
	bool keystore = false;

	TRY(is_keystore(path, &keystore));
	if (!keystore)
		return read_digits(path, ret_key);
	TRY(keyfile_unlock(NULL, path, source, ret_key, &passphrase));
	mem_free(passphrase);
	return NULL;
}

static struct error *named_address(const char *path, char **ret_digits)
{
	char *text = NULL;
	struct error *e;
	size_t n = 0;

	TRY(file_read(NULL, path, KEYSTORE_BYTES, &text, &n));
	e = keystore_address(NULL, text, n, ret_digits);
	wipe_text(text);
	return e ? error_wrap(e, "%s", path) : NULL;
}

struct error *keyfile_address(const char *path, const struct passphrase_source *source,
			      uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	bool keystore = false;
	char *digits = NULL;
	struct secp_key key;
	struct error *e;

	TRY(is_keystore(path, &keystore));
	if (keystore)
		TRY(named_address(path, &digits));
	if (digits) {
		e = hex_decode(digits, ret_address, ETH_ADDRESS_BYTES);
		mem_free(digits);
		return e;
	}
	TRY(keyfile_read(path, source, &key));
	secp_address(key.public, ret_address);
	secret_wipe(&key, sizeof(key));
	return NULL;
}

struct error *keyfile_load(const char *path, const struct passphrase_source *source, struct secp_key *ret_key)
{
	return file_exists(path) ? keyfile_read(path, source, ret_key) : keyfile_make(path, ret_key);
}
