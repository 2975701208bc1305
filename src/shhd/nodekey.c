#include "shhd/nodekey.h"

#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keystore.h"
#include "crypto/secret.h"

#define KEYSTORE_LIMIT 65536

static void wipe_text(char *text)
{
	if (text)
		secret_wipe(text, strlen(text));
	mem_free(text);
}

static struct error *make(const char *path, struct secp_key *key)
{
	struct error *e;
	char *digits, *line;

	secp_key_new(key);
	digits = hex_encode(NULL, key->secret, SECP_SECRET_BYTES);
	line = mem_printf(digits, "%s\n", digits);
	e = file_write_atomic(path, line, strlen(line), 0600);
	secret_wipe(line, strlen(line));
	wipe_text(digits);
	return e;
}

static struct error *read_plain(const char *path, struct secp_key *key)
{
	uint8_t secret[SECP_SECRET_BYTES];
	char *text = NULL;
	struct error *e;

	TRY(file_read_secret(NULL, path, &text));
	if (!hex_is(text, (size_t)2 * SECP_SECRET_BYTES)) /* the digits are no text for a message */
		e = error_new(ERROR_INVALID, "%s: a node key is 64 hexadecimal digits", path);
	else
		e = hex_decode(text, secret, sizeof(secret));
	if (!e)
		e = secp_key_from_secret(secret, key);
	secret_wipe(secret, sizeof(secret));
	wipe_text(text);
	return e;
}

static struct error *read_keystore(const struct shhd_settings *s, struct secp_key *key)
{
	char *passphrase = NULL, *text = NULL;
	size_t n = 0;
	struct error *e;

	if (!s->password_file)
		return error_new(ERROR_INVALID, "--keystore needs --password-file");
	TRY(file_read_secret(NULL, s->password_file, &passphrase));
	e = file_read(NULL, s->keystore, KEYSTORE_LIMIT, &text, &n);
	if (!e)
		e = keystore_open(text, n, passphrase, key);
	wipe_text(passphrase);
	mem_free(text);
	return e ? error_wrap(e, "%s", s->keystore) : NULL;
}

struct error *nodekey_load(const struct shhd_settings *s, struct secp_key *ret_key)
{
	char *path;
	struct error *e;

	if (s->keystore && s->node_key)
		return error_new(ERROR_INVALID, "--nodekey and --keystore: name one of them");
	if (s->keystore)
		return read_keystore(s, ret_key);
	path = s->node_key ? mem_strdup(NULL, s->node_key) : file_join(NULL, s->data_dir, "nodekey");
	e = file_exists(path) ? read_plain(path, ret_key) : make(path, ret_key);
	mem_free(path);
	return e;
}
