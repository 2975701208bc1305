/* vcli account: keys in keystore files that geth can use too. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/account.h"
#include "chain/address.h"
#include "client/folders.h"
#include "crypto/keyfile.h"
#include "crypto/keystore.h"
#include "crypto/secret.h"
#include "vcli/commands.h"
#include "vcli/render.h"

static struct error *keystore_folder(struct vcli *v, char **ret_folder)
{
	if (!v->set.chain.keystore)
		return client_state_make(v, &v->set.client.state, "keystore", ret_folder);
	*ret_folder = v->set.chain.keystore;
	return NULL;
}

static void answer_account(struct vcli *v, const struct account *a)
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(a->address, text);
	json_put(v->answer, "address", text);
	json_put(v->answer, "file", a->path);
	if (!v->set.json)
		printf("%s  %s\n", text, a->path);
}

/* A new passphrase for the key; an agent is to know it by the key's address. */
static struct error *ask(struct vcli *v, const struct secp_key *key, char **ret_passphrase)
{
	struct passphrase_question q = {.twice = true};
	uint8_t address[ETH_ADDRESS_BYTES];
	char *digits;

	secp_address(key->public, address);
	q.address = digits = hex_encode(v, address, sizeof(address));
	q.prompt = mem_printf(digits, "Passphrase of the new account 0x%s", digits);
	return passphrase_read(v, &v->set.client.passphrase, &q, ret_passphrase);
}

static struct error *store(struct vcli *v, const struct secp_key *key, const char *passphrase)
{
	struct account made = {.path = NULL};
	char *folder = NULL;

	TRY(keystore_folder(v, &folder));
	TRY(account_store(v, folder, key, passphrase, v->set.account.light, &made));
	answer_account(v, &made);
	return NULL;
}

struct error *cmd_account_new(struct vcli *v)
{
	struct secp_key key;
	char *passphrase = NULL;
	struct error *e;

	vcli_answer(v, json_object());
	secp_key_new(&key);
	e = ask(v, &key, &passphrase);
	if (!e)
		e = store(v, &key, passphrase);
	secret_wipe(&key, sizeof(key));
	mem_free(passphrase);
	return e;
}

struct error *cmd_account_list(struct vcli *v)
{
	struct account *accounts = NULL;
	json_t *rows = json_array();
	char *folder = NULL, text[ADDRESS_TEXT_BYTES];
	size_t count = 0;

	vcli_answer(v, json_pack("{s:o}", "accounts", rows));
	TRY(keystore_folder(v, &folder));
	TRY(account_list(v, folder, &accounts, &count));
	for (size_t i = 0; i < count; i++) {
		eth_address_text(accounts[i].address, text);
		json_array_append_new(rows, json_pack("{s:s,s:s}", "address", text, "file", accounts[i].path));
	}
	if (!v->set.json && count > 0)
		render_table(stdout, rows, NULL);
	else if (!v->set.json)
		printf("no accounts in %s\n", folder);
	return NULL;
}

/* 64 hexadecimal digits, as geth's `account import` and `--nodekey` take them. */
static struct error *read_raw(struct vcli *v, const char *path, struct secp_key *ret_key, char **ret_passphrase)
{
	uint8_t secret[SECP_SECRET_BYTES];
	char *text = NULL;
	struct error *e;

	TRY(file_read_secret(NULL, path, &text));
	e = hex_is(text, 2 * sizeof(secret))
		    ? hex_decode(text, secret, sizeof(secret))
		    : error_new(ERROR_INVALID, "%s is neither a keystore file nor a key of 64 hexadecimal digits",
				path);
	secret_wipe(text, strlen(text));
	mem_free(text);
	if (!e) {
		e = secp_key_from_secret(secret, ret_key);
		if (e)
			e = error_wrap(e, "%s", path);
	}
	secret_wipe(secret, sizeof(secret));
	return e ? e : ask(v, ret_key, ret_passphrase);
}

struct error *cmd_account_import(struct vcli *v)
{
	const char *path = v->args[0];
	struct secp_key key = {{0}, {0}};
	char *text = NULL, *passphrase = NULL;
	bool sealed;
	struct error *e;

	vcli_answer(v, json_object());
	TRY(file_read(v, path, KEYSTORE_BYTES, &text, NULL));
	sealed = text[strspn(text, " \t\r\n")] == '{';
	secret_wipe(text, strlen(text));
	e = sealed ? keyfile_unlock(v, path, &v->set.client.passphrase, &key, &passphrase)
		   : read_raw(v, path, &key, &passphrase);
	if (!e)
		e = store(v, &key, passphrase);
	secret_wipe(&key, sizeof(key));
	mem_free(passphrase);
	return e;
}

static struct error *write_raw(struct vcli *v, const struct account *a, const char *to)
{
	struct secp_key key;
	char *passphrase = NULL, *digits;
	struct error *e;

	TRY(keyfile_unlock(v, a->path, &v->set.client.passphrase, &key, &passphrase));
	digits = hex_encode(v, key.secret, sizeof(key.secret));
	secret_wipe(&key, sizeof(key));
	e = file_write_atomic(to, digits, strlen(digits), 0600);
	secret_wipe(digits, strlen(digits));
	mem_free(passphrase);
	return e;
}

static struct error *write_sealed(struct vcli *v, const struct account *a, const char *to)
{
	char *text = NULL;
	size_t n = 0;

	TRY(file_read(v, a->path, KEYSTORE_BYTES, &text, &n));
	return file_write_atomic(to, text, n, 0600);
}

struct error *cmd_account_export(struct vcli *v)
{
	const char *to = v->args[1];
	struct account a = {.path = NULL}, written;
	char *folder = NULL;

	vcli_answer(v, json_object());
	TRY(keystore_folder(v, &folder));
	TRY(account_find(v, folder, v->args[0], &a));
	if (file_exists(to))
		return error_new(ERROR_EXISTS, "%s is there already: name a file that is not", to);
	TRY(v->set.account.raw ? write_raw(v, &a, to) : write_sealed(v, &a, to));
	written = a;
	written.path = (char *)to;
	answer_account(v, &written);
	return NULL;
}
