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

static struct error *read_keystore(const char *path, const char *text, size_t n, const char *passphrase_file,
				   struct secp_key *ret_key)
{
	char *passphrase = NULL;
	struct error *e;

	if (!passphrase_file)
		return error_new(ERROR_INVALID, "%s: a keystore file needs a file with its passphrase", path);
	TRY(file_read_secret(NULL, passphrase_file, &passphrase));
	e = keystore_open(text, n, passphrase, ret_key);
	wipe_text(passphrase);
	return e ? error_wrap(e, "%s", path) : NULL;
}

struct error *keyfile_read(const char *path, const char *passphrase_file, struct secp_key *ret_key)
{
	char *text = NULL;
	struct error *e;
	size_t n = 0;

	TRY(file_read(NULL, path, KEYSTORE_BYTES, &text, &n));
	if (text[strspn(text, " \t\r\n")] == '{')
		e = read_keystore(path, text, n, passphrase_file, ret_key);
	else
		e = read_digits(path, ret_key);
	wipe_text(text);
	return e;
}

struct error *keyfile_load(const char *path, const char *passphrase_file, struct secp_key *ret_key)
{
	return file_exists(path) ? keyfile_read(path, passphrase_file, ret_key) : keyfile_make(path, ret_key);
}
