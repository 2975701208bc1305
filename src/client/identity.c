#include "client/identity.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "client/folders.h"
#include "client/known_nodes.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"

/* The key's file, which is there: our own is made when it is missing. */
static struct error *find_file(const void *ctx, const struct client_options *client, const char **ret_path)
{
	struct secp_key key;
	char *folder = NULL, *path;

	*ret_path = client->identity;
	if (client->identity)
		return NULL;
	TRY(client_state_make(ctx, &client->state, NULL, &folder));
	*ret_path = path = file_join(ctx, folder, "identity.key");
	if (file_exists(path))
		return NULL;
	TRY(keyfile_make(path, &key));
	secret_wipe(&key, sizeof(key));
	return NULL;
}

struct error *client_identity_load(const struct client_options *client, struct secp_key *ret_key)
{
	void *scope = mem_strdup(NULL, "");
	const char *path = NULL;
	struct error *e = find_file(scope, client, &path);

	if (!e)
		e = keyfile_read(path, &client->passphrase, ret_key);
	mem_free(scope);
	return e ? error_wrap(e, "our identity") : NULL;
}

struct error *client_identity_address(const struct client_options *client, uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	void *scope = mem_strdup(NULL, "");
	const char *path = NULL;
	struct error *e = find_file(scope, client, &path);

	if (!e)
		e = keyfile_address(path, &client->passphrase, ret_address);
	mem_free(scope);
	return e ? error_wrap(e, "our identity") : NULL;
}

struct error *client_identity_keyring(const void *ctx, const struct client_options *client,
				      struct keyring **ret_keyring, const char **ret_id)
{
	struct secp_key key;
	struct db *db = NULL;
	char *folder = NULL;
	struct keyring *k;

	TRY(client_state_make(ctx, &client->state, NULL, &folder));
	TRY(db_open(ctx, file_join(folder, folder, "known.db"), &client_known_database, &db));
	TRY(client_identity_load(client, &key));
	k = keyring_new(ctx, db);
	*ret_id = keyring_add(k, &key);
	keyring_set_identity(k, &key);
	secret_wipe(&key, sizeof(key));
	*ret_keyring = k;
	return NULL;
}

struct error *client_identity_id(const void *ctx, const struct client_options *client, char **ret_id)
{
	char id[KEYRING_ID_SIZE];
	struct secp_key key;

	if (client->send_plain) {
		*ret_id = hex_random(ctx, ID_DIGITS / 2);
		return NULL;
	}
	TRY(client_identity_load(client, &key));
	keyring_id(key.public, id);
	secret_wipe(&key, sizeof(key));
	*ret_id = mem_strdup(ctx, id);
	return NULL;
}
